/* SPDX-License-Identifier: BSD-3-Clause */
/* Types and operations. Every pair of them is in sem_team; here is what is special. */
#include "team/reduce.h"
#include "unit.h"

#include <limits.h>
#include <stdint.h>

static void what_goes_with_what(void **state)
{
    (void)state;
    for (int type = CREW_INT8; type <= CREW_UINT64; type++)
        for (int operation = CREW_SUM; operation <= CREW_BXOR; operation++)
            assert_true(crewi_operation_fits(type, operation));
    assert_true(crewi_operation_fits(CREW_DOUBLE, CREW_PROD));
    assert_false(crewi_operation_fits(CREW_DOUBLE, CREW_LAND));
    assert_false(crewi_operation_fits(CREW_FLOAT, CREW_BXOR));
    assert_true(crewi_operation_fits(CREW_BYTE, CREW_BOR));
    assert_false(crewi_operation_fits(CREW_BYTE, CREW_MAX));
    assert_true(crewi_operation_fits(CREW_BOOL, CREW_LXOR));
    assert_true(crewi_operation_fits(CREW_BOOL, CREW_BAND));
    assert_false(crewi_operation_fits(CREW_BOOL, CREW_SUM));
    assert_true(crewi_operation_fits(CREW_CHAR, CREW_BOR));
    assert_false(crewi_operation_fits(CREW_CHAR, CREW_MAX));
    assert_false(crewi_operation_fits(CREW_INT32, 0));
    assert_false(crewi_operation_fits(CREW_INT32, CREW_BXOR + 1));
    assert_false(crewi_operation_fits(0, CREW_SUM));
}

static void signed_numbers_wrap_around(void **state)
{
    int32_t sum[] = {INT_MAX, INT_MIN}, other[] = {1, -1};
    int64_t product = INT64_MAX, two = 2;
    int8_t small = 100, more = 100;
    (void)state;
    crewi_combine(CREW_INT32, CREW_SUM, sum, other, 2);
    assert_int_equal(sum[0], INT_MIN);
    assert_int_equal(sum[1], INT_MAX);
    crewi_combine(CREW_INT64, CREW_PROD, &product, &two, 1);
    assert_true(product == -2);
    crewi_combine(CREW_INT8, CREW_SUM, &small, &more, 1);
    assert_int_equal(small, -56);
}

static void signs_count(void **state)
{
    int16_t least = 5, other = -3;
    uint16_t most = 5, large = 65533;
    double negative = -1.5, positive = 0.25;
    (void)state;
    crewi_combine(CREW_INT16, CREW_MIN, &least, &other, 1);
    assert_int_equal(least, -3);
    crewi_combine(CREW_UINT16, CREW_MAX, &most, &large, 1);
    assert_int_equal(most, 65533);
    crewi_combine(CREW_DOUBLE, CREW_PROD, &negative, &positive, 1);
    assert_true(negative == -0.375);
}

static void logical_ones_give_one(void **state)
{
    uint32_t both[] = {4, 4, 0, 0}, other[] = {2, 0, 2, 0};
    (void)state;
    crewi_combine(CREW_UINT32, CREW_LXOR, both, other, 4);
    assert_int_equal(both[0], 0);
    assert_int_equal(both[1], 1);
    assert_int_equal(both[2], 1);
    assert_int_equal(both[3], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_with_what),
        cmocka_unit_test(signed_numbers_wrap_around),
        cmocka_unit_test(signs_count),
        cmocka_unit_test(logical_ones_give_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
