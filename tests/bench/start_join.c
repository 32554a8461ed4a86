/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a process takes from its start to its join, one after the other. Peer: start_join.py. */
#include <crew/crew.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_UP 20

struct options {
    int count, rank;
    crew_start_method method;
};

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {{"count", required_argument, NULL, 'c'},
                                          {"rank", required_argument, NULL, 'r'},
                                          {"inside", no_argument, NULL, 'i'},
                                          {NULL, 0, NULL, 0}};
    *options = (struct options){.count = 300};
    for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (letter == 'c')
            options->count = atoi(optarg);
        else if (letter == 'r')
            options->rank = atoi(optarg);
        else if (letter == 'i')
            options->method = CREW_START_RANK;
        else
            return false;
    }
    return options->count > 0;
}

/* The time of start and join; creating and closing are no part of it, as in Python's peer. */
static crew_status measure(const struct options *options, double *us)
{
    crew_process process;
    crew_process_attr attr = {.start_method = options->method,
                              .placement = CREW_ON_RANK(options->rank)};
    crew_status status = crew_process_create(&process, nothing, NULL, 0, &attr);
    if (status)
        return status;
    double begin = now_us();
    status = crew_process_start(process);
    if (!status)
        status = crew_process_join(process, CREW_FOREVER);
    *us = now_us() - begin;
    return status ? status : crew_process_close(process);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print(double *us, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += us[i];
    qsort(us, (size_t)count, sizeof *us, compare);
    printf("{\"peer\": \"crew\", \"count\": %d, \"mean_us\": %.1f, \"median_us\": %.1f, "
           "\"least_us\": %.1f}\n",
           count, sum / count, us[count / 2], us[0]);
}

static int app(int argc, char **argv)
{
    struct options options;
    if (!read_options(&options, argc, argv)) {
        fprintf(stderr, "usage: bench_start_join [--count N (300)] [--rank R (0)] [--inside]\n");
        return 2;
    }
    double *us = calloc((size_t)options.count, sizeof *us);
    if (!us)
        return 1;
    crew_status status = CREW_OK;
    for (int i = -WARM_UP; i < options.count && !status; i++)
        status = measure(&options, &us[i < 0 ? 0 : i]);
    if (status)
        fprintf(stderr, "bench_start_join: %s\n", crew_error_message());
    else
        print(us, options.count);
    free(us);
    return status != CREW_OK;
}

CREW_MAIN(app)
