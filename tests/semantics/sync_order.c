// SPDX-License-Identifier: BSD-3-Clause
// All that can be acquired: time limits, whose turn it is, and that one at a time has it.
#include "sync_cases.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static int run_into_limits(void *arg)
{
    const struct sync_job *job = arg;
    for (struct timing timing = {0}; CHECK_TIMED(&timing, MEASURED_S);)
        CHECK_STATUS(acquire_timed(job, MEASURED_S), CREW_ETIMEDOUT);
    double begin = check_now();
    CHECK_STATUS(acquire_timed(job, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(acquire_timed(job, -1), CREW_ETIMEDOUT);
    CHECK_STATUS(acquire_timed(job, -CREW_FOREVER), CREW_ETIMEDOUT);
    CHECK_STATUS(try_acquire(job), CREW_ETIMEDOUT);
    CHECK_SECONDS(begin, 0, LIMIT_S);
    return check_result();
}

static int need_no_time(void *arg)
{
    static const double limits_s[] = {0, -1, SHORT_S, CREW_FOREVER};
    const struct sync_job *job = arg;
    for (size_t i = 0; i < sizeof limits_s / sizeof *limits_s; i++) {
        CHECK_OK(acquire_timed(job, limits_s[i]));
        CHECK_OK(release(job));
    }
    expect_free(job);
    return check_result();
}

static int wait_in_time(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "waiting");
    double begin = check_now();
    CHECK_OK(acquire_timed(job, 3 * LIMIT_S));
    CHECK_SECONDS(begin, 0, LIMIT_S);
    CHECK_OK(release(job));
    return check_result();
}

void syn_06(const struct variant *variant)
{
    crew_semaphore semaphore = {77};
    CHECK_STATUS(crew_semaphore_create(&semaphore, -1, NULL), CREW_EINVAL);
    CHECK_INT(semaphore.id, 77);
    for (enum sort sort = 0; sort < SORTS; sort++) {
        struct sync_job job = new_job(sort);
        CHECK_INT(need_no_time(&job), check_result());
        CHECK_INT(finish(launch(variant, need_no_time, &job, sizeof job)), 0);
        CHECK_OK(acquire(&job));
        CHECK_INT(finish(launch(variant, run_into_limits, &job, sizeof job)), 0);
        crew_process process = launch(variant, wait_in_time, &job, sizeof job);
        mark_wait(&job.mark, 1);
        CHECK_OK(release(&job));
        CHECK_INT(finish(process), 0);
        expect_free(&job); // those who have given up get nothing
        end_job(&job);
    }
}

// Turns

#define WAITERS 3

static int take_turn(void *arg)
{
    const struct sync_job *job = arg;
    char number[16];
    snprintf(number, sizeof number, "%d", job->number);
    mark_set(&job->mark, "about to wait");
    CHECK_OK(acquire(job));
    mark_set(&job->answer, number);
    CHECK_OK(release(job));
    return check_result();
}

// Whether those who wait were served in order, and the caller, who releases and comes back, last.
// Nothing tells when a wait has begun: they have settle_s seconds each.
static bool are_in_order(const struct variant *variant, enum sort sort, double settle_s)
{
    crew_process processes[WAITERS];
    struct sync_job job = new_job(sort);
    char lines[64];
    CHECK_OK(acquire(&job));
    for (job.number = 0; job.number < WAITERS; job.number++) {
        struct variant place = nth(variant, job.number);
        processes[job.number] = launch(&place, take_turn, &job, sizeof job);
        mark_wait(&job.mark, job.number + 1);
        check_sleep(settle_s);
    }
    CHECK_OK(release(&job));
    CHECK_INT(take_turn(&job), check_result());
    for (int i = 0; i < WAITERS; i++)
        CHECK_INT(finish(processes[i]), 0);
    mark_read(&job.answer, lines, sizeof lines);
    expect_free(&job);
    end_job(&job);
    return strcmp(lines, "0\n1\n2\n3\n") == 0;
}

void sync_fair(const struct variant *variant)
{
    for (enum sort sort = 0; sort < SORTS; sort++)
        CHECK(are_in_order(variant, sort, 0.005) || are_in_order(variant, sort, 0.1) ||
              are_in_order(variant, sort, 1));
}

// Mutual exclusion

static int count_up(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(acquire_somehow(job, i));
        cells[0] = cells[0] + 1;
        CHECK_INT(cells[1], 0);
        cells[1] = 1;
        cells[2] = cells[2] + 1;
        cells[1] = 0;
        CHECK_OK(release(job));
    }
    cells_unmap(cells);
    return check_result();
}

void sync_contended(const struct variant *variant)
{
    for (enum sort sort = 0; sort < SORTS; sort++) {
        crew_process processes[2];
        struct sync_job job = new_job(sort);
        volatile int *cells = cells_map(&job.memory);
        job.count = is_main() && sort == SORT_LOCK ? 700 : 100;
        for (int i = 0; i < 2; i++) {
            struct variant place = nth(variant, i);
            processes[i] = launch(&place, count_up, &job, sizeof job);
        }
        CHECK_INT(count_up(&job), check_result());
        for (int i = 0; i < 2; i++)
            CHECK_INT(finish(processes[i]), 0);
        CHECK_INT(cells[0], 3 * job.count);
        CHECK_INT(cells[2], 3 * job.count);
        expect_free(&job);
        cells_unmap(cells);
        end_job(&job);
    }
}
