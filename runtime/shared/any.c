/* SPDX-License-Identifier: BSD-3-Clause */
/* Values: making, reading, and what is in them. */
#include <crew/any.h>

#include "base/error.h"
#include "shared/any_inside.h"
#include "shared/any_pack.h"

#include <stdlib.h>

/* Up to so many entries a dict has no index: a look at each is as quick. */
#define PLAIN_ENTRIES 8

const char *crew_any_type_name(crew_any_type type)
{
    static const char *const names[] = {"nil",   "bool",   "int",  "double", "string",
                                        "bytes", "handle", "list", "dict"};
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "?";
}

/* Clearing and copying */

static void clear_items(crew_any_items *list)
{
    for (size_t i = 0; i < list->count; i++)
        crew_any_clear(&list->items[i]);
    free(list->items);
}

static void clear_entries(crew_any_entries *dict)
{
    for (size_t i = 0; i < dict->count; i++) {
        crew_any_clear(&dict->entries[i].key);
        crew_any_clear(&dict->entries[i].value);
    }
    free(dict->entries);
    free(dict->index);
}

void crew_any_clear(crew_any *value)
{
    if (!value)
        return;
    bool owns = value->owned && crewi_any_has_content(value);
    if (owns && value->type == CREW_ANY_LIST)
        clear_items(&value->list);
    else if (owns && value->type == CREW_ANY_DICT)
        clear_entries(&value->dict);
    else if (owns && (value->type == CREW_ANY_STRING || value->type == CREW_ANY_BYTES))
        free((char *)(uintptr_t)value->string.data);
    *value = crew_nil();
}

static crew_status copy_text(crew_any *copy, const crew_any *value)
{
    char *data = malloc(value->string.size + 1);
    if (!data)
        return crewi_error_memory();
    if (value->string.size)
        memcpy(data, value->string.data, value->string.size);
    data[value->string.size] = '\0';
    *copy = *value;
    copy->string.data = data;
    copy->owned = 1;
    return CREW_OK;
}

/* Of a value that was measured. */
static crew_status copy_value(crew_any *copy, const crew_any *value);

static crew_status copy_items(crew_any *copy, const crew_any_items *list)
{
    *copy = crew_any_list();
    crew_status status = crewi_any_list_reserve(copy, list->count);
    for (size_t i = 0; i < list->count && !status; i++) {
        status = copy_value(&copy->list.items[i], &list->items[i]);
        copy->list.count += !status;
    }
    if (status)
        crew_any_clear(copy);
    return status;
}

static crew_status add_copies(crew_any *dict, const crew_any *key, const crew_any *value)
{
    crew_any own_key, own_value;
    crew_status status = copy_value(&own_key, key);
    if (status)
        return status;
    status = copy_value(&own_value, value);
    if (status) {
        crew_any_clear(&own_key);
        return status;
    }
    return crewi_any_dict_take(dict, own_key, own_value);
}

static crew_status copy_entries(crew_any *copy, const crew_any_entries *dict)
{
    *copy = crew_any_dict();
    crew_status status = CREW_OK;
    for (size_t i = 0; i < dict->count && !status; i++)
        status = add_copies(copy, &dict->entries[i].key, &dict->entries[i].value);
    if (status)
        crew_any_clear(copy);
    return status;
}

static crew_status copy_value(crew_any *copy, const crew_any *value)
{
    switch (value->type) {
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        return copy_text(copy, value);
    case CREW_ANY_LIST:
        return copy_items(copy, &value->list);
    case CREW_ANY_DICT:
        return copy_entries(copy, &value->dict);
    default:
        *copy = *value;
        copy->owned = 0;
        return CREW_OK;
    }
}

crew_status crew_any_copy(crew_any *copy, crew_any value)
{
    uint64_t size;
    crew_any made = crew_nil();
    if (!copy)
        return crewi_error(CREW_EINVAL, "crew_any_copy: copy is NULL");
    crew_status status = crewi_any_measure("crew_any_copy", &value, &size);
    if (!status)
        status = copy_value(&made, &value);
    if (!status)
        *copy = made;
    return status;
}

/* Reading */

static crew_status check_output(const char *call, const char *name, const void *output)
{
    return output ? CREW_OK : crewi_error(CREW_EINVAL, "%s: %s is NULL", call, name);
}

static crew_status refuse(const char *call, const char *expected, const crew_any *value)
{
    return crewi_error(CREW_EINVAL, "%s: %s was expected, this is a value of the type %s", call,
                       expected, crew_any_type_name(value->type));
}

crew_status crew_any_to_bool(crew_any value, bool *boolean)
{
    crew_status status = check_output("crew_any_to_bool", "boolean", boolean);
    if (!status && value.type != CREW_ANY_BOOL)
        status = refuse("crew_any_to_bool", "a bool", &value);
    if (!status)
        *boolean = value.boolean;
    return status;
}

crew_status crew_any_to_int(crew_any value, int64_t *integer)
{
    crew_status status = check_output("crew_any_to_int", "integer", integer);
    if (status)
        return status;
    if (value.type != CREW_ANY_INT && value.type != CREW_ANY_BOOL)
        return refuse("crew_any_to_int", "an int", &value);
    *integer = value.type == CREW_ANY_BOOL ? value.boolean : value.integer;
    return CREW_OK;
}

crew_status crew_any_to_double(crew_any value, double *number)
{
    crew_status status = check_output("crew_any_to_double", "number", number);
    if (status)
        return status;
    if (value.type == CREW_ANY_DOUBLE)
        *number = value.number;
    else if (value.type == CREW_ANY_INT || value.type == CREW_ANY_BOOL)
        *number = (double)(value.type == CREW_ANY_INT ? value.integer : value.boolean);
    else
        status = refuse("crew_any_to_double", "a number", &value);
    return status;
}

crew_status crew_any_to_string(crew_any value, const char **text)
{
    crew_status status = check_output("crew_any_to_string", "text", text);
    if (!status && value.type != CREW_ANY_STRING)
        status = refuse("crew_any_to_string", "a string", &value);
    else if (!status && !crewi_any_has_content(&value))
        status = crewi_error(CREW_EINVAL, "crew_any_to_string: the data of the string is NULL");
    if (!status)
        *text = value.string.data;
    return status;
}

crew_status crew_any_to_handle(crew_any value, void *handle, size_t size)
{
    crew_status status = check_output("crew_any_to_handle", "handle", handle);
    if (status)
        return status;
    if (value.type != CREW_ANY_HANDLE)
        return refuse("crew_any_to_handle", "a handle", &value);
    if (value.handle_size != size)
        return crewi_error(CREW_EINVAL,
                           "crew_any_to_handle: a handle of %zu bytes was expected, this has %u",
                           size, value.handle_size);
    memcpy(handle, value.handle, size);
    return CREW_OK;
}

size_t crew_any_length(crew_any value)
{
    switch (value.type) {
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        return value.string.size;
    case CREW_ANY_LIST:
        return value.list.count;
    case CREW_ANY_DICT:
        return value.dict.count;
    default:
        return 0;
    }
}

/* Lists */

crew_status crewi_any_list_reserve(crew_any *list, size_t count)
{
    if (count <= list->list.room)
        return CREW_OK;
    crew_any *grown = realloc(list->list.items, count * sizeof *grown);
    if (!grown)
        return crewi_error_memory();
    list->list.items = grown;
    list->list.room = count;
    return CREW_OK;
}

static crew_status check_container(const char *call, const crew_any *value, crew_any_type type)
{
    const char *name = crew_any_type_name(type);
    if (!value)
        return crewi_error(CREW_EINVAL, "%s: %s is NULL", call, name);
    if (value->type != type)
        return crewi_error(CREW_EINVAL, "%s: a %s was expected, this is a value of the type %s",
                           call, name, crew_any_type_name(value->type));
    if (!value->owned)
        return crewi_error(CREW_EINVAL, "%s: the %s is borrowed: begin with crew_any_%s()", call,
                           name, name);
    return CREW_OK;
}

/* How deep lists and dicts nest in it: 0 in a number. It was measured, or is crew's. */
static int depth_of(const crew_any *value)
{
    int deepest = 0;
    if (!crewi_any_is_nested(value->type))
        return 0;
    for (size_t i = 0; value->type == CREW_ANY_LIST && i < value->list.count; i++) {
        int depth = depth_of(&value->list.items[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    for (size_t i = 0; value->type == CREW_ANY_DICT && i < value->dict.count; i++) {
        int depth = depth_of(&value->dict.entries[i].value);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* A copy of what goes into a list or a dict. */
static crew_status copy_into(const char *call, crew_any *copy, const crew_any *value)
{
    uint64_t size;
    crew_status status = crewi_any_measure(call, value, &size);
    if (!status && depth_of(value) >= CREW_ANY_DEPTH)
        status =
            crewi_error(CREW_EINVAL, "%s: lists and dicts more than %d deep", call, CREW_ANY_DEPTH);
    return status ? status : copy_value(copy, value);
}

crew_status crew_any_list_append(crew_any *list, crew_any item)
{
    static const char call[] = "crew_any_list_append";
    crew_any copy;
    crew_status status = check_container(call, list, CREW_ANY_LIST);
    if (!status)
        status = copy_into(call, &copy, &item);
    if (status)
        return status;
    if (list->list.count == list->list.room)
        status = crewi_any_list_reserve(list, list->list.room ? 2 * list->list.room : 4);
    if (status)
        crew_any_clear(&copy);
    else
        list->list.items[list->list.count++] = copy;
    return status;
}

const crew_any *crew_any_list_at(const crew_any *list, size_t index)
{
    if (!list || list->type != CREW_ANY_LIST || index >= list->list.count ||
        !crewi_any_has_content(list))
        return NULL;
    return &list->list.items[index];
}

/* Dicts: the index has the place of each key, and 1 more, under its hash; at most half of it is
 * used. */

static size_t index_room(const crew_any_entries *dict)
{
    return 2 * dict->room;
}

static uint32_t *find_slot(const crew_any_entries *dict, const crew_any *key, uint64_t hash)
{
    uint32_t *index = dict->index;
    size_t mask = index_room(dict) - 1, at = hash & mask;
    while (index[at] && !crew_any_equal(dict->entries[index[at] - 1].key, *key))
        at = (at + 1) & mask;
    return &index[at];
}

static crew_any_entry *find_entry(const crew_any_entries *dict, const crew_any *key)
{
    uint64_t hash;
    if (dict->index) {
        if (crewi_any_is_nested(key->type) || crew_any_hash(*key, &hash))
            return NULL;
        uint32_t place = *find_slot(dict, key, hash);
        return place ? &dict->entries[place - 1] : NULL;
    }
    for (size_t i = 0; i < dict->count; i++)
        if (crew_any_equal(dict->entries[i].key, *key))
            return &dict->entries[i];
    return NULL;
}

static crew_status grow_dict(crew_any_entries *dict)
{
    size_t room = dict->room ? 2 * dict->room : PLAIN_ENTRIES;
    uint32_t *index = room > PLAIN_ENTRIES ? calloc(2 * room, sizeof *index) : NULL;
    crew_any_entry *entries = realloc(dict->entries, room * sizeof *entries);
    if (entries)
        dict->entries = entries;
    if (!entries || (room > PLAIN_ENTRIES && !index) || room > UINT32_MAX) {
        free(index);
        return crewi_error_memory();
    }
    free(dict->index);
    dict->index = index;
    dict->room = room;
    for (size_t i = 0; i < dict->count && index; i++) {
        uint64_t hash = 0;
        crew_any_hash(entries[i].key, &hash);
        *find_slot(dict, &entries[i].key, hash) = (uint32_t)i + 1;
    }
    return CREW_OK;
}

crew_status crewi_any_dict_take(crew_any *dict, crew_any key, crew_any value)
{
    crew_any_entries *entries = &dict->dict;
    crew_any_entry *entry = find_entry(entries, &key);
    if (entry) {
        crew_any_clear(&key);
        crew_any_clear(&entry->value);
        entry->value = value;
        return CREW_OK;
    }
    crew_status status = entries->count == entries->room ? grow_dict(entries) : CREW_OK;
    if (status) {
        crew_any_clear(&key);
        crew_any_clear(&value);
        return status;
    }
    if (entries->index) {
        uint64_t hash = 0;
        crew_any_hash(key, &hash);
        *find_slot(entries, &key, hash) = (uint32_t)entries->count + 1;
    }
    entries->entries[entries->count++] = (crew_any_entry){key, value};
    return CREW_OK;
}

crew_status crew_any_dict_set(crew_any *dict, crew_any key, crew_any value)
{
    static const char call[] = "crew_any_dict_set";
    crew_any own_key, own_value;
    crew_status status = check_container(call, dict, CREW_ANY_DICT);
    if (!status && crewi_any_is_nested(key.type))
        status = crewi_error(CREW_EINVAL, "%s: a %s cannot be the key of a dict", call,
                             crew_any_type_name(key.type));
    if (!status)
        status = copy_into(call, &own_key, &key);
    if (status)
        return status;
    status = copy_into(call, &own_value, &value);
    if (status) {
        crew_any_clear(&own_key);
        return status;
    }
    return crewi_any_dict_take(dict, own_key, own_value);
}

const crew_any *crew_any_dict_get(const crew_any *dict, crew_any key)
{
    if (!dict || dict->type != CREW_ANY_DICT || !crewi_any_has_content(dict))
        return NULL;
    const crew_any_entry *entry = find_entry(&dict->dict, &key);
    return entry ? &entry->value : NULL;
}

const crew_any *crew_any_next(const crew_any *values, size_t *at)
{
    if (!values || !at || *at >= crew_any_length(*values) || !crewi_any_has_content(values))
        return NULL;
    if (values->type == CREW_ANY_LIST)
        return &values->list.items[(*at)++];
    if (values->type == CREW_ANY_DICT)
        return &values->dict.entries[(*at)++].key;
    return NULL;
}
