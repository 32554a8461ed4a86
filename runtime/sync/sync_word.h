/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The word of a lock, a semaphore or an event: what processes of the home's host change without
 * asking the home.
 *
 * While ::CREWI_WORD_QUEUED is set, somebody waits at the home, and only the home changes the word
 * (but for an event, which anybody may set). While it is not, anybody does, with a
 * compare-exchange, the home like the others. So the home sets it when it parks a request, and a
 * process that finds it set asks the home.
 *
 * A process that writes nonsense here harms those who share the object with it, and no one else:
 * the home follows no pointer and no count that it reads here.
 *
 * Each successful change acquires and releases, so what was done under a lock is seen by its next
 * holder.
 */
#ifndef CREWI_SYNC_SYNC_WORD_H
#define CREWI_SYNC_SYNC_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t crewi_word;

#define CREWI_WORD_QUEUED ((uint64_t)1 << 63)

/** Of a lock: its last holder ended without releasing it. */
#define CREWI_WORD_OWNER_DIED ((uint64_t)1 << 62)

/** Of a lock: the process that holds it, as its id without the kind; 0: it is free. */
#define CREWI_WORD_OWNER (((uint64_t)1 << 60) - 1)

/** Of a semaphore. */
#define CREWI_WORD_VALUE ((uint64_t)0xffffffff)

/** Of an event. */
#define CREWI_WORD_SET ((uint64_t)1)

enum crewi_word_result {
    CREWI_WORD_DONE,
    CREWI_WORD_DONE_OWNER_DIED, /* done, and the holder before had ended */
    CREWI_WORD_NO,              /* it is held, free, 0, or full: what it was not to be */
    CREWI_WORD_ASK              /* the home has to do it */
};

static inline uint64_t crewi_word_owner(uint64_t process)
{
    return process & CREWI_WORD_OWNER;
}

/** Locks it for a process. */
static inline enum crewi_word_result crewi_word_lock(crewi_word *word, uint64_t process)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (now & CREWI_WORD_QUEUED)
            return CREWI_WORD_ASK;
        if (now & CREWI_WORD_OWNER)
            return CREWI_WORD_NO;
    } while (!atomic_compare_exchange_weak(word, &now, crewi_word_owner(process)));
    return now & CREWI_WORD_OWNER_DIED ? CREWI_WORD_DONE_OWNER_DIED : CREWI_WORD_DONE;
}

/** Unlocks it if that process holds it; with 0, whoever does. */
static inline enum crewi_word_result crewi_word_unlock(crewi_word *word, uint64_t process)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    do {
        uint64_t owner = now & CREWI_WORD_OWNER;
        if (!owner || (process && owner != crewi_word_owner(process)))
            return CREWI_WORD_NO;
        if (now & CREWI_WORD_QUEUED)
            return CREWI_WORD_ASK;
    } while (!atomic_compare_exchange_weak(word, &now, 0));
    return CREWI_WORD_DONE;
}

/** Takes one from a semaphore. */
static inline enum crewi_word_result crewi_word_take(crewi_word *word)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (now & CREWI_WORD_QUEUED)
            return CREWI_WORD_ASK;
        if (!(now & CREWI_WORD_VALUE))
            return CREWI_WORD_NO;
    } while (!atomic_compare_exchange_weak(word, &now, now - 1));
    return CREWI_WORD_DONE;
}

/** Gives one, up to a limit. */
static inline enum crewi_word_result crewi_word_give(crewi_word *word, uint64_t limit)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (now & CREWI_WORD_QUEUED)
            return CREWI_WORD_ASK;
        if ((now & CREWI_WORD_VALUE) >= limit)
            return CREWI_WORD_NO;
    } while (!atomic_compare_exchange_weak(word, &now, now + 1));
    return CREWI_WORD_DONE;
}

/** Sets an event. ::CREWI_WORD_ASK: it is set, and the home has to wake those who wait. */
static inline enum crewi_word_result crewi_word_set(crewi_word *word)
{
    uint64_t before = atomic_fetch_or(word, CREWI_WORD_SET);
    return before & CREWI_WORD_QUEUED ? CREWI_WORD_ASK : CREWI_WORD_DONE;
}

/** Clears an event. */
static inline enum crewi_word_result crewi_word_clear(crewi_word *word)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (now & CREWI_WORD_QUEUED)
            return CREWI_WORD_ASK;
    } while (!atomic_compare_exchange_weak(word, &now, 0));
    return CREWI_WORD_DONE;
}

/** The home: sets ::CREWI_WORD_QUEUED, if the word is still what it has seen. False: look again. */
static inline bool crewi_word_queue(crewi_word *word, uint64_t seen)
{
    return atomic_compare_exchange_strong(word, &seen, seen | CREWI_WORD_QUEUED);
}

#endif
