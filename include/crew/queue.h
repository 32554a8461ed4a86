/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Queues of items for any number of producers and consumers, as Python's multiprocessing.Queue,
 * JoinableQueue and SimpleQueue in one.
 *
 * Items are bytes, from 0 up to 1 GiB each. Items of one producer come out in the order in which
 * they were put; those of several producers mix. A put that has returned is seen by any get that
 * comes after it, wherever the two are and however the second knows of the first. Items stay when
 * their producer ends, and consumers that wait are served in the order in which they came.
 *
 * The items are kept by one rank, that of the process which created the queue. A queue is a plain
 * value and is passed on as a connection of a pipe is (<crew/pipe.h>); it is gone, with its items,
 * when every process that has a copy has closed it or has ended.
 *
 * @code
 * crew_queue jobs;
 * crew_queue_create(&jobs, &(crew_queue_attr){.name = "jobs", .max_items = 100});
 * ...
 * crew_queue_put(jobs, &job, sizeof job);
 * ...
 * struct job job;
 * while (crew_queue_get(jobs, &job, sizeof job, NULL) == CREW_OK) {
 *     work(&job);
 *     crew_queue_task_done(jobs);
 * }
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task, and may also
 * return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED when the caller has closed the queue, or
 * it is gone with all its copies, ::CREW_ENOENT for one that never was, ::CREW_EINVAL for a handle
 * of another kind, and ::CREW_ENOMEM.
 */
#ifndef CREW_QUEUE_H
#define CREW_QUEUE_H

#include <crew/process.h>
#include <crew/status.h>
#include <crew/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A queue. 0 is none. */
typedef struct crew_queue {
    uint64_t id;
} crew_queue;

/** Settings of a queue; all zero are the defaults. */
typedef struct crew_queue_attr {
    const char *name; /**< for error messages; NULL: "queue-n" */
    long max_items;   /**< puts wait while there are so many; 0 and less: any number, up to 1 GiB of
                           items */
    bool scattered; /**< items stay on the rank where they were put until somebody gathers them, or
                         a get asks for them: for results that are gathered in the end */
} crew_queue_attr;

/**
 * Makes a queue on the caller's rank. Does not block. Python: Queue(maxsize).
 * @return ::CREW_EINVAL queue NULL, a name that is empty or longer than ::CREW_NAME_SIZE - 1, a
 * scattered queue with max_items
 */
CREW_API crew_status crew_queue_create(crew_queue *queue, const crew_queue_attr *attr);

/**
 * Puts a copy of an item of @p size bytes behind the others. Blocks while the queue is full.
 * Python: Queue.put(item, timeout), put_nowait(item).
 *
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_EFULL it was full all the time, and nothing was put; ::CREW_EINVAL item NULL with
 * a size, or more than 1 GiB
 */
CREW_API crew_status crew_queue_put(crew_queue queue, const void *item, size_t size,
                                    double timeout_s);

/**
 * Takes the first item. Blocks while the queue is empty. Python: Queue.get(timeout), get_nowait().
 *
 * @param buffer     @p room bytes; may be NULL with a room of 0
 * @param size       set to the size of the item, also with ::CREW_ETOOSMALL; may be NULL
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_EEMPTY there was no item in time; ::CREW_ETOOSMALL the item is larger than the
 * room, and stays where it is; ::CREW_EINVAL buffer NULL with a room
 */
CREW_API crew_status crew_queue_get(crew_queue queue, void *buffer, size_t room, size_t *size,
                                    double timeout_s);

/**
 * Takes items as long as there are any and they fit: one call for many small items. Waits for the
 * first one for at most @p timeout_s seconds, and for no other. Python has no counterpart.
 *
 * @param buffer  @p room bytes; the items are put one behind the other, with nothing between them
 * @param sizes   set to the size of each
 * @param count   the most items to take, at least 1, and what sizes has room for; set to how many
 * were taken
 * @return ::CREW_EEMPTY there was none; ::CREW_ETOOSMALL the first one is larger than the room, and
 * stays; ::CREW_EINVAL buffer, sizes or count NULL, or the most 0
 */
CREW_API crew_status crew_queue_get_many(crew_queue queue, void *buffer, size_t room, size_t *sizes,
                                         size_t *count, double timeout_s);

/** How many items there are. Blocks for a message there and back. ::CREW_EINVAL count is NULL.
 * Python: qsize. */
CREW_API crew_status crew_queue_size(crew_queue queue, size_t *count);

/** Whether there are none. Python: empty. */
CREW_API crew_status crew_queue_is_empty(crew_queue queue, bool *empty);

/** Whether a put would wait. Python: full. */
CREW_API crew_status crew_queue_is_full(crew_queue queue, bool *full);

/** Says that one of the items that were taken has been dealt with. ::CREW_ESTATE more often than
 * items were put. Python: JoinableQueue.task_done. */
CREW_API crew_status crew_queue_task_done(crew_queue queue);

/** Waits until all items that were put have been taken and dealt with, for at most @p timeout_s
 * seconds: ::CREW_ETIMEDOUT. At once when there were none. Python: JoinableQueue.join. */
CREW_API crew_status crew_queue_join(crew_queue queue, double timeout_s);

/** The same as something to wait for together with others: ready when there is an item. Does not
 * block. ::CREW_EINVAL waitable is NULL, or the handle no queue */
CREW_API crew_status crew_queue_waitable(crew_queue queue, crew_waitable *waitable);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. Python: close.
 */
CREW_API crew_status crew_queue_close(crew_queue queue);

/** Waits until the items that the caller has put are with the queue; they are when put returns, so
 * there is nothing to wait for. ::CREW_ESTATE the caller has not closed it. Python: join_thread. */
CREW_API crew_status crew_queue_join_thread(crew_queue queue);

/** What the caller has put, and nobody has taken by the time that it ends, is to be dropped then.
 * Python: cancel_join_thread, where such items may be lost. */
CREW_API crew_status crew_queue_cancel_join_thread(crew_queue queue);

/** What crew_queue_gather() has collected. */
typedef struct crew_gathered {
    const void *data; /**< all items, each aligned to 16 bytes */
    size_t count;
    const size_t *offsets; /**< of each item in data */
    const size_t *sizes;   /**< of each item, in bytes */
    const int *ranks;      /**< the rank that held each: the queue's own first, then from 0 on */
    void *owner;           /**< crew's own */
} crew_gathered;

/**
 * Takes all items that there are: those of the queue itself and those that ranks hold for it, in
 * one MPI_Igatherv of all ranks to the caller's. Blocks until it is done, and not for more items.
 * Items of one producer are in order.
 *
 * @param gathered  set to the items, to be given back with crew_gathered_release()
 */
CREW_API crew_status crew_queue_gather(crew_queue queue, crew_gathered *gathered);

/** Gives them back; fine when there is nothing, and twice. Never blocks. */
CREW_API void crew_gathered_release(crew_gathered *gathered);

#ifdef __cplusplus
}
#endif

#endif
