/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * How much a child may take: resident memory, processor time, time.
 *
 * Its fork server looks at it on a clock, and kills it. Between two looks a child could take all
 * the memory of the node, and a server that was killed looks at nothing: so the child also gets the
 * kernel's limits, wide enough that the server's look comes first.
 */
#ifndef CREWI_NODE_LIMITS_H
#define CREWI_NODE_LIMITS_H

#include <crew/process.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** 0: none. */
struct crewi_limits {
    uint64_t memory; /* bytes that are resident */
    int64_t cpu_ns, wall_ns;
};

/** Why a child was killed that was not through with a task of its own at its deadline
 * (deadline.h). */
#define CREWI_END_TASK_LIMIT ((crew_end_cause)(CREW_END_WALL_LIMIT + 1))

/** Child: sets the kernel's limits behind these. */
void crewi_limits_apply(const struct crewi_limits *limits);

/** Which limit a child that began @p age_ns ago is over; ::CREW_END_NONE: none, or it is gone. */
crew_end_cause crewi_limits_check(const struct crewi_limits *limits, pid_t pid, int64_t age_ns);

/** Nanoseconds until it has to be looked at again; INT64_MAX: never. */
int64_t crewi_limits_next(const struct crewi_limits *limits, int64_t age_ns);

#endif
