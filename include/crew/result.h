/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Results to come: what crew_pool_map_async() and crew_pool_apply_async() return, as Python's
 * multiprocessing.pool.AsyncResult and concurrent.futures.Future in one.
 *
 * A result is *done* when all its tasks are: finished, failed or cancelled. Until then it can be
 * waited for, alone or together with others, also in crew_wait(). crew_result_get() brings the
 * results into the memory that was given for them, which has to stay until then, and may be called
 * again and again.
 *
 * Only the process that made a result may use it. It is given back with crew_result_close(), or
 * with its pool.
 *
 * @code
 * crew_result result;
 * crew_pool_map_async(pool, &result, square, items, results, 100, NULL);
 * ...
 * if (crew_result_get(result, CREW_FOREVER) != CREW_OK)
 *     fprintf(stderr, "%s\n", crew_error_message());
 * crew_result_close(result);
 * @endcode
 *
 * All calls may also return ::CREW_ESTATE outside crew_run(), ::CREW_EINVAL for a handle that is no
 * result, ::CREW_ENOENT for one that was closed or whose pool was destroyed, and ::CREW_ENOMEM.
 */
#ifndef CREW_RESULT_H
#define CREW_RESULT_H

#include <crew/status.h>
#include <crew/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A result to come. 0 is none. */
typedef struct crew_result {
    uint64_t id;
} crew_result;

/**
 * Waits until it is done, for at most @p timeout_s seconds, and says how it went. Python:
 * AsyncResult.get(timeout), Future.result(timeout).
 * @return ::CREW_OK all tasks succeeded; the status of the failed task of the lowest index, with
 * the reason in crew_error_message(): all other results are there; ::CREW_ETIMEDOUT it is not done;
 * ::CREW_ECANCELED it was cancelled, or its pool terminated
 */
CREW_API crew_status crew_result_get(crew_result result, double timeout_s);

/** Waits until it is done, for at most @p timeout_s seconds, and does not look how it went.
 * ::CREW_ETIMEDOUT it is not. Python: AsyncResult.wait(timeout). */
CREW_API crew_status crew_result_wait(crew_result result, double timeout_s);

/** Whether it is done; then its callbacks have run. (For a callback, any result is ready whose
 * tasks are done, its own included, and can be waited for and taken: as with Python's Future.)
 * ::CREW_EINVAL ready is NULL. Python: ready(), Future.done(). */
CREW_API crew_status crew_result_ready(crew_result result, bool *ready);

/** Whether all its tasks succeeded. ::CREW_ESTATE it is not done; ::CREW_EINVAL successful is NULL.
 * Python: successful(). */
CREW_API crew_status crew_result_successful(crew_result result, bool *successful);

/** Where a result is. */
typedef struct crew_result_state {
    uint64_t count;    /**< tasks */
    uint64_t done;     /**< of these, finished, failed or cancelled */
    uint64_t failed;   /**< of these, failed or cancelled */
    bool running;      /**< a worker has begun, or will begin any moment; it is not done */
    bool is_done;      /**< all of it */
    bool is_cancelled; /**< some of its tasks were, or all of them */
} crew_result_state;

/** Asks where it is. Does not wait for tasks. ::CREW_EINVAL state is NULL. Python: running(),
 * done(), cancelled(). */
CREW_API crew_status crew_result_get_state(crew_result result, crew_result_state *state);

/**
 * Cancels the tasks that no worker has begun, also those that a worker has in hand, whatever the
 * chunks. Those that were begun go on, with their retries, and it is done when they are. When all
 * were begun, it is as if nobody had asked. Waits for no task. Python: Future.cancel().
 *
 * @param cancelled  set to whether it is cancelled as a whole: no worker had begun any of it; true
 * also when it was cancelled before. May be NULL.
 */
CREW_API crew_status crew_result_cancel(crew_result result, bool *cancelled);

/** Cancels all tasks that are not done, and kills the workers that run some, which are replaced. A
 * worker that runs a task of another result is not killed. Does not wait. ::CREW_ENOTSUP the
 * workers run inside ranks. Python has no counterpart. */
CREW_API crew_status crew_result_kill(crew_result result);

/** What is to be done when a result is: it is ready but for this. */
typedef void crew_result_callback(crew_result result, crew_status status, void *arg);

/**
 * Has a function called when it is done, by a thread of the calling process that does this for all
 * results; at once, by the calling thread, if it is done already. Functions are called in the order
 * in which they were added. Python: Future.add_done_callback.
 * @return ::CREW_EINVAL callback NULL
 */
CREW_API crew_status crew_result_add_done_callback(crew_result result,
                                                   crew_result_callback *callback, void *arg);

/** When crew_results_wait() returns. */
typedef enum crew_results_when {
    CREW_ALL_COMPLETED,
    CREW_FIRST_COMPLETED,
    CREW_FIRST_ERROR /**< or all; one that was cancelled has no error for that */
} crew_results_when;

/**
 * Waits for several results. Python: concurrent.futures.wait, which tells those that are done also
 * when the time is over; here ::CREW_FIRST_COMPLETED with ::CREW_NOW does.
 *
 * @param done       set, for each, to whether it is done; may be NULL
 * @param how_many   set to how many are; may be NULL
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT what it waits for has not come in time; ::CREW_EINVAL results NULL with
 * a count
 */
CREW_API crew_status crew_results_wait(const crew_result *results, size_t count,
                                       crew_results_when when, bool *done, size_t *how_many,
                                       double timeout_s);

/**
 * Waits for the next of several results that is done, in the order in which they are; those of
 * different pools come in any order. Results that were returned are not looked at any more, and may
 * be closed. What a call costs does not depend on how many results there are, as long as more is
 * done than was returned. Python: concurrent.futures.as_completed.
 *
 * @param seen   @p count flags, all false at first: which have been returned; a result that stands
 * there twice is returned once
 * @param timeout_s  for this one; for all of them, as Python has it, hand in what is left of it
 * @param index  set to which it is
 * @return ::CREW_EOF all have been returned; ::CREW_ETIMEDOUT none in time; ::CREW_EINVAL an
 * argument NULL; ::CREW_ENOENT one was closed that was not returned: the message says which
 */
CREW_API crew_status crew_results_next(const crew_result *results, size_t count, bool *seen,
                                       size_t *index, double timeout_s);

/** The same as something to wait for together with others; ready when it is done. ::CREW_EINVAL
 * waitable is NULL */
CREW_API crew_status crew_result_waitable(crew_result result, crew_waitable *waitable);

/** A task that failed. */
typedef struct crew_task_error {
    uint64_t index; /**< of its item */
    crew_status status;
    int attempts;    /**< how often it was run */
    int signal;      /**< that ended its worker; 0: none did */
    int rank;        /**< where it ran last; -1: nowhere */
    pid_t pid;       /**< of the worker */
    char worker[64]; /**< name of the worker */
    char host[64];
    char message[512];    /**< what it said, or what ended it */
    char backtrace[1024]; /**< of a crash, one frame a line: "f (file.c:42) in the program" where
                               there is debug information, and libdw.so.1 on the caller's machine,
                               to read it; "f+0x1c" or "+0x12ab" and the file otherwise. "" without
                               one */
} crew_task_error;

/**
 * The tasks that failed, by index, as far as they were kept: the first 1,000. ::CREW_ESTATE it is
 * not done. Python: exception().
 *
 * @param errors  room for @p room entries; may be NULL with a room of 0
 * @param count   set to how many there are, which may be more than @p room
 */
CREW_API crew_status crew_result_errors(crew_result result, crew_task_error *errors, size_t room,
                                        size_t *count);

/** Gives it back. One that is not done goes on, and nobody hears of it; the memory for its results
 * has to stay then until the pool is closed and joined, and its journal, if it has one, is kept to
 * the end. Closing it again does no harm. */
CREW_API crew_status crew_result_close(crew_result result);

#ifdef __cplusplus
}
#endif

#endif
