/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a pool costs: tasks that do nothing, with items of SIZE bytes and results of 8. Cases:
 * single:SIZE:WORKERS hands them out one by one, auto:SIZE:WORKERS as the pool likes,
 * imap:SIZE:WORKERS one by one as the caller takes the results, and apply:SIZE:WORKERS waits for
 * each. --place children or ranks: where the workers are. Peers: tasks_mpi.c, tasks.py.
 */
#include "measure.h"

#include <crew/crew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST ((size_t)64 << 20)

struct load {
    crew_pool pool;
    crew_task task;
    size_t size;
    enum { SINGLE, AUTO, IMAP, APPLY } how;
};

static crew_status first_word(const void *item, void *result)
{
    memcpy(result, item, sizeof(long));
    return CREW_OK;
}

static bool fail(const char *what)
{
    fprintf(stderr, "bench_tasks: %s: %s\n", what, crew_error_message());
    return false;
}

static bool apply_each(const struct load *load, long count, const char *items, long *results)
{
    for (long i = 0; i < count; i++)
        if (crew_pool_apply(load->pool, load->task, items + (size_t)i * load->size, &results[i]))
            return fail("apply");
    return true;
}

static bool take_each(const struct load *load, long count, const char *items, long *results)
{
    crew_iterator iterator;
    crew_status status =
        crew_pool_imap(load->pool, load->task, items, (size_t)count, NULL, &iterator);
    if (status)
        return fail("imap");
    for (long i = 0; i < count && !status; i++)
        status = crew_iterator_next(iterator, &results[i], NULL, CREW_FOREVER);
    return crew_iterator_close(iterator) == CREW_OK && (!status || fail("next"));
}

static bool run_all(const struct load *load, long count, const char *items, long *results)
{
    const crew_map_attr attr = {.chunk = load->how == SINGLE};
    if (load->how == APPLY)
        return apply_each(load, count, items, results);
    if (load->how == IMAP)
        return take_each(load, count, items, results);
    if (crew_pool_map(load->pool, load->task, items, results, (size_t)count, &attr))
        return fail("map");
    return true;
}

static bool run_block(void *context, long count, double *seconds)
{
    const struct load *load = context;
    char *items = bench_buffer((size_t)count * load->size);
    long *results = bench_buffer((size_t)count * sizeof *results);
    bool right = items && results;
    for (long i = 0; i < count && right; i++)
        bench_stamp(items + (size_t)i * load->size, load->size, i);
    const double begin = bench_clock();
    right = right && run_all(load, count, items, results);
    *seconds = bench_clock() - begin;
    for (long i = 0; i < count && right; i++)
        right = results[i] == i;
    free(items);
    free(results);
    return right;
}

static bool read_load(struct load *load, const struct bench_case *which)
{
    static const char *const names[] = {"single", "auto", "imap", "apply"};
    int how = SINGLE;
    while (how <= APPLY && strcmp(which->mode, names[how]) != 0)
        how++;
    load->how = how;
    load->size = which->size;
    load->task = (crew_task){first_word, which->size, sizeof(long), "first_word"};
    return how <= APPLY && which->size >= sizeof(long) && which->size <= LARGEST;
}

static bool run_case(const struct bench_settings *settings, const char *word)
{
    const bool inside = strcmp(settings->place, "ranks") == 0;
    struct bench_case which;
    struct bench_result result;
    struct load load = {.size = 0};
    if (!bench_case_read(&which, word) || !read_load(&load, &which)) {
        fprintf(stderr, "bench_tasks: %s is no case: single, auto, imap or apply:SIZE:WORKERS\n",
                word);
        return false;
    }
    crew_pool_attr attr = {.workers = (int)which.extra};
    if (inside)
        attr.start_method = CREW_START_RANK;
    if (crew_pool_create(&load.pool, &attr))
        return fail("create");
    const bool measured = bench_measure(settings, run_block, &load, &result);
    if (measured)
        bench_print("crew", inside ? "ranks" : "children", &which, &result);
    return crew_pool_destroy(load.pool) == CREW_OK && measured;
}

static int app(int argc, char **argv)
{
    struct bench_settings settings;
    int first = 0;
    if (!bench_settings_read(&settings, argc, argv, &first)) {
        fprintf(stderr, "usage: bench_tasks [--seconds S] [--count N] [--place children|ranks] "
                        "single|auto|imap|apply:SIZE:WORKERS...\n");
        return 2;
    }
    for (int i = first; i < argc; i++)
        if (!run_case(&settings, argv[i]))
            return 1;
    return 0;
}

CREW_MAIN(app)
