/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that end: which task has failed, what is done again, and when the pool gives up. */
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

static void die(struct fake_child *child, int wait_status, void *draft, uint32_t size,
                uint64_t progress)
{
    fake_child_ended_with(child, wait_status, draft, size, progress);
    free(draft);
}

/* What took the place begins. */
static struct fake_child *replacement(int place)
{
    pool_start_all(job);
    pool_ready(worker(place));
    return worker(place);
}

static struct crewi_pool_chunk next_chunk(struct fake_child *child)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    assert_true(pool_next_chunk(child, &chunk, &stop));
    return chunk;
}

/* All that is left is done, by both. */
static void work_all(void)
{
    for (int i = 0; i < 30; i++) {
        pool_work(worker(0));
        pool_work(worker(1));
    }
}

/* Takes a map of which one task was lost with its worker. */
static void expect_one_lost(uint64_t map, uint64_t count, uint64_t lost, const char *reason)
{
    assert_int_equal(pool_progress(&creator, map).done, count);
    assert_int_equal(pool_progress(&creator, map).failed, 1);
    pool_take(&creator, map, count, &outcome);
    assert_int_equal(outcome.status, CREW_EWORKERDIED);
    assert_string_equal(outcome.reason, reason);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(outcome.statuses[i], i == lost ? CREW_EWORKERDIED : CREW_OK);
        assert_int_equal(outcome.results[i], i == lost ? 0 : pool_result(i));
    }
}

static void in_the_middle_of_a_chunk(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 60, 10);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    void *draft = pool_draft(map, chunk.begin, 10, 4, &size);
    /* The task that it was in has written half a result. */
    memset((char *)draft + CREWI_POOL_DRAFT_RESULTS + 32, 0xff, 4);
    die(worker(0), FAKE_SIGNAL(SIGSEGV), draft, size, 4);
    assert_int_equal(pool_progress(&creator, map).done, 5); /* four, and the one that failed */
    assert_int_equal(pool_progress(&creator, map).failed, 1);
    struct fake_child *next = replacement(0);
    assert_string_equal(next->name, "PoolWorker-3");
    assert_ptr_equal(next->client.rank, &job->ranks[0]);
    struct crewi_pool_chunk again = next_chunk(next); /* what came back goes out first */
    assert_true(again.begin > chunk.begin + 4 || again.begin == 10);
    pool_answer(next, map, again.begin, again.count);
    work_all();
    expect_one_lost(map, 60, chunk.begin + 4,
                    "task 4 of triple: its worker was killed by signal 11 (SIGSEGV) (PoolWorker-1 "
                    "on rank 0, node0)");
}

/* A draft does not say how long its tasks took: the rest is shared out as before, and not in one
 * piece. */
static void the_rest_is_shared_as_before(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 800, 0);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    assert_int_equal(chunk.count, 100);
    void *draft = pool_draft(map, chunk.begin, 100, 4, &size);
    die(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 4);
    struct fake_child *next = replacement(0);
    for (int i = 0; i < 3; i++) {
        chunk = next_chunk(next);
        assert_in_range(chunk.count, 1, 100);
        pool_answer(next, map, chunk.begin, chunk.count);
    }
}

static void by_exit_in_its_first_task(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10);
    struct crewi_pool_chunk chunk = next_chunk(worker(1));
    assert_int_equal(chunk.begin, 10);
    void *draft = pool_draft(map, 10, 10, 0, &size);
    die(worker(1), FAKE_EXIT(3), draft, size, 0);
    replacement(1);
    work_all();
    expect_one_lost(
        map, 20, 10,
        "task 10 of triple: its worker ended with exit code 3 (PoolWorker-2 on rank 1, node1)");
}

static void after_the_last_task(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    void *draft = pool_draft(map, chunk.begin, 10, 10, &size); /* all done, and not sent */
    die(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 10);
    assert_int_equal(pool_progress(&creator, map).done, 10);
    replacement(0);
    work_all();
    pool_expect_all(&creator, map, 20);
}

/* The results were sent, and the draft was not taken back yet. */
static void after_it_has_sent(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 40, 10);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    void *draft = pool_draft(map, chunk.begin, 6, 6, &size);
    pool_answer(worker(0), map, chunk.begin, 6);
    die(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 6);
    assert_int_equal(pool_progress(&creator, map).done, 6);
    replacement(0);
    work_all();
    pool_expect_all(&creator, map, 40);
}

static void before_it_began(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 40, 10);
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL)); /* chunks on the way, and no draft */
    assert_int_equal(pool_progress(&creator, map).done, 0);
    replacement(0);
    work_all();
    pool_expect_all(&creator, map, 40);
}

/* A worker that left no word: nobody knows which task it was in, so they go out one by one, and one
 * that is lost again without a word has failed. */
static void without_a_word(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 12, 3);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGSEGV));
    assert_int_equal(pool_progress(&creator, map).done, 0);
    pool_work(worker(1)); /* what it had in hand, and then tasks one by one */
    struct fake_child *next = replacement(0);
    uint64_t second = pool_submit(&creator, pool, 12, 3);
    fake_child_ended(worker(1), FAKE_SIGNAL(SIGSEGV));
    replacement(1);
    chunk = next_chunk(next);
    assert_int_equal(chunk.map, second);
    assert_int_equal(chunk.count, 3); /* it was given out before */
    pool_answer(next, second, chunk.begin, chunk.count);
    chunk = next_chunk(next);
    pool_answer(next, second, chunk.begin, chunk.count);
    chunk = next_chunk(next);
    assert_int_equal(chunk.count, 1);
    fake_child_ended(next, FAKE_SIGNAL(SIGSEGV));
    assert_int_equal(pool_progress(&creator, second).failed, 1);
    replacement(0);
    work_all();
    pool_expect_all(&creator, map, 12);
    pool_take(&creator, second, 12, &outcome);
    for (uint64_t i = 0; i < 12; i++)
        assert_int_equal(outcome.statuses[i], i == chunk.begin ? CREW_EWORKERDIED : CREW_OK);
}

/* Does a task in little time, and too long for chunks to travel together. */
static void answer_quickly(struct fake_child *child)
{
    struct crewi_pool_chunk chunk = next_chunk(child);
    uint64_t results[1000];
    struct crewi_pool_result head = {.map = chunk.map,
                                     .begin = chunk.begin,
                                     .count = chunk.count,
                                     .busy_ns = 1000 * (int64_t)chunk.count,
                                     .result_size = sizeof *results};
    struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
    assert_true(chunk.count <= 1000);
    for (uint64_t i = 0; i < chunk.count; i++)
        results[i] = pool_result(chunk.begin + i);
    note.head = &head;
    note.head_size = sizeof head;
    note.body = results;
    note.body_size = chunk.count * sizeof *results;
    fake_tell(&child->client, &note);
    fake_job_run(job);
}

/* With tasks one by one a worker has one at a time, and none beside what it had before: or it would
 * not be known which one killed it. */
static void one_by_one_is_one_at_a_time(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 4000, 1);
    struct crewi_pool *home = (struct crewi_pool *)crewi_engine_find(fake_engine(job, 0), pool);
    const struct crewi_worker *survivor = &home->workers[1];
    for (int i = 0; i < 4; i++)
        answer_quickly(worker(1));
    assert_true(survivor->outstanding_count > 2); /* so short that several are handed out ahead */
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGSEGV));
    for (int i = 0; i < 40; i++) {
        for (uint32_t k = 0; k < survivor->outstanding_count; k++)
            assert_int_equal(survivor->outstanding[k].alone,
                             survivor->outstanding_count == 1 && i >= 8);
        answer_quickly(worker(1));
    }
}

static void idle(void **state)
{
    (void)state;
    fake_child_ended(worker(1), FAKE_SIGNAL(SIGKILL));
    struct fake_child *next = replacement(1);
    assert_string_equal(next->name, "PoolWorker-3");
    uint64_t map = pool_submit(&creator, pool, 40, 0);
    work_all();
    pool_expect_all(&creator, map, 40);
}

static void again_and_again(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 20);
    struct fake_child *victim = worker(0);
    for (uint64_t i = 0; i < 20; i++) { /* each worker dies in its first task; none is run twice */
        struct crewi_pool_chunk chunk = next_chunk(victim);
        assert_int_equal(chunk.begin, i);
        void *draft = pool_draft(map, chunk.begin, chunk.count, 0, &size);
        die(victim, FAKE_SIGNAL(SIGABRT), draft, size, 0);
        pool_start_all(job);
        if (i % 2 == 0) { /* the other one, which is idle, had what came back at once */
            victim = worker(1);
            pool_ready(worker(0));
        } else {
            victim = worker(0);
            pool_ready(worker(1));
        }
    }
    assert_int_equal(pool_progress(&creator, map).failed, 20);
    assert_int_equal(pool_progress(&creator, map).over, 1);
    uint64_t next = pool_submit(&creator, pool, 10, 0);
    work_all();
    pool_expect_all(&creator, next, 10);
}

static void with_failures_in_the_draft(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10);
    next_chunk(worker(0));
    unsigned char *draft = pool_draft(map, 0, 10, 6, &size);
    struct crewi_pool_result head;
    memcpy(&head, draft, sizeof head);
    head.failure_bytes = pool_add_failure(draft + sizeof head, 0, 1, CREW_EDOMAIN, "of a task");
    memcpy(draft, &head, sizeof head);
    memset(draft + CREWI_POOL_DRAFT_RESULTS + 8, 0, 8);
    die(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 6);
    replacement(0);
    work_all();
    pool_take(&creator, map, 20, &outcome);
    assert_int_equal(outcome.status, CREW_EDOMAIN);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.statuses[i], i == 1   ? CREW_EDOMAIN
                                              : i == 6 ? CREW_EWORKERDIED
                                                       : CREW_OK);
}

/* A part ends early when there is no room for more failures: the count is corrected before it is
 * sent, and the worker may die in between. All that it says is done is done, and nothing else has
 * begun. */
static void in_a_part_that_ended_early(void **state)
{
    uint32_t size, used = 0;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10);
    next_chunk(worker(0));
    unsigned char *draft = pool_draft(map, 0, 10, 3, &size);
    struct crewi_pool_result head;
    memcpy(&head, draft, sizeof head);
    for (uint64_t i = 0; i < 3; i++)
        used = pool_add_failure(draft + sizeof head, used, i, CREW_EDOMAIN, "one of many");
    head.failure_bytes = used;
    head.count = 3;
    memcpy(draft, &head, sizeof head);
    die(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 3);
    replacement(0);
    work_all();
    pool_take(&creator, map, 20, &outcome);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.statuses[i], i < 3 ? CREW_EDOMAIN : CREW_OK);
}

/* The task has failed by itself, which is noted, and not counted yet: it is not run again, and
 * neither are those before. */
static void between_the_note_and_the_count(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 20, 10);
    next_chunk(worker(0));
    unsigned char *draft = pool_draft(map, 0, 10, 3, &size);
    struct crewi_pool_result head;
    memcpy(&head, draft, sizeof head);
    head.failure_bytes = pool_add_failure(draft + sizeof head, 0, 3, CREW_EDOMAIN, "noted");
    memcpy(draft, &head, sizeof head);
    die(worker(0), FAKE_SIGNAL(SIGKILL), draft, size, 3);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, 4);
    assert_int_equal(progress.failed, 1);
    replacement(0);
    work_all();
    pool_take(&creator, map, 20, &outcome);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(outcome.statuses[i] != CREW_OK, i == 3);
}

/* Results that have no room in a draft: it has the head only, and one task at a time. */
static void with_large_results(void **state)
{
    unsigned char items[6] = {0};
    struct crewi_pool_submission submission = {.count = 6,
                                               .item_size = 1,
                                               .result_size = CREWI_PORT_DRAFT_SIZE,
                                               .chunk = 3,
                                               .wants_statuses = 1,
                                               .task = "large"};
    uint64_t map;
    (void)state;
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    call.body = items;
    call.body_size = sizeof items;
    fake_call(&creator, &call, &map, sizeof map);
    struct crewi_pool_chunk chunk = next_chunk(worker(0));
    assert_int_equal(chunk.count, 3);
    unsigned char draft[CREWI_POOL_DRAFT_RESULTS] = {0};
    struct crewi_pool_result head = {
        .map = map, .begin = 0, .count = 1, .result_size = submission.result_size};
    memcpy(draft, &head, sizeof head);
    fake_child_ended_with(worker(0), FAKE_SIGNAL(SIGBUS), draft, sizeof draft, 0);
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.done, 1);
    assert_int_equal(progress.failed, 1);
    struct fake_child *next = replacement(0);
    chunk = next_chunk(next);
    assert_int_equal(chunk.begin, 1);
    assert_int_equal(chunk.count, 2);
}

/* Whatever is in a draft, it is read within its bounds, and every task is accounted for in the end.
 */
static void drafts_of_garbage(void **state)
{
    uint64_t seed = 9;
    (void)state;
    for (int round = 0; round < 300; round++) {
        uint32_t size;
        uint64_t map = pool_submit(&creator, pool, 20, 10);
        struct crewi_pool_chunk chunk = next_chunk(worker(0));
        unsigned char *draft = pool_draft(map, chunk.begin, chunk.count, 5, &size);
        for (uint64_t n = unit_random_below(&seed, 6); n; n--)
            draft[unit_random_below(
                &seed, unit_random_below(&seed, 4) ? sizeof(struct crewi_pool_result) : size)] =
                (unsigned char)unit_random(&seed);
        uint32_t cut =
            unit_random_below(&seed, 3) ? size : (uint32_t)unit_random_below(&seed, size);
        unsigned char *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, draft, cut);
        free(draft);
        die(worker(0), FAKE_SIGNAL(SIGKILL), exact, cut,
            unit_random_below(&seed, 4) ? unit_random_below(&seed, 12) : unit_random(&seed));
        replacement(0);
        work_all();
        struct crewi_pool_progress progress = pool_progress(&creator, map);
        assert_int_equal(progress.done, 20);
        assert_int_equal(progress.over, 1);
        pool_take(&creator, map, 20, &outcome);
    }
}

/* Early deaths */

static void three_early_deaths_break_the_pool(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 40, 10);
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pool_progress(&creator, map).over, 0);
        pool_start_all(job);
        fake_child_ended(worker(0), FAKE_EXIT(127));
    }
    struct crewi_pool_progress progress = pool_progress(&creator, map);
    assert_int_equal(progress.over, 1);
    pool_take(&creator, map, 40, &outcome);
    assert_int_equal(outcome.status, CREW_EBROKEN);
    assert_non_null(strstr(outcome.reason, "triple: workers do not stay alive on rank 0 (node0)"));
    assert_non_null(strstr(outcome.reason, "ended with exit code 127"));
    struct crewi_pool_submission submission = {.count = 0, .item_size = 1};
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    fake_call_refused(&creator, &call, CREW_EBROKEN,
                      "the pool is broken: workers do not stay alive");
    fake_child_ended(worker(1), FAKE_SIGNAL(SIGKILL));
    call = pool_call(CREWI_POOL_JOIN, pool);
    fake_call(&creator, &call, NULL, 0);
    call = pool_call(CREWI_POOL_DESTROY, pool);
    fake_call(&creator, &call, NULL, 0);
}

static void deaths_with_life_in_between(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
        for (int i = 0; i < 2; i++) { /* two in a row are not enough */
            pool_start_all(job);
            fake_child_ended(worker(0), FAKE_EXIT(127));
        }
        replacement(0);
    }
    uint64_t map = pool_submit(&creator, pool, 40, 10);
    work_all();
    pool_expect_all(&creator, map, 40);
}

static void break_it(void)
{
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
    for (int i = 0; i < 3; i++) {
        pool_start_all(job);
        fake_child_ended(worker(0), FAKE_EXIT(127));
    }
}

/* Its other workers are in the middle of something, and nobody wants it any more: they are ended,
 * not waited for. */
static void a_broken_pool_ends_those_who_are_busy(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 40, 10);
    struct fake_child *busy = worker(1);
    break_it();
    assert_int_equal(busy->signal, SIGKILL);
}

/* The same when it is destroyed only then: join must not wait for a task that never ends. */
static void terminating_a_broken_pool(void **state)
{
    (void)state;
    pool_submit(&creator, pool, 40, 10);
    struct fake_child *busy = worker(1);
    break_it();
    struct fake_call call = pool_call(CREWI_POOL_TERMINATE, pool);
    fake_call(&creator, &call, NULL, 0);
    assert_int_equal(busy->signal, SIGKILL);
}

/* A pool that breaks when a worker ends that was not asked to. */
static uint64_t open_fragile(uint32_t max_tasks)
{
    struct crewi_pool_spec spec = pool_spec(2);
    spec.break_on_death = 1;
    spec.max_tasks = max_tasks;
    return pool_open_as(&creator, &spec);
}

static void expect_broken(uint64_t broken, const char *reason)
{
    struct crewi_pool_submission submission = {.count = 0, .item_size = 1};
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, broken);
    call.head = &submission;
    call.head_size = sizeof submission;
    fake_call_refused(&creator, &call, CREW_EBROKEN, reason);
    call = pool_call(CREWI_POOL_JOIN, broken);
    fake_call(&creator, &call, NULL, 0);
    call = pool_call(CREWI_POOL_DESTROY, broken);
    fake_call(&creator, &call, NULL, 0);
}

/* What was done counts; the task that the worker was in has the details, and nobody gets more. */
static void a_death_breaks_the_pool(void **state)
{
    static crew_task_error error;
    struct crewi_pool_chunk chunk;
    uint32_t size;
    bool stop;
    (void)state;
    uint64_t fragile = open_fragile(0), map = pool_submit(&creator, fragile, 100, 10);
    struct fake_child *first = pool_worker(&creator, fragile, 0),
                      *second = pool_worker(&creator, fragile, 1);
    while (pool_next_chunk(second, &chunk, &stop))
        ;
    void *draft = pool_draft(map, 0, 10, 4, &size);
    die(first, FAKE_SIGNAL(SIGSEGV), draft, size, 4);
    assert_int_equal(second->signal, SIGKILL);
    assert_false(pool_next_chunk(second, &chunk, &stop));
    fake_child_ended(second, FAKE_SIGNAL(SIGKILL));
    pool_errors(&creator, map, 1, &error);
    assert_int_equal(error.index, 4);
    assert_int_equal(error.status, CREW_EBROKEN);
    assert_int_equal(error.signal, SIGSEGV);
    pool_take(&creator, map, 100, &outcome);
    assert_int_equal(outcome.status, CREW_EBROKEN);
    assert_non_null(strstr(outcome.reason, "(node0) was killed by signal 11 (SIGSEGV)"));
    for (int i = 0; i < 100; i++)
        assert_int_equal(outcome.statuses[i], i < 4 ? CREW_OK : CREW_EBROKEN);
    expect_broken(fragile, "was killed by signal 11 (SIGSEGV)");
}

static void a_death_of_one_who_is_idle(void **state)
{
    (void)state;
    uint64_t fragile = open_fragile(0);
    struct fake_child *second = pool_worker(&creator, fragile, 1);
    bool stop;
    struct crewi_pool_chunk chunk;
    fake_child_ended(pool_worker(&creator, fragile, 0), FAKE_EXIT(3));
    assert_false(pool_next_chunk(second, &chunk, &stop));
    assert_true(stop);
    fake_child_ended(second, FAKE_EXIT(0));
    expect_broken(fragile, "(node0) ended with exit code 3");
}

/* One that has run as much as it may, or too long, was to end. */
static void an_end_that_was_asked_for(void **state)
{
    uint32_t size;
    (void)state;
    uint64_t fragile = open_fragile(1), map = pool_submit(&creator, fragile, 4, 1);
    for (int i = 0; i < 2; i++) {
        struct fake_child *old = pool_worker(&creator, fragile, i);
        struct crewi_pool_chunk chunk = next_chunk(old);
        pool_answer(old, map, chunk.begin, chunk.count);
        fake_child_ended(old, FAKE_EXIT(0));
        pool_start_all(job);
        pool_ready(pool_worker(&creator, fragile, i));
    }
    unsigned char *draft = pool_draft(map, 2, 1, 0, &size);
    pool_worker(&creator, fragile, 0)->cause = CREWI_END_TASK_LIMIT;
    die(pool_worker(&creator, fragile, 0), FAKE_SIGNAL(SIGKILL), draft, size, 0);
    struct fake_child *last = pool_worker(&creator, fragile, 1);
    pool_answer(last, map, next_chunk(last).begin, 1);
    pool_take(&creator, map, 4, &outcome);
    assert_int_equal(outcome.status, CREW_ETIMEDOUT);
    for (int i = 0; i < 4; i++)
        assert_int_equal(outcome.statuses[i], i == 2 ? CREW_ETIMEDOUT : CREW_OK);
}

static void a_replacement_that_cannot_be_forked(void **state)
{
    (void)state;
    uint64_t map = pool_submit(&creator, pool, 40, 10);
    fake_child_ended(worker(0), FAKE_SIGNAL(SIGKILL));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pool_progress(&creator, map).over, 0);
        fake_child_failed(worker(0), 11);
    }
    pool_take(&creator, map, 40, &outcome);
    assert_int_equal(outcome.status, CREW_EBROKEN);
    assert_non_null(strstr(outcome.reason, "a worker could not be started: fork on rank 0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_the_middle_of_a_chunk),
        TEST(the_rest_is_shared_as_before),
        TEST(by_exit_in_its_first_task),
        TEST(after_the_last_task),
        TEST(after_it_has_sent),
        TEST(before_it_began),
        TEST(without_a_word),
        TEST(one_by_one_is_one_at_a_time),
        TEST(idle),
        TEST(again_and_again),
        TEST(with_failures_in_the_draft),
        TEST(in_a_part_that_ended_early),
        TEST(between_the_note_and_the_count),
        TEST(with_large_results),
        TEST(drafts_of_garbage),
        TEST(three_early_deaths_break_the_pool),
        TEST(deaths_with_life_in_between),
        TEST(a_broken_pool_ends_those_who_are_busy),
        TEST(terminating_a_broken_pool),
        TEST(a_death_breaks_the_pool),
        TEST(a_death_of_one_who_is_idle),
        TEST(an_end_that_was_asked_for),
        TEST(a_replacement_that_cannot_be_forked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
