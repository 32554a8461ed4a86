/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/completions.h"

#include <stdlib.h>
#include <string.h>

struct crewi_completions *crewi_completions_of(uint64_t pool)
{
    return (struct crewi_completions *)crewi_cache_find(&crewi_client_current()->cache, pool);
}

static struct crewi_completions *get_completions(uint64_t pool)
{
    struct crewi_cache *cache = &crewi_client_current()->cache;
    struct crewi_completions *there = crewi_completions_of(pool);
    if (there)
        return there;
    there = (struct crewi_completions *)crewi_cache_new(cache, sizeof *there);
    return there ? (struct crewi_completions *)crewi_cache_add(cache, pool, &there->cached) : NULL;
}

static void list_result(struct crewi_completions *pool, struct crewi_result_record *record)
{
    record->listed_by = pool;
    record->next_done = NULL;
    record->done_before = pool->last;
    if (pool->last)
        pool->last->next_done = record;
    else
        pool->first = record;
    pool->last = record;
}

void crewi_completions_unlist(struct crewi_result_record *record)
{
    struct crewi_completions *pool = record->listed_by;
    if (!pool)
        return;
    if (record->done_before)
        record->done_before->next_done = record->next_done;
    else
        pool->first = record->next_done;
    if (record->next_done)
        record->next_done->done_before = record->done_before;
    else
        pool->last = record->done_before;
    record->listed_by = NULL;
}

/* One whose callback is running goes when that is over. */
static bool is_result_to_drop(struct crewi_cached *cached, void *context)
{
    struct crewi_result_record *record = (struct crewi_result_record *)cached;
    const uint64_t *pool = context;
    if (crewi_id_kind(cached->id) != CREWI_KIND_RESULT || record->pool != *pool)
        return false;
    record->closed |= record->is_called;
    return !record->is_called;
}

void crewi_completions_end(uint64_t id)
{
    struct crewi_cache *cache = &crewi_client_current()->cache;
    crewi_callbacks_lock();
    struct crewi_completions *pool = crewi_completions_of(id);
    while (pool && pool->first)
        crewi_completions_unlist(pool->first);
    if (pool)
        crewi_cache_remove(cache, id);
    crewi_cache_remove_all(cache, is_result_to_drop, &id);
    crewi_callbacks_unlock();
}

/* Two threads may have asked at a time, and come with the same. The lock also keeps a result away
 * that is being submitted and that nobody has remembered yet. */
static void note_completions(uint64_t id, const struct crewi_frame *reply)
{
    struct crewi_pool_completion one;
    crewi_callbacks_lock();
    struct crewi_completions *pool = crewi_completions_of(id);
    for (size_t at = 0; pool && at + sizeof one <= reply->header.size; at += sizeof one) {
        memcpy(&one, reply->payload + at, sizeof one);
        if (one.order <= pool->known)
            continue;
        pool->known = one.order;
        struct crewi_result_record *record =
            (struct crewi_result_record *)crewi_cache_find(&crewi_client_current()->cache, one.id);
        if (!record || record->closed)
            continue;
        record->has_failed = one.wrong;
        atomic_store_explicit(&record->order, one.order, memory_order_release);
        list_result(pool, record);
    }
    crewi_callbacks_unlock();
}

/* Nobody waits any more for what is still parked. */
static void forget_waits(const struct crewi_call *calls, struct crewi_frame *const *replies,
                         size_t count, uint64_t first)
{
    uint64_t range[] = {first, first + count - 1};
    for (size_t i = 0; i < count; i++) {
        struct crewi_call note = calls[i];
        note.op = CREWI_OP_FORGET_WAITS;
        note.timeout_ns = 0;
        note.head = range;
        note.head_size = sizeof range;
        if (!replies[i])
            crewi_tell(&note);
    }
}

/* Notes what came of the requests, one for each pool; those that got no answer are taken back. */
static crew_status read_replies(const uint64_t *pools, const struct crewi_call *calls,
                                struct crewi_frame **replies, size_t count, uint64_t first)
{
    crew_status status = CREW_OK;
    forget_waits(calls, replies, count, first);
    for (size_t i = 0; i < count; i++) {
        const struct crewi_frame *reply = replies[i];
        if (reply && reply->header.status && !status) {
            status = (crew_status)reply->header.status;
            crewi_error_text(status, (const char *)reply->payload, reply->header.size);
        } else if (reply && !reply->header.status) {
            note_completions(pools[i], reply);
        }
        crewi_frame_destroy(replies[i]);
    }
    return status;
}

crew_status crewi_completions_await(const uint64_t *pools, size_t count, int64_t timeout_ns)
{
    struct crewi_call *calls = calloc(count + 1, sizeof *calls);
    uint64_t *known = calloc(count + 1, sizeof *known);
    struct crewi_frame **replies = calloc(count + 1, sizeof(struct crewi_frame *));
    uint64_t first;
    crew_status status = calls && known && replies ? CREW_OK : crewi_error_memory();
    for (size_t i = 0; i < count && !status; i++) {
        crewi_callbacks_lock();
        const struct crewi_completions *pool = get_completions(pools[i]);
        known[i] = pool ? pool->known : 0;
        crewi_callbacks_unlock();
        if (!pool)
            status = crewi_error_memory();
        calls[i] = (struct crewi_call){.kind = CREWI_KIND_POOL,
                                       .op = CREWI_POOL_COMPLETED,
                                       .object = pools[i],
                                       .timeout_ns = timeout_ns,
                                       .head = &known[i],
                                       .head_size = sizeof known[i]};
    }
    if (!status && count)
        status = crewi_call_many(calls, count, timeout_ns > 0, replies, &first);
    if (!status && count)
        status = read_replies(pools, calls, replies, count, first);
    free(replies);
    free(known);
    free(calls);
    return status;
}
