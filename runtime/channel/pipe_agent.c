/* SPDX-License-Identifier: BSD-3-Clause */
/* What the clients of a rank, and other ranks, ask of the agents there. */
#include "channel/pipe_agent.h"

#include "base/error.h"
#include "base/log.h"
#include "channel/pipe_channel.h"
#include "channel/pipe_home.h"

#include <stdlib.h>
#include <string.h>

struct crewi_pipe_agent *crewi_pipe_agent_find(const struct crewi_engine *engine, uint64_t end)
{
    const struct crewi_handle *handle =
        crewi_id_kind(end) == CREWI_KIND_PIPE ? crewi_handle_find(engine, end) : NULL;
    return handle ? handle->agent : NULL;
}

static void tell(struct crewi_engine *engine, uint8_t op, uint32_t rank, const void *note,
                 size_t size)
{
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_PIPE, .op = op, .rank = rank, .head = note, .head_size = size};
    crewi_engine_must_tell(engine, &out);
}

void crewi_pipe_tell(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                     const struct crewi_pipe_note *note)
{
    tell(engine, op, rank, note, sizeof *note);
}

void crewi_pipe_tell_large(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                           const struct crewi_pipe_large_note *note)
{
    tell(engine, op, rank, note, sizeof *note);
}

bool crewi_pipe_read_note(const struct crewi_engine *engine, const struct crewi_message *message,
                          struct crewi_pipe_note *note)
{
    if (message->size != sizeof *note)
        return false;
    memcpy(note, message->data, sizeof *note);
    return note->rank < engine->rank_count;
}

bool crewi_pipe_read_large(const struct crewi_engine *engine, const struct crewi_message *message,
                           struct crewi_pipe_large_note *note)
{
    if (message->size < sizeof *note)
        return false;
    memcpy(note, message->data, sizeof *note);
    return note->rank < engine->rank_count && note->source < engine->rank_count;
}

/* Items */

uint64_t crewi_pipe_item_cost(const struct crewi_pipe_item *item)
{
    switch (item->what) {
    case CREWI_PIPE_INLINE:
        return CREWI_PIPE_ITEM_COST + item->size;
    case CREWI_PIPE_LARGE:
        return CREWI_PIPE_ITEM_COST;
    default:
        return 0;
    }
}

static uint64_t inline_size(const struct crewi_pipe_item *item)
{
    return item->what == CREWI_PIPE_INLINE ? item->size : 0;
}

/* Behind the message, aligned. */
static uint64_t shares_offset(const struct crewi_pipe_item *item)
{
    return sizeof *item + ((inline_size(item) + 7) & ~(uint64_t)7);
}

const struct crewi_share *crewi_pipe_item_shares(struct crewi_frame *frame, size_t *count)
{
    const struct crewi_pipe_item *item = crewi_pipe_item_of(frame);
    *count = item->share_count;
    return (const struct crewi_share *)(const void *)(frame->payload + shares_offset(item));
}

bool crewi_pipe_item_is_sound(const struct crewi_engine *engine, const struct crewi_frame *frame)
{
    const struct crewi_pipe_item *item = (const void *)frame->payload;
    uint64_t size = frame->header.size;
    if (size < sizeof *item || item->source >= engine->rank_count ||
        item->what > CREWI_PIPE_RECALL || inline_size(item) > CREWI_PIPE_INLINE_SIZE)
        return false;
    uint64_t shares = item->share_count * sizeof(struct crewi_share);
    return size == (shares ? shares_offset(item) + shares : sizeof *item + inline_size(item));
}

void crewi_pipe_item_drop(struct crewi_engine *engine, struct crewi_frame *frame)
{
    size_t count;
    const struct crewi_share *shares = crewi_pipe_item_shares(frame, &count);
    crewi_shares_drop(engine, shares, count);
    crewi_frame_destroy(frame);
}

/* Of clients */

static void close_end(struct crewi_engine *engine, const struct crewi_message *message,
                      uint64_t end)
{
    const struct crewi_handle *handle = crewi_handle_find(engine, end);
    if (crewi_handle_is_open(handle, message->origin.process)) {
        crewi_handle_close(engine, end, message->origin.process);
    } else if (!handle ||
               !crewi_handle_mark(crewi_handle_find(engine, end), message->origin.process)) {
        crewi_handle_use(engine, message, end); /* a copy that nobody knows of */
        return;
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void request_to_end(struct crewi_engine *engine, struct crewi_handle *handle,
                           const struct crewi_message *message)
{
    struct crewi_pipe_agent *agent = handle->agent;
    uint32_t *shut = crewi_handle_mark(handle, message->origin.process);
    switch (message->op) {
    case CREWI_PIPE_SEND:
        crewi_outlet_send(engine, agent, message);
        break;
    case CREWI_PIPE_RECEIVE:
    case CREWI_OP_WAIT:
        if (agent->receives && !*shut)
            crewi_inlet_request(engine, agent, message);
        else
            crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP,
                                agent->receives ? "the process cannot receive at this end any more"
                                                : "this end of a one-way pipe can only send");
        break;
    case CREWI_OP_FORGET_WAITS:
        crewi_inlet_forget_waits(engine, agent, message);
        break;
    case CREWI_PIPE_SHUT:
        *shut = 1;
        if (!agent->sends)
            crewi_handle_close(engine, agent->end, message->origin.process);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    case CREWI_PIPE_NEXT:
        crewi_large_receive_next(engine, agent, message);
        break;
    case CREWI_PIPE_DONE:
        crewi_large_receive_done(engine, agent, message);
        break;
    case CREWI_PIPE_BLOCK:
        crewi_large_send_block(engine, agent, message);
        break;
    case CREWI_PIPE_MORE:
        crewi_large_send_more(engine, agent, message);
        break;
    default:
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a pipe has no operation %d",
                            message->op);
    }
}

/* Between ranks */

static void large_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pipe_large_note note;
    if (!crewi_pipe_read_large(engine, message, &note))
        return;
    struct crewi_pipe_agent *agent = crewi_pipe_agent_find(engine, note.end);
    switch (message->op) {
    case CREWI_PIPE_CHECK: /* the streams here are gone; what was received was said before */
        note.end = note.end ^ 1;
        note.status = CREW_EPIPE;
        crewi_pipe_tell_large(engine, CREWI_PIPE_COMPLETE, note.source, &note);
        break;
    case CREWI_PIPE_COMPLETE:
        if (agent)
            crewi_large_send_complete(engine, agent, &note);
        break;
    case CREWI_PIPE_PULL:
        if (agent) {
            crewi_large_send_pull(engine, agent, &note);
        } else { /* the sender has ended, and with it its end */
            note.end = note.end ^ 1;
            crewi_pipe_tell_large(engine, CREWI_PIPE_CUT, note.rank, &note);
        }
        break;
    case CREWI_PIPE_PIECE:
        if (agent)
            crewi_large_receive_piece(engine, agent, message);
        break;
    default:
        if (agent)
            crewi_large_receive_cut(engine, agent, &note);
    }
}

static void item_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_frame *frame = *message->frame;
    if (!crewi_pipe_item_is_sound(engine, frame))
        return;
    struct crewi_pipe_agent *agent = crewi_pipe_agent_find(engine, crewi_pipe_item_of(frame)->end);
    *message->frame = NULL;
    if (!agent)
        crewi_pipe_item_drop(engine, frame); /* nobody receives there any more */
    else if (message->op == CREWI_PIPE_ITEM)
        crewi_inlet_item(engine, agent, frame);
    else
        crewi_inlet_state_item(engine, agent, frame);
}

static void stream_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pipe_note note;
    if (!crewi_pipe_read_note(engine, message, &note))
        return;
    struct crewi_pipe_agent *agent = crewi_pipe_agent_find(engine, note.end);
    if (!agent)
        return;
    switch (message->op) {
    case CREWI_PIPE_CREDIT:
        crewi_outlet_credit(engine, agent, note.value);
        break;
    case CREWI_PIPE_MOVED:
        crewi_outlet_moved(&agent->outlet, note.rank);
        break;
    case CREWI_PIPE_READERS_GONE:
        crewi_outlet_readers_gone(engine, agent);
        break;
    case CREWI_PIPE_MOVE:
        crewi_inlet_move(engine, agent, &note);
        break;
    case CREWI_PIPE_HELD:
        crewi_inlet_held(engine, agent, &note);
        break;
    default:
        crewi_inlet_news(engine, agent, crewi_pipe_take_frame(message));
    }
}

static void state_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pipe_state state;
    if (message->size < sizeof state)
        return;
    memcpy(&state, message->data, sizeof state);
    struct crewi_pipe_agent *agent = crewi_pipe_agent_find(engine, state.end);
    if (agent)
        crewi_inlet_state(engine, agent, message);
}

static void engine_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    switch (message->op) {
    case CREWI_PIPE_ITEM:
    case CREWI_PIPE_STATE_ITEM:
        item_request(engine, message);
        break;
    case CREWI_PIPE_STATE:
        state_request(engine, message);
        break;
    case CREWI_PIPE_FETCH:
    case CREWI_PIPE_HOLDS:
    case CREWI_PIPE_ARRIVED:
        crewi_pipe_home_request(engine, message);
        break;
    case CREWI_PIPE_CREDIT:
    case CREWI_PIPE_HURRY:
    case CREWI_PIPE_MOVE:
    case CREWI_PIPE_HELD:
    case CREWI_PIPE_MOVED:
    case CREWI_PIPE_END:
    case CREWI_PIPE_READERS_GONE:
        stream_request(engine, message);
        break;
    case CREWI_PIPE_CHECK:
    case CREWI_PIPE_COMPLETE:
    case CREWI_PIPE_PULL:
    case CREWI_PIPE_PIECE:
    case CREWI_PIPE_CUT:
        large_request(engine, message);
        break;
    default:
        crewi_log(CREWI_LOG_ERROR, "an unknown message %d about a pipe was dropped", message->op);
    }
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    uint64_t end = 0;
    (void)object;
    if (message->op >= CREWI_ENGINE_OPS) {
        engine_request(engine, message);
        return;
    }
    if (message->op == CREWI_PIPE_CREATE) {
        crewi_pipe_create(engine, message);
        return;
    }
    if (message->size >= sizeof end)
        memcpy(&end, message->data, sizeof end);
    if (message->op == CREWI_PIPE_CLOSE) {
        close_end(engine, message, end);
        return;
    }
    struct crewi_handle *handle = crewi_handle_use(engine, message, end);
    if (handle)
        request_to_end(engine, handle, message);
}

/* The agent's life */

static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *data, size_t size)
{
    struct crewi_pipe_description description;
    (void)engine;
    if (size != sizeof description)
        return crewi_error(CREW_EPROTO, "a description of no pipe");
    struct crewi_pipe_agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return crewi_error_memory();
    memcpy(&description, data, sizeof description);
    agent->end = handle->id;
    agent->other = description.other;
    agent->capacity = description.capacity;
    agent->sends = description.sends;
    agent->receives = description.receives;
    crewi_outlet_init(&agent->outlet, &description);
    crewi_inlet_init(&agent->inlet, crewi_id_home(handle->id), description.is_here);
    handle->agent = agent;
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct crewi_pipe_agent *agent = handle->agent;
    handle->agent = NULL;
    crewi_outlet_fini(engine, &agent->outlet);
    crewi_inlet_fini(engine, &agent->inlet);
    free(agent);
}

static void released(struct crewi_engine *engine, struct crewi_handle *handle, uint64_t process)
{
    crewi_outlet_released(engine, handle->agent, process);
    crewi_inlet_released(engine, handle->agent, process);
}

static uint64_t count_out(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct crewi_outlet *outlet = &((struct crewi_pipe_agent *)handle->agent)->outlet;
    uint64_t since = outlet->numbered - outlet->reported;
    (void)engine;
    outlet->reported = outlet->numbered;
    return since;
}

const struct crewi_kind crewi_pipe_kind = {
    .name = "connection",
    .request = request,
    .destroy = crewi_pipe_destroy,
    .is_shared = true,
    .describe = crewi_pipe_describe,
    .attach = attach,
    .detach = detach,
    .released = released,
    .count_out = count_out,
    .came_back = crewi_pipe_came_back,
    .unreferenced = crewi_pipe_unreferenced,
};

crew_status crewi_pipes_init(struct crewi_engine *engine)
{
    struct crewi_pipes *pipes = calloc(1, sizeof *pipes);
    if (!pipes)
        return crewi_error_memory();
    engine->kinds[CREWI_KIND_PIPE] = &crewi_pipe_kind;
    engine->states[CREWI_KIND_PIPE] = pipes;
    return CREW_OK;
}

void crewi_pipes_fini(struct crewi_engine *engine)
{
    free(engine->states[CREWI_KIND_PIPE]);
    engine->states[CREWI_KIND_PIPE] = NULL;
}
