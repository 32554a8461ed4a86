// SPDX-License-Identifier: BSD-3-Clause
// Conditions: who is notified.
#include "sync_cases.h"

#include "check.h"

#define WAITERS 3

static void notify(crew_condition condition, long count)
{
    CHECK_OK(crew_condition_acquire(condition, CREW_FOREVER));
    CHECK_OK(count > 0 ? crew_condition_notify(condition, count)
                       : crew_condition_notify_all(condition));
    CHECK_OK(crew_condition_release(condition));
}

// Processes that wait, one after the other: who has marked it has the lock, and waits when somebody
// else gets it.
static void launch_waiters(const struct variant *variant, struct sync_job *job,
                           crew_process *processes, int count)
{
    for (job->number = 0; job->number < count; job->number++) {
        struct variant place = nth(variant, job->number);
        processes[job->number] = launch(&place, wait_on_condition, job, sizeof *job);
        mark_wait(&job->mark, job->number + 1);
        CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
        CHECK_OK(crew_condition_release(job->condition));
    }
}

static void notify_some(const struct variant *variant, int first, int rest, const char *lines)
{
    crew_process processes[WAITERS];
    struct sync_job job = new_job(SORT_CONDITION);
    notify(job.condition, 1); // nobody waits: it is forgotten
    notify(job.condition, 0);
    launch_waiters(variant, &job, processes, WAITERS);
    notify(job.condition, first);
    mark_wait(&job.answer, first);
    check_sleep(SHORT_S);
    expect_lines(&job.answer, lines);
    notify(job.condition, rest);
    for (int i = 0; i < WAITERS; i++)
        CHECK_INT(finish(processes[i]), 0);
    expect_lines(&job.answer, "0\n1\n2\n");
    CHECK_OK(
        crew_condition_acquire(job.condition, CREW_FOREVER)); // more than waited: forgotten, too
    CHECK_STATUS(crew_condition_wait(job.condition, SHORT_S), CREW_ETIMEDOUT);
    CHECK_OK(crew_condition_release(job.condition));
    end_job(&job);
}

void syn_09(const struct variant *variant)
{
    notify_some(variant, 1, 0, "0\n");
    notify_some(variant, 2, 7, "0\n1\n");
}

static int give_up(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    mark_set(&job->mark, "waiting");
    CHECK_STATUS(crew_condition_wait(job->condition, SHORT_S), CREW_ETIMEDOUT);
    CHECK_OK(crew_condition_release(job->condition));
    mark_set(&job->mark, "gave up");
    return check_result();
}

void syn_10(const struct variant *variant)
{
    crew_process waiter;
    struct sync_job job = new_job(SORT_CONDITION);
    struct variant other = beside(variant);
    CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER)); // the caller, too, gives up
    CHECK_STATUS(crew_condition_wait(job.condition, 0.001), CREW_ETIMEDOUT);
    CHECK_OK(crew_condition_release(job.condition));
    crew_process process = launch(variant, give_up, &job, sizeof job);
    mark_wait(&job.mark, 1);
    job.number = 7;
    waiter = launch(&other, wait_on_condition, &job, sizeof job);
    mark_wait(&job.mark, 3);
    notify(job.condition, 1);
    CHECK_INT(finish(waiter), 0);
    expect_lines(&job.answer, "7\n");
    CHECK_INT(finish(process), 0);
    end_job(&job);
}

// Notifies at the moment in which a wait gives up. One waits for a short time, behind it one for
// ever; each notify wakes one of them, whichever.

enum { IMPATIENT, PATIENT, STATES };
enum { STATE_BEGIN, STATE_WAITS, STATE_NOTIFIED, STATE_GAVE_UP };

static int wait_in_rounds(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
        cells[job->number] = STATE_WAITS;
        crew_status status = job->number == PATIENT
                                 ? crew_condition_wait(job->condition, CREW_FOREVER)
                                 : crew_condition_wait(job->condition, 2e-4 * i);
        CHECK(status == CREW_OK || (status == CREW_ETIMEDOUT && job->number == IMPATIENT));
        cells[job->number] = status == CREW_OK ? STATE_NOTIFIED : STATE_GAVE_UP;
        CHECK_OK(crew_condition_release(job->condition));
        CHECK_OK(crew_barrier_wait(job->barrier, NULL, CREW_FOREVER));
    }
    cells_unmap(cells);
    return check_result();
}

// Waits until both are past one of their states, and returns with the lock.
static void acquire_when_past(const struct sync_job *job, volatile int *cells, int impatient,
                              int patient)
{
    double begin = check_now();
    for (;;) {
        CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
        if (cells[IMPATIENT] > impatient && cells[PATIENT] > patient)
            return;
        if (!CHECK(check_now() - begin < LIMIT_S))
            return;
        CHECK_OK(crew_condition_release(job->condition));
        check_sleep(0.0005);
    }
}

static void notify_in_rounds(const struct sync_job *job, volatile int *cells)
{
    for (int i = 0; i < job->count; i++) {
        acquire_when_past(job, cells, STATE_BEGIN, STATE_BEGIN);
        CHECK_OK(crew_condition_notify(job->condition, 1));
        CHECK_OK(crew_condition_release(job->condition));
        acquire_when_past(job, cells, STATE_WAITS, STATE_BEGIN);
        if (cells[IMPATIENT] == STATE_NOTIFIED) {
            CHECK_INT(cells[PATIENT], STATE_WAITS);
            CHECK_OK(crew_condition_notify(job->condition, 1));
        }
        CHECK_OK(crew_condition_release(job->condition));
        acquire_when_past(job, cells, STATE_WAITS, STATE_WAITS);
        cells[IMPATIENT] = cells[PATIENT] = STATE_BEGIN;
        CHECK_OK(crew_condition_release(job->condition));
        CHECK_OK(crew_barrier_wait(job->barrier, NULL, CREW_FOREVER));
    }
}

void sync_notify_race(const struct variant *variant)
{
    crew_process processes[STATES];
    struct sync_job job = new_job(SORT_CONDITION);
    volatile int *cells = cells_map(&job.memory);
    CHECK_OK(crew_barrier_create(&job.barrier, STATES + 1, NULL));
    job.count = 12;
    for (job.number = 0; job.number < STATES; job.number++) {
        struct variant place = nth(variant, job.number);
        processes[job.number] = launch(&place, wait_in_rounds, &job, sizeof job);
    }
    notify_in_rounds(&job, cells);
    for (int i = 0; i < STATES; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_OK(crew_barrier_close(job.barrier));
    cells_unmap(cells);
    end_job(&job);
}

// A bounded buffer: two conditions that share a lock, as in every textbook.

#define ROOM 3
enum { CELL_COUNT = ROOM, CELL_IN, CELL_OUT, CELL_SUM, CELL_TAKEN };

static int produce(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 1; i <= job->count; i++) {
        CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
        while (cells[CELL_COUNT] == ROOM)
            CHECK_OK(crew_condition_wait(job->condition, CREW_FOREVER));
        cells[cells[CELL_IN]] = i;
        cells[CELL_IN] = (cells[CELL_IN] + 1) % ROOM;
        cells[CELL_COUNT] = cells[CELL_COUNT] + 1;
        CHECK_OK(crew_condition_notify(job->other, 1));
        CHECK_OK(crew_condition_release(job->condition));
    }
    cells_unmap(cells);
    return check_result();
}

static int consume(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(acquire(job));
        while (cells[CELL_COUNT] == 0)
            CHECK_OK(crew_condition_wait(job->other, CREW_FOREVER));
        volatile int *taken = &cells[cells[CELL_OUT]];
        CHECK(*taken > 0);
        cells[CELL_SUM] = cells[CELL_SUM] + *taken;
        *taken = 0;
        cells[CELL_OUT] = (cells[CELL_OUT] + 1) % ROOM;
        cells[CELL_COUNT] = cells[CELL_COUNT] - 1;
        CHECK_OK(crew_condition_notify(job->condition, 1));
        CHECK_OK(release(job));
    }
    cells_unmap(cells);
    return check_result();
}

static void use_buffer(const struct variant *variant, enum sort lock)
{
    crew_process processes[4];
    struct sync_job job = new_job(lock);
    volatile int *cells = cells_map(&job.memory);
    crew_condition_attr attr = {.lock = job.lock, .rlock = job.rlock};
    CHECK_OK(crew_condition_create(&job.condition, &attr)); // there is room
    CHECK_OK(crew_condition_create(&job.other, &attr));     // there is something
    CHECK(job.condition.lock == job.other.lock && job.condition.number != job.other.number);
    job.count = 40;
    for (int i = 0; i < 4; i++) {
        struct variant place = nth(variant, i);
        processes[i] = launch(&place, i % 2 ? produce : consume, &job, sizeof job);
    }
    for (int i = 0; i < 4; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_INT(cells[CELL_COUNT], 0);
    CHECK_INT(cells[CELL_SUM], job.count * (job.count + 1));
    CHECK_OK(crew_condition_close(job.condition));
    CHECK_OK(crew_condition_close(job.other));
    cells_unmap(cells);
    end_job(&job);
}

void sync_buffer(const struct variant *variant)
{
    use_buffer(variant, SORT_LOCK);
    use_buffer(variant, SORT_RLOCK);
}
