/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The server of a manager, inside this folder: its types, its objects, and what becomes of a
 * request.
 */
#ifndef CREWI_MANAGER_SERVER_H
#define CREWI_MANAGER_SERVER_H

#include "manager/manager_protocol.h"

#include <crew/any.h>
#include <crew/manager.h>

struct crewi_server_method {
    const char *name;
    crew_method_function *function;
    bool exposed;
};

struct crewi_server_type {
    const char *name;
    crew_object_function *create;
    void (*destroy)(void *object);
    const struct crewi_server_method *methods;
    uint32_t method_count;
    bool concurrent;
};

/** What a request came to. */
struct crewi_server_outcome {
    bool begun;            /* a function of the type was called: what is in its arguments is its */
    crew_connection proxy; /* of a new object; the server's copy, to be closed when it was sent */
    void *data;            /* a packed value, to be freed */
    size_t size;
};

/* server_types.c */

/** Finds the functions of an order of @p size bytes; there are as many types as it says. */
crew_status crewi_server_types(const struct crewi_manager_order *order,
                               struct crewi_server_type **types);

/* server_objects.c */

/** Starts the thread that destroys the objects that nobody has a proxy of. */
crew_status crewi_server_begin_objects(void);

/** Makes an object. What it returns has its reason in crew_error_message(), with the type in it. */
crew_status crewi_server_create(const struct crewi_server_type *type, const crew_any *args,
                                size_t count, struct crewi_server_outcome *outcome);

/** Calls a method; the same. */
crew_status crewi_server_call(uint64_t object, const char *method, const crew_any *args,
                              size_t count, struct crewi_server_outcome *outcome);

/** Destroys the objects that no method runs in. */
void crewi_server_end_objects(void);

/* server_blocks.c */

/** Makes a block of shared memory. */
crew_status crewi_server_make_block(const crew_any *args, size_t count,
                                    struct crewi_server_outcome *outcome);

/** Unlinks them all. */
void crewi_server_end_blocks(void);

#endif
