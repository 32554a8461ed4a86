/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps from submission to outcome, when all goes well. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(3);
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

static void work_all(uint64_t pool, int workers)
{
    for (int round = 0; round < 50; round++)
        for (int place = 0; place < workers; place++)
            pool_work(pool_worker(&creator, pool, place));
}

static void results_in_the_order_of_the_items(void **state)
{
    static const uint64_t counts[] = {1, 2, 7, 100, 4000};
    (void)state;
    uint64_t pool = pool_open(&creator, 4);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t map = pool_submit(&creator, pool, counts[i], 0);
        assert_int_equal(pool_progress(&creator, map).count, counts[i]);
        work_all(pool, 4);
        pool_expect_all(&creator, map, counts[i]);
    }
}

static void chunks_as_they_were_asked_for(void **state)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = pool_submit(&creator, pool, 10, 4);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    for (uint64_t next = 0; next < 10; next += 4) {
        assert_true(pool_next_chunk(worker, &chunk, &stop));
        assert_int_equal(chunk.map, map);
        assert_int_equal(chunk.begin, next);
        assert_int_equal(chunk.count, next == 8 ? 2 : 4);
        assert_int_equal(chunk.item_size, 8);
        assert_int_equal(chunk.result_size, 8);
        pool_answer(worker, map, chunk.begin, chunk.count);
    }
    assert_false(pool_next_chunk(worker, &chunk, &stop));
    pool_expect_all(&creator, map, 10);
}

static void the_first_chunk_is_pythons(void **state)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 3);
    pool_submit(&creator, pool, 120, 0);
    assert_true(pool_next_chunk(pool_worker(&creator, pool, 0), &chunk, &stop));
    assert_int_equal(chunk.begin, 0);
    assert_int_equal(chunk.count, 10);
}

static void a_result_may_cover_a_part(void **state)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = pool_submit(&creator, pool, 9, 9);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    assert_true(pool_next_chunk(worker, &chunk, &stop));
    for (uint64_t i = 0; i < 9; i++) {
        assert_int_equal(pool_progress(&creator, map).done, i);
        assert_int_equal(pool_progress(&creator, map).over, 0);
        pool_answer(worker, map, i, 1);
    }
    pool_expect_all(&creator, map, 9);
}

/* A scatter may be overtaken by what was sent later: a worker answers in the order in which chunks
 * came to it. */
static void chunks_in_another_order(void **state)
{
    struct crewi_pool_chunk chunks[2];
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = pool_submit(&creator, pool, 6, 3);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    assert_true(pool_next_chunk(worker, &chunks[0], &stop));
    assert_true(pool_next_chunk(worker, &chunks[1], &stop));
    pool_answer(worker, map, chunks[1].begin, 2);
    pool_answer(worker, map, chunks[0].begin, 3);
    pool_answer(worker, map, chunks[1].begin + 2, 1);
    pool_expect_all(&creator, map, 6);
}

static void nothing_to_do(void **state)
{
    (void)state;
    uint64_t pool = pool_open(&creator, 2), map = pool_submit(&creator, pool, 0, 0);
    pool_expect_all(&creator, map, 0);
}

static void waiting(void **state)
{
    struct crewi_pool_progress progress;
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = pool_submit(&creator, pool, 5, 0);
    struct fake_call wait = result_call(CREWI_OP_WAIT, map);
    unsigned char yes = 0;
    wait.timeout_ns = 1000;
    uint64_t limited = fake_ask(&creator, &wait);
    fake_expect_parked(&creator, limited);
    fake_job_pass_time(job, 1000);
    fake_expect_reply(&creator, limited, NULL, 0); /* ask again */
    wait.timeout_ns = CREWI_FOREVER;
    uint64_t one = fake_ask(&creator, &wait), two = fake_ask(&creator, &wait);
    fake_expect_parked(&creator, one);
    work_all(pool, 1);
    fake_expect_reply(&creator, one, &yes, 1);
    fake_expect_reply(&creator, two, &yes, 1);
    fake_call(&creator, &wait, &yes, 1); /* over: answered at once */
    assert_int_equal(yes, 1);
    progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, 5);
    assert_int_equal(progress.over, 1);
}

static void taking(void **state)
{
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = pool_submit(&creator, pool, 5, 0),
             other = map + 1;
    struct fake_call take = result_call(CREWI_RESULT_TAKE, map);
    fake_call_refused(&creator, &take, CREW_ESTATE, "not done");
    take.object = other;
    fake_call_refused(&creator, &take, CREW_ENOENT, "no such");
    work_all(pool, 1);
    pool_expect_all(&creator, map, 5);
    take.object = map;
    fake_call_refused(&creator, &take, CREW_ENOENT, "no such"); /* it was closed */
}

static void two_at_once(void **state)
{
    (void)state;
    uint64_t pool = pool_open(&creator, 2);
    uint64_t one = pool_submit(&creator, pool, 50, 7), two = pool_submit(&creator, pool, 30, 4);
    assert_int_not_equal(one, two);
    struct fake_child *worker =
        pool_worker(&creator, pool, 1); /* one does it all, the other has its first chunks */
    for (int i = 0; i < 50; i++)
        pool_work(worker);
    assert_int_equal(pool_progress(&creator, two).over, 1);
    assert_int_equal(pool_progress(&creator, one).over, 0);
    pool_expect_all(&creator, two, 30);
    uint64_t three = pool_submit(&creator, pool, 3, 1);
    work_all(pool, 2);
    pool_expect_all(&creator, three, 3);
    pool_expect_all(&creator, one, 50);
}

static void two_pools(void **state)
{
    (void)state;
    uint64_t first = pool_open(&creator, 2), second = pool_open(&creator, 3);
    uint64_t one = pool_submit(&creator, first, 20, 0), two = pool_submit(&creator, second, 30, 0);
    work_all(first, 2);
    work_all(second, 3);
    pool_expect_all(&creator, one, 20);
    pool_expect_all(&creator, two, 30);
}

static void first_chunks_in_one_scatter(void **state)
{
    (void)state;
    job->can_scatter = true;
    uint64_t pool = pool_open(&creator, 6), map = pool_submit(&creator, pool, 600, 0);
    assert_int_equal(job->scattered, 4); /* the two on this rank need none */
    work_all(pool, 6);
    pool_expect_all(&creator, map, 600);
    assert_int_equal(job->scattered, 4);
}

/* A chunk behind one that was scattered may have overtaken it: whichever the worker is in, it is
 * killed for that one only. */
static void killed_behind_a_scatter(void **state)
{
    (void)state;
    job->can_scatter = true;
    job->children_claim = true;
    uint64_t pool = pool_open(&creator, 2), first = pool_submit(&creator, pool, 4, 2),
             second = pool_submit(&creator, pool, 100, 1);
    for (int place = 0; place < 2; place++) {
        struct fake_child *worker = pool_worker(&creator, pool, place);
        struct crewi_pool_chunk chunks[2];
        struct crewi_claim_range claimed;
        bool stop;
        for (int i = 0; i < 2; i++)
            assert_true(pool_next_chunk(worker, &chunks[i], &stop));
        assert_true(chunks[0].map == first && chunks[1].map == second);
        assert_int_equal(crewi_claim_take(&worker->claims, chunks[place].key, 1, &claimed), 1);
    }
    struct fake_call call = result_call(CREWI_RESULT_KILL, second);
    fake_call(&creator, &call, NULL, 0);
    assert_int_equal(pool_worker(&creator, pool, 0)->signal, 0);
    assert_int_equal(pool_worker(&creator, pool, 1)->signal, SIGKILL);
}

static void a_pool_that_is_at_home_elsewhere(void **state)
{
    struct fake_client other;
    (void)state;
    fake_client_begin(&other, job, 2);
    uint64_t pool = pool_open(&other, 3), map = pool_submit(&other, pool, 100, 0);
    assert_int_equal(crewi_id_home(pool), 2);
    for (int round = 0; round < 50; round++)
        for (int place = 0; place < 3; place++)
            pool_work(pool_worker(&other, pool, place));
    pool_expect_all(&other, map, 100);
    fake_client_end(&other);
}

/* A caller in the home rank: its own memory is used. */
static void shared_memory(void **state)
{
    uint64_t items[40], results[41] = {0}, map;
    int32_t statuses[40];
    struct crewi_pool_outcome outcome;
    (void)state;
    creator.base.local = true;
    uint64_t pool = pool_open(&creator, 2);
    struct crewi_pool_submission submission = {.count = 40,
                                               .item_size = 8,
                                               .result_size = 8,
                                               .items = (uint64_t)(uintptr_t)items,
                                               .results = (uint64_t)(uintptr_t)results,
                                               .statuses = (uint64_t)(uintptr_t)statuses,
                                               .shared = 1,
                                               .wants_statuses = 1};
    for (uint64_t i = 0; i < 40; i++) {
        items[i] = pool_item(i);
        statuses[i] = 0;
    }
    results[40] = 77;
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    fake_call(&creator, &call, &map, sizeof map);
    work_all(pool, 2);
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(results[i], pool_result(i));
    assert_int_equal(results[40], 77);
    call = result_call(CREWI_RESULT_TAKE, map);
    fake_call(&creator, &call, &outcome, sizeof outcome);
    assert_int_equal(outcome.status, CREW_OK);
}

/* Tasks without results need no room for them. */
static void no_results(void **state)
{
    uint64_t items[5], map;
    struct crewi_pool_chunk chunk;
    bool stop;
    (void)state;
    creator.base.local = true;
    uint64_t pool = pool_open(&creator, 1);
    struct crewi_pool_submission submission = {
        .count = 5, .item_size = 8, .items = (uint64_t)(uintptr_t)items, .shared = 1};
    for (uint64_t i = 0; i < 5; i++)
        items[i] = pool_item(i);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    fake_call(&creator, &call, &map, sizeof map);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    while (pool_next_chunk(worker, &chunk, &stop)) {
        struct crewi_pool_result result = {.map = map, .begin = chunk.begin, .count = chunk.count};
        struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
        note.head = &result;
        note.head_size = sizeof result;
        fake_tell(&worker->client, &note);
        fake_job_run(job);
    }
    assert_int_equal(pool_progress(&creator, map).over, 1);
    assert_int_equal(worker->signals, 0);
}

static void submissions_that_cannot_be(void **state)
{
    uint64_t item = 0;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    struct crewi_pool_submission good = {.count = 1, .item_size = 8, .result_size = 8}, bad;
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    call.head = &bad;
    call.body = &item;
    call.body_size = 8;
    bad = good;
    call.head_size = sizeof bad - 1;
    call.body_size = 0;
    fake_call_refused(&creator, &call, CREW_EPROTO, "expected a map of at least ");
    call.head_size = sizeof bad;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed"); /* the item is missing */
    call.body_size = 8;
    bad.shared = 1;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    call.body_size = 0;
    bad.items = bad.results = (uint64_t)(uintptr_t)&item;
    fake_call_refused(&creator, &call, CREW_EPROTO,
                      "malformed"); /* addresses of somebody who is not here */
    call.body_size = 8;
    bad = good;
    bad.item_size = 0;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    bad = good;
    bad.result_size = CREWI_FRAME_LIMIT;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    bad = good;
    bad.count = ((uint64_t)1 << 61) + 1; /* times 8: 8 bytes */
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    bad = good;
    memset(bad.task, 't', sizeof bad.task);
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    assert_false(
        crewi_pool_has_work((struct crewi_pool *)crewi_engine_find(fake_engine(job, 0), pool)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(results_in_the_order_of_the_items),
        TEST(chunks_as_they_were_asked_for),
        TEST(the_first_chunk_is_pythons),
        TEST(a_result_may_cover_a_part),
        TEST(chunks_in_another_order),
        TEST(nothing_to_do),
        TEST(waiting),
        TEST(taking),
        TEST(two_at_once),
        TEST(two_pools),
        TEST(first_chunks_in_one_scatter),
        TEST(killed_behind_a_scatter),
        TEST(a_pool_that_is_at_home_elsewhere),
        TEST(shared_memory),
        TEST(no_results),
        TEST(submissions_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
