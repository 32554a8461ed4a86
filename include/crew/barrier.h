/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Barriers, as Python's multiprocessing.Barrier: so many parties wait until all of them do.
 *
 * A barrier trips when as many wait as it has parties, whoever they are, and can be used again at
 * once. It *breaks* when one of those who wait runs into its time limit, or ends, when its action
 * fails, or when somebody aborts it: all who wait, and all who come later, get ::CREW_EBROKEN,
 * until it is reset.
 *
 * The barrier of a team (<crew/team.h>) is an MPI_Ibarrier of its ranks, behind the same calls. It
 * has no action, and its arrival index is the rank in the team.
 *
 * Any other is counted by the rank of the process that created it. It is a plain value and is
 * passed on as a lock is (<crew/lock.h>), with the same other errors.
 *
 * @code
 * crew_barrier barrier;
 * crew_barrier_create(&barrier, 4, NULL);
 * ...
 * crew_barrier_wait(barrier, CREW_FOREVER, NULL);
 * @endcode
 */
#ifndef CREW_BARRIER_H
#define CREW_BARRIER_H

#include <crew/process.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A barrier. 0 is none. */
typedef struct crew_barrier {
    uint64_t id;
} crew_barrier;

/** What is done at each trip, by the last one to arrive. Anything but ::CREW_OK breaks the barrier.
 */
typedef crew_status crew_barrier_action(void *arg);

/** The most bytes that the argument of an action may have. */
#define CREW_BARRIER_ARG_SIZE 4096

/** Settings of a barrier; all zero are the defaults. */
typedef struct crew_barrier_attr {
    const char *name;            /**< for error messages; NULL: "barrier-n" */
    double timeout_s;            /**< of waits without one of their own; 0: they wait for ever */
    crew_barrier_action *action; /**< of this program or of a shared library; NULL: none */
    const void *arg;             /**< its argument, which is copied: each call gets a copy */
    size_t arg_size;             /**< bytes, at most ::CREW_BARRIER_ARG_SIZE; 0: arg is not read */
} crew_barrier_attr;

/**
 * Makes a barrier on the caller's rank. Does not block. Python: Barrier(parties, action, timeout).
 * @return ::CREW_EINVAL barrier NULL, parties below 1, a bad name, timeout or arg, an
 * argument without an action; ::CREW_EBUILD an action that is no function of the program or of a
 * library it has loaded
 */
CREW_API crew_status crew_barrier_create(crew_barrier *barrier, int parties,
                                         const crew_barrier_attr *attr);

/**
 * Waits until all parties do. Python: wait(timeout).
 *
 * @param index      set to the place in the order of arrival, 0 to parties - 1; may be NULL
 * @param timeout_s  the limit in seconds; ::CREW_FOREVER: the barrier's own, if it has one;
 * ::CREW_NOW: the call breaks the barrier unless it is the last one to arrive
 * @return ::CREW_EBROKEN the barrier is broken, or was while the caller waited, also by its own
 * time limit. The last one to arrive gets what the action returns.
 */
CREW_API crew_status crew_barrier_wait(crew_barrier barrier, int *index, double timeout_s);

/** Makes it usable again, and empty: who waits gets ::CREW_EBROKEN. Python: reset(). */
CREW_API crew_status crew_barrier_reset(crew_barrier barrier);

/** Breaks it. Python: abort(). */
CREW_API crew_status crew_barrier_abort(crew_barrier barrier);

/** What a barrier is like now. */
typedef struct crew_barrier_state {
    int parties;
    int n_waiting; /**< how many wait */
    bool broken;
} crew_barrier_state;

/** Asks what it is like. ::CREW_EINVAL state is NULL. Python: parties, n_waiting, broken. */
CREW_API crew_status crew_barrier_get_state(crew_barrier barrier, crew_barrier_state *state);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. */
CREW_API crew_status crew_barrier_close(crew_barrier barrier);

#ifdef __cplusplus
}
#endif

#endif
