/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A fake job (fake_job.h) of four ranks with pipes, two clients on each rank, and what clients ask
 * of pipes.
 */
#ifndef CREW_TESTS_PIPE_JOB_H
#define CREW_TESTS_PIPE_JOB_H

#include "base/clock.h"
#include "channel/pipe_agent.h"
#include "fake_job.h"

#define PIPE_CLIENTS 2

extern struct fake_job *pipe_job;
extern struct fake_client pipe_clients[FAKE_RANKS][PIPE_CLIENTS];

static inline struct fake_client *on(uint32_t rank)
{
    return &pipe_clients[rank][0];
}

static inline struct fake_client *also_on(uint32_t rank)
{
    return &pipe_clients[rank][1];
}

/** The setup and teardown of each test. At the end all clients end, and nothing may be left: no
 * object, no handle, and no timer. */
int pipe_begin(void **state);
int pipe_end(void **state);

/** A teardown for tests that leave everything. */
int pipe_end_in_the_middle(void **state);

#define PIPE_TEST(name) cmocka_unit_test_setup_teardown(name, pipe_begin, pipe_end)

/** Both ends: in a duplex pipe both send and receive. */
struct pipe_ends {
    uint64_t in, out;
};

struct pipe_ends pipe_make(struct fake_client *client, uint64_t capacity, bool duplex);

/** A one-way pipe with room for much. */
struct pipe_ends pipe_of(struct fake_client *client);

/** A copy for another client, as in an argument. */
void pipe_share(struct fake_client *from, struct fake_client *to, uint64_t end);

/** The same, and the first one closes its own. */
void pipe_hand(struct fake_client *from, struct fake_client *to, uint64_t end);

/** A one-way pipe made by @p maker, with each end at one client. */
struct pipe_ends pipe_between(struct fake_client *maker, struct fake_client *sender,
                              struct fake_client *receiver, uint64_t capacity);

/* Asking; these do not run the job, and return the number of the request. */

uint64_t pipe_ask(struct fake_client *client, uint8_t op, uint64_t end, int64_t timeout_ns);
uint64_t pipe_ask_send(struct fake_client *client, uint64_t end, const void *data, uint64_t size,
                       int64_t timeout_ns);
uint64_t pipe_ask_receive(struct fake_client *client, uint64_t end);

/** A send that nobody waits for. */
void pipe_post(struct fake_client *client, uint64_t end, const void *data, uint64_t size);

/** Bytes to send: the first one says which. */
const void *pipe_bytes(unsigned char which, uint64_t size);

/* Asking, and expecting; all of these run the job. */

void pipe_send(struct fake_client *client, uint64_t end, const char *text);

/** Sends so many bytes, see pipe_bytes(). */
void pipe_send_bytes(struct fake_client *client, uint64_t end, unsigned char which, uint64_t size);

/** What a receive was answered. */
void pipe_expect_text(struct fake_client *client, uint64_t request, const char *text);
void pipe_expect_bytes(struct fake_client *client, uint64_t request, unsigned char which,
                       uint64_t size);

void pipe_receive(struct fake_client *client, uint64_t end, const char *text);
void pipe_receive_bytes(struct fake_client *client, uint64_t end, unsigned char which,
                        uint64_t size);

/** There is nothing to receive now: timeout 0. */
void pipe_receive_nothing(struct fake_client *client, uint64_t end);
void pipe_receive_eof(struct fake_client *client, uint64_t end);

/** A poll that does not wait. */
bool pipe_poll(struct fake_client *client, uint64_t end);

void pipe_close(struct fake_client *client, uint64_t end);

/* Below: the agents, and the messages on the wire */

/** The one of a rank; it is expected that there is one. */
struct crewi_pipe_agent *pipe_agent(uint32_t rank, uint64_t end);

/** Expects that the stream of an end is on that rank, and on no other. */
void pipe_expect_at(uint32_t rank, uint64_t end);

/** Runs one engine with what is on its way to it; what it sends stays on the wire. */
void pipe_run_rank(uint32_t rank);

/** Takes the first message with that operation off the wire to a rank: it is late. NULL when there
 * is none. */
struct crewi_frame *pipe_hold_back(uint32_t rank, uint8_t op);

/** It is there now. */
void pipe_deliver(uint32_t rank, struct crewi_frame *frame);

/** A message between engines, delivered as it is. */
void pipe_say(uint32_t rank, uint8_t op, const void *data, uint64_t size);

#endif
