/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the calls of <crew/team.h> share: team.c, team_collect.c and team_barrier.c.
 */
#ifndef CREWI_TEAM_TEAM_CALL_H
#define CREWI_TEAM_TEAM_CALL_H

#include "engine/client.h"
#include "team/team_protocol.h"

#include <crew/team.h>

/** The team that a process works for. */
struct crewi_membership {
    uint64_t id; /* 0: none */
    uint32_t rank, size;
};

/** ::CREW_EINVAL it is no team at all; ::CREW_ESTATE not inside crew_run() */
crew_status crewi_team_check(const char *call, uint64_t id);

/** The caller's place in that team; NULL when it is no member. */
const struct crewi_membership *crewi_team_membership(uint64_t id);

/** A call to the own rank about a team. */
struct crewi_call crewi_team_call(enum crewi_team_op op, const uint64_t *id);

/** Runs a member: what its process is started with. */
int crewi_team_member(void *arg);

/** Has barriers of teams work: before the fork server begins. */
void crewi_teams_init(void);

#endif
