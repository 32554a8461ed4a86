/* SPDX-License-Identifier: BSD-3-Clause */
/* Unique names, finding by name, waits for ends, and places, between three ranks. */
#include "base/clock.h"
#include "process/process_object.h"
#include "processes.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

static struct fake_job *job;
static struct fake_client here, there; /* on rank 1 and on rank 2: the names are kept on rank 0 */

static int begin(void **state)
{
    (void)state;
    job = process_job_create(3);
    fake_client_begin(&here, job, 1);
    fake_client_begin(&there, job, 2);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (here.attached)
        fake_client_end(&here);
    fake_client_end(&there);
    fake_job_run(job);
    process_job_destroy(job);
    return 0;
}

static struct crewi_process_spec named(const char *name, bool unique)
{
    struct crewi_process_spec spec = process_spec();
    strcpy(spec.name, name);
    spec.unique = unique;
    return spec;
}

static struct fake_call creation(const struct fake_client *client,
                                 const struct crewi_process_spec *spec)
{
    return (struct fake_call){.kind = CREWI_KIND_PROCESS,
                              .op = CREWI_PROCESS_CREATE,
                              .rank = client->rank->loop.engine.rank,
                              .head = spec,
                              .head_size = sizeof *spec};
}

static void taken(struct fake_client *client, const struct crewi_process_spec *spec)
{
    struct fake_call call = creation(client, spec);
    size_t before = fake_engine(job, call.rank)->objects.count;
    fake_call_refused(client, &call, CREW_EEXIST, "the unique name one");
    assert_int_equal(fake_engine(job, call.rank)->objects.count, before);
}

static const struct crewi_unique_name *first_name(void)
{
    return crewi_processes_of(fake_engine(job, 0))->unique_names;
}

static void a_unique_name_until_the_end(void **state)
{
    struct crewi_process_spec one = named("one", true), other = named("other", true);
    (void)state;
    uint64_t id = process_create(&here, &one, NULL, 0);
    taken(&there, &one);
    taken(&here, &one);
    process_create(&there, &other, NULL, 0);
    struct fake_child *child = process_start(&here, id, 1);
    taken(&there, &one);
    fake_child_ended(child, 0);
    uint64_t next = process_create(&there, &one, NULL, 0);
    taken(&here, &one);
    /* The end of the first one has given it back already: closing it takes nothing away. */
    struct fake_call close = process_call(CREWI_PROCESS_CLOSE, id);
    fake_call(&here, &close, NULL, 0);
    taken(&here, &one);
    close.object = next;
    fake_call(&there, &close, NULL, 0);
    process_create(&here, &one, NULL, 0);
}

static void the_creator_dies(void **state)
{
    struct crewi_process_spec one = named("one", true);
    (void)state;
    process_create(&here, &one, NULL, 0);
    assert_non_null(first_name());
    fake_client_end(&here);
    fake_job_run(job);
    assert_null(first_name());
    process_create(&there, &one, NULL, 0);
}

/* Its id can be guessed before it is told. */
static void not_before_its_name_is_settled(void **state)
{
    struct crewi_process_spec one = named("one", true), plain = process_spec();
    (void)state;
    process_create(&there, &one, NULL, 0);
    uint64_t last = process_create(&here, &plain, NULL, 0);
    struct fake_call call = creation(&here, &one),
                     guess = process_call(CREWI_PROCESS_START, last + 1);
    uint64_t creation_request = fake_ask(&here, &call), start = fake_ask(&here, &guess);
    fake_expect_refusal(&here, start, CREW_ENOENT, "no such process yet");
    fake_expect_refusal(&here, creation_request, CREW_EEXIST, "the unique name one");
    for (int rank = 0; rank < 3; rank++)
        assert_int_equal(job->ranks[rank].child_count, 0);
}

static void the_creator_dies_while_it_asks(void **state)
{
    struct crewi_process_spec one = named("one", true);
    (void)state;
    struct fake_call call = creation(&here, &one);
    fake_ask(&here, &call);
    fake_client_end(&here); /* before rank 0 has heard of it */
    fake_job_run(job);
    assert_null(first_name());
    assert_int_equal(fake_engine(job, 1)->objects.count, 0);
}

static struct crewi_process_found find(struct fake_client *client, uint32_t rank, const char *name)
{
    struct crewi_process_found found = {0};
    struct fake_call call = {.kind = CREWI_KIND_PROCESS,
                             .op = CREWI_PROCESS_FIND,
                             .rank = rank,
                             .head = name,
                             .head_size = strlen(name) + 1};
    uint64_t request = fake_ask(client, &call);
    fake_job_run(job);
    struct crewi_frame *reply = fake_reply(client, request);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    if (reply->header.size) {
        assert_int_equal(reply->header.size, sizeof found);
        memcpy(&found, reply->payload, sizeof found);
    }
    crewi_frame_destroy(reply);
    return found;
}

static void those_that_run_are_found(void **state)
{
    struct crewi_process_spec one = named("one", true), twin = named("one", false);
    (void)state;
    uint64_t plain = process_create(&here, &twin, NULL, 0);
    assert_int_equal(find(&there, 1, "one").process, 0);
    struct fake_child *child = process_start(&here, plain, 1);
    assert_int_equal(find(&there, 1, "one").process, plain);
    assert_int_equal(find(&there, 1, "one").unique, 0);
    assert_int_equal(find(&there, 0, "one").process, 0);
    assert_int_equal(find(&there, 1, "on").process, 0);
    uint64_t unique = process_create(&here, &one, NULL, 0);
    process_start(&here, unique, 2);
    assert_int_equal(find(&here, 1, "one").process, unique); /* rather than the other */
    assert_int_equal(find(&here, 1, "one").unique, 1);
    fake_child_ended(child, 0);
    struct fake_call endless = {.kind = CREWI_KIND_PROCESS,
                                .op = CREWI_PROCESS_FIND,
                                .rank = 1,
                                .head = "one",
                                .head_size = 3};
    fake_call_refused(&there, &endless, CREW_EPROTO, "a name without an end");
}

/* Waits */

static uint64_t ask_wait(struct fake_client *client, uint64_t process, int64_t timeout_ns)
{
    struct fake_call call = process_call(CREWI_OP_WAIT, process);
    call.timeout_ns = timeout_ns;
    return fake_ask(client, &call);
}

static void anybody_may_wait(void **state)
{
    struct crewi_process_spec spec = process_spec();
    uint8_t ready = 0;
    (void)state;
    uint64_t id = process_create(&here, &spec, NULL, 0);
    fake_expect_refusal(&there, ask_wait(&there, id, 0), CREW_ESTATE, "was not started");
    struct fake_child *child = process_start(&here, id, 1);
    fake_expect_reply(&there, ask_wait(&there, id, 0), NULL, 0);
    uint64_t limited = ask_wait(&there, id, CREWI_SECOND),
             endless = ask_wait(&here, id, CREWI_FOREVER);
    fake_expect_parked(&there, limited);
    fake_job_pass_time(job, 2 * CREWI_SECOND);
    fake_expect_reply(&there, limited, NULL, 0);
    fake_expect_parked(&here, endless);
    fake_child_ended(child, 0);
    fake_expect_reply(&here, endless, &ready, 1);
    assert_int_equal(ready, 1);
    ready = 0;
    fake_expect_reply(&there, ask_wait(&there, id, CREWI_FOREVER), &ready, 1);
    assert_int_equal(ready, 1);
}

static void waits_are_forgotten(void **state)
{
    struct crewi_process_spec spec = process_spec();
    (void)state;
    uint64_t id = process_create(&here, &spec, NULL, 0);
    process_start(&here, id, 1);
    struct crewi_process *process =
        (struct crewi_process *)crewi_engine_find(fake_engine(job, 1), id);
    uint64_t first = ask_wait(&there, id, CREWI_SECOND), other = ask_wait(&here, id, CREWI_FOREVER),
             second = ask_wait(&there, id, CREWI_FOREVER);
    fake_job_run(job);
    uint64_t range[] = {first, second};
    struct fake_call forget = process_call(CREWI_OP_FORGET_WAITS, id);
    forget.head = range;
    forget.head_size = sizeof range;
    fake_tell(&there, &forget);
    forget.head_size = 3; /* is not understood */
    fake_tell(&here, &forget);
    fake_job_run(job);
    fake_job_pass_time(job, 2 * CREWI_SECOND);
    assert_null(fake_reply(&there, first));
    assert_ptr_equal(process->joins.first, process->joins.last);
    assert_non_null(process->joins.first);
    fake_expect_parked(&here, other);
}

/* Daemons and places */

static void a_daemon_is_one_before_the_start(void **state)
{
    struct crewi_process_spec spec = process_spec();
    uint8_t yes = 1;
    (void)state;
    uint64_t id = process_create(&here, &spec, NULL, 0);
    struct fake_call set = process_call(CREWI_PROCESS_SET_DAEMON, id);
    set.head = &yes;
    set.head_size = 1;
    fake_call_refused(&there, &set, CREW_EPERM, "only the process that created");
    fake_call(&here, &set, NULL, 0);
    assert_int_equal(process_query(&here, id).daemon, 1);
    set.head_size = 0;
    fake_call_refused(&here, &set, CREW_EPROTO, "a flag");
    set.head_size = 1;
    process_start(&here, id, 1);
    fake_call_refused(&here, &set, CREW_ESTATE, "was started");
}

static void a_class_needs_a_run(void **state)
{
    struct crewi_process_spec spec = process_spec();
    (void)state;
    spec.is_class = 1;
    memset(&spec.function, 0, sizeof spec.function);
    struct fake_call start =
        process_call(CREWI_PROCESS_START, process_create(&here, &spec, NULL, 0));
    fake_call_refused(&here, &start, CREW_EINVAL, "has no run");
}

/* The hosts of the fake ranks are all different: one rank is on each. */
static void on_a_host(void **state)
{
    struct crewi_process_spec spec = process_spec();
    (void)state;
    spec.place = CREW_PLACE_HOST;
    spec.rank = 2;
    for (int i = 0; i < 3; i++) {
        uint64_t id = process_create(&here, &spec, NULL, 0);
        process_start(&here, id, 1 + i);
        assert_int_equal(process_query(&here, id).rank, 2);
    }
}

/* What another home has there is known from its reports. */
static void loads_are_reported(void **state)
{
    struct crewi_process_spec on_rank_0 = process_spec(), anywhere = process_spec();
    (void)state;
    on_rank_0.place = CREW_PLACE_RANK;
    for (int i = 0; i < 3; i++)
        process_start(&there, process_create(&there, &on_rank_0, NULL, 0), 1 + i);
    process_start(&here, process_create(&here, &on_rank_0, NULL, 0), 4);
    for (int i = 0; i < 4; i++) {
        uint64_t id = process_create(&here, &anywhere, NULL, 0);
        process_start(&here, id, 10 + i);
        assert_in_range(process_query(&here, id).rank, 1, 2);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_unique_name_until_the_end),
        TEST(the_creator_dies),
        TEST(not_before_its_name_is_settled),
        TEST(the_creator_dies_while_it_asks),
        TEST(those_that_run_are_found),
        TEST(anybody_may_wait),
        TEST(waits_are_forgotten),
        TEST(a_daemon_is_one_before_the_start),
        TEST(a_class_needs_a_run),
        TEST(on_a_host),
        TEST(loads_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
