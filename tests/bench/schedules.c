/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps of uneven tasks over crew's pool: LENGTHS:ITERATIONS:CORES, with so many iterations in the
 * mean and a worker for each core. --place is the schedule, --count the tasks for each core
 * (1,000). Prints seconds / ideal seconds as us. Peers: schedules_mpi.c, schedules.py.
 */
#include "measure.h"
#include "uneven.h"

#include <crew/crew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 3
#define TASKS_EACH 1000

struct load {
    crew_pool pool;
    crew_map_attr attr;
    struct bench_case which;
    long count;
    long *items;
    double *tasks_s;
};

static crew_status run_task(const void *item, void *result)
{
    long iterations;
    memcpy(&iterations, item, sizeof iterations);
    const double seconds = uneven_run(iterations);
    memcpy(result, &seconds, sizeof seconds);
    return CREW_OK;
}

static bool fail(const char *what)
{
    fprintf(stderr, "bench_schedules: %s: %s\n", what, crew_error_message());
    return false;
}

static bool read_schedule(const char *word, crew_schedule *schedule)
{
    static const char *const names[] = {[CREW_SCHEDULE_GUIDED] = "guided",
                                        [CREW_SCHEDULE_STATIC] = "static",
                                        [CREW_SCHEDULE_DYNAMIC] = "dynamic",
                                        [CREW_SCHEDULE_FACTORING] = "factoring",
                                        [CREW_SCHEDULE_WEIGHTED] = "weighted"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(word, names[i]) != 0)
            continue;
        *schedule = (crew_schedule)i;
        return true;
    }
    return false;
}

static bool run_block(const struct load *load, double *over_ideal)
{
    const crew_task task = {run_task, sizeof(long), sizeof(double), "run_task"};
    memset(load->tasks_s, 0, (size_t)load->count * sizeof *load->tasks_s);
    const double begin = bench_clock();
    if (crew_pool_map(load->pool, task, load->items, load->tasks_s, (size_t)load->count,
                      &load->attr))
        return fail("map");
    *over_ideal =
        uneven_over_ideal(bench_clock() - begin, load->tasks_s, load->count, load->which.extra);
    return *over_ideal > 0;
}

static int compare(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static bool measure(const struct load *load, const char *schedule)
{
    double blocks[BLOCKS + 1];
    for (int i = 0; i <= BLOCKS; i++) /* the first one makes everything ready */
        if (!run_block(load, &blocks[i]))
            return false;
    qsort(blocks + 1, BLOCKS, sizeof *blocks, compare);
    const struct bench_result result = {load->count, blocks[1 + BLOCKS / 2]};
    bench_print("crew", schedule, &load->which, &result);
    return true;
}

static bool run_case(const struct bench_settings *settings, const char *word)
{
    struct load load = {.count = 0};
    if (!bench_case_read(&load.which, word) || !read_schedule(settings->place, &load.attr.schedule))
        return false;
    load.count = (settings->count ? settings->count : TASKS_EACH) * load.which.extra;
    load.items = bench_buffer((size_t)load.count * sizeof *load.items);
    load.tasks_s = bench_buffer((size_t)load.count * sizeof *load.tasks_s);
    const crew_pool_attr attr = {.workers = (int)load.which.extra};
    bool right = load.items && load.tasks_s &&
                 uneven_choose(load.which.mode, (long)load.which.size, load.count, load.items);
    if (right && crew_pool_create(&load.pool, &attr)) {
        right = fail("create");
    } else if (right) {
        right = measure(&load, settings->place);
        right = crew_pool_destroy(load.pool) == CREW_OK && right;
    }
    free(load.items);
    free(load.tasks_s);
    return right;
}

static int app(int argc, char **argv)
{
    struct bench_settings settings;
    int first = 0;
    bool right = bench_settings_read(&settings, argc, argv, &first);
    for (int i = first; i < argc && right; i++)
        right = run_case(&settings, argv[i]);
    if (!right)
        fprintf(stderr, "usage: bench_schedules --place SCHEDULE [--count N] "
                        "even|random|rising|bimodal:ITERATIONS:CORES...\n");
    return right ? 0 : 2;
}

CREW_MAIN(app)
