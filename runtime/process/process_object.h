/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The process at its home: the object that its state machine (process_home.c), its name
 * (process_names.c) and its place (process_place.c) are about.
 */
#ifndef CREWI_PROCESS_PROCESS_OBJECT_H
#define CREWI_PROCESS_PROCESS_OBJECT_H

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/handles.h"
#include "engine/parking.h"
#include "process/process.h"
#include "process/process_protocol.h"

struct crewi_process {
    struct crewi_object object;
    struct crewi_process_order order; /* what it is to be */
    enum crewi_process_state state;
    int rank, pid, exitcode;
    crew_end_cause cause;
    uint32_t ranks_tried;        /* of those that it may be on, for a place inside one */
    bool abandoned;              /* its creator is gone: nobody will ask */
    bool claims_name;            /* its name is, or is to be, its own alone */
    bool is_unconfirmed;         /* rank 0 has not said yet whether it is; nobody knows its id */
    struct crewi_timer patience; /* how long it may take to end, when it is to */
    int64_t grace_ns;            /* that it was given for that */
    struct crewi_origin starter; /* waits for the start, or for the name */
    struct crewi_parking joins;
    void *arg;
    size_t arg_size;
    struct crewi_shares shares; /* of the handles in the argument, until it has started */
};

static inline bool crewi_process_is_live(const struct crewi_process *process)
{
    return process->state == CREWI_PROCESS_STARTING || process->state == CREWI_PROCESS_RUNNING;
}

/** The process with that id at home here; NULL: there is none, or it is something else's. */
static inline struct crewi_process *crewi_process_at_home(struct crewi_engine *engine, uint64_t id)
{
    return crewi_id_kind(id) == CREWI_KIND_PROCESS
               ? (struct crewi_process *)crewi_engine_find(engine, id)
               : NULL;
}

/** Removes it from the engine and frees it. */
void crewi_process_drop(struct crewi_engine *engine, struct crewi_process *process);

/* process_stop.c */

/** How long a process may take to end after SIGTERM before it is killed: an orphan, and a daemon
 * whose creator leaves in order. */
#define CREWI_ORPHAN_GRACE_NS (500 * CREWI_MILLISECOND)
#define CREWI_END_GRACE_NS (2 * CREWI_SECOND)

/** Has its runner send it a signal, if it is live. */
void crewi_process_stop(struct crewi_engine *engine, struct crewi_process *process, int signal);

/** Kills it unless it ends within @p grace_ns, or within an earlier grace that it has already. */
void crewi_process_expect_end(struct crewi_engine *engine, struct crewi_process *process,
                              int64_t grace_ns);

/** Fires crewi_process::patience. */
void crewi_process_lose_patience(struct crewi_engine *engine, struct crewi_timer *timer);

/* process_names.c */

/** Gives a process that is being made its path, and its name if it has none. ::CREW_ENOMEM,
 * ::CREW_ESTATE too deep */
crew_status crewi_process_give_name(struct crewi_engine *engine, struct crewi_process_order *order);

/** Asks rank 0 for a unique name; the answer is ::CREWI_PROCESS_CLAIMED. ::CREW_ENOMEM */
crew_status crewi_process_claim_name(struct crewi_engine *engine, struct crewi_process *process);

/** Gives a unique name back, if it has one. */
void crewi_process_release_name(struct crewi_engine *engine, struct crewi_process *process);

/** Operations about names: see crewi_process_op and crewi_process_engine_op. */
void crewi_process_hear_claim(struct crewi_engine *engine, const struct crewi_message *message);
void crewi_process_hear_release(struct crewi_engine *engine, const struct crewi_message *message);
void crewi_process_find(struct crewi_engine *engine, const struct crewi_message *message);

/* process_environment.c */

/** Operation ::CREWI_PROCESS_ENVIRONMENT. */
void crewi_process_hear_environment(struct crewi_engine *engine,
                                    const struct crewi_message *message);

/** What a child of @p creator is to apply on that rank, and its size; NULL and 0: nothing. Valid
 * until the creator tells something else, or is gone. */
const void *crewi_process_environment(struct crewi_engine *engine, uint64_t creator, int rank,
                                      size_t *size);

void crewi_process_forget_environment(struct crewi_engine *engine, uint64_t creator);

/* process_place.c */

/** The rank that it is to be on, of those that it may be on: the one with the fewest processes, and
 * of equals the next one in turn. */
int crewi_process_choose_rank(struct crewi_engine *engine, const struct crewi_process *process);

/** The next one after the rank that it could not be started on; -1: all were tried. */
int crewi_process_next_rank(struct crewi_engine *engine, struct crewi_process *process);

/** Bookkeeping: a start is ordered; and what the runner has said how many it has. */
void crewi_process_count_ordered(struct crewi_engine *engine, int rank);
void crewi_process_count_reported(struct crewi_engine *engine, int rank, uint32_t hosted,
                                  bool started);

#endif
