/* SPDX-License-Identifier: BSD-3-Clause */
/* joinable_queue.py: three workers take tasks from a queue and say of each when it is done. The
 * main process joins the queue: it waits until so many tasks are done as were put. An item without
 * a byte (in Python None) tells a worker to end.
 *
 *   mpirun -np 4 ./joinable_queue
 *
 * prints a line for each task, in any order and by any worker, and in the end how many there were:
 *
 *   worker-1 : task 7 done, 7 * 7 = 49
 *   the queue is joined: 10 of 10 tasks are done
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

#define WORKERS 3
#define TASKS 10

struct job {
    crew_queue tasks;
    crew_value done;
};

static int work(void *arg)
{
    const struct job *job = arg;
    int task;
    size_t size;
    const char *name = crew_current_name();
    CREW_MUST(crew_queue_get(job->tasks, &task, sizeof task, &size, CREW_FOREVER));
    while (size > 0) {
        printf("%s : task %d done, %d * %d = %d\n", name, task, task, task, task * task);
        CREW_MUST(crew_value_add_int32(job->done, 1));
        CREW_MUST(crew_queue_task_done(job->tasks));
        CREW_MUST(crew_queue_get(job->tasks, &task, sizeof task, &size, CREW_FOREVER));
    }
    CREW_MUST(crew_queue_task_done(job->tasks));
    return 0;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Waits until all tasks of a queue are done.");
    struct job job;
    crew_process workers[WORKERS];
    CREW_MUST(crew_queue_create(&job.tasks, NULL));
    CREW_MUST(crew_value_create(&job.done, CREW_INT, NULL, NULL));
    for (int i = 0; i < WORKERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "worker-%d", i);
        CREW_MUST(crew_process_create(&workers[i], work, &job, sizeof job,
                                      &(crew_process_attr){.name = name}));
        CREW_MUST(crew_process_start(workers[i]));
    }
    for (int task = 0; task < TASKS; task++)
        CREW_MUST(crew_queue_put(job.tasks, &task, sizeof task, CREW_FOREVER));
    for (int i = 0; i < WORKERS; i++)
        CREW_MUST(crew_queue_put(job.tasks, NULL, 0, CREW_FOREVER));
    CREW_MUST(crew_queue_join(job.tasks, CREW_FOREVER));

    int done;
    CREW_MUST(crew_value_get_int32(job.done, &done));
    for (int i = 0; i < WORKERS; i++)
        CREW_MUST(crew_process_join(workers[i], CREW_FOREVER));
    printf("the queue is joined: %d of %d tasks are done\n", done, TASKS);
    return 0;
}

CREW_MAIN(app)
