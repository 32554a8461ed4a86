/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What crew_map_attr::progress shows of a map: a bar while it is under way, and a summary at its
 * end.
 */
#ifndef CREWI_POOL_MAP_PROGRESS_H
#define CREWI_POOL_MAP_PROGRESS_H

#include "pool/pool_summary.h"
#include "pool/progress_bar.h"

struct crewi_map_progress {
    crew_pool pool;
    struct crewi_progress_bar bar;
    struct crewi_pool_summary before;
};

/** Before the map is submitted; to be ended if it returns ::CREW_OK. */
crew_status crewi_map_progress_begin(struct crewi_map_progress *progress, crew_pool pool);

void crewi_map_progress_draw(const struct crewi_map_progress *progress,
                             const struct crewi_pool_progress *how_far);

/** The map is over: prints what was done since the beginning. */
void crewi_map_progress_conclude(const struct crewi_map_progress *progress);

/** Ends a line that was begun, however the map went, and gives back what it holds. @param progress
 * a struct crewi_map_progress */
void crewi_map_progress_end(void *progress);

#endif
