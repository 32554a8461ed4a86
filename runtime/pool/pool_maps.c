/* SPDX-License-Identifier: BSD-3-Clause */
/* The maps of a pool: in, and out in chunks. */
#include "pool/pool_home.h"

#include "base/error.h"
#include "base/log.h"
#include "node/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of items that are not lent, and that long, a worker has no more than this at a time. */
#define LONG_BYTES ((uint64_t)1 << 20)
#define LONG_CHUNKS 2

bool crewi_pool_has_work(const struct crewi_pool *pool)
{
    return pool->account.under_way > 0;
}

void crewi_pool_drop_items(struct crewi_pool_map *map)
{
    map->cookie = 0; /* who reads an item now throws it away */
    if (map->bytes)
        crewi_pool_bytes_drop_items(map);
    if (map->parcel)
        munmap(map->parcel, map->submission.parcel.size);
    map->parcel = NULL;
}

void crewi_pool_free_map(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    crewi_pool_take_out_map(map->pool, map);
    crewi_parking_clear(engine, &map->waits);
    crewi_parking_clear(engine, &map->cancels);
    crewi_pool_end_reports(engine, map);
    crewi_pool_end_parts(engine, map);
    crewi_pool_drop_items(map);
    crewi_pool_bytes_end(map);
    crewi_schedule_fini(&map->schedule);
    free(map->errors.list);
    free(map->attempts);
    free(map->owned);
    free(map);
}

/* Whether a worker has, or had, any of it. */
static bool is_given_out(const struct crewi_pool_map *map)
{
    return crewi_schedule_remaining(&map->schedule) < map->submission.count - map->done ||
           map->done > map->skipped || map->retried || map->went_out;
}

void crewi_pool_progress_of(const struct crewi_pool_map *map, struct crewi_pool_progress *progress)
{
    bool is_done = crewi_pool_is_done(map);
    *progress = (struct crewi_pool_progress){.done = map->done,
                                             .failed = map->failed,
                                             .count = map->submission.count,
                                             .skipped = map->skipped,
                                             .retried = map->retried,
                                             .order = map->order,
                                             .over = is_done,
                                             .running = !is_done && is_given_out(map),
                                             .cancelled = map->cancelled || map->ended,
                                             .wrong = is_done && crewi_pool_went_wrong(map)};
}

void crewi_pool_finish_map(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    struct crewi_pool *pool = map->pool;
    map->over = true;
    if (map->closed)
        crewi_pool_drop_later(map);
    crewi_pool_account_end(engine, pool);
    crewi_pool_drop_items(map);
    crewi_pool_answer_cancels(engine, map);
    crewi_pool_map_over(engine, map);
    if (pool->state == CREWI_POOL_CLOSED && !crewi_pool_has_work(pool))
        crewi_pool_stop_workers(engine, pool, false);
}

void crewi_pool_give_up(struct crewi_pool_map *map, struct crewi_range range, crew_status status)
{
    uint64_t size = map->submission.result_size;
    if (map->left_behind && map->submission.shared)
        return;
    if (size)
        memset(map->results + range.begin * size, 0, range.count * size);
    for (uint64_t i = range.begin; map->bytes && i < range.begin + range.count; i++)
        crewi_pool_drop_result(map, i); /* what an earlier try has left */
    for (uint64_t i = range.begin; map->statuses && i < range.begin + range.count; i++)
        map->statuses[i] = status;
    crewi_pool_add_part(map, range, status);
}

static void give_up_rest(struct crewi_pool *pool, struct crewi_pool_map *map, crew_status status)
{
    struct crewi_range range;
    for (uint32_t i = 0; i < pool->worker_count && is_given_out(map); i++) {
        const struct crewi_worker *worker = &pool->workers[i];
        for (uint32_t k = 0; k < worker->outstanding_count; k++)
            if (worker->outstanding[k].map == map)
                crewi_pool_give_up(map, worker->outstanding[k].range, status);
    }
    while (crewi_schedule_take(&map->schedule, &range))
        crewi_pool_give_up(map, range, status);
    map->recalls = 0;
}

void crewi_pool_fail_maps(struct crewi_engine *engine, struct crewi_pool *pool, crew_status status,
                          const char *reason)
{
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_drop_fetch(engine, &pool->workers[i]);
    for (struct crewi_pool_map *map = pool->maps; map; map = map->next) {
        if (map->over)
            continue;
        give_up_rest(pool, map, status);
        map->status = status;
        snprintf(map->reason, sizeof map->reason, "%s: %s", map->submission.task, reason);
        crewi_pool_finish_map(engine, map);
    }
    for (uint32_t i = 0; i < pool->worker_count; i++)
        pool->workers[i].outstanding_count = 0;
}

void crewi_pool_leave_maps(struct crewi_engine *engine, struct crewi_pool *pool)
{
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_drop_fetch(engine, &pool->workers[i]);
    for (struct crewi_pool_map *map = pool->maps; map; map = map->next) {
        map->left_behind = true;
        map->notify = false;
    }
}

/* Chunks out */

static struct crewi_frame *chunk_frame(const struct crewi_engine *engine,
                                       const struct crewi_worker *worker,
                                       const struct crewi_pool_outstanding *given)
{
    struct crewi_pool_map *map = given->map;
    struct crewi_range range = given->range;
    bool lent = worker->reads_home && map->submission.item_size >= CREWI_POOL_LOAN_MIN;
    const unsigned char *items = map->items + range.begin * map->submission.item_size;
    struct crewi_pool_chunk chunk = {
        .flags = (lent ? CREWI_CHUNK_LENT : 0) | (worker->loan.pid ? CREWI_CHUNK_FETCHED : 0) |
                 (map->submission.keep_failed ? CREWI_CHUNK_KEEP_FAILED : 0),
        .map = map->object.id,
        .begin = range.begin,
        .count = range.count,
        .key = given->key,
        .item_size = map->submission.item_size,
        .timeout_ns = map->submission.timeout_ns,
        .result_size = map->submission.result_size,
    };
    struct crewi_loan loan = crewi_loan_make(items, &map->cookie);
    const struct crewi_funcref *function = &map->submission.function;
    uint64_t bytes = lent ? sizeof loan : range.count * chunk.item_size;
    memcpy(chunk.function, function, sizeof chunk.function);
    struct crewi_frame *frame =
        crewi_engine_delivery(engine, &worker->origin, CREWI_KIND_POOL, CREWI_POOL_CHUNK,
                              sizeof chunk + bytes + function->path_size);
    memcpy(frame->payload, &chunk, sizeof chunk);
    memcpy(frame->payload + sizeof chunk, lent ? (const unsigned char *)&loan : items, bytes);
    memcpy(frame->payload + sizeof chunk + bytes, function->path, function->path_size);
    return frame;
}

static uint64_t tasks_in_hand(const struct crewi_worker *worker)
{
    uint64_t tasks = 0;
    for (uint32_t i = 0; i < worker->outstanding_count; i++)
        tasks += worker->outstanding[i].range.count;
    return tasks;
}

/* How fast a worker was so far, beside the mean of those of its pool: tasks in its time. */
static double speed_of(const struct crewi_pool *pool, const struct crewi_worker *worker)
{
    if (!worker->tasks || worker->busy_ns <= 0)
        return 1;
    return ((double)worker->tasks / (double)worker->busy_ns) / (pool->tasks / pool->busy_ns);
}

bool crewi_pool_has_long_items(const struct crewi_worker *worker, uint64_t item_size)
{
    return item_size >= LONG_BYTES && !worker->reads_home &&
           worker->outstanding_count >= LONG_CHUNKS;
}

/* A slot that no chunk of the worker has; there is one. */
static uint32_t free_slot(const struct crewi_worker *worker)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < worker->outstanding_count; i++)
        taken |= 1U << worker->outstanding[i].key.slot;
    return (uint32_t)__builtin_ctz(~taken);
}

struct crewi_frame *crewi_pool_give(const struct crewi_engine *engine, struct crewi_worker *worker,
                                    struct crewi_pool_map *map, struct crewi_range *range)
{
    if (map->bytes)
        crewi_pool_bytes_shorten(map, worker, range);
    if (!range->count)
        return NULL;
    struct crewi_pool_outstanding given = {
        .map = map,
        .range = *range,
        .given = *range,
        .key = {free_slot(worker), crewi_claim_next_generation(worker->generation)},
        .left = range->count,
        .alone = map->careful};
    struct crewi_frame *frame = map->bytes ? crewi_pool_bytes_chunk(engine, worker, &given)
                                           : chunk_frame(engine, worker, &given);
    frame->can_wait = crewi_schedule_can_wait(&map->schedule, tasks_in_hand(worker));
    if (!worker->outstanding_count)
        worker->heard_ns = engine->now_ns;
    worker->chunks++;
    worker->generation = given.key.generation;
    worker->outstanding[worker->outstanding_count++] = given;
    crewi_pool_list_worker(map->pool, worker);
    return frame;
}

/* The next chunk of this map for a worker, not sent yet; NULL when it should not have one. */
static struct crewi_frame *next_chunk(const struct crewi_engine *engine,
                                      struct crewi_worker *worker, struct crewi_pool_map *map)
{
    struct crewi_range range;
    uint32_t most = map->pool->spec.max_tasks;
    if (map->over || (most && worker->chunks >= most) ||
        worker->outstanding_count >= (map->careful ? 1 : CREWI_WORKER_CHUNKS) ||
        !crewi_schedule_wants_more(&map->schedule, tasks_in_hand(worker),
                                   worker->outstanding_count) ||
        crewi_pool_has_long_items(worker, map->submission.item_size) ||
        !crewi_schedule_take_for(
            &map->schedule,
            map->schedule.policy == CREW_SCHEDULE_WEIGHTED ? speed_of(map->pool, worker) : 1,
            tasks_in_hand(worker), &range))
        return NULL;
    return crewi_pool_give(engine, worker, map, &range);
}

void crewi_pool_feed(struct crewi_engine *engine, struct crewi_pool *pool,
                     struct crewi_worker *worker)
{
    if (worker->state != CREWI_WORKER_READY || worker->held || pool->broken)
        return;
    struct crewi_pool_map *map = NULL;
    while ((map = crewi_pool_next_waiting(pool, map))) {
        struct crewi_frame *frame;
        while ((frame = next_chunk(engine, worker, map)))
            crewi_engine_send(engine, frame);
        /* It has something to do: what it is to have ahead is of the first map that waits. Behind
         * that one there may be 100,000. */
        if (worker->outstanding_count && crewi_schedule_remaining(&map->schedule))
            break;
    }
    if (pool->spec.max_tasks && worker->chunks >= pool->spec.max_tasks &&
        !worker->outstanding_count)
        crewi_pool_retire(engine, worker);
}

/* What goes to one rank travels together. How many other ranks get something. */
static uint32_t collect_first_chunks(const struct crewi_engine *engine, struct crewi_pool *pool,
                                     struct crewi_pool_map *map, struct crewi_frames *for_rank)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        struct crewi_worker *worker = &pool->workers[i];
        struct crewi_frame *frame;
        if (worker->state != CREWI_WORKER_READY || worker->held || worker->outstanding_count ||
            !(frame = next_chunk(engine, worker, map)))
            continue;
        crewi_frames_push(&for_rank[frame->header.target_rank], frame);
    }
    for (uint32_t rank = 0; rank < engine->rank_count; rank++)
        others += rank != engine->rank && for_rank[rank].first;
    return others;
}

/* Whether chunks are to be taken apart for workers that got none. What asks for that must not
 * overtake the chunks, as it may a scatter. */
static bool is_to_be_shared(struct crewi_pool *pool, const struct crewi_pool_map *map)
{
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_list_worker(pool, &pool->workers[i]);
    return pool->listed_count[CREWI_WORKERS_IDLE] && pool->listed_count[CREWI_WORKERS_SPARING] &&
           !map->submission.no_stealing;
}

/* A map of few tasks keeps few workers busy, and nobody has to look at the others. */
static void hand_out_to_few(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_pool_map *map)
{
    for (uint32_t i = 0; i < pool->worker_count && pool->listed_count[CREWI_WORKERS_IDLE] &&
                         crewi_schedule_remaining(&map->schedule);
         i++) {
        struct crewi_worker *worker = &pool->workers[i];
        struct crewi_frame *frame = NULL;
        if (worker->places[CREWI_WORKERS_IDLE])
            frame = next_chunk(engine, worker, map);
        if (frame)
            crewi_engine_send(engine, frame);
    }
}

/* The first chunk of every worker that is idle, in one scatter if that can be and at least half of
 * the other ranks get one. */
static void hand_out_to_all(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_pool_map *map)
{
    struct crewi_frames *for_rank = malloc(engine->rank_count * sizeof *for_rank);
    if (!for_rank) {
        hand_out_to_few(engine, pool, map); /* one at a time */
        return;
    }
    for (uint32_t rank = 0; rank < engine->rank_count; rank++)
        crewi_frames_init(&for_rank[rank]);
    uint32_t others = collect_first_chunks(engine, pool, map, for_rank);
    crew_status status =
        others && 2 * others >= engine->rank_count - 1 && !is_to_be_shared(pool, map)
            ? crewi_transport_scatter(engine->transport, for_rank)
            : CREW_ENOTSUP;
    if (status && status != CREW_ENOTSUP)
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
    for (uint32_t rank = 0; rank < engine->rank_count; rank++) {
        struct crewi_frame *frame;
        while ((frame = crewi_frames_pop(&for_rank[rank])))
            crewi_engine_send(engine, frame);
    }
    free(for_rank);
}

/* The first chunks of a new map, and the second ones. Nobody knows yet what its tasks take; so as
 * long as workers are idle or there are few tasks (see crewi_schedule_wants_more()), no worker that
 * is busy gets any. */
static void hand_out_first(struct crewi_engine *engine, struct crewi_pool *pool,
                           struct crewi_pool_map *map)
{
    if (crewi_schedule_remaining(&map->schedule) < pool->worker_count)
        hand_out_to_few(engine, pool, map);
    else if (pool->listed_count[CREWI_WORKERS_IDLE])
        hand_out_to_all(engine, pool, map);
    if (crewi_schedule_remaining(&map->schedule) > 2 * (uint64_t)pool->worker_count) {
        for (uint32_t i = 0; i < pool->worker_count; i++)
            crewi_pool_feed(engine, pool, &pool->workers[i]);
        for (uint32_t i = 0; i < pool->worker_count; i++)
            crewi_pool_list_worker(pool, &pool->workers[i]);
    }
    crewi_pool_steal(engine, pool);
}

/* Submitting */

/* Bytes of the ranges behind a submission. */
static uint64_t range_bytes(const struct crewi_pool_submission *submission)
{
    return submission->partial ? submission->range_count * sizeof(struct crewi_range) : 0;
}

/* Whether the ranges are those of tasks, in order and apart. */
static bool are_sound(const struct crewi_pool_submission *submission, const unsigned char *ranges)
{
    struct crewi_range range;
    uint64_t next = 0;
    for (uint64_t i = 0; submission->partial && i < submission->range_count; i++) {
        memcpy(&range, ranges + i * sizeof range, sizeof range);
        if (range.begin < next || !range.count || range.begin >= submission->count ||
            range.count > submission->count - range.begin)
            return false;
        next = range.begin + range.count;
    }
    return true;
}

/* Whether what follows can be, where sizes are fixed. */
static bool has_all_items(const struct crewi_pool_submission *submission, uint64_t payload)
{
    uint64_t largest = submission->item_size > submission->result_size ? submission->item_size
                                                                       : submission->result_size;
    if (!submission->item_size || largest > CREWI_FRAME_LIMIT / 2)
        return false;
    if (submission->count > (UINT64_MAX >> 2) / (largest + sizeof(int32_t)))
        return false;
    if (submission->partial && (submission->range_count > submission->count ||
                                submission->range_count > payload / sizeof(struct crewi_range)))
        return false;
    uint64_t items = submission->shared ? 0 : submission->count * submission->item_size;
    bool in_parcel = submission->parcel.size != 0;
    return payload - range_bytes(submission) == (in_parcel ? 0 : items) &&
           (!in_parcel || submission->parcel.size == items);
}

static bool is_sound(const struct crewi_pool_submission *submission, const unsigned char *behind,
                     uint64_t payload)
{
    if (submission->schedule > CREW_SCHEDULE_WEIGHTED || submission->timeout_ns < 0 ||
        !memchr(submission->task, '\0', sizeof submission->task) ||
        !crewi_funcref_is_sound(&submission->function))
        return false;
    if (submission->varying)
        return crewi_pool_bytes_are_sound(submission, behind, payload);
    return has_all_items(submission, payload) && are_sound(submission, behind);
}

/* Whether a child could be given all results at the end, which come in one message. */
static bool is_too_large(const struct crewi_pool_submission *submission)
{
    uint64_t each = submission->result_size + (submission->wants_statuses ? sizeof(int32_t) : 0);
    uint64_t room = CREWI_FRAME_LIMIT - sizeof(struct crewi_pool_outcome) - CREWI_ERROR_SIZE;
    return !submission->shared && !submission->parts && submission->count * each > room;
}

/* The caller's own memory is used where it can be; otherwise there is one block for items, results
 * and statuses. */
static bool give_memory(struct crewi_pool_map *map, const void *items)
{
    const struct crewi_pool_submission *submission = &map->submission;
    if (submission->shared) {
        map->items = (const unsigned char *)(uintptr_t)submission->items;
        map->results = (unsigned char *)(uintptr_t)submission->results;
        map->statuses = (int32_t *)(uintptr_t)submission->statuses;
        return true;
    }
    size_t item_bytes =
        map->parcel ? 0 : (submission->count * submission->item_size + 15) & ~(size_t)15;
    size_t status_bytes =
        submission->wants_statuses ? submission->count * sizeof *map->statuses : 0;
    unsigned char *block =
        calloc(1, item_bytes + status_bytes + submission->count * submission->result_size + 1);
    if (!block)
        return false;
    if (!map->parcel)
        memcpy(block, items, submission->count * submission->item_size);
    map->owned = block;
    map->items = map->parcel ? map->parcel : block;
    map->statuses = status_bytes ? (int32_t *)(void *)(block + item_bytes) : NULL;
    map->results = block + item_bytes + status_bytes;
    return true;
}

/* Of a partial map, the tasks that are to be done are as if they had come back, the first ones on
 * top. */
static bool skip_done(struct crewi_pool_map *map, const unsigned char *ranges)
{
    struct crewi_range range;
    if (!map->submission.partial)
        return true;
    map->schedule.next = map->submission.count;
    for (uint64_t i = map->submission.range_count; i-- > 0;) {
        memcpy(&range, ranges + i * sizeof range, sizeof range);
        if (crewi_schedule_return(&map->schedule, range))
            return false;
    }
    map->skipped = map->submission.count - crewi_schedule_remaining(&map->schedule);
    map->done = map->skipped;
    return true;
}

/* What follows the submission: ranges, and items. ENOTSUP: a parcel cannot be opened. */
static crew_status make_map(struct crewi_engine *engine, struct crewi_pool *pool,
                            const struct crewi_pool_submission *submission,
                            const struct crewi_message *message, struct crewi_pool_map **made)
{
    const unsigned char *behind = (const unsigned char *)message->data + sizeof *submission;
    crew_status status = CREW_ENOMEM;
    struct crewi_pool_map *map = calloc(1, sizeof *map);
    if (!map)
        return CREW_ENOMEM;
    map->submission = *submission;
    map->object.id = crewi_engine_new_id(engine, CREWI_KIND_RESULT);
    map->pool = pool;
    map->notify = submission->notify;
    map->kept = submission->kept;
    crewi_schedule_init(&map->schedule, submission->count, submission->item_size, submission->chunk,
                        pool->worker_count);
    crewi_schedule_choose(&map->schedule, submission->schedule);
    map->schedule.bundles = !pool->spec.max_tasks; /* which counts chunks */
    if (submission->varying || submission->item_size >= CREWI_POOL_LOAN_MIN)
        map->cookie = crewi_loan_cookie();
    if (submission->parcel.size && crewi_parcel_map(&submission->parcel, &map->parcel)) {
        status = CREW_ENOTSUP;
        goto fail;
    }
    if (!give_memory(map, behind + range_bytes(submission)))
        goto fail;
    if (submission->retries && !(map->attempts = calloc(submission->count + 1, 1)))
        goto fail;
    if (!skip_done(map, behind))
        goto fail;
    if (submission->varying && (status = crewi_pool_bytes_begin(map, message)))
        goto fail;
    if (crewi_engine_add(engine, &map->object)) {
        status = CREW_ENOMEM;
        goto fail;
    }
    if (map->statuses)
        memset(map->statuses, 0, submission->count * sizeof *map->statuses);
    map->first_failure = CREWI_NO_FAILURE;
    crewi_pool_begin_reports(map);
    crewi_pool_add_map(pool, map);
    crewi_pool_list_waiting(map);
    *made = map;
    return CREW_OK;
fail:
    crewi_pool_drop_items(map);
    crewi_pool_bytes_end(map);
    crewi_schedule_fini(&map->schedule);
    free(map->attempts);
    free(map->owned);
    free(map);
    return status;
}

void crewi_pool_submit(struct crewi_engine *engine, struct crewi_pool *pool,
                       const struct crewi_message *message)
{
    struct crewi_pool_submission submission;
    if (message->size < sizeof submission) {
        crewi_engine_refuse_malformed(engine, message, "a map of at least %zu bytes",
                                      sizeof submission);
        return;
    }
    memcpy(&submission, message->data, sizeof submission);
    uint64_t payload = message->size - sizeof submission;
    const unsigned char *behind = (const unsigned char *)message->data + sizeof submission;
    if (!is_sound(&submission, behind, payload) ||
        (submission.shared && !crewi_engine_is_local(engine, &message->origin))) {
        crewi_engine_refuse_malformed(
            engine, message,
            "a map whose sizes, counts and addresses agree, %zu bytes and its items",
            sizeof submission);
        return;
    }
    if (submission.timeout_ns && pool->spec.inside) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP,
                            "a task inside a rank cannot be ended when it takes too long");
        return;
    }
    if (is_too_large(&submission)) {
        crewi_engine_refuse(engine, &message->origin, CREW_EINVAL,
                            "the results of %llu tasks of %llu bytes each are more than a message "
                            "may have (%llu bytes): map in parts, or from the main process",
                            (unsigned long long)submission.count,
                            (unsigned long long)submission.result_size,
                            (unsigned long long)CREWI_FRAME_LIMIT);
        return;
    }
    struct crewi_pool_map *map;
    crew_status status = make_map(engine, pool, &submission, message, &map);
    if (status) {
        crewi_engine_refuse(engine, &message->origin, status, "no memory for a map of %llu tasks",
                            (unsigned long long)submission.count);
        return;
    }
    crewi_engine_reply(engine, &message->origin, &map->object.id, sizeof map->object.id);
    crewi_pool_account_begin(engine, pool);
    if (map->done < submission.count)
        hand_out_first(engine, pool, map);
    else
        crewi_pool_finish_map(engine, map);
}
