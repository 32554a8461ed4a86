// SPDX-License-Identifier: BSD-3-Clause
// Barriers that trip.
#include "sync_cases.h"

#include "check.h"

#include <string.h>
#include <unistd.h>

#define PARTIES 3

static struct sync_job new_barrier(int parties, const crew_barrier_attr *attr)
{
    struct sync_job job = new_marks();
    CHECK_OK(crew_barrier_create(&job.barrier, parties, attr));
    return job;
}

static void end_barrier(const struct sync_job *job)
{
    CHECK_OK(crew_barrier_close(job->barrier));
    end_marks(job);
}

static void launch_parties(const struct variant *variant, crew_process_function *function,
                           struct sync_job *job, crew_process processes[PARTIES])
{
    for (job->number = 1; job->number < PARTIES; job->number++) {
        struct variant place = nth(variant, job->number - 1);
        processes[job->number] = launch(&place, function, job, sizeof *job);
    }
    job->number = 0;
}

static void finish_parties(const crew_process processes[PARTIES])
{
    for (int i = 1; i < PARTIES; i++)
        CHECK_INT(finish(processes[i]), 0);
}

// In the order of their numbers, 1 first.
static int arrive(void *arg)
{
    const struct sync_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        int index = -1;
        await_waiting(job->barrier, job->number - 1);
        CHECK_OK(crew_barrier_wait(job->barrier, &index, i % 2 ? CREW_FOREVER : LIMIT_S));
        CHECK_INT(index, job->number - 1);
        CHECK_OK(crew_queue_put(job->queue, &index, sizeof index, CREW_FOREVER));
        mark_wait(&job->mark, i + 1);
    }
    return check_result();
}

void syn_14(const struct variant *variant)
{
    crew_process processes[PARTIES];
    struct sync_job job = new_barrier(PARTIES, NULL);
    CHECK_OK(crew_queue_create(&job.queue, NULL));
    job.count = 3;
    launch_parties(variant, arrive, &job, processes);
    for (int i = 0; i < job.count; i++) {
        int index = -1, sum = 0;
        await_waiting(job.barrier, PARTIES - 1);
        CHECK_OK(crew_barrier_wait(job.barrier, &index, LIMIT_S));
        CHECK_INT(index, PARTIES - 1);
        expect_state(job.barrier, PARTIES, 0, false);
        for (int k = 1; k < PARTIES; k++) {
            CHECK_OK(crew_queue_get(job.queue, &index, sizeof index, NULL, LIMIT_S));
            sum += index;
        }
        CHECK_INT(sum, (PARTIES - 1) * (PARTIES - 2) / 2);
        mark_set(&job.mark, "next");
    }
    finish_parties(processes);
    CHECK_OK(crew_queue_close(job.queue));
    end_barrier(&job);
    job = new_barrier(1, NULL); // nobody to wait for
    for (int i = 0; i < 3; i++) {
        int index = -1;
        CHECK_OK(crew_barrier_wait(job.barrier, &index, i - 1));
        CHECK_INT(index, 0);
        CHECK_OK(crew_barrier_wait(job.barrier, NULL, CREW_FOREVER));
    }
    end_barrier(&job);
}

// Each says in which round it is; nobody is ahead of another one by more than a round. Every second
// trip counts the arrival indices: each one once.
static int go_in_step(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 1; i <= job->count; i++) {
        int index = -1, behind = 0;
        __atomic_store_n(&cells[job->number], i, __ATOMIC_SEQ_CST);
        if (crew_barrier_wait(job->barrier, &index, CREW_FOREVER) != CREW_OK || index < 0 ||
            index >= PARTIES) {
            CHECK_INT(i, job->count);
            break;
        }
        for (int k = 0; k < PARTIES; k++) {
            int other = __atomic_load_n(&cells[k], __ATOMIC_SEQ_CST);
            behind += other != i && other != i + 1;
        }
        CHECK_INT(behind, 0);
        __atomic_add_fetch(&cells[PARTIES + index], 1, __ATOMIC_RELAXED);
    }
    cells_unmap(cells);
    return check_result();
}

void syn_15(const struct variant *variant)
{
    crew_process processes[PARTIES];
    struct sync_job job = new_barrier(PARTIES, NULL);
    volatile int *cells = cells_map(&job.memory);
    job.count = is_main() ? 1000 : 100;
    launch_parties(variant, go_in_step, &job, processes);
    CHECK_INT(go_in_step(&job), check_result());
    finish_parties(processes);
    for (int i = 0; i < PARTIES; i++)
        CHECK_INT(cells[PARTIES + i], job.count);
    expect_state(job.barrier, PARTIES, 0, false);
    cells_unmap(cells);
    end_barrier(&job);
}

// Actions

enum { CELL_BEGUN, CELL_DONE, CELL_PID, CELL_LAST };

struct note {
    int number; // one for each call: it gets a copy
    struct mark memory;
};

static crew_status take_note(void *arg)
{
    struct note *note = arg;
    volatile int *cells = cells_map(&note->memory);
    CHECK_INT(note->number, 42);
    note->number++;
    cells[CELL_BEGUN] = cells[CELL_BEGUN] + 1;
    cells[CELL_PID] = (int)getpid();
    check_sleep(0.002);
    cells[CELL_DONE] = cells[CELL_DONE] + 1;
    cells_unmap(cells);
    return CREW_OK;
}

static int wait_for_action(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 1; i <= job->count; i++) {
        int index = -1;
        CHECK_OK(crew_barrier_wait(job->barrier, &index, CREW_FOREVER));
        CHECK_INT(cells[CELL_BEGUN], i);
        CHECK_INT(cells[CELL_DONE], i);
        if (index == PARTIES - 1) {
            CHECK_INT(cells[CELL_PID], getpid());
            cells[CELL_LAST] = cells[CELL_LAST] + 1;
        }
        // Nobody begins the next trip before all have looked.
        CHECK_OK(crew_semaphore_release(job->semaphore));
        mark_wait(&job->mark, i);
    }
    cells_unmap(cells);
    return check_result();
}

void syn_16(const struct variant *variant)
{
    crew_process processes[PARTIES];
    struct sync_job job = new_marks();
    struct note note;
    volatile int *cells = cells_map(&job.memory);
    memset(&note, 0, sizeof note);
    note.number = 42;
    note.memory = job.memory;
    crew_barrier_attr attr = {.action = take_note, .arg = &note, .arg_size = sizeof note};
    CHECK_OK(crew_barrier_create(&job.barrier, PARTIES, &attr));
    CHECK_OK(crew_semaphore_create(&job.semaphore, 0, NULL));
    memset(&note, 0, sizeof note); // it was copied
    job.count = 3;
    launch_parties(variant, wait_for_action, &job, processes);
    for (int i = 1; i <= job.count; i++) {
        if (i == 2) // the last one to arrive; otherwise whoever it is
            await_waiting(job.barrier, PARTIES - 1);
        int index = -1;
        CHECK_OK(crew_barrier_wait(job.barrier, &index, LIMIT_S));
        CHECK_INT(cells[CELL_DONE], i);
        CHECK(i != 2 || (index == PARTIES - 1 && cells[CELL_PID] == getpid()));
        if (index == PARTIES - 1)
            cells[CELL_LAST] = cells[CELL_LAST] + 1;
        for (int k = 1; k < PARTIES; k++)
            CHECK_OK(crew_semaphore_acquire(job.semaphore, LIMIT_S));
        mark_set(&job.mark, "next");
    }
    finish_parties(processes);
    CHECK_INT(cells[CELL_LAST], job.count);
    CHECK_OK(crew_semaphore_close(job.semaphore));
    cells_unmap(cells);
    end_barrier(&job);
}

static int look_and_wait(void *arg)
{
    const struct sync_job *job = arg;
    expect_state(job->barrier, PARTIES, job->number - 1, false);
    mark_set(&job->mark, "about to wait");
    CHECK_OK(crew_barrier_wait(job->barrier, NULL, CREW_FOREVER));
    return check_result();
}

static void refuse_parties(int parties)
{
    crew_barrier barrier = {77};
    CHECK_STATUS(crew_barrier_create(&barrier, parties, NULL), CREW_EINVAL);
    CHECK_INT(barrier.id, 77);
}

void syn_20(const struct variant *variant)
{
    crew_process processes[PARTIES];
    struct sync_job job = new_barrier(PARTIES, NULL);
    refuse_parties(0);
    refuse_parties(-1);
    refuse_parties(-2147483647 - 1);
    expect_state(job.barrier, PARTIES, 0, false);
    for (job.number = 1; job.number < PARTIES; job.number++) {
        struct variant place = nth(variant, job.number - 1);
        processes[job.number] = launch(&place, look_and_wait, &job, sizeof job);
        await_waiting(job.barrier, job.number);
        expect_state(job.barrier, PARTIES, job.number, false);
    }
    CHECK_OK(crew_barrier_wait(job.barrier, NULL, CREW_FOREVER));
    expect_state(job.barrier, PARTIES, 0, false);
    finish_parties(processes);
    CHECK_OK(crew_barrier_abort(job.barrier));
    expect_state(job.barrier, PARTIES, 0, true);
    CHECK_OK(crew_barrier_reset(job.barrier));
    expect_state(job.barrier, PARTIES, 0, false);
    end_barrier(&job);
}
