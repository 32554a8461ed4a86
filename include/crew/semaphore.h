/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Semaphores, as Python's multiprocessing.Semaphore and BoundedSemaphore.
 *
 * A semaphore has a value, which an acquire makes smaller by one, waiting while it is 0, and a
 * release larger by one. Anybody may release it, however often; a bounded one refuses to grow past
 * its first value. Who waits is served in order. A process that ends gives nothing back that it has
 * acquired: a semaphore has no owner.
 *
 * Where it is kept, when no message is needed, and how it is passed on: as for a lock
 * (<crew/lock.h>), with the same other errors.
 */
#ifndef CREW_SEMAPHORE_H
#define CREW_SEMAPHORE_H

#include <crew/process.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A semaphore. 0 is none. */
typedef struct crew_semaphore {
    uint64_t id;
} crew_semaphore;

/** The largest value that a semaphore may have. */
#define CREW_SEMAPHORE_LIMIT 2147483647L

/** Settings of a semaphore; all zero are the defaults. */
typedef struct crew_semaphore_attr {
    const char *name; /**< for error messages; NULL: "semaphore-n" */
    bool bounded;     /**< never above its first value. Python: BoundedSemaphore */
} crew_semaphore_attr;

/**
 * Makes a semaphore on the caller's rank. Does not block. Python: Semaphore(value).
 * @return ::CREW_EINVAL semaphore NULL, a value below 0 or above ::CREW_SEMAPHORE_LIMIT, a name
 * that is empty or longer than ::CREW_NAME_SIZE - 1
 */
CREW_API crew_status crew_semaphore_create(crew_semaphore *semaphore, long value,
                                           const crew_semaphore_attr *attr);

/**
 * Takes one. Blocks while the value is 0. Python: acquire(block, timeout).
 *
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT nothing was taken
 */
CREW_API crew_status crew_semaphore_acquire(crew_semaphore semaphore, double timeout_s);

/** Gives one. Does not wait. ::CREW_ESTATE it is bounded and has its first value, or it has
 * ::CREW_SEMAPHORE_LIMIT. Python: release(). */
CREW_API crew_status crew_semaphore_release(crew_semaphore semaphore);

/** Its value now. ::CREW_EINVAL value is NULL. Python: get_value(). */
CREW_API crew_status crew_semaphore_value(crew_semaphore semaphore, long *value);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. */
CREW_API crew_status crew_semaphore_close(crew_semaphore semaphore);

#ifdef __cplusplus
}
#endif

#endif
