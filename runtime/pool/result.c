/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/result.h> about one result. */
#include "base/clock.h"
#include "pool/completions.h"
#include "pool/crash_source.h"

#include <stdlib.h>
#include <string.h>

/* Asking the home */

static struct crewi_call call_for(uint64_t id, uint8_t op, const void *data, size_t size)
{
    return (struct crewi_call){
        .kind = CREWI_KIND_RESULT, .op = op, .object = id, .head = data, .head_size = size};
}

crew_status crewi_result_ask(uint64_t id, enum crewi_result_op op, const void *data, size_t size,
                             struct crewi_frame **reply)
{
    struct crewi_call call = call_for(id, (uint8_t)op, data, size);
    return crewi_call(&call, reply);
}

crew_status crewi_result_await(uint64_t id, int64_t timeout_ns)
{
    struct crewi_call call = call_for(id, CREWI_OP_WAIT, NULL, 0);
    struct crewi_frame *reply;
    call.timeout_ns = timeout_ns;
    crew_status status = crewi_call(&call, &reply);
    if (status)
        return status;
    bool over = reply->header.size > 0;
    crewi_frame_destroy(reply);
    return over ? CREW_OK : crewi_error(CREW_ETIMEDOUT, "the result is not done");
}

/* What comes with the outcome of a map whose memory is not the caller's. */
static void copy_results(const struct crewi_result_record *where, const unsigned char *at,
                         size_t size)
{
    size_t status_bytes = where->statuses ? where->count * sizeof *where->statuses : 0;
    size_t result_bytes = where->count * where->result_size;
    if (where->shared || size != status_bytes + result_bytes)
        return;
    if (status_bytes)
        memcpy(where->statuses, at, status_bytes);
    if (result_bytes)
        memcpy(where->results, at + status_bytes, result_bytes);
}

/* Takes it once; *lent are bytes that were lent, and are to be read and taken then. */
static crew_status take_once(uint64_t id, const struct crewi_result_record *where, unsigned flags,
                             struct crewi_pool_outcome *outcome, char reason[CREWI_ERROR_SIZE],
                             struct crewi_loan *loan)
{
    struct crewi_frame *reply;
    unsigned char byte = (unsigned char)flags;
    crew_status status = crewi_result_ask(id, CREWI_RESULT_TAKE, &byte, 1, &reply);
    if (status)
        return status;
    memcpy(outcome, reply->payload, sizeof *outcome);
    const unsigned char *at = reply->payload + sizeof *outcome;
    size_t length =
        outcome->reason_size < CREWI_ERROR_SIZE ? outcome->reason_size : CREWI_ERROR_SIZE - 1;
    memcpy(reason, at, length);
    reason[length] = '\0';
    at += outcome->reason_size;
    if (outcome->lent)
        memcpy(loan, at, sizeof *loan);
    else
        copy_results(where, at, reply->header.size - sizeof *outcome - outcome->reason_size);
    crewi_frame_destroy(reply);
    return CREW_OK;
}

/* Statuses and results, straight from the home's memory. */
static crew_status read_results(const struct crewi_result_record *where,
                                const struct crewi_loan *loan)
{
    size_t status_bytes = where->statuses ? where->count * sizeof *where->statuses : 0;
    size_t result_bytes = where->count * where->result_size;
    crew_status status = CREW_OK;
    if (status_bytes)
        status = crewi_loan_read(loan, 0, where->statuses, status_bytes);
    if (!status && result_bytes)
        status = crewi_loan_read(loan, status_bytes, where->results, result_bytes);
    return status ? status : crewi_loan_check(loan);
}

crew_status crewi_result_take(uint64_t id, const struct crewi_result_record *where, unsigned close,
                              crew_status *outcome, char reason[CREWI_ERROR_SIZE])
{
    struct crewi_pool_outcome head;
    struct crewi_loan loan;
    unsigned flags = where->varying ? 0 : close;
    crew_status status = take_once(id, where, flags | CREWI_TAKE_LOAN, &head, reason, &loan);
    if (!status && head.lent) {
        flags |= read_results(where, &loan) ? 0 : CREWI_TAKE_READ;
        status = take_once(id, where, flags, &head, reason, &loan);
    }
    if (status)
        return status;
    *outcome = (crew_status)head.status;
    if (!where->varying)
        return CREW_OK;
    status = crewi_result_fetch_bytes(id, where);
    if (close & CREWI_TAKE_AND_CLOSE || (close & CREWI_TAKE_AND_CLOSE_GOOD && !*outcome))
        crewi_result_ask(id, CREWI_RESULT_CLOSE, NULL, 0, NULL);
    return status;
}

/* Records */

static void end_record(struct crewi_cached *cached)
{
    struct crewi_result_record *record = (struct crewi_result_record *)cached;
    struct crewi_result_callback *callback;
    pthread_mutex_lock(&record->mutex);
    while ((callback = record->callbacks)) {
        record->callbacks = callback->next;
        free(callback);
    }
    record->awaits_callbacks = false; /* a thread that waits for them would wait for ever */
    pthread_cond_broadcast(&record->changed);
    while (record->waiters) /* they have been woken, and still need the mutex */
        pthread_cond_wait(&record->changed, &record->mutex);
    pthread_mutex_unlock(&record->mutex);
    pthread_cond_destroy(&record->changed);
    pthread_mutex_destroy(&record->mutex);
}

static crew_status add_callback(struct crewi_result_record *record,
                                const struct crewi_result_callback *wanted)
{
    struct crewi_result_callback **link = &record->callbacks;
    struct crewi_result_callback *callback = malloc(sizeof *callback);
    if (!callback)
        return crewi_error_memory();
    *callback = *wanted;
    callback->next = NULL;
    while (*link)
        link = &(*link)->next;
    *link = callback;
    return CREW_OK;
}

static crew_status add_callbacks_of(struct crewi_result_record *record, const crew_map_attr *attr)
{
    struct crewi_result_callback wanted[] = {
        {.function = attr->callback, .arg = attr->callback_arg, .when = CREWI_ON_SUCCESS},
        {.function = attr->error_callback, .arg = attr->callback_arg, .when = CREWI_ON_ERROR},
    };
    crew_status status = CREW_OK;
    for (size_t i = 0; i < 2 && !status; i++)
        if (wanted[i].function)
            status = add_callback(record, &wanted[i]);
    return status;
}

crew_status crewi_result_remember(uint64_t id, crew_pool pool,
                                  const struct crewi_pool_submission *submission, void *results,
                                  const crew_map_attr *attr)
{
    struct crewi_cache *cache = &crewi_client_current()->cache;
    struct crewi_result_record *record =
        (struct crewi_result_record *)crewi_cache_new(cache, sizeof *record);
    if (!record)
        return crewi_error_memory();
    record->cached.end = end_record;
    record->pool = pool.id;
    record->count = submission->count;
    record->result_size = submission->result_size;
    record->shared = submission->shared;
    record->varying = submission->varying;
    record->results = results;
    record->statuses = attr->statuses;
    record->awaits_callbacks = submission->notify;
    record->is_kept = submission->kept;
    pthread_mutex_init(&record->mutex, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&record->changed, &clock);
    pthread_condattr_destroy(&clock);
    crew_status status = add_callbacks_of(record, attr);
    if (!crewi_cache_add(cache, id, &record->cached))
        status = crewi_error_memory();
    return status;
}

crew_status crewi_result_use(const char *call, crew_result result,
                             struct crewi_result_record **record)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing(call);
    if (crewi_id_kind(result.id) != CREWI_KIND_RESULT)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", call,
                           result.id ? "no result" : "empty");
    *record = (struct crewi_result_record *)crewi_cache_find(&client->cache, result.id);
    if (*record && !(*record)->closed)
        return CREW_OK;
    return crewi_error(CREW_ENOENT, "%s: the result was closed, or it is not one of this process's",
                       call);
}

static crew_status check_id(const struct crewi_result_record *record, uint64_t id)
{
    return record->cached.id == id ? CREW_OK
                                   : crewi_error(CREW_ENOENT, "the result was closed meanwhile");
}

crew_status crewi_result_fetch(struct crewi_result_record *record, uint64_t id)
{
    crew_status status = check_id(record, id);
    if (status || record->taken)
        return status;
    status = crewi_result_take(id, record, 0, &record->status, record->reason);
    record->taken = !status;
    return status;
}

/* Waiting */

/* Until the callbacks have run. */
static crew_status await_callbacks(struct crewi_result_record *record, int64_t deadline_ns)
{
    struct timespec end = crewi_timespec(deadline_ns);
    int code = 0;
    pthread_mutex_lock(&record->mutex);
    record->waiters++;
    while (crewi_result_awaits_callbacks(record) && code != ETIMEDOUT)
        code = deadline_ns == CREWI_FOREVER
                   ? pthread_cond_wait(&record->changed, &record->mutex)
                   : pthread_cond_timedwait(&record->changed, &record->mutex, &end);
    bool ready = !crewi_result_awaits_callbacks(record);
    if (--record->waiters == 0)
        pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->mutex);
    return ready ? CREW_OK : crewi_error(CREW_ETIMEDOUT, "the callbacks have not run yet");
}

static crew_status await(struct crewi_result_record *record, uint64_t id, int64_t timeout_ns)
{
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), timeout_ns);
    pthread_mutex_lock(&record->mutex);
    crew_status status = check_id(record, id);
    bool known = record->taken && !crewi_result_awaits_callbacks(record);
    pthread_mutex_unlock(&record->mutex);
    if (status || known)
        return status;
    status = crewi_result_await(id, timeout_ns);
    if (!status)
        status = check_id(record, id);
    return status ? status : await_callbacks(record, deadline_ns);
}

crew_status crew_result_wait(crew_result result, double timeout_s)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_wait", result, &record);
    return status ? status : await(record, result.id, crewi_timeout_ns(timeout_s));
}

crew_status crew_result_get(crew_result result, double timeout_s)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_get", result, &record);
    if (!status)
        status = await(record, result.id, crewi_timeout_ns(timeout_s));
    if (status)
        return status;
    pthread_mutex_lock(&record->mutex);
    status = crewi_result_fetch(record, result.id);
    if (!status && record->status)
        status = crewi_error(record->status, "%s", record->reason);
    pthread_mutex_unlock(&record->mutex);
    return status;
}

crew_status crew_result_ready(crew_result result, bool *ready)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_ready", result, &record);
    if (!status && !ready)
        status = crewi_error(CREW_EINVAL, "crew_result_ready: ready is NULL");
    if (status)
        return status;
    status = await(record, result.id, 0);
    if (status && status != CREW_ETIMEDOUT)
        return status;
    *ready = !status;
    return CREW_OK;
}

crew_status crew_result_successful(crew_result result, bool *successful)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_successful", result, &record);
    if (!status && !successful)
        status = crewi_error(CREW_EINVAL, "crew_result_successful: successful is NULL");
    if (!status)
        status = await(record, result.id, 0);
    if (status)
        return status == CREW_ETIMEDOUT
                   ? crewi_error(CREW_ESTATE, "crew_result_successful: it is not done")
                   : status;
    pthread_mutex_lock(&record->mutex);
    status = crewi_result_fetch(record, result.id);
    if (!status)
        *successful = record->status == CREW_OK;
    pthread_mutex_unlock(&record->mutex);
    return status;
}

crew_status crew_result_get_state(crew_result result, crew_result_state *state)
{
    struct crewi_pool_progress progress;
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_get_state", result, &record);
    if (!status && !state)
        status = crewi_error(CREW_EINVAL, "crew_result_get_state: state is NULL");
    if (status)
        return status;
    struct crewi_call call = call_for(result.id, CREWI_RESULT_PROGRESS, NULL, 0);
    status = crewi_call_fixed(&call, &progress, sizeof progress);
    if (!status)
        *state = (crew_result_state){.count = progress.count,
                                     .done = progress.done,
                                     .failed = progress.failed,
                                     .running = progress.running,
                                     .is_done = progress.over,
                                     .is_cancelled = progress.cancelled};
    return status;
}

/* Cancelling */

crew_status crew_result_cancel(crew_result result, bool *cancelled)
{
    struct crewi_result_record *record;
    unsigned char whole;
    crew_status status = crewi_result_use("crew_result_cancel", result, &record);
    if (status)
        return status;
    struct crewi_call call = call_for(result.id, CREWI_RESULT_CANCEL, NULL, 0);
    call.timeout_ns = CREWI_FOREVER;
    status = crewi_call_fixed(&call, &whole, sizeof whole);
    if (!status && cancelled)
        *cancelled = whole;
    return status;
}

crew_status crew_result_kill(crew_result result)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_kill", result, &record);
    return status ? status : crewi_result_ask(result.id, CREWI_RESULT_KILL, NULL, 0, NULL);
}

/* Callbacks */

/* Adds one that is to be called later. False: it is done already. */
static crew_status add_for_later(struct crewi_result_record *record, uint64_t id,
                                 const struct crewi_result_callback *wanted, bool *later)
{
    unsigned char told;
    struct crewi_call call = call_for(id, CREWI_RESULT_NOTIFY, NULL, 0);
    crew_status status = crewi_callbacks_begin((crew_pool){record->pool});
    pthread_mutex_lock(&record->mutex);
    told = record->awaits_callbacks || !record->taken;
    if (!status && !record->awaits_callbacks && !record->taken)
        status = crewi_call_fixed(&call, &told, sizeof told);
    if (!status && told)
        status = add_callback(record, wanted);
    if (!status && told)
        record->awaits_callbacks = true;
    pthread_mutex_unlock(&record->mutex);
    *later = told;
    return status;
}

crew_status crew_result_add_done_callback(crew_result result, crew_result_callback *callback,
                                          void *arg)
{
    struct crewi_result_record *record;
    struct crewi_result_callback wanted = {.function = callback, .arg = arg};
    bool later = false;
    crew_status status = crewi_result_use("crew_result_add_done_callback", result, &record);
    if (!status && !callback)
        status = crewi_error(CREW_EINVAL, "crew_result_add_done_callback: callback is NULL");
    if (!status)
        status = add_for_later(record, result.id, &wanted, &later);
    if (status || later)
        return status;
    pthread_mutex_lock(&record->mutex);
    status = crewi_result_fetch(record, result.id);
    crew_status outcome = record->status;
    pthread_mutex_unlock(&record->mutex);
    if (!status)
        callback(result, outcome, arg);
    return status;
}

/* The rest */

crew_status crew_result_waitable(crew_result result, crew_waitable *waitable)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_waitable", result, &record);
    if (!status && !waitable)
        status = crewi_error(CREW_EINVAL, "crew_result_waitable: waitable is NULL");
    if (!status)
        waitable->id = result.id;
    return status;
}

crew_status crewi_result_read_errors(uint64_t id, crew_task_error *errors, size_t room,
                                     size_t *count)
{
    struct crewi_frame *reply;
    crew_status status = crewi_result_ask(id, CREWI_RESULT_ERRORS, NULL, 0, &reply);
    if (status)
        return status;
    *count = crewi_reply_copy(reply, sizeof *errors, errors, room);
    return CREW_OK;
}

crew_status crewi_result_find_errors(uint64_t id, crew_task_error *errors, size_t room,
                                     size_t *count)
{
    crew_status status = crewi_result_read_errors(id, errors, room, count);
    if (!status)
        crewi_crash_locate(errors, *count < room ? *count : room);
    return status;
}

crew_status crew_result_errors(crew_result result, crew_task_error *errors, size_t room,
                               size_t *count)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_errors", result, &record);
    if (!status && (!count || (room && !errors)))
        status =
            crewi_error(CREW_EINVAL, "crew_result_errors: %s is NULL", count ? "errors" : "count");
    return status ? status : crewi_result_find_errors(result.id, errors, room, count);
}

void crewi_result_drop_record(uint64_t id)
{
    struct crewi_cache *cache = &crewi_client_current()->cache;
    struct crewi_result_record *record = (struct crewi_result_record *)crewi_cache_find(cache, id);
    if (!record)
        return;
    crewi_completions_unlist(record);
    crewi_cache_remove(cache, id);
}

/* A callback may close its own result, and others while it runs. */
static void drop_record(struct crewi_result_record *record)
{
    crewi_callbacks_lock();
    if (record->is_called)
        record->closed = true;
    else
        crewi_result_drop_record(record->cached.id);
    crewi_callbacks_unlock();
}

/* Who keeps its journal closes it in the end. */
static bool leave_to_keeper(struct crewi_result_record *record)
{
    crewi_callbacks_lock();
    bool is_kept = record->is_kept;
    if (is_kept)
        record->closed = true;
    crewi_callbacks_unlock();
    return is_kept;
}

crew_status crewi_result_finish(const char *call, crew_result result, crew_status *outcome)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use(call, result, &record);
    if (status)
        return status;
    pthread_mutex_lock(&record->mutex);
    status = crewi_result_take(record->cached.id, record, CREWI_TAKE_AND_CLOSE_GOOD,
                               &record->status, record->reason);
    record->taken = !status;
    *outcome = record->status;
    pthread_mutex_unlock(&record->mutex);
    if (!status && !*outcome)
        drop_record(record);
    return status;
}

crew_status crew_result_close(crew_result result)
{
    struct crewi_result_record *record;
    crew_status status = crewi_result_use("crew_result_close", result, &record);
    if (status == CREW_ENOENT)
        return CREW_OK;
    if (!status && leave_to_keeper(record))
        return CREW_OK;
    if (!status)
        status = crewi_result_ask(result.id, CREWI_RESULT_CLOSE, NULL, 0, NULL);
    if (!status || status == CREW_ENOENT)
        drop_record(record);
    return status == CREW_ENOENT ? CREW_OK : status;
}
