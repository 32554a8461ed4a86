/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Calls that run tasks: what they have in common (map.c), and what is different where sizes vary
 * (map_bytes.c).
 */
#ifndef CREWI_POOL_MAP_CALL_H
#define CREWI_POOL_MAP_CALL_H

#include "pool/pool_protocol.h"

#include <crew/pool.h>
#include <stdbool.h>

struct crewi_map_progress;

/** What a caller wants done. */
struct crewi_map_call {
    const char *name;
    crew_pool pool;
    crewi_function *function;
    const char *task; /* its name; may be NULL */
    bool varying;     /* items and results are struct iovecs, and the sizes here are 0 */
    size_t item_size, result_size;
    const void *items;
    void *results;
    size_t count;
    const crew_map_attr *attr;           /* not NULL */
    bool parts;                          /* results are to be told one by one */
    struct crewi_map_progress *progress; /* NULL: none is shown */
};

/** For calls that were given none. */
extern const crew_map_attr crewi_map_defaults;

/** Whether that many items and results of these sizes can be. ::CREW_EINVAL */
crew_status crewi_map_check_sizes(const char *call, size_t item_size, size_t result_size,
                                  size_t count);

/** Runs it to its end. */
crew_status crewi_map_run(const struct crewi_map_call *call);

/** Begins it. */
crew_status crewi_map_begin(const struct crewi_map_call *call, crew_result *result);

/* map_bytes.c, where sizes vary */

/** ::CREW_EINVAL, ::CREW_ENOTSUP */
crew_status crewi_map_check_bytes(const struct crewi_map_call *call);

/** Submits it, from a process that has to send the items. */
crew_status crewi_map_send_bytes(const struct crewi_map_call *call,
                                 const struct crewi_pool_submission *submission, uint64_t *map);

#endif
