/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Locks, semaphores, events and barriers in a job of engines, with one client on each rank, all of
 * which ask by messages. The test itself may change a word, as a process of the home's host does.
 */
#ifndef CREW_TESTS_SYNCS_H
#define CREW_TESTS_SYNCS_H

#include "fake_job.h"
#include "sync/sync_home.h"

struct sync_job {
    struct fake_job *job;
    struct fake_client clients[FAKE_RANKS];
};

void syncs_begin(struct sync_job *syncs, uint32_t rank_count);

/** Ends the clients that are there still; no object may be left then. */
void syncs_end(struct sync_job *syncs);

/** Of a semaphore: value is the first one and the limit; of a barrier: parties, with an action if
 * @p has_action. */
uint64_t sync_create(struct fake_client *client, enum crewi_sync_type type, int64_t value,
                     bool has_action);

struct crewi_sync *sync_at_home(struct sync_job *syncs, uint64_t id);

/** What the word is now. */
uint64_t sync_word(struct sync_job *syncs, uint64_t id);

/** Asks, and returns the number of the request. */
uint64_t sync_ask(struct fake_client *client, enum crewi_sync_op op, struct crewi_sync_head head,
                  int64_t timeout_ns);

/** Asks, and expects an empty answer. */
void sync_do(struct fake_client *client, enum crewi_sync_op op, struct crewi_sync_head head);
void sync_expect_done(struct fake_client *client, uint64_t request);

#endif
