// SPDX-License-Identifier: BSD-3-Clause
// Managers from their creation to their end, and servers that end in another way.
#include "manager_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

void mgr_01(const struct variant *variant)
{
    crew_manager manager, unused;
    crew_process server;
    (void)variant;
    CHECK_OK(crew_manager_create(&manager, NULL));
    CHECK_STATUS(crew_manager_process(manager, &server), CREW_ESTATE);
    CHECK_STATUS(crew_manager_connect(manager, 1), CREW_ESTATE);
    CHECK_OK(crew_manager_register(manager, &counter_type, NULL));
    crew_proxy counter;
    CHECK_STATUS(crew_proxy_create(&counter, manager, "Counter", NULL, 0, 1), CREW_ESTATE);
    CHECK_OK(crew_manager_start(manager));
    CHECK_OK(crew_manager_connect(manager, CREW_FOREVER));
    CHECK_STATUS(crew_manager_start(manager), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "was started");
    CHECK_STATUS(crew_manager_register(manager, &meeting_type, NULL), CREW_ESTATE);
    counter = new_counter(manager, 5, NULL);
    CHECK_INT(get_count(counter), 5);
    end_manager(manager);
    CHECK_OK(crew_manager_shutdown(manager));
    CHECK_STATUS(crew_manager_start(manager), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "was shut down");
    CHECK_STATUS(crew_manager_connect(manager, CREW_FOREVER), CREW_EBROKEN);
    CHECK_STATUS(crew_proxy_call(counter, "get", NULL, 0, NULL, CREW_FOREVER), CREW_EBROKEN);
    CHECK_OK(crew_proxy_close(counter));
    CHECK_OK(crew_proxy_close(counter));
    // One that was never started
    CHECK_OK(crew_manager_create(&unused, NULL));
    CHECK_OK(crew_manager_shutdown(unused));
    CHECK_OK(crew_manager_shutdown(unused));
    CHECK_STATUS(crew_manager_start(unused), CREW_ESTATE);
}

void mgr_06(const struct variant *variant)
{
    (void)variant;
    crew_manager manager = start_manager();
    crew_proxy counter = new_counter(manager, 1, NULL);
    CHECK_OK(crew_process_interrupt(server_of(manager)));
    check_sleep(0.02);
    CHECK_INT(get_count(counter), 1);
    CHECK(is_alive(server_of(manager)));
    CHECK_OK(crew_proxy_close(counter));
    end_manager(manager);
}

struct clinging {
    bool ignores_term;
    int exitcode;
    double seconds;
};

// The server is asked, but an object does not let it end.
static void *shut_down_clinging(void *arg)
{
    const struct clinging *clinging = arg;
    crew_manager manager = start_manager();
    crew_proxy proxy;
    CHECK_OK(crew_proxy_create(&proxy, manager, "Clinging",
                               CREW_ARGS(crew_bool(clinging->ignores_term)), CREW_FOREVER));
    double begin = check_now();
    CHECK_OK(crew_manager_shutdown(manager));
    CHECK_SECONDS(begin, clinging->seconds, clinging->seconds + 6);
    CHECK_INT(exitcode_of(server_of(manager)), clinging->exitcode);
    CHECK_OK(crew_proxy_close(proxy));
    return NULL;
}

void mgr_06_steps(const struct variant *variant)
{
    struct clinging cases[] = {{false, -SIGTERM, 1}, {true, -SIGKILL, 2}};
    pthread_t threads[2];
    (void)variant;
    for (int i = 0; i < 2; i++)
        CHECK_OK(crew_thread_create(&threads[i], NULL, shut_down_clinging, &cases[i]));
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

// A process that does not shut its manager down
struct left {
    struct mark mark;
    crew_queue pids;
    bool is_killed;
};

static int leave_open(void *arg)
{
    const struct left *left = arg;
    crew_manager manager = start_manager();
    crew_proxy counter = new_counter(manager, 0, &left->mark);
    add_to(counter, 1);
    pid_t pid = pid_of(server_of(manager));
    CHECK_OK(crew_queue_put(left->pids, &pid, sizeof pid, CREW_FOREVER));
    if (left->is_killed)
        raise(SIGKILL);
    return check_result();
}

static void check_left_open(const struct variant *variant, bool is_killed)
{
    struct left left = {.mark = mark_new(), .is_killed = is_killed};
    pid_t pid = 0;
    CHECK_OK(crew_queue_create(&left.pids, NULL));
    CHECK_INT(finish(launch(variant, leave_open, &left, sizeof left)), is_killed ? -SIGKILL : 0);
    CHECK_OK(crew_queue_get(left.pids, &pid, sizeof pid, NULL, 20));
    pid_wait_gone(pid);
    CHECK(is_killed || mark_is_set(&left.mark));
    mark_remove(&left.mark);
    CHECK_OK(crew_queue_close(left.pids));
}

void manager_left_open(const struct variant *variant)
{
    check_left_open(variant, false);
    if (!variant_is_inside(variant))
        check_left_open(variant, true);
}

// Servers that end in the middle of it

void manager_crash(const struct variant *variant)
{
    (void)variant;
    crew_manager manager = start_manager();
    crew_proxy counter = new_counter(manager, 0, NULL);
    CHECK_STATUS(crew_proxy_call(counter, "crash", NULL, 0, NULL, CREW_FOREVER), CREW_EBROKEN);
    CHECK_TEXT(crew_error_message(),
               "crew_proxy_call: the server of the manager has ended (killed by "
               "signal 9, SIGKILL), in a call of crash");
    CHECK_STATUS(crew_proxy_call(counter, "get", NULL, 0, NULL, CREW_FOREVER), CREW_EBROKEN);
    CHECK_CONTAINS(crew_error_message(), "has ended (killed by signal 9, SIGKILL)");
    CHECK(!strstr(crew_error_message(), "in a call of"));
    CHECK_STATUS(crew_manager_connect(manager, CREW_FOREVER), CREW_EBROKEN);
    CHECK_OK(crew_manager_shutdown(manager));
    CHECK_INT(exitcode_of(server_of(manager)), -SIGKILL);
    CHECK_OK(crew_proxy_close(counter));
}

struct caller {
    crew_proxy counter;
    crew_connection begun;
};

static int call_for_ever(void *arg)
{
    const struct caller *caller = arg;
    CHECK_OK(crew_send(caller->begun, NULL, 0, CREW_FOREVER));
    CHECK_STATUS(
        crew_proxy_call(caller->counter, "sleep", CREW_ARGS(crew_double(60)), NULL, CREW_FOREVER),
        CREW_EBROKEN);
    return check_result();
}

// Killed by somebody while others wait.
void manager_stopped(const struct variant *variant)
{
    crew_connection begin;
    crew_manager manager = start_manager();
    struct caller caller = {.counter = new_counter(manager, 0, NULL)};
    CHECK_OK(crew_pipe_create(&begin, &caller.begun, NULL));
    crew_process process = launch(variant, call_for_ever, &caller, sizeof caller);
    CHECK_OK(crew_recv(begin, NULL, 0, NULL, CREW_FOREVER));
    check_sleep(0.01);
    CHECK_OK(crew_process_kill(server_of(manager)));
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_manager_shutdown(manager));
    CHECK_OK(crew_connection_close(begin));
    CHECK_OK(crew_connection_close(caller.begun));
    CHECK_OK(crew_proxy_close(caller.counter));
}

// Callers of all sorts, and a server that ends at any moment: they all hear of it, and nobody
// waits.

#define CALLERS 4

struct busy {
    crew_manager manager;
    crew_proxy counter;
    size_t size;
};

static crew_status make_and_drop(crew_manager manager)
{
    crew_proxy proxy;
    crew_status status = crew_proxy_create(&proxy, manager, "Counter", NULL, 0, CREW_FOREVER);
    if (!status)
        CHECK_OK(crew_proxy_close(proxy));
    return status;
}

static int call_until_broken(void *arg)
{
    static const char bytes[200000];
    const struct busy *busy = arg;
    crew_any value = crew_bytes(bytes, busy->size);
    crew_status status = CREW_OK;
    while (!status) {
        crew_any result = crew_nil();
        status = crew_proxy_call(busy->counter, "echo", &value, 1, &result, CREW_FOREVER);
        if (!status)
            CHECK_INT(crew_any_length(result), busy->size);
        crew_any_clear(&result);
        if (!status)
            status = make_and_drop(busy->manager);
    }
    CHECK_STATUS(status, CREW_EBROKEN);
    return check_result();
}

static void end_among_callers(unsigned round)
{
    static const size_t sizes[CALLERS] = {0, 1000, 60000, 200000};
    crew_process callers[CALLERS];
    struct busy busy = {.manager = start_manager()};
    busy.counter = new_counter(busy.manager, 0, NULL);
    for (int i = 0; i < CALLERS; i++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(i % crew_rank_count()),
                                  .start_method = i == 0 ? CREW_START_RANK : CREW_START_FORKSERVER};
        busy.size = sizes[i];
        CHECK_OK(crew_process_create(&callers[i], call_until_broken, &busy, sizeof busy, &attr));
        CHECK_OK(crew_process_start(callers[i]));
    }
    check_sleep(0.0013 * (round % 7));
    if (round % 3 == 0)
        CHECK_OK(crew_manager_shutdown(busy.manager));
    else
        CHECK_OK(crew_process_kill(server_of(busy.manager)));
    for (int i = 0; i < CALLERS; i++)
        CHECK_INT(finish(callers[i]), 0);
    CHECK_OK(crew_manager_shutdown(busy.manager));
    CHECK_OK(crew_proxy_close(busy.counter));
}

void manager_ends(const struct variant *variant)
{
    (void)variant;
    for (unsigned round = 0; round < 12; round++)
        end_among_callers(round);
}

void manager_names(const struct variant *variant)
{
    crew_manager manager;
    char name[CREW_NAME_SIZE] = "";
    int rank = -1;
    bool daemon = false;
    CHECK_OK(crew_manager_create(
        &manager, &(crew_manager_attr){.name = "keeper", .placement = variant->attr.placement}));
    CHECK_OK(crew_manager_start(manager));
    CHECK_OK(crew_process_name(server_of(manager), name, sizeof name));
    CHECK_TEXT(name, "keeper");
    CHECK_OK(crew_process_rank(server_of(manager), &rank));
    CHECK_INT(rank, variant->attr.placement.rank);
    CHECK_OK(crew_process_daemon(server_of(manager), &daemon));
    CHECK(daemon);
    end_manager(manager);
    manager = start_manager();
    CHECK_OK(crew_process_name(server_of(manager), name, sizeof name));
    CHECK(strncmp(name, "Manager-", 8) == 0);
    end_manager(manager);
}
