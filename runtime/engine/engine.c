/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/handles.h"
#include "node/bell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void crewi_engine_init(struct crewi_engine *engine, struct crewi_transport *transport)
{
    *engine = (struct crewi_engine){.rank = transport->rank,
                                    .rank_count = transport->rank_count,
                                    .transport = transport,
                                    .now_ns = crewi_now_ns()};
    crewi_frames_init(&engine->inbox);
}

void crewi_engine_fini(struct crewi_engine *engine)
{
    engine->transport = NULL; /* what is dropped from here on is nobody's news */
    for (size_t i = 0; i < engine->objects.room; i++) {
        /* One may be destroyed already, with another one that it belongs to. */
        const struct crewi_table_entry *entry = &engine->objects.entries[i];
        if (entry->value)
            engine->kinds[crewi_id_kind(entry->id)]->destroy(engine, entry->value);
    }
    crewi_table_fini(&engine->objects);
    crewi_handles_fini(engine);
    crewi_timers_fini(&engine->timers);
    crewi_frames_clear(&engine->inbox);
    free(engine->endpoints);
    crewi_arena_destroy(engine->arena);
}

uint64_t crewi_engine_new_id(struct crewi_engine *engine, enum crewi_kind_number kind)
{
    return (uint64_t)kind << 60 | (uint64_t)engine->rank << 40 | ++engine->last_number;
}

crew_status crewi_engine_add(struct crewi_engine *engine, struct crewi_object *object)
{
    return crewi_table_add(&engine->objects, object->id, object);
}

void crewi_engine_remove(struct crewi_engine *engine, uint64_t id)
{
    crewi_table_take(&engine->objects, id);
}

struct crewi_object *crewi_engine_find(struct crewi_engine *engine, uint64_t id)
{
    return crewi_table_find(&engine->objects, id);
}

void crewi_engine_each(struct crewi_engine *engine, enum crewi_kind_number kind,
                       void (*visit)(struct crewi_engine *engine, struct crewi_object *object,
                                     void *context),
                       void *context)
{
    size_t count;
    uint64_t *ids = crewi_table_ids(&engine->objects, &count); /* removing one moves others */
    if (!ids)
        crewi_engine_fatal(engine, "out of memory for a list of its objects");
    for (size_t i = 0; i < count; i++) {
        struct crewi_object *object =
            crewi_id_kind(ids[i]) == (unsigned)kind ? crewi_engine_find(engine, ids[i]) : NULL;
        if (object)
            visit(engine, object, context);
    }
    free(ids);
}

_Noreturn void crewi_engine_fatal(const struct crewi_engine *engine, const char *reason)
{
    if (engine->host_ops && engine->host_ops->fatal)
        engine->host_ops->fatal(engine->host, reason);
    crewi_log(CREWI_LOG_ERROR, "the job ends: %s", reason);
    abort();
}

struct crewi_frame *crewi_engine_frame(const struct crewi_engine *engine, uint64_t size)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    if (!frame)
        crewi_engine_fatal(engine, "out of memory for a message of its engine");
    return frame;
}

void crewi_engine_send(struct crewi_engine *engine, struct crewi_frame *frame)
{
    if (!engine->transport) {
        crewi_frame_destroy(frame);
        return;
    }
    if (frame->header.target_rank == engine->rank) {
        crewi_frames_push(&engine->inbox, frame);
        return;
    }
    if (frame->header.target_rank >= engine->rank_count) {
        crewi_error_word("a message was dropped: there is no rank %u", frame->header.target_rank);
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
        crewi_frame_destroy(frame);
        return;
    }
    if (crewi_transport_send(engine->transport, frame->header.target_rank, frame))
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
}

crew_status crewi_engine_tell(struct crewi_engine *engine, const struct crewi_outgoing *note)
{
    struct crewi_frame *frame =
        crewi_frame_create(note->head_size + note->body_size + note->tail_size);
    if (!frame)
        return crewi_error_memory();
    frame->header.type = note->type ? note->type : (uint8_t)CREWI_NOTE;
    frame->header.kind = note->kind;
    frame->header.op = note->op;
    frame->header.target_rank = note->rank;
    frame->header.object = note->object;
    frame->header.origin.rank = engine->rank;
    if (note->head_size)
        memcpy(frame->payload, note->head, note->head_size);
    if (note->body_size)
        memcpy(frame->payload + note->head_size, note->body, note->body_size);
    if (note->tail_size)
        memcpy(frame->payload + note->head_size + note->body_size, note->tail, note->tail_size);
    crewi_engine_send(engine, frame);
    return CREW_OK;
}

/* Nobody hears of an engine that ends. */
void crewi_engine_must_tell(struct crewi_engine *engine, const struct crewi_outgoing *note)
{
    if (engine->transport && crewi_engine_tell(engine, note))
        crewi_engine_fatal(engine, "out of memory for a message to another engine");
}

static void address(struct crewi_frame *frame, const struct crewi_origin *origin,
                    enum crewi_frame_type type)
{
    frame->header.type = (uint8_t)type;
    frame->header.target_rank = origin->rank;
    frame->header.origin = *origin;
}

static void send_reply(struct crewi_engine *engine, const struct crewi_origin *origin,
                       crew_status status, const void *data, size_t size)
{
    static const char none[] = "no memory for a reply, or too large a one";
    struct crewi_frame *frame = crewi_frame_create(size);
    if (!frame) {
        status = CREW_ENOMEM;
        data = none;
        size = sizeof none - 1;
        frame = crewi_engine_frame(engine, size);
    }
    address(frame, origin, CREWI_REPLY);
    frame->header.status = status;
    if (size)
        memcpy(frame->payload, data, size);
    crewi_engine_send(engine, frame);
}

void crewi_engine_reply(struct crewi_engine *engine, const struct crewi_origin *origin,
                        const void *data, size_t size)
{
    if (origin->request)
        send_reply(engine, origin, CREW_OK, data, size);
}

void crewi_engine_reply_frame(struct crewi_engine *engine, const struct crewi_origin *origin,
                              struct crewi_frame *frame)
{
    frame->header.type = CREWI_REPLY;
    frame->header.status = CREW_OK;
    frame->header.origin = *origin;
    frame->header.target_rank = origin->rank;
    crewi_engine_send(engine, frame);
}

void crewi_engine_refuse(struct crewi_engine *engine, const struct crewi_origin *origin,
                         crew_status status, const char *format, ...)
{
    char reason[CREWI_ERROR_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (origin->request)
        send_reply(engine, origin, status, reason, strlen(reason));
}

void crewi_engine_refuse_malformed(struct crewi_engine *engine, const struct crewi_message *message,
                                   const char *expected, ...)
{
    char text[CREWI_ERROR_SIZE / 2];
    const struct crewi_kind *kind =
        message->kind < CREWI_KIND_LIMIT ? engine->kinds[message->kind] : NULL;
    va_list args;
    va_start(args, expected);
    vsnprintf(text, sizeof text, expected, args);
    va_end(args);
    crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                        "malformed %s request: operation %u with %llu bytes; expected %s",
                        kind ? kind->name : "unknown", message->op,
                        (unsigned long long)message->size, text);
}

void crewi_engine_refuse_error(struct crewi_engine *engine, const struct crewi_origin *origin,
                               crew_status status)
{
    crewi_engine_refuse(engine, origin, status, "%s", crew_error_message());
}

struct crewi_frame *crewi_engine_delivery(const struct crewi_engine *engine,
                                          const struct crewi_origin *client, uint8_t kind,
                                          uint8_t op, uint64_t size)
{
    struct crewi_frame *frame = crewi_engine_frame(engine, size);
    address(frame, client, CREWI_DELIVERY);
    frame->header.kind = kind;
    frame->header.op = op;
    return frame;
}

void crewi_engine_accept(struct crewi_engine *engine, struct crewi_frame *frame)
{
    crewi_frames_push(&engine->inbox, frame);
}

static void handle_request(struct crewi_engine *engine, struct crewi_frame **frame)
{
    struct crewi_header *header = &(*frame)->header;
    if (header->type == CREWI_NOTE)
        header->origin.request = 0; /* nobody waits for an answer */
    const struct crewi_kind *kind =
        header->kind < CREWI_KIND_LIMIT ? engine->kinds[header->kind] : NULL;
    struct crewi_object *object = header->object ? crewi_engine_find(engine, header->object) : NULL;
    if (!kind) {
        crewi_engine_refuse(engine, &header->origin, CREW_EPROTO,
                            "a request to kind %d, which there is not", header->kind);
        return;
    }
    if (header->object && crewi_id_kind(header->object) != header->kind) {
        crewi_engine_refuse(engine, &header->origin, CREW_EPROTO, "the handle is of no %s",
                            kind->name);
        return;
    }
    if (header->object && !object) {
        crewi_engine_refuse(engine, &header->origin, CREW_ENOENT,
                            "there is no such %s: the handle was closed, or never was one",
                            kind->name);
        return;
    }
    struct crewi_message message = {
        .kind = header->kind,
        .op = header->op,
        .object = header->object,
        .timeout_ns = header->timeout_ns,
        .origin = header->origin,
        .data = (*frame)->payload,
        .size = header->size,
        .frame = frame,
    };
    if (kind->is_shared && header->op >= CREWI_OP_ATTACH)
        crewi_handles_request(engine, kind, &message);
    else if (kind->is_shared && !object && header->type == CREWI_NOTE &&
             header->op == CREWI_OP_DROP_COPIES)
        crewi_handles_drop_copies(engine, &message);
    else
        kind->request(engine, object, &message);
}

static void client_is_gone(struct crewi_engine *engine, uint64_t process)
{
    for (int i = 0; i < CREWI_KIND_LIMIT; i++)
        if (engine->kinds[i] && engine->kinds[i]->client_gone)
            engine->kinds[i]->client_gone(engine, process);
    crewi_handles_client_gone(engine, process);
}

/* A client that has ended meanwhile gets nothing. */
static void deliver(struct crewi_engine *engine, struct crewi_frame *frame)
{
    uint32_t slot = frame->header.origin.slot;
    struct crewi_endpoint *endpoint = slot < engine->endpoint_room ? engine->endpoints[slot] : NULL;
    if (!endpoint || endpoint->process != frame->header.origin.process) {
        crewi_frame_destroy(frame);
        return;
    }
    const struct crewi_kind *kind =
        frame->header.kind < CREWI_KIND_LIMIT ? engine->kinds[frame->header.kind] : NULL;
    if (frame->header.type == CREWI_DELIVERY && kind && kind->delivers)
        kind->delivers(engine, endpoint, frame);
    endpoint->deliver(endpoint, frame);
}

static void handle(struct crewi_engine *engine, struct crewi_frame *frame)
{
    switch (frame->header.type) {
    case CREWI_REQUEST:
    case CREWI_NOTE:
        if (frame->header.origin.rank < engine->rank_count) /* whom objects may answer later */
            handle_request(engine, &frame);
        break;
    case CREWI_REPLY:
    case CREWI_DELIVERY:
        deliver(engine, frame);
        return;
    case CREWI_CLIENT_GONE:
        client_is_gone(engine, frame->header.origin.process);
        break;
    case CREWI_SHUTDOWN:
        engine->shut_down = true;
        break;
    default:
        crewi_log(CREWI_LOG_ERROR, "a message of the unknown type %d was dropped",
                  frame->header.type);
    }
    crewi_frame_destroy(frame);
}

bool crewi_engine_run(struct crewi_engine *engine, int64_t now_ns)
{
    bool any = false;
    engine->now_ns = now_ns;
    struct crewi_timer *timer;
    while ((timer = crewi_timers_take_due(&engine->timers, now_ns))) {
        timer->fire(engine, timer);
        any = true;
    }
    do {
        struct crewi_frame *frame;
        while ((frame = crewi_frames_pop(&engine->inbox))) {
            handle(engine, frame);
            any = true;
        }
        for (int i = 0; i < CREWI_KIND_LIMIT; i++)
            if (engine->kinds[i] && engine->kinds[i]->settle)
                engine->kinds[i]->settle(engine);
    } while (engine->inbox.first);
    return any;
}

static crew_status grow_endpoints(struct crewi_engine *engine)
{
    uint32_t room = engine->endpoint_room ? 2 * engine->endpoint_room : 16;
    if (room > CREWI_PORT_LIMIT)
        return crewi_error(CREW_ESTATE, "more than %d processes on rank %u", CREWI_PORT_LIMIT,
                           engine->rank);
    struct crewi_endpoint **grown =
        realloc(engine->endpoints, room * sizeof(struct crewi_endpoint *));
    if (!grown)
        return crewi_error_memory();
    for (uint32_t i = engine->endpoint_room; i < room; i++)
        grown[i] = NULL;
    engine->endpoints = grown;
    engine->endpoint_room = room;
    return CREW_OK;
}

crew_status crewi_engine_attach(struct crewi_engine *engine, struct crewi_endpoint *endpoint,
                                uint32_t *slot)
{
    uint32_t at = 0;
    while (at < engine->endpoint_room && engine->endpoints[at])
        at++;
    if (at == engine->endpoint_room) {
        crew_status status = grow_endpoints(engine);
        if (status)
            return status;
    }
    endpoint->touched = calloc((engine->rank_count + 63) / 64, sizeof *endpoint->touched);
    if (!endpoint->touched)
        return crewi_error_memory();
    engine->endpoints[at] = endpoint;
    *slot = at;
    return CREW_OK;
}

bool crewi_engine_is_there(const struct crewi_engine *engine, const struct crewi_origin *origin)
{
    return origin->rank == engine->rank && origin->slot < engine->endpoint_room &&
           engine->endpoints[origin->slot] &&
           engine->endpoints[origin->slot]->process == origin->process;
}

bool crewi_engine_is_local(const struct crewi_engine *engine, const struct crewi_origin *origin)
{
    return crewi_engine_is_there(engine, origin) && engine->endpoints[origin->slot]->local;
}

bool crewi_engine_has_client(const struct crewi_engine *engine, uint64_t process,
                             struct crewi_origin *origin)
{
    uint32_t slot = 0;
    while (slot < engine->endpoint_room &&
           !(engine->endpoints[slot] && engine->endpoints[slot]->process == process))
        slot++;
    if (slot == engine->endpoint_room)
        return false;
    if (origin)
        *origin = (struct crewi_origin){.rank = engine->rank, .slot = slot, .process = process};
    return true;
}

void crewi_engine_client_ends(struct crewi_engine *engine, uint64_t process)
{
    for (int i = 0; i < CREWI_KIND_LIMIT; i++)
        if (engine->kinds[i] && engine->kinds[i]->client_ends)
            engine->kinds[i]->client_ends(engine, process);
}

void crewi_engine_client_leaves(struct crewi_engine *engine, uint64_t process)
{
    for (int i = 0; i < CREWI_KIND_LIMIT; i++)
        if (engine->kinds[i] && engine->kinds[i]->client_leaves)
            engine->kinds[i]->client_leaves(engine, process);
}

static void tell_gone(struct crewi_engine *engine, uint32_t rank, uint64_t process)
{
    struct crewi_frame *frame = crewi_engine_frame(engine, 0);
    frame->header.type = CREWI_CLIENT_GONE;
    frame->header.target_rank = rank;
    frame->header.origin.process = process;
    crewi_engine_send(engine, frame);
}

void crewi_engine_detach(struct crewi_engine *engine, uint32_t slot)
{
    struct crewi_endpoint *endpoint = engine->endpoints[slot];
    engine->endpoints[slot] = NULL;
    tell_gone(engine, engine->rank, endpoint->process);
    for (uint32_t rank = 0; rank < engine->rank_count; rank++)
        if (endpoint->touched[rank / 64] >> (rank % 64) & 1)
            tell_gone(engine, rank, endpoint->process);
    free(endpoint->touched);
    endpoint->touched = NULL;
}

crew_status crewi_engine_accept_from(struct crewi_engine *engine, uint32_t slot,
                                     struct crewi_frame *frame)
{
    struct crewi_header *header = &frame->header;
    struct crewi_endpoint *endpoint = engine->endpoints[slot];
    bool known = header->kind < CREWI_KIND_LIMIT && engine->kinds[header->kind];
    if ((header->type != CREWI_REQUEST && header->type != CREWI_NOTE) || !known ||
        header->op >= CREWI_ENGINE_OPS)
        goto refuse;
    if (header->object)
        header->target_rank = crewi_id_home(header->object);
    if (header->target_rank >= engine->rank_count ||
        (header->object && crewi_id_kind(header->object) != header->kind))
        goto refuse;
    header->origin.rank = engine->rank;
    header->origin.slot = slot;
    header->origin.process = endpoint->process;
    if (header->target_rank != engine->rank)
        endpoint->touched[header->target_rank / 64] |= (uint64_t)1 << (header->target_rank % 64);
    crewi_engine_send(engine, frame);
    return CREW_OK;
refuse:
    crewi_error_word("a message that no process may send (type %d, kind %d, operation %d)",
                     header->type, header->kind, header->op);
    crewi_frame_destroy(frame);
    return CREW_EPROTO;
}
