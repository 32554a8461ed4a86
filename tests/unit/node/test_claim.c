/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims: a worker takes tasks from the front, its rank takes them back from the end, and no task
 * is taken twice or by nobody. */
#include "node/claim.h"
#include "processes.h"
#include "unit.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct crewi_claims claims;
static const struct crewi_claim_key key = {3, 77};
static struct crewi_claim_range range;

static int begin(void **state)
{
    (void)state;
    memset(&claims, 0, sizeof claims);
    memset(&range, 0, sizeof range);
    return 0;
}

static void expect_range(uint32_t first, uint32_t end)
{
    assert_int_equal(range.begin, first);
    assert_int_equal(range.end, end);
}

static void from_the_front(void **state)
{
    (void)state;
    crewi_claim_offer(&claims, key, 10);
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), 1);
    expect_range(0, 1);
    assert_int_equal(crewi_claim_take(&claims, key, 4, &range), 1);
    expect_range(1, 5);
    assert_int_equal(crewi_claim_look(&claims, key, &range), 1);
    expect_range(5, 10);
    assert_int_equal(crewi_claim_take(&claims, key, 100, &range), 1);
    expect_range(5, 10);
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), 0);
    assert_int_equal(crewi_claim_look(&claims, key, &range), 1);
    assert_int_equal(range.begin, range.end);
}

static void back_from_the_end(void **state)
{
    (void)state;
    crewi_claim_offer(&claims, key, 10);
    assert_int_equal(crewi_claim_take(&claims, key, 2, &range), 1);
    assert_false(crewi_claim_take_back(&claims, key, 8, &range)); /* it keeps all */
    assert_true(crewi_claim_take_back(&claims, key, 3, &range));
    expect_range(5, 10);
    assert_int_equal(crewi_claim_take(&claims, key, 100, &range), 1);
    expect_range(2, 5);
    assert_false(crewi_claim_take_back(&claims, key, 0, &range));
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), 0);
}

static void whole(void **state)
{
    (void)state;
    crewi_claim_offer(&claims, key, CREWI_CLAIM_TASKS);
    assert_true(crewi_claim_take_back(&claims, key, 0, &range));
    expect_range(0, CREWI_CLAIM_TASKS);
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), 0);
}

/* A chunk that is taken back before it comes: nothing of it can be claimed then, and when a later
 * one is there by that time, that one stays. */
static void withdrawn(void **state)
{
    const struct crewi_claim_key next = {key.slot, crewi_claim_next_generation(key.generation)};
    (void)state;
    for (int later = 0; later < 2; later++) {
        memset(&claims, 0, sizeof claims);
        assert_true(crewi_claim_withdraw(&claims, key));
        assert_false(crewi_claim_withdraw(&claims, key));
        if (later)
            crewi_claim_offer(&claims, next, 5);
        crewi_claim_offer(&claims, key, 10);
        assert_int_equal(crewi_claim_take(&claims, key, 1, &range), 0);
        assert_false(crewi_claim_is_current(&claims, key));
    }
    assert_false(crewi_claim_withdraw(&claims, next));
    assert_int_equal(crewi_claim_take(&claims, next, 5, &range), 1);
    expect_range(0, 5);
    assert_true(crewi_claim_is_current(&claims, next));
}

/* The slot has another chunk by now, or not this one yet. */
static void generations(void **state)
{
    const struct crewi_claim_key next = {key.slot, crewi_claim_next_generation(key.generation)},
                                 last = {key.slot, CREWI_CLAIM_GENERATIONS}, first = {key.slot, 1};
    (void)state;
    assert_int_equal(next.generation, 78);
    assert_int_equal(crewi_claim_next_generation(CREWI_CLAIM_GENERATIONS), 1);
    crewi_claim_offer(&claims, key, 10);
    assert_int_equal(crewi_claim_look(&claims, next, &range), -1);
    assert_false(crewi_claim_take_back(&claims, next, 0, &range));
    crewi_claim_offer(&claims, next, 10);
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), 0);
    assert_int_equal(crewi_claim_look(&claims, key, &range), 0);
    assert_false(crewi_claim_take_back(&claims, key, 0, &range));
    memset(&claims, 0, sizeof claims);
    crewi_claim_offer(&claims, last, 10);
    crewi_claim_offer(&claims, first, 10); /* they have gone round */
    assert_int_equal(crewi_claim_take(&claims, last, 1, &range), 0);
    assert_int_equal(crewi_claim_take(&claims, first, 1, &range), 1);
}

static void what_cannot_be(void **state)
{
    (void)state;
    assert_false(crewi_claim_is_sound((struct crewi_claim_key){CREWI_CLAIM_SLOTS, 1}, 1));
    assert_false(crewi_claim_is_sound((struct crewi_claim_key){0, 0}, 1));
    assert_false(crewi_claim_is_sound((struct crewi_claim_key){0, CREWI_CLAIM_GENERATIONS + 1}, 1));
    assert_false(crewi_claim_is_sound(key, 0));
    assert_false(crewi_claim_is_sound(key, (uint64_t)CREWI_CLAIM_TASKS + 1));
    assert_true(crewi_claim_is_sound(key, CREWI_CLAIM_TASKS));
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), -1); /* nothing was ever offered */
    crewi_claim_offer(&claims, key, 10);
    claims.words[key.slot] += 11; /* the next task is behind the end */
    assert_int_equal(crewi_claim_take(&claims, key, 1, &range), -1);
    assert_int_equal(crewi_claim_look(&claims, key, &range), 0);
    assert_false(crewi_claim_take_back(&claims, key, 0, &range));
    uint64_t seed = 3;
    for (int i = 0; i < 100000; i++) { /* whatever is there, nothing beyond a word is looked at */
        claims.words[key.slot] = unit_random(&seed);
        if (crewi_claim_take_back(&claims, key, 5, &range))
            assert_true(range.begin < range.end && range.end <= CREWI_CLAIM_TASKS);
        if (crewi_claim_take(&claims, key, 5, &range) > 0)
            assert_true(range.begin < range.end && range.end <= CREWI_CLAIM_TASKS);
    }
}

#define CHUNKS 2000
#define TASKS 200

struct race {
    struct crewi_claims claims;
    _Atomic int offered, done; /* chunks */
    _Atomic unsigned char taken[CHUNKS][TASKS];
};

static void note(struct race *race, int chunk, struct crewi_claim_range tasks)
{
    for (uint32_t i = tasks.begin; i < tasks.end; i++)
        race->taken[chunk][i]++;
}

static struct crewi_claim_key key_of(int chunk)
{
    return (struct crewi_claim_key){(uint32_t)chunk % CREWI_CLAIM_SLOTS, (uint32_t)chunk + 1};
}

static _Noreturn void work(struct race *race)
{
    uint64_t seed = 5;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        struct crewi_claim_range claimed;
        int found;
        while (race->offered <= chunk)
            sched_yield();
        while ((found = crewi_claim_take(&race->claims, key_of(chunk),
                                         1 + (uint32_t)unit_random_below(&seed, 3), &claimed)) > 0)
            note(race, chunk, claimed);
        if (found < 0)
            _exit(1);
        race->done = chunk + 1;
    }
    _exit(0);
}

/* Both at a time: every task is one's or the other's. */
static void no_task_twice_and_none_lost(void **state)
{
    struct race *race = shared_memory(sizeof *race);
    uint64_t seed = 6, back = 0;
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        work(race);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        struct crewi_claim_range taken;
        crewi_claim_offer(&race->claims, key_of(chunk), TASKS);
        race->offered = chunk + 1;
        while (race->done <= chunk) {
            taken = (struct crewi_claim_range){77, 78};
            if (!crewi_claim_take_back(&race->claims, key_of(chunk),
                                       (uint32_t)unit_random_below(&seed, TASKS), &taken)) {
                assert_true(taken.begin == 77 && taken.end == 78); /* not what it would have been */
                continue;
            }
            note(race, chunk, taken);
            back += taken.end - taken.begin;
        }
    }
    assert_int_equal(exit_code_of(pid), 0);
    for (int chunk = 0; chunk < CHUNKS; chunk++)
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(race->taken[chunk][i], 1);
    assert_true(back > 0 && back < (uint64_t)CHUNKS * TASKS);
    munmap(race, sizeof *race);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(from_the_front, begin),
        cmocka_unit_test_setup(back_from_the_end, begin),
        cmocka_unit_test_setup(whole, begin),
        cmocka_unit_test_setup(withdrawn, begin),
        cmocka_unit_test_setup(generations, begin),
        cmocka_unit_test_setup(what_cannot_be, begin),
        cmocka_unit_test(no_task_twice_and_none_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
