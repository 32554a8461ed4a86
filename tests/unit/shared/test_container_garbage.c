/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child can send that no client of ours does: it is refused, and nobody else notices. */
#include "base/clock.h"
#include "containers.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 50000

static int answered, refused; /* it is a test of both */

static void refuse(uint8_t op, const void *data, size_t size)
{
    for (uint32_t rank = 0; rank < 2; rank++) {
        struct fake_call call = {
            .kind = CREWI_KIND_CONTAINER, .op = op, .rank = rank, .head = data, .head_size = size};
        fake_call_refused(on(rank), &call, CREW_EPROTO, "malformed");
    }
}

struct request {
    struct crewi_container_head head;
    uint64_t words[4];
};

static void sizes_that_cannot_be(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST);
    struct request request = {.head = {.id = list, .count = 1, .type = CREWI_LIST},
                              .words = {CREW_ANY_INT | 8 << 8, 5, CREW_ANY_NIL}};
    const size_t head = sizeof request.head;
    (void)state;
    for (uint8_t op = CREWI_CONTAINER_CLOSE; op < CREWI_CONTAINER_OPS; op++)
        refuse(op, &request, head - 1);
    refuse(0, &request, head);
    refuse(CREWI_CONTAINER_OPS, &request, head);
    refuse(CREWI_LIST_INSERT, &request, head);      /* a value, and none is there */
    refuse(CREWI_LIST_INSERT, &request, head + 8);  /* half of one */
    refuse(CREWI_LIST_INSERT, &request, head + 24); /* something behind it */
    refuse(CREWI_LIST_REVERSE, &request, head + 16);
    request.head.count = 2;
    refuse(CREWI_LIST_SET, &request, head + 24);
    request.head.count = UINT32_MAX;
    refuse(CREWI_LIST_INSERT, &request, head + 24);
    request.head.count = 1;
    request.head.share_count = 1; /* that it made up */
    refuse(CREWI_LIST_INSERT, &request, head + 32);
    request.head.share_count = UINT32_MAX;
    refuse(CREWI_LIST_INSERT, &request, head + 16);
    assert_int_equal(container_do(on(0), CREWI_CONTAINER_LENGTH, list, 0, NULL, 0), 0);
}

static void descriptions_that_cannot_be(void **state)
{
    struct crewi_container_spec spec = {.type = CREWI_LIST, .max_bytes = 1};
    (void)state;
    refuse(CREWI_CONTAINER_CREATE, &spec, sizeof spec - 1);
    spec.type = 0;
    refuse(CREWI_CONTAINER_CREATE, &spec, sizeof spec);
    spec.type = CREWI_CONTAINER_TYPES;
    refuse(CREWI_CONTAINER_CREATE, &spec, sizeof spec);
    spec = (struct crewi_container_spec){.type = CREWI_LIST};
    refuse(CREWI_CONTAINER_CREATE, &spec, sizeof spec);
    spec.max_bytes = CREWI_CONTAINER_BYTES_LIMIT + 1;
    refuse(CREWI_CONTAINER_CREATE, &spec, sizeof spec);
    spec.max_bytes = 1;
    memset(spec.name, 'x', sizeof spec.name);
    refuse(CREWI_CONTAINER_CREATE, &spec, sizeof spec);
}

/* A type that there is not, operations of another type, keys without values. */
static void operations_of_others(void **state)
{
    uint64_t ids[CREWI_CONTAINER_TYPES] = {0};
    (void)state;
    for (int type = CREWI_LIST; type < CREWI_CONTAINER_TYPES; type++)
        ids[type] = container_make(on(0), (enum crewi_container_type)type);
    crew_any values[3] = {crew_string("a"), crew_int(2), crew_string("b")};
    for (int type = CREWI_LIST; type < CREWI_CONTAINER_TYPES; type++) {
        struct crewi_container_head head = {.id = ids[type], .type = 77};
        fake_expect_refusal(on(1), container_ask(on(1), CREWI_CONTAINER_CLEAR, &head, NULL),
                            CREW_EINVAL, "expected");
        head.type = (uint8_t)type;
        uint8_t other = type == CREWI_LIST ? CREWI_DICT_ALL : CREWI_LIST_REVERSE;
        fake_expect_refusal(on(1), container_ask(on(1), other, &head, NULL), CREW_EINVAL,
                            "expected");
        head.count = 3;
        if (type == CREWI_DICT || type == CREWI_NAMESPACE)
            fake_expect_refusal(on(1), container_ask(on(1), CREWI_DICT_UPDATE, &head, values),
                                CREW_EPROTO, "without a value");
    }
    struct crewi_container_head head = {.id = ids[CREWI_SET], .type = CREWI_SET, .count = 2};
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_DICT_SET, &head, values), CREW_EPROTO,
                        "a set");
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_DICT_ADD, &head, values), CREW_EPROTO,
                        "a set");
    head.count = 1;
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_DICT_GET, &head, values), CREW_EPROTO,
                        "a set");
    head = (struct crewi_container_head){
        .id = ids[CREWI_NAMESPACE], .type = CREWI_NAMESPACE, .count = 2};
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_DICT_SET, &head, values + 1), CREW_EINVAL,
                        "a int cannot be a name");
}

/* The same bytes as a request, as a note, and from an engine that lies. */
static void send_noise(const struct request *request, size_t size, uint64_t *seed)
{
    struct fake_client *client = on((uint32_t)unit_random_below(seed, 2));
    uint8_t op = (uint8_t)unit_random_below(seed, CREWI_CONTAINER_OPS + 2);
    struct fake_call call = {.kind = CREWI_KIND_CONTAINER,
                             .op = op == CREWI_CONTAINER_CLOSE ? CREWI_LIST_INSERT : op,
                             .rank = client->rank->transport.rank,
                             .head = request,
                             .head_size = size};
    if (unit_random_below(seed, 4))
        fake_ask(client, &call);
    else
        fake_tell(client, &call);
    struct crewi_outgoing note = {.type = unit_random_below(seed, 2) ? CREWI_REQUEST : CREWI_NOTE,
                                  .kind = CREWI_KIND_CONTAINER,
                                  .op = (uint8_t)(CREWI_ENGINE_OPS + unit_random_below(seed, 70)),
                                  .head = request,
                                  .head_size = size};
    assert_int_equal(crewi_engine_tell(fake_engine(container_job, 1), &note), CREW_OK);
    fake_job_run(container_job);
    for (const struct crewi_frame *frame = client->arrived.first; frame; frame = frame->next)
        ++*(frame->header.status ? &refused : &answered);
    crewi_frames_clear(&client->arrived);
    crewi_frames_init(&client->arrived);
}

/* Values that can be, as many as there is room for; their size. */
static size_t make_values(struct request *request, const uint64_t *ids, uint64_t *seed)
{
    size_t used = 0;
    uint32_t count = 0, most = (uint32_t)unit_random_below(seed, 4);
    while (count < most && used + 2 <= 4) {
        uint64_t kind = unit_random_below(seed, 4);
        count++;
        request->words[used++] = kind == 0   ? CREW_ANY_NIL
                                 : kind == 1 ? CREW_ANY_INT | 8 << 8
                                 : kind == 2 ? CREW_ANY_HANDLE | 8 << 8
                                             : CREW_ANY_STRING | 1 << 8;
        if (kind)
            request->words[used++] = kind == 2   ? ids[unit_random_below(seed, 4)]
                                     : kind == 1 ? unit_random_below(seed, 5)
                                                 : 'a' + unit_random_below(seed, 5);
    }
    request->head.count = count;
    request->head.share_count = 0;
    return used * sizeof *request->words;
}

static void make_noise(struct request *request, const uint64_t *ids, uint64_t *seed)
{
    static const uint64_t heads[] = {CREW_ANY_NIL,           CREW_ANY_INT | 8 << 8,
                                     CREW_ANY_LIST | 1 << 8, CREW_ANY_STRING | 3 << 8,
                                     CREW_ANY_DICT | 1 << 8, CREW_ANY_HANDLE | 8 << 8};
    for (size_t i = 0; i < 4; i++)
        request->words[i] = unit_random_below(seed, 3) ? heads[unit_random_below(seed, 6)]
                                                       : ids[unit_random_below(seed, 4)];
    request->head = (struct crewi_container_head){
        .id = ids[unit_random_below(seed, 4)],
        .version = unit_random_below(seed, 3),
        .index = (int64_t)unit_random(seed) >> unit_random_below(seed, 64),
        .stop = (int64_t)unit_random(seed) >> unit_random_below(seed, 64),
        .count = (uint32_t)unit_random_below(seed, 4),
        .share_count = (uint32_t)unit_random_below(seed, 12) / 10,
        .type = (uint8_t)(1 + unit_random_below(seed, 4)),
        .flags = (uint8_t)unit_random_below(seed, 64)};
    for (int i = 0; i < 4 && unit_random_below(seed, 8); i++)
        if (request->head.id == ids[i])
            request->head.type = (uint8_t)(1 + i);
}

static void noise(void **state)
{
    uint64_t ids[4], seed = 88172645463325252, secret = container_make(on(0), CREWI_LIST);
    crew_any number = crew_int(5);
    (void)state;
    for (int i = 0; i < 4; i++)
        ids[i] = container_make(on(0), (enum crewi_container_type)(CREWI_LIST + i));
    container_do(on(0), CREWI_LIST_INSERT, secret, 0, &number, 1);
    for (int i = 0; i < ROUNDS; i++) {
        struct request request;
        size_t size = 8 * unit_random_below(&seed, 5);
        make_noise(&request, ids, &seed);
        if (unit_random_below(&seed, 4))
            size = make_values(&request, ids, &seed);
        send_noise(&request, sizeof request.head + size, &seed);
        for (uint64_t j = 0; i % 1000 == 0 && j < 4; j++) /* so that they do not grow for ever */
            if (container_at_home(ids[j]))
                container_do(also_on(0), CREWI_CONTAINER_CLEAR, ids[j], 0, NULL, 0);
    }
    assert_true(answered > ROUNDS / 50 && refused > ROUNDS / 50);
    assert_int_equal(container_do(on(0), CREWI_CONTAINER_LENGTH, secret, 0, NULL, 0), 1);
    for (int i = 0; i < 4; i++)
        if (container_at_home(ids[i]))
            container_do(also_on(0), CREWI_CONTAINER_CLEAR, ids[i], 0, NULL, 0);
}

/* A teardown for what leaves handles that the noise has made up. */
static int end_in_the_middle(void **state)
{
    (void)state;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < CONTAINER_CLIENTS; i++)
            fake_client_end(&container_clients[rank][i]);
    fake_job_destroy(container_job);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTAINER_TEST(sizes_that_cannot_be),
        CONTAINER_TEST(descriptions_that_cannot_be),
        CONTAINER_TEST(operations_of_others),
        cmocka_unit_test_setup_teardown(noise, containers_begin, end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
