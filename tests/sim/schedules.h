/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * One map of a pool of many workers in virtual time: what schedules.c compares.
 */
#ifndef CREW_TESTS_SIM_SCHEDULES_H
#define CREW_TESTS_SIM_SCHEDULES_H

#include <crew/pool.h>
#include <stdbool.h>
#include <stdint.h>

/** What the tasks take: all the same; exponentially distributed; from nothing to twice the mean, in
 * the order of their indices; nine of ten half of the mean, and one five and a half times that. */
enum lengths { LENGTHS_EVEN, LENGTHS_RANDOM, LENGTHS_RISING, LENGTHS_BIMODAL };

struct schedules_settings {
    uint32_t workers;
    uint64_t tasks;   /* for each worker */
    int64_t mean_ns;  /* of a task */
    int64_t cost_ns;  /* of each message at the home, in and out */
    int64_t delay_ns; /* of each message under way */
    int schedule;     /* a crew_schedule */
    enum lengths lengths;
    bool no_stealing;
    uint64_t seed;
};

struct schedules_outcome {
    double efficiency; /* all work / workers / time from the submission to the end */
    uint64_t messages; /* to the home, of the map */
    double real_us;    /* that the home has really taken for each of them */
    double real_start_ms;
};

/** The efficiency of tasks that go one by one, in their order, to the workers as they become free,
 * if that took no time: nobody who does not know the lengths can count on more. */
double schedules_greedy(const struct schedules_settings *settings);

/** Ends the program when something is not as it has to be. */
void schedules_run(const struct schedules_settings *settings, struct schedules_outcome *outcome);

#endif
