/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The ranks that the workers of a pool go round, as its creator chooses them.
 */
#ifndef CREWI_POOL_POOL_RANKS_H
#define CREWI_POOL_POOL_RANKS_H

#include <crew/pool.h>
#include <stdint.h>

/** The ranks that are meant, in their order; freed with free(). */
struct crewi_pool_ranks {
    int32_t *list; /* NULL: all */
    uint32_t count;
};

/** ::CREW_EINVAL a rank or a host that there is not, or one twice, or both lists, or a list of
 * none; ::CREW_ENOMEM */
crew_status crewi_pool_choose_ranks(const crew_pool_attr *attr, struct crewi_pool_ranks *ranks);

#endif
