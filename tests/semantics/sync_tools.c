// SPDX-License-Identifier: BSD-3-Clause
// What the cases of locks and the like do all the time, with checks.
#include "sync_cases.h"

#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct sync_job new_marks(void)
{
    struct sync_job job;
    memset(&job, 0,
           sizeof job); // goes into arguments, where what looks like a handle counts as one
    job.mark = mark_new();
    job.answer = mark_new();
    job.memory = mark_new();
    return job;
}

struct sync_job new_job(enum sort sort)
{
    struct sync_job job = new_marks();
    job.sort = sort;
    if (sort == SORT_LOCK)
        CHECK_OK(crew_lock_create(&job.lock, NULL));
    else if (sort == SORT_RLOCK)
        CHECK_OK(crew_rlock_create(&job.rlock, NULL));
    else if (sort == SORT_SEMAPHORE)
        CHECK_OK(crew_semaphore_create(&job.semaphore, 1, NULL));
    else
        CHECK_OK(crew_condition_create(&job.condition, NULL));
    return job;
}

void end_marks(const struct sync_job *job)
{
    mark_remove(&job->mark);
    mark_remove(&job->answer);
    mark_remove(&job->memory);
}

void end_job(const struct sync_job *job)
{
    CHECK_OK(close_object(job));
    end_marks(job);
}

crew_status acquire(const struct sync_job *job)
{
    if (job->sort == SORT_LOCK)
        return crew_lock_acquire(job->lock, CREW_FOREVER);
    if (job->sort == SORT_RLOCK)
        return crew_rlock_acquire(job->rlock, CREW_FOREVER);
    if (job->sort == SORT_SEMAPHORE)
        return crew_semaphore_acquire(job->semaphore, CREW_FOREVER);
    return crew_condition_acquire(job->condition, CREW_FOREVER);
}

crew_status acquire_timed(const struct sync_job *job, double timeout_s)
{
    if (job->sort == SORT_LOCK)
        return crew_lock_acquire(job->lock, timeout_s);
    if (job->sort == SORT_RLOCK)
        return crew_rlock_acquire(job->rlock, timeout_s);
    if (job->sort == SORT_SEMAPHORE)
        return crew_semaphore_acquire(job->semaphore, timeout_s);
    return crew_condition_acquire(job->condition, timeout_s);
}

crew_status try_acquire(const struct sync_job *job)
{
    if (job->sort == SORT_LOCK)
        return crew_lock_acquire(job->lock, CREW_NOW);
    if (job->sort == SORT_RLOCK)
        return crew_rlock_acquire(job->rlock, CREW_NOW);
    if (job->sort == SORT_SEMAPHORE)
        return crew_semaphore_acquire(job->semaphore, CREW_NOW);
    return crew_condition_acquire(job->condition, 0);
}

crew_status release(const struct sync_job *job)
{
    if (job->sort == SORT_LOCK)
        return crew_lock_release(job->lock);
    if (job->sort == SORT_RLOCK)
        return crew_rlock_release(job->rlock);
    if (job->sort == SORT_SEMAPHORE)
        return crew_semaphore_release(job->semaphore);
    return crew_condition_release(job->condition);
}

crew_status close_object(const struct sync_job *job)
{
    if (job->sort == SORT_LOCK)
        return crew_lock_close(job->lock);
    if (job->sort == SORT_RLOCK)
        return crew_rlock_close(job->rlock);
    if (job->sort == SORT_SEMAPHORE)
        return crew_semaphore_close(job->semaphore);
    return crew_condition_close(job->condition);
}

crew_status acquire_somehow(const struct sync_job *job, int how)
{
    crew_status status = CREW_ETIMEDOUT;
    if (how % 3 == 0)
        return acquire(job);
    for (int i = 0; i < 3 && status == CREW_ETIMEDOUT; i++)
        status = how % 3 == 1 ? try_acquire(job) : acquire_timed(job, 1e-4 * i);
    return status == CREW_ETIMEDOUT ? acquire_timed(job, LIMIT_S) : status;
}

void expect_held(const struct sync_job *job)
{
    CHECK_STATUS(try_acquire(job), CREW_ETIMEDOUT);
}

void expect_free(const struct sync_job *job)
{
    if (CHECK_OK(try_acquire(job)))
        CHECK_OK(release(job));
}

volatile int *cells_map(const struct mark *mark)
{
    int fd = open(mark->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(ftruncate(fd, CELLS * sizeof(int)), 0);
    volatile int *cells =
        mmap(NULL, CELLS * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK((void *)(uintptr_t)cells != MAP_FAILED);
    close(fd);
    return cells;
}

void cells_unmap(volatile int *cells)
{
    CHECK_INT(munmap((void *)(uintptr_t)cells, CELLS * sizeof(int)), 0);
}

bool cell_wait(volatile int *cells, int cell, int value)
{
    double begin = check_now();
    while (__atomic_load_n(&cells[cell], __ATOMIC_ACQUIRE) != value) {
        if (check_now() - begin > LIMIT_S)
            return CHECK_INT(cells[cell], value);
        check_sleep(0.0005);
    }
    return true;
}

struct variant nth(const struct variant *variant, int n)
{
    return n == 0 ? *variant : beside(variant);
}

void expect_lines(const struct mark *mark, const char *lines)
{
    char found[1024];
    mark_read(mark, found, sizeof found);
    CHECK_TEXT(found, lines);
}

void join_thread(pthread_t thread)
{
    void *result = NULL;
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK_INT((intptr_t)result, 0);
}

bool is_main(void)
{
    crew_process parent;
    return crew_parent_process(&parent) == CREW_ENOENT;
}

void await_waiting(crew_barrier barrier, int count)
{
    crew_barrier_state state = {0, -1, false};
    double begin = check_now();
    while (CHECK_OK(crew_barrier_get_state(barrier, &state)) && state.n_waiting != count &&
           check_now() - begin < LIMIT_S)
        check_sleep(0.0002);
    CHECK_INT(state.n_waiting, count);
}

void expect_state(crew_barrier barrier, int parties, int n_waiting, bool broken)
{
    crew_barrier_state state = {-1, -1, !broken};
    CHECK_OK(crew_barrier_get_state(barrier, &state));
    CHECK_INT(state.parties, parties);
    CHECK_INT(state.n_waiting, n_waiting);
    CHECK_INT(state.broken, broken);
}

int hold_until_answer(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(acquire(job));
    mark_set(&job->mark, "held");
    mark_wait(&job->answer, 1);
    CHECK_OK(release(job));
    return check_result();
}

int hold_for_ever(void *arg)
{
    const struct sync_job *job = arg;
    for (int i = 0; i < job->count; i++)
        CHECK_OK(acquire(job));
    mark_set(&job->mark, "held");
    return run_until_ended(NULL);
}

int wait_on_condition(void *arg)
{
    const struct sync_job *job = arg;
    char number[16];
    snprintf(number, sizeof number, "%d", job->number);
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    mark_set(&job->mark, "waiting");
    CHECK_OK(crew_condition_wait(job->condition, CREW_FOREVER));
    mark_set(&job->answer, number);
    CHECK_OK(crew_condition_release(job->condition));
    return check_result();
}
