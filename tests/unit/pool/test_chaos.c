/* SPDX-License-Identifier: BSD-3-Clause */
/* Many jobs at random: workers answer in parts, fail tasks, and die at any point. No task is begun
 * twice, exactly those fail that were to fail or whose worker died in them, and all others have
 * their results. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 4
#define TASKS 300
#define MAPS 2

/* What a task came to, as the test has decided. */
enum fate { UNTOUCHED, DONE, FAILED, LOST };

static struct fake_job *job;
static struct fake_client creator;
static struct pool_outcome outcome;
static uint64_t pool, maps[MAPS], counts[MAPS], seed;
static enum fate fates[MAPS][TASKS];
static bool begun[MAPS][TASKS];

/* A chunk that a worker has in hand, from where it has not answered. */
static struct work {
    struct fake_child *child;
    bool has_chunk;
    struct crewi_pool_chunk chunk;
    uint64_t next; /* of the chunk */
} works[WORKERS];

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    job->can_scatter = true;
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

static int map_index(uint64_t map)
{
    int i = 0;
    while (maps[i] != map)
        assert_true(++i < MAPS);
    return i;
}

/* The task is run: never twice. */
static void run_task(const struct work *work, uint64_t i, enum fate fate)
{
    int map = map_index(work->chunk.map);
    assert_false(begun[map][i]);
    begun[map][i] = true;
    fates[map][i] = fate;
}

/* Runs some tasks of a chunk into a draft; returns how many. */
static uint64_t run_some(struct work *work, unsigned char *draft, uint64_t planned, uint64_t count)
{
    struct crewi_pool_result head;
    memcpy(&head, draft, sizeof head);
    assert_int_equal(head.count, planned);
    uint64_t done = 0;
    while (done < count && head.failure_bytes < 1500) {
        uint64_t i = work->chunk.begin + work->next + done;
        unsigned char *result = draft + CREWI_POOL_DRAFT_RESULTS + done * sizeof(uint64_t);
        if (unit_random_below(&seed, 20) == 0) {
            run_task(work, i, FAILED);
            head.failure_bytes = pool_add_failure(draft + sizeof head, head.failure_bytes, i,
                                                  CREW_EDOMAIN, "by chance");
        } else {
            run_task(work, i, DONE);
            memcpy(result, &(uint64_t){pool_result(i)}, sizeof(uint64_t));
        }
        done++;
    }
    memcpy(draft, &head, sizeof head);
    return done;
}

static void send_draft(struct work *work, unsigned char *draft, uint64_t done)
{
    struct crewi_pool_result head;
    memcpy(&head, draft, sizeof head);
    head.count = done;
    head.busy_ns = (int64_t)unit_random_below(&seed, 3) * (int64_t)done * 100000;
    unsigned char *body = malloc(head.failure_bytes + done * 8 + 1);
    assert_non_null(body);
    memcpy(body, draft + sizeof head, head.failure_bytes);
    memcpy(body + head.failure_bytes, draft + CREWI_POOL_DRAFT_RESULTS, done * 8);
    struct fake_call note = pool_call(CREWI_POOL_RESULT, pool);
    note.head = &head;
    note.head_size = sizeof head;
    note.body = body;
    note.body_size = head.failure_bytes + done * 8;
    fake_tell(&work->child->client, &note);
    fake_job_run(job);
    free(body);
    work->next += done;
    work->has_chunk = work->next < work->chunk.count;
}

/* A worker that leaves no word about the one task that it was given: that one has failed, too. */
static void lose_what_is_alone(const struct work *work)
{
    struct crewi_pool *home = (struct crewi_pool *)crewi_engine_find(fake_engine(job, 0), pool);
    const struct crewi_worker *worker = crewi_pool_find_worker(home, work->child->process);
    assert_non_null(worker);
    if (!worker->outstanding_count || !worker->outstanding[0].alone)
        return;
    int map = map_index(worker->outstanding[0].map->object.id);
    uint64_t task = worker->outstanding[0].range.begin;
    assert_false(begun[map][task]);
    begun[map][task] = true;
    fates[map][task] = LOST;
}

static void die(struct work *work, const void *draft, uint32_t size, uint64_t progress)
{
    fake_child_ended_with(work->child, FAKE_SIGNAL(SIGKILL), draft, size, progress);
    pool_start_all(job);
    *work = (struct work){.child = pool_worker(&creator, pool, (int)(work - works))};
    if (unit_random_below(&seed, 5) == 0) { /* the next one does not even begin, once */
        fake_child_ended(work->child, FAKE_EXIT(1));
        pool_start_all(job);
        work->child = pool_worker(&creator, pool, (int)(work - works));
    }
    pool_ready(work->child);
}

/* A part of a chunk: sent, or lost on the way at some point. */
static void do_part(struct work *work)
{
    uint64_t left = work->chunk.count - work->next, planned = 1 + unit_random_below(&seed, left);
    uint32_t size;
    unsigned char *draft =
        pool_draft(work->chunk.map, work->chunk.begin + work->next, planned, 0, &size);
    uint64_t what = unit_random_below(&seed, 12);
    uint64_t done =
        run_some(work, draft, planned, what ? planned : unit_random_below(&seed, planned));
    if (what == 0 && done < planned) { /* in a task */
        run_task(work, work->chunk.begin + work->next + done, LOST);
        die(work, draft, size, done);
    } else if (what == 1 && done == planned) { /* all done, nothing sent */
        die(work, draft, size, done);
    } else {
        send_draft(work, draft, done);
        if (what == 2) { /* sent, and the draft is still there */
            if (done < planned)
                lose_what_is_alone(work);
            die(work, draft, size, done);
        }
    }
    free(draft);
}

static void step(struct work *work)
{
    bool stop;
    uint64_t what = unit_random_below(&seed, 20);
    if (what == 0) { /* idle, or between two parts */
        lose_what_is_alone(work);
        die(work, NULL, 0, 0);
    } else if (work->has_chunk) {
        do_part(work);
    } else {
        work->next = 0;
        work->has_chunk = pool_next_chunk(work->child, &work->chunk, &stop);
        assert_false(stop);
    }
}

static bool all_over(void)
{
    for (int map = 0; map < MAPS; map++)
        if (!pool_progress(&creator, maps[map]).over)
            return false;
    return true;
}

static void check_map(int map)
{
    uint64_t failed = 0;
    struct crewi_pool_progress progress = pool_progress(&creator, maps[map]);
    pool_take(&creator, maps[map], counts[map], &outcome);
    crew_status first = CREW_OK;
    for (uint64_t i = 0; i < counts[map]; i++) {
        static const crew_status expected[] = {CREW_OK, CREW_OK, CREW_EDOMAIN, CREW_EWORKERDIED};
        enum fate fate = fates[map][i];
        assert_int_not_equal(fate, UNTOUCHED);
        assert_int_equal(outcome.statuses[i], expected[fate]);
        assert_int_equal(outcome.results[i], fate == DONE ? pool_result(i) : 0);
        if (expected[fate] && !first)
            first = expected[fate];
        failed += fate != DONE;
    }
    assert_int_equal(outcome.status, first);
    assert_int_equal(progress.failed, failed);
    assert_int_equal(progress.done, counts[map]);
}

static void one_job(void)
{
    memset(fates, 0, sizeof fates);
    memset(begun, 0, sizeof begun);
    for (int map = 0; map < MAPS; map++) {
        counts[map] = 1 + unit_random_below(&seed, TASKS);
        maps[map] = pool_submit(&creator, pool, counts[map],
                                unit_random_below(&seed, 3) ? 0 : 1 + unit_random_below(&seed, 40));
    }
    for (int steps = 0; !all_over(); steps++) {
        assert_true(steps < 100000);
        step(&works[unit_random_below(&seed, WORKERS)]);
    }
    for (int map = 0; map < MAPS; map++)
        check_map(map);
}

static void no_task_twice_and_none_lost(void **state)
{
    (void)state;
    seed = 2024;
    pool = pool_open(&creator, WORKERS);
    for (int place = 0; place < WORKERS; place++)
        works[place] = (struct work){.child = pool_worker(&creator, pool, place)};
    for (int i = 0; i < 40; i++)
        one_job();
    assert_int_equal(fake_engine(job, 0)->objects.count, 1 + WORKERS); /* nothing piles up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_task_twice_and_none_lost, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
