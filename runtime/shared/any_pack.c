/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/any_pack.h"

#include "base/error.h"
#include "shared/any_inside.h"

#include <stdlib.h>

#define WORD sizeof(uint64_t)
#define TYPE_BITS 8

static uint64_t pad(uint64_t size)
{
    return (size + WORD - 1) & ~(uint64_t)(WORD - 1);
}

static uint64_t head_of(const void *data)
{
    uint64_t head;
    memcpy(&head, data, sizeof head);
    return head;
}

/* Measuring */

static crew_status check_text(const char *what, const crew_any *value)
{
    const crew_any_data *data = &value->string;
    if (!data->data && data->size)
        return crewi_error(CREW_EINVAL, "%s: the data of a %s is NULL", what,
                           crew_any_type_name(value->type));
    if (data->size > CREWI_PACKED_LIMIT)
        return crewi_error(CREW_EINVAL, "%s: a %s of %zu bytes, more than 1 GiB", what,
                           crew_any_type_name(value->type), data->size);
    if (value->type == CREW_ANY_STRING) {
        size_t at = crewi_utf8_length(data->data, data->size);
        if (at != data->size)
            return crewi_error(CREW_EINVAL, "%s: a string that is not UTF-8 at byte %zu", what, at);
    }
    return CREW_OK;
}

static crew_status measure(const char *what, const crew_any *value, int depth, uint64_t *size);

static crew_status measure_list(const char *what, const crew_any *value, int depth, uint64_t *size)
{
    crew_status status = CREW_OK;
    if (!value->list.items && value->list.count)
        return crewi_error(CREW_EINVAL, "%s: the items of a list are NULL", what);
    for (size_t i = 0; i < value->list.count && !status; i++)
        status = measure(what, &value->list.items[i], depth + 1, size);
    return status;
}

static crew_status measure_dict(const char *what, const crew_any *value, int depth, uint64_t *size)
{
    crew_status status = CREW_OK;
    if (!value->dict.entries && value->dict.count)
        return crewi_error(CREW_EINVAL, "%s: the entries of a dict are NULL", what);
    for (size_t i = 0; i < value->dict.count && !status; i++) {
        const crew_any_entry *entry = &value->dict.entries[i];
        if (crewi_any_is_nested(entry->key.type))
            return crewi_error(CREW_EINVAL, "%s: a %s cannot be the key of a dict", what,
                               crew_any_type_name(entry->key.type));
        status = measure(what, &entry->key, depth + 1, size);
        if (!status)
            status = measure(what, &entry->value, depth + 1, size);
    }
    return status;
}

static crew_status measure_content(const char *what, const crew_any *value, int depth,
                                   uint64_t *size)
{
    switch (value->type) {
    case CREW_ANY_NIL:
    case CREW_ANY_BOOL:
        return CREW_OK;
    case CREW_ANY_INT:
    case CREW_ANY_DOUBLE:
        *size += WORD;
        return CREW_OK;
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        *size += pad(value->string.size + (value->type == CREW_ANY_STRING));
        return check_text(what, value);
    case CREW_ANY_HANDLE:
        *size += pad(value->handle_size);
        if (value->handle_size > CREW_ANY_HANDLE_SIZE)
            return crewi_error(CREW_EINVAL, "%s: a handle of %u bytes, more than %d", what,
                               value->handle_size, CREW_ANY_HANDLE_SIZE);
        return CREW_OK;
    case CREW_ANY_LIST:
        return measure_list(what, value, depth, size);
    case CREW_ANY_DICT:
        return measure_dict(what, value, depth, size);
    }
    return crewi_error(CREW_EINVAL, "%s: a value of the type %d, which there is not", what,
                       (int)value->type);
}

static crew_status measure(const char *what, const crew_any *value, int depth, uint64_t *size)
{
    if (depth > CREW_ANY_DEPTH)
        return crewi_error(CREW_EINVAL, "%s: lists and dicts more than %d deep", what,
                           CREW_ANY_DEPTH);
    *size += WORD;
    crew_status status = measure_content(what, value, depth, size);
    if (!status && *size > CREWI_PACKED_LIMIT)
        return crewi_error(CREW_EINVAL, "%s: a value of more than 1 GiB", what);
    return status;
}

crew_status crewi_any_measure(const char *what, const crew_any *value, uint64_t *size)
{
    *size = 0;
    return measure(what, value, 0, size);
}

/* Writing */

static unsigned char *put_head(unsigned char *room, crew_any_type type, uint64_t size)
{
    uint64_t head = (uint64_t)type | size << TYPE_BITS;
    memcpy(room, &head, sizeof head);
    return room + sizeof head;
}

static unsigned char *put_data(unsigned char *room, const void *data, uint64_t size,
                               uint64_t padded)
{
    if (size)
        memcpy(room, data, size);
    memset(room + size, 0, padded - size);
    return room + padded;
}

static unsigned char *write_content(const crew_any *value, unsigned char *room)
{
    switch (value->type) {
    case CREW_ANY_INT:
    case CREW_ANY_DOUBLE:
        room = put_head(room, value->type, WORD);
        return put_data(room, &value->integer, WORD, WORD);
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        room = put_head(room, value->type, value->string.size);
        return put_data(room, value->string.data, value->string.size,
                        pad(value->string.size + (value->type == CREW_ANY_STRING)));
    case CREW_ANY_HANDLE:
        room = put_head(room, value->type, value->handle_size);
        return put_data(room, value->handle, value->handle_size, pad(value->handle_size));
    default:
        return put_head(room, value->type, value->type == CREW_ANY_BOOL && value->boolean);
    }
}

unsigned char *crewi_any_write(const crew_any *value, unsigned char *room)
{
    if (value->type == CREW_ANY_LIST) {
        room = put_head(room, value->type, value->list.count);
        for (size_t i = 0; i < value->list.count; i++)
            room = crewi_any_write(&value->list.items[i], room);
    } else if (value->type == CREW_ANY_DICT) {
        room = put_head(room, value->type, value->dict.count);
        for (size_t i = 0; i < value->dict.count; i++) {
            room = crewi_any_write(&value->dict.entries[i].key, room);
            room = crewi_any_write(&value->dict.entries[i].value, room);
        }
    } else {
        room = write_content(value, room);
    }
    return room;
}

/* Checking what has come */

struct reader {
    const unsigned char *at;
    uint64_t left;
};

static bool check_value(struct reader *reader, int depth, bool is_key);

static bool is_zero(const unsigned char *at, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        if (at[i])
            return false;
    return true;
}

/* The data of that size, in padded bytes, is there. */
static bool check_data(struct reader *reader, uint64_t size, uint64_t padded, bool is_text)
{
    if (padded > reader->left || !is_zero(reader->at + size, padded - size))
        return false;
    if (is_text && crewi_utf8_length((const char *)reader->at, size) != size)
        return false;
    reader->at += padded;
    reader->left -= padded;
    return true;
}

static bool check_values(struct reader *reader, uint64_t count, int depth, bool is_dict)
{
    if (count > reader->left / WORD)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!check_value(reader, depth + 1, is_dict) ||
            (is_dict && !check_value(reader, depth + 1, false)))
            return false;
    return true;
}

static bool check_value(struct reader *reader, int depth, bool is_key)
{
    if (depth > CREW_ANY_DEPTH || reader->left < WORD)
        return false;
    uint64_t head = head_of(reader->at), size = head >> TYPE_BITS;
    reader->at += WORD;
    reader->left -= WORD;
    switch ((int)(head & 0xff)) {
    case CREW_ANY_NIL:
        return size == 0;
    case CREW_ANY_BOOL:
        return size <= 1;
    case CREW_ANY_INT:
    case CREW_ANY_DOUBLE:
        return size == WORD && check_data(reader, WORD, WORD, false);
    case CREW_ANY_STRING:
        return size < CREWI_PACKED_LIMIT && check_data(reader, size, pad(size + 1), true);
    case CREW_ANY_BYTES:
        return size < CREWI_PACKED_LIMIT && check_data(reader, size, pad(size), false);
    case CREW_ANY_HANDLE:
        return size <= CREW_ANY_HANDLE_SIZE && check_data(reader, size, pad(size), false);
    case CREW_ANY_LIST:
    case CREW_ANY_DICT:
        return !is_key && check_values(reader, size, depth, (head & 0xff) == CREW_ANY_DICT);
    default:
        return false;
    }
}

uint64_t crewi_packed_size(const void *data, uint64_t size)
{
    struct reader reader = {.at = data,
                            .left = size < CREWI_PACKED_LIMIT ? size : CREWI_PACKED_LIMIT};
    uint64_t whole = reader.left;
    return check_value(&reader, 0, false) ? whole - reader.left : 0;
}

/* Reading what was checked */

crew_any_type crewi_packed_type(const void *data)
{
    return (crew_any_type)(head_of(data) & 0xff);
}

static uint64_t length_of_values(const unsigned char *data, uint64_t count)
{
    uint64_t length = 0;
    for (uint64_t i = 0; i < count; i++)
        length += crewi_packed_length(data + length);
    return length;
}

uint64_t crewi_packed_length(const void *data)
{
    uint64_t size = head_of(data) >> TYPE_BITS;
    switch (crewi_packed_type(data)) {
    case CREW_ANY_NIL:
    case CREW_ANY_BOOL:
        return WORD;
    case CREW_ANY_STRING:
        return WORD + pad(size + 1);
    case CREW_ANY_LIST:
        return WORD + length_of_values((const unsigned char *)data + WORD, size);
    case CREW_ANY_DICT:
        return WORD + length_of_values((const unsigned char *)data + WORD, 2 * size);
    default:
        return WORD + pad(size);
    }
}

crew_any crewi_packed_view(const void *data)
{
    const unsigned char *content = (const unsigned char *)data + WORD;
    uint64_t size = head_of(data) >> TYPE_BITS;
    crew_any value = {.type = crewi_packed_type(data)};
    switch (value.type) {
    case CREW_ANY_BOOL:
        value.boolean = size != 0;
        break;
    case CREW_ANY_INT:
    case CREW_ANY_DOUBLE:
        memcpy(&value.integer, content, WORD);
        break;
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        value.string = (crew_any_data){(const char *)content, size};
        break;
    case CREW_ANY_HANDLE:
        value.handle_size = (uint16_t)size;
        memcpy(value.handle, content, size);
        break;
    default:
        break;
    }
    return value;
}

static crew_status read_value(const unsigned char **at, crew_any *value);

static crew_status read_list(const unsigned char **at, uint64_t count, crew_any *list)
{
    crew_status status = crewi_any_list_reserve(list, count);
    for (uint64_t i = 0; i < count && !status; i++) {
        status = read_value(at, &list->list.items[i]);
        list->list.count += !status;
    }
    return status;
}

static crew_status read_dict(const unsigned char **at, uint64_t count, crew_any *dict)
{
    crew_status status = CREW_OK;
    for (uint64_t i = 0; i < count && !status; i++) {
        crew_any key, value;
        status = read_value(at, &key);
        if (status)
            break;
        status = read_value(at, &value);
        if (status)
            crew_any_clear(&key);
        else
            status = crewi_any_dict_take(dict, key, value);
    }
    return status;
}

/* Nothing is owned when it fails. */
static crew_status read_value(const unsigned char **at, crew_any *value)
{
    uint64_t count = head_of(*at) >> TYPE_BITS;
    crew_any made = crewi_packed_view(*at);
    crew_status status;
    if (!crewi_any_is_nested(made.type)) {
        *at += crewi_packed_length(*at);
        return crew_any_copy(value, made);
    }
    *at += WORD;
    made.owned = 1;
    if (made.type == CREW_ANY_LIST)
        status = read_list(at, count, &made);
    else
        status = read_dict(at, count, &made);
    if (status)
        crew_any_clear(&made);
    else
        *value = made;
    return status;
}

crew_status crewi_packed_read(const void *data, crew_any *value)
{
    const unsigned char *at = data;
    return read_value(&at, value);
}

typedef crew_status handle_visitor(void *context, const uint64_t *words, size_t count);

static crew_status visit_handles(const unsigned char **at, handle_visitor *visit, void *context)
{
    crew_any_type type = crewi_packed_type(*at);
    crew_status status = CREW_OK;
    if (type == CREW_ANY_HANDLE) {
        crew_any value = crewi_packed_view(*at);
        status = visit(context, value.handle, value.handle_size / WORD);
    }
    if (!crewi_any_is_nested(type)) {
        *at += crewi_packed_length(*at);
        return status;
    }
    uint64_t count = (head_of(*at) >> TYPE_BITS) * (type == CREW_ANY_DICT ? 2 : 1);
    *at += WORD;
    for (uint64_t i = 0; i < count && !status; i++)
        status = visit_handles(at, visit, context);
    return status;
}

crew_status crewi_packed_handles(const void *data, handle_visitor *visit, void *context)
{
    const unsigned char *at = data;
    return visit_handles(&at, visit, context);
}

/* The calls */

crew_status crew_any_pack(crew_any value, void **data, size_t *size)
{
    uint64_t needed;
    if (!data || !size)
        return crewi_error(CREW_EINVAL, "crew_any_pack: %s is NULL", data ? "size" : "data");
    crew_status status = crewi_any_measure("crew_any_pack", &value, &needed);
    if (status)
        return status;
    unsigned char *room = malloc(needed);
    if (!room)
        return crewi_error_memory();
    crewi_any_write(&value, room);
    *data = room;
    *size = needed;
    return CREW_OK;
}

crew_status crew_any_unpack(crew_any *value, const void *data, size_t size)
{
    if (!value || !data)
        return crewi_error(CREW_EINVAL, "crew_any_unpack: %s is NULL", value ? "data" : "value");
    if (!size || crewi_packed_size(data, size) != size)
        return crewi_error(CREW_EPROTO, "crew_any_unpack: %zu bytes that are no packed value",
                           size);
    return crewi_packed_read(data, value);
}
