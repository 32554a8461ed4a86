/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the calls of <crew/array.h> share: array.c, array_element.c and array_slice.c.
 */
#ifndef CREWI_SHARED_ARRAY_CALL_H
#define CREWI_SHARED_ARRAY_CALL_H

#include "engine/client.h"
#include "shared/array_view.h"

/** A request about an array to the own rank; the body is added by the caller. */
struct crewi_call crewi_array_call(enum crewi_array_op op, const struct crewi_array_head *head);

/** Whether the elements are there: ::CREW_EDOMAIN; ::CREW_EINVAL a negative count */
crew_status crewi_array_check_range(const char *call, const struct crewi_array_view *view,
                                    int64_t first, int64_t count);

#endif
