/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the calls of <crew/list.h>, <crew/dict.h>, <crew/set.h> and <crew/namespace.h> share.
 */
#ifndef CREWI_SHARED_CONTAINER_H
#define CREWI_SHARED_CONTAINER_H

#include "shared/container_protocol.h"

#include <crew/any.h>

/** What to ask. The values are one behind the other, or those in a list or dict. */
struct crewi_container_call {
    const char *name; /* of the public function */
    uint64_t id;
    enum crewi_container_type type;
    enum crewi_container_op op;
    int64_t index, stop;
    uint64_t version;
    uint8_t flags;
    const crew_any *first, *second; /* values, in this order; NULL: none */
    const crew_any *spread;         /* instead: what is in that list or dict */
};

/** What came back. */
struct crewi_container_reply {
    uint64_t number, version;
    bool has_value;
    crew_any value; /* to be cleared */
};

/** Makes an object of that type. */
crew_status crewi_container_make(const char *name, enum crewi_container_type type,
                                 const crew_container_attr *attr, uint64_t *id);

crew_status crewi_container_close(const char *name, uint64_t id);

/** Asks; the value is to be cleared. @p output: what the public function sets; ::CREW_EINVAL if it
 * is NULL. */
crew_status crewi_container_ask(const struct crewi_container_call *call, const void *output,
                                struct crewi_container_reply *reply);

/** The same for nothing, for a number, and for a value, which has to come. */
crew_status crewi_container_do(const struct crewi_container_call *call);
crew_status crewi_container_count(const struct crewi_container_call *call, size_t *number);
crew_status crewi_container_test(const struct crewi_container_call *call, bool *is);
crew_status crewi_container_fetch(const struct crewi_container_call *call, crew_any *value);

/** Has a function make new values, until one is set before anybody else has changed it: @p call
 * sets a value, which is the one behind those that it has. */
crew_status crewi_container_update(const struct crewi_container_call *call,
                                   crew_update_function *function, void *arg);

#endif
