/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A fake job (fake_job.h) with pools: what a creator asks, and what workers do, played step by
 * step.
 *
 * Item i of every map is pool_item(i), and its result pool_result(i), both 8 bytes.
 */
#ifndef CREW_TESTS_POOLS_H
#define CREW_TESTS_POOLS_H

#include "pool/pool_home.h"
#include "processes.h"

struct fake_job *pool_job_create(uint32_t rank_count);
void pool_job_destroy(struct fake_job *job);

/* The creator */

struct crewi_pool_spec pool_spec(int workers);

/** Asks for a pool; the number of the request. */
uint64_t pool_ask(struct fake_client *creator, const struct crewi_pool_spec *spec, const void *arg,
                  size_t size);

/** A pool of that many workers, all ready. */
uint64_t pool_open(struct fake_client *creator, int workers);

/** The same of a pool that is described. */
uint64_t pool_open_as(struct fake_client *creator, const struct crewi_pool_spec *spec);

/** A request with no data. */
struct fake_call pool_call(uint8_t op, uint64_t pool);

/** The same to a map. */
struct fake_call result_call(uint8_t op, uint64_t map);

static inline uint64_t pool_item(uint64_t i)
{
    return 1000 + i;
}

static inline uint64_t pool_result(uint64_t i)
{
    return 3 * pool_item(i) + 1;
}

/** Submits a map with statuses, of chunks of that size (0: guided); its number. */
uint64_t pool_submit(struct fake_client *creator, uint64_t pool, uint64_t count, uint64_t chunk);

/** What it submits, for more to be chosen, and submitting that. */
struct crewi_pool_submission pool_submission(uint64_t count, uint64_t chunk);
uint64_t pool_submit_as(struct fake_client *creator, uint64_t pool,
                        const struct crewi_pool_submission *submission);

struct crewi_pool_progress pool_progress(struct fake_client *creator, uint64_t map);

/** What a map came to. */
struct pool_outcome {
    crew_status status;
    char reason[CREWI_ERROR_SIZE];
    int32_t statuses[4096];
    uint64_t results[4096];
};

/** Takes it, and closes it; the map is over, and has that many tasks. */
void pool_take(struct fake_client *creator, uint64_t map, uint64_t count,
               struct pool_outcome *outcome);

/** The failures of a map that is over, of which there are exactly so many. */
void pool_errors(struct fake_client *creator, uint64_t map, size_t count, crew_task_error *errors);

/** Expects that all tasks have succeeded. */
void pool_expect_all(struct fake_client *creator, uint64_t map, uint64_t count);

/* Workers */

/** The one at a place of the pool. */
struct fake_child *pool_worker(struct fake_client *creator, uint64_t pool, int place);

/** The pool that a worker was started for. */
uint64_t pool_of(const struct fake_child *worker);

/** Says that all that were spawned and not started yet have started. */
void pool_start_all(struct fake_job *job);

/** The worker says that it has begun. */
void pool_ready(struct fake_child *worker);

/** The same, and what it can do besides. */
void pool_ready_as(struct fake_child *worker, const struct crewi_pool_ready *ready);

/** Says whatever. */
void pool_tell(struct fake_child *worker, uint8_t op, const void *head, size_t head_size,
               const void *body, size_t body_size);

/** The same for all that live. */
void pool_ready_all(struct fake_job *job);

/** The next chunk of a worker, whose items are checked; false when it has none, and then *stop says
 * if it is to end. */
bool pool_next_chunk(struct fake_child *worker, struct crewi_pool_chunk *chunk, bool *stop);

/** The worker sends results of tasks begin to begin + count - 1. */
void pool_answer(struct fake_child *worker, uint64_t map, uint64_t begin, uint64_t count);

/** The worker says that one task failed. */
void pool_answer_failed(struct fake_child *worker, uint64_t map, uint64_t index, crew_status status,
                        const char *reason);

/** It does all that it has, and all that it gets for that, chunk by chunk. */
void pool_work(struct fake_child *worker);

/** A draft in a block of its own, with room for @p planned results, of which @p done are there; its
 * size is set. */
void *pool_draft(uint64_t map, uint64_t begin, uint64_t planned, uint64_t done, uint32_t *size);

/** Adds a failure to a draft, or to the failures in front of results: returns how many bytes there
 * are now. */
uint32_t pool_add_failure(unsigned char *failures, uint32_t used, uint64_t index,
                          crew_status status, const char *reason);

#endif
