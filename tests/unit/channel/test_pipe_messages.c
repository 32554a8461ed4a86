/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages, their order and their boundaries; who receives, and for how long they wait. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

static void a_message_on_one_rank(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_send(on(0), ends.out, "hello");
    pipe_receive(on(0), ends.in, "hello");
    assert_int_equal(pipe_job->carried, 0);
}

static void a_message_between_ranks(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "from one to two, made by nought");
    pipe_receive(on(2), ends.in, "from one to two, made by nought");
}

/* The first one fetches the stream; from then on one message is enough. */
static void later_messages_go_straight_to_the_receiver(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "a");
    pipe_receive(on(2), ends.in, "a");
    pipe_send(on(1), ends.out, "b");
    pipe_receive(on(2), ends.in, "b");
    uint64_t before = pipe_job->carried;
    pipe_send(on(1), ends.out, "c");
    pipe_receive(on(2), ends.in, "c");
    assert_int_equal(pipe_job->carried, before + 1);
}

static void order_and_boundaries(uint32_t from, uint32_t to)
{
    struct pipe_ends ends = pipe_between(on(0), on(from), on(to), CREWI_PIPE_CAPACITY);
    static const uint64_t sizes[] = {1, 7, 8, 9, 1000, CREWI_PIPE_INLINE_SIZE, 2};
    for (unsigned char i = 0; i < 7; i++)
        pipe_send_bytes(on(from), ends.out, i, sizes[i]);
    pipe_send(on(from), ends.out, "");
    pipe_send(on(from), ends.out, "end");
    for (unsigned char i = 0; i < 7; i++)
        pipe_receive_bytes(on(to), ends.in, i, sizes[i]);
    pipe_receive(on(to), ends.in, "");
    pipe_receive(on(to), ends.in, "end");
}

static void order_and_boundaries_on_one_rank(void **state)
{
    (void)state;
    order_and_boundaries(0, 0);
}

static void order_and_boundaries_between_ranks(void **state)
{
    (void)state;
    order_and_boundaries(1, 3);
    order_and_boundaries(0, 2);
    order_and_boundaries(2, 0);
}

static void posts_and_sends_stay_in_order(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "asked");
    for (unsigned char i = 0; i < 10; i++)
        pipe_post(on(1), ends.out, pipe_bytes(i, 3), 3);
    uint64_t asked = pipe_ask_send(on(1), ends.out, "last", 4, CREWI_FOREVER);
    fake_expect_reply(on(1), asked, NULL, 0);
    pipe_receive(on(2), ends.in, "asked");
    for (unsigned char i = 0; i < 10; i++)
        pipe_receive_bytes(on(2), ends.in, i, 3);
    pipe_receive(on(2), ends.in, "last");
}

static void both_ways(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_make(on(0), CREWI_PIPE_CAPACITY, true);
    pipe_hand(on(0), on(1), ends.in);
    pipe_hand(on(0), on(2), ends.out);
    for (int i = 0; i < 3; i++) {
        pipe_send(on(1), ends.in, "there");
        pipe_send(on(2), ends.out, "and back");
        pipe_send(on(1), ends.in, "twice");
        pipe_receive(on(1), ends.in, "and back");
        pipe_receive(on(2), ends.out, "there");
        pipe_receive(on(2), ends.out, "twice");
    }
}

static void one_way_ends_refuse_the_other_way(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    fake_expect_refusal(on(2), pipe_ask_send(on(2), ends.in, "x", 1, CREWI_FOREVER), CREW_ENOTSUP,
                        "can only receive");
    fake_expect_refusal(on(1), pipe_ask_receive(on(1), ends.out), CREW_ENOTSUP, "can only send");
    fake_expect_refusal(on(1), pipe_ask(on(1), CREWI_OP_WAIT, ends.out, CREWI_FOREVER),
                        CREW_ENOTSUP, "can only send");
}

/* Who receives */

static void receivers_are_served_in_their_order(void **state)
{
    uint64_t asked[6];
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    for (int i = 0; i < 6; i++) {
        asked[i] = pipe_ask_receive(i % 3 ? on(2) : also_on(2), ends.in);
        fake_job_run(pipe_job);
    }
    for (unsigned char i = 0; i < 6; i++) {
        pipe_send_bytes(on(1), ends.out, i, 10);
        pipe_expect_bytes(i % 3 ? on(2) : also_on(2), asked[i], i, 10);
    }
    assert_null(on(2)->arrived.first);
    assert_null(also_on(2)->arrived.first);
}

static void each_message_goes_to_one_receiver(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    uint64_t first = pipe_ask_receive(on(2), ends.in),
             second = pipe_ask_receive(also_on(2), ends.in);
    pipe_send(on(1), ends.out, "one");
    pipe_expect_text(on(2), first, "one");
    fake_expect_parked(also_on(2), second);
    pipe_send(on(1), ends.out, "two");
    pipe_expect_text(also_on(2), second, "two");
}

/* Deadlines */

static void a_receive_waits_for_its_time(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_receive_nothing(on(2), ends.in);
    uint64_t asked = pipe_ask(on(2), CREWI_PIPE_RECEIVE, ends.in, 10 * CREWI_SECOND);
    uint64_t longer = pipe_ask(on(2), CREWI_PIPE_RECEIVE, ends.in, 30 * CREWI_SECOND);
    fake_expect_parked(on(2), asked);
    fake_job_pass_time(pipe_job, 9 * CREWI_SECOND);
    fake_expect_parked(on(2), asked);
    fake_job_pass_time(pipe_job, 1 * CREWI_SECOND);
    fake_expect_refusal(on(2), asked, CREW_ETIMEDOUT, "no message has come");
    pipe_send(on(1), ends.out, "late");
    pipe_expect_text(on(2), longer, "late");
    fake_job_pass_time(pipe_job, 60 * CREWI_SECOND);
    assert_null(on(2)->arrived.first);
}

static void a_wait_is_over_with_a_message_or_its_time(void **state)
{
    unsigned char ready;
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    assert_false(pipe_poll(on(2), ends.in));
    uint64_t first = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, 10 * CREWI_SECOND);
    uint64_t second = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, 30 * CREWI_SECOND);
    fake_expect_parked(on(2), first);
    fake_job_pass_time(pipe_job, 10 * CREWI_SECOND);
    fake_expect_reply(on(2), first, NULL, 0);
    fake_expect_parked(on(2), second);
    pipe_send(on(1), ends.out, "now");
    fake_expect_reply(on(2), second, &ready, 1);
    assert_int_equal(ready, 1);
    assert_true(pipe_poll(on(2), ends.in));
    pipe_receive(on(2), ends.in, "now");
    assert_false(pipe_poll(on(2), ends.in));
}

static void a_wait_takes_nothing_away(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    uint64_t wait = pipe_ask(also_on(2), CREWI_OP_WAIT, ends.in, CREWI_FOREVER);
    fake_expect_parked(also_on(2), wait);
    uint64_t receive = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), receive);
    pipe_send(on(1), ends.out, "for the receiver");
    pipe_expect_text(on(2), receive, "for the receiver");
    fake_expect_parked(also_on(2), wait);
    pipe_send(on(1), ends.out, "for whoever waits");
    fake_expect_reply(also_on(2), wait, NULL, 1);
    pipe_receive(also_on(2), ends.in, "for whoever waits");
}

static void waits_are_forgotten_when_nobody_waits(void **state)
{
    uint64_t asked[3];
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    for (int i = 0; i < 3; i++) {
        asked[i] = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, CREWI_FOREVER);
        fake_expect_parked(on(2), asked[i]);
    }
    uint64_t range[] = {ends.in, asked[0], asked[1]};
    struct fake_call note = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_OP_FORGET_WAITS,
                             .rank = 2,
                             .head = range,
                             .head_size = sizeof range};
    fake_tell(on(2), &note);
    pipe_send(on(1), ends.out, "x");
    fake_expect_reply(on(2), asked[2], NULL, 1);
    fake_job_run(pipe_job);
    assert_null(on(2)->arrived.first);
}

/* Ends of processes */

static void a_receiver_that_is_gone_receives_nothing(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    fake_expect_parked(on(2), pipe_ask_receive(on(2), ends.in));
    uint64_t asked = pipe_ask_receive(also_on(2), ends.in);
    fake_expect_parked(also_on(2), asked);
    fake_client_end(on(2));
    fake_job_run(pipe_job);
    pipe_send(on(1), ends.out, "for those who live");
    pipe_expect_text(also_on(2), asked, "for those who live");
}

/* Its end has not been handled when the message comes. */
static void a_receiver_that_died_just_now_swallows_nothing(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(2), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    pipe_send(on(2), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    fake_expect_parked(also_on(2), pipe_ask_receive(also_on(2), ends.in));
    uint64_t sent = pipe_ask_send(on(2), ends.out, "kept", 4, CREWI_FOREVER);
    fake_client_end(also_on(2));
    fake_expect_reply(on(2), sent, NULL, 0);
    pipe_receive(on(2), ends.in, "kept");
}

static void a_request_of_one_who_died_just_now_swallows_nothing(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    pipe_receive_nothing(on(2), ends.in);
    pipe_send(on(1), ends.out, "kept");
    pipe_ask_receive(also_on(2), ends.in);
    fake_client_end(also_on(2));
    pipe_receive(on(2), ends.in, "kept");
}

static void one_who_died_while_the_stream_came_swallows_nothing(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    pipe_send(on(1), ends.out, "kept");
    pipe_ask_receive(also_on(2), ends.in);
    pipe_run_rank(2);
    pipe_run_rank(0);
    pipe_run_rank(2);
    pipe_run_rank(0); /* it is on its way */
    fake_client_end(also_on(2));
    fake_job_run(pipe_job);
    pipe_receive(on(2), ends.in, "kept");
}

static void what_was_posted_is_received_after_the_end_of_its_sender(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "first");
    pipe_post(on(1), ends.out, "second", 6);
    fake_client_end(on(1));
    pipe_receive(on(2), ends.in, "first");
    pipe_receive(on(2), ends.in, "second");
    pipe_receive_eof(on(2), ends.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(a_message_on_one_rank),
        PIPE_TEST(a_message_between_ranks),
        PIPE_TEST(later_messages_go_straight_to_the_receiver),
        PIPE_TEST(order_and_boundaries_on_one_rank),
        PIPE_TEST(order_and_boundaries_between_ranks),
        PIPE_TEST(posts_and_sends_stay_in_order),
        PIPE_TEST(both_ways),
        PIPE_TEST(one_way_ends_refuse_the_other_way),
        PIPE_TEST(receivers_are_served_in_their_order),
        PIPE_TEST(each_message_goes_to_one_receiver),
        PIPE_TEST(a_receive_waits_for_its_time),
        PIPE_TEST(a_wait_is_over_with_a_message_or_its_time),
        PIPE_TEST(a_wait_takes_nothing_away),
        PIPE_TEST(waits_are_forgotten_when_nobody_waits),
        PIPE_TEST(a_receiver_that_is_gone_receives_nothing),
        PIPE_TEST(a_receiver_that_died_just_now_swallows_nothing),
        PIPE_TEST(a_request_of_one_who_died_just_now_swallows_nothing),
        PIPE_TEST(one_who_died_while_the_stream_came_swallows_nothing),
        PIPE_TEST(what_was_posted_is_received_after_the_end_of_its_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
