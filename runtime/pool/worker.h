/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The parts of a worker: chunks in, results out (worker.c), items and results of varying size
 * (worker_bytes.c), and large ones, which are read where they are (worker_loan.c).
 */
#ifndef CREWI_POOL_WORKER_H
#define CREWI_POOL_WORKER_H

#include "base/clock.h"
#include "base/error.h"
#include "engine/client.h"
#include "pool/pool_protocol.h"
#include "pool/task_output.h"
#include "pool/worker_claim.h"

#include <stdatomic.h>

/** Of a part that takes less, the processor's time is not asked for: that would cost more. */
#define CREWI_WORKER_SHORT_PART_NS (20 * CREWI_MICROSECOND)

struct worker {
    struct crewi_client *client;
    uint64_t pool;
    struct crewi_frame *chunk; /* at hand */
    struct crewi_worker_claim claim;
    unsigned char *area; /* a crewi_pool_result, room for failures, results */
    size_t result_room;
    unsigned char *large;     /* for a result that has no room there */
    uint64_t known_map;       /* whose function is at hand */
    crewi_function *function; /* NULL: it is not here, or the item is not; lookup says why */
    crew_status lookup;
    char lookup_reason[CREWI_ERROR_SIZE];
    bool short_parts; /* the last one took so little that a look at the CPU clock would cost more */
    struct crew_output output; /* where sizes vary */
    unsigned char *item;       /* one that was lent, read */
    size_t item_room;
    _Atomic uint64_t cookie; /* as long as the worker has memory to lend */
    uint64_t running;        /* the task that runs, of the part: known behind a longjmp, too */
};

/* worker.c */

static inline struct crewi_pool_result *crewi_worker_head(const struct worker *worker)
{
    return (struct crewi_pool_result *)(void *)worker->area;
}

/** Notes that a task failed, behind the head. */
void crewi_worker_note_failure(struct worker *worker, uint64_t index, crew_status status,
                               const char *reason);

/** Notes that a task failed that was run, for the reason of the calling thread, which is cleared.
 */
void crewi_worker_fail(struct worker *worker, uint64_t index, crew_status status);

/** Whether one more failure is sure to have room. */
bool crewi_worker_has_failure_room(const struct worker *worker);

/** What a child of a rank builds in its port is a draft, from begin to end. */
void crewi_worker_draft_begin(const struct worker *worker, size_t size);
void crewi_worker_draft_advance(const struct worker *worker, uint64_t done);
void crewi_worker_draft_end(const struct worker *worker);

/** Around each task: a worker beside its rank that is not through with it in time is killed. */
void crewi_worker_begin_limit(const struct worker *worker, const struct crewi_pool_chunk *chunk);
void crewi_worker_end_limit(const struct worker *worker, const struct crewi_pool_chunk *chunk);

/* worker_bytes.c */

/** Runs a chunk of tasks whose sizes vary; items are those behind the pieces. */
crew_status crewi_worker_run_bytes(struct worker *worker, const struct crewi_pool_chunk *chunk,
                                   const struct crewi_pool_piece *pieces,
                                   const unsigned char *items);

/* worker_loan.c */

/** Lets the home know that the worker has begun, and which of the two can read the other. */
crew_status crewi_worker_tell_ready(struct worker *worker, const struct crewi_loan *home);

/** Reads a lent item of that size, and sets *item to it. When it is not there, the tasks of this
 * chunk fail. ::CREW_ENOMEM */
crew_status crewi_worker_read_item(struct worker *worker, const struct crewi_loan *loan,
                                   uint64_t size, const unsigned char **item);

/** Lends the result of the one task of the head, and waits until it was fetched. ::CREW_ENOTSUP: it
 * is to be sent; ::CREW_ENOMEM: the home has no memory for it */
crew_status crewi_worker_lend_result(const struct worker *worker,
                                     const struct crewi_pool_result *head, const void *result);

#endif
