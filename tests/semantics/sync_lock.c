// SPDX-License-Identifier: BSD-3-Clause
// Locks and recursive locks: who may acquire and release them.
#include "sync_cases.h"

#include "check.h"

#include <pthread.h>
#include <stdint.h>

static int use_lock(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_STATUS(crew_lock_release(job->lock), CREW_ESTATE);
    CHECK_OK(crew_lock_acquire(job->lock, CREW_NOW));
    CHECK_STATUS(crew_lock_acquire(job->lock, CREW_NOW), CREW_ETIMEDOUT); // also for the holder
    CHECK_STATUS(crew_lock_acquire(job->lock, SHORT_S), CREW_ETIMEDOUT);
    CHECK_OK(crew_lock_release(job->lock));
    CHECK_STATUS(crew_lock_release(job->lock), CREW_ESTATE);
    CHECK_OK(crew_lock_acquire(job->lock, CREW_FOREVER));
    CHECK_OK(crew_lock_release(job->lock));
    CHECK_OK(crew_lock_acquire(job->lock, LIMIT_S));
    CHECK_OK(crew_lock_release(job->lock));
    return check_result();
}

static int find_held(void *arg)
{
    const struct sync_job *job = arg;
    expect_held(job);
    CHECK_STATUS(acquire_timed(job, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(acquire_timed(job, SHORT_S), CREW_ETIMEDOUT);
    return check_result();
}

void syn_01(const struct variant *variant)
{
    struct sync_job job = new_job(SORT_LOCK);
    CHECK_INT(use_lock(&job), check_result());
    CHECK_INT(finish(launch(variant, use_lock, &job, sizeof job)), 0);
    CHECK_INT(use_lock(&job), check_result());
    CHECK_OK(crew_lock_acquire(job.lock, CREW_FOREVER));
    CHECK_INT(finish(launch(variant, find_held, &job, sizeof job)), 0);
    CHECK_OK(crew_lock_release(job.lock));
    crew_process process = launch(variant, hold_until_answer, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK_INT(find_held(&job), check_result());
    mark_set(&job.answer, "release");
    CHECK_OK(crew_lock_acquire(job.lock, LIMIT_S));
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_lock_release(job.lock));
    end_job(&job);
}

static int release_once(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_lock_release(job->lock));
    CHECK_STATUS(crew_lock_release(job->lock), CREW_ESTATE);
    return check_result();
}

static int release_later(void *arg)
{
    const struct sync_job *job = arg;
    check_sleep(SHORT_S);
    CHECK_OK(crew_lock_release(job->lock));
    return check_result();
}

static int acquire_and_stay(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_lock_acquire(job->lock, CREW_FOREVER));
    mark_set(&job->mark, "acquired");
    mark_wait(&job->answer, 1);
    CHECK_STATUS(crew_lock_release(job->lock), CREW_ESTATE);
    return check_result();
}

// No owner: one acquires, another one releases.
void syn_02(const struct variant *variant)
{
    struct sync_job job = new_job(SORT_LOCK);
    CHECK_OK(crew_lock_acquire(job.lock, CREW_FOREVER));
    CHECK_INT(finish(launch(variant, release_once, &job, sizeof job)), 0);
    CHECK_STATUS(crew_lock_release(job.lock), CREW_ESTATE);
    crew_process process = launch(variant, acquire_and_stay, &job, sizeof job);
    mark_wait(&job.mark, 1);
    expect_held(&job);
    CHECK_OK(crew_lock_release(job.lock));
    mark_set(&job.answer, "released");
    CHECK_INT(finish(process), 0);
    expect_free(&job); // and its end was none of a holder
    CHECK_OK(crew_lock_acquire(job.lock, CREW_FOREVER));
    process = launch(variant, release_later, &job, sizeof job);
    CHECK_OK(crew_lock_acquire(job.lock, CREW_FOREVER)); // waits for another one's release
    CHECK_OK(crew_lock_release(job.lock));
    CHECK_INT(finish(process), 0);
    end_job(&job);
}

// Recursive locks

static int be_refused(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_STATUS(crew_rlock_acquire(job->rlock, CREW_NOW), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_rlock_acquire(job->rlock, SHORT_S), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_rlock_release(job->rlock), CREW_EPERM);
    return check_result();
}

static int use_recursively(void *arg)
{
    enum { DEPTH = 300 };
    const struct sync_job *job = arg;
    CHECK_STATUS(crew_rlock_release(job->rlock), CREW_EPERM);
    for (int i = 0; i < DEPTH; i++)
        CHECK_OK(i % 3 == 0   ? crew_rlock_acquire(job->rlock, CREW_FOREVER)
                 : i % 3 == 1 ? crew_rlock_acquire(job->rlock, CREW_NOW)
                              : crew_rlock_acquire(job->rlock, 0));
    for (int i = 0; i < DEPTH; i++)
        CHECK_OK(crew_rlock_release(job->rlock));
    CHECK_STATUS(crew_rlock_release(job->rlock), CREW_EPERM);
    return check_result();
}

static void *be_refused_thread(void *arg)
{
    return (void *)(intptr_t)be_refused(arg);
}

static void *use_recursively_thread(void *arg)
{
    return (void *)(intptr_t)use_recursively(arg);
}

static void run_thread(void *(*function)(void *), void *arg)
{
    pthread_t thread;
    if (CHECK_INT(pthread_create(&thread, NULL, function, arg), 0))
        join_thread(thread);
}

// The threads of a process are others to each other.
static int own_in_threads(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_rlock_acquire(job->rlock, CREW_FOREVER));
    run_thread(be_refused_thread, arg);
    CHECK_OK(crew_rlock_acquire(job->rlock, CREW_FOREVER));
    CHECK_OK(crew_rlock_release(job->rlock));
    run_thread(be_refused_thread, arg);
    CHECK_OK(crew_rlock_release(job->rlock));
    run_thread(use_recursively_thread, arg);
    CHECK_STATUS(crew_rlock_release(job->rlock), CREW_EPERM);
    return check_result();
}

void syn_03(const struct variant *variant)
{
    struct sync_job job = new_job(SORT_RLOCK);
    struct variant threads = beside(variant);
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_rlock_acquire(job.rlock, CREW_FOREVER));
    CHECK_INT(finish(launch(variant, be_refused, &job, sizeof job)), 0);
    CHECK_OK(crew_rlock_release(job.rlock));
    CHECK_OK(crew_rlock_release(job.rlock));
    CHECK_INT(finish(launch(variant, be_refused, &job, sizeof job)), 0);
    CHECK_OK(crew_rlock_release(job.rlock));
    CHECK_INT(finish(launch(variant, use_recursively, &job, sizeof job)), 0);
    CHECK_INT(use_recursively(&job), check_result());
    CHECK_INT(finish(launch(&threads, own_in_threads, &job, sizeof job)), 0);
    crew_process process = launch(variant, hold_until_answer, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK_INT(be_refused(&job), check_result());
    mark_set(&job.answer, "release");
    CHECK_OK(crew_rlock_acquire(job.rlock, LIMIT_S));
    CHECK_OK(crew_rlock_release(job.rlock));
    CHECK_INT(finish(process), 0);
    end_job(&job);
}
