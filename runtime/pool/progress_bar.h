/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A progress bar on stderr: share, tasks, rate, remaining time, failures, in one line that is drawn
 * again.
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

/** Words it, without line control: for draw, and for tests. */
void crewi_progress_bar_text(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns, char *text,
                             size_t size);

#endif
