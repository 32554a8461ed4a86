/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipe_job.h"

#include "channel/pipe_channel.h"
#include "unit.h"

#include <string.h>

struct fake_job *pipe_job;
struct fake_client pipe_clients[FAKE_RANKS][PIPE_CLIENTS];

int pipe_begin(void **state)
{
    (void)state;
    pipe_job = fake_job_create(FAKE_RANKS);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        assert_int_equal(crewi_pipes_init(fake_engine(pipe_job, rank)), CREW_OK);
        for (int i = 0; i < PIPE_CLIENTS; i++)
            fake_client_begin(&pipe_clients[rank][i], pipe_job, rank);
    }
    return 0;
}

static void end_clients(void)
{
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < PIPE_CLIENTS; i++)
            if (pipe_clients[rank][i].attached)
                fake_client_end(&pipe_clients[rank][i]);
}

int pipe_end(void **state)
{
    (void)state;
    end_clients();
    fake_job_run(pipe_job);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        struct crewi_engine *engine = fake_engine(pipe_job, rank);
        assert_int_equal(engine->objects.count, 0);
        assert_int_equal(engine->handles.count, 0);
        assert_int_equal(engine->timers.count, 0);
        crewi_pipes_fini(engine);
    }
    fake_job_destroy(pipe_job);
    return 0;
}

int pipe_end_in_the_middle(void **state)
{
    (void)state;
    end_clients();
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        crewi_pipes_fini(fake_engine(pipe_job, rank));
    fake_job_destroy(pipe_job);
    return 0;
}

struct pipe_ends pipe_make(struct fake_client *client, uint64_t capacity, bool duplex)
{
    struct crewi_pipe_settings settings = {.capacity = capacity, .duplex = duplex};
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_CREATE,
                             .rank = client->rank->loop.engine.rank,
                             .head = &settings,
                             .head_size = sizeof settings};
    struct pipe_ends ends;
    fake_call(client, &call, &ends, sizeof ends);
    return ends;
}

struct pipe_ends pipe_of(struct fake_client *client)
{
    return pipe_make(client, CREWI_PIPE_CAPACITY, false);
}

void pipe_share(struct fake_client *from, struct fake_client *to, uint64_t end)
{
    struct crewi_shares shares;
    assert_int_equal(
        crewi_shares_take(&from->rank->loop.engine, from->base.process, &end, sizeof end, &shares),
        CREW_OK);
    assert_int_equal(shares.count, 1);
    crewi_shares_hand_over(&to->rank->loop.engine, to->base.process, shares.list, shares.count);
    crewi_shares_free(&shares);
}

void pipe_hand(struct fake_client *from, struct fake_client *to, uint64_t end)
{
    if (from == to)
        return;
    pipe_share(from, to, end);
    pipe_close(from, end);
}

struct pipe_ends pipe_between(struct fake_client *maker, struct fake_client *sender,
                              struct fake_client *receiver, uint64_t capacity)
{
    struct pipe_ends ends = pipe_make(maker, capacity, false);
    pipe_hand(maker, sender, ends.out);
    pipe_hand(maker, receiver, ends.in);
    return ends;
}

/* Asking */

static struct fake_call call_to(const struct fake_client *client, uint8_t op, int64_t timeout_ns)
{
    return (struct fake_call){.kind = CREWI_KIND_PIPE,
                              .op = op,
                              .rank = client->rank->loop.engine.rank,
                              .timeout_ns = timeout_ns};
}

uint64_t pipe_ask(struct fake_client *client, uint8_t op, uint64_t end, int64_t timeout_ns)
{
    struct fake_call call = call_to(client, op, timeout_ns);
    call.head = &end;
    call.head_size = sizeof end;
    return fake_ask(client, &call);
}

uint64_t pipe_ask_send(struct fake_client *client, uint64_t end, const void *data, uint64_t size,
                       int64_t timeout_ns)
{
    struct crewi_pipe_item item = {.end = end, .size = size};
    struct fake_call call = call_to(client, CREWI_PIPE_SEND, timeout_ns);
    call.head = &item;
    call.head_size = sizeof item;
    call.body = data;
    call.body_size = size;
    return fake_ask(client, &call);
}

void pipe_post(struct fake_client *client, uint64_t end, const void *data, uint64_t size)
{
    struct crewi_pipe_item item = {.end = end, .size = size};
    struct fake_call call = call_to(client, CREWI_PIPE_SEND, CREWI_FOREVER);
    call.head = &item;
    call.head_size = sizeof item;
    call.body = data;
    call.body_size = size;
    fake_tell(client, &call);
}

uint64_t pipe_ask_receive(struct fake_client *client, uint64_t end)
{
    return pipe_ask(client, CREWI_PIPE_RECEIVE, end, CREWI_FOREVER);
}

const void *pipe_bytes(unsigned char which, uint64_t size)
{
    static unsigned char bytes[CREWI_PIPE_INLINE_SIZE + 1];
    assert_in_range(size, 1, sizeof bytes);
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(which + i % 7);
    return bytes;
}

/* Expecting */

void pipe_send(struct fake_client *client, uint64_t end, const char *text)
{
    fake_expect_reply(client, pipe_ask_send(client, end, text, strlen(text), CREWI_FOREVER), NULL,
                      0);
}

void pipe_send_bytes(struct fake_client *client, uint64_t end, unsigned char which, uint64_t size)
{
    const void *bytes = pipe_bytes(which, size);
    fake_expect_reply(client, pipe_ask_send(client, end, bytes, size, CREWI_FOREVER), NULL, 0);
}

static void expect_message(struct fake_client *client, uint64_t request, const void *data,
                           uint64_t size)
{
    static struct {
        struct crewi_pipe_item item;
        unsigned char data[CREWI_PIPE_INLINE_SIZE];
    } message;
    fake_expect_reply(client, request, &message, sizeof message.item + size);
    assert_int_equal(message.item.what, CREWI_PIPE_INLINE);
    assert_int_equal(message.item.size, size);
    if (size)
        assert_memory_equal(message.data, data, size);
}

void pipe_expect_text(struct fake_client *client, uint64_t request, const char *text)
{
    expect_message(client, request, text, strlen(text));
}

void pipe_expect_bytes(struct fake_client *client, uint64_t request, unsigned char which,
                       uint64_t size)
{
    expect_message(client, request, pipe_bytes(which, size), size);
}

void pipe_receive(struct fake_client *client, uint64_t end, const char *text)
{
    pipe_expect_text(client, pipe_ask_receive(client, end), text);
}

void pipe_receive_bytes(struct fake_client *client, uint64_t end, unsigned char which,
                        uint64_t size)
{
    pipe_expect_bytes(client, pipe_ask_receive(client, end), which, size);
}

void pipe_receive_nothing(struct fake_client *client, uint64_t end)
{
    fake_expect_refusal(client, pipe_ask(client, CREWI_PIPE_RECEIVE, end, 0), CREW_ETIMEDOUT,
                        "no message has come");
}

void pipe_receive_eof(struct fake_client *client, uint64_t end)
{
    fake_expect_refusal(client, pipe_ask_receive(client, end), CREW_EOF,
                        "all copies of the other end are closed");
}

bool pipe_poll(struct fake_client *client, uint64_t end)
{
    uint64_t asked = pipe_ask(client, CREWI_OP_WAIT, end, 0);
    fake_job_run(pipe_job);
    struct crewi_frame *reply = fake_reply(client, asked);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    assert_in_range(reply->header.size, 0, 1);
    bool ready = reply->header.size == 1;
    crewi_frame_destroy(reply);
    return ready;
}

void pipe_close(struct fake_client *client, uint64_t end)
{
    fake_expect_reply(client, pipe_ask(client, CREWI_PIPE_CLOSE, end, 0), NULL, 0);
}

/* Below */

struct crewi_pipe_agent *pipe_agent(uint32_t rank, uint64_t end)
{
    struct crewi_pipe_agent *agent = crewi_pipe_agent_find(fake_engine(pipe_job, rank), end);
    assert_non_null(agent);
    return agent;
}

void pipe_expect_at(uint32_t rank, uint64_t end)
{
    for (uint32_t i = 0; i < FAKE_RANKS; i++) {
        const struct crewi_pipe_agent *agent = crewi_pipe_agent_find(fake_engine(pipe_job, i), end);
        bool is_here = agent && agent->inlet.place == CREWI_INLET_HERE;
        assert_int_equal(is_here, i == rank);
    }
}

void pipe_run_rank(uint32_t rank)
{
    struct crewi_engine *engine = fake_engine(pipe_job, rank);
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(&pipe_job->ranks[rank].wire)))
        crewi_engine_accept(engine, frame);
    crewi_engine_run(engine, pipe_job->now_ns);
}

struct crewi_frame *pipe_hold_back(uint32_t rank, uint8_t op)
{
    struct crewi_frames *wire = &pipe_job->ranks[rank].wire, others;
    struct crewi_frame *frame, *found = NULL;
    crewi_frames_init(&others);
    while ((frame = crewi_frames_pop(wire))) {
        if (!found && frame->header.op == op)
            found = frame;
        else
            crewi_frames_push(&others, frame);
    }
    while ((frame = crewi_frames_pop(&others)))
        crewi_frames_push(wire, frame);
    return found;
}

void pipe_deliver(uint32_t rank, struct crewi_frame *frame)
{
    assert_non_null(frame);
    crewi_engine_accept(fake_engine(pipe_job, rank), frame);
}

void pipe_say(uint32_t rank, uint8_t op, const void *data, uint64_t size)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    assert_non_null(frame);
    frame->header.type = CREWI_NOTE;
    frame->header.kind = CREWI_KIND_PIPE;
    frame->header.op = op;
    frame->header.target_rank = rank;
    if (size)
        memcpy(frame->payload, data, size);
    pipe_deliver(rank, frame);
    fake_job_run(pipe_job);
}
