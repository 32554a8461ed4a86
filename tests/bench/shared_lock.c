/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Locks and semaphores.
 *
 *   lock  rlock  semaphore  acquire and release, while nobody else wants it
 *   refused                 a lock that is held is not acquired, at once
 *   handover                one way, half of there and back: a lock is released by the one side
 *                           while the other waits for it, which then does the same with a second
 *                           lock
 *   contend:PARTIES         all acquire and release one lock as fast as they can; each of all these
 *                           times counts
 */
#include "shared.h"

#include <stdio.h>

/* Free ones */

static bool lock_free(const struct bench_side *side, long count)
{
    const crew_lock lock = side->handles.locks[0];
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_lock_acquire(lock, CREW_FOREVER)) &&
               bench_good(crew_lock_release(lock));
    return done;
}

static bool rlock_free(const struct bench_side *side, long count)
{
    const crew_rlock lock = side->handles.rlock;
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_rlock_acquire(lock, CREW_FOREVER)) &&
               bench_good(crew_rlock_release(lock));
    return done;
}

static bool semaphore_free(const struct bench_side *side, long count)
{
    const crew_semaphore semaphore = side->handles.semaphore;
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_semaphore_acquire(semaphore, CREW_FOREVER)) &&
               bench_good(crew_semaphore_release(semaphore));
    return done;
}

/* The main process holds it. */
static bool refused(const struct bench_side *side, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = crew_lock_acquire(side->handles.locks[0], CREW_NOW) == CREW_ETIMEDOUT ||
               bench_wrong("a lock that is held was acquired, or cannot be");
    return done;
}

static int measure_refused(void *arg)
{
    return shared_measure(arg, refused, 1);
}

static int measure_lock(void *arg)
{
    return shared_measure(arg, lock_free, 1);
}

static int measure_rlock(void *arg)
{
    return shared_measure(arg, rlock_free, 1);
}

static int measure_semaphore(void *arg)
{
    return shared_measure(arg, semaphore_free, 1);
}

/* Two locks, which go there and back. Before and after each block both are held. */

static bool there_and_back(const struct bench_side *side, long count)
{
    const crew_lock *locks = side->handles.locks;
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_lock_release(locks[0])) &&
               bench_good(crew_lock_acquire(locks[1], CREW_FOREVER));
    return done;
}

static bool back(const struct bench_side *side, long count)
{
    const crew_lock *locks = side->handles.locks;
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_lock_acquire(locks[0], CREW_FOREVER)) &&
               bench_good(crew_lock_release(locks[1]));
    return done;
}

static int measure_handover(void *arg)
{
    return shared_measure(arg, there_and_back, 0.5);
}

static int serve_handover(void *arg)
{
    return shared_serve(arg, back);
}

/* All at once */

/* Side 0 is done when all are. */
static bool contend(const struct bench_side *side, long count)
{
    bool done = lock_free(side, count);
    for (int i = 0; i < side->others && done; i++) {
        long of_other = 0;
        done = bench_get_number(side->handles.back, &of_other);
    }
    return done;
}

static bool contend_too(const struct bench_side *side, long count)
{
    return lock_free(side, count) && bench_put_number(side->handles.back, count);
}

static int measure_contend(void *arg)
{
    const struct bench_side *side = arg;
    return shared_measure(side, contend, 1.0 / (side->others + 1));
}

static int serve_contend(void *arg)
{
    return shared_serve(arg, contend_too);
}

/* The modes */

static crew_status make(struct bench_side *sides, int count)
{
    struct bench_handles *handles = &sides[0].handles;
    crew_status status = crew_lock_create(&handles->locks[0], NULL);
    if (!status)
        status = crew_lock_create(&handles->locks[1], NULL);
    if (!status)
        status = crew_rlock_create(&handles->rlock, NULL);
    if (!status)
        status = crew_semaphore_create(&handles->semaphore, 1, NULL);
    if (!status)
        status = crew_queue_create(&handles->back, NULL);
    return shared_hand_out(sides, count, status);
}

static crew_status make_held(struct bench_side *sides, int count)
{
    crew_status status = make(sides, count);
    for (int i = 0; i < 2 && !status; i++)
        status = crew_lock_acquire(sides[0].handles.locks[i], CREW_FOREVER);
    return status;
}

static void close_all(struct bench_side *side)
{
    const struct bench_handles *handles = &side->handles;
    for (int i = 0; i < 2; i++) {
        crew_lock_release(handles->locks[i]); /* what the main process holds it could not close */
        crew_lock_close(handles->locks[i]);
    }
    crew_rlock_close(handles->rlock);
    crew_semaphore_close(handles->semaphore);
    crew_queue_close(handles->back);
}

const struct bench_mode shared_lock_modes[] = {
    {"lock", NULL, make, close_all, NULL, measure_lock, NULL, false},
    {"rlock", NULL, make, close_all, NULL, measure_rlock, NULL, false},
    {"semaphore", NULL, make, close_all, NULL, measure_semaphore, NULL, false},
    {"refused", NULL, make_held, close_all, NULL, measure_refused, NULL, false},
    {"handover", bench_one_other, make_held, close_all, NULL, measure_handover, serve_handover,
     false},
    {"contend", shared_parties, make, close_all, NULL, measure_contend, serve_contend, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
