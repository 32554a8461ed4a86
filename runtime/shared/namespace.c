/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/namespace.h>. */
#include <crew/namespace.h>

#include "base/error.h"
#include "shared/any_inside.h"
#include "shared/container.h"

static struct crewi_container_call call_of(const char *call, crew_namespace space,
                                           enum crewi_container_op op, const crew_any *name)
{
    return (struct crewi_container_call){
        .name = call, .id = space.id, .type = CREWI_NAMESPACE, .op = op, .first = name};
}

static crew_status check_name(const char *call, const char *name)
{
    if (!name || !*name)
        return crewi_error(CREW_EINVAL, "%s: the name is %s", call, name ? "empty" : "NULL");
    return CREW_OK;
}

crew_status crew_namespace_create(crew_namespace *space, const crew_container_attr *attr)
{
    return crewi_container_make("crew_namespace_create", CREWI_NAMESPACE, attr,
                                space ? &space->id : NULL);
}

crew_status crew_namespace_close(crew_namespace space)
{
    return crewi_container_close("crew_namespace_close", space.id);
}

crew_status crew_namespace_set(crew_namespace space, const char *name, crew_any value)
{
    crew_any key = crew_string(name);
    struct crewi_container_call call = call_of("crew_namespace_set", space, CREWI_DICT_SET, &key);
    call.second = &value;
    crew_status status = check_name(call.name, name);
    return status ? status : crewi_container_do(&call);
}

crew_status crew_namespace_get(crew_namespace space, const char *name, crew_any *value)
{
    crew_any key = crew_string(name);
    struct crewi_container_call call = call_of("crew_namespace_get", space, CREWI_DICT_GET, &key);
    crew_status status = check_name(call.name, name);
    return status ? status : crewi_container_fetch(&call, value);
}

crew_status crew_namespace_delete(crew_namespace space, const char *name)
{
    crew_any key = crew_string(name);
    struct crewi_container_call call =
        call_of("crew_namespace_delete", space, CREWI_DICT_TAKE, &key);
    crew_status status = check_name(call.name, name);
    return status ? status : crewi_container_do(&call);
}

crew_status crew_namespace_has(crew_namespace space, const char *name, bool *has)
{
    crew_any key = crew_string(name);
    struct crewi_container_call call = call_of("crew_namespace_has", space, CREWI_DICT_HAS, &key);
    crew_status status = check_name(call.name, name);
    return status ? status : crewi_container_test(&call, has);
}

static crew_status get_all(const char *name, crew_namespace space, uint8_t flags, crew_any *items)
{
    struct crewi_container_call call = call_of(name, space, CREWI_DICT_ALL, NULL);
    call.flags = CREWI_CONTAINER_KEYS | CREWI_CONTAINER_VALUES | flags;
    return crewi_container_fetch(&call, items);
}

crew_status crew_namespace_items(crew_namespace space, crew_any *items)
{
    return get_all("crew_namespace_items", space, 0, items);
}

crew_status crew_namespace_print(crew_namespace space, FILE *stream)
{
    crew_any items;
    char *text = NULL;
    if (!stream)
        return crewi_error(CREW_EINVAL, "crew_namespace_print: stream is NULL");
    crew_status status = get_all("crew_namespace_print", space, CREWI_CONTAINER_LOOK, &items);
    if (status)
        return status;
    status = crewi_any_format_namespace(&items, &text);
    crew_any_clear(&items);
    return crewi_any_write_text(status, text, stream);
}
