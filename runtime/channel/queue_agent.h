/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The agent of a queue: what a rank that uses it keeps for it. Its clients' requests come here, and
 * are passed on to the home.
 *
 * What its processes put into an unbounded queue is held until the end of the engine's round, and
 * goes to the home in one message. A scattered queue's items stay here, until somebody asks.
 */
#ifndef CREWI_CHANNEL_QUEUE_AGENT_H
#define CREWI_CHANNEL_QUEUE_AGENT_H

#include "channel/queue_items.h"
#include "channel/queue_protocol.h"
#include "engine/handles.h"

/** What a scattered queue's items may take on a rank before they are passed on all the same. */
#define CREWI_QUEUE_HOLD_LIMIT ((uint64_t)4 << 20)

/** And those of all ranks together: a gather of them and of what the home has fits into a message.
 */
#define CREWI_QUEUE_HOLDS_LIMIT ((uint64_t)512 << 20)

struct crewi_queue_agent {
    uint64_t id;
    struct crewi_queue_agent *next, **link; /* of this rank; what points to this one */
    struct crewi_queue_agent *next_due;
    bool is_due; /* it has something to send at the end of the round */
    struct crewi_queue_items hold;
    struct crewi_queue_items late; /* puts that wait until it may pass on again */
    bool unbounded, scattered;
    bool passing;        /* scattered, and items are to go home all the same */
    uint32_t frozen;     /* gathers to come, until which nothing may go */
    uint64_t late_flush; /* a round to answer after those; 0: none */
    uint64_t *cancelled; /* processes whose items are to be dropped at their end */
    size_t cancelled_count;
};

/** Requests, notes and hooks of queues. */
extern const struct crewi_kind crewi_queue_kind;

/** Has what is held sent at the end of the round, unless it is to stay. */
void crewi_queue_agent_settle_later(struct crewi_engine *engine, struct crewi_queue_agent *agent);

/** Sends what is held to the home. */
void crewi_queue_agent_flush(struct crewi_engine *engine, struct crewi_queue_agent *agent);

/** Tells the home, or whoever it is. */
void crewi_queue_agent_tell(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                            const struct crewi_queue_note *note);

/** Has a note come to this rank once more, behind all that its children have sent by now. */
void crewi_queue_behind_children(struct crewi_engine *engine, uint8_t op,
                                 const struct crewi_queue_note *note);

/** NULL when this rank does not know the queue. */
struct crewi_queue_agent *crewi_queue_agent_find(struct crewi_engine *engine, uint64_t id);

/** Answers a round: all that was put here is on its way. */
void crewi_queue_agent_flushed(struct crewi_engine *engine, struct crewi_queue_agent *agent,
                               const struct crewi_queue_note *note);

/** It has taken part in a gather: what is held may go again, unless another one is to come. */
void crewi_queue_agent_unfreeze(struct crewi_engine *engine, struct crewi_queue_agent *agent);

/* queue_gather.c */

/** Rank 0 tells all ranks. */
void crewi_queue_gather_announce(struct crewi_engine *engine, const struct crewi_queue_note *note);

/** Takes part in a gather. */
void crewi_queue_gather_join(struct crewi_engine *engine, const struct crewi_queue_note *note);

/** What came of it, at the root. Takes the frame. */
void crewi_queue_gather_done(struct crewi_engine *engine, const struct crewi_message *message);

#endif
