/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/list.h>. */
#include <crew/list.h>

#include "base/error.h"
#include "shared/container.h"

static struct crewi_container_call call_of(const char *name, crew_list list,
                                           enum crewi_container_op op)
{
    return (struct crewi_container_call){.name = name, .id = list.id, .type = CREWI_LIST, .op = op};
}

static struct crewi_container_call call_at(const char *name, crew_list list,
                                           enum crewi_container_op op, int64_t index)
{
    struct crewi_container_call call = call_of(name, list, op);
    call.index = index;
    return call;
}

crew_status crew_list_create(crew_list *list, const crew_container_attr *attr)
{
    return crewi_container_make("crew_list_create", CREWI_LIST, attr, list ? &list->id : NULL);
}

crew_status crew_list_close(crew_list list)
{
    return crewi_container_close("crew_list_close", list.id);
}

/* Adding */

static crew_status insert(const char *name, crew_list list, int64_t index, const crew_any *item)
{
    struct crewi_container_call call = call_at(name, list, CREWI_LIST_INSERT, index);
    call.first = item;
    return crewi_container_do(&call);
}

crew_status crew_list_append(crew_list list, crew_any item)
{
    return insert("crew_list_append", list, CREW_END, &item);
}

crew_status crew_list_insert(crew_list list, int64_t index, crew_any item)
{
    return insert("crew_list_insert", list, index, &item);
}

crew_status crew_list_extend(crew_list list, crew_any items)
{
    struct crewi_container_call call =
        call_at("crew_list_extend", list, CREWI_LIST_INSERT, CREW_END);
    if (items.type != CREW_ANY_LIST)
        return crewi_error(CREW_EINVAL,
                           "crew_list_extend: a list was expected, this is a value of the type %s",
                           crew_any_type_name(items.type));
    call.spread = &items;
    return crewi_container_do(&call);
}

/* One item */

crew_status crew_list_get(crew_list list, int64_t index, crew_any *item)
{
    struct crewi_container_call call = call_at("crew_list_get", list, CREWI_LIST_GET, index);
    return crewi_container_fetch(&call, item);
}

crew_status crew_list_set(crew_list list, int64_t index, crew_any item)
{
    struct crewi_container_call call = call_at("crew_list_set", list, CREWI_LIST_SET, index);
    call.first = &item;
    return crewi_container_do(&call);
}

crew_status crew_list_delete(crew_list list, int64_t index)
{
    struct crewi_container_call call = call_at("crew_list_delete", list, CREWI_LIST_TAKE, index);
    return crewi_container_do(&call);
}

crew_status crew_list_pop(crew_list list, int64_t index, crew_any *item)
{
    struct crewi_container_call call = call_at("crew_list_pop", list, CREWI_LIST_TAKE, index);
    call.flags = CREWI_CONTAINER_GIVE;
    return crewi_container_fetch(&call, item);
}

crew_status crew_list_add(crew_list list, int64_t index, crew_any delta, crew_any *result)
{
    struct crewi_container_call call = call_at("crew_list_add", list, CREWI_LIST_ADD, index);
    crew_any sum;
    call.first = &delta;
    crew_status status = crewi_container_fetch(&call, &sum);
    if (!status && result)
        *result = sum;
    return status;
}

crew_status crew_list_update_with(crew_list list, int64_t index, crew_update_function *function,
                                  void *arg)
{
    struct crewi_container_call call =
        call_at("crew_list_update_with", list, CREWI_LIST_SET, index);
    return crewi_container_update(&call, function, arg);
}

/* Several */

static crew_status slice(const char *name, crew_list list, int64_t start, int64_t stop,
                         uint8_t flags, crew_any *items)
{
    struct crewi_container_call call = call_at(name, list, CREWI_LIST_SLICE, start);
    call.stop = stop;
    call.flags = flags;
    return crewi_container_fetch(&call, items);
}

crew_status crew_list_slice(crew_list list, int64_t start, int64_t stop, crew_any *items)
{
    return slice("crew_list_slice", list, start, stop, 0, items);
}

crew_status crew_list_items(crew_list list, crew_any *items)
{
    return slice("crew_list_items", list, 0, CREW_END, 0, items);
}

/* By value */

crew_status crew_list_remove(crew_list list, crew_any item)
{
    struct crewi_container_call call = call_of("crew_list_remove", list, CREWI_LIST_REMOVE);
    call.first = &item;
    return crewi_container_do(&call);
}

crew_status crew_list_index(crew_list list, crew_any item, size_t *index)
{
    struct crewi_container_call call = call_of("crew_list_index", list, CREWI_LIST_FIND);
    call.first = &item;
    return crewi_container_count(&call, index);
}

crew_status crew_list_count(crew_list list, crew_any item, size_t *count)
{
    struct crewi_container_call call = call_of("crew_list_count", list, CREWI_LIST_COUNT);
    call.first = &item;
    return crewi_container_count(&call, count);
}

crew_status crew_list_contains(crew_list list, crew_any item, bool *contains)
{
    struct crewi_container_call call = call_of("crew_list_contains", list, CREWI_LIST_COUNT);
    call.first = &item;
    return crewi_container_test(&call, contains);
}

/* The whole */

crew_status crew_list_length(crew_list list, size_t *length)
{
    struct crewi_container_call call = call_of("crew_list_length", list, CREWI_CONTAINER_LENGTH);
    return crewi_container_count(&call, length);
}

crew_status crew_list_reverse(crew_list list)
{
    struct crewi_container_call call = call_of("crew_list_reverse", list, CREWI_LIST_REVERSE);
    return crewi_container_do(&call);
}

crew_status crew_list_sort(crew_list list, bool descending)
{
    struct crewi_container_call call = call_of("crew_list_sort", list, CREWI_LIST_SORT);
    call.flags = descending ? CREWI_CONTAINER_DESCENDING : 0;
    return crewi_container_do(&call);
}

crew_status crew_list_clear(crew_list list)
{
    struct crewi_container_call call = call_of("crew_list_clear", list, CREWI_CONTAINER_CLEAR);
    return crewi_container_do(&call);
}

crew_status crew_list_print(crew_list list, FILE *stream)
{
    crew_any items;
    if (!stream)
        return crewi_error(CREW_EINVAL, "crew_list_print: stream is NULL");
    crew_status status = slice("crew_list_print", list, 0, CREW_END, CREWI_CONTAINER_LOOK, &items);
    if (status)
        return status;
    status = crew_any_print(items, stream);
    crew_any_clear(&items);
    return status;
}
