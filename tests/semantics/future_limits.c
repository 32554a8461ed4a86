// SPDX-License-Identifier: BSD-3-Clause
// What a pool does about tasks that take too long or too much, that crash, and that are urgent.
#include "future_cases.h"

#include "check.h"

#include <string.h>

#define COUNT 40

static size_t count_processes(const struct answer *answers, size_t count)
{
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first &= answers[k].pid != answers[i].pid;
        different += first;
    }
    return different;
}

// Every worker is replaced after so many chunks, and the results are what they would have been.
void pol_13(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_pool pool;
    (void)variant;
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2, .max_tasks_per_worker = 4}));
    CHECK_OK(crew_pool_map(pool, do_step, steps, answers, COUNT, &(crew_map_attr){.chunk = 2}));
    CHECK_INT(count_processes(answers, COUNT), COUNT / 2 / 4);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(answers[i].square, (long)i * i);
    close_pool(pool);
    CHECK_STATUS(crew_pool_create(&pool, &(crew_pool_attr){.max_tasks_per_worker = -1}),
                 CREW_EINVAL);
    CHECK_STATUS(crew_pool_create(&pool, &(crew_pool_attr){.start_method = CREW_START_RANK,
                                                           .max_tasks_per_worker = 1}),
                 CREW_ENOTSUP);
}

// A task that never ends is ended, alone.
void pol_24(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_status statuses[COUNT];
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, COUNT);
    steps[11].what = STEP_HANG;
    CHECK_STATUS(crew_pool_map(pool, do_step, steps, answers, COUNT,
                               &(crew_map_attr){.timeout_s = 0.5, .statuses = statuses}),
                 CREW_ETIMEDOUT);
    CHECK_CONTAINS(crew_error_message(), "task 11 of do_step: it took longer than 0.5 s");
    check_names_host();
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(statuses[i], i == 11 ? CREW_ETIMEDOUT : CREW_OK);
        CHECK_INT(answers[i].square, i == 11 ? 0 : (long)i * i);
    }
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.1);)
        CHECK_STATUS(crew_pool_map(pool, do_step, &steps[11], answers, 1,
                                   &(crew_map_attr){.timeout_s = 0.1}),
                     CREW_ETIMEDOUT);
    close_pool(pool);
    if (inside_is_taken())
        return;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.start_method = CREW_START_RANK}));
    CHECK_STATUS(
        crew_pool_map(pool, do_step, steps, answers, 5, &(crew_map_attr){.timeout_s = 0.5}),
        CREW_ENOTSUP);
    close_pool(pool);
}

// As often as is allowed, and after what is said; then the error is that of the last time.
void pol_retries(const struct variant *variant)
{
    struct step steps[3];
    struct answer answers[3];
    crew_task_error error;
    crew_result result;
    size_t count;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, 3);
    steps[1].what = STEP_ABORT_ONCE;
    steps[1].begun = mark_new();
    CHECK_OK(crew_pool_map(pool, do_step, steps, answers, 3, &(crew_map_attr){.retries = 1}));
    CHECK_INT(answers[1].square, 1);
    mark_remove(&steps[1].begun);
    crew_map_attr attr = {.retries = 3, .retry_on = CREW_RETRY_ERROR | CREW_RETRY_TIMEOUT};
    CHECK_STATUS(crew_pool_map(pool, do_step, steps, answers, 3, &attr), CREW_EWORKERDIED);
    mark_remove(&steps[1].begun);
    steps[1].what = STEP_FAIL;
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, 3, &attr));
    CHECK_STATUS(crew_result_get(result, CREW_FOREVER), CREW_EDOMAIN);
    CHECK_OK(crew_result_errors(result, &error, 1, &count));
    CHECK_INT(count, 1);
    CHECK_INT(error.attempts, 4);
    attr.retry_on = 8;
    CHECK_STATUS(crew_pool_map(pool, do_step, steps, answers, 3, &attr), CREW_EINVAL);
    attr = (crew_map_attr){.retries = CREW_RETRY_LIMIT + 1};
    CHECK_STATUS(crew_pool_map(pool, do_step, steps, answers, 3, &attr), CREW_EINVAL);
    close_pool(pool);
}

// A worker that takes too much memory is ended, and its task says so.
void pol_memory(const struct variant *variant)
{
    struct step steps[3];
    struct answer answers[3];
    crew_pool pool;
    (void)variant;
    plan_steps(steps, 3);
    steps[1].what = STEP_FILL;
    CHECK_OK(crew_pool_create(&pool,
                              &(crew_pool_attr){.workers = 1, .memory_limit = (size_t)256 << 20}));
    CHECK_STATUS(crew_pool_map(pool, do_step, steps, answers, 3, NULL), CREW_EWORKERDIED);
    CHECK_CONTAINS(crew_error_message(), "more memory than it may");
    CHECK_INT(answers[2].square, 4);
    close_pool(pool);
}

// What is urgent goes out first; the rest in the order in which it came.
void pol_priority(const struct variant *variant)
{
    static const int priorities[] = {0, -5, 7};
    static struct answer answers[3];
    struct step busy = waiting_step(), steps[3];
    struct answer first;
    crew_result results[3], held;
    bool returned[3] = {0};
    size_t index;
    crew_pool pool = open_pool(1);
    (void)variant;
    plan_steps(steps, 3);
    CHECK_OK(crew_pool_apply_async(pool, &held, do_step, &busy, &first, NULL));
    CHECK(mark_wait(&busy.begun, 1));
    for (int i = 0; i < 3; i++) // the worker is busy: none of these is out
        CHECK_OK(crew_pool_apply_async(pool, &results[i], do_step, &steps[i], &answers[i],
                                       &(crew_map_attr){.priority = priorities[i]}));
    let_go(&busy);
    CHECK_OK(crew_results_wait(results, 3, CREW_ALL_COMPLETED, NULL, NULL, 30));
    static const size_t order[] = {2, 0, 1};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(crew_results_next(results, 3, returned, &index, 30));
        CHECK_INT(index, order[i]);
    }
    close_pool(pool);
    mark_remove(&busy.begun);
    mark_remove(&busy.go);
}

struct told {
    size_t done, failed, count;
    int times;
};

static void note_progress(size_t done, size_t failed, size_t count, void *arg)
{
    struct told *told = arg;
    CHECK(done >= told->done && failed <= done && done <= count);
    *told = (struct told){done, failed, count, told->times + 1};
}

// How far it is, as often as it pleases, and at the end.
void pol_progress(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    struct told told = {0};
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, COUNT);
    steps[3].what = STEP_FAIL;
    CHECK_STATUS(
        crew_pool_map(pool, do_step, steps, answers, COUNT,
                      &(crew_map_attr){.on_progress = note_progress, .progress_arg = &told}),
        CREW_EDOMAIN);
    CHECK(told.times >= 1);
    CHECK_INT(told.done, COUNT);
    CHECK_INT(told.failed, 1);
    CHECK_INT(told.count, COUNT);
    close_pool(pool);
}

// What has taken a while is told before its chunk is done.
void pol_progress_in_chunk(const struct variant *variant)
{
    struct step steps[2] = {waiting_step(), waiting_step()};
    struct answer answers[2];
    crew_result_state state = {0};
    crew_result result;
    crew_pool pool = open_pool(1);
    double begin = check_now();
    (void)variant;
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, 2,
                                 &(crew_map_attr){.chunk = 2}));
    CHECK(mark_wait(&steps[0].begun, 1));
    check_sleep(0.1);
    let_go(&steps[0]);
    CHECK(mark_wait(&steps[1].begun, 1));
    while (CHECK_OK(crew_result_get_state(result, &state)) && !state.done &&
           check_now() < begin + 30)
        check_sleep(0.01);
    CHECK_INT(state.done, 1);
    let_go(&steps[1]);
    CHECK_OK(crew_result_get(result, 30));
    for (int i = 0; i < 2; i++) {
        mark_remove(&steps[i].begun);
        mark_remove(&steps[i].go);
    }
    close_pool(pool);
}

// Whatever the schedule, every task is run.
void pol_schedules(const struct variant *variant)
{
    static struct step steps[1000];
    static struct answer answers[1000];
    crew_pool pool = open_pool(3);
    (void)variant;
    plan_steps(steps, 1000);
    for (int schedule = CREW_SCHEDULE_GUIDED; schedule <= CREW_SCHEDULE_WEIGHTED; schedule++) {
        size_t wrong = 0;
        memset(answers, 0, sizeof answers);
        CHECK_OK(crew_pool_map(pool, do_step, steps, answers, 1000,
                               &(crew_map_attr){.schedule = (crew_schedule)schedule}));
        for (int i = 0; i < 1000; i++)
            wrong += answers[i].square != (long)i * i;
        CHECK_INT(wrong, 0);
    }
    close_pool(pool);
}
