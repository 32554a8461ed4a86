/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client keeps of its objects: found, taken out, used again; and found by several threads.
 */
#include "engine/cache.h"
#include "unit.h"

#include <stdbool.h>

struct record {
    struct crewi_cached cached;
    int value;
};

static int ended;

static void count_end(struct crewi_cached *cached)
{
    (void)cached;
    ended++;
}

static struct record *add(struct crewi_cache *cache, uint64_t id, int value)
{
    struct record *record = (struct record *)crewi_cache_new(cache, sizeof *record);
    assert_non_null(record);
    assert_int_equal(record->value, 0);
    record->value = value;
    record->cached.end = count_end;
    return (struct record *)crewi_cache_add(cache, id, &record->cached);
}

static int value_of(const struct crewi_cache *cache, uint64_t id)
{
    const struct record *record = (const struct record *)crewi_cache_find(cache, id);
    return record ? record->value : -1;
}

static void keeps_many(void **state)
{
    struct crewi_cache cache;
    (void)state;
    crewi_cache_init(&cache);
    ended = 0;
    assert_int_equal(value_of(&cache, 1), -1);
    for (int i = 1; i <= 5000; i++)
        add(&cache, (uint64_t)i << 40 | 7, i);
    for (int i = 1; i <= 5000; i += 2)
        crewi_cache_remove(&cache, (uint64_t)i << 40 | 7);
    crewi_cache_remove(&cache, 77);
    assert_int_equal(ended, 2500);
    for (int i = 1; i <= 5000; i++)
        assert_int_equal(value_of(&cache, (uint64_t)i << 40 | 7), i % 2 ? -1 : i);
    add(&cache, 99, 42); /* in the memory of another */
    assert_int_equal(value_of(&cache, 99), 42);
    crewi_cache_fini(&cache);
    assert_int_equal(ended, 5001);
}

static void keeps_the_first(void **state)
{
    struct crewi_cache cache;
    (void)state;
    crewi_cache_init(&cache);
    struct record *first = add(&cache, 5, 1);
    assert_ptr_equal(add(&cache, 5, 2), first);
    assert_int_equal(value_of(&cache, 5), 1);
    crewi_cache_fini(&cache);
}

static struct crewi_cache shared;

/* Adds and removes its own, and looks at everybody's. */
static void *churn(void *arg)
{
    uint64_t number = (uint64_t)(uintptr_t)arg;
    for (int i = 0; i < 20000; i++) {
        uint64_t id = number << 40 | (uint64_t)(1 + i % 100);
        struct record *record = (struct record *)crewi_cache_new(&shared, sizeof *record);
        crewi_cache_add(&shared, id, &record->cached);
        if (!crewi_cache_find(&shared, id))
            return arg;
        crewi_cache_find(&shared, (uint64_t)(i % 4 + 1) << 40 | (uint64_t)(i % 100 + 1));
        crewi_cache_remove(&shared, id);
    }
    return NULL;
}

static void serves_threads(void **state)
{
    pthread_t threads[4];
    (void)state;
    crewi_cache_init(&shared);
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    crewi_cache_fini(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_many),
        cmocka_unit_test(keeps_the_first),
        cmocka_unit_test(serves_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
