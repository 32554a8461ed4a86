/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child can send that no client of ours does: it is refused, and nobody else notices. */
#include "base/clock.h"
#include "channel/pipe_channel.h"
#include "channel/pipe_protocol.h"
#include "queues.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct fake_client *client, uint8_t op, const void *data, size_t size)
{
    struct fake_call call = {.kind = CREWI_KIND_QUEUE,
                             .op = op,
                             .rank = client->rank->transport.rank,
                             .head = data,
                             .head_size = size};
    fake_call_refused(client, &call, CREW_EPROTO, "malformed");
}

static void sizes_that_cannot_be(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *client = &queues.clients[1];
    uint64_t id = queue_create(&queues.clients[0], 0, false);
    struct crewi_queue_head head = {.id = id, .size = 1, .count = 1};
    for (uint8_t op = CREWI_QUEUE_PUT; op <= CREWI_QUEUE_CANCEL; op++) {
        refuse(client, op, &head, sizeof head - 1);
        refuse(client, op, NULL, 0);
    }
    refuse(client, CREWI_QUEUE_PUT, &head,
           sizeof head); /* an item of one byte, and none is there */
    head.size = UINT64_MAX;
    refuse(client, CREWI_QUEUE_PUT, &head, sizeof head);
    head = (struct crewi_queue_head){.id = id, .size = 10};
    refuse(client, CREWI_QUEUE_GET, &head, sizeof head); /* no item at all */
    refuse(client, CREWI_OP_WAIT, &head, sizeof head);
    refuse(client, CREWI_OP_FORGET_WAITS, &head, sizeof head);
    refuse(client, 40, &head, sizeof head);
    refuse(client, 0, &head, sizeof head);
    refuse(client, CREWI_QUEUE_CREATE, &head, sizeof head);
    struct crewi_queue_spec spec = {.max_items = 1};
    memset(spec.name, 'x', sizeof spec.name);
    refuse(client, CREWI_QUEUE_CREATE, &spec, sizeof spec);
    spec = (struct crewi_queue_spec){.max_items = -1};
    refuse(client, CREWI_QUEUE_CREATE, &spec, sizeof spec);
    put_text(client, id, "a");
    get_text(&queues.clients[0], id, "a");
    queues_end(&queues);
}

/* The largest item that there may be, and one byte more. Nobody writes to it, nor reads it: so it
 * takes no memory. */
static void the_largest_item(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 1);
    struct fake_client *client = &queues.clients[0];
    uint64_t id = queue_create(client, 0, false);
    for (uint64_t more = 0; more < 2; more++) {
        struct crewi_queue_head head = {
            .id = id, .size = CREWI_QUEUE_ITEM_LIMIT + more, .count = 1};
        struct crewi_frame *frame = crewi_frame_create(sizeof head + head.size);
        assert_non_null(frame);
        memcpy(frame->payload, &head, sizeof head);
        frame->header.type = CREWI_REQUEST;
        frame->header.kind = CREWI_KIND_QUEUE;
        frame->header.op = CREWI_QUEUE_PUT;
        frame->header.origin.request = ++client->last_request;
        assert_int_equal(crewi_engine_accept_from(fake_engine(queues.job, 0), client->slot, frame),
                         CREW_OK);
        if (more)
            fake_expect_refusal(client, client->last_request, CREW_EPROTO, "malformed");
        else
            fake_expect_reply(client, client->last_request, NULL, sizeof(struct crewi_queue_state));
    }
    expect_size(client, id, 1);
    queues_end(&queues);
}

/* Objects in the header, and another rank's agent. */
static void ways_around_the_agent(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *client = &queues.clients[1];
    uint64_t id = queue_create(&queues.clients[0], 0, false);
    struct crewi_queue_head head = {.id = id, .size = 10, .count = 1};
    struct fake_call call = queue_call(CREWI_QUEUE_GET, &head, 0);
    call.object = id;
    fake_call_refused(client, &call, CREW_EPROTO, "own rank");
    for (int op = CREWI_ENGINE_OPS; op < 256; op++) { /* those between engines */
        struct crewi_frame *frame = crewi_frame_create(sizeof head);
        memcpy(frame->payload, &head, sizeof head);
        frame->header.type = op % 2 ? CREWI_NOTE : CREWI_REQUEST;
        frame->header.kind = CREWI_KIND_QUEUE;
        frame->header.op = (uint8_t)op;
        frame->header.target_rank = 1;
        assert_int_equal(crewi_engine_accept_from(fake_engine(queues.job, 1), client->slot, frame),
                         CREW_EPROTO);
    }
    queues_end(&queues);
}

/* Shares that it made up itself, and notes where they are not asked for. */
static void lies_about_items(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false),
             bounded = queue_create(&clients[0], 1, false);
    struct crewi_queue_head head = {
        .id = id, .size = 4, .count = 77, .share_count = UINT32_MAX, .status = -5, .returned = 9};
    struct fake_call call = queue_call(CREWI_QUEUE_PUT, &head, 0);
    call.body = "abcd";
    call.body_size = 4;
    for (uint32_t rank = 0; rank < 2; rank++) {
        call.rank = rank;
        fake_call(&clients[rank], &call, NULL, sizeof(struct crewi_queue_state));
        get_text(&clients[1 - rank], id, "abcd");
    }
    expect_size(&clients[1], bounded, 0);
    for (int i = 0; i < 5; i++) { /* nobody would hold them back */
        note_text(&clients[0], bounded, "x");
        note_text(&clients[1], bounded, "x");
    }
    expect_size(&clients[1], bounded, 0);
    queues_end(&queues);
}

/* The receiving end of a pipe that the client has made and closed, and that another one has, too.
 */
static uint64_t closed_pipe(struct fake_client *client, struct fake_client *other)
{
    struct crewi_pipe_settings settings = {.capacity = 1000};
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_CREATE,
                             .head = &settings,
                             .head_size = sizeof settings};
    uint64_t ends[2];
    fake_call(client, &call, ends, sizeof ends);
    call = (struct fake_call){
        .kind = CREWI_KIND_PIPE, .op = CREWI_PIPE_RECEIVE, .head = ends, .head_size = sizeof *ends};
    fake_call_refused(other, &call, CREW_ETIMEDOUT, "no message");
    call.op = CREWI_PIPE_CLOSE;
    fake_call(client, &call, NULL, 0);
    return ends[0];
}

/* What is kept for a connection is no queue's. */
static void handles_of_another_kind(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 1);
    struct fake_client *client = &queues.clients[0];
    struct crewi_engine *engine = fake_engine(queues.job, 0);
    struct fake_client other;
    assert_int_equal(crewi_pipes_init(engine), CREW_OK);
    fake_client_begin(&other, queues.job, 0);
    struct crewi_queue_head head = {.id = closed_pipe(client, &other), .count = 1};
    assert_non_null(crewi_handle_find(engine, head.id)->agent);
    for (uint8_t op = CREWI_QUEUE_PUT; op <= CREWI_QUEUE_CANCEL; op++) {
        struct fake_call call = queue_call(op, &head, 0);
        uint64_t request = fake_ask(client, &call);
        fake_job_run(queues.job);
        crewi_frame_destroy(fake_reply(client, request));
    }
    assert_null(crewi_queue_agent_find(engine, head.id));
    uint64_t id = queue_create(client, 0, false);
    put_text(client, id, "a");
    get_text(client, id, "a");
    fake_client_end(&other);
    void *pipes = engine->states[CREWI_KIND_PIPE];
    queues_end(&queues);
    free(pipes);
}

/* Of every operation between engines: too little, and about something else. */
static void engines_that_lie(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *client = &queues.clients[1];
    uint64_t id = queue_create(&queues.clients[0], 0, false);
    put_text(client, id, "a");
    for (int op = CREWI_ENGINE_OPS; op < CREWI_OP_ATTACH; op++) {
        uint64_t words[6] = {id, 0, UINT32_MAX, 0, UINT32_MAX, 0};
        struct crewi_outgoing note = {.type = op % 2 ? CREWI_NOTE : CREWI_REQUEST,
                                      .kind = CREWI_KIND_QUEUE,
                                      .op = (uint8_t)op,
                                      .rank = 0,
                                      .head = words};
        for (note.head_size = 0; note.head_size < 24; note.head_size += 4)
            assert_int_equal(crewi_engine_tell(fake_engine(queues.job, 1), &note), CREW_OK);
        words[0] = client->base.process;
        note.head_size = sizeof words;
        assert_int_equal(crewi_engine_tell(fake_engine(queues.job, 1), &note), CREW_OK);
        fake_job_run(queues.job);
    }
    expect_size(client, id, 1);
    get_text(&queues.clients[0], id, "a");
    queues_end(&queues);
}

/* Anything at all, of any size: the others' items stay in order. */
static void noise(void **state)
{
    struct queue_job queues;
    (void)state;
    srandom(7);
    queues_begin(&queues, 2);
    struct fake_client noisy;
    uint64_t id = queue_create(&queues.clients[0], 0, false);
    uint64_t secret = queue_create(&queues.clients[0], 0, false);
    fake_client_begin(&noisy, queues.job, 1);
    for (int i = 0; i < 3000; i++) {
        uint64_t words[12];
        for (size_t word = 0; word < 12; word++)
            words[word] = (uint64_t)random() << (random() % 40);
        if (i % 3)
            words[0] = id;
        if (i % 5)
            words[1] = words[1] % 64;
        if (i % 7)
            words[2] = 1;
        uint8_t op = (uint8_t)(random() % CREWI_ENGINE_OPS);
        struct fake_call call = {.kind = CREWI_KIND_QUEUE,
                                 .op = op == CREWI_QUEUE_CLOSE ? CREWI_OP_WAIT : op,
                                 .rank = 1,
                                 .timeout_ns = random() % 2 ? random() : 0,
                                 .head = words,
                                 .head_size = (size_t)random() % (sizeof words + 1)};
        if (i % 2)
            fake_ask(&noisy, &call);
        else
            fake_tell(&noisy, &call);
        if (i % 50 == 0)
            put_text(&queues.clients[1], secret, (char[]){(char)('a' + i / 150), '\0'});
    }
    fake_job_pass_time(queues.job, CREWI_SECOND);
    fake_client_end(&noisy);
    fake_job_run(queues.job);
    for (int i = 0; i < 3000; i += 50)
        get_text(&queues.clients[0], secret, (char[]){(char)('a' + i / 150), '\0'});
    put_text(&queues.clients[1], id, "still");
    queues_end(&queues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_cannot_be),
        cmocka_unit_test(the_largest_item),
        cmocka_unit_test(ways_around_the_agent),
        cmocka_unit_test(lies_about_items),
        cmocka_unit_test(handles_of_another_kind),
        cmocka_unit_test(engines_that_lie),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
