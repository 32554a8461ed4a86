/* SPDX-License-Identifier: BSD-3-Clause */
/* Schedules other than guided: their chunks are what they are defined to be, whatever comes back.
 */
#include "base/clock.h"
#include "pool/schedule.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>

static uint64_t ceil_share(uint64_t count, uint64_t shares)
{
    return (count + shares - 1) / shares;
}

static void begin(struct crewi_schedule *schedule, crew_schedule policy, uint64_t count,
                  uint32_t workers)
{
    crewi_schedule_init(schedule, count, 1, 0, workers);
    crewi_schedule_choose(schedule, policy);
}

/* Takes a chunk that has to begin and to end there. */
static void expect_chunk(struct crewi_schedule *schedule, uint64_t first, uint64_t count)
{
    struct crewi_range chunk;
    assert_true(crewi_schedule_take(schedule, &chunk));
    assert_int_equal(chunk.begin, first);
    assert_int_equal(chunk.count, count);
    assert_true(crewi_schedule_check(schedule));
}

static void expect_end(struct crewi_schedule *schedule)
{
    struct crewi_range chunk = {77, 77};
    assert_int_equal(crewi_schedule_remaining(schedule), 0);
    assert_false(crewi_schedule_take(schedule, &chunk));
    assert_int_equal(chunk.begin, 77); /* set only with a chunk */
    crewi_schedule_fini(schedule);
}

static void static_is_one_share_each(void **state)
{
    struct crewi_schedule schedule;
    (void)state;
    begin(&schedule, CREW_SCHEDULE_STATIC, 10, 4);
    expect_chunk(&schedule, 0, 3);
    crewi_schedule_measure(&schedule, 3, CREWI_SECOND); /* makes no difference */
    expect_chunk(&schedule, 3, 3);
    expect_chunk(&schedule, 6, 3);
    expect_chunk(&schedule, 9, 1);
    expect_end(&schedule);
    begin(&schedule, CREW_SCHEDULE_STATIC, 3, 8);
    for (uint64_t i = 0; i < 3; i++)
        expect_chunk(&schedule, i, 1);
    expect_end(&schedule);
}

/* One who has its share waits for no other one. */
static void static_shares_are_not_given_ahead(void **state)
{
    struct crewi_schedule schedule;
    (void)state;
    begin(&schedule, CREW_SCHEDULE_STATIC, 100, 4);
    crewi_schedule_measure(&schedule, 10, 1);
    assert_true(crewi_schedule_wants_more(&schedule, 0, 0));
    assert_false(crewi_schedule_wants_more(&schedule, 25, 1));
    schedule.fixed = 5; /* then it is as with any other */
    assert_true(crewi_schedule_wants_more(&schedule, 5, 1));
    crewi_schedule_fini(&schedule);
}

static void dynamic_is_one_by_one(void **state)
{
    struct crewi_schedule schedule;
    (void)state;
    begin(&schedule, CREW_SCHEDULE_DYNAMIC, 20, 3);
    for (uint64_t i = 0; i < 20; i++) {
        expect_chunk(&schedule, i, 1);
        crewi_schedule_measure(&schedule, 1, 10);
    }
    expect_end(&schedule);
}

/* Rounds of a chunk for each worker, each of half of what is left over the workers. */
static void factoring_goes_in_rounds(void **state)
{
    static const uint64_t sizes[] = {13, 6, 3, 2, 1};
    struct crewi_schedule schedule;
    uint64_t next = 0;
    (void)state;
    begin(&schedule, CREW_SCHEDULE_FACTORING, 100, 4);
    for (size_t round = 0; round < sizeof sizes / sizeof *sizes; round++) {
        assert_int_equal(ceil_share(100 - next, 8), sizes[round]);
        for (int worker = 0; worker < 4 && next < 100; worker++) {
            uint64_t left = 100 - next, count = sizes[round] < left ? sizes[round] : left;
            expect_chunk(&schedule, next, count);
            next += count;
        }
    }
    assert_int_equal(next, 100);
    expect_end(&schedule);
}

/* When nothing is left no round begins: what comes back afterwards goes out in chunks, of long
 * tasks, too. */
static void factoring_after_its_end(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    begin(&schedule, CREW_SCHEDULE_FACTORING, 16, 4);
    crewi_schedule_measure(&schedule, 1, CREWI_SECOND);
    while (crewi_schedule_take(&schedule, &chunk))
        ;
    for (int i = 0; i < 4; i++) /* at any place in a round */
        assert_false(crewi_schedule_take(&schedule, &chunk));
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(crewi_schedule_return(&schedule, (struct crewi_range){4 * i, 3}), CREW_OK);
    uint64_t left = 12;
    for (int chunks = 0; left; chunks++) {
        assert_true(chunks < 12);
        assert_true(crewi_schedule_take(&schedule, &chunk));
        assert_in_range(chunk.count, 1, left);
        left -= chunk.count;
    }
    expect_end(&schedule);
}

/* In proportion to the speed, from a quarter to four times. */
static void weighted_by_speed(void **state)
{
    static const struct {
        double speed;
        uint64_t count;
    } cases[] = {{1, 100}, {2, 200},   {0.5, 50},       {4, 400}, {1e9, 400}, {INFINITY, 400},
                 {0, 25},  {1e-9, 25}, {-INFINITY, 25}, {-3, 25}, {NAN, 25}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct crewi_schedule schedule;
        struct crewi_range chunk;
        begin(&schedule, CREW_SCHEDULE_WEIGHTED, 800, 2);
        assert_true(crewi_schedule_take_for(&schedule, cases[i].speed, 0, &chunk));
        assert_int_equal(chunk.count, cases[i].count);
        crewi_schedule_fini(&schedule);
        begin(&schedule, CREW_SCHEDULE_WEIGHTED, 1, 2);
        assert_true(crewi_schedule_take_for(&schedule, cases[i].speed, 0, &chunk));
        assert_int_equal(chunk.count, 1);
        crewi_schedule_fini(&schedule);
    }
}

/* A chunk is not larger than a message should be, whoever chooses. */
static void bytes_are_limited(void **state)
{
    (void)state;
    for (int policy = CREW_SCHEDULE_GUIDED; policy <= CREW_SCHEDULE_WEIGHTED; policy++) {
        struct crewi_schedule schedule;
        struct crewi_range chunk;
        crewi_schedule_init(&schedule, 1000000, 1024, 0, 1);
        crewi_schedule_choose(&schedule, (crew_schedule)policy);
        assert_true(crewi_schedule_take_for(&schedule, 4, 0, &chunk));
        assert_int_equal(chunk.count, policy == CREW_SCHEDULE_DYNAMIC ? 1 : 128);
        crewi_schedule_fini(&schedule);
    }
}

/* Times of many messages, each the longest that counts. */
static void measured_times_do_not_overflow(void **state)
{
    struct crewi_schedule schedule;
    (void)state;
    begin(&schedule, CREW_SCHEDULE_WEIGHTED, 1000, 2);
    for (int i = 0; i < 20000; i++)
        crewi_schedule_measure(&schedule, 1, 1000000 * CREWI_SECOND);
    assert_int_equal(crewi_schedule_task_ns(&schedule), 1000000 * CREWI_SECOND);
    crewi_schedule_fini(&schedule);
}

/* Whatever is measured and comes back, each task goes out once more than it came back, and to a
 * worker of any speed. */
static void each_task_once(uint64_t *seed, crew_schedule policy)
{
    uint64_t count = unit_random_below(seed, 500), left = count;
    unsigned char *out = calloc(1, count + 1);
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    assert_non_null(out);
    begin(&schedule, policy, count, 1 + (uint32_t)unit_random_below(seed, 9));
    for (int after_end = 0; after_end < 3;) {
        double speed = (double)unit_random_below(seed, 1000) / 100;
        if (!crewi_schedule_take_for(&schedule, speed, 0, &chunk)) {
            assert_int_equal(left, 0);
            after_end++;
            chunk = (struct crewi_range){0, 0};
            for (uint64_t i = 0; i < count && unit_random_below(seed, 4); i++)
                chunk.count++; /* some of what is out comes back at last */
        } else {
            assert_in_range(chunk.count, 1, left);
            for (uint64_t i = 0; i < chunk.count; i++)
                assert_int_equal(out[chunk.begin + i]++, 0);
            left -= chunk.count;
            if (unit_random_below(seed, 4))
                continue;
            crewi_schedule_measure(&schedule, chunk.count,
                                   (int64_t)unit_random_below(seed, 1000000000));
        }
        for (uint64_t i = 0; i < chunk.count; i++)
            out[chunk.begin + i]--;
        left += chunk.count;
        assert_int_equal(crewi_schedule_return(&schedule, chunk), CREW_OK);
        assert_true(crewi_schedule_check(&schedule));
        assert_int_equal(crewi_schedule_remaining(&schedule), left);
    }
    crewi_schedule_fini(&schedule);
    free(out);
}

static void random_schedules(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int i = 0; i < 100; i++)
        for (int policy = CREW_SCHEDULE_GUIDED; policy <= CREW_SCHEDULE_WEIGHTED; policy++)
            each_task_once(&seed, (crew_schedule)policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_is_one_share_each),
        cmocka_unit_test(static_shares_are_not_given_ahead),
        cmocka_unit_test(dynamic_is_one_by_one),
        cmocka_unit_test(factoring_goes_in_rounds),
        cmocka_unit_test(factoring_after_its_end),
        cmocka_unit_test(weighted_by_speed),
        cmocka_unit_test(bytes_are_limited),
        cmocka_unit_test(measured_times_do_not_overflow),
        cmocka_unit_test(random_schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
