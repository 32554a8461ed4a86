// SPDX-License-Identifier: BSD-3-Clause
// A job with much going on, part of which dies at a moment when all of it runs.
//
// usage: victim WHO [SIGNAL [RANK]]
//   launcher  the mpirun of this node       group   mpirun's process group, as Ctrl-C does
//   rank      the rank itself               server  the fork server of the rank
//   late MS   the mpirun, that many milliseconds after the main function has returned, or before
//   leave     exit() inside the rank        nobody  everything ends in order
#include "check.h"
#include "mark.h"

#include <crew/crew.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct deed {
    char who[16];
    int signal;
} deed;

static int do_deed(void *arg)
{
    const struct deed *what = arg;
    pid_t target = getpid();
    if (strcmp(what->who, "leave") == 0)
        exit(7);
    if (strcmp(what->who, "launcher") == 0 || strcmp(what->who, "server") == 0)
        target = getppid();
    if (strcmp(what->who, "group") == 0)
        target = getenv("OMPI_COMM_WORLD_RANK") != NULL ? -getpgid(getppid()) : -getpgrp();
    if (target == 1 || target == -1 || kill(target, what->signal) != 0)
        return 1;
    check_sleep(60);
    return 0;
}

struct order {
    struct mark mark;
    bool forks; // be_stubborn
};

static int compute(void *arg)
{
    const struct order *order = arg;
    mark_set(&order->mark, "computes");
    for (volatile unsigned i = 0;; i++)
        ;
    return 0;
}

// Does not listen to SIGTERM, and has started a process that crew does not know of and that does
// not listen either.
static int be_stubborn(void *arg)
{
    const struct order *order = arg;
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    if (order->forks && fork() == 0) {
        mark_set(&order->mark, "forked");
        for (;;)
            pause();
    }
    mark_set(&order->mark, "stubborn");
    for (;;)
        pause();
    return 0;
}

static int wait_for_child(void *arg)
{
    crew_process child;
    if (crew_process_create(&child, be_stubborn, arg, sizeof(struct order), NULL) != CREW_OK ||
        crew_process_start(child) != CREW_OK)
        return 1;
    crew_process_join(child, CREW_FOREVER);
    return 0;
}

static void populate(const struct order *order)
{
    static crew_process_function *const functions[] = {compute, be_stubborn, wait_for_child};
    for (int rank = 0; rank < crew_rank_count(); rank++)
        for (int i = 0; i < 3; i++) {
            crew_process process;
            crew_process_attr attr = {.placement = CREW_ON_RANK(rank),
                                      .daemon = i == 0 ? CREW_DAEMON_YES : CREW_DAEMON_NO};
            CHECK_OK(crew_process_create(&process, functions[i], order, sizeof *order, &attr));
            CHECK_OK(crew_process_start(process));
        }
    mark_wait(&order->mark, (order->forks ? 5 : 3) * crew_rank_count());
    mark_remove(&order->mark);
}

CREW_TASK(nap, int, int)
{
    *result = *item;
    check_sleep(0.01);
    return CREW_OK;
}

// The deed is done by the process that is nearest to its target.
static void start_deed(int rank)
{
    crew_process process;
    crew_process_attr attr = {.placement = CREW_ON_RANK(rank), .start_method = CREW_START_RANK};
    if (strcmp(deed.who, "server") == 0)
        attr.start_method = CREW_START_FORKSERVER;
    CHECK_OK(crew_process_create(&process, do_deed, &deed, sizeof deed, &attr));
    CHECK_OK(crew_process_start(process));
}

static void end_all(void)
{
    crew_process children[64];
    size_t count = 0;
    CHECK_OK(crew_active_children(children, 64, &count));
    for (size_t i = 0; i < count && i < 64; i++)
        CHECK_OK(crew_process_kill(children[i]));
}

// A process of our own kills the launcher while the job ends.
static void kill_launcher_later(int milliseconds)
{
    pid_t launcher = getppid();
    if (fork() != 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        close(fd); // mpirun waits until they are
    check_sleep(milliseconds / 1e3);
    kill(launcher, SIGKILL);
    _exit(0);
}

// Memory that others could map: nothing of it is to be left.
static void share(void)
{
    crew_shared_memory block;
    crew_array array;
    CHECK_OK(crew_shared_memory_create(&block, "victim", 1 << 20));
    memset(block.data, 1, block.size);
    CHECK_OK(crew_array_create(&array, CREW_INT64, 1 << 20, NULL));
    CHECK_OK(crew_array_set_int64(array, 1 << 19, 1));
}

static int app(int argc, char **argv)
{
    int items[100] = {0}, results[100];
    struct order order = {.mark = mark_new()};
    crew_pool pool;
    if (argc < 2)
        return 2;
    snprintf(deed.who, sizeof deed.who, "%s", argv[1]);
    deed.signal = argc > 2 ? atoi(argv[2]) : 0;
    CHECK_OK(crew_pool_create(&pool, NULL));
    // What a process forked by itself is found again by the fork server, or, when that is gone, in
    // the process group that it has under a launcher.
    order.forks = strcmp(deed.who, "server") != 0 || getenv("OMPI_COMM_WORLD_RANK") != NULL;
    populate(&order);
    share();
    printf("all is running\n");
    fflush(stdout);
    if (strcmp(deed.who, "late") == 0) {
        end_all();
        kill_launcher_later(deed.signal);
        return check_result();
    }
    if (strcmp(deed.who, "nobody") != 0) {
        start_deed(argc > 3 ? atoi(argv[3]) : 0);
        for (int i = 0; i < 60; i++)
            CHECK_OK(crew_pool_map(pool, nap, items, results, 100, NULL));
    }
    end_all();
    return check_result();
}

CREW_MAIN(app)
