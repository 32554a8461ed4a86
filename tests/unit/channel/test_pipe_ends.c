/* SPDX-License-Identifier: BSD-3-Clause */
/* How a pipe ends, on either side; and handles that travel in messages. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

#define BEHIND sizeof(struct crewi_pipe_item)

/* EOF */

static void eof_after_all_items(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "a");
    pipe_send(on(1), ends.out, "b");
    pipe_close(on(1), ends.out);
    pipe_receive(on(2), ends.in, "a");
    assert_true(pipe_poll(on(2), ends.in));
    pipe_receive(on(2), ends.in, "b");
    assert_true(pipe_poll(on(2), ends.in));
    pipe_receive_eof(on(2), ends.in);
    pipe_receive_eof(on(2), ends.in);
}

static void eof_of_a_pipe_that_was_never_used(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_close(on(0), ends.out);
    pipe_receive_eof(on(0), ends.in);
    struct pipe_ends others = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_close(on(1), others.out);
    pipe_receive_eof(on(2), others.in);
}

static void eof_comes_to_all_who_wait(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    uint64_t first = pipe_ask_receive(on(2), ends.in);
    uint64_t second = pipe_ask_receive(also_on(2), ends.in);
    uint64_t third = pipe_ask(also_on(2), CREWI_OP_WAIT, ends.in, CREWI_FOREVER);
    fake_expect_parked(on(2), first);
    fake_client_end(on(1));
    fake_expect_refusal(on(2), first, CREW_EOF, "are closed");
    fake_expect_refusal(also_on(2), second, CREW_EOF, "are closed");
    fake_expect_reply(also_on(2), third, NULL, 1);
}

static void eof_comes_to_those_on_other_ranks_too(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), on(3), ends.in);
    uint64_t first = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), first);
    uint64_t second = pipe_ask_receive(on(3), ends.in);
    fake_expect_parked(on(3), second);
    pipe_close(on(1), ends.out);
    fake_expect_refusal(on(2), first, CREW_EOF, "are closed");
    fake_expect_refusal(on(3), second, CREW_EOF, "are closed");
}

static void eof_when_the_last_of_several_senders_has_closed(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(1), also_on(1), ends.out);
    pipe_share(also_on(1), on(3), ends.out);
    uint64_t asked = pipe_ask_receive(on(2), ends.in);
    pipe_close(on(1), ends.out);
    fake_expect_parked(on(2), asked);
    fake_client_end(also_on(1));
    fake_expect_parked(on(2), asked);
    pipe_close(on(3), ends.out);
    fake_expect_refusal(on(2), asked, CREW_EOF, "are closed");
}

/* The home says how many items there are before the last ones have come. */
static void the_end_is_known_before_the_items(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(1), on(3), ends.out);
    pipe_receive_nothing(on(2), ends.in);
    pipe_send(on(1), ends.out, "first");
    pipe_send(on(3), ends.out, "another first");
    pipe_receive(on(2), ends.in, "first");
    pipe_receive(on(2), ends.in, "another first");
    pipe_ask_send(on(1), ends.out, "second", 6, CREWI_FOREVER);
    pipe_ask_send(on(3), ends.out, "third", 5, CREWI_FOREVER);
    pipe_run_rank(1);
    pipe_run_rank(3);
    pipe_run_rank(0);
    struct crewi_frame *second = pipe_hold_back(2, CREWI_PIPE_ITEM);
    struct crewi_frame *third = pipe_hold_back(2, CREWI_PIPE_ITEM);
    pipe_close(on(1), ends.out);
    pipe_close(on(3), ends.out);
    assert_int_equal(pipe_agent(2, ends.in)->inlet.end_at, 4);
    uint64_t asked = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), asked);
    pipe_deliver(2, third);
    pipe_expect_text(on(2), asked, "third");
    asked = pipe_ask_receive(on(2), ends.in);
    fake_expect_parked(on(2), asked);
    pipe_deliver(2, second);
    pipe_expect_text(on(2), asked, "second");
    pipe_receive_eof(on(2), ends.in);
}

static void items_of_one_source_come_in_another_order(void **state)
{
    (void)state;
    struct crewi_frame *late[4];
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_receive_nothing(on(2), ends.in);
    pipe_send(on(1), ends.out, "0");
    pipe_receive(on(2), ends.in, "0");
    for (unsigned char i = 0; i < 4; i++) {
        pipe_ask_send(on(1), ends.out, pipe_bytes(i, 5), 5, CREWI_FOREVER);
        pipe_run_rank(1);
        late[i] = pipe_hold_back(2, CREWI_PIPE_ITEM);
        assert_non_null(late[i]);
    }
    static const int order[] = {2, 1, 3, 0};
    for (int i = 0; i < 4; i++) {
        assert_false(pipe_poll(on(2), ends.in));
        pipe_deliver(2, late[order[i]]);
        fake_job_run(pipe_job);
    }
    for (unsigned char i = 0; i < 4; i++)
        pipe_receive_bytes(on(2), ends.in, i, 5);
}

/* EPIPE */

static void no_reader_is_left(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "nobody will see it");
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(1), pipe_ask_send(on(1), ends.out, "x", 1, CREWI_FOREVER), CREW_EPIPE,
                        "other end are closed");
    fake_expect_refusal(on(1), pipe_ask_send(on(1), ends.out, "x", 1, 0), CREW_EPIPE,
                        "other end are closed");
}

static void one_reader_is_left(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), on(3), ends.in);
    pipe_close(on(2), ends.in);
    pipe_send(on(1), ends.out, "for three");
    pipe_receive(on(3), ends.in, "for three");
}

static void a_rank_that_attaches_later_knows_it_too(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_close(on(2), ends.in);
    pipe_share(on(1), on(3), ends.out);
    fake_expect_refusal(on(3), pipe_ask_send(on(3), ends.out, "x", 1, CREWI_FOREVER), CREW_EPIPE,
                        "other end are closed");
}

static void those_who_post_are_told_to_ask_again(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(1), also_on(1), ends.out);
    pipe_share(on(1), on(3), ends.out);
    pipe_send(on(3), ends.out, "x");
    pipe_send(on(1), ends.out, "x");
    pipe_close(also_on(1), ends.out);
    pipe_close(on(2), ends.in);
    struct fake_client *told[] = {on(1), on(3)};
    for (int i = 0; i < 2; i++) {
        struct crewi_frame *stop = fake_delivery(told[i]);
        assert_non_null(stop);
        assert_int_equal(stop->header.op, CREWI_OP_STOP_POSTS);
        assert_int_equal(stop->header.kind, CREWI_KIND_PIPE);
        assert_int_equal(stop->header.object, ends.out);
        crewi_frame_destroy(stop);
        assert_null(fake_delivery(told[i]));
    }
    assert_null(fake_delivery(also_on(1)));
    pipe_post(on(1), ends.out, "lost", 4); /* was under way already */
    fake_job_run(pipe_job);
}

static void one_end_of_a_duplex_pipe_is_gone(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_make(on(0), CREWI_PIPE_CAPACITY, true);
    pipe_hand(on(0), on(1), ends.in);
    pipe_hand(on(0), on(2), ends.out);
    pipe_send(on(1), ends.in, "last words");
    pipe_send(on(2), ends.out, "nobody hears that");
    fake_client_end(on(1));
    pipe_receive(on(2), ends.out, "last words");
    pipe_receive_eof(on(2), ends.out);
    fake_expect_refusal(on(2), pipe_ask_send(on(2), ends.out, "x", 1, CREWI_FOREVER), CREW_EPIPE,
                        "other end are closed");
}

/* Closing */

static void a_closed_copy_is_refused(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    pipe_close(on(2), ends.in);
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(2), pipe_ask_receive(on(2), ends.in), CREW_ECLOSED, "has closed this");
    fake_expect_refusal(on(2), pipe_ask(on(2), CREWI_OP_WAIT, ends.in, 0), CREW_ECLOSED,
                        "has closed this");
    pipe_send(on(1), ends.out, "for the other copy");
    pipe_receive(also_on(2), ends.in, "for the other copy");
}

static void closing_ends_what_the_process_waits_for(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_share(on(2), also_on(2), ends.in);
    uint64_t receive = pipe_ask_receive(on(2), ends.in);
    uint64_t wait = pipe_ask(on(2), CREWI_OP_WAIT, ends.in, CREWI_FOREVER);
    uint64_t other = pipe_ask_receive(also_on(2), ends.in);
    fake_expect_parked(on(2), receive);
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(2), receive, CREW_ECLOSED, "has closed this connection");
    fake_expect_refusal(on(2), wait, CREW_ECLOSED, "has closed this connection");
    pipe_send(on(1), ends.out, "x");
    pipe_expect_text(also_on(2), other, "x");
}

/* A rank that holds a copy and has never used it. */
static void a_copy_is_closed_unused(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_share(on(0), on(3), ends.out);
    pipe_close(on(0), ends.out);
    uint64_t asked = pipe_ask_receive(on(0), ends.in);
    fake_expect_parked(on(0), asked);
    pipe_close(on(3), ends.out);
    fake_expect_refusal(on(0), asked, CREW_EOF, "are closed");
}

/* It came by the handle in a way that nobody saw. */
static void a_copy_that_nobody_knew_of_is_used_and_closed(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_send(on(3), ends.out, "from nowhere");
    pipe_close(on(0), ends.out);
    pipe_receive(on(0), ends.in, "from nowhere");
    uint64_t asked = pipe_ask_receive(on(0), ends.in);
    fake_expect_parked(on(0), asked);
    pipe_close(on(3), ends.out);
    fake_expect_refusal(on(0), asked, CREW_EOF, "are closed");
    pipe_close(also_on(3), ends.in); /* closed without any use */
    pipe_close(on(0), ends.in);
    fake_expect_refusal(on(3), pipe_ask_receive(on(3), ends.in), CREW_ECLOSED, "all copies of it");
}

static void shut_for_receiving(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_make(on(0), CREWI_PIPE_CAPACITY, true);
    pipe_share(on(0), on(1), ends.out);
    fake_expect_reply(on(0), pipe_ask(on(0), CREWI_PIPE_SHUT, ends.in, 0), NULL, 0);
    fake_expect_refusal(on(0), pipe_ask_receive(on(0), ends.in), CREW_ENOTSUP, "any more");
    fake_expect_refusal(on(0), pipe_ask(on(0), CREWI_OP_WAIT, ends.in, 0), CREW_ENOTSUP,
                        "any more");
    pipe_send(on(0), ends.in, "still sends");
    pipe_receive(on(1), ends.out, "still sends");
    pipe_share(on(0), also_on(0), ends.in); /* another process is not affected */
    pipe_send(on(1), ends.out, "for another");
    pipe_receive(also_on(0), ends.in, "for another");
}

static void shut_closes_an_end_that_only_receives(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    fake_expect_reply(on(2), pipe_ask(on(2), CREWI_PIPE_SHUT, ends.in, 0), NULL, 0);
    fake_expect_refusal(on(2), pipe_ask_receive(on(2), ends.in), CREW_ECLOSED, "closed");
    fake_expect_refusal(on(1), pipe_ask_send(on(1), ends.out, "x", 1, CREWI_FOREVER), CREW_EPIPE,
                        "are closed");
}

static void a_pipe_that_is_gone_and_one_that_never_was(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_of(on(0));
    pipe_close(on(0), ends.in);
    pipe_close(on(0), ends.out);
    fake_expect_refusal(on(1), pipe_ask_receive(on(1), ends.in), CREW_ECLOSED, "all copies of it");
    fake_expect_refusal(on(0), pipe_ask_receive(on(0), ends.in), CREW_ECLOSED, "all copies of it");
    fake_expect_refusal(on(1), pipe_ask_receive(on(1), ends.in + 1000), CREW_ENOENT, "never was");
    fake_expect_refusal(on(1), pipe_ask(on(1), CREWI_PIPE_CLOSE, ends.in + 1000, 0), CREW_ENOENT,
                        "never was");
}

/* Handles in messages */

static void a_handle_arrives_with_its_receiver(void **state)
{
    struct {
        struct crewi_pipe_item item;
        uint64_t words[3];
    } message;
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    struct pipe_ends other = pipe_of(on(1));
    uint64_t words[] = {42, other.out, 0};
    pipe_send(on(1), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    pipe_post(on(1), ends.out, words, sizeof words);
    pipe_close(on(1), other.out);
    fake_job_run(pipe_job);
    uint64_t eof = pipe_ask_receive(on(1), other.in);
    fake_expect_parked(on(1), eof); /* the message holds it */
    fake_expect_reply(on(2), pipe_ask_receive(on(2), ends.in), &message, sizeof message);
    assert_memory_equal(message.words, words, sizeof words);
    pipe_send(on(2), other.out, "from the receiver");
    pipe_expect_text(on(1), eof, "from the receiver");
    pipe_close(on(2), other.out);
    pipe_receive_eof(on(1), other.in);
}

static void a_handle_in_a_message_that_nobody_receives_is_dropped(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    struct pipe_ends other = pipe_of(on(1));
    pipe_send(on(1), ends.out, "first");
    pipe_post(on(1), ends.out, &other.out, sizeof other.out);
    pipe_close(on(1), other.out);
    uint64_t eof = pipe_ask_receive(on(1), other.in);
    pipe_receive(on(2), ends.in, "first");
    fake_expect_parked(on(1), eof);
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(1), eof, CREW_EOF, "are closed");
}

/* It is under way when the readers end. */
static void a_handle_that_comes_too_late_is_dropped(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    struct pipe_ends other = pipe_of(on(1));
    pipe_receive_nothing(on(2), ends.in);
    pipe_send(on(1), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    pipe_post(on(1), ends.out, &other.out, sizeof other.out);
    pipe_run_rank(1);
    struct crewi_frame *late = pipe_hold_back(2, CREWI_PIPE_ITEM);
    pipe_close(on(2), ends.in);
    pipe_close(on(1), other.out);
    uint64_t eof = pipe_ask_receive(on(1), other.in);
    fake_expect_parked(on(1), eof);
    pipe_deliver(2, late);
    fake_expect_refusal(on(1), eof, CREW_EOF, "are closed");
}

static void an_end_travels_through_itself(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    pipe_post(on(1), ends.out, &ends.out, sizeof ends.out);
    pipe_close(on(1), ends.out);
    fake_expect_reply(on(2), pipe_ask_receive(on(2), ends.in), NULL, BEHIND + sizeof ends.out);
    pipe_send(on(2), ends.out, "to myself");
    pipe_receive(on(2), ends.in, "to myself");
    pipe_close(on(2), ends.out);
    pipe_receive_eof(on(2), ends.in);
}

/* Everything is still there: memory that is freed twice, or never, AddressSanitizer finds. */
static void the_job_ends_in_the_middle(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 200);
        struct pipe_ends other = pipe_of(on(1));
        pipe_send(on(1), ends.out, "first");
        pipe_post(on(1), ends.out, &other.out, sizeof other.out);
        pipe_post(on(1), ends.out, &other.in, sizeof other.in);
        pipe_post(on(1), ends.out, &other.in, sizeof other.in);
        pipe_ask_receive(on(1), other.in);
        pipe_receive(on(2), ends.in, "first");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(eof_after_all_items),
        PIPE_TEST(eof_of_a_pipe_that_was_never_used),
        PIPE_TEST(eof_comes_to_all_who_wait),
        PIPE_TEST(eof_comes_to_those_on_other_ranks_too),
        PIPE_TEST(eof_when_the_last_of_several_senders_has_closed),
        PIPE_TEST(the_end_is_known_before_the_items),
        PIPE_TEST(items_of_one_source_come_in_another_order),
        PIPE_TEST(no_reader_is_left),
        PIPE_TEST(one_reader_is_left),
        PIPE_TEST(a_rank_that_attaches_later_knows_it_too),
        PIPE_TEST(those_who_post_are_told_to_ask_again),
        PIPE_TEST(one_end_of_a_duplex_pipe_is_gone),
        PIPE_TEST(a_closed_copy_is_refused),
        PIPE_TEST(closing_ends_what_the_process_waits_for),
        PIPE_TEST(a_copy_is_closed_unused),
        PIPE_TEST(a_copy_that_nobody_knew_of_is_used_and_closed),
        PIPE_TEST(shut_for_receiving),
        PIPE_TEST(shut_closes_an_end_that_only_receives),
        PIPE_TEST(a_pipe_that_is_gone_and_one_that_never_was),
        PIPE_TEST(a_handle_arrives_with_its_receiver),
        PIPE_TEST(a_handle_in_a_message_that_nobody_receives_is_dropped),
        PIPE_TEST(a_handle_that_comes_too_late_is_dropped),
        PIPE_TEST(an_end_travels_through_itself),
        cmocka_unit_test_setup_teardown(the_job_ends_in_the_middle, pipe_begin,
                                        pipe_end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
