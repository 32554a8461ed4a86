/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/registry.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static crew_status check_name(const char *what, const char *name)
{
    if (name && *name && strlen(name) < CREW_NAME_SIZE)
        return CREW_OK;
    return crewi_error(CREW_EINVAL, "crew_manager_register: the name of a %s %s", what,
                       !name   ? "is NULL"
                       : *name ? "is too long: 63 characters are the most"
                               : "is empty");
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Python's rule where nothing is said. */
static bool is_exposed(const char *const *exposed, const char *name)
{
    return exposed ? is_listed(exposed, name) : *name != '_';
}

static crew_status check_method(const crew_manager_type *type, const crew_method *method)
{
    crew_status status = check_name("method", method->name);
    if (status)
        return status;
    if (!method->function)
        return crewi_error(CREW_EINVAL, "crew_manager_register: method %s of %s has no function",
                           method->name, type->name);
    for (const crew_method *other = type->methods; other < method; other++)
        if (strcmp(other->name, method->name) == 0)
            return crewi_error(CREW_EEXIST, "crew_manager_register: %s has two methods %s",
                               type->name, method->name);
    return CREW_OK;
}

static crew_status check_exposed(const crew_manager_type *type, const char *const *exposed)
{
    for (; exposed && *exposed; exposed++) {
        const crew_method *method = type->methods;
        while (method->name && strcmp(method->name, *exposed) != 0)
            method++;
        if (!method->name)
            return crewi_error(CREW_EINVAL,
                               "crew_manager_register: %s is to expose %s, which is none of its "
                               "methods",
                               type->name, *exposed);
    }
    return CREW_OK;
}

static crew_status check(const struct crewi_registry *registry, const crew_manager_type *type,
                         const char *const *exposed)
{
    if (!type)
        return crewi_error(CREW_EINVAL, "crew_manager_register: type is NULL");
    crew_status status = check_name("type", type->name);
    if (!status && (!type->create || !type->methods))
        status = crewi_error(CREW_EINVAL, "crew_manager_register: type %s has no %s", type->name,
                             type->create ? "methods" : "create");
    for (uint32_t i = 0; !status && i < registry->type_count; i++)
        if (strcmp(registry->types[i].name, type->name) == 0)
            status = crewi_error(CREW_EEXIST, "crew_manager_register: there is a type %s already",
                                 type->name);
    if (status)
        return status;
    for (const crew_method *method = type->methods; !status && method->name; method++)
        status = check_method(type, method);
    return status ? status : check_exposed(type, exposed);
}

/* Room for one more type and its methods; what is there stays as it is. */
static crew_status make_room(struct crewi_registry *registry, uint32_t methods)
{
    void *types = realloc(registry->types, (registry->type_count + 1) * sizeof *registry->types);
    if (!types)
        return crewi_error_memory();
    registry->types = types;
    void *all = realloc(registry->methods,
                        (registry->method_count + methods + 1) * sizeof *registry->methods);
    if (!all)
        return crewi_error_memory();
    registry->methods = all;
    return CREW_OK;
}

static crew_status fill_type(struct crewi_manager_type_order *order, const crew_manager_type *type)
{
    *order = (struct crewi_manager_type_order){.concurrent = type->concurrent,
                                               .destroyed = type->destroy != NULL};
    memcpy(order->name, type->name, strlen(type->name) + 1);
    crew_status status = crewi_funcref_make(&order->create, (crewi_function *)type->create);
    if (!status && type->destroy)
        status = crewi_funcref_make(&order->destroy, (crewi_function *)type->destroy);
    return status;
}

static crew_status fill_method(struct crewi_manager_method_order *order, const crew_method *method,
                               bool exposed)
{
    *order = (struct crewi_manager_method_order){.exposed = exposed};
    memcpy(order->name, method->name, strlen(method->name) + 1);
    return crewi_funcref_make(&order->function, (crewi_function *)method->function);
}

crew_status crewi_registry_add(struct crewi_registry *registry, const crew_manager_type *type,
                               const char *const *exposed)
{
    uint32_t count = 0;
    crew_status status = check(registry, type, exposed);
    if (status)
        return status;
    while (type->methods[count].name)
        count++;
    status = make_room(registry, count);
    if (status)
        return status;
    struct crewi_manager_type_order *order = &registry->types[registry->type_count];
    status = fill_type(order, type);
    order->first_method = registry->method_count;
    order->method_count = count;
    for (uint32_t i = 0; !status && i < count; i++)
        status = fill_method(&registry->methods[registry->method_count + i], &type->methods[i],
                             is_exposed(exposed, type->methods[i].name));
    if (status)
        return status;
    registry->type_count++;
    registry->method_count += count;
    return CREW_OK;
}

crew_status crewi_registry_order(const struct crewi_registry *registry, crew_connection door,
                                 void **made, size_t *size)
{
    struct crewi_manager_order order = {
        .door = door, .type_count = registry->type_count, .method_count = registry->method_count};
    size_t types = registry->type_count * sizeof *registry->types,
           methods = registry->method_count * sizeof *registry->methods;
    char *bytes = malloc(sizeof order + types + methods);
    if (!bytes)
        return crewi_error_memory();
    memcpy(bytes, &order, sizeof order);
    if (types)
        memcpy(bytes + sizeof order, registry->types, types);
    if (methods)
        memcpy(bytes + sizeof order + types, registry->methods, methods);
    *made = bytes;
    *size = sizeof order + types + methods;
    return CREW_OK;
}

void crewi_registry_free(struct crewi_registry *registry)
{
    free(registry->types);
    free(registry->methods);
    *registry = (struct crewi_registry){0};
}
