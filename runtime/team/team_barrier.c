/* SPDX-License-Identifier: BSD-3-Clause */
/* The barrier of a team, behind the calls of <crew/barrier.h>. */
#include "base/clock.h"
#include "base/error.h"
#include "sync/barrier_ops.h"
#include "team/team_call.h"

static crew_status ask(const char *name, crew_barrier barrier, enum crewi_team_op op,
                       int64_t timeout_ns)
{
    crew_status status = crewi_team_check(name, barrier.id);
    if (status)
        return status;
    struct crewi_call call = crewi_team_call(op, &barrier.id);
    call.timeout_ns = timeout_ns;
    return crewi_call(&call, NULL);
}

static crew_status wait(crew_barrier barrier, int *index, double timeout_s)
{
    crew_status status =
        ask("crew_barrier_wait", barrier, CREWI_TEAM_WAIT, crewi_timeout_ns(timeout_s));
    if (!status && index)
        *index = crew_team_rank((crew_team){barrier.id});
    return status;
}

static crew_status reset(crew_barrier barrier)
{
    return ask("crew_barrier_reset", barrier, CREWI_TEAM_RESET, CREWI_FOREVER);
}

static crew_status abort_waits(crew_barrier barrier)
{
    return ask("crew_barrier_abort", barrier, CREWI_TEAM_ABORT, CREWI_FOREVER);
}

static crew_status get_state(crew_barrier barrier, crew_barrier_state *state)
{
    struct crewi_team_state found;
    crew_status status = crewi_team_check("crew_barrier_get_state", barrier.id);
    if (status)
        return status;
    struct crewi_call call = crewi_team_call(CREWI_TEAM_STATE, &barrier.id);
    status = crewi_call_fixed(&call, &found, sizeof found);
    if (!status)
        *state = (crew_barrier_state){
            .parties = (int)found.parties, .n_waiting = (int)found.waiting, .broken = found.broken};
    return status;
}

/* It is closed with the team. */
static crew_status close_barrier(crew_barrier barrier)
{
    return crewi_team_check("crew_barrier_close", barrier.id);
}

void crewi_teams_init(void)
{
    static const struct crewi_barrier_ops ops = {.wait = wait,
                                                 .reset = reset,
                                                 .abort = abort_waits,
                                                 .get_state = get_state,
                                                 .close = close_barrier};
    crewi_barrier_set_team_ops(&ops);
}
