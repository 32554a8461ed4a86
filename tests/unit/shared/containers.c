/* SPDX-License-Identifier: BSD-3-Clause */
#include "containers.h"

#include "shared/any_pack.h"
#include "shared/container_agent.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_container_head)

struct fake_job *container_job;
struct fake_client container_clients[FAKE_RANKS][CONTAINER_CLIENTS];

int containers_begin(void **state)
{
    (void)state;
    container_job = fake_job_create(FAKE_RANKS);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        fake_engine(container_job, rank)->kinds[CREWI_KIND_CONTAINER] = &crewi_container_kind;
        for (int i = 0; i < CONTAINER_CLIENTS; i++)
            fake_client_begin(&container_clients[rank][i], container_job, rank);
    }
    return 0;
}

int containers_end(void **state)
{
    (void)state;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < CONTAINER_CLIENTS; i++)
            if (container_clients[rank][i].attached)
                fake_client_end(&container_clients[rank][i]);
    fake_job_run(container_job);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        assert_int_equal(fake_engine(container_job, rank)->objects.count, 0);
        assert_int_equal(fake_engine(container_job, rank)->handles.count, 0);
    }
    fake_job_destroy(container_job);
    return 0;
}

static uint32_t rank_of(const struct fake_client *client)
{
    return client->rank->transport.rank;
}

uint64_t container_make(struct fake_client *client, enum crewi_container_type type)
{
    struct crewi_container_spec spec = {
        .name = "o", .type = type, .max_bytes = CREWI_CONTAINER_BYTES_LIMIT};
    struct fake_call call = {.kind = CREWI_KIND_CONTAINER,
                             .op = CREWI_CONTAINER_CREATE,
                             .rank = rank_of(client),
                             .head = &spec,
                             .head_size = sizeof spec};
    uint64_t id = 0;
    fake_call(client, &call, &id, sizeof id);
    return id;
}

struct crewi_container *container_at_home(uint64_t id)
{
    return (struct crewi_container *)crewi_engine_find(
        fake_engine(container_job, crewi_id_home(id)), id);
}

uint64_t container_ask(struct fake_client *client, uint8_t op,
                       const struct crewi_container_head *head, const crew_any *values)
{
    unsigned char body[1000], *at = body;
    for (uint32_t i = 0; i < head->count; i++) {
        uint64_t size;
        assert_int_equal(crewi_any_measure("container_ask", &values[i], &size), CREW_OK);
        assert_true((size_t)(at - body) + size <= sizeof body);
        at = crewi_any_write(&values[i], at);
    }
    struct fake_call call = {.kind = CREWI_KIND_CONTAINER,
                             .op = op,
                             .rank = rank_of(client),
                             .head = head,
                             .head_size = sizeof *head,
                             .body = body,
                             .body_size = (size_t)(at - body)};
    return fake_ask(client, &call);
}

crew_any container_expect(struct fake_client *client, uint64_t request,
                          struct crewi_container_head *head)
{
    crew_any value = crew_nil();
    fake_job_run(container_job);
    struct crewi_frame *reply = fake_reply(client, request);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    assert_true(reply->header.size >= HEAD_SIZE);
    memcpy(head, reply->payload, HEAD_SIZE);
    assert_int_equal(head->share_count, 0);
    assert_in_range(head->count, 0, 1);
    if (head->count)
        assert_int_equal(
            crew_any_unpack(&value, reply->payload + HEAD_SIZE, reply->header.size - HEAD_SIZE),
            CREW_OK);
    else
        assert_int_equal(reply->header.size, HEAD_SIZE);
    crewi_frame_destroy(reply);
    return value;
}

static struct crewi_container_head head_of(uint64_t id, int64_t index, uint32_t count)
{
    /* The clients of these tests know what it is. */
    const struct crewi_container *container = container_at_home(id);
    return (struct crewi_container_head){
        .id = id,
        .index = index,
        .stop = INT64_MAX,
        .count = count,
        .type = container ? (uint8_t)container->type : (uint8_t)CREWI_LIST,
        .flags = CREWI_CONTAINER_GIVE | CREWI_CONTAINER_KEYS | CREWI_CONTAINER_VALUES};
}

crew_any container_fetch(struct fake_client *client, uint8_t op, uint64_t id, int64_t index,
                         const crew_any *values, uint32_t count)
{
    struct crewi_container_head head = head_of(id, index, count);
    return container_expect(client, container_ask(client, op, &head, values), &head);
}

uint64_t container_do(struct fake_client *client, uint8_t op, uint64_t id, int64_t index,
                      const crew_any *values, uint32_t count)
{
    struct crewi_container_head head = head_of(id, index, count);
    crew_any value = container_expect(client, container_ask(client, op, &head, values), &head);
    crew_any_clear(&value);
    return head.number;
}

void container_refused(struct fake_client *client, uint8_t op, uint64_t id, int64_t index,
                       crew_status status, const char *text)
{
    struct crewi_container_head head = head_of(id, index, 0);
    fake_expect_refusal(client, container_ask(client, op, &head, NULL), status, text);
}

void container_close(struct fake_client *client, uint64_t id)
{
    struct crewi_container_head head = {.id = id};
    fake_expect_reply(client, container_ask(client, CREWI_CONTAINER_CLOSE, &head, NULL), NULL, 0);
}

void container_put_handle(struct fake_client *client, uint64_t list, uint64_t handle)
{
    crew_any value = CREW_HANDLE(handle);
    container_do(client, CREWI_LIST_INSERT, list, INT64_MAX, &value, 1);
}

uint64_t container_get_handle(struct fake_client *client, uint64_t list, int64_t index)
{
    uint64_t handle = 0;
    crew_any value = container_fetch(client, CREWI_LIST_GET, list, index, NULL, 0);
    assert_int_equal(crew_any_to_handle(value, &handle, sizeof handle), CREW_OK);
    return handle;
}
