/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams in a fake job: what a creator asks, and what members do, played step by step. */
#ifndef CREW_TESTS_TEAMS_H
#define CREW_TESTS_TEAMS_H

#include "processes.h"
#include "team/gang.h"
#include "team/team_home.h"

#define TEAM_MEMBERS 8

/** A team of up to so many members, and its creator on rank 0. */
struct teams {
    struct fake_job *job;
    struct fake_client creator;
    uint64_t id;
    uint32_t size;
    struct fake_child *members[TEAM_MEMBERS];
};

void teams_begin(struct teams *teams, uint32_t rank_count);

/** Closes the team, and expects that nothing is left of it. */
void teams_end(struct teams *teams);

/** Asks for one with members on these ranks; it is not started. */
void team_create(struct teams *teams, const uint32_t *ranks, uint32_t size);

/** A request about the team of no more than its id. */
uint64_t team_ask(struct teams *teams, struct fake_client *client, uint8_t op, int64_t timeout_ns);

/** Its processes, as the ranks were asked for them; not started yet. */
void team_find_members(struct teams *teams);

/** Starts it: all members run, and have entered. */
void team_start(struct teams *teams);

/** A broadcast of a number from member 0, or a sum; the request's. */
uint64_t team_bcast(struct teams *teams, uint32_t member, int64_t value);
uint64_t team_sum(struct teams *teams, uint32_t member, int64_t value);

/** The end of a member, which the job is not run for. */
void team_end_member(struct teams *teams, uint32_t member, int wait_status);

/** Whether any rank has a gang of it. */
bool team_has_gangs(const struct teams *teams);

#endif
