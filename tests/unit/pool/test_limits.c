/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that retire, maps that go first, and limits that cannot be. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;
static uint64_t pool;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    struct crewi_pool_spec spec = pool_spec(1);
    spec.max_tasks = 2;
    pool = pool_open_as(&creator, &spec);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (creator.attached)
        fake_client_end(&creator);
    fake_job_run(job);
    pool_job_destroy(job);
    return 0;
}

static struct fake_child *worker(void)
{
    return pool_worker(&creator, pool, 0);
}

static struct fake_child *replacement(void)
{
    pool_start_all(job);
    pool_ready(worker());
    return worker();
}

static void call(uint8_t op)
{
    struct fake_call asked = pool_call(op, pool);
    fake_call(&creator, &asked, NULL, 0);
}

static uint64_t ask(uint8_t op)
{
    struct fake_call asked = pool_call(op, pool);
    return fake_ask(&creator, &asked);
}

/* Does what it has until it is told to end; how many chunks that were. */
static int work_until_stop(struct fake_child *child)
{
    struct crewi_pool_chunk chunk;
    int chunks = 0;
    bool stop;
    while (pool_next_chunk(child, &chunk, &stop)) {
        pool_answer(child, chunk.map, chunk.begin, chunk.count);
        chunks++;
    }
    assert_true(stop);
    return chunks;
}

static void a_new_one_after_so_many(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 50, 10);
    for (int i = 0; i < 2; i++) {
        struct fake_child *old = worker();
        assert_int_equal(work_until_stop(old), 2);
        assert_int_equal(pool_progress(&creator, map).done, 20 * (i + 1));
        fake_child_ended(old, FAKE_EXIT(0));
        assert_ptr_not_equal(replacement(), old);
    }
    pool_work(worker()); /* one chunk, and it may have another one */
    pool_expect_all(&creator, map, 50);
}

/* It has not been told yet, or has not gone yet, when it dies otherwise. */
static void one_that_dies_as_it_retires(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 30, 10);
    assert_int_equal(work_until_stop(worker()), 2);
    fake_child_ended(worker(), FAKE_SIGNAL(SIGSEGV));
    pool_work(replacement());
    pool_expect_all(&creator, map, 30);
}

/* A task that its last chunk leaves to be tried again is for the next one. */
static void a_retry_for_the_next_one(void **state)
{
    struct crewi_pool_submission submission = pool_submission(2, 1);
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    submission.retries = 2;
    uint64_t map = pool_submit_as(&creator, pool, &submission);
    for (int i = 0; i < 2; i++) {
        assert_true(pool_next_chunk(worker(), &chunk, &stop));
        assert_int_equal(chunk.begin, 0);
        pool_answer_failed(worker(), map, chunk.begin, CREW_EDOMAIN, "not yet");
    }
    assert_int_equal(work_until_stop(worker()), 0);
    fake_child_ended(worker(), FAKE_EXIT(0));
    assert_int_equal(work_until_stop(replacement()), 2);
    pool_expect_all(&creator, map, 2);
}

static void submitted_while_it_retires(void **state)
{
    (void)state;
    uint64_t first = pool_submit(&creator, pool, 2, 1);
    assert_int_equal(work_until_stop(worker()), 2);
    pool_expect_all(&creator, first, 2);
    uint64_t second = pool_submit(&creator, pool, 2, 1);
    assert_int_equal(pool_progress(&creator, second).running, 0);
    fake_child_ended(worker(), FAKE_EXIT(0));
    assert_int_equal(work_until_stop(replacement()), 2);
    pool_expect_all(&creator, second, 2);
}

static void closed_while_it_retires(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 3, 1);
    assert_int_equal(work_until_stop(worker()), 2);
    call(CREWI_POOL_CLOSE);
    uint64_t join = ask(CREWI_POOL_JOIN);
    fake_child_ended(worker(), FAKE_EXIT(0)); /* with work left another one comes */
    fake_expect_parked(&creator, join);
    assert_int_equal(work_until_stop(replacement()), 1);
    pool_expect_all(&creator, map, 3);
    fake_child_ended(worker(), FAKE_EXIT(0));
    fake_expect_reply(&creator, join, NULL, 0);
}

static void closed_with_nothing_left(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 2, 1);
    assert_int_equal(work_until_stop(worker()), 2);
    call(CREWI_POOL_CLOSE);
    uint64_t join = ask(CREWI_POOL_JOIN);
    fake_expect_parked(&creator, join);
    fake_child_ended(worker(), FAKE_EXIT(0));
    fake_expect_reply(&creator, join, NULL, 0);
}

static void terminated_while_it_retires(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 3, 1);
    struct fake_child *child = worker();
    assert_int_equal(work_until_stop(child), 2);
    call(CREWI_POOL_TERMINATE);
    assert_int_equal(child->signal, SIGKILL);
    uint64_t join = ask(CREWI_POOL_JOIN);
    fake_expect_parked(&creator, join);
    fake_child_ended(child, FAKE_EXIT(0));
    fake_expect_reply(&creator, join, NULL, 0);
    assert_int_equal(pool_progress(&creator, map).over, 1);
}

static void left_behind_while_it_retires(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 3, 1);
    struct fake_child *child = worker();
    assert_int_equal(work_until_stop(child), 2);
    fake_client_end(&creator);
    fake_job_run(job);
    fake_child_ended(child, FAKE_EXIT(0));
    assert_null(crewi_engine_find(fake_engine(job, 0), pool));
}

/* The place of the last worker cannot be taken: whoever joins hears of it, and the results say
 * why. */
static void none_takes_its_place(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 3, 1), next_done;
    assert_int_equal(work_until_stop(worker()), 2);
    call(CREWI_POOL_CLOSE);
    uint64_t join = ask(CREWI_POOL_JOIN), told = ask(CREWI_POOL_NEXT_DONE);
    struct fake_call notify = result_call(CREWI_RESULT_NOTIFY, map);
    fake_call(&creator, &notify, &(unsigned char){0}, 1);
    job->ranks[0].spawn_status = CREW_ESYSTEM;
    fake_child_ended(worker(), FAKE_EXIT(0));
    fake_expect_reply(&creator, join, NULL, 0);
    fake_expect_reply(&creator, told, &next_done, sizeof next_done);
    assert_int_equal(next_done, map);
    fake_expect_refusal(&creator, ask(CREWI_POOL_NEXT_DONE), CREW_ECLOSED, "the pool has ended");
    assert_int_equal(pool_progress(&creator, map).wrong, 1);
}

static void nobody_is_left_waiting(void **state)
{
    (void)state;
    uint64_t told = ask(CREWI_POOL_NEXT_DONE);
    job->ranks[0].spawn_status = CREW_ESYSTEM;
    fake_child_ended(worker(), FAKE_SIGNAL(SIGKILL));
    fake_expect_refusal(&creator, told, CREW_ECLOSED, "the pool has ended");
    fake_expect_reply(&creator, ask(CREWI_POOL_JOIN), NULL, 0);
}

/* Whichever came first; of equal ones, the first. */
static void the_most_urgent_first(void **state)
{
    static const int priorities[] = {0, -5, 3, 0, 3};
    static const int order[] = {2, 4, 0, 3, 1};
    uint64_t maps[5];
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    pool = pool_open(&creator, 1);
    uint64_t busy = pool_submit(&creator, pool, 2, 1);
    for (int i = 0; i < 5; i++) {
        struct crewi_pool_submission submission = pool_submission(1, 0);
        submission.priority = priorities[i];
        maps[i] = pool_submit_as(&creator, pool, &submission);
    }
    while (pool_next_chunk(worker(), &chunk, &stop))
        pool_answer(worker(), chunk.map, chunk.begin, 1);
    assert_int_equal(pool_progress(&creator, busy).over, 1);
    for (int i = 0; i + 1 < 5; i++) {
        struct crewi_pool_progress one = pool_progress(&creator, maps[order[i]]),
                                   next = pool_progress(&creator, maps[order[i + 1]]);
        assert_true(one.over && next.over && one.order < next.order);
    }
}

static void time_limits_inside_ranks(void **state)
{
    (void)state;
    struct crewi_pool_spec spec = pool_spec(1);
    spec.inside = 1;
    uint64_t inside = pool_open_as(&creator, &spec);
    struct crewi_pool_submission submission = pool_submission(0, 0);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, inside);
    call.head = &submission;
    call.head_size = sizeof submission;
    submission.timeout_ns = 1;
    fake_call_refused(&creator, &call, CREW_ENOTSUP, "a task inside a rank cannot be ended");
    submission.timeout_ns = -1;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed pool request");
    submission.timeout_ns = 0;
    submission.schedule = CREW_SCHEDULE_WEIGHTED + 1;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed pool request");
    submission.schedule = CREW_SCHEDULE_WEIGHTED;
    uint64_t map;
    fake_call(&creator, &call, &map, sizeof map);
    struct fake_call kill = result_call(CREWI_RESULT_KILL, map);
    fake_call_refused(&creator, &kill, CREW_ENOTSUP, "a task inside a rank cannot be killed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_one_after_so_many),     TEST(one_that_dies_as_it_retires),
        TEST(a_retry_for_the_next_one),    TEST(submitted_while_it_retires),
        TEST(closed_while_it_retires),     TEST(closed_with_nothing_left),
        TEST(terminated_while_it_retires), TEST(left_behind_while_it_retires),
        TEST(none_takes_its_place),        TEST(nobody_is_left_waiting),
        TEST(the_most_urgent_first),       TEST(time_limits_inside_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
