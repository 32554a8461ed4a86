// SPDX-License-Identifier: BSD-3-Clause
// Semaphores: how they count.
#include "sync_cases.h"

#include "check.h"

static void expect_value(crew_semaphore semaphore, long expected)
{
    long value = -99;
    CHECK_OK(crew_semaphore_value(semaphore, &value));
    CHECK_INT(value, expected);
}

static struct sync_job new_semaphore(long value, bool bounded)
{
    struct sync_job job = new_marks();
    job.sort = SORT_SEMAPHORE;
    CHECK_OK(crew_semaphore_create(&job.semaphore, value,
                                   &(crew_semaphore_attr){.name = "counted", .bounded = bounded}));
    return job;
}

// From value 2 down to 0, and up to 3.
static int count_down_and_up(void *arg)
{
    const struct sync_job *job = arg;
    expect_value(job->semaphore, 2);
    CHECK_OK(crew_semaphore_acquire(job->semaphore, CREW_FOREVER));
    expect_value(job->semaphore, 1);
    CHECK_OK(crew_semaphore_acquire(job->semaphore, CREW_NOW));
    expect_value(job->semaphore, 0);
    CHECK_STATUS(crew_semaphore_acquire(job->semaphore, CREW_NOW), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_semaphore_acquire(job->semaphore, SHORT_S), CREW_ETIMEDOUT);
    expect_value(job->semaphore, 0);
    for (int i = 1; i <= 3; i++) {
        CHECK_OK(crew_semaphore_release(job->semaphore));
        expect_value(job->semaphore, i);
    }
    return check_result();
}

static int acquire_three(void *arg)
{
    const struct sync_job *job = arg;
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_semaphore_acquire(job->semaphore, LIMIT_S));
    expect_value(job->semaphore, 0);
    return check_result();
}

static int acquire_one(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_OK(crew_semaphore_acquire(job->semaphore, CREW_FOREVER));
    mark_set(&job->answer, "acquired");
    return check_result();
}

void syn_04(const struct variant *variant)
{
    struct sync_job job = new_semaphore(2, false);
    CHECK_INT(finish(launch(variant, count_down_and_up, &job, sizeof job)), 0);
    expect_value(job.semaphore, 3);
    CHECK_INT(acquire_three(&job), check_result());
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_semaphore_release(job.semaphore));
    CHECK_INT(finish(launch(variant, acquire_three, &job, sizeof job)), 0);
    expect_value(job.semaphore, 0); // it is gone with what it has acquired
    struct variant other = beside(variant);
    crew_process first = launch(variant, acquire_one, &job, sizeof job);
    crew_process second = launch(&other, acquire_one, &job, sizeof job);
    mark_wait(&job.mark, 2);
    CHECK_OK(crew_semaphore_release(job.semaphore));
    mark_wait(&job.answer, 1);
    expect_value(job.semaphore, 0);
    CHECK_OK(crew_semaphore_release(job.semaphore));
    CHECK_INT(finish(first), 0);
    CHECK_INT(finish(second), 0);
    expect_value(job.semaphore, 0);
    end_job(&job);
    job = new_semaphore(CREW_SEMAPHORE_LIMIT, false);
    expect_value(job.semaphore, CREW_SEMAPHORE_LIMIT);
    CHECK_STATUS(crew_semaphore_release(job.semaphore), CREW_ESTATE);
    CHECK_OK(crew_semaphore_acquire(job.semaphore, CREW_FOREVER));
    CHECK_OK(crew_semaphore_release(job.semaphore));
    end_job(&job);
}

static int release_too_often(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_STATUS(crew_semaphore_release(job->semaphore), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "counted");
    for (int i = 0; i < job->count; i++)
        CHECK_OK(crew_semaphore_acquire(job->semaphore, CREW_FOREVER));
    CHECK_STATUS(crew_semaphore_acquire(job->semaphore, CREW_NOW), CREW_ETIMEDOUT);
    for (int i = 0; i < job->count; i++)
        CHECK_OK(crew_semaphore_release(job->semaphore));
    CHECK_STATUS(crew_semaphore_release(job->semaphore), CREW_ESTATE);
    expect_value(job->semaphore, job->count);
    return check_result();
}

void syn_05(const struct variant *variant)
{
    for (int value = 0; value < 3; value++) {
        struct sync_job job = new_semaphore(value, true);
        job.count = value;
        CHECK_INT(finish(launch(variant, release_too_often, &job, sizeof job)), 0);
        CHECK_INT(release_too_often(&job), check_result());
        end_job(&job);
    }
}

static int come_and_go(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(acquire_somehow(job, i));
        CHECK(__atomic_add_fetch(&cells[0], 1, __ATOMIC_RELAXED) <= 2);
        __atomic_add_fetch(&cells[1], 1, __ATOMIC_RELAXED);
        __atomic_sub_fetch(&cells[0], 1, __ATOMIC_RELAXED);
        CHECK_OK(crew_semaphore_release(job->semaphore));
    }
    cells_unmap(cells);
    return check_result();
}

// Never more inside than its value.
void sync_at_most(const struct variant *variant)
{
    enum { PROCESSES = 3 };
    crew_process processes[PROCESSES];
    struct sync_job job = new_semaphore(2, true);
    volatile int *cells = cells_map(&job.memory);
    job.count = 100;
    for (int i = 0; i < PROCESSES; i++) {
        struct variant place = nth(variant, i);
        processes[i] = launch(&place, come_and_go, &job, sizeof job);
    }
    CHECK_INT(come_and_go(&job), check_result());
    for (int i = 0; i < PROCESSES; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_INT(cells[1], (PROCESSES + 1) * job.count);
    expect_value(job.semaphore, 2);
    cells_unmap(cells);
    end_job(&job);
}
