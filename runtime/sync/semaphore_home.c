/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of a semaphore: while somebody waits, its value is 0. */
#include "sync/sync_home.h"

void crewi_sync_semaphore_init(struct crewi_sync *sync, const struct crewi_sync_spec *spec)
{
    sync->limit = (uint64_t)spec->limit;
    sync->waiters.at_deadline = CREW_ETIMEDOUT;
    sync->waiters.reason = "the semaphore was 0 until the time limit";
    sync->waiters.expired = crewi_sync_waiter_left;
    atomic_store(sync->word, (uint64_t)spec->value);
}

void crewi_sync_semaphore_acquire(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message)
{
    for (;;) {
        uint64_t now = atomic_load(sync->word);
        bool is_free = (now & CREWI_WORD_VALUE) != 0;
        if (now & CREWI_WORD_QUEUED || (!is_free && crewi_word_queue(sync->word, now)))
            break;
        if (crewi_word_take(sync->word) == CREWI_WORD_DONE) {
            crewi_engine_reply(engine, &message->origin, NULL, 0);
            return;
        }
    }
    crewi_park(engine, &sync->waiters, message);
    crewi_sync_waiter_left(engine, &sync->waiters); /* at once, if it does not wait */
}

void crewi_sync_semaphore_release(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message)
{
    struct crewi_origin next;
    /* With a limit of 0 nobody is ever served. */
    if (sync->limit && crewi_parking_take_first(engine, &sync->waiters, &next, NULL)) {
        crewi_engine_reply(engine, &next, NULL, 0);
        crewi_sync_waiter_left(engine, &sync->waiters);
    } else if (!sync->limit || crewi_word_give(sync->word, sync->limit) == CREWI_WORD_NO) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "%s has its largest value, %llu",
                            sync->name, (unsigned long long)sync->limit);
        return;
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}
