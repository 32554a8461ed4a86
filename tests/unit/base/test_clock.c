/* SPDX-License-Identifier: BSD-3-Clause */
/* Timeouts of users, and deadlines. */
#include "base/clock.h"
#include "unit.h"

#include <crew/status.h>
#include <math.h>

static void no_timeout_below_zero(void **state)
{
    (void)state;
    assert_int_equal(crewi_timeout_ns(0), 0);
    assert_int_equal(crewi_timeout_ns(-0.0), 0);
    assert_int_equal(crewi_timeout_ns(-1e-9), 0);
    assert_int_equal(crewi_timeout_ns(-CREW_FOREVER), 0);
    assert_int_equal(crewi_timeout_ns(-INFINITY), 0);
    assert_int_equal(crewi_timeout_ns((double)NAN), 0);
    assert_int_equal(crewi_timeout_ns(-(double)NAN), 0);
}

static void for_ever(void **state)
{
    (void)state;
    assert_true(crewi_timeout_ns(CREW_FOREVER) == CREWI_FOREVER);
    assert_true(crewi_timeout_ns(INFINITY) == CREWI_FOREVER);
    assert_true(crewi_timeout_ns(1e300) == CREWI_FOREVER);
    assert_true(crewi_timeout_ns(3.2e9) == CREWI_FOREVER);
}

static void seconds_become_nanoseconds(void **state)
{
    (void)state;
    assert_int_equal(crewi_timeout_ns(1), CREWI_SECOND);
    assert_int_equal(crewi_timeout_ns(0.25), CREWI_SECOND / 4);
    assert_int_equal(crewi_timeout_ns(1e-9), 1);
    assert_int_equal(crewi_timeout_ns(86400), 86400 * CREWI_SECOND);
    int64_t nearly_a_century = crewi_timeout_ns(3.1e9);
    assert_true(nearly_a_century == 3100000000 * CREWI_SECOND);
}

static void deadlines_do_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(crewi_deadline_ns(1000, 0), 1000);
    assert_int_equal(crewi_deadline_ns(1000, 234), 1234);
    assert_true(crewi_deadline_ns(0, CREWI_FOREVER) == CREWI_FOREVER);
    assert_true(crewi_deadline_ns(1000, CREWI_FOREVER) == CREWI_FOREVER);
    assert_true(crewi_deadline_ns(1000, CREWI_FOREVER - 1000) == CREWI_FOREVER);
    assert_true(crewi_deadline_ns(1000, CREWI_FOREVER - 1001) == CREWI_FOREVER - 1);
    assert_true(crewi_deadline_ns(CREWI_FOREVER - 1, CREWI_FOREVER - 1) == CREWI_FOREVER);
}

static void timespecs(void **state)
{
    (void)state;
    struct timespec both = crewi_timespec(3 * CREWI_SECOND + 7);
    assert_int_equal(both.tv_sec, 3);
    assert_int_equal(both.tv_nsec, 7);
    struct timespec last = crewi_timespec(CREWI_FOREVER);
    assert_in_range(last.tv_nsec, 0, 999999999);
    assert_true(last.tv_sec == CREWI_FOREVER / CREWI_SECOND);
}

static void the_clock_goes_forward(void **state)
{
    (void)state;
    int64_t before = crewi_now_ns();
    assert_true(before > 0);
    for (int i = 0; i < 100000; i++) {
        int64_t now = crewi_now_ns();
        assert_true(now >= before);
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_timeout_below_zero),
        cmocka_unit_test(for_ever),
        cmocka_unit_test(seconds_become_nanoseconds),
        cmocka_unit_test(deadlines_do_not_overflow),
        cmocka_unit_test(timespecs),
        cmocka_unit_test(the_clock_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
