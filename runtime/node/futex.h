/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sleeping on a word of shared memory, between processes.
 */
#ifndef CREWI_NODE_FUTEX_H
#define CREWI_NODE_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/**
 * Sleeps while the word is @p expected, until a wake with a bit of @p mask, a signal, or @p
 * deadline_ns of CLOCK_MONOTONIC (CREWI_FOREVER: none). May return early; the caller looks again.
 */
void crewi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t mask,
                      int64_t deadline_ns);

/** Wakes up to @p count sleepers that have a bit of @p mask. */
void crewi_futex_wake(_Atomic uint32_t *word, int count, uint32_t mask);

#endif
