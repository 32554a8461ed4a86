/* SPDX-License-Identifier: BSD-3-Clause */
/* The heap of deadlines, against an array that is searched. */
#include "base/clock.h"
#include "engine/timer.h"
#include "unit.h"

#define TIMERS 200

static struct crewi_timers timers;

static int begin(void **state)
{
    (void)state;
    timers = (struct crewi_timers){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    crewi_timers_fini(&timers);
    return 0;
}

static void nothing_is_due(void **state)
{
    struct crewi_timer timer = {0};
    (void)state;
    assert_true(crewi_timers_next(&timers) == CREWI_FOREVER);
    assert_null(crewi_timers_take_due(&timers, CREWI_FOREVER));
    crewi_timer_cancel(&timers, &timer);
    assert_int_equal(crewi_timer_set(&timers, &timer, CREWI_FOREVER), CREW_OK); /* never */
    assert_int_equal(timers.count, 0);
    assert_null(crewi_timers_take_due(&timers, CREWI_FOREVER));
    crewi_timer_cancel(&timers, &timer);
}

static void due_from_the_deadline_on(void **state)
{
    struct crewi_timer timer;
    (void)state;
    assert_int_equal(crewi_timer_set(&timers, &timer, 100), CREW_OK);
    assert_int_equal(crewi_timers_next(&timers), 100);
    assert_null(crewi_timers_take_due(&timers, 99));
    assert_ptr_equal(crewi_timers_take_due(&timers, 100), &timer);
    assert_null(crewi_timers_take_due(&timers, 100));
    crewi_timer_cancel(&timers, &timer); /* is not set any more */
    assert_int_equal(crewi_timer_set(&timers, &timer, 7), CREW_OK);
    crewi_timer_cancel(&timers, &timer);
    crewi_timer_cancel(&timers, &timer);
    assert_null(crewi_timers_take_due(&timers, 1000));
}

static void check_heap(void)
{
    for (size_t place = 1; place <= timers.count; place++) {
        assert_int_equal(timers.heap[place]->place, place);
        if (place > 1)
            assert_true(timers.heap[place / 2]->deadline_ns <= timers.heap[place]->deadline_ns);
    }
}

static int64_t earliest(const struct crewi_timer *all, const bool *set)
{
    int64_t first = CREWI_FOREVER;
    for (int i = 0; i < TIMERS; i++)
        if (set[i] && all[i].deadline_ns < first)
            first = all[i].deadline_ns;
    return first;
}

static void random_against_a_search(void **state)
{
    static struct crewi_timer all[TIMERS];
    static bool set[TIMERS];
    uint64_t seed = 8, taken = 0;
    int64_t now = 0;
    (void)state;
    for (int step = 0; step < 100000; step++) {
        size_t i = (size_t)unit_random_below(&seed, TIMERS);
        uint64_t what = unit_random_below(&seed, 10);
        now += (int64_t)unit_random_below(&seed, 10);
        if (what < 6 && !set[i]) {
            int64_t deadline =
                now + (int64_t)unit_random_below(&seed, 3000) - 20; /* equal ones, and past ones */
            assert_int_equal(crewi_timer_set(&timers, &all[i], deadline), CREW_OK);
            set[i] = true;
        } else if (what < 8) {
            crewi_timer_cancel(&timers, &all[i]);
            set[i] = false;
        } else {
            struct crewi_timer *due = crewi_timers_take_due(&timers, now);
            int64_t first = earliest(all, set);
            assert_int_equal(due != NULL, first <= now);
            if (due) {
                assert_true(due->deadline_ns == first && set[due - all]);
                assert_int_equal(due->place, 0);
                set[due - all] = false;
                taken++;
            }
        }
        if (step % 64 == 0) {
            check_heap();
            assert_true(crewi_timers_next(&timers) == earliest(all, set));
        }
    }
    assert_true(taken > 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_due),
        TEST(due_from_the_deadline_on),
        TEST(random_against_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
