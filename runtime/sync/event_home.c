/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of an event: those who wait until it is set. */
#include "sync/sync_home.h"

#include <stddef.h>

void crewi_sync_event_init(struct crewi_sync *sync)
{
    sync->waiters.at_deadline = CREW_ETIMEDOUT;
    sync->waiters.reason = "the event was not set until the time limit";
    sync->waiters.expired = crewi_sync_waiter_left;
}

void crewi_sync_event_wait(struct crewi_engine *engine, struct crewi_sync *sync,
                           const struct crewi_message *message)
{
    for (;;) {
        uint64_t now = atomic_load(sync->word);
        if (now & CREWI_WORD_SET) {
            crewi_engine_reply(engine, &message->origin, NULL, 0);
            return;
        }
        if (now & CREWI_WORD_QUEUED || crewi_word_queue(sync->word, now))
            break;
    }
    crewi_park(engine, &sync->waiters, message);
    crewi_sync_waiter_left(engine, &sync->waiters); /* at once, if it does not wait */
}

void crewi_sync_event_look(struct crewi_engine *engine, struct crewi_sync *sync)
{
    if (!(atomic_load(sync->word) & CREWI_WORD_SET))
        return;
    crewi_parking_reply_all(engine, &sync->waiters, NULL, 0);
    crewi_sync_waiter_left(engine, &sync->waiters);
}
