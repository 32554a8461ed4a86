/* SPDX-License-Identifier: BSD-3-Clause */
/* Work stealing, and what may end meanwhile: workers, maps, pools; and messages that cannot be. */
#include "base/clock.h"
#include "stealing.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MS CREWI_MILLISECOND

static struct stealing test;
static struct pool_outcome outcome;

/* One map of 20 tasks: rank 0's worker has done its ten, and rank 1 is asked to take some of the
 * other ten back; it has not heard of that yet. Of those the worker has claimed three. */
static struct fake_child *quick, *slow;
static struct crewi_pool_chunk chunk;
static uint64_t map;

static int begin(void **state)
{
    (void)state;
    stealing_begin(&test, 2, 0);
    struct crewi_pool_submission submission = pool_submission(20, 0);
    submission.schedule = CREW_SCHEDULE_STATIC;
    map = pool_submit_as(&test.creator, test.pool, &submission);
    quick = stealing_worker(&test, 0);
    slow = stealing_worker(&test, 1);
    struct crewi_pool_chunk first = stealing_chunk(quick);
    chunk = stealing_chunk(slow);
    assert_int_equal(chunk.begin, 10);
    assert_int_equal(stealing_claim(slow, &chunk, 3), 3);
    assert_int_equal(stealing_claim(quick, &first, 10), 10);
    stealing_tell(&test, quick, map, 0, 10, 10 * MS);
    stealing_run_rank(&test, 0);
    assert_int_equal(stealing_at_home(&test, 1)->steal_serves, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stealing_end(&test);
    return 0;
}

static void die(struct fake_child *child, uint64_t planned, uint64_t done)
{
    uint32_t size;
    void *draft = pool_draft(map, chunk.begin, planned, done, &size);
    fake_child_ended_with(child, FAKE_SIGNAL(SIGKILL), draft, size, done);
    free(draft);
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
}

static void replace(int place)
{
    pool_start_all(test.job);
    pool_ready(stealing_worker(&test, place));
}

/* All is done but one task; NULL: nothing has failed. */
static void expect_lost(const uint64_t *lost)
{
    stealing_work_all(&test);
    assert_int_equal(pool_progress(&test.creator, map).over, 1);
    assert_false(stealing_home(&test)->maps->careful);
    pool_take(&test.creator, map, 20, &outcome);
    for (uint64_t i = 0; i < 20; i++) {
        bool is_lost = lost && i == *lost;
        assert_int_equal(outcome.statuses[i], is_lost ? CREW_EWORKERDIED : CREW_OK);
        assert_int_equal(outcome.results[i], is_lost ? 0 : pool_result(i));
    }
}

/* The rank hears of the request when the worker is gone. */
static void dies_before_its_rank_is_asked(void **state)
{
    const uint64_t lost = 12;
    (void)state;
    die(slow, 10, 2);
    replace(1);
    expect_lost(&lost);
}

/* The draft was begun when the worker had more. */
static void dies_in_a_task_after(void **state)
{
    const uint64_t lost = 11;
    (void)state;
    stealing_run_rank(&test, 1);
    assert_int_equal(stealing_left(slow, &chunk), 3);
    die(slow, 10, 1);
    replace(1);
    expect_lost(&lost);
}

static void dies_in_its_last_task_after(void **state)
{
    const uint64_t lost = 15;
    (void)state;
    fake_job_run(test.job);
    assert_int_equal(stealing_claim(slow, &chunk, 10), 3);
    die(slow, 10, 5);
    replace(1);
    expect_lost(&lost);
}

/* It has done all that was left to it, and has not noticed yet: it was in no task. */
static void dies_in_no_task(void **state)
{
    (void)state;
    fake_job_run(test.job);
    assert_int_equal(stealing_claim(slow, &chunk, 10), 3);
    uint64_t behind = pool_submit(&test.creator, test.pool, 40, 10);
    assert_int_equal(stealing_at_home(&test, 1)->outstanding_count, 2);
    die(slow, 10, 6);
    for (const struct crewi_pool_map *one = stealing_home(&test)->maps; one; one = one->next)
        assert_false(one->careful);
    replace(1);
    expect_lost(NULL);
    pool_expect_all(&test.creator, behind, 40);
}

static void dies_when_all_is_sent(void **state)
{
    (void)state;
    fake_job_run(test.job);
    assert_int_equal(stealing_claim(slow, &chunk, 10), 3);
    stealing_tell(&test, slow, map, 10, 6, 6 * MS);
    die(slow, 6, 6);
    replace(1);
    expect_lost(NULL);
}

/* A draft that was planned for more than the worker ever had is none. */
static void dies_with_a_draft_that_cannot_be(void **state)
{
    (void)state;
    fake_job_run(test.job);
    die(slow, 11, 2);
    assert_true(stealing_home(&test)->maps->careful);
    replace(1);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 20);
}

static void the_idle_one_dies(void **state)
{
    (void)state;
    fake_child_ended(quick, FAKE_SIGNAL(SIGKILL)); /* with nothing in hand; and the answer comes */
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
    assert_int_equal(pool_progress(&test.creator, map).done, 10);
    replace(0);
    assert_int_equal(stealing_claim(slow, &chunk, 10), 3);
    stealing_tell(&test, slow, map, 10, 6, 6 * MS);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 20);
}

/* Whoever has taken over dies with tasks that were another's. */
static void who_took_over_dies(void **state)
{
    (void)state;
    fake_job_run(test.job);
    struct crewi_pool_chunk stolen = stealing_chunk(quick);
    assert_int_equal(stolen.begin, 16);
    assert_int_equal(stolen.count, 4);
    assert_int_equal(stealing_claim(quick, &stolen, 1), 1);
    uint32_t size;
    void *draft = pool_draft(map, 16, 4, 0, &size);
    fake_child_ended_with(quick, FAKE_SIGNAL(SIGKILL), draft, size, 0);
    free(draft);
    replace(0);
    assert_int_equal(stealing_claim(slow, &chunk, 10), 3);
    stealing_tell(&test, slow, map, 10, 6, 6 * MS);
    const uint64_t lost = 16;
    expect_lost(&lost);
}

/* Tasks that come back when the map is cancelled are cancelled, too; then its rank is asked for the
 * rest of them. */
static void cancelled(void **state)
{
    unsigned char whole;
    (void)state;
    struct fake_call call = result_call(CREWI_RESULT_CANCEL, map);
    fake_call(&test.creator, &call, &whole, 1);
    assert_int_equal(whole, 0);
    assert_int_equal(stealing_left(slow, &chunk), 0);
    assert_int_equal(pool_progress(&test.creator, map).done, 17);
    fake_call(&test.creator, &call, &whole, 1);
    assert_int_equal(whole, 0);
    pool_answer(slow, map, 10, 3);
    pool_take(&test.creator, map, 20, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.statuses[i], i < 13 ? CREW_OK : CREW_ECANCELED);
}

/* The worker ends, or has sent all that it had claimed, while its rank is asked for a cancellation:
 * that is answered, and what comes back is cancelled. */
static void cancelled_meanwhile(void **state)
{
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        struct fake_call call = result_call(CREWI_RESULT_CANCEL, map);
        unsigned char whole = 77;
        fake_job_run(test.job);
        uint64_t request = fake_ask(&test.creator, &call);
        stealing_run_rank(&test, 0);
        assert_null(fake_reply(&test.creator, request));
        if (ends)
            die(slow, 10, 2);
        else
            stealing_tell(&test, slow, map, 10, 3, 3 * MS);
        fake_job_run(test.job);
        fake_expect_reply(&test.creator, request, &whole, 1);
        assert_int_equal(whole, 0);
        pool_take(&test.creator, map, 20, &outcome);
        for (uint64_t i = 0; i < 20; i++)
            assert_int_equal(outcome.statuses[i], i < (ends ? 12 : 13) ? CREW_OK
                                                  : ends && i == 12    ? CREW_EWORKERDIED
                                                                       : CREW_ECANCELED);
        if (!ends) {
            end(state);
            begin(state);
        } else
            replace(1);
    }
}

static void killed(void **state)
{
    (void)state;
    struct fake_call call = result_call(CREWI_RESULT_KILL, map);
    fake_call(&test.creator, &call, NULL, 0);
    assert_int_equal(slow->signal, SIGKILL);
    die(slow, 10, 2);
    assert_int_equal(pool_progress(&test.creator, map).over, 1);
    pool_take(&test.creator, map, 20, &outcome);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.statuses[i], i < 12 ? CREW_OK : CREW_ECANCELED);
    replace(1);
}

static void terminated(void **state)
{
    (void)state;
    struct fake_call call = pool_call(CREWI_POOL_TERMINATE, test.pool);
    fake_call(&test.creator, &call, NULL, 0);
    assert_int_equal(pool_progress(&test.creator, map).over, 1);
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
    assert_int_equal(slow->signal, SIGKILL);
    fake_child_ended(slow, FAKE_SIGNAL(SIGKILL));
    fake_child_ended(quick, FAKE_EXIT(0));
    call = pool_call(CREWI_POOL_JOIN, test.pool);
    fake_call(&test.creator, &call, NULL, 0);
}

/* The answer comes to a pool that is gone. */
static void gone(void **state)
{
    (void)state;
    stealing_run_rank(&test, 1); /* the answer is on its way */
    struct crewi_frame *answer = crewi_frames_pop(&test.job->ranks[0].wire);
    assert_int_equal(answer->header.op, CREWI_POOL_STOLEN);
    struct fake_call call = pool_call(CREWI_POOL_TERMINATE, test.pool);
    fake_call(&test.creator, &call, NULL, 0);
    fake_child_ended(slow, FAKE_SIGNAL(SIGKILL));
    fake_child_ended(quick, FAKE_EXIT(0));
    call = pool_call(CREWI_POOL_DESTROY, test.pool);
    fake_call(&test.creator, &call, NULL, 0);
    assert_null(crewi_engine_find(fake_engine(test.job, 0), test.pool));
    crewi_frames_push(&test.job->ranks[0].wire, answer);
    fake_job_run(test.job);
}

/* Nothing is taken of a map whose tasks go out one by one. */
static void careful(void **state)
{
    (void)state;
    fake_job_run(test.job);
    struct crewi_pool_chunk stolen = stealing_chunk(quick);
    assert_int_equal(stolen.count, 4);
    assert_int_equal(stealing_home(&test)->listed_count[CREWI_WORKERS_SPARING], 2);
    fake_child_ended(slow, FAKE_SIGNAL(SIGSEGV)); /* and no word */
    assert_int_equal(stealing_home(&test)->listed_count[CREWI_WORKERS_SPARING], 0);
    replace(1);
    assert_true(stealing_home(&test)->maps->careful);
    struct fake_child *next = stealing_worker(&test, 1);
    for (int i = 0; i < 6; i++) { /* of those six, one by one */
        assert_int_equal(stealing_home(&test)->steal_serves, 0);
        struct crewi_pool_chunk one = stealing_chunk(next);
        assert_int_equal(one.count, 1);
        stealing_claim(next, &one, 1);
        pool_answer(next, map, one.begin, 1);
    }
    assert_int_equal(stealing_left(quick, &stolen), 4);
    stealing_claim(quick, &stolen, 4);
    pool_answer(quick, map, stolen.begin, 4);
    pool_expect_all(&test.creator, map, 20);
}

/* Messages that cannot be */

static void answer(const struct crewi_pool_stolen *stolen, size_t size)
{
    struct crewi_outgoing note = {.kind = CREWI_KIND_POOL,
                                  .op = CREWI_POOL_STOLEN,
                                  .object = test.pool,
                                  .head = stolen,
                                  .head_size = size};
    assert_int_equal(crewi_engine_tell(fake_engine(test.job, 1), &note), CREW_OK);
    stealing_run_rank(&test, 0);
}

/* Ranges that are not the end of what the worker has not answered for: it is killed, and all tasks
 * are done all the same. */
static void answers_that_cannot_be(void **state)
{
    static const struct crewi_claim_range wrong[] = {{5, 9},  {9, 11}, {10, 20},
                                                     {11, 5}, {1, 10}, {0, CREWI_CLAIM_TASKS}};
    (void)state;
    crewi_frame_destroy(crewi_frames_pop(&test.job->ranks[1].wire)); /* it is asked nothing */
    stealing_tell(&test, slow, map, 10, 2, 2 * MS);
    stealing_run_rank(&test, 0);
    struct crewi_pool_stolen stolen = {
        .process = slow->process, .count = 1, .from = {{.key = chunk.key, .left = 3}}};
    answer(&stolen, sizeof stolen - 1);
    stolen.count = CREWI_CLAIM_SLOTS + 1;
    answer(&stolen, sizeof stolen);
    assert_int_equal(stealing_at_home(&test, 1)->steal_serves, 1); /* was not that */
    stolen.count = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        stealing_home(&test)->steal_serves = stealing_at_home(&test, 1)->steal_serves = 1;
        stolen.from[0].taken = wrong[i];
        answer(&stolen, sizeof stolen);
        fake_job_run(test.job);
        assert_int_equal(slow->signals, (int)i + 1);
        assert_int_equal(stealing_home(&test)->steal_serves, 0); /* and nothing more is asked */
        assert_int_equal(slow->signal, SIGKILL);
    }
    assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].range.count, 8);
    chunk.begin += 2;
    die(slow, 8, 1);
    const uint64_t lost = 13;
    replace(1);
    expect_lost(&lost);
}

static void answers_that_nobody_asked_for(void **state)
{
    (void)state;
    struct crewi_pool_stolen stolen = {
        .process = quick->process,
        .count = 1,
        .from = {{.key = {0, stealing_at_home(&test, 0)->generation}, .taken = {5, 10}}}};
    answer(&stolen, sizeof stolen);
    stolen.process = 12345;
    answer(&stolen, sizeof stolen);
    fake_job_run(test.job); /* the one that it was asked for is there by now */
    stolen.process = slow->process;
    stolen.from[0].key = chunk.key;
    stolen.from[0].taken = (struct crewi_claim_range){4, 6};
    answer(&stolen, sizeof stolen);
    assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].range.count, 6);
    assert_int_equal(pool_progress(&test.creator, map).done, 10);
    assert_int_equal(stealing_claim(slow, &chunk, 10), 3);
    pool_answer(slow, map, 10, 6);
    expect_lost(NULL);
}

/* The worker writes what it likes where it says what it has begun. */
static void claims_of_garbage(void **state)
{
    (void)state;
    /* That it has a million tasks. */
    slow->claims.words[chunk.key.slot] =
        slow->claims.words[chunk.key.slot] | (uint64_t)CREWI_CLAIM_TASKS << 20;
    fake_job_run(test.job);
    assert_int_equal(slow->signal, SIGKILL);
    assert_int_equal(slow->signals, 1);
    die(slow, 10, 3);
    const uint64_t lost = 13;
    replace(1);
    expect_lost(&lost);
}

static void requests_that_cannot_be(void **state)
{
    (void)state;
    struct crewi_pool_steal fine = {.pool = test.pool,
                                    .process = slow->process,
                                    .slot = slow->client.slot,
                                    .shares = 2,
                                    .count = 1,
                                    .from = {{.key = chunk.key}}};
    for (int what = 0; what < 8; what++) {
        struct crewi_pool_steal steal = fine;
        struct crewi_outgoing note = {.kind = CREWI_KIND_POOL,
                                      .op = CREWI_POOL_STEAL,
                                      .rank = 1,
                                      .head = &steal,
                                      .head_size = sizeof steal - (what == 0)};
        steal.count = what == 1 ? CREWI_CLAIM_SLOTS + 1 : 1;
        steal.from[0].recall = what == 2 ? CREWI_RECALL_KILL + 1 : CREWI_RECALL_NONE;
        steal.pool = what == 3   ? slow->process
                     : what == 4 ? test.pool | (uint64_t)9 << 40
                                 : fine.pool;
        steal.process += what == 5;
        steal.slot = what == 6 ? UINT32_MAX : fine.slot;
        steal.from[0].key.slot = what == 7 ? CREWI_CLAIM_SLOTS : chunk.key.slot;
        crewi_frame_destroy(crewi_frames_pop(&test.job->ranks[1].wire));
        assert_int_equal(crewi_engine_tell(fake_engine(test.job, 0), &note), CREW_OK);
        stealing_run_rank(&test, 1);
        assert_null(test.job->ranks[0].wire.first);
        assert_int_equal(stealing_left(slow, &chunk), 7);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dies_before_its_rank_is_asked),
        TEST(dies_in_a_task_after),
        TEST(dies_in_its_last_task_after),
        TEST(dies_in_no_task),
        TEST(dies_when_all_is_sent),
        TEST(dies_with_a_draft_that_cannot_be),
        TEST(the_idle_one_dies),
        TEST(who_took_over_dies),
        TEST(cancelled),
        TEST(cancelled_meanwhile),
        TEST(killed),
        TEST(terminated),
        TEST(gone),
        TEST(careful),
        TEST(answers_that_cannot_be),
        TEST(answers_that_nobody_asked_for),
        TEST(claims_of_garbage),
        TEST(requests_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
