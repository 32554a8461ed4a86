/* SPDX-License-Identifier: BSD-3-Clause */
#include "queues.h"

#include "unit.h"

#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_queue_head)

void queues_begin(struct queue_job *queues, uint32_t rank_count)
{
    queues->job = fake_job_create(rank_count);
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        fake_engine(queues->job, rank)->kinds[CREWI_KIND_QUEUE] = &crewi_queue_kind;
        fake_client_begin(&queues->clients[rank], queues->job, rank);
    }
}

void queues_end(struct queue_job *queues)
{
    for (uint32_t rank = 0; rank < queues->job->rank_count; rank++)
        if (queues->clients[rank].attached)
            fake_client_end(&queues->clients[rank]);
    fake_job_run(queues->job);
    for (uint32_t rank = 0; rank < queues->job->rank_count; rank++)
        assert_int_equal(fake_engine(queues->job, rank)->objects.count, 0); /* nobody is left */
    fake_job_destroy(queues->job);
}

uint64_t queue_create(struct fake_client *client, int64_t max_items, bool scattered)
{
    struct crewi_queue_spec spec = {.name = "q", .max_items = max_items, .scattered = scattered};
    struct fake_call call = {.kind = CREWI_KIND_QUEUE,
                             .op = CREWI_QUEUE_CREATE,
                             .rank = client->rank->transport.rank,
                             .head = &spec,
                             .head_size = sizeof spec};
    uint64_t id = 0;
    fake_call(client, &call, &id, sizeof id);
    return id;
}

struct crewi_queue *queue_at_home(struct queue_job *queues, uint64_t id)
{
    return (struct crewi_queue *)crewi_engine_find(fake_engine(queues->job, crewi_id_home(id)), id);
}

struct fake_call queue_call(uint8_t op, const struct crewi_queue_head *head, int64_t timeout_ns)
{
    return (struct fake_call){.kind = CREWI_KIND_QUEUE,
                              .op = op,
                              .timeout_ns = timeout_ns,
                              .head = head,
                              .head_size = HEAD_SIZE};
}

static uint64_t ask(struct fake_client *client, struct fake_call call)
{
    call.rank = client->rank->transport.rank;
    return fake_ask(client, &call);
}

uint64_t ask_put(struct fake_client *client, uint64_t id, const char *text, int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = id, .size = strlen(text), .count = 1};
    struct fake_call call = queue_call(CREWI_QUEUE_PUT, &head, timeout_ns);
    call.body = text;
    call.body_size = head.size;
    return ask(client, call);
}

uint64_t ask_get(struct fake_client *client, uint64_t id, uint64_t room, int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = id, .size = room, .count = 1};
    return ask(client, queue_call(CREWI_QUEUE_GET, &head, timeout_ns));
}

uint64_t ask_many(struct fake_client *client, uint64_t id, uint64_t room, uint32_t most)
{
    struct crewi_queue_head head = {.id = id, .size = room, .count = most};
    return ask(client, queue_call(CREWI_QUEUE_GET, &head, 0));
}

uint64_t ask_simple(struct fake_client *client, uint8_t op, uint64_t id, int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = id};
    return ask(client, queue_call(op, &head, timeout_ns));
}

void put_text(struct fake_client *client, uint64_t id, const char *text)
{
    fake_expect_reply(client, ask_put(client, id, text, 0), NULL, sizeof(struct crewi_queue_state));
}

void note_text(struct fake_client *client, uint64_t id, const char *text)
{
    struct crewi_queue_head head = {.id = id, .size = strlen(text), .count = 1};
    struct fake_call call = queue_call(CREWI_QUEUE_PUT, &head, 0);
    call.rank = client->rank->transport.rank;
    call.body = text;
    call.body_size = head.size;
    fake_tell(client, &call);
}

static struct crewi_frame *take_reply(struct fake_client *client, uint64_t request,
                                      struct crewi_queue_head *head)
{
    fake_job_run(client->rank->job);
    struct crewi_frame *reply = fake_reply(client, request);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    assert_true(reply->header.size >= HEAD_SIZE);
    memcpy(head, reply->payload, HEAD_SIZE);
    assert_int_equal(head->share_count, 0);
    return reply;
}

void expect_text(struct fake_client *client, uint64_t request, const char *text, uint32_t count)
{
    struct crewi_queue_head head;
    struct crewi_frame *reply = take_reply(client, request, &head);
    assert_int_equal(head.status, CREW_OK);
    assert_int_equal(head.count, count);
    assert_int_equal(head.size, strlen(text));
    assert_memory_equal(reply->payload + HEAD_SIZE, text, head.size);
    crewi_frame_destroy(reply);
}

void expect_too_small(struct fake_client *client, uint64_t request, uint64_t size)
{
    struct crewi_queue_head head;
    crewi_frame_destroy(take_reply(client, request, &head));
    assert_int_equal(head.status, CREW_ETOOSMALL);
    assert_int_equal(head.size, size);
}

void get_text(struct fake_client *client, uint64_t id, const char *text)
{
    expect_text(client, ask_get(client, id, 1000, 0), text, 1);
}

void expect_size(struct fake_client *client, uint64_t id, uint64_t count)
{
    struct crewi_queue_state state;
    fake_expect_reply(client, ask_simple(client, CREWI_QUEUE_SIZE, id, 0), &state, sizeof state);
    assert_int_equal(state.count, count);
}

void close_queue(struct fake_client *client, uint64_t id)
{
    fake_expect_reply(client, ask_simple(client, CREWI_QUEUE_CLOSE, id, 0), NULL, 0);
}
