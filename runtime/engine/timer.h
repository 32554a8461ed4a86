/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Deadlines: a binary heap of timers that are part of what waits. No clock: the time is passed in.
 */
#ifndef CREWI_ENGINE_TIMER_H
#define CREWI_ENGINE_TIMER_H

#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>

struct crewi_engine;

struct crewi_timer {
    int64_t deadline_ns;
    /** What the engine calls when it is due, and out of the heap; set by the owner. */
    void (*fire)(struct crewi_engine *engine, struct crewi_timer *timer);
    size_t place; /* in the heap, from 1; 0: not set */
};

struct crewi_timers {
    struct crewi_timer **heap; /* from 1 */
    size_t count, room;
};

void crewi_timers_fini(struct crewi_timers *timers);

/** Sets a timer that is not set; a deadline of CREWI_FOREVER sets none. ::CREW_ENOMEM */
crew_status crewi_timer_set(struct crewi_timers *timers, struct crewi_timer *timer,
                            int64_t deadline_ns);

/** Takes it out; fine when it is not set. */
void crewi_timer_cancel(struct crewi_timers *timers, struct crewi_timer *timer);

/** When the first one is due; CREWI_FOREVER when there is none. */
int64_t crewi_timers_next(const struct crewi_timers *timers);

/** Takes out one that is due at @p now_ns; NULL when none is. */
struct crewi_timer *crewi_timers_take_due(struct crewi_timers *timers, int64_t now_ns);

#endif
