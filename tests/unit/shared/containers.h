/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists and dicts in a fake job: what clients ask of them, and what they expect. */
#ifndef CREW_TESTS_CONTAINERS_H
#define CREW_TESTS_CONTAINERS_H

#include "fake_job.h"
#include "shared/container_home.h"

#include <crew/any.h>

#define CONTAINER_CLIENTS 2

extern struct fake_job *container_job;
extern struct fake_client container_clients[FAKE_RANKS][CONTAINER_CLIENTS];

/** The setup and teardown of each test: two clients on each rank; they end, and nothing may be
 * left. */
int containers_begin(void **state);
int containers_end(void **state);

#define CONTAINER_TEST(name) cmocka_unit_test_setup_teardown(name, containers_begin, containers_end)

static inline struct fake_client *on(uint32_t rank)
{
    return &container_clients[rank][0];
}

static inline struct fake_client *also_on(uint32_t rank)
{
    return &container_clients[rank][1];
}

/** Made by a client on its rank. */
uint64_t container_make(struct fake_client *client, enum crewi_container_type type);

/** The object at its home; NULL when it is gone. */
struct crewi_container *container_at_home(uint64_t id);

/** A request with so many values; its number. */
uint64_t container_ask(struct fake_client *client, uint8_t op,
                       const struct crewi_container_head *head, const crew_any *values);

/** What comes back: the value is to be cleared. */
crew_any container_expect(struct fake_client *client, uint64_t request,
                          struct crewi_container_head *head);

/** Asks and expects: the number. */
uint64_t container_do(struct fake_client *client, uint8_t op, uint64_t id, int64_t index,
                      const crew_any *values, uint32_t count);

/** Asks and expects: the value. */
crew_any container_fetch(struct fake_client *client, uint8_t op, uint64_t id, int64_t index,
                         const crew_any *values, uint32_t count);

void container_refused(struct fake_client *client, uint8_t op, uint64_t id, int64_t index,
                       crew_status status, const char *text);
void container_close(struct fake_client *client, uint64_t id);

/** Puts a handle into the list, at the end, and gets it from there. */
void container_put_handle(struct fake_client *client, uint64_t list, uint64_t handle);
uint64_t container_get_handle(struct fake_client *client, uint64_t list, int64_t index);

#endif
