/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pools (pools.h) whose workers claim what they begin, and rank by rank what is to happen next.
 */
#ifndef CREW_TESTS_STEALING_H
#define CREW_TESTS_STEALING_H

#include "pools.h"

/** A job of two ranks, a creator on rank 0, and a pool of so many workers. */
struct stealing {
    struct fake_job *job;
    struct fake_client creator;
    uint64_t pool;
};

void stealing_begin(struct stealing *test, int workers, uint32_t max_tasks);
void stealing_end(struct stealing *test);

static inline struct fake_child *stealing_worker(struct stealing *test, int place)
{
    return pool_worker(&test->creator, test->pool, place);
}

/** The pool, and what is known of a worker, at home. */
struct crewi_pool *stealing_home(struct stealing *test);
struct crewi_worker *stealing_at_home(struct stealing *test, int place);

/** Only that rank takes in what has come for it, and does it. */
void stealing_run_rank(struct stealing *test, uint32_t rank);

/** The next chunk of a worker, which there is. */
struct crewi_pool_chunk stealing_chunk(struct fake_child *worker);

/** Claims up to that many tasks; how many there were. */
uint64_t stealing_claim(struct fake_child *worker, const struct crewi_pool_chunk *chunk,
                        uint32_t most);

/** How many of a chunk the worker may still claim. */
uint64_t stealing_left(const struct fake_child *worker, const struct crewi_pool_chunk *chunk);

/** As pool_answer(), and nothing is run. */
void stealing_tell(struct stealing *test, struct fake_child *worker, uint64_t map, uint64_t begin,
                   uint64_t count, int64_t busy_ns);

/** All workers claim and answer what they have, and what they get, until nobody has anything. */
void stealing_work_all(struct stealing *test);

#endif
