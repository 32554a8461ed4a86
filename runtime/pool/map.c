/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/pool.h> that run tasks. */
#include <crew/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/pointers.h"
#include "engine/client.h"
#include "pool/map_call.h"
#include "pool/map_journal.h"
#include "pool/map_progress.h"
#include "pool/pool_call.h"
#include "pool/pool_protocol.h"
#include "pool/result_call.h"
#include "pool/result_keeper.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a progress bar is drawn. */
#define PROGRESS_NS (100 * CREWI_MILLISECOND)

const crew_map_attr crewi_map_defaults;

static crew_status check_pointers(const struct crewi_map_call *call)
{
    const char *missing = !call->function               ? "task.function"
                          : call->count && !call->items ? "items"
                                                        : NULL;
    if (!missing && call->count && (call->varying || call->result_size) && !call->results)
        missing = "results";
    return missing ? crewi_error(CREW_EINVAL, "%s: %s is NULL", call->name, missing) : CREW_OK;
}

crew_status crewi_map_check_attr(const char *call, const crew_map_attr *attr)
{
    if (attr->schedule < CREW_SCHEDULE_GUIDED || attr->schedule > CREW_SCHEDULE_WEIGHTED)
        return crewi_error(CREW_EINVAL, "%s: %d is no schedule", call, (int)attr->schedule);
    if (attr->retries < 0 || attr->retries > CREW_RETRY_LIMIT)
        return crewi_error(CREW_EINVAL, "%s: %d retries: 0 to %d are possible", call, attr->retries,
                           CREW_RETRY_LIMIT);
    if (attr->retry_on > CREW_RETRY_ALL)
        return crewi_error(CREW_EINVAL, "%s: retry_on has bits that mean nothing: %#x", call,
                           attr->retry_on);
    if (isnan(attr->timeout_s) || attr->timeout_s < 0)
        return crewi_error(CREW_EINVAL, "%s: a time limit of %g seconds", call, attr->timeout_s);
    return CREW_OK;
}

crew_status crewi_map_check_sizes(const char *call, size_t item_size, size_t result_size,
                                  size_t count)
{
    size_t largest = item_size > result_size ? item_size : result_size;
    if (!item_size)
        return crewi_error(CREW_EINVAL, "%s: items of size 0", call);
    if (largest > CREWI_FRAME_LIMIT / 2)
        return crewi_error(CREW_EINVAL, "%s: an item or result of %zu bytes, more than 1 GiB", call,
                           largest);
    if (count > (SIZE_MAX >> 2) / (largest + sizeof(crew_status)))
        return crewi_error(CREW_EINVAL, "%s: %zu items of %zu bytes are more than memory", call,
                           count, largest);
    return CREW_OK;
}

static crew_status check(const struct crewi_map_call *call)
{
    if (!crewi_client_current())
        return crewi_client_missing(call->name);
    if (!call->pool.id)
        return crewi_error(CREW_EINVAL, "%s: the pool handle is empty", call->name);
    crew_status status = check_pointers(call);
    if (!status)
        status = call->varying ? crewi_map_check_bytes(call)
                               : crewi_map_check_sizes(call->name, call->item_size,
                                                       call->result_size, call->count);
    if (!status)
        status = crewi_map_check_attr(call->name, call->attr);
    if (!status && !call->varying)
        status =
            crewi_check_pointers(call->name, "item", call->items, call->count, call->item_size);
    return status;
}

static crew_status describe(const struct crewi_map_call *call,
                            struct crewi_pool_submission *submission)
{
    const crew_map_attr *attr = call->attr;
    *submission = (struct crewi_pool_submission){
        .count = call->count,
        .item_size = call->item_size,
        .result_size = call->result_size,
        .varying = call->varying,
        .parts = call->parts,
        .chunk = attr->chunk,
        .items = (uint64_t)(uintptr_t)call->items,
        .results = (uint64_t)(uintptr_t)call->results,
        .statuses = (uint64_t)(uintptr_t)attr->statuses,
        .shared = !crewi_client_current()->remote,
        .wants_statuses = attr->statuses != NULL,
        .schedule = (uint8_t)attr->schedule,
        .retries = (uint8_t)attr->retries,
        .retry_on = (uint8_t)attr->retry_on,
        .priority = attr->priority,
        .no_stealing = attr->no_stealing,
        .keep_failed = attr->keep_failed,
        .timeout_ns = attr->timeout_s > 0 ? crewi_timeout_ns(attr->timeout_s) : 0,
        .notify = call->count && (attr->callback || attr->error_callback),
    };
    const char *name = call->task ? call->task : "a task";
    size_t length = strnlen(name, sizeof submission->task - 1);
    memcpy(submission->task, name, length);
    return crewi_funcref_make(&submission->function, call->function);
}

/* A caller in the home rank shares its arrays with the home; a child sends the items, and gets the
 * results with the outcome. The head is the submission, and ranges if it is partial. */
static crew_status send_head(const struct crewi_map_call *call, const void *head, size_t head_size,
                             uint64_t item_bytes, uint64_t *map)
{
    struct crewi_call request = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_SUBMIT,
        .object = call->pool.id,
        .head = head,
        .head_size = head_size,
        .body = call->items,
        .body_size = item_bytes,
    };
    return crewi_call_fixed(&request, map, sizeof *map);
}

/* Many bytes go as a parcel, where that can be. The head is the submission, and ranges if it is
 * partial. */
static crew_status submit_head(const struct crewi_map_call *call,
                               struct crewi_pool_submission *head, size_t head_size, uint64_t *map)
{
    uint64_t bytes = head->shared ? 0 : head->count * head->item_size;
    if (bytes >= CREWI_POOL_LOAN_MIN && !crewi_parcel_create(&head->parcel, call->items, bytes)) {
        crew_status status = send_head(call, head, head_size, 0, map);
        crewi_parcel_close(&head->parcel); /* the home has it by now */
        if (status != CREW_ENOTSUP)
            return status;
    }
    return send_head(call, head, head_size, bytes, map);
}

/* The ranges are those of a partial one; NULL: there are none. */
static crew_status submit(const struct crewi_map_call *call,
                          const struct crewi_pool_submission *submission,
                          const struct crewi_range *ranges, uint64_t *map)
{
    struct crewi_pool_submission plain = *submission;
    if (submission->varying && !submission->shared)
        return crewi_map_send_bytes(call, submission, map);
    if (!ranges)
        return submit_head(call, &plain, sizeof plain, map);
    size_t range_bytes = submission->range_count * sizeof *ranges;
    struct crewi_pool_submission *head = malloc(sizeof *head + range_bytes);
    if (!head)
        return crewi_error_memory();
    *head = *submission;
    if (range_bytes)
        memcpy(head + 1, ranges, range_bytes);
    crew_status status = submit_head(call, head, sizeof *head + range_bytes, map);
    free(head);
    return status;
}

static crew_status ask_progress(uint64_t map, struct crewi_pool_progress *progress)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_RESULT, .op = CREWI_RESULT_PROGRESS, .object = map};
    return crewi_call_fixed(&call, progress, sizeof *progress);
}

static bool shows_progress(const crew_map_attr *attr)
{
    return attr->progress || attr->on_progress;
}

/* A moment's wait. ::CREW_ETIMEDOUT: there is more to come. */
static crew_status wait_a_little(struct crewi_map_journal *keeper, uint64_t map)
{
    return keeper ? crewi_map_journal_wait(keeper, map) : crewi_result_await(map, PROGRESS_NS);
}

/* With a progress bar, or somebody to be told, it is looked at now and then. */
static crew_status wait_and_show(const struct crewi_map_call *call,
                                 struct crewi_map_journal *keeper, uint64_t map)
{
    const crew_map_attr *attr = call->attr;
    crew_status waited;
    struct crewi_pool_progress progress;
    do {
        waited = wait_a_little(keeper, map);
        crew_status status =
            !waited || waited == CREW_ETIMEDOUT ? ask_progress(map, &progress) : waited;
        if (status)
            return status;
        if (call->progress)
            crewi_map_progress_draw(call->progress, &progress);
        if (attr->on_progress)
            attr->on_progress(progress.done, progress.failed, progress.count, attr->progress_arg);
    } while (waited || !progress.over);
    if (call->progress)
        crewi_map_progress_conclude(call->progress);
    return CREW_OK;
}

static crew_status wait_until_over(const struct crewi_map_call *call,
                                   struct crewi_map_journal *keeper, uint64_t map)
{
    crew_status status;
    if (shows_progress(call->attr))
        return wait_and_show(call, keeper, map);
    if (!keeper)
        return crewi_result_await(map, CREWI_FOREVER);
    do
        status = crewi_map_journal_wait(keeper, map);
    while (status == CREW_ETIMEDOUT);
    return status;
}

/* Takes what came of it, of which the home keeps nothing. */
static crew_status take(const struct crewi_map_call *call,
                        const struct crewi_pool_submission *submission, uint64_t map)
{
    char reason[CREWI_ERROR_SIZE];
    crew_status outcome;
    struct crewi_result_record where = {.count = submission->count,
                                        .result_size = submission->result_size,
                                        .shared = submission->shared,
                                        .varying = submission->varying,
                                        .results = call->results,
                                        .statuses = call->attr->statuses};
    crew_status status = crewi_result_take(map, &where, CREWI_TAKE_AND_CLOSE, &outcome, reason);
    return status || !outcome ? status : crewi_error(outcome, "%s", reason);
}

/* Before the outcome is taken, for then the home forgets them. */
static crew_status read_errors(const struct crewi_map_call *call, uint64_t map)
{
    const crew_map_attr *attr = call->attr;
    return attr->error_count
               ? crewi_result_find_errors(map, attr->errors, attr->error_room, attr->error_count)
               : CREW_OK;
}

/* The outcome of the tasks comes first; what could not be written is the next thing to know. */
static crew_status run_with_journal(const struct crewi_map_call *call,
                                    struct crewi_pool_submission *submission,
                                    struct crewi_map_journal *keeper)
{
    uint64_t map = 0;
    crew_status status = crewi_map_journal_begin(keeper, call->attr->journal, submission,
                                                 call->items, call->results);
    if (!status)
        status = submit(call, submission, keeper->missing, &map);
    if (!status)
        status = wait_until_over(call, keeper, map);
    if (status)
        return status;
    crewi_map_journal_note_failures(keeper, map);
    crew_status read = read_errors(call, map);
    crew_status outcome = take(call, submission, map);
    char reason[CREWI_ERROR_SIZE];
    snprintf(reason, sizeof reason, "%s", crew_error_message());
    status = crewi_map_journal_finish(keeper, call->results, call->attr->statuses);
    return outcome ? crewi_error(outcome, "%s", reason) : status ? status : read;
}

static crew_status map_with_journal(const struct crewi_map_call *call,
                                    struct crewi_pool_submission *submission)
{
    struct crewi_map_journal keeper = {0};
    crew_status status;
    pthread_cleanup_push(crewi_map_journal_abandon, &keeper);
    status = run_with_journal(call, submission, &keeper);
    pthread_cleanup_pop(1);
    return status;
}

static crew_status map_plainly(const struct crewi_map_call *call,
                               struct crewi_pool_submission *submission)
{
    uint64_t map = 0;
    crew_status status = submit(call, submission, NULL, &map);
    if (!status)
        status = wait_until_over(call, NULL, map);
    if (status)
        return status;
    crew_status read = read_errors(call, map);
    status = take(call, submission, map);
    return status ? status : read;
}

static crew_status map_as_asked(const struct crewi_map_call *call,
                                struct crewi_pool_submission *submission)
{
    return call->attr->journal ? map_with_journal(call, submission) : map_plainly(call, submission);
}

static crew_status map_with_progress(const struct crewi_map_call *call,
                                     struct crewi_pool_submission *submission)
{
    struct crewi_map_call shown = *call;
    struct crewi_map_progress progress;
    crew_status status = crewi_map_progress_begin(&progress, call->pool);
    if (status)
        return status;
    shown.progress = &progress;
    pthread_cleanup_push(crewi_map_progress_end, &progress);
    status = map_as_asked(&shown, submission);
    pthread_cleanup_pop(1);
    return status;
}

/* None have failed so far. */
static crew_status check_errors(const struct crewi_map_call *call)
{
    const crew_map_attr *attr = call->attr;
    if (attr->error_room && !attr->errors)
        return crewi_error(CREW_EINVAL, "%s: errors is NULL, with room for %zu", call->name,
                           attr->error_room);
    if (attr->errors && !attr->error_count)
        return crewi_error(CREW_EINVAL, "%s: errors, but error_count is NULL", call->name);
    if (attr->error_count)
        *attr->error_count = 0;
    return CREW_OK;
}

crew_status crewi_map_run(const struct crewi_map_call *call)
{
    struct crewi_pool_submission submission = {0};
    crew_status status = check(call);
    if (!status && (call->attr->callback || call->attr->error_callback))
        status =
            crewi_error(CREW_EINVAL, "%s: callbacks are for %s_async()", call->name, call->name);
    if (!status)
        status = check_errors(call);
    if (!status)
        status = describe(call, &submission);
    if (status)
        return status;
    return call->attr->progress ? map_with_progress(call, &submission)
                                : map_as_asked(call, &submission);
}

/* A task with items and results of one size each. */
static struct crewi_map_call call_of(const char *name, crew_pool pool, const crew_task *task,
                                     const crew_map_attr *attr)
{
    return (struct crewi_map_call){.name = name,
                                   .pool = pool,
                                   .function = (crewi_function *)task->function,
                                   .task = task->name,
                                   .item_size = task->item_size,
                                   .result_size = task->result_size,
                                   .attr = attr ? attr : &crewi_map_defaults};
}

crew_status crew_pool_map(crew_pool pool, crew_task task, const void *items, void *results,
                          size_t count, const crew_map_attr *attr)
{
    struct crewi_map_call call = call_of("crew_pool_map", pool, &task, attr);
    call.items = items;
    call.results = results;
    call.count = count;
    return crewi_map_run(&call);
}

crew_status crew_pool_apply(crew_pool pool, crew_task task, const void *item, void *result)
{
    return crew_pool_map(pool, task, item, result, 1, NULL);
}

/* Nobody can ask for it: it ends as soon as it can, and what is written until then has its place.
 */
static crew_status take_back(uint64_t map)
{
    crewi_result_ask(map, CREWI_RESULT_CANCEL, NULL, 0, NULL);
    crewi_result_ask(map, CREWI_RESULT_KEPT, NULL, 0, NULL);
    crewi_result_await(map, CREWI_FOREVER);
    crewi_result_ask(map, CREWI_RESULT_CLOSE, NULL, 0, NULL);
    crewi_callbacks_lock();
    crewi_result_drop_record(map);
    crewi_callbacks_unlock();
    return crewi_error_memory();
}

/* The thread that calls back must not look for what is not remembered yet. */
static crew_status begin(const struct crewi_map_call *call,
                         const struct crewi_pool_submission *submission,
                         const struct crewi_range *ranges, uint64_t *map)
{
    crew_status status = submission->notify ? crewi_callbacks_begin(call->pool) : CREW_OK;
    if (status)
        return status;
    crewi_callbacks_lock();
    status = submit(call, submission, ranges, map);
    bool submitted = !status;
    if (!status)
        status = crewi_result_remember(*map, call->pool, submission, call->results, call->attr);
    crewi_callbacks_unlock();
    if (status && submitted)
        status = take_back(*map);
    return status;
}

/* Nothing is submitted before the journal is open and there is a thread that keeps it. */
static crew_status begin_kept(const struct crewi_map_call *call,
                              struct crewi_pool_submission *submission, uint64_t *map)
{
    struct crewi_map_journal journal = {0};
    struct crewi_result_keeper *keeper;
    const struct crewi_client *client = crewi_client_current();
    if (crewi_client_is_inside(client))
        return crewi_error(
            CREW_ENOTSUP,
            "%s: %s runs inside its rank and is one thread of it: who would keep the "
            "journal?",
            call->name, client->identity.name);
    crew_status status = crewi_map_journal_begin(&journal, call->attr->journal, submission,
                                                 call->items, call->results);
    if (status)
        return status;
    submission->kept = 1;
    status = crewi_keeper_begin(&keeper, call->pool, &journal);
    if (status) {
        crewi_map_journal_abandon(&journal);
        return status;
    }
    status = begin(call, submission, journal.missing, map);
    crewi_keeper_go(keeper, status ? 0 : *map);
    return status;
}

crew_status crewi_map_begin(const struct crewi_map_call *call, crew_result *result)
{
    struct crewi_pool_submission submission = {0};
    crew_status status = check(call);
    if (!status && !result)
        status = crewi_error(CREW_EINVAL, "%s: result is NULL", call->name);
    if (!status && shows_progress(call->attr))
        status = crewi_error(CREW_EINVAL, "%s: nobody would show the progress", call->name);
    if (!status && (call->attr->errors || call->attr->error_count))
        status = crewi_error(CREW_EINVAL, "%s: its errors are to be had from crew_result_errors()",
                             call->name);
    if (!status)
        status = describe(call, &submission);
    uint64_t map = 0;
    if (!status)
        status = call->attr->journal ? begin_kept(call, &submission, &map)
                                     : begin(call, &submission, NULL, &map);
    if (!status)
        result->id = map;
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): as many parameters as MPI's calls of this sort */
crew_status crew_pool_map_async(crew_pool pool, crew_result *result, crew_task task,
                                const void *items, void *results, size_t count,
                                const crew_map_attr *attr)
{
    struct crewi_map_call call = call_of("crew_pool_map_async", pool, &task, attr);
    call.items = items;
    call.results = results;
    call.count = count;
    return crewi_map_begin(&call, result);
}

crew_status crew_pool_apply_async(crew_pool pool, crew_result *result, crew_task task,
                                  const void *item, void *result_room, const crew_map_attr *attr)
{
    struct crewi_map_call call = call_of("crew_pool_apply_async", pool, &task, attr);
    call.items = item;
    call.results = result_room;
    call.count = 1;
    return crewi_map_begin(&call, result);
}
