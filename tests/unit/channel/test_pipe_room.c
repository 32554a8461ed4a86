/* SPDX-License-Identifier: BSD-3-Clause */
/* Room: who waits for it, and how it comes back. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

#define COST CREWI_PIPE_ITEM_COST

static uint64_t ask_bytes(struct fake_client *client, uint64_t end, unsigned char which,
                          uint64_t size, int64_t timeout_ns)
{
    return pipe_ask_send(client, end, pipe_bytes(which, size), size, timeout_ns);
}

static uint64_t ask_for_ever(struct fake_client *client, uint64_t end, unsigned char which,
                             uint64_t size)
{
    return ask_bytes(client, end, which, size, CREWI_FOREVER);
}

/* Each message with its cost is a quarter of the capacity. */
static void a_sender_waits_at_capacity(struct fake_client *sender, struct fake_client *receiver)
{
    struct pipe_ends ends = pipe_between(on(0), sender, receiver, 4 * (COST + 36));
    for (unsigned char i = 0; i < 4; i++)
        pipe_send_bytes(sender, ends.out, i, 36);
    uint64_t asked = ask_for_ever(sender, ends.out, 4, 36);
    fake_expect_parked(sender, asked);
    pipe_receive_bytes(receiver, ends.in, 0, 36);
    fake_expect_reply(sender, asked, NULL, 0);
    for (unsigned char i = 1; i < 5; i++)
        pipe_receive_bytes(receiver, ends.in, i, 36);
    pipe_receive_nothing(receiver, ends.in);
}

static void a_sender_waits_at_capacity_on_one_rank(void **state)
{
    (void)state;
    a_sender_waits_at_capacity(on(0), also_on(0));
}

static void a_sender_waits_at_capacity_between_ranks(void **state)
{
    (void)state;
    a_sender_waits_at_capacity(on(1), on(2));
    a_sender_waits_at_capacity(on(0), on(2));
    a_sender_waits_at_capacity(on(1), on(0));
}

static void those_who_wait_stay_in_order(void **state)
{
    uint64_t asked[5];
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 1000);
    pipe_share(on(1), also_on(1), ends.out);
    pipe_send_bytes(on(1), ends.out, 9, 900);
    for (unsigned char i = 0; i < 5; i++) /* the small ones have room, but are behind a large one */
        asked[i] = ask_for_ever(i % 2 ? on(1) : also_on(1), ends.out, i, i ? 10 : 800);
    fake_job_run(pipe_job);
    for (int i = 0; i < 5; i++)
        fake_expect_parked(i % 2 ? on(1) : also_on(1), asked[i]);
    pipe_receive_bytes(on(2), ends.in, 9, 900);
    pipe_receive_bytes(on(2), ends.in, 0, 800);
    for (unsigned char i = 1; i < 5; i++)
        pipe_receive_bytes(on(2), ends.in, i, 10);
    for (int i = 0; i < 5; i++)
        fake_expect_reply(i % 2 ? on(1) : also_on(1), asked[i], NULL, 0);
}

static void a_message_larger_than_the_capacity_goes_alone(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_send_bytes(on(1), ends.out, 1, 5000);
    uint64_t second = ask_for_ever(on(1), ends.out, 2, 1);
    uint64_t third = ask_for_ever(on(1), ends.out, 3, 5000);
    fake_expect_parked(on(1), second);
    pipe_receive_bytes(on(2), ends.in, 1, 5000);
    fake_expect_reply(on(1), second, NULL, 0);
    fake_expect_parked(on(1), third);
    pipe_receive_bytes(on(2), ends.in, 2, 1);
    fake_expect_reply(on(1), third, NULL, 0);
    pipe_receive_bytes(on(2), ends.in, 3, 5000);
}

static void an_empty_message_counts_too(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 2 * COST);
    pipe_send(on(1), ends.out, "");
    pipe_send(on(1), ends.out, "");
    uint64_t asked = pipe_ask_send(on(1), ends.out, NULL, 0, CREWI_FOREVER);
    fake_expect_parked(on(1), asked);
    pipe_receive(on(2), ends.in, "");
    fake_expect_reply(on(1), asked, NULL, 0);
}

/* While nobody waits, credit costs one message for a quarter of the capacity. */
static void credit_comes_a_quarter_at_a_time(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 8 * (COST + 36));
    pipe_receive_nothing(on(2), ends.in);
    for (unsigned char i = 0; i < 4; i++)
        pipe_send_bytes(on(1), ends.out, i, 36);
    const struct crewi_outlet *outlet = &pipe_agent(1, ends.out)->outlet;
    const uint64_t cost = COST + 36;
    assert_int_equal(outlet->under_way, 4 * cost);
    pipe_receive_bytes(on(2), ends.in, 0, 36);
    assert_int_equal(outlet->under_way, 4 * cost);
    pipe_receive_bytes(on(2), ends.in, 1, 36);
    assert_int_equal(outlet->under_way, 2 * cost);
    pipe_receive_bytes(on(2), ends.in, 2, 36);
    assert_int_equal(outlet->under_way, 2 * cost);
    pipe_receive_bytes(on(2), ends.in, 3, 36);
    assert_int_equal(outlet->under_way, 0);
}

/* What is owed already, and what is received from then on. */
static void a_sender_that_waits_gets_credit_at_once(void **state)
{
    (void)state;
    const uint64_t cost = COST + 36;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 8 * cost);
    for (unsigned char i = 0; i < 8; i++)
        pipe_send_bytes(on(1), ends.out, i, 36);
    pipe_receive_bytes(on(2), ends.in, 0, 36);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.under_way, 8 * cost);
    pipe_send_bytes(on(1), ends.out, 8, 36);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.under_way, 8 * cost);
    uint64_t asked = ask_for_ever(on(1), ends.out, 9, 36);
    fake_expect_parked(on(1), asked);
    pipe_receive_bytes(on(2), ends.in, 1, 36);
    fake_expect_reply(on(1), asked, NULL, 0);
}

static void each_rank_has_room_of_its_own(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_share(on(1), on(3), ends.out);
    pipe_send_bytes(on(1), ends.out, 1, 36);
    pipe_send_bytes(on(3), ends.out, 3, 36);
    uint64_t one = ask_for_ever(on(1), ends.out, 1, 36),
             three = ask_for_ever(on(3), ends.out, 3, 36);
    fake_expect_parked(on(1), one);
    fake_expect_parked(on(3), three);
    pipe_receive_bytes(on(2), ends.in, 1, 36);
    fake_expect_reply(on(1), one, NULL, 0);
    fake_expect_parked(on(3), three);
    pipe_receive_bytes(on(2), ends.in, 3, 36);
    fake_expect_reply(on(3), three, NULL, 0);
}

/* Deadlines */

static void a_send_waits_for_its_time(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_send_bytes(on(1), ends.out, 1, 36);
    fake_expect_refusal(on(1), ask_bytes(on(1), ends.out, 2, 36, 0), CREW_ETIMEDOUT,
                        "was not sent");
    uint64_t asked = ask_bytes(on(1), ends.out, 3, 36, 10 * CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    fake_job_pass_time(pipe_job, 9 * CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    fake_job_pass_time(pipe_job, 1 * CREWI_SECOND);
    fake_expect_refusal(on(1), asked, CREW_ETIMEDOUT, "was not sent");
    pipe_receive_bytes(on(2), ends.in, 1, 36);
    pipe_receive_nothing(on(2), ends.in);
    pipe_send_bytes(on(1), ends.out, 4, 36);
    pipe_receive_bytes(on(2), ends.in, 4, 36);
}

static void no_time_is_enough_when_there_is_room(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    fake_expect_reply(on(1), ask_bytes(on(1), ends.out, 1, 36, 0), NULL, 0);
    pipe_receive_bytes(on(2), ends.in, 1, 36);
}

static void the_middle_one_gives_up(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_send_bytes(on(1), ends.out, 0, 36);
    uint64_t first = ask_for_ever(on(1), ends.out, 1, 36);
    uint64_t second = ask_bytes(on(1), ends.out, 2, 36, CREWI_SECOND);
    uint64_t third = ask_for_ever(on(1), ends.out, 3, 36);
    fake_expect_parked(on(1), first);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(1), second, CREW_ETIMEDOUT, "was not sent");
    pipe_receive_bytes(on(2), ends.in, 0, 36);
    pipe_receive_bytes(on(2), ends.in, 1, 36);
    pipe_receive_bytes(on(2), ends.in, 3, 36);
    fake_expect_reply(on(1), first, NULL, 0);
    fake_expect_reply(on(1), third, NULL, 0);
}

/* The one in front needed more room than there is. */
static void who_gives_up_lets_the_next_one_go(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 1000);
    pipe_send_bytes(on(1), ends.out, 0, 500);
    uint64_t large = ask_bytes(on(1), ends.out, 1, 800, CREWI_SECOND);
    uint64_t small = ask_for_ever(on(1), ends.out, 2, 10);
    fake_expect_parked(on(1), small);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(1), large, CREW_ETIMEDOUT, "was not sent");
    fake_expect_reply(on(1), small, NULL, 0);
    pipe_receive_bytes(on(2), ends.in, 0, 500);
    pipe_receive_bytes(on(2), ends.in, 2, 10);
}

static void who_closes_lets_the_next_one_go(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 1000);
    pipe_share(on(1), also_on(1), ends.out);
    pipe_send_bytes(on(1), ends.out, 0, 500);
    uint64_t large = ask_for_ever(on(1), ends.out, 1, 800);
    uint64_t small = ask_for_ever(also_on(1), ends.out, 2, 10);
    fake_expect_parked(also_on(1), small);
    pipe_close(on(1), ends.out);
    fake_expect_refusal(on(1), large, CREW_ECLOSED, "has closed this connection");
    fake_expect_reply(also_on(1), small, NULL, 0);
    pipe_receive_bytes(on(2), ends.in, 0, 500);
    pipe_receive_bytes(on(2), ends.in, 2, 10);
}

/* Posts that wait for room */

static void posts_that_wait_go_when_their_process_closes(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_send_bytes(on(1), ends.out, 0, 36);
    for (unsigned char i = 1; i < 5; i++)
        pipe_post(on(1), ends.out, pipe_bytes(i, 36), 36);
    fake_job_run(pipe_job);
    assert_non_null(pipe_agent(1, ends.out)->outlet.waiting);
    pipe_close(on(1), ends.out);
    for (unsigned char i = 0; i < 5; i++)
        pipe_receive_bytes(on(2), ends.in, i, 36);
    pipe_receive_eof(on(2), ends.in);
}

static void posts_that_wait_go_when_their_process_ends(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_share(on(1), also_on(1), ends.out);
    pipe_send_bytes(on(1), ends.out, 0, 36);
    pipe_post(on(1), ends.out, pipe_bytes(1, 36), 36);
    uint64_t other = ask_for_ever(also_on(1), ends.out, 8, 36);
    pipe_post(on(1), ends.out, pipe_bytes(2, 36), 36);
    uint64_t asked = ask_for_ever(on(1), ends.out, 9, 36); /* this one does not: nobody waits */
    fake_expect_parked(on(1), asked);
    fake_client_end(on(1));
    for (unsigned char i = 0; i < 3; i++)
        pipe_receive_bytes(on(2), ends.in, i, 36);
    pipe_receive_bytes(on(2), ends.in, 8, 36);
    fake_expect_reply(also_on(1), other, NULL, 0);
    pipe_receive_nothing(on(2), ends.in);
}

static void a_post_that_waits_takes_its_handles_along(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    struct pipe_ends other = pipe_of(on(1));
    pipe_send_bytes(on(1), ends.out, 0, 36);
    pipe_post(on(1), ends.out, &other.in, sizeof other.in);
    pipe_send(on(1), other.out, "inside");
    fake_client_end(on(1));
    pipe_receive_bytes(on(2), ends.in, 0, 36);
    fake_expect_reply(on(2), pipe_ask_receive(on(2), ends.in), NULL,
                      sizeof(struct crewi_pipe_item) + sizeof other.in);
    pipe_receive(on(2), other.in, "inside");
    pipe_receive_eof(on(2), other.in);
}

/* The shares of a post that is given up go home: the other pipe's reader sees its end. */
static void a_post_that_is_given_up_drops_its_handles(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    struct pipe_ends other = pipe_of(on(3));
    pipe_hand(on(3), on(1), other.out);
    pipe_send_bytes(on(1), ends.out, 0, 36);
    pipe_post(on(1), ends.out, &other.out, sizeof other.out);
    fake_job_run(pipe_job);
    pipe_close(on(1), other.out);
    uint64_t asked = pipe_ask_receive(on(3), other.in);
    fake_expect_parked(on(3), asked);
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(3), asked, CREW_EOF, "are closed");
}

static void a_timed_post_drops_its_handles_at_its_deadline(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    struct pipe_ends other = pipe_of(on(3));
    pipe_hand(on(3), on(1), other.out);
    pipe_send_bytes(on(1), ends.out, 0, 36);
    struct crewi_pipe_item item = {.end = ends.out, .size = sizeof other.out};
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_SEND,
                             .rank = 1,
                             .timeout_ns = CREWI_SECOND,
                             .head = &item,
                             .head_size = sizeof item,
                             .body = &other.out,
                             .body_size = sizeof other.out};
    fake_tell(on(1), &call);
    pipe_close(on(1), other.out);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    pipe_receive_eof(on(3), other.in);
}

/* Ends */

static void waiting_senders_hear_that_there_are_no_readers(void **state)
{
    uint64_t asked[3];
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_share(on(1), on(3), ends.out);
    pipe_send_bytes(on(1), ends.out, 0, 36);
    pipe_send_bytes(on(3), ends.out, 0, 36);
    for (int i = 0; i < 3; i++) {
        asked[i] = ask_for_ever(i ? on(1) : on(3), ends.out, 1, 36);
        fake_expect_parked(i ? on(1) : on(3), asked[i]);
    }
    pipe_close(on(2), ends.in);
    for (int i = 0; i < 3; i++)
        fake_expect_refusal(i ? on(1) : on(3), asked[i], CREW_EPIPE, "other end are closed");
}

/* It was told only about the rank where the stream was. */
static void a_hurry_follows_the_stream(void **state)
{
    (void)state;
    const uint64_t cost = COST + 36;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 8 * cost);
    pipe_share(on(2), on(3), ends.in);
    for (unsigned char i = 0; i < 8; i++)
        pipe_send_bytes(on(1), ends.out, i, 36);
    pipe_receive_bytes(on(2), ends.in, 0, 36);
    uint64_t receive = pipe_ask_receive(on(3), ends.in);
    fake_job_run(pipe_job);
    pipe_expect_bytes(on(3), receive, 1, 36);
    pipe_agent(1, ends.out)->outlet.location = 0; /* as if it had never heard of the moves */
    pipe_send_bytes(on(1), ends.out, 8, 36);
    uint64_t asked = ask_for_ever(on(1), ends.out, 9, 36);
    fake_expect_reply(on(1), asked, NULL, 0);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.location, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(a_sender_waits_at_capacity_on_one_rank),
        PIPE_TEST(a_sender_waits_at_capacity_between_ranks),
        PIPE_TEST(those_who_wait_stay_in_order),
        PIPE_TEST(a_message_larger_than_the_capacity_goes_alone),
        PIPE_TEST(an_empty_message_counts_too),
        PIPE_TEST(credit_comes_a_quarter_at_a_time),
        PIPE_TEST(a_sender_that_waits_gets_credit_at_once),
        PIPE_TEST(each_rank_has_room_of_its_own),
        PIPE_TEST(a_send_waits_for_its_time),
        PIPE_TEST(no_time_is_enough_when_there_is_room),
        PIPE_TEST(the_middle_one_gives_up),
        PIPE_TEST(who_gives_up_lets_the_next_one_go),
        PIPE_TEST(who_closes_lets_the_next_one_go),
        PIPE_TEST(posts_that_wait_go_when_their_process_closes),
        PIPE_TEST(posts_that_wait_go_when_their_process_ends),
        PIPE_TEST(a_post_that_waits_takes_its_handles_along),
        PIPE_TEST(a_post_that_is_given_up_drops_its_handles),
        PIPE_TEST(a_timed_post_drops_its_handles_at_its_deadline),
        PIPE_TEST(waiting_senders_hear_that_there_are_no_readers),
        PIPE_TEST(a_hurry_follows_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
