/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a pool: closed, terminated, destroyed, or left behind by its creator. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;
static struct pool_outcome outcome;
static struct fake_child *workers[3];
static uint64_t pool;
static size_t objects_before;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    objects_before = fake_engine(job, 0)->objects.count;
    pool = pool_open(&creator, 3);
    for (int place = 0; place < 3; place++)
        workers[place] = pool_worker(&creator, pool, place);
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

static uint64_t ask(uint8_t op)
{
    struct fake_call call = pool_call(op, pool);
    return fake_ask(&creator, &call);
}

static void call(uint8_t op)
{
    fake_expect_reply(&creator, ask(op), NULL, 0);
}

static void refused(uint8_t op, crew_status status, const char *text)
{
    fake_expect_refusal(&creator, ask(op), status, text);
}

static void submit_refused(crew_status status, const char *text)
{
    struct crewi_pool_submission submission = {.count = 0, .item_size = 1};
    struct fake_call submit = pool_call(CREWI_POOL_SUBMIT, pool);
    submit.head = &submission;
    submit.head_size = sizeof submission;
    fake_call_refused(&creator, &submit, status, text);
}

static bool told_to_stop(struct fake_child *worker)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    assert_false(pool_next_chunk(worker, &chunk, &stop));
    return stop;
}

static void close_and_join(void **state)
{
    (void)state;
    refused(CREWI_POOL_JOIN, CREW_ESTATE, "close or terminate it first");
    call(CREWI_POOL_CLOSE);
    submit_refused(CREW_ESTATE, "the pool was closed");
    uint64_t join = ask(CREWI_POOL_JOIN);
    for (int i = 0; i < 3; i++) {
        fake_expect_parked(&creator, join);
        assert_true(told_to_stop(workers[i]));
        assert_int_equal(workers[i]->signals, 0);
        fake_child_ended(workers[i], FAKE_EXIT(0));
    }
    fake_expect_reply(&creator, join, NULL, 0);
    call(CREWI_POOL_JOIN); /* twice is fine */
    call(CREWI_POOL_CLOSE);
    call(CREWI_POOL_TERMINATE);
    call(CREWI_POOL_DESTROY);
    refused(CREWI_POOL_JOIN, CREW_ENOENT, "no such pool");
    assert_int_equal(fake_engine(job, 0)->objects.count, objects_before);
}

static void close_with_work_left(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 90, 10);
    call(CREWI_POOL_CLOSE);
    uint64_t join = ask(CREWI_POOL_JOIN);
    for (int i = 0; i < 20; i++) { /* one does it all but for what the others have in hand */
        struct crewi_pool_chunk chunk;
        bool stop;
        if (pool_next_chunk(workers[0], &chunk, &stop))
            pool_answer(workers[0], map, chunk.begin, chunk.count);
        assert_false(stop);
    }
    fake_child_ended(workers[1], FAKE_SIGNAL(SIGKILL)); /* with chunks: it is replaced */
    pool_start_all(job);
    struct fake_child *next = pool_worker(&creator, pool, 1);
    assert_ptr_not_equal(next, workers[1]);
    pool_ready(next);
    struct fake_child *busy[] = {workers[0], next, workers[2]};
    for (int i = 0; i < 3; i++) {
        struct crewi_pool_chunk chunk;
        bool stop;
        while (pool_next_chunk(busy[i], &chunk, &stop)) {
            assert_int_equal(pool_progress(&creator, map).over, 0);
            pool_answer(busy[i], map, chunk.begin, chunk.count);
        }
    }
    pool_expect_all(&creator, map, 90);
    for (int i = 0; i < 3; i++) {
        fake_expect_parked(&creator, join);
        fake_child_ended(busy[i], FAKE_EXIT(0));
    }
    fake_expect_reply(&creator, join, NULL, 0);
}

/* A worker that starts in place of another finds that there is nothing to do any more. */
static void ready_after_the_close(void **state)
{
    (void)state;
    fake_child_ended(workers[1], FAKE_SIGNAL(SIGKILL));
    call(CREWI_POOL_CLOSE);
    pool_start_all(job);
    struct fake_child *late = pool_worker(&creator, pool, 1);
    pool_ready(late);
    assert_true(told_to_stop(late));
    uint64_t join = ask(CREWI_POOL_JOIN);
    fake_child_ended(late, 0);
    fake_child_ended(workers[0], 0);
    fake_child_ended(workers[2], 0);
    fake_expect_reply(&creator, join, NULL, 0);
}

static void one_that_dies_instead_of_stopping(void **state)
{
    (void)state;
    call(CREWI_POOL_CLOSE);
    uint64_t join = ask(CREWI_POOL_JOIN);
    for (int i = 0; i < 3; i++)
        fake_child_ended(workers[i], FAKE_SIGNAL(SIGSEGV)); /* none is replaced */
    fake_expect_reply(&creator, join, NULL, 0);
    assert_int_equal(job->ranks[0].child_count + job->ranks[1].child_count, 3);
}

static void terminate_with_maps_under_way(void **state)
{
    (void)state;
    uint64_t done = pool_submit(&creator, pool, 3, 1);
    for (int i = 0; i < 3; i++)
        pool_work(workers[i]);
    uint64_t one = pool_submit(&creator, pool, 15, 10), two = pool_submit(&creator, pool, 10, 1000);
    struct fake_call wait = result_call(CREWI_OP_WAIT, one);
    uint64_t waiting = fake_ask(&creator, &wait);
    fake_expect_parked(&creator, waiting);
    call(CREWI_POOL_TERMINATE);
    fake_expect_reply(&creator, waiting, NULL, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(workers[i]->signal, SIGKILL);
    pool_answer(workers[0], one, 0, 10); /* on its way before the signal */
    assert_int_equal(workers[0]->signals, 1);
    assert_int_equal(pool_progress(&creator, one).done, 0);
    pool_take(&creator, one, 15, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    assert_string_equal(outcome.reason, "triple: the pool was terminated");
    for (int i = 0; i < 15; i++) {
        assert_int_equal(outcome.statuses[i], CREW_ECANCELED);
        assert_int_equal(outcome.results[i], 0);
    }
    pool_take(&creator, two, 10, &outcome);
    assert_int_equal(outcome.status, CREW_ECANCELED);
    pool_expect_all(&creator, done, 3); /* what was done is there */
    submit_refused(CREW_ESTATE, "the pool was terminated");
    uint64_t join = ask(CREWI_POOL_JOIN);
    refused(CREWI_POOL_DESTROY, CREW_ESTATE, "terminate and join it first");
    for (int i = 0; i < 3; i++) {
        fake_expect_parked(&creator, join);
        fake_child_ended(workers[i], FAKE_SIGNAL(SIGKILL));
    }
    fake_expect_reply(&creator, join, NULL, 0);
    call(CREWI_POOL_DESTROY);
    assert_int_equal(fake_engine(job, 0)->objects.count, objects_before);
}

static uint64_t ask_end(int32_t number)
{
    struct fake_call asked = pool_call(CREWI_POOL_END_WORKERS, pool);
    asked.head = &number;
    asked.head_size = sizeof number;
    return fake_ask(&creator, &asked);
}

/* What waits is cancelled at once, and so is what a worker has and has not begun; what it was in is
 * broken when it ends. */
static void end_those_who_are_busy(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 90, 10);
    void *draft = pool_draft(map, 0, 10, 4, &size);
    for (int i = 0; i < 2; i++) /* twice is fine */
        fake_expect_reply(&creator, ask_end(SIGTERM), NULL, 0);
    submit_refused(CREW_ESTATE, "the workers of the pool were ended");
    for (int i = 0; i < 3; i++)
        assert_int_equal(workers[i]->signal, SIGTERM);
    assert_int_equal(pool_progress(&creator, map).over, 0);
    uint64_t join = ask(CREWI_POOL_JOIN);
    fake_child_ended_with(workers[0], FAKE_SIGNAL(SIGTERM), draft, size, 4);
    free(draft);
    for (int i = 1; i < 3; i++) {
        fake_expect_parked(&creator, join);
        fake_child_ended(workers[i], FAKE_SIGNAL(SIGTERM));
    }
    fake_expect_reply(&creator, join, NULL, 0);
    assert_int_equal(job->ranks[0].child_count + job->ranks[1].child_count, 3); /* none replaced */
    pool_take(&creator, map, 90, &outcome);
    assert_int_equal(outcome.status, CREW_EBROKEN);
    assert_non_null(strstr(outcome.reason, "task 4 of triple: its worker was killed by signal 15"));
    for (int i = 0; i < 90; i++)
        assert_int_equal(outcome.statuses[i], i < 4    ? CREW_OK
                                              : i == 4 ? CREW_EBROKEN
                                                       : CREW_ECANCELED);
    call(CREWI_POOL_DESTROY);
    assert_int_equal(fake_engine(job, 0)->objects.count, objects_before);
}

/* One that ignores the signal finishes what it has, and is told to stop then; so is one that was
 * starting. */
static void end_those_who_do_not_care(void **state)
{
    (void)state;
    struct crewi_pool_chunk chunk;
    bool stop;
    fake_child_ended(workers[1], FAKE_SIGNAL(SIGKILL));
    struct fake_child *late = pool_worker(&creator, pool, 1);
    uint64_t map = pool_submit(&creator, pool, 1, 1);
    fake_expect_reply(&creator, ask_end(SIGTERM), NULL, 0);
    assert_int_equal(late->signal, SIGTERM);
    fake_child_started(late, 5);
    pool_ready(late);
    assert_true(pool_next_chunk(workers[0], &chunk, &stop));
    assert_false(told_to_stop(workers[0]));
    pool_answer(workers[0], map, 0, 1);
    assert_true(told_to_stop(workers[0]));
    assert_true(told_to_stop(workers[2]));
    assert_true(told_to_stop(late));
    pool_expect_all(&creator, map, 1);
    fake_child_ended(workers[0], 0);
    fake_child_ended(workers[2], 0);
    fake_child_ended(late, 0);
    call(CREWI_POOL_JOIN);
}

static void end_by_what_is_no_end(void **state)
{
    (void)state;
    fake_expect_refusal(&creator, ask_end(SIGUSR1), CREW_EPROTO, "no signal that ends workers");
    refused(CREWI_POOL_END_WORKERS, CREW_EPROTO, "no signal that ends workers");
    call(CREWI_POOL_TERMINATE);
    fake_expect_reply(&creator, ask_end(SIGKILL), NULL, 0); /* it has ended as it is */
    for (int i = 0; i < 3; i++)
        assert_int_equal(workers[i]->signals, 0);
    submit_refused(CREW_ESTATE, "the pool was terminated");
}

static void terminate_those_who_start(void **state)
{
    (void)state;
    fake_child_ended(workers[1], FAKE_SIGNAL(SIGKILL));
    struct fake_child *late = pool_worker(&creator, pool, 1);
    call(CREWI_POOL_TERMINATE);
    assert_int_equal(late->signal, SIGKILL);
    fake_child_started(late, 5);
    pool_ready(late); /* before the signal reached it */
    fake_child_ended(late, FAKE_SIGNAL(SIGKILL));
    fake_child_ended(workers[0], 0);
    fake_child_ended(workers[2], 0);
    call(CREWI_POOL_JOIN);
}

/* One that was told to stop and does not (its atexit callbacks hang): terminate ends it by force.
 */
static void terminate_one_that_hangs_at_its_end(void **state)
{
    (void)state;
    call(CREWI_POOL_CLOSE);
    for (int i = 0; i < 3; i++)
        assert_true(told_to_stop(workers[i]));
    call(CREWI_POOL_TERMINATE);
    for (int i = 0; i < 3; i++)
        assert_int_equal(workers[i]->signal, SIGKILL);
}

static void workers_inside_a_rank_are_asked(void **state)
{
    (void)state;
    struct crewi_pool_spec spec = pool_spec(2);
    spec.inside = 1;
    uint64_t request = pool_ask(&creator, &spec, NULL, 0), inside;
    struct fake_child *both[] = {&job->ranks[0].children[job->ranks[0].child_count - 1],
                                 &job->ranks[1].children[job->ranks[1].child_count - 1]};
    for (int i = 0; i < 2; i++) {
        fake_child_started(both[i], 1);
        pool_ready(both[i]);
    }
    fake_expect_reply(&creator, request, &inside, sizeof inside);
    pool_submit(&creator, inside, 100, 10);
    struct fake_call terminate = pool_call(CREWI_POOL_TERMINATE, inside);
    fake_call(&creator, &terminate, NULL, 0);
    assert_int_equal(both[0]->signal, SIGTERM);
    assert_int_equal(both[1]->signal, SIGTERM);
}

static void the_creator_dies(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 90, 10);
    uint64_t done = pool_submit(&creator, pool, 0, 0);
    struct fake_call wait = result_call(CREWI_OP_WAIT, done);
    fake_ask(&creator, &wait);
    fake_client_end(&creator);
    fake_job_run(job);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(workers[i]->signal, SIGKILL);
        assert_true(fake_engine(job, 0)->objects.count > objects_before);
        fake_child_ended(workers[i], FAKE_SIGNAL(SIGKILL));
    }
    assert_int_equal(fake_engine(job, 0)->objects.count, objects_before);
    assert_int_equal(fake_engine(job, 0)->timers.count, 0);
}

static void the_creator_dies_after_the_join(void **state)
{
    (void)state;
    call(CREWI_POOL_CLOSE);
    for (int i = 0; i < 3; i++)
        fake_child_ended(workers[i], 0);
    call(CREWI_POOL_JOIN);
    fake_client_end(&creator);
    fake_job_run(job);
    assert_int_equal(fake_engine(job, 0)->objects.count, objects_before);
}

/* The job ends with everything still there. */
static void the_engine_ends_first(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 90, 10);
    ask(CREWI_POOL_JOIN);
    fake_job_run(job);
    call(CREWI_POOL_CLOSE);
    ask(CREWI_POOL_JOIN);
    fake_job_run(job);
    for (int i = 0; i < 3; i++)
        assert_true(workers[i]->client.attached);
}

static void unknown_operations(void **state)
{
    (void)state;
    refused(50, CREW_EPROTO, "a pool has no operation 50");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* The creator leaves in good order */

/* Sends it, and says which processes were listed. */
static size_t list(uint8_t op, uint64_t ids[8])
{
    struct fake_call call_of_process = {.kind = CREWI_KIND_PROCESS, .op = op};
    struct crewi_frame *reply;
    uint64_t request = fake_ask(&creator, &call_of_process);
    fake_job_run(job);
    assert_non_null(reply = fake_reply(&creator, request));
    assert_int_equal(reply->header.status, CREW_OK);
    size_t count = reply->header.size / sizeof *ids;
    assert_in_range(count, 0, 8);
    memcpy(ids, reply->payload, reply->header.size);
    crewi_frame_destroy(reply);
    return count;
}

static void the_creator_leaves_it_open(void **state)
{
    (void)state;
    uint64_t ids[8], map = pool_submit(&creator, pool, 90, 1);
    struct crewi_pool_chunk chunk;
    bool stop;
    assert_true(pool_next_chunk(workers[0], &chunk, &stop));
    assert_int_equal(list(CREWI_PROCESS_FINISHING, ids), 0);
    assert_int_equal(list(CREWI_PROCESS_LEAVE, ids), 3);
    assert_int_equal(pool_progress(&creator, map).over, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(workers[i]->signals, 1);
        assert_int_equal(workers[i]->signal, SIGTERM);
        while (pool_next_chunk(workers[i], &chunk, &stop)) /* it was on its way */
            pool_answer(workers[i], map, chunk.begin, chunk.count);
        fake_child_ended(workers[i], FAKE_SIGNAL(SIGTERM));
    }
    assert_int_equal(list(CREWI_PROCESS_CHILDREN, ids), 0); /* none was replaced */
    submit_refused(CREW_ESTATE, "the pool was terminated");
    call(CREWI_POOL_DESTROY);
}

static void the_creator_leaves_it_closed(void **state)
{
    (void)state;
    uint64_t ids[8], map = pool_submit(&creator, pool, 30, 10);
    call(CREWI_POOL_CLOSE);
    assert_int_equal(list(CREWI_PROCESS_FINISHING, ids), 3);
    fake_child_ended(workers[0], FAKE_SIGNAL(SIGKILL)); /* with a chunk: it is replaced */
    pool_start_all(job);
    struct fake_child *next = pool_worker(&creator, pool, 0);
    pool_ready(next);
    assert_int_equal(list(CREWI_PROCESS_FINISHING, ids), 3);
    assert_int_equal(list(CREWI_PROCESS_LEAVE, ids), 3);
    struct fake_child *all[] = {next, workers[1], workers[2]};
    for (int i = 0; i < 3; i++) {
        struct crewi_pool_chunk chunk;
        bool stop;
        assert_int_equal(all[i]->signals, 0);
        while (pool_next_chunk(all[i], &chunk, &stop))
            pool_answer(all[i], map, chunk.begin, chunk.count);
    }
    assert_int_equal(pool_progress(&creator, map).done, 30);
    for (int i = 0; i < 3; i++)
        fake_child_ended(all[i], FAKE_EXIT(0));
    assert_int_equal(list(CREWI_PROCESS_FINISHING, ids), 0);
    call(CREWI_POOL_DESTROY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(close_and_join),
        TEST(close_with_work_left),
        TEST(ready_after_the_close),
        TEST(one_that_dies_instead_of_stopping),
        TEST(terminate_with_maps_under_way),
        TEST(end_those_who_are_busy),
        TEST(end_those_who_do_not_care),
        TEST(end_by_what_is_no_end),
        TEST(terminate_those_who_start),
        TEST(terminate_one_that_hangs_at_its_end),
        TEST(workers_inside_a_rank_are_asked),
        TEST(the_creator_dies),
        TEST(the_creator_dies_after_the_join),
        TEST(the_engine_ends_first),
        TEST(the_creator_leaves_it_open),
        TEST(the_creator_leaves_it_closed),
        TEST(unknown_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
