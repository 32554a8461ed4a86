/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Results of a pool one by one, as they come, as Python's Pool.imap and imap_unordered: for more
 * items than memory has room for, or than are known at the beginning.
 *
 * The items come from an array or from a function. Those of an array are all submitted at once, as
 * with Python, and there is memory for all results until the iterator is closed. Of what a function
 * makes, some chunks more than the workers need are under way at a time, and no more, so memory
 * stays bounded however many items there are: the first ones are handed out by the call that
 * begins, the others while the caller asks for results, by the thread that asks.
 *
 * @code
 * crew_iterator iterator;
 * int64_t result;
 * crew_pool_imap(pool, square, items, 100, NULL, &iterator);
 * while ((status = crew_iterator_next(iterator, &result, NULL, CREW_FOREVER)) != CREW_EOF)
 *     if (status == CREW_OK)
 *         printf("%" PRId64 "\\n", result);
 * crew_iterator_close(iterator);
 * @endcode
 *
 * Only the process that made an iterator may use it, one thread at a time. All calls may also
 * return ::CREW_ESTATE outside crew_run(), ::CREW_EINVAL for an empty handle, ::CREW_ENOENT for one
 * that was closed, and ::CREW_ENOMEM.
 */
#ifndef CREW_ITERATOR_H
#define CREW_ITERATOR_H

#include <crew/pool.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Results that come one by one. 0 is none. */
typedef struct crew_iterator {
    uint64_t id;
} crew_iterator;

/** Makes the next item, in a place that is all zero. ::CREW_EOF there is none; anything else but
 * ::CREW_OK ends the items with that error. Called by the thread that begins, and that asks for
 * results. */
typedef crew_status crew_generator(void *arg, void *item);

/** How results come; all zero, or NULL in place of the struct, for the defaults. */
typedef struct crew_imap_attr {
    long chunk;            /**< tasks that travel together; 0: 1 */
    bool unordered;        /**< as they are done, and not in the order of the items */
    double timeout_s;      /**< for all of them, from the call on: what is not done then ends the
                                iteration. 0: any time. Python: Executor.map(timeout) */
    bool stop_on_error;    /**< the first error ends the iteration, as with Python's Executor.map;
                                else it stands at its place, and the next results can be had */
    double task_timeout_s; /**< of one task, as the next three as in ::crew_map_attr */
    int retries;
    unsigned retry_on;
    int priority;
} crew_imap_attr;

/**
 * Begins with the items of an array, all of them, so the pool may be closed and joined then, and
 * all results can still be had. The array may go when the call returns if the caller is a process
 * beside a rank, and has to stay until the end was reached or the iterator is closed otherwise.
 * Does not wait. Python: Pool.imap, imap_unordered.
 * @return ::CREW_EINVAL an argument NULL, a chunk or a time below 0, and as crew_pool_map_async()
 */
CREW_API crew_status crew_pool_imap(crew_pool pool, crew_task task, const void *items, size_t count,
                                    const crew_imap_attr *attr, crew_iterator *iterator);

/** The same with items that a function makes. @p arg is handed to it, and stays the caller's. When
 * the pool is closed, the results of what was handed out can be had, and then ::CREW_ESTATE once.
 */
CREW_API crew_status crew_pool_imap_from(crew_pool pool, crew_task task, crew_generator *generator,
                                         void *arg, const crew_imap_attr *attr,
                                         crew_iterator *iterator);

/**
 * The next result. Waits for it for at most @p timeout_s seconds. Python: next(timeout).
 *
 * @param result  room for a result of the task, set when it succeeded; may be NULL
 * @param index   set to the index of the item, also of a task that failed; may be NULL
 * @return ::CREW_OK; the status of a task that failed, with its reason (of an array, as long as no
 * more than 4,096 failures wait to be read; of others the meaning of the status): the next ones can
 * be had all the same, unless attr.stop_on_error ends it; ::CREW_ETIMEDOUT it is not done in time,
 * and if that is attr.timeout_s, the iteration ends; ::CREW_EOF there is none any more; what the
 * generator returned, once, behind the results of the items before. An iteration that ends early
 * cancels what no worker has begun (it begins as many tasks at a time as take 10 microseconds), and
 * every later call returns ::CREW_EOF.
 */
CREW_API crew_status crew_iterator_next(crew_iterator iterator, void *result, size_t *index,
                                        double timeout_s);

/** Gives it back, and cancels what no worker has begun. Waits for what one has. Closing it again
 * does no harm. */
CREW_API crew_status crew_iterator_close(crew_iterator iterator);

#ifdef __cplusplus
}
#endif

#endif
