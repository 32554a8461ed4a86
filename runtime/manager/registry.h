/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The types of a manager that is not started yet, as its server will be told them.
 */
#ifndef CREWI_MANAGER_REGISTRY_H
#define CREWI_MANAGER_REGISTRY_H

#include "manager/manager_protocol.h"

#include <crew/manager.h>

/** All zero is empty. */
struct crewi_registry {
    struct crewi_manager_type_order *types;
    struct crewi_manager_method_order *methods;
    uint32_t type_count, method_count;
};

/** Adds a type; as crew_manager_register() */
crew_status crewi_registry_add(struct crewi_registry *registry, const crew_manager_type *type,
                               const char *const *exposed);

/** The argument of the server, to be freed. ::CREW_ENOMEM */
crew_status crewi_registry_order(const struct crewi_registry *registry, crew_connection door,
                                 void **order, size_t *size);

void crewi_registry_free(struct crewi_registry *registry);

#endif
