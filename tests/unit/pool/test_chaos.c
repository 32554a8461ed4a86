/* SPDX-License-Identifier: BSD-3-Clause */
/* Many jobs at random: workers answer in parts, fail tasks, and die at any point; maps are
 * cancelled and killed. No task is begun again unless it may be tried again or its worker was
 * killed for another one, exactly those fail that were to fail, whose worker died in them, or that
 * were cancelled, and all others have their results. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 4
#define TASKS 300
#define MAPS 2

/* What a task came to, as the test has decided. AGAIN: it was run, and is to be run again. */
enum fate { UNTOUCHED, AGAIN, DONE, FAILED, LOST, CANCELED };

/* What else may happen in a job. */
static struct {
    bool cancels; /* maps are cancelled and killed */
    bool urgent;  /* maps have priorities */
    int retries;  /* at most, and then in some maps only */
} chances;

static struct fake_job *job;
static struct fake_client creator;
static struct pool_outcome outcome;
static uint64_t pool, maps[MAPS], counts[MAPS], seed;
static enum fate fates[MAPS][TASKS];
static int failures[MAPS][TASKS];
static int retries[MAPS];
static bool killed[MAPS];

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
    job->children_claim = true;
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

/* The task is run: never again without need. */
static void run_task(int map, uint64_t i, enum fate fate)
{
    assert_true(fates[map][i] <= AGAIN);
    bool failed = fate == FAILED || fate == LOST;
    if (failed && !killed[map] && failures[map][i] < retries[map]) {
        failures[map][i]++;
        fate = AGAIN;
    }
    fates[map][i] = fate;
}

static const struct crewi_worker *at_home(const struct work *work)
{
    struct crewi_pool *home = (struct crewi_pool *)crewi_engine_find(fake_engine(job, 0), pool);
    const struct crewi_worker *worker = crewi_pool_find_worker(home, work->child->process);
    assert_non_null(worker);
    return worker;
}

/* The worker dies in this task. If it was killed, that was for this one. */
static void lose_task(const struct work *work, int map, uint64_t i)
{
    bool meant = at_home(work)->killed;
    assert_true(!meant || killed[map]);
    run_task(map, i, meant ? CANCELED : LOST);
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
            run_task(map_index(work->chunk.map), i, FAILED);
            head.failure_bytes = pool_add_failure(draft + sizeof head, head.failure_bytes, i,
                                                  CREW_EDOMAIN, "by chance");
        } else {
            run_task(map_index(work->chunk.map), i, DONE);
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
    const struct crewi_worker *worker = at_home(work);
    if (worker->outstanding_count && worker->outstanding[0].alone)
        lose_task(work, map_index(worker->outstanding[0].map->object.id),
                  worker->outstanding[0].range.begin);
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

/* A part of a chunk: sent, or lost on the way at some point. What is claimed of it is run. */
static void do_part(struct work *work)
{
    uint64_t left = work->chunk.count - work->next, planned = 1 + unit_random_below(&seed, left);
    struct crewi_claim_range claimed;
    uint32_t size;
    work->has_chunk =
        crewi_claim_take(&work->child->claims, work->chunk.key, (uint32_t)planned, &claimed) > 0;
    if (!work->has_chunk) /* others have what is left */
        return;
    assert_int_equal(claimed.begin, work->next);
    planned = claimed.end - claimed.begin;
    unsigned char *draft =
        pool_draft(work->chunk.map, work->chunk.begin + work->next, planned, 0, &size);
    uint64_t what = unit_random_below(&seed, 12);
    uint64_t done =
        run_some(work, draft, planned, what ? planned : unit_random_below(&seed, planned));
    if (what == 0 && done < planned) { /* in a task */
        lose_task(work, map_index(work->chunk.map), work->chunk.begin + work->next + done);
        die(work, draft, size, done);
    } else if (what == 1 && done == planned) { /* all done, nothing sent */
        die(work, draft, size, done);
    } else {
        send_draft(work, draft, done);
        if (what == 2 && !chances.retries) { /* sent, and the draft is still there */
            if (done < planned)
                lose_what_is_alone(work);
            die(work, draft, size, done);
        }
    }
    free(draft);
}

/* It has had as many chunks as it may. */
static void retire(struct work *work)
{
    assert_int_equal(at_home(work)->state, CREWI_WORKER_RETIRING);
    fake_child_ended(work->child, FAKE_EXIT(0));
    pool_start_all(job);
    *work = (struct work){.child = pool_worker(&creator, pool, (int)(work - works))};
    pool_ready(work->child);
}

static void step(struct work *work)
{
    bool stop;
    uint64_t what = unit_random_below(&seed, work->child->signals ? 4 : 20);
    assert_int_equal(work->child->signals, at_home(work)->killed);
    if (what == 0) { /* idle, or between two parts */
        lose_what_is_alone(work);
        die(work, NULL, 0, 0);
    } else if (work->has_chunk) {
        do_part(work);
    } else {
        work->next = 0;
        work->has_chunk = pool_next_chunk(work->child, &work->chunk, &stop);
        if (stop)
            retire(work);
    }
}

/* Cancels or kills a map, whatever its state is. */
static void give_up(int map)
{
    bool kills = unit_random_below(&seed, 2);
    struct fake_call call = result_call(kills ? CREWI_RESULT_KILL : CREWI_RESULT_CANCEL, maps[map]);
    unsigned char whole;
    fake_call(&creator, &call, &whole, kills ? 0 : 1);
    killed[map] |= kills;
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
        static const crew_status expected[] = {CREW_ECANCELED, CREW_ECANCELED,   CREW_OK,
                                               CREW_EDOMAIN,   CREW_EWORKERDIED, CREW_ECANCELED};
        enum fate fate = fates[map][i];
        assert_true(fate > AGAIN || progress.cancelled);
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

static void submit(int map)
{
    counts[map] = 1 + unit_random_below(&seed, TASKS);
    uint64_t chunk = unit_random_below(&seed, 3) ? 0 : 1 + unit_random_below(&seed, 40);
    struct crewi_pool_submission submission = pool_submission(counts[map], chunk);
    if (chances.retries) /* and any schedule with that */
        retries[map] = (int)unit_random_below(&seed, (uint64_t)chances.retries + 1);
    if (chances.retries)
        submission.schedule = (uint8_t)unit_random_below(&seed, CREW_SCHEDULE_WEIGHTED + 1);
    submission.retries = (uint8_t)retries[map];
    if (chances.urgent)
        submission.priority = (int32_t)unit_random_below(&seed, 3) - 1;
    maps[map] = pool_submit_as(&creator, pool, &submission);
}

static void one_job(void)
{
    memset(fates, 0, sizeof fates);
    memset(failures, 0, sizeof failures);
    memset(retries, 0, sizeof retries);
    memset(killed, 0, sizeof killed);
    for (int map = 0; map < MAPS; map++)
        submit(map);
    for (int steps = 0; !all_over(); steps++) {
        assert_true(steps < 100000);
        if (chances.cancels && unit_random_below(&seed, 200) == 0)
            give_up((int)unit_random_below(&seed, MAPS));
        step(&works[unit_random_below(&seed, WORKERS)]);
    }
    for (int map = 0; map < MAPS; map++)
        check_map(map);
}

static void many_jobs(const struct crewi_pool_spec *spec, int count)
{
    pool = pool_open_as(&creator, spec);
    for (int place = 0; place < WORKERS; place++)
        works[place] = (struct work){.child = pool_worker(&creator, pool, place)};
    for (int i = 0; i < count; i++)
        one_job();
    assert_int_equal(fake_engine(job, 0)->objects.count, 1 + WORKERS); /* nothing piles up */
}

static void no_task_twice_and_none_lost(void **state)
{
    struct crewi_pool_spec spec = pool_spec(WORKERS);
    (void)state;
    seed = 2024;
    memset(&chances, 0, sizeof chances);
    many_jobs(&spec, 40);
}

/* With all that a program can choose. */
static void again_only_what_may_be(void **state)
{
    struct crewi_pool_spec spec = pool_spec(WORKERS);
    (void)state;
    seed = 2025;
    chances.cancels = chances.urgent = true;
    chances.retries = 2;
    many_jobs(&spec, 30);
}

static void workers_that_retire(void **state)
{
    struct crewi_pool_spec spec = pool_spec(WORKERS);
    (void)state;
    seed = 2026;
    spec.max_tasks = 3;
    chances.cancels = chances.urgent = true;
    chances.retries = 3;
    many_jobs(&spec, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_task_twice_and_none_lost, begin, end),
        cmocka_unit_test_setup_teardown(again_only_what_may_be, begin, end),
        cmocka_unit_test_setup_teardown(workers_that_retire, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
