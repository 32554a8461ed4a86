// SPDX-License-Identifier: BSD-3-Clause
// Processes that end while they wait: as if they had never come, and a barrier breaks.
#include "sync_cases.h"

#include "check.h"

#define PARTIES 3

static int wait_at_barrier(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_STATUS(crew_barrier_wait(job->barrier, NULL, LIMIT_S),
                 job->number ? CREW_EBROKEN : CREW_OK);
    return check_result();
}

static int pass_and_stay(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_barrier_wait(job->barrier, NULL, LIMIT_S));
    mark_set(&job->mark, "passed");
    return run_until_ended(NULL);
}

// One that has passed does no harm any more.
static void pass_and_die(const struct variant *variant, const struct sync_job *job)
{
    struct variant other = beside(variant);
    crew_process doomed = launch(variant, pass_and_stay, job, sizeof *job);
    await_waiting(job->barrier, 1);
    crew_process process = launch(&other, wait_at_barrier, job, sizeof *job);
    await_waiting(job->barrier, 2);
    CHECK_OK(crew_barrier_wait(job->barrier, NULL, LIMIT_S));
    CHECK_INT(finish(process), 0);
    mark_wait(&job->mark, 1);
    destroy(variant, doomed);
    expect_state(job->barrier, PARTIES, 0, false);
}

void syn_22(const struct variant *variant)
{
    struct sync_job job = new_marks();
    struct variant other = beside(variant);
    CHECK_OK(crew_barrier_create(&job.barrier, PARTIES, NULL));
    for (int i = 0; i < 2; i++) { // the first one to arrive, and a later one
        job.number = 1;
        struct variant first = i ? other : *variant, second = i ? *variant : other;
        crew_process one = launch(&first, wait_at_barrier, &job, sizeof job);
        await_waiting(job.barrier, 1);
        crew_process two = launch(&second, wait_at_barrier, &job, sizeof job);
        await_waiting(job.barrier, 2);
        double begin = check_now();
        destroy(variant, i ? two : one);
        CHECK_INT(finish(i ? one : two), 0);
        CHECK_SECONDS(begin, 0, LIMIT_S);
        expect_state(job.barrier, PARTIES, 0, true);
        CHECK_STATUS(crew_barrier_wait(job.barrier, NULL, CREW_FOREVER), CREW_EBROKEN);
        CHECK_OK(crew_barrier_reset(job.barrier));
        expect_state(job.barrier, PARTIES, 0, false);
    }
    job.number = 0;
    pass_and_die(variant, &job); // it takes all parties again
    CHECK_OK(crew_barrier_close(job.barrier));
    end_marks(&job);
}

static crew_status act_for_ever(void *arg)
{
    mark_set(arg, "acting");
    run_until_ended(NULL);
    return CREW_OK;
}

// The last one to arrive ends in the action.
static void lose_actor(const struct variant *variant)
{
    struct sync_job job = new_marks();
    struct variant other = beside(variant);
    crew_barrier_attr attr = {
        .action = act_for_ever, .arg = &job.mark, .arg_size = sizeof job.mark};
    CHECK_OK(crew_barrier_create(&job.barrier, 2, &attr));
    job.number = 1;
    crew_process waiter = launch(&other, wait_at_barrier, &job, sizeof job);
    await_waiting(job.barrier, 1);
    crew_process process = launch(variant, wait_at_barrier, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK(is_alive(waiter));
    destroy(variant, process);
    CHECK_INT(finish(waiter), 0);
    expect_state(job.barrier, 2, 0, true);
    CHECK_OK(crew_barrier_close(job.barrier));
    end_marks(&job);
}

// Events, conditions, semaphores

static int wait_for_event(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_OK(crew_event_wait(job->event, CREW_FOREVER));
    return check_result();
}

static void lose_event_waiter(const struct variant *variant)
{
    struct sync_job job = new_marks();
    struct variant other = beside(variant);
    CHECK_OK(crew_event_create(&job.event, NULL));
    crew_process doomed = launch(variant, wait_for_event, &job, sizeof job);
    mark_wait(&job.mark, 1);
    crew_process process = launch(&other, wait_for_event, &job, sizeof job);
    mark_wait(&job.mark, 2);
    check_sleep(SHORT_S);
    destroy(variant, doomed);
    CHECK(is_alive(process));
    CHECK_OK(crew_event_set(job.event));
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_event_wait(job.event, 0));
    CHECK_OK(crew_event_close(job.event));
    end_marks(&job);
}

// A notify for one is for one that is there, whatever the order in which they came.
static void lose_condition_waiter(const struct variant *variant, int doomed, bool all)
{
    enum { WAITERS = 2 };
    crew_process processes[WAITERS];
    struct sync_job job = new_job(SORT_CONDITION);
    struct variant other = beside(variant);
    for (job.number = 0; job.number < WAITERS; job.number++) {
        const struct variant *place = job.number == doomed ? variant : &other;
        processes[job.number] = launch(place, wait_on_condition, &job, sizeof job);
        mark_wait(&job.mark, job.number + 1);
        CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER)); // when it waits
        CHECK_OK(crew_condition_release(job.condition));
    }
    destroy(variant, processes[doomed]);
    CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER));
    CHECK_OK(all ? crew_condition_notify_all(job.condition)
                 : crew_condition_notify(job.condition, 1));
    CHECK_OK(crew_condition_release(job.condition));
    CHECK_INT(finish(processes[1 - doomed]), 0);
    expect_lines(&job.answer, doomed ? "0\n" : "1\n");
    expect_free(&job);
    end_job(&job);
}

void syn_23(const struct variant *variant)
{
    lose_event_waiter(variant);
    lose_condition_waiter(variant, 0, false);
    lose_condition_waiter(variant, 1, false);
    lose_condition_waiter(variant, 0, true);
}

// Ends between the notify and its turn: the notify goes to the next.
static void lose_notified(const struct variant *variant)
{
    crew_process processes[2];
    struct sync_job job = new_job(SORT_CONDITION);
    struct variant other = beside(variant);
    for (job.number = 0; job.number < 2; job.number++) {
        const struct variant *place = job.number == 0 ? variant : &other;
        processes[job.number] = launch(place, wait_on_condition, &job, sizeof job);
        mark_wait(&job.mark, job.number + 1);
        CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER));
        CHECK_OK(crew_condition_release(job.condition));
    }
    CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER));
    CHECK_OK(crew_condition_notify(job.condition, 1));
    destroy(variant, processes[0]);
    CHECK_OK(crew_condition_release(job.condition));
    CHECK_INT(finish(processes[1]), 0);
    expect_lines(&job.answer, "1\n");
    expect_free(&job);
    end_job(&job);
}

static int wait_for_turn(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_OK(acquire_timed(job, LIMIT_S));
    if (job->number == 0)
        return run_until_ended(NULL);
    CHECK_OK(release(job));
    return check_result();
}

// What was on its way to one that has ended goes to the next.
static void lose_waiter(const struct variant *variant)
{
    for (enum sort sort = 0; sort < SORTS; sort++) {
        struct sync_job job = new_job(sort);
        struct variant other = beside(variant);
        CHECK_OK(acquire(&job));
        crew_process doomed = launch(variant, wait_for_turn, &job, sizeof job);
        mark_wait(&job.mark, 1);
        check_sleep(SHORT_S);
        job.number = 1;
        crew_process process = launch(&other, wait_for_turn, &job, sizeof job);
        mark_wait(&job.mark, 2);
        destroy(variant, doomed);
        CHECK_OK(release(&job));
        CHECK_INT(finish(process), 0);
        expect_free(&job);
        end_job(&job);
    }
}

static int survive(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    crew_status status = acquire_timed(job, LIMIT_S);
    CHECK(status == CREW_OK || status == CREW_EOWNERDEAD);
    CHECK_OK(release(job));
    return check_result();
}

// The release and the end at one time: it may have got the lock by then.
static void lose_any_time(const struct variant *variant)
{
    static const enum sort owned[] = {SORT_LOCK, SORT_RLOCK, SORT_CONDITION, SORT_LOCK};
    struct variant other = beside(variant);
    for (int i = 0; i < 4; i++) {
        struct sync_job job = new_job(owned[i]);
        CHECK_OK(acquire(&job));
        crew_process doomed = launch(&other, wait_for_turn, &job, sizeof job);
        crew_process process = launch(variant, survive, &job, sizeof job);
        mark_wait(&job.mark, 2);
        if (i % 2)
            CHECK_OK(release(&job));
        CHECK_OK(crew_process_kill(doomed));
        if (i % 2 == 0)
            CHECK_OK(release(&job));
        CHECK_INT(finish(process), 0);
        finish(doomed);
        crew_status status = acquire_timed(&job, LIMIT_S);
        CHECK(status == CREW_OK || status == CREW_EOWNERDEAD);
        CHECK_OK(release(&job));
        end_job(&job);
    }
}

void sync_ghosts(const struct variant *variant)
{
    lose_actor(variant);
    lose_waiter(variant);
    lose_any_time(variant);
    lose_notified(variant);
}
