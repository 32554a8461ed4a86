/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What crew's own program of the channel comparison consists of: modes with some sides, each side a
 * process. Side 0 measures; before each block it orders so many messages from the others, and none
 * in the end.
 */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include "channel_measure.h"

#include <crew/crew.h>
#include <crew/pipe.h>
#include <crew/queue.h>

#define CHANNEL_MOST_SIDES 65

/** What a side is given as its argument. Handles that a mode does not use are 0. */
struct channel_side {
    struct channel_settings settings;
    struct channel_case which;
    crew_connection connection;
    crew_queue items, back;
    int others;                            /* sides besides side 0 */
    crew_queue orders[CHANNEL_MOST_SIDES]; /* side 0: of all others; they: their own, the first */
};

struct channel_mode {
    const char *name;
    int (*others)(const struct channel_case *which);            /* how many sides besides side 0 */
    crew_status (*make)(struct channel_side *sides, int count); /* the handles */
    crew_process_function *measure;                             /* side 0 */
    crew_process_function *serve;                               /* the others */
    bool from_main; /* side 0 is the main process, the others are one on each rank */
};

/** Ending with an entry without a name. */
extern const struct channel_mode channel_pipe_modes[];
extern const struct channel_mode channel_queue_modes[];

/** Whether it is ::CREW_OK; if not, says on stderr why. */
bool channel_good(crew_status status);

/** Says what is wrong, and returns false. */
bool channel_wrong(const char *reason);

/** Measures and prints; an exit code. */
int channel_report(const struct channel_side *side, channel_block *block, void *context);

/** The same number of other sides for every case: one. */
int channel_one_other(const struct channel_case *which);

#endif
