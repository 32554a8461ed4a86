/* SPDX-License-Identifier: BSD-3-Clause */
/* Engines that pass messages to each other: objects that live elsewhere, and clients that die
 * elsewhere. */
#include "base/clock.h"
#include "engine/engine.h"
#include "fake_job.h"
#include "unit.h"

#include <string.h>

#define KIND 3

static struct fake_job *job;
static struct fake_client clients[3]; /* one on each rank */
static uint64_t gone[3][16];
static int gone_count[3];

enum { OP_MAKE = 1, OP_WHERE, OP_TELL_ALL };

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (message->op == OP_MAKE) {
        struct crewi_object *made = calloc(1, sizeof *made);
        assert_non_null(made);
        made->id = crewi_engine_new_id(engine, KIND);
        crewi_engine_add(engine, made);
        crewi_engine_reply(engine, &message->origin, &made->id, sizeof made->id);
    } else if (message->op == OP_WHERE) {
        assert_non_null(object);
        crewi_engine_reply(engine, &message->origin, &engine->rank, sizeof engine->rank);
    }
}

static void client_gone(struct crewi_engine *engine, uint64_t process)
{
    gone[engine->rank][gone_count[engine->rank]++ % 16] = process;
}

static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    (void)engine;
    free(object);
}

static const struct crewi_kind kind = {
    .name = "test", .request = request, .client_gone = client_gone, .destroy = destroy};

static int begin(void **state)
{
    (void)state;
    job = fake_job_create(3);
    memset(gone_count, 0, sizeof gone_count);
    for (uint32_t rank = 0; rank < 3; rank++) {
        fake_engine(job, rank)->kinds[KIND] = &kind;
        fake_client_begin(&clients[rank], job, rank);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        if (clients[i].attached)
            fake_client_end(&clients[i]);
    fake_job_run(job);
    fake_job_destroy(job);
    return 0;
}

static uint64_t make_at(struct fake_client *client, uint32_t rank)
{
    uint64_t id;
    fake_call(client, &(struct fake_call){.kind = KIND, .op = OP_MAKE, .rank = rank}, &id,
              sizeof id);
    assert_int_equal(crewi_id_home(id), rank);
    assert_int_equal(crewi_id_kind(id), KIND);
    return id;
}

static void objects_live_at_their_homes(void **state)
{
    uint64_t ids[3];
    (void)state;
    for (uint32_t rank = 0; rank < 3; rank++)
        ids[rank] = make_at(&clients[(rank + 1) % 3], rank);
    for (uint32_t rank = 0; rank < 3; rank++) {
        for (int client = 0; client < 3; client++) {
            uint32_t where;
            uint64_t before = job->carried;
            fake_call(&clients[client],
                      &(struct fake_call){.kind = KIND, .op = OP_WHERE, .object = ids[rank]},
                      &where, sizeof where);
            assert_int_equal(where, rank);
            assert_int_equal(job->carried - before,
                             (uint32_t)client == rank ? 0 : 2); /* there and back */
        }
    }
    fake_call_refused(&clients[0],
                      &(struct fake_call){.kind = KIND, .op = OP_WHERE, .object = ids[2] + 1},
                      CREW_ENOENT, "no such test");
}

/* Exactly the ranks that have heard of it hear of its end. */
static void an_end_is_heard_where_it_matters(void **state)
{
    (void)state;
    uint64_t process = clients[0].base.process;
    make_at(&clients[0], 2);
    fake_client_end(&clients[0]);
    fake_job_run(job);
    assert_int_equal(gone_count[0], 1);
    assert_int_equal(gone_count[1], 0);
    assert_int_equal(gone_count[2], 1);
    assert_int_equal(gone[0][0], process);
    assert_int_equal(gone[2][0], process);
}

/* What it had asked for before its end is handled before it, and its reply reaches nobody. */
static void requests_come_before_the_end(void **state)
{
    (void)state;
    fake_ask(&clients[1], &(struct fake_call){.kind = KIND, .op = OP_MAKE, .rank = 0});
    fake_client_end(&clients[1]);
    struct fake_client successor;
    fake_client_begin(&successor, job, 1);
    assert_int_equal(successor.slot, clients[1].slot);
    fake_job_run(job);
    assert_int_equal(fake_engine(job, 0)->objects.count, 1);
    assert_int_equal(gone_count[0], 1);
    assert_null(successor.arrived.first);
    fake_client_end(&successor);
}

static void notes_between_engines(void **state)
{
    (void)state;
    char head[] = "head", body[] = "and body";
    struct crewi_outgoing note = {.kind = KIND,
                                  .op = OP_TELL_ALL,
                                  .rank = 2,
                                  .head = head,
                                  .head_size = 4,
                                  .body = body,
                                  .body_size = 8};
    assert_int_equal(crewi_engine_tell(fake_engine(job, 1), &note), CREW_OK);
    struct crewi_frame *frame = job->ranks[2].wire.first;
    assert_non_null(frame);
    assert_int_equal(frame->header.type, CREWI_NOTE);
    assert_int_equal(frame->header.origin.rank, 1);
    assert_int_equal(frame->header.origin.request, 0);
    assert_int_equal(frame->header.size, 12);
    assert_memory_equal(frame->payload, "headand body", 12);
    fake_job_run(job);
}

static void many_at_random(void **state)
{
    uint64_t ids[60], seed = 21;
    (void)state;
    for (int i = 0; i < 60; i++)
        ids[i] =
            make_at(&clients[unit_random_below(&seed, 3)], (uint32_t)unit_random_below(&seed, 3));
    for (int round = 0; round < 300; round++) {
        struct {
            struct fake_client *client;
            uint64_t request, id;
        } open[20];
        for (int i = 0; i < 20; i++) {
            open[i].client = &clients[unit_random_below(&seed, 3)];
            open[i].id = ids[unit_random_below(&seed, 60)];
            open[i].request =
                fake_ask(open[i].client,
                         &(struct fake_call){.kind = KIND, .op = OP_WHERE, .object = open[i].id});
        }
        for (int i = 19; i >= 0; i--) {
            uint32_t where;
            fake_expect_reply(open[i].client, open[i].request, &where, sizeof where);
            assert_int_equal(where, crewi_id_home(open[i].id));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_live_at_their_homes),
        TEST(an_end_is_heard_where_it_matters),
        TEST(requests_come_before_the_end),
        TEST(notes_between_engines),
        TEST(many_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
