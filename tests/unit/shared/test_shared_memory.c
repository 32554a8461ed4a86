/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry of blocks of a host. */
#include "arrays.h"
#include "shared/shared_memory.h"
#include "unit.h"

#include <string.h>

static struct fake_call block_call(uint8_t op, uint32_t rank,
                                   const struct crewi_shared_memory_spec *spec)
{
    return (struct fake_call){
        .kind = CREWI_KIND_ARRAY, .op = op, .rank = rank, .head = spec, .head_size = sizeof *spec};
}

static struct crewi_shared_memory_info get(struct fake_client *client, uint8_t op, const char *name,
                                           uint64_t size)
{
    struct crewi_shared_memory_spec spec = {.size = size};
    struct crewi_shared_memory_info info;
    memcpy(spec.name, name, strlen(name));
    struct fake_call call = block_call(op, client->rank->transport.rank, &spec);
    fake_call(client, &call, &info, sizeof info);
    return info;
}

static void refuse(struct fake_client *client, uint8_t op, uint32_t rank,
                   struct crewi_shared_memory_spec spec, crew_status status)
{
    struct fake_call call = block_call(op, rank, &spec);
    fake_call_refused(client, &call, status, "block");
}

static void end(struct array_job *arrays)
{
    for (uint32_t rank = 0; rank < arrays->job->rank_count; rank++)
        crewi_shared_memory_fini(fake_engine(arrays->job, rank));
    arrays_end(arrays);
}

static void keeps_names(void **state)
{
    struct array_job arrays;
    (void)state;
    arrays_begin(&arrays, 2);
    struct fake_client *client = &arrays.clients[0];
    struct crewi_shared_memory_spec spec = {.name = "b", .size = 5};
    struct crewi_shared_memory_info made = get(client, CREWI_SHARED_MEMORY_CREATE, "b", 5);
    struct crewi_shared_memory_info found = get(client, CREWI_SHARED_MEMORY_ATTACH, "b", 0);
    assert_memory_equal(&made, &found, sizeof made);
    refuse(client, CREWI_SHARED_MEMORY_CREATE, 0, spec, CREW_EEXIST);
    get(&arrays.clients[1], CREWI_SHARED_MEMORY_CREATE, "b", 6); /* another host */
    struct fake_call unlink = block_call(CREWI_SHARED_MEMORY_UNLINK, 0, &spec);
    fake_call(client, &unlink, NULL, 0);
    refuse(client, CREWI_SHARED_MEMORY_UNLINK, 0, spec, CREW_ENOENT);
    refuse(client, CREWI_SHARED_MEMORY_ATTACH, 0, spec, CREW_ENOENT);
    assert_int_equal(get(client, CREWI_SHARED_MEMORY_CREATE, "b", 7).size, 7);
    end(&arrays);
}

static void makes_names_up(void **state)
{
    struct array_job arrays;
    (void)state;
    arrays_begin(&arrays, 1);
    struct fake_client *client = &arrays.clients[0];
    get(client, CREWI_SHARED_MEMORY_CREATE, "block-2", 1);
    assert_string_equal(get(client, CREWI_SHARED_MEMORY_CREATE, "", 1).name, "block-1");
    assert_string_equal(get(client, CREWI_SHARED_MEMORY_CREATE, "", 1).name, "block-3");
    end(&arrays);
}

static void refuses_what_cannot_be(void **state)
{
    struct array_job arrays;
    struct crewi_shared_memory_spec spec = {.name = "b", .size = 0};
    (void)state;
    arrays_begin(&arrays, 2);
    struct fake_client *client = &arrays.clients[0];
    refuse(client, CREWI_SHARED_MEMORY_CREATE, 0, spec, CREW_EPROTO);
    spec.size = UINT64_MAX;
    refuse(client, CREWI_SHARED_MEMORY_CREATE, 0, spec, CREW_EPROTO);
    spec.size = 1;
    refuse(client, CREWI_SHARED_MEMORY_CREATE, 1, spec, CREW_EPROTO); /* another host's */
    refuse(client, CREWI_SHARED_MEMORY_ATTACH, 1, spec, CREW_EPROTO);
    memset(spec.name, 'x', sizeof spec.name);
    refuse(client, CREWI_SHARED_MEMORY_CREATE, 0, spec, CREW_EPROTO);
    spec = (struct crewi_shared_memory_spec){.size = 1};
    refuse(client, CREWI_SHARED_MEMORY_ATTACH, 0, spec, CREW_EPROTO);
    refuse(client, CREWI_SHARED_MEMORY_UNLINK, 0, spec, CREW_EPROTO);
    for (int op = CREWI_SHARED_MEMORY_CREATE; op <= CREWI_SHARED_MEMORY_UNLINK; op++) {
        struct fake_call call = block_call((uint8_t)op, 0, &spec);
        call.head_size--;
        fake_call_refused(client, &call, CREW_EPROTO, "malformed");
    }
    end(&arrays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_names),
        cmocka_unit_test(makes_names_up),
        cmocka_unit_test(refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
