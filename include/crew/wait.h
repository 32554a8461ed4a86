/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Waiting for several things at a time, as Python's multiprocessing.connection.wait.
 *
 * What can be waited for gives out a ::crew_waitable: the sentinel of a process, which is ready
 * when the process has ended; a connection of a pipe, when there is something to receive; a queue,
 * when there is an item. A waitable is a plain value and may be copied or sent to another process;
 * whoever has it may wait. That of a connection or a queue is its handle: passed on, it is a copy
 * that keeps it open.
 *
 * @code
 * crew_waitable ends[2];
 * bool ready[2];
 * crew_process_sentinel(left, &ends[0]);
 * crew_process_sentinel(right, &ends[1]);
 * crew_wait(ends, 2, ready, NULL, CREW_FOREVER);
 * @endcode
 */
#ifndef CREW_WAIT_H
#define CREW_WAIT_H

#include <crew/process.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Something that is ready now or later. 0 is none. */
typedef struct crew_waitable {
    uint64_t id;
} crew_waitable;

/**
 * The end of a process, to be waited for together with others. Does not block. Python:
 * Process.sentinel.
 * @return ::CREW_ESTATE it was not started; ::CREW_EPERM the caller neither created it nor was
 * created by it; otherwise as the calls of <crew/process.h>
 */
CREW_API crew_status crew_process_sentinel(crew_process process, crew_waitable *sentinel);

/**
 * Waits until one of the objects is ready. Python: multiprocessing.connection.wait, which returns
 * an empty list when the time is over.
 *
 * @param objects    @p count of them
 * @param ready      set for each of them, in their order: whether it is ready
 * @param how_many   set to how many are; may be NULL
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT none was ready in time; ::CREW_EINVAL objects or ready NULL with a
 * count, an empty waitable, one that stands there twice, or nothing to wait for for ever;
 * ::CREW_ENOENT one is not there, or not any more;
 * ::CREW_ECLOSED the caller has closed one, or closes it meanwhile; ::CREW_ENOTSUP one is the
 * sending end of a one-way pipe; ::CREW_ESTATE outside crew_run(); ::CREW_ENOMEM
 */
CREW_API crew_status crew_wait(const crew_waitable *objects, size_t count, bool *ready,
                               size_t *how_many, double timeout_s);

#ifdef __cplusplus
}
#endif

#endif
