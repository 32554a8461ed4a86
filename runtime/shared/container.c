/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/container.h"

#include "base/error.h"
#include "engine/client.h"
#include "shared/any_pack.h"
#include "shared/container_home.h"

#include <crew/run.h>

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_container_head)

/* Values up to this size need no memory of their own. */
#define SMALL_SIZE 512

/* That no value has: asked to set one of that version, the home says what there is. */
#define NO_VERSION UINT64_MAX

/* Create and close */

static crew_status check_attr(const char *name, const crew_container_attr *attr)
{
    if (attr->name && !*attr->name)
        return crewi_error(CREW_EINVAL, "%s: the name is empty", name);
    if (attr->name && strlen(attr->name) >= CREW_NAME_SIZE)
        return crewi_error(CREW_EINVAL,
                           "%s: the name \"%.20s...\" has %zu characters, more than %d", name,
                           attr->name, strlen(attr->name), CREW_NAME_SIZE - 1);
    if (attr->max_bytes > CREWI_CONTAINER_BYTES_LIMIT)
        return crewi_error(CREW_EINVAL, "%s: %llu bytes are more than 1 GiB", name,
                           (unsigned long long)attr->max_bytes);
    return CREW_OK;
}

crew_status crewi_container_make(const char *name, enum crewi_container_type type,
                                 const crew_container_attr *attr, uint64_t *id)
{
    static const crew_container_attr defaults;
    if (!crewi_client_current())
        return crewi_client_missing(name);
    if (!id)
        return crewi_error(CREW_EINVAL, "%s: %s is NULL", name, crewi_container_names[type]);
    if (!attr)
        attr = &defaults;
    crew_status status = check_attr(name, attr);
    if (status)
        return status;
    struct crewi_container_spec spec = {.type = type,
                                        .max_items = attr->max_items,
                                        .max_bytes = attr->max_bytes ? attr->max_bytes
                                                                     : CREWI_CONTAINER_BYTES_LIMIT};
    if (attr->name)
        memcpy(spec.name, attr->name, strlen(attr->name) + 1);
    struct crewi_call call = {.kind = CREWI_KIND_CONTAINER,
                              .op = CREWI_CONTAINER_CREATE,
                              .rank = (uint32_t)crew_current_rank(),
                              .head = &spec,
                              .head_size = sizeof spec};
    return crewi_call_fixed(&call, id, sizeof *id);
}

static crew_status check(const char *name, uint64_t id)
{
    if (!crewi_client_current())
        return crewi_client_missing(name);
    if (crewi_id_kind(id) != CREWI_KIND_CONTAINER)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", name,
                           id ? "no list, dict, set or namespace" : "empty");
    return CREW_OK;
}

static struct crewi_call call_of(uint8_t op, const struct crewi_container_head *head)
{
    return (struct crewi_call){.kind = CREWI_KIND_CONTAINER,
                               .op = op,
                               .rank = (uint32_t)crew_current_rank(),
                               .head = head,
                               .head_size = sizeof *head};
}

crew_status crewi_container_close(const char *name, uint64_t id)
{
    struct crewi_container_head head = {.id = id};
    crew_status status = check(name, id);
    if (status)
        return status;
    struct crewi_call call = call_of(CREWI_CONTAINER_CLOSE, &head);
    status = crewi_call(&call, NULL);
    if (status != CREW_ECLOSED)
        return status;
    crewi_error_clear(); /* it may be gone with an earlier close */
    return CREW_OK;
}

/* Asking */

/* The values of a call, packed. */
struct body {
    unsigned char *data;
    uint64_t size;
    unsigned char small[SMALL_SIZE];
};

static crew_status make_room(struct body *body)
{
    body->data = body->size <= sizeof body->small ? body->small : malloc(body->size);
    return body->data ? CREW_OK : crewi_error_memory();
}

static void free_body(struct body *body)
{
    if (body->data != body->small)
        free(body->data);
}

static crew_status pack_values(const struct crewi_container_call *call, struct body *body,
                               uint32_t *count)
{
    const crew_any *values[2] = {call->first, call->second};
    body->size = 0;
    *count = 0;
    for (; *count < 2 && values[*count]; ++*count) {
        uint64_t size;
        crew_status status = crewi_any_measure(call->name, values[*count], &size);
        if (status)
            return status;
        body->size += size;
    }
    crew_status status = make_room(body);
    unsigned char *at = body->data;
    for (uint32_t i = 0; i < *count && !status; i++)
        at = crewi_any_write(values[i], at);
    return status;
}

/* As the list or dict itself, but for its first word. */
static crew_status pack_spread(const struct crewi_container_call *call, struct body *body,
                               uint32_t *count)
{
    const crew_any *spread = call->spread;
    size_t length = crew_any_length(*spread) * (spread->type == CREW_ANY_DICT ? 2 : 1);
    crew_status status = crewi_any_measure(call->name, spread, &body->size);
    if (!status)
        status = make_room(body);
    if (status)
        return status;
    crewi_any_write(spread, body->data);
    *count = (uint32_t)length;
    return CREW_OK;
}

static crew_status drop_handle(void *context, const uint64_t *words, size_t count)
{
    (void)context;
    crewi_copies_drop(words, count * sizeof *words);
    return CREW_OK;
}

/* The frame is the reply's. The handles in a value that there is no memory for are given back. */
static crew_status read_reply(const struct crewi_frame *frame, uint8_t flags,
                              struct crewi_container_reply *reply)
{
    struct crewi_container_head head;
    uint64_t size = frame->header.size;
    if (size < HEAD_SIZE)
        return crewi_error(CREW_EPROTO, "a reply of %llu bytes", (unsigned long long)size);
    memcpy(&head, frame->payload, HEAD_SIZE);
    reply->number = head.number;
    reply->version = head.version;
    reply->has_value = head.count > 0;
    if (!reply->has_value)
        return CREW_OK;
    crew_status status =
        crew_any_unpack(&reply->value, frame->payload + HEAD_SIZE, size - HEAD_SIZE);
    if (status == CREW_ENOMEM && !(flags & CREWI_CONTAINER_LOOK))
        crewi_packed_handles(frame->payload + HEAD_SIZE, drop_handle, NULL);
    return status;
}

static crew_status exchange(const struct crewi_container_call *call, const struct body *body,
                            uint32_t count, struct crewi_container_reply *reply)
{
    size_t skipped = call->spread ? sizeof(uint64_t) : 0;
    struct crewi_container_head head = {.id = call->id,
                                        .version = call->version,
                                        .index = call->index,
                                        .stop = call->stop,
                                        .count = count,
                                        .type = (uint8_t)call->type,
                                        .flags = call->flags};
    struct crewi_call asked = call_of((uint8_t)call->op, &head);
    struct crewi_frame *frame;
    asked.body = body->data + skipped;
    asked.body_size = body->size - skipped;
    crew_status status = crewi_call(&asked, &frame);
    if (status)
        return status;
    status = read_reply(frame, call->flags, reply);
    crewi_frame_destroy(frame);
    return status;
}

crew_status crewi_container_ask(const struct crewi_container_call *call, const void *output,
                                struct crewi_container_reply *reply)
{
    struct body body;
    uint32_t count;
    crew_status status = check(call->name, call->id);
    *reply = (struct crewi_container_reply){.value = crew_nil()};
    if (status)
        return status;
    if (!output)
        return crewi_error(CREW_EINVAL, "%s: what is to be set is NULL", call->name);
    status = call->spread ? pack_spread(call, &body, &count) : pack_values(call, &body, &count);
    if (status)
        return status;
    status = exchange(call, &body, count, reply);
    free_body(&body);
    return status;
}

crew_status crewi_container_do(const struct crewi_container_call *call)
{
    struct crewi_container_reply reply;
    crew_status status = crewi_container_ask(call, call, &reply);
    crew_any_clear(&reply.value);
    return status;
}

crew_status crewi_container_count(const struct crewi_container_call *call, size_t *number)
{
    struct crewi_container_reply reply;
    crew_status status = crewi_container_ask(call, number, &reply);
    if (!status)
        *number = reply.number;
    return status;
}

crew_status crewi_container_test(const struct crewi_container_call *call, bool *is)
{
    struct crewi_container_reply reply;
    crew_status status = crewi_container_ask(call, is, &reply);
    if (!status)
        *is = reply.number != 0;
    return status;
}

crew_status crewi_container_fetch(const struct crewi_container_call *call, crew_any *value)
{
    struct crewi_container_reply reply;
    crew_status status = crewi_container_ask(call, value, &reply);
    if (status)
        return status;
    if (!reply.has_value)
        return crewi_error(CREW_EPROTO, "%s: a reply without a value", call->name);
    *value = reply.value;
    return CREW_OK;
}

/* Updates */

static crew_status make_next(crew_update_function *function, void *arg,
                             const struct crewi_container_reply *current, crew_any *next)
{
    *next = crew_nil();
    crew_status status = function(current->has_value ? &current->value : NULL, next, arg);
    if (status)
        crew_any_clear(next);
    return status;
}

crew_status crewi_container_update(const struct crewi_container_call *call,
                                   crew_update_function *function, void *arg)
{
    struct crewi_container_call set = *call;
    struct crewi_container_reply current;
    crew_any next = crew_nil();
    if (!function)
        return crewi_error(CREW_EINVAL, "%s: function is NULL", call->name);
    *(call->first ? &set.second : &set.first) = &next;
    set.flags = CREWI_CONTAINER_IF_VERSION | CREWI_CONTAINER_LOOK;
    set.version = NO_VERSION;
    for (;;) {
        crew_status status = crewi_container_ask(&set, call, &current);
        crew_any_clear(&next);
        if (status || current.number)
            return status;
        status = make_next(function, arg, &current, &next);
        crew_any_clear(&current.value);
        if (status)
            return status;
        set.version = current.version;
    }
}
