// SPDX-License-Identifier: BSD-3-Clause
// Workers that end: by a task, from outside, while they have nothing to do, and all at once.
#include "pool_cases.h"

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define JOBS 40
#define ROOM 8

// All workers are there and alive, and take tasks.
static void check_whole(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[JOBS];
    struct outcome outcomes[JOBS];
    crew_worker_info workers[ROOM];
    plan(jobs, JOBS);
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, JOBS, NULL));
    for (int i = 0; i < JOBS; i++)
        CHECK_INT(outcomes[i].number, i);
    size_t count = list_workers(pool, workers, ROOM);
    CHECK_INT(count, attr->workers ? attr->workers : crew_rank_count());
    double begin = check_now();
    for (size_t i = 0; i < count; i++) {
        // A new one may still be on its way.
        while (workers[i].pid == 0 && check_now() - begin < 10)
            list_workers(pool, workers, ROOM);
        CHECK(workers[i].pid > 0 && pid_exists(workers[i].pid));
    }
}

// Runs jobs of which some end their worker; bad says which. Each is run once, and only those fail.
static void check_losses(crew_pool pool, struct job *jobs, const bool *bad, size_t chunk,
                         const char *reason)
{
    struct outcome outcomes[JOBS];
    crew_status statuses[JOBS];
    struct mark log = mark_new();
    int lowest = 0;
    while (!bad[lowest])
        lowest++;
    for (int i = 0; i < JOBS; i++) {
        jobs[i].logged = true;
        jobs[i].log = log;
    }
    memset(outcomes, 0x55, sizeof outcomes);
    double begin = check_now();
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, JOBS,
                               &(crew_map_attr){.chunk = chunk, .statuses = statuses}),
                 CREW_EWORKERDIED);
    CHECK_SECONDS(begin, 0, 10);
    char task[32];
    snprintf(task, sizeof task, "task %d ", lowest);
    CHECK_CONTAINS(crew_error_message(), task);
    CHECK_CONTAINS(crew_error_message(), reason);
    check_names_host();
    CHECK_CONTAINS(crew_error_message(), "PoolWorker-");
    for (int i = 0; i < JOBS; i++) {
        CHECK_INT(statuses[i], bad[i] ? CREW_EWORKERDIED : CREW_OK);
        CHECK_INT(outcomes[i].number, bad[i] ? 0 : jobs[i].number);
        CHECK_INT(outcomes[i].pid == 0, bad[i]);
    }
    check_log(&log, JOBS);
}

static const size_t chunks[] = {0, 1, 7, JOBS};

static void lose_one(crew_pool pool, const crew_pool_attr *attr)
{
    for (size_t i = 0; i < COUNT(chunks); i++) {
        struct job jobs[JOBS];
        bool bad[JOBS] = {[17] = true};
        plan(jobs, JOBS);
        jobs[17].what = JOB_SIGNAL;
        jobs[17].number = SIGKILL;
        check_losses(pool, jobs, bad, chunks[i], "SIGKILL");
        check_whole(pool, attr);
    }
}

void pol_19(const struct variant *variant)
{
    (void)variant;
    each_pool(lose_one, true);
}

// First, last, neighbours, and then every one.
static void lose_many(crew_pool pool, const crew_pool_attr *attr)
{
    static const int signals[] = {SIGSEGV, SIGKILL, SIGABRT, SIGTERM};
    struct job jobs[JOBS];
    bool bad[JOBS] = {[0] = true, [1] = true, [20] = true, [JOBS - 1] = true};
    for (int all = 0; all < 2; all++) {
        plan(jobs, JOBS);
        for (int i = 0; i < JOBS; i++) {
            bad[i] = bad[i] || all;
            jobs[i].what = bad[i] ? JOB_SIGNAL : JOB_COMPUTE;
            jobs[i].number = bad[i] ? signals[i % 4] : i;
        }
        check_losses(pool, jobs, bad, all ? 0 : 5, "SIGSEGV");
        check_whole(pool, attr);
    }
}

void pol_19_many(const struct variant *variant)
{
    (void)variant;
    each_pool(lose_many, true);
}

struct killer {
    struct mark log;
    crew_pool pool;
    pid_t pids[ROOM];
    size_t count;
};

// Kills all workers once one is known to be in a task.
static void *kill_all(void *arg)
{
    const struct killer *killer = arg;
    mark_wait(&killer->log, 1);
    for (size_t i = 0; i < killer->count; i++)
        signal_pid(killer->pids[i], SIGKILL);
    return NULL;
}

// From outside, while they sleep in their tasks. What they were in fails, the rest is done.
static void lose_all(crew_pool pool, const crew_pool_attr *attr)
{
    static struct job jobs[JOBS];
    static struct outcome outcomes[JOBS];
    crew_status statuses[JOBS];
    crew_worker_info workers[ROOM];
    struct killer killer = {.log = mark_new(), .pool = pool};
    pthread_t thread;
    int lost = 0;
    killer.count = list_workers(pool, workers, ROOM);
    for (size_t i = 0; i < killer.count; i++)
        killer.pids[i] = workers[i].pid;
    plan(jobs, JOBS);
    for (int i = 0; i < JOBS; i++) {
        jobs[i].what = JOB_SLEEP;
        jobs[i].number = i < 10 ? 60 : 1; // the killer has a while
        jobs[i].logged = true;
        jobs[i].log = killer.log;
    }
    if (!CHECK(pthread_create(&thread, NULL, kill_all, &killer) == 0))
        return;
    CHECK_STATUS(
        crew_pool_map(pool, do_job, jobs, outcomes, JOBS, &(crew_map_attr){.statuses = statuses}),
        CREW_EWORKERDIED);
    pthread_join(thread, NULL);
    for (int i = 0; i < JOBS; i++) {
        CHECK(statuses[i] == CREW_OK || statuses[i] == CREW_EWORKERDIED);
        CHECK_INT(outcomes[i].number, statuses[i] ? 0 : jobs[i].number);
        lost += statuses[i] != CREW_OK;
    }
    CHECK(lost >= 1 && lost <= (int)killer.count);
    mark_remove(&killer.log);
    check_whole(pool, attr);
}

void pol_19_outside(const struct variant *variant)
{
    (void)variant;
    each_pool(lose_all, true);
}

// Workers that have nothing to do: nobody may notice. By the system, and by crew.
static void lose_idle(crew_pool pool, const crew_pool_attr *attr)
{
    crew_worker_info workers[ROOM];
    for (int way = 0; way < 4; way++) {
        check_whole(pool, attr);
        size_t count = list_workers(pool, workers, ROOM);
        for (size_t i = 0; i < count; i += way == 0 ? count : 1) {
            if (way == 2)
                CHECK_OK(crew_process_kill(workers[i].process));
            else if (way == 3)
                CHECK_OK(crew_process_terminate(workers[i].process));
            else
                signal_pid(workers[i].pid, SIGKILL);
            if (way > 0)
                pid_wait_gone(workers[i].pid); // with way 0, it need not have died yet
        }
        check_whole(pool, attr); // at once
    }
}

void pol_20(const struct variant *variant)
{
    (void)variant;
    each_pool(lose_idle, true);
}

static void leave_tasks(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[JOBS];
    bool bad[JOBS] = {[3] = true, [21] = true, [22] = true};
    for (size_t i = 0; i < COUNT(chunks); i++)
        for (int now = 0; now < 2; now++) {
            plan(jobs, JOBS);
            jobs[3].what = jobs[21].what = jobs[22].what = now ? JOB_EXIT_NOW : JOB_EXIT;
            jobs[3].number = 5;
            jobs[21].number = 0;
            check_losses(pool, jobs, bad, chunks[i], "exit code 5");
            check_whole(pool, attr);
        }
}

void pol_23(const struct variant *variant)
{
    (void)variant;
    each_pool(leave_tasks, true);
}

// Terminating with 10,000 tasks under way

#define SLEEPERS 10000

struct long_map {
    crew_pool pool;
    struct job *jobs;
    struct outcome *outcomes;
    crew_status *statuses;
};

static void *map_for_long(void *arg)
{
    const struct long_map *map = arg;
    const crew_map_attr attr = {.statuses = map->statuses};
    CHECK_STATUS(crew_pool_map(map->pool, do_job, map->jobs, map->outcomes, SLEEPERS, &attr),
                 CREW_ECANCELED);
    return NULL;
}

static void check_cancelled(const struct long_map *map)
{
    size_t finished = 0, cancelled = 0, nonzero = 0;
    for (size_t i = 0; i < SLEEPERS; i++) {
        finished += map->statuses[i] == CREW_OK;
        cancelled += map->statuses[i] == CREW_ECANCELED;
        nonzero += map->statuses[i] != CREW_OK && map->outcomes[i].pid != 0;
    }
    CHECK_INT(finished, 0);
    CHECK_INT(cancelled, SLEEPERS);
    CHECK_INT(nonzero, 0);
}

static void terminate_busy(crew_pool pool, const crew_pool_attr *attr)
{
    struct long_map map = {pool, calloc(SLEEPERS, sizeof *map.jobs),
                           calloc(SLEEPERS, sizeof *map.outcomes),
                           calloc(SLEEPERS, sizeof *map.statuses)};
    struct mark log = mark_new();
    pthread_t thread;
    (void)attr;
    if (!CHECK(map.jobs && map.outcomes && map.statuses))
        return;
    plan(map.jobs, SLEEPERS);
    memset(map.outcomes, 0x55, SLEEPERS * sizeof *map.outcomes);
    for (size_t i = 0; i < SLEEPERS; i++) {
        map.jobs[i].what = JOB_SLEEP;
        map.jobs[i].number = 60000;
        map.jobs[i].logged = true;
        map.jobs[i].log = log;
    }
    if (!CHECK(pthread_create(&thread, NULL, map_for_long, &map) == 0))
        return;
    mark_wait(&log, 1);
    double begin = check_now();
    CHECK_OK(crew_pool_terminate(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    pthread_join(thread, NULL);
    CHECK_SECONDS(begin, 0, 5);
    check_cancelled(&map);
    mark_remove(&log);
    free(map.jobs);
    free(map.outcomes);
    free(map.statuses);
}

void pol_21(const struct variant *variant)
{
    (void)variant;
    if (!inside_is_taken()) // a thread that is started inside a rank is not the process's
        each_pool(terminate_busy, true);
}
