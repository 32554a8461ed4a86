/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Views: what a client knows of an array, from its first call on until it closes it.
 */
#ifndef CREWI_SHARED_ARRAY_VIEW_H
#define CREWI_SHARED_ARRAY_VIEW_H

#include "engine/cache.h"
#include "shared/array_protocol.h"

#include <crew/datatype.h>

/** An array, as a client sees it. */
struct crewi_array_view {
    struct crewi_cached cached; /* first: a cached record is its view */
    unsigned char *memory;      /* NULL: on another host, or it cannot be mapped */
    size_t element_size;
    struct crewi_array_description about;
};

/** The view of the calling client, which is asked for if it is the first call.
 * @return ::CREW_ESTATE, ::CREW_EINVAL; otherwise as crewi_call() */
crew_status crewi_array_view_get(const char *call, uint64_t id,
                                 const struct crewi_array_view **view);

/** The calling client uses it no more. */
void crewi_array_view_close(uint64_t id);

#endif
