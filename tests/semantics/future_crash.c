// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_future about tasks that crash: where they were, in the source.
#include "future_cases.h"

#include "check.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#define COUNT 6
#define ROOM 2

static volatile int *volatile nowhere;

// A frame of its own.
__attribute__((noinline)) static int store_nowhere(int value)
{
    *nowhere = value;
    return value;
}
enum { STORE_LINE = __LINE__ - 3 };

static crew_status crash_or_square(const void *item, void *result)
{
    int number = *(const int *)item;
    *(int *)result = number * number;
    if (number % 2)
        *(int *)result = store_nowhere(number);
    return CREW_OK;
}

static crew_status crash_with_bytes(const void *item, size_t size, crew_output *output)
{
    (void)size;
    (void)output;
    return *(const int *)item % 2 ? (store_nowhere(1), CREW_OK) : CREW_OK;
}

static void expect_crashes(const crew_task_error *errors, size_t count)
{
    CHECK_INT(count, COUNT / 2);
    for (int i = 0; i < ROOM; i++) {
        CHECK_INT(errors[i].index, 2 * i + 1);
        CHECK_INT(errors[i].status, CREW_EWORKERDIED);
        CHECK_TEXT(errors[i].host, crew_rank_host(errors[i].rank));
        CHECK_CONTAINS(errors[i].worker, "PoolWorker-");
#ifndef CREW_TESTS_SANITIZED
        CHECK_INT(errors[i].signal, 11);
        CHECK_CONTAINS(errors[i].message, "SIGSEGV");
        CHECK_CONTAINS(errors[i].backtrace, " in the program\n");
        char expected[64];
        snprintf(expected, sizeof expected, "store_nowhere (future_crash.c:%d) in the program\n",
                 STORE_LINE);
        if (dlopen("libdw.so.1", RTLD_LAZY)) {
            CHECK_CONTAINS(errors[i].backtrace, expected);
            CHECK_CONTAINS(errors[i].backtrace, "crash_or_square (future_crash.c:");
        }
#endif
    }
}

// A map that is waited for tells of all tasks that failed; where in the source, if somebody knows.
void crash_lines(const struct variant *variant)
{
    static crew_task_error errors[ROOM];
    int items[COUNT], results[COUNT];
    size_t count = 99;
    crew_pool pool = open_pool(2);
    const crew_task task = {crash_or_square, sizeof(int), sizeof(int), "crash_or_square"};
    crew_map_attr attr = {.errors = errors, .error_room = ROOM, .error_count = &count};
    (void)variant;
    for (int i = 0; i < COUNT; i++)
        items[i] = i;
    CHECK_STATUS(crew_pool_map(pool, task, items, results, COUNT, &attr), CREW_EWORKERDIED);
    CHECK_CONTAINS(crew_error_message(), "task 1 of crash_or_square");
    expect_crashes(errors, count);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(results[i], i % 2 ? 0 : i * i);
    int even = 2;
    CHECK_OK(crew_pool_map(pool, task, &even, results, 1, &attr));
    CHECK_INT(count, 0);
    close_pool(pool);
}

// The same where sizes vary, and what cannot be asked for.
void crash_lines_bytes(const struct variant *variant)
{
    crew_task_error error;
    int number = 7;
    size_t count = 99;
    crew_result result;
    struct iovec item = {&number, sizeof number}, answer = {0};
    crew_pool pool = open_pool(1);
    const crew_bytes_task task = {crash_with_bytes, "crash_with_bytes"};
    crew_map_attr attr = {.errors = &error, .error_room = 1, .error_count = &count};
    (void)variant;
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &item, &answer, 1, &attr), CREW_EWORKERDIED);
    CHECK_INT(count, 1);
    CHECK_INT(error.index, 0);
    CHECK_CONTAINS(error.worker, "PoolWorker-");
    CHECK_STATUS(crew_pool_map_bytes_async(pool, &result, task, &item, &answer, 1, &attr),
                 CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_result_errors()");
    attr.error_count = NULL;
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &item, &answer, 1, &attr), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "error_count is NULL");
    attr = (crew_map_attr){.error_room = 1, .error_count = &count};
    CHECK_STATUS(crew_pool_map_bytes(pool, task, &item, &answer, 1, &attr), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "errors is NULL");
    close_pool(pool);
}
