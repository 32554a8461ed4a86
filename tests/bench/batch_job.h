/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the hand-written programs of the batch comparison share: their options, the speed of the
 * kernel alone, and the report. Nothing here knows MPI.
 */
#ifndef BENCH_BATCH_JOB_H
#define BENCH_BATCH_JOB_H

#include <stdbool.h>
#include <stdint.h>

/** What to run: tasks 0 to tasks - 1, task i being matmul_batch_task(seed + i, size, repeat). */
struct batch_options {
    int size;
    int repeat;
    int tasks;
    uint64_t seed;
    int chunk;        /**< Tasks in a message; 0: guided, from tasks / (4 * workers) down to 1. */
    int window;       /**< Messages in flight for each worker. */
    bool fixed;       /**< Equal blocks, decided in advance, instead of chunks on demand. */
    const char *json; /**< File for the report, "-" for standard output, NULL for a sentence. */
};

/** What came out. */
struct batch_report {
    const char *peer;
    int ranks;
    int hosts;
    int workers;
    int cores;            /**< Processors that the ranks may use, over all hosts. */
    double seconds;       /**< From the first hand-out to the last result. */
    double busy;          /**< Processor time of all tasks, s. */
    double kernel_gflops; /**< One task after the other on one core. */
    double sum;           /**< Of the results, added in the order of the tasks. */
    int *per_worker;      /**< Tasks done by each. */
};

/** Seconds on a clock that only runs forwards. */
double batch_clock(void);

/** Seconds that the calling thread has had a processor. */
double batch_cpu_clock(void);

/**
 * Reads the options into `options`.
 *
 * @param complain  whether to write on standard error what is wrong, and --help on standard output:
 *     one of the ranks does.
 * @return -1 to go on, else the exit status: 0 after --help, 2 for wrong use.
 */
int batch_options_read(struct batch_options *options, int argc, char **argv, bool complain);

/** Tasks in the chunk that follows when `left` are left. */
int batch_next_chunk(const struct batch_options *options, int left, int workers);

/**
 * Measures the kernel alone, with tasks of the batch for 0.2 s (at least three of them), in
 * GFLOP/s: the median, since the machine may be interrupted.
 */
double batch_kernel_gflops(const struct batch_options *options);

/** Adds up the results one by one, so that the sum is the same bits for every program. */
double batch_sum(const double *results, int count);

/** Writes the report where the options say. Returns the exit status: 0, or 1 if it cannot. */
int batch_report_write(const struct batch_options *options, const struct batch_report *report);

#endif
