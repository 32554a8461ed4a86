/* SPDX-License-Identifier: BSD-3-Clause */
/* Cancelling and killing maps.
 *
 * What no worker has is cancelled at once. What a worker has in hand and has not begun is recalled:
 * its rank takes that back as it does for work stealing, and it is cancelled when it is here. What
 * was begun goes on, with its retries, unless the map is to be killed: then its rank also kills the
 * worker, if it is in a task of the map. A cancellation that found nothing leaves no trace. */
#include "pool/pool_home.h"

#include "base/error.h"
#include "base/log.h"

#include <stdio.h>

static void cancel_rest(struct crewi_pool_map *map)
{
    struct crewi_range range;
    while (crewi_schedule_take(&map->schedule, &range)) {
        crewi_pool_give_up(map, range, CREW_ECANCELED);
        map->done += range.count;
        map->failed += range.count;
        map->cancelled += range.count;
        if (range.begin >= map->first_failure)
            continue;
        map->first_failure = range.begin;
        map->status = CREW_ECANCELED;
        snprintf(map->reason, sizeof map->reason, "task %llu of %s was cancelled",
                 (unsigned long long)range.begin, map->submission.task);
    }
}

/* Whether no worker has begun any of it. */
static bool is_cancelled_whole(const struct crewi_pool_map *map)
{
    return map->cancelled && map->cancelled == map->submission.count - map->skipped &&
           !map->retried;
}

void crewi_pool_answer_cancels(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    const unsigned char whole = is_cancelled_whole(map);
    crewi_parking_reply_all(engine, &map->cancels, &whole, sizeof whole);
}

/* Its chunks are recalled, but for those that are known to have been begun to the end. */
static void mark(struct crewi_pool_map *map)
{
    struct crewi_pool *pool = map->pool;
    if (map->over || crewi_schedule_remaining(&map->schedule) == map->submission.count - map->done)
        return; /* nobody has any of it */
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        struct crewi_worker *worker = &pool->workers[i];
        for (uint32_t k = 0; k < worker->outstanding_count; k++) {
            struct crewi_pool_outstanding *chunk = &worker->outstanding[k];
            if (chunk->map != map || chunk->recalled || worker->killed ||
                !(chunk->left || map->killed))
                continue;
            chunk->recalled = true;
            map->recalls++;
        }
    }
}

void crewi_pool_end_recall(struct crewi_engine *engine, struct crewi_pool_map *map, bool *recalled)
{
    if (!*recalled)
        return;
    *recalled = false;
    if (map->recalls && !--map->recalls)
        crewi_pool_answer_cancels(engine, map);
}

/* There is no memory to ask: it has begun all of them, for all that is known. */
static void give_up_recall(struct crewi_engine *engine, struct crewi_worker *worker)
{
    crewi_log(CREWI_LOG_ERROR, "tasks are not cancelled: %s", crew_error_message());
    for (uint32_t i = 0; i < worker->outstanding_count; i++)
        crewi_pool_end_recall(engine, worker->outstanding[i].map, &worker->outstanding[i].recalled);
}

void crewi_pool_recall(struct crewi_engine *engine, struct crewi_pool *pool,
                       struct crewi_worker *worker)
{
    struct crewi_pool_steal steal = {
        .pool = pool->object.id, .process = worker->process, .slot = worker->origin.slot};
    bool any = false, kills = false;
    for (uint32_t i = 0; i < worker->outstanding_count; i++) {
        const struct crewi_pool_outstanding *chunk = &worker->outstanding[i];
        /* Those of a map that is to be killed are named until all of them are there: the worker may
         * be in one that was answered for already. */
        enum crewi_recall recall = chunk->map->killed ? CREWI_RECALL_KILL
                                   : chunk->recalled  ? CREWI_RECALL_CANCEL
                                                      : CREWI_RECALL_NONE;
        any |= chunk->recalled;
        kills |= recall == CREWI_RECALL_KILL;
        steal.from[steal.count++] =
            (struct crewi_pool_steal_from){.key = chunk->key, .recall = recall};
    }
    if (!any || worker->steal_serves || worker->recalls)
        return; /* if it is asked already: again when that is answered */
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_STEAL,
        .rank = worker->origin.rank,
        .head = &steal,
        .head_size = sizeof steal,
    };
    if (crewi_engine_tell(engine, &note)) {
        give_up_recall(engine, worker);
        return;
    }
    worker->recalls = true;
    worker->held = kills;
}

static void recall_all(struct crewi_engine *engine, struct crewi_pool *pool)
{
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_recall(engine, pool, &pool->workers[i]);
}

/* Tells what was cancelled, and the end if it is that. */
static void finish_if_done(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    crewi_pool_tell_parts(engine, map);
    if (!map->over && map->done == map->submission.count)
        crewi_pool_finish_map(engine, map);
}

void crewi_pool_cancel_map(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    if (map->over)
        return;
    cancel_rest(map);
    mark(map);
    if (map->recalls)
        recall_all(engine, map->pool);
    finish_if_done(engine, map);
}

void crewi_pool_cancel_all(struct crewi_engine *engine, struct crewi_pool *pool)
{
    for (struct crewi_pool_map *map = pool->maps; map; map = map->next) {
        if (map->over)
            continue;
        cancel_rest(map);
        mark(map);
        finish_if_done(engine, map);
    }
    recall_all(engine, pool);
}

void crewi_pool_kill_map(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    if (map->killed)
        return;
    map->killed = true;
    crewi_pool_cancel_map(engine, map);
}

void crewi_pool_cancel(struct crewi_engine *engine, struct crewi_pool_map *map,
                       const struct crewi_message *message)
{
    crewi_pool_cancel_map(engine, map);
    crewi_park(engine, &map->cancels, message);
    if (!map->recalls)
        crewi_pool_answer_cancels(engine, map);
}

void crewi_pool_cancel_what_came_back(struct crewi_engine *engine, struct crewi_pool *pool)
{
    if (!pool->has_come_back)
        return;
    pool->has_come_back = false;
    for (struct crewi_pool_map *map = pool->waiting.first, *next; map; map = next) {
        next = map->waiting.next;
        if (map->over || !crewi_pool_is_being_cancelled(map))
            continue;
        cancel_rest(map);
        finish_if_done(engine, map);
    }
}
