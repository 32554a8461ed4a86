/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a process keeps of a result to come: where the results go, how it went, and who is to be
 * called.
 */
#ifndef CREWI_POOL_RESULT_CALL_H
#define CREWI_POOL_RESULT_CALL_H

#include "base/error.h"
#include "engine/cache.h"
#include "engine/client.h"
#include "pool/pool_protocol.h"

#include <crew/pool.h>
#include <pthread.h>

struct crewi_result_callback {
    struct crewi_result_callback *next;
    crew_result_callback *function;
    void *arg;
    enum { CREWI_ON_DONE, CREWI_ON_SUCCESS, CREWI_ON_ERROR } when;
};

struct crewi_result_record {
    struct crewi_cached cached; /* its id is that of the map */
    uint64_t pool;
    uint64_t count, result_size;
    bool shared;  /* results come into their place by themselves */
    bool varying; /* results are struct iovecs, to be filled in */
    void *results;
    crew_status *statuses;
    pthread_mutex_t mutex; /* for what follows */
    pthread_cond_t changed;
    unsigned waiters; /* threads in await_callbacks(); end_record() waits until there are none */
    bool taken;       /* the results are where they belong, and status and reason are known */
    crew_status status;
    char reason[CREWI_ERROR_SIZE];
    _Atomic bool awaits_callbacks; /* it is not ready before they have run */
    struct crewi_result_callback *callbacks;
    bool is_called;      /* its callbacks are running; with crewi_callbacks_lock() */
    bool is_kept;        /* a thread keeps its journal; the same */
    _Atomic bool closed; /* gone when both have ended */
    /* completions.c; with crewi_callbacks_lock(), but for the order */
    _Atomic uint64_t order; /* of its pool's results that are known to be done; 0: it is not */
    bool has_failed;        /* once there is an order: a task failed that was not cancelled */
    _Atomic(struct crewi_completions *) listed_by; /* NULL: it is in no list */
    struct crewi_result_record *next_done, *done_before;
    /* Hints of the thread that waited last for several results; others may wait for the same ones
     * at that time, so a place is believed only where the array has this result there. */
    _Atomic size_t place;      /* where it stood among these */
    _Atomic bool stands_twice; /* there */
};

/** Keeps a new one; the caller has filled in nothing but these. Callbacks come from attr.
 * ::CREW_ENOMEM */
crew_status crewi_result_remember(uint64_t id, crew_pool pool,
                                  const struct crewi_pool_submission *submission, void *results,
                                  const crew_map_attr *attr);

/** Asks the map at its home. */
crew_status crewi_result_ask(uint64_t id, enum crewi_result_op op, const void *data, size_t size,
                             struct crewi_frame **reply);

/** Waits until the map is over, for so long: ::CREW_ETIMEDOUT. */
crew_status crewi_result_await(uint64_t id, int64_t timeout_ns);

/** Takes the outcome of a map that is over, into memory of the caller's; the home forgets it then
 * if @p close says so: 0, or one of the flags about closing. The status is that of the tasks, in
 * *outcome; what is returned is whether that is known. */
crew_status crewi_result_take(uint64_t id, const struct crewi_result_record *where, unsigned close,
                              crew_status *outcome, char reason[CREWI_ERROR_SIZE]);

/** Fetches the results of a map whose sizes vary, and which was taken; the results are there or as
 * they were. */
crew_status crewi_result_fetch_bytes(uint64_t id, const struct crewi_result_record *where);

/** The record; the call's name is for the message. ::CREW_ESTATE, ::CREW_EINVAL, ::CREW_ENOENT */
crew_status crewi_result_use(const char *call, crew_result result,
                             struct crewi_result_record **record);

/** The errors of a map that is over, as crew_result_errors() has them. */
crew_status crewi_result_find_errors(uint64_t id, crew_task_error *errors, size_t room,
                                     size_t *count);

/** The same without source lines, for which files have to be read. */
crew_status crewi_result_read_errors(uint64_t id, crew_task_error *errors, size_t room,
                                     size_t *count);

/** Takes the outcome of one that is over and was not taken, and gives it back if all its tasks
 * succeeded; otherwise it can be asked for its errors. The call's name is for the message. */
crew_status crewi_result_finish(const char *call, crew_result result, crew_status *outcome);

/** Whether the calling thread is one that runs callbacks. */
bool crewi_callbacks_is_caller(void);

/** Takes it if it was not, with the record's mutex held. ::CREW_ENOENT it is not the record of that
 * result any more: another thread has closed it meanwhile. */
crew_status crewi_result_fetch(struct crewi_result_record *record, uint64_t id);

/** Whether it is not ready though it is done: its callbacks have not run. For callbacks themselves
 * any result is ready that is done, as the thread that runs them could wait for ever. */
static inline bool crewi_result_awaits_callbacks(const struct crewi_result_record *record)
{
    return record->awaits_callbacks && !crewi_callbacks_is_caller();
}

/** Nobody will use its record any more; with crewi_callbacks_lock(). */
void crewi_result_drop_record(uint64_t id);

/* result_callbacks.c */

/** Sees to it that a thread of the calling process hears of the results of that pool. */
crew_status crewi_callbacks_begin(crew_pool pool);

/** While it is locked, that thread looks for no result. */
void crewi_callbacks_lock(void);
void crewi_callbacks_unlock(void);

/** The pool has ended: waits until the thread has called everybody, unless it is the caller. */
void crewi_callbacks_end(crew_pool pool);

#endif
