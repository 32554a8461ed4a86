// SPDX-License-Identifier: BSD-3-Clause
// Processes that do not end when they are asked to: they ignore or block SIGTERM, are stopped, have
// become another program, or have a handler that does not end them.
//
// usage: stubborn end      daemons of that kind and a worker of an open pool, at the end of the
//                          program
//        stubborn limits   tasks of that kind, and their time limit
//        stubborn destroy  an idle worker that is stopped, in a pool that is destroyed
#include "check.h"
#include "mark.h"

#include <crew/crew.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct order {
    struct mark mark;
    int way;
};

enum way { IGNORES, BLOCKS, STOPS, EXECS, HANDLES, WAYS, OBEYS = WAYS };
static const char *const names[WAYS] = {"ignores", "blocks", "stops", "execs", "handles"};

static void hear(int number)
{
    (void)number;
}

static int be_stubborn(void *arg)
{
    const struct order *order = arg;
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (order->way == IGNORES || order->way == EXECS)
        signal(SIGTERM, SIG_IGN);
    if (order->way == HANDLES)
        signal(SIGTERM, hear);
    if (order->way == BLOCKS)
        sigprocmask(SIG_BLOCK, &term, NULL);
    mark_set(&order->mark, names[order->way]);
    if (order->way == EXECS)
        execlp("sleep", "sleep", "60", (char *)NULL);
    for (;;)
        pause();
    return 1;
}

static char state_of(pid_t pid)
{
    char path[32], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
        state = '?';
    if (file)
        fclose(file);
    return state;
}

// A signal that comes before it has stopped would end it.
static void stop(pid_t pid)
{
    CHECK(pid > 0);
    CHECK_INT(kill(pid, SIGSTOP), 0);
    for (int i = 0; i < 2000 && state_of(pid) != 'T'; i++)
        check_sleep(0.01);
    CHECK(state_of(pid) == 'T');
}

static void start_daemons(void)
{
    struct order order = {.mark = mark_new()};
    crew_process processes[WAYS];
    int pid = 0;
    for (int way = 0; way < WAYS; way++) {
        crew_process_attr attr = {.name = names[way],
                                  .daemon = CREW_DAEMON_YES,
                                  .start_method = CREW_START_FORKSERVER,
                                  .placement = CREW_ON_RANK(way % crew_rank_count())};
        order.way = way;
        CHECK_OK(crew_process_create(&processes[way], be_stubborn, &order, sizeof order, &attr));
        CHECK_OK(crew_process_start(processes[way]));
    }
    mark_wait(&order.mark, WAYS);
    mark_remove(&order.mark);
    CHECK_OK(crew_process_pid(processes[STOPS], &pid));
    stop(pid);
}

static crew_pool start_pool(void)
{
    crew_pool pool;
    crew_worker_info worker = {0};
    size_t count = 0;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1}));
    CHECK_OK(crew_pool_workers(pool, &worker, 1, &count));
    stop(worker.pid);
    return pool;
}

CREW_TASK(take_too_long, int, int)
{
    sigset_t all;
    sigfillset(&all);
    *result = *item;
    if (*item == OBEYS)
        return CREW_OK;
    if (*item == BLOCKS)
        sigprocmask(SIG_SETMASK, &all, NULL);
    if (*item == STOPS)
        raise(SIGSTOP);
    if (*item == EXECS)
        execlp("sleep", "sleep", "60", (char *)NULL);
    for (;;)
        pause();
    return CREW_OK;
}

// Each of them ends at its limit, and those beside them are run.
static void keep_limits(void)
{
    static const int items[] = {OBEYS, STOPS, OBEYS, EXECS, BLOCKS, OBEYS, OBEYS};
    enum { COUNT = sizeof items / sizeof *items };
    int results[COUNT];
    crew_status statuses[COUNT];
    crew_pool pool;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2}));
    double begin = check_now();
    CHECK_STATUS(crew_pool_map(pool, take_too_long, items, results, COUNT,
                               &(crew_map_attr){.timeout_s = 0.2, .statuses = statuses}),
                 CREW_ETIMEDOUT);
    CHECK_SECONDS(begin, 0.2, 15);
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(statuses[i], items[i] == OBEYS ? CREW_OK : CREW_ETIMEDOUT);
        CHECK_INT(results[i], items[i] == OBEYS ? OBEYS : 0);
    }
    CHECK_OK(crew_pool_destroy(pool));
}

static int app(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (strcmp(argv[1], "limits") == 0) {
        keep_limits();
        return check_result();
    }
    if (strcmp(argv[1], "end") == 0)
        start_daemons();
    crew_pool pool = start_pool();
    if (strcmp(argv[1], "destroy") == 0) {
        double begin = check_now();
        CHECK_OK(crew_pool_destroy(pool));
        CHECK_SECONDS(begin, 1.9, 15);
    }
    return check_result();
}

CREW_MAIN(app)
