/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Locks, as Python's multiprocessing.Lock and RLock.
 *
 * A crew_lock is held or free. It has no owner as far as releasing goes: another process, or
 * another thread, may release it. A crew_rlock (a recursive lock) belongs to the thread that
 * acquired it, which may acquire it again, and releases it as often.
 *
 * Who waits is served in the order in which the waits began. On the rank's own host a lock that is
 * free is acquired, and one that nobody waits for is released, without a message: it is a word in
 * memory that the processes of the host share. Everything else is a request to the rank that keeps
 * the lock, that of the process which created it.
 *
 * **When a holder dies.** If a process ends while it holds a lock, the next one that acquires it is
 * told so: the call returns ::CREW_EOWNERDEAD, and the caller *has* the lock then. What the lock
 * protects may be half changed. A plain lock counts as held by the process that acquired it, until
 * it is released by anybody.
 *
 * Locks are plain values and are passed on as a connection of a pipe is (<crew/pipe.h>); a lock is
 * gone when every process that has a copy has closed it or has ended.
 *
 * @code
 * crew_lock lock;
 * crew_lock_create(&lock, NULL);
 * ...
 * crew_lock_acquire(lock, CREW_FOREVER);
 * count();
 * crew_lock_release(lock);
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task, and may also
 * return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED when the caller has closed the lock, or
 * it is gone with all its copies, ::CREW_ENOENT for one that never was, ::CREW_EINVAL for a handle
 * of another kind, and ::CREW_ENOMEM.
 */
#ifndef CREW_LOCK_H
#define CREW_LOCK_H

#include <crew/process.h>
#include <crew/status.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A lock. 0 is none. */
typedef struct crew_lock {
    uint64_t id;
} crew_lock;

/** A recursive lock. 0 is none. */
typedef struct crew_rlock {
    uint64_t id;
} crew_rlock;

/** Settings of a lock of either sort; all zero are the defaults. */
typedef struct crew_lock_attr {
    const char *name; /**< for error messages; NULL: "lock-n", "rlock-n" */
} crew_lock_attr;

/**
 * Makes a lock on the caller's rank, free. Does not block. Python: Lock().
 * @return ::CREW_EINVAL lock NULL, a name that is empty or longer than ::CREW_NAME_SIZE - 1
 */
CREW_API crew_status crew_lock_create(crew_lock *lock, const crew_lock_attr *attr);

/**
 * Acquires it. Blocks while it is held, also by the caller itself. Python: Lock.acquire(block,
 * timeout).
 *
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT it is not the caller's; ::CREW_EOWNERDEAD it is the caller's now, and
 * the former holder ended without a release
 */
CREW_API crew_status crew_lock_acquire(crew_lock lock, double timeout_s);

/** Releases it, whoever holds it. Does not wait. ::CREW_ESTATE it is free. Python: Lock.release().
 */
CREW_API crew_status crew_lock_release(crew_lock lock);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. ::CREW_ESTATE
 * the caller holds it. */
CREW_API crew_status crew_lock_close(crew_lock lock);

/** Makes a recursive lock, otherwise as crew_lock_create(). Python: RLock(). */
CREW_API crew_status crew_rlock_create(crew_rlock *lock, const crew_lock_attr *attr);

/** Acquires it; at once when the calling thread has it already. Blocks while another has it, be it
 * of the same process. Python: RLock.acquire(block, timeout).
 * @return as crew_lock_acquire() */
CREW_API crew_status crew_rlock_acquire(crew_rlock lock, double timeout_s);

/** Takes one acquire back; the last one frees it. Does not wait. ::CREW_EPERM the calling thread
 * does not have it. Python: RLock.release(). */
CREW_API crew_status crew_rlock_release(crew_rlock lock);

/** As crew_lock_close(). */
CREW_API crew_status crew_rlock_close(crew_rlock lock);

#ifdef __cplusplus
}
#endif

#endif
