/* SPDX-License-Identifier: BSD-3-Clause */
/* The conditions of a lock, at its home: a wait releases the lock and is parked, a notify puts it
 * behind those who want the lock. */
#include "sync/sync_home.h"

#include "base/error.h"

#include <stdlib.h>

/* More than that many conditions for one lock are a mistake, or a child that means harm. */
#define CONDITIONS_LIMIT 65536

/* A notify is known by the number of its condition, and which one it is of that. */
#define NUMBER_BITS 17
#define NOTIFY_MASK (((uint64_t)1 << 56) - 1)

/* Its time is up: it has to have the lock again, all the same. */
static void time_out(struct crewi_engine *engine, struct crewi_parking *parking,
                     const struct crewi_origin *origin)
{
    struct crewi_sync_condition *condition = (struct crewi_sync_condition *)parking;
    crewi_sync_lock_enqueue(engine, condition->lock, origin, CREW_ETIMEDOUT, 0);
}

static struct crewi_sync_condition *add(struct crewi_sync *sync)
{
    size_t count = sync->condition_count;
    struct crewi_sync_condition **grown =
        realloc(sync->conditions, (count + 1) * sizeof(struct crewi_sync_condition *));
    if (!grown)
        return NULL;
    sync->conditions = grown;
    struct crewi_sync_condition *condition = calloc(1, sizeof *condition);
    if (!condition)
        return NULL;
    condition->lock = sync;
    condition->waiters.due = time_out;
    sync->conditions[sync->condition_count++] = condition;
    return condition;
}

void crewi_sync_condition_create(struct crewi_engine *engine, struct crewi_sync *sync,
                                 const struct crewi_message *message)
{
    if (sync->condition_count >= CONDITIONS_LIMIT) {
        crewi_engine_refuse(engine, &message->origin, CREW_EFULL, "%s has %zu conditions already",
                            sync->name, sync->condition_count);
        return;
    }
    if (!add(sync)) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    uint64_t number = sync->condition_count;
    crewi_engine_reply(engine, &message->origin, &number, sizeof number);
}

static void refuse_without_lock(struct crewi_engine *engine, const struct crewi_sync *sync,
                                const struct crewi_message *message)
{
    crewi_engine_refuse(engine, &message->origin, CREW_EPERM, "the caller does not have %s",
                        sync->name);
}

/* The condition that a request of its lock's holder names; otherwise NULL, and it is refused. */
static struct crewi_sync_condition *find(struct crewi_engine *engine, const struct crewi_sync *sync,
                                         const struct crewi_message *message)
{
    const struct crewi_sync_head *head = message->data;
    if (head->number < 1 || head->number > sync->condition_count) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOENT, "%s has no such condition",
                            sync->name);
        return NULL;
    }
    uint64_t owner = atomic_load(sync->word) & CREWI_WORD_OWNER;
    if (owner == crewi_word_owner(message->origin.process))
        return sync->conditions[head->number - 1];
    refuse_without_lock(engine, sync, message);
    return NULL;
}

/* The word is the home's from here on, for the lock is held by one who waits for us. False: others
 * have released it meanwhile. */
static bool take_word(struct crewi_sync *sync, uint64_t process)
{
    for (;;) {
        uint64_t now = atomic_load(sync->word);
        if ((now & CREWI_WORD_OWNER) != crewi_word_owner(process))
            return false;
        if (now & CREWI_WORD_QUEUED || crewi_word_queue(sync->word, now))
            return true;
    }
}

void crewi_sync_condition_wait(struct crewi_engine *engine, struct crewi_sync *sync,
                               const struct crewi_message *message)
{
    struct crewi_sync_condition *condition = find(engine, sync, message);
    if (!condition)
        return;
    if (!take_word(sync, message->origin.process)) {
        refuse_without_lock(engine, sync, message);
        return;
    }
    crewi_park_with(engine, &condition->waiters, message, condition->notifies);
    crewi_sync_lock_pass_on(engine, sync, false);
}

void crewi_sync_condition_notify(struct crewi_engine *engine, struct crewi_sync *sync,
                                 const struct crewi_message *message)
{
    const struct crewi_sync_head *head = message->data;
    struct crewi_sync_condition *condition = find(engine, sync, message);
    struct crewi_origin waiter;
    if (!condition)
        return;
    uint64_t notify = ++condition->notifies << NUMBER_BITS | head->number;
    for (int64_t i = 0; i < head->value; i++) {
        if (!crewi_parking_take_first(engine, &condition->waiters, &waiter, NULL))
            break;
        crewi_sync_lock_enqueue(engine, sync, &waiter, CREW_OK, notify & NOTIFY_MASK);
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

void crewi_sync_condition_hand_on(struct crewi_engine *engine, struct crewi_sync *sync,
                                  uint64_t notify)
{
    uint64_t number = notify & (((uint64_t)1 << NUMBER_BITS) - 1), before;
    struct crewi_parking *waiters = &sync->conditions[number - 1]->waiters;
    struct crewi_origin waiter;
    if (!crewi_parking_first_value(waiters, &before) ||
        (before << NUMBER_BITS & NOTIFY_MASK) >= notify - number)
        return;
    if (crewi_parking_take_first(engine, waiters, &waiter, NULL))
        crewi_sync_lock_enqueue(engine, sync, &waiter, CREW_OK, notify);
}

void crewi_sync_conditions_released(struct crewi_engine *engine, struct crewi_sync *sync,
                                    uint64_t process)
{
    for (size_t i = 0; i < sync->condition_count; i++)
        crewi_parking_refuse_client(engine, &sync->conditions[i]->waiters, process, CREW_ECLOSED,
                                    "the process has closed its lock");
}

void crewi_sync_conditions_free(struct crewi_engine *engine, struct crewi_sync *sync)
{
    for (size_t i = 0; i < sync->condition_count; i++) {
        crewi_parking_clear(engine, &sync->conditions[i]->waiters);
        free(sync->conditions[i]);
    }
    free(sync->conditions);
}
