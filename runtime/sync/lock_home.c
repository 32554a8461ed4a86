/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of a lock: who is next. */
#include "sync/sync_home.h"

#include "base/clock.h"

#include <stddef.h>

void crewi_sync_lock_init(struct crewi_sync *sync)
{
    sync->waiters.at_deadline = CREW_ETIMEDOUT;
    sync->waiters.reason = "the lock was held until the time limit";
    sync->waiters.expired = crewi_sync_waiter_left;
}

static void answer(struct crewi_engine *engine, const struct crewi_sync *sync,
                   const struct crewi_origin *origin, crew_status status, bool owner_died)
{
    if (owner_died)
        crewi_engine_refuse(engine, origin, CREW_EOWNERDEAD,
                            "%s is yours; its last holder ended without a release", sync->name);
    else if (status)
        crewi_engine_refuse(engine, origin, status, "nobody notified the condition of %s in time",
                            sync->name);
    else
        crewi_engine_reply(engine, origin, NULL, 0);
}

/* The word says who has the lock now, whose request is answered. */
static bool lock_word(struct crewi_engine *engine, struct crewi_sync *sync,
                      const struct crewi_origin *origin, crew_status status)
{
    enum crewi_word_result result = crewi_word_lock(sync->word, origin->process);
    if (result == CREWI_WORD_NO || result == CREWI_WORD_ASK)
        return false;
    answer(engine, sync, origin, status, result == CREWI_WORD_DONE_OWNER_DIED);
    return true;
}

/* True: the word says that somebody waits here, and is the home's. False: the lock was locked for
 * that one, who was answered. */
static bool queue_or_lock(struct crewi_engine *engine, struct crewi_sync *sync,
                          const struct crewi_origin *origin, crew_status status)
{
    for (;;) {
        uint64_t now = atomic_load(sync->word);
        if (now & CREWI_WORD_QUEUED)
            return true;
        if (now & CREWI_WORD_OWNER && crewi_word_queue(sync->word, now))
            return true;
        if (lock_word(engine, sync, origin, status))
            return false;
    }
}

void crewi_sync_lock_home_acquire(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message)
{
    if (!queue_or_lock(engine, sync, &message->origin, CREW_OK))
        return;
    crewi_park_with(engine, &sync->waiters, message, CREW_OK);
    crewi_sync_waiter_left(engine, &sync->waiters); /* at once, if it does not wait */
}

/* What is parked with one who waited for a condition: its status, and what notified it. */
#define STATUS_BITS 8
#define STATUS_MASK (((uint64_t)1 << STATUS_BITS) - 1)

static crew_status parked_status(uint64_t value)
{
    return (crew_status) - (int64_t)(value & STATUS_MASK);
}

void crewi_sync_lock_enqueue(struct crewi_engine *engine, struct crewi_sync *sync,
                             const struct crewi_origin *origin, crew_status status, uint64_t notify)
{
    struct crewi_message message = {.origin = *origin, .timeout_ns = CREWI_FOREVER};
    uint64_t value = notify << STATUS_BITS | (uint64_t) - (int64_t)status;
    if (!queue_or_lock(engine, sync, origin, status))
        return;
    crewi_park_with(engine, &sync->waiters, &message, value);
    crewi_sync_waiter_left(engine, &sync->waiters); /* without memory for it */
}

void crewi_sync_lock_refuse_client(struct crewi_engine *engine, struct crewi_sync *sync,
                                   uint64_t process)
{
    struct crewi_origin origin;
    uint64_t value;
    while (crewi_parking_take_client(engine, &sync->waiters, process, &origin, &value)) {
        crewi_engine_refuse(engine, &origin, CREW_ECLOSED, "the process has closed %s", sync->name);
        if (value >> STATUS_BITS) /* a notify that it can do nothing with is for another one */
            crewi_sync_condition_hand_on(engine, sync, value >> STATUS_BITS);
    }
    crewi_sync_waiter_left(engine, &sync->waiters);
}

void crewi_sync_lock_pass_on(struct crewi_engine *engine, struct crewi_sync *sync, bool owner_died)
{
    struct crewi_origin next;
    uint64_t value;
    if (!crewi_parking_take_first(engine, &sync->waiters, &next, &value)) {
        atomic_store(sync->word, owner_died ? CREWI_WORD_OWNER_DIED : 0);
        return;
    }
    uint64_t queued = sync->waiters.first ? CREWI_WORD_QUEUED : 0;
    atomic_store(sync->word, crewi_word_owner(next.process) | queued);
    answer(engine, sync, &next, parked_status(value), owner_died);
}

void crewi_sync_lock_home_release(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message)
{
    /* A note is of a holder, who has gone on. If it has lost the lock by now, others have it. */
    bool is_note = !message->origin.request;
    enum crewi_word_result result =
        crewi_word_unlock(sync->word, is_note ? message->origin.process : 0);
    if (result == CREWI_WORD_NO) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "%s is free", sync->name);
        return;
    }
    if (result == CREWI_WORD_ASK)
        crewi_sync_lock_pass_on(engine, sync, false);
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

void crewi_sync_lock_released(struct crewi_engine *engine, struct crewi_sync *sync,
                              uint64_t process)
{
    uint64_t now = atomic_load(sync->word);
    while ((now & CREWI_WORD_OWNER) == crewi_word_owner(process)) {
        if (now & CREWI_WORD_QUEUED) {
            crewi_sync_lock_pass_on(engine, sync, true);
            return;
        }
        if (atomic_compare_exchange_strong(sync->word, &now, CREWI_WORD_OWNER_DIED))
            return;
    }
}
