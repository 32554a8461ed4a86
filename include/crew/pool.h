/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pools: workers that run one function over many items, as Python's multiprocessing.Pool.
 *
 * A pool is a number of worker processes, by default one on each rank. crew_pool_map() hands them
 * an array of items in chunks and puts the results in the order of the items. Chunks are given out
 * on demand, large ones first and smaller ones towards the end (guided self-scheduling); a worker
 * has its next chunk in hand before it is done with the one before. When no more are left, workers
 * that are idle get what others have in hand and have not begun (work stealing), whatever the
 * chunks: so it hardly matters how a map is divided, and who gets the longest tasks.
 *
 * The first chunks travel as one `MPI_Iscatterv` when the pool is at home on rank 0, the others
 * point to point.
 *
 * **What goes wrong stays with the task.** A task that fails, crashes, is killed, or ends its
 * process fails alone, with a status and a sentence that names the task, the worker, the rank, the
 * host and the signal. The tasks around it are finished, by others if need be, and a new worker
 * takes the place. No task is run twice unless it may be tried again, and none that was finished is
 * lost; a worker that dies without being able to say in which task it was (it had overwritten its
 * notes, for example) is the exception: what it had begun and not sent is run again.
 *
 * Workers are daemons named `PoolWorker-n`; a worker that takes the place of another has a number
 * of its own.
 *
 * When the process that created the pool ends in good order, a pool that it has closed, or shut
 * down, finishes its work first, as Python's executors do (and not its Pool, which is terminated
 * all the same); one that is open is terminated, without a call of callbacks, and nothing is
 * written any more to the arrays of its maps.
 *
 * @code
 * CREW_TASK(square, int64_t, int64_t)
 * {
 *     *result = *item * *item;
 *     return CREW_OK;
 * }
 *
 * crew_pool pool;
 * crew_pool_create(&pool, NULL);
 * crew_pool_map(pool, square, items, results, 100, NULL);
 * crew_pool_destroy(pool);
 * @endcode
 *
 * All calls may be made from the main process and from any process that is not a daemon. Each may
 * also return ::CREW_ESTATE outside crew_run(), ::CREW_ENOENT for a handle that was destroyed,
 * ::CREW_EPERM from a process that did not create the pool, and ::CREW_ENOMEM.
 */
#ifndef CREW_POOL_H
#define CREW_POOL_H

#include <crew/process.h>
#include <crew/result.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A pool. */
typedef struct crew_pool {
    uint64_t id;
} crew_pool;

/** What a worker runs for one item. Both point to 16-byte aligned arrays' elements; @p result is
 * all zero at first. */
typedef crew_status crew_task_function(const void *item, void *result);

/** A function over items of one size with results of one size; made by ::CREW_TASK. */
typedef struct crew_task {
    crew_task_function *function;
    size_t item_size;   /**< bytes of one item */
    size_t result_size; /**< bytes of one result; may be 0 */
    const char *name;   /**< for messages */
} crew_task;

/* A worker gets a copy of the bytes of an item, and its result is one of bytes: so a std::string or
 * a std::vector, whose bytes are pointers, does not compile. */
#ifdef __cplusplus
#define CREW_TASK_TYPE(type)                     \
    static_assert(__is_trivially_copyable(type), \
                  "items and results travel as bytes: " #type " is not trivially copyable");
#else
#define CREW_TASK_TYPE(type)
#endif

/**
 * Defines a task: CREW_TASK(name, item type, result type) { body }. In the body, `item` points to
 * the item and `result` to the place for the result; it returns ::CREW_OK, or crew_fail() with a
 * reason. The types hold no pointers, which would mean nothing to a worker: CREW_CHECK=pointers in
 * the environment finds them. In C++ they are trivially copyable.
 */
#define CREW_TASK(task_name, item_type, result_type)                                              \
    CREW_TASK_TYPE(item_type)                                                                     \
    CREW_TASK_TYPE(result_type)                                                                   \
    static crew_status task_name##_body(const item_type *item, result_type *result);              \
    static crew_status task_name##_task(const void *item, void *result)                           \
    {                                                                                             \
        return task_name##_body((const item_type *)item, (result_type *)result);                  \
    }                                                                                             \
    static const crew_task task_name = {task_name##_task, sizeof(item_type), sizeof(result_type), \
                                        #task_name};                                              \
    static crew_status task_name##_body(const item_type *item, result_type *result)

/** What a worker runs once, before its first task; @p arg is its own copy, aligned to 16 bytes, and
 * stays while it lives. */
typedef crew_status crew_pool_initializer(void *arg);

/** How a pool is to be; all zero, or NULL in place of the struct, for the defaults. */
typedef struct crew_pool_attr {
    int workers; /**< 0: one for each rank, or, where control groups have a CPU quota, as many as
                      crew_cpu_count() says if these are less. They go round the ranks, in their
                      order; one that takes the place of another is on the same rank. */
    crew_start_method start_method;     /**< ::CREW_START_RANK allows one worker on each rank */
    crew_pool_initializer *initializer; /**< NULL: none. One that fails breaks the pool. */
    const void *initializer_arg;        /**< initializer_size bytes, copied */
    size_t initializer_size;
    int max_tasks_per_worker; /**< chunks after which a worker is replaced by a new one; 0: never.
                                   Python: maxtasksperchild */
    size_t memory_limit;      /**< bytes of each worker, as crew_process_attr::memory_limit */
    const int *ranks;         /**< the only ranks for workers, each once, in the order in which they
                                   go round; copied. NULL: all, from rank 0 on */
    size_t rank_count;
    const char *const *hosts; /**< or all ranks of these hosts, host by host, with names as
                                   crew_rank_host() has them; copied. NULL: all */
    size_t host_count;
    bool break_on_death; /**< a worker that ends unasked is not replaced, and breaks the pool: all
                              that was not done is ::CREW_EBROKEN, and so is every later map, with
                              who ended and how. Tasks that crew ends (a time limit,
                              crew_result_kill()) break nothing. Python: what
                              ProcessPoolExecutor does (BrokenProcessPool) */
} crew_pool_attr;

/** How tasks are divided into chunks. */
typedef enum crew_schedule {
    CREW_SCHEDULE_GUIDED,    /**< large chunks first, and smaller ones as less is left, the smaller
                                  the more tasks differ */
    CREW_SCHEDULE_STATIC,    /**< as many chunks as workers, all of one size: for even tasks */
    CREW_SCHEDULE_DYNAMIC,   /**< one task in a chunk, as chunk = 1 */
    CREW_SCHEDULE_FACTORING, /**< rounds of one chunk for each worker, each round half of the rest
                              */
    CREW_SCHEDULE_WEIGHTED   /**< as guided, and larger for workers that were faster so far */
} crew_schedule;

/** After what a task is tried again: bits. */
enum crew_retry {
    CREW_RETRY_CRASH = 1,   /**< its worker ended */
    CREW_RETRY_TIMEOUT = 2, /**< it took too long */
    CREW_RETRY_ERROR = 4,   /**< it returned an error */
    CREW_RETRY_ALL = 7
};

/** The most retries that a task may have. */
#define CREW_RETRY_LIMIT 255

/** Is told how far a map is, by the thread that waits for it: now and then, and at the end. */
typedef void crew_progress_callback(size_t done, size_t failed, size_t count, void *arg);

/** How a map is to go; all zero, or NULL in place of the struct, for the defaults. */
typedef struct crew_map_attr {
    size_t chunk; /**< tasks in a chunk; 0: as schedule says, by default guided, from Python's
                        count / (4 * workers) down to 1. Chunks that take some microseconds
                        travel together, unless max_tasks_per_worker counts them. */
    crew_schedule schedule; /**< where chunk is 0 */
    bool no_stealing;       /**< a chunk stays with the worker that it was given to */
    crew_status *statuses;  /**< room for a status of each task, or NULL */
    double timeout_s;  /**< that one task may take; its worker is ended then, and another one goes
                            on. 0: any time. Not for workers inside ranks: ::CREW_ENOTSUP */
    int retries;       /**< how often a task that failed is tried again */
    unsigned retry_on; /**< after what: ::crew_retry bits; 0: after anything */
    bool keep_failed;  /**< what a task that returned an error has put into its result stays there,
                            for example what a command printed that failed; otherwise the result is
                            zero, or empty */
    int priority;      /**< tasks of the map with the highest number go out first */
    const char *journal; /**< a file that keeps what is finished, so that the same map run again
                              does what is missing; see crew_pool_map(). NULL: none */
    bool progress;       /**< draw a progress bar on stderr */
    crew_progress_callback *on_progress; /**< for crew_pool_map() only; NULL: none */
    void *progress_arg;
    crew_task_error *errors; /**< for maps that are waited for: room for error_room tasks that
                                  failed, by index, each with its reason, worker, rank, signal and
                                  backtrace, as crew_result_errors() has them, set when the map is
                                  over; may be NULL with a room of 0 */
    size_t error_room;       /**< in entries */
    size_t *error_count;     /**< set to how many have failed, as far as they were kept, which may
                                  be more than error_room; not NULL if errors is not */
    crew_result_callback *callback;       /**< called when all tasks have succeeded, as by
                                               crew_result_add_done_callback(); not for 0 items */
    crew_result_callback *error_callback; /**< called when one has failed */
    void *callback_arg;
} crew_map_attr;

/** What a worker is and did; see crew_pool_workers(). */
typedef struct crew_worker_info {
    crew_process process;
    char name[CREW_NAME_SIZE];
    int rank;
    pid_t pid;
    int core;       /**< logical index (hwloc's) of the core it is bound to; -1: not bound */
    uint64_t tasks; /**< run so far, in all maps */
    double busy_s;  /**< seconds spent in them */
    double cpu_s;   /**< seconds of processor time in them: less, where others use the core, too */
} crew_worker_info;

/** What a pool did so far, in all its maps, and what it cost; see crew_pool_describe(). */
typedef struct crew_pool_info {
    int home;         /**< the rank that hands out its tasks: that of the process that created it */
    size_t workers;   /**< how many it is to have */
    uint64_t tasks;   /**< done by workers, well or not, each once */
    uint64_t failed;  /**< of those */
    uint64_t retried; /**< times that one that failed was to be tried again */
    uint64_t died;    /**< workers that ended and were not told to */
    uint64_t replaced; /**< workers that took the place of others: of those that died, and of those
                            that had had crew_pool_attr::max_tasks_per_worker chunks */
    double start_s;    /**< seconds from crew_pool_create() until all workers were ready */
    double wall_s;     /**< seconds since then, or until the last worker had ended */
    double working_s;  /**< of those, the ones in which a map was under way */
    double busy_s; /**< seconds that workers spent in tasks, all of them together, as far as they
                        have said so; over working_s * workers: their busy share */
    double cpu_s;  /**< seconds of processor time in them */
    double home_cpu_s; /**< seconds of processor time that the process of the home rank used while
                            maps were under way, without tasks of a ::CREW_START_RANK worker in it:
                            handing out and taking in, and waiting for that in crew_pool_map() if
                            the caller is there, but also whatever else the program did there
                            meanwhile. Other ranks, which pass on messages, are not counted. */
} crew_pool_info;

/**
 * Starts the workers, and returns when all are ready. Python: Pool(processes).
 *
 * @param pool  set to the new handle, to be given back with crew_pool_destroy()
 * @return ::CREW_EINVAL workers below 0 or more than 65536, or more than one a rank with
 * ::CREW_START_RANK; a rank or a host that is not in the job, or is given twice, or both attr.ranks
 * and attr.hosts, or a list of none; ::CREW_EBROKEN the workers do not stay alive, or
 * cannot be started (::CREW_ESYSTEM), three times in a row in the same place; what the
 * initializer returned; what crew_process_start() returns. No process is left behind then.
 */
CREW_API crew_status crew_pool_create(crew_pool *pool, const crew_pool_attr *attr);

/**
 * Runs @p task for each of @p count items and returns when all are done. Python: Pool.map.
 *
 * With attr.journal, tasks that have succeeded are kept with their results in an SQLite database of
 * that name, about ten times a second and at the end. Run again with the same journal, whatever
 * ended the run before, the map does the tasks that are not in there, and takes the other results
 * from it; tasks that have failed are tried again. What was finished less than a moment before the
 * calling process was killed may be done again, and so may what was finished in the last seconds
 * before the power failed. One run at a time uses a journal. Anybody may read it when it is closed,
 * with sqlite3 for example: the view `result` has a row for each task, the table `map` says of what
 * it is. A journal belongs to one map: the same function of the same build of the program or
 * library that has it, and items that are the same byte for byte, padding included. Each range of
 * results has a checksum, which guards against damage and not against somebody who forges it: a
 * symbolic link or a file of another user in a sticky folder such as /tmp is refused. Python has no
 * counterpart.
 *
 * @param items    @p count elements of task.item_size bytes, with no pointers inside (with
 * CREW_CHECK=pointers in the environment, ::CREW_EINVAL says where one is). Handles of
 * queues, locks and so on may be in there; they have to stay open until the tasks are done.
 * @param results  room for @p count elements of task.result_size bytes; element i is the result of
 * item i. What belongs to a task that failed is zero, but for attr.keep_failed.
 * @param count    0 is fine: nothing is done
 * @return ::CREW_OK all tasks succeeded; the status of the failed task of the lowest index, once
 * all are done: what it returned, or ::CREW_EWORKERDIED when its worker ended; crew_error_message()
 * says where. All other results are there.
 *         ::CREW_EINVAL an argument NULL, an item of size 0, sizes that overflow; ::CREW_EBUILD;
 * ::CREW_ESTATE the pool was closed; ::CREW_EBROKEN workers cannot be replaced; ::CREW_ECANCELED it
 * was terminated
 *         With a journal, before anything is run: ::CREW_EBUILD it is of another function or build;
 * ::CREW_EINVAL it is of other items, sizes or counts, or the file is none, or a result has more
 * than a billion bytes; ::CREW_ESTATE it is in use; ::CREW_ESYSTEM it cannot be read or written;
 * ::CREW_EBROKEN it is damaged, or results in it were changed. When all tasks have succeeded and
 * are in @p results, but the journal could not be written on the way (a full disk): ::CREW_ESYSTEM
 */
CREW_API crew_status crew_pool_map(crew_pool pool, crew_task task, const void *items, void *results,
                                   size_t count, const crew_map_attr *attr);

/** The same for one item, by any worker. Python: Pool.apply. */
CREW_API crew_status crew_pool_apply(crew_pool pool, crew_task task, const void *item,
                                     void *result);

/**
 * Begins a map, and does not wait for it. Python: Pool.map_async.
 *
 * @param items    as for crew_pool_map(); it may go when the call returns if the caller is a
 * process beside a rank, and has to stay until the result is done otherwise
 * @param results  as for crew_pool_map(); it has to stay until crew_result_get() has returned
 * something other than ::CREW_ETIMEDOUT, or the pool is destroyed; so has attr.statuses
 * @param result   set to the new handle, to be given back with crew_result_close() or with the pool
 * With attr.journal, a thread of the calling process keeps it, and the result is done when it is
 * closed; crew_pool_join() waits for that, too. What is wrong with the journal is known before the
 * call returns, and what could not be written on the way is said by crew_result_get().
 *
 * @return ::CREW_EINVAL also for a progress bar, which nobody would draw; ::CREW_ENOTSUP a journal,
 * or a callback, of a process inside a rank, which is one thread of it; otherwise as
 * crew_pool_map(), but for how the tasks go
 */
CREW_API crew_status crew_pool_map_async(crew_pool pool, crew_result *result, crew_task task,
                                         const void *items, void *results, size_t count,
                                         const crew_map_attr *attr);

/** The same for one item. Python: Pool.apply_async, Executor.submit. */
CREW_API crew_status crew_pool_apply_async(crew_pool pool, crew_result *result, crew_task task,
                                           const void *item, void *result_room,
                                           const crew_map_attr *attr);

/**
 * What the workers are and did, in the order of their places. Does not wait.
 *
 * @param workers  room for @p room entries; NULL when @p room is 0
 * @param count    set to how many there are, which may be more than @p room
 */
CREW_API crew_status crew_pool_workers(crew_pool pool, crew_worker_info *workers, size_t room,
                                       size_t *count);

/**
 * What the pool did so far, and what it cost. Does not wait. Python has no counterpart.
 *
 * @param info  set
 * @return ::CREW_EINVAL info is NULL
 */
CREW_API crew_status crew_pool_describe(crew_pool pool, crew_pool_info *info);

/**
 * Prints what the pool did so far: a table with the tasks of each worker and the share of the time
 * with maps under way that it was busy and had a processor, and below, the totals and what the pool
 * cost, as crew_pool_describe() has it. Does not wait for tasks. Python has no counterpart.
 *
 * @param stream  where to, in one piece
 * @return ::CREW_EINVAL stream is NULL; ::CREW_ESYSTEM it cannot be written
 */
CREW_API crew_status crew_pool_print_summary(crew_pool pool, FILE *stream);

/** Takes no more tasks; workers end when they are done. Twice is fine. Does not wait. Python:
 * Pool.close. */
CREW_API crew_status crew_pool_close(crew_pool pool);

/** Ends the workers at once. What is still to be done is cancelled. Twice is fine. Does not wait.
 * A worker that has nothing to do is asked to end, and killed with a warning when it has not two
 * seconds later (and 5 ms for each worker of the pool). Python: Pool.terminate. */
CREW_API crew_status crew_pool_terminate(crew_pool pool);

/**
 * Takes no more tasks, cancels those that no worker has begun, and sends SIGTERM to all workers,
 * which are not replaced. Twice is fine. Does not wait: a task that ignores the signal is finished,
 * and crew_pool_join() waits for it. crew_pool_terminate() does not tell tasks apart: it cancels
 * them all, at once. Python: ProcessPoolExecutor.terminate_workers.
 *
 * What waited for a worker is ::CREW_ECANCELED, what ran is ::CREW_EBROKEN, and what was done is
 * there.
 */
CREW_API crew_status crew_pool_terminate_workers(crew_pool pool);

/** The same with SIGKILL, which no task can ignore. ::CREW_ENOTSUP the workers run inside ranks.
 * Python: ProcessPoolExecutor.kill_workers. */
CREW_API crew_status crew_pool_kill_workers(crew_pool pool);

/**
 * Waits until all workers have ended, and then until the journals of results to come are closed.
 * Twice is fine. Python: Pool.join.
 *
 * @param timeout_s  the limit of the wait for the workers in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT some have not ended; ::CREW_ESTATE neither closed nor terminated
 */
CREW_API crew_status crew_pool_join(crew_pool pool, double timeout_s);

/**
 * Takes no more tasks, as crew_pool_close(), and can cancel those that wait. Twice is fine. Does
 * not wait: what is pending is done all the same, and crew_pool_join() waits for it. Python:
 * Executor.shutdown(wait=False, cancel_futures).
 *
 * @param cancel  cancels the tasks that no worker has begun, of all results to come
 */
CREW_API crew_status crew_pool_shutdown(crew_pool pool, bool cancel);

/** Terminates and joins the pool as needed, and gives it back. Python: the end of `with Pool()`. */
CREW_API crew_status crew_pool_destroy(crew_pool pool);

#ifdef __cplusplus
}
#endif

#endif
