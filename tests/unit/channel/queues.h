/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues in a fake job: what clients ask of them, and what they expect. */
#ifndef CREW_TESTS_QUEUES_H
#define CREW_TESTS_QUEUES_H

#include "channel/queue_agent.h"
#include "channel/queue_home.h"
#include "fake_job.h"

/** A job with queues, and a client on each rank. */
struct queue_job {
    struct fake_job *job;
    struct fake_client clients[FAKE_RANKS];
};

void queues_begin(struct queue_job *queues, uint32_t rank_count);
void queues_end(struct queue_job *queues);

/** Made by a client on its rank. */
uint64_t queue_create(struct fake_client *client, int64_t max_items, bool scattered);

/** The queue at its home; NULL when it is gone. */
struct crewi_queue *queue_at_home(struct queue_job *queues, uint64_t id);

/** A call; timeout in nanoseconds. */
struct fake_call queue_call(uint8_t op, const struct crewi_queue_head *head, int64_t timeout_ns);

/** Requests, not waited for. */
uint64_t ask_put(struct fake_client *client, uint64_t id, const char *text, int64_t timeout_ns);
uint64_t ask_get(struct fake_client *client, uint64_t id, uint64_t room, int64_t timeout_ns);
uint64_t ask_many(struct fake_client *client, uint64_t id, uint64_t room, uint32_t most);
uint64_t ask_simple(struct fake_client *client, uint8_t op, uint64_t id, int64_t timeout_ns);

/** Puts text, and expects that it is there; as a note. */
void put_text(struct fake_client *client, uint64_t id, const char *text);
void note_text(struct fake_client *client, uint64_t id, const char *text);

/** The reply to a get: that text, the whole of it if there were several items. */
void expect_text(struct fake_client *client, uint64_t request, const char *text, uint32_t count);
void expect_too_small(struct fake_client *client, uint64_t request, uint64_t size);

/** Gets at once. */
void get_text(struct fake_client *client, uint64_t id, const char *text);

void expect_size(struct fake_client *client, uint64_t id, uint64_t count);
void close_queue(struct fake_client *client, uint64_t id);

#endif
