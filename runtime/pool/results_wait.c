/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/result.h> about several results.
 *
 * Whoever takes results one by one as they are done calls crew_results_next() as often as there are
 * results, so it must not look at all of them each time. It looks at all when nothing is known to
 * be done, and notes for each where it stands; what is done then is found there at once, as long as
 * there is any. So all are looked at once for each time that the caller had to wait. */
#include "base/clock.h"
#include "pool/completions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is known of several results. */
struct several {
    const crew_result *results;
    const bool *seen; /* those that are not looked at; NULL: all are */
    size_t count;
    size_t left;  /* that are looked at */
    size_t ready; /* of these */
    size_t first; /* which of these was done first; count: none is */
    uint64_t first_order;
    bool any_failed;
    bool is_calling;  /* some are done, but their callbacks have not run */
    bool is_unlisted; /* some are done, and not in the list of their pool */
    uint64_t *pools;  /* of those that are not done */
    size_t pool_count, pool_room;
};

/* The results that crew_results_next() looked at last in this thread, all of one pool: those that
 * are done stand in that pool's list, and so will the others. */
static _Thread_local struct {
    const crew_result *results;
    size_t count;
    size_t left; /* that were not returned since then */
    uint64_t pool;
} looked_at;

/* So long it waits for more of these without looking at all of them: the caller may have changed
 * them. */
#define UNSEEN_NS (2 * CREWI_MILLISECOND)

static crew_status add_pool(struct several *several, uint64_t pool)
{
    for (size_t i = 0; i < several->pool_count; i++)
        if (several->pools[i] == pool)
            return CREW_OK;
    if (several->pool_count == several->pool_room) {
        size_t room = several->pool_room ? 2 * several->pool_room : 4;
        uint64_t *grown = realloc(several->pools, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        several->pools = grown;
        several->pool_room = room;
    }
    several->pools[several->pool_count++] = pool;
    return CREW_OK;
}

static void end_several(struct several *several)
{
    free(several->pools);
}

/* Notes where a result stands, and whether it stands there twice. */
static void note_place(const struct several *several, struct crewi_result_record *record, size_t i)
{
    size_t place = atomic_load_explicit(&record->place, memory_order_relaxed);
    bool before = place < i && several->results[place].id == several->results[i].id &&
                  !(several->seen && several->seen[place]);
    if (!before)
        atomic_store_explicit(&record->place, i, memory_order_relaxed);
    atomic_store_explicit(&record->stands_twice, before, memory_order_relaxed);
}

static crew_status look_at(struct several *several, const char *call, size_t i)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use(call, several->results[i], &record);
    if (status) {
        char reason[CREWI_ERROR_SIZE];
        snprintf(reason, sizeof reason, "%s", crew_error_message());
        return crewi_error(status, "%s (result %zu of %zu)", reason, i, several->count);
    }
    note_place(several, record, i);
    several->left++;
    uint64_t order = atomic_load_explicit(&record->order, memory_order_acquire);
    if (!order)
        return add_pool(several, record->pool);
    if (crewi_result_awaits_callbacks(record)) {
        several->is_calling = true;
        return CREW_OK;
    }
    several->ready++;
    several->is_unlisted |= !record->listed_by;
    several->any_failed |= record->has_failed;
    if (several->first == several->count || order < several->first_order) {
        several->first = i;
        several->first_order = order;
    }
    return CREW_OK;
}

/* Looks at all of them. */
static crew_status look_at_all(struct several *several, const char *call)
{
    crew_status status = CREW_OK;
    several->left = several->ready = several->pool_count = 0;
    several->first = several->count;
    several->any_failed = several->is_calling = several->is_unlisted = false;
    for (size_t i = 0; i < several->count && !status; i++)
        if (!several->seen || !several->seen[i])
            status = look_at(several, call, i);
    return status;
}

/* Waits until more is done. Those that only lack their callbacks are looked at again soon. */
static crew_status await_more(const struct several *several, int64_t timeout_ns)
{
    if (several->is_calling && timeout_ns > CREWI_MILLISECOND)
        timeout_ns = CREWI_MILLISECOND;
    if (several->pool_count)
        return crewi_completions_await(several->pools, several->pool_count,
                                       timeout_ns > 0 ? timeout_ns : 0);
    struct timespec moment = crewi_timespec(timeout_ns > 0 ? timeout_ns : 0);
    nanosleep(&moment, NULL);
    return CREW_OK;
}

static crew_status check(const char *call, const crew_result *results, size_t count)
{
    if (count && !results)
        return crewi_error(CREW_EINVAL, "%s: results is NULL", call);
    return crewi_client_current() ? CREW_OK : crewi_client_missing(call);
}

static int64_t time_left(int64_t deadline_ns)
{
    return deadline_ns == CREWI_FOREVER ? CREWI_FOREVER : deadline_ns - crewi_now_ns();
}

static bool is_enough(const struct several *several, crew_results_when when)
{
    return several->ready == several->count || (when == CREW_FIRST_COMPLETED && several->ready) ||
           (when == CREW_FIRST_ERROR && several->any_failed);
}

static bool is_ready(crew_result result)
{
    struct crewi_result_record *record;
    return !crewi_result_use("crew_results_wait", result, &record) && record->order &&
           !crewi_result_awaits_callbacks(record);
}

crew_status crew_results_wait(const crew_result *results, size_t count, crew_results_when when,
                              bool *done, size_t *how_many, double timeout_s)
{
    struct several several = {.results = results, .count = count};
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(timeout_s));
    int64_t left_ns = 1;
    crew_status status = check("crew_results_wait", results, count);
    if (!status && (when < CREW_ALL_COMPLETED || when > CREW_FIRST_ERROR))
        status =
            crewi_error(CREW_EINVAL, "crew_results_wait: %d is no crew_results_when", (int)when);
    while (!status) {
        status = look_at_all(&several, "crew_results_wait");
        if (status || is_enough(&several, when))
            break;
        if (left_ns <= 0) {
            status = crewi_error(CREW_ETIMEDOUT, "%zu of %zu results are done in time",
                                 several.ready, count);
            break;
        }
        left_ns = time_left(deadline_ns);
        status = await_more(&several, left_ns);
    }
    for (size_t i = 0; i < count && done && !status; i++)
        done[i] = is_ready(results[i]);
    if (how_many && !status)
        *how_many = several.ready;
    end_several(&several);
    return status;
}

/* The first of the results of a pool that are done and were not returned, if it is where it was
 * when all were looked at; count: nobody knows. With crewi_callbacks_lock(). */
static size_t first_in_place(struct several *several, struct crewi_completions *pool)
{
    struct crewi_result_record *record;
    while (pool && (record = pool->first)) {
        size_t place = atomic_load_explicit(&record->place, memory_order_relaxed);
        if (place >= several->count || several->results[place].id != record->cached.id ||
            crewi_result_awaits_callbacks(record))
            break;
        crewi_completions_unlist(record);
        if (!several->seen[place])
            return place;
    }
    return several->count;
}

/* All were looked at: what is done and is none of them would stand in the way of the others. */
static void unlist_others(const struct several *several, struct crewi_completions *pool)
{
    const struct crewi_result_record *record;
    while (pool && (record = pool->first)) {
        size_t place = atomic_load_explicit(&record->place, memory_order_relaxed);
        if (place < several->count && several->results[place].id == record->cached.id)
            return;
        crewi_completions_unlist(pool->first);
    }
}

/* One that is known to be done without looking at all of them; count: none is. */
static size_t find_in_place(struct several *several)
{
    crewi_callbacks_lock();
    size_t found = first_in_place(several, crewi_completions_of(looked_at.pool));
    crewi_callbacks_unlock();
    return found;
}

/* Looks at all of them for the one that was done first. */
static crew_status find_first(struct several *several, size_t *found)
{
    struct crewi_result_record *record;
    looked_at.results = NULL;
    crew_status status = look_at_all(several, "crew_results_next");
    *found = several->first;
    if (!status && !several->is_unlisted && several->pool_count == 1) {
        looked_at.results = several->results;
        looked_at.count = several->count;
        looked_at.left = several->left;
        looked_at.pool = several->pools[0];
    }
    if (status || several->first == several->count)
        return status;
    status = crewi_result_use("crew_results_next", several->results[several->first], &record);
    if (status)
        return status;
    looked_at.pool = record->pool;
    crewi_callbacks_lock();
    crewi_completions_unlist(record);
    unlist_others(several, crewi_completions_of(record->pool));
    crewi_callbacks_unlock();
    return CREW_OK;
}

/* The same for those that were looked at last: waits a little until more is done. If that fails,
 * all of them are looked at, and it is said then which one is wrong. */
static size_t await_in_place(struct several *several, int64_t timeout_ns)
{
    size_t found = find_in_place(several);
    if (found < several->count || looked_at.results != several->results ||
        looked_at.count != several->count || !looked_at.left ||
        !crewi_completions_of(looked_at.pool) ||
        crewi_completions_await(&looked_at.pool, 1,
                                timeout_ns < UNSEEN_NS ? timeout_ns : UNSEEN_NS))
        return found;
    return find_in_place(several);
}

static crew_status find_next(struct several *several, int64_t deadline_ns, size_t *next)
{
    int64_t left_ns = time_left(deadline_ns);
    bool is_late = false;
    for (;;) {
        *next = await_in_place(several, left_ns > 0 ? left_ns : 0);
        crew_status status = *next < several->count ? CREW_OK : find_first(several, next);
        if (status || *next < several->count)
            return status;
        if (!several->left)
            return crewi_error(CREW_EOF, "all %zu results have been returned", several->count);
        if (is_late)
            return crewi_error(CREW_ETIMEDOUT, "none of the results is done in time");
        left_ns = time_left(deadline_ns);
        is_late = left_ns <= 0;
        status = await_more(several, left_ns);
        if (status)
            return status;
    }
}

/* Wherever it stands. */
static void set_seen(const crew_result *results, size_t count, bool *seen, size_t next)
{
    const struct crewi_result_record *record = (const struct crewi_result_record *)crewi_cache_find(
        &crewi_client_current()->cache, results[next].id);
    seen[next] = true;
    if (looked_at.left)
        looked_at.left--;
    for (size_t i = 0; i < count && record && record->stands_twice; i++)
        seen[i] |= results[i].id == results[next].id;
}

crew_status crew_results_next(const crew_result *results, size_t count, bool *seen, size_t *index,
                              double timeout_s)
{
    struct several several = {.results = results, .seen = seen, .count = count};
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(timeout_s));
    size_t next;
    crew_status status = check("crew_results_next", results, count);
    if (!status && (!index || (count && !seen)))
        status =
            crewi_error(CREW_EINVAL, "crew_results_next: %s is NULL", index ? "seen" : "index");
    if (!status)
        status = find_next(&several, deadline_ns, &next);
    end_several(&several);
    if (status)
        return status;
    set_seen(results, count, seen, next);
    *index = next;
    return CREW_OK;
}
