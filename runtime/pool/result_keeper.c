/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads that keep the journals of results to come: one for each. */
#include "pool/result_keeper.h"

#include "base/thread.h"
#include "engine/client.h"
#include "pool/result_call.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crewi_result_keeper {
    struct crewi_result_keeper *next;
    crew_pool pool;
    const struct crewi_client *client;
    uint64_t map; /* 0: there is none */
    struct crewi_map_journal journal;
    pthread_t thread;
    bool is_ended; /* but for the thread's last steps */
};

static struct crewi_result_keeper *keepers;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* for all of the above, until it goes */

/* Keeping */

static crew_status word(char reason[CREWI_ERROR_SIZE], crew_status status)
{
    snprintf(reason, CREWI_ERROR_SIZE, "%s", crew_error_message());
    return status;
}

/* How it went, once nothing more can come: as run_with_journal() has it for a map that is waited
 * for. */
static crew_status finish(struct crewi_result_keeper *keeper,
                          const struct crewi_result_record *record, char reason[CREWI_ERROR_SIZE])
{
    crew_status outcome, status;
    do
        status = crewi_map_journal_wait(&keeper->journal, keeper->map);
    while (status == CREW_ETIMEDOUT);
    if (status)
        return word(reason, status);
    crewi_map_journal_note_failures(&keeper->journal, keeper->map);
    status = crewi_result_take(keeper->map, record, 0, &outcome, reason);
    if (status)
        return word(reason, status);
    status = crewi_map_journal_finish(&keeper->journal, record->results, record->statuses);
    return status && !outcome ? word(reason, status) : outcome;
}

/* It is done now, if somebody is there to hear of it. */
static void release(const struct crewi_result_keeper *keeper, struct crewi_result_record *record)
{
    crewi_callbacks_lock();
    record->is_kept = false;
    bool closed = record->closed, is_called = record->is_called;
    crewi_callbacks_unlock();
    crewi_result_ask(keeper->map, closed ? CREWI_RESULT_CLOSE : CREWI_RESULT_KEPT, NULL, 0, NULL);
    if (!closed || is_called)
        return;
    crewi_callbacks_lock();
    crewi_result_drop_record(keeper->map);
    crewi_callbacks_unlock();
}

static void keep(struct crewi_result_keeper *keeper)
{
    char reason[CREWI_ERROR_SIZE] = "";
    struct crewi_result_record *record =
        (struct crewi_result_record *)crewi_cache_find(&crewi_client_current()->cache, keeper->map);
    crew_status outcome = finish(keeper, record, reason);
    pthread_mutex_lock(&record->mutex);
    record->status = outcome;
    memcpy(record->reason, reason, sizeof reason);
    record->taken = true;
    pthread_mutex_unlock(&record->mutex);
    release(keeper, record);
}

static void *thread_main(void *context)
{
    struct crewi_result_keeper *keeper = context;
    pthread_mutex_lock(&mutex); /* the creator has it until it is known what is to be kept */
    uint64_t map = keeper->map;
    pthread_mutex_unlock(&mutex);
    if (map)
        keep(keeper);
    crewi_map_journal_abandon(&keeper->journal); /* if it is still open */
    pthread_mutex_lock(&mutex);
    keeper->is_ended = true;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Begin and end */

/* The first one of a pool, or of any pool if it has ended; out of the list. */
static struct crewi_result_keeper *take_out(crew_pool pool, bool ended)
{
    struct crewi_result_keeper **link = &keepers;
    while (*link &&
           (ended ? !(*link)->is_ended
                  : (*link)->pool.id != pool.id || (*link)->client != crewi_client_current()))
        link = &(*link)->next;
    struct crewi_result_keeper *found = *link;
    if (found)
        *link = found->next;
    return found;
}

static void end(struct crewi_result_keeper *keeper)
{
    pthread_join(keeper->thread, NULL);
    free(keeper);
}

crew_status crewi_keeper_begin(struct crewi_result_keeper **keeper, crew_pool pool,
                               const struct crewi_map_journal *journal)
{
    struct crewi_result_keeper *old, *made = calloc(1, sizeof *made);
    /* The thread of callbacks ends the pool in time when the process leaves without that. */
    crew_status status = made ? crewi_callbacks_begin(pool) : crewi_error_memory();
    if (status) {
        free(made);
        return status;
    }
    made->pool = pool;
    made->client = crewi_client_current();
    made->journal = *journal;
    pthread_mutex_lock(&mutex);
    while ((old = take_out(pool, true)))
        end(old);
    int code = crewi_thread_create_unsignalled(&made->thread, thread_main, made);
    if (!code) {
        *keeper = made;
        return CREW_OK;
    }
    pthread_mutex_unlock(&mutex);
    free(made);
    return crewi_error(CREW_ESYSTEM, "pthread_create: %s", strerror(code));
}

void crewi_keeper_go(struct crewi_result_keeper *keeper, uint64_t map)
{
    keeper->map = map;
    keeper->next = keepers;
    keepers = keeper;
    pthread_mutex_unlock(&mutex);
}

void crewi_keepers_join(crew_pool pool)
{
    struct crewi_result_keeper *keeper;
    do {
        pthread_mutex_lock(&mutex);
        keeper = take_out(pool, false);
        pthread_mutex_unlock(&mutex);
        if (keeper)
            end(keeper);
    } while (keeper);
}
