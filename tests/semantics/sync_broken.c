// SPDX-License-Identifier: BSD-3-Clause
// Barriers that break.
#include "sync_cases.h"

#include "check.h"

#define PARTIES 3

static int wait_until_broken(void *arg)
{
    const struct sync_job *job = arg;
    int index = 77;
    CHECK_STATUS(crew_barrier_wait(job->barrier, &index, LIMIT_S), CREW_EBROKEN);
    CHECK_INT(index, 77);
    return check_result();
}

static int wait_until_tripped(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_barrier_wait(job->barrier, NULL, LIMIT_S));
    return check_result();
}

// All but one of the parties, and they do wait.
static void launch_waiting(const struct variant *variant, crew_process_function *function,
                           const struct sync_job *job, crew_process processes[PARTIES - 1])
{
    for (int i = 0; i < PARTIES - 1; i++) {
        struct variant place = nth(variant, i);
        processes[i] = launch(&place, function, job, sizeof *job);
    }
    await_waiting(job->barrier, PARTIES - 1);
}

static void finish_waiting(const crew_process processes[PARTIES - 1])
{
    for (int i = 0; i < PARTIES - 1; i++)
        CHECK_INT(finish(processes[i]), 0);
}

// Whoever comes is refused at once, for whatever time.
static void expect_broken(const struct variant *variant, const struct sync_job *job)
{
    int index = 77;
    expect_state(job->barrier, PARTIES, 0, true);
    CHECK_STATUS(crew_barrier_wait(job->barrier, &index, CREW_FOREVER), CREW_EBROKEN);
    CHECK_STATUS(crew_barrier_wait(job->barrier, &index, 0), CREW_EBROKEN);
    CHECK_INT(index, 77);
    CHECK_INT(finish(launch(variant, wait_until_broken, job, sizeof *job)), 0);
    expect_state(job->barrier, PARTIES, 0, true);
}

static void expect_trip(const struct variant *variant, const struct sync_job *job)
{
    crew_process processes[PARTIES - 1];
    int index = -1;
    expect_state(job->barrier, PARTIES, 0, false);
    launch_waiting(variant, wait_until_tripped, job, processes);
    CHECK_OK(crew_barrier_wait(job->barrier, &index, 0)); // the last one needs no time
    CHECK_INT(index, PARTIES - 1);
    finish_waiting(processes);
    expect_state(job->barrier, PARTIES, 0, false);
}

static crew_status fail_when_asked(void *arg)
{
    const struct mark *memory = arg;
    volatile int *cells = cells_map(memory);
    crew_status status = cells[0] ? crew_fail(CREW_EDOMAIN, "asked to fail") : CREW_OK;
    cells[1] = cells[1] + 1;
    cells_unmap(cells);
    return status;
}

void syn_17(const struct variant *variant)
{
    crew_process processes[PARTIES - 1];
    struct sync_job job = new_marks();
    volatile int *cells = cells_map(&job.memory);
    int index = 77;
    crew_barrier_attr attr = {
        .action = fail_when_asked, .arg = &job.memory, .arg_size = sizeof job.memory};
    CHECK_OK(crew_barrier_create(&job.barrier, PARTIES, &attr));
    cells[0] = 1;
    launch_waiting(variant, wait_until_broken, &job, processes);
    CHECK_STATUS(crew_barrier_wait(job.barrier, &index, CREW_FOREVER), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), "asked to fail");
    CHECK_INT(index, 77);
    finish_waiting(processes);
    expect_broken(variant, &job);
    CHECK_INT(cells[1], 1);
    CHECK_OK(crew_barrier_reset(job.barrier));
    cells[0] = 0;
    expect_trip(variant, &job);
    CHECK_INT(cells[1], 2);
    CHECK_OK(crew_barrier_close(job.barrier));
    cells_unmap(cells);
    end_marks(&job);
}

static int run_into_limit(void *arg)
{
    const struct sync_job *job = arg;
    int index = 77;
    double begin = check_now();
    CHECK_STATUS(crew_barrier_wait(job->barrier, &index, MEASURED_S), CREW_EBROKEN);
    CHECK_SECONDS(begin, MEASURED_S, LIMIT_S);
    CHECK_INT(index, 77);
    return check_result();
}

// One that waits for a short time, one for a long one.
static void break_by_limit(const struct variant *variant, const struct sync_job *job)
{
    struct variant other = beside(variant);
    crew_process patient = launch(&other, wait_until_broken, job, sizeof *job);
    await_waiting(job->barrier, 1);
    CHECK_INT(finish(launch(variant, run_into_limit, job, sizeof *job)), 0);
    CHECK_INT(finish(patient), 0);
    expect_broken(variant, job);
    CHECK_OK(crew_barrier_reset(job->barrier));
}

// A wait for no time breaks it.
static void break_at_once(const struct variant *variant, const struct sync_job *job)
{
    crew_process patient = launch(variant, wait_until_broken, job, sizeof *job);
    await_waiting(job->barrier, 1);
    CHECK_STATUS(crew_barrier_wait(job->barrier, NULL, job->number), CREW_EBROKEN);
    CHECK_INT(finish(patient), 0);
    expect_state(job->barrier, PARTIES, 0, true);
    CHECK_OK(crew_barrier_reset(job->barrier));
}

static int run_into_default(void *arg)
{
    const struct sync_job *job = arg;
    double begin = check_now();
    CHECK_STATUS(crew_barrier_wait(job->barrier, NULL, CREW_FOREVER), CREW_EBROKEN);
    CHECK_SECONDS(begin, MEASURED_S, LIMIT_S);
    return check_result();
}

void syn_18(const struct variant *variant)
{
    struct sync_job job = new_marks();
    CHECK_OK(crew_barrier_create(&job.barrier, PARTIES, NULL));
    break_by_limit(variant, &job);
    break_at_once(variant, &job);
    job.number = -1;
    break_at_once(variant, &job);
    expect_trip(variant, &job);
    CHECK_OK(crew_barrier_close(job.barrier));
    CHECK_OK(crew_barrier_create(&job.barrier, 2, &(crew_barrier_attr){.timeout_s = MEASURED_S}));
    CHECK_INT(finish(launch(variant, run_into_default, &job, sizeof job)), 0);
    expect_state(job.barrier, 2, 0, true);
    CHECK_OK(crew_barrier_reset(job.barrier));
    crew_process process = launch(variant, wait_until_tripped, &job, sizeof job); // its own limit
    await_waiting(job.barrier, 1);
    check_sleep(1.3 * MEASURED_S);
    CHECK_OK(crew_barrier_wait(job.barrier, NULL, CREW_FOREVER));
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_barrier_close(job.barrier));
    end_marks(&job);
}

static int break_it(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(job->number ? crew_barrier_abort(job->barrier) : crew_barrier_reset(job->barrier));
    return check_result();
}

// By the caller, or by a process beside those that wait.
static void end_wait(const struct variant *variant, struct sync_job *job, bool abort,
                     bool elsewhere)
{
    crew_process processes[PARTIES - 1];
    struct variant place = beside(variant);
    job->number = abort;
    launch_waiting(variant, wait_until_broken, job, processes);
    if (elsewhere)
        CHECK_INT(finish(launch(&place, break_it, job, sizeof *job)), 0);
    else
        CHECK_INT(break_it(job), check_result());
    finish_waiting(processes);
}

void syn_19(const struct variant *variant)
{
    struct sync_job job = new_marks();
    CHECK_OK(crew_barrier_create(&job.barrier, PARTIES, NULL));
    for (int i = 0; i < 2; i++) {
        end_wait(variant, &job, true, i != 0);
        expect_broken(variant, &job);
        CHECK_OK(crew_barrier_abort(job.barrier)); // again
        expect_state(job.barrier, PARTIES, 0, true);
        CHECK_OK(crew_barrier_reset(job.barrier));
        CHECK_OK(crew_barrier_reset(job.barrier));
        end_wait(variant, &job, false, i != 0);
        expect_trip(variant, &job);
    }
    CHECK_OK(crew_barrier_close(job.barrier));
    end_marks(&job);
}
