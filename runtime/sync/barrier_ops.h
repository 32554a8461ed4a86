/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Barriers of another folder, behind the calls of <crew/barrier.h>: those of teams, whose handles
 * are of the kind ::CREWI_KIND_TEAM. Each function words its own errors.
 */
#ifndef CREWI_SYNC_BARRIER_OPS_H
#define CREWI_SYNC_BARRIER_OPS_H

#include <crew/barrier.h>

struct crewi_barrier_ops {
    crew_status (*wait)(crew_barrier barrier, int *index, double timeout_s);
    crew_status (*reset)(crew_barrier barrier);
    crew_status (*abort)(crew_barrier barrier);
    crew_status (*get_state)(crew_barrier barrier, crew_barrier_state *state);
    crew_status (*close)(crew_barrier barrier);
};

/** Before the first call, in ranks and in children. */
void crewi_barrier_set_team_ops(const struct crewi_barrier_ops *ops);

#endif
