/* SPDX-License-Identifier: BSD-3-Clause */
#include "measure.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES 3
#define MOST_GROWTH 10.0
/* A block that takes this share of the time is long enough. */
#define LONG_ENOUGH 0.7

double bench_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool bench_settings_read(struct bench_settings *settings, int argc, char **argv, int *first)
{
    static const struct option names[] = {{"seconds", required_argument, NULL, 's'},
                                          {"count", required_argument, NULL, 'c'},
                                          {"place", required_argument, NULL, 'p'},
                                          {NULL, 0, NULL, 0}};
    *settings = (struct bench_settings){.seconds = 0.05};
    for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (letter == 's')
            settings->seconds = atof(optarg);
        else if (letter == 'c')
            settings->count = atol(optarg);
        else if (letter == 'p' && strlen(optarg) < sizeof settings->place)
            memcpy(settings->place, optarg, strlen(optarg) + 1);
        else
            return false;
    }
    *first = optind;
    return settings->seconds > 0 && settings->count >= 0 && optind < argc;
}

bool bench_case_read(struct bench_case *which, const char *word)
{
    const size_t length = strcspn(word, ":");
    *which = (struct bench_case){.size = sizeof(long), .extra = 1};
    if (length == 0 || length >= sizeof which->mode)
        return false;
    memcpy(which->mode, word, length);
    char *end = (char *)(uintptr_t)word + length;
    if (*end == ':')
        which->size = strtoul(end + 1, &end, 10);
    if (*end == ':')
        which->extra = strtol(end + 1, &end, 10);
    return *end == '\0' && which->size > 0 && which->extra > 0;
}

/* Sets the wall-clock time as well: what does not count takes time, too. */
static bool run_block(bench_block *block, void *context, long count, double *us, double *wall)
{
    double seconds = 0;
    const double begin = bench_clock();
    if (!block(context, count, &seconds))
        return false;
    *wall = bench_clock() - begin;
    *us = 1e6 * seconds / (double)count;
    return true;
}

static long grown(long count, double wall, double wanted)
{
    const double factor = MOST_GROWTH * wall < wanted ? MOST_GROWTH : wanted / wall;
    return (long)((double)count * factor) + 1;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

bool bench_measure(const struct bench_settings *settings, bench_block *block, void *context,
                   struct bench_result *result)
{
    double us[SAMPLES] = {0}, wall = 0;
    long count = settings->count > 0 ? settings->count : 1;
    /* The first operations meet memory that nobody has touched, and nobody waiting. */
    if (!run_block(block, context, 1, &us[0], &wall))
        return false;
    while (settings->count == 0) {
        if (!run_block(block, context, count, &us[0], &wall))
            return false;
        if (wall >= LONG_ENOUGH * settings->seconds)
            break;
        count = grown(count, wall, settings->seconds);
    }
    for (int i = 0; i < SAMPLES; i++)
        if (!run_block(block, context, count, &us[i], &wall))
            return false;
    qsort(us, SAMPLES, sizeof us[0], compare);
    *result = (struct bench_result){.count = count, .us = us[SAMPLES / 2]};
    return true;
}

void bench_print(const char *peer, const char *place, const struct bench_case *which,
                 const struct bench_result *result)
{
    char line[256];
    snprintf(line, sizeof line,
             "{\"peer\": \"%s\", \"place\": \"%s\", \"mode\": \"%s\", \"size\": %zu, "
             "\"extra\": %ld, \"count\": %ld, \"us\": %.4f}\n",
             peer, place, which->mode, which->size, which->extra, result->count, result->us);
    fputs(line, stdout);
    fflush(stdout);
}

void *bench_buffer(size_t size)
{
    void *buffer = malloc(size);
    if (buffer)
        memset(buffer, 1, size);
    return buffer;
}

void bench_stamp(void *message, size_t size, long number)
{
    memcpy(message, &number, sizeof number);
    memcpy((char *)message + size - sizeof number, &number, sizeof number);
}

bool bench_stamp_is(const void *message, size_t size, long number)
{
    long first = 0, last = 0;
    memcpy(&first, message, sizeof first);
    memcpy(&last, (const char *)message + size - sizeof last, sizeof last);
    return first == number && last == number;
}
