/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays in a fake job: what clients ask of them, as if they could map nothing. */
#ifndef CREW_TESTS_ARRAYS_H
#define CREW_TESTS_ARRAYS_H

#include "fake_job.h"
#include "shared/array_agent.h"

#include <crew/datatype.h>

/** A job with arrays, and a client on each rank. */
struct array_job {
    struct fake_job *job;
    struct fake_client clients[FAKE_RANKS];
};

void arrays_begin(struct array_job *arrays, uint32_t rank_count);

/** All clients end, and nothing may be left. */
void arrays_end(struct array_job *arrays);

/** Made by a client on its rank. */
uint64_t array_create(struct fake_client *client, crew_datatype type, uint64_t count);

/** The array at its home; NULL when it is gone. */
struct crewi_array *array_at_home(struct array_job *arrays, uint64_t id);

/** A call to the client's own rank. */
struct fake_call array_call(const struct fake_client *client, uint8_t op,
                            const struct crewi_array_head *head, const void *body,
                            size_t body_size);

void array_close(struct fake_client *client, uint64_t id);

/** Elements of int64. */
void write_numbers(struct fake_client *client, uint64_t id, uint64_t first, uint64_t count,
                   const int64_t *numbers);
void read_numbers(struct fake_client *client, uint64_t id, uint64_t first, uint64_t count,
                  int64_t *numbers);
uint64_t ask_read(struct fake_client *client, uint64_t id, uint64_t first, uint64_t count);

#endif
