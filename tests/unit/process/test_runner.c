/* SPDX-License-Identifier: BSD-3-Clause */
/* The rank that runs a process: what it refuses, with which status, and what it forgets. */
#include "base/clock.h"
#include "processes.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;

static int begin(void **state)
{
    (void)state;
    job = process_job_create(2);
    fake_client_begin(&creator, job, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_client_end(&creator);
    fake_job_run(job);
    process_job_destroy(job);
    return 0;
}

static uint64_t create(const struct crewi_process_spec *changed)
{
    struct crewi_process_spec spec = changed ? *changed : process_spec();
    spec.place = CREW_PLACE_RANK;
    spec.rank = 1;
    return process_create(&creator, &spec, NULL, 0);
}

static void start_refused(uint64_t process, crew_status status, const char *text)
{
    struct fake_call call = process_call(CREWI_PROCESS_START, process);
    fake_call_refused(&creator, &call, status, text);
    assert_int_equal(crewi_processes_of(fake_engine(job, 1))->hosted.count, 0);
    assert_int_equal(crewi_processes_of(fake_engine(job, 0))->loads[1].ordered, 0);
}

/* The order carries the address of the function as it is on that rank. */
static void the_function_is_found(void **state)
{
    struct crewi_process_order order;
    crewi_function *function;
    (void)state;
    struct fake_child *child = process_start(&creator, create(NULL), 1);
    memcpy(&order, child->start->payload, sizeof order);
    assert_int_equal(crewi_funcref_resolve(&order.spec.function, &function), CREW_OK);
    assert_true(order.function == (uint64_t)(uintptr_t)function);
    assert_int_equal(child->start->header.type, CREWI_DELIVERY);
    assert_int_equal(child->start->header.kind, CREWI_KIND_PROCESS);
}

/* <crew/process.h>: CREW_EBUILD when the rank does not have the function. */
static void a_function_that_the_rank_does_not_have(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec();
    memset(spec.function.build_id, 0xab, sizeof spec.function.build_id);
    start_refused(create(&spec), CREW_EBUILD, "build id abab");
    spec = process_spec();
    spec.function.offset = (uint64_t)1 << 50;
    start_refused(create(&spec), CREW_EBUILD, "not in the code");
    assert_int_equal(job->ranks[1].child_count, 0);
}

/* <crew/process.h>: CREW_ESTATE when the rank runs a process inside already; CREW_ESYSTEM when it
 * cannot fork. */
static void a_host_that_refuses(void **state)
{
    static const crew_status statuses[] = {CREW_ESYSTEM, CREW_ESTATE, CREW_ENOMEM};
    (void)state;
    uint64_t id = create(NULL);
    for (int i = 0; i < 3; i++) {
        job->ranks[1].spawn_status = statuses[i];
        start_refused(id, statuses[i], "the host cannot do it");
    }
    job->ranks[1].spawn_status = CREW_OK;
    process_start(&creator, id, 1);
    assert_int_equal(crewi_processes_of(fake_engine(job, 1))->hosted.count, 1);
}

static void nothing_is_kept_of_one_that_ended(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct fake_child *child = process_start(&creator, create(NULL), 1 + i);
        assert_int_equal(crewi_processes_of(fake_engine(job, 1))->hosted.count, 1);
        fake_child_ended(child, 0);
        assert_int_equal(crewi_processes_of(fake_engine(job, 1))->hosted.count, 0);
        job->ranks[1].child_count = 0;
    }
}

/* A signal on its way while the process ends finds nobody. */
static void a_signal_that_is_late(void **state)
{
    int32_t number = SIGTERM;
    (void)state;
    uint64_t id = create(NULL);
    struct fake_child *child = process_start(&creator, id, 1);
    struct fake_call call = process_call(CREWI_PROCESS_SIGNAL, id);
    call.head = &number;
    call.head_size = sizeof number;
    uint64_t request = fake_ask(&creator, &call);
    crewi_engine_run(fake_engine(job, 0), job->now_ns); /* the order is on the wire */
    assert_non_null(job->ranks[1].wire.first);
    struct crewi_frame *order = crewi_frames_pop(&job->ranks[1].wire);
    fake_child_ended(child, 0);
    crewi_frames_push(&job->ranks[1].wire, order);
    fake_expect_reply(&creator, request, NULL, 0);
    assert_int_equal(child->signals, 0);
}

static void reports_about_nobody(void **state)
{
    static const uint8_t ops[] = {
        CREWI_PROCESS_SPAWNED,  CREWI_PROCESS_ENDED,  CREWI_PROCESS_STOP,   CREWI_PROCESS_SPAWN,
        CREWI_OP_CHILD_STARTED, CREWI_OP_CHILD_ENDED, CREWI_OP_CHILD_FAILED};
    struct crewi_process_report report = {.process = (uint64_t)CREWI_KIND_PROCESS << 60 | 999};
    (void)state;
    uint64_t id = create(NULL);
    for (size_t i = 0; i < sizeof ops; i++) {
        struct crewi_outgoing note = {
            .kind = CREWI_KIND_PROCESS, .op = ops[i], .rank = 0, .head = &report};
        for (note.head_size = 0; note.head_size <= sizeof report; note.head_size += 8) {
            assert_int_equal(crewi_engine_tell(fake_engine(job, 1), &note), CREW_OK);
            fake_job_run(job);
        }
    }
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_CREATED);
}

static void report(uint8_t op, uint64_t process, const char *data, size_t size)
{
    struct crewi_process_report head = {.process = process, .draft_size = (uint32_t)(size / 2)};
    struct crewi_outgoing note = {.kind = CREWI_KIND_PROCESS,
                                  .op = op,
                                  .rank = 0,
                                  .head = &head,
                                  .head_size = sizeof head,
                                  .body = data,
                                  .body_size = size / 4};
    assert_int_equal(crewi_engine_tell(fake_engine(job, 1), &note), CREW_OK);
    fake_job_run(job);
}

/* It has not been started, or has ended; or more is said to follow than does. */
static void reports_out_of_turn(void **state)
{
    (void)state;
    uint64_t id = create(NULL);
    report(CREWI_PROCESS_SPAWNED, id, NULL, 0);
    report(CREWI_PROCESS_ENDED, id, NULL, 0);
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_CREATED);
    struct fake_child *child = process_start(&creator, id, 1);
    report(CREWI_PROCESS_SPAWNED, id, NULL, 0);
    report(CREWI_PROCESS_ENDED, id, "four", 4);
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_RUNNING);
    fake_child_ended(child, FAKE_EXIT(3));
    report(CREWI_PROCESS_ENDED, id, NULL, 0);
    report(CREWI_PROCESS_SPAWNED, id, NULL, 0);
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_OVER);
    assert_int_equal(process_query(&creator, id).exitcode, 3);
}

static void order(const struct crewi_process_order *bad)
{
    struct crewi_outgoing note = {.kind = CREWI_KIND_PROCESS,
                                  .op = CREWI_PROCESS_SPAWN,
                                  .rank = 1,
                                  .head = bad,
                                  .head_size = sizeof *bad};
    assert_int_equal(crewi_engine_tell(fake_engine(job, 0), &note), CREW_OK);
    fake_job_run(job);
}

static void orders_that_cannot_be(void **state)
{
    struct crewi_process_order good = {.spec = process_spec(), .path = "1"}, bad;
    (void)state;
    uint64_t hosted = create(NULL);
    process_start(&creator, hosted, 1);
    good.process = hosted + 1;
    bad = good;
    bad.process = 0;
    order(&bad);
    bad.process = (uint64_t)CREWI_KIND_POOL << 60 | 1;
    order(&bad);
    bad.process = hosted;
    order(&bad);
    bad = good;
    memset(bad.spec.name, 'x', sizeof bad.spec.name);
    order(&bad);
    bad = good;
    memset(bad.path, 'x', sizeof bad.path);
    order(&bad);
    bad = good;
    bad.spec.rank = 2;
    order(&bad);
    bad = good;
    bad.share_count = UINT64_MAX;
    order(&bad);
    bad = good;
    bad.environment_size = 1;
    order(&bad);
    assert_int_equal(job->ranks[1].child_count, 1);
    order(&good);
    assert_int_equal(job->ranks[1].child_count, 2);
}

/* What other ranks say about their load, or what a child writes into a doorbell page, may be any
 * number. */
static void every_rank_is_full(void **state)
{
    struct crewi_process_spec spec = process_spec();
    (void)state;
    for (uint32_t rank = 0; rank < 2; rank++)
        crewi_processes_of(fake_engine(job, 0))->loads[rank].hosted = UINT32_MAX;
    crewi_processes_of(fake_engine(job, 0))->loads[0].ordered = UINT32_MAX;
    process_start(&creator, process_create(&creator, &spec, NULL, 0), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_function_is_found), TEST(a_function_that_the_rank_does_not_have),
        TEST(a_host_that_refuses),   TEST(nothing_is_kept_of_one_that_ended),
        TEST(a_signal_that_is_late), TEST(reports_about_nobody),
        TEST(reports_out_of_turn),   TEST(orders_that_cannot_be),
        TEST(every_rank_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
