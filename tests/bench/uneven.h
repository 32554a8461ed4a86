/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Tasks that differ in length, the same for all programs of compare_schedules: how long each is, in
 * iterations of a loop, and that loop. A shared library, so that Python runs the same code.
 */
#ifndef BENCH_UNEVEN_H
#define BENCH_UNEVEN_H

#include <stdbool.h>

/**
 * Chooses lengths. even: all the same; random: exponentially distributed; rising: from nothing to
 * twice the mean; bimodal: nine of ten half of the mean, one five and a half times that.
 *
 * @param iterations  of each task, set; at least 1
 * @return false for another word
 */
bool uneven_choose(const char *lengths, long mean, long count, long *iterations);

/** One task. Returns the processor time that it took, in seconds. */
double uneven_run(long iterations);

/** Seconds / (all processor time of the tasks / cores): 1 would be ideal. 0 when a task was not
 * run. */
double uneven_over_ideal(double seconds, const double *tasks_s, long count, long cores);

#endif
