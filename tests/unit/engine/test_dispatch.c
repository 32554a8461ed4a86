/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine and a kind of this test's own, over the transport of a job of one rank. */
#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"
#include "node/bell.h"
#include "unit.h"

#include <string.h>

#define KIND 9
#define OTHER_KIND 15

enum { OP_ECHO = 1, OP_REFUSE, OP_COUNT, OP_MAKE, OP_END, OP_DELIVER };

struct counter {
    struct crewi_object object;
    int count;
};

/* A client: the last frame, and how many came. */
struct listener {
    struct crewi_endpoint base;
    uint32_t slot;
    int heard;
    struct crewi_frame *last;
};

static struct crewi_transport *transport;
static struct crewi_engine engine;
static struct listener listener;
static uint64_t gone[8];
static int gone_count, destroyed;
static struct crewi_message seen;

static void make(const struct crewi_message *message)
{
    struct counter *counter = calloc(1, sizeof *counter);
    assert_non_null(counter);
    counter->object.id = crewi_engine_new_id(&engine, KIND);
    assert_int_equal(crewi_engine_add(&engine, &counter->object), CREW_OK);
    crewi_engine_reply(&engine, &message->origin, &counter->object.id, sizeof counter->object.id);
}

static void request(struct crewi_engine *at, struct crewi_object *object,
                    const struct crewi_message *message)
{
    struct counter *counter = (struct counter *)object;
    seen = *message;
    assert_ptr_equal(at, &engine);
    if (message->op == OP_ECHO) {
        crewi_engine_reply(at, &message->origin, message->data, message->size);
    } else if (message->op == OP_COUNT) {
        counter->count++;
        crewi_engine_reply(at, &message->origin, &counter->count, sizeof counter->count);
    } else if (message->op == OP_MAKE) {
        make(message);
    } else if (message->op == OP_END) {
        crewi_engine_remove(at, counter->object.id);
        free(counter);
        crewi_engine_reply(at, &message->origin, NULL, 0);
    } else if (message->op == OP_DELIVER) {
        struct crewi_frame *frame = crewi_engine_delivery(at, &message->origin, KIND, 33, 2);
        assert_non_null(frame);
        memcpy(frame->payload, "hi", 2);
        crewi_engine_send(at, frame);
    } else {
        crewi_engine_refuse(at, &message->origin, CREW_ESTATE, "no to operation %d", message->op);
    }
}

static void client_gone(struct crewi_engine *at, uint64_t process)
{
    (void)at;
    gone[gone_count++ % 8] = process;
}

static void destroy(struct crewi_engine *at, struct crewi_object *object)
{
    (void)at;
    destroyed++;
    free(object);
}

static const struct crewi_kind kind = {
    .name = "counter", .request = request, .client_gone = client_gone, .destroy = destroy};
static const struct crewi_kind silent_kind = {.name = "silent", .request = request};

static void hear(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    struct listener *heard = (struct listener *)endpoint;
    crewi_frame_destroy(heard->last);
    heard->last = frame;
    heard->heard++;
}

static int begin(void **state)
{
    (void)state;
    gone_count = destroyed = 0;
    assert_int_equal(crewi_transport_create_local(&transport), CREW_OK);
    crewi_engine_init(&engine, transport);
    engine.kinds[KIND] = &kind;
    engine.kinds[OTHER_KIND] = &silent_kind;
    listener = (struct listener){.base = {.process = 1234, .deliver = hear}};
    return crewi_engine_attach(&engine, &listener.base, &listener.slot);
}

static int end(void **state)
{
    (void)state;
    crewi_frame_destroy(listener.last);
    if (listener.base.touched)
        crewi_engine_detach(&engine, listener.slot);
    crewi_engine_fini(&engine);
    crewi_transport_finish(transport);
    return 0;
}

static struct crewi_frame *frame(enum crewi_frame_type type, uint8_t op, uint64_t object,
                                 const void *data, size_t size)
{
    static uint64_t request_number;
    struct crewi_frame *made = crewi_frame_create(size);
    assert_non_null(made);
    made->header.type = type;
    made->header.kind = KIND;
    made->header.op = op;
    made->header.object = object;
    made->header.origin.request = ++request_number;
    if (size)
        memcpy(made->payload, data, size);
    return made;
}

/* Sends one and runs the engine; the reply is the listener's last frame. */
static const struct crewi_frame *ask(uint8_t op, uint64_t object, const void *data, size_t size)
{
    struct crewi_frame *asked = frame(CREWI_REQUEST, op, object, data, size);
    uint64_t number = asked->header.origin.request;
    int before = listener.heard;
    assert_int_equal(crewi_engine_accept_from(&engine, listener.slot, asked), CREW_OK);
    assert_true(crewi_engine_run(&engine, 5));
    assert_false(crewi_engine_run(&engine, 5));
    assert_int_equal(listener.heard, before + 1);
    assert_int_equal(listener.last->header.type, CREWI_REPLY);
    assert_int_equal(listener.last->header.origin.request, number);
    return listener.last;
}

static uint64_t make_counter(void)
{
    uint64_t id;
    const struct crewi_frame *reply = ask(OP_MAKE, 0, NULL, 0);
    assert_int_equal(reply->header.size, sizeof id);
    memcpy(&id, reply->payload, sizeof id);
    return id;
}

static void expect_refused(const struct crewi_frame *reply, crew_status status, const char *text)
{
    assert_int_equal(reply->header.status, status);
    assert_int_equal(reply->header.size, strlen(text));
    assert_memory_equal(reply->payload, text, strlen(text));
}

static void requests_and_replies(void **state)
{
    (void)state;
    const struct crewi_frame *reply = ask(OP_ECHO, 0, "hello", 5);
    assert_int_equal(reply->header.status, CREW_OK);
    assert_int_equal(reply->header.size, 5);
    assert_memory_equal(reply->payload, "hello", 5);
    assert_int_equal(seen.origin.process, 1234);
    assert_int_equal(seen.origin.slot, listener.slot);
    assert_int_equal(seen.origin.rank, 0);
    assert_int_equal(ask(OP_ECHO, 0, NULL, 0)->header.size, 0);
    expect_refused(ask(OP_REFUSE, 0, NULL, 0), CREW_ESTATE, "no to operation 2");
    assert_int_equal(engine.now_ns, 5);
}

static void objects(void **state)
{
    int count;
    (void)state;
    uint64_t one = make_counter(), two = make_counter();
    assert_int_not_equal(one, two);
    assert_int_equal(crewi_id_kind(one), KIND);
    assert_int_equal(crewi_id_home(one), 0);
    ask(OP_COUNT, one, NULL, 0);
    memcpy(&count, ask(OP_COUNT, one, NULL, 0)->payload, sizeof count);
    assert_int_equal(count, 2);
    memcpy(&count, ask(OP_COUNT, two, NULL, 0)->payload, sizeof count);
    assert_int_equal(count, 1);
    assert_int_equal(seen.object, two);
    assert_int_equal(ask(OP_END, one, NULL, 0)->header.status, CREW_OK);
    expect_refused(ask(OP_COUNT, one, NULL, 0), CREW_ENOENT,
                   "there is no such counter: the handle was closed, or never was one");
    assert_true(make_counter() > two); /* a number is not given twice */
    assert_int_equal(destroyed, 0);
}

static void notes_have_no_answer(void **state)
{
    (void)state;
    uint64_t id = make_counter();
    int before = listener.heard;
    crewi_engine_accept_from(&engine, listener.slot, frame(CREWI_NOTE, OP_COUNT, id, NULL, 0));
    crewi_engine_accept_from(&engine, listener.slot, frame(CREWI_NOTE, OP_REFUSE, id, NULL, 0));
    crewi_engine_accept_from(&engine, listener.slot, frame(CREWI_NOTE, OP_END, id, NULL, 0));
    crewi_engine_accept_from(&engine, listener.slot,
                             frame(CREWI_NOTE, OP_COUNT, id, NULL, 0)); /* gone */
    crewi_engine_accept_from(&engine, listener.slot, frame(CREWI_NOTE, OP_ECHO, 0, NULL, 0));
    assert_true(crewi_engine_run(&engine, 0));
    assert_int_equal(listener.heard, before);
}

static void deliveries(void **state)
{
    (void)state;
    crewi_engine_accept_from(&engine, listener.slot, frame(CREWI_NOTE, OP_DELIVER, 0, NULL, 0));
    assert_true(crewi_engine_run(&engine, 0));
    assert_int_equal(listener.heard, 1);
    assert_int_equal(listener.last->header.type, CREWI_DELIVERY);
    assert_int_equal(listener.last->header.kind, KIND);
    assert_int_equal(listener.last->header.op, 33);
    assert_memory_equal(listener.last->payload, "hi", 2);
}

static void expect_not_accepted(struct crewi_frame *bad)
{
    int before = listener.heard;
    assert_int_equal(crewi_engine_accept_from(&engine, listener.slot, bad), CREW_EPROTO);
    assert_non_null(strstr(crew_error_message(), "no process may send"));
    assert_false(crewi_engine_run(&engine, 0));
    assert_int_equal(listener.heard, before);
}

static void what_no_client_may_send(void **state)
{
    (void)state;
    uint64_t id = make_counter();
    for (int type = 0; type < 256; type++)
        if (type != CREWI_REQUEST && type != CREWI_NOTE)
            expect_not_accepted(frame((enum crewi_frame_type)type, OP_ECHO, 0, NULL, 0));
    for (int op = CREWI_ENGINE_OPS; op < 256; op++) {
        expect_not_accepted(frame(CREWI_REQUEST, (uint8_t)op, 0, NULL, 0));
        expect_not_accepted(frame(CREWI_NOTE, (uint8_t)op, id, NULL, 0));
    }
    for (int number = 0; number < 256; number++) {
        struct crewi_frame *bad = frame(CREWI_REQUEST, OP_ECHO, 0, NULL, 0);
        bad->header.kind = (uint8_t)number;
        if (number == KIND || number == OTHER_KIND)
            crewi_frame_destroy(bad);
        else
            expect_not_accepted(bad);
    }
    struct crewi_frame *bad = frame(CREWI_REQUEST, OP_COUNT, id, NULL, 0);
    bad->header.kind = OTHER_KIND; /* not the object's */
    expect_not_accepted(bad);
    bad = frame(CREWI_REQUEST, OP_ECHO, 0, NULL, 0);
    bad->header.target_rank = 1;
    expect_not_accepted(bad);
    expect_not_accepted(frame(CREWI_REQUEST, OP_ECHO, id | (uint64_t)7 << 40, NULL,
                              0)); /* at home where nobody is */
}

/* A client cannot speak in the name of another. */
static void the_origin_is_filled_in(void **state)
{
    (void)state;
    struct crewi_frame *forged = frame(CREWI_REQUEST, OP_ECHO, 0, NULL, 0);
    forged->header.origin.process = 1;
    forged->header.origin.rank = 99;
    forged->header.origin.slot = 99;
    assert_int_equal(crewi_engine_accept_from(&engine, listener.slot, forged), CREW_OK);
    crewi_engine_run(&engine, 0);
    assert_int_equal(listener.heard, 1);
    assert_int_equal(seen.origin.process, 1234);
    assert_int_equal(seen.origin.rank, 0);
}

static void the_object_says_where_a_request_goes(void **state)
{
    (void)state;
    uint64_t id = make_counter();
    struct crewi_frame *asked = frame(CREWI_REQUEST, OP_COUNT, id, NULL, 0);
    asked->header.target_rank = 77;
    assert_int_equal(crewi_engine_accept_from(&engine, listener.slot, asked), CREW_OK);
    assert_true(crewi_engine_run(&engine, 0));
    assert_int_equal(listener.heard, 2);
}

/* From another rank: nothing is checked before, as all have the same build, and nothing may go
 * wrong all the same. */
static void frames_of_other_ranks(void **state)
{
    (void)state;
    struct crewi_frame *odd = frame(CREWI_REQUEST, OP_ECHO, 0, NULL, 0);
    odd->header.kind = 200;
    odd->header.origin =
        (struct crewi_origin){.slot = listener.slot, .process = 1234, .request = 5};
    crewi_engine_accept(&engine, odd);
    crewi_engine_run(&engine, 0);
    expect_refused(listener.last, CREW_EPROTO, "a request to kind 200, which there is not");
    int before = listener.heard;
    odd = frame(CREWI_REPLY, 0, 0, NULL, 0); /* for a slot that there is not */
    odd->header.origin = (struct crewi_origin){.slot = 1u << 30, .process = 1234, .request = 5};
    crewi_engine_accept(&engine, odd);
    odd = frame(CREWI_REPLY, 0, 0, NULL, 0); /* for the one who had the slot before */
    odd->header.origin =
        (struct crewi_origin){.slot = listener.slot, .process = 1233, .request = 5};
    crewi_engine_accept(&engine, odd);
    odd = frame(CREWI_REPLY, 0, 0, NULL, 0); /* for a slot that is free */
    odd->header.origin =
        (struct crewi_origin){.slot = listener.slot + 1, .process = 1234, .request = 5};
    crewi_engine_accept(&engine, odd);
    crewi_engine_run(&engine, 0);
    assert_int_equal(listener.heard, before);
    assert_false(engine.shut_down);
    crewi_engine_accept(&engine, frame(CREWI_SHUTDOWN, 0, 0, NULL, 0));
    crewi_engine_run(&engine, 0);
    assert_true(engine.shut_down);
}

static void slots_are_given_again(void **state)
{
    static struct listener others[40];
    struct listener late = {.base = {.process = 77, .deliver = hear}};
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        others[i] = (struct listener){.base = {.process = 2000 + i, .deliver = hear}};
        assert_int_equal(crewi_engine_attach(&engine, &others[i].base, &others[i].slot), CREW_OK);
        for (uint32_t before = 0; before < i; before++)
            assert_int_not_equal(others[before].slot, others[i].slot);
        assert_int_not_equal(others[i].slot, listener.slot);
    }
    uint32_t freed = others[17].slot;
    crewi_engine_detach(&engine, freed);
    crewi_engine_run(&engine, 0);
    assert_int_equal(gone_count, 1);
    assert_int_equal(gone[0], 2017);
    assert_int_equal(crewi_engine_attach(&engine, &late.base, &late.slot), CREW_OK);
    assert_int_equal(late.slot, freed);
    struct crewi_frame *reply = frame(CREWI_REPLY, 0, 0, NULL, 0); /* one for its predecessor */
    reply->header.origin = (struct crewi_origin){.slot = freed, .process = 2017};
    crewi_engine_accept(&engine, reply);
    crewi_engine_run(&engine, 0);
    assert_int_equal(late.heard, 0);
    crewi_engine_detach(&engine, late.slot);
    for (int i = 0; i < 40; i++)
        if (i != 17)
            crewi_engine_detach(&engine, others[i].slot);
    crewi_engine_run(&engine, 0);
    assert_int_equal(gone_count, 41);
}

static void there_is_an_end_to_slots(void **state)
{
    struct listener *many = calloc(CREWI_PORT_LIMIT, sizeof *many);
    (void)state;
    assert_non_null(many);
    for (int i = 1; i < CREWI_PORT_LIMIT; i++) {
        many[i].base.deliver = hear;
        assert_int_equal(crewi_engine_attach(&engine, &many[i].base, &many[i].slot), CREW_OK);
        assert_true(many[i].slot < CREWI_PORT_LIMIT);
    }
    assert_int_equal(crewi_engine_attach(&engine, &many[0].base, &many[0].slot), CREW_ESTATE);
    for (int i = 1; i < CREWI_PORT_LIMIT; i++)
        crewi_engine_detach(&engine, many[i].slot);
    crewi_engine_run(&engine, 0);
    free(many);
}

static void local_is_who_says_so_and_is_here(void **state)
{
    struct listener local = {.base = {.process = 55, .deliver = hear, .local = true}};
    (void)state;
    assert_int_equal(crewi_engine_attach(&engine, &local.base, &local.slot), CREW_OK);
    struct crewi_origin origin = {.rank = 0, .slot = local.slot, .process = 55};
    assert_true(crewi_engine_is_local(&engine, &origin));
    origin.rank = 1;
    assert_false(crewi_engine_is_local(&engine, &origin));
    origin = (struct crewi_origin){.slot = local.slot, .process = 54};
    assert_false(crewi_engine_is_local(&engine, &origin));
    origin = (struct crewi_origin){.slot = listener.slot, .process = 1234};
    assert_false(crewi_engine_is_local(&engine, &origin));
    origin = (struct crewi_origin){.slot = UINT32_MAX, .process = 55};
    assert_false(crewi_engine_is_local(&engine, &origin));
    origin = (struct crewi_origin){.slot = local.slot + 1, .process = 55};
    assert_false(crewi_engine_is_local(&engine, &origin));
    crewi_engine_detach(&engine, local.slot);
    origin = (struct crewi_origin){.slot = local.slot, .process = 55};
    assert_false(crewi_engine_is_local(&engine, &origin));
}

static void remove_odd(struct crewi_engine *at, struct crewi_object *object, void *context)
{
    struct counter *counter = (struct counter *)object;
    int *visited = context;
    (*visited)++;
    if (object->id % 2 == 0)
        return;
    crewi_engine_remove(at, object->id);
    free(counter);
}

static void each_object_once_and_removed_on_the_way(void **state)
{
    uint64_t ids[200];
    int visited = 0;
    (void)state;
    for (int i = 0; i < 200; i++)
        ids[i] = make_counter();
    crewi_engine_each(&engine, KIND, remove_odd, &visited);
    assert_int_equal(visited, 200);
    for (int i = 0; i < 200; i++)
        assert_int_equal(crewi_engine_find(&engine, ids[i]) != NULL, ids[i] % 2 == 0);
    visited = 0;
    crewi_engine_each(&engine, OTHER_KIND, remove_odd, &visited);
    assert_int_equal(visited, 0);
}

static void what_is_left_is_destroyed(void **state)
{
    (void)state;
    make_counter();
    make_counter();
    crewi_engine_accept_from(&engine, listener.slot,
                             frame(CREWI_NOTE, OP_ECHO, 0, "x", 1)); /* not handled any more */
    crewi_engine_detach(&engine, listener.slot);
    crewi_engine_fini(&engine);
    assert_int_equal(destroyed, 2);
    crewi_engine_init(&engine, transport);
}

/* An object is not what a message to another kind takes it for. */
static void objects_of_another_kind(void **state)
{
    (void)state;
    uint64_t id = make_counter();
    struct crewi_frame *wrong = frame(CREWI_REQUEST, OP_COUNT, id, NULL, 0);
    wrong->header.kind = OTHER_KIND;
    wrong->header.origin = (struct crewi_origin){
        .slot = listener.slot, .process = listener.base.process, .request = 7};
    crewi_engine_accept(&engine, wrong);
    crewi_engine_run(&engine, 1);
    assert_int_equal(listener.last->header.status, CREW_EPROTO);
    assert_int_equal(listener.last->header.origin.request, 7);
}

static void a_message_from_a_rank_that_there_is_not(void **state)
{
    (void)state;
    struct crewi_frame *wrong = frame(CREWI_REQUEST, OP_ECHO, 0, "x", 1);
    wrong->header.origin.rank = 1;
    seen.op = 0;
    crewi_engine_accept(&engine, wrong);
    crewi_engine_run(&engine, 1);
    assert_int_equal(seen.op, 0);
}

static void a_job_of_one_has_no_other_rank(void **state)
{
    struct crewi_outgoing note = {.kind = KIND, .op = OP_ECHO, .rank = 1};
    (void)state;
    assert_int_equal(crewi_engine_tell(&engine, &note), CREW_OK); /* logged, and lost */
    assert_non_null(strstr(crew_error_message(), "no rank 1"));
}

/* A reply that no message can carry must not leave who asked waiting. */
static void a_reply_that_is_too_large_is_a_refusal(void **state)
{
    struct crewi_origin origin = {.slot = listener.slot, .process = 1234, .request = 7};
    (void)state;
    crewi_engine_reply(&engine, &origin, "", CREWI_FRAME_LIMIT + 1);
    crewi_engine_run(&engine, 0);
    assert_int_equal(listener.heard, 1);
    assert_int_not_equal(listener.last->header.status, CREW_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_and_replies),
        TEST(objects),
        TEST(notes_have_no_answer),
        TEST(deliveries),
        TEST(what_no_client_may_send),
        TEST(the_origin_is_filled_in),
        TEST(the_object_says_where_a_request_goes),
        TEST(frames_of_other_ranks),
        TEST(slots_are_given_again),
        TEST(there_is_an_end_to_slots),
        TEST(local_is_who_says_so_and_is_here),
        TEST(each_object_once_and_removed_on_the_way),
        TEST(what_is_left_is_destroyed),
        TEST(objects_of_another_kind),
        TEST(a_message_from_a_rank_that_there_is_not),
        TEST(a_job_of_one_has_no_other_rank),
        TEST(a_reply_that_is_too_large_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
