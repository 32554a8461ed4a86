/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Random numbers that are the same everywhere for the same seed (splitmix64).
 */
#ifndef CREW_TESTS_SIM_RANDOM_H
#define CREW_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

/** Sequences of one seed that have nothing to do with each other. */
void sim_random_begin(struct sim_random *random, uint64_t seed, uint64_t sequence);

uint64_t sim_random_next(struct sim_random *random);

/** From 0 to @p limit - 1; 0 for a limit of 0. */
uint64_t sim_below(struct sim_random *random, uint64_t limit);

/** From @p low to @p high, both included. */
uint64_t sim_between(struct sim_random *random, uint64_t low, uint64_t high);

/** True so often in a thousand. */
bool sim_chance(struct sim_random *random, uint64_t per_mille);

/** A duration about as long as the typical one; sometimes much longer, seldom very much. */
int64_t sim_delay_ns(struct sim_random *random, int64_t typical_ns);

#endif
