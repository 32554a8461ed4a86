/* SPDX-License-Identifier: BSD-3-Clause */
#include "batch_job.h"

#include "kernel.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* As matmul_pool does it. */
#define CALIBRATION_S 0.2
#define CALIBRATION_TASKS 4096

static const char usage[] =
    "usage: mpirun -n RANKS bench_batch_mpi [options]\n"
    "A batch of small matrix products over hand-written MPI.\n"
    "  --size N      side of the matrices (20)\n"
    "  --repeat N    multiplications in a task (1000)\n"
    "  --tasks N     tasks (2000)\n"
    "  --seed N      of task 0; task i has seed + i (1)\n"
    "  --chunk N     tasks in a message; 0: guided, from tasks / (4 * workers) to 1 (0)\n"
    "  --window N    messages in flight for each worker, 1 to 64 (2)\n"
    "  --static      every rank computes an equal block, rank 0 too, then MPI_Gatherv\n"
    "  --json FILE   the report as JSON; - for standard output\n"
    "  --help        this text\n";

static double read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double batch_clock(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double batch_cpu_clock(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number >= least &&
           *number <= most;
}

static bool read_int(const char *text, int least, int most, int *number)
{
    uint64_t value = 0;
    if (!read_number(text, (uint64_t)least, (uint64_t)most, &value))
        return false;
    *number = (int)value;
    return true;
}

static bool read_option(struct batch_options *options, int letter, const char *value)
{
    switch (letter) {
    case 'n':
        return read_int(value, 1, 10000, &options->size);
    case 'r':
        return read_int(value, 1, INT_MAX, &options->repeat);
    case 't':
        return read_int(value, 1, INT_MAX / 2, &options->tasks);
    case 's':
        return read_number(value, 0, UINT64_MAX, &options->seed);
    case 'c':
        return read_int(value, 0, INT_MAX / 2, &options->chunk);
    case 'w':
        return read_int(value, 1, 64, &options->window);
    case 'f':
        options->fixed = true;
        return true;
    default:
        options->json = value;
        return true;
    }
}

int batch_options_read(struct batch_options *options, int argc, char **argv, bool complain)
{
    static const struct option names[] = {
        {"size", required_argument, NULL, 'n'},  {"repeat", required_argument, NULL, 'r'},
        {"tasks", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
        {"chunk", required_argument, NULL, 'c'}, {"window", required_argument, NULL, 'w'},
        {"static", no_argument, NULL, 'f'},      {"json", required_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    *options = (struct batch_options){.size = 20, .repeat = 1000, .tasks = 2000, .window = 2};
    options->seed = 1;
    opterr = complain;
    int letter = 0;
    int index = 0;
    while ((letter = getopt_long(argc, argv, "", names, &index)) != -1) {
        if (letter == 'h' && complain)
            fputs(usage, stdout);
        if (letter == 'h' || letter == '?')
            return letter == 'h' ? 0 : 2;
        if (!read_option(options, letter, optarg)) {
            if (complain)
                fprintf(stderr, "--%s: '%s' is out of range\n", names[index].name, optarg);
            return 2;
        }
    }
    if (optind < argc && complain)
        fprintf(stderr, "unknown argument '%s'\n", argv[optind]);
    return optind < argc ? 2 : -1;
}

int batch_next_chunk(const struct batch_options *options, int left, int workers)
{
    const int guided = (int)(left / (4 * (int64_t)workers));
    const int count = options->chunk > 0 ? options->chunk : guided;
    if (count > left)
        return left;
    return count > 0 || left == 0 ? count : 1;
}

static double gflops(const struct batch_options *options, double tasks, double seconds)
{
    const double n = options->size;
    return 2.0 * n * n * n * options->repeat * tasks / seconds * 1e-9;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

double batch_kernel_gflops(const struct batch_options *options)
{
    static double seconds[CALIBRATION_TASKS];
    const double begin = batch_clock();
    double last = begin;
    int done = 0;
    while (done < CALIBRATION_TASKS && (done < 3 || last - begin < CALIBRATION_S)) {
        matmul_batch_task(options->seed + (uint64_t)done, options->size, options->repeat);
        const double now = batch_clock();
        seconds[done++] = now - last;
        last = now;
    }
    qsort(seconds, (size_t)done, sizeof seconds[0], compare_doubles);
    return gflops(options, 1.0, seconds[done / 2]);
}

double batch_sum(const double *results, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += results[i];
    return sum;
}

/* Cores that the ranks can fill at best: a master that computes nothing is not excused. */
static int usable_cores(const struct batch_report *report)
{
    return report->cores < report->ranks ? report->cores : report->ranks;
}

static double efficiency(const struct batch_options *options, const struct batch_report *report)
{
    return gflops(options, options->tasks, report->seconds) /
           (report->kernel_gflops * usable_cores(report));
}

static void write_json(FILE *file, const struct batch_options *o, const struct batch_report *r)
{
    fprintf(file, "{\"peer\": \"%s\", \"mode\": \"batch\", ", r->peer);
    fprintf(file, "\"size\": %d, \"repeat\": %d, \"seed\": %" PRIu64 ", ", o->size, o->repeat,
            o->seed);
    fprintf(file, "\"ranks\": %d, \"hosts\": %d, \"workers\": %d, \"tasks\": %d, ", r->ranks,
            r->hosts, r->workers, o->tasks);
    if (o->chunk > 0)
        fprintf(file, "\"chunk\": %d, \"window\": %d, ", o->chunk, o->window);
    else
        fprintf(file, "\"chunk\": \"%s\", \"window\": %d, ", o->fixed ? "static" : "auto",
                o->window);
    fprintf(file, "\"kernel\": \"%s\", \"seconds\": %.9f, ", matmul_kernel_name(o->size),
            r->seconds);
    fprintf(file, "\"gflops\": %.6f, \"kernel_gflops\": %.6f, ", gflops(o, o->tasks, r->seconds),
            r->kernel_gflops);
    fprintf(file, "\"cores\": %d, \"efficiency\": %.6f, ", r->cores, efficiency(o, r));
    fprintf(file, "\"in_tasks\": %.6f, ", r->busy / (r->seconds * usable_cores(r)));
    fprintf(file, "\"sum\": %.17g, \"per_worker\": [", r->sum);
    for (int i = 0; i < r->workers; i++)
        fprintf(file, "%s{\"rank\": %d, \"tasks\": %d}", i == 0 ? "" : ", ",
                r->ranks - r->workers + i, r->per_worker[i]);
    fputs("]}\n", file);
}

int batch_report_write(const struct batch_options *options, const struct batch_report *report)
{
    if (options->json == NULL) {
        printf("%s: %d tasks on %d ranks in %.4f s, %.2f GFLOP/s, efficiency %.3f, sum %.17g\n",
               report->peer, options->tasks, report->ranks, report->seconds,
               gflops(options, options->tasks, report->seconds), efficiency(options, report),
               report->sum);
        return 0;
    }
    const bool standard = strcmp(options->json, "-") == 0;
    FILE *file = standard ? stdout : fopen(options->json, "we");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", options->json, strerror(errno));
        return 1;
    }
    write_json(file, options, report);
    const bool failed = ferror(file) != 0;
    if ((standard ? fflush(file) : fclose(file)) != 0 || failed) {
        fprintf(stderr, "%s: %s\n", options->json, strerror(errno));
        return 1;
    }
    return 0;
}
