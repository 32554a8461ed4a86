/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Conditions, as Python's multiprocessing.Condition: a lock, and those who have released it until
 * somebody notifies them.
 *
 * A condition has a recursive lock of its own, or one that is given, which several conditions may
 * share. Only a thread that has the lock may wait or notify. A wait releases the lock, however
 * often it was acquired, and has it again, as often, when it returns, be it with an error of
 * ::CREW_ETIMEDOUT or ::CREW_EOWNERDEAD. Those who wait are notified in order. A notify that finds
 * nobody is not remembered, and one who has timed out takes no notify from others. If a process
 * ends while it waits, it is as if it had never waited.
 *
 * A condition is a plain value, two words of it, and is passed on as a connection of a pipe is
 * (<crew/pipe.h>); it lives as long as its lock.
 *
 * @code
 * crew_condition_acquire(condition, CREW_FOREVER);
 * while (!is_ready())
 *     crew_condition_wait(condition, CREW_FOREVER);
 * take();
 * crew_condition_release(condition);
 * @endcode
 *
 * All calls may also return what those of a lock may (<crew/lock.h>).
 */
#ifndef CREW_CONDITION_H
#define CREW_CONDITION_H

#include <crew/lock.h>
#include <crew/process.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A condition. All zero is none. */
typedef struct crew_condition {
    uint64_t lock;   /**< of a crew_lock or a crew_rlock */
    uint64_t number; /**< which of the conditions of that lock */
} crew_condition;

/** Settings of a condition; all zero are the defaults. */
typedef struct crew_condition_attr {
    const char *name; /**< of its own lock, for error messages; NULL: "rlock-n" */
    crew_lock lock;   /**< a lock to share; {0}: none */
    crew_rlock rlock; /**< a recursive lock to share; {0}: none. Without either it gets its own */
} crew_condition_attr;

/** What somebody waits for. */
typedef bool crew_predicate(void *arg);

/**
 * Makes a condition. Blocks for a message to the rank of its lock. Python: Condition(lock).
 * @return ::CREW_EINVAL condition NULL, two locks, a name with a lock, or a bad name
 */
CREW_API crew_status crew_condition_create(crew_condition *condition,
                                           const crew_condition_attr *attr);

/** Acquires the lock, as crew_rlock_acquire() or crew_lock_acquire(). */
CREW_API crew_status crew_condition_acquire(crew_condition condition, double timeout_s);

/** Releases the lock, as crew_rlock_release() or crew_lock_release(). */
CREW_API crew_status crew_condition_release(crew_condition condition);

/**
 * Releases the lock, waits to be notified, and acquires it again. Python: wait(timeout).
 *
 * @param timeout_s  the limit of the wait in seconds, ::CREW_FOREVER or ::CREW_NOW; for the lock it
 * waits without one
 * @return ::CREW_ETIMEDOUT nobody notified it in time; it has the lock; ::CREW_EPERM the calling
 * thread does not have the lock; ::CREW_EOWNERDEAD it has the lock, whose former holder ended
 * without a release
 */
CREW_API crew_status crew_condition_wait(crew_condition condition, double timeout_s);

/**
 * Waits until a predicate is true, asking it now and after each time that it was notified, for at
 * most @p timeout_s seconds in all. Python: wait_for(predicate, timeout).
 *
 * @param predicate  called by the calling thread, which has the lock then
 * @param result     set to its last answer; may be NULL
 * @return ::CREW_OK it is true; ::CREW_ETIMEDOUT it is false still; ::CREW_EOWNERDEAD as
 * crew_condition_wait(), whatever it is; ::CREW_EPERM the calling thread does not have the lock;
 * ::CREW_EINVAL predicate NULL
 */
CREW_API crew_status crew_condition_wait_for(crew_condition condition, crew_predicate *predicate,
                                             void *arg, bool *result, double timeout_s);

/** Notifies the @p count who have waited longest, or all if they are fewer; they go on when they
 * get the lock. Does not wait for them. ::CREW_EPERM the calling thread does not have the lock;
 * ::CREW_EINVAL count below 1. Python: notify(n). */
CREW_API crew_status crew_condition_notify(crew_condition condition, long count);

/** Notifies all who wait. ::CREW_EPERM. Python: notify_all(). */
CREW_API crew_status crew_condition_notify_all(crew_condition condition);

/** Ends the caller's use of it, and of its lock if that is its own. With a lock that was given
 * nothing ends: the condition goes with that. Closing it again does no harm. ::CREW_ESTATE the
 * caller holds its own lock. */
CREW_API crew_status crew_condition_close(crew_condition condition);

#ifdef __cplusplus
}
#endif

#endif
