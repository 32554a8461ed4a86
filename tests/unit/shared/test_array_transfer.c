/* SPDX-License-Identifier: BSD-3-Clause */
/* Large reads of another host, out of the home's memory. */
#include "arrays.h"
#include "unit.h"

#include <stdlib.h>

#define COUNT 50000 /* of 8 bytes */
#define LARGE 20000

/* One with a series in it, at home on rank 0. */
static uint64_t begin_with_series(struct array_job *arrays, uint32_t rank_count)
{
    arrays_begin(arrays, rank_count);
    fake_job_open_window(arrays->job);
    uint64_t id = array_create(&arrays->clients[0], CREW_INT64, COUNT);
    int64_t *numbers = array_at_home(arrays, id)->block.memory;
    for (int64_t i = 0; i < COUNT; i++)
        numbers[i] = i;
    return id;
}

static void expect_series(struct fake_client *client, uint64_t request, uint64_t first,
                          uint64_t count)
{
    int64_t *numbers = calloc(count, sizeof *numbers);
    fake_expect_reply(client, request, numbers, count * sizeof *numbers);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], first + i);
    free(numbers);
}

static void reads_large_ones(void **state)
{
    struct array_job arrays;
    (void)state;
    uint64_t id = begin_with_series(&arrays, 2);
    struct fake_client *client = &arrays.clients[1];
    uint64_t requests[3];
    for (int i = 0; i < 3; i++) /* of which the second and third wait for the address */
        requests[i] = ask_read(client, id, (uint64_t)i * 1000, LARGE);
    for (int i = 0; i < 3; i++)
        expect_series(client, requests[i], (uint64_t)i * 1000, LARGE);
    assert_int_equal(arrays.job->gets, 3);
    assert_int_equal(arrays.job->ranks[0].transport.exposed, 0);
    assert_int_equal(array_at_home(&arrays, id)->holds, 0);
    assert_int_equal(arrays.job->ranks[0].attached, 1); /* once */
    expect_series(client, ask_read(client, id, COUNT - LARGE, LARGE), COUNT - LARGE, LARGE);
    assert_int_equal(arrays.job->gets, 4);
    arrays_end(&arrays);
}

static void asks_for_small_ones(void **state)
{
    struct array_job arrays;
    (void)state;
    uint64_t id = begin_with_series(&arrays, 2);
    expect_series(&arrays.clients[1], ask_read(&arrays.clients[1], id, 5, 8191), 5, 8191);
    expect_series(&arrays.clients[0], ask_read(&arrays.clients[0], id, 5, LARGE), 5, LARGE);
    assert_int_equal(arrays.job->gets, 0);
    assert_int_equal(arrays.job->ranks[0].attached, 0);
    expect_series(&arrays.clients[1], ask_read(&arrays.clients[1], id, 5, 8192), 5, 8192);
    assert_int_equal(arrays.job->gets, 1);
    arrays_end(&arrays);
}

static void asks_where_there_is_no_way(void **state)
{
    struct array_job arrays;
    (void)state;
    uint64_t id = begin_with_series(&arrays, 3);
    arrays.job->attach_status = CREW_EMPI;
    expect_series(&arrays.clients[1], ask_read(&arrays.clients[1], id, 5, LARGE), 5, LARGE);
    expect_series(&arrays.clients[1], ask_read(&arrays.clients[1], id, 6, LARGE), 6, LARGE);
    arrays.job->attach_status = CREW_OK;
    arrays.job->get_status = CREW_EMPI;
    expect_series(&arrays.clients[2], ask_read(&arrays.clients[2], id, 5, LARGE), 5, LARGE);
    assert_int_equal(arrays.job->gets, 0);
    arrays_end(&arrays);
}

/* While a get is on its way the elements stay, whoever has ended. */
static void holds_what_is_read(void **state)
{
    struct array_job arrays;
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < 200; round++) {
        uint64_t id = begin_with_series(&arrays, 3);
        for (uint32_t rank = 1; rank < 3; rank++)
            ask_read(&arrays.clients[rank], id, rank, LARGE);
        for (int steps = round % 12; steps > 0; steps--)
            fake_job_step(arrays.job, &seed);
        for (uint32_t rank = 0; rank < 3; rank++)
            fake_client_end(&arrays.clients[rank]);
        while (fake_job_step(arrays.job, &seed)) {
            const struct crewi_array *array = array_at_home(&arrays, id);
            assert_true(array || arrays.job->ranks[0].attached == 0);
        }
        arrays_end(&arrays);
    }
}

static void refuses_what_is_not_there(void **state)
{
    struct array_job arrays;
    (void)state;
    uint64_t id = begin_with_series(&arrays, 2);
    fake_expect_refusal(&arrays.clients[1],
                        ask_read(&arrays.clients[1], id, COUNT - LARGE + 1, LARGE), CREW_EPROTO,
                        "malformed");
    fake_expect_refusal(&arrays.clients[1], ask_read(&arrays.clients[1], id, UINT64_MAX, LARGE),
                        CREW_EPROTO, "malformed");
    assert_int_equal(arrays.job->gets, 0);
    arrays_end(&arrays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_large_ones),           cmocka_unit_test(asks_for_small_ones),
        cmocka_unit_test(asks_where_there_is_no_way), cmocka_unit_test(holds_what_is_read),
        cmocka_unit_test(refuses_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
