// SPDX-License-Identifier: BSD-3-Clause
// The lock of an array: which one, and what it is for.
#include "shared_cases.h"

#include "check.h"

static void check_default_lock(void)
{
    crew_array array = new_array(CREW_INT64, 1);
    crew_rlock lock = {0};
    CHECK_OK(crew_array_get_lock(array, &lock));
    CHECK(lock.id != 0);
    CHECK_INT(lock.id, array.lock.id);
    CHECK_OK(crew_array_acquire(array, CREW_FOREVER));
    CHECK_OK(crew_array_acquire(array, 0));           // recursive
    CHECK_OK(crew_rlock_acquire(lock, CREW_FOREVER)); // the same one
    CHECK_STATUS(crew_array_close(array), CREW_ESTATE);
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_array_release(array));
    CHECK_STATUS(crew_array_release(array), CREW_EPERM);
    CHECK_OK(crew_array_close(array));
    CHECK_STATUS(crew_rlock_acquire(lock, CREW_FOREVER), CREW_ECLOSED);
}

static void check_no_lock(void)
{
    crew_array array = {0};
    crew_rlock lock = {77};
    CHECK_OK(crew_array_create(&array, CREW_INT64, 1, &(crew_array_attr){.no_lock = true}));
    CHECK_INT(array.lock.id, 0);
    CHECK_STATUS(crew_array_acquire(array, CREW_FOREVER), CREW_ENOTSUP);
    CHECK_STATUS(crew_array_acquire(array, 0), CREW_ENOTSUP);
    CHECK_STATUS(crew_array_release(array), CREW_ENOTSUP);
    CHECK_STATUS(crew_array_get_lock(array, &lock), CREW_ENOTSUP);
    CHECK_INT(lock.id, 77);
    CHECK_OK(crew_array_set_int64(array, 0, 5));
    CHECK_OK(crew_array_close(array));
}

static int release_lock(void *arg)
{
    const struct shared_job *job = arg;
    CHECK_OK(crew_array_set_int64(job->array, 0, 6)); // no call takes the lock
    CHECK_OK(crew_array_release(job->array));
    return check_result();
}

static void check_own_lock(const struct variant *variant)
{
    crew_lock lock;
    crew_rlock none = {77};
    struct shared_job job = {.count = 0};
    CHECK_OK(crew_lock_create(&lock, NULL));
    CHECK_OK(crew_array_create(&job.array, CREW_INT64, 1, &(crew_array_attr){.lock = lock}));
    CHECK_OK(crew_array_acquire(job.array, CREW_FOREVER));
    CHECK_STATUS(crew_lock_acquire(lock, CREW_NOW),
                 CREW_ETIMEDOUT); // it is this one, not recursive
    CHECK_STATUS(crew_array_acquire(job.array, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_array_get_lock(job.array, &none), CREW_ENOTSUP);
    CHECK_INT(none.id, 77);
    CHECK_INT(finish(launch(variant, release_lock, &job, sizeof job)), 0);
    CHECK_OK(crew_lock_acquire(lock, CREW_FOREVER));
    CHECK_OK(crew_array_close(job.array)); // the lock stays the program's
    CHECK_OK(crew_lock_release(lock));
    CHECK_OK(crew_lock_close(lock));
}

static void check_own_rlock(void)
{
    crew_rlock lock, found = {0};
    crew_array array = {0};
    CHECK_OK(crew_rlock_create(&lock, NULL));
    CHECK_OK(crew_array_create(&array, CREW_INT64, 1, &(crew_array_attr){.rlock = lock}));
    CHECK_OK(crew_array_get_lock(array, &found));
    CHECK_INT(found.id, lock.id);
    CHECK_OK(crew_array_acquire(array, CREW_FOREVER));
    CHECK_OK(crew_rlock_release(lock));
    CHECK_OK(crew_array_close(array));
    CHECK_OK(crew_rlock_acquire(lock, CREW_FOREVER));
    CHECK_OK(crew_rlock_release(lock));
    crew_array_attr both = {.no_lock = true, .rlock = lock};
    array.id = 77;
    CHECK_STATUS(crew_array_create(&array, CREW_INT64, 1, &both), CREW_EINVAL);
    both = (crew_array_attr){.lock = {lock.id}, .rlock = lock};
    CHECK_STATUS(crew_array_create(&array, CREW_INT64, 1, &both), CREW_EINVAL);
    both = (crew_array_attr){.lock = {crew_current_process().id}};
    CHECK_STATUS(crew_array_create(&array, CREW_INT64, 1, &both), CREW_EINVAL);
    CHECK_INT(array.id, 77);
    CHECK_OK(crew_rlock_close(lock));
}

// SHM-03: the default lock is recursive and can be had; there may be none; the program's own lock
// is the one that is used.
void shm_03(const struct variant *variant)
{
    check_default_lock();
    check_no_lock();
    check_own_lock(variant);
    check_own_rlock();
}

#define COUNTERS 3

static int count_up(void *arg)
{
    const struct shared_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        int64_t number;
        CHECK_OK(crew_value_acquire(job->value, CREW_FOREVER));
        CHECK_OK(crew_value_get_int64(job->value, &number));
        CHECK_OK(crew_value_set_int64(job->value, number + 1));
        CHECK_OK(crew_value_release(job->value));
    }
    return check_result();
}

// SHM-04: N processes that count k times under the lock come to N * k.
void shm_04(const struct variant *variant)
{
    struct shared_job job = {.count = 100};
    crew_process processes[COUNTERS];
    int counters = variant_is_inside(variant) ? 1 : COUNTERS;
    CHECK_OK(crew_value_create(&job.value, CREW_INT64, NULL, NULL));
    for (int i = 0; i < counters; i++)
        processes[i] = launch(variant, count_up, &job, sizeof job);
    count_up(&job);
    for (int i = 0; i < counters; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_INT(int64_of(job.value), (counters + 1) * job.count);
    CHECK_OK(crew_value_close(job.value));
}

static int die_with_lock(void *arg)
{
    const struct shared_job *job = arg;
    CHECK_OK(crew_array_acquire(job->array, CREW_FOREVER));
    CHECK_OK(crew_array_set_int64(job->array, 0, 1)); // half of what was to be done
    mark_set(&job->mark, "holding");
    return run_until_ended(NULL);
}

// Who takes the lock after one that died with it is told so, and sees what was written.
void array_owner_dead(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT64, 2), .mark = mark_new()};
    crew_process process = launch(variant, die_with_lock, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK_OK(crew_process_kill(process));
    CHECK_STATUS(crew_array_acquire(job.array, CREW_FOREVER), CREW_EOWNERDEAD);
    CHECK_INT(int64_at(job.array, 0), 1);
    CHECK_INT(int64_at(job.array, 1), 0);
    CHECK_OK(crew_array_release(job.array));
    CHECK_OK(crew_array_acquire(job.array, CREW_FOREVER));
    CHECK_OK(crew_array_release(job.array));
    finish(process);
    CHECK_OK(crew_array_close(job.array));
    mark_remove(&job.mark);
}
