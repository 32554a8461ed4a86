/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The journal of a result to come: a thread of its own keeps it, as crew_pool_map() does for a map
 * that it waits for. The result is not done before its journal is closed.
 *
 * All functions belong to the process that makes the result, which is not inside a rank.
 */
#ifndef CREWI_POOL_RESULT_KEEPER_H
#define CREWI_POOL_RESULT_KEEPER_H

#include "pool/map_journal.h"

#include <crew/pool.h>

struct crewi_result_keeper;

/** Starts the thread, which waits until it is told of what. @p journal is open; the keeper has it
 * from here on. ::CREW_ENOTSUP, ::CREW_ENOMEM, ::CREW_ESYSTEM: the journal is still the caller's.
 * crewi_keeper_go() has to follow soon: nobody else can begin or join meanwhile. */
crew_status crewi_keeper_begin(struct crewi_result_keeper **keeper, crew_pool pool,
                               const struct crewi_map_journal *journal);

/** It has been submitted and remembered; 0: it has not, the journal is closed and the thread ends.
 */
void crewi_keeper_go(struct crewi_result_keeper *keeper, uint64_t map);

/** Waits until the journals of that pool's results are closed; all its maps are over. */
void crewi_keepers_join(crew_pool pool);

#endif
