// SPDX-License-Identifier: BSD-3-Clause
// Objects of managers: methods, values, failures, and how long objects live.
#include "manager_cases.h"

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_S 20.0

static crew_status call_counter(crew_proxy counter, const char *method)
{
    return crew_proxy_call(counter, method, NULL, 0, NULL, CREW_FOREVER);
}

static void check_failures_of(crew_manager manager, crew_proxy counter)
{
    static const int statuses[] = {CREW_ENOENT, CREW_EFULL,   CREW_EEMPTY,  CREW_ETIMEDOUT,
                                   CREW_EOF,    CREW_EBROKEN, CREW_EFAILED, CREW_EOWNERDEAD};
    crew_proxy none = {0, 0};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        CHECK_STATUS(
            crew_proxy_call(counter, "fail", CREW_ARGS(crew_int(statuses[i])), NULL, CREW_FOREVER),
            statuses[i]);
        CHECK_TEXT(crew_error_message(), "Counter.fail: on purpose");
    }
    CHECK_STATUS(call_counter(counter, "fail_silently"), CREW_EFULL);
    CHECK_TEXT(crew_error_message(), "Counter.fail_silently: full");
    CHECK_STATUS(call_counter(counter, "add"), CREW_EINVAL);
    CHECK_TEXT(crew_error_message(), "Counter.add: one number is expected");
    CHECK_STATUS(call_counter(counter, "subtract"), CREW_EREMOTE);
    CHECK_CONTAINS(crew_error_message(), "Counter has no method subtract");
    CHECK_STATUS(call_counter(counter, "_hidden"), CREW_EREMOTE);
    CHECK_CONTAINS(crew_error_message(), "method _hidden of Counter is not exposed");
    CHECK_STATUS(call_counter(counter, ""), CREW_EREMOTE);
    CHECK_STATUS(call_counter(counter, "no_value"), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "Counter.no_value: ");
    CHECK_STATUS(crew_proxy_create(&none, manager, "Counter", CREW_ARGS(crew_nil()), CREW_FOREVER),
                 CREW_EINVAL);
    CHECK_TEXT(crew_error_message(), "Counter: a counter begins with a number");
    CHECK_STATUS(crew_proxy_create(&none, manager, "Abacus", NULL, 0, CREW_FOREVER), CREW_EREMOTE);
    CHECK_CONTAINS(crew_error_message(), "no type Abacus");
    CHECK(none.id == 0);
    CHECK_INT(get_count(counter), 7);
}

struct user {
    crew_manager manager;
    crew_proxy counter;
    crew_connection in, out;
};

static int use_wrongly(void *arg)
{
    const struct user *user = arg;
    check_failures_of(user->manager, user->counter);
    return check_result();
}

void mgr_02_server(const struct variant *variant)
{
    struct user user = {.manager = start_manager()};
    user.counter = new_counter(user.manager, 7, NULL);
    check_failures_of(user.manager, user.counter);
    CHECK_INT(finish(launch(variant, use_wrongly, &user, sizeof user)), 0);
    CHECK_OK(crew_proxy_close(user.counter));
    end_manager(user.manager);
}

// How long objects live

static int use_and_end(void *arg)
{
    const struct user *user = arg;
    CHECK_OK(crew_send(user->out, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_recv(user->in, NULL, 0, NULL, LIMIT_S)); // others have closed theirs
    add_to(user->counter, 1);
    CHECK_INT(get_count(user->counter), 3);
    CHECK_OK(crew_send(user->out, NULL, 0, CREW_FOREVER));
    if (crew_recv(user->in, NULL, 0, NULL, LIMIT_S) == CREW_EOF)
        raise(SIGKILL);
    return check_result();
}

static void check_lifetime(const struct variant *variant, bool is_killed)
{
    struct mark mark = mark_new();
    crew_connection in, out;
    struct user user = {.manager = start_manager()};
    CHECK_OK(crew_pipe_create(&in, &user.out, NULL));
    CHECK_OK(crew_pipe_create(&user.in, &out, NULL));
    user.counter = new_counter(user.manager, 1, &mark);
    add_to(user.counter, 1);
    crew_process process = launch(variant, use_and_end, &user, sizeof user);
    CHECK_OK(crew_connection_close(user.in));
    CHECK_OK(crew_connection_close(user.out));
    CHECK_OK(crew_recv(in, NULL, 0, NULL, LIMIT_S));
    CHECK_OK(crew_proxy_close(user.counter));
    CHECK_STATUS(call_counter(user.counter, "get"), CREW_ECLOSED);
    check_sleep(0.03);
    CHECK_OK(crew_send(out, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_recv(in, NULL, 0, NULL, LIMIT_S));
    CHECK(!mark_is_set(&mark));
    if (!is_killed)
        CHECK_OK(crew_send(out, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_connection_close(out));
    CHECK_INT(finish(process), is_killed ? -SIGKILL : 0);
    mark_wait(&mark, 1);
    CHECK_OK(crew_connection_close(in));
    end_manager(user.manager);
    char text[64];
    mark_read(&mark, text, sizeof text);
    CHECK_TEXT(text, "destroyed\n");
    mark_remove(&mark);
}

void mgr_04_server(const struct variant *variant)
{
    check_lifetime(variant, false);
}

void mgr_04_killed(const struct variant *variant)
{
    check_lifetime(variant, true);
}

// Values

static crew_any echoed(crew_proxy counter, crew_any value)
{
    crew_any result = crew_nil();
    CHECK_OK(crew_proxy_call(counter, "echo", &value, 1, &result, CREW_FOREVER));
    return result;
}

static void check_echo(crew_proxy counter, crew_any value)
{
    crew_any result = echoed(counter, value);
    CHECK_INT(result.type, value.type);
    CHECK(crew_any_equal(result, value));
    crew_any_clear(&result);
}

static int check_values(void *arg)
{
    const struct user *user = arg;
    crew_any list = crew_any_list(), dict = crew_any_dict();
    check_echo(user->counter, crew_nil());
    check_echo(user->counter, crew_bool(true));
    check_echo(user->counter, crew_int(INT64_MIN));
    check_echo(user->counter, crew_double(0.1));
    check_echo(user->counter, crew_string("grüße"));
    check_echo(user->counter, crew_string(""));
    check_echo(user->counter, crew_bytes("a\0b", 3));
    CHECK_OK(crew_any_list_append(&list, crew_int(1)));
    CHECK_OK(crew_any_list_append(&list, crew_string("two")));
    CHECK_OK(crew_any_dict_set(&dict, crew_string("list"), list));
    check_echo(user->counter, dict);
    crew_any_clear(&list);
    crew_any_clear(&dict);
    CHECK_OK(crew_proxy_call(user->counter, "echo", CREW_ARGS(crew_int(1)), NULL, CREW_FOREVER));
    // A queue goes there and comes back
    crew_queue queue, back = {0};
    int number = 0;
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_queue_put(queue, &(int){5}, sizeof(int), CREW_FOREVER));
    crew_any result = echoed(user->counter, CREW_HANDLE(queue));
    CHECK_OK(crew_any_to_handle(result, &back, sizeof back));
    CHECK(back.id == queue.id);
    CHECK_OK(crew_queue_get(back, &number, sizeof number, NULL, CREW_FOREVER));
    CHECK_INT(number, 5);
    CHECK_OK(crew_queue_close(queue));
    return check_result();
}

void manager_values(const struct variant *variant)
{
    struct user user = {.manager = start_manager()};
    user.counter = new_counter(user.manager, 0, NULL);
    CHECK_INT(finish(launch(variant, check_values, &user, sizeof user)), 0);
    CHECK_OK(crew_proxy_close(user.counter));
    end_manager(user.manager);
}

static int check_large(void *arg)
{
    const struct user *user = arg;
    size_t size = (size_t)1 << 20;
    char *bytes = malloc(size);
    if (!CHECK(bytes != NULL))
        return 1;
    memset(bytes, 'x', size);
    check_echo(user->counter, crew_bytes(bytes, size));
    free(bytes);
    return check_result();
}

void manager_large(const struct variant *variant)
{
    struct user user = {.manager = start_manager()};
    user.counter = new_counter(user.manager, 0, NULL);
    CHECK_INT(finish(launch(variant, check_large, &user, sizeof user)), 0);
    CHECK_OK(crew_proxy_close(user.counter));
    end_manager(user.manager);
}

// Several at a time

#define CALLS 50

static void *add_often(void *arg)
{
    const struct user *user = arg;
    for (int i = 0; i < CALLS; i++)
        add_to(user->counter, 1);
    return NULL;
}

static int add_in_threads(void *arg)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CHECK_OK(crew_thread_create(&threads[i], NULL, add_often, arg));
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    return check_result();
}

static int add_alone(void *arg)
{
    add_often(arg);
    add_often(arg);
    return check_result();
}

void manager_threads(const struct variant *variant)
{
    struct user user = {.manager = start_manager()};
    crew_process processes[3];
    user.counter = new_counter(user.manager, 0, NULL);
    for (int i = 0; i < 3; i++) {
        crew_process_attr attr = variant->attr;
        if (i > 0)
            attr.start_method = CREW_START_FORKSERVER;
        CHECK_OK(crew_process_create(
            &processes[i], attr.start_method == CREW_START_RANK ? add_alone : add_in_threads, &user,
            sizeof user, &attr));
        CHECK_OK(crew_process_start(processes[i]));
    }
    add_alone(&user);
    for (int i = 0; i < 3; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_INT(get_count(user.counter), 4 * 2 * CALLS);
    CHECK_OK(crew_proxy_close(user.counter));
    end_manager(user.manager);
}

static int meet_other(void *arg)
{
    const struct user *user = arg;
    CHECK_OK(call_counter(user->counter, "meet"));
    return check_result();
}

void manager_concurrent(const struct variant *variant)
{
    struct user user = {.manager = start_manager()};
    CHECK_OK(crew_proxy_create(&user.counter, user.manager, "Meeting", NULL, 0, CREW_FOREVER));
    crew_process process = launch(variant, meet_other, &user, sizeof user);
    meet_other(&user);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_proxy_close(user.counter));
    end_manager(user.manager);
}

static int check_timeouts(void *arg)
{
    const struct user *user = arg;
    double begin = 0;
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.02);) {
        get_count(user->counter); // the one before is over
        begin = timing.begin = check_now();
        CHECK_STATUS(
            crew_proxy_call(user->counter, "sleep", CREW_ARGS(crew_double(0.06)), NULL, 0.02),
            CREW_ETIMEDOUT);
    }
    // What comes of it is not taken for the answer to the next one, which waits until it is over.
    CHECK_INT(get_count(user->counter), 4);
    CHECK_SECONDS(begin, 0.06, LIMIT_S);
    return check_result();
}

void manager_timeout(const struct variant *variant)
{
    struct user user = {.manager = start_manager()};
    user.counter = new_counter(user.manager, 4, NULL);
    CHECK_INT(finish(launch(variant, check_timeouts, &user, sizeof user)), 0);
    CHECK_OK(crew_proxy_close(user.counter));
    end_manager(user.manager);
}

// A method that calls an object of another manager.
void manager_chain(const struct variant *variant)
{
    (void)variant;
    crew_manager manager = start_manager(), other = start_manager();
    crew_proxy counter = new_counter(manager, 0, NULL), counted = new_counter(other, 40, NULL);
    crew_any result = crew_nil();
    int64_t sum = 0;
    CHECK_OK(crew_proxy_call(counter, "add_to_other", CREW_ARGS(CREW_HANDLE(counted), crew_int(2)),
                             &result, CREW_FOREVER));
    CHECK_OK(crew_any_to_int(result, &sum));
    CHECK_INT(sum, 42);
    CHECK_INT(get_count(counted), 42);
    crew_any_clear(&result);
    CHECK_OK(crew_proxy_close(counter));
    CHECK_OK(crew_proxy_close(counted));
    end_manager(manager);
    end_manager(other);
}
