/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a process at its home, as its creator and others see it. */
#include "base/clock.h"
#include "processes.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client creator, stranger;

static int begin(void **state)
{
    (void)state;
    job = process_job_create(3);
    fake_client_begin(&creator, job, 0);
    fake_client_begin(&stranger, job, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (creator.attached)
        fake_client_end(&creator);
    fake_client_end(&stranger);
    fake_job_run(job);
    process_job_destroy(job);
    return 0;
}

static uint64_t create(void)
{
    struct crewi_process_spec spec = process_spec();
    return process_create(&creator, &spec, NULL, 0);
}

static uint64_t create_on(int rank)
{
    struct crewi_process_spec spec = process_spec();
    spec.place = CREW_PLACE_RANK;
    spec.rank = rank;
    return process_create(&creator, &spec, NULL, 0);
}

static uint64_t ask(struct fake_client *client, uint8_t op, uint64_t process)
{
    struct fake_call call = process_call(op, process);
    return fake_ask(client, &call);
}

static void call(uint8_t op, uint64_t process)
{
    fake_expect_reply(&creator, ask(&creator, op, process), NULL, 0);
}

/* A join that has ended since the process has: one byte, where one whose time is over brings none.
 */
static void expect_joined(uint64_t join)
{
    char ended = 0;
    fake_expect_reply(&creator, join, &ended, 1);
    assert_int_equal(ended, 1);
}

static void join(uint64_t process)
{
    expect_joined(ask(&creator, CREWI_PROCESS_JOIN, process));
}

static void refused(struct fake_client *client, uint8_t op, uint64_t process, crew_status status,
                    const char *text)
{
    fake_expect_refusal(client, ask(client, op, process), status, text);
}

static uint64_t ask_signal(struct fake_client *client, uint64_t process, int32_t number)
{
    struct fake_call asked = process_call(CREWI_PROCESS_SIGNAL, process);
    asked.head = &number;
    asked.head_size = sizeof number;
    return fake_ask(client, &asked);
}

static void a_life(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec();
    spec.place = CREW_PLACE_RANK;
    spec.rank = 2;
    spec.daemon = 1;
    uint64_t id = process_create(&creator, &spec, "argument", 9);
    struct crewi_process_info info = process_query(&creator, id);
    assert_int_equal(info.state, CREWI_PROCESS_CREATED);
    assert_int_equal(info.creator, creator.base.process);
    assert_int_equal(info.rank, 2);
    assert_int_equal(info.pid, 0);
    assert_int_equal(info.daemon, 1);
    assert_string_equal(info.name, "Process-1");

    struct fake_child *child = process_start(&creator, id, 321);
    assert_ptr_equal(child->client.rank, &job->ranks[2]);
    assert_string_equal(child->name, "Process-1");
    assert_int_equal(child->core, -1);
    assert_false(child->inside);
    struct crewi_process_order order;
    assert_int_equal(child->start->header.size, sizeof order + 9);
    memcpy(&order, child->start->payload, sizeof order);
    assert_int_equal(order.process, id);
    assert_int_equal(order.spec.creator, creator.base.process);
    assert_string_equal(order.path, "1");
    assert_memory_equal(child->start->payload + sizeof order, "argument", 9);
    info = process_query(&creator, id);
    assert_int_equal(info.state, CREWI_PROCESS_RUNNING);
    assert_int_equal(info.pid, 321);

    fake_child_ended(child, FAKE_EXIT(17));
    info = process_query(&creator, id);
    assert_int_equal(info.state, CREWI_PROCESS_OVER);
    assert_int_equal(info.exitcode, 17);
    assert_int_equal(info.pid, 321);
    join(id);
    join(id);
    call(CREWI_PROCESS_CLOSE, id);
    call(CREWI_PROCESS_CLOSE, id); /* again */
    refused(&stranger, CREWI_PROCESS_CLOSE, id, CREW_EPERM, "only the process that created");
    refused(&creator, CREWI_PROCESS_JOIN, id, CREW_ECLOSED, "Process-1 was closed");
    info = process_query(&creator, id);
    assert_int_equal(info.state, CREWI_PROCESS_GONE);
    assert_string_equal(info.name, "Process-1");
}

/* What is kept of closed ones has a bound. */
static void old_names_are_forgotten(void **state)
{
    (void)state;
    uint64_t first = create(), last = 0;
    size_t before = fake_engine(job, 0)->objects.count;
    call(CREWI_PROCESS_CLOSE, first);
    for (int i = 0; i < CREWI_CLOSED_NAMES; i++) {
        assert_int_equal(process_query(&creator, first).state, CREWI_PROCESS_GONE);
        last = create();
        call(CREWI_PROCESS_CLOSE, last);
    }
    refused(&creator, CREWI_PROCESS_QUERY, first, CREW_ENOENT, "no such process");
    assert_int_equal(process_query(&creator, last).state, CREWI_PROCESS_GONE);
    assert_int_equal(fake_engine(job, 0)->objects.count, before - 1 + CREWI_CLOSED_NAMES);
}

static void tell_environment(const char *packed, size_t size)
{
    struct fake_call told = process_call(CREWI_PROCESS_ENVIRONMENT, 0);
    told.rank = 0;
    told.head = packed;
    told.head_size = size;
    fake_expect_reply(&creator, fake_ask(&creator, &told), NULL, 0);
}

/* Each rank of a fake job is a host of its own. */
static void expect_environment(int rank, const char *packed, size_t size)
{
    struct crewi_process_spec spec = process_spec();
    spec.place = CREW_PLACE_RANK;
    spec.rank = rank;
    uint64_t id = process_create(&creator, &spec, "argument", 9);
    struct fake_child *child = process_start(&creator, id, 1);
    struct crewi_process_order order;
    assert_int_equal(child->start->header.size, sizeof order + size + 9);
    memcpy(&order, child->start->payload, sizeof order);
    assert_int_equal(order.environment_size, size);
    assert_memory_equal(child->start->payload + sizeof order, packed, size);
    assert_memory_equal(child->start->payload + sizeof order + size, "argument", 9);
}

/* What a creator has told goes to the children that it starts from then on, and to no other's. */
static void environments(void **state)
{
    (void)state;
    expect_environment(0, "", 0);
    tell_environment("/usr\0A=1", 9);
    expect_environment(0, "/usr\0A=1", 9);
    expect_environment(1, "", 0);
    tell_environment("\0A=2\0B", 7);
    expect_environment(0, "\0A=2\0B", 7);
    expect_environment(0, "\0A=2\0B", 7);
    struct crewi_process_spec spec = process_spec();
    uint64_t other = process_create(&stranger, &spec, NULL, 0);
    struct fake_child *child = process_start(&stranger, other, 1);
    assert_int_equal(child->start->header.size, sizeof(struct crewi_process_order));
    tell_environment("", 0);
    expect_environment(0, "", 0);
    tell_environment("\0A=3", 5); /* freed with the creator, or with the job */
}

static void exit_codes(void **state)
{
    static const struct {
        int wait_status, exitcode;
    } ends[] = {{FAKE_EXIT(0), 0},
                {FAKE_EXIT(255), 255},
                {FAKE_SIGNAL(SIGKILL), -SIGKILL},
                {FAKE_SIGNAL(SIGTERM), -15},
                {FAKE_SIGNAL(SIGSEGV) | 0x80, -11}}; /* with a core */
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        uint64_t id = create();
        fake_child_ended(process_start(&creator, id, 1), ends[i].wait_status);
        assert_int_equal(process_query(&creator, id).exitcode, ends[i].exitcode);
        assert_int_equal(crewi_exitcode(ends[i].wait_status), ends[i].exitcode);
    }
}

static void start_twice(void **state)
{
    (void)state;
    uint64_t id = create();
    uint64_t first = ask(&creator, CREWI_PROCESS_START, id);
    refused(&creator, CREWI_PROCESS_START, id, CREW_ESTATE,
            "Process-1 was started before"); /* while it starts */
    fake_expect_parked(&creator, first);
    struct fake_child *child = fake_find_child(job, id);
    fake_child_started(child, 1);
    fake_expect_reply(&creator, first, NULL, 0);
    refused(&creator, CREWI_PROCESS_START, id, CREW_ESTATE, "was started before");
    fake_child_ended(child, 0);
    refused(&creator, CREWI_PROCESS_START, id, CREW_ESTATE, "was started before");
    int asked = 0;
    for (int rank = 0; rank < 3; rank++)
        asked += job->ranks[rank].child_count;
    assert_int_equal(asked, 1);
}

static void joins(void **state)
{
    (void)state;
    uint64_t id = create();
    refused(&creator, CREWI_PROCESS_JOIN, id, CREW_ESTATE, "Process-1 was not started");
    struct fake_child *child = process_start(&creator, id, 1);
    struct fake_call brief = process_call(CREWI_PROCESS_JOIN, id);
    brief.timeout_ns = 0;
    fake_call(&creator, &brief, NULL, 0); /* answered at once, whatever it does */
    brief.timeout_ns = -1;
    fake_call(&creator, &brief, NULL, 0);
    brief.timeout_ns = 1000;
    uint64_t limited = fake_ask(&creator, &brief);
    uint64_t one = ask(&creator, CREWI_PROCESS_JOIN, id),
             two = ask(&creator, CREWI_PROCESS_JOIN, id);
    fake_expect_parked(&creator, limited);
    fake_job_pass_time(job, 999);
    fake_expect_parked(&creator, limited);
    fake_job_pass_time(job, 1);
    fake_expect_reply(&creator, limited, NULL, 0);
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_RUNNING);
    fake_job_pass_time(job, 1000000 * CREWI_SECOND);
    fake_expect_parked(&creator, one);
    fake_child_ended(child, 0);
    expect_joined(one);
    expect_joined(two);
}

static void a_join_while_it_starts(void **state)
{
    (void)state;
    uint64_t id = create(), start = ask(&creator, CREWI_PROCESS_START, id);
    uint64_t asked = ask(&creator, CREWI_PROCESS_JOIN, id);
    fake_expect_parked(&creator, asked);
    struct fake_child *child = fake_find_child(job, id);
    fake_child_started(child, 1);
    fake_expect_reply(&creator, start, NULL, 0);
    fake_expect_parked(&creator, asked);
    fake_child_ended(child, 0);
    expect_joined(asked);
}

static void only_the_creator_may(void **state)
{
    static const uint8_t ops[] = {CREWI_PROCESS_START, CREWI_PROCESS_JOIN, CREWI_PROCESS_CLOSE,
                                  CREWI_PROCESS_SIGNAL};
    (void)state;
    uint64_t id = create();
    for (size_t i = 0; i < sizeof ops; i++)
        refused(&stranger, ops[i], id, CREW_EPERM,
                "only the process that created Process-1 (MainProcess)");
    struct fake_child *child = process_start(&creator, id, 1);
    for (size_t i = 0; i < sizeof ops; i++)
        refused(&child->client, ops[i], id, CREW_EPERM,
                "only the process that created"); /* not itself either */
    assert_int_equal(process_query(&stranger, id).state, CREWI_PROCESS_RUNNING);
    assert_int_equal(child->signals, 0);
}

static void close_while_it_runs(void **state)
{
    (void)state;
    uint64_t id = create(), start = ask(&creator, CREWI_PROCESS_START, id);
    refused(&creator, CREWI_PROCESS_CLOSE, id, CREW_ESTATE, "Process-1 is running");
    struct fake_child *child = fake_find_child(job, id);
    fake_child_started(child, 1);
    fake_expect_reply(&creator, start, NULL, 0);
    refused(&creator, CREWI_PROCESS_CLOSE, id, CREW_ESTATE, "is running");
    fake_child_ended(child, 0);
    call(CREWI_PROCESS_CLOSE, id);
    uint64_t never = create();
    call(CREWI_PROCESS_CLOSE, never); /* not started: closed as well */
    refused(&creator, CREWI_PROCESS_START, never, CREW_ECLOSED, "was closed");
}

static void signals(void **state)
{
    (void)state;
    uint64_t id = create_on(1);
    fake_expect_refusal(&creator, ask_signal(&creator, id, SIGTERM), CREW_ESTATE,
                        "was not started");
    struct fake_child *child = process_start(&creator, id, 1);
    fake_expect_reply(&creator, ask_signal(&creator, id, SIGTERM), NULL, 0);
    assert_int_equal(child->signal, SIGTERM);
    fake_expect_reply(&creator, ask_signal(&creator, id, SIGKILL), NULL, 0);
    assert_int_equal(child->signal, SIGKILL);
    assert_int_equal(child->signals, 2);
    fake_child_ended(child, FAKE_SIGNAL(SIGKILL));
    fake_expect_reply(&creator, ask_signal(&creator, id, SIGTERM), NULL, 0); /* left alone */
    assert_int_equal(child->signals, 2);
    refused(&creator, CREWI_PROCESS_SIGNAL, id, CREW_EPROTO, "a signal of 0 bytes");
}

static void force_is_not_for_processes_inside(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec();
    spec.inside = 1;
    uint64_t id = process_create(&creator, &spec, NULL, 0);
    struct fake_child *child = process_start(&creator, id, 1);
    assert_true(child->inside);
    fake_expect_refusal(&creator, ask_signal(&creator, id, SIGKILL), CREW_ENOTSUP,
                        "CREW_START_FORKSERVER");
    assert_int_equal(child->signals, 0);
    fake_expect_reply(&creator, ask_signal(&creator, id, SIGTERM), NULL, 0);
    assert_int_equal(child->signal, SIGTERM);
    fake_child_ended(child, FAKE_SIGNAL(SIGTERM));
    fake_expect_reply(&creator, ask_signal(&creator, id, SIGKILL), NULL, 0);
}

static void names(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec(), named = process_spec();
    strcpy(named.name, "producer");
    uint64_t one = create(), two = process_create(&creator, &named, NULL, 0), three = create();
    assert_string_equal(process_query(&creator, one).name, "Process-1");
    assert_string_equal(process_query(&creator, two).name, "producer");
    assert_string_equal(process_query(&creator, three).name,
                        "Process-3"); /* the name by hand took a number */

    /* Process-3 makes two, and the second of those one: each counts by itself, on whatever rank it
     * is. */
    struct fake_child *child = process_start(&creator, three, 1);
    struct crewi_process_order order;
    memcpy(&order, child->start->payload, sizeof order);
    assert_string_equal(order.path, "3");
    strcpy(spec.creator_path, order.path);
    process_create(&child->client, &spec, NULL, 0);
    uint64_t second = process_create(&child->client, &spec, NULL, 0);
    assert_string_equal(process_query(&child->client, second).name, "Process-3:2");
    struct fake_child *grandchild = process_start(&child->client, second, 2);
    memcpy(&order, grandchild->start->payload, sizeof order);
    assert_string_equal(order.path, "3:2");
    strcpy(spec.creator_path, order.path);
    strcpy(spec.prefix, "Worker");
    uint64_t third = process_create(&grandchild->client, &spec, NULL, 0);
    assert_string_equal(process_query(&grandchild->client, third).name, "Worker-3:2:1");
}

static void names_that_do_not_fit(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec();
    memset(spec.creator_path, '1', sizeof spec.creator_path - 4);
    struct fake_call create_call = {.kind = CREWI_KIND_PROCESS,
                                    .op = CREWI_PROCESS_CREATE,
                                    .head = &spec,
                                    .head_size = sizeof spec};
    size_t before = fake_engine(job, 0)->objects.count;
    fake_call_refused(&creator, &create_call, CREW_ESTATE, "nested too deeply");
    memset(spec.creator_path, '1', sizeof spec.creator_path - 1);
    fake_call_refused(&creator, &create_call, CREW_ESTATE, "nested too deeply");
    assert_int_equal(fake_engine(job, 0)->objects.count, before);
}

static void descriptions_that_cannot_be(void **state)
{
    (void)state;
    struct crewi_process_spec good = process_spec(), bad;
    struct fake_call create_call = {.kind = CREWI_KIND_PROCESS,
                                    .op = CREWI_PROCESS_CREATE,
                                    .head = &bad,
                                    .head_size = sizeof bad - 1};
    bad = good;
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed process request: operation ");
    create_call.head_size = sizeof bad;
    memset(bad.name, 'n', sizeof bad.name);
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed");
    bad = good;
    memset(bad.prefix, 'n', sizeof bad.prefix);
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed");
    bad = good;
    memset(bad.creator_name, 'n', sizeof bad.creator_name);
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed");
    bad = good;
    memset(bad.creator_path, 'n', sizeof bad.creator_path);
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed");
    bad = good;
    bad.place = CREW_PLACE_RANK;
    bad.rank = 3;
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed");
    bad.rank = -1;
    fake_call_refused(&creator, &create_call, CREW_EPROTO, "malformed");
    refused(&creator, 40, 0, CREW_EPROTO, "no operation 40");
    refused(&creator, 41, create(), CREW_EPROTO, "no operation 41");
}

/* A client cannot have others watch, nor create in another's name. */
static void forged_descriptions(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec();
    spec.creator = stranger.base.process;
    spec.watcher = (uint64_t)CREWI_KIND_POOL << 60 | 5;
    uint64_t id = process_create(&creator, &spec, NULL, 0);
    assert_int_equal(process_query(&creator, id).creator, creator.base.process);
    fake_child_ended(process_start(&creator, id, 1), 0);
    join(id);
}

static void placement_by_turns(void **state)
{
    struct fake_child *children[7];
    (void)state;
    for (int i = 0; i < 6; i++) {
        uint64_t id = create();
        assert_int_equal(process_query(&creator, id).rank, -1);
        children[i] = process_start(&creator, id, 1 + i);
        assert_int_equal(process_query(&creator, id).rank, i % 3);
    }
    fake_child_ended(children[4], 0);
    uint64_t id = create();
    process_start(&creator, id, 10);
    assert_int_equal(process_query(&creator, id).rank, 1); /* where there are the fewest */
}

static void a_start_that_fails(void **state)
{
    (void)state;
    uint64_t id = create_on(1), start = ask(&creator, CREWI_PROCESS_START, id);
    fake_job_run(job);
    fake_child_failed(fake_find_child(job, id), EAGAIN);
    fake_expect_refusal(&creator, start, CREW_ESYSTEM,
                        "fork on rank 1: Resource temporarily unavailable");
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_CREATED);
    refused(&creator, CREWI_PROCESS_JOIN, id, CREW_ESTATE, "was not started");
    assert_int_equal(crewi_processes_of(fake_engine(job, 0))->loads[1].ordered, 0);
    /* Tried again, it may do; its argument is still there. The failed child is not found again:
     * forget it. */
    job->ranks[1].child_count = 0;
    struct fake_child *child = process_start(&creator, id, 5);
    fake_child_ended(child, 0);
    assert_int_equal(process_query(&creator, id).state, CREWI_PROCESS_OVER);
}

static void active_children(void **state)
{
    uint64_t ids[3], listed[3];
    (void)state;
    struct fake_call list = {.kind = CREWI_KIND_PROCESS, .op = CREWI_PROCESS_CHILDREN};
    fake_call(&creator, &list, NULL, 0);
    struct fake_child *children[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = create();
        fake_call(&creator, &list, listed, (size_t)i * sizeof *listed);
        children[i] = process_start(&creator, ids[i], i + 1);
    }
    fake_call(&creator, &list, listed, sizeof listed);
    for (int i = 0; i < 3; i++)
        assert_true(listed[i] == ids[0] || listed[i] == ids[1] || listed[i] == ids[2]);
    fake_child_ended(children[0], 0);
    fake_child_ended(children[2], 0);
    fake_call(&creator, &list, listed, sizeof *listed);
    assert_int_equal(listed[0], ids[1]);
    struct fake_call of_another = list;
    fake_call(&children[1]->client, &of_another, NULL, 0);
}

/* An orderly end: daemons are terminated, and all are listed, to be joined. */
static void leaving(void **state)
{
    uint64_t listed[2];
    (void)state;
    struct crewi_process_spec spec = process_spec();
    uint64_t plain = process_create(&creator, &spec, NULL, 0);
    spec.daemon = 1;
    uint64_t daemon = process_create(&creator, &spec, NULL, 0);
    process_create(&creator, &spec, NULL, 0); /* never started */
    struct fake_child *plain_child = process_start(&creator, plain, 1),
                      *daemon_child = process_start(&creator, daemon, 2);
    struct fake_call leave = {.kind = CREWI_KIND_PROCESS, .op = CREWI_PROCESS_LEAVE};
    fake_call(&creator, &leave, listed, sizeof listed);
    assert_int_equal(plain_child->signals, 0);
    assert_int_equal(daemon_child->signal, SIGTERM);
    assert_true((listed[0] == plain && listed[1] == daemon) ||
                (listed[1] == plain && listed[0] == daemon));
}

/* The creator leaves, or dies */

static struct fake_child *start_daemon(bool daemon, int pid)
{
    struct crewi_process_spec spec = process_spec();
    spec.daemon = daemon;
    return process_start(&creator, process_create(&creator, &spec, NULL, 0), pid);
}

/* Daemons get SIGTERM, and SIGKILL when they have not ended two seconds later. */
static void a_creator_that_leaves(void **state)
{
    (void)state;
    struct fake_child *child = start_daemon(false, 1), *stubborn = start_daemon(true, 2),
                      *another = start_daemon(true, 3), *obedient = start_daemon(true, 4);
    struct fake_call leave = process_call(CREWI_PROCESS_LEAVE, 0);
    uint64_t children[4];
    fake_call(&creator, &leave, children, sizeof children); /* all of them are alive */
    assert_int_equal(child->signals, 0);
    assert_int_equal(stubborn->signal, SIGTERM);
    fake_child_ended(obedient, FAKE_SIGNAL(SIGTERM));
    fake_job_pass_time(job, 1990 * CREWI_MILLISECOND);
    assert_int_equal(stubborn->signals, 1);
    assert_int_equal(another->signals, 1);
    fake_job_pass_time(job, 20 * CREWI_MILLISECOND);
    assert_int_equal(stubborn->signal, SIGKILL);
    assert_int_equal(another->signal, SIGKILL);
    fake_job_pass_time(job, 10 * CREWI_SECOND);
    assert_int_equal(stubborn->signals, 2);
    assert_int_equal(another->signals, 2);
    assert_int_equal(child->signals, 0);
    fake_child_ended(stubborn, FAKE_SIGNAL(SIGKILL));
    fake_child_ended(another, FAKE_SIGNAL(SIGKILL));
    fake_child_ended(child, 0);
}

/* The shorter of two graces holds. */
static void a_creator_that_dies_while_it_leaves(void **state)
{
    (void)state;
    struct fake_child *daemon = start_daemon(true, 1);
    struct fake_call leave = process_call(CREWI_PROCESS_LEAVE, 0);
    uint64_t children[1];
    fake_call(&creator, &leave, children, sizeof children);
    fake_client_end(&creator);
    fake_job_run(job);
    fake_job_pass_time(job, 490 * CREWI_MILLISECOND);
    assert_int_equal(daemon->signal, SIGTERM);
    fake_job_pass_time(job, 20 * CREWI_MILLISECOND);
    assert_int_equal(daemon->signal, SIGKILL);
    fake_child_ended(daemon, FAKE_SIGNAL(SIGKILL));
}

static void a_creator_that_dies(void **state)
{
    (void)state;
    size_t before = fake_engine(job, 0)->objects.count;
    uint64_t running = create_on(1), over = create_on(2), created = create();
    struct fake_child *child = process_start(&creator, running, 1);
    fake_child_ended(process_start(&creator, over, 2), 0);
    ask(&creator, CREWI_PROCESS_JOIN, running);
    fake_job_run(job);
    assert_int_equal(fake_engine(job, 0)->objects.count, before + 3);
    fake_client_end(&creator);
    fake_job_run(job);
    assert_int_equal(child->signal, SIGTERM);
    fake_job_pass_time(job, 450 * CREWI_MILLISECOND);
    assert_int_equal(child->signals, 1);
    fake_job_pass_time(job, 100 * CREWI_MILLISECOND);
    assert_int_equal(child->signals, 2);
    assert_int_equal(child->signal, SIGKILL);
    refused(&stranger, CREWI_PROCESS_QUERY, over, CREW_ENOENT, "no such process");
    refused(&stranger, CREWI_PROCESS_QUERY, created, CREW_ENOENT, "no such process");
    assert_int_equal(process_query(&stranger, running).state, CREWI_PROCESS_RUNNING);
    fake_child_ended(child, FAKE_SIGNAL(SIGKILL));
    refused(&stranger, CREWI_PROCESS_QUERY, running, CREW_ENOENT, "no such process");
    assert_int_equal(fake_engine(job, 0)->objects.count, before);
    for (int rank = 0; rank < 3; rank++)
        assert_int_equal(crewi_processes_of(fake_engine(job, 0))->loads[rank].ordered, 0);
}

static void a_creator_that_dies_while_it_starts(void **state)
{
    (void)state;
    size_t before = fake_engine(job, 0)->objects.count;
    uint64_t good = create_on(1), bad = create_on(2);
    ask(&creator, CREWI_PROCESS_START, good);
    ask(&creator, CREWI_PROCESS_START, bad);
    fake_client_end(&creator);
    fake_job_run(job);
    struct fake_child *child = fake_find_child(job, good);
    assert_int_equal(child->signal, SIGTERM);
    fake_child_started(child, 4);
    fake_child_ended(child, FAKE_SIGNAL(SIGKILL));
    fake_child_failed(fake_find_child(job, bad), ENOMEM);
    assert_int_equal(fake_engine(job, 0)->objects.count, before);
}

static void generations(void **state)
{
    (void)state;
    struct crewi_process_spec spec = process_spec();
    struct fake_child *child = process_start(&creator, create_on(1), 1);
    uint64_t id = process_create(&child->client, &spec, NULL, 0);
    struct fake_child *grandchild = process_start(&child->client, id, 2);
    fake_client_end(&creator);
    fake_job_run(job);
    assert_int_equal(child->signal, SIGTERM);
    assert_int_equal(grandchild->signals, 0); /* one after the other */
    fake_child_ended(child, FAKE_SIGNAL(SIGTERM));
    assert_int_equal(grandchild->signal, SIGTERM);
    fake_child_ended(grandchild, FAKE_SIGNAL(SIGTERM));
    fake_job_pass_time(job, CREWI_SECOND); /* no timer is left */
    for (uint32_t rank = 0; rank < 3; rank++)
        assert_int_equal(fake_engine(job, rank)->objects.count, 0);
}

static void a_stranger_that_dies_changes_nothing(void **state)
{
    struct fake_client other;
    (void)state;
    uint64_t id = create();
    struct fake_child *child = process_start(&creator, id, 1);
    fake_client_begin(&other, job, 2);
    process_query(&other, id);
    fake_client_end(&other);
    fake_job_run(job);
    assert_int_equal(child->signals, 0);
    uint64_t asked = ask(&creator, CREWI_PROCESS_JOIN, id);
    fake_expect_parked(&creator, asked);
    fake_child_ended(child, 0);
    expect_joined(asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_life),
        TEST(environments),
        TEST(exit_codes),
        TEST(start_twice),
        TEST(joins),
        TEST(a_join_while_it_starts),
        TEST(only_the_creator_may),
        TEST(old_names_are_forgotten),
        TEST(close_while_it_runs),
        TEST(signals),
        TEST(force_is_not_for_processes_inside),
        TEST(names),
        TEST(names_that_do_not_fit),
        TEST(descriptions_that_cannot_be),
        TEST(forged_descriptions),
        TEST(placement_by_turns),
        TEST(a_start_that_fails),
        TEST(active_children),
        TEST(leaving),
        TEST(a_creator_that_leaves),
        TEST(a_creator_that_dies_while_it_leaves),
        TEST(a_creator_that_dies),
        TEST(a_creator_that_dies_while_it_starts),
        TEST(generations),
        TEST(a_stranger_that_dies_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
