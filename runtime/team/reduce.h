/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Types and operations of collectives: what goes with what, and combining on one rank.
 */
#ifndef CREWI_TEAM_REDUCE_H
#define CREWI_TEAM_REDUCE_H

#include <crew/team.h>
#include <stdbool.h>
#include <stddef.h>

/** Whether elements of that type can be combined in that way, as MPI has it. */
bool crewi_operation_fits(int type, int operation);

/** sum[i] = sum[i] OPERATION other[i], for @p count elements, aligned to their size. */
void crewi_combine(int type, int operation, void *sum, const void *other, size_t count);

#endif
