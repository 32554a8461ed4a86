/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/set.h>. */
#include <crew/set.h>

#include "base/error.h"
#include "shared/any_inside.h"
#include "shared/any_pack.h"
#include "shared/container.h"

static struct crewi_container_call call_of(const char *name, crew_set set,
                                           enum crewi_container_op op, const crew_any *item)
{
    return (struct crewi_container_call){
        .name = name, .id = set.id, .type = CREWI_SET, .op = op, .first = item};
}

crew_status crew_set_create(crew_set *set, const crew_container_attr *attr)
{
    return crewi_container_make("crew_set_create", CREWI_SET, attr, set ? &set->id : NULL);
}

crew_status crew_set_close(crew_set set)
{
    return crewi_container_close("crew_set_close", set.id);
}

crew_status crew_set_add(crew_set set, crew_any item, bool *added)
{
    struct crewi_container_call call = call_of("crew_set_add", set, CREWI_DICT_UPDATE, &item);
    bool is_new;
    return crewi_container_test(&call, added ? added : &is_new);
}

crew_status crew_set_discard(crew_set set, crew_any item)
{
    struct crewi_container_call call = call_of("crew_set_discard", set, CREWI_DICT_TAKE, &item);
    call.flags = CREWI_CONTAINER_OR_NOTHING;
    return crewi_container_do(&call);
}

crew_status crew_set_remove(crew_set set, crew_any item)
{
    struct crewi_container_call call = call_of("crew_set_remove", set, CREWI_DICT_TAKE, &item);
    return crewi_container_do(&call);
}

crew_status crew_set_pop(crew_set set, crew_any *item)
{
    struct crewi_container_call call = call_of("crew_set_pop", set, CREWI_DICT_TAKE_LAST, NULL);
    return crewi_container_fetch(&call, item);
}

crew_status crew_set_contains(crew_set set, crew_any item, bool *contains)
{
    struct crewi_container_call call = call_of("crew_set_contains", set, CREWI_DICT_HAS, &item);
    return crewi_container_test(&call, contains);
}

crew_status crew_set_length(crew_set set, size_t *length)
{
    struct crewi_container_call call =
        call_of("crew_set_length", set, CREWI_CONTAINER_LENGTH, NULL);
    return crewi_container_count(&call, length);
}

/* Each once, so that one that comes twice is not counted twice where there is a bound. */
static crew_status list_once(const crew_any *items, crew_any *once)
{
    crew_any seen = crew_any_dict();
    crew_status status = CREW_OK;
    size_t count = 0;
    *once = crew_any_list();
    for (size_t i = 0; i < items->list.count && !status; i++) {
        status = crew_any_dict_set(&seen, items->list.items[i], crew_nil());
        if (!status && crew_any_length(seen) > count) {
            status = crew_any_list_append(once, items->list.items[i]);
            count++;
        }
    }
    crew_any_clear(&seen);
    if (status)
        crew_any_clear(once);
    return status;
}

crew_status crew_set_update(crew_set set, crew_any items)
{
    struct crewi_container_call call = call_of("crew_set_update", set, CREWI_DICT_UPDATE, NULL);
    crew_any once;
    if (items.type != CREW_ANY_LIST)
        return crewi_error(CREW_EINVAL,
                           "crew_set_update: a list was expected, this is a value of the type %s",
                           crew_any_type_name(items.type));
    uint64_t size;
    crew_status status = crewi_any_measure(call.name, &items, &size);
    if (!status)
        status = list_once(&items, &once);
    if (status)
        return status;
    call.spread = &once;
    status = crewi_container_do(&call);
    crew_any_clear(&once);
    return status;
}

static crew_status get_all(const char *name, crew_set set, uint8_t flags, crew_any *items)
{
    struct crewi_container_call call = call_of(name, set, CREWI_DICT_ALL, NULL);
    call.flags = CREWI_CONTAINER_KEYS | flags;
    return crewi_container_fetch(&call, items);
}

crew_status crew_set_items(crew_set set, crew_any *items)
{
    return get_all("crew_set_items", set, 0, items);
}

crew_status crew_set_clear(crew_set set)
{
    struct crewi_container_call call = call_of("crew_set_clear", set, CREWI_CONTAINER_CLEAR, NULL);
    return crewi_container_do(&call);
}

crew_status crew_set_print(crew_set set, FILE *stream)
{
    crew_any items;
    char *text = NULL;
    if (!stream)
        return crewi_error(CREW_EINVAL, "crew_set_print: stream is NULL");
    crew_status status = get_all("crew_set_print", set, CREWI_CONTAINER_LOOK, &items);
    if (status)
        return status;
    status = crewi_any_format_set(&items, &text);
    crew_any_clear(&items);
    return crewi_any_write_text(status, text, stream);
}
