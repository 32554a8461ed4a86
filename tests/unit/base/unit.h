/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What every unit test begins with: cmocka behind the headers that it needs, and random numbers
 * that repeat.
 */
#ifndef CREW_TESTS_UNIT_H
#define CREW_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** The next number of a series (xorshift64*); the state is any number but 0. */
static inline uint64_t unit_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

/** One of 0 to below - 1. */
static inline uint64_t unit_random_below(uint64_t *state, uint64_t below)
{
    return (unit_random(state) >> 11) % below;
}

#endif
