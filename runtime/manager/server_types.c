/* SPDX-License-Identifier: BSD-3-Clause */
/* The types of a server: from references to functions. */
#include "manager/server.h"

#include "base/error.h"

#include <stdlib.h>

static crew_status find_methods(const struct crewi_manager_method_order *orders, uint32_t count,
                                struct crewi_server_method *methods)
{
    crewi_function *function;
    for (uint32_t i = 0; i < count; i++) {
        crew_status status = crewi_funcref_resolve(&orders[i].function, &function);
        if (status)
            return status;
        methods[i] = (struct crewi_server_method){.name = orders[i].name,
                                                  .function = (crew_method_function *)function,
                                                  .exposed = orders[i].exposed != 0};
    }
    return CREW_OK;
}

static crew_status find_type(const struct crewi_manager_type_order *order,
                             const struct crewi_server_method *methods,
                             struct crewi_server_type *type)
{
    crewi_function *create, *destroy = NULL;
    crew_status status = crewi_funcref_resolve(&order->create, &create);
    if (!status && order->destroyed)
        status = crewi_funcref_resolve(&order->destroy, &destroy);
    if (status)
        return status;
    *type = (struct crewi_server_type){.name = order->name,
                                       .create = (crew_object_function *)create,
                                       .destroy = (void (*)(void *))destroy,
                                       .methods = methods + order->first_method,
                                       .method_count = order->method_count,
                                       .concurrent = order->concurrent};
    return CREW_OK;
}

crew_status crewi_server_types(const struct crewi_manager_order *order,
                               struct crewi_server_type **found)
{
    const struct crewi_manager_type_order *orders = (const void *)(order + 1);
    const struct crewi_manager_method_order *method_orders =
        (const void *)(orders + order->type_count);
    struct crewi_server_type *types = calloc(order->type_count + 1, sizeof *types);
    struct crewi_server_method *methods = calloc(order->method_count + 1, sizeof *methods);
    crew_status status = types && methods
                             ? find_methods(method_orders, order->method_count, methods)
                             : crewi_error_memory();
    for (uint32_t i = 0; !status && i < order->type_count; i++)
        status = find_type(&orders[i], methods, &types[i]);
    if (status) {
        free(types);
        free(methods);
        return status;
    }
    types[order->type_count].methods = methods; /* of all, whatever types there are */
    *found = types;
    return CREW_OK;
}
