// SPDX-License-Identifier: BSD-3-Clause
// Cancelling and killing what workers have in hand: only what was not begun is cancelled, only what
// was meant is killed, and everything else is as if nobody had asked.
#include "future_cases.h"

#include "check.h"

#include <string.h>

#define COUNT 20
#define LIMIT_S 30

static crew_result closed; // in closed_meanwhile

static void forget(const struct step *step)
{
    mark_remove(&step->begun);
    mark_remove(&step->go);
}

static void cancel_refused(crew_result result)
{
    bool cancelled = true;
    CHECK_OK(crew_result_cancel(result, &cancelled));
    CHECK(!cancelled);
}

static bool is_cancelled(crew_result result)
{
    crew_result_state state = {0};
    CHECK_OK(crew_result_get_state(result, &state));
    return state.is_cancelled;
}

// An error is one, also of a task that somebody wanted to cancel.
void refused_error(const struct variant *variant)
{
    struct step steps[2] = {waiting_step(), waiting_step()};
    struct answer answers[2];
    crew_result results[2];
    bool done[2];
    size_t count;
    crew_pool pool = open_pool(2);
    (void)variant;
    steps[0].what = STEP_WAIT_FAIL;
    steps[0].number = 100;
    for (int i = 0; i < 2; i++)
        CHECK_OK(crew_pool_apply_async(pool, &results[i], do_step, &steps[i], &answers[i], NULL));
    for (int i = 0; i < 2; i++)
        CHECK(mark_wait(&steps[i].begun, 1));
    cancel_refused(results[0]);
    CHECK(!is_cancelled(results[0]));
    let_go(&steps[0]);
    CHECK_OK(crew_results_wait(results, 2, CREW_FIRST_ERROR, done, &count, LIMIT_S));
    CHECK(done[0] && !done[1]);
    CHECK_INT(count, 1);
    CHECK_STATUS(crew_result_get(results[0], 0), CREW_EDOMAIN);
    let_go(&steps[1]);
    CHECK_OK(crew_result_get(results[1], LIMIT_S));
    cancel_refused(results[1]); // it is done
    CHECK(!is_cancelled(results[0]) && !is_cancelled(results[1]));
    close_pool(pool);
    for (int i = 0; i < 2; i++)
        forget(&steps[i]);
}

// Nor does it lose its retries.
void refused_retries(const struct variant *variant)
{
    struct step step = waiting_step();
    struct answer answer;
    crew_result result;
    crew_pool pool = open_pool(1);
    (void)variant;
    step.what = STEP_WAIT_FAIL;
    step.number = 1;
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answer,
                                   &(crew_map_attr){.retries = 1}));
    CHECK(mark_wait(&step.begun, 1));
    cancel_refused(result);
    let_go(&step);
    CHECK_OK(crew_result_get(result, LIMIT_S));
    CHECK_INT(answer.square, 1);
    close_pool(pool);
    forget(&step);
}

// What runs while a pool is shut down succeeds, and is not said to be cancelled.
void refused_shutdown(const struct variant *variant)
{
    struct step busy = waiting_step(), step = {.number = 4};
    struct answer answers[2];
    crew_result running, pending;
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &running, do_step, &busy, &answers[0], NULL));
    CHECK(mark_wait(&busy.begun, 1));
    CHECK_OK(crew_pool_apply_async(pool, &pending, do_step, &step, &answers[1], NULL));
    CHECK_OK(crew_pool_shutdown(pool, true));
    CHECK_STATUS(crew_result_get(pending, LIMIT_S), CREW_ECANCELED);
    let_go(&busy);
    CHECK_OK(crew_pool_shutdown(pool, true));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_result_get(running, 0));
    CHECK(!is_cancelled(running));
    CHECK(is_cancelled(pending));
    CHECK_OK(crew_pool_destroy(pool));
    forget(&busy);
}

// A cancellation takes tasks out of the middle of a chunk, and does not wait for the one that runs.
void cancel_in_chunk(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_status statuses[COUNT];
    crew_result result;
    crew_result_state state;
    crew_pool pool = open_pool(1);
    (void)variant;
    for (int no_stealing = 0; no_stealing < 2; no_stealing++) {
        plan_steps(steps, COUNT);
        steps[0] = waiting_step();
        const crew_map_attr attr = {
            .chunk = COUNT, .statuses = statuses, .no_stealing = no_stealing};
        CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT, &attr));
        CHECK(mark_wait(&steps[0].begun, 1));
        cancel_refused(result);
        CHECK_OK(crew_result_get_state(result, &state));
        CHECK(state.is_cancelled && !state.is_done);
        CHECK_INT(state.done, COUNT - 1);
        CHECK_INT(state.failed, COUNT - 1);
        let_go(&steps[0]);
        CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_ECANCELED);
        CHECK_INT(statuses[0], CREW_OK);
        for (int i = 1; i < COUNT; i++)
            CHECK_INT(statuses[i], CREW_ECANCELED);
        forget(&steps[0]);
    }
    close_pool(pool);
}

// Results of one worker, of which every second one is killed at some point: the others are run once
// each, whatever the worker was in.
void kill_neighbours(const struct variant *variant)
{
    struct step killed = {.number = 1}, step = waiting_step();
    struct answer answers[2];
    crew_result results[2];
    char text[64];
    crew_pool pool = open_pool(1);
    (void)variant;
    let_go(&step);
    for (int i = 0; i < COUNT; i++) {
        mark_remove(&step.begun);
        CHECK_OK(crew_pool_apply_async(pool, &results[0], do_step, &killed, &answers[0], NULL));
        CHECK_OK(crew_pool_apply_async(pool, &results[1], do_step, &step, &answers[1], NULL));
        CHECK_OK(crew_result_kill(results[0]));
        crew_status status = crew_result_get(results[0], LIMIT_S);
        CHECK(status == CREW_OK || status == CREW_ECANCELED);
        CHECK_OK(crew_result_get(results[1], LIMIT_S));
        mark_read(&step.begun, text, sizeof text);
        CHECK_TEXT(text, "begun\n");
    }
    close_pool(pool);
    forget(&step);
}

static void *get(void *arg)
{
    crew_status *status = arg;
    *status = crew_result_get(closed, LIMIT_S);
    return NULL;
}

// Who waits for a result that another thread closes hears that it is gone, and nothing odd.
void closed_meanwhile(const struct variant *variant)
{
    for (int i = 0; i < COUNT; i++) {
        struct step step = waiting_step();
        struct answer answer;
        pthread_t thread;
        crew_status status = CREW_EFAILED;
        crew_pool pool = open_pool(1);
        CHECK_OK(crew_pool_apply_async(pool, &closed, do_step, &step, &answer, NULL));
        CHECK_OK(crew_thread_create(&thread, NULL, get, &status));
        CHECK(mark_wait(&step.begun, 1));
        if (i % 2)
            let_go(&step);
        CHECK_OK(crew_result_close(closed));
        let_go(&step);
        CHECK_INT(pthread_join(thread, NULL), 0);
        CHECK(status == CREW_ENOENT || (i % 2 && status == CREW_OK));
        close_pool(pool);
        forget(&step);
    }
    (void)variant;
}
