/* SPDX-License-Identifier: BSD-3-Clause */
/* Large messages on the receiver's rank: the client reads the bytes where they are, or asks for
 * blocks; then it says that it is done. */
#include "channel/pipe_agent.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct crewi_large_receive {
    struct crewi_large_receive *next;
    uint64_t ticket, size, process;
    uint32_t source;
    struct crewi_origin waiting; /* for a block; its request is 0 when it does not */
    struct crewi_frames blocks;  /* that have come */
    uint64_t given, asked;       /* bytes */
    struct crewi_frame *item;    /* whose shares the receiver gets */
    bool cut;
};

static struct crewi_large_receive *find(const struct crewi_pipe_agent *agent,
                                        const struct crewi_pipe_large_note *note)
{
    struct crewi_large_receive *large = agent->inlet.larges;
    while (large && (large->ticket != note->ticket || large->source != note->source))
        large = large->next;
    return large;
}

static void drop(struct crewi_engine *engine, struct crewi_large_receive *large)
{
    crewi_frames_clear(&large->blocks);
    crewi_pipe_item_drop(engine, large->item);
    free(large);
}

static void free_one(struct crewi_engine *engine, struct crewi_inlet *inlet,
                     struct crewi_large_receive *large)
{
    struct crewi_large_receive **link = &inlet->larges;
    while (*link != large)
        link = &(*link)->next;
    *link = large->next;
    drop(engine, large);
}

static void complete(struct crewi_engine *engine, const struct crewi_pipe_agent *agent,
                     uint32_t source, uint64_t ticket, crew_status status)
{
    struct crewi_pipe_large_note note = {.end = agent->other,
                                         .ticket = ticket,
                                         .source = source,
                                         .rank = engine->rank,
                                         .status = status};
    crewi_pipe_tell_large(engine, CREWI_PIPE_COMPLETE, source, &note);
}

void crewi_large_receive_begin(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               struct crewi_frame *frame, const struct crewi_origin *receiver)
{
    const struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    struct crewi_large_receive *large = calloc(1, sizeof *large);
    if (!large) {
        complete(engine, agent, item->source, item->place.ticket, CREW_ENOMEM);
        crewi_engine_refuse(engine, receiver, CREW_ENOMEM, "out of memory");
        crewi_pipe_item_drop(engine, frame);
        return;
    }
    *large = (struct crewi_large_receive){
        .next = agent->inlet.larges,
        .ticket = item->place.ticket,
        .size = item->size,
        .process = receiver->process,
        .source = item->source,
        .item = frame,
    };
    crewi_frames_init(&large->blocks);
    agent->inlet.larges = large;
    crewi_engine_reply(engine, receiver, item, sizeof *item);
}

/* Blocks */

/* Half of what may be under way is asked for when the other half has been passed on. */
static void pull(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                 struct crewi_large_receive *large)
{
    uint64_t upto = large->given + CREWI_PIPE_WINDOW;
    upto = upto < large->size ? upto : large->size;
    if (large->asked && upto < large->asked + CREWI_PIPE_WINDOW / 2 && upto < large->size)
        return;
    if (upto <= large->asked)
        return;
    struct crewi_pipe_large_note note = {.end = agent->other,
                                         .ticket = large->ticket,
                                         .offset = upto,
                                         .source = large->source,
                                         .rank = engine->rank};
    large->asked = upto;
    crewi_pipe_tell_large(engine, CREWI_PIPE_PULL, large->source, &note);
}

static void refuse_cut(struct crewi_engine *engine, const struct crewi_large_receive *large,
                       const struct crewi_origin *receiver)
{
    crewi_engine_refuse(engine, receiver, CREW_ETRUNC,
                        "the sender ended when %llu of %llu bytes were received",
                        (unsigned long long)large->given, (unsigned long long)large->size);
}

static void give_block(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       struct crewi_large_receive *large)
{
    struct crewi_frame *frame = crewi_frames_pop(&large->blocks);
    large->given += frame->header.size - sizeof(struct crewi_pipe_large_note);
    crewi_engine_reply_frame(engine, &large->waiting, frame);
    large->waiting.request = 0;
    pull(engine, agent, large);
}

void crewi_large_receive_next(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                              const struct crewi_message *message)
{
    struct crewi_pipe_large_note note;
    struct crewi_large_receive *large =
        crewi_pipe_read_large(engine, message, &note) ? find(agent, &note) : NULL;
    if (!large || large->process != message->origin.process || large->waiting.request) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "there is no such message");
        return;
    }
    if (large->cut && !large->blocks.first) {
        refuse_cut(engine, large, &message->origin);
        return;
    }
    large->waiting = message->origin;
    if (large->blocks.first)
        give_block(engine, agent, large);
    else
        pull(engine, agent, large);
}

void crewi_large_receive_piece(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                               const struct crewi_message *message)
{
    struct crewi_pipe_large_note note;
    if (!crewi_pipe_read_large(engine, message, &note))
        return;
    struct crewi_large_receive *large = find(agent, &note);
    if (!large)
        return;
    crewi_frames_push(&large->blocks, crewi_pipe_take_frame(message));
    if (large->waiting.request)
        give_block(engine, agent, large);
}

void crewi_large_receive_cut(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                             const struct crewi_pipe_large_note *note)
{
    struct crewi_large_receive *large = find(agent, note);
    if (!large)
        return;
    large->cut = true;
    if (large->waiting.request) {
        refuse_cut(engine, large, &large->waiting);
        large->waiting.request = 0;
    }
}

/* Ends */

void crewi_large_receive_done(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                              const struct crewi_message *message)
{
    struct crewi_pipe_large_note note;
    struct crewi_large_receive *large =
        crewi_pipe_read_large(engine, message, &note) ? find(agent, &note) : NULL;
    if (!large || large->process != message->origin.process)
        return;
    complete(engine, agent, large->source, large->ticket, CREW_OK);
    if (note.status == CREW_OK) {
        size_t count;
        const struct crewi_share *shares = crewi_pipe_item_shares(large->item, &count);
        crewi_shares_hand_over(engine, large->process, shares, count);
        crewi_pipe_item_of(large->item)->share_count = 0;
    }
    free_one(engine, &agent->inlet, large);
}

static bool is_that(struct crewi_frame *frame, const struct crewi_pipe_item *recall)
{
    const struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    return item->what == CREWI_PIPE_LARGE && item->source == recall->source &&
           item->place.ticket == recall->place.ticket;
}

static void take_out(struct crewi_frames *frames, struct crewi_frame **link)
{
    struct crewi_frame *frame = *link;
    *link = frame->next;
    if (!*link)
        frames->last = link;
    frame->next = NULL;
}

void crewi_large_receive_recall(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                                struct crewi_frame *recall)
{
    struct crewi_pipe_item what = *crewi_pipe_item_of(recall);
    struct crewi_frame **link = &agent->inlet.items.first;
    crewi_frame_destroy(recall);
    while (*link && !is_that(*link, &what))
        link = &(*link)->next;
    struct crewi_frame *frame = *link;
    if (!frame)
        return;
    if (what.place.has_ended) { /* whoever receives it is told */
        crewi_pipe_item_of(frame)->place.has_ended = 1;
        return;
    }
    take_out(&agent->inlet.items, link);
    agent->inlet.taken++;
    complete(engine, agent, what.source, what.place.ticket, CREW_ETIMEDOUT);
    crewi_inlet_owe(engine, agent, crewi_pipe_item_of(frame));
    crewi_pipe_item_drop(engine, frame);
}

void crewi_large_receive_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                                  uint64_t process)
{
    for (struct crewi_large_receive *large = agent->inlet.larges, *next; large; large = next) {
        next = large->next;
        if (large->process != process)
            continue;
        crewi_engine_refuse(engine, &large->waiting, CREW_ECLOSED,
                            "the process has closed this connection");
        complete(engine, agent, large->source, large->ticket, CREW_OK);
        free_one(engine, &agent->inlet, large);
    }
}

void crewi_large_receive_fini(struct crewi_engine *engine, struct crewi_inlet *inlet)
{
    for (struct crewi_large_receive *large; (large = inlet->larges);) {
        inlet->larges = large->next;
        drop(engine, large);
    }
}
