// SPDX-License-Identifier: BSD-3-Clause
// What the calls of <crew/pool.h> are documented to return, line by line.
#include "pool_cases.h"

#include "check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int data;

static crew_status initialize(void *arg)
{
    (void)arg;
    return CREW_OK;
}

void calls_pool_create(const struct variant *variant)
{
    crew_pool pool = {77};
    crew_pool_attr attr = {.start_method = (crew_start_method)3};
    void *address = &data;
    (void)variant;
    CHECK_STATUS(crew_pool_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_create(&pool, &attr), CREW_EINVAL);
    attr = (crew_pool_attr){.initializer = initialize, .initializer_size = 4};
    CHECK_STATUS(crew_pool_create(&pool, &attr), CREW_EINVAL);
    memcpy(&attr.initializer, &address, sizeof address);
    attr.initializer_size = 0;
    CHECK_STATUS(crew_pool_create(&pool, &attr), CREW_EBUILD);
    attr = (crew_pool_attr){
        .initializer = initialize, .initializer_arg = &data, .initializer_size = SIZE_MAX};
    CHECK_STATUS(crew_pool_create(&pool, &attr), CREW_EINVAL);
    CHECK_INT(pool.id, 77);
}

static void check_tasks(crew_pool pool)
{
    struct job job = {0};
    struct outcome outcome = {.number = 77};
    crew_task task = do_job;
    void *address = &data;
    task.function = NULL;
    CHECK_STATUS(crew_pool_map(pool, task, &job, &outcome, 1, NULL), CREW_EINVAL);
    memcpy(&task.function, &address, sizeof address);
    CHECK_STATUS(crew_pool_map(pool, task, &job, &outcome, 1, NULL), CREW_EBUILD);
    task = do_job;
    task.item_size = 0;
    CHECK_STATUS(crew_pool_map(pool, task, &job, &outcome, 1, NULL), CREW_EINVAL);
    task.item_size = SIZE_MAX;
    CHECK_STATUS(crew_pool_map(pool, task, &job, &outcome, 1, NULL), CREW_EINVAL);
    task = do_job;
    task.result_size = SIZE_MAX;
    CHECK_STATUS(crew_pool_map(pool, task, &job, &outcome, 1, NULL), CREW_EINVAL);
    CHECK_INT(outcome.number, 77);
}

void calls_pool_map(const struct variant *variant)
{
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / sizeof(struct job) + 2,
                                    (size_t)1 << 62};
    struct job job = {0};
    struct outcome outcome = {.number = 77};
    crew_pool pool;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, NULL)))
        return;
    CHECK_STATUS(crew_pool_map(pool, do_job, NULL, &outcome, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map(pool, do_job, &job, NULL, 1, NULL), CREW_EINVAL);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        CHECK_STATUS(crew_pool_map(pool, do_job, &job, &outcome, counts[i], NULL), CREW_EINVAL);
    check_tasks(pool);
    CHECK_INT(outcome.number, 77);
    crew_task unnamed = do_job;
    unnamed.name = NULL;
    job.what = JOB_FAIL;
    CHECK_STATUS(crew_pool_map(pool, unnamed, &job, &outcome, 1, NULL), CREW_EDOMAIN);
    char name[200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    unnamed.name = name; // as long as it likes
    CHECK_STATUS(crew_pool_map(pool, unnamed, &job, &outcome, 1, NULL), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), "nnnnnnnn");
    end_pool(pool);
}

// Every call with a handle that is none.
static void refuse_handle(uint64_t id, crew_status expected)
{
    struct job job = {0};
    struct outcome outcome = {.number = 77};
    crew_pool pool = {id};
    size_t count = 77;
    crew_pool_info info = {.tasks = 77};
    CHECK_STATUS(crew_pool_map(pool, do_job, &job, &outcome, 1, NULL), expected);
    CHECK_STATUS(crew_pool_map(pool, do_job, NULL, NULL, 0, NULL), expected);
    CHECK_STATUS(crew_pool_workers(pool, NULL, 0, &count), expected);
    CHECK_STATUS(crew_pool_describe(pool, &info), expected);
    CHECK_STATUS(crew_pool_print_summary(pool, stderr), expected);
    CHECK_STATUS(crew_pool_close(pool), expected);
    CHECK_STATUS(crew_pool_terminate(pool), expected);
    CHECK_STATUS(crew_pool_join(pool, CREW_FOREVER), expected);
    CHECK_STATUS(crew_pool_destroy(pool), expected);
    CHECK_INT(outcome.number, 77);
    CHECK_INT(count, 77);
    CHECK_INT(info.tasks, 77);
}

void calls_pool_handles(const struct variant *variant)
{
    crew_pool pool;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1})))
        return;
    uint64_t kind = pool.id & ((uint64_t)15 << 60);
    refuse_handle(0, CREW_EINVAL);
    refuse_handle(1, CREW_EINVAL);
    refuse_handle(UINT64_MAX, CREW_EINVAL);
    refuse_handle(crew_current_process().id, CREW_EINVAL); // of another kind
    refuse_handle(kind, CREW_ENOENT);
    refuse_handle(pool.id + 0xffffff, CREW_ENOENT);
    refuse_handle(kind | (((uint64_t)1 << 60) - 1), CREW_ENOENT);
    end_pool(pool);
    refuse_handle(pool.id, CREW_ENOENT);
}

static int try_pool(void *arg)
{
    refuse_handle(((const crew_pool *)arg)->id, CREW_EPERM);
    return check_result();
}

void calls_pool_others(const struct variant *variant)
{
    struct job job = {.number = 5};
    struct outcome outcome;
    crew_pool pool;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1})))
        return;
    CHECK_INT(finish(launch(variant, try_pool, &pool, sizeof pool)), 0);
    CHECK_OK(crew_pool_map(pool, do_job, &job, &outcome, 1, NULL)); // unharmed
    CHECK_INT(outcome.number, 5);
    end_pool(pool);
}

void calls_pool_workers(const struct variant *variant)
{
    crew_worker_info workers[3];
    crew_pool pool;
    size_t count = 77;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 3})))
        return;
    memset(workers, 0x55, sizeof workers);
    CHECK_STATUS(crew_pool_workers(pool, workers, 3, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_workers(pool, NULL, 3, &count), CREW_EINVAL);
    CHECK_INT(count, 77);
    CHECK_OK(crew_pool_workers(pool, NULL, 0, &count));
    CHECK_INT(count, 3);
    CHECK_OK(crew_pool_workers(pool, workers, 2, &count));
    CHECK_INT(count, 3);
    CHECK_INT(workers[2].rank, 0x55555555);
    CHECK(workers[0].pid > 0 && workers[1].pid > 0 && workers[0].pid != workers[1].pid);
    end_pool(pool);
}

void check_pool_outside(void)
{
    crew_pool pool = {77};
    check_begin("outside crew_run()", "main");
    CHECK_STATUS(crew_pool_create(&pool, NULL), CREW_ESTATE);
    CHECK_INT(pool.id, 77);
    refuse_handle((uint64_t)2 << 60 | 1, CREW_ESTATE);
    refuse_handle(0, CREW_ESTATE);
    check_begin(NULL, NULL);
}
