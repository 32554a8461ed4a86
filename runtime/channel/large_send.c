/* SPDX-License-Identifier: BSD-3-Clause */
/* Large messages on the sender's rank: its call lasts until the message is complete. */
#include "channel/pipe_agent.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct crewi_large_send {
    struct crewi_timer timer; /* first: a timer is its send */
    struct crewi_large_send *next;
    struct crewi_pipe_agent *agent;
    uint64_t ticket, size;
    uint64_t process;
    struct crewi_origin waiting; /* its request is 0 while the client sends blocks */
    uint64_t allowed, sent;      /* in blocks */
    uint32_t puller;
    uint32_t checks; /* ranks that have not said yet that nobody there is receiving it */
    bool pulled, completed;
    crew_status status; /* when it is completed */
};

static struct crewi_large_send *find(const struct crewi_pipe_agent *agent, uint64_t ticket)
{
    struct crewi_large_send *large = agent->outlet.larges;
    while (large && large->ticket != ticket)
        large = large->next;
    return large;
}

static void drop(struct crewi_engine *engine, struct crewi_large_send *large)
{
    crewi_timer_cancel(&engine->timers, &large->timer);
    free(large);
}

static void free_one(struct crewi_engine *engine, struct crewi_large_send *large)
{
    struct crewi_large_send **link = &large->agent->outlet.larges;
    while (*link != large)
        link = &(*link)->next;
    *link = large->next;
    drop(engine, large);
}

/* It may be received already; then this comes too late, and nobody minds. */
static void recall(struct crewi_engine *engine, const struct crewi_large_send *large,
                   bool has_ended)
{
    struct crewi_frame *frame = crewi_engine_frame(engine, sizeof(struct crewi_pipe_item));
    *crewi_pipe_item_of(frame) = (struct crewi_pipe_item){
        .what = CREWI_PIPE_RECALL,
        .place = {.ticket = large->ticket, .has_ended = has_ended},
    };
    crewi_outlet_send_item(engine, large->agent, frame);
}

static void give_up(struct crewi_engine *engine, struct crewi_timer *timer)
{
    recall(engine, (struct crewi_large_send *)timer, false);
}

crew_status crewi_large_send_begin(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                                   struct crewi_frame *frame, int64_t deadline_ns)
{
    struct crewi_pipes *pipes = engine->states[CREWI_KIND_PIPE];
    struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    struct crewi_large_send *large = calloc(1, sizeof *large);
    if (!large)
        return crewi_error_memory();
    *large = (struct crewi_large_send){
        .timer = {.fire = give_up},
        .next = agent->outlet.larges,
        .agent = agent,
        .ticket = ++pipes->last_ticket,
        .size = item->size,
        .process = frame->header.origin.process,
        .waiting = frame->header.origin,
    };
    crew_status status = crewi_timer_set(&engine->timers, &large->timer, deadline_ns);
    if (status) {
        free(large);
        return status;
    }
    item->place.ticket = large->ticket;
    agent->outlet.larges = large;
    return CREW_OK;
}

static void finish(struct crewi_engine *engine, struct crewi_large_send *large)
{
    const struct crewi_origin *sender = &large->waiting;
    switch (large->status) {
    case CREW_OK:
        crewi_engine_reply(engine, sender, NULL, 0);
        break;
    case CREW_ETIMEDOUT:
        crewi_engine_refuse(engine, sender, CREW_ETIMEDOUT,
                            "nobody has begun to receive the message of %llu bytes",
                            (unsigned long long)large->size);
        break;
    case CREW_EPIPE:
        crewi_engine_refuse(engine, sender, CREW_EPIPE, "all copies of the other end are closed");
        break;
    default:
        crewi_engine_refuse(engine, sender, large->status, "the message was not received: %s",
                            crew_status_message(large->status));
    }
    free_one(engine, large);
}

void crewi_large_send_complete(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               const struct crewi_pipe_large_note *note)
{
    struct crewi_large_send *large = find(agent, note->ticket);
    if (!large || large->completed)
        return;
    if (note->status == CREW_EPIPE && large->checks > 1) {
        large->checks--;
        return;
    }
    large->completed = true;
    large->status = (crew_status)note->status;
    if (large->waiting.request)
        finish(engine, large);
}

/* Blocks */

/* Lets the client send up to what was pulled. */
static void want(struct crewi_engine *engine, struct crewi_large_send *large)
{
    struct crewi_pipe_large_note note = {
        .end = large->agent->end, .ticket = large->ticket, .offset = large->allowed};
    crewi_engine_reply(engine, &large->waiting, &note, sizeof note);
    large->waiting.request = 0;
}

void crewi_large_send_pull(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                           const struct crewi_pipe_large_note *note)
{
    struct crewi_large_send *large = find(agent, note->ticket);
    if (!large) {
        struct crewi_pipe_large_note cut = *note;
        cut.end = agent->other;
        crewi_pipe_tell_large(engine, CREWI_PIPE_CUT, note->rank, &cut);
        return;
    }
    large->pulled = true;
    large->puller = note->rank;
    if (note->offset > large->allowed)
        large->allowed = note->offset < large->size ? note->offset : large->size;
    if (large->waiting.request && large->allowed > large->sent)
        want(engine, large);
}

void crewi_large_send_more(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                           const struct crewi_message *message)
{
    struct crewi_pipe_large_note note;
    struct crewi_large_send *large =
        crewi_pipe_read_large(engine, message, &note) ? find(agent, note.ticket) : NULL;
    if (!large || large->process != message->origin.process || large->waiting.request) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "there is no such message");
        return;
    }
    large->waiting = message->origin;
    if (large->completed)
        finish(engine, large);
    else if (large->allowed > large->sent)
        want(engine, large);
}

void crewi_large_send_block(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                            const struct crewi_message *message)
{
    struct crewi_pipe_large_note note;
    struct crewi_large_send *large =
        crewi_pipe_read_large(engine, message, &note) ? find(agent, note.ticket) : NULL;
    uint64_t bytes = message->size - sizeof note;
    if (!large || large->process != message->origin.process || note.offset != large->sent ||
        bytes > large->allowed - large->sent)
        return;
    large->sent += bytes;
    struct crewi_frame *frame = crewi_pipe_take_frame(message);
    note.end = agent->other;
    note.source = engine->rank;
    note.rank = large->puller;
    memcpy(frame->payload, &note, sizeof note);
    frame->header.op = CREWI_PIPE_PIECE;
    frame->header.target_rank = large->puller;
    crewi_engine_send(engine, frame);
}

/* Ends */

/* It may have been received on any rank, before the stream moved on. What a rank has said about
 * that comes before its answer; what another one has said may come later. */
void crewi_large_send_check(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    for (struct crewi_large_send *large = agent->outlet.larges; large; large = large->next) {
        large->checks = engine->rank_count;
        for (uint32_t rank = 0; rank < engine->rank_count && !large->completed; rank++) {
            struct crewi_pipe_large_note note = {
                .end = agent->other, .ticket = large->ticket, .source = engine->rank, .rank = rank};
            crewi_pipe_tell_large(engine, CREWI_PIPE_CHECK, rank, &note);
        }
    }
}

void crewi_large_send_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               uint64_t process)
{
    for (struct crewi_large_send *large = agent->outlet.larges, *next; large; large = next) {
        struct crewi_pipe_large_note cut = {.end = agent->other,
                                            .ticket = large->ticket,
                                            .source = engine->rank,
                                            .rank = large->puller};
        next = large->next;
        if (large->process != process)
            continue;
        if (large->pulled && !large->completed)
            crewi_pipe_tell_large(engine, CREWI_PIPE_CUT, large->puller, &cut);
        else if (!large->completed && !agent->outlet.readers_gone)
            recall(engine, large, true);
        crewi_engine_refuse(engine, &large->waiting, CREW_ECLOSED,
                            "the process has closed this connection");
        free_one(engine, large);
    }
}

void crewi_large_send_fini(struct crewi_engine *engine, struct crewi_outlet *outlet)
{
    for (struct crewi_large_send *large; (large = outlet->larges);) {
        outlet->larges = large->next;
        drop(engine, large);
    }
}
