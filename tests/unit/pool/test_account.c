/* SPDX-License-Identifier: BSD-3-Clause */
/* What a pool did, and what that cost. */
#include "base/clock.h"
#include "pool/pool_summary.h"
#include "pools.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    job->cpu_ns = 7 * CREWI_SECOND; /* before there was a pool */
    fake_client_begin(&creator, job, 0);
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

static crew_pool_info describe(uint64_t pool)
{
    crew_pool_info info;
    struct fake_call call = pool_call(CREWI_POOL_DESCRIBE, pool);
    fake_call(&creator, &call, &info, sizeof info);
    return info;
}

/* Time passes, of which the rank computes a tenth. */
static void pass(int64_t ns)
{
    job->now_ns += ns;
    job->cpu_ns += ns / 10;
}

static void expect_seconds(double found, double expected)
{
    assert_true(found > expected - 1e-6 && found < expected + 1e-6);
}

static void work_all(uint64_t pool, uint64_t map)
{
    while (!pool_progress(&creator, map).over)
        for (int place = 0; place < 2; place++)
            pool_work(pool_worker(&creator, pool, place));
}

static void tasks_are_counted(void **state)
{
    (void)state;
    uint64_t pool = pool_open(&creator, 2);
    crew_pool_info info = describe(pool);
    assert_int_equal(info.home, 0);
    assert_int_equal(info.workers, 2);
    assert_int_equal(info.tasks, 0);
    for (int i = 1; i <= 3; i++) {
        uint64_t map = pool_submit(&creator, pool, 50, 0);
        work_all(pool, map);
        info = describe(pool);
        assert_int_equal(info.tasks, 50 * i);
        expect_seconds(info.busy_s, 0.050 * i); /* a millisecond each */
        pool_expect_all(&creator, map, 50);
    }
    assert_int_equal(info.failed + info.retried + info.died + info.replaced, 0);
}

/* Of the time between maps only the wall clock knows. */
static void only_work_costs(void **state)
{
    struct crewi_pool_spec spec = pool_spec(2);
    uint64_t pool, request = pool_ask(&creator, &spec, NULL, 0);
    (void)state;
    pass(2 * CREWI_SECOND);
    pool_start_all(job);
    pool_ready_all(job);
    fake_expect_reply(&creator, request, &pool, sizeof pool);
    pass(3 * CREWI_SECOND);
    uint64_t first = pool_submit(&creator, pool, 10, 0);
    pass(CREWI_SECOND);
    uint64_t second = pool_submit(&creator, pool, 10, 0);
    pass(CREWI_SECOND);
    crew_pool_info info = describe(pool);
    expect_seconds(info.start_s, 2);
    expect_seconds(info.wall_s, 5);
    expect_seconds(info.working_s, 2); /* so far */
    expect_seconds(info.home_cpu_s, 0.2);
    work_all(pool, first);
    work_all(pool, second);
    pass(10 * CREWI_SECOND);
    info = describe(pool);
    expect_seconds(info.wall_s, 15);
    expect_seconds(info.working_s, 2);
    expect_seconds(info.home_cpu_s, 0.2);
    uint64_t nothing = pool_submit(&creator, pool, 0, 0);
    pass(CREWI_SECOND);
    assert_int_equal(pool_progress(&creator, nothing).over, 1);
    expect_seconds(describe(pool).working_s, 2);
}

static void failures_and_retries(void **state)
{
    struct crewi_pool_submission submission = pool_submission(4, 4);
    (void)state;
    submission.retries = 1;
    uint64_t pool = pool_open(&creator, 1);
    uint64_t map = pool_submit_as(&creator, pool, &submission);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    pool_answer_failed(worker, map, 0, CREW_EDOMAIN, "no");
    pool_answer(worker, map, 1, 3);
    crew_pool_info info = describe(pool);
    assert_int_equal(info.tasks, 3);
    assert_int_equal(info.retried, 1);
    assert_int_equal(info.failed, 0);
    assert_int_equal(pool_progress(&creator, map).retried, 1);
    pool_answer_failed(worker, map, 0, CREW_EDOMAIN, "no, again");
    info = describe(pool);
    assert_int_equal(info.tasks, 4);
    assert_int_equal(info.retried, 1);
    assert_int_equal(info.failed, 1);
}

static void deaths_and_replacements(void **state)
{
    struct crewi_pool_spec spec = pool_spec(1);
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    spec.max_tasks = 1;
    uint64_t pool = pool_open_as(&creator, &spec);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    fake_child_ended(worker, FAKE_SIGNAL(9));
    assert_int_equal(describe(pool).died, 1);
    assert_int_equal(describe(pool).replaced, 1);
    pool_start_all(job);
    worker = pool_worker(&creator, pool, 0);
    pool_ready(worker);
    uint64_t map = pool_submit(&creator, pool, 1, 1);
    assert_true(pool_next_chunk(worker, &chunk, &stop));
    pool_answer(worker, map, 0, 1);
    assert_false(pool_next_chunk(worker, &chunk, &stop));
    assert_true(stop); /* it has had its chunk */
    fake_child_ended(worker, FAKE_EXIT(0));
    assert_int_equal(describe(pool).died, 1);
    assert_int_equal(describe(pool).replaced, 2);
}

static void until_the_last_worker_has_ended(void **state)
{
    struct fake_call call;
    (void)state;
    uint64_t pool = pool_open(&creator, 2);
    struct fake_child *workers[] = {pool_worker(&creator, pool, 0), pool_worker(&creator, pool, 1)};
    pass(CREWI_SECOND);
    call = pool_call(CREWI_POOL_CLOSE, pool);
    fake_call(&creator, &call, NULL, 0);
    fake_child_ended(workers[0], FAKE_EXIT(0));
    pass(CREWI_SECOND);
    expect_seconds(describe(pool).wall_s, 2);
    fake_child_ended(workers[1], FAKE_EXIT(0));
    pass(CREWI_SECOND);
    expect_seconds(describe(pool).wall_s, 2);
    assert_int_equal(describe(pool).died, 0);
}

/* What a task inside the home rank took is not what handing out took. */
static void tasks_inside_the_home_rank(void **state)
{
    struct crewi_pool_spec spec = pool_spec(2);
    (void)state;
    spec.inside = 1;
    uint64_t pool = pool_open_as(&creator, &spec);
    uint64_t map = pool_submit(&creator, pool, 2, 1);
    pass(10 * CREWI_SECOND); /* 1 s of processor time on each rank */
    for (int place = 0; place < 2; place++) {
        uint64_t result = pool_result((uint64_t)place);
        struct crewi_pool_result head = {.map = map,
                                         .begin = (uint64_t)place,
                                         .count = 1,
                                         .busy_ns = CREWI_SECOND,
                                         .cpu_ns = 3 * CREWI_SECOND / 4,
                                         .result_size = sizeof result};
        struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
        note.head = &head;
        note.head_size = sizeof head;
        note.body = &result;
        note.body_size = sizeof result;
        fake_tell(&pool_worker(&creator, pool, place)->client, &note);
        fake_job_run(job);
    }
    crew_pool_info info = describe(pool);
    expect_seconds(info.cpu_s, 1.5);
    expect_seconds(info.home_cpu_s, 0.25);
    pool_expect_all(&creator, map, 2);
}

/* The summary */

static struct crewi_pool_summary example(crew_worker_info workers[2])
{
    workers[0] = (crew_worker_info){
        .name = "PoolWorker-1", .rank = 0, .core = 1, .tasks = 1500, .busy_s = 2, .cpu_s = 1};
    workers[1] = (crew_worker_info){
        .name = "PoolWorker-17", .rank = 1, .core = -1, .tasks = 500, .busy_s = 1, .cpu_s = 0.75};
    return (struct crewi_pool_summary){.info = {.home = 0,
                                                .workers = 2,
                                                .tasks = 2000,
                                                .start_s = 0.25,
                                                .wall_s = 100,
                                                .working_s = 4,
                                                .busy_s = 3,
                                                .cpu_s = 1.75,
                                                .home_cpu_s = 0.5},
                                       .workers = workers,
                                       .count = 2};
}

static char text[2048];

static const char *print(const struct crewi_pool_summary *summary)
{
    memset(text, 0, sizeof text);
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    assert_int_equal(crewi_pool_summary_print(summary, stream), CREW_OK);
    fclose(stream);
    return text;
}

static void a_summary(void **state)
{
    crew_worker_info workers[2];
    struct crewi_pool_summary summary = example(workers);
    (void)state;
    assert_string_equal(print(&summary),
                        "worker         rank  host   core       tasks    busy     CPU\n"
                        "PoolWorker-1      0  node0     1        1500   50.0%   25.0%\n"
                        "PoolWorker-17     1  node1     -         500   25.0%   18.8%\n"
                        "2 workers: 2000 tasks in 4.000 s (500 tasks/s), busy 37.5%, CPU 21.9%\n"
                        "the workers were ready after 0.250 s; "
                        "the process of rank 0 used 0.500 s of processor time, 250.0 us a task\n");
    summary.info.failed = 3;
    summary.info.died = 1;
    assert_non_null(
        strstr(print(&summary), "\n3 failed, 0 tried again; workers: 1 died, 0 replaced\n"));
}

static void a_summary_of_nothing(void **state)
{
    struct crewi_pool_summary summary = {.info.workers = 1};
    (void)state;
    assert_string_equal(print(&summary),
                        "worker  rank  host  core       tasks    busy     CPU\n"
                        "1 worker: 0 tasks in 0.000 s (0 tasks/s), busy 0.0%, CPU 0.0%\n"
                        "the process of rank 0 used 0.000 s of processor time\n");
}

static void the_difference_of_two(void **state)
{
    crew_worker_info workers[2], workers_before[2];
    struct crewi_pool_summary summary = example(workers), before = example(workers_before);
    (void)state;
    summary.info.tasks += 10;
    summary.info.retried += 2;
    summary.info.working_s += 1;
    summary.info.busy_s += 0.5;
    workers[1].tasks += 10;
    workers[1].busy_s += 0.5;
    workers[1].core = 0;
    crewi_pool_summary_since(&summary, &before);
    assert_string_equal(print(&summary),
                        "worker         rank  host   core       tasks    busy     CPU\n"
                        "PoolWorker-1      0  node0     1           0    0.0%    0.0%\n"
                        "PoolWorker-17     1  node1     0          10   50.0%    0.0%\n"
                        "2 workers: 10 tasks in 1.000 s (10 tasks/s), busy 25.0%, CPU 0.0%\n"
                        "0 failed, 2 tried again; workers: 0 died, 0 replaced\n"
                        "the process of rank 0 used 0.000 s of processor time, 0.0 us a task\n");
}

static void a_full_disk(void **state)
{
    crew_worker_info workers[2];
    struct crewi_pool_summary summary = example(workers);
    FILE *stream = fopen("/dev/full", "we");
    (void)state;
    assert_non_null(stream);
    setvbuf(stream, NULL, _IONBF, 0);
    assert_int_equal(crewi_pool_summary_print(&summary, stream), CREW_ESYSTEM);
    assert_string_equal(crew_error_message(),
                        "a summary of a pool cannot be written: No space left on device");
    fclose(stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_are_counted),
        TEST(only_work_costs),
        TEST(failures_and_retries),
        TEST(deaths_and_replacements),
        TEST(until_the_last_worker_has_ended),
        TEST(tasks_inside_the_home_rank),
        TEST(a_summary),
        TEST(a_summary_of_nothing),
        TEST(the_difference_of_two),
        TEST(a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
