/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The home of a team: it starts the members, hears of their ends, and stops the lanes of all gangs
 * when one of them cannot go on. team_home.c: the life of a team; team_round.c: the stops.
 */
#ifndef CREWI_TEAM_TEAM_HOME_H
#define CREWI_TEAM_TEAM_HOME_H

#include "base/error.h"
#include "engine/handles.h"
#include "engine/parking.h"
#include "team/team_protocol.h"

#include <stdbool.h>

enum crewi_team_stage {
    CREWI_TEAM_NEW,
    CREWI_TEAM_PREPARING, /* gangs are made */
    CREWI_TEAM_STARTING,  /* members are started */
    CREWI_TEAM_RUNNING,
    CREWI_TEAM_OVER
};

struct crewi_team_member {
    uint64_t process; /* 0: it was not started */
    uint32_t rank;    /* of the job */
    bool live;
    bool starting;
    int wait_status;
};

/** A stop that was asked for. */
struct crewi_team_ask {
    struct crewi_team_ask *next;
    struct crewi_team_note note;
    char reason[CREWI_ERROR_SIZE];
};

/** The stop of a lane. */
struct crewi_team_round {
    struct crewi_team_ask *asks; /* the first one is the one at hand, while missing is not 0 */
    uint32_t number, missing;
    uint64_t least, most;          /* of what ranks have entered */
    struct crewi_team_what *whats; /* from the limit on */
    uint32_t count;
    uint32_t waiting;     /* at the barrier, at ranks that have not entered the trip */
    uint32_t top_waiting; /* at those that have entered the last one */
};

struct crewi_team {
    struct crewi_shared shared;
    struct crewi_team_spec spec;
    char *arg;
    enum crewi_team_stage stage;
    struct crewi_team_member *members;
    struct crewi_team_place *places;
    uint32_t place_count, unready;
    uint32_t live, starting, leaving;
    struct crewi_origin starter;
    crew_status start_status;
    char start_reason[CREWI_ERROR_SIZE];
    int first_failed; /* -1: none */
    struct crewi_parking joins;
    struct crewi_team_round rounds[CREWI_TEAM_LANES];
    uint64_t limit;                    /* members enter no collective from here on */
    bool barrier_broken, barrier_lost; /* lost: for good */
    char barrier_reason[CREWI_ERROR_SIZE];
    bool gangs_made, closing, unreferenced;
};

/** Calls of the creator. */
void crewi_team_home_create(struct crewi_engine *engine, const struct crewi_message *message);
void crewi_team_home_request(struct crewi_engine *engine, const struct crewi_message *message);

/** Notes of gangs, checked. */
void crewi_team_home_note(struct crewi_engine *engine, const struct crewi_message *message);

/** What happens to its members' processes. */
void crewi_team_home_watch(struct crewi_engine *engine, struct crewi_team *team,
                           const struct crewi_message *message);

void crewi_team_home_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared);
void crewi_team_home_destroy(struct crewi_engine *engine, struct crewi_object *object);

/** Goes on with the end of one whose members have all ended; it may be gone then. */
void crewi_team_home_conclude(struct crewi_engine *engine, struct crewi_team *team);

/* team_round.c */

/** Stops a lane, now or after the stop that is under way. */
void crewi_team_ask(struct crewi_engine *engine, struct crewi_team *team,
                    const struct crewi_team_note *note, const char *reason);

/** A gang has stopped. */
void crewi_team_stopped(struct crewi_engine *engine, struct crewi_team *team,
                        const struct crewi_message *message);

bool crewi_team_is_calm(const struct crewi_team *team);
void crewi_team_drop_rounds(struct crewi_team *team);

#endif
