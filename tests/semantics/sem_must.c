// SPDX-License-Identifier: BSD-3-Clause
// CREW_MUST and CREW_TRY: who leaves, and how, when the call has failed.
//
// usage: sem_must [main]     main: the main process itself leaves, with 1
#include "check.h"

#include <crew/crew.h>
#include <crew/pool_bytes.h>
#include <string.h>

#define COUNT 100
#define FAILS(n) ((n) % 10 == 3)

static const crew_queue none;

CREW_TASK(must_task, int, int)
{
    *result = 77;
    if (FAILS(*item))
        CREW_MUST(crew_queue_close(none));
    *result = *item * 2;
    return CREW_OK;
}

CREW_BYTES_TASK(must_bytes)
{
    int number;
    CREW_MUST(size == sizeof number ? CREW_OK : CREW_EDOMAIN);
    memcpy(&number, item, sizeof number);
    if (FAILS(number))
        CREW_MUST(crew_fail(CREW_EDOMAIN, "the number is %d", number));
    return crew_output_write(output, &number, sizeof number);
}

static crew_status try_it(crew_status status)
{
    CREW_TRY(status);
    CREW_TRY(crew_fail(CREW_EFULL, "behind the first"));
    return CREW_OK;
}

static int leave(void *arg)
{
    (void)arg;
    CREW_MUST(CREW_OK);
    CREW_MUST(crew_fail(CREW_EDOMAIN, "this one leaves"));
    return 7;
}

static int try_in_process(void *arg)
{
    (void)arg;
    CHECK_STATUS(try_it(crew_fail(CREW_EOF, "the first")), CREW_EOF);
    CHECK_TEXT(crew_error_message(), "the first");
    CHECK_STATUS(try_it(CREW_OK), CREW_EFULL);
    return check_result();
}

static int exit_code_of(crew_process_function *function, crew_start_method method)
{
    crew_process process;
    crew_process_end end = {0};
    CHECK_OK(crew_process_create(&process, function, NULL, 0,
                                 &(crew_process_attr){.start_method = method}));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_wait(process, &end, 60));
    CHECK_OK(crew_process_close(process));
    CHECK_INT(end.cause, CREW_END_EXIT);
    return end.exitcode;
}

// The tasks that leave fail with the status of their call, all others succeed, by the same workers.
static void check_map(crew_start_method method)
{
    int items[COUNT], results[COUNT];
    crew_status statuses[COUNT];
    crew_pool pool;
    crew_pool_info info;
    for (int i = 0; i < COUNT; i++)
        items[i] = i;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1, .start_method = method}));
    for (size_t chunk = 0; chunk <= COUNT; chunk += COUNT / 2) {
        memset(results, 0x55, sizeof results);
        crew_status status = crew_pool_map(
            pool, must_task, items, results, COUNT,
            &(crew_map_attr){.statuses = statuses, .chunk = chunk, .timeout_s = method ? 0 : 60});
        CHECK(status != CREW_OK);
        CHECK_CONTAINS(crew_error_message(), "sem_must.c:");
        CHECK_CONTAINS(crew_error_message(), "crew_queue_close(none): ");
        for (int i = 0; i < COUNT; i++) {
            CHECK_INT(statuses[i], FAILS(i) ? CREW_EINVAL : CREW_OK);
            CHECK_INT(results[i], FAILS(i) ? 0 : 2 * i);
        }
    }
    CHECK_OK(crew_pool_describe(pool, &info));
    CHECK_INT(info.died, 0);
    CHECK_INT(info.failed, 3 * COUNT / 10);
    CHECK_OK(crew_pool_destroy(pool));
}

static void check_bytes(void)
{
    int numbers[COUNT], rooms[COUNT];
    struct iovec items[COUNT], results[COUNT];
    crew_status statuses[COUNT];
    crew_pool pool;
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = i;
        items[i] = (struct iovec){&numbers[i], sizeof numbers[i]};
        results[i] = (struct iovec){&rooms[i], sizeof rooms[i]};
    }
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1}));
    CHECK(crew_pool_map_bytes(pool, must_bytes, items, results, COUNT,
                              &(crew_map_attr){.statuses = statuses}) != CREW_OK);
    CHECK_CONTAINS(crew_error_message(), "the number is 3");
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(statuses[i], FAILS(i) ? CREW_EDOMAIN : CREW_OK);
        CHECK_INT(results[i].iov_len, FAILS(i) ? 0 : sizeof(int));
        CHECK(FAILS(i) || rooms[i] == i);
    }
    CHECK_OK(crew_pool_destroy(pool));
}

static int app(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "main") == 0)
        CREW_MUST(crew_queue_close(none));
    CHECK_INT(exit_code_of(leave, CREW_START_FORKSERVER), 1);
    CHECK_INT(exit_code_of(leave, CREW_START_RANK), 1);
    CHECK_INT(exit_code_of(leave, CREW_START_RANK), 1); // the rank is free again
    CHECK_INT(exit_code_of(try_in_process, CREW_START_FORKSERVER), 0);
    CHECK_INT(exit_code_of(try_in_process, CREW_START_RANK), 0);
    check_map(CREW_START_DEFAULT);
    check_map(CREW_START_RANK);
    check_bytes();
    return check_result();
}

CREW_MAIN(app)
