/* SPDX-License-Identifier: BSD-3-Clause */
/* How many calls of a child go without an answer. */
#include "engine/client.h"
#include "unit.h"

#define COUNT_LIMIT 32
#define BYTES_LIMIT 65536

static struct crewi_client client;

static int begin(void **state)
{
    (void)state;
    client = (struct crewi_client){0};
    return 0;
}

static void the_first_one_asks(void **state)
{
    (void)state;
    assert_false(crewi_post_count(&client, 7, 1));
    assert_false(crewi_post_count(&client, 7, 1));
    crewi_post_set(&client, 7, true);
    assert_true(crewi_post_count(&client, 7, 1));
    assert_false(crewi_post_count(&client, 8, 1));
}

static void one_of_many_asks(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        crewi_post_set(&client, 7, true);
        for (int i = 0; i < COUNT_LIMIT; i++)
            assert_true(crewi_post_count(&client, 7, 10));
        assert_false(crewi_post_count(&client, 7, 10));
        assert_false(crewi_post_count(&client, 7, 0));
    }
}

static void bytes_are_counted_too(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        crewi_post_set(&client, 7, true);
        assert_true(crewi_post_count(&client, 7, BYTES_LIMIT - 100));
        assert_false(crewi_post_count(&client, 7, 101)); /* what asks is not counted */
        assert_true(crewi_post_count(&client, 7, 100));
        assert_false(crewi_post_count(&client, 7, 1));
        assert_true(crewi_post_count(&client, 7, 0));
    }
    crewi_post_set(&client, 7, true);
    assert_false(crewi_post_count(&client, 7, BYTES_LIMIT + 1));
    assert_true(crewi_post_count(&client, 7, BYTES_LIMIT));
}

static void objects_are_counted_apart(void **state)
{
    (void)state;
    crewi_post_set(&client, 7, true);
    crewi_post_set(&client, 8, true);
    for (int i = 0; i < COUNT_LIMIT; i++)
        assert_true(crewi_post_count(&client, 7, 1));
    assert_false(crewi_post_count(&client, 7, 1));
    assert_true(crewi_post_count(&client, 8, 1));
    crewi_post_set(&client, 8, true);
    assert_false(crewi_post_count(&client, 7, 1));
}

static void what_is_forgotten_asks_again(void **state)
{
    (void)state;
    crewi_post_set(&client, 7, false); /* it was never known */
    crewi_post_set(&client, 7, true);
    crewi_post_set(&client, 8, true);
    assert_true(crewi_post_count(&client, 7, 1));
    crewi_post_set(&client, 7, false);
    assert_false(crewi_post_count(&client, 7, 1));
    assert_true(crewi_post_count(&client, 8, 1));
    crewi_post_set(&client, 7, false);
    crewi_post_set(&client, 7, true);
    assert_true(crewi_post_count(&client, 7, 1));
}

/* A stop may come between the answer of one that asked and what its caller makes of it. */
static void what_is_stopped_is_not_allowed_again(void **state)
{
    (void)state;
    crewi_post_set(&client, 7, true);
    crewi_post_stop(&client, 7);
    crewi_post_stop(&client, 8); /* it was not known yet */
    for (int i = 0; i < 2; i++) {
        assert_false(crewi_post_count(&client, 7, 1));
        assert_false(crewi_post_count(&client, 8, 1));
        crewi_post_set(&client, 7, true);
        crewi_post_set(&client, 8, true);
    }
    crewi_post_set(&client, 7, false); /* closed; the next one asks */
    crewi_post_set(&client, 7, true);
    assert_true(crewi_post_count(&client, 7, 1));
}

static int known(uint64_t objects)
{
    int count = 0;
    for (int i = 0; i < CREWI_POSTS; i++)
        count += client.posts[i].object >= 1 && client.posts[i].object <= objects;
    return count;
}

/* The one that comes takes the place of one of them, each time of another. */
static void more_objects_than_are_remembered(void **state)
{
    (void)state;
    for (uint64_t object = 1; object <= CREWI_POSTS; object++)
        crewi_post_set(&client, object, true);
    assert_int_equal(known(CREWI_POSTS), CREWI_POSTS);
    for (uint64_t object = CREWI_POSTS + 1; object <= 2 * CREWI_POSTS; object++) {
        crewi_post_set(&client, object, true);
        assert_true(crewi_post_count(&client, object, 0));
        assert_int_equal(known(object), CREWI_POSTS);
    }
    assert_int_equal(known(CREWI_POSTS), 0); /* they have gone one by one */
}

static void a_free_place_is_used_first(void **state)
{
    (void)state;
    for (uint64_t object = 1; object <= CREWI_POSTS; object++)
        crewi_post_set(&client, object, true);
    crewi_post_set(&client, 5, false);
    crewi_post_set(&client, 100, true);
    assert_true(crewi_post_count(&client, 100, 0));
    assert_int_equal(known(CREWI_POSTS), CREWI_POSTS - 1);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_asks),           TEST(one_of_many_asks),
        TEST(bytes_are_counted_too),        TEST(objects_are_counted_apart),
        TEST(what_is_forgotten_asks_again), TEST(more_objects_than_are_remembered),
        TEST(a_free_place_is_used_first),   TEST(what_is_stopped_is_not_allowed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
