/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A gang: the members of a team on one rank, and what that rank does for them.
 *
 * It exists from before the members start until all members of the team have ended, and belongs to
 * nobody's handle. gang.c: its life and its lanes; gang_collect.c: the collectives; gang_barrier.c:
 * the barrier.
 */
#ifndef CREWI_TEAM_GANG_H
#define CREWI_TEAM_GANG_H

#include "base/error.h"
#include "engine/handles.h"
#include "team/lane.h"
#include "team/transfer.h"

/** Requests, notes and hooks of teams. */
extern const struct crewi_kind crewi_team_kind;

struct crewi_gang;

struct crewi_gang_member {
    struct crewi_timer patience; /* first: a timer is its member; at the barrier */
    struct crewi_gang *gang;
    uint64_t process;          /* 0: it has not entered */
    struct crewi_frame *frame; /* what it has brought to a collective; NULL: it has not come */
    bool waits;                /* at the barrier */
    struct crewi_origin waiter;
};

struct crewi_gang {
    struct crewi_gang *next; /* of this rank */
    uint64_t id;
    struct crewi_layout layout;
    struct crewi_team_place *places;
    struct crewi_group *group; /* NULL: there is no other rank */
    struct crewi_lane lanes[CREWI_TEAM_LANES];
    struct crewi_gang_member *members;
    struct crewi_frame **frames;                  /* those of all members, while they are moved */
    uint32_t arrived, waiting;                    /* members, at a collective, at the barrier */
    struct crewi_transfer transfer;               /* of the collective under way */
    enum crewi_lane_step steps[CREWI_TEAM_LANES]; /* what is under way */
    bool frozen;                                  /* the barrier, until the verdict */
    bool held;                                    /* its last trip has completed meanwhile */
    bool barrier_broken;
    bool closing; /* the home is to hear when nothing is under way any more */
    char reason[CREWI_ERROR_SIZE], barrier_reason[CREWI_ERROR_SIZE];
};

/** NULL when it is not here. */
struct crewi_gang *crewi_gang_find(const struct crewi_engine *engine, uint64_t id);

static inline uint32_t crewi_gang_count(const struct crewi_gang *gang)
{
    return crewi_layout_count(&gang->layout);
}

/** The home's rank. */
static inline uint32_t crewi_gang_home(const struct crewi_gang *gang)
{
    return crewi_id_home(gang->id);
}

/** A note in its name. */
struct crewi_team_note crewi_gang_note(const struct crewi_gang *gang, enum crewi_team_lane lane);

/** Sends one, with something behind it. */
void crewi_team_tell(struct crewi_engine *engine, uint32_t rank, uint8_t op,
                     const struct crewi_team_note *note, const void *body, size_t size);

/** Enters whatever can be entered on a lane. */
void crewi_gang_go_on(struct crewi_engine *engine, struct crewi_gang *gang,
                      enum crewi_team_lane lane);

/** Enters MPI; true if it is over already, as there is no other rank. */
bool crewi_gang_enter(struct crewi_engine *engine, struct crewi_gang *gang,
                      enum crewi_team_lane lane, const struct crewi_collective *call);

/** Notes and requests of members. */
void crewi_gang_request(struct crewi_engine *engine, const struct crewi_message *message);
void crewi_gang_note_in(struct crewi_engine *engine, const struct crewi_message *message);

/** The engine ends. */
void crewi_gangs_fini(struct crewi_engine *engine);

/* gang_collect.c */

/** A member has come with what it brings. Takes the frame. */
void crewi_gang_collect(struct crewi_engine *engine, struct crewi_gang *gang,
                        struct crewi_gang_member *member, const struct crewi_message *message);

/** All are here: puts it together, and enters it. */
void crewi_gang_begin(struct crewi_engine *engine, struct crewi_gang *gang);

/** Enters what others wait for. */
void crewi_gang_fill(struct crewi_engine *engine, struct crewi_gang *gang);

/** The one under way is over. */
void crewi_gang_collected(struct crewi_engine *engine, struct crewi_gang *gang, crew_status status);

/** Sends those away who have come, and for what nobody will. */
void crewi_gang_refuse(struct crewi_engine *engine, struct crewi_gang *gang);

/** Asks the home to break the team at the current collective; the reason is in
 * crew_error_message(). */
void crewi_gang_ask_break(struct crewi_engine *engine, struct crewi_gang *gang);

/** A member inside this rank was asked to end. */
void crewi_gang_client_ends(struct crewi_engine *engine, uint64_t process);

/* gang_barrier.c */

void crewi_gang_wait(struct crewi_engine *engine, struct crewi_gang *gang,
                     struct crewi_gang_member *member, const struct crewi_message *message);

/** Asks the home to stop the barrier, for a cause. */
void crewi_gang_ask_barrier(struct crewi_engine *engine, struct crewi_gang *gang,
                            enum crewi_team_cause cause, const struct crewi_origin *origin,
                            const char *reason);

void crewi_gang_tripped(struct crewi_engine *engine, struct crewi_gang *gang);

/** Whether the rank has entered what its members wait for, and they have no answer yet. */
bool crewi_gang_is_on_way(const struct crewi_gang *gang);

/** Stops it, until the verdict. */
void crewi_gang_freeze(struct crewi_gang *gang);
void crewi_gang_judge(struct crewi_engine *engine, struct crewi_gang *gang,
                      const struct crewi_team_note *note);

/** A member waits no more. */
void crewi_gang_release(struct crewi_engine *engine, struct crewi_gang_member *member);

#endif
