/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps that are cancelled, and killed. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;
static struct pool_outcome outcome;
static uint64_t pool;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    pool = pool_open(&creator, 2);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_client_end(&creator);
    fake_job_run(job);
    pool_job_destroy(job);
    return 0;
}

static struct fake_child *worker(int place)
{
    return pool_worker(&creator, pool, place);
}

static struct fake_child *replacement(int place)
{
    pool_start_all(job);
    pool_ready(worker(place));
    return worker(place);
}

static void work_all(void)
{
    for (int i = 0; i < 20; i++) {
        pool_work(worker(0));
        pool_work(worker(1));
    }
}

static struct crewi_pool_chunk next_chunk(struct fake_child *child)
{
    struct crewi_pool_chunk chunk = {0};
    bool stop;
    assert_true(pool_next_chunk(child, &chunk, &stop));
    return chunk;
}

static uint64_t ask(uint8_t op, uint64_t map)
{
    struct fake_call call = result_call(op, map);
    return fake_ask(&creator, &call);
}

static void expect_byte(uint64_t request, unsigned char expected)
{
    unsigned char byte = 77;
    fake_expect_reply(&creator, request, &byte, 1);
    assert_int_equal(byte, expected);
}

/* Cancelling */

static void cancelled_as_a_whole(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 20, 1);
    uint64_t map = pool_submit(&creator, pool, 3, 1), wait = ask(CREWI_OP_WAIT, map);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 1);
    expect_byte(wait, 1);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 1); /* as before */
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_true(progress.over && progress.cancelled && progress.failed == 3 && progress.done == 3);
    pool_take(&creator, map, 3, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    assert_string_equal(outcome.reason, "task 0 of triple was cancelled");
    for (int i = 0; i < 3; i++)
        assert_int_equal(outcome.statuses[i], CREW_ECANCELED);
    work_all();
}

static void cancelled_in_part(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 1);
    uint64_t wait = ask(CREWI_OP_WAIT, map);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
    fake_expect_parked(&creator, wait);
    work_all();
    expect_byte(wait, 1);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
    pool_take(&creator, map, 20, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    int done = 0;
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(outcome.statuses[i] == CREW_OK || outcome.statuses[i] == CREW_ECANCELED);
        assert_int_equal(outcome.results[i], outcome.statuses[i] == CREW_OK ? pool_result(i) : 0);
        done += outcome.statuses[i] == CREW_OK;
    }
    assert_in_range(done, 2, 8);
}

static void done_before_it_is_cancelled(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 3, 1);
    work_all();
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0);
    assert_int_equal(worker(0)->signals + worker(1)->signals, 0);
    pool_expect_all(&creator, map, 3);
}

/* Its workers die afterwards, with what they had begun: others do that, whatever the schedule. */
static void cancelled_and_then_lost(void **state)
{
    (void)state;
    for (int policy = CREW_SCHEDULE_GUIDED; policy <= CREW_SCHEDULE_WEIGHTED; policy++) {
        struct crewi_pool_submission submission = pool_submission(40, 0);
        submission.schedule = (uint8_t)policy;
        uint64_t map = pool_submit_as(&creator, pool, &submission);
        struct crewi_pool_chunk chunk = next_chunk(worker(0));
        pool_answer(worker(0), map, chunk.begin, chunk.count); /* says how long tasks are */
        expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
        for (int place = 0; place < 2; place++) {
            fake_child_ended(worker(place), FAKE_SIGNAL(SIGKILL));
            replacement(place);
        }
        work_all();
        struct crewi_pool_progress progress = pool_progress(&creator, map);
        assert_int_equal(progress.over, 1);
        assert_int_equal(progress.done, 40);
        pool_take(&creator, map, 40, &outcome);
        uint64_t done = 0;
        for (uint64_t i = 0; i < 40; i++)
            done += outcome.statuses[i] == CREW_OK;
        assert_int_equal(progress.failed, 40 - done);
        assert_in_range(done, chunk.count, 40);
    }
}

/* What workers have in hand is taken back, as far as they have not begun it, whatever the chunks;
 * and what has begun is as if nobody had asked. */
static void taken_back_from_workers(void **state)
{
    (void)state;
    job->children_claim = true;
    for (int no_stealing = 0; no_stealing < 2; no_stealing++) {
        pool = pool_open(&creator, 1);
        struct crewi_pool_submission submission = pool_submission(40, 0);
        struct crewi_claim_range claimed;
        submission.no_stealing = (uint8_t)no_stealing;
        uint64_t map = pool_submit_as(&creator, pool, &submission);
        struct crewi_pool_chunk chunk = next_chunk(worker(0));
        assert_int_equal(crewi_claim_take(&worker(0)->claims, chunk.key, 2, &claimed), 1);
        expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
        struct crewi_pool_progress progress = pool_progress(&creator, map);
        assert_true(progress.done == 38 && progress.failed == 38 && progress.cancelled);
        assert_int_equal(crewi_claim_take(&worker(0)->claims, chunk.key, 1, &claimed), 0);
        pool_answer(worker(0), map, chunk.begin, 2);
        progress = pool_progress(&creator, map);
        assert_true(progress.over && !progress.wrong);
        pool_take(&creator, map, 40, &outcome);
        for (uint64_t i = 0; i < 40; i++)
            assert_int_equal(outcome.statuses[i], i < 2 ? CREW_OK : CREW_ECANCELED);
    }
}

/* No worker has begun it, though one has it. */
static void in_hand_and_cancelled(void **state)
{
    (void)state;
    job->children_claim = true;
    pool = pool_open(&creator, 1);
    uint64_t map = pool_submit(&creator, pool, 1, 1);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 1);
    pool_take(&creator, map, 1, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    assert_string_equal(outcome.reason, "task 0 of triple was cancelled");
}

/* A cancellation that is refused leaves no trace. */
static void refused(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 2, 1);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
    assert_false(pool_progress(&creator, map).cancelled);
    pool_answer_failed(worker(0), map, chunk.begin, CREW_EDOMAIN, "no");
    pool_work(worker(1));
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_true(progress.over && progress.wrong && !progress.cancelled);
}

/* Killing: workers claim what they begin */

static void open_claiming(int workers)
{
    job->children_claim = true;
    pool = pool_open(&creator, workers);
}

/* The worker is in all tasks of its next chunk from now on. */
static struct crewi_pool_chunk begin_chunk(struct fake_child *child)
{
    struct crewi_pool_chunk chunk = next_chunk(child);
    struct crewi_claim_range claimed;
    assert_int_equal(crewi_claim_take(&child->claims, chunk.key, CREWI_CLAIM_TASKS, &claimed), 1);
    assert_int_equal(claimed.end, chunk.count);
    return chunk;
}

/* What it has got was taken back from it, before it has begun any of that. */
static void expect_nothing(struct fake_child *child)
{
    struct crewi_pool_chunk chunk;
    struct crewi_claim_range claimed;
    bool stop;
    while (pool_next_chunk(child, &chunk, &stop))
        assert_int_equal(crewi_claim_take(&child->claims, chunk.key, 1, &claimed), 0);
}

static void die_in(int place, uint64_t map, uint64_t task)
{
    uint32_t size;
    void *draft = pool_draft(map, task, 1, 0, &size);
    fake_child_ended_with(worker(place), FAKE_SIGNAL(SIGKILL), draft, size, 0);
    free(draft);
    replacement(place);
}

static void killed(void **state)
{
    uint64_t tasks[2];
    (void)state;
    open_claiming(2);
    uint64_t map = pool_submit(&creator, pool, 20, 1);
    for (int place = 0; place < 2; place++)
        tasks[place] = begin_chunk(worker(place)).begin;
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0);
    for (int place = 0; place < 2; place++)
        assert_int_equal(worker(place)->signal, SIGKILL);
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0); /* once is enough */
    for (int place = 0; place < 2; place++)
        assert_int_equal(worker(place)->signals, 1);
    assert_int_equal(pool_progress(&creator, map).done, 18);
    for (int place = 0; place < 2; place++)
        die_in(place, map, tasks[place]);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_true(progress.over && progress.done == 20 && progress.failed == 20);
    pool_take(&creator, map, 20, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(outcome.statuses[i], CREW_ECANCELED);
        assert_int_equal(outcome.results[i], 0);
    }
    uint64_t other = pool_submit(&creator, pool, 10, 1); /* the pool goes on */
    for (int i = 0; i < 5; i++)
        for (int place = 0; place < 2; place++) {
            struct crewi_pool_chunk chunk = begin_chunk(worker(place));
            pool_answer(worker(place), other, chunk.begin, chunk.count);
        }
    pool_expect_all(&creator, other, 10);
}

/* The worker is done with it, which is not known yet, and in a task of another map by now: it is
 * not killed, and no task is run twice. */
static void not_in_it_any_more(void **state)
{
    (void)state;
    open_claiming(1);
    uint64_t map = pool_submit(&creator, pool, 1, 1), other = pool_submit(&creator, pool, 5, 1);
    assert_int_equal(begin_chunk(worker(0)).map, map);
    struct crewi_pool_chunk chunk = begin_chunk(worker(0));
    assert_int_equal(chunk.map, other);
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0);
    assert_int_equal(worker(0)->signals, 0);
    pool_answer(worker(0), map, 0, 1);
    pool_answer(worker(0), other, chunk.begin, 1);
    for (uint64_t i = 1; i < 5; i++)
        pool_answer(worker(0), other, begin_chunk(worker(0)).begin, 1);
    pool_expect_all(&creator, map, 1); /* it was done in time */
    pool_expect_all(&creator, other, 5);
}

/* It has some of the map in hand, behind tasks of another: those are taken back, and it goes on. */
static void not_in_it_yet(void **state)
{
    (void)state;
    open_claiming(1);
    uint64_t other = pool_submit(&creator, pool, 1, 1), map = pool_submit(&creator, pool, 3, 1);
    assert_int_equal(begin_chunk(worker(0)).map, other);
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0);
    assert_int_equal(worker(0)->signals, 0);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_true(progress.over && progress.failed == 3);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 1);
    pool_answer(worker(0), other, 0, 1);
    pool_expect_all(&creator, other, 1);
    expect_nothing(worker(0));
}

/* It is in it, and has tasks of another map in hand: those are taken back before it is killed. */
static void with_others_in_hand(void **state)
{
    (void)state;
    open_claiming(1);
    uint64_t map = pool_submit(&creator, pool, 1, 1), other = pool_submit(&creator, pool, 3, 1);
    assert_int_equal(begin_chunk(worker(0)).map, map);
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0);
    assert_int_equal(worker(0)->signal, SIGKILL);
    expect_nothing(worker(0)); /* nor does it get anything more */
    die_in(0, map, 0);
    for (uint64_t i = 0; i < 3; i++)
        pool_answer(worker(0), other, begin_chunk(worker(0)).begin, 1);
    pool_expect_all(&creator, other, 3);
    pool_take(&creator, map, 1, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
}

/* Cancelled first, and killed while its rank is being asked. */
static void cancelled_and_killed(void **state)
{
    (void)state;
    open_claiming(1);
    uint64_t map = pool_submit(&creator, pool, 20, 10);
    struct crewi_pool_chunk chunk = begin_chunk(worker(0));
    uint64_t cancel = ask(CREWI_RESULT_CANCEL, map);
    fake_expect_reply(&creator, ask(CREWI_RESULT_KILL, map), NULL, 0);
    expect_byte(cancel, 0);
    assert_int_equal(worker(0)->signal, SIGKILL);
    die_in(0, map, chunk.begin);
    pool_take(&creator, map, 20, &outcome);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.statuses[i], CREW_ECANCELED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cancelled_as_a_whole),
        TEST(cancelled_in_part),
        TEST(done_before_it_is_cancelled),
        TEST(cancelled_and_then_lost),
        TEST(taken_back_from_workers),
        TEST(in_hand_and_cancelled),
        TEST(refused),
        TEST(killed),
        TEST(not_in_it_any_more),
        TEST(not_in_it_yet),
        TEST(with_others_in_hand),
        TEST(cancelled_and_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
