/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child can send that no client of ours does: it is refused, and nobody else notices. */
#include "arrays.h"
#include "shared/shared_memory.h"
#include "unit.h"

#include <string.h>

static void refuse(struct fake_client *client, uint8_t op, const void *data, size_t size)
{
    struct fake_call call = {.kind = CREWI_KIND_ARRAY,
                             .op = op,
                             .rank = client->rank->transport.rank,
                             .head = data,
                             .head_size = size};
    fake_call_refused(client, &call, CREW_EPROTO, "malformed");
}

/* With a body of that many bytes. */
static void refuse_head(struct fake_client *client, uint8_t op, struct crewi_array_head head,
                        size_t body_size)
{
    static unsigned char body[2 * CREWI_ARRAY_PIECE];
    struct fake_call call = array_call(client, op, &head, body, body_size);
    fake_call_refused(client, &call, CREW_EPROTO, "malformed");
}

static void sizes_that_cannot_be(void **state)
{
    struct array_job arrays;
    int64_t numbers[10] = {0};
    (void)state;
    arrays_begin(&arrays, 2);
    uint64_t id = array_create(&arrays.clients[0], CREW_INT64, 10);
    for (uint32_t rank = 0; rank < 2; rank++) {
        struct fake_client *client = &arrays.clients[rank];
        struct crewi_array_head head = {.id = id, .count = 1, .update = CREWI_ARRAY_ADD};
        for (uint8_t op = 0; op < CREWI_ENGINE_OPS; op++) {
            refuse(client, op, &head, sizeof head - 1);
            refuse(client, op, NULL, 0);
        }
        refuse(client, 20, &head, sizeof head);
        refuse_head(client, CREWI_ARRAY_READ, head, 8);
        refuse_head(client, CREWI_ARRAY_WRITE, head, 0);
        refuse_head(client, CREWI_ARRAY_WRITE, head, 16);
        refuse_head(client, CREWI_ARRAY_FILL, head, 0);
        refuse_head(client, CREWI_ARRAY_FILL, head, 16);
        refuse_head(client, CREWI_ARRAY_UPDATE, head, 8);
        read_numbers(client, id, 0, 10, numbers);
    }
    arrays_end(&arrays);
}

static void elements_that_are_not_there(void **state)
{
    struct array_job arrays;
    const uint64_t wrong[][2] = {{10, 1}, {0, 11}, {UINT64_MAX, 1}, {1, UINT64_MAX}, {11, 0}};
    (void)state;
    arrays_begin(&arrays, 2);
    uint64_t id = array_create(&arrays.clients[0], CREW_INT64, 10);
    for (uint32_t rank = 0; rank < 2; rank++) {
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            struct crewi_array_head head = {.id = id,
                                            .first = wrong[i][0],
                                            .count = wrong[i][1],
                                            .update = CREWI_ARRAY_EXCHANGE};
            uint64_t size = head.count < 20 ? head.count * 8 : 8;
            refuse_head(&arrays.clients[rank], CREWI_ARRAY_READ, head, 0);
            refuse_head(&arrays.clients[rank], CREWI_ARRAY_WRITE, head, size);
            refuse_head(&arrays.clients[rank], CREWI_ARRAY_FILL, head, 8);
            refuse_head(&arrays.clients[rank], CREWI_ARRAY_UPDATE, head,
                        sizeof(struct crewi_array_operands));
        }
    }
    arrays_end(&arrays);
}

static void updates_that_cannot_be(void **state)
{
    struct array_job arrays;
    size_t size = sizeof(struct crewi_array_operands);
    (void)state;
    arrays_begin(&arrays, 1);
    struct fake_client *client = &arrays.clients[0];
    uint64_t id = array_create(client, CREW_INT64, 10), bools = array_create(client, CREW_BOOL, 1);
    struct crewi_array_head head = {.id = id, .count = 1};
    refuse_head(client, CREWI_ARRAY_UPDATE, head, size);
    head.update = CREWI_ARRAY_COMPARE_EXCHANGE + 1;
    refuse_head(client, CREWI_ARRAY_UPDATE, head, size);
    head.update = CREWI_ARRAY_ADD;
    head.count = 2;
    refuse_head(client, CREWI_ARRAY_UPDATE, head, size);
    head = (struct crewi_array_head){.id = bools, .count = 1, .update = CREWI_ARRAY_ADD};
    refuse_head(client, CREWI_ARRAY_UPDATE, head, size);
    arrays_end(&arrays);
}

static void more_than_a_piece(void **state)
{
    struct array_job arrays;
    (void)state;
    arrays_begin(&arrays, 2);
    uint64_t id = array_create(&arrays.clients[0], CREW_BYTE, 4 * CREWI_ARRAY_PIECE);
    struct crewi_array_head head = {.id = id, .count = CREWI_ARRAY_PIECE + 1};
    for (uint32_t rank = 0; rank < 2; rank++) {
        refuse_head(&arrays.clients[rank], CREWI_ARRAY_READ, head, 0);
        refuse_head(&arrays.clients[rank], CREWI_ARRAY_WRITE, head, head.count);
        refuse_head(&arrays.clients[rank], CREWI_ARRAY_FILL, head, 1);
    }
    arrays_end(&arrays);
}

static void descriptions_that_cannot_be(void **state)
{
    struct array_job arrays;
    (void)state;
    arrays_begin(&arrays, 1);
    struct fake_client *client = &arrays.clients[0];
    struct crewi_array_spec spec = {.count = 1, .type = CREW_DATATYPE_LIMIT};
    refuse(client, CREWI_ARRAY_CREATE, &spec, sizeof spec);
    spec = (struct crewi_array_spec){.count = UINT64_MAX, .type = CREW_INT8};
    refuse(client, CREWI_ARRAY_CREATE, &spec, sizeof spec);
    spec = (struct crewi_array_spec){.count = UINT64_MAX / 4, .type = CREW_INT64};
    refuse(client, CREWI_ARRAY_CREATE, &spec, sizeof spec);
    spec = (struct crewi_array_spec){.count = 1, .type = CREW_INT8, .lock_use = 9};
    refuse(client, CREWI_ARRAY_CREATE, &spec, sizeof spec);
    spec = (struct crewi_array_spec){.count = 1, .type = CREW_INT8};
    memset(spec.name, 'x', sizeof spec.name);
    refuse(client, CREWI_ARRAY_CREATE, &spec, sizeof spec);
    arrays_end(&arrays);
}

static void ways_around_the_agent(void **state)
{
    struct array_job arrays;
    (void)state;
    arrays_begin(&arrays, 2);
    struct fake_client *client = &arrays.clients[1];
    uint64_t id = array_create(&arrays.clients[0], CREW_INT64, 10);
    struct crewi_array_head head = {.id = id, .count = 1};
    struct fake_call call = array_call(client, CREWI_ARRAY_READ, &head, NULL, 0);
    call.object = id;
    fake_call_refused(client, &call, CREW_EPROTO, "own rank");
    for (int op = CREWI_ENGINE_OPS; op < 256; op++) { /* those between engines */
        struct crewi_frame *frame = crewi_frame_create(sizeof head);
        memcpy(frame->payload, &head, sizeof head);
        frame->header.type = op % 2 ? CREWI_NOTE : CREWI_REQUEST;
        frame->header.kind = CREWI_KIND_ARRAY;
        frame->header.op = (uint8_t)op;
        frame->header.target_rank = 1;
        assert_int_equal(crewi_engine_accept_from(fake_engine(arrays.job, 1), client->slot, frame),
                         CREW_EPROTO);
    }
    arrays_end(&arrays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_cannot_be),
        cmocka_unit_test(elements_that_are_not_there),
        cmocka_unit_test(updates_that_cannot_be),
        cmocka_unit_test(more_than_a_piece),
        cmocka_unit_test(descriptions_that_cannot_be),
        cmocka_unit_test(ways_around_the_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
