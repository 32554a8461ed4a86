// SPDX-License-Identifier: BSD-3-Clause
// Items and results of any sizes when tasks and workers end otherwise than they should, results to
// come, and what the calls of <crew/pool_bytes.h> are documented to return.
#include "pool_bytes.h"

#include "check.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 24
#define LARGE ((size_t)300000)

// Every third result is large.
static size_t size_of(size_t index)
{
    return index % 3 == 2 ? LARGE + index : 100 * index;
}

static void plan_orders(struct order *orders, const struct mark *log)
{
    for (size_t i = 0; i < COUNT; i++)
        orders[i] = (struct order){.logged = log != NULL,
                                   .item_size = i % 4 == 3 ? LARGE : i,
                                   .result_size = size_of(i),
                                   .seed = i};
    for (size_t i = 0; log != NULL && i < COUNT; i++)
        orders[i].log = *log;
}

static void give_orders(struct iovec *items, struct iovec *results, const struct order *orders)
{
    for (size_t i = 0; i < COUNT; i++) {
        give_order(&items[i], &orders[i]);
        results[i] = (struct iovec){NULL, 77};
    }
}

static void check_all(struct iovec *items, struct iovec *results, const crew_status *statuses)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (statuses[i])
            CHECK(results[i].iov_base == NULL && results[i].iov_len == 0);
        else
            CHECK(is_filled(&results[i], size_of(i), i));
    }
    free_all(items, COUNT);
    free_all(results, COUNT);
}

static size_t count_lines(const struct mark *log)
{
    static char text[4096];
    size_t lines = 0;
    mark_read(log, text, sizeof text);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

// Tasks 2 (with a large result), 7 and 8 end their workers, when their results are built; 10 fails.
static void lose_some(crew_pool pool, const crew_pool_attr *attr)
{
    static const size_t chunks[] = {0, 1, COUNT};
    (void)attr;
    for (size_t k = 0; k < 3; k++) {
        struct iovec items[COUNT], results[COUNT];
        struct order orders[COUNT];
        crew_status statuses[COUNT];
        struct mark log = mark_new();
        plan_orders(orders, &log);
        orders[2].what = orders[7].what = orders[8].what = ORDER_ABORT;
        orders[10].what = ORDER_FAIL;
        give_orders(items, results, orders);
        CHECK_STATUS(
            crew_pool_map_bytes(pool, *order_task(), items, results, COUNT,
                                &(crew_map_attr){.chunk = chunks[k], .statuses = statuses}),
            CREW_EWORKERDIED);
        CHECK_CONTAINS(crew_error_message(), "task 2 of do_order");
        CHECK_CONTAINS(crew_error_message(), "SIGKILL");
        for (size_t i = 0; i < COUNT; i++)
            CHECK_INT(statuses[i], i == 10                      ? CREW_EDOMAIN
                                   : i == 2 || i == 7 || i == 8 ? CREW_EWORKERDIED
                                                                : CREW_OK);
        CHECK_INT(count_lines(&log), COUNT);
        mark_remove(&log);
        check_all(items, results, statuses);
    }
}

void pol_16_deaths(const struct variant *variant)
{
    (void)variant;
    each_pool(lose_some, true);
}

#ifdef CREW_TESTS_SANITIZED
#define MANY 16
#else
#define MANY 60
#endif

// From outside, whatever they are at: each fails the task that it is in, and no other.
static void lose_any(crew_pool pool, const crew_pool_attr *attr)
{
    struct iovec items[MANY], results[MANY];
    crew_status statuses[MANY];
    crew_worker_info workers[8];
    crew_result result;
    size_t killed = 0, lost = 0;
    (void)attr;
    for (size_t i = 0; i < MANY; i++) {
        give_order(
            &items[i],
            &(struct order){.item_size = i % 2 ? LARGE : 0, .result_size = 2 * LARGE, .seed = i});
        results[i] = (struct iovec){NULL, 0};
    }
    CHECK_OK(crew_pool_map_bytes_async(pool, &result, *order_task(), items, results, MANY,
                                       &(crew_map_attr){.statuses = statuses}));
    size_t count = list_workers(pool, workers, 8);
    for (crew_result_state state = {0}; killed < count && state.done < MANY / 2; killed++) {
        signal_pid(workers[killed].pid, SIGKILL);
        check_sleep(0.002 * (double)(killed + 1));
        CHECK_OK(crew_result_get_state(result, &state));
    }
    crew_status status = crew_result_get(result, CREW_FOREVER);
    CHECK(status == CREW_OK || status == CREW_EWORKERDIED);
    for (size_t i = 0; i < MANY; i++) {
        lost += statuses[i] != CREW_OK;
        if (statuses[i])
            CHECK(statuses[i] == CREW_EWORKERDIED && results[i].iov_len == 0);
        else
            CHECK(is_filled(&results[i], 2 * LARGE, i));
    }
    CHECK(lost <= killed);
    CHECK_OK(crew_result_close(result));
    free_all(items, MANY);
    free_all(results, MANY);
}

void pol_16_killed(const struct variant *variant)
{
    (void)variant;
    each_pool(lose_any, true);
}

// Tried again after a crash; ended when it takes too long.
void pol_16_limits(const struct variant *variant)
{
    struct iovec items[COUNT], results[COUNT];
    struct order orders[COUNT];
    crew_status statuses[COUNT];
    crew_pool pool;
    struct mark once = mark_new();
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2})))
        return;
    plan_orders(orders, NULL);
    orders[5].what = ORDER_ABORT_ONCE;
    orders[5].log = once;
    orders[9].what = ORDER_HANG;
    give_orders(items, results, orders);
    CHECK_STATUS(crew_pool_map_bytes(pool, *order_task(), items, results, COUNT,
                                     &(crew_map_attr){.retries = 1,
                                                      .retry_on = CREW_RETRY_CRASH,
                                                      .timeout_s = 0.5,
                                                      .statuses = statuses}),
                 CREW_ETIMEDOUT);
    CHECK_CONTAINS(crew_error_message(), "task 9 of do_order: it took longer than 0.5 s");
    for (size_t i = 0; i < COUNT; i++)
        CHECK_INT(statuses[i], i == 9 ? CREW_ETIMEDOUT : CREW_OK);
    check_all(items, results, statuses);
    mark_remove(&once);
    end_pool(pool);
}

// Entries are filled in by get, and stay as they are; and a map that nobody takes leaves nothing.
void pol_16_async(const struct variant *variant)
{
    struct iovec items[COUNT], results[COUNT];
    struct order orders[COUNT];
    crew_status statuses[COUNT] = {0};
    crew_pool pool;
    crew_result result, left;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2})))
        return;
    plan_orders(orders, NULL);
    give_orders(items, results, orders);
    CHECK_OK(crew_pool_map_bytes_async(pool, &left, *order_task(), items, results, COUNT, NULL));
    CHECK_OK(crew_pool_map_bytes_async(pool, &result, *order_task(), items, results, COUNT,
                                       &(crew_map_attr){.statuses = statuses}));
    CHECK_OK(crew_result_wait(result, CREW_FOREVER));
    CHECK_INT(results[1].iov_len, 77);
    CHECK_OK(crew_result_get(result, CREW_FOREVER));
    const void *first = results[2].iov_base;
    CHECK_OK(crew_result_get(result, 0));
    CHECK(results[2].iov_base == first);
    CHECK_OK(crew_result_close(result));
    CHECK_OK(crew_result_wait(left, CREW_FOREVER));
    CHECK_OK(crew_result_close(left));
    check_all(items, results, statuses);
    end_pool(pool);
}

// In the middle, with items and results under way.
void pol_16_end(const struct variant *variant)
{
    (void)variant;
    for (int kill = 0; kill < 2; kill++) {
        struct iovec items[COUNT], results[COUNT];
        struct order orders[COUNT];
        crew_status statuses[COUNT];
        crew_pool pool;
        crew_result result;
        struct mark log = mark_new();
        if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2})))
            return;
        plan_orders(orders, NULL);
        orders[6].what = ORDER_HANG;
        orders[6].logged = true;
        orders[6].log = log;
        give_orders(items, results, orders);
        CHECK_OK(crew_pool_map_bytes_async(pool, &result, *order_task(), items, results, COUNT,
                                           &(crew_map_attr){.statuses = statuses}));
        mark_wait(&log, 1);
        if (kill)
            CHECK_OK(crew_result_kill(result));
        else
            CHECK_OK(crew_pool_terminate(pool));
        CHECK_STATUS(crew_result_get(result, CREW_FOREVER), CREW_ECANCELED);
        CHECK_INT(statuses[6], CREW_ECANCELED);
        check_all(items, results, statuses);
        CHECK_OK(crew_result_close(result));
        CHECK_OK(crew_pool_terminate(pool));
        CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
        CHECK_OK(crew_pool_destroy(pool));
        mark_remove(&log);
    }
}

static void refuse_attr(crew_pool pool, const crew_map_attr *attr, crew_status expected)
{
    struct iovec item = {NULL, 0}, room = {NULL, 77};
    CHECK_STATUS(crew_pool_map_bytes(pool, *order_task(), &item, &room, 1, attr), expected);
    CHECK_INT(room.iov_len, 77);
}

static void call_back(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)status;
    (void)arg;
}

void calls_pool_bytes(const struct variant *variant)
{
    struct iovec item = {NULL, 0}, room = {NULL, 77}, wrong = {NULL, 1},
                 huge = {&item, ((size_t)1 << 30) + 1};
    const crew_bytes_task none = {NULL, "none"}, task = *order_task();
    crew_result result = {77};
    crew_pool pool;
    void *data;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1})))
        return;
    CHECK_STATUS(crew_pool_map_bytes(pool, none, &item, &room, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes(pool, task, NULL, &room, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &item, NULL, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &wrong, &room, 1, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "item 0 has 1 bytes at NULL");
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &huge, &room, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &item, &room, SIZE_MAX, NULL), CREW_EINVAL);
    refuse_attr(pool, &(crew_map_attr){.journal = "never.db"}, CREW_ENOTSUP);
    refuse_attr(pool, &(crew_map_attr){.callback = call_back}, CREW_EINVAL);
    refuse_attr(pool, &(crew_map_attr){.retries = -1}, CREW_EINVAL);
    refuse_attr((crew_pool){0}, NULL, CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes_async(pool, NULL, task, &item, &room, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes_async(pool, &result, task, &item, &room, 1,
                                           &(crew_map_attr){.progress = true}),
                 CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_bytes_async(pool, &result, task, &item, &room, 1,
                                           &(crew_map_attr){.journal = "never.db"}),
                 CREW_ENOTSUP);
    CHECK_INT(result.id, 77);
    CHECK_STATUS(crew_output_reserve(NULL, 1, &data), CREW_EINVAL);
    CHECK_STATUS(crew_output_write(NULL, "1", 1), CREW_EINVAL);
    CHECK_OK(crew_pool_close(pool));
    refuse_attr(pool, NULL, CREW_ESTATE);
    end_pool(pool);
    refuse_attr(pool, NULL, CREW_ENOENT);
    CHECK_INT(room.iov_len, 77);
}
