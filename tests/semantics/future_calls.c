// SPDX-License-Identifier: BSD-3-Clause
// Results to come: wrong use of every call.
#include "future_cases.h"

#include "check.h"

#include <math.h>
#include <string.h>

static void never_called(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)status;
    (void)arg;
    CHECK(false);
}

static void never_told(size_t done, size_t failed, size_t count, void *arg)
{
    (void)done;
    (void)failed;
    (void)count;
    (void)arg;
    CHECK(false);
}

static crew_status no_items(void *arg, void *item)
{
    (void)arg;
    (void)item;
    return CREW_EOF;
}

// Every call with a handle that is none of a result's.
static void refuse_result(crew_result result, crew_status expected)
{
    bool flag = true;
    size_t count = 99;
    crew_result_state state;
    crew_waitable waitable = {77};
    CHECK_STATUS(crew_result_get(result, 0), expected);
    CHECK_STATUS(crew_result_wait(result, 0), expected);
    CHECK_STATUS(crew_result_ready(result, &flag), expected);
    CHECK_STATUS(crew_result_successful(result, &flag), expected);
    CHECK_STATUS(crew_result_get_state(result, &state), expected);
    CHECK_STATUS(crew_result_cancel(result, &flag), expected);
    CHECK_STATUS(crew_result_kill(result), expected);
    CHECK_STATUS(crew_result_add_done_callback(result, never_called, NULL), expected);
    CHECK_STATUS(crew_result_errors(result, NULL, 0, &count), expected);
    CHECK_STATUS(crew_result_waitable(result, &waitable), expected);
    CHECK_STATUS(crew_results_wait(&result, 1, CREW_ALL_COMPLETED, &flag, &count, 0), expected);
    CHECK_STATUS(crew_results_next(&result, 1, (bool[]){false}, &count, 0), expected);
    CHECK(flag);
    CHECK_INT(count, 99);
    CHECK_INT(waitable.id, 77);
}

static void refuse_iterator(crew_iterator iterator, crew_status expected)
{
    size_t index = 99;
    CHECK_STATUS(crew_iterator_next(iterator, NULL, &index, 0), expected);
    CHECK_INT(index, 99);
}

void check_future_outside(void)
{
    struct step step = {0};
    struct answer answer;
    crew_pool pool = {77};
    crew_result result = {77};
    crew_iterator iterator = {77};
    refuse_result(result, CREW_ESTATE);
    CHECK_STATUS(crew_result_close(result), CREW_ESTATE);
    refuse_iterator(iterator, CREW_ESTATE);
    CHECK_STATUS(crew_iterator_close(iterator), CREW_ESTATE);
    CHECK_STATUS(crew_pool_apply(pool, do_step, &step, &answer), CREW_ESTATE);
    CHECK_STATUS(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_pool_map_async(pool, &result, do_step, &step, &answer, 1, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_pool_shutdown(pool, true), CREW_ESTATE);
    CHECK_STATUS(crew_pool_imap(pool, do_step, &step, 1, NULL, &iterator), CREW_ESTATE);
    CHECK_STATUS(crew_pool_imap_from(pool, do_step, no_items, NULL, NULL, &iterator), CREW_ESTATE);
    CHECK_INT(result.id, 77);
    CHECK_INT(iterator.id, 77);
}

void calls_result(const struct variant *variant)
{
    struct step step = {.number = 3};
    struct answer answer;
    crew_result result;
    size_t count;
    crew_pool pool = open_pool(1);
    (void)variant;
    refuse_result((crew_result){0}, CREW_EINVAL);
    refuse_result((crew_result){pool.id}, CREW_EINVAL);
    CHECK_STATUS(crew_result_close((crew_result){0}), CREW_EINVAL);
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL));
    CHECK_OK(crew_result_get(result, CREW_FOREVER));
    CHECK_STATUS(crew_result_ready(result, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_result_successful(result, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_result_get_state(result, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_result_add_done_callback(result, NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_result_errors(result, NULL, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_result_errors(result, NULL, 1, &count), CREW_EINVAL);
    CHECK_STATUS(crew_result_waitable(result, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_results_wait(NULL, 1, CREW_ALL_COMPLETED, NULL, NULL, 0), CREW_EINVAL);
    CHECK_STATUS(crew_results_wait(&result, 1, (crew_results_when)7, NULL, NULL, 0), CREW_EINVAL);
    CHECK_STATUS(crew_results_next(&result, 1, NULL, &count, 0), CREW_EINVAL);
    CHECK_STATUS(crew_results_next(&result, 1, (bool[]){false}, NULL, 0), CREW_EINVAL);
    CHECK_OK(crew_result_cancel(result, NULL)); // it is done: nothing to cancel
    CHECK_OK(crew_result_get(result, 0));
    CHECK_OK(crew_result_close(result));
    CHECK_OK(crew_result_close(result));
    refuse_result(result, CREW_ENOENT);
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL));
    CHECK_OK(crew_result_close(result)); // maybe before it is done
    refuse_result(result, CREW_ENOENT);
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL));
    CHECK_OK(crew_result_get(result, CREW_FOREVER));
    close_pool(pool);
    refuse_result(result, CREW_ENOENT); // though it was taken
    CHECK_OK(crew_result_close(result));
}

void calls_iterator(const struct variant *variant)
{
    struct step step = {.number = 3};
    crew_task none = {0}, sizeless = do_step;
    crew_iterator iterator = {77};
    crew_pool pool = open_pool(1);
    (void)variant;
    sizeless.item_size = 0;
    refuse_iterator((crew_iterator){0}, CREW_EINVAL);
    refuse_iterator((crew_iterator){pool.id}, CREW_EINVAL);
    CHECK_STATUS(crew_iterator_close((crew_iterator){0}), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap(pool, do_step, &step, 1, NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap(pool, do_step, NULL, 1, NULL, &iterator), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap(pool, none, &step, 1, NULL, &iterator), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap(pool, sizeless, &step, 1, NULL, &iterator), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap((crew_pool){0}, do_step, &step, 1, NULL, &iterator), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap_from(pool, do_step, NULL, NULL, NULL, &iterator), CREW_EINVAL);
    const crew_imap_attr wrong[] = {{.chunk = -1},          {.timeout_s = -1}, {.timeout_s = NAN},
                                    {.task_timeout_s = -1}, {.retries = 256},  {.retry_on = 8}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_STATUS(crew_pool_imap(pool, do_step, &step, 1, &wrong[i], &iterator), CREW_EINVAL);
        CHECK_STATUS(crew_pool_imap_from(pool, do_step, no_items, NULL, &wrong[i], &iterator),
                     CREW_EINVAL);
    }
    CHECK_INT(iterator.id, 77);
    const crew_task huge[] = {{do_step.function, SIZE_MAX, 1, "item"},
                              {do_step.function, (size_t)1 << 63, (size_t)1 << 63, "both"},
                              {do_step.function, sizeof step, SIZE_MAX, "result"}};
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        CHECK_STATUS(crew_pool_imap(pool, huge[i], &step, 1, NULL, &iterator), CREW_EINVAL);
        CHECK_CONTAINS(crew_error_message(), "more than 1 GiB");
    }
    const crew_imap_attr long_chunk = {.chunk = LONG_MAX};
    CHECK_STATUS(crew_pool_imap_from(pool, do_step, no_items, NULL, &long_chunk, &iterator),
                 CREW_EINVAL);
    CHECK_INT(iterator.id, 77);
    struct answer answer;
    CHECK_OK(crew_pool_imap(pool, do_step, &step, 1, &long_chunk, &iterator));
    CHECK_OK(crew_iterator_next(iterator, &answer, NULL, CREW_FOREVER));
    CHECK_OK(crew_iterator_close(iterator));
    close_pool(pool);
}

void calls_async(const struct variant *variant)
{
    struct step step = {.number = 3};
    struct answer answer = {0};
    crew_result result = {77};
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply(pool, do_step, &step, &answer));
    CHECK_INT(answer.square, 9);
    step.what = STEP_FAIL;
    CHECK_STATUS(crew_pool_apply(pool, do_step, &step, &answer), CREW_EDOMAIN);
    CHECK_STATUS(crew_pool_apply(pool, do_step, NULL, &answer), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_async(pool, NULL, do_step, &step, &answer, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_map_async(pool, &result, do_step, NULL, &answer, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_apply_async(pool, &result, do_step, &step, NULL, NULL), CREW_EINVAL);
    static const crew_map_attr wrong[] = {{.progress = true},
                                          {.on_progress = never_told},
                                          {.timeout_s = -1},
                                          {.retries = -1},
                                          {.schedule = (crew_schedule)9}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_STATUS(crew_pool_map_async(pool, &result, do_step, &step, &answer, 1, &wrong[i]),
                     CREW_EINVAL);
    CHECK_STATUS(
        crew_pool_map(pool, do_step, &step, &answer, 1, &(crew_map_attr){.callback = never_called}),
        CREW_EINVAL);
    CHECK_OK(crew_pool_close(pool));
    CHECK_STATUS(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL), CREW_ESTATE);
    CHECK_INT(result.id, 77);
    close_pool(pool);
}

static int use_result(void *arg)
{
    refuse_result(*(const crew_result *)arg, CREW_ENOENT);
    return check_result();
}

// A result is its process's alone; and one that is left with its pool at the end of a process goes
// with it, callbacks and all.
static int leave_results(void *arg)
{
    static struct step steps[10];
    static struct answer answers[10];
    crew_result result;
    crew_pool pool = open_pool(1);
    plan_steps(steps, 10);
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, 10,
                                 &(crew_map_attr){.error_callback = never_called}));
    if (*(const int *)arg)
        CHECK_OK(crew_result_get(result, CREW_FOREVER));
    return check_result();
}

void others_results(const struct variant *variant)
{
    struct step step = {.number = 3};
    struct answer answer;
    crew_result result;
    crew_pool pool = open_pool(1);
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL));
    CHECK_INT(finish(launch(variant, use_result, &result, sizeof result)), 0);
    CHECK_OK(crew_result_get(result, CREW_FOREVER));
    close_pool(pool);
    int waits = 1;
    CHECK_INT(finish(launch(variant, leave_results, &waits, sizeof waits)), 0);
}
