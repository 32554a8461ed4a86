// SPDX-License-Identifier: BSD-3-Clause
// Holders and waiters that are killed at any moment, and time limits that are reached at any.
#include "sync_cases.h"

#include "check.h"

#include <signal.h>

enum { CELL_INSIDE, CELL_TURNS };

// Who is told that the holder is dead may find its trace; nobody else does.
static crew_status take_turn(const struct sync_job *job, volatile int *cells)
{
    crew_status status = acquire_timed(job, LIMIT_S);
    if (!CHECK(status == CREW_OK || status == CREW_EOWNERDEAD))
        return status;
    CHECK(status == CREW_EOWNERDEAD || cells[CELL_INSIDE] == 0);
    cells[CELL_INSIDE] = 1;
    cells[CELL_TURNS] = cells[CELL_TURNS] + 1;
    cells[CELL_INSIDE] = 0;
    CHECK_OK(release(job));
    return status;
}

static int take_turns(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    mark_set(&job->mark, "begun");
    while (!check_result())
        take_turn(job, cells);
    return 1;
}

static void storm(const struct variant *variant, enum sort sort)
{
    enum { PROCESSES = 2, DEATHS = 6 };
    crew_process processes[PROCESSES];
    struct sync_job job = new_job(sort);
    volatile int *cells = cells_map(&job.memory);
    for (int i = 0; i < PROCESSES; i++)
        processes[i] = launch(variant, take_turns, &job, sizeof job);
    for (int i = 0; i < DEATHS; i++) {
        crew_process *doomed = &processes[i % PROCESSES];
        mark_wait(&job.mark, PROCESSES + i);
        for (int k = 0; k <= 10 * i; k++)
            take_turn(&job, cells);
        CHECK_OK(crew_process_kill(*doomed));
        CHECK_INT(finish(*doomed), -SIGKILL);
        take_turn(&job, cells);
        *doomed = launch(variant, take_turns, &job, sizeof job);
    }
    for (int i = 0; i < PROCESSES; i++) {
        CHECK_OK(crew_process_kill(processes[i]));
        CHECK_INT(finish(processes[i]), -SIGKILL);
    }
    take_turn(&job, cells);
    CHECK_INT(take_turn(&job, cells), CREW_OK);
    cells_unmap(cells);
    end_job(&job);
}

void sync_death_storm(const struct variant *variant)
{
    storm(variant, SORT_LOCK);
    storm(variant, SORT_RLOCK);
    storm(variant, SORT_CONDITION);
}

// A barrier at which both run into their limits at about the same time: either both have tripped
// it, or none has. The other barrier holds them together.

#define ROUNDS 12

static int meet_or_not(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(crew_barrier_wait(job->together, NULL, CREW_FOREVER));
        if (job->number)
            check_sleep(5e-5 * i);
        volatile int *both = &cells[(size_t)i * 2];
        crew_status status = crew_barrier_wait(job->barrier, NULL, 1e-4 * i);
        CHECK(status == CREW_OK || status == CREW_EBROKEN);
        both[job->number] = status;
        CHECK_OK(crew_barrier_wait(job->together, NULL, CREW_FOREVER));
        CHECK_INT(both[0], both[1]);
        expect_state(job->barrier, 2, 0, status == CREW_EBROKEN);
        CHECK_OK(crew_barrier_wait(job->together, NULL, CREW_FOREVER));
        if (job->number)
            CHECK_OK(crew_barrier_reset(job->barrier));
    }
    cells_unmap(cells);
    return check_result();
}

void sync_limit_storm(const struct variant *variant)
{
    struct sync_job job = new_marks();
    CHECK_OK(crew_barrier_create(&job.barrier, 2, NULL));
    CHECK_OK(crew_barrier_create(&job.together, 2, NULL));
    job.number = 1;
    crew_process process = launch(variant, meet_or_not, &job, sizeof job);
    job.number = 0;
    CHECK_INT(meet_or_not(&job), check_result());
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_barrier_close(job.barrier));
    CHECK_OK(crew_barrier_close(job.together));
    end_marks(&job);
}
