/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/iterator.h>: a window of small maps, of which the first one, or the first one
 * that is done, is read next. */
#include <crew/iterator.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/cache.h"
#include "engine/client.h"
#include "pool/map_call.h"
#include "pool/pool_call.h"
#include "pool/result_call.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids of iterators: of no kind that engines know. */
#define ID_KIND ((uint64_t)15 << 60)

/* Chunks under way for each worker, so that none waits for the way there and back; fewer where
 * items and results are large. */
#define CHUNKS_FOR_EACH 16
#define LARGE_CHUNKS_FOR_EACH 4
#define LARGE_BYTES ((size_t)1 << 20)

static const crew_imap_attr defaults;

/* A chunk under way, or being read. */
struct slot {
    crew_result result; /* 0: the slot is free */
    uint64_t begin, count, read;
    uint64_t number; /* of the chunk */
    unsigned char *items, *results;
    crew_status *statuses;
    crew_task_error *errors; /* of those that failed, once it is done */
    size_t error_count;
    bool is_done;
    bool is_given_back; /* the result: all its tasks succeeded */
};

struct iterator {
    struct crewi_cached cached;
    crew_pool pool;
    crew_task task;
    crew_generator *generator; /* NULL: items */
    void *arg;
    const unsigned char *items;
    uint64_t count;      /* of items */
    uint64_t made;       /* items that are in chunks by now */
    uint64_t chunks;     /* made so far */
    crew_imap_attr attr; /* its chunk is not 0 */
    int64_t deadline_ns; /* of all of them */
    bool is_ended;       /* by an error, or as its time was over */
    crew_status source;  /* how the items end: CREW_OK: they go on */
    char reason[CREWI_ERROR_SIZE];
    bool is_source_told;
    struct slot *slots;
    size_t slot_count;
};

/* Slots */

static void free_slot(struct slot *slot)
{
    free(slot->items);
    free(slot->results);
    free(slot->statuses);
    free(slot->errors);
    *slot = (struct slot){0};
}

static bool give_memory(const struct iterator *iterator, struct slot *slot)
{
    slot->items = calloc((size_t)iterator->attr.chunk, iterator->task.item_size);
    slot->results = calloc((size_t)iterator->attr.chunk, iterator->task.result_size + 1);
    slot->statuses = calloc((size_t)iterator->attr.chunk, sizeof *slot->statuses);
    return slot->items && slot->results && slot->statuses;
}

static crew_status make_item(struct iterator *iterator, void *item)
{
    if (iterator->generator)
        return iterator->generator(iterator->arg, item);
    if (iterator->made == iterator->count)
        return CREW_EOF;
    memcpy(item, iterator->items + iterator->made * iterator->task.item_size,
           iterator->task.item_size);
    return CREW_OK;
}

/* Fills a slot with items as far as there are any. */
static void fill(struct iterator *iterator, struct slot *slot)
{
    slot->begin = iterator->made;
    while (slot->count < (uint64_t)iterator->attr.chunk && !iterator->source) {
        crewi_error_clear();
        iterator->source =
            make_item(iterator, slot->items + slot->count * iterator->task.item_size);
        if (iterator->source) {
            snprintf(iterator->reason, sizeof iterator->reason, "item %llu: %s",
                     (unsigned long long)iterator->made,
                     *crew_error_message() ? crew_error_message()
                                           : crew_status_message(iterator->source));
            break;
        }
        slot->count++;
        iterator->made++;
    }
}

/* What is said of each task. */
static crew_map_attr map_attr(const crew_imap_attr *attr)
{
    return (crew_map_attr){.chunk = (size_t)attr->chunk,
                           .timeout_s = attr->task_timeout_s,
                           .retries = attr->retries,
                           .retry_on = attr->retry_on,
                           .priority = attr->priority};
}

/* Makes a chunk and hands it out. */
static crew_status begin_chunk(struct iterator *iterator, struct slot *slot)
{
    if (!give_memory(iterator, slot)) {
        free_slot(slot);
        return crewi_error_memory();
    }
    fill(iterator, slot);
    if (!slot->count) {
        free_slot(slot);
        return CREW_OK;
    }
    slot->number = iterator->chunks++;
    crew_map_attr attr = map_attr(&iterator->attr);
    attr.statuses = slot->statuses;
    crew_status status = crew_pool_map_async(iterator->pool, &slot->result, iterator->task,
                                             slot->items, slot->results, slot->count, &attr);
    if (!status)
        return CREW_OK;
    /* The items are lost: nothing can come after this. */
    iterator->source = status;
    snprintf(iterator->reason, sizeof iterator->reason, "%s", crew_error_message());
    free_slot(slot);
    return CREW_OK;
}

static crew_status fill_window(struct iterator *iterator)
{
    crew_status status = CREW_OK;
    for (size_t i = 0; i < iterator->slot_count && !iterator->source && !status; i++)
        if (!iterator->slots[i].result.id)
            status = begin_chunk(iterator, &iterator->slots[i]);
    return status;
}

/* Choosing the slot to read from */

static struct slot *first_slot(const struct iterator *iterator)
{
    struct slot *first = NULL;
    for (size_t i = 0; i < iterator->slot_count; i++) {
        struct slot *slot = &iterator->slots[i];
        if (slot->result.id && (!first || slot->number < first->number))
            first = slot;
    }
    return first;
}

/* One that is being read, or was done first. NULL: none in time. */
static crew_status any_slot(const struct iterator *iterator, int64_t timeout_ns,
                            struct slot **found)
{
    crew_result *results = calloc(iterator->slot_count, sizeof *results);
    struct slot **slots = calloc(iterator->slot_count, sizeof(struct slot *));
    bool *seen = calloc(iterator->slot_count, sizeof *seen);
    crew_status status = results && slots && seen ? CREW_OK : crewi_error_memory();
    size_t count = 0, index;
    for (size_t i = 0; i < iterator->slot_count && !status; i++) {
        struct slot *slot = &iterator->slots[i];
        if (slot->is_done)
            *found = slot;
        if (!slot->result.id)
            continue;
        results[count] = slot->result;
        slots[count++] = slot;
    }
    if (!status && !*found) {
        double timeout_s = timeout_ns == CREWI_FOREVER ? CREW_FOREVER : (double)timeout_ns / 1e9;
        status = crew_results_next(results, count, seen, timeout_s, &index);
        if (!status)
            *found = slots[index];
    }
    free(seen);
    free(slots);
    free(results);
    return status;
}

/* The chunk is there. Its own status is that of the first task that failed, or says that there are
 * no results: then it stands for each task. */
static crew_status finish_slot(struct slot *slot)
{
    size_t count = 0;
    crew_status outcome;
    crew_status status = crewi_result_finish("crew_iterator_next", slot->result, &outcome);
    slot->is_given_back = !status && !outcome;
    if (!status && outcome)
        status = crew_result_errors(slot->result, NULL, 0, &count);
    if (status)
        return status;
    if (outcome && count) {
        slot->errors = calloc(count, sizeof *slot->errors);
        if (!slot->errors)
            return crewi_error_memory();
        status = crew_result_errors(slot->result, slot->errors, count, &count);
        slot->error_count = status ? 0 : count;
    }
    slot->is_done = true;
    return CREW_OK;
}

static crew_status find_slot(struct iterator *iterator, int64_t timeout_ns, struct slot **found)
{
    crew_status status = CREW_OK;
    *found = iterator->attr.unordered ? NULL : first_slot(iterator);
    if (iterator->attr.unordered)
        status = any_slot(iterator, timeout_ns, found);
    else if (!(*found)->is_done)
        status = crewi_result_await((*found)->result.id, timeout_ns);
    if (!status && !(*found)->is_done)
        status = finish_slot(*found);
    return status;
}

/* Reading */

static crew_status word_failure(const struct iterator *iterator, const struct slot *slot,
                                uint64_t at)
{
    for (size_t i = 0; i < slot->error_count; i++) {
        const crew_task_error *error = &slot->errors[i];
        if (error->index == at)
            return crewi_error(slot->statuses[at], "task %llu of %s: %s (%s on rank %d, %s)",
                               (unsigned long long)(slot->begin + at),
                               iterator->task.name ? iterator->task.name : "a task", error->message,
                               error->worker, error->rank, error->host);
    }
    return crewi_error(slot->statuses[at], "task %llu of %s: %s",
                       (unsigned long long)(slot->begin + at),
                       iterator->task.name ? iterator->task.name : "a task",
                       crew_status_message(slot->statuses[at]));
}

static crew_status read_slot(const struct iterator *iterator, struct slot *slot, void *result,
                             size_t *index)
{
    uint64_t at = slot->read++, size = iterator->task.result_size;
    crew_status status = slot->statuses[at];
    if (index)
        *index = slot->begin + at;
    if (status)
        status = word_failure(iterator, slot, at);
    else if (result && size)
        memcpy(result, slot->results + at * size, size);
    if (slot->read == slot->count) {
        if (!slot->is_given_back)
            crew_result_close(slot->result);
        free_slot(slot);
    }
    return status;
}

/* There are no chunks any more: how the items ended. */
static crew_status tell_end(struct iterator *iterator)
{
    if (iterator->source != CREW_EOF && !iterator->is_source_told) {
        iterator->is_source_told = true;
        return crewi_error(iterator->source, "%s", iterator->reason);
    }
    return crewi_error(CREW_EOF, "all %llu results have been returned",
                       (unsigned long long)iterator->made);
}

static crew_status use(const char *call, crew_iterator iterator, struct iterator **found)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing(call);
    if ((iterator.id & ID_KIND) != ID_KIND)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", call,
                           iterator.id ? "no iterator" : "empty");
    *found = (struct iterator *)crewi_cache_find(&client->cache, iterator.id);
    return *found ? CREW_OK : crewi_error(CREW_ENOENT, "%s: the iterator was closed", call);
}

static int64_t time_left(const struct iterator *iterator)
{
    if (iterator->deadline_ns == CREWI_FOREVER)
        return CREWI_FOREVER;
    int64_t now_ns = crewi_now_ns();
    return iterator->deadline_ns > now_ns ? iterator->deadline_ns - now_ns : 0;
}

/* What no worker has begun is cancelled; the rest has its memory until the iterator is closed. */
static crew_status end_early(struct iterator *iterator, crew_status status, const char *why)
{
    char reason[CREWI_ERROR_SIZE];
    snprintf(reason, sizeof reason, "%s", why);
    iterator->is_ended = true;
    for (size_t i = 0; i < iterator->slot_count; i++)
        if (iterator->slots[i].result.id && !iterator->slots[i].is_given_back)
            crew_result_cancel(iterator->slots[i].result, NULL);
    return crewi_error(status, "%s", reason);
}

static crew_status time_is_over(struct iterator *iterator)
{
    char why[80];
    snprintf(why, sizeof why, "the results were to come within %g s, and the next one is not done",
             iterator->attr.timeout_s);
    return end_early(iterator, CREW_ETIMEDOUT, why);
}

/* When its time is over, what is done can still be had. */
static crew_status next_result(struct iterator *iterator, void *result, size_t *index,
                               int64_t timeout_ns)
{
    struct slot *slot = NULL;
    int64_t left_ns = time_left(iterator);
    crew_status status = left_ns ? fill_window(iterator) : CREW_OK;
    if (status)
        return status;
    if (!first_slot(iterator))
        return left_ns || iterator->source ? tell_end(iterator) : time_is_over(iterator);
    status = find_slot(iterator, timeout_ns < left_ns ? timeout_ns : left_ns, &slot);
    if (status == CREW_ETIMEDOUT && !time_left(iterator))
        return time_is_over(iterator);
    if (status)
        return status;
    status = read_slot(iterator, slot, result, index);
    return status && iterator->attr.stop_on_error
               ? end_early(iterator, status, crew_error_message())
               : status;
}

crew_status crew_iterator_next(crew_iterator handle, void *result, size_t *index, double timeout_s)
{
    struct iterator *iterator;
    crew_status status = use("crew_iterator_next", handle, &iterator);
    if (status)
        return status;
    if (iterator->is_ended)
        return crewi_error(CREW_EOF, "the iteration ended early");
    return next_result(iterator, result, index, crewi_timeout_ns(timeout_s));
}

/* Begin and end */

/* What a worker has begun writes into memory of ours, if the caller is in the home rank. */
static void end_slot(struct slot *slot)
{
    if (!slot->result.id)
        return;
    if (!slot->is_given_back && crew_result_cancel(slot->result, NULL) == CREW_OK)
        crewi_result_await(slot->result.id, CREWI_FOREVER);
    if (!slot->is_given_back)
        crew_result_close(slot->result);
    free_slot(slot);
}

static void end_iterator(struct crewi_cached *cached)
{
    struct iterator *iterator = (struct iterator *)cached;
    for (size_t i = 0; i < iterator->slot_count; i++)
        free_slot(&iterator->slots[i]);
    free(iterator->slots);
}

crew_status crew_iterator_close(crew_iterator handle)
{
    struct iterator *iterator;
    crew_status status = use("crew_iterator_close", handle, &iterator);
    if (status)
        return status == CREW_ENOENT ? CREW_OK : status;
    for (size_t i = 0; i < iterator->slot_count; i++)
        end_slot(&iterator->slots[i]);
    crewi_cache_remove(&crewi_client_current()->cache, handle.id);
    return CREW_OK;
}

/* No longer than the items are. */
static size_t chunk_of(const struct iterator *wanted, const crew_imap_attr *attr)
{
    size_t chunk = attr->chunk ? (size_t)attr->chunk : 1;
    bool is_longer = !wanted->generator && wanted->count && wanted->count < chunk;
    return is_longer ? wanted->count : chunk;
}

static size_t count_slots(const struct iterator *wanted, const crew_imap_attr *attr, size_t workers)
{
    size_t item = wanted->task.item_size, result = wanted->task.result_size;
    size_t limit = LARGE_BYTES / (item > result ? item : result);
    return workers * ((size_t)attr->chunk >= limit ? LARGE_CHUNKS_FOR_EACH : CHUNKS_FOR_EACH);
}

static crew_status make(const struct iterator *wanted, const crew_imap_attr *attr,
                        crew_iterator *handle)
{
    static _Atomic uint64_t last;
    struct crewi_cache *cache = &crewi_client_current()->cache;
    size_t workers;
    crew_status status = crew_pool_workers(wanted->pool, NULL, 0, &workers);
    if (status)
        return status;
    struct iterator *iterator = (struct iterator *)crewi_cache_new(cache, sizeof *iterator);
    size_t slot_count = count_slots(wanted, attr, workers);
    struct slot *slots = calloc(slot_count, sizeof *slots);
    uint64_t id = ID_KIND | (atomic_fetch_add(&last, 1) + 1);
    if (!iterator || !slots) {
        free(slots);
        free(iterator);
        return crewi_error_memory();
    }
    struct crewi_cached head = {.size = iterator->cached.size, .end = end_iterator};
    *iterator = *wanted;
    iterator->cached = head;
    iterator->attr = *attr;
    iterator->attr.chunk = (long)chunk_of(wanted, attr);
    iterator->deadline_ns =
        attr->timeout_s > 0 ? crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(attr->timeout_s))
                            : CREWI_FOREVER;
    iterator->slots = slots;
    iterator->slot_count = slot_count;
    if (!crewi_cache_add(cache, id, &iterator->cached))
        return crewi_error_memory();
    handle->id = id;
    return CREW_OK;
}

static crew_status check(const char *call, const struct iterator *wanted,
                         const crew_imap_attr *attr, const crew_iterator *handle)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (!handle || !wanted->task.function)
        return crewi_error(CREW_EINVAL, "%s: %s is NULL", call,
                           handle ? "task.function" : "iterator");
    if (attr->chunk < 0)
        return crewi_error(CREW_EINVAL, "%s: a chunk of %ld tasks", call, attr->chunk);
    if (isnan(attr->timeout_s) || attr->timeout_s < 0)
        return crewi_error(CREW_EINVAL, "%s: a time limit of %g seconds", call, attr->timeout_s);
    crew_status status = crewi_map_check_sizes(call, wanted->task.item_size,
                                               wanted->task.result_size, chunk_of(wanted, attr));
    if (status)
        return status;
    const crew_map_attr map = map_attr(attr);
    return crewi_map_check_attr(call, &map);
}

crew_status crew_pool_imap(crew_pool pool, crew_task task, const void *items, size_t count,
                           const crew_imap_attr *attr, crew_iterator *iterator)
{
    attr = attr ? attr : &defaults;
    struct iterator wanted = {.pool = pool, .task = task, .items = items, .count = count};
    crew_status status = check("crew_pool_imap", &wanted, attr, iterator);
    if (!status && count && !items)
        status = crewi_error(CREW_EINVAL, "crew_pool_imap: items is NULL");
    return status ? status : make(&wanted, attr, iterator);
}

crew_status crew_pool_imap_from(crew_pool pool, crew_task task, crew_generator *generator,
                                void *arg, const crew_imap_attr *attr, crew_iterator *iterator)
{
    attr = attr ? attr : &defaults;
    struct iterator wanted = {.pool = pool, .task = task, .generator = generator, .arg = arg};
    crew_status status = check("crew_pool_imap_from", &wanted, attr, iterator);
    if (!status && !generator)
        status = crewi_error(CREW_EINVAL, "crew_pool_imap_from: generator is NULL");
    return status ? status : make(&wanted, attr, iterator);
}
