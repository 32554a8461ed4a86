/* SPDX-License-Identifier: BSD-3-Clause */
#include "byte_pools.h"

#include "base/clock.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct fake_job *byte_job;
struct fake_client byte_creator;
uint64_t byte_pool;

static _Atomic uint64_t cookie = 4711;

static crew_status task_of_tests(const void *item, void *result)
{
    (void)item;
    (void)result;
    return CREW_OK;
}

int byte_pools_begin(void **state)
{
    (void)state;
    byte_job = pool_job_create(2);
    fake_client_begin(&byte_creator, byte_job, 0);
    byte_pool = pool_open(&byte_creator, 2);
    return 0;
}

int byte_pools_begin_lending(void **state)
{
    (void)state;
    struct crewi_pool_ready ready = {.loan = crewi_loan_make(NULL, &cookie), .reads_home = 1};
    byte_job = pool_job_create(2);
    fake_client_begin(&byte_creator, byte_job, 0);
    struct crewi_pool_spec spec = pool_spec(2);
    uint64_t request = pool_ask(&byte_creator, &spec, NULL, 0);
    pool_start_all(byte_job);
    for (int rank = 0; rank < 2; rank++)
        pool_ready_as(&byte_job->ranks[rank].children[0], &ready);
    fake_expect_reply(&byte_creator, request, &byte_pool, sizeof byte_pool);
    return 0;
}

int byte_pools_end(void **state)
{
    (void)state;
    fake_client_end(&byte_creator);
    fake_job_run(byte_job);
    pool_job_destroy(byte_job);
    return 0;
}

struct fake_child *byte_worker(int place)
{
    return pool_worker(&byte_creator, byte_pool, place);
}

struct crewi_pool_submission byte_submission(uint64_t count, uint64_t chunk)
{
    struct crewi_pool_submission submission = {
        .count = count, .chunk = chunk, .wants_statuses = 1, .varying = 1, .task = "vary"};
    assert_int_equal(crewi_funcref_make(&submission.function, (crewi_function *)task_of_tests),
                     CREW_OK);
    return submission;
}

static uint64_t submit(const struct crewi_pool_submission *submission,
                       const struct crewi_pool_piece *pieces, uint64_t count)
{
    uint64_t map, bytes = 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += crewi_pool_padded(pieces[i].size);
    unsigned char *body = calloc(1, count * sizeof *pieces + bytes + 1),
                  *at = body + count * sizeof *pieces;
    assert_non_null(body);
    memcpy(body, pieces, count * sizeof *pieces);
    for (uint64_t i = 0; i < count; i++, at += crewi_pool_padded(pieces[i - 1].size))
        memset(at, (int)(i & 0xff), pieces[i].size);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, byte_pool);
    call.head = submission;
    call.head_size = sizeof *submission;
    call.body = body;
    call.body_size = count * sizeof *pieces + bytes;
    fake_call(&byte_creator, &call, &map, sizeof map);
    free(body);
    return map;
}

uint64_t byte_submit(const struct crewi_pool_submission *submission)
{
    struct crewi_pool_piece *pieces = calloc(submission->count + 1, sizeof *pieces);
    assert_non_null(pieces);
    for (uint64_t i = 0; i < submission->count; i++)
        pieces[i] = (struct crewi_pool_piece){byte_size(i), CREWI_POOL_ANY_ROOM};
    uint64_t map = submit(submission, pieces, submission->count);
    free(pieces);
    return map;
}

uint64_t byte_submit_one(uint64_t item_size, uint64_t room)
{
    const struct crewi_pool_submission submission = byte_submission(1, 0);
    const struct crewi_pool_piece piece = {item_size, room};
    return submit(&submission, &piece, 1);
}

static void check_items(const struct byte_chunk *chunk)
{
    const unsigned char *at = chunk->items;
    for (uint64_t i = 0; i < chunk->head.count; i++) {
        for (uint64_t k = 0; k < chunk->pieces[i].size; k++)
            assert_int_equal(at[k], (chunk->head.begin + i) & 0xff);
        at += crewi_pool_padded(chunk->pieces[i].size);
    }
    assert_ptr_equal(at, chunk->frame->payload + chunk->frame->header.size);
}

bool byte_next_chunk(struct fake_child *worker, struct byte_chunk *chunk)
{
    chunk->frame = fake_delivery(&worker->client);
    if (!chunk->frame)
        return false;
    assert_int_equal(chunk->frame->header.op, CREWI_POOL_CHUNK);
    memcpy(&chunk->head, chunk->frame->payload, sizeof chunk->head);
    assert_true(chunk->head.flags & CREWI_CHUNK_VARYING);
    chunk->pieces = (const void *)(chunk->frame->payload + sizeof chunk->head);
    chunk->items = (const unsigned char *)(chunk->pieces + chunk->head.count);
    if (!(chunk->head.flags & CREWI_CHUNK_LENT))
        check_items(chunk);
    return true;
}

uint64_t byte_put_records(unsigned char *at, uint64_t begin, uint64_t count)
{
    const unsigned char *first = at;
    for (uint64_t i = begin; i < begin + count; i++) {
        struct crewi_pool_record record = {.size = byte_size(i + 1)};
        memcpy(at, &record, sizeof record);
        memset(at + sizeof record, (int)((i + 1) & 0xff), record.size);
        at += sizeof record + crewi_pool_padded(record.size);
    }
    return (uint64_t)(at - first);
}

uint64_t byte_answer(struct fake_child *worker, const struct crewi_pool_chunk *chunk,
                     uint64_t count)
{
    unsigned char *records = calloc(count + 1, 16 + 256);
    assert_non_null(records);
    struct crewi_pool_result head = {.map = chunk->map,
                                     .begin = chunk->begin,
                                     .count = count,
                                     .busy_ns = CREWI_MILLISECOND,
                                     .bytes = byte_put_records(records, chunk->begin, count)};
    pool_tell(worker, CREWI_POOL_RESULT, &head, sizeof head, records, head.bytes);
    free(records);
    return head.bytes;
}

void byte_work_all(void)
{
    struct byte_chunk chunk;
    for (int i = 0, idle = 0; idle < 2; i = 1 - i) {
        idle++;
        while (byte_next_chunk(byte_worker(i), &chunk)) {
            idle = 0;
            crewi_frame_destroy(chunk.frame);
            byte_answer(byte_worker(i), &chunk.head, chunk.head.count);
        }
    }
}

void byte_take(uint64_t map, uint64_t count, crew_status status)
{
    struct crewi_pool_outcome head;
    struct fake_call call = result_call(CREWI_RESULT_TAKE, map);
    uint64_t request = fake_ask(&byte_creator, &call);
    fake_job_run(byte_job);
    struct crewi_frame *frame = fake_reply(&byte_creator, request);
    assert_non_null(frame);
    memcpy(&head, frame->payload, sizeof head);
    assert_int_equal(head.status, status);
    assert_int_equal(frame->header.size, sizeof head + head.reason_size + count * sizeof(int32_t));
    crewi_frame_destroy(frame);
}

struct crewi_frame *byte_fetch(uint64_t map, uint64_t first, bool inline_only)
{
    struct crewi_pool_fetch_order order = {first, inline_only};
    struct fake_call call = result_call(CREWI_RESULT_FETCH, map);
    call.head = &order;
    call.head_size = sizeof order;
    uint64_t request = fake_ask(&byte_creator, &call);
    fake_job_run(byte_job);
    struct crewi_frame *frame = fake_reply(&byte_creator, request);
    assert_non_null(frame);
    assert_int_equal(frame->header.status, CREW_OK);
    return frame;
}

void byte_expect_all(uint64_t map, uint64_t count, uint64_t missing)
{
    for (uint64_t done = 0; done < count;) {
        struct crewi_pool_fetched head;
        struct crewi_frame *frame = byte_fetch(map, done, false);
        memcpy(&head, frame->payload, sizeof head);
        assert_true(head.count > 0 && head.count <= count - done);
        const struct crewi_pool_entry *entries = (const void *)(frame->payload + sizeof head);
        const unsigned char *at = (const unsigned char *)(entries + head.count);
        for (uint64_t i = 0; i < head.count; i++, done++) {
            assert_int_equal(entries[i].size, done == missing ? 0 : byte_size(done + 1));
            assert_int_equal(entries[i].address, 0);
            for (uint64_t k = 0; k < entries[i].size; k++)
                assert_int_equal(at[k], (done + 1) & 0xff);
            at += crewi_pool_padded(entries[i].size);
        }
        assert_ptr_equal(at, frame->payload + frame->header.size);
        crewi_frame_destroy(frame);
    }
}

void byte_close(uint64_t map)
{
    struct fake_call call = result_call(CREWI_RESULT_CLOSE, map);
    fake_call(&byte_creator, &call, NULL, 0);
}
