/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The agent of an end of a pipe on a rank: see pipe_protocol.h. The outlet is in outlet.c, the
 * inlet in inlet.c and inlet_move.c, both sides of large messages in large_send.c and
 * large_receive.c.
 */
#ifndef CREWI_CHANNEL_PIPE_AGENT_H
#define CREWI_CHANNEL_PIPE_AGENT_H

#include "channel/pipe_protocol.h"
#include "engine/engine.h"
#include "engine/handles.h"
#include "engine/parking.h"

struct crewi_pipe_agent;
struct crewi_waiting_send;
struct crewi_large_send;
struct crewi_large_receive;

/** Sends to the other end's stream. */
struct crewi_outlet {
    uint32_t location; /* of that stream, as far as we know */
    bool readers_gone;
    bool hurrying;               /* the location knows that we wait for room */
    uint64_t numbered, reported; /* items sent; of these, those that the home knows of */
    uint64_t under_way;          /* what they count for, without those that were received */
    struct crewi_waiting_send *waiting, **last_waiting;
    struct crewi_large_send *larges;
};

/** What an inlet knows of a rank that sends to it. */
struct crewi_source {
    uint32_t rank;
    bool hurry;                /* it waits for room */
    uint64_t next;             /* the number of the next item */
    uint64_t owed;             /* credit */
    struct crewi_frames early; /* items that came before that, in their order */
};

enum crewi_inlet_place { CREWI_INLET_ELSEWHERE, CREWI_INLET_COMING, CREWI_INLET_HERE };

/** Keeps the end's stream. */
struct crewi_inlet {
    enum crewi_inlet_place place;
    uint32_t next;    /* ELSEWHERE: where it went, or the home */
    bool fetching;    /* the home knows that we want it */
    bool held;        /* and the location that has it keeps it for now */
    uint64_t fetches; /* the number of the last one */
    uint32_t missing; /* COMING: STATE_ITEMs that have not come yet */
    struct crewi_frames items;
    uint64_t taken, end_at; /* items received; at how many it ends */
    struct crewi_source *sources;
    uint32_t source_count;
    bool serving;
    struct crewi_parking receives, waits; /* first in the struct of their own: see inlet.c */
    struct crewi_frames early;            /* COMING: what came for the stream before it was here */
    struct crewi_frames pending; /* requests until it is known whether it comes or is held */
    bool wanted;                 /* it is to move to wanted_by */
    bool served;                 /* a client since then */
    uint32_t wanted_by;
    struct crewi_large_receive *larges; /* that clients here are receiving */
};

struct crewi_pipe_agent {
    uint64_t end, other;
    uint64_t capacity;
    bool sends, receives;
    struct crewi_outlet outlet;
    struct crewi_inlet inlet;
};

/** Kept for each rank: engine->states[CREWI_KIND_PIPE]. */
struct crewi_pipes {
    uint64_t last_ticket;
};

/** The agent of an end on this rank; NULL when there is none. */
struct crewi_pipe_agent *crewi_pipe_agent_find(const struct crewi_engine *engine, uint64_t end);

/** Says something about a stream. */
void crewi_pipe_tell(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                     const struct crewi_pipe_note *note);
void crewi_pipe_tell_large(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                           const struct crewi_pipe_large_note *note);

/** Reads a note of exactly @p size bytes at the front of a message, with a rank that there is (of
 * either kind). False when it cannot be one. */
bool crewi_pipe_read_note(const struct crewi_engine *engine, const struct crewi_message *message,
                          struct crewi_pipe_note *note);
bool crewi_pipe_read_large(const struct crewi_engine *engine, const struct crewi_message *message,
                           struct crewi_pipe_large_note *note);

/** Takes a message's frame over. */
static inline struct crewi_frame *crewi_pipe_take_frame(const struct crewi_message *message)
{
    struct crewi_frame *frame = *message->frame;
    *message->frame = NULL;
    return frame;
}

static inline struct crewi_pipe_item *crewi_pipe_item_of(struct crewi_frame *frame)
{
    return (struct crewi_pipe_item *)(void *)frame->payload;
}

/** What an item counts for while it is under way. */
uint64_t crewi_pipe_item_cost(const struct crewi_pipe_item *item);

/** The shares behind a message; *count of them. */
const struct crewi_share *crewi_pipe_item_shares(struct crewi_frame *frame, size_t *count);

/** Whether the payload is an item, as it says itself. */
bool crewi_pipe_item_is_sound(const struct crewi_engine *engine, const struct crewi_frame *frame);

/** Drops an item that nobody receives, with its shares. */
void crewi_pipe_item_drop(struct crewi_engine *engine, struct crewi_frame *frame);

/* outlet.c */

void crewi_outlet_init(struct crewi_outlet *outlet,
                       const struct crewi_pipe_description *description);
void crewi_outlet_fini(struct crewi_engine *engine, struct crewi_outlet *outlet);

/** A client's SEND. */
void crewi_outlet_send(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       const struct crewi_message *message);

/** Numbers an item that needs no room, and sends it. */
void crewi_outlet_send_item(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                            struct crewi_frame *frame);

void crewi_outlet_credit(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                         uint64_t bytes);
void crewi_outlet_moved(struct crewi_outlet *outlet, uint32_t rank);
void crewi_outlet_readers_gone(struct crewi_engine *engine, struct crewi_pipe_agent *agent);

/** A process has closed its copy: what it still sends is given up. */
void crewi_outlet_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                           uint64_t process);

/* inlet.c */

void crewi_inlet_init(struct crewi_inlet *inlet, uint32_t home, bool is_here);
void crewi_inlet_fini(struct crewi_engine *engine, struct crewi_inlet *inlet);

/** A client's RECEIVE, or WAIT. */
void crewi_inlet_request(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                         const struct crewi_message *message);

/** An item has come, whether the stream is here or not. Owns it. */
void crewi_inlet_item(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      struct crewi_frame *frame);

/** Serves those that wait, as far as it can. */
void crewi_inlet_serve(struct crewi_engine *engine, struct crewi_pipe_agent *agent);

/** Other news for the stream: END, HURRY. Owns the frame. */
void crewi_inlet_news(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      struct crewi_frame *frame);

void crewi_inlet_forget_waits(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                              const struct crewi_message *message);
void crewi_inlet_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                          uint64_t process);

/** What was received, or taken out, makes room at its source. */
void crewi_inlet_owe(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                     const struct crewi_pipe_item *item);

/** The source of that rank; NULL when there is no memory for it. */
struct crewi_source *crewi_inlet_source(struct crewi_inlet *inlet, uint32_t rank);

/* inlet_move.c */

/** Asks for the stream, and keeps the request for when that is answered. */
void crewi_inlet_fetch(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       const struct crewi_message *message);

/** Moves it if it is wanted and nobody here is in the way. */
void crewi_inlet_try_move(struct crewi_engine *engine, struct crewi_pipe_agent *agent);

/** MOVE, HELD, STATE and STATE_ITEM. */
void crewi_inlet_move(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      const struct crewi_pipe_note *note);
void crewi_inlet_held(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      const struct crewi_pipe_note *note);
void crewi_inlet_state(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       const struct crewi_message *message);
void crewi_inlet_state_item(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                            struct crewi_frame *frame);

/* large_send.c */

/** Remembers one whose item goes out now. ::CREW_ENOMEM */
crew_status crewi_large_send_begin(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                                   struct crewi_frame *frame, int64_t deadline_ns);
void crewi_large_send_more(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                           const struct crewi_message *message);
void crewi_large_send_block(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                            const struct crewi_message *message);
void crewi_large_send_pull(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                           const struct crewi_pipe_large_note *note);
void crewi_large_send_complete(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               const struct crewi_pipe_large_note *note);
void crewi_large_send_check(struct crewi_engine *engine, struct crewi_pipe_agent *agent);
void crewi_large_send_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               uint64_t process);
void crewi_large_send_fini(struct crewi_engine *engine, struct crewi_outlet *outlet);

/* large_receive.c */

/** A client receives it now: gets its item, and the handles in it when it is done. Owns the frame.
 */
void crewi_large_receive_begin(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               struct crewi_frame *frame, const struct crewi_origin *receiver);
void crewi_large_receive_next(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                              const struct crewi_message *message);
void crewi_large_receive_piece(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               const struct crewi_message *message);
void crewi_large_receive_done(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                              const struct crewi_message *message);
void crewi_large_receive_cut(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                             const struct crewi_pipe_large_note *note);

/** Its sender has given up: takes it out of the items, or marks it. Owns the frame. */
void crewi_large_receive_recall(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                                struct crewi_frame *frame);
void crewi_large_receive_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                                  uint64_t process);
void crewi_large_receive_fini(struct crewi_engine *engine, struct crewi_inlet *inlet);

#endif
