/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done of a map, told as it is done. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 40

static struct fake_job *job;
static struct fake_client creator;
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

static uint64_t submit(uint64_t count)
{
    struct crewi_pool_submission submission = pool_submission(count, 2);
    submission.parts = 1;
    submission.wants_statuses = 0;
    return pool_submit_as(&creator, pool, &submission);
}

static uint64_t ask_parts(uint64_t map)
{
    struct fake_call call = result_call(CREWI_RESULT_PARTS, map);
    uint64_t request = fake_ask(&creator, &call);
    fake_job_run(job);
    return request;
}

/* What was told. */
static struct crewi_pool_told told;
static struct crewi_pool_part parts[TASKS];
static crew_task_error errors[TASKS];

/* Takes an answer; the results behind it are those of what succeeded. */
static void take_parts(uint64_t request)
{
    struct crewi_frame *reply = fake_reply(&creator, request);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    memcpy(&told, reply->payload, sizeof told);
    assert_true(told.parts && told.parts <= TASKS && told.errors <= TASKS);
    const unsigned char *at = reply->payload + sizeof told;
    memcpy(parts, at, told.parts * sizeof *parts);
    at += told.parts * sizeof *parts;
    memcpy(errors, at, told.errors * sizeof *errors);
    at += told.errors * sizeof *errors;
    for (uint64_t i = 0; i < told.parts; i++)
        for (uint64_t k = 0; k < parts[i].count && !parts[i].status; k++, at += 8) {
            uint64_t result;
            memcpy(&result, at, 8);
            assert_int_equal(result, pool_result(parts[i].begin + k));
        }
    assert_ptr_equal(at, reply->payload + reply->header.size);
    crewi_frame_destroy(reply);
}

static void expect_part(uint64_t i, uint64_t begin, uint64_t count, crew_status status)
{
    assert_true(i < told.parts);
    assert_int_equal(parts[i].begin, begin);
    assert_int_equal(parts[i].count, count);
    assert_int_equal(parts[i].status, status);
}

static struct crewi_pool_chunk next_chunk(int place)
{
    struct crewi_pool_chunk chunk = {0};
    bool stop;
    assert_true(pool_next_chunk(worker(place), &chunk, &stop));
    return chunk;
}

static void told_as_it_is_done(void **state)
{
    uint64_t map = submit(6), request = ask_parts(map);
    (void)state;
    fake_expect_parked(&creator, request);
    struct crewi_pool_chunk first = next_chunk(0), second = next_chunk(1);
    assert_int_equal(second.begin, 2);
    pool_answer(worker(1), map, 2, 1);
    take_parts(request);
    assert_int_equal(told.parts, 1);
    expect_part(0, 2, 1, CREW_OK);
    pool_answer(worker(1), map, 3, 1);
    pool_answer(worker(0), map, first.begin, first.count);
    struct crewi_pool_chunk last = next_chunk(1);
    pool_answer(worker(1), map, last.begin, last.count);
    take_parts(ask_parts(map));
    assert_int_equal(told.parts, 3);
    expect_part(0, 3, 1, CREW_OK);
    expect_part(1, 0, 2, CREW_OK);
    expect_part(2, 4, 2, CREW_OK);
    fake_expect_refusal(&creator, ask_parts(map), CREW_EOF, "is told");
    assert_int_equal(pool_progress(&creator, map).over, 1);
}

/* What is done one behind the other is told as one. */
static void told_together(void **state)
{
    uint64_t map = submit(TASKS);
    (void)state;
    for (int i = 0; i < 30; i++) {
        pool_work(worker(0));
        pool_work(worker(1));
    }
    uint64_t seen = 0;
    take_parts(ask_parts(map));
    for (uint64_t i = 0; i < told.parts; i++)
        seen += parts[i].count;
    assert_int_equal(seen, TASKS);
    assert_true(told.parts < TASKS);
}

static void failures_say_why(void **state)
{
    uint64_t map = submit(4);
    (void)state;
    struct crewi_pool_chunk first = next_chunk(0), second = next_chunk(1);
    pool_answer_failed(worker(0), map, first.begin, CREW_EDOMAIN, "no good");
    fake_child_ended(worker(1), FAKE_SIGNAL(SIGSEGV)); /* in no known task: it goes out again */
    pool_start_all(job);
    pool_ready(worker(1));
    (void)second;
    pool_answer(worker(0), map, first.begin + 1, 1);
    for (int i = 0; i < 10; i++) {
        pool_work(worker(0));
        pool_work(worker(1));
    }
    take_parts(ask_parts(map));
    expect_part(0, first.begin, 1, CREW_EDOMAIN);
    assert_int_equal(told.errors, 1);
    assert_int_equal(errors[0].index, first.begin);
    assert_string_equal(errors[0].message, "no good");
    uint64_t seen = 0;
    for (uint64_t i = 0; i < told.parts; i++)
        seen += parts[i].count;
    assert_int_equal(seen, 4);
}

/* What is cancelled, or given up with the pool, is told, too. */
static void the_rest_is_told(void **state)
{
    uint64_t map = submit(TASKS), other = submit(3);
    (void)state;
    struct fake_call cancel = result_call(CREWI_RESULT_CANCEL, map);
    fake_expect_reply(&creator, fake_ask(&creator, &cancel), NULL, 1);
    take_parts(ask_parts(map));
    uint64_t cancelled = 0;
    for (uint64_t i = 0; i < told.parts; i++) {
        assert_int_equal(parts[i].status, CREW_ECANCELED);
        cancelled += parts[i].count;
    }
    assert_in_range(cancelled, TASKS / 2, TASKS - 2);
    uint64_t waits = ask_parts(other);
    struct fake_call terminate = pool_call(CREWI_POOL_TERMINATE, pool);
    fake_expect_reply(&creator, fake_ask(&creator, &terminate), NULL, 0);
    take_parts(waits);
    expect_part(0, 0, 3, CREW_ECANCELED);
    fake_expect_refusal(&creator, ask_parts(other), CREW_EOF, "is told");
}

static void waits_as_long_as_wanted(void **state)
{
    uint64_t map = submit(2), plain = pool_submit(&creator, pool, 2, 1);
    struct fake_call call = result_call(CREWI_RESULT_PARTS, map);
    (void)state;
    call.timeout_ns = CREWI_MILLISECOND;
    uint64_t request = fake_ask(&creator, &call);
    fake_expect_parked(&creator, request);
    fake_job_pass_time(job, CREWI_SECOND);
    fake_expect_reply(&creator, request, NULL, 0);
    fake_expect_refusal(&creator, ask_parts(plain), CREW_EPROTO, "not told one by one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_as_it_is_done, begin, end),
        cmocka_unit_test_setup_teardown(told_together, begin, end),
        cmocka_unit_test_setup_teardown(failures_say_why, begin, end),
        cmocka_unit_test_setup_teardown(the_rest_is_told, begin, end),
        cmocka_unit_test_setup_teardown(waits_as_long_as_wanted, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
