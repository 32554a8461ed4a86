/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A fake job (fake_job.h) with a toy of a kind whose handles are counted (engine/handles.h), and
 * two clients on each rank. A toy counts how often it was used: each rank for itself, and the
 * number goes home with weight.
 */
#ifndef CREW_TESTS_TOYS_H
#define CREW_TESTS_TOYS_H

#include "engine/handles.h"
#include "fake_job.h"

#define TOY_KIND 5
#define TOY_OTHER_KIND 6

enum toy_op { TOY_CREATE = 1, TOY_USE };

/** What a rank keeps for a toy. */
struct toy_agent {
    uint64_t uses, reported;
    int released;
};

extern struct fake_job *toy_job;
extern struct fake_client toy_clients[FAKE_RANKS][2];
extern int toys_gone;           /* toys that nobody had any more */
extern uint64_t toys_gone_uses; /* of the last one */

/** The same kind without what may be left out. It is TOY_OTHER_KIND everywhere. */
extern const struct crewi_kind toy_plain_kind;

static inline struct fake_client *on(uint32_t rank)
{
    return &toy_clients[rank][0];
}

static inline struct fake_client *also_on(uint32_t rank)
{
    return &toy_clients[rank][1];
}

/** The setup and teardown of each test. At the end all clients end, and nothing may be left. */
int toys_begin(void **state);
int toys_end(void **state);

/** A teardown for tests that leave everything. */
int toys_end_in_the_middle(void **state);

#define TOY_TEST(name) cmocka_unit_test_setup_teardown(name, toys_begin, toys_end)

uint64_t toy_make(struct fake_client *client);

/** Asks; the number of the request. */
uint64_t toy_ask_use(struct fake_client *client, uint64_t id);
void toy_use(struct fake_client *client, uint64_t id);

/** False when the client had no open copy. */
bool toy_close(struct fake_client *client, uint64_t id);

crew_status toy_take(struct fake_client *client, const void *data, size_t size,
                     struct crewi_shares *shares);
struct crewi_shares toy_take_one(struct fake_client *client, uint64_t id);

/** The list is freed. */
void toy_hand_over(struct fake_client *client, struct crewi_shares *shares);

/** A copy for another client. */
void toy_pass(struct fake_client *from, struct fake_client *to, uint64_t id);

/** At home; NULL when it is gone. */
const struct crewi_shared *toy_shared(uint64_t id);

/** NULL when the client never had a copy. */
struct crewi_holder *toy_holder(const struct fake_client *client, uint64_t id);
uint64_t toy_weight(const struct fake_client *client, uint64_t id);
uint64_t toy_weight_of_all(uint64_t id);

/** Gives most of a client's weight back: it can be passed on only so often from then on. */
void toy_leave_weight(struct fake_client *client, uint64_t id, uint64_t weight);

#endif
