/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The messages about locks, semaphores, conditions, events and barriers.
 *
 * A client asks its own rank's agent, which passes the request on to the home unless it can answer
 * itself. Every request begins with a crewi_sync_head.
 */
#ifndef CREWI_SYNC_SYNC_PROTOCOL_H
#define CREWI_SYNC_SYNC_PROTOCOL_H

#include "base/funcref.h"
#include "engine/engine.h"
#include "node/arena.h"

#include <crew/barrier.h>
#include <crew/process.h>
#include <crew/semaphore.h>

enum crewi_sync_type {
    CREWI_SYNC_LOCK = 1,
    CREWI_SYNC_RLOCK,
    CREWI_SYNC_SEMAPHORE,
    CREWI_SYNC_EVENT,
    CREWI_SYNC_BARRIER
};

/** What clients ask of their agents, and, with ::CREWI_ENGINE_OPS added, these of the home. */
enum crewi_sync_op {
    CREWI_SYNC_CREATE = 1, /* agent: crewi_sync_spec -> crewi_sync_description */
    CREWI_SYNC_OPEN,       /* agent -> crewi_sync_description */
    CREWI_SYNC_CLOSE,      /* agent -> nothing */
    CREWI_SYNC_ACQUIRE,   /* lock, semaphore -> nothing, later; CREW_EOWNERDEAD: a lock was acquired
                             all the same */
    CREWI_SYNC_RELEASE,   /* lock, semaphore -> nothing; as a note: of a lock, if the sender holds
                             it still */
    CREWI_SYNC_VALUE,     /* what the word says, without CREWI_WORD_QUEUED -> uint64_t */
    CREWI_SYNC_SET,       /* event -> nothing; as a note: wake those who wait if it is set */
    CREWI_SYNC_CLEAR,     /* event -> nothing */
    CREWI_SYNC_WAIT,      /* event -> nothing, later */
    CREWI_SYNC_CONDITION, /* lock: a new condition -> uint64_t, its number */
    CREWI_SYNC_RELEASE_AND_WAIT, /* lock: number of the condition -> nothing, later; CREW_ETIMEDOUT,
                                    CREW_EOWNERDEAD: the lock was acquired again all the same */
    CREWI_SYNC_NOTIFY,           /* lock: number, value: how many -> nothing */
    CREWI_SYNC_ARRIVE,           /* barrier -> crewi_sync_arrival, later */
    CREWI_SYNC_ACTION_DONE,      /* barrier: value: the status of the action -> nothing */
    CREWI_SYNC_RESET,            /* barrier -> nothing */
    CREWI_SYNC_ABORT,            /* barrier -> nothing */
    CREWI_SYNC_STATE             /* barrier -> crew_barrier_state */
};

#define CREWI_SYNC_LAST_OP CREWI_SYNC_STATE

/** Between engines. */
enum crewi_sync_engine_op {
    CREWI_SYNC_RELEASED = CREWI_ENGINE_OPS + 64 /* note to the home: a process has closed its copy,
                                                   or has ended; it is the value */
};

struct crewi_sync_head {
    uint64_t id;
    uint64_t number; /* of a condition */
    int64_t value;
};

struct crewi_sync_spec {
    uint32_t type;
    int32_t reserved;
    int64_t value;      /* semaphore: the first value; barrier: parties */
    int64_t limit;      /* semaphore: the largest value */
    int64_t timeout_ns; /* barrier: of waits without one */
    uint32_t arg_size;  /* barrier: of the action's argument, which follows the function */
    uint32_t has_action;
    char name[CREW_NAME_SIZE];
    struct crewi_funcref action;
};

/** What clients know of an object: enough to use its word, if they can map it. */
struct crewi_sync_description {
    uint64_t id;
    uint32_t type;
    uint32_t reserved;
    uint64_t limit;     /* of a semaphore */
    int64_t timeout_ns; /* of a barrier's waits without one */
    struct crewi_place place;
    char name[CREW_NAME_SIZE];
};

_Static_assert(sizeof(struct crewi_sync_description) <= CREWI_DESCRIPTION_SIZE,
               "it is passed on to ranks that attach");

/** With the action and its argument behind it when they are to be called. */
struct crewi_sync_arrival {
    int32_t index;
    uint32_t has_action;
    uint64_t trip; /* for ACTION_DONE, as its number */
};

#endif
