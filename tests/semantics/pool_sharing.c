// SPDX-License-Identifier: BSD-3-Clause
// Pools with what else there is: queues and locks that tasks get, and several pools at a time.
#include "pool_cases.h"

#include "check.h"

#define ITEMS 40

struct errand {
    crew_queue queue;
    crew_value sum;
    int number;
};

CREW_TASK(run_errand, struct errand, int)
{
    crew_status status =
        crew_queue_put(item->queue, &item->number, sizeof item->number, CREW_FOREVER);
    if (!status)
        status = crew_value_add_int64(item->sum, item->number);
    *result = item->number + 1;
    return status;
}

// The caller keeps the handles until the map is done.
static void check_errands(crew_pool pool, const crew_pool_attr *attr)
{
    struct errand errands[ITEMS];
    int results[ITEMS], number, seen[ITEMS] = {0};
    crew_queue queue;
    crew_value sum;
    int64_t total = 0;
    (void)attr;
    if (!CHECK_OK(crew_queue_create(&queue, NULL)) ||
        !CHECK_OK(crew_value_create(&sum, CREW_INT64, &total, NULL)))
        return;
    for (int i = 0; i < ITEMS; i++)
        errands[i] = (struct errand){queue, sum, i};
    CHECK_OK(crew_pool_map(pool, run_errand, errands, results, ITEMS, NULL));
    for (int i = 0; i < ITEMS; i++) {
        CHECK_INT(results[i], i + 1);
        if (CHECK_OK(crew_queue_get(queue, &number, sizeof number, NULL, 30)))
            seen[number]++;
    }
    for (int i = 0; i < ITEMS; i++)
        CHECK_INT(seen[i], 1);
    CHECK_OK(crew_value_get_int64(sum, &total));
    CHECK_INT(total, ITEMS * (ITEMS - 1) / 2);
    CHECK_OK(crew_value_close(sum));
    CHECK_OK(crew_queue_close(queue));
}

void pool_handles_in_items(const struct variant *variant)
{
    (void)variant;
    each_pool(check_errands, false);
}

static crew_lock initial_lock;

static crew_status keep_lock(void *arg)
{
    initial_lock = *(crew_lock *)arg;
    return CREW_OK;
}

CREW_TASK(count_locked, crew_value, int)
{
    int64_t number;
    crew_status status = crew_lock_acquire(initial_lock, CREW_FOREVER);
    if (status)
        return status;
    status = crew_value_get_int64(*item, &number);
    number++;
    if (!status)
        status = crew_value_set_int64(*item, number);
    crew_lock_release(initial_lock);
    *result = 1;
    return status;
}

void pool_handles_in_initializer(const struct variant *variant)
{
    crew_pool pool;
    crew_lock lock;
    crew_value values[ITEMS];
    int results[ITEMS];
    int64_t number = 0;
    (void)variant;
    if (!CHECK_OK(crew_lock_create(&lock, NULL)) ||
        !CHECK_OK(crew_value_create(&values[0], CREW_INT64, &number, NULL)))
        return;
    const crew_pool_attr attr = {.workers = 3,
                                 .initializer = keep_lock,
                                 .initializer_arg = &lock,
                                 .initializer_size = sizeof lock};
    for (int i = 1; i < ITEMS; i++)
        values[i] = values[0];
    if (CHECK_OK(crew_pool_create(&pool, &attr))) {
        const crew_map_attr map = {.chunk = 1};
        CHECK_OK(crew_pool_map(pool, count_locked, values, results, ITEMS, &map));
        end_pool(pool);
    }
    CHECK_OK(crew_value_get_int64(values[0], &number));
    CHECK_INT(number, ITEMS);
    CHECK_OK(crew_value_close(values[0]));
    CHECK_OK(crew_lock_close(lock));
}

CREW_TASK(square, int, int)
{
    *result = *item * *item;
    return CREW_OK;
}

// Three pools that work at the same time, each on two maps; and one whose items are another's
// results.
void pool_several(const struct variant *variant)
{
    enum { POOLS = 3 };
    crew_pool pools[POOLS];
    crew_result firsts[POOLS], seconds[POOLS];
    int items[ITEMS], first[POOLS][ITEMS], second[POOLS][ITEMS];
    (void)variant;
    for (int i = 0; i < ITEMS; i++)
        items[i] = i % 7;
    for (int i = 0; i < POOLS; i++)
        if (!CHECK_OK(crew_pool_create(&pools[i], &(crew_pool_attr){.workers = i + 1})))
            return;
    for (int i = 0; i < POOLS; i++)
        CHECK_OK(crew_pool_map_async(pools[i], &firsts[i], square, items, first[i], ITEMS, NULL));
    for (int i = 0; i < POOLS; i++) {
        CHECK_OK(crew_result_get(firsts[i], CREW_FOREVER));
        CHECK_OK(crew_pool_map_async(pools[(i + 1) % POOLS], &seconds[i], square, first[i],
                                     second[i], ITEMS, NULL));
    }
    for (int i = 0; i < POOLS; i++) {
        CHECK_OK(crew_result_get(seconds[i], CREW_FOREVER));
        for (int j = 0; j < ITEMS; j++)
            CHECK_INT(second[i][j], items[j] * items[j] * items[j] * items[j]);
    }
    for (int i = 0; i < POOLS; i++)
        end_pool(pools[i]);
}
