// SPDX-License-Identifier: BSD-3-Clause
// Pools whose workers are lost, or ended, with results to come; and workers that have nothing to
// do.
#include "future_cases.h"

#include "check.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 30
#define PENDING 3

static void forget(const struct step *step)
{
    mark_remove(&step->begun);
    mark_remove(&step->go);
}

static void list_workers(crew_pool pool, crew_worker_info *workers, size_t expected)
{
    size_t count = 0;
    memset(workers, 0, expected * sizeof *workers);
    CHECK_OK(crew_pool_workers(pool, workers, expected, &count));
    CHECK_INT(count, expected);
}

// Two tasks that run, and others that wait for a worker.
struct crowd {
    crew_pool pool;
    struct step busy[2], idle;
    struct answer answers[2 + PENDING];
    crew_result results[2 + PENDING]; // those of the busy ones first
};

static void gather(struct crowd *crowd, const crew_pool_attr *attr)
{
    memset(crowd, 0, sizeof *crowd);
    crowd->idle.number = 4;
    CHECK_OK(crew_pool_create(&crowd->pool, attr));
    for (int i = 0; i < 2 + PENDING; i++) {
        if (i < 2)
            crowd->busy[i] = waiting_step();
        CHECK_OK(crew_pool_apply_async(crowd->pool, &crowd->results[i], do_step,
                                       i < 2 ? &crowd->busy[i] : &crowd->idle, &crowd->answers[i],
                                       NULL));
    }
    for (int i = 0; i < 2; i++)
        CHECK(mark_wait(&crowd->busy[i].begun, 1));
}

static void kill_first(crew_pool pool, int workers)
{
    crew_worker_info list[2];
    list_workers(pool, list, (size_t)workers);
    signal_pid(list[0].pid, SIGKILL);
}

// The pool takes nothing any more, and says why.
static void check_refused(crew_pool pool, crew_status expected, const char *reason)
{
    struct step step = {.number = 4};
    struct answer answer = {.square = 77};
    crew_result late = {77};
    CHECK_STATUS(crew_pool_apply_async(pool, &late, do_step, &step, &answer, NULL), expected);
    CHECK_CONTAINS(crew_error_message(), reason);
    CHECK_STATUS(crew_pool_map(pool, do_step, &step, &answer, 1, NULL), expected);
    CHECK_INT(late.id, 77);
    CHECK_INT(answer.square, 77);
}

static void end_pool(crew_pool pool)
{
    CHECK_OK(crew_pool_close(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_terminate(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
}

// By default only the task is lost that the worker was in, and another worker takes the place.
void fut_09(const struct variant *variant)
{
    static struct crowd crowd;
    crew_worker_info before[2], after[2];
    int lost = 0;
    (void)variant;
    gather(&crowd, &(crew_pool_attr){.workers = 2});
    list_workers(crowd.pool, before, 2);
    signal_pid(before[0].pid, SIGKILL);
    for (int i = 2; i < 2 + PENDING; i++) // only by the new one: the other is busy
        CHECK_OK(crew_result_get(crowd.results[i], LIMIT_S));
    for (int i = 0; i < 2; i++)
        let_go(&crowd.busy[i]);
    for (int i = 0; i < 2; i++) {
        crew_status status = crew_result_get(crowd.results[i], LIMIT_S);
        CHECK(status == CREW_OK || status == CREW_EWORKERDIED);
        lost += status == CREW_EWORKERDIED;
    }
    CHECK_INT(lost, 1);
    list_workers(crowd.pool, after, 2);
    CHECK(after[0].pid != before[0].pid && pid_exists(after[0].pid));
    CHECK_INT(after[1].pid, before[1].pid);
    close_pool(crowd.pool);
    for (int i = 0; i < 2; i++)
        forget(&crowd.busy[i]);
}

// With Python's way everything is: what runs, what waits, and what comes later.
static void break_busy(void)
{
    static struct crowd crowd;
    static struct step steps[40];
    static struct answer answers[40];
    static crew_status statuses[40];
    crew_result done, map;
    struct answer answer;
    gather(&crowd, &(crew_pool_attr){.workers = 2, .break_on_death = true});
    plan_steps(steps, 40);
    CHECK_OK(crew_pool_map_async(crowd.pool, &done, do_step, steps, answers, 0, NULL));
    CHECK_OK(crew_pool_map_async(crowd.pool, &map, do_step, steps, answers, 40,
                                 &(crew_map_attr){.statuses = statuses, .retries = 2}));
    kill_first(crowd.pool, 2);
    for (int i = 0; i < 2 + PENDING; i++) {
        CHECK_STATUS(crew_result_get(crowd.results[i], LIMIT_S), CREW_EBROKEN);
        CHECK_CONTAINS(crew_error_message(), "was killed by signal 9 (SIGKILL)");
        CHECK_CONTAINS(crew_error_message(), "PoolWorker-");
        check_names_host();
    }
    CHECK_STATUS(crew_result_get(map, LIMIT_S), CREW_EBROKEN);
    for (int i = 0; i < 40; i++)
        CHECK_INT(statuses[i], CREW_EBROKEN);
    CHECK_OK(crew_result_get(done, 0)); // of nothing: it was done
    CHECK_STATUS(crew_pool_apply(crowd.pool, do_step, &crowd.idle, &answer), CREW_EBROKEN);
    check_refused(crowd.pool, CREW_EBROKEN, "(SIGKILL)");
    end_pool(crowd.pool);
    for (int i = 0; i < 2; i++)
        forget(&crowd.busy[i]);
}

// One that has nothing to do is a worker, too.
static void break_idle(void)
{
    struct step step = {.number = 4};
    struct answer answer;
    crew_pool pool;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2, .break_on_death = true}));
    CHECK_OK(crew_pool_apply(pool, do_step, &step, &answer));
    kill_first(pool, 2);
    double begin = check_now();
    crew_status status = CREW_OK;
    while (status == CREW_OK && check_now() - begin < LIMIT_S)
        status = crew_pool_apply(pool, do_step, &step, &answer);
    CHECK_INT(status, CREW_EBROKEN);
    CHECK_CONTAINS(crew_error_message(), "(SIGKILL)");
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER)); // there is nobody to wait for
    CHECK_OK(crew_pool_destroy(pool));
}

// Ends that were asked for break nothing: a time limit, a kill, and so many tasks.
static void break_by_nothing(void)
{
    struct step hang = {.what = STEP_HANG}, step = {.number = 4}, busy = waiting_step();
    struct answer answer, other;
    crew_result result;
    crew_pool pool;
    CHECK_OK(crew_pool_create(
        &pool, &(crew_pool_attr){.workers = 1, .break_on_death = true, .max_tasks_per_worker = 3}));
    CHECK_STATUS(
        crew_pool_map(pool, do_step, &hang, &answer, 1, &(crew_map_attr){.timeout_s = 0.05}),
        CREW_ETIMEDOUT);
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &busy, &other, NULL));
    CHECK(mark_wait(&busy.begun, 1));
    CHECK_OK(crew_result_kill(result));
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_ECANCELED);
    for (int i = 0; i < 7; i++)
        CHECK_OK(crew_pool_apply(pool, do_step, &step, &answer));
    close_pool(pool);
    forget(&busy);
}

void fut_09_broken(const struct variant *variant)
{
    (void)variant;
    break_busy();
    break_idle();
    break_by_nothing();
}

// Fails from its third run on.
static crew_status prepare_two(void *arg)
{
    const struct mark *mark = arg;
    char text[4096];
    int lines = 0;
    mark_set(mark, "begun");
    mark_read(mark, text, sizeof text);
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    return lines > 2 ? crew_fail(CREW_EDOMAIN, "there is no model") : CREW_OK;
}

static crew_status prepare_none(void *arg)
{
    (void)arg;
    return crew_fail(CREW_EBROKEN, "there is no model at all");
}

// One that fails at first is the creation's error. One that fails in the place of a lost worker
// breaks the pool.
void fut_10(const struct variant *variant)
{
    static struct crowd crowd;
    struct mark mark = mark_new();
    int lost = 0;
    crew_pool none = {77};
    (void)variant;
    CHECK_STATUS(crew_pool_create(&none, &(crew_pool_attr){.initializer = prepare_none}),
                 CREW_EBROKEN);
    CHECK_CONTAINS(crew_error_message(), "there is no model at all");
    CHECK_INT(none.id, 77);
    gather(&crowd, &(crew_pool_attr){.workers = 2,
                                     .initializer = prepare_two,
                                     .initializer_arg = &mark,
                                     .initializer_size = sizeof mark});
    kill_first(crowd.pool, 2);
    for (int i = 0; i < 2; i++) {
        crew_status status = crew_result_get(crowd.results[i], LIMIT_S);
        CHECK(status == CREW_EBROKEN || status == CREW_EWORKERDIED);
        lost += status == CREW_EWORKERDIED;
    }
    CHECK_INT(lost, 1);
    for (int i = 2; i < 2 + PENDING; i++) {
        CHECK_STATUS(crew_result_get(crowd.results[i], LIMIT_S), CREW_EBROKEN);
        CHECK_CONTAINS(crew_error_message(), "the initializer failed on rank ");
        CHECK_CONTAINS(crew_error_message(), "there is no model");
    }
    check_refused(crowd.pool, CREW_EBROKEN, "there is no model");
    end_pool(crowd.pool);
    for (int i = 0; i < 2; i++)
        forget(&crowd.busy[i]);
    mark_remove(&mark);
}

// Every worker ends: what waits is cancelled, what runs is lost, what is done is there.
static void end_workers(crew_status (*call)(crew_pool), const char *signal_name)
{
    static struct crowd crowd;
    struct answer answer = {0};
    crew_worker_info workers[2];
    crew_result done;
    gather(&crowd, &(crew_pool_attr){.workers = 2});
    CHECK_OK(crew_pool_map_async(crowd.pool, &done, do_step, &crowd.idle, &answer, 0, NULL));
    list_workers(crowd.pool, workers, 2);
    for (int i = 0; i < 2; i++)
        CHECK_OK(call(crowd.pool));
    for (int i = 2; i < 2 + PENDING; i++)
        CHECK_STATUS(crew_result_get(crowd.results[i], LIMIT_S), CREW_ECANCELED);
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(crew_result_get(crowd.results[i], LIMIT_S), CREW_EBROKEN);
        CHECK_CONTAINS(crew_error_message(), signal_name);
    }
    CHECK_OK(crew_result_get(done, LIMIT_S));
    check_refused(crowd.pool, CREW_ESTATE, "the workers of the pool were ended");
    CHECK_OK(crew_pool_join(crowd.pool, CREW_FOREVER));
    for (int i = 0; i < 2; i++)
        CHECK(!pid_exists(workers[i].pid));
    CHECK_OK(call(crowd.pool));
    end_pool(crowd.pool);
    CHECK_STATUS(call(crowd.pool), CREW_ENOENT);
    for (int i = 0; i < 2; i++)
        forget(&crowd.busy[i]);
}

void fut_13(const struct variant *variant)
{
    (void)variant;
    end_workers(crew_pool_terminate_workers, "(SIGTERM)");
    end_workers(crew_pool_kill_workers, "(SIGKILL)");
    for (int kills = 0; kills < 2; kills++) { // with nothing to do
        crew_pool pool = open_pool(2);
        CHECK_OK(kills ? crew_pool_kill_workers(pool) : crew_pool_terminate_workers(pool));
        end_pool(pool);
    }
    CHECK_STATUS(crew_pool_terminate_workers((crew_pool){0}), CREW_EINVAL);
    CHECK_STATUS(crew_pool_kill_workers((crew_pool){0}), CREW_EINVAL);
}

CREW_TASK(ignore_and_wait, struct step, int)
{
    signal(SIGTERM, SIG_IGN);
    mark_set(&item->begun, "begun");
    *result = 5;
    return mark_wait(&item->go, 1) ? CREW_OK : CREW_EFAILED;
}

CREW_TASK(call_until_ended, struct step, int)
{
    mark_set(&item->begun, "begun");
    *result = run_until_ended(NULL);
    return CREW_OK;
}

// A task that ignores the signal is finished, and then its worker ends.
static void ignore_signal(void)
{
    struct step step = waiting_step(), other = {.number = 2};
    int number = 0;
    struct answer answer;
    crew_result result, pending;
    crew_pool pool = open_pool(1);
    CHECK_OK(crew_pool_apply_async(pool, &result, ignore_and_wait, &step, &number, NULL));
    CHECK(mark_wait(&step.begun, 1));
    CHECK_OK(crew_pool_apply_async(pool, &pending, do_step, &other, &answer, NULL));
    CHECK_OK(crew_pool_terminate_workers(pool));
    CHECK_STATUS(crew_result_get(pending, LIMIT_S), CREW_ECANCELED);
    CHECK_STATUS(crew_result_wait(result, 0.05), CREW_ETIMEDOUT);
    let_go(&step);
    CHECK_OK(crew_result_get(result, LIMIT_S));
    CHECK_INT(number, 5);
    end_pool(pool);
    forget(&step);
}

// Those inside ranks end at their next call of crew, and cannot be killed.
static void end_inside(void)
{
    struct step step = waiting_step();
    int number = 0;
    crew_result result;
    crew_pool pool;
    const crew_pool_attr attr = {.workers = 1, .start_method = CREW_START_RANK};
    if (inside_is_taken() || !CHECK_OK(crew_pool_create(&pool, &attr)))
        return;
    CHECK_OK(crew_pool_apply_async(pool, &result, call_until_ended, &step, &number, NULL));
    CHECK(mark_wait(&step.begun, 1));
    CHECK_STATUS(crew_pool_kill_workers(pool), CREW_ENOTSUP);
    CHECK_STATUS(crew_result_wait(result, 0), CREW_ETIMEDOUT);
    CHECK_OK(crew_pool_terminate_workers(pool));
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_EBROKEN);
    end_pool(pool);
    mark_remove(&step.begun);
}

void fut_13_ignored(const struct variant *variant)
{
    (void)variant;
    ignore_signal();
    end_inside();
}

// Tasks that come one by one go to workers that are there.
void fut_14(const struct variant *variant)
{
    crew_worker_info before[4], after[4];
    struct answer answer;
    crew_pool pool = open_pool(4);
    (void)variant;
    list_workers(pool, before, 4);
    for (int i = 0; i < 20; i++) {
        struct step step = {.number = i};
        bool known = false;
        CHECK_OK(crew_pool_apply(pool, do_step, &step, &answer));
        for (int k = 0; k < 4; k++)
            known |= answer.pid == before[k].pid;
        CHECK(known);
    }
    list_workers(pool, after, 4);
    for (int k = 0; k < 4; k++) {
        CHECK_INT(after[k].pid, before[k].pid);
        CHECK_TEXT(after[k].name, before[k].name); // which is numbered: no other was started
    }
    CHECK_INT(after[0].tasks + after[1].tasks + after[2].tasks + after[3].tasks, 20);
    close_pool(pool);
}
