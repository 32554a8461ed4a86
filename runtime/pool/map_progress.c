/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/map_progress.h"

#include "base/clock.h"
#include "pool/terminal.h"

#include <stdlib.h>

crew_status crewi_map_progress_begin(struct crewi_map_progress *progress, crew_pool pool)
{
    *progress = (struct crewi_map_progress){.pool = pool};
    crewi_progress_bar_begin(&progress->bar, crewi_now_ns());
    return crewi_pool_summary_ask(pool, &progress->before);
}

void crewi_map_progress_draw(const struct crewi_map_progress *progress,
                             const struct crewi_pool_progress *how_far)
{
    crewi_progress_bar_draw(&progress->bar, how_far, crewi_now_ns());
}

/* The map is what matters: a summary that cannot be had is left out. */
void crewi_map_progress_conclude(const struct crewi_map_progress *progress)
{
    struct crewi_pool_summary after;
    if (crewi_pool_summary_ask(progress->pool, &after))
        return;
    crewi_pool_summary_since(&after, &progress->before);
    crewi_pool_summary_print(&after, stderr);
    free(after.workers);
}

void crewi_map_progress_end(void *progress)
{
    crewi_terminal_end_line();
    free(((struct crewi_map_progress *)progress)->before.workers);
}
