/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * How calls of <crew/pool.h> ask the home of a pool.
 */
#ifndef CREWI_POOL_POOL_CALL_H
#define CREWI_POOL_POOL_CALL_H

#include "engine/client.h"
#include "pool/pool_protocol.h"

/** Asks the pool at its home; as crewi_call(), and ::CREW_EINVAL for an empty handle. */
crew_status crewi_pool_ask(crew_pool pool, enum crewi_pool_op op, const void *data, size_t size,
                           int64_t timeout_ns, struct crewi_frame **reply);

/** Whether what an attribute says of tasks can be. ::CREW_EINVAL, in the name of the call */
crew_status crewi_map_check_attr(const char *call, const crew_map_attr *attr);

#endif
