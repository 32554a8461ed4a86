/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The watchdog of a worker process: a thread that ends the process when a task takes too long, be
 * it that the task never returns, or never calls crew.
 */
#ifndef CREWI_POOL_WATCHDOG_H
#define CREWI_POOL_WATCHDOG_H

#include <crew/status.h>
#include <stdatomic.h>
#include <stdint.h>

/** Starts the thread, if there is none yet. @p mark is set to 1 right before it ends the process.
 * ::CREW_ESYSTEM */
crew_status crewi_watchdog_start(uint32_t *mark);

/** The process ends at that time, unless another one is set before; 0: it does not. */
void crewi_watchdog_set(int64_t deadline_ns);

#endif
