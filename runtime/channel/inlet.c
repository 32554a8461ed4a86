/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving side of an end, where its stream is: items, and those who wait for them. */
#include "channel/pipe_agent.h"

#include "base/error.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NO_END UINT64_MAX

static struct crewi_pipe_agent *agent_of(struct crewi_inlet *inlet)
{
    return (void *)((char *)inlet - offsetof(struct crewi_pipe_agent, inlet));
}

/* The last one who was in the way of a move may have been that one. */
static void receive_expired(struct crewi_engine *engine, struct crewi_parking *parking)
{
    void *inlet = (char *)parking - offsetof(struct crewi_inlet, receives);
    crewi_inlet_try_move(engine, agent_of(inlet));
}

static void wait_expired(struct crewi_engine *engine, struct crewi_parking *parking)
{
    void *inlet = (char *)parking - offsetof(struct crewi_inlet, waits);
    crewi_inlet_try_move(engine, agent_of(inlet));
}

void crewi_inlet_init(struct crewi_inlet *inlet, uint32_t home, bool is_here)
{
    *inlet = (struct crewi_inlet){
        .place = is_here ? CREWI_INLET_HERE : CREWI_INLET_ELSEWHERE,
        .next = home,
        .end_at = NO_END,
        .receives = {.at_deadline = CREW_ETIMEDOUT,
                     .reason = "no message has come",
                     .expired = receive_expired},
        .waits = {.expired = wait_expired},
    };
    crewi_frames_init(&inlet->items);
    crewi_frames_init(&inlet->early);
    crewi_frames_init(&inlet->pending);
}

static void drop_items(struct crewi_engine *engine, struct crewi_frames *frames)
{
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(frames))) {
        if (frame->header.op == CREWI_PIPE_ITEM || frame->header.op == CREWI_PIPE_STATE_ITEM)
            crewi_pipe_item_drop(engine, frame);
        else
            crewi_frame_destroy(frame);
    }
}

static const char closed[] = "the process has closed this connection";

/* Those of a process that has closed its copy, or of all. */
static void refuse_pending(struct crewi_engine *engine, struct crewi_inlet *inlet, uint64_t process,
                           bool all)
{
    struct crewi_frames kept;
    struct crewi_frame *frame;
    crewi_frames_init(&kept);
    while ((frame = crewi_frames_pop(&inlet->pending))) {
        if (all || frame->header.origin.process == process) {
            crewi_engine_refuse(engine, &frame->header.origin, CREW_ECLOSED, "%s", closed);
            crewi_frame_destroy(frame);
        } else {
            crewi_frames_push(&kept, frame);
        }
    }
    while ((frame = crewi_frames_pop(&kept)))
        crewi_frames_push(&inlet->pending, frame);
}

void crewi_inlet_fini(struct crewi_engine *engine, struct crewi_inlet *inlet)
{
    crewi_parking_refuse_all(engine, &inlet->receives, CREW_ECLOSED, closed);
    crewi_parking_refuse_all(engine, &inlet->waits, CREW_ECLOSED, closed);
    drop_items(engine, &inlet->items);
    drop_items(engine, &inlet->early);
    refuse_pending(engine, inlet, 0, true);
    for (uint32_t i = 0; i < inlet->source_count; i++)
        drop_items(engine, &inlet->sources[i].early);
    free(inlet->sources);
    crewi_large_receive_fini(engine, inlet);
}

struct crewi_source *crewi_inlet_source(struct crewi_inlet *inlet, uint32_t rank)
{
    for (uint32_t i = 0; i < inlet->source_count; i++)
        if (inlet->sources[i].rank == rank)
            return &inlet->sources[i];
    struct crewi_source *grown =
        realloc(inlet->sources, (inlet->source_count + 1) * sizeof *inlet->sources);
    if (!grown)
        return NULL;
    for (uint32_t i = 0; i < inlet->source_count; i++) /* an empty list points into itself */
        if (!grown[i].early.first)
            crewi_frames_init(&grown[i].early);
    inlet->sources = grown;
    struct crewi_source *source = &grown[inlet->source_count++];
    *source = (struct crewi_source){.rank = rank};
    crewi_frames_init(&source->early);
    return source;
}

/* Credit */

static void pay(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                struct crewi_source *source)
{
    struct crewi_pipe_note note = {
        .end = agent->other, .value = source->owed, .rank = engine->rank};
    source->owed = 0;
    source->hurry = false;
    if (source->rank != engine->rank) {
        crewi_pipe_tell(engine, CREWI_PIPE_CREDIT, source->rank, &note);
        return;
    }
    struct crewi_pipe_agent *sender = crewi_pipe_agent_find(engine, agent->other);
    if (sender)
        crewi_outlet_credit(engine, sender, note.value);
}

void crewi_inlet_owe(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                     const struct crewi_pipe_item *item)
{
    struct crewi_source *source = crewi_inlet_source(&agent->inlet, item->source);
    if (!source)
        return;
    source->owed += crewi_pipe_item_cost(item);
    if (source->hurry || source->rank == engine->rank || 4 * source->owed >= agent->capacity)
        pay(engine, agent, source);
}

/* Receiving */

static bool is_over(const struct crewi_inlet *inlet)
{
    return !inlet->items.first && inlet->taken == inlet->end_at;
}

/* The message becomes the reply; of one that is too large for its receiver only the head, and
 * nobody gets the handles in it. */
static void give_inline(struct crewi_engine *engine, struct crewi_frame *frame,
                        const struct crewi_origin *receiver, uint64_t room)
{
    const struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    bool fits = item->size <= room;
    size_t count;
    const struct crewi_share *shares = crewi_pipe_item_shares(frame, &count);
    if (fits)
        crewi_shares_hand_over(engine, receiver->process, shares, count);
    else
        crewi_shares_drop(engine, shares, count);
    frame->header.size = sizeof *item + (fits ? item->size : 0);
    crewi_engine_reply_frame(engine, receiver, frame);
}

static void give(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                 const struct crewi_origin *receiver, uint64_t room)
{
    struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_frame *frame = crewi_frames_pop(&inlet->items);
    struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    struct crewi_pipe_item head = *item;
    inlet->taken++;
    inlet->served = true;
    if (item->place.has_ended) {
        crewi_engine_refuse(engine, receiver, CREW_ETRUNC,
                            "the sender ended before the message of %llu bytes was received",
                            (unsigned long long)item->size);
        crewi_pipe_item_drop(engine, frame);
    } else if (item->what == CREWI_PIPE_LARGE) {
        crewi_large_receive_begin(engine, agent, frame, receiver);
    } else {
        give_inline(engine, frame, receiver, room);
    }
    crewi_inlet_owe(engine, agent, &head);
}

static void refuse_end(struct crewi_engine *engine, const struct crewi_origin *receiver)
{
    crewi_engine_refuse(engine, receiver, CREW_EOF,
                        "all copies of the other end are closed, and everything was received");
}

void crewi_inlet_serve(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_origin receiver;
    uint64_t room;
    /* What is received makes room, and what was sent into that room by somebody of this rank comes
     * back here at once: it is for the loop below, or the stack would be as deep as there are sends
     * that wait. */
    if (inlet->place != CREWI_INLET_HERE || inlet->serving)
        return;
    inlet->serving = true;
    while (inlet->items.first &&
           crewi_parking_take_first(engine, &inlet->receives, &receiver, &room))
        if (crewi_engine_is_there(engine, &receiver)) /* it may have died just now */
            give(engine, agent, &receiver, room);
    while (is_over(inlet) && crewi_parking_take_first(engine, &inlet->receives, &receiver, NULL))
        refuse_end(engine, &receiver);
    if ((inlet->items.first || is_over(inlet)) && inlet->waits.first) {
        inlet->served = true;
        crewi_parking_reply_all(engine, &inlet->waits, "\1", 1);
    }
    inlet->serving = false;
    crewi_inlet_try_move(engine, agent);
}

/* What the receiver has room for: behind the end. */
static uint64_t room_of(const struct crewi_message *message)
{
    uint64_t ask[2] = {0, UINT64_MAX};
    if (message->size == sizeof ask)
        memcpy(ask, message->data, sizeof ask);
    return ask[1];
}

void crewi_inlet_request(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                         const struct crewi_message *message)
{
    struct crewi_inlet *inlet = &agent->inlet;
    bool is_wait = message->op == CREWI_OP_WAIT;
    bool is_here = inlet->place == CREWI_INLET_HERE;
    if (!crewi_engine_is_there(engine, &message->origin)) /* it has died just now */
        return;
    if (!is_here && !inlet->held)
        crewi_inlet_fetch(engine, agent, message);
    else if (is_here && is_wait && (inlet->items.first || is_over(inlet)))
        crewi_engine_reply(engine, &message->origin, "\1", 1);
    else if (is_here && !is_wait && inlet->items.first)
        give(engine, agent, &message->origin, room_of(message));
    else if (is_here && !is_wait && is_over(inlet))
        refuse_end(engine, &message->origin);
    else if (is_wait)
        crewi_park(engine, &inlet->waits, message);
    else
        crewi_park_with(engine, &inlet->receives, message, room_of(message));
    crewi_inlet_try_move(engine, agent);
}

void crewi_inlet_forget_waits(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                              const struct crewi_message *message)
{
    uint64_t range[3]; /* the end, and the requests */
    if (message->size != sizeof range)
        return;
    memcpy(range, message->data, sizeof range);
    crewi_parking_drop_requests(engine, &agent->inlet.waits, message->origin.process, range[1],
                                range[2]);
    crewi_inlet_try_move(engine, agent);
}

void crewi_inlet_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                          uint64_t process)
{
    struct crewi_inlet *inlet = &agent->inlet;
    crewi_parking_refuse_client(engine, &inlet->receives, process, CREW_ECLOSED, closed);
    crewi_parking_refuse_client(engine, &inlet->waits, process, CREW_ECLOSED, closed);
    refuse_pending(engine, inlet, process, false);
    crewi_large_receive_released(engine, agent, process);
    crewi_inlet_try_move(engine, agent);
}

/* Items */

/* The next one of its source. */
static void take_in(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                    struct crewi_frame *frame)
{
    if (crewi_pipe_item_of(frame)->what == CREWI_PIPE_RECALL) {
        agent->inlet.taken++;
        crewi_large_receive_recall(engine, agent, frame);
    } else {
        crewi_frames_push(&agent->inlet.items, frame);
    }
}

/* Before those with higher numbers. */
static void keep_early(struct crewi_source *source, struct crewi_frame *frame)
{
    struct crewi_frame **link = &source->early.first;
    while (*link && crewi_pipe_item_of(*link)->number < crewi_pipe_item_of(frame)->number)
        link = &(*link)->next;
    frame->next = *link;
    *link = frame;
    if (!frame->next)
        source->early.last = &frame->next;
}

/* NULL when it has not come yet. What is done with one may move the sources. */
static struct crewi_frame *next_item(struct crewi_inlet *inlet, uint32_t rank)
{
    struct crewi_source *source = crewi_inlet_source(inlet, rank);
    struct crewi_frame *first = source->early.first;
    if (!first || crewi_pipe_item_of(first)->number != source->next)
        return NULL;
    source->next++;
    return crewi_frames_pop(&source->early);
}

static void take_in_order(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                          struct crewi_frame *frame)
{
    uint32_t rank = crewi_pipe_item_of(frame)->source;
    struct crewi_source *source = crewi_inlet_source(&agent->inlet, rank);
    if (!source) /* a message would be lost, and those behind it wait for ever */
        crewi_engine_fatal(engine, "out of memory for a message that has come through a pipe");
    if (crewi_pipe_item_of(frame)->number < source->next) {
        crewi_pipe_item_drop(engine, frame); /* no rank sends that */
        return;
    }
    keep_early(source, frame);
    while ((frame = next_item(&agent->inlet, rank)))
        take_in(engine, agent, frame);
    crewi_inlet_serve(engine, agent);
}

/* To where the stream is now; its source is told, so that the next one goes there at once. */
static void pass_along(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       struct crewi_frame *frame, uint32_t source)
{
    struct crewi_pipe_note note = {.end = agent->other, .rank = agent->inlet.next};
    if (frame->header.op != CREWI_PIPE_END)
        crewi_pipe_tell(engine, CREWI_PIPE_MOVED, source, &note);
    frame->header.target_rank = note.rank;
    crewi_engine_send(engine, frame);
}

void crewi_inlet_item(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      struct crewi_frame *frame)
{
    struct crewi_inlet *inlet = &agent->inlet;
    if (inlet->place == CREWI_INLET_HERE)
        take_in_order(engine, agent, frame);
    else if (inlet->place == CREWI_INLET_COMING || inlet->next == engine->rank)
        crewi_frames_push(&inlet->early, frame);
    else
        pass_along(engine, agent, frame, crewi_pipe_item_of(frame)->source);
}

void crewi_inlet_news(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      struct crewi_frame *frame)
{
    struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_pipe_note note;
    memcpy(&note, frame->payload, sizeof note);
    if (inlet->place == CREWI_INLET_COMING) {
        crewi_frames_push(&inlet->early, frame);
        return;
    }
    if (inlet->place == CREWI_INLET_ELSEWHERE) {
        pass_along(engine, agent, frame, note.rank);
        return;
    }
    bool is_end = frame->header.op == CREWI_PIPE_END;
    crewi_frame_destroy(frame);
    if (is_end) {
        inlet->end_at = note.value;
        crewi_inlet_serve(engine, agent);
        return;
    }
    struct crewi_source *source = crewi_inlet_source(inlet, note.rank);
    if (!source)
        return;
    source->hurry = true;
    if (source->owed)
        pay(engine, agent, source);
}
