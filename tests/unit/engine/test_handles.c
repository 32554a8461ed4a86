/* SPDX-License-Identifier: BSD-3-Clause */
/* Counted handles: which processes have a copy, how a rank comes to know an object, and when it is
 * gone. */
#include "toys.h"
#include "unit.h"

/* Weight */

static void the_creator_has_all_weight(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(1));
    assert_non_null(toy_shared(id));
    assert_int_equal(toy_weight(on(1), id), toy_shared(id)->lent);
    toy_use(on(1), id);
    assert_true(toy_close(on(1), id));
    assert_int_equal(toys_gone, 1);
    assert_int_equal(toys_gone_uses, 1);
    assert_null(crewi_handle_find(fake_engine(toy_job, 1), id));
}

static void weight_is_divided_among_ranks(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    uint64_t lent = toy_shared(id)->lent, carried = toy_job->carried;
    toy_pass(on(0), on(1), id);
    toy_pass(on(1), on(2), id);
    toy_pass(on(0), also_on(2), id);
    toy_pass(on(1), on(3), id);
    fake_job_run(toy_job);
    assert_int_equal(toy_job->carried, carried); /* the home hears nothing of it */
    assert_int_equal(toy_weight_of_all(id), lent);
    toy_use(on(3), id);
    toy_use(also_on(2), id);
    assert_int_equal(toy_shared(id)->lent, lent);
    assert_int_equal(toy_weight_of_all(id), lent);
    static const uint32_t order[] = {0, 2, 1, 3};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(toys_gone, 0);
        assert_true(toy_close(on(order[i]), id));
        assert_int_equal(toy_weight_of_all(id), toys_gone ? 0 : toy_shared(id)->lent);
    }
    assert_int_equal(toys_gone, 0);
    assert_true(toy_close(also_on(2), id));
    assert_int_equal(toys_gone, 1);
    assert_int_equal(toys_gone_uses, 2);
}

static void a_copy_that_comes_back_adds_to_the_first(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0)), lent = toy_shared(id)->lent;
    toy_pass(on(0), on(1), id);
    toy_pass(on(1), on(0), id);
    assert_int_equal(toy_weight_of_all(id), lent);
    toy_close(on(1), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 1);
}

static void closed_copies_are_refused(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_use(on(1), id);
    assert_true(toy_close(on(1), id));
    assert_false(toy_close(on(1), id));
    assert_false(toy_close(also_on(1), id)); /* it never had one */
    fake_expect_refusal(on(1), toy_ask_use(on(1), id), CREW_ECLOSED, "has closed this toy");
    assert_false(toy_close(on(1), id));
    toy_use(on(0), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone_uses, 2);
}

static void a_closed_copy_may_be_given_again(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_use(on(1), id);
    *crewi_handle_mark(crewi_handle_find(fake_engine(toy_job, 1), id), on(1)->base.process) = 7;
    toy_pass(on(0), on(1), id);
    assert_int_equal(toy_holder(on(1), id)->mark, 7);
    toy_close(on(1), id);
    toy_pass(on(0), on(1), id);
    assert_int_equal(toy_holder(on(1), id)->mark, 0);
    toy_use(on(1), id);
}

static void the_end_of_a_process_gives_all_back(void **state)
{
    (void)state;
    uint64_t first = toy_make(on(0)), second = toy_make(on(3));
    toy_pass(on(0), on(1), first);
    toy_pass(on(3), on(1), second);
    toy_use(on(1), second);
    toy_close(on(0), first);
    toy_close(on(3), second);
    assert_int_equal(toys_gone, 0);
    fake_client_end(on(1));
    fake_job_run(toy_job);
    assert_int_equal(toys_gone, 2);
}

static void the_kind_hears_of_releases(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(1));
    toy_pass(on(1), also_on(1), id);
    const struct crewi_handle *handle = crewi_handle_find(fake_engine(toy_job, 1), id);
    const struct toy_agent *agent = handle->agent;
    assert_true(crewi_handle_is_held(handle));
    toy_pass(on(1), on(0), id);
    toy_close(on(1), id);
    assert_int_equal(agent->released, 1);
    assert_true(crewi_handle_is_held(handle));
    fake_client_end(also_on(1));
    fake_job_run(toy_job);
    assert_int_equal(agent->released, 2);
    assert_false(crewi_handle_is_held(handle));
    fake_client_end(on(1)); /* closed before */
    fake_job_run(toy_job);
    assert_int_equal(agent->released, 2);
}

static void marks_are_of_one_process(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    struct crewi_handle *handle = crewi_handle_find(fake_engine(toy_job, 0), id);
    toy_pass(on(0), also_on(0), id);
    *crewi_handle_mark(handle, on(0)->base.process) = 5;
    assert_int_equal(*crewi_handle_mark(handle, on(0)->base.process), 5);
    assert_int_equal(*crewi_handle_mark(handle, also_on(0)->base.process), 0);
    assert_null(crewi_handle_mark(handle, on(1)->base.process));
}

/* A kind without count_out, came_back and released. */
static void what_a_kind_may_leave_out(void **state)
{
    (void)state;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        fake_engine(toy_job, rank)->kinds[TOY_KIND] = &toy_plain_kind;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_use(on(1), id);
    toy_close(on(0), id);
    assert_int_equal(toys_gone, 0);
    toy_close(on(1), id);
    assert_int_equal(toys_gone, 1);
    assert_int_equal(toys_gone_uses, 0);
}

/* Attaching */

static void a_handle_that_nobody_passed_on(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0)), lent = toy_shared(id)->lent;
    toy_use(on(1), id);
    assert_int_equal(toy_shared(id)->lent, lent + toy_weight(on(1), id));
    assert_true(toy_weight(on(1), id) > 0);
    toy_use(also_on(0), id); /* on the home's rank too */
    assert_true(toy_weight(also_on(0), id) > 0);
    toy_close(on(0), id);
    toy_use(on(1), id);
    toy_close(on(1), id);
    assert_int_equal(toys_gone, 0);
    toy_close(also_on(0), id);
    assert_int_equal(toys_gone, 1);
    assert_int_equal(toys_gone_uses, 3);
}

static void many_ask_before_the_rank_is_attached(void **state)
{
    uint64_t asked[6];
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id); /* one was given it, the other one was not */
    for (int i = 0; i < 6; i++)
        asked[i] = toy_ask_use(i % 2 ? on(1) : also_on(1), id);
    for (int i = 0; i < 6; i++)
        fake_expect_reply(i % 2 ? on(1) : also_on(1), asked[i], NULL, 0);
    assert_int_equal(toy_weight_of_all(id), toy_shared(id)->lent);
}

static void an_object_that_is_gone(void **state)
{
    uint64_t asked[4];
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_use(on(1), id);
    toy_close(on(0), id);
    toy_close(on(1), id);
    assert_int_equal(toys_gone, 1);
    struct fake_client *askers[] = {on(1), also_on(1), on(2), on(0)};
    for (int i = 0; i < 4; i++)
        asked[i] = toy_ask_use(askers[i], id);
    for (int i = 0; i < 4; i++)
        fake_expect_refusal(askers[i], asked[i], CREW_ECLOSED, "this toy is closed");
}

static void an_object_that_never_was(void **state)
{
    uint64_t asked[4];
    (void)state;
    uint64_t id = toy_make(on(0)) + 1000;
    struct fake_client *askers[] = {on(1), also_on(1), on(1), on(0)};
    for (int i = 0; i < 4; i++)
        asked[i] = toy_ask_use(askers[i], id);
    for (int i = 0; i < 4; i++)
        fake_expect_refusal(askers[i], asked[i], CREW_ENOENT, "there never was such a toy");
}

static void handles_of_other_kinds(void **state)
{
    (void)state;
    const uint64_t wrong[] = {0, (uint64_t)TOY_OTHER_KIND << 60 | 1, (uint64_t)9 << 60 | 1,
                              (uint64_t)TOY_KIND << 60 | (uint64_t)FAKE_RANKS << 40 | 1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fake_expect_refusal(on(1), toy_ask_use(on(1), wrong[i]), CREW_EINVAL, "another kind");
}

/* Its last copy is closed while another process's first use is on its way home. */
static void an_object_goes_while_requests_are_pending(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_use(on(1), id);
    uint64_t late = toy_ask_use(also_on(1), id), later = toy_ask_use(also_on(1), id);
    struct crewi_engine *engine = fake_engine(toy_job, 1);
    crewi_engine_run(engine, toy_job->now_ns);
    struct crewi_frames asks = {0};
    struct crewi_frame *ask;
    crewi_frames_init(&asks);
    while ((ask = crewi_frames_pop(&toy_job->ranks[0].wire))) {
        assert_int_equal(ask->header.op, CREWI_OP_ATTACH);
        crewi_frames_push(&asks, ask);
    }
    toy_close(on(0), id);
    toy_close(on(1), id);
    assert_int_equal(toys_gone, 1);
    assert_non_null(crewi_handle_find(engine, id));
    fake_expect_parked(also_on(1), late);
    while ((ask = crewi_frames_pop(&asks)))
        crewi_frames_push(&toy_job->ranks[0].wire, ask);
    fake_expect_refusal(also_on(1), late, CREW_ECLOSED, "this toy is closed");
    fake_expect_refusal(also_on(1), later, CREW_ECLOSED, "this toy is closed");
}

static void one_who_asked_has_ended(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0)), lent = toy_shared(id)->lent;
    toy_ask_use(on(1), id);
    crewi_engine_run(fake_engine(toy_job, 1), toy_job->now_ns);
    uint64_t asked = toy_ask_use(also_on(1), id);
    fake_client_end(on(1));
    fake_expect_reply(also_on(1), asked, NULL, 0);
    assert_int_equal(toy_shared(id)->lent, lent + toy_weight(also_on(1), id));
}

/* Its request comes once more when its end has been handled. */
static void one_who_asked_ended_when_the_answer_came(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_ask_use(on(1), id);
    crewi_engine_run(fake_engine(toy_job, 1), toy_job->now_ns);
    crewi_engine_accept(fake_engine(toy_job, 0), crewi_frames_pop(&toy_job->ranks[0].wire));
    crewi_engine_run(fake_engine(toy_job, 0), toy_job->now_ns);
    crewi_engine_accept(fake_engine(toy_job, 1), crewi_frames_pop(&toy_job->ranks[1].wire));
    fake_client_end(on(1));
    fake_job_run(toy_job);
    assert_int_equal(toy_shared(id)->lent, toy_weight(on(0), id));
    assert_null(crewi_handle_find(fake_engine(toy_job, 1), id)->pending.first);
}

/* Orders of messages */

/* The weight of three ranks comes home in any order, with an attachment in between. */
static void weight_comes_home_in_any_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct crewi_frame *late[3];
        uint64_t id = toy_make(on(0));
        for (uint32_t rank = 1; rank < 4; rank++) {
            toy_pass(on(0), on(rank), id);
            toy_use(on(rank), id);
        }
        toy_close(on(0), id);
        for (uint32_t rank = 1; rank < 4; rank++) {
            crewi_handle_close(fake_engine(toy_job, rank), id, on(rank)->base.process);
            late[rank - 1] = crewi_frames_pop(&toy_job->ranks[0].wire);
            assert_int_equal(late[rank - 1]->header.op, CREWI_OP_GIVE_BACK);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(toys_gone, round);
            crewi_frames_push(&toy_job->ranks[0].wire, late[orders[round][i]]);
            fake_job_run(toy_job);
        }
        assert_int_equal(toys_gone, round + 1);
        assert_int_equal(toys_gone_uses, 3);
    }
}

/* A rank that never attached is told as well: it remembers who has closed it. */
static void weight_comes_home_before_the_rank_attaches(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_close(on(1), id);
    fake_expect_refusal(on(1), toy_ask_use(on(1), id), CREW_ECLOSED, "has closed this toy");
    toy_close(on(0), id);
    assert_null(crewi_handle_find(fake_engine(toy_job, 1), id));
    fake_expect_refusal(on(1), toy_ask_use(on(1), id), CREW_ECLOSED, "this toy is closed");
}

/* Deliveries */

static void those_who_hold_it_are_told_to_ask_again(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    toy_pass(on(0), on(1), id);
    toy_pass(on(0), also_on(0), id);
    toy_use(on(1), id);
    crewi_handle_stop_posts(fake_engine(toy_job, 0),
                            crewi_handle_find(fake_engine(toy_job, 0), id));
    fake_job_run(toy_job);
    for (int i = 0; i < 2; i++) {
        struct crewi_frame *stop = fake_delivery(&toy_clients[0][i]);
        assert_non_null(stop);
        assert_int_equal(stop->header.op, CREWI_OP_STOP_POSTS);
        assert_int_equal(stop->header.kind, TOY_KIND);
        assert_int_equal(stop->header.object, id);
        crewi_frame_destroy(stop);
    }
    assert_null(fake_delivery(on(1)));
    toy_close(also_on(0), id);
    crewi_handle_stop_posts(fake_engine(toy_job, 0),
                            crewi_handle_find(fake_engine(toy_job, 0), id));
    fake_job_run(toy_job);
    crewi_frame_destroy(fake_delivery(on(0)));
    assert_null(fake_delivery(also_on(0)));
}

/* What cannot be */

static void toy_say(uint32_t rank, uint8_t op, const void *note, size_t size)
{
    struct crewi_outgoing out = {
        .kind = TOY_KIND, .op = op, .rank = rank, .head = note, .head_size = size};
    assert_int_equal(crewi_engine_tell(fake_engine(toy_job, rank), &out), CREW_OK);
    fake_job_run(toy_job);
}

static void notes_that_cannot_be(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0)), lent = toy_shared(id)->lent;
    for (int op = CREWI_OP_ATTACH; op <= CREWI_OP_GONE; op++) {
        struct crewi_handle_note note = {.id = id, .weight = lent, .rank = FAKE_RANKS};
        toy_say(0, (uint8_t)op, &note, sizeof note); /* a rank that there is not */
        note.rank = 1;
        toy_say(0, (uint8_t)op, &note, sizeof note - 1);
        toy_say(0, (uint8_t)op, NULL, 0);
        note.id = (uint64_t)TOY_OTHER_KIND << 60 | 1;
        toy_say(0, (uint8_t)op, &note, sizeof note);
        note.id = (uint64_t)TOY_KIND << 60 | (uint64_t)FAKE_RANKS << 40 | 1;
        toy_say(0, (uint8_t)op, &note, sizeof note);
    }
    assert_int_equal(toy_shared(id)->lent, lent);
    toy_use(on(0), id);
}

static void weight_that_was_never_lent(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    struct crewi_handle_note note = {.id = id, .weight = toy_shared(id)->lent + 1, .rank = 1};
    toy_say(0, CREWI_OP_GIVE_BACK, &note, sizeof note);
    note.id += 1000;
    toy_say(0, CREWI_OP_GIVE_BACK, &note, sizeof note);
    assert_int_equal(toys_gone, 0);
    toy_use(on(0), id);
}

static void answers_that_nobody_waits_for(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0)), lent = toy_shared(id)->lent;
    struct crewi_handle_note note = {.id = id, .status = CREW_ECLOSED};
    toy_say(1, CREWI_OP_ATTACHED, &note, sizeof note);
    toy_say(1, CREWI_OP_GONE, &note, sizeof note);
    toy_use(on(1), id);
    toy_say(1, CREWI_OP_ATTACHED, &note, sizeof note);
    toy_use(on(1), id);
    struct crewi_share share = {id, 1000}; /* weight for a rank that knows nothing goes home */
    toy_holder(on(0), id)->weight -= share.weight;
    note = (struct crewi_handle_note){.id = id, .weight = share.weight, .process = 77};
    toy_say(2, CREWI_OP_ATTACHED, &note, sizeof note);
    assert_int_equal(toy_shared(id)->lent, lent - 1000 + toy_weight(on(1), id));
}

static void a_client_that_asks_another_rank(void **state)
{
    (void)state;
    uint64_t id = toy_make(on(0));
    struct fake_call call = {
        .kind = TOY_KIND, .op = TOY_USE, .rank = 2, .head = &id, .head_size = sizeof id};
    fake_call_refused(on(1), &call, CREW_EPROTO, "on another rank");
    assert_null(crewi_handle_find(fake_engine(toy_job, 2), id));
}

static void the_job_ends_with_everything_there(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        uint64_t id = toy_make(on((uint32_t)i % FAKE_RANKS));
        toy_use(on(1), id);
        toy_pass(on(1), on(3), id);
        toy_ask_use(also_on(2), id);
        crewi_engine_run(fake_engine(toy_job, 2), toy_job->now_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOY_TEST(the_creator_has_all_weight),
        TOY_TEST(weight_is_divided_among_ranks),
        TOY_TEST(a_copy_that_comes_back_adds_to_the_first),
        TOY_TEST(closed_copies_are_refused),
        TOY_TEST(a_closed_copy_may_be_given_again),
        TOY_TEST(the_end_of_a_process_gives_all_back),
        TOY_TEST(the_kind_hears_of_releases),
        TOY_TEST(marks_are_of_one_process),
        TOY_TEST(what_a_kind_may_leave_out),
        TOY_TEST(a_handle_that_nobody_passed_on),
        TOY_TEST(many_ask_before_the_rank_is_attached),
        TOY_TEST(an_object_that_is_gone),
        TOY_TEST(an_object_that_never_was),
        TOY_TEST(handles_of_other_kinds),
        TOY_TEST(an_object_goes_while_requests_are_pending),
        TOY_TEST(one_who_asked_has_ended),
        TOY_TEST(one_who_asked_ended_when_the_answer_came),
        TOY_TEST(weight_comes_home_in_any_order),
        TOY_TEST(weight_comes_home_before_the_rank_attaches),
        TOY_TEST(those_who_hold_it_are_told_to_ask_again),
        TOY_TEST(notes_that_cannot_be),
        TOY_TEST(weight_that_was_never_lent),
        TOY_TEST(answers_that_nobody_waits_for),
        TOY_TEST(a_client_that_asks_another_rank),
        cmocka_unit_test_setup_teardown(the_job_ends_with_everything_there, toys_begin,
                                        toys_end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
