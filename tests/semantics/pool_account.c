// SPDX-License-Identifier: BSD-3-Clause
// What a pool says that it did, and what that cost.
#include "pool_cases.h"

#include "check.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 40
#define ROOM 16

static crew_pool_info describe(crew_pool pool)
{
    crew_pool_info info = {0};
    CHECK_OK(crew_pool_describe(pool, &info));
    return info;
}

// What holds at any time.
static void check_sums(crew_pool pool)
{
    crew_worker_info workers[ROOM];
    size_t count = list_workers(pool, workers, ROOM);
    crew_pool_info info = describe(pool);
    double busy_s = 0, cpu_s = 0;
    CHECK_INT(info.workers, count);
    for (size_t i = 0; i < count; i++) {
        busy_s += workers[i].busy_s;
        cpu_s += workers[i].cpu_s;
    }
    CHECK(info.busy_s >= busy_s - 1e-6 && info.busy_s <= busy_s + 1e-6);
    CHECK(info.cpu_s >= cpu_s - 1e-6 && info.cpu_s <= cpu_s + 1e-6);
    CHECK(info.busy_s <= 1.1 * info.working_s * (double)info.workers);
    CHECK(info.failed <= info.tasks);
    CHECK(info.working_s >= 0 && info.working_s <= info.wall_s + 1e-6);
    CHECK(info.start_s > 0 && info.start_s < 60);
    CHECK(info.home_cpu_s >= 0);
}

static uint64_t sum_of_tasks(crew_pool pool)
{
    crew_worker_info workers[ROOM];
    size_t count = list_workers(pool, workers, ROOM);
    uint64_t tasks = 0;
    for (size_t i = 0; i < count; i++)
        tasks += workers[i].tasks;
    return tasks;
}

static void check_account(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[TASKS];
    struct outcome outcomes[TASKS];
    plan(jobs, TASKS);
    for (int i = 0; i < TASKS; i++) {
        jobs[i].what = JOB_SLEEP;
        jobs[i].number = 1;
    }
    crew_pool_info info = describe(pool);
    CHECK_INT(info.home, crew_current_rank());
    CHECK_INT(info.workers, attr->workers ? attr->workers : crew_rank_count());
    CHECK_INT(info.tasks, 0);
    CHECK(info.working_s < 1e-9);
    check_sums(pool);
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, TASKS, NULL));
    jobs[3].what = jobs[7].what = JOB_FAIL;
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, TASKS, NULL), CREW_EDOMAIN);
    info = describe(pool);
    CHECK_INT(info.tasks, 2 * TASKS);
    CHECK_INT(info.failed, 2);
    CHECK_INT(info.retried + info.died + info.replaced, 0);
    CHECK_INT(sum_of_tasks(pool), 2 * TASKS);
    CHECK(info.busy_s >= 1e-3 * (2 * TASKS - 2));
    check_sums(pool);
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, TASKS, &(crew_map_attr){.retries = 2}),
                 CREW_EDOMAIN);
    info = describe(pool);
    CHECK_INT(info.tasks, 3 * TASKS);
    CHECK_INT(info.failed, 4);
    CHECK_INT(info.retried, 4);
    CHECK_INT(sum_of_tasks(pool), 3 * TASKS + 4);
    check_sums(pool);
}

static int account_in_process(void *arg)
{
    const crew_pool_attr attr = {.workers = 2};
    crew_pool pool;
    (void)arg;
    if (CHECK_OK(crew_pool_create(&pool, &attr))) {
        check_account(pool, &attr);
        end_pool(pool);
    }
    return check_result();
}

void pol_describe(const struct variant *variant)
{
    each_pool(check_account, false);
    CHECK_INT(finish(launch(variant, account_in_process, NULL, 0)), 0);
}

// Time between maps is not time of work.
void pol_describe_idle(const struct variant *variant)
{
    struct job job = {.what = JOB_SLEEP, .number = 20};
    struct outcome outcome;
    crew_pool pool;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1})))
        return;
    CHECK_OK(crew_pool_map(pool, do_job, &job, &outcome, 1, NULL));
    crew_pool_info before = describe(pool);
    check_sleep(0.1);
    crew_pool_info after = describe(pool);
    CHECK(before.working_s >= 0.020);
    CHECK(after.working_s <= before.working_s);
    CHECK(after.home_cpu_s <= before.home_cpu_s);
    CHECK(after.wall_s >= before.wall_s + 0.099);
    CHECK_STATUS(crew_pool_describe(pool, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_print_summary(pool, NULL), CREW_EINVAL);
    end_pool(pool);
}

void pol_describe_deaths(const struct variant *variant)
{
    struct job jobs[TASKS];
    struct outcome outcomes[TASKS];
    crew_pool pool;
    (void)variant;
    plan(jobs, TASKS);
    jobs[5].what = JOB_SIGNAL;
    jobs[5].number = SIGKILL;
    jobs[20].what = JOB_EXIT_NOW;
    if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2})))
        return;
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, TASKS, NULL), CREW_EWORKERDIED);
    crew_pool_info info = describe(pool);
    CHECK_INT(info.tasks, TASKS);
    CHECK_INT(info.failed, 2);
    CHECK_INT(info.died, 2);
    CHECK_INT(info.replaced, 2);
    CHECK_INT(sum_of_tasks(pool), TASKS - 2); // nobody is left who would have run them
    check_sums(pool);
    end_pool(pool);
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void check_summary(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[TASKS];
    struct outcome outcomes[TASKS];
    crew_worker_info workers[ROOM];
    char *text = NULL, line[64];
    size_t size, count = list_workers(pool, workers, ROOM);
    FILE *stream = open_memstream(&text, &size);
    (void)attr;
    plan(jobs, TASKS);
    jobs[1].what = JOB_FAIL;
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, TASKS, NULL), CREW_EDOMAIN);
    CHECK_OK(crew_pool_print_summary(pool, stream));
    fclose(stream);
    CHECK_INT(count_lines(text), 1 + count + 3);
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "\n%s ", workers[i].name);
        CHECK_CONTAINS(text, line);
    }
    CHECK_CONTAINS(text, crew_rank_host(workers[0].rank));
    CHECK_CONTAINS(text, ": 40 tasks in ");
    CHECK_CONTAINS(text, "\n1 failed, 0 tried again; workers: 0 died, 0 replaced\n");
    snprintf(line, sizeof line, "the process of rank %d used ", crew_current_rank());
    CHECK_CONTAINS(text, line);
    free(text);
}

void pol_summary(const struct variant *variant)
{
    (void)variant;
    each_pool(check_summary, false);
}
