/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Maps whose sizes vary, in a fake job of two ranks with a pool of two workers: item i has
 * byte_size(i) bytes, all of them i, and its result has byte_size(i + 1), all of them i + 1.
 */
#ifndef CREW_TESTS_BYTE_POOLS_H
#define CREW_TESTS_BYTE_POOLS_H

#include "pools.h"

#define BYTES_MAX 4096

static inline uint64_t byte_size(uint64_t i)
{
    return 7 * (i % 30);
}

/** A chunk as it arrived. */
struct byte_chunk {
    struct crewi_frame *frame;
    struct crewi_pool_chunk head;
    const struct crewi_pool_piece *pieces;
    const unsigned char *items;
};

extern struct fake_job *byte_job;
extern struct fake_client byte_creator;
extern uint64_t byte_pool;

/** For the setup and the teardown of a test: the workers cannot be read, or can. */
int byte_pools_begin(void **state);
int byte_pools_begin_lending(void **state);
int byte_pools_end(void **state);

struct fake_child *byte_worker(int place);

/** What is submitted. */
struct crewi_pool_submission byte_submission(uint64_t count, uint64_t chunk);

/** Submits it, with rooms of any size. */
uint64_t byte_submit(const struct crewi_pool_submission *submission);

/** Submits one item of that size, with room for a result of that size. */
uint64_t byte_submit_one(uint64_t item_size, uint64_t room);

/** The next chunk, whose items are checked unless they are lent; it is to be destroyed. False:
 * there is none. */
bool byte_next_chunk(struct fake_child *worker, struct byte_chunk *chunk);

/** The worker sends the results of the first @p count tasks of a chunk; returns how many bytes they
 * have. */
uint64_t byte_answer(struct fake_child *worker, const struct crewi_pool_chunk *chunk,
                     uint64_t count);

/** Writes records as a worker does; returns their bytes. */
uint64_t byte_put_records(unsigned char *at, uint64_t begin, uint64_t count);

/** Does all that there is. */
void byte_work_all(void);

/** Takes a map's outcome, and expects that status. */
void byte_take(uint64_t map, uint64_t count, crew_status status);

/** Fetches from the first one on, until all are there, and expects them; @p missing (or UINT64_MAX)
 * is empty. */
void byte_expect_all(uint64_t map, uint64_t count, uint64_t missing);

/** Asks for results from one on; the frame. */
struct crewi_frame *byte_fetch(uint64_t map, uint64_t first, bool inline_only);

void byte_close(uint64_t map);

#endif
