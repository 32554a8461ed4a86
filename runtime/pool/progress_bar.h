/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A progress bar on stderr: share, tasks, rate, remaining time, failures, tasks that were tried
 * again, in one line. On a terminal it is drawn again and again, elsewhere once at the end.
 */
#ifndef CREWI_POOL_PROGRESS_BAR_H
#define CREWI_POOL_PROGRESS_BAR_H

#include "pool/pool_protocol.h"

#include <stdint.h>

struct crewi_progress_bar {
    int64_t begin_ns;
};

void crewi_progress_bar_begin(struct crewi_progress_bar *bar, int64_t now_ns);

/** Draws it; with a newline at the end when the map is over. */
void crewi_progress_bar_draw(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns);

/** The room that a line may take. */
#define CREWI_PROGRESS_BAR_SIZE 256

/** Words it, without line control, in fewer columns than these: what there is no room for is left
 * out, the bar first, failures last. 0: as many as it takes. */
void crewi_progress_bar_text(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns,
                             int columns, char text[CREWI_PROGRESS_BAR_SIZE]);

#endif
