/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of an array: its memory, and what it does for those who cannot map that. */
#include "shared/array_agent.h"

#include "base/error.h"
#include "shared/array_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_array_head)

static size_t element_size(const struct crewi_array *array)
{
    return crew_datatype_size((crew_datatype)array->about.type);
}

static unsigned char *element(const struct crewi_array *array, uint64_t index)
{
    return (unsigned char *)array->block.memory + index * element_size(array);
}

/* Elements for others. Whether the head is sound the caller has seen. */

static void read_slice(struct crewi_engine *engine, const struct crewi_array *array,
                       const struct crewi_array_head *head, const struct crewi_message *message)
{
    uint64_t size = head->count * element_size(array);
    struct crewi_frame *reply = crewi_frame_create(size);
    if (!reply) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    if (head->count == 1)
        crewi_element_load(element(array, head->first), size, reply->payload);
    else
        memcpy(reply->payload, element(array, head->first), size);
    crewi_engine_reply_frame(engine, &message->origin, reply);
}

static void write_slice(struct crewi_engine *engine, const struct crewi_array *array,
                        const struct crewi_array_head *head, const struct crewi_message *message)
{
    const unsigned char *values = (const unsigned char *)message->data + HEAD_SIZE;
    if (head->count == 1)
        crewi_element_store(element(array, head->first), element_size(array), values);
    else
        memcpy(element(array, head->first), values, head->count * element_size(array));
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void fill(struct crewi_engine *engine, const struct crewi_array *array,
                 const struct crewi_array_head *head, const struct crewi_message *message)
{
    const unsigned char *value = (const unsigned char *)message->data + HEAD_SIZE;
    crewi_elements_fill(element(array, head->first), element_size(array), head->count, value);
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void update(struct crewi_engine *engine, const struct crewi_array *array,
                   const struct crewi_array_head *head, const struct crewi_message *message)
{
    struct crewi_array_operands operands;
    struct crewi_array_before before;
    memcpy(&operands, (const unsigned char *)message->data + HEAD_SIZE, sizeof operands);
    crewi_element_update(element(array, head->first), (crew_datatype)array->about.type,
                         (enum crewi_array_update)head->update, &operands, &before);
    crewi_engine_reply(engine, &message->origin, &before, sizeof before);
}

/* Whether the elements are there, and the message has what its operation needs. */
static bool is_sound(const struct crewi_array *array, const struct crewi_array_head *head,
                     const struct crewi_message *message, uint8_t op)
{
    uint64_t rest = message->size - HEAD_SIZE, size = element_size(array);
    bool is_piece = head->count <= CREWI_ARRAY_PIECE / size;
    if (!crewi_elements_are_inside(head->first, head->count, array->about.count))
        return false;
    switch (op) {
    case CREWI_ARRAY_READ:
        return is_piece && rest == 0;
    case CREWI_ARRAY_WRITE:
        return is_piece && rest == head->count * size;
    case CREWI_ARRAY_FILL:
        return is_piece && rest == size;
    default:
        return head->count == 1 && rest == sizeof(struct crewi_array_operands) &&
               head->update >= CREWI_ARRAY_ADD && head->update <= CREWI_ARRAY_COMPARE_EXCHANGE &&
               (head->update != CREWI_ARRAY_ADD ||
                crewi_element_can_add((crew_datatype)array->about.type));
    }
}

void crewi_array_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                              uint8_t op)
{
    struct crewi_array_head head;
    memcpy(&head, message->data, sizeof head);
    const struct crewi_array *array = crewi_id_kind(head.id) == CREWI_KIND_ARRAY
                                          ? (const void *)crewi_engine_find(engine, head.id)
                                          : NULL;
    if (!array) {
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED,
                            "this array is closed: all copies of it are");
        return;
    }
    if (!is_sound(array, &head, message, op)) {
        crewi_engine_refuse_malformed(
            engine, message, "elements that array \"%s\" has, and the bytes of those to be written",
            array->about.name);
        return;
    }
    if (op == CREWI_ARRAY_READ)
        read_slice(engine, array, &head, message);
    else if (op == CREWI_ARRAY_WRITE)
        write_slice(engine, array, &head, message);
    else if (op == CREWI_ARRAY_FILL)
        fill(engine, array, &head, message);
    else
        update(engine, array, &head, message);
}

/* Begin and end */

static bool can_be(const struct crewi_array_spec *spec)
{
    size_t size = crew_datatype_size((crew_datatype)spec->type);
    return memchr(spec->name, '\0', sizeof spec->name) && size && spec->count <= INT64_MAX / size &&
           spec->lock_use <= CREWI_ARRAY_USERS_LOCK;
}

static crew_status make(struct crewi_engine *engine, const struct crewi_array_spec *spec,
                        uint64_t process, uint64_t *id)
{
    size_t size = spec->count * crew_datatype_size((crew_datatype)spec->type);
    struct crewi_array *array = calloc(1, sizeof *array);
    if (!array)
        return crewi_error_memory();
    crew_status status = crewi_arena_take(&engine->arena, size ? size : 1, &array->block);
    if (status) {
        free(array);
        return status;
    }
    *id = array->shared.object.id = crewi_engine_new_id(engine, CREWI_KIND_ARRAY);
    array->about = (struct crewi_array_description){.place = array->block.place,
                                                    .count = spec->count,
                                                    .lock = spec->lock,
                                                    .type = spec->type,
                                                    .lock_use = spec->lock_use};
    memcpy(array->about.name, spec->name, sizeof array->about.name);
    if (!*array->about.name)
        snprintf(array->about.name, sizeof array->about.name, "array-%llu",
                 (unsigned long long)(*id & CREWI_NUMBER_MASK));
    status = crewi_shared_add(engine, &array->shared, process);
    if (status) {
        crewi_arena_give_back(engine->arena, &array->block);
        free(array);
    }
    return status;
}

void crewi_array_home_create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_array_spec spec = {0};
    uint64_t id;
    if (message->size == sizeof spec)
        memcpy(&spec, message->data, sizeof spec);
    if (!can_be(&spec)) {
        crewi_engine_refuse_malformed(engine, message,
                                      "an array with its name, element size and length, %zu bytes",
                                      sizeof spec);
        return;
    }
    crew_status status = make(engine, &spec, message->origin.process, &id);
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
    else
        crewi_engine_reply(engine, &message->origin, &id, sizeof id);
}

size_t crewi_array_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    const struct crewi_array *array = (const struct crewi_array *)shared;
    _Static_assert(sizeof array->about <= CREWI_DESCRIPTION_SIZE, "what ranks are told");
    (void)engine;
    memcpy(room, &array->about, sizeof array->about);
    return sizeof array->about;
}

static void free_array(struct crewi_engine *engine, struct crewi_array *array)
{
    if (array->address && engine->transport)
        crewi_transport_detach(engine->transport, array->block.memory);
    crewi_arena_give_back(engine->arena, &array->block);
    free(array->shared.attached);
    free(array);
}

void crewi_array_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct crewi_array *array = (struct crewi_array *)shared;
    if (array->holds)
        return;
    crewi_shared_remove(engine, shared);
    free_array(engine, array);
}

void crewi_array_let_go(struct crewi_engine *engine, struct crewi_array *array)
{
    if (--array->holds == 0 && !array->shared.lent)
        crewi_array_unreferenced(engine, &array->shared);
}

void crewi_array_destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    free_array(engine, (struct crewi_array *)object);
}
