/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of an event: those who wait until it is set. */
#include "sync/sync_home.h"

#include <stddef.h>

/* Its time is up. It may be set all the same, and only the note of that be under way. */
static void time_out(struct crewi_engine *engine, struct crewi_parking *parking,
                     const struct crewi_origin *origin)
{
    const struct crewi_sync *sync =
        (const struct crewi_sync *)((char *)parking - offsetof(struct crewi_sync, waiters));
    if (atomic_load(sync->word) & CREWI_WORD_SET)
        crewi_engine_reply(engine, origin, NULL, 0);
    else
        crewi_engine_refuse(engine, origin, CREW_ETIMEDOUT, "%s was not set until the time limit",
                            sync->name);
}

void crewi_sync_event_init(struct crewi_sync *sync)
{
    sync->waiters.due = time_out;
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
