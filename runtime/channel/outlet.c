/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending side of an end: room, and what waits for it. */
#include "channel/pipe_agent.h"

#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct crewi_waiting_send {
    struct crewi_timer timer; /* first: a timer is its send */
    struct crewi_waiting_send *next;
    struct crewi_outlet *outlet;
    struct crewi_frame *frame; /* as the client sent it */
};

void crewi_outlet_init(struct crewi_outlet *outlet,
                       const struct crewi_pipe_description *description)
{
    *outlet = (struct crewi_outlet){.location = description->location,
                                    .readers_gone = description->readers_gone};
    outlet->last_waiting = &outlet->waiting;
}

static void free_waiting(struct crewi_engine *engine, struct crewi_waiting_send *waiting)
{
    crewi_timer_cancel(&engine->timers, &waiting->timer);
    if (waiting->frame) /* a posted one has its shares already */
        crewi_pipe_item_drop(engine, waiting->frame);
    free(waiting);
}

static void unlink_waiting(struct crewi_outlet *outlet, struct crewi_waiting_send *waiting)
{
    struct crewi_waiting_send **link = &outlet->waiting;
    while (*link != waiting)
        link = &(*link)->next;
    *link = waiting->next;
    if (!*link)
        outlet->last_waiting = link;
}

void crewi_outlet_fini(struct crewi_engine *engine, struct crewi_outlet *outlet)
{
    while (outlet->waiting) {
        struct crewi_waiting_send *first = outlet->waiting;
        unlink_waiting(outlet, first);
        free_waiting(engine, first);
    }
    crewi_large_send_fini(engine, outlet);
}

/* Sending */

static bool has_room(const struct crewi_pipe_agent *agent, const struct crewi_pipe_item *item)
{
    const struct crewi_outlet *outlet = &agent->outlet;
    uint64_t cost = crewi_pipe_item_cost(item);
    return !outlet->under_way || outlet->under_way + cost <= agent->capacity;
}

/* The frame with the shares behind the message; the same one when there are none. ::CREW_ENOMEM */
static crew_status with_shares(struct crewi_frame **frame, const struct crewi_shares *shares)
{
    if (!shares->count)
        return CREW_OK;
    uint64_t size = (*frame)->header.size, aligned = (size + 7) & ~(uint64_t)7;
    uint64_t bytes = shares->count * sizeof *shares->list;
    struct crewi_frame *grown = crewi_frame_create(aligned + bytes);
    if (!grown)
        return crewi_error_memory();
    grown->header = (*frame)->header;
    grown->header.size = aligned + bytes;
    memcpy(grown->payload, (*frame)->payload, size);
    memset(grown->payload + size, 0, aligned - size);
    memcpy(grown->payload + aligned, shares->list, bytes);
    crewi_pipe_item_of(grown)->share_count = (uint32_t)shares->count;
    crewi_frame_destroy(*frame);
    *frame = grown;
    return CREW_OK;
}

/* Handles in an inline message, or those that the sender of a large one has found in it. */
static crew_status take_shares(struct crewi_engine *engine, struct crewi_frame **frame)
{
    struct crewi_shares shares;
    const struct crewi_pipe_item *item = crewi_pipe_item_of(*frame);
    uint64_t process = (*frame)->header.origin.process;
    crew_status status =
        crewi_shares_take(engine, process, item + 1, (*frame)->header.size - sizeof *item, &shares);
    if (status)
        return status;
    if (item->what == CREWI_PIPE_LARGE)
        (*frame)->header.size = sizeof *item;
    status = with_shares(frame, &shares);
    if (status)
        crewi_shares_put_back(engine, process, &shares);
    crewi_shares_free(&shares);
    return status;
}

void crewi_outlet_send_item(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                            struct crewi_frame *frame)
{
    struct crewi_outlet *outlet = &agent->outlet;
    struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    struct crewi_header *header = &frame->header;
    item->end = agent->other;
    item->source = engine->rank;
    item->number = outlet->numbered++;
    outlet->under_way += crewi_pipe_item_cost(item);
    header->type = CREWI_NOTE;
    header->kind = CREWI_KIND_PIPE;
    header->op = CREWI_PIPE_ITEM;
    header->object = 0;
    header->target_rank = outlet->location;
    struct crewi_pipe_agent *reader =
        outlet->location == engine->rank ? crewi_pipe_agent_find(engine, agent->other) : NULL;
    if (reader)
        crewi_inlet_item(engine, reader, frame);
    else
        crewi_engine_send(engine, frame);
}

/* There is room for it. Owns the frame. */
static void send(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                 struct crewi_frame *frame, int64_t deadline_ns)
{
    struct crewi_origin sender = frame->header.origin;
    bool is_large = crewi_pipe_item_of(frame)->what == CREWI_PIPE_LARGE;
    crew_status status = CREW_OK;
    if (!crewi_pipe_item_of(frame)->share_count) /* they were not taken before */
        status = take_shares(engine, &frame);
    if (!status && is_large)
        status = crewi_large_send_begin(engine, agent, frame, deadline_ns);
    if (status) {
        crewi_engine_refuse_error(engine, &sender, status);
        crewi_pipe_item_drop(engine, frame);
        return;
    }
    crewi_outlet_send_item(engine, agent, frame);
    if (!is_large)
        crewi_engine_reply(engine, &sender, NULL, 0);
}

static void refuse_timeout(struct crewi_engine *engine, const struct crewi_origin *sender)
{
    crewi_engine_refuse(engine, sender, CREW_ETIMEDOUT,
                        "the message was not sent: nobody has received what is under way");
}

/* Once for each time that somebody waits: credit may be owed that is too little to be worth a
 * message otherwise. */
static void hurry(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    struct crewi_pipe_note note = {.end = agent->other, .rank = engine->rank};
    if (agent->outlet.hurrying)
        return;
    agent->outlet.hurrying = true;
    crewi_pipe_tell(engine, CREWI_PIPE_HURRY, agent->outlet.location, &note);
}

/* Those that there is room for. */
static void send_waiting(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    struct crewi_outlet *outlet = &agent->outlet;
    while (outlet->waiting && has_room(agent, crewi_pipe_item_of(outlet->waiting->frame))) {
        struct crewi_waiting_send *first = outlet->waiting;
        struct crewi_frame *frame = first->frame;
        int64_t deadline_ns = first->timer.deadline_ns;
        first->frame = NULL;
        unlink_waiting(outlet, first);
        free_waiting(engine, first);
        send(engine, agent, frame, deadline_ns);
    }
}

/* There may be room for the next one. */
static void expire(struct crewi_engine *engine, struct crewi_timer *timer)
{
    struct crewi_waiting_send *waiting = (struct crewi_waiting_send *)timer;
    struct crewi_outlet *outlet = waiting->outlet;
    refuse_timeout(engine, &waiting->frame->header.origin);
    unlink_waiting(outlet, waiting);
    free_waiting(engine, waiting);
    void *agent = (char *)outlet - offsetof(struct crewi_pipe_agent, outlet);
    send_waiting(engine, agent);
}

static void wait_for_room(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                          const struct crewi_message *message)
{
    struct crewi_outlet *outlet = &agent->outlet;
    if (message->timeout_ns <= 0) {
        refuse_timeout(engine, &message->origin);
        return;
    }
    struct crewi_waiting_send *waiting = calloc(1, sizeof *waiting);
    if (waiting)
        waiting->timer.fire = expire;
    if (!waiting || crewi_timer_set(&engine->timers, &waiting->timer,
                                    crewi_deadline_ns(engine->now_ns, message->timeout_ns))) {
        free(waiting);
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    waiting->outlet = outlet;
    waiting->frame = crewi_pipe_take_frame(message);
    if (!message->origin.request) /* its sender does not wait, and may end before it goes */
        take_shares(engine, &waiting->frame);
    *outlet->last_waiting = waiting;
    outlet->last_waiting = &waiting->next;
    hurry(engine, agent);
}

static void refuse_no_reader(struct crewi_engine *engine, const struct crewi_origin *sender)
{
    crewi_engine_refuse(engine, sender, CREW_EPIPE, "all copies of the other end are closed");
}

/* Whether a client may send that. */
static bool is_sound(const struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_pipe_item *item = message->data;
    if (message->size < sizeof *item || item->share_count || item->place.has_ended)
        return false;
    if (item->what == CREWI_PIPE_LARGE)
        return item->source < engine->rank_count && message->size <= sizeof *item + CREWI_SCAN_SIZE;
    return item->what == CREWI_PIPE_INLINE && crewi_pipe_item_is_sound(engine, *message->frame);
}

void crewi_outlet_send(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       const struct crewi_message *message)
{
    struct crewi_outlet *outlet = &agent->outlet;
    const struct crewi_pipe_item *item = message->data;
    if (!is_sound(engine, message))
        crewi_engine_refuse_malformed(engine, message,
                                      "a message head of %zu bytes and the bytes it announces",
                                      sizeof *item);
    else if (!agent->sends)
        crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP,
                            "this end of a one-way pipe can only receive");
    else if (outlet->readers_gone)
        refuse_no_reader(engine, &message->origin);
    else if (outlet->waiting || !has_room(agent, item))
        wait_for_room(engine, agent, message);
    else
        send(engine, agent, crewi_pipe_take_frame(message),
             crewi_deadline_ns(engine->now_ns, message->timeout_ns));
}

/* What comes back */

void crewi_outlet_credit(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                         uint64_t bytes)
{
    struct crewi_outlet *outlet = &agent->outlet;
    outlet->under_way -= bytes < outlet->under_way ? bytes : outlet->under_way;
    outlet->hurrying = false;
    send_waiting(engine, agent);
    if (outlet->waiting)
        hurry(engine, agent);
}

void crewi_outlet_moved(struct crewi_outlet *outlet, uint32_t rank)
{
    outlet->location = rank;
}

void crewi_outlet_readers_gone(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    struct crewi_outlet *outlet = &agent->outlet;
    outlet->readers_gone = true;
    crewi_handle_stop_posts(engine, crewi_handle_find(engine, agent->end));
    while (outlet->waiting) {
        struct crewi_waiting_send *first = outlet->waiting;
        refuse_no_reader(engine, &first->frame->header.origin);
        unlink_waiting(outlet, first);
        free_waiting(engine, first);
    }
    crewi_large_send_check(engine, agent);
}

/* What was posted goes, room or not: for its sender it was sent. A post is never much. */
static void end_waiting(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                        struct crewi_waiting_send *waiting)
{
    struct crewi_frame *frame = waiting->frame;
    unlink_waiting(&agent->outlet, waiting);
    if (frame->header.origin.request) {
        crewi_engine_refuse(engine, &frame->header.origin, CREW_ECLOSED,
                            "the process has closed this connection");
    } else {
        waiting->frame = NULL;
        send(engine, agent, frame, CREWI_FOREVER);
    }
    free_waiting(engine, waiting);
}

static struct crewi_waiting_send *first_of(const struct crewi_outlet *outlet, uint64_t process)
{
    struct crewi_waiting_send *waiting = outlet->waiting;
    while (waiting && waiting->frame->header.origin.process != process)
        waiting = waiting->next;
    return waiting;
}

void crewi_outlet_released(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                           uint64_t process)
{
    struct crewi_waiting_send *waiting; /* one that goes may let others go */
    while ((waiting = first_of(&agent->outlet, process)))
        end_waiting(engine, agent, waiting);
    send_waiting(engine, agent);
    crewi_large_send_released(engine, agent, process);
}
