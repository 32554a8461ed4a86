/* SPDX-License-Identifier: BSD-3-Clause */
/* processes_barrier.py: p1 and p2 wait for each other at a barrier and go on at the same time,
 * though p2 comes a fifth of a second later. p3 and p4 do the same without one. A lock is held
 * around each print.
 *
 *   mpirun -np 4 ./processes_barrier
 *
 * prints, with other times and maybe in another order,
 *
 *   process p3 - test_without_barrier ----> 2026-11-21 21:16:04.847378
 *   process p4 - test_without_barrier ----> 2026-11-21 21:16:05.047315
 *   process p1 - test_with_barrier ----> 2026-11-21 21:16:05.048383, when 2 of 2 had come
 *   process p2 - test_with_barrier ----> 2026-11-21 21:16:05.048389, when 2 of 2 had come
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>
#include <time.h>

struct job {
    crew_lock serializer;
    crew_barrier synchronizer;
    crew_value arrived;
    int number;
};

static void show(crew_lock serializer, const char *what)
{
    char date[32];
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(date, sizeof date, "%F %T", localtime_r(&now.tv_sec, &local));
    CREW_MUST(crew_lock_acquire(serializer, CREW_FOREVER));
    printf("process %s ----> %s.%06ld%s\n", crew_current_name(), date, now.tv_nsec / 1000, what);
    CREW_MUST(crew_lock_release(serializer));
}

static int test_with_barrier(void *arg)
{
    const struct job *job = arg;
    char what[40];
    int arrived;
    chapter_sleep(0.2 * job->number);
    CREW_MUST(crew_value_add_int32(job->arrived, 1));
    CREW_MUST(crew_barrier_wait(job->synchronizer, NULL, CREW_FOREVER));
    CREW_MUST(crew_value_get_int32(job->arrived, &arrived));
    snprintf(what, sizeof what, ", when %d of 2 had come", arrived);
    show(job->serializer, what);
    return 0;
}

static int test_without_barrier(void *arg)
{
    const struct job *job = arg;
    chapter_sleep(0.2 * job->number);
    show(job->serializer, "");
    return 0;
}

static crew_process start(const char *name, crew_process_function *function, struct job job)
{
    crew_process process;
    CREW_MUST(crew_process_create(&process, function, &job, sizeof job,
                                  &(crew_process_attr){.name = name}));
    CREW_MUST(crew_process_start(process));
    return process;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Two processes wait at a barrier, two do not.");
    struct job job = {.number = 0};
    crew_process processes[4];
    CREW_MUST(crew_lock_create(&job.serializer, NULL));
    CREW_MUST(crew_barrier_create(&job.synchronizer, 2, NULL));
    CREW_MUST(crew_value_create(&job.arrived, CREW_INT, NULL, NULL));
    processes[0] = start("p1 - test_with_barrier", test_with_barrier, job);
    processes[1] = start("p3 - test_without_barrier", test_without_barrier, job);
    job.number = 1;
    processes[2] = start("p2 - test_with_barrier", test_with_barrier, job);
    processes[3] = start("p4 - test_without_barrier", test_without_barrier, job);
    for (int i = 0; i < 4; i++)
        CREW_MUST(crew_process_join(processes[i], CREW_FOREVER));
    return 0;
}

CREW_MAIN(app)
