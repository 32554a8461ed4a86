/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/dict.h>. */
#include <crew/dict.h>

#include "base/error.h"
#include "shared/container.h"

static struct crewi_container_call call_of(const char *name, crew_dict dict,
                                           enum crewi_container_op op)
{
    return (struct crewi_container_call){.name = name, .id = dict.id, .type = CREWI_DICT, .op = op};
}

static struct crewi_container_call call_with(const char *name, crew_dict dict,
                                             enum crewi_container_op op, const crew_any *key,
                                             const crew_any *value)
{
    struct crewi_container_call call = call_of(name, dict, op);
    call.first = key;
    call.second = value;
    return call;
}

crew_status crew_dict_create(crew_dict *dict, const crew_container_attr *attr)
{
    return crewi_container_make("crew_dict_create", CREWI_DICT, attr, dict ? &dict->id : NULL);
}

crew_status crew_dict_close(crew_dict dict)
{
    return crewi_container_close("crew_dict_close", dict.id);
}

/* One entry */

crew_status crew_dict_set(crew_dict dict, crew_any key, crew_any value)
{
    struct crewi_container_call call =
        call_with("crew_dict_set", dict, CREWI_DICT_SET, &key, &value);
    return crewi_container_do(&call);
}

crew_status crew_dict_get(crew_dict dict, crew_any key, crew_any *value)
{
    struct crewi_container_call call = call_with("crew_dict_get", dict, CREWI_DICT_GET, &key, NULL);
    return crewi_container_fetch(&call, value);
}

/* The home says by number whether it has one; of its own the caller gets a copy. */
static crew_status fetch_or_copy(const struct crewi_container_call *call, crew_any otherwise,
                                 crew_any *value)
{
    struct crewi_container_reply reply;
    crew_status status = crewi_container_ask(call, value, &reply);
    if (status)
        return status;
    if (!reply.has_value)
        return crew_any_copy(value, otherwise);
    *value = reply.value;
    return CREW_OK;
}

crew_status crew_dict_get_default(crew_dict dict, crew_any key, crew_any otherwise, crew_any *value)
{
    struct crewi_container_call call =
        call_with("crew_dict_get_default", dict, CREWI_DICT_GET, &key, NULL);
    call.flags = CREWI_CONTAINER_OR_NOTHING;
    return fetch_or_copy(&call, otherwise, value);
}

crew_status crew_dict_setdefault(crew_dict dict, crew_any key, crew_any otherwise, crew_any *value)
{
    struct crewi_container_call call =
        call_with("crew_dict_setdefault", dict, CREWI_DICT_DEFAULT, &key, &otherwise);
    return fetch_or_copy(&call, otherwise, value);
}

crew_status crew_dict_delete(crew_dict dict, crew_any key)
{
    struct crewi_container_call call =
        call_with("crew_dict_delete", dict, CREWI_DICT_TAKE, &key, NULL);
    return crewi_container_do(&call);
}

crew_status crew_dict_pop(crew_dict dict, crew_any key, crew_any *value)
{
    struct crewi_container_call call =
        call_with("crew_dict_pop", dict, CREWI_DICT_TAKE, &key, NULL);
    call.flags = CREWI_CONTAINER_GIVE;
    return crewi_container_fetch(&call, value);
}

crew_status crew_dict_popitem(crew_dict dict, crew_any *key, crew_any *value)
{
    struct crewi_container_call call = call_of("crew_dict_popitem", dict, CREWI_DICT_TAKE_LAST);
    crew_any both;
    if (!key || !value)
        return crewi_error(CREW_EINVAL, "crew_dict_popitem: %s is NULL", key ? "value" : "key");
    crew_status status = crewi_container_fetch(&call, &both);
    if (status)
        return status;
    if (both.type != CREW_ANY_LIST || both.list.count != 2) {
        crew_any_clear(&both);
        return crewi_error(CREW_EPROTO, "crew_dict_popitem: a reply that is no entry");
    }
    *key = both.list.items[0];
    *value = both.list.items[1];
    both.list.count = 0;
    crew_any_clear(&both);
    return CREW_OK;
}

crew_status crew_dict_contains(crew_dict dict, crew_any key, bool *contains)
{
    struct crewi_container_call call =
        call_with("crew_dict_contains", dict, CREWI_DICT_HAS, &key, NULL);
    return crewi_container_test(&call, contains);
}

/* A new key begins with 0, and has the delta then: true as 1. */
crew_status crew_dict_add(crew_dict dict, crew_any key, crew_any delta, crew_any *result)
{
    struct crewi_container_call call =
        call_with("crew_dict_add", dict, CREWI_DICT_ADD, &key, &delta);
    struct crewi_container_reply reply;
    crew_status status = crewi_container_ask(&call, &call, &reply);
    if (status || !result)
        return status;
    if (reply.has_value)
        *result = reply.value;
    else
        *result = delta.type == CREW_ANY_BOOL ? crew_int(delta.boolean) : delta;
    return CREW_OK;
}

crew_status crew_dict_update_with(crew_dict dict, crew_any key, crew_update_function *function,
                                  void *arg)
{
    struct crewi_container_call call =
        call_with("crew_dict_update_with", dict, CREWI_DICT_SET, &key, NULL);
    return crewi_container_update(&call, function, arg);
}

/* All entries */

crew_status crew_dict_length(crew_dict dict, size_t *length)
{
    struct crewi_container_call call = call_of("crew_dict_length", dict, CREWI_CONTAINER_LENGTH);
    return crewi_container_count(&call, length);
}

static crew_status get_all(const char *name, crew_dict dict, uint8_t flags, crew_any *all)
{
    struct crewi_container_call call = call_of(name, dict, CREWI_DICT_ALL);
    call.flags = flags;
    return crewi_container_fetch(&call, all);
}

crew_status crew_dict_keys(crew_dict dict, crew_any *keys)
{
    return get_all("crew_dict_keys", dict, CREWI_CONTAINER_KEYS, keys);
}

crew_status crew_dict_values(crew_dict dict, crew_any *values)
{
    return get_all("crew_dict_values", dict, CREWI_CONTAINER_VALUES, values);
}

crew_status crew_dict_items(crew_dict dict, crew_any *items)
{
    return get_all("crew_dict_items", dict, CREWI_CONTAINER_KEYS | CREWI_CONTAINER_VALUES, items);
}

crew_status crew_dict_update(crew_dict dict, crew_any entries)
{
    struct crewi_container_call call = call_of("crew_dict_update", dict, CREWI_DICT_UPDATE);
    if (entries.type != CREW_ANY_DICT)
        return crewi_error(CREW_EINVAL,
                           "crew_dict_update: a dict was expected, this is a value of the type %s",
                           crew_any_type_name(entries.type));
    call.spread = &entries;
    return crewi_container_do(&call);
}

crew_status crew_dict_clear(crew_dict dict)
{
    struct crewi_container_call call = call_of("crew_dict_clear", dict, CREWI_CONTAINER_CLEAR);
    return crewi_container_do(&call);
}

crew_status crew_dict_print(crew_dict dict, FILE *stream)
{
    crew_any items;
    if (!stream)
        return crewi_error(CREW_EINVAL, "crew_dict_print: stream is NULL");
    crew_status status =
        get_all("crew_dict_print", dict,
                CREWI_CONTAINER_KEYS | CREWI_CONTAINER_VALUES | CREWI_CONTAINER_LOOK, &items);
    if (status)
        return status;
    status = crew_any_print(items, stream);
    crew_any_clear(&items);
    return status;
}
