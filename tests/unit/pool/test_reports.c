/* SPDX-License-Identifier: BSD-3-Clause */
/* Partial maps, and what a home tells a creator that keeps a journal. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define COUNT 40

static struct fake_job *job;
static struct fake_client creator;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
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

/* The payload of a submission: itself, ranges, and items. */
struct payload {
    struct crewi_pool_submission submission;
    struct crewi_range ranges[4];
    uint64_t items[COUNT];
};

static struct fake_call call_for(uint64_t pool, struct payload *payload, size_t ranges)
{
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    memset(payload, 0, sizeof *payload);
    payload->submission = (struct crewi_pool_submission){.count = COUNT,
                                                         .item_size = 8,
                                                         .result_size = 8,
                                                         .chunk = 3,
                                                         .wants_statuses = 1,
                                                         .partial = 1,
                                                         .reports = 1,
                                                         .retries = 1,
                                                         .range_count = ranges,
                                                         .task = "triple"};
    for (uint64_t i = 0; i < COUNT; i++)
        payload->items[i] = pool_item(i);
    call.head = payload;
    call.head_size = sizeof payload->submission + ranges * sizeof *payload->ranges;
    call.body = payload->items;
    call.body_size = sizeof payload->items;
    return call;
}

static uint64_t ask_next(uint64_t map)
{
    struct fake_call call = result_call(CREWI_RESULT_NEXT, map);
    call.timeout_ns = 100 * CREWI_MILLISECOND;
    uint64_t request = fake_ask(&creator, &call);
    fake_job_run(job);
    return request;
}

/* What the answer tells. */
static struct crewi_pool_news take_news(uint64_t request, struct crewi_pool_report *reports)
{
    struct crewi_pool_news news;
    struct crewi_frame *reply = fake_reply(&creator, request);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    memcpy(&news, reply->payload, sizeof news);
    assert_true(news.count <= COUNT);
    const unsigned char *at = reply->payload + sizeof news + news.count * sizeof *reports;
    memcpy(reports, reply->payload + sizeof news, news.count * sizeof *reports);
    for (uint64_t i = 0; i < news.count; i++)
        for (uint64_t k = 0; k < reports[i].count; k++, at += 8) {
            uint64_t result;
            memcpy(&result, at, 8);
            assert_int_equal(result, pool_result(reports[i].begin + k));
        }
    assert_ptr_equal(at, reply->payload + reply->header.size);
    crewi_frame_destroy(reply);
    return news;
}

/* What was done before is nothing that a worker had of it. */
static void missing_and_not_begun(void **state)
{
    struct payload payload;
    unsigned char whole = 0;
    uint64_t map;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    pool_submit(&creator, pool, 20, 1); /* for which the worker is busy */
    struct fake_call call = call_for(pool, &payload, 1);
    payload.ranges[0] = (struct crewi_range){5, 4};
    fake_call(&creator, &call, &map, sizeof map);
    assert_int_equal(pool_progress(&creator, map).running, 0);
    struct fake_call cancel = result_call(CREWI_RESULT_CANCEL, map);
    fake_call(&creator, &cancel, &whole, 1);
    assert_int_equal(whole, 1);
    assert_int_equal(pool_progress(&creator, map).failed, 4);
}

/* A map with 40 tasks whose journal the creator keeps, all of them missing. */
static uint64_t submit_kept(uint64_t pool, struct payload *payload)
{
    uint64_t map;
    struct fake_call call = call_for(pool, payload, 1);
    payload->ranges[0] = (struct crewi_range){0, COUNT};
    payload->submission.kept = 1;
    payload->submission.notify = 1;
    fake_call(&creator, &call, &map, sizeof map);
    return map;
}

static void tell_map(uint8_t op, uint64_t map)
{
    struct fake_call call = result_call(op, map);
    fake_call(&creator, &call, NULL, 0);
}

/* For who waits, it is done when its journal is closed. */
static void done_when_it_is_kept(void **state)
{
    struct payload payload;
    struct crewi_pool_report reports[COUNT];
    unsigned char later = 0;
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = submit_kept(pool, &payload), told;
    struct fake_call wait = result_call(CREWI_OP_WAIT, map),
                     next_done = pool_call(CREWI_POOL_NEXT_DONE, pool),
                     notify = result_call(CREWI_RESULT_NOTIFY, map);
    uint64_t waiting = fake_ask(&creator, &wait), watching = fake_ask(&creator, &next_done);
    pool_work(pool_worker(&creator, pool, 0));
    assert_int_equal(take_news(ask_next(map), reports).over, 1);
    assert_int_equal(pool_progress(&creator, map).done, COUNT);
    assert_int_equal(pool_progress(&creator, map).over, 0);
    assert_int_equal(pool_progress(&creator, map).running, 1);
    fake_call(&creator, &notify, &later, 1);
    assert_int_equal(later, 1);
    fake_expect_parked(&creator, waiting);
    fake_expect_parked(&creator, watching);
    for (int i = 0; i < 2; i++) /* once would do */
        tell_map(CREWI_RESULT_KEPT, map);
    fake_expect_reply(&creator, waiting, NULL, 1);
    fake_expect_reply(&creator, watching, &told, sizeof told);
    assert_int_equal(told, map);
    pool_expect_all(&creator, map, COUNT);
}

/* The end of the pool is not told before that, and is when nobody wants to hear of it any more. */
static void kept_until_the_end(void **state)
{
    struct payload payload;
    (void)state;
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        uint64_t pool = pool_open(&creator, 1), map = submit_kept(pool, &payload), told;
        struct fake_child *worker = pool_worker(&creator, pool, 0);
        struct fake_call call = pool_call(CREWI_POOL_NEXT_DONE, pool);
        uint64_t watching = fake_ask(&creator, &call);
        call = pool_call(CREWI_POOL_TERMINATE, pool);
        fake_call(&creator, &call, NULL, 0);
        fake_child_ended(worker, FAKE_SIGNAL(9));
        fake_expect_parked(&creator, watching);
        if (is_closed) {
            tell_map(CREWI_RESULT_CLOSE, map);
        } else {
            tell_map(CREWI_RESULT_KEPT, map);
            fake_expect_reply(&creator, watching, &told, sizeof told);
            assert_int_equal(told, map);
            call = pool_call(CREWI_POOL_NEXT_DONE, pool);
            watching = fake_ask(&creator, &call);
        }
        fake_expect_refusal(&creator, watching, CREW_ECLOSED, "the pool has ended");
    }
}

static void only_what_is_missing(void **state)
{
    struct payload payload;
    struct crewi_pool_report reports[COUNT];
    struct crewi_pool_chunk chunk;
    uint64_t map, expected[] = {5, 8, 20};
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    struct fake_call call = call_for(pool, &payload, 2);
    payload.ranges[0] = (struct crewi_range){5, 4};
    payload.ranges[1] = (struct crewi_range){20, 2};
    fake_call(&creator, &call, &map, sizeof map);
    assert_int_equal(pool_progress(&creator, map).done, COUNT - 6);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(pool_next_chunk(worker, &chunk, &stop));
        assert_int_equal(chunk.begin, expected[i]);
        pool_answer(worker, map, chunk.begin, chunk.count);
    }
    assert_false(pool_next_chunk(worker, &chunk, &stop));
    assert_int_equal(pool_progress(&creator, map).over, 1);
    uint64_t request = ask_next(map);
    struct crewi_pool_news news = take_news(request, reports);
    assert_int_equal(news.count, 3);
    assert_int_equal(news.over, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reports[i].begin, expected[i]);
        assert_int_equal(reports[i].attempts, 1);
        assert_int_equal(reports[i].rank, 0);
        assert_string_equal(reports[i].worker, worker->name);
    }
}

static void nothing_is_missing(void **state)
{
    struct payload payload;
    struct crewi_pool_report reports[COUNT];
    uint64_t map;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    struct fake_call call = call_for(pool, &payload, 0);
    fake_call(&creator, &call, &map, sizeof map);
    assert_int_equal(pool_progress(&creator, map).over, 1);
    uint64_t request = ask_next(map);
    struct crewi_pool_news news = take_news(request, reports);
    assert_int_equal(news.count, 0);
    assert_int_equal(news.over, 1);
}

/* Answers come after a while, with what there is. */
static void every_now_and_then(void **state)
{
    struct payload payload;
    struct crewi_pool_report reports[COUNT];
    struct crewi_pool_chunk chunk;
    uint64_t map;
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    struct fake_call call = call_for(pool, &payload, 1);
    payload.ranges[0] = (struct crewi_range){0, COUNT};
    fake_call(&creator, &call, &map, sizeof map);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    uint64_t request = ask_next(map);
    assert_true(pool_next_chunk(worker, &chunk, &stop));
    pool_answer(worker, map, chunk.begin, chunk.count);
    assert_null(fake_reply(&creator, request));
    fake_job_pass_time(job, 101 * CREWI_MILLISECOND);
    struct crewi_pool_news news = take_news(request, reports);
    assert_int_equal(news.count, 1);
    assert_int_equal(news.over, 0);
    assert_int_equal(reports[0].count, 3);
    request = ask_next(map);
    fake_job_pass_time(job, 101 * CREWI_MILLISECOND);
    assert_int_equal(take_news(request, reports).count, 0);
    request = ask_next(map);
    while (!pool_progress(&creator, map).over)
        pool_work(worker);
    news = take_news(request, reports); /* at once, for it is over */
    assert_int_equal(news.over, 1);
    assert_int_equal(news.count, 13);
    pool_expect_all(&creator, map, COUNT);
}

/* What failed is left out, and what was tried again says so. */
static void around_failures(void **state)
{
    unsigned char bytes[400] = {0};
    struct payload payload;
    struct crewi_pool_report reports[COUNT];
    struct crewi_pool_chunk chunk;
    uint64_t map;
    bool stop;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    struct fake_call call = call_for(pool, &payload, 1);
    payload.ranges[0] = (struct crewi_range){10, 3};
    fake_call(&creator, &call, &map, sizeof map);
    struct fake_child *worker = pool_worker(&creator, pool, 0);
    assert_true(pool_next_chunk(worker, &chunk, &stop));
    struct crewi_pool_result head = {.map = map, .begin = 10, .count = 3, .result_size = 8};
    uint32_t used = pool_add_failure(bytes + sizeof head, 0, 11, CREW_EFAILED, "not yet");
    head.failure_bytes = used;
    memcpy(bytes, &head, sizeof head);
    uint64_t results[3] = {pool_result(10), 0, pool_result(12)};
    memcpy(bytes + sizeof head + used, results, sizeof results);
    struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
    note.head = bytes;
    note.head_size = sizeof head + used + sizeof results;
    fake_tell(&worker->client, &note);
    fake_job_run(job);
    assert_true(pool_next_chunk(worker, &chunk, &stop));
    assert_int_equal(chunk.begin, 11);
    pool_answer(worker, map, 11, 1);
    uint64_t request = ask_next(map);
    assert_int_equal(take_news(request, reports).count, 3);
    static const uint64_t begins[] = {10, 12, 11}, attempts[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reports[i].begin, begins[i]);
        assert_int_equal(reports[i].count, 1);
        assert_int_equal(reports[i].attempts, attempts[i]);
    }
}

static void ranges_that_cannot_be(void **state)
{
    static const struct crewi_range bad[][2] = {
        {{3, 2}, {4, 1}},  {{5, 1}, {3, 1}},  {{0, 0}, {1, 1}},
        {{0, 1}, {40, 1}}, {{0, 1}, {39, 2}}, {{0, 1}, {2, UINT64_MAX}},
    };
    struct payload payload;
    (void)state;
    uint64_t pool = pool_open(&creator, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fake_call call = call_for(pool, &payload, 2);
        memcpy(payload.ranges, bad[i], sizeof bad[i]);
        fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    }
    struct fake_call call = call_for(pool, &payload, 2);
    payload.submission.range_count = UINT64_MAX / 16 + 3;
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    payload.submission.range_count = 1; /* and something else behind it */
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
}

static void of_one_that_does_not_report(void **state)
{
    (void)state;
    uint64_t pool = pool_open(&creator, 1), map = pool_submit(&creator, pool, 5, 0);
    struct fake_call call = result_call(CREWI_RESULT_NEXT, map);
    fake_call_refused(&creator, &call, CREW_EPROTO, "does not report");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(done_when_it_is_kept),  TEST(kept_until_the_end),    TEST(only_what_is_missing),
        TEST(missing_and_not_begun), TEST(nothing_is_missing),    TEST(every_now_and_then),
        TEST(around_failures),       TEST(ranges_that_cannot_be), TEST(of_one_that_does_not_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
