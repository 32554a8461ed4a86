/* SPDX-License-Identifier: BSD-3-Clause */
/* Work stealing: from whom, how much, for whom, and when not. */
#include "base/clock.h"
#include "stealing.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define MS CREWI_MILLISECOND

static struct stealing test;

static int begin(void **state)
{
    (void)state;
    stealing_begin(&test, 2, 0);
    return 0;
}

static int begin_four(void **state)
{
    (void)state;
    stealing_begin(&test, 4, 0);
    return 0;
}

static int begin_retiring(void **state)
{
    (void)state;
    stealing_begin(&test, 2, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stealing_end(&test);
    return 0;
}

static struct fake_child *worker(int place)
{
    return stealing_worker(&test, place);
}

static uint64_t submit_static(uint64_t count)
{
    struct crewi_pool_submission submission = pool_submission(count, 0);
    submission.schedule = CREW_SCHEDULE_STATIC;
    return pool_submit_as(&test.creator, test.pool, &submission);
}

/* The worker claims all that it has of a chunk, and answers for it. */
static void finish(struct fake_child *child, const struct crewi_pool_chunk *chunk, uint64_t done)
{
    uint64_t claimed = stealing_claim(child, chunk, CREWI_CLAIM_TASKS);
    assert_int_equal(stealing_left(child, chunk), 0);
    if (done + claimed)
        pool_answer(child, chunk->map, chunk->begin, done + claimed);
}

static void half_of_what_is_not_begun(void **state)
{
    (void)state;
    uint64_t map = submit_static(20);
    struct crewi_pool_chunk slow = stealing_chunk(worker(0)), quick = stealing_chunk(worker(1));
    assert_int_equal(slow.count, 10);
    assert_int_equal(stealing_claim(worker(0), &slow, 1), 1);
    finish(worker(1), &quick, 0);
    struct crewi_pool_chunk stolen = stealing_chunk(worker(1));
    assert_int_equal(stolen.begin, slow.begin + 5); /* nine, of which it keeps four */
    assert_int_equal(stolen.count, 5);
    assert_int_equal(stealing_left(worker(0), &slow), 4);
    assert_int_equal(stealing_at_home(&test, 0)->outstanding[0].left, 4);
    finish(worker(1), &stolen, 0); /* and half of the four */
    stolen = stealing_chunk(worker(1));
    assert_int_equal(stolen.begin, slow.begin + 3);
    assert_int_equal(stolen.count, 2);
    assert_int_equal(stealing_claim(worker(1), &stolen, 2), 2);
    finish(worker(0), &slow, 1);
    pool_answer(worker(1), map, stolen.begin, 2);
    pool_expect_all(&test.creator, map, 20);
}

/* It has begun nothing: its first task is left to it. */
static void of_one_that_has_not_begun(void **state)
{
    (void)state;
    uint64_t map = submit_static(4);
    struct crewi_pool_chunk quick = stealing_chunk(worker(1)), stolen;
    bool stop;
    finish(worker(1), &quick, 0);
    stolen = stealing_chunk(worker(1));
    assert_int_equal(stolen.begin, 1);
    assert_int_equal(stolen.count, 1);
    finish(worker(1), &stolen, 0);
    assert_false(pool_next_chunk(worker(1), &stolen, &stop));
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 4);
}

/* Tasks so short that eight are in hand, and then one that is long: all others get to somebody
 * else, and what the worker is in stays with it. */
static void behind_a_long_task(void **state)
{
    struct crewi_pool_chunk chunks[CREWI_WORKER_CHUNKS], chunk;
    uint32_t count = 0;
    bool stop;
    (void)state;
    uint64_t map = pool_submit(&test.creator, test.pool, 60, 1);
    chunk = stealing_chunk(worker(0));
    assert_int_equal(stealing_claim(worker(0), &chunk, 1), 1);
    stealing_tell(&test, worker(0), map, chunk.begin, 1, 35 * CREWI_MICROSECOND);
    fake_job_run(test.job);
    while (count < CREWI_WORKER_CHUNKS && pool_next_chunk(worker(0), &chunks[count], &stop))
        count++;
    assert_int_equal(count, CREWI_WORKER_CHUNKS);
    assert_int_equal(stealing_claim(worker(0), &chunks[0], 1), 1);
    while (pool_next_chunk(worker(1), &chunk, &stop)) {
        uint64_t claimed = stealing_claim(worker(1), &chunk, 1);
        assert_int_equal(claimed, 1);
        /* It turns out that they are not that short. */
        stealing_tell(&test, worker(1), map, chunk.begin, 1, 2 * MS);
        fake_job_run(test.job);
    }
    assert_int_equal(pool_progress(&test.creator, map).done, 59);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(stealing_left(worker(0), &chunks[i]), 0);
    pool_answer(worker(0), map, chunks[0].begin, 1);
    pool_expect_all(&test.creator, map, 60);
}

/* The rank of the worker takes tasks back, its results are sent before or after that, and arrive in
 * that order. */
static void in_either_order(void **state)
{
    (void)state;
    for (int results_first = 0; results_first < 2; results_first++) {
        uint64_t map = submit_static(20);
        struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
        assert_ptr_equal(worker(1)->client.rank, &test.job->ranks[1]);
        struct fake_child *child = worker(1);
        assert_int_equal(stealing_claim(child, &slow, 3), 3);
        stealing_claim(worker(0), &quick, 10);
        stealing_tell(&test, worker(0), map, quick.begin, 10, 10 * MS);
        stealing_run_rank(&test, 0); /* which asks */
        assert_true(stealing_at_home(&test, 1)->steal_serves > 0);
        if (!results_first)
            stealing_run_rank(&test, 1);
        stealing_tell(&test, child, map, slow.begin, 3, 3 * MS);
        stealing_run_rank(&test, 1);
        assert_int_equal(stealing_left(child, &slow), 3);
        stealing_run_rank(&test, 0);
        assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].range.count, 3);
        assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].range.begin, slow.begin + 3);
        assert_int_equal(stealing_claim(child, &slow, 10), 3);
        stealing_tell(&test, child, map, slow.begin + 3, 3, 3 * MS);
        stealing_work_all(&test);
        pool_expect_all(&test.creator, map, 20);
    }
}

/* It has sent all its results before anybody knows that the others are gone: the chunk is over when
 * that is heard, and the worker gets another one. */
static void after_the_last_result(void **state)
{
    (void)state;
    uint64_t map = submit_static(20);
    struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
    struct fake_child *child = worker(1);
    assert_int_equal(stealing_claim(child, &slow, 1), 1);
    stealing_claim(worker(0), &quick, 10);
    stealing_tell(&test, worker(0), map, quick.begin, 10, 10 * MS);
    stealing_run_rank(&test, 0);
    struct crewi_frame *asked = crewi_frames_pop(&test.job->ranks[1].wire);
    assert_int_equal(asked->header.op, CREWI_POOL_STEAL);
    struct crewi_pool_steal steal;
    memcpy(&steal, asked->payload, sizeof steal);
    steal.shares = 1000; /* all that it has not begun */
    memcpy(asked->payload, &steal, sizeof steal);
    crewi_engine_accept(fake_engine(test.job, 1), asked);
    stealing_tell(&test, child, map, slow.begin, 1, MS);
    crewi_engine_run(fake_engine(test.job, 1), test.job->now_ns);
    assert_int_equal(stealing_claim(child, &slow, 1), 0);
    fake_job_run(test.job);
    assert_int_equal(pool_progress(&test.creator, map).done, 11);
    for (uint32_t i = 0; i < stealing_at_home(&test, 1)->outstanding_count; i++)
        assert_true(stealing_at_home(&test, 1)->outstanding[i].key.generation !=
                    slow.key.generation);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 20);
}

/* All tasks are one chunk: those who got none share it, before it was begun. */
static void several_share(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&test.creator, test.pool, 101, 101), next = 25;
    struct crewi_pool_chunk slow = stealing_chunk(worker(0)), chunks[4];
    assert_int_equal(slow.count, 101);
    assert_int_equal(stealing_left(worker(0), &slow), 25);
    for (int place = 1; place < 4; place++) {
        chunks[place] = stealing_chunk(worker(place));
        assert_in_range(chunks[place].begin, 25, 76);
        assert_in_range(chunks[place].count, 25, 26);
        next += chunks[place].count;
        assert_true(stealing_claim(worker(place), &chunks[place], 26) >= 25);
    }
    assert_int_equal(next, 101);
    assert_int_equal(stealing_claim(worker(0), &slow, 101), 25);
    for (int place = 1; place < 4; place++)
        pool_answer(worker(place), map, chunks[place].begin, chunks[place].count);
    pool_answer(worker(0), map, 0, 25);
    pool_expect_all(&test.creator, map, 101);
}

/* A chunk that is to be shared is sent by itself, so that what asks for that comes behind it. */
static void not_in_a_scatter(void **state)
{
    struct crewi_pool_submission submission = pool_submission(101, 101);
    (void)state;
    test.job->can_scatter = true;
    uint64_t first = pool_submit(&test.creator, test.pool, 1, 1), scattered = test.job->scattered;
    uint64_t map = pool_submit_as(&test.creator, test.pool, &submission);
    assert_int_equal(test.job->scattered, scattered);
    assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].range.count, 33);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 101);
    pool_expect_all(&test.creator, first, 1);
    submission.no_stealing = 1;
    first = pool_submit(&test.creator, test.pool, 1, 1);
    scattered = test.job->scattered;
    map = pool_submit_as(&test.creator, test.pool, &submission);
    assert_int_equal(test.job->scattered, scattered + 1);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 101);
    pool_expect_all(&test.creator, first, 1);
}

/* Whoever was heard of just now has done less of what it has. */
static void from_the_latest(void **state)
{
    struct fake_child *children[4];
    struct crewi_pool_chunk chunks[4];
    (void)state;
    uint64_t map = submit_static(80);
    for (int place = 0; place < 4; place++) {
        children[place] = worker(place);
        chunks[place] = stealing_chunk(children[place]);
    }
    fake_job_pass_time(test.job, 10 * MS);
    assert_int_equal(stealing_claim(children[3], &chunks[3], 2), 2);
    pool_answer(children[3], map, chunks[3].begin, 1);
    stealing_claim(children[0], &chunks[0], 20);
    stealing_tell(&test, children[0], map, chunks[0].begin, 20, 20 * MS);
    stealing_run_rank(&test, 0);
    assert_int_equal(stealing_at_home(&test, 3)->steal_serves, 1);
    assert_int_equal(stealing_home(&test)->steal_serves, 1);
    fake_job_run(test.job);
    assert_int_equal(stealing_claim(children[3], &chunks[3], 20), 9);
    pool_answer(children[3], map, chunks[3].begin + 1, 10);
}

/* What a worker had that has died goes to one of those that are idle, and is shared at once. */
static void what_came_back_is_shared(void **state)
{
    uint32_t size;
    (void)state;
    struct fake_child *victim = worker(0);
    victim->client.base.claims = NULL; /* so that it keeps it */
    uint64_t map = pool_submit(&test.creator, test.pool, 61, 61);
    struct crewi_pool_chunk chunk = stealing_chunk(victim);
    assert_int_equal(chunk.count, 61);
    void *draft = pool_draft(map, 0, 61, 0, &size);
    fake_child_ended_with(victim, FAKE_SIGNAL(9), draft, size, 0);
    free(draft);
    for (int place = 1; place < 4; place++) {
        chunk = stealing_chunk(worker(place));
        assert_int_equal(stealing_left(worker(place), &chunk), 20);
    }
}

/* What asks for them may overtake the tasks: the worker is asked again, but not at once. */
static void before_the_chunk_is_there(void **state)
{
    (void)state;
    struct crewi_pool_submission submission = pool_submission(20, 0);
    submission.schedule = CREW_SCHEDULE_STATIC;
    struct fake_child *quick = worker(0), *slow = worker(1);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, test.pool);
    unsigned char items[20 * sizeof(uint64_t)] = {0};
    uint64_t map;
    call.head = &submission;
    call.head_size = sizeof submission;
    call.body = items;
    call.body_size = sizeof items;
    uint64_t request = fake_ask(&test.creator, &call);
    stealing_run_rank(&test, 0);
    struct crewi_frame *late = crewi_frames_pop(&test.job->ranks[1].wire);
    assert_int_equal(late->header.op, CREWI_POOL_CHUNK);
    fake_expect_reply(&test.creator, request, &map, sizeof map);
    crewi_frame_destroy(fake_delivery(&quick->client));
    stealing_tell(&test, quick, map, 0, 5, 5 * MS);
    fake_job_run(test.job);
    stealing_tell(&test, quick, map, 5, 5, 5 * MS);
    fake_job_run(test.job);
    assert_int_equal(stealing_at_home(&test, 1)->steal_serves, 0); /* it was, and said so */
    assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].left, 10);
    assert_int_equal(stealing_at_home(&test, 1)->ask_ns, test.job->now_ns + MS);
    crewi_frames_push(&test.job->ranks[1].wire, late);
    fake_job_pass_time(test.job, 2 * MS);
    struct crewi_frame *frame = fake_delivery(&slow->client);
    struct crewi_pool_chunk chunk, stolen;
    memcpy(&chunk, frame->payload, sizeof chunk);
    crewi_frame_destroy(frame);
    assert_int_equal(stealing_claim(slow, &chunk, 1), 1);
    pool_answer(slow, map, 10, 1);
    frame = fake_delivery(&quick->client);
    assert_non_null(frame);
    memcpy(&stolen, frame->payload, sizeof stolen);
    crewi_frame_destroy(frame);
    assert_int_equal(stolen.begin, 15); /* of nine, five */
    assert_int_equal(stealing_claim(slow, &chunk, 10), 4);
    assert_int_equal(stealing_claim(quick, &stolen, 10), 5);
    pool_answer(slow, map, 11, 4);
    pool_answer(quick, map, 15, 5);
    pool_expect_all(&test.creator, map, 20);
}

/* Two of four have much to do: each is asked once, for one of the two that are idle. */
static void each_victim_once(void **state)
{
    (void)state;
    uint64_t map = submit_static(80);
    struct crewi_pool_chunk chunks[4];
    struct fake_child *children[4];
    for (int place = 0; place < 4; place++) {
        children[place] = worker(place);
        chunks[place] = stealing_chunk(children[place]);
    }
    stealing_claim(children[1], &chunks[1], 1);
    stealing_claim(children[3], &chunks[3], 1);
    stealing_claim(children[0], &chunks[0], 20);
    stealing_claim(children[2], &chunks[2], 20);
    stealing_tell(&test, children[0], map, chunks[0].begin, 20, 20 * MS);
    stealing_tell(&test, children[2], map, chunks[2].begin, 20, 20 * MS);
    stealing_run_rank(&test, 0);
    assert_int_equal(stealing_home(&test)->steal_serves, 2);
    assert_int_equal(stealing_at_home(&test, 1)->steal_serves, 1);
    assert_int_equal(stealing_at_home(&test, 3)->steal_serves, 1);
    fake_job_run(test.job);
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
    for (int place = 0; place < 4; place += 2) {
        chunks[place] = stealing_chunk(children[place]);
        assert_int_equal(chunks[place].count, 10);
    }
    for (int place = 0; place < 4; place++)
        finish(children[place], &chunks[place], (uint64_t)place % 2);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 80);
}

static void expect_nothing_asked(uint64_t carried)
{
    assert_int_equal(test.job->carried, carried);
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
}

/* What the other one has takes less than the exchange. */
static void not_for_short_tasks(void **state)
{
    (void)state;
    uint64_t map = submit_static(200);
    struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
    stealing_claim(worker(0), &quick, 100);
    stealing_tell(&test, worker(0), map, quick.begin, 100, 100 * CREWI_MICROSECOND);
    uint64_t carried = test.job->carried;
    fake_job_run(test.job);
    expect_nothing_asked(carried);
    finish(worker(1), &slow, 0);
    pool_expect_all(&test.creator, map, 200);
}

/* Nor from one whose tasks are recalled. It leaves the list of those that spare when it is looked
 * at: only so many are looked at each time. */
static void not_what_is_recalled(void **state)
{
    unsigned char whole;
    (void)state;
    const uint32_t *sparing = &stealing_home(&test)->listed_count[CREWI_WORKERS_SPARING];
    uint64_t map = submit_static(200);
    struct fake_child *child = worker(0);
    struct crewi_pool_chunk quick = stealing_chunk(child);
    stealing_claim(child, &quick, 100);
    stealing_tell(&test, child, map, quick.begin, 100, 100 * CREWI_MICROSECOND);
    fake_job_run(test.job);
    uint64_t single = pool_submit(&test.creator, test.pool, 1, 1);
    quick = stealing_chunk(child);
    assert_int_equal(*sparing, 1);
    struct fake_call call = result_call(CREWI_RESULT_CANCEL, map);
    uint64_t request = fake_ask(&test.creator, &call);
    stealing_run_rank(&test, 0); /* and rank 1 has not heard of it */
    assert_int_equal(stealing_claim(child, &quick, 1), 1);
    stealing_tell(&test, child, single, 0, 1, CREWI_MICROSECOND);
    stealing_run_rank(&test, 0);
    assert_true(stealing_at_home(&test, 1)->recalls);
    assert_int_equal(stealing_home(&test)->listed_count[CREWI_WORKERS_IDLE], 1);
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
    assert_int_equal(*sparing, 0);
    fake_expect_reply(&test.creator, request, &whole, 1);
    pool_expect_all(&test.creator, single, 1);
}

/* It turns out that less is left than could be. */
static void not_for_the_rest(void **state)
{
    (void)state;
    uint64_t map = submit_static(200);
    struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
    stealing_claim(worker(1), &slow, 97);
    stealing_claim(worker(0), &quick, 100);
    stealing_tell(&test, worker(0), map, quick.begin, 100, 5 * MS);
    stealing_run_rank(&test, 0);
    assert_int_equal(stealing_home(&test)->steal_serves, 1);
    fake_job_run(test.job);
    assert_int_equal(stealing_left(worker(1), &slow), 3);
    assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].left, 3);
    finish(worker(1), &slow, 97);
    pool_expect_all(&test.creator, map, 200);
}

static void not_if_it_is_not_wanted(void **state)
{
    struct crewi_pool_submission submission = pool_submission(20, 0);
    (void)state;
    submission.schedule = CREW_SCHEDULE_STATIC;
    submission.no_stealing = 1;
    uint64_t map = pool_submit_as(&test.creator, test.pool, &submission);
    struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
    stealing_claim(worker(0), &quick, 10);
    stealing_tell(&test, worker(0), map, quick.begin, 10, 10 * MS);
    uint64_t carried = test.job->carried;
    fake_job_run(test.job);
    expect_nothing_asked(carried);
    finish(worker(1), &slow, 0);
    pool_expect_all(&test.creator, map, 20);
}

/* Of the first task of the only chunk the worker is said to be in it. */
static void not_the_last_task(void **state)
{
    (void)state;
    uint64_t map = submit_static(2);
    struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
    stealing_claim(worker(0), &quick, 1);
    stealing_tell(&test, worker(0), map, quick.begin, 1, 10 * MS);
    uint64_t carried = test.job->carried;
    fake_job_run(test.job);
    expect_nothing_asked(carried);
    finish(worker(1), &slow, 0);
    pool_expect_all(&test.creator, map, 2);
}

/* A worker that could not say what it has begun is asked once for each chunk, and keeps it. */
static void not_of_one_that_does_not_claim(void **state)
{
    (void)state;
    worker(1)->client.base.claims = NULL;
    uint64_t map = submit_static(20);
    struct crewi_pool_chunk quick = stealing_chunk(worker(0)), slow = stealing_chunk(worker(1));
    stealing_claim(worker(0), &quick, 10);
    pool_answer(worker(0), map, quick.begin, 10);
    assert_int_equal(stealing_at_home(&test, 1)->outstanding[0].left, 0);
    pool_answer(worker(1), map, slow.begin, 10);
    pool_expect_all(&test.creator, map, 20);
}

/* A chunk that was taken back before it was begun is none that the worker was given. */
static void what_was_not_begun_does_not_count(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&test.creator, test.pool, 40, 10);
    struct fake_child *slow = worker(0), *quick = worker(1);
    struct crewi_pool_chunk chunks[2] = {stealing_chunk(slow), stealing_chunk(slow)}, chunk;
    bool stop;
    assert_int_equal(stealing_at_home(&test, 0)->chunks, 2);
    assert_int_equal(stealing_claim(slow, &chunks[0], 1), 1);
    for (int i = 0; i < 2; i++) {
        chunk = stealing_chunk(quick);
        finish(quick, &chunk, 0);
    }
    chunk = stealing_chunk(quick); /* all of the second chunk: its third one */
    assert_int_equal(chunk.begin, chunks[1].begin);
    assert_int_equal(chunk.count, 10);
    assert_int_equal(stealing_at_home(&test, 0)->chunks, 1);
    finish(quick, &chunk, 0);
    assert_false(pool_next_chunk(quick, &chunk, &stop));
    assert_true(stop);
    assert_int_equal(stealing_at_home(&test, 1)->state, CREWI_WORKER_RETIRING);
    fake_child_ended(quick, FAKE_EXIT(0));
    pool_start_all(test.job);
    pool_ready(worker(1)); /* which takes over at once */
    chunk = stealing_chunk(worker(1));
    assert_int_equal(chunk.begin, chunks[0].begin + 5);
    finish(worker(1), &chunk, 0);
    finish(slow, &chunks[0], 1);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 40);
}

/* Slots are used again; what is left of chunks that were in them means nothing. */
static void slots_again(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&test.creator, test.pool, 40, 10);
    struct fake_child *slow = worker(0), *quick = worker(1);
    struct crewi_pool_chunk first = stealing_chunk(slow), second = stealing_chunk(slow), chunk;
    assert_int_equal(stealing_claim(slow, &first, 1), 1);
    for (int i = 0; i < 2; i++) {
        chunk = stealing_chunk(quick);
        finish(quick, &chunk, 0);
    }
    chunk = stealing_chunk(quick);
    assert_int_equal(chunk.begin, second.begin);
    uint64_t next = pool_submit(&test.creator, test.pool, 40, 10);
    struct crewi_pool_chunk later = stealing_chunk(slow);
    assert_int_equal(later.map, next);
    assert_int_equal(later.key.slot, second.key.slot);
    assert_int_equal(stealing_claim(slow, &second, 10), 0); /* it gets to it now */
    assert_int_equal(stealing_claim(slow, &later, 3), 3);
    finish(slow, &first, 1);
    finish(slow, &later, 3);
    finish(quick, &chunk, 0);
    stealing_work_all(&test);
    pool_expect_all(&test.creator, map, 40);
    pool_expect_all(&test.creator, next, 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(half_of_what_is_not_begun),
        TEST(of_one_that_has_not_begun),
        TEST(behind_a_long_task),
        TEST(in_either_order),
        TEST(after_the_last_result),
        cmocka_unit_test_setup_teardown(several_share, begin_four, end),
        cmocka_unit_test_setup_teardown(each_victim_once, begin_four, end),
        cmocka_unit_test_setup_teardown(not_in_a_scatter, begin_four, end),
        cmocka_unit_test_setup_teardown(from_the_latest, begin_four, end),
        cmocka_unit_test_setup_teardown(what_came_back_is_shared, begin_four, end),
        TEST(before_the_chunk_is_there),
        TEST(not_for_the_rest),
        TEST(not_for_short_tasks),
        TEST(not_what_is_recalled),
        TEST(not_if_it_is_not_wanted),
        TEST(not_the_last_task),
        TEST(not_of_one_that_does_not_claim),
        cmocka_unit_test_setup_teardown(what_was_not_begun_does_not_count, begin_retiring, end),
        TEST(slots_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
