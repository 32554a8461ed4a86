/* SPDX-License-Identifier: BSD-3-Clause */
/* lock_counter.py: ten processes add 1 to the same shared value, a thousand times each. Reading and
 * writing it are two steps, so each does both while it holds the lock, and no count is lost.
 *
 *   mpirun -np 4 ./lock_counter
 *
 * prints
 *
 *   counted 10000 of 10000
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

#define PROCESSES 10
#define STEPS 1000

struct job {
    crew_lock lock;
    crew_value counter;
};

static int count(void *arg)
{
    const struct job *job = arg;
    for (int i = 0; i < STEPS; i++) {
        int value;
        CREW_MUST(crew_lock_acquire(job->lock, CREW_FOREVER));
        CREW_MUST(crew_value_get_int32(job->counter, &value));
        CREW_MUST(crew_value_set_int32(job->counter, value + 1));
        CREW_MUST(crew_lock_release(job->lock));
    }
    return 0;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Ten processes count under one lock.");
    struct job job;
    crew_process processes[PROCESSES];
    CREW_MUST(crew_lock_create(&job.lock, NULL));
    CREW_MUST(crew_value_create(&job.counter, CREW_INT, NULL, &(crew_array_attr){.no_lock = true}));
    for (int i = 0; i < PROCESSES; i++) {
        CREW_MUST(crew_process_create(&processes[i], count, &job, sizeof job, NULL));
        CREW_MUST(crew_process_start(processes[i]));
    }
    for (int i = 0; i < PROCESSES; i++)
        CREW_MUST(crew_process_join(processes[i], CREW_FOREVER));

    int counted;
    CREW_MUST(crew_value_get_int32(job.counter, &counted));
    printf("counted %d of %d\n", counted, PROCESSES * STEPS);
    return 0;
}

CREW_MAIN(app)
