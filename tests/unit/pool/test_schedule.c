/* SPDX-License-Identifier: BSD-3-Clause */
/* Which tasks go into which chunk. */
#include "base/clock.h"
#include "pool/schedule.h"
#include "unit.h"

#include <stdlib.h>

static uint64_t ceil_share(uint64_t count, uint64_t shares)
{
    return (count + shares - 1) / shares;
}

static void the_first_chunk_is_pythons(void **state)
{
    static const uint64_t counts[] = {1, 2, 3, 4, 5, 15, 16, 17, 100, 1000, 100003};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (uint32_t workers = 1; workers <= 9; workers++) {
            struct crewi_schedule schedule;
            struct crewi_range chunk;
            crewi_schedule_init(&schedule, counts[i], 1, 0, workers);
            assert_true(crewi_schedule_check(&schedule));
            assert_int_equal(crewi_schedule_remaining(&schedule), counts[i]);
            assert_true(crewi_schedule_take(&schedule, &chunk));
            assert_int_equal(chunk.begin, 0);
            assert_int_equal(chunk.count, ceil_share(counts[i], 4 * workers));
            crewi_schedule_fini(&schedule);
        }
    }
}

static void chunks_shrink_to_one(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    uint64_t before = UINT64_MAX, next = 0;
    (void)state;
    crewi_schedule_init(&schedule, 100000, 1, 0, 5);
    while (crewi_schedule_take(&schedule, &chunk)) {
        assert_true(chunk.count <= before);
        assert_int_equal(chunk.begin, next);
        uint64_t guided = ceil_share(100000 - next, 10);
        assert_int_equal(chunk.count, guided < 5000 ? guided : 5000);
        next += chunk.count;
        before = chunk.count;
    }
    assert_int_equal(next, 100000);
    assert_int_equal(before, 1);
    assert_false(crewi_schedule_take(&schedule, &chunk));
    crewi_schedule_fini(&schedule);
}

static void fixed_sizes(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 10, 8, 4, 3);
    crewi_schedule_measure(&schedule, 1, 1); /* makes no difference */
    for (uint64_t next = 0; next < 10; next += 4) {
        assert_true(crewi_schedule_take(&schedule, &chunk));
        assert_int_equal(chunk.begin, next);
        assert_int_equal(chunk.count, next == 8 ? 2 : 4);
    }
    assert_false(crewi_schedule_take(&schedule, &chunk));
    crewi_schedule_init(&schedule, 10, 8, UINT64_MAX, 3);
    assert_true(crewi_schedule_take(&schedule, &chunk));
    assert_int_equal(chunk.count, 10);
    crewi_schedule_fini(&schedule);
}

/* 20 us of them, as far as there are enough left for all, and not when chunks are counted. */
static void chunks_of_empty_tasks_travel_together(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 1000, 8, 3, 2);
    schedule.bundles = true;
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 3); /* nothing is known yet */
    crewi_schedule_measure(&schedule, 1, CREWI_MICROSECOND);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 18); /* whole chunks */
    schedule.next = 1000 - 48;
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 6); /* of 48, for two workers */
    crewi_schedule_measure(&schedule, 9, CREWI_MILLISECOND);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 3); /* longer ones have come */
    crewi_schedule_init(&schedule, 1000, 8, 0, 2);
    crewi_schedule_choose(&schedule, CREW_SCHEDULE_DYNAMIC);
    crewi_schedule_measure(&schedule, 1, CREWI_MICROSECOND);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 1);
    schedule.bundles = true;
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 20);
}

/* A chunk is not larger than a message should be, and has a task at least. */
static void bytes_are_limited(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 1000000, 1024, 0, 1);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 128);
    crewi_schedule_init(&schedule, 1000000, 1024, 5000, 1);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 128);
    crewi_schedule_init(&schedule, 1000, 128 * 1024 + 1, 0, 1);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 1);
    crewi_schedule_init(&schedule, 1000, (size_t)1 << 30, 7, 1);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 1);
}

/* Not so small that handing out costs more than a little of the work: 500 us of it, as soon as it
 * is measured, unless others would get nothing then; 100 us of it in any case. */
static void short_tasks_come_in_larger_chunks(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 1000, 8, 0, 100);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 3);
    crewi_schedule_measure(&schedule, 10, 10 * CREWI_MICROSECOND);
    assert_int_equal(crewi_schedule_task_ns(&schedule), CREWI_MICROSECOND);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 10); /* so many do not speak for more than as many again */
    crewi_schedule_measure(&schedule, 190, 190 * CREWI_MICROSECOND);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 100);
    crewi_schedule_measure(&schedule, 800, 100 * CREWI_SECOND);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 1); /* so uneven */
    crewi_schedule_init(&schedule, 100000, 8, 0, 2);
    crewi_schedule_measure(&schedule, 1000, 1000 * CREWI_MICROSECOND);
    schedule.next = 99000;
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 500);
    crewi_schedule_init(&schedule, 1000, 8, 0, 100);
    crewi_schedule_measure(&schedule, 5, 0); /* faster than the clock */
    assert_int_equal(crewi_schedule_task_ns(&schedule), 1);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 5);
    crewi_schedule_measure(&schedule, 1000, 0);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 995);
}

/* Chunks of tasks that vary are smaller than guided ones, so that no worker has too much: the more
 * the fewer are left, and the more workers there are. */
static void uneven_tasks_come_in_smaller_chunks(void **state)
{
    static const uint32_t workers[] = {2, 10000};
    uint64_t before = UINT64_MAX;
    (void)state;
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        uint64_t each = 100, count = each * workers[i], half = 0;
        struct crewi_schedule schedule;
        struct crewi_range chunk;
        crewi_schedule_init(&schedule, count, 8, 0, workers[i]);
        for (int k = 0; k < 50; k++) { /* a coefficient of variation of 1 */
            crewi_schedule_measure(&schedule, 1, 0);
            crewi_schedule_measure(&schedule, 1, 200 * CREWI_MILLISECOND);
        }
        while (crewi_schedule_take(&schedule, &chunk)) {
            uint64_t left = count - chunk.begin;
            assert_true(chunk.count <= ceil_share(left, 2 * (uint64_t)workers[i]));
            if (!half && left <= count / 4)
                half = chunk.count;
            if (left <= 4 * (uint64_t)workers[i])
                assert_int_equal(chunk.count, 1);
        }
        assert_true(half < before);
        before = half;
        crewi_schedule_fini(&schedule);
    }
}

/* A chunk that takes long is not followed by another one before it is done. */
static void nothing_ahead_of_long_chunks(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 100000, 8, 0, 4);
    crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(chunk.count, 6250);
    assert_true(crewi_schedule_wants_more(&schedule, 6250, 1));
    assert_true(crewi_schedule_take_for(&schedule, 1, 6250, &chunk)); /* nobody knows them yet */
    assert_int_equal(chunk.count, 1563);
    crewi_schedule_measure(&schedule, 6250, 6250 * CREWI_MILLISECOND);
    assert_false(crewi_schedule_wants_more(&schedule, 6250, 1));
    assert_false(crewi_schedule_wants_more(&schedule, 10, 1));
    assert_true(crewi_schedule_wants_more(&schedule, 9, 1));
    assert_true(crewi_schedule_wants_more(&schedule, 0, 0));
    crewi_schedule_fini(&schedule);
}

static void what_came_back_goes_out_first(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 100, 8, 10, 2);
    for (int i = 0; i < 3; i++)
        crewi_schedule_take(&schedule, &chunk);
    assert_int_equal(crewi_schedule_remaining(&schedule), 70);
    assert_int_equal(crewi_schedule_return(&schedule, (struct crewi_range){3, 14}), CREW_OK);
    assert_int_equal(crewi_schedule_return(&schedule, (struct crewi_range){5, 0}),
                     CREW_OK); /* nothing */
    assert_int_equal(crewi_schedule_remaining(&schedule), 84);
    assert_true(crewi_schedule_check(&schedule));
    assert_true(crewi_schedule_take(&schedule, &chunk));
    assert_int_equal(chunk.begin, 3);
    assert_int_equal(chunk.count, 10);
    assert_true(crewi_schedule_take(&schedule, &chunk));
    assert_int_equal(chunk.begin, 13);
    assert_int_equal(chunk.count, 4);
    assert_true(crewi_schedule_take(&schedule, &chunk));
    assert_int_equal(chunk.begin, 30);
    crewi_schedule_fini(&schedule);
}

static void how_much_a_worker_has_in_hand(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 100, 8, 1, 2);
    assert_true(crewi_schedule_wants_more(&schedule, 0, 0));
    assert_true(crewi_schedule_wants_more(&schedule, 1, 1)); /* the next one at hand */
    assert_false(crewi_schedule_wants_more(&schedule, 2, 2));
    crewi_schedule_measure(&schedule, 1, CREWI_MICROSECOND);
    assert_true(crewi_schedule_wants_more(&schedule, 2, 2)); /* they are over soon */
    assert_false(crewi_schedule_wants_more(&schedule, 8, 8));
    assert_false(crewi_schedule_wants_more(&schedule, 1000, 3));
    while (crewi_schedule_remaining(&schedule) > 4)
        crewi_schedule_take(&schedule, &chunk);
    assert_true(crewi_schedule_wants_more(&schedule, 1, 1));
    crewi_schedule_measure(&schedule, 1,
                           CREWI_SECOND); /* long tasks: the last ones go to whoever is idle */
    assert_false(crewi_schedule_wants_more(&schedule, 1, 1));
    assert_true(crewi_schedule_wants_more(&schedule, 0, 0));
    while (crewi_schedule_take(&schedule, &chunk))
        ;
    assert_false(crewi_schedule_wants_more(&schedule, 0, 0));
    crewi_schedule_fini(&schedule);
}

/* Whatever is measured and comes back, each task goes out once more than it came back. */
static void each_task_once(uint64_t *seed)
{
    uint64_t count = unit_random_below(seed, 3000), left = count,
             fixed = unit_random_below(seed, 3) ? 0 : 1 + unit_random_below(seed, 50);
    size_t item_size = (size_t)1 << unit_random_below(seed, 14);
    unsigned char *done = calloc(1, count + 1);
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    assert_non_null(done);
    crewi_schedule_init(&schedule, count, item_size, fixed,
                        1 + (uint32_t)unit_random_below(seed, 20));
    schedule.bundles = unit_random_below(seed, 2);
    while (crewi_schedule_take(&schedule, &chunk)) {
        assert_true(chunk.count > 0 && chunk.begin + chunk.count <= count);
        assert_true(crewi_schedule_check(&schedule));
        for (uint64_t i = 0; i < chunk.count; i++)
            assert_int_equal(done[chunk.begin + i]++, 0);
        left -= chunk.count;
        if (unit_random_below(seed, 4) == 0) { /* its worker dies: the first of it are done */
            uint64_t kept = unit_random_below(seed, chunk.count + 1);
            struct crewi_range back = {chunk.begin + kept, chunk.count - kept};
            for (uint64_t i = 0; i < back.count; i++)
                done[back.begin + i]--;
            left += back.count;
            assert_int_equal(crewi_schedule_return(&schedule, back), CREW_OK);
            assert_true(crewi_schedule_check(&schedule));
        }
        if (unit_random_below(seed, 4) == 0)
            crewi_schedule_measure(&schedule, chunk.count,
                                   (int64_t)unit_random_below(seed, 1000000));
        assert_int_equal(crewi_schedule_remaining(&schedule), left);
    }
    assert_int_equal(left, 0);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(done[i], 1);
    crewi_schedule_fini(&schedule);
    free(done);
}

static void random_schedules(void **state)
{
    uint64_t seed = 6;
    (void)state;
    for (int i = 0; i < 500; i++)
        each_task_once(&seed);
}

static void check_finds_what_cannot_be(void **state)
{
    struct crewi_schedule schedule;
    struct crewi_range chunk;
    (void)state;
    crewi_schedule_init(&schedule, 100, 8, 10, 2);
    crewi_schedule_take(&schedule, &chunk);
    crewi_schedule_return(&schedule, (struct crewi_range){2, 3});
    assert_true(crewi_schedule_check(&schedule));
    schedule.returned[0].begin = 8; /* up to a task that was not given out */
    assert_false(crewi_schedule_check(&schedule));
    schedule.returned[0] = (struct crewi_range){2, 0};
    assert_false(crewi_schedule_check(&schedule));
    schedule.returned[0] = (struct crewi_range){2, 4};
    assert_false(crewi_schedule_check(&schedule));
    schedule.returned[0] = (struct crewi_range){2, 3};
    schedule.next = 101;
    assert_false(crewi_schedule_check(&schedule));
    schedule.next = 10;
    schedule.workers = 0;
    assert_false(crewi_schedule_check(&schedule));
    crewi_schedule_fini(&schedule);
}

/* What a chunk is shortened by goes out later, once, wherever the chunk came from. */
static void shortened_chunks(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct crewi_schedule schedule;
        struct crewi_range chunk;
        unsigned char times[500] = {0};
        unsigned random = seed;
        crewi_schedule_init(&schedule, 500, 8, seed % 3 ? 0 : 40, 2);
        for (int idle = 0; crewi_schedule_take(&schedule, &chunk); idle++) {
            assert_true(idle < 10000);
            random = random * 1103515245 + 12345;
            uint64_t kept = chunk.count;
            kept = random >> 16 & 1 ? kept : (random >> 17) % (kept + 1);
            crewi_schedule_shorten(&schedule, &chunk, kept);
            assert_int_equal(chunk.count, kept);
            assert_true(crewi_schedule_check(&schedule));
            if ((random >> 24) % 8 == 0) {
                assert_int_equal(crewi_schedule_return(&schedule, chunk), CREW_OK);
                continue;
            }
            for (uint64_t i = chunk.begin; i < chunk.begin + chunk.count; i++)
                times[i]++;
        }
        for (int i = 0; i < 500; i++)
            assert_int_equal(times[i], 1);
        crewi_schedule_fini(&schedule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_chunk_is_pythons),
        cmocka_unit_test(chunks_shrink_to_one),
        cmocka_unit_test(fixed_sizes),
        cmocka_unit_test(chunks_of_empty_tasks_travel_together),
        cmocka_unit_test(bytes_are_limited),
        cmocka_unit_test(short_tasks_come_in_larger_chunks),
        cmocka_unit_test(uneven_tasks_come_in_smaller_chunks),
        cmocka_unit_test(nothing_ahead_of_long_chunks),
        cmocka_unit_test(what_came_back_goes_out_first),
        cmocka_unit_test(how_much_a_worker_has_in_hand),
        cmocka_unit_test(random_schedules),
        cmocka_unit_test(shortened_chunks),
        cmocka_unit_test(check_finds_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
