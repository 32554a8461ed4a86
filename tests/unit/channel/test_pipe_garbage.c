/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that cannot be, from clients and from ranks: they are refused, or nothing happens, and
 * the pipe works as before. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

static struct pipe_ends used(void)
{
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    return ends;
}

static void expect_working(struct pipe_ends ends)
{
    pipe_send(on(1), ends.out, "it works");
    pipe_receive(on(2), ends.in, "it works");
    pipe_receive_nothing(on(2), ends.in);
}

/* Of clients */

static uint64_t ask_bytes(struct fake_client *client, uint8_t op, const void *data, size_t size)
{
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = op,
                             .rank = client->rank->loop.engine.rank,
                             .timeout_ns = CREWI_FOREVER,
                             .head = data,
                             .head_size = size};
    return fake_ask(client, &call);
}

static void creations_that_cannot_be(void **state)
{
    struct crewi_pipe_settings settings = {.capacity = 100};
    (void)state;
    fake_expect_refusal(on(1), ask_bytes(on(1), CREWI_PIPE_CREATE, NULL, 0), CREW_EPROTO,
                        "no pipe");
    fake_expect_refusal(on(1), ask_bytes(on(1), CREWI_PIPE_CREATE, &settings, 8), CREW_EPROTO,
                        "no pipe");
    settings.capacity = 0;
    fake_expect_refusal(on(1), ask_bytes(on(1), CREWI_PIPE_CREATE, &settings, sizeof settings),
                        CREW_EPROTO, "capacity of 0");
    settings.capacity = CREWI_PIPE_CAPACITY_LIMIT + 1;
    fake_expect_refusal(on(1), ask_bytes(on(1), CREWI_PIPE_CREATE, &settings, sizeof settings),
                        CREW_EPROTO, "a capacity of");
}

static void requests_without_an_end(void **state)
{
    (void)state;
    for (uint8_t op = CREWI_PIPE_SEND; op <= CREWI_PIPE_MORE; op++) {
        fake_expect_refusal(on(1), ask_bytes(on(1), op, NULL, 0), CREW_EINVAL, "another kind");
        fake_expect_refusal(on(1), ask_bytes(on(1), op, "1234567", 7), CREW_EINVAL, "another kind");
    }
}

static void ids_of_other_things(void **state)
{
    (void)state;
    const uint64_t ids[] = {0,
                            1,
                            UINT64_MAX,
                            on(1)->base.process,
                            (uint64_t)CREWI_KIND_QUEUE << 60 | 2,
                            (uint64_t)CREWI_KIND_PIPE << 60 | (uint64_t)FAKE_RANKS << 40 | 2};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        fake_expect_refusal(on(1), pipe_ask_receive(on(1), ids[i]), CREW_EINVAL, "another kind");
        fake_expect_refusal(on(1), pipe_ask(on(1), CREWI_PIPE_CLOSE, ids[i], 0), CREW_EINVAL,
                            "another kind");
    }
}

static void operations_that_there_are_not(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    for (uint8_t op = CREWI_PIPE_MORE + 1; op < CREWI_OP_STOP_POSTS; op++)
        fake_expect_refusal(on(1), pipe_ask(on(1), op, ends.out, 0), CREW_EPROTO, "no operation");
    fake_expect_refusal(on(1), pipe_ask(on(1), CREWI_OP_STOP_POSTS, ends.out, 0), CREW_EPROTO,
                        "no operation");
    expect_working(ends);
}

/* Each differs from a sound one in one thing. */
static void sends_that_cannot_be(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    const struct crewi_pipe_item sound = {.end = ends.out, .size = 8};
    struct {
        struct crewi_pipe_item item;
        uint64_t data[2];
    } wrong[] = {
        {.item = sound}, {.item = sound}, {.item = sound}, {.item = sound},
        {.item = sound}, {.item = sound}, {.item = sound}, {.item = sound},
    };
    wrong[0].item.size = 7;
    wrong[1].item.size = 9;
    wrong[2].item.size = UINT64_MAX;
    wrong[3].item.what = CREWI_PIPE_RECALL;
    wrong[4].item.what = CREWI_PIPE_RECALL + 1;
    wrong[5].item.source = FAKE_RANKS;
    wrong[6].item.place.has_ended = 1;
    wrong[7].item.share_count = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fake_expect_refusal(on(1),
                            ask_bytes(on(1), CREWI_PIPE_SEND, &wrong[i], sizeof wrong[i].item + 8),
                            CREW_EPROTO, "malformed");
    wrong[0].item = sound; /* shares that nobody has counted */
    wrong[0].item.size = 0;
    wrong[0].item.share_count = 1;
    wrong[0].data[0] = ends.out;
    fake_expect_refusal(on(1), ask_bytes(on(1), CREWI_PIPE_SEND, &wrong[0], sizeof wrong[0]),
                        CREW_EPROTO, "malformed");
    fake_expect_refusal(on(1), ask_bytes(on(1), CREWI_PIPE_SEND, &sound, 8), CREW_EPROTO,
                        "malformed");
    expect_working(ends);
}

static void a_message_that_is_too_long_for_its_kind(void **state)
{
    static struct {
        struct crewi_pipe_item item;
        unsigned char data[CREWI_PIPE_INLINE_SIZE + 1];
    } message;
    (void)state;
    struct pipe_ends ends = used();
    message.item = (struct crewi_pipe_item){.end = ends.out, .size = sizeof message.data};
    fake_expect_refusal(
        on(1),
        ask_bytes(on(1), CREWI_PIPE_SEND, &message, sizeof message.item + sizeof message.data),
        CREW_EPROTO, "malformed");
    message.item.what = CREWI_PIPE_LARGE; /* more words than are looked at */
    fake_expect_refusal(
        on(1),
        ask_bytes(on(1), CREWI_PIPE_SEND, &message, sizeof message.item + sizeof message.data),
        CREW_EPROTO, "malformed");
    expect_working(ends);
}

static void sends_as_notes_that_cannot_be(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_item item = {.end = ends.out, .size = 3};
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_SEND,
                             .rank = 1,
                             .timeout_ns = CREWI_FOREVER,
                             .head = &item,
                             .head_size = sizeof item};
    fake_tell(on(1), &call);
    call.head_size = 3;
    fake_tell(on(1), &call);
    call.head_size = sizeof item; /* a large one that nobody waits for: it goes when it closes */
    item.what = CREWI_PIPE_LARGE;
    fake_tell(on(1), &call);
    fake_job_run(pipe_job);
    pipe_close(on(1), ends.out);
    fake_expect_refusal(on(2), pipe_ask_receive(on(2), ends.in), CREW_ETRUNC, "ended");
    pipe_receive_eof(on(2), ends.in);
}

static void ranges_that_cannot_be(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t wait = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, CREWI_FOREVER);
    fake_expect_parked(on(2), wait);
    uint64_t range[] = {ends.in, 0, UINT64_MAX, 0};
    struct fake_call note = {
        .kind = CREWI_KIND_PIPE, .op = CREWI_OP_FORGET_WAITS, .rank = 2, .head = range};
    static const size_t sizes[] = {8, 16, 23, 25, 32};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        note.head_size = sizes[i];
        fake_tell(on(2), &note);
    }
    pipe_send(on(1), ends.out, "x");
    fake_expect_reply(on(2), wait, NULL, 1);
}

/* Pipes are asked on one's own rank. */
static void a_client_that_asks_another_rank(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_RECEIVE,
                             .rank = 2,
                             .timeout_ns = CREWI_FOREVER,
                             .head = &ends.in,
                             .head_size = sizeof ends.in};
    fake_call_refused(on(3), &call, CREW_EPROTO, "on another rank");
    expect_working(ends);
}

static void timeouts_before_all_time(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), on(3), ends.in);
    pipe_receive_nothing(on(3), ends.in);
    uint64_t asked = pipe_ask(on(2), CREWI_PIPE_RECEIVE, ends.in, INT64_MIN);
    pipe_run_rank(2);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(2), asked, CREW_ETIMEDOUT, "no message has come");
    expect_working(ends);
}

/* Of ranks */

static void notes_of_wrong_sizes(void **state)
{
    static const unsigned char zeros[256];
    (void)state;
    struct pipe_ends ends = used();
    for (int op = CREWI_PIPE_ITEM; op <= CREWI_OP_GONE;
         op = op == CREWI_PIPE_CUT ? CREWI_OP_ATTACH : op + 1)
        for (uint64_t size = 0; size < sizeof zeros; size += 8)
            for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
                pipe_say(rank, (uint8_t)op, zeros, size);
    pipe_say(2, CREWI_PIPE_CUT + 1, zeros, 8);
    expect_working(ends);
}

/* Rank 3 knows the pipe's ends, and has no part in it. */
static void notes_about_ends_that_are_not_there(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    const uint64_t ids[] = {ends.in + 1000, ends.in, on(0)->base.process};
    for (int op = CREWI_PIPE_ITEM; op <= CREWI_PIPE_CUT; op++)
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
            struct crewi_pipe_note note = {.end = ids[i], .value = 5, .rank = 1};
            struct crewi_pipe_large_note large = {.end = ids[i], .ticket = 99, .rank = 1};
            pipe_say(3, (uint8_t)op, &note, sizeof note);
            pipe_say(3, (uint8_t)op, &large, sizeof large);
        }
    expect_working(ends);
}

/* An object of another kind at home there has that id. */
static void notes_about_other_objects(void **state)
{
    struct crewi_object other = {.id = (uint64_t)7 << 60 | 5};
    struct crewi_engine *engine = fake_engine(pipe_job, 0);
    (void)state;
    assert_int_equal(crewi_engine_add(engine, &other), CREW_OK);
    struct crewi_pipe_note note = {.end = other.id, .rank = 1};
    pipe_say(0, CREWI_PIPE_FETCH, &note, sizeof note);
    pipe_say(0, CREWI_PIPE_ARRIVED, &note, sizeof note);
    crewi_engine_remove(engine, other.id);
}

static void ranks_that_there_are_not(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    for (int op = CREWI_PIPE_CREDIT; op <= CREWI_PIPE_CUT; op++)
        for (uint32_t rank = 0; rank < 3; rank++) {
            uint64_t end = rank == 1 ? ends.out : ends.in;
            struct crewi_pipe_note note = {.end = end, .rank = FAKE_RANKS};
            struct crewi_pipe_large_note large = {.end = end, .rank = FAKE_RANKS},
                                         other = {.end = end, .source = UINT32_MAX};
            pipe_say(rank, (uint8_t)op, &note, sizeof note);
            pipe_say(rank, (uint8_t)op, &large, sizeof large);
            pipe_say(rank, (uint8_t)op, &other, sizeof other);
        }
    expect_working(ends);
}

static void messages_with_unknown_tickets(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    for (int op = CREWI_PIPE_CHECK; op <= CREWI_PIPE_CUT; op++)
        for (uint32_t rank = 1; rank < 3; rank++) {
            struct crewi_pipe_large_note note = {
                .end = rank == 1 ? ends.out : ends.in, .ticket = 12345, .source = 1, .rank = 2};
            pipe_say(rank, (uint8_t)op, &note, sizeof note);
        }
    expect_working(ends);
}

static void items_that_cannot_be(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    struct {
        struct crewi_pipe_item item;
        uint64_t data[2];
    } item = {.item = {.end = ends.in, .number = 1, .source = 1, .size = 5}};
    pipe_say(2, CREWI_PIPE_ITEM, &item, sizeof item); /* of another size */
    pipe_say(2, CREWI_PIPE_ITEM, &item, 9);
    item.item.size = sizeof item.data;
    item.item.source = FAKE_RANKS;
    pipe_say(2, CREWI_PIPE_ITEM, &item, sizeof item);
    item.item.source = 1;
    item.item.share_count = UINT32_MAX;
    pipe_say(2, CREWI_PIPE_ITEM, &item, sizeof item);
    item.item.share_count = 0;
    item.item.number = 0; /* once more */
    pipe_say(2, CREWI_PIPE_ITEM, &item, sizeof item);
    item.item.number = 1;
    pipe_say(2, CREWI_PIPE_STATE_ITEM, &item, sizeof item); /* it is here already */
    expect_working(ends);
}

static void states_that_cannot_be(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    struct {
        struct crewi_pipe_state state;
        struct crewi_pipe_source_state sources[2];
    } garbage = {.state = {.end = ends.in, .taken = 77, .source_count = 2, .item_count = 3}};
    pipe_say(2, CREWI_PIPE_STATE, &garbage, sizeof garbage); /* it is here already */
    pipe_share(on(2), on(3), ends.in);
    pipe_receive_nothing(on(3), ends.in);
    garbage.state.source_count = 3;
    pipe_say(2, CREWI_PIPE_STATE, &garbage, sizeof garbage);
    garbage.state.source_count = UINT32_MAX;
    pipe_say(2, CREWI_PIPE_STATE, &garbage, sizeof garbage);
    pipe_say(2, CREWI_PIPE_STATE, &garbage, sizeof garbage.state - 1);
    pipe_send(on(1), ends.out, "x");
    pipe_receive(on(3), ends.in, "x");
    expect_working(ends);
}

static void credit_for_more_than_was_sent(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_note note = {.end = ends.out, .value = UINT64_MAX, .rank = 2};
    pipe_say(1, CREWI_PIPE_CREDIT, &note, sizeof note);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.under_way, 0);
    expect_working(ends);
}

static void moves_that_nobody_asked_for(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_note note = {.end = ends.in, .rank = 2};
    pipe_say(2, CREWI_PIPE_MOVE, &note, sizeof note); /* to itself */
    pipe_say(0, CREWI_PIPE_MOVE, &note, sizeof note); /* where it is not */
    pipe_say(2, CREWI_PIPE_HELD, &note, sizeof note); /* where it is */
    pipe_expect_at(2, ends.in);
    expect_working(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(creations_that_cannot_be),
        PIPE_TEST(requests_without_an_end),
        PIPE_TEST(ids_of_other_things),
        PIPE_TEST(operations_that_there_are_not),
        PIPE_TEST(sends_that_cannot_be),
        PIPE_TEST(a_message_that_is_too_long_for_its_kind),
        PIPE_TEST(sends_as_notes_that_cannot_be),
        PIPE_TEST(ranges_that_cannot_be),
        PIPE_TEST(a_client_that_asks_another_rank),
        PIPE_TEST(timeouts_before_all_time),
        PIPE_TEST(notes_of_wrong_sizes),
        PIPE_TEST(notes_about_ends_that_are_not_there),
        PIPE_TEST(notes_about_other_objects),
        PIPE_TEST(ranks_that_there_are_not),
        PIPE_TEST(messages_with_unknown_tickets),
        PIPE_TEST(items_that_cannot_be),
        PIPE_TEST(states_that_cannot_be),
        PIPE_TEST(credit_for_more_than_was_sent),
        PIPE_TEST(moves_that_nobody_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
