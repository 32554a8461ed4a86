/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/iterator.h>. */
#include "pool/iterator.h"

#include "base/clock.h"
#include "engine/client.h"
#include "pool/map_call.h"
#include "pool/pool_call.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids of iterators: of no kind that engines know. */
#define ID_KIND ((uint64_t)15 << 60)

static const crew_imap_attr defaults;

crew_map_attr crewi_iterator_map_attr(const crew_imap_attr *attr)
{
    return (crew_map_attr){.chunk = (size_t)attr->chunk,
                           .timeout_s = attr->task_timeout_s,
                           .retries = attr->retries,
                           .retry_on = attr->retry_on,
                           .priority = attr->priority};
}

static crew_status use_iterator(const char *call, crew_iterator iterator,
                                struct crewi_iterator **found)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing(call);
    if ((iterator.id & ID_KIND) != ID_KIND)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", call,
                           iterator.id ? "no iterator" : "empty");
    *found = (struct crewi_iterator *)crewi_cache_find(&client->cache, iterator.id);
    return *found ? CREW_OK : crewi_error(CREW_ENOENT, "%s: the iterator was closed", call);
}

/* Reading */

static int64_t time_left(const struct crewi_iterator *iterator)
{
    if (iterator->deadline_ns == CREWI_FOREVER)
        return CREWI_FOREVER;
    int64_t now_ns = crewi_now_ns();
    return iterator->deadline_ns > now_ns ? iterator->deadline_ns - now_ns : 0;
}

/* What no worker has begun is cancelled; the rest has its memory until the iterator is closed. */
static crew_status end_early(struct crewi_iterator *iterator, crew_status status, const char *why)
{
    char reason[CREWI_ERROR_SIZE];
    snprintf(reason, sizeof reason, "%s", why);
    iterator->is_ended = true;
    if (iterator->is_window)
        crewi_window_cancel(iterator);
    else
        crewi_array_cancel(iterator);
    return crewi_error(status, "%s", reason);
}

static crew_status time_is_over(struct crewi_iterator *iterator)
{
    char why[80];
    snprintf(why, sizeof why, "the results were to come within %g s, and the next one is not done",
             iterator->attr.timeout_s);
    return end_early(iterator, CREW_ETIMEDOUT, why);
}

/* When its time is over, what is done can still be had. */
static crew_status next_result(struct crewi_iterator *iterator, void *result, size_t *index,
                               int64_t timeout_ns)
{
    int64_t left_ns = time_left(iterator);
    size_t at = SIZE_MAX; /* set as soon as there is a result, whatever it is */
    timeout_ns = timeout_ns < left_ns ? timeout_ns : left_ns;
    crew_status status = iterator->is_window
                             ? crewi_window_next(iterator, result, &at, timeout_ns, left_ns > 0)
                             : crewi_array_next(iterator, result, &at, timeout_ns);
    if (at == SIZE_MAX)
        return status == CREW_ETIMEDOUT && !time_left(iterator) ? time_is_over(iterator) : status;
    if (index)
        *index = at;
    return status && iterator->attr.stop_on_error
               ? end_early(iterator, status, crew_error_message())
               : status;
}

crew_status crew_iterator_next(crew_iterator handle, void *result, size_t *index, double timeout_s)
{
    struct crewi_iterator *iterator;
    crew_status status = use_iterator("crew_iterator_next", handle, &iterator);
    if (status)
        return status;
    if (iterator->is_ended)
        return crewi_error(CREW_EOF, "the iteration ended early");
    return next_result(iterator, result, index, crewi_timeout_ns(timeout_s));
}

/* Begin and end */

static void end_iterator(struct crewi_cached *cached)
{
    struct crewi_iterator *iterator = (struct crewi_iterator *)cached;
    if (iterator->is_window)
        crewi_window_free(iterator);
    else
        crewi_array_free(iterator);
}

static void stop_iterator(struct crewi_iterator *iterator)
{
    if (iterator->is_window)
        crewi_window_stop(iterator);
    else
        crewi_array_stop(iterator);
}

crew_status crew_iterator_close(crew_iterator handle)
{
    struct crewi_iterator *iterator;
    crew_status status = use_iterator("crew_iterator_close", handle, &iterator);
    if (status)
        return status == CREW_ENOENT ? CREW_OK : status;
    stop_iterator(iterator);
    crewi_cache_remove(&crewi_client_current()->cache, handle.id);
    return CREW_OK;
}

/* An iterator that has not begun, and its handle. */
static crew_status make_iterator(crew_pool pool, crew_task task, const crew_imap_attr *attr,
                                 struct crewi_iterator **made)
{
    static _Atomic uint64_t last;
    struct crewi_cache *cache = &crewi_client_current()->cache;
    struct crewi_iterator *iterator =
        (struct crewi_iterator *)crewi_cache_new(cache, sizeof *iterator);
    if (!iterator)
        return crewi_error_memory();
    iterator->cached.end = end_iterator;
    iterator->pool = pool;
    iterator->task = task;
    iterator->attr = *attr;
    if (!attr->chunk)
        iterator->attr.chunk = 1;
    iterator->deadline_ns =
        attr->timeout_s > 0 ? crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(attr->timeout_s))
                            : CREWI_FOREVER;
    *made = (struct crewi_iterator *)crewi_cache_add(
        cache, ID_KIND | (atomic_fetch_add(&last, 1) + 1), &iterator->cached);
    return *made ? CREW_OK : crewi_error_memory();
}

/* Of one that could not begin nothing is left. */
static crew_status hand_out_iterator(struct crewi_iterator *iterator, crew_status status,
                                     crew_iterator *handle)
{
    char reason[CREWI_ERROR_SIZE];
    if (!status) {
        handle->id = iterator->cached.id;
        return CREW_OK;
    }
    snprintf(reason, sizeof reason, "%s", crew_error_message());
    stop_iterator(iterator);
    crewi_cache_remove(&crewi_client_current()->cache, iterator->cached.id);
    return crewi_error(status, "%s", reason);
}

static crew_status check(const char *call, const crew_task *task, const crew_imap_attr *attr,
                         const crew_iterator *handle)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (!handle || !task->function)
        return crewi_error(CREW_EINVAL, "%s: %s is NULL", call,
                           handle ? "task.function" : "iterator");
    if (attr->chunk < 0)
        return crewi_error(CREW_EINVAL, "%s: a chunk of %ld tasks", call, attr->chunk);
    if (isnan(attr->timeout_s) || attr->timeout_s < 0)
        return crewi_error(CREW_EINVAL, "%s: a time limit of %g seconds", call, attr->timeout_s);
    const crew_map_attr map = crewi_iterator_map_attr(attr);
    return crewi_map_check_attr(call, &map);
}

crew_status crew_pool_imap(crew_pool pool, crew_task task, const void *items, size_t count,
                           const crew_imap_attr *attr, crew_iterator *handle)
{
    struct crewi_iterator *iterator;
    attr = attr ? attr : &defaults;
    crew_status status = check("crew_pool_imap", &task, attr, handle);
    if (!status && count && !items)
        status = crewi_error(CREW_EINVAL, "crew_pool_imap: items is NULL");
    if (!status)
        status = make_iterator(pool, task, attr, &iterator);
    return status ? status
                  : hand_out_iterator(iterator, crewi_array_begin(iterator, items, count), handle);
}

crew_status crew_pool_imap_from(crew_pool pool, crew_task task, crew_generator *generator,
                                void *arg, const crew_imap_attr *attr, crew_iterator *handle)
{
    struct crewi_iterator *iterator;
    size_t workers;
    attr = attr ? attr : &defaults;
    crew_status status = check("crew_pool_imap_from", &task, attr, handle);
    if (!status && !generator)
        status = crewi_error(CREW_EINVAL, "crew_pool_imap_from: generator is NULL");
    if (!status)
        status = crewi_map_check_sizes("crew_pool_imap_from", task.item_size, task.result_size,
                                       (size_t)attr->chunk);
    if (!status)
        status = crew_pool_workers(pool, NULL, 0, &workers);
    if (!status)
        status = make_iterator(pool, task, attr, &iterator);
    if (status)
        return status;
    iterator->is_window = true;
    iterator->window.generator = generator;
    iterator->window.arg = arg;
    return hand_out_iterator(iterator, crewi_window_begin(iterator, workers), handle);
}
