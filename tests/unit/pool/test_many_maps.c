/* SPDX-License-Identifier: BSD-3-Clause */
/* Many maps of one pool: which go out first, and which are done, told all at a time. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>

#define WORKERS 40
#define MANY 4000

static struct fake_job *job;
static struct fake_client creator;
static uint64_t pool;

static int begin_with(int workers)
{
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    pool = pool_open(&creator, workers);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with(1);
}

static int begin_many(void **state)
{
    (void)state;
    return begin_with(WORKERS);
}

static int end(void **state)
{
    (void)state;
    fake_client_end(&creator);
    fake_job_run(job);
    pool_job_destroy(job);
    return 0;
}

static struct fake_child *worker(void)
{
    return pool_worker(&creator, pool, 0);
}

static uint64_t submit(int priority)
{
    struct crewi_pool_submission submission = pool_submission(1, 1);
    submission.priority = priority;
    return pool_submit_as(&creator, pool, &submission);
}

static uint64_t ask_completed(uint64_t known)
{
    struct fake_call call = pool_call(CREWI_POOL_COMPLETED, pool);
    call.head = &known;
    call.head_size = sizeof known;
    return fake_ask(&creator, &call);
}

/* What is told are these maps, from an order on. */
static void expect_completed(uint64_t request, uint64_t order, const uint64_t *maps, size_t count)
{
    struct crewi_pool_completion told[8] = {{0}};
    fake_expect_reply(&creator, request, told, count * sizeof *told);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(told[i].id, maps[i]);
        assert_int_equal(told[i].order, order + i);
    }
}

static struct crewi_pool_chunk next_chunk(void)
{
    struct crewi_pool_chunk chunk = {0};
    bool stop;
    assert_true(pool_next_chunk(worker(), &chunk, &stop));
    return chunk;
}

static void do_next(uint64_t map)
{
    struct crewi_pool_chunk chunk = next_chunk();
    assert_int_equal(chunk.map, map);
    pool_answer(worker(), chunk.map, chunk.begin, chunk.count);
}

static void close_map(uint64_t map)
{
    struct fake_call call = result_call(CREWI_RESULT_CLOSE, map);
    fake_expect_reply(&creator, fake_ask(&creator, &call), NULL, 0);
}

static void completions_come_in_order_and_once(void **state)
{
    uint64_t maps[5];
    (void)state;
    for (int i = 0; i < 5; i++)
        maps[i] = submit(0);
    uint64_t first = ask_completed(0), second = ask_completed(0);
    fake_expect_parked(&creator, first);
    do_next(maps[0]);
    expect_completed(first, 1, maps, 1); /* all that wait hear of it */
    expect_completed(second, 1, maps, 1);
    uint64_t third = ask_completed(1);
    fake_expect_parked(&creator, third);
    do_next(maps[1]);
    expect_completed(third, 2, &maps[1], 1);
    do_next(maps[2]);
    do_next(maps[3]);
    expect_completed(ask_completed(1), 2, &maps[1], 3);
    expect_completed(ask_completed(0), 1, maps, 4);
    close_map(maps[1]); /* nobody asks for it any more */
    expect_completed(ask_completed(2), 3, &maps[2], 2);
    do_next(maps[4]);
    expect_completed(ask_completed(4), 5, &maps[4], 1);
}

static void completions_say_how_it_went(void **state)
{
    struct crewi_pool_completion told[3] = {{0}};
    uint64_t running = submit(0), waiting = submit(0), map = submit(0);
    (void)state;
    struct fake_call cancel = result_call(CREWI_RESULT_CANCEL, waiting);
    fake_expect_reply(&creator, fake_ask(&creator, &cancel), NULL, 1);
    struct crewi_pool_chunk chunk = next_chunk();
    assert_int_equal(chunk.map, running);
    pool_answer_failed(worker(), running, 0, CREW_EDOMAIN, "no");
    do_next(map);
    fake_expect_reply(&creator, ask_completed(0), told, sizeof told);
    assert_int_equal(told[0].id, waiting);
    assert_true(!told[0].wrong);
    assert_int_equal(told[1].id, running);
    assert_true(told[1].wrong);
    assert_int_equal(told[2].id, map);
    assert_true(!told[2].wrong);
}

static void completions_are_waited_for_as_long_as_wanted(void **state)
{
    uint64_t map = submit(0), range[2];
    struct fake_call call = pool_call(CREWI_POOL_COMPLETED, pool);
    (void)state;
    call.head = &(uint64_t){0};
    call.head_size = sizeof(uint64_t);
    call.timeout_ns = CREWI_MILLISECOND;
    uint64_t impatient = fake_ask(&creator, &call), forgotten = ask_completed(0);
    fake_expect_parked(&creator, impatient);
    fake_job_pass_time(job, CREWI_SECOND);
    fake_expect_reply(&creator, impatient, NULL, 0);
    range[0] = range[1] = forgotten;
    call = pool_call(CREWI_OP_FORGET_WAITS, pool);
    call.head = range;
    call.head_size = sizeof range;
    fake_tell(&creator, &call);
    do_next(map);
    fake_expect_parked(&creator, forgotten);
    call = pool_call(CREWI_POOL_COMPLETED, pool);
    call.head = range;
    call.head_size = sizeof range;
    fake_expect_refusal(&creator, fake_ask(&creator, &call), CREW_EPROTO,
                        "pool.completed: a message of 16 bytes, expected 8");
}

/* By priority, and then in the order in which they came; a task that comes back is no newer. */
static void the_order_in_which_maps_go_out(void **state)
{
    struct crewi_pool_submission retried = pool_submission(1, 1);
    (void)state;
    retried.retries = 1;
    uint64_t first = submit(0), second = pool_submit_as(&creator, pool, &retried),
             third = submit(0), urgent = submit(5), medium = submit(3), late = submit(5);
    do_next(first);
    do_next(urgent);
    do_next(late);
    do_next(medium);
    struct crewi_pool_chunk chunk = next_chunk();
    assert_int_equal(chunk.map, second);
    uint64_t last = submit(0);
    pool_answer_failed(worker(), second, 0, CREW_EDOMAIN, "once more");
    do_next(second);
    do_next(third);
    do_next(last);
}

/* Of a program that waits for none of its results one by one: each step may look at few maps. */
static void many_maps_take_their_time_each(void **state)
{
    uint64_t *maps = calloc(MANY, sizeof *maps);
    (void)state;
    for (int i = 0; i < MANY; i++) {
        maps[i] = submit(0);
        if (i % 2)
            close_map(maps[i]); /* nobody wants to hear of it */
    }
    for (int left = MANY; left > 0;)
        for (int i = 0; i < WORKERS; i++) {
            struct fake_child *child = pool_worker(&creator, pool, i);
            struct crewi_pool_chunk chunk;
            bool stop;
            if (!pool_next_chunk(child, &chunk, &stop))
                continue;
            assert_int_equal(chunk.count, 1);
            pool_answer(child, chunk.map, chunk.begin, chunk.count);
            left--;
        }
    for (int i = 0; i < MANY; i += 2) {
        assert_int_equal(pool_progress(&creator, maps[i]).over, 1);
        close_map(maps[i]);
    }
    fake_expect_parked(&creator, ask_completed(0)); /* all are gone */
    free(maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(completions_come_in_order_and_once, begin, end),
        cmocka_unit_test_setup_teardown(completions_say_how_it_went, begin, end),
        cmocka_unit_test_setup_teardown(completions_are_waited_for_as_long_as_wanted, begin, end),
        cmocka_unit_test_setup_teardown(the_order_in_which_maps_go_out, begin, end),
        cmocka_unit_test_setup_teardown(many_maps_take_their_time_each, begin_many, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
