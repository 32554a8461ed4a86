/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles that are passed on: how they are found in a message, and what they weigh. */
#include "toys.h"
#include "unit.h"

#include <string.h>

/* Passing on */

static void handles_are_found_in_every_word(void **state)
{
    uint64_t words[12] = {0};
    struct crewi_shares shares;
    (void)state;
    uint64_t id = toy_make(on(0)), other = toy_make(on(0)), foreign = toy_make(also_on(0));
    words[0] = id;
    words[3] = foreign; /* not held by the sender */
    words[5] = id + 1000;
    words[6] = other;
    words[7] = on(0)->base.process;
    words[11] = id;
    assert_int_equal(toy_take(on(0), words, sizeof words, &shares), CREW_OK);
    assert_int_equal(shares.count, 3);
    assert_int_equal(shares.list[0].id, id);
    assert_int_equal(shares.list[1].id, other);
    assert_int_equal(shares.list[2].id, id);
    assert_int_equal(toy_weight(on(0), id) + shares.list[0].weight + shares.list[2].weight,
                     toy_shared(id)->lent);
    toy_hand_over(on(1), &shares);
    toy_close(on(0), id);
    toy_close(on(0), other);
    assert_int_equal(toys_gone, 0);
    toy_close(on(1), id); /* both shares are one copy */
    toy_close(on(1), other);
    assert_int_equal(toys_gone, 2);
}

static void nothing_is_found_where_nothing_is(void **state)
{
    unsigned char bytes[64] = {0};
    struct crewi_shares shares;
    (void)state;
    uint64_t id = toy_make(on(0));
    memcpy(bytes + 4, &id, sizeof id); /* not aligned */
    memcpy(bytes + 32, &id, 7);
    assert_int_equal(toy_take(on(0), bytes, sizeof bytes, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
    assert_null(shares.list);
    assert_int_equal(toy_take(on(0), &id, 7, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
    assert_int_equal(toy_take(on(0), NULL, 0, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
    toy_close(on(0), id);
}

static void handles_are_found_up_to_a_limit(void **state)
{
    static uint64_t words[CREWI_SCAN_SIZE / 8 + 1];
    struct crewi_shares shares;
    (void)state;
    uint64_t id = toy_make(on(0));
    memset(words, 0, sizeof words);
    words[CREWI_SCAN_SIZE / 8 - 1] = words[CREWI_SCAN_SIZE / 8] = id;
    assert_int_equal(toy_take(on(0), words, sizeof words, &shares), CREW_OK);
    assert_int_equal(shares.count, 1);
    toy_hand_over(on(0), &shares);
}

static void words_that_look_like_handles(void **state)
{
    uint64_t found[4], words[] = {1,
                                  (uint64_t)CREWI_KIND_PIPE << 60 | 2,
                                  3,
                                  (uint64_t)CREWI_KIND_PIPE << 60 | (uint64_t)FAKE_RANKS << 40,
                                  (uint64_t)CREWI_KIND_PROCESS << 60 | 5,
                                  (uint64_t)CREWI_KIND_QUEUE << 60 | (uint64_t)1 << 40 | 6};
    (void)state;
    assert_int_equal(crewi_handles_look(words, sizeof words, found, 4), 2);
    assert_int_equal(found[0], words[1]);
    assert_int_equal(found[1], words[5]);
    assert_int_equal(crewi_handles_look(words, sizeof words, found, 1), 1);
    assert_int_equal(crewi_handles_look(words, sizeof words - 1, found, 4), 1);
    assert_int_equal(crewi_handles_look(NULL, 0, found, 4), 0);
}

static void closed_copies_are_not_passed_on(void **state)
{
    struct crewi_shares shares;
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_close(on(0), id);
    assert_int_equal(toy_take(on(0), &id, sizeof id, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
}

static void a_share_under_way_keeps_the_object(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    struct crewi_shares shares = toy_take_one(on(0), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 0);
    toy_hand_over(on(2), &shares);
    toy_use(on(2), id);
    toy_close(on(2), id);
    assert_int_equal(toys_gone, 1);
}

static void a_dropped_share_goes_home(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    struct crewi_shares shares = toy_take_one(on(0), id);
    toy_close(on(0), id);
    crewi_shares_drop(fake_engine(toy_job, 3), shares.list,
                      shares.count); /* where nobody knows it */
    crewi_shares_free(&shares);
    assert_int_equal(toys_gone, 0);
    fake_job_run(toy_job);
    assert_int_equal(toys_gone, 1);
}

static void shares_of_nothing_are_ignored(void **state)
{
    const struct crewi_share list[] = {{0, 5}, {on(0)->base.process, 5}, {UINT64_MAX, 5}};
    (void)state;
    crewi_shares_hand_over(fake_engine(toy_job, 0), on(0)->base.process, list, 3);
    crewi_shares_drop(fake_engine(toy_job, 0), list, 3);
    fake_job_run(toy_job);
    assert_int_equal(fake_engine(toy_job, 0)->handles.count, 0);
}

static void toy_drop_copies(struct fake_client *client, const uint64_t *words, size_t count)
{
    struct fake_call note = {.kind = TOY_KIND,
                             .op = CREWI_OP_DROP_COPIES,
                             .rank = client->rank->loop.engine.rank,
                             .head = words,
                             .head_size = count * sizeof *words};
    fake_tell(client, &note);
    fake_job_run(toy_job);
}

static void a_dropped_copy_leaves_the_others(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0)), words[] = {7, id, on(0)->base.process};
    toy_pass(on(0), on(1), id);
    toy_pass(on(0), on(1), id);
    toy_drop_copies(on(1), words, 3);
    toy_use(on(1), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 0);
    toy_drop_copies(on(1), words, 3);
    assert_int_equal(toys_gone, 1);
    assert_null(toy_holder(on(1), id));
    toy_drop_copies(on(1), words, 3); /* of what it does not have */
}

static void a_copy_that_was_put_back_is_none(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    struct crewi_shares shares = toy_take_one(on(0), id);
    crewi_shares_put_back(fake_engine(toy_job, 0), on(0)->base.process, &shares);
    toy_drop_copies(on(0), &id, 1);
    assert_int_equal(toys_gone, 1);
}

static void a_dropped_copy_can_come_again(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_close(on(1), id);
    toy_drop_copies(on(1), &id, 1);
    toy_pass(on(0), on(1), id);
    toy_drop_copies(on(1), &id, 1);
    toy_pass(on(0), on(1), id);
    toy_use(on(1), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 0);
    toy_close(on(1), id);
    assert_int_equal(toys_gone, 1);
}

/* The answer does not make it a holder again. */
static void a_dropped_copy_that_asks_for_more(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_leave_weight(on(1), id, 5);
    struct crewi_shares shares = toy_take_one(on(1), id);
    struct fake_call note = {.kind = TOY_KIND,
                             .op = CREWI_OP_DROP_COPIES,
                             .rank = 1,
                             .head = &id,
                             .head_size = sizeof id};
    fake_tell(on(1), &note);
    crewi_shares_drop(fake_engine(toy_job, 1), shares.list, shares.count);
    crewi_shares_free(&shares);
    fake_job_run(toy_job);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 1);
}

static void who_runs_low_asks_for_more(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_leave_weight(on(1), id, 5);
    struct crewi_shares shares = toy_take_one(on(1), id);
    assert_int_equal(toy_weight(on(1), id) + shares.list[0].weight, 5);
    fake_job_run(toy_job);
    assert_true(toy_weight(on(1), id) > 1000000);
    assert_int_equal(toy_weight_of_all(id) + shares.list[0].weight, toy_shared(id)->lent);
    toy_hand_over(on(2), &shares);
    toy_use(on(1), id);
    toy_use(on(2), id);
}

static void who_runs_low_asks_once(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_use(on(1), id);
    toy_leave_weight(on(1), id, 1000);
    for (int round = 1; round <= 2; round++) {
        struct crewi_shares shares[3];
        uint64_t carried = toy_job->carried;
        for (int i = 0; i < 3; i++)
            shares[i] = toy_take_one(on(1), id);
        fake_job_run(toy_job);
        assert_int_equal(toy_job->carried, carried + 2); /* the question and the answer */
        for (int i = 0; i < 3; i++)
            toy_hand_over(on(1), &shares[i]);
        toy_leave_weight(on(1), id, 1000);
    }
}

/* The answer comes when the copy is closed, or its process has ended. */
static void more_weight_comes_too_late(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fake_client *client = i ? on(1) : also_on(1);
        uint64_t id = toy_make(on(0));
        toy_pass(on(0), client, id);
        toy_leave_weight(client, id, 5);
        struct crewi_shares shares = toy_take_one(client, id);
        if (i)
            fake_client_end(client);
        else
            crewi_handle_close(fake_engine(toy_job, 1), id, client->base.process);
        fake_job_run(toy_job);
        assert_int_equal(toy_weight_of_all(id) + shares.list[0].weight, toy_shared(id)->lent);
        toy_hand_over(on(0), &shares);
        toy_close(on(0), id);
        assert_int_equal(toys_gone, i + 1);
    }
}

static void too_many_copies_at_a_time(void **state)
{
    struct crewi_shares shares;
    (void)state;
    uint64_t id = toy_make(on(0)), other = toy_make(on(0)), weight = toy_weight(on(0), other);
    toy_leave_weight(on(0), id, 3);
    uint64_t words[] = {other, id, id, other, id, id};
    assert_int_equal(toy_take(on(0), words, sizeof words, &shares), CREW_ESTATE);
    assert_non_null(strstr(crew_error_message(), "too many copies"));
    assert_int_equal(shares.count, 0);
    assert_null(shares.list);
    assert_int_equal(toy_weight(on(0), id), 3);
    assert_int_equal(toy_weight(on(0), other), weight);
    fake_job_run(toy_job); /* it has asked for more */
    assert_int_equal(toy_take(on(0), words, sizeof words, &shares), CREW_OK);
    assert_int_equal(shares.count, 6);
    toy_hand_over(on(1), &shares);
}

static void the_last_of_all_weight_is_not_passed_on(void **state)
{
    struct crewi_shares shares;
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_leave_weight(on(0), id, 1);
    assert_int_equal(toy_take(on(0), &id, sizeof id, &shares), CREW_ESTATE);
    assert_int_equal(toy_weight(on(0), id), 1);
    toy_use(on(0), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 1);
}

/* Thousands of copies, and copies of copies. */
static void a_long_chain_and_a_wide_one(void **state)
{
    struct crewi_shares shares[500];
    (void)state;
    uint64_t id = toy_make(on(0));
    for (int i = 0; i < 500; i++)
        shares[i] = toy_take_one(on(0), id);
    for (int i = 0; i < 500; i++)
        toy_hand_over(&toy_clients[i % FAKE_RANKS][i / FAKE_RANKS % 2], &shares[i]);
    for (uint32_t i = 0; i < 200; i++) {
        toy_pass(on(i % FAKE_RANKS), on((i + 1) % FAKE_RANKS), id);
        fake_job_run(toy_job);
    }
    assert_int_equal(toy_weight_of_all(id), toy_shared(id)->lent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOY_TEST(handles_are_found_in_every_word),
        TOY_TEST(nothing_is_found_where_nothing_is),
        TOY_TEST(handles_are_found_up_to_a_limit),
        TOY_TEST(words_that_look_like_handles),
        TOY_TEST(closed_copies_are_not_passed_on),
        TOY_TEST(a_share_under_way_keeps_the_object),
        TOY_TEST(a_dropped_share_goes_home),
        TOY_TEST(shares_of_nothing_are_ignored),
        TOY_TEST(a_dropped_copy_leaves_the_others),
        TOY_TEST(a_copy_that_was_put_back_is_none),
        TOY_TEST(a_dropped_copy_can_come_again),
        TOY_TEST(a_dropped_copy_that_asks_for_more),
        TOY_TEST(who_runs_low_asks_for_more),
        TOY_TEST(who_runs_low_asks_once),
        TOY_TEST(more_weight_comes_too_late),
        TOY_TEST(too_many_copies_at_a_time),
        TOY_TEST(the_last_of_all_weight_is_not_passed_on),
        TOY_TEST(a_long_chain_and_a_wide_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
