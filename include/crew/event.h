/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Events, as Python's multiprocessing.Event: a flag that is set or not, and those who wait until it
 * is.
 *
 * Setting it wakes all who wait; it stays set until it is cleared. Whether it is set is seen on the
 * rank's own host without a message. Where it is kept, and how it is passed on: as for a lock
 * (<crew/lock.h>), with the same other errors.
 */
#ifndef CREW_EVENT_H
#define CREW_EVENT_H

#include <crew/process.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event. 0 is none. */
typedef struct crew_event {
    uint64_t id;
} crew_event;

/** Settings of an event; all zero are the defaults. */
typedef struct crew_event_attr {
    const char *name; /**< for error messages; NULL: "event-n" */
} crew_event_attr;

/**
 * Makes an event on the caller's rank, not set. Does not block. Python: Event().
 * @return ::CREW_EINVAL event NULL, a name that is empty or longer than ::CREW_NAME_SIZE - 1
 */
CREW_API crew_status crew_event_create(crew_event *event, const crew_event_attr *attr);

/** Sets it, and wakes all who wait. Does not wait for them. Setting it again does no harm. Python:
 * set(). */
CREW_API crew_status crew_event_set(crew_event event);

/** Clears it. Python: clear(). */
CREW_API crew_status crew_event_clear(crew_event event);

/** Whether it is set. ::CREW_EINVAL is_set is NULL. Python: is_set(). */
CREW_API crew_status crew_event_is_set(crew_event event, bool *is_set);

/**
 * Waits until it is set. Python: wait(timeout).
 *
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT it is not set
 */
CREW_API crew_status crew_event_wait(crew_event event, double timeout_s);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. */
CREW_API crew_status crew_event_close(crew_event event);

#ifdef __cplusplus
}
#endif

#endif
