/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps as their creator sees them: waited for, taken and closed. */
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
static size_t objects_before;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    pool = pool_open(&creator, 2);
    objects_before = fake_engine(job, 0)->objects.count;
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

static uint64_t ask_pool(uint8_t op)
{
    struct fake_call call = pool_call(op, pool);
    return fake_ask(&creator, &call);
}

static void expect_byte(uint64_t request, unsigned char expected)
{
    unsigned char byte = 77;
    fake_expect_reply(&creator, request, &byte, 1);
    assert_int_equal(byte, expected);
}

static void expect_map(uint64_t request, uint64_t map)
{
    uint64_t told;
    fake_expect_reply(&creator, request, &told, sizeof told);
    assert_int_equal(told, map);
}

static void close_map(uint64_t map)
{
    fake_expect_reply(&creator, ask(CREWI_RESULT_CLOSE, map), NULL, 0);
}

static size_t maps_left(void)
{
    return fake_engine(job, 0)->objects.count - objects_before;
}

/* Waiting */

static void all_who_wait_hear_of_it(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 5, 1), waits[3];
    for (int i = 0; i < 3; i++)
        waits[i] = ask(CREWI_OP_WAIT, map);
    struct fake_call call = result_call(CREWI_OP_WAIT, map);
    call.timeout_ns = CREWI_SECOND;
    uint64_t impatient = fake_ask(&creator, &call);
    fake_expect_parked(&creator, impatient);
    fake_job_pass_time(job, 2 * CREWI_SECOND);
    fake_expect_reply(&creator, impatient, NULL, 0);
    for (int i = 0; i < 3; i++)
        fake_expect_parked(&creator, waits[i]);
    work_all();
    for (int i = 0; i < 3; i++)
        expect_byte(waits[i], 1);
    expect_byte(ask(CREWI_OP_WAIT, map), 1);
}

static void forget(struct fake_client *who, uint64_t map, const void *range, size_t size)
{
    struct fake_call note = result_call(CREWI_OP_FORGET_WAITS, map);
    note.head = range;
    note.head_size = size;
    fake_tell(who, &note);
    fake_job_run(job);
}

static void who_forgets_hears_nothing(void **state)
{
    struct fake_client stranger;
    (void)state;
    fake_client_begin(&stranger, job, 1);
    uint64_t map = pool_submit(&creator, pool, 5, 1), waits[3];
    for (int i = 0; i < 3; i++)
        waits[i] = ask(CREWI_OP_WAIT, map);
    forget(&creator, map, (uint64_t[]){waits[1], waits[1]}, 16);
    forget(&creator, map, (uint64_t[]){waits[0], waits[2]}, 15); /* nonsense */
    forget(&creator, map, NULL, 0);
    forget(&stranger, map, (uint64_t[]){0, UINT64_MAX}, 16);
    work_all();
    expect_byte(waits[0], 1);
    assert_null(fake_reply(&creator, waits[1]));
    expect_byte(waits[2], 1);
    fake_client_end(&stranger);
}

static void where_it_is(void **state)
{
    (void)state;
    uint64_t first = pool_submit(&creator, pool, 2, 1), second = pool_submit(&creator, pool, 3, 1);
    struct crewi_pool_progress progress = pool_progress(&creator, first);
    assert_true(progress.count == 2 && progress.done == 0 && progress.running && !progress.over);
    progress = pool_progress(&creator, second);
    assert_true(progress.count == 3 && !progress.over && !progress.order && !progress.wrong);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    pool_answer_failed(worker(0), first, chunk.begin, CREW_EDOMAIN, "wrong");
    progress = pool_progress(&creator, first);
    assert_true(progress.done == 1 && progress.failed == 1 && !progress.over && !progress.wrong);
    work_all();
    progress = pool_progress(&creator, first);
    assert_true(progress.done == 2 && progress.over && !progress.running && progress.wrong);
    uint64_t order = progress.order;
    progress = pool_progress(&creator, second);
    assert_true(progress.done == 3 && progress.over && !progress.wrong);
    assert_true(order != progress.order);
}

static void nothing_to_do_is_done(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 0, 0);
    expect_byte(ask(CREWI_OP_WAIT, map), 1);
    pool_expect_all(&creator, map, 0);
    assert_int_equal(maps_left(), 0);
}

/* Taking */

static void taken_twice(void **state)
{
    struct crewi_pool_outcome head;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 4, 4);
    fake_expect_refusal(&creator, ask(CREWI_RESULT_TAKE, map), CREW_ESTATE, "triple is not done");
    fake_expect_refusal(&creator, ask(CREWI_RESULT_ERRORS, map), CREW_ESTATE, "triple is not done");
    work_all();
    unsigned char first[sizeof head + 4 * sizeof(int32_t) + 4 * sizeof(uint64_t)];
    uint64_t result;
    fake_expect_reply(&creator, ask(CREWI_RESULT_TAKE, map), first, sizeof first);
    memcpy(&result, first + sizeof first - sizeof result, sizeof result);
    assert_int_equal(result, pool_result(3));
    for (int i = 0; i < 2; i++) { /* how it went is known on, the rest was handed over */
        fake_expect_reply(&creator, ask(CREWI_RESULT_TAKE, map), &head, sizeof head);
        assert_int_equal(head.status, CREW_OK);
        assert_int_equal(head.reason_size, 0);
    }
    assert_int_equal(maps_left(), 1);
    struct fake_call call = result_call(CREWI_RESULT_TAKE, map);
    call.head = "\1";
    call.head_size = 1;
    fake_call(&creator, &call, &head, sizeof head);
    assert_int_equal(maps_left(), 0);
    fake_call_refused(&creator, &call, CREW_ENOENT, "");
}

static void closed_if_good(void **state)
{
    static const unsigned char flags = CREWI_TAKE_AND_CLOSE_GOOD;
    struct crewi_pool_outcome head;
    unsigned char all[sizeof head + sizeof(int32_t) + sizeof(uint64_t)];
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 1, 1);
    struct fake_call call = result_call(CREWI_RESULT_TAKE, map);
    call.head = &flags;
    call.head_size = sizeof flags;
    work_all();
    fake_call(&creator, &call, all, sizeof all);
    assert_int_equal(maps_left(), 0);
    call.object = map = pool_submit(&creator, pool, 1, 1);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    pool_answer_failed(worker(0), map, chunk.begin, CREW_EDOMAIN, "wrong");
    fake_ask_unread(&creator, &call);
    fake_job_run(job);
    assert_int_equal(maps_left(), 1);
}

/* Without results, and without statuses. */
static void little_to_take(void **state)
{
    struct crewi_pool_submission submission = pool_submission(3, 3);
    struct crewi_pool_outcome head;
    (void)state;
    submission.wants_statuses = 0;
    uint64_t map = pool_submit_as(&creator, pool, &submission);
    work_all();
    unsigned char results[sizeof head + 3 * sizeof(uint64_t)];
    fake_expect_reply(&creator, ask(CREWI_RESULT_TAKE, map), results, sizeof results);
    submission = pool_submission(3, 3);
    submission.result_size = 0;
    map = pool_submit_as(&creator, pool, &submission);
    expect_byte(ask(CREWI_RESULT_CANCEL, map), 0);
    for (int place = 0; place < 2; place++) {
        struct crewi_pool_chunk chunk;
        struct crewi_pool_result result = {.map = map, .count = 3};
        struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
        bool stop;
        note.head = &result;
        note.head_size = sizeof result;
        if (pool_next_chunk(worker(place), &chunk, &stop))
            fake_tell(&worker(place)->client, &note);
    }
    fake_job_run(job);
    unsigned char statuses[sizeof head + 3 * sizeof(int32_t)];
    fake_expect_reply(&creator, ask(CREWI_RESULT_TAKE, map), statuses, sizeof statuses);
}

/* Failures */

static void the_first_thousand_failures(void **state)
{
    struct crewi_pool_errors errors = {0};
    uint64_t seed = 11;
    (void)state;
    for (int i = 0; i < 20000; i++) { /* also the same ones again, of which the last one counts */
        crew_task_error error = {.index = unit_random_below(&seed, 4000), .attempts = i};
        crewi_pool_keep_error(&errors, &error);
        assert_true(errors.count <= 1000);
        crew_task_error *found = crewi_pool_find_error(&errors, error.index);
        if (found)
            assert_int_equal(found->attempts, i);
        else
            assert_true(errors.list[errors.count - 1].index < error.index);
    }
    assert_int_equal(errors.count, 1000);
    for (size_t i = 1; i < errors.count; i++)
        assert_true(errors.list[i - 1].index < errors.list[i].index);
    assert_true(errors.list[999].index < 1100); /* of 4000 indexes nearly all came */
    assert_null(crewi_pool_find_error(&errors, 5000));
    free(errors.list);
}

static void failures_by_index(void **state)
{
    static crew_task_error errors[1000];
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 1100, 1);
    struct crewi_pool_chunk chunk;
    bool stop;
    for (int place = 0; !pool_progress(&creator, map).over; place ^= 1)
        while (pool_next_chunk(worker(place), &chunk, &stop))
            pool_answer_failed(worker(place), map, chunk.begin, CREW_EDOMAIN, "each");
    assert_int_equal(pool_progress(&creator, map).failed, 1100);
    pool_errors(&creator, map, 1000, errors);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(errors[i].index, i);
        assert_int_equal(errors[i].attempts, 1);
        assert_string_equal(errors[i].message, "each");
        assert_true(strncmp(errors[i].worker, "PoolWorker-", 11) == 0);
        assert_true(strncmp(errors[i].host, "node", 4) == 0);
    }
}

/* The next one that is done */

static uint64_t submit_notified(uint64_t count)
{
    struct crewi_pool_submission submission = pool_submission(count, 1);
    submission.notify = 1;
    return pool_submit_as(&creator, pool, &submission);
}

static void several_wait_for_the_next(void **state)
{
    (void)state;
    uint64_t told[4];
    for (int i = 0; i < 4; i++)
        told[i] = ask_pool(CREWI_POOL_NEXT_DONE);
    uint64_t unheard = pool_submit(&creator, pool, 1, 1);
    work_all();
    fake_expect_parked(&creator, told[0]);
    expect_byte(ask(CREWI_RESULT_NOTIFY, unheard), 0); /* too late: it is done */
    uint64_t first = submit_notified(1);
    work_all();
    expect_map(told[0], first);
    uint64_t second = pool_submit(&creator, pool, 1, 1);
    expect_byte(ask(CREWI_RESULT_NOTIFY, second), 1);
    expect_byte(ask(CREWI_RESULT_NOTIFY, second), 1);
    uint64_t third = submit_notified(0); /* done as it comes */
    expect_map(told[1], third);
    work_all();
    expect_map(told[2], second);
    fake_expect_parked(&creator, told[3]); /* each is told once */
}

static void those_that_were_done_before(void **state)
{
    uint64_t maps[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        maps[i] = submit_notified(1);
        work_all();
    }
    close_map(maps[1]);
    expect_map(ask_pool(CREWI_POOL_NEXT_DONE), maps[0]);
    expect_map(ask_pool(CREWI_POOL_NEXT_DONE), maps[2]);
    struct fake_call call = pool_call(CREWI_POOL_NEXT_DONE, pool);
    call.timeout_ns = CREWI_MILLISECOND;
    uint64_t impatient = fake_ask(&creator, &call);
    fake_expect_parked(&creator, impatient);
    fake_job_pass_time(job, CREWI_SECOND);
    fake_expect_reply(&creator, impatient, NULL, 0);
}

static void end_worker(int place)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    struct fake_child *child = worker(place);
    while (pool_next_chunk(child, &chunk, &stop))
        ;
    fake_child_ended(child, FAKE_EXIT(0));
}

/* Closed: what is under way comes first, and the end is told when the workers are gone. */
static void nothing_comes_any_more(void **state)
{
    (void)state;
    uint64_t told[3], map = submit_notified(1), late = submit_notified(1);
    for (int i = 0; i < 3; i++)
        told[i] = ask_pool(CREWI_POOL_NEXT_DONE);
    fake_expect_reply(&creator, ask_pool(CREWI_POOL_CLOSE), NULL, 0);
    for (int place = 0; place < 2; place++) {
        struct crewi_pool_chunk chunk = next_chunk(worker(place));
        pool_answer(worker(place), chunk.map, chunk.begin, chunk.count);
    }
    expect_map(told[0], map);
    expect_map(told[1], late);
    end_worker(0);
    fake_expect_parked(&creator, told[2]);
    end_worker(1);
    fake_expect_refusal(&creator, told[2], CREW_ECLOSED, "the pool has ended");
    fake_expect_refusal(&creator, ask_pool(CREWI_POOL_NEXT_DONE), CREW_ECLOSED,
                        "the pool has ended");
}

static void terminated(void **state)
{
    (void)state;
    uint64_t map = submit_notified(5), wait = ask(CREWI_OP_WAIT, map);
    fake_expect_reply(&creator, ask_pool(CREWI_POOL_TERMINATE), NULL, 0);
    expect_byte(wait, 1);
    uint64_t told = ask_pool(CREWI_POOL_NEXT_DONE), after = ask_pool(CREWI_POOL_NEXT_DONE);
    expect_map(told, map);
    fake_expect_parked(&creator, after);
    end_worker(0);
    end_worker(1);
    fake_expect_refusal(&creator, after, CREW_ECLOSED, "the pool has ended");
    assert_int_equal(pool_progress(&creator, map).wrong, 1);
    pool_take(&creator, map, 5, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
}

static void broken(void **state)
{
    (void)state;
    uint64_t map = submit_notified(5), wait = ask(CREWI_OP_WAIT, map);
    uint64_t told = ask_pool(CREWI_POOL_NEXT_DONE), after = ask_pool(CREWI_POOL_NEXT_DONE);
    job->ranks[0].spawn_status = CREW_ESYSTEM;
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
    expect_byte(wait, 1);
    expect_map(told, map);
    fake_expect_parked(&creator, after); /* a worker is not gone */
    end_worker(1);
    fake_expect_refusal(&creator, after, CREW_ECLOSED, "the pool has ended");
    pool_take(&creator, map, 5, &outcome);
    assert_int_equal(outcome.status, CREW_EBROKEN);
}

/* Closing */

static void closed_after_its_end(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 4, 1);
    work_all();
    close_map(map);
    assert_int_equal(maps_left(), 0);
    fake_expect_refusal(&creator, ask(CREWI_RESULT_CLOSE, map), CREW_ENOENT, "");
}

/* It goes on, and is gone when it is over, however that comes about. */
static void closed_under_way(void **state)
{
    (void)state;
    for (int end = 0; end < 4; end++) {
        uint64_t map = pool_submit(&creator, pool, 6, 1), wait = ask(CREWI_OP_WAIT, map);
        close_map(map);
        assert_int_equal(maps_left(), 1);
        static const uint8_t ops[] = {
            CREWI_OP_WAIT,       CREWI_RESULT_PROGRESS, CREWI_RESULT_TAKE, CREWI_RESULT_ERRORS,
            CREWI_RESULT_NOTIFY, CREWI_RESULT_CANCEL,   CREWI_RESULT_KILL, CREWI_RESULT_CLOSE};
        for (size_t i = 0; i < sizeof ops; i++)
            fake_expect_refusal(&creator, ask(ops[i], map), CREW_ENOENT, "the result was closed");
        if (end == 1)
            fake_expect_reply(&creator, ask_pool(CREWI_POOL_CANCEL), NULL, 0);
        if (end == 2) {
            fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
            replacement(0);
        }
        if (end == 3)
            fake_expect_reply(&creator, ask_pool(CREWI_POOL_TERMINATE), NULL, 0);
        else
            work_all();
        expect_byte(wait, 1); /* who waited before hears of it */
        assert_int_equal(maps_left(), 0);
    }
}

static void several_closed_at_once(void **state)
{
    uint64_t maps[6];
    (void)state;
    for (int i = 0; i < 6; i++)
        maps[i] = pool_submit(&creator, pool, 10, 1);
    for (int i = 0; i < 6; i += 2)
        close_map(maps[i]);
    fake_expect_reply(&creator, ask_pool(CREWI_POOL_CANCEL), NULL, 0);
    work_all();
    assert_int_equal(maps_left(), 3);
    for (int i = 1; i < 6; i += 2)
        assert_int_equal(pool_progress(&creator, maps[i]).over, 1);
}

/* Who may */

static void only_its_creator(void **state)
{
    struct fake_client stranger;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 4, 1);
    fake_client_begin(&stranger, job, 1);
    for (int op = CREWI_RESULT_PROGRESS; op <= CREWI_RESULT_CLOSE; op++) {
        struct fake_call call = result_call((uint8_t)op, map);
        fake_call_refused(&stranger, &call, CREW_EPERM, "only the process that made a result");
        fake_call_refused(&worker(0)->client, &call, CREW_EPERM, "only the process that made");
    }
    struct fake_call wait = result_call(CREWI_OP_WAIT, map);
    fake_call_refused(&stranger, &wait, CREW_EPERM, "only the process that made a result");
    work_all();
    pool_expect_all(&creator, map, 4);
    fake_client_end(&stranger);
}

static void what_results_cannot_do(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 1, 1);
    fake_expect_refusal(&creator, ask(CREWI_RESULT_FETCH + 1, map), CREW_EPROTO,
                        "a result has no operation");
    struct fake_call call = result_call(CREWI_RESULT_PROGRESS, 0);
    fake_call_refused(&creator, &call, CREW_EPROTO, "there is no operation");
    work_all();
}

static void gone_with_its_pool(void **state)
{
    (void)state;
    uint64_t map = submit_notified(4);
    work_all();
    fake_expect_reply(&creator, ask_pool(CREWI_POOL_CLOSE), NULL, 0);
    end_worker(0);
    end_worker(1);
    fake_expect_reply(&creator, ask_pool(CREWI_POOL_DESTROY), NULL, 0);
    for (int op = CREWI_RESULT_PROGRESS; op <= CREWI_RESULT_CLOSE; op++)
        fake_expect_refusal(&creator, ask((uint8_t)op, map), CREW_ENOENT, "");
    fake_expect_refusal(&creator, ask_pool(CREWI_POOL_NEXT_DONE), CREW_ENOENT, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_who_wait_hear_of_it),
        TEST(who_forgets_hears_nothing),
        TEST(where_it_is),
        TEST(nothing_to_do_is_done),
        TEST(taken_twice),
        TEST(closed_if_good),
        TEST(little_to_take),
        cmocka_unit_test(the_first_thousand_failures),
        TEST(failures_by_index),
        TEST(several_wait_for_the_next),
        TEST(those_that_were_done_before),
        TEST(nothing_comes_any_more),
        TEST(terminated),
        TEST(broken),
        TEST(closed_after_its_end),
        TEST(closed_under_way),
        TEST(several_closed_at_once),
        TEST(only_its_creator),
        TEST(what_results_cannot_do),
        TEST(gone_with_its_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
