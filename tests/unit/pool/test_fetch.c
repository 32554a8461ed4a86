/* SPDX-License-Identifier: BSD-3-Clause */
/* Large items and results, which are read where they are: here, in the test itself. */
#include "byte_pools.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* More than one step takes. */
#define LARGE ((uint64_t)5 << 20)

static _Atomic uint64_t cookie = 42;
static unsigned char large[LARGE];

/* What a worker lends. */
struct lent {
    struct crewi_pool_result result;
    struct crewi_loan loan;
};

static struct lent lend(uint64_t map, uint64_t size)
{
    memset(large, 7, sizeof large);
    return (struct lent){.result = {.map = map, .count = 1, .busy_ns = 1, .bytes = size},
                         .loan = crewi_loan_make(large, &cookie)};
}

static uint64_t ask(struct fake_child *worker, const struct lent *lent)
{
    struct fake_call call = pool_call(CREWI_POOL_LENT, byte_pool);
    call.head = lent;
    call.head_size = sizeof *lent;
    uint64_t request = fake_ask(&worker->client, &call);
    fake_job_run(byte_job);
    return request;
}

/* One task whose item and result have so many bytes; the worker that has it. */
static struct fake_child *one_task(uint64_t item_size, uint64_t room, uint64_t *map,
                                   struct byte_chunk *chunk)
{
    *map = byte_submit_one(item_size, room);
    if (byte_next_chunk(byte_worker(0), chunk))
        return byte_worker(0);
    assert_true(byte_next_chunk(byte_worker(1), chunk));
    return byte_worker(1);
}

static struct fake_child *one_result(uint64_t room, uint64_t *map)
{
    struct byte_chunk chunk;
    struct fake_child *worker = one_task(8, room, map, &chunk);
    assert_int_equal(chunk.head.flags, CREWI_CHUNK_VARYING | CREWI_CHUNK_FETCHED);
    crewi_frame_destroy(chunk.frame);
    return worker;
}

static void expect_large(uint64_t map, uint64_t size)
{
    struct crewi_pool_fetched head;
    struct crewi_pool_entry entry;
    byte_take(map, 1, CREW_OK);
    struct crewi_frame *frame = byte_fetch(map, 0, false);
    memcpy(&head, frame->payload, sizeof head);
    memcpy(&entry, frame->payload + sizeof head, sizeof entry);
    assert_int_equal(head.count, 1);
    assert_int_equal(entry.size, size);
    assert_int_not_equal(entry.address, 0);
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    struct crewi_loan loan = head.loan;
    loan.address = entry.address;
    assert_int_equal(crewi_loan_read(&loan, 0, copy, size), CREW_OK);
    assert_int_equal(crewi_loan_check(&loan), CREW_OK);
    assert_true(copy[0] == 7 && copy[size - 1] == 7);
    free(copy);
    crewi_frame_destroy(frame);
    frame = byte_fetch(map, 0, true); /* who cannot read it gets it in a message */
    assert_int_equal(frame->header.size, sizeof head + sizeof entry + crewi_pool_padded(size));
    crewi_frame_destroy(frame);
    byte_close(map);
    assert_int_not_equal(crewi_loan_check(&loan), CREW_OK);
}

static void step_by_step(void **state)
{
    (void)state;
    uint64_t map;
    struct fake_child *worker = one_result(CREWI_POOL_ANY_ROOM, &map);
    struct lent lent = lend(map, LARGE);
    uint64_t request = ask(worker, &lent);
    fake_expect_parked(&worker->client, request);
    assert_int_equal(pool_progress(&byte_creator, map).done, 0);
    fake_job_pass_time(byte_job, 1);
    fake_expect_reply(&worker->client, request, NULL, 0);
    assert_int_equal(pool_progress(&byte_creator, map).done, 1);
    expect_large(map, LARGE);
}

/* What cannot be read is sent, whole, and the worker is not asked to lend any more. */
static void expect_sent_instead(bool begun)
{
    uint64_t map;
    struct byte_chunk chunk;
    struct fake_child *worker = one_result(CREWI_POOL_ANY_ROOM, &map);
    struct lent lent = lend(map, LARGE);
    if (!begun)
        lent.loan.address = 8; /* nothing is ever there */
    uint64_t request = ask(worker, &lent);
    if (begun)
        cookie = 43;
    fake_job_pass_time(byte_job, 1);
    cookie = 42;
    fake_expect_refusal(&worker->client, request, CREW_ENOTSUP, "cannot be read");
    unsigned char *message = calloc(1, 16 + LARGE);
    struct crewi_pool_record record = {.size = LARGE};
    assert_non_null(message);
    memcpy(message, &record, sizeof record);
    memset(message + sizeof record, 7, LARGE);
    lent.result.bytes = sizeof record + LARGE;
    pool_tell(worker, CREWI_POOL_RESULT, &lent.result, sizeof lent.result, message,
              lent.result.bytes);
    free(message);
    expect_large(map, LARGE);
    assert_ptr_equal(one_task(8, 8, &map, &chunk), worker);
    assert_int_equal(chunk.head.flags, CREWI_CHUNK_VARYING);
    crewi_frame_destroy(chunk.frame);
}

static void not_there(void **state)
{
    (void)state;
    expect_sent_instead(false);
}

static void gone_meanwhile(void **state)
{
    (void)state;
    expect_sent_instead(true);
}

static void a_dead_lender(void **state)
{
    (void)state;
    uint64_t map;
    struct fake_child *worker = one_result(CREWI_POOL_ANY_ROOM, &map);
    struct lent lent = lend(map, LARGE);
    unsigned char *draft = calloc(1, CREWI_POOL_DRAFT_RESULTS);
    assert_non_null(draft);
    memcpy(draft, &lent.result, sizeof lent.result);
    ask(worker, &lent);
    fake_child_ended_with(worker, FAKE_SIGNAL(SIGKILL), draft, CREWI_POOL_DRAFT_RESULTS, 0);
    free(draft);
    fake_job_pass_time(byte_job, 1);
    assert_int_equal(pool_progress(&byte_creator, map).failed, 1);
    byte_take(map, 1, CREW_EWORKERDIED);
    struct crewi_frame *frame = byte_fetch(map, 0, false);
    assert_int_equal(
        ((struct crewi_pool_entry *)(void *)(frame->payload + sizeof(struct crewi_pool_fetched)))
            ->size,
        0);
    crewi_frame_destroy(frame);
    byte_close(map);
}

static void terminated_meanwhile(void **state)
{
    (void)state;
    uint64_t map;
    struct fake_child *worker = one_result(CREWI_POOL_ANY_ROOM, &map);
    struct lent lent = lend(map, LARGE);
    uint64_t request = ask(worker, &lent);
    struct fake_call call = pool_call(CREWI_POOL_TERMINATE, byte_pool);
    fake_call(&byte_creator, &call, NULL, 0);
    fake_expect_refusal(&worker->client, request, CREW_ECANCELED, "nobody wants");
    request = ask(worker, &lent); /* once more, for nothing */
    fake_expect_reply(&worker->client, request, NULL, 0);
    byte_take(map, 1, CREW_ECANCELED);
}

/* Whoever lends what was not asked for, or twice, is killed. */
static void expect_death(struct fake_child *worker, const struct lent *lent)
{
    int before = worker->signals;
    ask(worker, lent);
    assert_int_equal(worker->signals, before + 1);
    assert_int_equal(worker->signal, SIGKILL);
}

static void what_cannot_be_lent(void **state)
{
    (void)state;
    uint64_t map;
    struct fake_child *worker = one_result(1000000, &map);
    struct lent good = lend(map, 1000000), bad = good;
    bad.result.bytes = 1000001;
    expect_death(worker, &bad);
    bad.result.bytes = 0;
    expect_death(worker, &bad);
    bad.result.bytes = UINT64_MAX;
    expect_death(worker, &bad);
    bad = good;
    bad.result.begin = 1;
    expect_death(worker, &bad);
    bad = good;
    bad.result.count = 0;
    expect_death(worker, &bad);
    bad = good;
    bad.result.count = UINT64_MAX;
    expect_death(worker, &bad);
    bad = good;
    bad.result.failure_bytes = 8;
    expect_death(worker, &bad);
    bad = good;
    bad.loan.pid = 1; /* another process */
    fake_expect_refusal(&worker->client, ask(worker, &bad), CREW_ENOTSUP, "cannot be read");
    struct fake_call call = pool_call(CREWI_POOL_LENT, byte_pool);
    call.head = &good;
    call.head_size = sizeof good - 1;
    int before = worker->signals;
    fake_ask(&worker->client, &call);
    fake_job_run(byte_job);
    assert_int_equal(worker->signals, before + 1);
    fake_expect_reply(&worker->client, ask(worker, &good), NULL, 0); /* it has not died yet */
    expect_large(map, 1000000);
}

static void lent_twice(void **state)
{
    (void)state;
    uint64_t map;
    struct fake_child *worker = one_result(CREWI_POOL_ANY_ROOM, &map);
    struct lent lent = lend(map, LARGE);
    ask(worker, &lent);
    expect_death(worker, &lent);
}

static void an_item(void **state)
{
    (void)state;
    struct byte_chunk chunk;
    struct crewi_loan loan;
    uint64_t map;
    unsigned char *copy = malloc(LARGE);
    assert_non_null(copy);
    struct fake_child *worker = one_task(LARGE, 10, &map, &chunk);
    assert_int_equal(chunk.head.flags,
                     CREWI_CHUNK_VARYING | CREWI_CHUNK_FETCHED | CREWI_CHUNK_LENT);
    assert_int_equal(chunk.pieces->size, LARGE);
    assert_int_equal(chunk.pieces->room, 10);
    memcpy(&loan, chunk.items, sizeof loan);
    assert_ptr_equal(chunk.items + sizeof loan, chunk.frame->payload + chunk.frame->header.size);
    assert_int_equal(crewi_loan_read(&loan, 0, copy, LARGE), CREW_OK);
    assert_int_equal(crewi_loan_check(&loan), CREW_OK);
    assert_true(copy[0] == 0 && copy[LARGE - 1] == 0);
    free(copy);
    crewi_frame_destroy(chunk.frame);
    struct crewi_pool_record record = {0};
    struct crewi_pool_result head = {.map = map, .count = 1, .bytes = sizeof record};
    pool_tell(worker, CREWI_POOL_RESULT, &head, sizeof head, &record, sizeof record);
    assert_int_equal(pool_progress(&byte_creator, map).over, 1);
    assert_int_not_equal(crewi_loan_check(&loan), CREW_OK); /* it is over */
    byte_close(map);
}

/* Results of one size each are fetched as well. */
static void of_one_size(void **state)
{
    (void)state;
    static const uint64_t item = 5;
    struct crewi_pool_submission submission = pool_submission(1, 0);
    struct crewi_pool_chunk chunk;
    uint64_t map;
    bool stop;
    submission.result_size = LARGE;
    submission.wants_statuses = 0;
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, byte_pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    call.body = &item;
    call.body_size = sizeof item;
    fake_call(&byte_creator, &call, &map, sizeof map);
    struct fake_child *worker = byte_worker(0);
    struct crewi_frame *frame = fake_delivery(&worker->client);
    assert_non_null(frame);
    memcpy(&chunk, frame->payload, sizeof chunk);
    crewi_frame_destroy(frame);
    assert_int_equal(chunk.flags, CREWI_CHUNK_FETCHED);
    assert_false(pool_next_chunk(worker, &chunk, &stop));
    struct lent lent = lend(map, 0);
    lent.result.result_size = LARGE;
    uint64_t request = ask(worker, &lent);
    fake_job_pass_time(byte_job, 1);
    fake_expect_reply(&worker->client, request, NULL, 0);
    struct fake_call take = result_call(CREWI_RESULT_TAKE, map);
    request = fake_ask(&byte_creator, &take);
    fake_job_run(byte_job);
    frame = fake_reply(&byte_creator, request);
    assert_non_null(frame);
    assert_int_equal(frame->header.size, sizeof(struct crewi_pool_outcome) + LARGE);
    assert_int_equal(frame->payload[frame->header.size - 1], 7);
    crewi_frame_destroy(frame);
}

/* A caller in the home's process gets the memory itself, and its own rooms are filled. */
static void in_the_same_process(void **state)
{
    (void)state;
    static char room[32];
    struct iovec items[3] = {{large, 100}, {large, 0}, {large, LARGE}},
                 results[3] = {{room, 32}, {NULL, 0}, {NULL, 0}};
    struct crewi_pool_submission submission = byte_submission(3, 3);
    uint64_t map;
    byte_creator.base.local = true;
    submission.shared = 1;
    submission.wants_statuses = 0;
    submission.items = (uint64_t)(uintptr_t)items;
    submission.results = (uint64_t)(uintptr_t)results;
    memset(large, 0, sizeof large);
    struct fake_call call = pool_call(CREWI_POOL_SUBMIT, byte_pool);
    call.head = &submission;
    call.head_size = sizeof submission;
    fake_call(&byte_creator, &call, &map, sizeof map);
    byte_work_all();
    byte_take(map, 0, CREW_OK);
    struct crewi_frame *frame = byte_fetch(map, 0, false);
    const struct crewi_pool_entry *entries =
        (const void *)(frame->payload + sizeof(struct crewi_pool_fetched));
    assert_int_equal(frame->header.size, sizeof(struct crewi_pool_fetched) + 3 * sizeof *entries);
    assert_true(entries[0].size == byte_size(1) && !entries[0].address && room[6] == 1);
    assert_true(entries[1].size == byte_size(2) && entries[1].address);
    free((void *)(uintptr_t)entries[1].address); /* ours now; the third is left to the home */
    free((void *)(uintptr_t)entries[2].address);
    crewi_frame_destroy(frame);
    byte_close(map);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, byte_pools_begin_lending, byte_pools_end)
    const struct CMUnitTest tests[] = {
        TEST(step_by_step),         TEST(not_there),
        TEST(gone_meanwhile),       TEST(a_dead_lender),
        TEST(terminated_meanwhile), TEST(what_cannot_be_lent),
        TEST(lent_twice),           TEST(an_item),
        TEST(of_one_size),          TEST(in_the_same_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
