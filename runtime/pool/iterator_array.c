/* SPDX-License-Identifier: BSD-3-Clause */
/* The items of an array: one map, of which the home tells what is done as it comes. */
#include "base/clock.h"
#include "pool/iterator.h"
#include "pool/map_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

crew_status crewi_array_begin(struct crewi_iterator *iterator, const void *items, size_t count)
{
    struct crewi_array_items *array = &iterator->array;
    const crew_map_attr attr = crewi_iterator_map_attr(&iterator->attr);
    const crew_task *task = &iterator->task;
    array->count = count;
    crew_status status =
        crewi_map_check_sizes("crew_pool_imap", task->item_size, task->result_size, count);
    if (status)
        return status;
    array->results = calloc(count * task->result_size + 1, 1);
    array->states = calloc(count + 1, sizeof *array->states);
    if (!array->results || !array->states)
        return crewi_error_memory();
    const struct crewi_map_call call = {.name = "crew_pool_imap",
                                        .pool = iterator->pool,
                                        .function = (crewi_function *)task->function,
                                        .task = task->name,
                                        .item_size = task->item_size,
                                        .result_size = task->result_size,
                                        .items = items,
                                        .results = array->results,
                                        .count = count,
                                        .attr = &attr,
                                        .parts = true};
    return crewi_map_begin(&call, &array->result);
}

/* What is told */

/* Why an item failed, for who reads it. Without memory only its status is said. */
static void keep_reason(struct crewi_iterator *iterator, const crew_task_error *error)
{
    char text[CREWI_ERROR_SIZE];
    snprintf(text, sizeof text, "%.300s (%.63s on rank %d, %.63s)", error->message, error->worker,
             error->rank, error->host);
    char *copy = strdup(text);
    if (copy && crewi_table_add(&iterator->array.reasons, error->index + 1, copy))
        free(copy);
}

static crew_status add_done(struct crewi_array_items *array, const struct crewi_pool_part *part)
{
    if (array->done_first == array->done_count)
        array->done_first = array->done_count = 0;
    if (array->done_count == array->done_room) {
        size_t room = array->done_room ? 2 * array->done_room : 64;
        struct crewi_pool_part *grown = realloc(array->done, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        array->done = grown;
        array->done_room = room;
    }
    array->done[array->done_count++] = *part;
    return CREW_OK;
}

/* Of a part that is told; its results follow at @p at unless they are there already. */
static crew_status take_part(struct crewi_iterator *iterator, const struct crewi_pool_part *part,
                             const unsigned char **at, const unsigned char *end)
{
    struct crewi_array_items *array = &iterator->array;
    size_t size = iterator->task.result_size, bytes = part->status ? 0 : part->count * size;
    if (part->begin > array->count || part->count > array->count - part->begin)
        return crewi_error(CREW_EPROTO, "result.parts: tasks %llu to %llu of %zu",
                           (unsigned long long)part->begin,
                           (unsigned long long)(part->begin + part->count), array->count);
    if (crewi_client_current()->remote && bytes) {
        if (bytes > (size_t)(end - *at))
            return crewi_error(CREW_EPROTO, "result.parts: %zu bytes of results, %zu are there",
                               bytes, (size_t)(end - *at));
        memcpy(array->results + part->begin * size, *at, bytes);
        *at += bytes;
    }
    for (uint64_t i = 0; i < part->count; i++)
        array->states[part->begin + i] = part->status ? part->status : CREWI_ITEM_GOOD;
    return iterator->attr.unordered ? add_done(array, part) : CREW_OK;
}

static crew_status take_told(struct crewi_iterator *iterator, const struct crewi_frame *reply)
{
    struct crewi_pool_told told;
    struct crewi_pool_part part;
    crew_task_error error;
    memcpy(&told, reply->payload, sizeof told);
    uint64_t heads = told.parts * sizeof part + told.errors * sizeof error;
    if (sizeof told + heads > reply->header.size)
        return crewi_error(CREW_EPROTO, "result.parts: a reply of %llu bytes",
                           (unsigned long long)reply->header.size);
    const unsigned char *list = reply->payload + sizeof told,
                        *errors = list + told.parts * sizeof part, *at = list + heads,
                        *end = reply->payload + reply->header.size;
    crew_status status = CREW_OK;
    for (uint64_t i = 0; i < told.errors; i++) {
        memcpy(&error, errors + i * sizeof error, sizeof error);
        keep_reason(iterator, &error);
    }
    for (uint64_t i = 0; i < told.parts && !status; i++) {
        memcpy(&part, list + i * sizeof part, sizeof part);
        status = take_part(iterator, &part, &at, end);
    }
    return status;
}

/* Waits until more is done. */
static crew_status await_parts(struct crewi_iterator *iterator, int64_t timeout_ns)
{
    struct crewi_frame *reply;
    struct crewi_call call = {.kind = CREWI_KIND_RESULT,
                              .op = CREWI_RESULT_PARTS,
                              .object = iterator->array.result.id,
                              .timeout_ns = timeout_ns};
    crew_status status = crewi_call(&call, &reply);
    if (status)
        return status;
    status = reply->header.size >= sizeof(struct crewi_pool_told)
                 ? take_told(iterator, reply)
                 : crewi_error(CREW_ETIMEDOUT, "the next result is not done");
    crewi_frame_destroy(reply);
    return status;
}

/* Reading */

/* The next item to be read, if it is done. */
static bool find_item(const struct crewi_iterator *iterator, size_t *item)
{
    const struct crewi_array_items *array = &iterator->array;
    if (iterator->attr.unordered) {
        if (array->done_first == array->done_count)
            return false;
        *item = array->done[array->done_first].begin;
        return true;
    }
    *item = array->read;
    return array->states[array->read] != 0;
}

static void count_read(struct crewi_iterator *iterator)
{
    struct crewi_array_items *array = &iterator->array;
    array->read++;
    if (!iterator->attr.unordered)
        return;
    struct crewi_pool_part *part = &array->done[array->done_first];
    part->begin++;
    if (!--part->count)
        array->done_first++;
}

static crew_status word_failure(struct crewi_iterator *iterator, size_t item)
{
    crew_status status = (crew_status)iterator->array.states[item];
    char *reason = crewi_table_take(&iterator->array.reasons, item + 1);
    status = crewi_error(status, "task %zu of %s: %s", item,
                         iterator->task.name ? iterator->task.name : "a task",
                         reason ? reason : crew_status_message(status));
    free(reason);
    return status;
}

crew_status crewi_array_next(struct crewi_iterator *iterator, void *result, size_t *index,
                             int64_t timeout_ns)
{
    struct crewi_array_items *array = &iterator->array;
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), timeout_ns);
    size_t item, size = iterator->task.result_size;
    if (array->read == array->count)
        return crewi_error(CREW_EOF, "all %zu results have been returned", array->count);
    while (!find_item(iterator, &item)) {
        int64_t left_ns = deadline_ns == CREWI_FOREVER ? deadline_ns : deadline_ns - crewi_now_ns();
        crew_status status = await_parts(iterator, left_ns > 0 ? left_ns : 0);
        if (status)
            return status;
    }
    count_read(iterator);
    if (index)
        *index = item;
    if (array->states[item] != CREWI_ITEM_GOOD)
        return word_failure(iterator, item);
    if (result && size)
        memcpy(result, array->results + item * size, size);
    return CREW_OK;
}

/* The end */

void crewi_array_cancel(struct crewi_iterator *iterator)
{
    if (iterator->array.result.id)
        crew_result_cancel(iterator->array.result, NULL);
}

void crewi_array_stop(struct crewi_iterator *iterator)
{
    crew_result result = iterator->array.result;
    if (!result.id)
        return;
    if (crew_result_cancel(result, NULL) == CREW_OK)
        crewi_result_await(result.id, CREWI_FOREVER);
    crew_result_close(result);
    iterator->array.result.id = 0;
}

void crewi_array_free(struct crewi_iterator *iterator)
{
    struct crewi_array_items *array = &iterator->array;
    size_t count = 0;
    uint64_t *ids = crewi_table_ids(&array->reasons, &count);
    for (size_t i = 0; ids && i < count; i++)
        free(crewi_table_take(&array->reasons, ids[i]));
    free(ids);
    crewi_table_fini(&array->reasons);
    free(array->done);
    free(array->states);
    free(array->results);
    *array = (struct crewi_array_items){0};
}
