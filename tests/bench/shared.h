/* SPDX-License-Identifier: BSD-3-Clause */
/** @file The modes of bench_shared, and how they run their blocks. */
#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

#include "sides.h"

extern const struct bench_mode shared_lock_modes[];
extern const struct bench_mode shared_wait_modes[];
extern const struct bench_mode shared_data_modes[];
extern const struct bench_mode shared_container_modes[];
extern const struct bench_mode shared_team_modes[];

/** Does so many operations. */
typedef bool shared_block(const struct bench_side *side, long count);

/** Side 0: measures @p block and orders the same from the others; an operation is the share
 * @p share of a round. Returns an exit code. */
int shared_measure(const struct bench_side *side, shared_block *block, double share);

/** Another side: does what is ordered, until nothing is any more. Returns an exit code. */
int shared_serve(const struct bench_side *side, shared_block *block);

/** So many parties as the case says, side 0 being one. */
int shared_parties(const struct bench_case *which);

/** Gives all sides the handles of side 0, and makes their queues; @p status is that of making these
 * handles. */
crew_status shared_hand_out(struct bench_side *sides, int count, crew_status status);

#endif
