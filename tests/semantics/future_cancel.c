// SPDX-License-Identifier: BSD-3-Clause
// Cancelling tasks that wait, killing those that run, and the end of a pool with results to come.
#include "future_cases.h"

#include "check.h"

#include <string.h>

#define COUNT 20
#define LIMIT_S 30

static void forget(const struct step *step)
{
    mark_remove(&step->begun);
    mark_remove(&step->go);
}

// True while no worker has it, again and again; false once one has.
void fut_01(const struct variant *variant)
{
    struct step busy = waiting_step(), step = {.number = 3};
    struct answer answers[2];
    crew_result running, pending;
    crew_result_state state;
    bool cancelled = true;
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &running, do_step, &busy, &answers[0], NULL));
    CHECK(mark_wait(&busy.begun, 1));
    CHECK_OK(crew_result_cancel(running, &cancelled));
    CHECK(!cancelled);
    CHECK_OK(crew_pool_apply_async(pool, &pending, do_step, &step, &answers[1], NULL));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(crew_result_cancel(pending, &cancelled));
        CHECK(cancelled);
    }
    CHECK_STATUS(crew_result_get(pending, LIMIT_S), CREW_ECANCELED);
    CHECK_OK(crew_result_get_state(pending, &state));
    CHECK(state.is_cancelled && state.is_done);
    CHECK_INT(state.failed, 1);
    let_go(&busy);
    CHECK_OK(crew_result_get(running, LIMIT_S));
    CHECK_OK(crew_result_cancel(running, &cancelled));
    CHECK(!cancelled);
    close_pool(pool);
    forget(&busy);
}

// Of a map, what no worker has is cancelled, and the rest is done.
void cancel_rest(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_status statuses[COUNT];
    crew_result result;
    bool cancelled = true;
    crew_pool pool = open_pool(1);
    (void)variant;
    plan_steps(steps, COUNT);
    steps[0] = waiting_step();
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT,
                                 &(crew_map_attr){.chunk = 1, .statuses = statuses}));
    CHECK(mark_wait(&steps[0].begun, 1));
    CHECK_OK(crew_result_cancel(result, &cancelled));
    CHECK(!cancelled);
    let_go(&steps[0]);
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_ECANCELED);
    CHECK_INT(statuses[0], CREW_OK);
    CHECK_INT(statuses[COUNT - 1], CREW_ECANCELED);
    CHECK_INT(answers[COUNT - 1].square, 0);
    close_pool(pool);
    forget(&steps[0]);
}

// Those who wait are woken when what they wait for is cancelled.
static void *cancel_soon(void *arg)
{
    check_sleep(0.05);
    CHECK_OK(crew_result_cancel(*(const crew_result *)arg, NULL));
    return NULL;
}

void fut_08(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    struct step busy[2] = {waiting_step(), waiting_step()};
    crew_result running, pending;
    pthread_t thread;
    crew_result_state state;
    crew_pool pool = open_pool(1);
    (void)variant;
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_map_async(pool, &running, do_step, busy, answers, 2,
                                 &(crew_map_attr){.chunk = 2}));
    CHECK(mark_wait(&busy[0].begun, 1));
    CHECK_OK(crew_pool_map_async(pool, &pending, do_step, steps, answers, COUNT,
                                 &(crew_map_attr){.chunk = 1, .priority = -1}));
    CHECK_OK(crew_thread_create(&thread, NULL, cancel_soon, &pending));
    let_go(&busy[0]);
    let_go(&busy[1]);
    crew_status status = crew_result_get(pending, LIMIT_S);
    CHECK(status == CREW_ECANCELED || status == CREW_OK); // it may be done by then
    pthread_join(thread, NULL);
    CHECK_OK(crew_result_get_state(pending, &state));
    CHECK_INT(state.done, COUNT);
    CHECK_OK(crew_result_get(running, LIMIT_S));
    close_pool(pool);
    forget(&busy[0]);
    forget(&busy[1]);
}

// close and join wait for what was begun without waiting.
void pol_11_async(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_result result;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT, NULL));
    CHECK_OK(crew_pool_close(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_result_get(result, 0));
    CHECK_INT(answers[COUNT - 1].square, (COUNT - 1) * (COUNT - 1));
    CHECK_OK(crew_pool_destroy(pool));
    CHECK_STATUS(crew_result_wait(result, 0), CREW_ENOENT); // it is given back with its pool
}

// terminate resolves everything that is to come.
void pol_21_async(const struct variant *variant)
{
    static struct answer answers[2];
    struct step busy[2] = {waiting_step(), waiting_step()};
    crew_result results[2];
    crew_pool pool = open_pool(1);
    (void)variant;
    for (int i = 0; i < 2; i++)
        CHECK_OK(crew_pool_apply_async(pool, &results[i], do_step, &busy[i], &answers[i], NULL));
    CHECK(mark_wait(&busy[0].begun, 1));
    CHECK_OK(crew_pool_terminate(pool));
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(crew_result_get(results[i], LIMIT_S), CREW_ECANCELED);
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
    forget(&busy[0]);
    forget(&busy[1]);
}

// Only the worker that runs it ends, and another one takes the place.
void pol_24_kill(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    struct step hanging = waiting_step(), other = waiting_step();
    struct answer answer[2];
    crew_result hung, kept;
    crew_pool pool = open_pool(2);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &hung, do_step, &hanging, &answer[0], NULL));
    CHECK_OK(crew_pool_apply_async(pool, &kept, do_step, &other, &answer[1], NULL));
    CHECK(mark_wait(&hanging.begun, 1));
    CHECK(mark_wait(&other.begun, 1));
    CHECK_OK(crew_result_kill(hung));
    CHECK_STATUS(crew_result_get(hung, LIMIT_S), CREW_ECANCELED);
    CHECK_CONTAINS(crew_error_message(), "cancelled");
    let_go(&other);
    CHECK_OK(crew_result_get(kept, LIMIT_S));
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_map(pool, do_step, steps, answers, COUNT, NULL));
    CHECK_OK(crew_result_kill(hung)); // it is over: nothing happens
    close_pool(pool);
    forget(&hanging);
    forget(&other);
}

// No more tasks after a shutdown, which may be said again; one that waits returns when the rest is
// done.
void fut_07(const struct variant *variant)
{
    struct step busy = waiting_step(), step = {.number = 4};
    struct answer answers[3];
    crew_result running, pending, late = {77};
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &running, do_step, &busy, &answers[0], NULL));
    CHECK_OK(crew_pool_apply_async(pool, &pending, do_step, &step, &answers[1], NULL));
    CHECK_OK(crew_pool_shutdown(pool, false));
    CHECK_STATUS(crew_pool_apply_async(pool, &late, do_step, &step, &answers[2], NULL),
                 CREW_ESTATE);
    CHECK_INT(late.id, 77);
    CHECK_OK(crew_pool_shutdown(pool, false));
    let_go(&busy);
    CHECK_OK(crew_pool_shutdown(pool, false));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_result_get(running, 0));
    CHECK_OK(crew_result_get(pending, 0));
    CHECK_INT(answers[1].square, 16);
    CHECK_OK(crew_pool_shutdown(pool, true));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
    CHECK_STATUS(crew_pool_shutdown(pool, true), CREW_ENOENT);
    forget(&busy);
}

// With cancelling, what waits is cancelled and what runs is finished.
void fut_08_shutdown(const struct variant *variant)
{
    struct step busy = waiting_step(), step = {.number = 4};
    struct answer answers[4];
    crew_result results[4];
    size_t count;
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &results[0], do_step, &busy, &answers[0], NULL));
    CHECK(mark_wait(&busy.begun, 1));
    for (int i = 1; i < 4; i++)
        CHECK_OK(crew_pool_apply_async(pool, &results[i], do_step, &step, &answers[i], NULL));
    CHECK_OK(crew_pool_shutdown(pool, true));
    CHECK_STATUS(crew_results_wait(results, 4, CREW_ALL_COMPLETED, NULL, NULL, 0.01),
                 CREW_ETIMEDOUT);
    CHECK_OK(crew_results_wait(results, 4, CREW_FIRST_COMPLETED, NULL, &count, CREW_NOW));
    CHECK_INT(count, 3);
    let_go(&busy);
    CHECK_OK(crew_pool_shutdown(pool, true));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_result_get(results[0], 0));
    for (int i = 1; i < 4; i++)
        CHECK_STATUS(crew_result_get(results[i], 0), CREW_ECANCELED);
    CHECK_OK(crew_pool_destroy(pool));
    forget(&busy);
}

struct waiters {
    crew_result results[3];
    crew_status all, next;
    size_t done, seen;
};

static void *wait_for_all(void *arg)
{
    struct waiters *waiters = arg;
    waiters->all =
        crew_results_wait(waiters->results, 3, CREW_ALL_COMPLETED, NULL, &waiters->done, LIMIT_S);
    return NULL;
}

static void *wait_one_by_one(void *arg)
{
    struct waiters *waiters = arg;
    bool seen[3] = {0};
    size_t index;
    while ((waiters->next = crew_results_next(waiters->results, 3, seen, &index, LIMIT_S)) ==
           CREW_OK)
        waiters->seen++;
    return NULL;
}

// Who waits for several is woken by a shutdown that cancels them.
void fut_08_waiters(const struct variant *variant)
{
    struct step busy = waiting_step(), step = {.number = 4};
    struct answer answers[4];
    struct waiters waiters = {.all = CREW_EFAILED};
    crew_result running;
    pthread_t threads[2];
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &running, do_step, &busy, &answers[3], NULL));
    CHECK(mark_wait(&busy.begun, 1));
    for (int i = 0; i < 3; i++)
        CHECK_OK(
            crew_pool_apply_async(pool, &waiters.results[i], do_step, &step, &answers[i], NULL));
    CHECK_OK(crew_thread_create(&threads[0], NULL, wait_for_all, &waiters));
    CHECK_OK(crew_thread_create(&threads[1], NULL, wait_one_by_one, &waiters));
    check_sleep(0.05); // so that they wait, though it is right if they do not
    CHECK_OK(crew_pool_shutdown(pool, true));
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(waiters.all, CREW_OK);
    CHECK_INT(waiters.done, 3);
    CHECK_INT(waiters.next, CREW_EOF);
    CHECK_INT(waiters.seen, 3);
    CHECK_STATUS(crew_result_wait(running, 0), CREW_ETIMEDOUT); // and none of that took it along
    let_go(&busy);
    CHECK_OK(crew_result_get(running, LIMIT_S));
    close_pool(pool);
    forget(&busy);
}

// Of single tasks no more are out than there are workers: all others can be cancelled.
void fut_11(const struct variant *variant)
{
    struct step busy[2] = {waiting_step(), waiting_step()}, step = {.number = 4};
    struct answer answers[7];
    crew_result results[7];
    crew_pool pool = open_pool(2);
    (void)variant;
    for (int i = 0; i < 7; i++)
        CHECK_OK(crew_pool_apply_async(pool, &results[i], do_step, i < 2 ? &busy[i] : &step,
                                       &answers[i], NULL));
    for (int i = 0; i < 2; i++)
        CHECK(mark_wait(&busy[i].begun, 1));
    for (int i = 0; i < 7; i++) {
        bool cancelled = i < 2;
        CHECK_OK(crew_result_cancel(results[i], &cancelled));
        CHECK(cancelled == (i >= 2));
    }
    for (int i = 0; i < 2; i++) {
        let_go(&busy[i]);
        CHECK_OK(crew_result_get(results[i], LIMIT_S));
        forget(&busy[i]);
    }
    close_pool(pool);
}

// Workers that are replaced lose no task, also of a pool that takes no more.
void fut_12(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_result results[COUNT];
    crew_pool pool;
    (void)variant;
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2, .max_tasks_per_worker = 3}));
    for (int i = 0; i < COUNT; i++)
        CHECK_OK(crew_pool_apply_async(pool, &results[i], do_step, &steps[i], &answers[i], NULL));
    CHECK_OK(crew_pool_shutdown(pool, false));
    for (int i = 0; i < COUNT; i++) {
        CHECK_OK(crew_result_get(results[i], LIMIT_S));
        CHECK_INT(answers[i].square, (long)i * i);
    }
    CHECK_OK(crew_pool_shutdown(pool, false));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
}
