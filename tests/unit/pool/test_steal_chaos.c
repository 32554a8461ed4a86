/* SPDX-License-Identifier: BSD-3-Clause */
/* Many jobs at random, with messages in any order that can be: workers claim tasks, run them,
 * answer in parts, and die; those that are idle get what others have not begun. Every task is run
 * once, or was cancelled, and what came of it is there; exactly those have failed that a worker has
 * died in. */
#include "base/clock.h"
#include "stealing.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 4
#define TASKS 400
#define MAPS 2

enum fate { UNTOUCHED, DONE, LOST };

static struct stealing test;
static struct pool_outcome outcome;
static uint64_t maps[MAPS], counts[MAPS], seed, stolen_maps;
static enum fate fates[MAPS][TASKS];
static bool cancels, cancelled[MAPS];

/* A worker, and the chunk that it is in, as tasks from the chunk's beginning. */
static struct work {
    struct fake_child *child;
    bool has_chunk;
    struct crewi_pool_chunk chunk;
    uint64_t sent, run, claimed;
} works[WORKERS];

static uint64_t below(uint64_t limit)
{
    return unit_random_below(&seed, limit);
}

/* Some of what may happen meanwhile. */
static void carry(void)
{
    test.job->now_ns += (int64_t)below(500) * CREWI_MICROSECOND;
    for (uint64_t steps = below(6); steps && fake_job_step(test.job, &seed); steps--)
        ;
}

static int map_index(uint64_t map)
{
    int i = 0;
    while (maps[i] != map)
        assert_true(++i < MAPS);
    return i;
}

static void run_task(const struct work *work, enum fate fate)
{
    enum fate *task = &fates[map_index(work->chunk.map)][work->chunk.begin + work->run];
    assert_int_equal(*task, UNTOUCHED);
    *task = fate;
}

static void send(struct work *work)
{
    stealing_tell(&test, work->child, work->chunk.map, work->chunk.begin + work->sent,
                  work->run - work->sent,
                  (int64_t)((work->run - work->sent) * (50 + below(500))) * CREWI_MICROSECOND);
    work->sent = work->run;
}

/* A new one takes its place. */
static void begin_anew(struct work *work)
{
    pool_start_all(test.job);
    *work = (struct work){.child = stealing_worker(&test, (int)(work - works))};
    pool_ready(work->child);
}

/* It dies with a draft, planned for as many tasks as it had at first or fewer, in its next task
 * unless others have that. */
static void die(struct work *work)
{
    uint32_t size;
    bool in_task = work->run < work->claimed || stealing_left(work->child, &work->chunk);
    if (below(2)) /* or while something is under way */
        fake_job_run(test.job);
    in_task = work->run < work->claimed || stealing_left(work->child, &work->chunk);
    uint64_t done = work->run - work->sent, most = work->chunk.count - work->sent;
    uint64_t least = work->claimed > work->run ? done + 1 : done + in_task;
    uint64_t planned = least + below(most - least + 1);
    void *draft = pool_draft(work->chunk.map, work->chunk.begin + work->sent, planned, done, &size);
    if (planned > done && in_task)
        run_task(work, LOST);
    fake_child_ended_with(work->child, FAKE_SIGNAL(SIGKILL), draft, size, done);
    free(draft);
    begin_anew(work);
}

/* Claims some if it has none; false when the chunk is over. */
static bool claim(struct work *work)
{
    struct crewi_claim_range claimed;
    if (work->run < work->claimed)
        return true;
    int found =
        crewi_claim_take(&work->child->claims, work->chunk.key, 1 + (uint32_t)below(3), &claimed);
    assert_true(found >= 0);
    if (found)
        work->claimed = claimed.end;
    return found;
}

static void go_on(struct work *work)
{
    if (!claim(work)) {
        if (work->run > work->sent)
            send(work);
        work->has_chunk = false;
        return;
    }
    for (uint64_t tasks = 1 + below(4); tasks && claim(work); tasks--) {
        run_task(work, DONE);
        work->run++;
    }
    if (below(4) == 0)
        send(work);
}

static void step(struct work *work)
{
    bool stop = false;
    if (work->has_chunk && below(60) == 0) {
        die(work);
    } else if (work->has_chunk) {
        go_on(work);
    } else {
        work->has_chunk = pool_next_chunk(work->child, &work->chunk, &stop);
        work->sent = work->run = work->claimed = 0;
    }
    if (!stop)
        return;
    fake_child_ended(work->child, FAKE_EXIT(0)); /* it has had as many chunks as it may */
    begin_anew(work);
}

static const struct crewi_pool_map *at_home(int map)
{
    struct crewi_object *object = crewi_engine_find(fake_engine(test.job, 0), maps[map]);
    return (const struct crewi_pool_map *)object;
}

static bool all_over(void)
{
    for (int map = 0; map < MAPS; map++)
        if (!at_home(map)->over)
            return false;
    return true;
}

static void cancel_one(void)
{
    int map = (int)below(MAPS);
    unsigned char whole;
    struct fake_call call = result_call(CREWI_RESULT_CANCEL, maps[map]);
    fake_call(&test.creator, &call, &whole, 1);
    cancelled[map] = at_home(map)->cancelled;
}

static void submit(int map)
{
    counts[map] = 1 + below(TASKS);
    struct crewi_pool_submission submission =
        pool_submission(counts[map], below(2) ? 0 : 1 + below(counts[map]));
    submission.schedule = (uint8_t)below(CREW_SCHEDULE_WEIGHTED + 1);
    submission.priority = (int32_t)below(2);
    submission.no_stealing = below(8) == 0;
    maps[map] = pool_submit_as(&test.creator, test.pool, &submission);
}

static void check_map(int map)
{
    stolen_maps += at_home(map)->went_out;
    assert_false(at_home(map)->went_out && at_home(map)->submission.no_stealing);
    pool_take(&test.creator, maps[map], counts[map], &outcome);
    for (uint64_t i = 0; i < counts[map]; i++) {
        static const crew_status expected[] = {CREW_ECANCELED, CREW_OK, CREW_EWORKERDIED};
        assert_true(fates[map][i] != UNTOUCHED || cancelled[map]);
        assert_int_equal(outcome.statuses[i], expected[fates[map][i]]);
        assert_int_equal(outcome.results[i], fates[map][i] == DONE ? pool_result(i) : 0);
    }
}

static void one_job(void)
{
    memset(fates, 0, sizeof fates);
    memset(cancelled, 0, sizeof cancelled);
    for (int map = 0; map < MAPS; map++)
        submit(map);
    uint64_t slow = below(WORKERS); /* one of them gets to nothing for most of the time */
    for (int steps = 0; !all_over(); steps++) {
        assert_true(steps < 100000);
        uint64_t place = below(WORKERS);
        if (place != slow || below(10) == 0)
            step(&works[place]);
        if (cancels && below(300) == 0)
            cancel_one();
        carry();
    }
    fake_job_run(test.job);
    assert_int_equal(stealing_home(&test)->steal_serves, 0);
    for (int map = 0; map < MAPS; map++)
        check_map(map);
    for (int place = 0; place < WORKERS; place++) /* what was taken from them is still in the way */
        while (works[place].has_chunk || works[place].child->client.arrived.first)
            step(&works[place]);
}

static void many_jobs(int count, uint32_t max_tasks)
{
    stealing_begin(&test, WORKERS, max_tasks);
    for (int place = 0; place < WORKERS; place++)
        works[place] = (struct work){.child = stealing_worker(&test, place)};
    stolen_maps = 0;
    for (int i = 0; i < count; i++)
        one_job();
    assert_true(stolen_maps > (uint64_t)count / 4);
    assert_int_equal(fake_engine(test.job, 0)->objects.count, 1 + WORKERS); /* nothing piles up */
    stealing_end(&test);
}

static void no_task_twice_and_none_lost(void **state)
{
    (void)state;
    seed = 77;
    cancels = false;
    many_jobs(60, 0);
}

static void and_maps_are_cancelled(void **state)
{
    (void)state;
    seed = 78;
    cancels = true;
    many_jobs(60, 0);
}

static void and_workers_retire(void **state)
{
    (void)state;
    seed = 79;
    cancels = true;
    many_jobs(40, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_task_twice_and_none_lost),
        cmocka_unit_test(and_maps_are_cancelled),
        cmocka_unit_test(and_workers_retire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
