// SPDX-License-Identifier: BSD-3-Clause
// Events.
#include "sync_cases.h"

#include "check.h"

static struct sync_job new_event(void)
{
    struct sync_job job = new_marks();
    CHECK_OK(crew_event_create(&job.event, NULL));
    return job;
}

static void expect_set(crew_event event, bool expected)
{
    bool is_set = !expected;
    CHECK_OK(crew_event_is_set(event, &is_set));
    CHECK_INT(is_set, expected);
}

// One that is not set, before and after.
static int use_event(void *arg)
{
    const struct sync_job *job = arg;
    expect_set(job->event, false);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, MEASURED_S);)
        CHECK_STATUS(crew_event_wait(job->event, MEASURED_S), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_event_wait(job->event, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_event_wait(job->event, -1), CREW_ETIMEDOUT);
    CHECK_OK(crew_event_clear(job->event));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(crew_event_set(job->event));
        expect_set(job->event, true);
        CHECK_OK(crew_event_wait(job->event, CREW_FOREVER));
        CHECK_OK(crew_event_wait(job->event, CREW_FOREVER)); // it stays set
        CHECK_OK(crew_event_wait(job->event, 0));
        CHECK_OK(crew_event_wait(job->event, -1));
        CHECK_OK(crew_event_wait(job->event, CREW_FOREVER));
    }
    CHECK_OK(crew_event_clear(job->event));
    CHECK_OK(crew_event_clear(job->event));
    expect_set(job->event, false);
    CHECK_STATUS(crew_event_wait(job->event, 0), CREW_ETIMEDOUT);
    return check_result();
}

static int await_event(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_OK(job->number % 2 ? crew_event_wait(job->event, LIMIT_S)
                             : crew_event_wait(job->event, CREW_FOREVER));
    expect_set(job->event, true);
    return check_result();
}

void syn_13(const struct variant *variant)
{
    enum { WAITERS = 3 };
    crew_process processes[WAITERS];
    struct sync_job job = new_event();
    CHECK_INT(use_event(&job), check_result());
    CHECK_INT(finish(launch(variant, use_event, &job, sizeof job)), 0);
    for (job.number = 0; job.number < WAITERS; job.number++) {
        struct variant place = nth(variant, job.number);
        processes[job.number] = launch(&place, await_event, &job, sizeof job);
    }
    mark_wait(&job.mark, WAITERS);
    check_sleep(SHORT_S);
    for (int i = 0; i < WAITERS; i++)
        CHECK(is_alive(processes[i]));
    CHECK_OK(crew_event_set(job.event));
    for (int i = 0; i < WAITERS; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_INT(finish(launch(variant, await_event, &job, sizeof job)), 0); // one that comes later
    CHECK_OK(crew_event_clear(job.event));
    CHECK_OK(crew_event_close(job.event));
    end_marks(&job);
}

static int answer_event(void *arg)
{
    const struct sync_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_event_wait(job->event, CREW_FOREVER));
        CHECK_OK(crew_event_clear(job->event));
        CHECK_OK(crew_event_set(job->answer_event));
    }
    return check_result();
}

static int wait_once(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_OK(crew_event_wait(job->event, CREW_FOREVER));
    return check_result();
}

// There and back; and a set wakes those who wait even if a clear comes at once.
void sync_ping_pong(const struct variant *variant)
{
    struct sync_job job = new_event();
    CHECK_OK(crew_event_create(&job.answer_event, &(crew_event_attr){.name = "answer"}));
    job.count = 100;
    crew_process process = launch(variant, answer_event, &job, sizeof job);
    for (int i = 0; i < job.count; i++) {
        expect_set(job.answer_event, false);
        CHECK_OK(crew_event_set(job.event));
        CHECK_OK(crew_event_wait(job.answer_event, LIMIT_S));
        CHECK_OK(crew_event_clear(job.answer_event));
    }
    CHECK_INT(finish(process), 0);
    expect_set(job.event, false);
    process = launch(variant, wait_once, &job, sizeof job);
    mark_wait(&job.mark, 1);
    double begin = check_now();
    while (is_alive(process) && check_now() - begin < LIMIT_S) {
        CHECK_OK(crew_event_set(job.event));
        CHECK_OK(crew_event_clear(job.event));
        check_sleep(0.002);
    }
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_event_close(job.event));
    CHECK_OK(crew_event_close(job.answer_event));
    end_marks(&job);
}
