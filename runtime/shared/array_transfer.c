/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/array_transfer.h"

#include "base/error.h"
#include "shared/array_memory.h"

#include <stdlib.h>
#include <string.h>

/* One that an agent has begun. */
struct crewi_array_transfer {
    struct crewi_array_transfer *next;
    uint64_t ticket;
    struct crewi_origin origin; /* who wants it */
    struct crewi_frame *frame;  /* the reply */
};

static uint64_t size_of(const struct crewi_array_description *about, uint64_t count)
{
    return count * crew_datatype_size((crew_datatype)about->type);
}

static void tell(struct crewi_engine *engine, enum crewi_array_engine_op op, uint32_t rank,
                 const struct crewi_array_note *note)
{
    struct crewi_outgoing out = {.kind = CREWI_KIND_ARRAY,
                                 .op = (uint8_t)op,
                                 .rank = rank,
                                 .head = note,
                                 .head_size = sizeof *note};
    crewi_engine_must_tell(engine, &out);
}

static void tell_home(struct crewi_engine *engine, const struct crewi_array_agent *agent,
                      enum crewi_array_engine_op op)
{
    struct crewi_array_note note = {.id = agent->id, .rank = engine->rank};
    tell(engine, op, crewi_id_home(agent->id), &note);
}

/* At the agent */

static struct crewi_array_transfer *
add(struct crewi_array_agent *agent, const struct crewi_origin *origin, struct crewi_frame *frame)
{
    struct crewi_array_transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return NULL;
    *transfer = (struct crewi_array_transfer){.next = agent->transfers,
                                              .ticket = ++agent->last_ticket,
                                              .origin = *origin,
                                              .frame = frame};
    agent->transfers = transfer;
    return transfer;
}

static bool take(struct crewi_array_agent *agent, uint64_t ticket,
                 struct crewi_array_transfer *taken)
{
    struct crewi_array_transfer **link = &agent->transfers, *transfer;
    while (*link && (*link)->ticket != ticket)
        link = &(*link)->next;
    if (!(transfer = *link))
        return false;
    *taken = *transfer;
    *link = transfer->next;
    free(transfer);
    return true;
}

void crewi_array_transfers_fini(struct crewi_array_agent *agent)
{
    struct crewi_array_transfer taken;
    while (agent->transfers && take(agent, agent->transfers->ticket, &taken))
        crewi_frame_destroy(taken.frame);
}

static void let_go(struct crewi_engine *engine, struct crewi_array_agent *agent)
{
    if (--agent->reads == 0)
        tell_home(engine, agent, CREWI_ARRAY_LET_GO);
}

/* Comes to this rank when the elements have. NULL: no memory. */
static struct crewi_frame *make_note(const struct crewi_engine *engine,
                                     const struct crewi_array_note *note)
{
    struct crewi_frame *frame = crewi_frame_create(sizeof *note);
    if (!frame)
        return NULL;
    frame->header.type = CREWI_NOTE;
    frame->header.kind = CREWI_KIND_ARRAY;
    frame->header.op = CREWI_ARRAY_READ_IN;
    frame->header.target_rank = engine->rank;
    frame->header.origin.rank = engine->rank;
    memcpy(frame->payload, note, sizeof *note);
    return frame;
}

static crew_status start(struct crewi_engine *engine, const struct crewi_array_agent *agent,
                         const struct crewi_array_transfer *transfer, uint64_t first)
{
    struct crewi_array_note note = {
        .id = agent->id, .ticket = transfer->ticket, .rank = engine->rank};
    struct crewi_get get = {.rank = crewi_id_home(agent->id),
                            .address = agent->address + size_of(&agent->about, first),
                            .memory = transfer->frame->payload,
                            .size = transfer->frame->header.size,
                            .done = make_note(engine, &note)};
    if (!get.done)
        return crewi_error_memory();
    crew_status status = crewi_transport_get(engine->transport, &get);
    if (status)
        crewi_frame_destroy(get.done);
    return status;
}

/* Straight into the reply. */
static crew_status begin(struct crewi_engine *engine, struct crewi_array_agent *agent,
                         const struct crewi_frame *request)
{
    const struct crewi_array_head *head = (const void *)request->payload;
    struct crewi_frame *reply = crewi_frame_create(size_of(&agent->about, head->count));
    struct crewi_array_transfer *transfer =
        reply ? add(agent, &request->header.origin, reply) : NULL;
    if (!transfer) {
        crewi_frame_destroy(reply);
        return crewi_error_memory();
    }
    if (agent->reads++ == 0)
        tell_home(engine, agent, CREWI_ARRAY_HOLD);
    crew_status status = start(engine, agent, transfer, head->first);
    if (status) {
        take(agent, transfer->ticket, &(struct crewi_array_transfer){0});
        crewi_frame_destroy(reply);
        let_go(engine, agent);
    }
    return status;
}

static void read_or_forward(struct crewi_engine *engine, struct crewi_array_agent *agent,
                            struct crewi_frame *request)
{
    if (begin(engine, agent, request))
        crewi_array_forward(engine, agent->id, request);
    else
        crewi_frame_destroy(request);
}

static bool transfer(struct crewi_engine *engine, struct crewi_array_agent *agent,
                     struct crewi_frame *request)
{
    if (agent->location == CREWI_ARRAY_UNREACHABLE)
        return false;
    if (agent->location == CREWI_ARRAY_KNOWN) {
        read_or_forward(engine, agent, request);
        return true;
    }
    if (agent->location == CREWI_ARRAY_NOT_ASKED)
        tell_home(engine, agent, CREWI_ARRAY_LOCATE);
    agent->location = CREWI_ARRAY_ASKED;
    crewi_frames_push(&agent->waiting, request);
    return true;
}

bool crewi_array_transfer(struct crewi_engine *engine, struct crewi_array_agent *agent,
                          struct crewi_frame *frame)
{
    const struct crewi_array_head *head = (const void *)frame->payload;
    const struct crewi_transport *transport = engine->transport;
    if (frame->header.op != CREWI_ARRAY_READ || frame->header.size != sizeof *head)
        return false;
    if (!transport->has_window ||
        transport->host_of_rank[crewi_id_home(agent->id)] == transport->host_of_rank[engine->rank])
        return false;
    if (!crewi_elements_are_inside(head->first, head->count, agent->about.count))
        return false;
    uint64_t size = size_of(&agent->about, head->count);
    return size >= CREWI_ARRAY_TRANSFER_SIZE && size <= CREWI_ARRAY_PIECE &&
           transfer(engine, agent, frame);
}

/* Of a process that has none of the array any more, nothing keeps the home from freeing it. */
static void hear_located(struct crewi_engine *engine, const struct crewi_handle *handle,
                         const struct crewi_array_note *note)
{
    struct crewi_array_agent *agent = handle->agent;
    struct crewi_frame *request;
    agent->location = note->status ? CREWI_ARRAY_UNREACHABLE : CREWI_ARRAY_KNOWN;
    agent->address = note->address;
    while ((request = crewi_frames_pop(&agent->waiting))) {
        if (!note->status && crewi_handle_is_open(handle, request->header.origin.process))
            read_or_forward(engine, agent, request);
        else
            crewi_array_forward(engine, agent->id, request);
    }
}

static void hear_read_in(struct crewi_engine *engine, struct crewi_array_agent *agent,
                         const struct crewi_array_note *note)
{
    struct crewi_array_transfer done;
    if (!take(agent, note->ticket, &done))
        return;
    crewi_engine_reply_frame(engine, &done.origin, done.frame);
    let_go(engine, agent);
}

/* At home */

static void locate(struct crewi_engine *engine, struct crewi_array *array,
                   const struct crewi_array_note *note)
{
    struct crewi_array_note answer = {.id = note->id, .rank = note->rank};
    if (!array)
        answer.status = CREW_ECLOSED;
    else if (!array->address)
        answer.status = crewi_transport_attach(engine->transport, array->block.memory,
                                               array->block.place.size, &array->address);
    answer.address = array ? array->address : 0;
    tell(engine, CREWI_ARRAY_LOCATED, note->rank, &answer);
}

static void hear_hold(struct crewi_engine *engine, struct crewi_array *array, bool holds)
{
    if (!array)
        return;
    if (holds) {
        array->holds++;
        engine->transport->exposed++;
    } else if (array->holds) {
        engine->transport->exposed--;
        crewi_array_let_go(engine, array);
    }
}

void crewi_array_transfer_note(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_array_note note;
    if (message->size != sizeof note || !engine->transport->has_window)
        return;
    memcpy(&note, message->data, sizeof note);
    if (crewi_id_kind(note.id) != CREWI_KIND_ARRAY || note.rank >= engine->rank_count)
        return;
    struct crewi_array *array = (struct crewi_array *)crewi_engine_find(engine, note.id);
    const struct crewi_handle *handle = crewi_handle_find(engine, note.id);
    struct crewi_array_agent *agent = handle ? handle->agent : NULL;
    if (message->op == CREWI_ARRAY_LOCATE)
        locate(engine, array, &note);
    else if (message->op == CREWI_ARRAY_LOCATED && agent)
        hear_located(engine, handle, &note);
    else if (message->op == CREWI_ARRAY_READ_IN && agent)
        hear_read_in(engine, agent, &note);
    else if (array && (message->op == CREWI_ARRAY_HOLD || message->op == CREWI_ARRAY_LET_GO))
        hear_hold(engine, array, message->op == CREWI_ARRAY_HOLD);
}
