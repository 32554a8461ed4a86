// SPDX-License-Identifier: BSD-3-Clause
// Items and results of any sizes: rooms, orders, and what arrives.
#include "pool_bytes.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned char byte_of(uint64_t seed, size_t index)
{
    return (unsigned char)((seed + index) * 0x9e3779b97f4a7c15u >> 56);
}

static void fill(unsigned char *bytes, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_of(seed, i);
}

bool is_filled(const struct iovec *bytes, size_t size, uint64_t seed)
{
    const unsigned char *at = bytes->iov_base;
    size_t wrong = 0;
    if (bytes->iov_len != size)
        return false;
    for (size_t i = 0; i < size; i++)
        wrong += at[i] != byte_of(seed, i);
    return wrong == 0;
}

static void end_worker(const struct order *order)
{
    if (order->what == ORDER_ABORT_ONCE && mark_is_set(&order->log))
        return;
    if (order->what == ORDER_ABORT_ONCE)
        mark_set(&order->log, "once");
    signal(SIGKILL, SIG_DFL);
    raise(SIGKILL);
}

// The first half at once, the rest bit by bit.
static crew_status write_result(const struct order *order, crew_output *output)
{
    size_t half = order->result_size / 2;
    void *data;
    crew_status status = crew_output_reserve(output, half, &data);
    if (status)
        return status;
    fill(data, half, order->seed);
    for (size_t at = half; at < order->result_size && !status;) {
        unsigned char part[777];
        size_t size = order->result_size - at < sizeof part ? order->result_size - at : sizeof part;
        fill(part, size, order->seed + at);
        status = crew_output_write(output, part, size);
        at += size;
    }
    return status;
}

CREW_BYTES_TASK(do_order)
{
    const struct order *order = item;
    struct iovec behind = {(char *)(uintptr_t)item + sizeof *order, size - sizeof *order};
    void *data;
    if ((uintptr_t)item % 16 != 0 || !is_filled(&behind, order->item_size, order->seed))
        return crew_fail(CREW_EFAILED, "the item has not arrived");
    if (order->logged)
        mark_set(&order->log, "run");
    if (order->what == ORDER_FAIL)
        return crew_fail(CREW_EDOMAIN, "no good");
    while (order->what == ORDER_HANG)
        check_sleep(1);
    crew_status status = write_result(order, output);
    if (order->what == ORDER_ABORT || order->what == ORDER_ABORT_ONCE)
        end_worker(order);
    if (order->what == ORDER_IGNORE)
        return CREW_OK;
    if (order->what == ORDER_SHRINK)
        status = crew_output_reserve(output, 10, &data);
    return status;
}

const crew_bytes_task *order_task(void)
{
    return &do_order;
}

void give_order(struct iovec *item, const struct order *order)
{
    item->iov_len = sizeof *order + order->item_size;
    item->iov_base = malloc(item->iov_len);
    if (item->iov_base == NULL)
        abort();
    memcpy(item->iov_base, order, sizeof *order);
    fill((unsigned char *)item->iov_base + sizeof *order, order->item_size, order->seed);
}

void free_all(struct iovec *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(pieces[i].iov_base);
}

// A result larger than its room fails alone, and its worker goes on: 20 times.
static void check_room(crew_pool pool, const crew_pool_attr *attr)
{
    static const enum order_kind kinds[] = {ORDER_COMPUTE, ORDER_COMPUTE, ORDER_IGNORE,
                                            ORDER_SHRINK, ORDER_COMPUTE};
    static const size_t sizes[] = {64, 65, 50000, 200000, 0};
    crew_worker_info before[8], after[8];
    struct iovec items[5], results[5];
    crew_status statuses[5];
    char rooms[5][64];
    (void)attr;
    size_t workers = list_workers(pool, before, 8);
    for (size_t i = 0; i < 5; i++)
        give_order(&items[i],
                   &(struct order){.what = kinds[i], .result_size = sizes[i], .seed = i});
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 5; i++)
            results[i] = (struct iovec){rooms[i], sizeof rooms[i]};
        CHECK_STATUS(crew_pool_map_bytes(pool, do_order, items, results, 5,
                                         &(crew_map_attr){.statuses = statuses}),
                     CREW_ETOOSMALL);
        CHECK_CONTAINS(crew_error_message(), "task 1 of do_order");
        CHECK_CONTAINS(crew_error_message(), "65 bytes");
        CHECK_CONTAINS(crew_error_message(), "room for 64");
        for (size_t i = 0; i < 5; i++)
            CHECK_INT(statuses[i], i == 1 || i == 2 ? CREW_ETOOSMALL : CREW_OK);
        CHECK(is_filled(&results[0], 64, 0));
        CHECK_INT(results[1].iov_len, 0);
        CHECK_INT(results[2].iov_len, 0);
        CHECK_INT(results[3].iov_len, 10);
        CHECK_INT(results[4].iov_len, 0);
        CHECK(results[1].iov_base == rooms[1]);
    }
    list_workers(pool, after, 8);
    for (size_t i = 0; i < workers; i++)
        CHECK_INT(after[i].pid, before[i].pid);
    free_all(items, 5);
}

void pol_16(const struct variant *variant)
{
    (void)variant;
    each_pool(check_room, false);
}

// Sizes around everything where something is done differently.
static const size_t sizes[] = {0,     1,     15,     16,     17,     999,    27000, 28500,
                               28672, 65536, 100000, 131071, 131072, 200000, 32,    1 << 20};

static void check_sizes(crew_pool pool, size_t chunk, bool has_rooms)
{
    struct iovec items[2 * COUNT(sizes)], results[2 * COUNT(sizes)];
    size_t count = COUNT(items);
    for (size_t i = 0; i < count; i++) {
        struct order order = {.item_size = sizes[i % COUNT(sizes)],
                              .result_size = sizes[(7 * i + 3) % COUNT(sizes)],
                              .seed = i};
        give_order(&items[i], &order);
        results[i] = (struct iovec){has_rooms ? malloc(order.result_size + 1) : NULL,
                                    has_rooms ? order.result_size + 1 : 0};
    }
    CHECK_OK(crew_pool_map_bytes(pool, do_order, items, results, count,
                                 &(crew_map_attr){.chunk = chunk}));
    for (size_t i = 0; i < count; i++)
        CHECK(is_filled(&results[i], sizes[(7 * i + 3) % COUNT(sizes)], i));
    free_all(items, count);
    free_all(results, count);
}

static void check_all_sizes(crew_pool pool, const crew_pool_attr *attr)
{
    (void)attr;
    check_sizes(pool, 0, false);
    check_sizes(pool, 5, true);
}

void pol_16_sizes(const struct variant *variant)
{
    (void)variant;
    each_pool(check_all_sizes, false);
}

struct large_piece {
    unsigned char bytes[300000];
};

CREW_TASK(check_large, struct large_piece, struct large_piece)
{
    struct iovec bytes = {(void *)(uintptr_t)item->bytes, sizeof item->bytes};
    for (size_t i = 0; i < sizeof result->bytes; i++)
        if (result->bytes[i] != 0)
            return crew_fail(CREW_EFAILED, "the result is not zero at first");
    if (!is_filled(&bytes, sizeof item->bytes, item->bytes[0] == byte_of(3, 0) ? 3 : 1))
        return crew_fail(CREW_EFAILED, "the item has not arrived");
    fill(result->bytes, sizeof result->bytes, 8);
    return item->bytes[0] == byte_of(3, 0) ? crew_fail(CREW_EDOMAIN, "no good") : CREW_OK;
}

// The same where all have one size.
static void check_one_size(crew_pool pool, const crew_pool_attr *attr)
{
    struct large_piece *items = calloc(5, sizeof *items), *results = malloc(5 * sizeof *results);
    crew_status statuses[5];
    (void)attr;
    if (items == NULL || results == NULL)
        abort();
    for (size_t i = 0; i < 5; i++)
        fill(items[i].bytes, sizeof items[i].bytes, i == 3 ? 3 : 1);
    memset(results, 0x55, 5 * sizeof *results);
    CHECK_STATUS(
        crew_pool_map(pool, check_large, items, results, 5, &(crew_map_attr){.statuses = statuses}),
        CREW_EDOMAIN);
    for (size_t i = 0; i < 5; i++) {
        struct iovec bytes = {results[i].bytes, sizeof results[i].bytes};
        CHECK_INT(statuses[i], i == 3 ? CREW_EDOMAIN : CREW_OK);
        CHECK(i == 3 || is_filled(&bytes, sizeof results[i].bytes, 8));
    }
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof results[3].bytes; i++)
        wrong += results[3].bytes[i] != 0;
    CHECK_INT(wrong, 0);
    free(items);
    free(results);
}

void pol_16_one_size(const struct variant *variant)
{
    (void)variant;
    each_pool(check_one_size, false);
}

CREW_BYTES_TASK(double_it)
{
    crew_status status = crew_output_write(output, item, size);
    return status ? status : crew_output_write(output, item, size);
}

#define MANY 20000

// Small ones, in all schedules; every seventh item is empty, and at NULL.
void pol_16_many(const struct variant *variant)
{
    static struct iovec items[MANY], results[MANY];
    static char text[MANY][8];
    crew_pool pool;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, NULL)))
        return;
    for (size_t i = 0; i < MANY; i++)
        items[i] = (struct iovec){i % 7 ? text[i] : NULL,
                                  i % 7 ? (size_t)snprintf(text[i], 8, "%zu", i) : 0};
    for (int schedule = CREW_SCHEDULE_GUIDED; schedule <= CREW_SCHEDULE_WEIGHTED; schedule += 1) {
        size_t wrong = 0, count = schedule == CREW_SCHEDULE_DYNAMIC ? 200 : MANY;
        memset(results, 0, sizeof results);
        CHECK_OK(crew_pool_map_bytes(pool, double_it, items, results, count,
                                     &(crew_map_attr){.schedule = (crew_schedule)schedule}));
        for (size_t i = 0; i < count; i++) {
            char expected[20] = "";
            if (i % 7)
                snprintf(expected, sizeof expected, "%zu%zu", i, i);
            wrong += results[i].iov_len != strlen(expected) ||
                     (results[i].iov_base == NULL) != (results[i].iov_len == 0) ||
                     (results[i].iov_len &&
                      memcmp(results[i].iov_base, expected, results[i].iov_len) != 0);
        }
        CHECK_INT(wrong, 0);
        free_all(results, count);
    }
    CHECK_OK(crew_pool_map_bytes(pool, double_it, items, results, 0, NULL));
    CHECK_OK(crew_pool_map_bytes(pool, double_it, NULL, NULL, 0, NULL));
    end_pool(pool);
}

// A sanitizer looks at every byte.
#ifdef CREW_TESTS_SANITIZED
#define LARGEST ((size_t)6 << 20)
#else
#define LARGEST ((size_t)64 << 20)
#endif

// One that takes seconds if it is not passed on with care.
void pol_16_large(const struct variant *variant)
{
    struct order order = {.item_size = LARGEST, .result_size = LARGEST, .seed = 5};
    struct iovec items[2], results[2] = {{NULL, 0}, {NULL, 0}};
    crew_pool pool;
    (void)variant;
    give_order(&items[0], &order);
    order.seed = order.item_size = 0;
    give_order(&items[1], &order);
    if (!CHECK_OK(crew_pool_create(&pool, NULL)))
        return;
    CHECK_OK(crew_pool_map_bytes(pool, do_order, items, results, 2, NULL));
    CHECK(is_filled(&results[0], order.result_size, 5));
    CHECK(is_filled(&results[1], order.result_size, 0));
    end_pool(pool);
    free_all(items, 2);
    free_all(results, 2);
}
