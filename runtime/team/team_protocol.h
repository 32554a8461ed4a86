/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What members, gangs and homes of teams say to each other.
 *
 * The *home* of a team is its creator's rank: it starts the members and hears of their ends. A
 * *gang* is the members of a team on one rank, and what that rank does for them: their requests go
 * there. Each rank calls MPI in two orders that do not depend on each other, its *lanes*: one for
 * the collectives, one for the barrier.
 */
#ifndef CREWI_TEAM_TEAM_PROTOCOL_H
#define CREWI_TEAM_TEAM_PROTOCOL_H

#include "base/funcref.h"
#include "engine/engine.h"

#include <crew/team.h>
#include <stdint.h>

/** The most that a collective brings to a member, or from it. */
#define CREWI_TEAM_BYTES_LIMIT ((uint64_t)1 << 30)

/** Room for the name of a team, so that its members' names have room for a number. */
#define CREWI_TEAM_NAME_SIZE 48

enum crewi_team_lane { CREWI_TEAM_COLLECTIVES, CREWI_TEAM_BARRIER, CREWI_TEAM_LANES };

/** From clients to their own rank. All but CREATE begin with the id. */
enum crewi_team_op {
    CREWI_TEAM_CREATE = 1, /* crewi_team_spec, ranks of the members, the argument -> id */
    CREWI_TEAM_START,      /* id -> nothing */
    CREWI_TEAM_JOIN,       /* id -> nothing */
    CREWI_TEAM_TERMINATE,  /* id -> nothing */
    CREWI_TEAM_MEMBERS,    /* id -> ids of processes */
    CREWI_TEAM_CLOSE,      /* id -> nothing */
    CREWI_TEAM_ENTER,      /* crewi_team_entry: a member says which one it is -> nothing */
    CREWI_TEAM_COLLECT,    /* crewi_team_head, counts, elements -> elements */
    CREWI_TEAM_WAIT,       /* id: at the barrier -> nothing */
    CREWI_TEAM_RESET,      /* id -> nothing */
    CREWI_TEAM_ABORT,      /* id -> nothing */
    CREWI_TEAM_STATE       /* id -> crewi_team_state */
};

/** Between engines; the first two are CREWI_WATCH_SPAWNED and CREWI_WATCH_ENDED. */
enum crewi_team_engine_op {
    CREWI_TEAM_ANNOUNCE = CREWI_ENGINE_OPS + 2, /* home to rank 0: crewi_team_gang, places */
    CREWI_TEAM_BEGIN,   /* rank 0 to all ranks of it, in the same order to each: the same */
    CREWI_TEAM_READY,   /* gang to home: crewi_team_note; a reason behind it if it failed */
    CREWI_TEAM_LEAVE,   /* home to gang: crewi_team_note: the process of a member has ended */
    CREWI_TEAM_LEFT,    /* gang to home: crewi_team_note: and this is what it has not called */
    CREWI_TEAM_ASK,     /* gang to home: crewi_team_note, a reason: stop a lane; the cause says
                           why, and the origin is who waits for it */
    CREWI_TEAM_STOP,    /* home to gangs: crewi_team_note, a reason */
    CREWI_TEAM_STOPPED, /* gang to home: crewi_team_note, crewi_team_what of what it has entered */
    CREWI_TEAM_VERDICT, /* home to gangs: crewi_team_note, crewi_team_what, a reason */
    CREWI_TEAM_CLOSING, /* home to gangs: crewi_team_note: all members have ended */
    CREWI_TEAM_CLOSED,  /* gang to home: crewi_team_note: and there is nothing under way any more */
    CREWI_TEAM_ANNOUNCE_END, /* home to rank 0: crewi_team_gang, places */
    CREWI_TEAM_END,          /* rank 0 to all ranks of it: the same */
    CREWI_TEAM_COLLECTED     /* the transport to its own rank: crewi_team_note */
};

/** A team that is to be. */
struct crewi_team_spec {
    struct crewi_funcref member; /* crewi_team_member() */
    struct crewi_funcref function;
    uint64_t creator;
    uint32_t size;
    uint8_t inside, daemon;
    uint8_t start_method; /* a crew_start_method, of the members' own processes */
    uint8_t reserved[9];
    uint64_t arg_size;
    char name[CREWI_TEAM_NAME_SIZE];
    char creator_name[CREW_NAME_SIZE];
    char creator_path[CREW_NAME_SIZE];
};

_Static_assert(sizeof(struct crewi_team_spec) % 16 == 0, "what follows one is aligned");

/** What a member begins with; its argument follows. */
struct crewi_team_entry {
    uint64_t id;
    uint32_t rank, size; /* in the team */
    uint64_t arg_size;
    uint64_t reserved;
    struct crewi_funcref function;
};

_Static_assert(sizeof(struct crewi_team_entry) % 16 == 0, "what follows one is aligned");

enum crewi_team_kind {
    CREWI_TEAM_BCAST = 1,
    CREWI_TEAM_SCATTER,
    CREWI_TEAM_SCATTERV,
    CREWI_TEAM_GATHER,
    CREWI_TEAM_GATHERV,
    CREWI_TEAM_ALLGATHER,
    CREWI_TEAM_REDUCE,
    CREWI_TEAM_ALLREDUCE,
    CREWI_TEAM_ALLTOALL,
    CREWI_TEAM_SYNC /* no member's: between every few hundred others */
};

/** A collective, as all members of a team call it. */
struct crewi_team_what {
    uint64_t count;  /* elements of each member; not of SCATTERV and GATHERV */
    uint64_t widest; /* of those: bytes that a rank brings, or gets, at most */
    uint32_t root;   /* in the team */
    uint8_t kind, type, operation, reserved;
};

/** In front of what a member brings: first, of the root of SCATTERV and GATHERV, a uint64_t for
 * each member, filled up to a multiple of 16; then its elements. */
struct crewi_team_head {
    uint64_t id;
    uint64_t own_count; /* of SCATTERV and GATHERV: elements of the caller's */
    struct crewi_team_what what;
    /* Where the elements of a member inside the rank are, and are to be, and the counts, when they
     * are in_place; otherwise they are in messages. */
    uint64_t send, receive, counts;
    uint32_t in_place, reserved[3];
};

_Static_assert(sizeof(struct crewi_team_head) % 16 == 0, "elements are aligned");

/** A rank with members; those are neighbours in the team. */
struct crewi_team_place {
    uint32_t rank, first, count;
};

/** In front of the places of a team, ordered by ranks. */
struct crewi_team_gang {
    uint64_t id;
    uint32_t size, place_count;
};

/** Why a lane is stopped. */
enum crewi_team_cause {
    CREWI_TEAM_BREAK = 1, /* collectives from a number on */
    CREWI_TEAM_LOST,      /* the barrier, for good: a member has ended */
    CREWI_TEAM_TIMEOUT,   /* the barrier: at a number */
    CREWI_TEAM_ABORTED,
    CREWI_TEAM_CLEARED, /* who waits is sent away, and it can be used again */
    CREWI_TEAM_LOOK     /* nothing changes */
};

/** Numbers of collectives, or trips of the barrier, that never come. */
#define CREWI_TEAM_NEVER UINT64_MAX

struct crewi_team_note {
    uint64_t id;
    uint64_t number;  /* READY, LEAVE, LEFT: LEFT: the first that the member has not called; ASK,
                         STOP: from which one on; STOPPED: how many the rank has entered; VERDICT:
                         how many all ranks have */
    uint64_t until;   /* VERDICT: how many are to be entered; STOPPED: the first of the whats */
    uint32_t place;   /* of the sender, in the order of places */
    uint32_t member;  /* LEAVE, LEFT */
    uint32_t round;   /* STOP, STOPPED */
    uint32_t waiting; /* STOPPED of the barrier: members that wait there */
    uint32_t count;   /* STOPPED, VERDICT: of the whats */
    int32_t status;   /* READY */
    uint8_t lane, cause;
    uint8_t broken; /* VERDICT of the barrier */
    uint8_t on_way; /* STOPPED of the barrier: the rank has entered what its members wait for */
    uint8_t reserved[4];
    struct crewi_origin origin; /* ASK: who waits for the answer; request 0: nobody */
};

_Static_assert(sizeof(struct crewi_team_note) % 8 == 0, "what follows one is aligned");

struct crewi_team_state {
    uint32_t parties, waiting, broken, reserved;
};

static inline uint64_t crewi_team_pad(uint64_t size)
{
    return (size + 15) & ~(uint64_t)15;
}

#endif
