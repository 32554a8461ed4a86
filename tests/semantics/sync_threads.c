// SPDX-License-Identifier: BSD-3-Clause
// Threads of one process: others to each other, and closed together.
#include "sync_cases.h"

#include "check.h"

#include <stdint.h>

#define THREADS 3

static void *count_in_thread(void *arg)
{
    const struct sync_job *job = arg;
    volatile int *cells = cells_map(&job->memory);
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(acquire(job));
        if (job->sort == SORT_RLOCK)
            CHECK_OK(acquire(job));
        cells[job->sort] = cells[job->sort] + 1;
        if (job->sort == SORT_RLOCK)
            CHECK_OK(release(job));
        CHECK_OK(release(job));
    }
    cells_unmap(cells);
    return (void *)(intptr_t)check_result();
}

static void *release_in_thread(void *arg)
{
    const struct sync_job *job = arg;
    check_sleep(SHORT_S);
    CHECK_OK(crew_lock_release(job->lock));
    return (void *)(intptr_t)check_result();
}

static int count_in_threads(void *arg)
{
    pthread_t threads[THREADS];
    struct sync_job *job = arg;
    for (int i = 0; i < THREADS; i++)
        CHECK_OK(crew_thread_create(&threads[i], NULL, count_in_thread, job));
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    if (job->sort != SORT_LOCK)
        return check_result();
    CHECK_OK(crew_lock_acquire(job->lock, CREW_FOREVER));
    if (CHECK_OK(crew_thread_create(&threads[0], NULL, release_in_thread, job))) {
        CHECK_OK(crew_lock_acquire(job->lock, CREW_FOREVER)); // waits for its own process
        CHECK_OK(crew_lock_release(job->lock));
        join_thread(threads[0]);
    }
    return check_result();
}

static void count_by_threads(const struct variant *variant)
{
    struct variant place = beside(variant); // a process inside a rank is one thread
    for (enum sort sort = 0; sort < SORTS; sort++) {
        struct sync_job job = new_job(sort);
        volatile int *cells = cells_map(&job.memory);
        job.count = 60;
        crew_process one = launch(&place, count_in_threads, &job, sizeof job);
        crew_process two = launch(&place, count_in_threads, &job, sizeof job);
        CHECK_INT(finish(one), 0);
        CHECK_INT(finish(two), 0);
        CHECK_INT(cells[sort], 2 * THREADS * job.count);
        expect_free(&job);
        cells_unmap(cells);
        end_job(&job);
    }
}

// Waits of several threads at a time

static void *wait_in_thread(void *arg)
{
    struct sync_job job = *(const struct sync_job *)arg;
    for (int i = 0; i < 2; i++) // twice deep
        CHECK_OK(crew_condition_acquire(job.condition, CREW_FOREVER));
    CHECK_OK(crew_semaphore_release(job.semaphore));
    CHECK_OK(crew_condition_wait(job.condition, CREW_FOREVER));
    for (int i = 0; i < 2; i++)
        CHECK_OK(crew_condition_release(job.condition));
    CHECK_STATUS(crew_condition_release(job.condition), CREW_EPERM);
    CHECK_OK(crew_event_wait(job.event, LIMIT_S));
    CHECK_OK(crew_barrier_wait(job.barrier, NULL, LIMIT_S));
    return (void *)(intptr_t)check_result();
}

// The caller of this is one of the parties, its threads the others.
static int wait_in_threads(void *arg)
{
    pthread_t threads[THREADS];
    const struct sync_job *job = arg;
    for (int i = 0; i < THREADS; i++)
        CHECK_OK(crew_thread_create(&threads[i], NULL, wait_in_thread, arg));
    for (int i = 0; i < THREADS; i++)
        CHECK_OK(crew_semaphore_acquire(job->semaphore, LIMIT_S));
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    CHECK_OK(crew_condition_notify(job->condition, 1));
    CHECK_OK(crew_condition_notify_all(job->condition));
    CHECK_OK(crew_condition_release(job->condition));
    CHECK_OK(crew_event_set(job->event));
    CHECK_OK(crew_barrier_wait(job->barrier, NULL, LIMIT_S));
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    return check_result();
}

static void wait_by_threads(const struct variant *variant)
{
    struct variant place = beside(variant);
    struct sync_job job = new_job(SORT_CONDITION);
    CHECK_OK(crew_semaphore_create(&job.semaphore, 0, NULL));
    CHECK_OK(crew_event_create(&job.event, NULL));
    CHECK_OK(crew_barrier_create(&job.barrier, THREADS + 1, NULL));
    CHECK_INT(finish(launch(&place, wait_in_threads, &job, sizeof job)), 0);
    CHECK_OK(crew_semaphore_close(job.semaphore));
    CHECK_OK(crew_event_close(job.event));
    CHECK_OK(crew_barrier_close(job.barrier));
    end_job(&job);
}

static void *acquire_closed(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_STATUS(acquire_timed(job, LIMIT_S), CREW_ECLOSED);
    return (void *)(intptr_t)check_result();
}

static void *wait_for_closed(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_STATUS(crew_event_wait(job->event, LIMIT_S), CREW_ECLOSED);
    return (void *)(intptr_t)check_result();
}

// A thread waits for what its process closes. Others are not concerned.
static int close_waiting(void *arg)
{
    pthread_t acquiring, waiting;
    const struct sync_job *job = arg;
    CHECK_OK(crew_thread_create(&acquiring, NULL, acquire_closed, arg));
    CHECK_OK(crew_thread_create(&waiting, NULL, wait_for_closed, arg));
    mark_wait(&job->mark, 2);
    check_sleep(SHORT_S);
    CHECK_OK(close_object(job));
    CHECK_OK(crew_event_close(job->event));
    join_thread(acquiring);
    join_thread(waiting);
    return check_result();
}

static void close_what_threads_want(const struct variant *variant)
{
    struct variant place = beside(variant);
    for (enum sort sort = 0; sort < SORTS; sort++) {
        struct sync_job job = new_job(sort);
        CHECK_OK(crew_event_create(&job.event, NULL));
        CHECK_OK(acquire(&job));
        CHECK_INT(finish(launch(&place, close_waiting, &job, sizeof job)), 0);
        CHECK_OK(release(&job));
        expect_free(&job);
        CHECK_STATUS(crew_event_wait(job.event, 0), CREW_ETIMEDOUT);
        CHECK_OK(crew_event_close(job.event));
        end_job(&job);
    }
}

void sync_threads(const struct variant *variant)
{
    count_by_threads(variant);
    wait_by_threads(variant);
    close_what_threads_want(variant);
}
