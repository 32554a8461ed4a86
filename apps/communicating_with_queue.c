/* SPDX-License-Identifier: BSD-3-Clause */
/* communicating_with_queue.py: a producer puts ten random numbers in a queue, a consumer takes them
 * out. Then two producers put jobs, and three consumers multiply 20 x 20 matrices for each. An item
 * without a byte (in Python None) tells a consumer to end.
 *
 *   mpirun -np 4 ./communicating_with_queue
 *
 * prints two lines for each number that is put, one for each that is taken, and in the end a sum of
 * all products, which is the same for any number of ranks:
 *
 *   Process Producer : item 42 appended to queue producer-1
 *   The size of queue is 3
 *   Process Consumer : item 42 popped from queue by consumer-2
 *   30 matrix jobs, 2 producers, 3 consumers: checksum 19463258
 */
#include "chapter.h"
#include "do_something.h"

#include <crew/crew.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 10, PRODUCERS = 2, CONSUMERS = 3, JOBS = 30, REPEAT = 4 };

struct job {
    crew_queue queue;
    crew_queue sums; /* of the matrices of each consumer */
    int number;
};

static int produce(void *arg)
{
    const struct job *job = arg;
    const char *name = crew_current_name();
    for (int i = 0; i < ITEMS; i++) {
        int item = (int)arc4random_uniform(257);
        size_t size;
        CREW_MUST(crew_queue_put(job->queue, &item, sizeof item, CREW_FOREVER));
        printf("Process Producer : item %d appended to queue %s\n", item, name);
        CREW_MUST(crew_queue_size(job->queue, &size));
        printf("The size of queue is %zu\n", size);
    }
    CREW_MUST(crew_queue_put(job->queue, NULL, 0, CREW_FOREVER));
    return 0;
}

static int consume(void *arg)
{
    const struct job *job = arg;
    int item, count = 0;
    size_t size;
    const char *name = crew_current_name();
    while (crew_queue_get(job->queue, &item, sizeof item, &size, CREW_FOREVER) == CREW_OK &&
           size > 0) {
        printf("Process Consumer : item %d popped from queue by %s\n", item, name);
        count++;
    }
    CREW_MUST(crew_queue_size(job->queue, &size));
    printf("the queue is %s\nconsumed %d of %d\n", size ? "not empty" : "empty", count, ITEMS);
    return 0;
}

static int produce_matrices(void *arg)
{
    const struct job *job = arg;
    for (int seed = job->number; seed < JOBS; seed += PRODUCERS)
        CREW_MUST(crew_queue_put(job->queue, &seed, sizeof seed, CREW_FOREVER));
    return 0;
}

static int consume_matrices(void *arg)
{
    const struct job *job = arg;
    int seed;
    size_t size;
    double total = 0;
    while (crew_queue_get(job->queue, &seed, sizeof seed, &size, CREW_FOREVER) == CREW_OK &&
           size > 0)
        total += multiply_matrices((unsigned)seed, REPEAT);
    CREW_MUST(crew_queue_put(job->sums, &total, sizeof total, CREW_FOREVER));
    return 0;
}

static crew_process start(crew_process_function *function, const char *role, struct job job)
{
    crew_process process;
    char name[CREW_NAME_SIZE];
    snprintf(name, sizeof name, "%s-%d", role, job.number);
    CREW_MUST(crew_process_create(&process, function, &job, sizeof job,
                                  &(crew_process_attr){.name = name}));
    CREW_MUST(crew_process_start(process));
    return process;
}

static void random_numbers(void)
{
    struct job job = {.number = 1};
    CREW_MUST(crew_queue_create(&job.queue, NULL));
    crew_process producer = start(produce, "producer", job);
    job.number = 2;
    crew_process consumer = start(consume, "consumer", job);
    CREW_MUST(crew_process_join(producer, CREW_FOREVER));
    CREW_MUST(crew_process_join(consumer, CREW_FOREVER));
}

static void matrices(void)
{
    struct job job = {0};
    crew_process processes[PRODUCERS + CONSUMERS];
    double total = 0;
    CREW_MUST(crew_queue_create(&job.queue, NULL));
    CREW_MUST(crew_queue_create(&job.sums, NULL));
    for (job.number = 0; job.number < PRODUCERS; job.number++)
        processes[job.number] = start(produce_matrices, "producer", job);
    for (job.number = 0; job.number < CONSUMERS; job.number++)
        processes[PRODUCERS + job.number] = start(consume_matrices, "consumer", job);
    for (int i = 0; i < PRODUCERS; i++)
        CREW_MUST(crew_process_join(processes[i], CREW_FOREVER));
    for (int i = 0; i < CONSUMERS; i++)
        CREW_MUST(crew_queue_put(job.queue, NULL, 0, CREW_FOREVER));
    for (int i = 0; i < CONSUMERS; i++) {
        double sum;
        CREW_MUST(crew_queue_get(job.sums, &sum, sizeof sum, NULL, CREW_FOREVER));
        total += sum;
        CREW_MUST(crew_process_join(processes[PRODUCERS + i], CREW_FOREVER));
    }
    printf("%d matrix jobs, %d producers, %d consumers: checksum %.0f\n", JOBS, PRODUCERS,
           CONSUMERS, total);
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Producers and consumers share a queue.");
    random_numbers();
    matrices();
    return 0;
}

CREW_MAIN(app)
