/* SPDX-License-Identifier: BSD-3-Clause */
#include "uneven.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* SplitMix64, scaled to [0, 1). */
static double random_of(uint64_t *state)
{
    uint64_t bits = *state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return (double)((bits ^ bits >> 31) >> 11) * 0x1p-53;
}

static double factor_of(const char *lengths, double random, double place)
{
    if (strcmp(lengths, "even") == 0)
        return 1;
    if (strcmp(lengths, "random") == 0)
        return -log(1 - random);
    if (strcmp(lengths, "rising") == 0)
        return 2 * place;
    if (strcmp(lengths, "bimodal") == 0)
        return random < 0.1 ? 5.5 : 0.5;
    return -1;
}

bool uneven_choose(const char *lengths, long mean, long count, long *iterations)
{
    uint64_t state = 1;
    for (long i = 0; i < count; i++) {
        const double factor =
            factor_of(lengths, random_of(&state), ((double)i + 0.5) / (double)count);
        if (factor < 0)
            return false;
        iterations[i] = 1 + (long)(factor * (double)mean);
    }
    return true;
}

static double processor_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Where the loop leaves its result, so that it is not left out. */
static volatile uint64_t sink;

double uneven_run(long iterations)
{
    const double begin = processor_s();
    uint64_t state = (uint64_t)iterations;
    for (long i = 0; i < iterations; i++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    sink = state;
    return processor_s() - begin;
}

double uneven_over_ideal(double seconds, const double *tasks_s, long count, long cores)
{
    double all = 0;
    for (long i = 0; i < count; i++) {
        if (tasks_s[i] <= 0)
            return 0;
        all += tasks_s[i];
    }
    return seconds * (double)cores / all;
}
