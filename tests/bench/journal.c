/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a journal costs: one map of --tasks tasks that each do --spins rounds of arithmetic, with
 * --journal FILE or without, on --workers workers. --calibrate US says how many rounds take so
 * long. One JSON object in one line; see compare_journal.
 */
#include "measure.h"

#include <crew/crew.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    long tasks, spins, workers;
    const char *journal;
    double calibrate_us; /* 0: run the map */
};

struct work {
    uint64_t seed, spins;
};

/* No compiler knows a shorter way to the end of it. */
static uint64_t spin(const struct work *work)
{
    uint64_t state = work->seed;
    for (uint64_t i = 0; i < work->spins; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state;
}

CREW_TASK(spin_task, struct work, uint64_t)
{
    *result = spin(item);
    return CREW_OK;
}

static bool read_settings(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"tasks", required_argument, NULL, 't'},     {"spins", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},   {"journal", required_argument, NULL, 'j'},
        {"calibrate", required_argument, NULL, 'c'}, {0}};
    *settings = (struct settings){.tasks = 1000, .spins = 10000};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 't')
            settings->tasks = atol(optarg);
        else if (option == 's')
            settings->spins = atol(optarg);
        else if (option == 'w')
            settings->workers = atol(optarg);
        else if (option == 'j')
            settings->journal = optarg;
        else if (option == 'c')
            settings->calibrate_us = atof(optarg);
        else
            return false;
    }
    return optind == argc && settings->tasks >= 0 && settings->spins >= 0 &&
           settings->workers >= 0 && settings->workers <= 4096;
}

/* The fastest of some tries, which others have disturbed the least. */
static void calibrate(double us)
{
    static volatile uint64_t state = 88172645463325252U; /* or it might be done before the clock */
    struct work work = {.spins = 1000000};
    double best = 0;
    for (int i = 0; i < 20; i++) {
        double begin = bench_clock();
        work.seed = state;
        state = spin(&work);
        double seconds = bench_clock() - begin;
        if (i == 0 || seconds < best)
            best = seconds;
    }
    printf("{\"spins\": %.0f}\n", 1e-6 * us * (double)work.spins / best);
}

static bool check(const struct settings *settings, const struct work *items,
                  const uint64_t *results)
{
    for (long i = 0; i < settings->tasks; i += 1 + settings->tasks / 100)
        if (results[i] != spin(&items[i]))
            return false;
    return true;
}

static bool run(const struct settings *settings, crew_pool pool, struct work *items,
                uint64_t *results)
{
    const crew_map_attr attr = {.journal = settings->journal};
    for (long i = 0; i < settings->tasks; i++)
        items[i] = (struct work){.seed = (uint64_t)i + 1, .spins = (uint64_t)settings->spins};
    double begin = bench_clock();
    if (crew_pool_map(pool, spin_task, items, results, (size_t)settings->tasks, &attr)) {
        fprintf(stderr, "bench_journal: %s\n", crew_error_message());
        return false;
    }
    double seconds = bench_clock() - begin;
    if (!check(settings, items, results)) {
        fprintf(stderr, "bench_journal: a result is wrong\n");
        return false;
    }
    printf("{\"seconds\": %.9f, \"tasks\": %ld}\n", seconds, settings->tasks);
    return true;
}

static int app(int argc, char **argv)
{
    struct settings settings;
    crew_pool pool;
    if (!read_settings(&settings, argc, argv)) {
        fprintf(stderr, "usage: bench_journal [--tasks N] [--spins N] [--workers N] "
                        "[--journal FILE] [--calibrate US]\n");
        return 2;
    }
    if (settings.calibrate_us > 0) {
        calibrate(settings.calibrate_us);
        return 0;
    }
    if (crew_pool_create(&pool, &(crew_pool_attr){.workers = (int)settings.workers})) {
        fprintf(stderr, "bench_journal: %s\n", crew_error_message());
        return 1;
    }
    struct work *items = bench_buffer((size_t)(settings.tasks + 1) * sizeof *items);
    uint64_t *results = bench_buffer((size_t)(settings.tasks + 1) * sizeof *results);
    bool fine = items && results && run(&settings, pool, items, results);
    free(items);
    free(results);
    return crew_pool_destroy(pool) == CREW_OK && fine ? 0 : 1;
}

CREW_MAIN(app)
