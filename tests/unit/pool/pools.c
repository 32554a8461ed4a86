/* SPDX-License-Identifier: BSD-3-Clause */
#include "pools.h"

#include "base/clock.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct fake_job *pool_job_create(uint32_t rank_count)
{
    struct fake_job *job = process_job_create(rank_count);
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        fake_engine(job, rank)->kinds[CREWI_KIND_POOL] = &crewi_pool_kind;
        fake_engine(job, rank)->kinds[CREWI_KIND_RESULT] = &crewi_result_kind;
    }
    return job;
}

void pool_job_destroy(struct fake_job *job)
{
    process_job_destroy(job);
}

static crew_status task_of_tests(const void *item, void *result)
{
    (void)item;
    (void)result;
    return CREW_OK;
}

struct crewi_pool_spec pool_spec(int workers)
{
    struct crewi_pool_spec spec = {.workers = workers, .bind = 1, .creator_name = "MainProcess"};
    assert_int_equal(crewi_funcref_make(&spec.worker, (crewi_function *)crewi_pool_worker),
                     CREW_OK);
    return spec;
}

uint64_t pool_ask(struct fake_client *creator, const struct crewi_pool_spec *spec, const void *arg,
                  size_t size)
{
    struct fake_call call = {.kind = CREWI_KIND_POOL,
                             .op = CREWI_POOL_CREATE,
                             .rank = creator->rank->loop.engine.rank,
                             .head = spec,
                             .head_size = sizeof *spec,
                             .body = arg,
                             .body_size = size};
    uint64_t request = fake_ask(creator, &call);
    fake_job_run(creator->rank->job);
    return request;
}

uint64_t pool_open(struct fake_client *creator, int workers)
{
    struct crewi_pool_spec spec = pool_spec(workers);
    return pool_open_as(creator, &spec);
}

uint64_t pool_open_as(struct fake_client *creator, const struct crewi_pool_spec *spec)
{
    uint64_t pool, request = pool_ask(creator, spec, NULL, 0);
    fake_expect_parked(creator, request);
    pool_start_all(creator->rank->job);
    fake_expect_parked(creator, request);
    pool_ready_all(creator->rank->job);
    fake_expect_reply(creator, request, &pool, sizeof pool);
    assert_int_equal(crewi_id_kind(pool), CREWI_KIND_POOL);
    return pool;
}

struct fake_call pool_call(uint8_t op, uint64_t pool)
{
    return (struct fake_call){
        .kind = CREWI_KIND_POOL, .op = op, .object = pool, .timeout_ns = CREWI_FOREVER};
}

struct fake_call result_call(uint8_t op, uint64_t map)
{
    return (struct fake_call){
        .kind = CREWI_KIND_RESULT, .op = op, .object = map, .timeout_ns = CREWI_FOREVER};
}

struct crewi_pool_submission pool_submission(uint64_t count, uint64_t chunk)
{
    struct crewi_pool_submission submission = {.count = count,
                                               .item_size = sizeof(uint64_t),
                                               .result_size = sizeof(uint64_t),
                                               .chunk = chunk,
                                               .wants_statuses = 1,
                                               .task = "triple"};
    assert_int_equal(crewi_funcref_make(&submission.function, (crewi_function *)task_of_tests),
                     CREW_OK);
    return submission;
}

uint64_t pool_submit(struct fake_client *creator, uint64_t pool, uint64_t count, uint64_t chunk)
{
    struct crewi_pool_submission submission = pool_submission(count, chunk);
    return pool_submit_as(creator, pool, &submission);
}

uint64_t pool_submit_as(struct fake_client *creator, uint64_t pool,
                        const struct crewi_pool_submission *submission)
{
    uint64_t count = submission->count, map, *items = malloc((count + 1) * sizeof *items);
    assert_non_null(items);
    for (uint64_t i = 0; i < count; i++)
        items[i] = pool_item(i);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, pool);
    call.head = submission;
    call.head_size = sizeof *submission;
    call.body = items;
    call.body_size = count * sizeof *items;
    fake_call(creator, &call, &map, sizeof map);
    free(items);
    return map;
}

struct crewi_pool_progress pool_progress(struct fake_client *creator, uint64_t map)
{
    struct crewi_pool_progress progress;
    struct fake_call call = result_call(CREWI_RESULT_PROGRESS, map);
    fake_call(creator, &call, &progress, sizeof progress);
    return progress;
}

void pool_take(struct fake_client *creator, uint64_t map, uint64_t count,
               struct pool_outcome *outcome)
{
    struct crewi_pool_outcome head;
    struct fake_call call = result_call(CREWI_RESULT_TAKE, map);
    call.head = "\1"; /* and closes it */
    call.head_size = 1;
    uint64_t request = fake_ask(creator, &call);
    fake_job_run(creator->rank->job);
    struct crewi_frame *frame = fake_reply(creator, request);
    assert_non_null(frame);
    assert_int_equal(frame->header.status, CREW_OK);
    assert_true(count <= 4096 && frame->header.size >= sizeof head);
    memcpy(&head, frame->payload, sizeof head);
    size_t status_bytes = count * sizeof *outcome->statuses,
           result_bytes = count * sizeof *outcome->results;
    assert_int_equal(frame->header.size,
                     sizeof head + head.reason_size + status_bytes + result_bytes);
    assert_true(head.reason_size < sizeof outcome->reason);
    const unsigned char *at = frame->payload + sizeof head;
    outcome->status = (crew_status)head.status;
    memcpy(outcome->reason, at, head.reason_size);
    outcome->reason[head.reason_size] = '\0';
    memcpy(outcome->statuses, at + head.reason_size, status_bytes);
    memcpy(outcome->results, at + head.reason_size + status_bytes, result_bytes);
    crewi_frame_destroy(frame);
}

void pool_errors(struct fake_client *creator, uint64_t map, size_t count, crew_task_error *errors)
{
    struct fake_call call = result_call(CREWI_RESULT_ERRORS, map);
    fake_call(creator, &call, errors, count * sizeof *errors);
}

void pool_expect_all(struct fake_client *creator, uint64_t map, uint64_t count)
{
    struct pool_outcome *outcome = calloc(1, sizeof *outcome);
    assert_non_null(outcome);
    struct crewi_pool_progress progress = pool_progress(creator, map);
    assert_int_equal(progress.over, 1);
    assert_int_equal(progress.done, count);
    assert_int_equal(progress.failed, 0);
    pool_take(creator, map, count, outcome);
    assert_int_equal(outcome->status, CREW_OK);
    assert_string_equal(outcome->reason, "");
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(outcome->statuses[i], CREW_OK);
        assert_int_equal(outcome->results[i], pool_result(i));
    }
    free(outcome);
}

struct fake_child *pool_worker(struct fake_client *creator, uint64_t pool, int place)
{
    struct fake_call call = pool_call(CREWI_POOL_WORKERS, pool);
    uint64_t request = fake_ask(creator, &call);
    fake_job_run(creator->rank->job);
    struct crewi_frame *frame = fake_reply(creator, request);
    crew_worker_info info;
    assert_non_null(frame);
    assert_true(frame->header.size >= ((size_t)place + 1) * sizeof info);
    memcpy(&info, frame->payload + (size_t)place * sizeof info, sizeof info);
    crewi_frame_destroy(frame);
    return fake_find_child(creator->rank->job, info.process.id);
}

uint64_t pool_of(const struct fake_child *worker)
{
    struct crewi_pool_worker_arg arg;
    assert_true(worker->start->header.size >= sizeof(struct crewi_process_order) + sizeof arg);
    memcpy(&arg, worker->start->payload + sizeof(struct crewi_process_order), sizeof arg);
    return arg.pool;
}

void pool_start_all(struct fake_job *job)
{
    static int last_pid = 10000;
    for (uint32_t rank = 0; rank < job->rank_count; rank++)
        for (int i = 0; i < job->ranks[rank].child_count; i++)
            if (job->ranks[rank].children[i].client.attached && !job->ranks[rank].children[i].pid)
                fake_child_started(&job->ranks[rank].children[i], ++last_pid);
}

void pool_tell(struct fake_child *worker, uint8_t op, const void *head, size_t head_size,
               const void *body, size_t body_size)
{
    struct fake_call note = pool_call(op, pool_of(worker));
    note.head = head;
    note.head_size = head_size;
    note.body = body;
    note.body_size = body_size;
    fake_tell(&worker->client, &note);
    fake_job_run(worker->client.rank->job);
}

void pool_ready(struct fake_child *worker)
{
    pool_tell(worker, CREWI_POOL_READY, NULL, 0, NULL, 0);
}

void pool_ready_as(struct fake_child *worker, const struct crewi_pool_ready *ready)
{
    pool_tell(worker, CREWI_POOL_READY, ready, sizeof *ready, NULL, 0);
}

void pool_ready_all(struct fake_job *job)
{
    for (uint32_t rank = 0; rank < job->rank_count; rank++)
        for (int i = 0; i < job->ranks[rank].child_count; i++)
            if (job->ranks[rank].children[i].client.attached)
                pool_ready(&job->ranks[rank].children[i]);
}

bool pool_next_chunk(struct fake_child *worker, struct crewi_pool_chunk *chunk, bool *stop)
{
    struct crewi_frame *frame = fake_delivery(&worker->client);
    *stop = false;
    if (!frame)
        return false;
    assert_int_equal(frame->header.kind, CREWI_KIND_POOL);
    *stop = frame->header.op == CREWI_POOL_STOP;
    if (!*stop) {
        assert_int_equal(frame->header.op, CREWI_POOL_CHUNK);
        memcpy(chunk, frame->payload, sizeof *chunk);
        assert_true(chunk->count > 0);
        assert_int_equal(frame->header.size, sizeof *chunk + chunk->count * chunk->item_size);
        for (uint64_t i = 0; chunk->item_size == sizeof i && i < chunk->count; i++) {
            uint64_t item;
            memcpy(&item, frame->payload + sizeof *chunk + i * sizeof item, sizeof item);
            assert_int_equal(item, pool_item(chunk->begin + i));
        }
    }
    bool found = !*stop;
    crewi_frame_destroy(frame);
    return found;
}

void pool_answer(struct fake_child *worker, uint64_t map, uint64_t begin, uint64_t count)
{
    uint64_t *results = malloc((count + 1) * sizeof *results);
    struct crewi_pool_result head = {.map = map,
                                     .begin = begin,
                                     .count = count,
                                     .busy_ns = (int64_t)count * CREWI_MILLISECOND,
                                     .result_size = sizeof *results};
    assert_non_null(results);
    for (uint64_t i = 0; i < count; i++)
        results[i] = pool_result(begin + i);
    pool_tell(worker, CREWI_POOL_RESULT, &head, sizeof head, results, count * sizeof *results);
    free(results);
}

void pool_answer_failed(struct fake_child *worker, uint64_t map, uint64_t index, crew_status status,
                        const char *reason)
{
    unsigned char body[sizeof(struct crewi_pool_failure) + CREWI_ERROR_SIZE + 16] = {0};
    struct crewi_pool_result head = {
        .map = map, .begin = index, .count = 1, .result_size = sizeof(uint64_t)};
    head.failure_bytes = pool_add_failure(body, 0, index, status, reason);
    pool_tell(worker, CREWI_POOL_RESULT, &head, sizeof head, body,
              head.failure_bytes + sizeof(uint64_t));
}

void pool_work(struct fake_child *worker)
{
    struct crewi_pool_chunk chunk;
    bool stop;
    while (pool_next_chunk(worker, &chunk, &stop))
        pool_answer(worker, chunk.map, chunk.begin, chunk.count);
    assert_false(stop);
}

void *pool_draft(uint64_t map, uint64_t begin, uint64_t planned, uint64_t done, uint32_t *size)
{
    *size = (uint32_t)(CREWI_POOL_DRAFT_RESULTS + planned * sizeof(uint64_t));
    unsigned char *draft = calloc(1, *size);
    struct crewi_pool_result head = {
        .map = map, .begin = begin, .count = planned, .result_size = sizeof(uint64_t)};
    assert_non_null(draft);
    memcpy(draft, &head, sizeof head);
    for (uint64_t i = 0; i < done; i++)
        memcpy(draft + CREWI_POOL_DRAFT_RESULTS + i * sizeof(uint64_t),
               &(uint64_t){pool_result(begin + i)}, sizeof(uint64_t));
    return draft;
}

uint32_t pool_add_failure(unsigned char *failures, uint32_t used, uint64_t index,
                          crew_status status, const char *reason)
{
    struct crewi_pool_failure failure = {index, status, (uint32_t)strlen(reason)};
    memcpy(failures + used, &failure, sizeof failure);
    memcpy(failures + used + sizeof failure, reason, strlen(reason));
    return used + (uint32_t)sizeof failure + (uint32_t)((strlen(reason) + 7) & ~(size_t)7);
}
