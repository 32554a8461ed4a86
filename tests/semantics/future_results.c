// SPDX-License-Identifier: BSD-3-Clause
// Results to come: waited for, asked, called back.
#include "future_cases.h"

#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define COUNT 40
#define LIMIT_S 30

// What callbacks have seen, in order.
static struct {
    pthread_mutex_t mutex;
    int calls[8];
    crew_status statuses[8];
    bool was_ready[8];
    pthread_t threads[8];
    int count;
} seen = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void note_call(crew_result result, crew_status status, void *arg)
{
    bool ready = true;
    pthread_mutex_lock(&seen.mutex);
    if (CHECK(seen.count < 8)) {
        CHECK_OK(crew_result_ready(result, &ready));
        seen.calls[seen.count] = *(const int *)arg;
        seen.threads[seen.count] = pthread_self();
        seen.statuses[seen.count] = status;
        seen.was_ready[seen.count++] = ready;
    }
    pthread_mutex_unlock(&seen.mutex);
}

static int count_calls(void)
{
    pthread_mutex_lock(&seen.mutex);
    int count = seen.count;
    pthread_mutex_unlock(&seen.mutex);
    return count;
}

static void check_answers(const struct answer *answers, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += answers[i].square != (long)(i * i);
    CHECK_INT(wrong, 0);
}

static crew_result begin_one(crew_pool pool, const struct step *step, struct answer *answer)
{
    crew_result result = {0};
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, step, answer, NULL));
    return result;
}

// Callback on success or error callback on failure, once, before it is ready.
void pol_07(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    int number = 1;
    crew_result result;
    crew_map_attr attr = {
        .callback = note_call, .error_callback = note_call, .callback_arg = &number};
    crew_pool pool = open_pool(2);
    (void)variant;
    seen.count = 0;
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT, &attr));
    CHECK_OK(crew_result_wait(result, LIMIT_S));
    CHECK_INT(count_calls(), 1);
    CHECK_INT(seen.statuses[0], CREW_OK);
    CHECK(seen.was_ready[0]); // for the callback itself it is
    CHECK_OK(crew_result_get(result, 0));
    check_answers(answers, COUNT);
    steps[7].what = STEP_FAIL;
    attr.callback = NULL;
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT, &attr));
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_EDOMAIN);
    CHECK_INT(count_calls(), 2);
    CHECK_INT(seen.statuses[1], CREW_EDOMAIN);
    attr.callback = note_call; // of nothing at all there is no call
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, 0, &attr));
    CHECK_OK(crew_result_get(result, LIMIT_S));
    attr.error_callback = NULL; // and none for a failure without an error callback
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT, &attr));
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_EDOMAIN);
    close_pool(pool);
    CHECK_INT(count_calls(), 2);
}

// A get that came too early can be done again, and so can one that was done.
void pol_08(const struct variant *variant)
{
    struct step step = waiting_step(), other = {.number = 4};
    struct answer answers[2];
    crew_iterator iterator;
    crew_pool pool = open_pool(1);
    (void)variant;
    step.number = 7;
    crew_result result = begin_one(pool, &step, &answers[0]);
    CHECK_STATUS(crew_result_get(result, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_result_get(result, 0.01), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_result_wait(result, 0.01), CREW_ETIMEDOUT);
    CHECK_OK(crew_pool_imap(pool, do_step, &other, 1, NULL, &iterator)); // behind it
    CHECK_STATUS(crew_iterator_next(iterator, &answers[1], NULL, 0.01), CREW_ETIMEDOUT);
    let_go(&step);
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_result_get(result, LIMIT_S));
    CHECK_INT(answers[0].square, 49);
    CHECK_OK(crew_iterator_next(iterator, &answers[1], NULL, LIMIT_S));
    CHECK_INT(answers[1].square, 16);
    CHECK_OK(crew_iterator_close(iterator));
    CHECK_OK(crew_result_wait(result, 0));
    CHECK_OK(crew_result_close(result));
    close_pool(pool);
    mark_remove(&step.begun);
    mark_remove(&step.go);
}

// successful() before it is ready is an error.
void pol_09(const struct variant *variant)
{
    struct step step = waiting_step(), bad = {.what = STEP_FAIL, .number = 3};
    struct answer answer, other;
    bool ready = true, successful = false;
    crew_pool pool = open_pool(1);
    (void)variant;
    crew_result result = begin_one(pool, &step, &answer), failed = begin_one(pool, &bad, &other);
    CHECK_OK(crew_result_ready(result, &ready));
    CHECK(!ready);
    CHECK_STATUS(crew_result_successful(result, &successful), CREW_ESTATE);
    let_go(&step);
    CHECK_OK(crew_result_wait(result, LIMIT_S));
    CHECK_OK(crew_result_ready(result, &ready));
    CHECK(ready);
    CHECK_OK(crew_result_successful(result, &successful));
    CHECK(successful);
    CHECK_OK(crew_result_wait(failed, LIMIT_S));
    CHECK_OK(crew_result_successful(failed, &successful));
    CHECK(!successful);
    close_pool(pool);
    mark_remove(&step.begun);
    mark_remove(&step.go);
}

// What a future says of its task: nothing yet, an error with where it was, a cancellation.
void fut_02(const struct variant *variant)
{
    struct step step = waiting_step(), bad = {.what = STEP_FAIL, .number = 3};
    struct answer answers[3];
    crew_result_state state;
    crew_pool pool = open_pool(1);
    (void)variant;
    crew_result running = begin_one(pool, &step, &answers[0]);
    CHECK(mark_wait(&step.begun, 1));
    CHECK_OK(crew_result_get_state(running, &state));
    CHECK(state.running && !state.is_done && !state.is_cancelled);
    CHECK_INT(state.count, 1);
    CHECK_INT(state.done, 0);
    CHECK_STATUS(crew_result_get(running, 0.01), CREW_ETIMEDOUT);
    crew_result failed = begin_one(pool, &bad, &answers[1]);
    let_go(&step);
    CHECK_STATUS(crew_result_get(failed, LIMIT_S), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), "task 0 of do_step: step 3 is no good (PoolWorker-");
    check_names_host();
    CHECK_OK(crew_result_get_state(failed, &state));
    CHECK(state.is_done && !state.running);
    CHECK_INT(state.failed, 1);
    close_pool(pool);
    mark_remove(&step.begun);
    mark_remove(&step.go);
}

static void close_its_result(crew_result result, crew_status status, void *arg)
{
    _Atomic int *calls = arg;
    crew_result_state state;
    CHECK_OK(status);
    CHECK_OK(crew_result_close(result));
    CHECK_STATUS(crew_result_get_state(result, &state), CREW_ENOENT);
    (*calls)++;
}

static void count_call(crew_result result, crew_status status, void *arg)
{
    _Atomic int *calls = arg;
    CHECK(result.id != 0);
    CHECK_OK(status);
    (*calls)++;
}

// Callbacks that close their results, and some are closed meanwhile by the main thread. What comes
// later has its callbacks, all the same.
static void close_while_called(crew_pool pool)
{
    static struct step step = {.number = 2};
    static struct answer answers[30], last;
    static _Atomic int closed, called;
    crew_map_attr attr = {.callback = close_its_result, .callback_arg = &closed};
    closed = called = 0;
    for (int i = 0; i < 30; i++) {
        crew_result result;
        CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answers[i], &attr));
        if (i % 3 == 0)
            CHECK_OK(crew_result_close(result));
        crew_map_attr counted = {.callback = count_call, .callback_arg = &called};
        CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &last, &counted));
        CHECK_OK(crew_result_wait(result, LIMIT_S));
        CHECK_INT(called, i + 1);
        CHECK_OK(crew_result_close(result));
    }
    CHECK(closed >= 20 && closed <= 30);
}

static void count_any(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)status;
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static void fail_inside(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)status;
    CHECK_STATUS(crew_result_get((crew_result){0}, 0), CREW_EINVAL);
    crew_fail(CREW_EDOMAIN, "a callback has failed");
    atomic_fetch_add((_Atomic int *)arg, 1);
}

// A callback in which things go wrong stops nobody: neither the next ones nor the pool.
static void call_with_errors(crew_pool pool)
{
    static struct step steps[2] = {{.number = 2}, {.what = STEP_FAIL}};
    static struct answer answer;
    static _Atomic int failed, called;
    crew_result result;
    failed = called = 0;
    for (int i = 0; i < 2; i++) {
        crew_map_attr attr = {
            .callback = fail_inside, .error_callback = fail_inside, .callback_arg = &failed};
        CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &steps[i], &answer, &attr));
        CHECK_OK(crew_result_add_done_callback(result, fail_inside, &failed));
        CHECK_OK(crew_result_add_done_callback(result, count_any, &called));
        CHECK_STATUS(crew_result_get(result, LIMIT_S), i ? CREW_EDOMAIN : CREW_OK);
        CHECK_INT(failed, 2 * i + 2);
        CHECK_INT(called, i + 1);
    }
}

// A failing callback does not wedge the pool.
void pol_23_callback(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_pool pool = open_pool(2);
    (void)variant;
    call_with_errors(pool);
    plan_steps(steps, COUNT);
    CHECK_OK(crew_pool_map(pool, do_step, steps, answers, COUNT, NULL));
    check_answers(answers, COUNT);
    close_pool(pool);
}

// Several callbacks, in the order in which they were added; one that is added late is called at
// once.
void fut_03(const struct variant *variant)
{
    static int numbers[] = {0, 1, 2, 3};
    struct step step = waiting_step();
    struct answer answer;
    crew_pool pool = open_pool(1);
    (void)variant;
    seen.count = 0;
    crew_result result = begin_one(pool, &step, &answer);
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_result_add_done_callback(result, note_call, &numbers[i]));
    CHECK_INT(count_calls(), 0);
    let_go(&step);
    CHECK_OK(crew_result_wait(result, LIMIT_S));
    CHECK_INT(count_calls(), 3);
    CHECK_OK(crew_result_add_done_callback(result, note_call, &numbers[3]));
    CHECK_INT(count_calls(), 4);
    for (int i = 0; i < 4; i++)
        CHECK_INT(seen.calls[i], i);
    CHECK(seen.was_ready[3]);
    CHECK(pthread_equal(seen.threads[3], pthread_self()));
    CHECK(!pthread_equal(seen.threads[2], pthread_self()));
    call_with_errors(pool);
    close_while_called(pool);
    close_pool(pool);
    CHECK_INT(count_calls(), 4);
    mark_remove(&step.begun);
    mark_remove(&step.go);
}

// A result whose pool is terminated is an error, too, of which others that go on need not wait.
static void lose_one_beside(crew_result other)
{
    struct step lost = waiting_step();
    struct answer answer;
    bool done[2];
    size_t count = 99;
    crew_pool pool = open_pool(1);
    crew_result results[] = {other, begin_one(pool, &lost, &answer)};
    CHECK_STATUS(crew_results_wait(results, 2, CREW_FIRST_ERROR, done, &count, 0), CREW_ETIMEDOUT);
    CHECK_INT(count, 99); // not touched
    CHECK_OK(crew_pool_terminate(pool));
    CHECK_OK(crew_results_wait(results, 2, CREW_FIRST_ERROR, done, &count, LIMIT_S));
    CHECK_INT(count, 1);
    CHECK(!done[0] && done[1]);
    CHECK_STATUS(crew_result_get(results[1], 0), CREW_ECANCELED);
    close_pool(pool);
    mark_remove(&lost.begun);
    mark_remove(&lost.go);
}

// The first, the first error, or all; those that are not done are told apart.
void fut_04(const struct variant *variant)
{
    struct step slow = waiting_step(), fast = {.number = 2}, bad = {.what = STEP_FAIL, .number = 3};
    struct answer answers[3];
    bool done[3] = {true, true, true};
    size_t count = 99;
    crew_pool pool = open_pool(2);
    (void)variant;
    crew_result results[] = {begin_one(pool, &slow, &answers[0]),
                             begin_one(pool, &fast, &answers[1])};
    CHECK_OK(crew_results_wait(results, 2, CREW_FIRST_COMPLETED, done, &count, LIMIT_S));
    CHECK_INT(count, 1);
    CHECK(!done[0] && done[1]);
    done[0] = true;
    count = 99;
    CHECK_STATUS(crew_results_wait(results, 2, CREW_ALL_COMPLETED, done, &count, 0.01),
                 CREW_ETIMEDOUT);
    CHECK(done[0] && done[1] && count == 99); // not touched
    CHECK_STATUS(crew_results_wait(results, 2, CREW_FIRST_ERROR, NULL, NULL, 0.01), CREW_ETIMEDOUT);
    crew_result three[] = {results[0], begin_one(pool, &bad, &answers[2]), results[1]};
    CHECK_OK(crew_results_wait(three, 3, CREW_FIRST_ERROR, done, &count, LIMIT_S));
    CHECK_INT(count, 2);
    CHECK(!done[0] && done[1] && done[2]);
    crew_waitable waitable;
    bool ready = true;
    CHECK_OK(crew_result_waitable(results[0], &waitable));
    CHECK_STATUS(crew_wait(&waitable, 1, &ready, &count, 0.01), CREW_ETIMEDOUT);
    lose_one_beside(results[0]);
    let_go(&slow);
    CHECK_OK(crew_results_wait(three, 3, CREW_ALL_COMPLETED, done, &count, LIMIT_S));
    CHECK_INT(count, 3);
    CHECK_OK(crew_wait(&waitable, 1, &ready, &count, LIMIT_S));
    CHECK(ready);
    CHECK_OK(crew_results_wait(NULL, 0, CREW_ALL_COMPLETED, NULL, &count, 0));
    CHECK_INT(count, 0);
    close_pool(pool);
    mark_remove(&slow.begun);
    mark_remove(&slow.go);
}

// A time for all of them: what is done in it is returned, and what is left has no more.
static void next_until(crew_pool pool, double end)
{
    struct step slow = waiting_step(), fast = {.number = 2};
    struct answer answers[2];
    bool returned[2] = {0};
    size_t index = 99;
    crew_result results[] = {begin_one(pool, &slow, &answers[0]),
                             begin_one(pool, &fast, &answers[1])};
    CHECK_OK(crew_result_wait(results[1], LIMIT_S));
    CHECK_OK(crew_results_next(results, 2, returned, &index, 0));
    CHECK_INT(index, 1);
    double left = end - check_now();
    CHECK_STATUS(crew_results_next(results, 2, returned, &index, left > 0 ? left : 0),
                 CREW_ETIMEDOUT);
    CHECK(check_now() >= end - 0.01);
    let_go(&slow);
    CHECK_OK(crew_result_wait(results[0], LIMIT_S));
    mark_remove(&slow.begun);
    mark_remove(&slow.go);
}

// In the order in which they are done, and one that stands there twice once.
void fut_05(const struct variant *variant)
{
    struct step first = waiting_step(), second = waiting_step();
    struct answer answers[2];
    bool returned[3] = {0};
    size_t index = 99;
    crew_pool pool = open_pool(2);
    (void)variant;
    crew_result one = begin_one(pool, &first, &answers[0]),
                two = begin_one(pool, &second, &answers[1]), results[] = {one, two, one};
    CHECK_STATUS(crew_results_next(results, 3, returned, &index, 0.01), CREW_ETIMEDOUT);
    let_go(&second);
    CHECK_OK(crew_results_next(results, 3, returned, &index, LIMIT_S));
    CHECK_INT(index, 1);
    let_go(&first);
    CHECK_OK(crew_result_wait(one, LIMIT_S));
    CHECK_OK(crew_results_next(results, 3, returned, &index, LIMIT_S));
    CHECK_INT(index, 0);
    CHECK_STATUS(crew_results_next(results, 3, returned, &index, LIMIT_S), CREW_EOF);
    next_until(pool, check_now() + 0.05);
    memset(returned, 0, sizeof returned); // both are done now
    CHECK_OK(crew_results_next(results, 3, returned, &index, 0));
    CHECK_INT(index, 1);
    close_pool(pool);
    mark_remove(&first.begun);
    mark_remove(&first.go);
    mark_remove(&second.begun);
    mark_remove(&second.go);
}

// Takes all results as they are done, and closes each; how many came.
static size_t take_and_close(const crew_result *results, size_t count, bool *returned)
{
    size_t index = 0, taken = 0;
    crew_status status;
    while ((status = crew_results_next(results, count, returned, &index, LIMIT_S)) == CREW_OK) {
        CHECK_OK(crew_result_get(results[index], 0));
        CHECK_OK(crew_result_close(results[index]));
        taken++;
    }
    CHECK_INT(status, CREW_EOF);
    return taken;
}

// What was returned may be closed, and the others come all the same. One that was closed before is
// an error that names it.
void fut_05_close(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    crew_result results[COUNT];
    bool returned[COUNT] = {0};
    size_t index = 0;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, COUNT);
    for (int i = 0; i < COUNT; i++)
        results[i] = begin_one(pool, &steps[i], &answers[i]);
    CHECK_INT(take_and_close(results, COUNT, returned), COUNT);
    check_answers(answers, COUNT);
    returned[7] = false;
    CHECK_STATUS(crew_results_next(results, COUNT, returned, &index, LIMIT_S), CREW_ENOENT);
    CHECK(strstr(crew_error_message(), "result 7 of 40") != NULL);
    CHECK(!returned[7]);
    close_pool(pool);
}

// Results that change their places meanwhile, or are others: each is returned once.
void fut_05_moved(const struct variant *variant)
{
    static struct step steps[3 * COUNT];
    static struct answer answers[3 * COUNT];
    crew_result results[COUNT];
    bool returned[COUNT] = {0};
    crew_pool pools[] = {open_pool(1), open_pool(2)};
    size_t index = 0, count = COUNT, begun = COUNT;
    (void)variant;
    plan_steps(steps, 3 * COUNT);
    for (size_t i = 0; i < COUNT; i++)
        results[i] = begin_one(pools[i % 2], &steps[i], &answers[i]);
    while (count && CHECK_OK(crew_results_next(results, count, returned, &index, LIMIT_S))) {
        CHECK_OK(crew_result_get(results[index], 0));
        CHECK_OK(crew_result_close(results[index]));
        returned[index] = false;
        if (begun < 3 * COUNT) {
            results[index] = begin_one(pools[begun / COUNT - 1], &steps[begun], &answers[begun]);
            begun++;
        } else {
            results[index] = results[--count];
        }
    }
    check_answers(answers, 3 * COUNT);
    close_pool(pools[0]);
    close_pool(pools[1]);
}

// Many, each looked at a few times: with a look at all of them for each this takes minutes.
void fut_05_many(const struct variant *variant)
{
    enum { MANY = 10000 };
    static struct step steps[MANY];
    static struct answer answers[MANY];
    static crew_result results[MANY];
    static bool returned[MANY];
    crew_pool pool = open_pool(2);
    size_t count = 0;
    (void)variant;
    plan_steps(steps, MANY);
    memset(returned, 0, sizeof returned);
    for (int i = 0; i < MANY; i++)
        results[i] = begin_one(pool, &steps[i], &answers[i]);
    CHECK_OK(crew_results_wait(results, MANY, CREW_FIRST_COMPLETED, NULL, &count, LIMIT_S));
    CHECK(count > 0);
    CHECK_INT(take_and_close(results, MANY, returned), MANY);
    check_answers(answers, MANY);
    close_pool(pool);
}

static struct {
    crew_result other;
    crew_status got, waited, other_got;
    bool ready;
    long square;
    const struct answer *answer;
} inside;

// The result is there for its own callback, and so is another one whose callbacks come later.
static void ask_inside(crew_result result, crew_status status, void *arg)
{
    CHECK_INT(status, CREW_OK);
    inside.waited = crew_result_wait(result, LIMIT_S);
    inside.got = crew_result_get(result, CREW_FOREVER);
    inside.square = inside.answer->square;
    CHECK_OK(crew_result_ready(result, &inside.ready));
    inside.other_got = crew_result_get(inside.other, LIMIT_S);
    struct step step = {.number = 5};
    struct answer answer = {0};
    CHECK_OK(crew_pool_apply(*(const crew_pool *)arg, do_step, &step, &answer));
    CHECK_INT(answer.square, 25);
    CHECK_OK(crew_result_close(result));
}

void fut_03_inside(const struct variant *variant)
{
    static struct answer answers[2];
    static int number = 7;
    struct step first = waiting_step(), second = {.number = 3};
    crew_pool pool = open_pool(2);
    (void)variant;
    seen.count = 0;
    first.number = 4;
    crew_result one = begin_one(pool, &first, &answers[0]);
    inside.answer = &answers[0];
    inside.got = inside.waited = inside.other_got = CREW_EFAILED;
    CHECK_OK(crew_result_add_done_callback(one, ask_inside, &pool));
    inside.other = begin_one(pool, &second, &answers[1]);
    CHECK_OK(crew_result_add_done_callback(inside.other, note_call, &number));
    let_go(&first);
    crew_status waited = crew_result_wait(one, LIMIT_S);
    CHECK(waited == CREW_OK || waited == CREW_ENOENT); // its callback closes it meanwhile
    CHECK_OK(crew_result_get(inside.other, LIMIT_S));
    CHECK_INT(count_calls(), 1);
    close_pool(pool);
    CHECK_INT(inside.got, CREW_OK);
    CHECK_INT(inside.waited, CREW_OK);
    CHECK_INT(inside.other_got, CREW_OK);
    CHECK_INT(inside.square, 16);
    CHECK(inside.ready);
    mark_remove(&first.begun);
    mark_remove(&first.go);
}

// Which tasks failed, where and why, in order.
void result_errors(const struct variant *variant)
{
    static struct step steps[COUNT];
    static struct answer answers[COUNT];
    static crew_task_error errors[3];
    crew_result result;
    size_t count = 0;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, COUNT);
    steps[31].what = steps[5].what = steps[17].what = steps[39].what = STEP_FAIL;
    CHECK_OK(crew_pool_map_async(pool, &result, do_step, steps, answers, COUNT, NULL));
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_EDOMAIN);
    CHECK_OK(crew_result_errors(result, errors, 3, &count));
    CHECK_INT(count, 4);
    static const int indices[] = {5, 17, 31};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(errors[i].index, indices[i]);
        CHECK_INT(errors[i].status, CREW_EDOMAIN);
        CHECK_INT(errors[i].attempts, 1);
        CHECK_TEXT(errors[i].host, crew_rank_host(errors[i].rank));
        CHECK_CONTAINS(errors[i].worker, "PoolWorker-");
        CHECK_CONTAINS(errors[i].message, "is no good");
        CHECK(errors[i].pid > 0);
    }
    CHECK_OK(crew_result_errors(result, NULL, 0, &count));
    CHECK_INT(count, 4);
    close_pool(pool);
}

// A crash says by what signal, and where it was. (A sanitizer says it in its own way.)
void result_crash(const struct variant *variant)
{
    struct step step = {.what = STEP_ABORT_ONCE, .begun = mark_new()};
    struct answer answer;
    crew_task_error error;
    crew_result result;
    size_t count;
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_apply_async(pool, &result, do_step, &step, &answer, NULL));
    CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_EWORKERDIED);
    CHECK_CONTAINS(crew_error_message(), "was killed by signal 6 (SIGABRT)");
    CHECK_OK(crew_result_errors(result, &error, 1, &count));
    CHECK_INT(count, 1);
    CHECK_INT(error.signal, 6);
#ifndef CREW_TESTS_SANITIZED
    CHECK_CONTAINS(error.backtrace, "abort");
    CHECK_CONTAINS(error.backtrace, " in the program\n");
#endif
    close_pool(pool);
    mark_remove(&step.begun);
}
