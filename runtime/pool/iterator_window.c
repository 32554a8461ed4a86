/* SPDX-License-Identifier: BSD-3-Clause */
/* The items that a function makes, of which there may be no end: a window of small maps, of which
 * the first one, or the first one that is done, is read next. What a result costs does not depend
 * on the size of the window. */
#include "base/clock.h"
#include "pool/completions.h"
#include "pool/iterator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chunks under way for each worker, so that none waits for the way there and back; fewer where
 * items and results are large. */
#define CHUNKS_FOR_EACH 16
#define LARGE_CHUNKS_FOR_EACH 4
#define LARGE_BYTES ((size_t)1 << 20)

/* Slots */

/* The memory stays for the next chunk. */
static void free_slot(struct crewi_window *window, struct crewi_slot *slot)
{
    free(slot->errors);
    *slot = (struct crewi_slot){
        .items = slot->items, .results = slot->results, .statuses = slot->statuses};
    window->free[window->free_count++] = (size_t)(slot - window->slots);
}

static bool give_memory(const struct crewi_iterator *iterator, struct crewi_slot *slot)
{
    size_t chunk = (size_t)iterator->attr.chunk, item_bytes = chunk * iterator->task.item_size;
    if (!slot->items)
        slot->items = malloc(item_bytes);
    if (!slot->results)
        slot->results = malloc(chunk * iterator->task.result_size + 1);
    if (!slot->statuses)
        slot->statuses = malloc(chunk * sizeof *slot->statuses);
    if (!slot->items || !slot->results || !slot->statuses)
        return false;
    memset(slot->items, 0, item_bytes);
    return true;
}

/* Fills a slot with items as far as there are any. */
static void fill_slot(struct crewi_iterator *iterator, struct crewi_slot *slot)
{
    struct crewi_window *window = &iterator->window;
    slot->begin = window->made;
    while (slot->count < (uint64_t)iterator->attr.chunk && !window->source) {
        crewi_error_clear();
        window->source =
            window->generator(window->arg, slot->items + slot->count * iterator->task.item_size);
        if (window->source) {
            snprintf(window->reason, sizeof window->reason, "item %llu: %s",
                     (unsigned long long)window->made,
                     *crew_error_message() ? crew_error_message()
                                           : crew_status_message(window->source));
            break;
        }
        slot->count++;
        window->made++;
    }
}

static void push_slot(struct crewi_window *window, const struct crewi_slot *slot)
{
    window->queue[(window->queue_first + window->queue_count++) % window->slot_count] =
        (size_t)(slot - window->slots);
}

/* Makes a chunk and hands it out. */
static crew_status begin_chunk(struct crewi_iterator *iterator, struct crewi_slot *slot)
{
    struct crewi_window *window = &iterator->window;
    crew_status status = give_memory(iterator, slot) ? CREW_OK : crewi_error_memory();
    if (!status)
        fill_slot(iterator, slot);
    if (status || !slot->count) {
        free_slot(window, slot);
        return status;
    }
    crew_map_attr attr = crewi_iterator_map_attr(&iterator->attr);
    attr.statuses = slot->statuses;
    status = crew_pool_map_async(iterator->pool, &slot->result, iterator->task, slot->items,
                                 slot->results, slot->count, &attr);
    if (!status)
        status = crewi_result_use("crew_iterator_next", slot->result, &slot->record);
    if (status) {
        /* The items are lost: nothing can come after this. */
        window->source = status;
        snprintf(window->reason, sizeof window->reason, "%s", crew_error_message());
        free_slot(window, slot);
        return CREW_OK;
    }
    if (!iterator->attr.unordered)
        push_slot(window, slot);
    return CREW_OK;
}

static crew_status fill_window(struct crewi_iterator *iterator)
{
    struct crewi_window *window = &iterator->window;
    crew_status status = CREW_OK;
    while (window->free_count && !window->source && !status)
        status = begin_chunk(iterator, &window->slots[window->free[--window->free_count]]);
    return status;
}

/* Choosing the slot to read from */

static uint64_t order_of(const struct crewi_slot *slot)
{
    return atomic_load_explicit(&slot->record->order, memory_order_acquire);
}

static bool is_under_way(const struct crewi_slot *slot)
{
    return slot->result.id && !slot->is_done;
}

/* Puts all that are known to be done into the queue, which is empty, in that order. */
static void queue_done_slots(struct crewi_window *window)
{
    for (size_t i = 0; i < window->slot_count; i++) {
        const struct crewi_slot *slot = &window->slots[i];
        if (!is_under_way(slot) || !order_of(slot))
            continue;
        size_t at = window->queue_count;
        push_slot(window, slot);
        size_t *queue = window->queue;
        for (; at > 0 && order_of(&window->slots[queue[at - 1]]) > order_of(slot); at--)
            queue[at] = queue[at - 1];
        queue[at] = i;
    }
}

/* Unordered: waits until some are done. All are looked at once for each time that something had to
 * be waited for. */
static crew_status await_any(struct crewi_iterator *iterator, int64_t timeout_ns)
{
    struct crewi_window *window = &iterator->window;
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), timeout_ns);
    bool is_late = false;
    window->queue_first = 0;
    for (;;) {
        queue_done_slots(window);
        if (window->queue_count)
            return CREW_OK;
        if (is_late)
            return crewi_error(CREW_ETIMEDOUT, "none of the results is done in time");
        int64_t left_ns = deadline_ns == CREWI_FOREVER ? deadline_ns : deadline_ns - crewi_now_ns();
        is_late = left_ns <= 0;
        crew_status status = crewi_completions_await(&iterator->pool.id, 1, is_late ? 0 : left_ns);
        if (status)
            return status;
    }
}

/* The chunk is there. Its own status is that of the first task that failed, or says that there are
 * no results: then it stands for each task. */
static crew_status finish_slot(struct crewi_slot *slot)
{
    size_t count = 0;
    crew_status outcome;
    crew_status status = crewi_result_finish("crew_iterator_next", slot->result, &outcome);
    slot->is_given_back = !status && !outcome;
    if (!status && outcome)
        status = crewi_result_read_errors(slot->result.id, NULL, 0, &count);
    if (status)
        return status;
    if (outcome && count) {
        slot->errors = calloc(count, sizeof *slot->errors);
        if (!slot->errors)
            return crewi_error_memory();
        status = crewi_result_read_errors(slot->result.id, slot->errors, count, &count);
        slot->error_count = status ? 0 : count;
    }
    slot->is_done = true;
    return CREW_OK;
}

/* The first slot of the queue, whose results are there. */
static crew_status find_slot(struct crewi_iterator *iterator, int64_t timeout_ns,
                             struct crewi_slot **found)
{
    struct crewi_window *window = &iterator->window;
    crew_status status = CREW_OK;
    if (iterator->attr.unordered && !window->queue_count)
        status = await_any(iterator, timeout_ns);
    if (status)
        return status;
    struct crewi_slot *slot = &window->slots[window->queue[window->queue_first]];
    if (!slot->is_done && !order_of(slot))
        status = crewi_result_await(slot->result.id, timeout_ns);
    if (!status && !slot->is_done)
        status = finish_slot(slot);
    *found = slot;
    return status;
}

/* Reading */

static crew_status word_failure(const struct crewi_iterator *iterator,
                                const struct crewi_slot *slot, uint64_t at)
{
    const char *task = iterator->task.name ? iterator->task.name : "a task";
    for (size_t i = 0; i < slot->error_count; i++) {
        const crew_task_error *error = &slot->errors[i];
        if (error->index == at)
            return crewi_error(slot->statuses[at], "task %llu of %s: %s (%s on rank %d, %s)",
                               (unsigned long long)(slot->begin + at), task, error->message,
                               error->worker, error->rank, error->host);
    }
    return crewi_error(slot->statuses[at], "task %llu of %s: %s",
                       (unsigned long long)(slot->begin + at), task,
                       crew_status_message(slot->statuses[at]));
}

static crew_status read_slot(struct crewi_iterator *iterator, struct crewi_slot *slot, void *result,
                             size_t *index)
{
    struct crewi_window *window = &iterator->window;
    uint64_t at = slot->read++, size = iterator->task.result_size;
    crew_status status = slot->statuses[at];
    if (index)
        *index = slot->begin + at;
    if (status)
        status = word_failure(iterator, slot, at);
    else if (result && size)
        memcpy(result, slot->results + at * size, size);
    if (slot->read < slot->count)
        return status;
    if (!slot->is_given_back)
        crew_result_close(slot->result);
    window->queue_first = (window->queue_first + 1) % window->slot_count;
    window->queue_count--;
    free_slot(window, slot);
    return status;
}

/* There are no chunks any more: how the items ended. */
static crew_status tell_end(struct crewi_window *window)
{
    if (window->source != CREW_EOF && !window->is_source_told) {
        window->is_source_told = true;
        return crewi_error(window->source, "%s", window->reason);
    }
    return crewi_error(CREW_EOF, "all %llu results have been returned",
                       (unsigned long long)window->made);
}

crew_status crewi_window_next(struct crewi_iterator *iterator, void *result, size_t *index,
                              int64_t timeout_ns, bool may_begin)
{
    struct crewi_window *window = &iterator->window;
    struct crewi_slot *slot = NULL;
    crew_status status = may_begin ? fill_window(iterator) : CREW_OK;
    if (status)
        return status;
    if (window->free_count == window->slot_count)
        return window->source ? tell_end(window)
                              : crewi_error(CREW_ETIMEDOUT, "the next item was not begun in time");
    status = find_slot(iterator, timeout_ns, &slot);
    return status ? status : read_slot(iterator, slot, result, index);
}

/* Begin and end */

crew_status crewi_window_begin(struct crewi_iterator *iterator, size_t workers)
{
    struct crewi_window *window = &iterator->window;
    size_t item = iterator->task.item_size, result = iterator->task.result_size;
    size_t limit = LARGE_BYTES / (item > result ? item : result);
    size_t count =
        workers * ((size_t)iterator->attr.chunk >= limit ? LARGE_CHUNKS_FOR_EACH : CHUNKS_FOR_EACH);
    window->slots = calloc(count, sizeof *window->slots);
    window->free = calloc(count, sizeof *window->free);
    window->queue = calloc(count, sizeof *window->queue);
    if (!window->slots || !window->free || !window->queue)
        return crewi_error_memory();
    window->slot_count = count;
    for (size_t i = 0; i < count; i++)
        window->free[window->free_count++] = count - 1 - i;
    return fill_window(iterator);
}

void crewi_window_cancel(struct crewi_iterator *iterator)
{
    const struct crewi_window *window = &iterator->window;
    for (size_t i = 0; i < window->slot_count; i++)
        if (window->slots[i].result.id && !window->slots[i].is_given_back)
            crew_result_cancel(window->slots[i].result, NULL);
}

/* What a worker has begun writes into memory of ours, if the caller is in the home rank. */
void crewi_window_stop(struct crewi_iterator *iterator)
{
    struct crewi_window *window = &iterator->window;
    crewi_window_cancel(iterator);
    for (size_t i = 0; i < window->slot_count; i++) {
        struct crewi_slot *slot = &window->slots[i];
        if (!slot->result.id || slot->is_given_back)
            continue;
        crewi_result_await(slot->result.id, CREWI_FOREVER);
        crew_result_close(slot->result);
        slot->is_given_back = true;
    }
}

void crewi_window_free(struct crewi_iterator *iterator)
{
    struct crewi_window *window = &iterator->window;
    for (size_t i = 0; i < window->slot_count; i++) {
        free(window->slots[i].items);
        free(window->slots[i].results);
        free(window->slots[i].statuses);
        free(window->slots[i].errors);
    }
    free(window->slots);
    free(window->free);
    free(window->queue);
    *window = (struct crewi_window){0};
}
