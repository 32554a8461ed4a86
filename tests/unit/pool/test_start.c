/* SPDX-License-Identifier: BSD-3-Clause */
/* A pool begins, or does not. */
#include "base/clock.h"
#include "pools.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator;
static size_t objects_before;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(2);
    fake_client_begin(&creator, job, 0);
    objects_before = fake_engine(job, 0)->objects.count;
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (creator.attached)
        fake_client_end(&creator);
    fake_job_run(job);
    pool_job_destroy(job);
    return 0;
}

static uint64_t ask(int workers)
{
    struct crewi_pool_spec spec = pool_spec(workers);
    return pool_ask(&creator, &spec, NULL, 0);
}

/* The i-th that a rank was asked to spawn. */
static struct fake_child *child(int rank, int i)
{
    assert_true(i < job->ranks[rank].child_count);
    return &job->ranks[rank].children[i];
}

static void expect_nothing_left(void)
{
    assert_int_equal(fake_engine(job, 0)->objects.count, objects_before);
    for (int rank = 0; rank < 2; rank++)
        for (int i = 0; i < job->ranks[rank].child_count; i++)
            assert_false(child(rank, i)->client.attached);
}

static void workers_go_round_the_ranks(void **state)
{
    static const char *const names[] = {"PoolWorker-1", "PoolWorker-2", "PoolWorker-3",
                                        "PoolWorker-4", "PoolWorker-5"};
    (void)state;
    uint64_t pool = pool_open(&creator, 5);
    for (int place = 0; place < 5; place++) {
        struct fake_child *worker = pool_worker(&creator, pool, place);
        assert_ptr_equal(worker->client.rank, &job->ranks[place % 2]);
        assert_string_equal(worker->name, names[place]);
        struct crewi_process_info info = process_query(&creator, worker->process);
        assert_int_equal(info.daemon, 1);
        assert_int_equal(info.creator, creator.base.process);
    }
}

static void workers_are_described(void **state)
{
    crew_worker_info infos[3];
    (void)state;
    uint64_t pool = pool_open(&creator, 3), map = pool_submit(&creator, pool, 10, 0);
    pool_work(pool_worker(&creator, pool, 1));
    struct fake_call call = pool_call(CREWI_POOL_WORKERS, pool);
    fake_call(&creator, &call, infos, sizeof infos);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(infos[i].process.id, pool_worker(&creator, pool, i)->process);
        assert_int_equal(infos[i].pid, pool_worker(&creator, pool, i)->pid);
        assert_int_equal(infos[i].rank, i % 2);
        assert_int_equal(infos[i].core, pool_worker(&creator, pool, i)->core);
    }
    assert_int_equal(infos[0].tasks, 0);
    assert_true(infos[1].tasks > 0);
    assert_true(infos[1].busy_s > 0.0009 * (double)infos[1].tasks &&
                infos[1].busy_s < 0.0011 * (double)infos[1].tasks);
    assert_int_equal(pool_progress(&creator, map).done, infos[1].tasks);
}

static void one_to_a_core(void **state)
{
    (void)state;
    uint64_t pool = pool_open(&creator, 4); /* two cores on each rank */
    for (int place = 0; place < 4; place++)
        assert_int_equal(pool_worker(&creator, pool, place)->core, place / 2);
    pool = pool_open(&creator, 5); /* too many for rank 0 */
    assert_int_equal(pool_worker(&creator, pool, 0)->core, -1);
    assert_int_equal(pool_worker(&creator, pool, 4)->core, -1);
    assert_int_equal(pool_worker(&creator, pool, 1)->core, 0);
    assert_int_equal(pool_worker(&creator, pool, 3)->core, 1);
}

static void not_bound(void **state)
{
    (void)state;
    struct crewi_pool_spec spec = pool_spec(2);
    spec.bind = 0;
    pool_ask(&creator, &spec, NULL, 0);
    spec.bind = 1;
    spec.inside = 1;
    pool_ask(&creator, &spec, NULL, 0);
    for (int rank = 0; rank < 2; rank++) {
        assert_int_equal(child(rank, 0)->core, -1);
        assert_false(child(rank, 0)->inside);
        assert_int_equal(child(rank, 1)->core, -1);
        assert_true(child(rank, 1)->inside);
    }
}

static void the_initializers_argument_comes_along(void **state)
{
    struct crewi_pool_worker_arg arg;
    (void)state;
    struct crewi_pool_spec spec = pool_spec(1);
    spec.initialized = 1;
    spec.initializer = spec.worker;
    pool_ask(&creator, &spec, "what it needs", 14);
    const unsigned char *payload = child(0, 0)->start->payload + sizeof(struct crewi_process_order);
    memcpy(&arg, payload, sizeof arg);
    assert_int_equal(arg.initialized, 1);
    assert_memory_equal(&arg.initializer, &spec.worker, sizeof spec.worker);
    assert_string_equal((const char *)payload + sizeof arg, "what it needs");
}

static void all_have_to_be_ready(void **state)
{
    uint64_t pool;
    (void)state;
    uint64_t request = ask(3);
    pool_start_all(job);
    pool_ready(child(0, 0));
    pool_ready(child(1, 0));
    pool_ready(child(1, 0)); /* says it twice */
    fake_expect_parked(&creator, request);
    pool_ready(child(0, 1));
    fake_expect_reply(&creator, request, &pool, sizeof pool);
}

static void one_dies_before_it_is_ready(void **state)
{
    (void)state;
    uint64_t request = ask(3);
    for (int i = 0; i < 3; i++) { /* more often than it may */
        fake_expect_parked(&creator, request);
        assert_int_equal(child(0, 1)->signals, 0);
        pool_start_all(job);
        if (!i)
            pool_ready(child(0, 0));
        fake_child_ended(child(1, i), FAKE_EXIT(3));
    }
    fake_expect_parked(&creator, request); /* until the others have ended */
    bool stop;
    struct crewi_pool_chunk chunk;
    assert_false(pool_next_chunk(child(0, 0), &chunk, &stop));
    assert_true(stop);
    assert_int_equal(child(0, 1)->signal, SIGKILL);
    fake_child_ended(child(0, 1), FAKE_SIGNAL(SIGKILL));
    fake_expect_parked(&creator, request);
    fake_child_ended(child(0, 0), FAKE_EXIT(0));
    fake_expect_refusal(&creator, request, CREW_EBROKEN, "ended with exit code 3");
    expect_nothing_left();
}

/* Another one takes its place, also of one that was ready when others were not. */
static void some_die_before_all_are_ready(void **state)
{
    uint64_t pool;
    (void)state;
    uint64_t request = ask(2);
    pool_start_all(job);
    fake_child_ended(child(1, 0), FAKE_SIGNAL(SIGKILL));
    pool_ready(child(0, 0));
    fake_child_ended(child(0, 0), FAKE_EXIT(0));
    pool_start_all(job);
    pool_ready(child(1, 1));
    fake_expect_parked(&creator, request);
    pool_ready(child(0, 1));
    fake_expect_reply(&creator, request, &pool, sizeof pool);
}

/* It is tried again, in a pool that begins as in one that goes on. */
static void some_cannot_be_forked(void **state)
{
    uint64_t pool;
    (void)state;
    uint64_t request = ask(1);
    fake_child_failed(child(0, 0), EAGAIN);
    fake_child_failed(child(0, 1), EAGAIN);
    fake_child_started(child(0, 2), 5);
    pool_ready(child(0, 2));
    fake_expect_reply(&creator, request, &pool, sizeof pool);
    uint64_t map = pool_submit(&creator, pool, 4, 1);
    fake_child_ended(child(0, 2), FAKE_SIGNAL(SIGKILL));
    fake_child_failed(child(0, 3), EAGAIN);
    fake_child_failed(child(0, 4), ENOMEM);
    fake_child_started(child(0, 5), 6);
    pool_ready(child(0, 5));
    for (int i = 0; i < 4; i++)
        pool_work(child(0, 5));
    pool_expect_all(&creator, map, 4);
}

static void one_cannot_be_forked(void **state)
{
    (void)state;
    uint64_t request = ask(2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(child(0, 0)->signals, 0);
        fake_child_failed(child(1, i), EAGAIN);
    }
    fake_expect_parked(&creator, request);
    assert_int_equal(child(0, 0)->signal, SIGKILL);
    fake_child_started(child(0, 0), 5);
    fake_child_ended(child(0, 0), FAKE_SIGNAL(SIGKILL));
    fake_expect_refusal(&creator, request, CREW_ESYSTEM,
                        "could not be started: fork on rank 1: Resource temporarily");
    expect_nothing_left();
}

static void none_can_be_spawned(void **state)
{
    (void)state;
    job->ranks[0].spawn_status = job->ranks[1].spawn_status = CREW_ESTATE;
    uint64_t request = ask(4);
    fake_expect_refusal(&creator, request, CREW_ESTATE,
                        "could not be started: the host cannot do it");
    expect_nothing_left();
}

static void say_unfit(struct fake_child *worker, int32_t status, const char *reason)
{
    struct fake_call note = pool_call(CREWI_POOL_UNFIT, pool_of(worker));
    note.head = &status;
    note.head_size = sizeof status;
    note.body = reason;
    note.body_size = strlen(reason);
    fake_tell(&worker->client, &note);
    fake_job_run(job);
}

/* The others are told once to end, and not again for each one that fails. */
static void many_cannot_be_spawned(void **state)
{
    (void)state;
    job->ranks[1].spawn_status = CREW_ESYSTEM;
    uint64_t request = ask(40);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(child(0, i)->signals, 1);
        fake_child_started(child(0, i), 1 + i);
        fake_child_ended(child(0, i), FAKE_SIGNAL(SIGKILL));
    }
    fake_expect_refusal(&creator, request, CREW_ESYSTEM, "could not be started");
    expect_nothing_left();
}

static void an_initializer_that_fails(void **state)
{
    (void)state;
    uint64_t request = ask(2);
    pool_start_all(job);
    say_unfit(child(1, 0), CREW_EDOMAIN, "no such file");
    assert_int_equal(child(0, 0)->signal, SIGKILL);
    fake_child_ended(child(1, 0), FAKE_EXIT(1));
    fake_expect_parked(&creator, request);
    say_unfit(child(0, 0), CREW_EPERM, "another reason"); /* the first one counts */
    fake_child_ended(child(0, 0), FAKE_EXIT(1));
    fake_expect_refusal(&creator, request, CREW_EDOMAIN,
                        "the initializer failed on rank 1 (node1): no such file");
    expect_nothing_left();
}

/* The reason that is given belongs to the status: both are those of the first failure. */
static void the_first_failure_counts(void **state)
{
    (void)state;
    uint64_t request = ask(2);
    fake_child_started(child(1, 0), 5);
    say_unfit(child(1, 0), CREW_EDOMAIN, "no such file");
    fake_child_failed(child(0, 0), ENOMEM);
    fake_child_ended(child(1, 0), FAKE_EXIT(1));
    fake_expect_refusal(&creator, request, CREW_EDOMAIN, "no such file");
}

static void the_creator_dies_meanwhile(void **state)
{
    (void)state;
    struct fake_client second;
    fake_client_begin(&second, job, 0);
    ask(3);
    fake_child_started(child(0, 0), 1);
    pool_ready(child(0, 0));
    fake_client_end(&creator);
    fake_job_run(job);
    assert_int_equal(child(0, 1)->signal, SIGKILL);
    assert_int_equal(child(1, 0)->signal, SIGKILL);
    fake_child_ended(child(0, 0), FAKE_SIGNAL(SIGKILL));
    fake_child_failed(child(1, 0), EAGAIN);
    fake_child_started(child(0, 1), 2);
    pool_ready(child(0, 1)); /* too late */
    fake_child_ended(child(0, 1), FAKE_SIGNAL(SIGKILL));
    expect_nothing_left();
    assert_null(second.arrived.first); /* in the creator's place */
    fake_client_end(&second);
}

static void descriptions_that_cannot_be(void **state)
{
    (void)state;
    struct crewi_pool_spec good = pool_spec(1), bad;
    static const int counts[] = {0, -1, CREWI_WORKER_LIMIT + 1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        bad = good;
        bad.workers = counts[i];
        fake_expect_refusal(&creator, pool_ask(&creator, &bad, NULL, 0), CREW_EPROTO, "malformed");
    }
    bad = good;
    memset(bad.creator_name, 'x', sizeof bad.creator_name);
    fake_expect_refusal(&creator, pool_ask(&creator, &bad, NULL, 0), CREW_EPROTO, "malformed");
    bad = good;
    memset(bad.creator_path, 'x', sizeof bad.creator_path);
    fake_expect_refusal(&creator, pool_ask(&creator, &bad, NULL, 0), CREW_EPROTO, "malformed");
    struct fake_call call = {.kind = CREWI_KIND_POOL,
                             .op = CREWI_POOL_CREATE,
                             .head = &good,
                             .head_size = sizeof good - 1};
    fake_call_refused(&creator, &call, CREW_EPROTO, "malformed");
    call.op = CREWI_POOL_SUBMIT;
    fake_call_refused(&creator, &call, CREW_EPROTO, "no operation 2 on pools");
    expect_nothing_left();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(workers_go_round_the_ranks),
        TEST(workers_are_described),
        TEST(one_to_a_core),
        TEST(not_bound),
        TEST(the_initializers_argument_comes_along),
        TEST(all_have_to_be_ready),
        TEST(one_dies_before_it_is_ready),
        TEST(some_die_before_all_are_ready),
        TEST(some_cannot_be_forked),
        TEST(one_cannot_be_forked),
        TEST(none_can_be_spawned),
        TEST(many_cannot_be_spawned),
        TEST(an_initializer_that_fails),
        TEST(the_first_failure_counts),
        TEST(the_creator_dies_meanwhile),
        TEST(descriptions_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
