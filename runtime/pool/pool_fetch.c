/* SPDX-License-Identifier: BSD-3-Clause */
/* Large results, fetched from where their workers have built them to where they belong: one copy;
 * and large items for workers that may not fetch them themselves.
 * The worker waits meanwhile, and others of the rank get their turns in between. */
#include "pool/pool_home.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* Read at a time: less than a millisecond. */
#define STEP_BYTES ((uint64_t)4 << 20)

struct crewi_pool_fetch {
    struct crewi_timer timer; /* first: a timer is its fetch */
    struct crewi_pool *pool;
    struct crewi_worker *worker;
    struct crewi_origin waiting;
    struct crewi_pool_result result;
    struct crewi_loan loan;
    uint64_t size, done;
    unsigned char *memory; /* where to, as long as the worker has the task */
};

/* The map of the task, as long as the worker has it. */
static struct crewi_pool_map *map_of(const struct crewi_pool_fetch *fetch)
{
    const struct crewi_pool_outstanding *chunk = crewi_pool_chunk_of(fetch->worker, &fetch->result);
    return chunk ? chunk->map : NULL;
}

static void forget(struct crewi_engine *engine, struct crewi_pool_fetch *fetch)
{
    crewi_timer_cancel(&engine->timers, &fetch->timer);
    fetch->worker->fetch = NULL;
    free(fetch);
}

void crewi_pool_drop_fetch(struct crewi_engine *engine, struct crewi_worker *worker)
{
    struct crewi_pool_fetch *fetch = worker->fetch;
    struct crewi_pool_map *map = fetch ? map_of(fetch) : NULL;
    if (!fetch)
        return;
    if (map && map->bytes)
        crewi_pool_drop_result(map, fetch->result.begin);
    crewi_engine_refuse(engine, &fetch->waiting, CREW_ECANCELED,
                        "nobody wants the result any more");
    forget(engine, fetch);
}

/* The worker is asked to send it, which it does if it lives. */
static void give_up(struct crewi_engine *engine, struct crewi_pool_fetch *fetch,
                    struct crewi_pool_map *map)
{
    if (map->bytes)
        crewi_pool_drop_result(map, fetch->result.begin);
    fetch->worker->loan.pid = 0;
    crewi_engine_refuse(engine, &fetch->waiting, CREW_ENOTSUP, "its memory cannot be read");
    forget(engine, fetch);
}

static void finish(struct crewi_engine *engine, struct crewi_pool_fetch *fetch)
{
    struct crewi_pool_fetch done = *fetch;
    forget(engine, fetch);
    crewi_engine_reply(engine, &done.waiting, NULL, 0);
    crewi_pool_apply_fetched(engine, done.pool, done.worker, &done.result);
}

static void step(struct crewi_engine *engine, struct crewi_timer *timer)
{
    struct crewi_pool_fetch *fetch = (struct crewi_pool_fetch *)timer;
    struct crewi_pool_map *map = map_of(fetch);
    uint64_t left = fetch->size - fetch->done, part = left < STEP_BYTES ? left : STEP_BYTES;
    if (!map) {
        crewi_pool_drop_fetch(engine, fetch->worker);
        return;
    }
    crew_status status =
        crewi_loan_read(&fetch->loan, fetch->done, fetch->memory + fetch->done, part);
    fetch->done += part;
    if (!status && fetch->done == fetch->size)
        status = crewi_loan_check(&fetch->loan);
    else if (!status)
        status = crewi_timer_set(&engine->timers, timer, engine->now_ns + 1);
    if (status)
        give_up(engine, fetch, map);
    else if (fetch->done == fetch->size)
        finish(engine, fetch);
}

/* Whether it can be what the worker was asked for; *size are the bytes of the result. */
static bool is_sound(const struct crewi_pool_map *map, const struct crewi_pool_result *result,
                     uint64_t *size)
{
    *size = map->bytes ? result->bytes : result->result_size;
    return result->count == 1 && !result->failure_bytes && *size &&
           *size <= CREWI_POOL_PIECE_LIMIT &&
           (!map->bytes || *size <= map->bytes->results[result->begin].room);
}

static unsigned char *place_for(struct crewi_pool_map *map, uint64_t index, uint64_t size)
{
    return map->bytes ? crewi_pool_place_result(map, index, size)
                      : map->results + index * map->submission.result_size;
}

static void begin(struct crewi_engine *engine, struct crewi_pool_map *map,
                  const struct crewi_pool_fetch *wanted)
{
    struct crewi_pool_fetch *fetch = malloc(sizeof *fetch);
    unsigned char *memory = place_for(map, wanted->result.begin, wanted->size);
    if (!fetch || !memory) {
        if (map->bytes)
            crewi_pool_drop_result(map, wanted->result.begin);
        free(fetch);
        crewi_engine_refuse(engine, &wanted->waiting, CREW_ENOMEM,
                            "no memory for a result of %llu bytes",
                            (unsigned long long)wanted->size);
        return;
    }
    *fetch = *wanted;
    fetch->timer.fire = step;
    fetch->memory = memory;
    fetch->worker->fetch = fetch;
    step(engine, &fetch->timer);
}

bool crewi_pool_fetch(struct crewi_engine *engine, struct crewi_pool *pool,
                      struct crewi_worker *worker, const struct crewi_message *message)
{
    struct crewi_pool_fetch wanted = {.pool = pool, .worker = worker, .waiting = message->origin};
    const unsigned char *at = message->data;
    if (message->size != sizeof wanted.result + sizeof wanted.loan || worker->fetch)
        return false;
    memcpy(&wanted.result, at, sizeof wanted.result);
    memcpy(&wanted.loan, at + sizeof wanted.result, sizeof wanted.loan);
    const struct crewi_pool_outstanding *chunk = crewi_pool_chunk_of(worker, &wanted.result);
    if (!chunk) { /* of a map that was given up meanwhile */
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        return crewi_pool_gave_up(pool, worker);
    }
    if (!is_sound(chunk->map, &wanted.result, &wanted.size))
        return false;
    if (!worker->loan.pid || wanted.loan.pid != worker->loan.pid) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP, "its memory cannot be read");
        return true;
    }
    begin(engine, chunk->map, &wanted);
    return true;
}

/* Items */

static struct crewi_pool_map *map_in_hand(const struct crewi_worker *worker,
                                          const struct crewi_pool_task *task)
{
    for (uint32_t i = 0; i < worker->outstanding_count; i++) {
        const struct crewi_pool_outstanding *one = &worker->outstanding[i];
        if (one->map->object.id == task->map && task->index >= one->range.begin &&
            task->index - one->range.begin < one->range.count)
            return one->map;
    }
    return NULL;
}

void crewi_pool_send_item(struct crewi_engine *engine, struct crewi_pool *pool,
                          const struct crewi_message *message)
{
    struct crewi_worker *worker = crewi_pool_find_worker(pool, message->origin.process);
    struct crewi_pool_task task = {0};
    if (message->size == sizeof task)
        memcpy(&task, message->data, sizeof task);
    const struct crewi_pool_map *map = worker ? map_in_hand(worker, &task) : NULL;
    if (!map || !map->cookie) {
        crewi_engine_refuse(engine, &message->origin, CREW_ECANCELED,
                            "its item is not there any more");
        return;
    }
    worker->reads_home = false;
    if (map->bytes)
        crewi_engine_reply(engine, &message->origin, map->bytes->items[task.index].iov_base,
                           map->bytes->items[task.index].iov_len);
    else
        crewi_engine_reply(engine, &message->origin,
                           map->items + task.index * map->submission.item_size,
                           map->submission.item_size);
}
