/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers say: tasks that failed, and results that cannot be. */
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
static struct fake_child *worker;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    pool = pool_open(&creator, 1);
    worker = pool_worker(&creator, pool, 0);
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

/* Sends a result as it is, with failures and results behind it. */
static void say(struct fake_child *from, const struct crewi_pool_result *head, const void *failures,
                const uint64_t *results, size_t result_bytes)
{
    unsigned char body[4096];
    struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
    if (head->failure_bytes && failures)
        memcpy(body, failures, head->failure_bytes);
    if (result_bytes)
        memcpy(body + head->failure_bytes, results, result_bytes);
    note.head = head;
    note.head_size = sizeof *head;
    note.body = body;
    note.body_size = (failures ? head->failure_bytes : 0) + result_bytes;
    fake_tell(&from->client, &note);
    fake_job_run(job);
}

/* Tasks begin to begin + count - 1 of which one fails. */
static void answer_with_failure(uint64_t map, uint64_t begin, uint64_t count, uint64_t failed,
                                const char *reason)
{
    unsigned char failures[1024] = {0};
    uint64_t results[64];
    struct crewi_pool_result head = {.map = map, .begin = begin, .count = count, .result_size = 8};
    for (uint64_t i = 0; i < count; i++)
        results[i] = begin + i == failed ? 0 : pool_result(begin + i);
    head.failure_bytes = pool_add_failure(failures, 0, failed, CREW_EDOMAIN, reason);
    say(worker, &head, failures, results, count * 8);
}

static void drop_chunks(void)
{
    struct crewi_frame *frame;
    while ((frame = fake_delivery(&worker->client)))
        crewi_frame_destroy(frame);
}

static void the_lowest_failure_gives_the_reason(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 30, 15);
    drop_chunks();
    answer_with_failure(map, 15, 10, 17, "division by zero");
    answer_with_failure(map, 25, 5, 25, "later");
    answer_with_failure(map, 0, 10, 4, "negative");
    answer_with_failure(map, 10, 5, 10, "not the first");
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, 30);
    assert_int_equal(progress.failed, 4);
    pool_take(&creator, map, 30, &outcome);
    assert_int_equal(outcome.status, CREW_EDOMAIN);
    assert_string_equal(outcome.reason,
                        "task 4 of triple: negative (PoolWorker-1 on rank 0, node0)");
    for (uint64_t i = 0; i < 30; i++) {
        bool failed = i == 4 || i == 10 || i == 17 || i == 25;
        assert_int_equal(outcome.statuses[i], failed ? CREW_EDOMAIN : CREW_OK);
        assert_int_equal(outcome.results[i], failed ? 0 : pool_result(i));
    }
    assert_int_equal(worker->signals, 0);
}

static void long_reasons(void **state)
{
    char reason[512];
    (void)state;
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    uint64_t map = pool_submit(&creator, pool, 1, 0);
    answer_with_failure(map, 0, 1, 0, reason);
    pool_take(&creator, map, 1, &outcome);
    assert_int_equal(strlen(outcome.reason), CREWI_ERROR_SIZE - 1);
}

/* Every one of these is the end of the worker, and nothing of it counts. */
static void results_that_nobody_asked_for(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10), zeros[20] = {0};
    const struct crewi_pool_result good = {.map = map, .begin = 0, .count = 10, .result_size = 8};
    struct crewi_pool_result bad;
    int kills = 0;
    bad = good;
    bad.map = map + 1;
    say(worker, &bad, NULL, zeros, 80);
    assert_int_equal(worker->signals, ++kills);
    assert_int_equal(worker->signal, SIGKILL);
    bad = good;
    bad.begin = 1;
    say(worker, &bad, NULL, zeros, 80);
    assert_int_equal(worker->signals, ++kills);
    bad = good;
    bad.count = 11;
    say(worker, &bad, NULL, zeros, 88);
    assert_int_equal(worker->signals, ++kills);
    bad = good;
    bad.count = UINT64_MAX;
    say(worker, &bad, NULL, zeros, 80);
    assert_int_equal(worker->signals, ++kills);
    bad = good;
    bad.result_size = 4;
    say(worker, &bad, NULL, zeros, 40);
    assert_int_equal(worker->signals, ++kills);
    say(worker, &good, NULL, zeros, 79); /* too short */
    assert_int_equal(worker->signals, ++kills);
    say(worker, &good, NULL, zeros, 88);
    assert_int_equal(worker->signals, ++kills);
    bad = good;
    bad.failure_bytes = UINT32_MAX;
    struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
    note.head = &bad;
    note.head_size = sizeof bad;
    fake_tell(&worker->client, &note);
    fake_job_run(job);
    assert_int_equal(worker->signals, ++kills);
    note.head_size = sizeof bad - 1;
    fake_tell(&worker->client, &note);
    fake_job_run(job);
    assert_int_equal(worker->signals, ++kills);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, 0);
    assert_int_equal(progress.failed, 0);
}

/* A result that was sent already is nothing that the worker was asked for, whether it has more to
 * do or not. */
static void a_result_twice(void **state)
{
    (void)state;
    for (uint64_t count = 20; count >= 10; count -= 10) {
        uint64_t map = pool_submit(&creator, pool, count, 10);
        int before = worker->signals;
        drop_chunks();
        pool_answer(worker, map, 0, 10);
        assert_int_equal(worker->signals, before);
        pool_answer(worker, map, 0, 10);
        assert_int_equal(worker->signals, before + 1);
        assert_int_equal(worker->signal, SIGKILL);
        assert_int_equal(pool_progress(&creator, map).done, 10);
        if (count == 20)
            pool_answer(worker, map, 10, 10);
        pool_expect_all(&creator, map, count);
    }
}

static void failures_that_cannot_be(void **state)
{
    static const struct crewi_pool_failure bad[] = {
        {10, CREW_EDOMAIN, 8},  {UINT64_MAX, CREW_EDOMAIN, 8}, {3, CREW_OK, 8},
        {3, (crew_status)5, 8}, {3, CREW_EDOMAIN, 9},          {3, CREW_EDOMAIN, UINT32_MAX}};
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10), zeros[10] = {0};
    struct crewi_pool_result head = {.map = map, .count = 10, .result_size = 8};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned char failures[sizeof *bad + 8] = {0};
        memcpy(failures, &bad[i], sizeof bad[i]);
        head.failure_bytes = sizeof failures;
        say(worker, &head, failures, zeros, 80);
        assert_int_equal(worker->signals, i + 1);
    }
    unsigned char half[8] = {0};
    head.failure_bytes = sizeof half;
    say(worker, &head, half, zeros, 80);
    assert_int_equal(worker->signal, SIGKILL);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, 0);
    assert_int_equal(progress.failed, 0);
}

/* A failure that can be, in front of one that cannot: nothing of the message counts, and its tasks
 * are run by another. */
static void half_a_message_does_not_count(void **state)
{
    unsigned char failures[256] = {0};
    uint64_t zeros[10] = {0};
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 10, 10);
    struct crewi_pool_result head = {.map = map, .count = 10, .result_size = 8};
    head.failure_bytes = pool_add_failure(failures, 0, 2, CREW_EDOMAIN, "believable");
    head.failure_bytes =
        pool_add_failure(failures, head.failure_bytes, 99, CREW_EDOMAIN, "not in this chunk");
    say(worker, &head, failures, zeros, 80);
    assert_int_equal(worker->signal, SIGKILL);
    fake_child_ended(worker, FAKE_SIGNAL(SIGKILL));
    pool_start_all(job);
    struct fake_child *next = pool_worker(&creator, pool, 0);
    pool_ready(next);
    pool_work(next);
    pool_expect_all(&creator, map, 10);
}

/* The same task twice in one message: it has failed once. */
static void a_task_fails_once(void **state)
{
    unsigned char failures[256] = {0};
    uint64_t zeros[10] = {0};
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 10, 10);
    struct crewi_pool_result head = {.map = map, .count = 10, .result_size = 8};
    head.failure_bytes = pool_add_failure(failures, 0, 2, CREW_EDOMAIN, "once");
    head.failure_bytes = pool_add_failure(failures, head.failure_bytes, 2, CREW_EPERM, "twice");
    say(worker, &head, failures, zeros, 80);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_true(progress.failed <= 1);
}

/* Times that no clock gives: nothing overflows. */
static void times_that_cannot_be(void **state)
{
    static const int64_t times[] = {INT64_MAX, INT64_MAX, INT64_MIN, -1, INT64_MAX / 2};
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 100, 10);
    for (uint64_t i = 0; i < 5; i++) {
        struct crewi_pool_result head = {
            .map = map, .begin = i, .count = 1, .busy_ns = times[i], .result_size = 8};
        say(worker, &head, NULL, &(uint64_t){pool_result(i)}, 8);
    }
    assert_in_range(pool_progress(&creator, map).done, 0, 5); /* they count or they do not */
}

/* The longest times that can be, again and again: their sum does not overflow. */
static void times_that_add_up(void **state)
{
    struct crewi_pool_submission submission = pool_submission(1100, 1);
    struct crewi_pool_chunk chunk;
    crew_worker_info info;
    bool stop;
    (void)state;
    submission.schedule = CREW_SCHEDULE_WEIGHTED;
    uint64_t map = pool_submit_as(&creator, pool, &submission);
    while (pool_next_chunk(worker, &chunk, &stop)) {
        struct crewi_pool_result head = {.map = map,
                                         .begin = chunk.begin,
                                         .count = 1,
                                         .busy_ns = (int64_t)1 << 53,
                                         .cpu_ns = (int64_t)1 << 53,
                                         .result_size = 8};
        say(worker, &head, NULL, &(uint64_t){pool_result(chunk.begin)}, 8);
    }
    pool_expect_all(&creator, map, 1100);
    struct fake_call call = pool_call(CREWI_POOL_WORKERS, pool);
    fake_call(&creator, &call, &info, sizeof info);
    assert_true(info.busy_s > 9e9 && info.cpu_s > 9e9);
}

static void one_who_is_no_worker(void **state)
{
    struct fake_client stranger;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 10, 10), results[10] = {0};
    fake_client_begin(&stranger, job, 1);
    struct crewi_pool_result head = {.map = map, .count = 10, .result_size = 8};
    struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
    note.head = &head;
    note.head_size = sizeof head;
    note.body = results;
    note.body_size = sizeof results;
    fake_tell(&stranger, &note);
    note.op = CREWI_POOL_READY;
    fake_tell(&stranger, &note);
    note.op = CREWI_POOL_UNFIT;
    fake_tell(&stranger, &note);
    fake_job_run(job);
    assert_int_equal(pool_progress(&creator, map).done, 0);
    struct fake_call call = pool_call(CREWI_POOL_TERMINATE, pool);
    fake_call_refused(&stranger, &call, CREW_EPERM,
                      "only the process that created the pool (MainProcess)");
    fake_call_refused(&worker->client, &call, CREW_EPERM, "only the process that created the pool");
    pool_work(worker);
    pool_expect_all(&creator, map, 10);
    fake_client_end(&stranger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lowest_failure_gives_the_reason),
        TEST(long_reasons),
        TEST(results_that_nobody_asked_for),
        TEST(a_result_twice),
        TEST(failures_that_cannot_be),
        TEST(half_a_message_does_not_count),
        TEST(a_task_fails_once),
        TEST(times_that_cannot_be),
        TEST(times_that_add_up),
        TEST(one_who_is_no_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
