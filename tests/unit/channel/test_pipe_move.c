/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream follows whoever receives. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

/* A pipe whose stream has come to rank 2: its readers are on ranks 2 and 3, its writer on 1. */
static struct pipe_ends settled(uint64_t capacity)
{
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), capacity);
    pipe_share(on(2), on(3), ends.in);
    pipe_send(on(1), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    pipe_expect_at(2, ends.in);
    return ends;
}

static void it_begins_at_home_and_follows(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_expect_at(0, ends.in);
    pipe_share(on(0), on(2), ends.in);
    pipe_share(on(0), on(3), ends.in);
    pipe_receive_nothing(on(2), ends.in);
    pipe_expect_at(2, ends.in);
    pipe_receive_nothing(on(3), ends.in);
    pipe_expect_at(3, ends.in);
    pipe_receive_nothing(on(0), ends.in);
    pipe_expect_at(0, ends.in);
}

static void polls_move_it_too(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    assert_false(pipe_poll(on(3), ends.in));
    pipe_expect_at(3, ends.in);
    pipe_send(on(1), ends.out, "x");
    assert_true(pipe_poll(on(2), ends.in));
    pipe_expect_at(2, ends.in);
}

static void items_move_along(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    for (unsigned char i = 0; i < 10; i++)
        pipe_send_bytes(on(1), ends.out, i, 100);
    for (unsigned char i = 0; i < 10; i++)
        pipe_receive_bytes(on(i % 2 ? 2 : 3), ends.in, i, 100);
    pipe_receive_nothing(on(2), ends.in);
}

static void the_end_moves_along(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "last");
    pipe_close(on(1), ends.out);
    pipe_receive(on(3), ends.in, "last");
    pipe_receive_eof(on(2), ends.in);
    pipe_receive_eof(on(3), ends.in);
}

static void handles_move_along(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY), other = pipe_of(on(1));
    pipe_post(on(1), ends.out, &other.out, sizeof other.out);
    pipe_close(on(1), other.out);
    fake_job_run(pipe_job);
    fake_expect_reply(on(3), pipe_ask_receive(on(3), ends.in), NULL,
                      sizeof(struct crewi_pipe_item) + sizeof other.out);
    pipe_send(on(3), other.out, "it holds it now");
    pipe_receive(on(1), other.in, "it holds it now");
}

/* Credit that was owed on one rank is paid from the next one. */
static void what_is_owed_moves_along(void **state)
{
    (void)state;
    const uint64_t cost = CREWI_PIPE_ITEM_COST + 36;
    struct pipe_ends ends = settled(8 * cost);
    uint64_t before = pipe_agent(1, ends.out)->outlet.under_way;
    for (unsigned char i = 0; i < 2; i++)
        pipe_send_bytes(on(1), ends.out, i, 36);
    assert_in_range(before, 1, 2 * cost - 1); /* the first message is not paid yet */
    pipe_receive_bytes(on(3), ends.in, 0, 36);
    pipe_receive_bytes(on(3), ends.in, 1, 36);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.under_way, 0);
}

static void a_waiting_sender_gets_its_credit_from_there(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(300);
    pipe_send_bytes(on(1), ends.out, 0, 100);
    uint64_t asked = pipe_ask_send(on(1), ends.out, pipe_bytes(1, 100), 100, CREWI_FOREVER);
    fake_expect_parked(on(1), asked);
    assert_true(pipe_poll(on(3), ends.in));
    pipe_expect_at(3, ends.in);
    fake_expect_parked(on(1), asked);
    pipe_receive_bytes(on(3), ends.in, 0, 100);
    fake_expect_reply(on(1), asked, NULL, 0);
    pipe_receive_bytes(on(3), ends.in, 1, 100);
}

/* The location that was told of it is another one by then, and little is received. */
static void a_hurry_moves_along(void **state)
{
    (void)state;
    const uint64_t cost = CREWI_PIPE_ITEM_COST + 36;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 8 * cost);
    pipe_share(on(2), on(3), ends.in);
    pipe_receive_nothing(on(2), ends.in);
    for (unsigned char i = 0; i < 8; i++)
        pipe_send_bytes(on(1), ends.out, i, 36);
    uint64_t asked = pipe_ask_send(on(1), ends.out, pipe_bytes(8, 36), 36, CREWI_FOREVER);
    fake_expect_parked(on(1), asked);
    assert_true(pipe_poll(on(3), ends.in));
    pipe_expect_at(3, ends.in);
    fake_expect_parked(on(1), asked);
    pipe_receive_bytes(on(3), ends.in, 0, 36);
    fake_expect_reply(on(1), asked, NULL, 0);
}

/* Early items */

static void early_items_move_along(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    for (unsigned char i = 0; i < 3; i++)
        pipe_ask_send(on(1), ends.out, pipe_bytes(i, 9), 9, CREWI_FOREVER);
    pipe_run_rank(1);
    struct crewi_frame *late = pipe_hold_back(2, CREWI_PIPE_ITEM);
    assert_false(pipe_poll(on(2), ends.in));
    pipe_receive_nothing(on(3), ends.in);
    pipe_expect_at(3, ends.in);
    pipe_deliver(2, late); /* it is passed along */
    for (unsigned char i = 0; i < 3; i++)
        pipe_receive_bytes(on(3), ends.in, i, 9);
}

static void an_item_that_missed_the_stream_follows(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_ask_send(on(1), ends.out, "missed", 6, CREWI_FOREVER);
    pipe_run_rank(1);
    struct crewi_frame *late = pipe_hold_back(2, CREWI_PIPE_ITEM);
    pipe_share(on(2), on(0), ends.in);
    pipe_receive_nothing(on(0), ends.in);
    pipe_receive_nothing(on(3), ends.in); /* from 2 to 0 to 3: it goes the same way */
    pipe_deliver(2, late);
    pipe_receive(on(3), ends.in, "missed");
}

/* The state says that there are more items than have come. */
static void items_come_between_state_and_its_items(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "moved");
    uint64_t asked = pipe_ask_receive(on(3), ends.in);
    pipe_run_rank(3); /* attaches */
    fake_expect_reply(on(3), asked, NULL, sizeof(struct crewi_pipe_item) + 5);
    pipe_send(on(1), ends.out, "one");
    pipe_send(on(1), ends.out, "two");
    asked = pipe_ask_receive(on(2), ends.in);
    pipe_run_rank(2);
    pipe_run_rank(0);
    pipe_run_rank(3);
    struct crewi_frame *item = pipe_hold_back(2, CREWI_PIPE_STATE_ITEM);
    struct crewi_frame *other = pipe_hold_back(2, CREWI_PIPE_STATE_ITEM);
    pipe_run_rank(2);
    assert_int_equal(pipe_agent(2, ends.in)->inlet.place, CREWI_INLET_COMING);
    pipe_ask_send(on(1), ends.out, "three", 5, CREWI_FOREVER);
    uint64_t second = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), asked);
    pipe_close(on(1), ends.out); /* END comes too early as well */
    pipe_deliver(2, item);
    fake_expect_parked(on(2), asked);
    pipe_deliver(2, other);
    pipe_expect_text(on(2), asked, "one");
    pipe_expect_text(on(2), second, "two");
    pipe_receive(on(2), ends.in, "three");
    pipe_receive_eof(on(2), ends.in);
}

/* Senders hear of it */

static void senders_are_told(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.location, 2);
    pipe_receive_nothing(on(3), ends.in);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.location, 3);
}

static void a_sender_on_the_old_rank_is_told(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_share(on(0), on(2), ends.in);
    pipe_send(on(0), ends.out, "a");
    pipe_receive(on(2), ends.in, "a");
    assert_int_equal(pipe_agent(0, ends.out)->outlet.location, 2);
    pipe_send(on(0), ends.out, "b");
    pipe_receive(on(2), ends.in, "b");
}

/* One that has never sent does not hear of moves; its first item is passed along. */
static void a_first_item_finds_the_stream(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_agent(1, ends.out)->outlet.location = 0;
    pipe_receive_nothing(on(3), ends.in);
    pipe_agent(1, ends.out)->outlet.location = 0;
    pipe_send(on(1), ends.out, "by way of all of them");
    pipe_receive(on(3), ends.in, "by way of all of them");
    pipe_send(on(1), ends.out, "x");
    assert_int_equal(pipe_agent(1, ends.out)->outlet.location, 3);
    pipe_receive(on(3), ends.in, "x");
}

static void the_end_is_passed_along(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_receive_nothing(on(3), ends.in);
    uint64_t asked = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), asked);
    struct crewi_pipe_note end = {.end = ends.in, .value = 1};
    pipe_say(2, CREWI_PIPE_END, &end, sizeof end); /* as if it had come there before the move */
    fake_expect_refusal(on(3), asked, CREW_EOF, "are closed");
}

/* Holding */

static void a_location_keeps_it_until_it_served_one(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    uint64_t two = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), two);
    uint64_t three = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), three);
    pipe_expect_at(2, ends.in);
    assert_true(pipe_agent(3, ends.in)->inlet.held);
    pipe_send(on(1), ends.out, "for two");
    pipe_expect_text(on(2), two, "for two");
    pipe_expect_at(3, ends.in);
    pipe_send(on(1), ends.out, "for three");
    pipe_expect_text(on(3), three, "for three");
}

static void those_who_are_held_get_their_answers(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    uint64_t two = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), two);
    assert_false(pipe_poll(on(3), ends.in));
    pipe_receive_nothing(on(3), ends.in);
    uint64_t timed = pipe_ask(on(3), CREWI_PIPE_RECEIVE, ends.in, CREWI_SECOND);
    uint64_t wait = pipe_ask(on(3), CREWI_OP_WAIT, ends.in, CREWI_SECOND);
    fake_expect_parked(on(3), timed);
    fake_expect_parked(on(3), wait);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(3), timed, CREW_ETIMEDOUT, "no message has come");
    fake_expect_reply(on(3), wait, NULL, 0);
    pipe_send(on(1), ends.out, "x");
    pipe_expect_text(on(2), two, "x");
}

/* One rank waits for it, and another one behind that. */
static void those_behind_one_who_is_held_get_theirs_too(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_share(on(2), on(0), ends.in);
    pipe_share(on(2), on(1), ends.in);
    uint64_t two = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), two);
    uint64_t three = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), three);
    assert_false(pipe_poll(on(0), ends.in));
    pipe_receive_nothing(on(1), ends.in);
    uint64_t timed = pipe_ask(on(0), CREWI_PIPE_RECEIVE, ends.in, CREWI_SECOND);
    fake_expect_parked(on(0), timed);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(0), timed, CREW_ETIMEDOUT, "no message has come");
    pipe_send(on(1), ends.out, "for two");
    pipe_expect_text(on(2), two, "for two");
    pipe_send(on(1), ends.out, "for three");
    pipe_expect_text(on(3), three, "for three");
    pipe_send(on(1), ends.out, "for one");
    pipe_receive(on(1), ends.in, "for one");
}

static void expect_ready(struct fake_client *client, uint64_t request)
{
    unsigned char ready = 0;
    fake_expect_reply(client, request, &ready, 1);
    assert_int_equal(ready, 1);
}

/* It was held once; that says nothing about the next move. */
static void a_hold_is_over_when_it_has_moved(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_share(on(2), on(0), ends.in);
    uint64_t two = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), two);
    assert_false(pipe_poll(on(3), ends.in));
    pipe_send(on(1), ends.out, "for two");
    pipe_expect_text(on(2), two, "for two");
    pipe_expect_at(3, ends.in);
    pipe_send(on(1), ends.out, "there all the time");
    two = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, 0);
    pipe_run_rank(2);
    uint64_t nought = pipe_ask(on(0), CREWI_OP_WAIT, ends.in, 0);
    expect_ready(on(2), two);
    expect_ready(on(0), nought);
}

/* What is said about an earlier request for the stream comes late. */
static void a_late_hold_is_ignored(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    assert_false(pipe_poll(on(3), ends.in));
    assert_false(pipe_poll(on(2), ends.in));
    struct crewi_pipe_note held = {.end = ends.in, .value = 1, .rank = 2};
    pipe_send(on(1), ends.out, "x");
    uint64_t asked = pipe_ask(on(3), CREWI_OP_WAIT, ends.in, 0);
    pipe_run_rank(3);
    crewi_pipe_tell(fake_engine(pipe_job, 3), CREWI_PIPE_HELD, 3, &held);
    pipe_run_rank(3);
    expect_ready(on(3), asked);
}

/* The time that the request spends on the way counts. */
static void a_deadline_passes_while_it_is_asked_for(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_receive_nothing(on(3), ends.in);
    uint64_t asked = pipe_ask(on(2), CREWI_PIPE_RECEIVE, ends.in, 2 * CREWI_SECOND);
    pipe_run_rank(2);
    pipe_job->now_ns += CREWI_SECOND;
    fake_expect_parked(on(2), asked);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(2), asked, CREW_ETIMEDOUT, "no message has come");
    asked = pipe_ask(on(3), CREWI_OP_WAIT, ends.in, CREWI_SECOND);
    pipe_run_rank(3);
    fake_job_pass_time(pipe_job, 5 * CREWI_SECOND);
    fake_expect_reply(on(3), asked, NULL, 0);
}

static void it_moves_when_the_last_in_the_way_gives_up(uint8_t op)
{
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    uint64_t two = pipe_ask(on(2), op, ends.in, CREWI_SECOND);
    fake_expect_parked(on(2), two);
    uint64_t three = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), three);
    pipe_expect_at(2, ends.in);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    pipe_expect_at(3, ends.in);
    pipe_send(on(1), ends.out, "x");
    pipe_expect_text(on(3), three, "x");
}

static void it_moves_when_the_last_receive_gives_up(void **state)
{
    (void)state;
    it_moves_when_the_last_in_the_way_gives_up(CREWI_PIPE_RECEIVE);
}

static void it_moves_when_the_last_wait_gives_up(void **state)
{
    (void)state;
    it_moves_when_the_last_in_the_way_gives_up(CREWI_OP_WAIT);
}

static void it_moves_when_the_last_in_the_way_is_gone(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    fake_expect_parked(on(2), pipe_ask_receive(on(2), ends.in));
    uint64_t three = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), three);
    fake_client_end(on(2));
    fake_job_run(pipe_job);
    pipe_expect_at(3, ends.in);
    pipe_send(on(1), ends.out, "x");
    pipe_expect_text(on(3), three, "x");
}

static void it_moves_when_nobody_waits_any_more(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    uint64_t wait = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, CREWI_FOREVER);
    fake_expect_parked(on(2), wait);
    fake_expect_parked(on(3), pipe_ask_receive(on(3), ends.in));
    uint64_t range[] = {ends.in, wait, wait};
    struct fake_call note = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_OP_FORGET_WAITS,
                             .rank = 2,
                             .head = range,
                             .head_size = sizeof range};
    fake_tell(on(2), &note);
    fake_job_run(pipe_job);
    pipe_expect_at(3, ends.in);
}

/* Two who are parked on the first rank: the second one waits for the stream to come back. */
static void those_left_behind_fetch_it_back(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    uint64_t first = pipe_ask_receive(on(2), ends.in), second = pipe_ask_receive(on(2), ends.in);
    uint64_t timed = pipe_ask(on(2), CREWI_PIPE_RECEIVE, ends.in, CREWI_SECOND);
    fake_expect_parked(on(2), first);
    uint64_t three = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), three);
    pipe_send(on(1), ends.out, "1");
    pipe_expect_text(on(2), first, "1");
    pipe_expect_at(3, ends.in);
    fake_job_pass_time(pipe_job, CREWI_SECOND); /* parked where the stream is not */
    fake_expect_refusal(on(2), timed, CREW_ETIMEDOUT, "no message has come");
    pipe_send(on(1), ends.out, "2");
    pipe_expect_text(on(3), three, "2");
    pipe_expect_at(2, ends.in);
    pipe_send(on(1), ends.out, "3");
    pipe_expect_text(on(2), second, "3");
}

static void three_ranks_receive_in_turns(void **state)
{
    uint64_t asked[FAKE_RANKS];
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_share(on(2), on(0), ends.in);
    static const uint32_t ranks[] = {2, 3, 0};
    for (int i = 0; i < 3; i++) {
        asked[ranks[i]] = pipe_ask_receive(on(ranks[i]), ends.in);
        fake_expect_parked(on(ranks[i]), asked[ranks[i]]);
    }
    for (unsigned char i = 0; i < 12; i++) {
        uint32_t rank = ranks[i % 3];
        pipe_send_bytes(on(1), ends.out, i, 20);
        pipe_expect_bytes(on(rank), asked[rank], i, 20);
        asked[rank] = pipe_ask_receive(on(rank), ends.in);
        fake_expect_parked(on(rank), asked[rank]);
    }
}

static void several_ranks_fetch_at_a_time(void **state)
{
    uint64_t asked[FAKE_RANKS];
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_share(on(2), on(0), ends.in);
    pipe_share(on(2), on(1), ends.in);
    for (unsigned char i = 0; i < 4; i++)
        pipe_send_bytes(on(1), ends.out, i, 20);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        asked[rank] = pipe_ask_receive(on(rank), ends.in);
    fake_job_run(pipe_job);
    bool seen[4] = {false};
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        struct crewi_frame *reply = fake_reply(on(rank), asked[rank]);
        assert_non_null(reply);
        assert_int_equal(reply->header.status, CREW_OK);
        unsigned char which = reply->payload[sizeof(struct crewi_pipe_item)];
        assert_in_range(which, 0, 3);
        assert_false(seen[which]);
        seen[which] = true;
        crewi_frame_destroy(reply);
    }
}

/* All its readers close while it is on the way. */
static void the_readers_end_while_it_moves(void **state)
{
    (void)state;
    struct pipe_ends ends = settled(CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "nobody's");
    pipe_ask_receive(on(3), ends.in);
    pipe_run_rank(3);
    pipe_run_rank(0);
    pipe_run_rank(2);
    fake_client_end(on(3));
    fake_client_end(on(2));
    fake_job_run(pipe_job);
    fake_expect_refusal(on(1), pipe_ask_send(on(1), ends.out, "x", 1, CREWI_FOREVER), CREW_EPIPE,
                        "are closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(it_begins_at_home_and_follows),
        PIPE_TEST(polls_move_it_too),
        PIPE_TEST(items_move_along),
        PIPE_TEST(the_end_moves_along),
        PIPE_TEST(handles_move_along),
        PIPE_TEST(what_is_owed_moves_along),
        PIPE_TEST(a_waiting_sender_gets_its_credit_from_there),
        PIPE_TEST(a_hurry_moves_along),
        PIPE_TEST(early_items_move_along),
        PIPE_TEST(an_item_that_missed_the_stream_follows),
        PIPE_TEST(items_come_between_state_and_its_items),
        PIPE_TEST(senders_are_told),
        PIPE_TEST(a_sender_on_the_old_rank_is_told),
        PIPE_TEST(a_first_item_finds_the_stream),
        PIPE_TEST(the_end_is_passed_along),
        PIPE_TEST(a_location_keeps_it_until_it_served_one),
        PIPE_TEST(those_who_are_held_get_their_answers),
        PIPE_TEST(those_behind_one_who_is_held_get_theirs_too),
        PIPE_TEST(a_hold_is_over_when_it_has_moved),
        PIPE_TEST(a_late_hold_is_ignored),
        PIPE_TEST(a_deadline_passes_while_it_is_asked_for),
        PIPE_TEST(it_moves_when_the_last_receive_gives_up),
        PIPE_TEST(it_moves_when_the_last_wait_gives_up),
        PIPE_TEST(it_moves_when_the_last_in_the_way_is_gone),
        PIPE_TEST(it_moves_when_nobody_waits_any_more),
        PIPE_TEST(those_left_behind_fetch_it_back),
        PIPE_TEST(three_ranks_receive_in_turns),
        PIPE_TEST(several_ranks_fetch_at_a_time),
        PIPE_TEST(the_readers_end_while_it_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
