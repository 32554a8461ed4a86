/* SPDX-License-Identifier: BSD-3-Clause */
#include "arrays.h"

#include "unit.h"

void arrays_begin(struct array_job *arrays, uint32_t rank_count)
{
    arrays->job = fake_job_create(rank_count);
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        fake_engine(arrays->job, rank)->kinds[CREWI_KIND_ARRAY] = &crewi_array_kind;
        fake_client_begin(&arrays->clients[rank], arrays->job, rank);
    }
}

void arrays_end(struct array_job *arrays)
{
    for (uint32_t rank = 0; rank < arrays->job->rank_count; rank++)
        if (arrays->clients[rank].attached)
            fake_client_end(&arrays->clients[rank]);
    fake_job_run(arrays->job);
    for (uint32_t rank = 0; rank < arrays->job->rank_count; rank++) {
        assert_int_equal(fake_engine(arrays->job, rank)->objects.count, 0);
        assert_int_equal(arrays->job->ranks[rank].attached, 0);
        assert_int_equal(arrays->job->ranks[rank].transport.exposed, 0);
    }
    fake_job_destroy(arrays->job);
}

uint64_t array_create(struct fake_client *client, crew_datatype type, uint64_t count)
{
    struct crewi_array_spec spec = {.name = "a", .count = count, .type = (uint32_t)type};
    struct fake_call call = {.kind = CREWI_KIND_ARRAY,
                             .op = CREWI_ARRAY_CREATE,
                             .rank = client->rank->transport.rank,
                             .head = &spec,
                             .head_size = sizeof spec};
    uint64_t id = 0;
    fake_call(client, &call, &id, sizeof id);
    return id;
}

struct crewi_array *array_at_home(struct array_job *arrays, uint64_t id)
{
    return (struct crewi_array *)crewi_engine_find(fake_engine(arrays->job, crewi_id_home(id)), id);
}

struct fake_call array_call(const struct fake_client *client, uint8_t op,
                            const struct crewi_array_head *head, const void *body, size_t body_size)
{
    return (struct fake_call){.kind = CREWI_KIND_ARRAY,
                              .op = op,
                              .rank = client->rank->transport.rank,
                              .head = head,
                              .head_size = sizeof *head,
                              .body = body,
                              .body_size = body_size};
}

void array_close(struct fake_client *client, uint64_t id)
{
    struct crewi_array_head head = {.id = id};
    struct fake_call call = array_call(client, CREWI_ARRAY_CLOSE, &head, NULL, 0);
    fake_call(client, &call, NULL, 0);
}

void write_numbers(struct fake_client *client, uint64_t id, uint64_t first, uint64_t count,
                   const int64_t *numbers)
{
    struct crewi_array_head head = {.id = id, .first = first, .count = count};
    struct fake_call call =
        array_call(client, CREWI_ARRAY_WRITE, &head, numbers, count * sizeof *numbers);
    fake_call(client, &call, NULL, 0);
}

uint64_t ask_read(struct fake_client *client, uint64_t id, uint64_t first, uint64_t count)
{
    struct crewi_array_head head = {.id = id, .first = first, .count = count};
    struct fake_call call = array_call(client, CREWI_ARRAY_READ, &head, NULL, 0);
    return fake_ask(client, &call);
}

void read_numbers(struct fake_client *client, uint64_t id, uint64_t first, uint64_t count,
                  int64_t *numbers)
{
    fake_expect_reply(client, ask_read(client, id, first, count), numbers, count * sizeof *numbers);
}
