/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps whose sizes vary: what goes out, what may come in, and what is left of a worker that died.
 */
#include "byte_pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void in_order(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(1000, 0);
    uint64_t map = byte_submit(&submission);
    byte_work_all();
    assert_int_equal(pool_progress(&byte_creator, map).done, 1000);
    assert_int_equal(pool_progress(&byte_creator, map).failed, 0);
    byte_take(map, 1000, CREW_OK);
    byte_expect_all(map, 1000, UINT64_MAX);
    byte_close(map);
}

/* A message brings as much as one of items of one size. */
static void chunks_by_bytes(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(4000, 4000);
    struct byte_chunk chunk;
    byte_submit(&submission);
    assert_true(byte_next_chunk(byte_worker(0), &chunk));
    assert_int_equal(chunk.head.begin, 0);
    assert_in_range(chunk.frame->header.size, 100000, sizeof chunk.head + 131072);
    uint64_t count = chunk.head.count;
    crewi_frame_destroy(chunk.frame);
    assert_true(byte_next_chunk(byte_worker(1), &chunk)); /* and nothing between them is lost */
    assert_int_equal(chunk.head.begin, count);
    crewi_frame_destroy(chunk.frame);
}

static struct crewi_pool_submission with_pieces(unsigned char *body, uint64_t count, uint64_t size)
{
    for (uint64_t i = 0; i < count; i++) {
        struct crewi_pool_piece piece = {size, CREWI_POOL_ANY_ROOM};
        memcpy(body + i * sizeof piece, &piece, sizeof piece);
    }
    return byte_submission(count, 0);
}

static void answer_empty(struct fake_child *worker, uint64_t map, uint64_t index)
{
    const struct crewi_pool_record record = {0};
    struct crewi_pool_result head = {
        .map = map, .begin = index, .count = 1, .busy_ns = 1, .bytes = sizeof record};
    pool_tell(worker, CREWI_POOL_RESULT, &head, sizeof head, &record, sizeof record);
}

/* Takes single tasks, and expects so many; *last is the last of them. */
static void expect_chunks(struct fake_child *worker, int count, uint64_t *last)
{
    struct crewi_frame *frame;
    while ((frame = fake_delivery(&worker->client))) {
        struct crewi_pool_chunk chunk;
        memcpy(&chunk, frame->payload, sizeof chunk);
        assert_int_equal(chunk.count, 1);
        assert_int_equal(chunk.flags, CREWI_CHUNK_VARYING);
        *last = chunk.begin;
        crewi_frame_destroy(frame);
        count--;
    }
    assert_int_equal(count, 0);
}

/* Of long items that cannot be lent a worker has two, however short the tasks are. */
static void long_items(void **state)
{
    (void)state;
    uint64_t count = 12, size = (uint64_t)1 << 20, map, first = 0, second = 0,
             bytes = count * (sizeof(struct crewi_pool_piece) + size);
    unsigned char *body = calloc(1, bytes);
    assert_non_null(body);
    struct crewi_pool_submission submission = with_pieces(body, count, size);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, byte_pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    call.body = body;
    call.body_size = bytes;
    fake_call(&byte_creator, &call, &map, sizeof map);
    free(body);
    expect_chunks(byte_worker(0), 2, &second);
    for (int i = 0; i < 4; i++) {
        answer_empty(byte_worker(0), map, first);
        first = second;
        expect_chunks(byte_worker(0), 1, &second);
    }
}

static void expect_unsound(const struct crewi_pool_submission *submission, const void *body,
                           size_t size)
{
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, byte_pool);
    call.head = submission;
    call.head_size = sizeof *submission;
    call.body = body;
    call.body_size = size;
    fake_call_refused(&byte_creator, &call, CREW_EPROTO, "malformed pool request");
}

static void what_cannot_be_submitted(void **state)
{
    (void)state;
    static unsigned char body[1024];
    struct crewi_pool_submission good = with_pieces(body, 3, 20), bad = good;
    size_t size = 3 * (sizeof(struct crewi_pool_piece) + 32);
    expect_unsound(&good, body, size - 1);
    expect_unsound(&good, body, size + 1);
    expect_unsound(&good, body, 47);
    bad.count = UINT64_MAX / 8;
    expect_unsound(&bad, body, size);
    bad = good;
    bad.item_size = 8;
    expect_unsound(&bad, body, size);
    bad = good;
    bad.result_size = 8;
    expect_unsound(&bad, body, size);
    bad = good;
    bad.partial = 1;
    expect_unsound(&bad, body, size);
    bad = good;
    bad.reports = 1;
    expect_unsound(&bad, body, size);
    bad = good;
    bad.shared = 1; /* by somebody who is not of the rank */
    expect_unsound(&bad, body, 0);
    with_pieces(body, 3, ((uint64_t)1 << 30) + 1);
    expect_unsound(&good, body, size);
    with_pieces(body, 3, UINT64_MAX);
    expect_unsound(&good, body, size);
    with_pieces(body, 3, 20);
    bad = good;
    bad.parcel.size = 95;
    expect_unsound(&bad, body, 48);
    bad.parcel = (struct crewi_parcel){.size = 96, .memfd = {.pid = 1, .fd = 1 << 20}};
    expect_unsound(&bad, body, size);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, byte_pool);
    call.head = &bad;
    call.head_size = sizeof bad;
    call.body = body;
    call.body_size = 48;
    fake_call_refused(&byte_creator, &call, CREW_ENOTSUP, "");
}

/* Whoever sends those is killed. */
static void expect_death(uint64_t count, uint64_t size, uint64_t bytes, uint64_t room)
{
    struct fake_child *worker = byte_worker(0);
    unsigned char records[256] = {0};
    struct crewi_pool_record record = {.size = size};
    struct byte_chunk chunk;
    int before = worker->signals;
    byte_submit_one(40, room);
    while (!byte_next_chunk(worker, &chunk))
        worker = byte_worker(1);
    crewi_frame_destroy(chunk.frame);
    struct crewi_pool_result head = {
        .map = chunk.head.map, .begin = 0, .count = count, .bytes = bytes};
    memcpy(records, &record, sizeof record);
    pool_tell(worker, CREWI_POOL_RESULT, &head, sizeof head, records,
              bytes < sizeof records ? bytes : 16);
    assert_int_equal(worker->signals, before + 1);
    assert_int_equal(worker->signal, SIGKILL);
}

static void larger_than_its_room(void **state)
{
    (void)state;
    expect_death(1, 33, 16 + 48, 32);
}

static void larger_than_its_message(void **state)
{
    (void)state;
    expect_death(1, 33, 16 + 32, CREWI_POOL_ANY_ROOM);
}

static void larger_than_memory(void **state)
{
    (void)state;
    expect_death(1, UINT64_MAX - 7, 16 + 32, CREWI_POOL_ANY_ROOM);
}

static void no_record(void **state)
{
    (void)state;
    expect_death(1, 0, 15, CREWI_POOL_ANY_ROOM);
}

static void more_bytes_than_sent(void **state)
{
    (void)state;
    expect_death(1, 0, UINT64_MAX, CREWI_POOL_ANY_ROOM);
}

static void more_records_than_tasks(void **state)
{
    (void)state;
    expect_death(2, 0, 32, CREWI_POOL_ANY_ROOM);
}

/* Of a chunk of ten, four records are in the draft, with a failure among them, and the fifth task
 * is the one that it died in. */
static void drafts(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(20, 10);
    uint64_t map = byte_submit(&submission);
    unsigned char *draft = calloc(1, CREWI_PORT_DRAFT_SIZE);
    struct byte_chunk chunk;
    struct fake_child *worker = byte_worker(0);
    assert_non_null(draft);
    assert_true(byte_next_chunk(worker, &chunk));
    crewi_frame_destroy(chunk.frame);
    struct crewi_pool_result head = {.map = map, .begin = chunk.head.begin, .count = 10};
    head.failure_bytes =
        pool_add_failure(draft + sizeof head, 0, head.begin + 2, CREW_EDOMAIN, "no good");
    memcpy(draft, &head, sizeof head);
    byte_put_records(draft + CREWI_POOL_DRAFT_RESULTS, head.begin, 4);
    fake_child_ended_with(worker, FAKE_SIGNAL(SIGSEGV), draft, CREWI_PORT_DRAFT_SIZE, 4);
    free(draft);
    assert_int_equal(pool_progress(&byte_creator, map).done, 5);
    assert_int_equal(pool_progress(&byte_creator, map).failed, 2);
    pool_start_all(byte_job);
    pool_ready(byte_worker(0));
    byte_work_all();
    assert_int_equal(pool_progress(&byte_creator, map).done, 20);
    byte_take(map, 20, CREW_EDOMAIN);
    struct crewi_frame *frame = byte_fetch(map, 0, false);
    const struct crewi_pool_entry *entries =
        (const void *)(frame->payload + sizeof(struct crewi_pool_fetched));
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(entries[i].size, i == 2 || i == 4 ? 0 : byte_size(i + 1));
    crewi_frame_destroy(frame);
    byte_close(map);
}

/* What had been sent before is not counted again; the task behind it has failed. */
static void a_draft_behind_its_message(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(10, 10);
    uint64_t map = byte_submit(&submission);
    unsigned char *draft = calloc(1, CREWI_PORT_DRAFT_SIZE);
    struct byte_chunk chunk;
    struct fake_child *worker = byte_worker(0);
    assert_non_null(draft);
    assert_true(byte_next_chunk(worker, &chunk));
    crewi_frame_destroy(chunk.frame);
    byte_answer(worker, &chunk.head, 6);
    struct crewi_pool_result head = {.map = map, .begin = 0, .count = 7};
    memcpy(draft, &head, sizeof head);
    fake_child_ended_with(worker, FAKE_SIGNAL(SIGKILL), draft, CREWI_PORT_DRAFT_SIZE, 6);
    free(draft);
    assert_int_equal(pool_progress(&byte_creator, map).done, 7);
    assert_int_equal(pool_progress(&byte_creator, map).failed, 1);
    byte_work_all();
    byte_take(map, 10, CREW_EWORKERDIED);
    byte_expect_all(map, 10, 6);
    byte_close(map);
}

/* Records that cannot be: nobody knows what was done, and nothing of it counts. */
static void a_draft_of_garbage(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(10, 10);
    uint64_t map = byte_submit(&submission);
    unsigned char *draft = malloc(CREWI_PORT_DRAFT_SIZE);
    struct byte_chunk chunk;
    struct fake_child *worker = byte_worker(0);
    assert_non_null(draft);
    assert_true(byte_next_chunk(worker, &chunk));
    crewi_frame_destroy(chunk.frame);
    struct crewi_pool_result head = {.map = map, .begin = 0, .count = 10};
    memset(draft, 0xff, CREWI_PORT_DRAFT_SIZE);
    memcpy(draft, &head, sizeof head);
    fake_child_ended_with(worker, FAKE_SIGNAL(SIGKILL), draft, CREWI_PORT_DRAFT_SIZE, 6);
    free(draft);
    assert_int_equal(pool_progress(&byte_creator, map).done, 0);
    byte_work_all();
    byte_take(map, 10, CREW_OK);
    byte_expect_all(map, 10, UINT64_MAX);
    byte_close(map);
}

/* Cancelled, and closed with results that nobody took. */
static void what_is_left(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(30, 3);
    uint64_t map = byte_submit(&submission), closed = byte_submit(&submission);
    struct byte_chunk chunk;
    unsigned char whole;
    assert_true(byte_next_chunk(byte_worker(0), &chunk));
    crewi_frame_destroy(chunk.frame);
    byte_answer(byte_worker(0), &chunk.head, 2);
    struct fake_call call = result_call(CREWI_RESULT_CANCEL, map);
    fake_call(&byte_creator, &call, &whole, sizeof whole);
    assert_int_equal(whole, 0);
    byte_close(closed);
    chunk.head.begin += 2;
    byte_answer(byte_worker(0), &chunk.head, 1);
    byte_work_all();
    assert_int_equal(pool_progress(&byte_creator, map).over, 1);
    byte_close(map);
}

static void what_cannot_be_fetched(void **state)
{
    (void)state;
    const struct crewi_pool_submission submission = byte_submission(10, 10);
    uint64_t map = byte_submit(&submission), fixed = pool_submit(&byte_creator, byte_pool, 0, 0);
    struct crewi_pool_fetch_order order = {0};
    struct fake_call call = result_call(CREWI_RESULT_FETCH, map);
    call.head = &order;
    call.head_size = sizeof order;
    fake_call_refused(&byte_creator, &call, CREW_EPROTO, "no such results"); /* it is not over */
    byte_work_all();
    order.first = 11;
    fake_call_refused(&byte_creator, &call, CREW_EPROTO, "no such results");
    order.first = UINT64_MAX;
    fake_call_refused(&byte_creator, &call, CREW_EPROTO, "no such results");
    call.head_size = 3;
    fake_call_refused(&byte_creator, &call, CREW_EPROTO, "no such results");
    order.first = 0;
    call.head_size = sizeof order;
    call.object = fixed;
    fake_call_refused(&byte_creator, &call, CREW_EPROTO, "no such results");
    byte_take(map, 10, CREW_OK);
    byte_expect_all(map, 10, UINT64_MAX);
    byte_close(map);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, byte_pools_begin, byte_pools_end)
    const struct CMUnitTest tests[] = {
        TEST(in_order),
        TEST(chunks_by_bytes),
        TEST(long_items),
        TEST(what_cannot_be_submitted),
        TEST(larger_than_its_room),
        TEST(larger_than_its_message),
        TEST(larger_than_memory),
        TEST(no_record),
        TEST(more_bytes_than_sent),
        TEST(more_records_than_tasks),
        TEST(drafts),
        TEST(a_draft_behind_its_message),
        TEST(a_draft_of_garbage),
        TEST(what_is_left),
        TEST(what_cannot_be_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
