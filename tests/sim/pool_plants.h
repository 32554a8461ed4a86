/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What homes of pools do wrong on purpose. The linker puts the functions of pool_hooks.c in front
 * of theirs.
 */
#ifndef CREW_TESTS_SIM_POOL_PLANTS_H
#define CREW_TESTS_SIM_POOL_PLANTS_H

#include "sim_transport.h"

enum pool_plant {
    POOL_RETURN_LOST, /* tasks that come back from a worker that died, or are tried again */
    POOL_RETURN_TWICE,
    POOL_CHUNK_TWICE,    /* one that was given out goes out to the next worker, too */
    POOL_DRAFT_IGNORED,  /* as if a worker had left none */
    POOL_DRAFT_TOO_LONG, /* one task more counts as done */
    POOL_DEATH_IGNORED,
    POOL_FEED_FORGOTTEN, /* of a worker that has nothing */
    POOL_KILL_IGNORED,
    POOL_REPORT_LOST,
    POOL_REPORT_TWICE,
    POOL_ERROR_MISPLACED,
    POOL_TAKEN_AND_KEPT, /* by the worker that they are taken back from */
    POOL_KILL_BLIND      /* whatever the worker is in */
};

extern const struct sim_plant pool_plants[];

#endif
