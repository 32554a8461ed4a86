/* SPDX-License-Identifier: BSD-3-Clause */
/* Tasks that failed and are run again: after which failures, how often, and by whom. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;
static struct pool_outcome outcome;
static crew_task_error errors[16];
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

static uint64_t submit(uint64_t count, int retries, unsigned retry_on)
{
    struct crewi_pool_submission submission = pool_submission(count, 1);
    submission.retries = (uint8_t)retries;
    submission.retry_on = (uint8_t)retry_on;
    submission.timeout_ns = 3 * CREWI_SECOND / 2;
    return pool_submit_as(&creator, pool, &submission);
}

/* The chunk of one task that a worker has next. */
static uint64_t next_task(struct fake_child *child)
{
    struct crewi_pool_chunk chunk = {.count = 0};
    bool stop;
    assert_true(pool_next_chunk(child, &chunk, &stop));
    assert_int_equal(chunk.count, 1);
    return chunk.begin;
}

/* Dies in the task that it was given, at its time limit or not. */
static void die_in(int place, uint64_t map, uint64_t task, bool timed_out, int wait_status,
                   bool replaced)
{
    uint32_t size;
    unsigned char *draft = pool_draft(map, task, 1, 0, &size);
    worker(place)->cause = timed_out ? CREWI_END_TASK_LIMIT : CREW_END_NONE;
    fake_child_ended_with(worker(place), wait_status, draft, size, 0);
    free(draft);
    if (replaced)
        replacement(place);
}

static void expect_counts(uint64_t map, uint64_t done, uint64_t failed)
{
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, done);
    assert_int_equal(progress.failed, failed);
}

static void errors_until_it_succeeds(void **state)
{
    (void)state;
    uint64_t map = submit(1, 2, 0);
    for (int i = 0; i < 2; i++) {
        pool_answer_failed(worker(0), map, next_task(worker(0)), CREW_EDOMAIN, "not yet");
        expect_counts(map, 0, 0);
    }
    pool_answer(worker(0), map, next_task(worker(0)), 1);
    expect_counts(map, 1, 0);
    pool_errors(&creator, map, 0, errors);
    pool_expect_all(&creator, map, 1);
}

static void errors_until_it_is_enough(void **state)
{
    (void)state;
    uint64_t map = submit(1, 2, CREW_RETRY_ERROR);
    for (int i = 0; i < 3; i++)
        pool_answer_failed(worker(0), map, next_task(worker(0)), CREW_EDOMAIN - i % 2, "never");
    expect_counts(map, 1, 1);
    pool_errors(&creator, map, 1, errors);
    assert_int_equal(errors[0].index, 0);
    assert_int_equal(errors[0].attempts, 3);
    assert_int_equal(errors[0].status, CREW_EDOMAIN);
    assert_int_equal(errors[0].signal, 0);
    assert_string_equal(errors[0].message, "never");
    pool_take(&creator, map, 1, &outcome);
    assert_int_equal(outcome.status, CREW_EDOMAIN);
    assert_int_equal(outcome.statuses[0], CREW_EDOMAIN);
}

/* Each way to fail, and each kind that is tried again. */
static void only_what_was_chosen(void **state)
{
    (void)state;
    for (unsigned kinds = 0; kinds <= CREW_RETRY_ALL; kinds++) {
        unsigned tried = kinds ? kinds : CREW_RETRY_ALL;
        uint64_t map = submit(1, 1, kinds);
        pool_answer_failed(worker(0), map, next_task(worker(0)), CREW_EDOMAIN, "wrong");
        expect_counts(map, !(tried & CREW_RETRY_ERROR), !(tried & CREW_RETRY_ERROR));
        if (tried & CREW_RETRY_ERROR)
            pool_answer(worker(0), map, next_task(worker(0)), 1);
        map = submit(1, 1, kinds);
        next_task(worker(0));
        die_in(0, map, 0, false, FAKE_SIGNAL(SIGSEGV), true);
        expect_counts(map, !(tried & CREW_RETRY_CRASH), !(tried & CREW_RETRY_CRASH));
        for (int place = 0; place < 2; place++)
            pool_work(worker(place));
        map = submit(1, 1, kinds);
        next_task(worker(0));
        die_in(0, map, 0, true, FAKE_SIGNAL(SIGKILL), true);
        expect_counts(map, !(tried & CREW_RETRY_TIMEOUT), !(tried & CREW_RETRY_TIMEOUT));
        for (int place = 0; place < 2; place++)
            pool_work(worker(place));
        expect_counts(map, 1, !(tried & CREW_RETRY_TIMEOUT));
    }
}

static void out_of_time(void **state)
{
    (void)state;
    uint64_t map = submit(2, 1, CREW_RETRY_TIMEOUT);
    assert_int_equal(next_task(worker(0)), 0);
    die_in(0, map, 0, true, FAKE_SIGNAL(SIGKILL), true);
    assert_int_equal(next_task(worker(0)), 0); /* again, for the other one is busy */
    die_in(0, map, 0, true, FAKE_SIGNAL(SIGKILL), true);
    pool_work(worker(1));
    expect_counts(map, 2, 1);
    pool_errors(&creator, map, 1, errors);
    assert_int_equal(errors[0].attempts, 2);
    assert_int_equal(errors[0].status, CREW_ETIMEDOUT);
    assert_int_equal(errors[0].signal, SIGKILL);
    assert_string_equal(errors[0].message, "it took longer than 1.5 s, and its worker was ended");
}

/* A task that kills every worker that gets it. */
static void poison(void **state)
{
    (void)state;
    uint64_t map = submit(20, 3, CREW_RETRY_CRASH);
    for (int deaths = 0; !pool_progress(&creator, map).over;) {
        for (int place = 0; place < 2; place++) {
            struct crewi_pool_chunk chunk;
            bool stop;
            if (!pool_next_chunk(worker(place), &chunk, &stop))
                continue;
            if (chunk.begin == 7)
                die_in(place, map, 7, false, FAKE_SIGNAL(SIGABRT), true);
            else
                pool_answer(worker(place), map, chunk.begin, 1);
            deaths += chunk.begin == 7;
            assert_true(deaths <= 4);
        }
    }
    expect_counts(map, 20, 1);
    pool_errors(&creator, map, 1, errors);
    assert_int_equal(errors[0].index, 7);
    assert_int_equal(errors[0].attempts, 4);
    assert_int_equal(errors[0].signal, SIGABRT);
    pool_take(&creator, map, 20, &outcome);
    assert_int_equal(outcome.status, CREW_EWORKERDIED);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.results[i], i == 7 ? 0 : pool_result(i));
}

/* Workers that leave no word: tasks go out one by one then, and each such death counts as a try of
 * the one that the worker had. */
static void without_a_word(void **state)
{
    (void)state;
    pool = pool_open(&creator, 1);
    uint64_t map = submit(1, 1, 0);
    for (int i = 0; i < 3; i++) {
        expect_counts(map, 0, 0);
        assert_int_equal(next_task(worker(0)), 0);
        fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
        replacement(0);
    }
    expect_counts(map, 1, 1);
    pool_errors(&creator, map, 1, errors);
    assert_int_equal(errors[0].attempts, 2);
    assert_int_equal(errors[0].status, CREW_EWORKERDIED);
}

/* Failed in a draft that was not sent. */
static void noted_in_a_draft(void **state)
{
    struct crewi_pool_submission submission = pool_submission(4, 4);
    struct crewi_pool_chunk chunk;
    struct crewi_pool_result head;
    uint32_t size;
    bool stop;
    (void)state;
    submission.retries = 1;
    uint64_t map = pool_submit_as(&creator, pool, &submission);
    assert_true(pool_next_chunk(worker(0), &chunk, &stop));
    unsigned char *draft = pool_draft(map, 0, 4, 3, &size);
    memcpy(&head, draft, sizeof head);
    head.failure_bytes =
        pool_add_failure(draft + sizeof head, 0, 1, CREW_EDOMAIN, "wrong at first");
    memcpy(draft, &head, sizeof head);
    fake_child_ended_with(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 3);
    free(draft);
    expect_counts(map, 2, 0);
    replacement(0);
    for (int i = 0; i < 2; i++)
        for (int place = 0; place < 2; place++)
            pool_work(worker(place));
    pool_expect_all(&creator, map, 4);
}

/* All workers that are idle take part in what failed. */
static void by_any_worker(void **state)
{
    struct crewi_pool_submission submission = pool_submission(8, 8);
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    submission.retries = 1;
    uint64_t map = pool_submit_as(&creator, pool, &submission);
    assert_true(pool_next_chunk(worker(0), &chunk, &stop));
    assert_int_equal(chunk.count, 8);
    for (uint64_t i = 0; i < 8; i++)
        pool_answer_failed(worker(0), map, i, CREW_EDOMAIN, "once");
    assert_true(pool_next_chunk(worker(1), &chunk, &stop));
    pool_answer(worker(1), map, chunk.begin, chunk.count);
    for (int place = 0; place < 2; place++)
        pool_work(worker(place));
    pool_expect_all(&creator, map, 8);
}

/* What was tried once is not cancelled as if nothing of it had gone out, and not tried again. */
static void cancelled_between_two_tries(void **state)
{
    unsigned char whole = 1;
    (void)state;
    pool = pool_open(&creator, 1);
    uint64_t map = submit(1, 5, 0);
    next_task(worker(0));
    die_in(0, map, 0, false, FAKE_SIGNAL(SIGSEGV), false);
    assert_int_equal(pool_progress(&creator, map).running, 1);
    struct fake_call cancel = result_call(CREWI_RESULT_CANCEL, map);
    fake_call(&creator, &cancel, &whole, 1);
    assert_int_equal(whole, 0);
    expect_counts(map, 1, 1);
    pool_take(&creator, map, 1, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
}

/* What has begun goes on, and is tried again, as if nobody had asked. */
static void after_a_cancel_that_was_refused(void **state)
{
    unsigned char whole = 1;
    (void)state;
    uint64_t map = submit(2, 1, 0);
    uint64_t task = next_task(worker(0));
    struct fake_call cancel = result_call(CREWI_RESULT_CANCEL, map);
    fake_call(&creator, &cancel, &whole, 1);
    assert_int_equal(whole, 0);
    pool_answer_failed(worker(0), map, task, CREW_EDOMAIN, "once more");
    for (int place = 0; place < 2; place++)
        pool_work(worker(place));
    pool_expect_all(&creator, map, 2);
}

/* A pool that is closed stays until the last try. */
static void in_a_pool_that_is_closed(void **state)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    uint64_t map = submit(1, 1, 0);
    uint64_t task = next_task(worker(0));
    struct fake_call close = pool_call(CREWI_POOL_CLOSE, pool);
    fake_call(&creator, &close, NULL, 0);
    pool_answer_failed(worker(0), map, task, CREW_EDOMAIN, "once more");
    assert_int_equal(next_task(worker(0)), 0);
    pool_answer(worker(0), map, 0, 1);
    assert_false(pool_next_chunk(worker(0), &chunk, &stop));
    assert_true(stop);
    pool_expect_all(&creator, map, 1);
}

/* What a worker leaves as the place of its crash may be anything. */
static void a_place_that_is_garbage(void **state)
{
    (void)state;
    for (int filler = 0; filler < 256; filler += 5) {
        uint32_t size;
        uint64_t map = submit(1, 0, 0);
        next_task(worker(0));
        unsigned char *draft = pool_draft(map, 0, 1, 0, &size);
        memset(draft + CREWI_POOL_DRAFT_CRASH, filler, CREWI_POOL_CRASH_ROOM);
        fake_child_ended_with(worker(0), FAKE_SIGNAL(SIGBUS), draft, size, 0);
        free(draft);
        pool_errors(&creator, map, 1, errors);
        assert_int_equal(errors[0].signal, SIGBUS);
        assert_in_range(strnlen(errors[0].backtrace, sizeof errors[0].backtrace), filler ? 1 : 0,
                        sizeof errors[0].backtrace - 1);
        replacement(0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(errors_until_it_succeeds),
        TEST(errors_until_it_is_enough),
        TEST(only_what_was_chosen),
        TEST(out_of_time),
        TEST(poison),
        TEST(without_a_word),
        TEST(noted_in_a_draft),
        TEST(by_any_worker),
        TEST(cancelled_between_two_tries),
        TEST(after_a_cancel_that_was_refused),
        TEST(in_a_pool_that_is_closed),
        TEST(a_place_that_is_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
