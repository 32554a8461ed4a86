/* SPDX-License-Identifier: BSD-3-Clause */
#include "stealing.h"

#include "base/clock.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

void stealing_begin(struct stealing *test, int workers, uint32_t max_tasks)
{
    test->job = pool_job_create(2);
    test->job->children_claim = true;
    fake_client_begin(&test->creator, test->job, 0);
    struct crewi_pool_spec spec = pool_spec(workers);
    spec.max_tasks = max_tasks;
    test->pool = pool_open_as(&test->creator, &spec);
}

void stealing_end(struct stealing *test)
{
    fake_client_end(&test->creator);
    fake_job_run(test->job);
    pool_job_destroy(test->job);
}

struct crewi_pool *stealing_home(struct stealing *test)
{
    struct crewi_object *object = crewi_engine_find(fake_engine(test->job, 0), test->pool);
    assert_non_null(object);
    return (struct crewi_pool *)object;
}

struct crewi_worker *stealing_at_home(struct stealing *test, int place)
{
    return &stealing_home(test)->workers[place];
}

void stealing_run_rank(struct stealing *test, uint32_t rank)
{
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(&test->job->ranks[rank].wire)))
        crewi_engine_accept(fake_engine(test->job, rank), frame);
    crewi_engine_run(fake_engine(test->job, rank), test->job->now_ns);
}

struct crewi_pool_chunk stealing_chunk(struct fake_child *worker)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    assert_true(pool_next_chunk(worker, &chunk, &stop));
    return chunk;
}

uint64_t stealing_claim(struct fake_child *worker, const struct crewi_pool_chunk *chunk,
                        uint32_t most)
{
    struct crewi_claim_range claimed = {0, 0};
    assert_true(crewi_claim_take(&worker->claims, chunk->key, most, &claimed) >= 0);
    return claimed.end - claimed.begin;
}

uint64_t stealing_left(const struct fake_child *worker, const struct crewi_pool_chunk *chunk)
{
    struct crewi_claim_range left;
    return crewi_claim_look(&worker->claims, chunk->key, &left) > 0 ? left.end - left.begin : 0;
}

void stealing_tell(struct stealing *test, struct fake_child *worker, uint64_t map, uint64_t begin,
                   uint64_t count, int64_t busy_ns)
{
    uint64_t *results = malloc((count + 1) * sizeof *results);
    struct crewi_pool_result head = {
        .map = map, .begin = begin, .count = count, .busy_ns = busy_ns, .result_size = 8};
    assert_non_null(results);
    for (uint64_t i = 0; i < count; i++)
        results[i] = pool_result(begin + i);
    struct fake_call note = pool_call(CREWI_POOL_RESULT, test->pool);
    note.head = &head;
    note.head_size = sizeof head;
    note.body = results;
    note.body_size = count * sizeof *results;
    fake_tell(&worker->client, &note);
    free(results);
}

/* What it may claim of a chunk, and answers for. */
static void work_chunk(struct stealing *test, struct fake_child *worker,
                       const struct crewi_pool_chunk *chunk)
{
    struct crewi_claim_range claimed;
    while (crewi_claim_take(&worker->claims, chunk->key, 3, &claimed) > 0) {
        uint64_t count = claimed.end - claimed.begin;
        stealing_tell(test, worker, chunk->map, chunk->begin + claimed.begin, count,
                      (int64_t)count * CREWI_MILLISECOND);
        fake_job_run(test->job);
    }
}

void stealing_work_all(struct stealing *test)
{
    struct crewi_pool_chunk chunk;
    bool any = true, stop;
    while (any) {
        any = false;
        for (int place = 0; place < (int)stealing_home(test)->worker_count; place++) {
            struct fake_child *worker = stealing_worker(test, place);
            while (worker->client.attached && pool_next_chunk(worker, &chunk, &stop)) {
                work_chunk(test, worker, &chunk);
                any = true;
            }
        }
    }
}
