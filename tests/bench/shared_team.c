/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The barrier of a team; team:MEMBERS. With --place children all members are on the ranks there
 * are, so on one without mpirun.
 */
#include "shared.h"

#include <crew/team.h>
#include <stdint.h>
#include <string.h>

struct member {
    crew_team team;
    const struct bench_side *side;
};

static bool pass_on(crew_team team, int64_t *count)
{
    return bench_good(crew_team_bcast(team, count, 1, CREW_INT64, 0));
}

static bool meet(crew_team team, long count)
{
    const crew_barrier barrier = crew_team_barrier(team);
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_barrier_wait(barrier, NULL, CREW_FOREVER));
    return done;
}

static bool measured_block(void *context, long count, double *seconds)
{
    const struct member *member = context;
    int64_t ordered = count;
    if (!pass_on(member->team, &ordered))
        return false;
    const double begin = bench_clock();
    const bool done = meet(member->team, count);
    *seconds = bench_clock() - begin;
    return done;
}

static int measure_in_team(crew_team team, const struct bench_side *side)
{
    struct member member = {team, side};
    int64_t last = 0;
    const int exit_code = bench_report(side, measured_block, &member);
    return exit_code || !pass_on(team, &last);
}

static int run_member(crew_team team, void *arg)
{
    int64_t count = 1;
    bool done = true;
    if (crew_team_rank(team) == 0)
        return measure_in_team(team, arg);
    while (done && count > 0)
        done = pass_on(team, &count) && meet(team, count);
    return !done;
}

/* The main process starts the team, whose member 0 measures. */
static int measure_team(void *arg)
{
    const struct bench_side *side = arg;
    const bool inside = strcmp(side->settings.place, "ranks") == 0;
    const crew_team_attr attr = {
        .size = (int)side->which.size,
        .start_method = inside ? CREW_START_RANK : CREW_START_FORKSERVER,
    };
    return !bench_good(crew_team_run(run_member, side, sizeof *side, &attr));
}

static crew_status make(struct bench_side *sides, int count)
{
    return shared_hand_out(sides, count, CREW_OK);
}

const struct bench_mode shared_team_modes[] = {
    {"team", NULL, make, NULL, NULL, measure_team, NULL, true},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
