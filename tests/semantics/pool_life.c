// SPDX-License-Identifier: BSD-3-Clause
// Pools from creation to their end: initializers, who the workers are, closing and terminating.
#include "pool_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ROOM 8

static void check_refused(crew_pool pool)
{
    struct job job = {0};
    struct outcome outcome;
    CHECK_STATUS(crew_pool_map(pool, do_job, &job, &outcome, 1, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_pool_map(pool, do_job, &job, &outcome, 0, NULL), CREW_ESTATE);
}

static void check_closing(crew_pool pool, const crew_pool_attr *attr)
{
    (void)attr;
    CHECK_STATUS(crew_pool_join(pool, CREW_FOREVER), CREW_ESTATE);
    CHECK_OK(crew_pool_close(pool));
    check_refused(pool);
    CHECK_OK(crew_pool_close(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_terminate(pool));
    CHECK_OK(crew_pool_terminate(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    check_refused(pool);
}

static void check_terminating(crew_pool pool, const crew_pool_attr *attr)
{
    (void)attr;
    CHECK_OK(crew_pool_terminate(pool));
    CHECK_OK(crew_pool_terminate(pool));
    check_refused(pool);
    CHECK_OK(crew_pool_close(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
}

void pol_10(const struct variant *variant)
{
    (void)variant;
    each_pool(check_closing, false);
    each_pool(check_terminating, false);
}

// Destroying one that is open, closed, or joined.
void pol_11(const struct variant *variant)
{
    (void)variant;
    for (int steps = 0; steps < 3; steps++) {
        crew_pool pool;
        size_t active = count_active();
        if (!CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 3})))
            return;
        CHECK_INT(count_active(), active + 3);
        if (steps > 0)
            CHECK_OK(crew_pool_close(pool));
        if (steps > 1)
            CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
        double begin = check_now();
        CHECK_OK(crew_pool_destroy(pool));
        CHECK_SECONDS(begin, 0, 5);
        CHECK_INT(count_active(), active);
        CHECK_STATUS(crew_pool_destroy(pool), CREW_ENOENT);
    }
}

void pol_12(const struct variant *variant)
{
    static const int numbers[] = {-1, -1000000, 65537, 1000000};
    crew_pool pool = {77};
    (void)variant;
    for (size_t i = 0; i < COUNT(numbers); i++)
        CHECK_STATUS(crew_pool_create(&pool, &(crew_pool_attr){.workers = numbers[i]}),
                     CREW_EINVAL);
    const crew_pool_attr inside = {.workers = crew_rank_count() + 1,
                                   .start_method = CREW_START_RANK};
    CHECK_STATUS(crew_pool_create(&pool, &inside), CREW_EINVAL);
    for (int tasks = -1; tasks >= -1000; tasks -= 999)
        CHECK_STATUS(crew_pool_create(&pool, &(crew_pool_attr){.max_tasks_per_worker = tasks}),
                     CREW_EINVAL);
    CHECK_INT(pool.id, 77);
}

// Initializers

struct setting {
    _Alignas(16) struct mark log;
    int number;
    enum { SETTING_FINE, SETTING_FAIL, SETTING_CRASH, SETTING_LEAVE, SETTING_FAIL_LATER } what;
};

static int count_lines(const struct mark *mark)
{
    char text[4096];
    int count = 0;
    mark_read(mark, text, sizeof text);
    for (const char *at = text; *at != '\0'; at++)
        count += *at == '\n';
    return count;
}

static struct setting *kept; // by the initializer, for tasks

static crew_status prepare(void *arg)
{
    struct setting *setting = arg;
    if ((uintptr_t)arg % 16 != 0)
        return crew_fail(CREW_EFAILED, "not aligned");
    mark_set(&setting->log, "here");
    int count = count_lines(&setting->log); // whoever is last sees them all
    kept = setting;
    if (setting->what == SETTING_CRASH)
        raise(SIGKILL);
    if (setting->what == SETTING_LEAVE)
        exit(3);
    if (setting->what == SETTING_FAIL ||
        (setting->what == SETTING_FAIL_LATER && count > setting->number))
        return crew_fail(CREW_EDOMAIN, "there is no model");
    return CREW_OK;
}

CREW_TASK(read_setting, int, int)
{
    if (*item < 0)
        raise(-*item);
    *result = kept == NULL ? -1 : kept->number;
    return CREW_OK;
}

static crew_pool_attr attr_with(const struct setting *setting, int workers)
{
    return (crew_pool_attr){.workers = workers,
                            .initializer = prepare,
                            .initializer_arg = setting,
                            .initializer_size = sizeof *setting};
}

static void check_settings(crew_pool pool, int items[20], crew_status expected)
{
    int results[20];
    CHECK_STATUS(crew_pool_map(pool, read_setting, items, results, 20, NULL), expected);
    for (int i = 0; i < 20; i++)
        CHECK_INT(results[i], items[i] < 0 ? 0 : 1234);
}

// Once in each worker, those that take a place later included.
void pol_14(const struct variant *variant)
{
    struct setting setting = {.log = mark_new(), .number = 1234};
    crew_pool_attr attr = attr_with(&setting, 3);
    int items[20] = {0};
    crew_pool pool;
    (void)variant;
    CHECK_OK(crew_pool_create(&pool, &attr));
    CHECK_INT(count_lines(&setting.log), 3);
    setting.number = 1; // they have copies
    check_settings(pool, items, CREW_OK);
    CHECK_INT(count_lines(&setting.log), 3);
    items[4] = -SIGKILL;
    check_settings(pool, items, CREW_EWORKERDIED);
    mark_wait(&setting.log, 4);
    items[4] = 0;
    check_settings(pool, items, CREW_OK);
    end_pool(pool);
    CHECK_INT(count_lines(&setting.log), 4);
    mark_remove(&setting.log);
}

static void refuse_pool(struct setting *setting, int workers, crew_status expected,
                        const char *reason)
{
    crew_pool pool = {77};
    size_t active = count_active();
    setting->log = mark_new();
    crew_pool_attr attr = attr_with(setting, workers);
    double begin = check_now();
    CHECK_STATUS(crew_pool_create(&pool, &attr), expected);
    CHECK_CONTAINS(crew_error_message(), reason);
    check_names_host();
    CHECK_SECONDS(begin, 0, 10);
    CHECK_INT(pool.id, 77);
    CHECK_INT(count_active(), active);
    CHECK(count_lines(&setting->log) <= 3 * workers); // no endless tries
    mark_remove(&setting->log);
}

// Some are ready, or about to be, when another one fails.
void pol_18(const struct variant *variant)
{
    (void)variant;
    for (int i = 0; i < 5; i++) {
        struct setting later = {.what = SETTING_FAIL_LATER, .number = i};
        refuse_pool(&later, 5, CREW_EDOMAIN, "there is no model");
    }
}

static void break_later(void)
{
    struct setting setting = {.log = mark_new(), .what = SETTING_FAIL_LATER, .number = 2};
    crew_pool_attr attr = attr_with(&setting, 2);
    int items[20] = {0}, results[20];
    crew_pool pool;
    if (!CHECK_OK(crew_pool_create(&pool, &attr)))
        return;
    // One is replaced, and the new one's initializer fails: sooner or later all is refused.
    items[3] = -SIGKILL;
    double begin = check_now();
    crew_status status = crew_pool_map(pool, read_setting, items, results, 20, NULL);
    CHECK(status == CREW_EWORKERDIED || status == CREW_EBROKEN);
    items[3] = 0;
    while (status != CREW_EBROKEN && check_now() - begin < 10) {
        status = crew_pool_map(pool, read_setting, items, results, 20, NULL);
        CHECK(status == CREW_OK || status == CREW_EWORKERDIED || status == CREW_EBROKEN);
    }
    CHECK_STATUS(crew_pool_map(pool, read_setting, items, results, 20, NULL), CREW_EBROKEN);
    CHECK_CONTAINS(crew_error_message(), "there is no model");
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER)); // nobody is left
    CHECK_INT(count_lines(&setting.log), 3);
    CHECK_OK(crew_pool_destroy(pool));
    mark_remove(&setting.log);
}

void pol_22(const struct variant *variant)
{
    struct setting fail = {.what = SETTING_FAIL}, crash = {.what = SETTING_CRASH},
                   leave = {.what = SETTING_LEAVE};
    (void)variant;
    for (int workers = 1; workers <= 4; workers += 3) {
        refuse_pool(&fail, workers, CREW_EDOMAIN, "there is no model");
        refuse_pool(&crash, workers, CREW_EBROKEN, "SIGKILL");
        refuse_pool(&leave, workers, CREW_EBROKEN, "exit code 3");
    }
    break_later();
}

// Who the workers are

static void check_family(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[20];
    struct outcome outcomes[20];
    crew_worker_info workers[ROOM];
    size_t count = list_workers(pool, workers, ROOM);
    (void)attr;
    for (size_t i = 0; i < count; i++) {
        bool daemon = false;
        CHECK_OK(crew_process_daemon(workers[i].process, &daemon));
        CHECK(daemon);
        CHECK(is_active(workers[i].process));
        CHECK(strncmp(workers[i].name, "PoolWorker-", 11) == 0);
    }
    plan(jobs, 20);
    for (int i = 0; i < 20; i++)
        jobs[i].what = JOB_FAMILY;
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, 20, NULL));
    for (int i = 0; i < 20; i++)
        CHECK(strncmp(outcomes[i].name, "PoolWorker-", 11) == 0);
}

void pol_17(const struct variant *variant)
{
    (void)variant;
    each_pool(check_family, false);
}

static void check_workers(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[60];
    struct outcome outcomes[60];
    crew_worker_info workers[ROOM];
    uint64_t tasks = 0;
    double busy_s = 0;
    plan(jobs, 60);
    for (int i = 0; i < 60; i++) {
        jobs[i].what = JOB_SLEEP;
        jobs[i].number = 1;
    }
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, 60, NULL));
    size_t count = list_workers(pool, workers, ROOM);
    CHECK_INT(count, attr->workers ? attr->workers : crew_rank_count());
    for (size_t i = 0; i < count; i++) {
        char name[CREW_NAME_SIZE];
        int mine = 0, rank = -1;
        CHECK_INT(workers[i].rank, (int)i % crew_rank_count());
        CHECK_OK(crew_process_rank(workers[i].process, &rank));
        CHECK_INT(rank, workers[i].rank);
        CHECK_INT(workers[i].pid, pid_of(workers[i].process));
        CHECK_OK(crew_process_name(workers[i].process, name, sizeof name));
        CHECK_TEXT(workers[i].name, name);
        for (int j = 0; j < 60; j++)
            mine += strcmp(outcomes[j].name, name) == 0;
        CHECK_INT(workers[i].tasks, mine);
        tasks += workers[i].tasks;
        busy_s += workers[i].busy_s;
    }
    CHECK_INT(tasks, 60);
    CHECK(busy_s >= 0.060 && busy_s < 10);
}

void pool_workers(const struct variant *variant)
{
    (void)variant;
    each_pool(check_workers, false);
}

static int leave_pool_open(void *arg)
{
    struct job jobs[10];
    struct outcome outcomes[10];
    crew_pool pool;
    (void)arg;
    plan(jobs, 10);
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 3}));
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, 10, NULL));
    CHECK_INT(outcomes[9].number, 9);
    return check_result();
}

// The workers are daemons: they do not keep their creator from ending.
void pool_left_open(const struct variant *variant)
{
    double begin = check_now();
    CHECK_INT(finish(launch(variant, leave_pool_open, NULL, 0)), 0);
    CHECK_SECONDS(begin, 0, 5);
}
