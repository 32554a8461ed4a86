/* SPDX-License-Identifier: BSD-3-Clause */
/* The threads that call callbacks: one for each pool that has any. It asks the pool for the next
 * result that somebody wants to hear of, and ends when there will be none. */
#include "pool/pool_call.h"
#include "pool/result_call.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <crew/finalize.h>
#include <stdlib.h>
#include <string.h>

/* Python's: a pool that was left open is terminated before what has a lower priority. */
#define EXIT_PRIORITY 15

struct caller {
    struct caller *next;
    crew_pool pool;
    struct crewi_client *client;
    crew_finalizer finalizer;
    pthread_t thread;
};

static struct caller *callers;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool is_caller;

static struct caller **find(crew_pool pool)
{
    struct caller **link = &callers;
    while (*link && ((*link)->pool.id != pool.id || (*link)->client != crewi_client_current()))
        link = &(*link)->next;
    return link;
}

/* Calling */

static bool is_meant(const struct crewi_result_callback *callback, crew_status status)
{
    return callback->when == CREWI_ON_DONE ||
           (callback->when == CREWI_ON_SUCCESS) == (status == CREW_OK);
}

/* The next one, out of the list; NULL: none is left, and it is ready now. */
static struct crewi_result_callback *take_callback(struct crewi_result_record *record)
{
    pthread_mutex_lock(&record->mutex);
    struct crewi_result_callback *callback = record->callbacks;
    if (callback) {
        record->callbacks = callback->next;
    } else {
        record->awaits_callbacks = false;
        pthread_cond_broadcast(&record->changed);
    }
    pthread_mutex_unlock(&record->mutex);
    return callback;
}

static void call_all(struct crewi_result_record *record)
{
    crew_result result = {record->cached.id};
    struct crewi_result_callback *callback;
    pthread_mutex_lock(&record->mutex);
    crew_status status = crewi_result_fetch(record, result.id);
    if (status == CREW_ENOENT) { /* another thread is closing it */
        pthread_mutex_unlock(&record->mutex);
        return;
    }
    if (status)
        crewi_log(CREWI_LOG_ERROR, "the results for a callback: %s", crew_error_message());
    else
        status = record->status;
    pthread_mutex_unlock(&record->mutex);
    while ((callback = take_callback(record))) {
        if (is_meant(callback, status))
            callback->function(result, status, callback->arg);
        crewi_client_end_copy(0);
        free(callback);
    }
}

/* The record of a result, which stays until end_call(). NULL: nobody wants to hear of it any more.
 */
static struct crewi_result_record *begin_call(uint64_t id)
{
    struct crewi_result_record *record;
    crewi_callbacks_lock(); /* it may have been submitted a moment ago */
    crew_status status = crewi_result_use("a callback", (crew_result){id}, &record);
    if (!status)
        record->is_called = true;
    crewi_callbacks_unlock();
    return status ? NULL : record;
}

static void end_call(struct crewi_result_record *record)
{
    crewi_callbacks_lock();
    record->is_called = false;
    if (record->closed && !record->is_kept)
        crewi_result_drop_record(record->cached.id);
    crewi_callbacks_unlock();
}

static crew_status next_done(crew_pool pool, uint64_t *id)
{
    struct crewi_call call = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_NEXT_DONE,
                              .object = pool.id,
                              .timeout_ns = CREWI_FOREVER};
    return crewi_call_fixed(&call, id, sizeof *id);
}

static void *thread_main(void *context)
{
    struct caller *caller = context;
    uint64_t id;
    is_caller = true;
    while (next_done(caller->pool, &id) == CREW_OK) {
        struct crewi_result_record *record = begin_call(id);
        if (!record)
            continue;
        call_all(record);
        end_call(record);
    }
    return NULL;
}

/* Begin and end */

bool crewi_callbacks_is_caller(void)
{
    return is_caller;
}

void crewi_callbacks_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void crewi_callbacks_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

static crew_status end_pool(void *context)
{
    struct caller *caller = context;
    crew_pool pool = caller->pool;
    crew_status status = crewi_pool_ask(pool, CREWI_POOL_LEAVE, NULL, 0, 0, NULL);
    return status ? status : crew_pool_join(pool, CREW_FOREVER);
}

static crew_status add_caller(crew_pool pool)
{
    struct caller *caller = calloc(1, sizeof *caller);
    if (!caller)
        return crewi_error_memory();
    caller->pool = pool;
    caller->client = crewi_client_current();
    crew_status status = crew_at_exit(&caller->finalizer, end_pool, caller, EXIT_PRIORITY);
    if (status) {
        free(caller);
        return status;
    }
    int code = crewi_thread_create_unsignalled(&caller->thread, thread_main, caller);
    if (code) {
        crew_finalizer_cancel(caller->finalizer);
        free(caller);
        return crewi_error(CREW_ESYSTEM, "pthread_create: %s", strerror(code));
    }
    caller->next = callers;
    callers = caller;
    return CREW_OK;
}

crew_status crewi_callbacks_begin(crew_pool pool)
{
    const struct crewi_client *client = crewi_client_current();
    crew_status status = CREW_OK;
    if (crewi_client_is_inside(client))
        return crewi_error(CREW_ENOTSUP,
                           "%s runs inside its rank and is one thread of it: who would call back?",
                           client->identity.name);
    pthread_mutex_lock(&mutex);
    if (!*find(pool))
        status = add_caller(pool);
    pthread_mutex_unlock(&mutex);
    return status;
}

void crewi_callbacks_end(crew_pool pool)
{
    pthread_mutex_lock(&mutex);
    struct caller **link = find(pool), *caller = *link;
    if (caller && pthread_equal(caller->thread, pthread_self()))
        caller = NULL; /* a callback may join its pool; the end waits for it */
    if (caller)
        *link = caller->next;
    pthread_mutex_unlock(&mutex);
    if (!caller)
        return;
    pthread_join(caller->thread, NULL);
    crew_finalizer_cancel(caller->finalizer);
    free(caller);
}
