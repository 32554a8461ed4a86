/* SPDX-License-Identifier: BSD-3-Clause */
/* An array at its home, for those who cannot map it; and how long it is there. */
#include "arrays.h"
#include "unit.h"

#include <string.h>

/* For a home on each rank, from each rank. */
static void reads_what_was_written(void **state)
{
    (void)state;
    for (uint32_t home = 0; home < 3; home++) {
        struct array_job arrays;
        arrays_begin(&arrays, 3);
        uint64_t id = array_create(&arrays.clients[home], CREW_INT64, 5);
        for (uint32_t rank = 0; rank < 3; rank++) {
            int64_t numbers[5], mine[2] = {rank + 1, -1};
            read_numbers(&arrays.clients[rank], id, 0, 5, numbers);
            assert_int_equal(numbers[1], rank);
            assert_int_equal(numbers[4], 0);
            write_numbers(&arrays.clients[rank], id, 1, 2, mine);
            write_numbers(&arrays.clients[rank], id, 3, 1, mine);
            read_numbers(&arrays.clients[rank], id, 3, 1, numbers);
            assert_int_equal(numbers[0], rank + 1);
        }
        arrays_end(&arrays);
    }
}

static void fills_and_updates(void **state)
{
    struct array_job arrays;
    int64_t seven = 7, numbers[5];
    struct crewi_array_operands operands = {{3}, {0}};
    struct crewi_array_before before;
    (void)state;
    arrays_begin(&arrays, 2);
    uint64_t id = array_create(&arrays.clients[0], CREW_INT64, 5);
    for (uint32_t rank = 0; rank < 2; rank++) {
        struct crewi_array_head head = {.id = id, .first = 1, .count = 3};
        struct fake_call call =
            array_call(&arrays.clients[rank], CREWI_ARRAY_FILL, &head, &seven, sizeof seven);
        fake_call(&arrays.clients[rank], &call, NULL, 0);
        head =
            (struct crewi_array_head){.id = id, .first = 2, .count = 1, .update = CREWI_ARRAY_ADD};
        call = array_call(&arrays.clients[rank], CREWI_ARRAY_UPDATE, &head, &operands,
                          sizeof operands);
        fake_call(&arrays.clients[rank], &call, &before, sizeof before);
        assert_memory_equal(before.value, &seven, sizeof seven);
        read_numbers(&arrays.clients[1 - rank], id, 0, 5, numbers);
        assert_int_equal(numbers[0], 0);
        assert_int_equal(numbers[1], 7);
        assert_int_equal(numbers[2], 10);
        assert_int_equal(numbers[4], 0);
    }
    arrays_end(&arrays);
}

static void is_gone_with_its_last_copy(void **state)
{
    struct array_job arrays;
    int64_t number;
    (void)state;
    arrays_begin(&arrays, 2);
    uint64_t id = array_create(&arrays.clients[0], CREW_INT64, 1);
    read_numbers(&arrays.clients[1], id, 0, 1, &number);
    array_close(&arrays.clients[0], id);
    fake_job_run(arrays.job);
    assert_non_null(array_at_home(&arrays, id));
    fake_expect_refusal(&arrays.clients[0], ask_read(&arrays.clients[0], id, 0, 1), CREW_ECLOSED,
                        "array");
    array_close(&arrays.clients[1], id);
    fake_job_run(arrays.job);
    assert_null(array_at_home(&arrays, id));
    fake_expect_refusal(&arrays.clients[1], ask_read(&arrays.clients[1], id, 0, 1), CREW_ECLOSED,
                        "array");
    arrays_end(&arrays);
}

static void tells_what_there_is_to_know(void **state)
{
    struct array_job arrays;
    (void)state;
    arrays_begin(&arrays, 2);
    uint64_t id = array_create(&arrays.clients[0], CREW_FLOAT, 12345);
    for (uint32_t rank = 0; rank < 2; rank++) {
        struct crewi_array_head head = {.id = id};
        struct crewi_array_description about;
        struct fake_call call = array_call(&arrays.clients[rank], CREWI_ARRAY_OPEN, &head, NULL, 0);
        fake_call(&arrays.clients[rank], &call, &about, sizeof about);
        assert_int_equal(about.count, 12345);
        assert_int_equal(about.type, CREW_FLOAT);
        assert_int_equal(about.lock_use, CREWI_ARRAY_NO_LOCK);
        assert_string_equal(about.name, "a");
        assert_true(about.place.size >= 12345 * sizeof(float));
    }
    arrays_end(&arrays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(fills_and_updates),
        cmocka_unit_test(is_gone_with_its_last_copy),
        cmocka_unit_test(tells_what_there_is_to_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
