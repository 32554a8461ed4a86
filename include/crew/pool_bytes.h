/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Maps over items of any sizes, with results of any sizes, as those of Python's Pool.map always
 * are. Items and results are bytes; `struct iovec` of POSIX says where they are and how many.
 *
 * @code
 * CREW_BYTES_TASK(reverse) // gets item and size, and puts its result into output
 * {
 *     const char *text = item;
 *     void *reversed;
 *     crew_status status = crew_output_reserve(output, size, &reversed);
 *     for (size_t i = 0; i < size && !status; i++)
 *         ((char *)reversed)[i] = text[size - 1 - i];
 *     return status;
 * }
 *
 * struct iovec items[2] = {{"stressed", 8}, {"drawer", 6}}, results[2] = {{NULL, 0}, {NULL, 0}};
 * crew_pool_map_bytes(pool, reverse, items, results, 2, NULL);
 * printf("%.*s\n", (int)results[0].iov_len, (char *)results[0].iov_base); // desserts
 * free(results[0].iov_base);
 * free(results[1].iov_base);
 * @endcode
 *
 * An item or a result has at most 1 GiB. Where the kernel lets a worker and the creator's rank read
 * each other's memory (on one host it mostly does), items and results of 128 KiB and more are
 * copied once on their way to the worker and back; smaller ones are packed, many in a message.
 *
 * Errors that all calls of <crew/pool.h> may return may be returned here, too.
 */
#ifndef CREW_POOL_BYTES_H
#define CREW_POOL_BYTES_H

#include <crew/pool.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where a task puts its result. It is empty at first. */
typedef struct crew_output crew_output;

/** What a worker runs for one item: @p size bytes at an address that is a multiple of 16, which are
 * the task's to read until it returns. */
typedef crew_status crew_bytes_function(const void *item, size_t size, crew_output *output);

/** A function over items of any size; made by ::CREW_BYTES_TASK. */
typedef struct crew_bytes_task {
    crew_bytes_function *function;
    const char *name; /**< for messages */
} crew_bytes_task;

/**
 * Defines a task: CREW_BYTES_TASK(name) { body }. In the body, `item` points to `size` bytes, and
 * the result goes into `output`; it returns ::CREW_OK, or crew_fail() with a reason.
 */
#define CREW_BYTES_TASK(task_name)                                                           \
    static crew_status task_name##_task(const void *item, size_t size, crew_output *output); \
    static const crew_bytes_task task_name = {task_name##_task, #task_name};                 \
    static crew_status task_name##_task(const void *item, size_t size, crew_output *output)

/**
 * Makes the result @p size bytes long, and says where they are. May be called again, for more or
 * for less: what was there stays. New bytes may have any value.
 *
 * @param data  set to the bytes, at an address that is a multiple of 16; theirs until the next call
 * for this output
 * @return ::CREW_ETOOSMALL the caller of the map has less room: the task fails with that, whatever
 * it returns itself, unless it reserves less afterwards; ::CREW_ENOMEM, ::CREW_EINVAL an argument
 * is NULL. The result is then as it was.
 */
CREW_API crew_status crew_output_reserve(crew_output *output, size_t size, void **data);

/** Appends @p size bytes to the result. Errors as of crew_output_reserve(). */
CREW_API crew_status crew_output_write(crew_output *output, const void *data, size_t size);

/**
 * Runs @p task for each of @p count items and returns when all are done. Python: Pool.map.
 *
 * @param items    @p count items; iov_base may be NULL where iov_len is 0
 * @param results  @p count entries. Where iov_base is NULL, memory for the result is made, which
 * the caller gives back with free(); an empty result has none. Elsewhere it is the caller's room of
 * iov_len bytes. Entry i is then the result of item i, with its size in iov_len. Of a task that
 * failed the size is 0, but for attr.keep_failed, and its room may have been written to.
 * @param count    0 is fine: nothing is done
 * @param attr     as for crew_pool_map(), but for a journal: ::CREW_ENOTSUP
 * @return ::CREW_OK all tasks succeeded; the status of the failed task of the lowest index, once
 * all are done; its message says where. A task whose result is larger than its room has failed with
 * ::CREW_ETOOSMALL. All other results are there.
 *         ::CREW_EINVAL an argument NULL, an item of more than 1 GiB, or, outside the main process
 * and where memory cannot be shared, items of more than 1 GiB together; others as crew_pool_map().
 * @p results are as they were then.
 */
CREW_API crew_status crew_pool_map_bytes(crew_pool pool, crew_bytes_task task,
                                         const struct iovec *items, struct iovec *results,
                                         size_t count, const crew_map_attr *attr);

/**
 * Begins such a map, and does not wait for it. Python: Pool.map_async.
 *
 * @param items    as above, and what they point to; both may go when the call returns if the caller
 * is a process beside a rank, and have to stay until the result is done otherwise
 * @param results  as above; entries and rooms have to stay until crew_result_get() has returned
 * something other than ::CREW_ETIMEDOUT, which fills the entries in, or the pool is destroyed
 * @param result   set to the new handle, to be given back with crew_result_close() or with the pool
 * @return as crew_pool_map_async()
 */
CREW_API crew_status crew_pool_map_bytes_async(crew_pool pool, crew_result *result,
                                               crew_bytes_task task, const struct iovec *items,
                                               struct iovec *results, size_t count,
                                               const crew_map_attr *attr);

#ifdef __cplusplus
}
#endif

#endif
