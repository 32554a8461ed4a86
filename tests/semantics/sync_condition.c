// SPDX-License-Identifier: BSD-3-Clause
// Conditions: waiting, with each sort of lock.
#include "sync_cases.h"

#include "check.h"

// A condition with its own lock, or with that of the job.
static struct sync_job new_condition(enum sort lock)
{
    if (lock == SORT_CONDITION)
        return new_job(SORT_CONDITION);
    struct sync_job job = new_job(lock);
    crew_condition_attr attr = {.lock = job.lock, .rlock = job.rlock};
    CHECK_OK(crew_condition_create(&job.condition, &attr));
    return job;
}

static void end_condition(const struct sync_job *job)
{
    if (job->sort != SORT_CONDITION) {
        CHECK_OK(crew_condition_close(job->condition));
        expect_free(job); // the lock stays open
    }
    end_job(job);
}

#define LOCKS 3
static const enum sort locks[LOCKS] = {SORT_LOCK, SORT_RLOCK, SORT_CONDITION};

static bool is_never_asked(void *arg)
{
    *(int *)arg += 1;
    return true;
}

static int do_without_lock(void *arg)
{
    const struct sync_job *job = arg;
    int asked = 0;
    bool result = false;
    CHECK_STATUS(crew_condition_wait(job->condition, CREW_FOREVER), CREW_EPERM);
    CHECK_STATUS(crew_condition_wait(job->condition, LIMIT_S), CREW_EPERM);
    CHECK_STATUS(crew_condition_wait(job->condition, 0), CREW_EPERM);
    CHECK_STATUS(crew_condition_wait_for(job->condition, is_never_asked, &asked, &result, LIMIT_S),
                 CREW_EPERM);
    CHECK_STATUS(crew_condition_notify(job->condition, 1), CREW_EPERM);
    CHECK_STATUS(crew_condition_notify_all(job->condition), CREW_EPERM);
    CHECK_INT(asked, 0);
    CHECK(!result);
    return check_result();
}

void syn_07(const struct variant *variant)
{
    for (int i = 0; i < LOCKS; i++) {
        struct sync_job job = new_condition(locks[i]);
        CHECK_INT(do_without_lock(&job), check_result());
        CHECK_INT(finish(launch(variant, do_without_lock, &job, sizeof job)), 0);
        CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER)); // another one has it
        CHECK_INT(finish(launch(variant, do_without_lock, &job, sizeof job)), 0);
        CHECK_OK(crew_condition_notify(job.condition, 1));
        CHECK_OK(crew_condition_notify_all(job.condition));
        CHECK_STATUS(crew_condition_wait(job.condition, 0), CREW_ETIMEDOUT);
        CHECK_OK(crew_condition_release(job.condition));
        CHECK_INT(do_without_lock(&job), check_result());
        end_condition(&job);
    }
}

static int wait_and_hold(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    for (struct timing timing = {0}; CHECK_TIMED(&timing, MEASURED_S);)
        CHECK_STATUS(crew_condition_wait(job->condition, MEASURED_S), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_condition_wait(job->condition, -1), CREW_ETIMEDOUT);
    CHECK_OK(crew_condition_notify_all(job->condition)); // still has the lock
    mark_set(&job->mark, "waiting");
    CHECK_OK(job->number == 0 ? crew_condition_wait(job->condition, CREW_FOREVER)
                              : crew_condition_wait(job->condition, LIMIT_S));
    CHECK_OK(crew_condition_notify_all(job->condition)); // has it again
    mark_set(&job->mark, "notified");
    mark_wait(&job->answer, 1);
    CHECK_OK(crew_condition_release(job->condition));
    CHECK_STATUS(crew_condition_notify_all(job->condition), CREW_EPERM);
    return check_result();
}

void syn_08(const struct variant *variant)
{
    for (int i = 0; i < LOCKS; i++) {
        struct sync_job job = new_condition(locks[i]);
        job.number = i % 2;
        crew_process process = launch(variant, wait_and_hold, &job, sizeof job);
        mark_wait(&job.mark, 1);
        CHECK_OK(crew_condition_acquire(job.condition, LIMIT_S)); // a wait releases it
        CHECK_OK(crew_condition_notify(job.condition, 1));
        check_sleep(SHORT_S);
        expect_lines(&job.mark, "waiting\n"); // goes on when it gets the lock
        CHECK_OK(crew_condition_release(job.condition));
        mark_wait(&job.mark, 2);
        CHECK_STATUS(crew_condition_acquire(job.condition, 0), CREW_ETIMEDOUT);
        mark_set(&job.answer, "release");
        CHECK_INT(finish(process), 0);
        CHECK_OK(crew_condition_acquire(job.condition, LIMIT_S));
        CHECK_OK(crew_condition_release(job.condition));
        end_condition(&job);
    }
}

// Predicates

struct question {
    volatile int *cells; // [0]: how many have to be there, [1]: how many are
    int asked;
};

static bool is_enough(void *arg)
{
    struct question *question = arg;
    question->asked++;
    return question->cells[1] >= question->cells[0];
}

static void ask_without_waiting(crew_condition condition, volatile int *cells)
{
    struct question question = {cells, 0};
    bool result = false;
    cells[0] = cells[1] = 0;
    CHECK_OK(crew_condition_wait_for(condition, is_enough, &question, &result, CREW_FOREVER));
    CHECK(result);
    CHECK_INT(question.asked, 1);
    CHECK_OK(crew_condition_wait_for(condition, is_enough, &question, NULL, 0));
    CHECK_INT(question.asked, 2);
    CHECK_OK(crew_condition_wait_for(condition, is_enough, &question, &result, -1));
    cells[0] = 1;
    CHECK_STATUS(crew_condition_wait_for(condition, is_enough, &question, &result, 0),
                 CREW_ETIMEDOUT);
    CHECK(!result);
    question.asked = 0;
    for (struct timing timing = {0}; CHECK_TIMED(&timing, MEASURED_S);)
        CHECK_STATUS(crew_condition_wait_for(condition, is_enough, &question, NULL, MEASURED_S),
                     CREW_ETIMEDOUT);
    CHECK(question.asked >= 1);
}

// The first wait gets notifies all the time, and never what it waits for.
static int wait_for_enough(void *arg)
{
    const struct sync_job *job = arg;
    struct question question = {cells_map(&job->memory), 0};
    bool result = true;
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    ask_without_waiting(job->condition, question.cells);
    question.cells[0] = 1000;
    mark_set(&job->mark, "asking");
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 2 * MEASURED_S);)
        CHECK_STATUS(
            crew_condition_wait_for(job->condition, is_enough, &question, &result, 2 * MEASURED_S),
            CREW_ETIMEDOUT);
    CHECK(!result);
    question.cells[0] = 5;
    question.cells[1] = question.asked = 0;
    question.cells[2] = 1;
    CHECK_OK(crew_condition_wait_for(job->condition, is_enough, &question, &result, CREW_FOREVER));
    CHECK(result);
    CHECK_INT(question.cells[1], 5);
    CHECK(question.asked >= 2 && question.asked <= 6); // at first, and after notifies
    CHECK_OK(crew_condition_release(job->condition));
    CHECK_STATUS(crew_condition_release(job->condition), CREW_EPERM);
    cells_unmap(question.cells);
    return check_result();
}

void syn_11(const struct variant *variant)
{
    struct sync_job job = new_job(SORT_CONDITION);
    volatile int *cells = cells_map(&job.memory);
    crew_process process = launch(variant, wait_for_enough, &job, sizeof job);
    mark_wait(&job.mark, 1);
    double begin = check_now();
    int last = 0;
    while (last < 5 && check_now() - begin < LIMIT_S) {
        CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER));
        if (cells[2])
            cells[1] = ++last;
        CHECK_OK(crew_condition_notify(job.condition, 1));
        CHECK_OK(crew_condition_release(job.condition));
        check_sleep(0.001);
    }
    CHECK_INT(finish(process), 0);
    cells_unmap(cells);
    end_job(&job);
}

// Depth

static void expect_depth(crew_condition condition, int depth)
{
    for (int i = 0; i < depth; i++)
        CHECK_OK(crew_condition_release(condition));
    CHECK_STATUS(crew_condition_release(condition), CREW_EPERM);
}

static void acquire_deep(crew_condition condition, int depth)
{
    for (int i = 0; i < depth; i++)
        CHECK_OK(crew_condition_acquire(condition, CREW_FOREVER));
}

static int wait_deep(void *arg)
{
    const struct sync_job *job = arg;
    acquire_deep(job->condition, job->count);
    CHECK_STATUS(crew_condition_wait(job->condition, SHORT_S), CREW_ETIMEDOUT);
    expect_depth(job->condition, job->count);
    acquire_deep(job->condition, job->count);
    mark_set(&job->mark, "waiting");
    CHECK_OK(crew_condition_wait(job->condition, CREW_FOREVER));
    mark_set(&job->mark, "notified");
    mark_wait(&job->answer, 1);
    expect_depth(job->condition, job->count);
    return check_result();
}

void syn_12(const struct variant *variant)
{
    for (int i = 1; i < LOCKS; i++) {
        struct sync_job job = new_condition(locks[i]);
        job.count = 5;
        crew_process process = launch(variant, wait_deep, &job, sizeof job);
        mark_wait(&job.mark, 1);
        acquire_deep(job.condition, 2); // a wait releases it wholly
        CHECK_OK(crew_condition_notify_all(job.condition));
        expect_depth(job.condition, 2);
        mark_wait(&job.mark, 2);
        CHECK_STATUS(crew_condition_acquire(job.condition, 0), CREW_ETIMEDOUT);
        mark_set(&job.answer, "release");
        CHECK_INT(finish(process), 0);
        end_condition(&job);
    }
}
