// SPDX-License-Identifier: BSD-3-Clause
// Wrong use of every call.
#include "sync_cases.h"

#include "check.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NEVER 0xffff // so far from a handle there is none

static bool is_true(void *arg)
{
    (void)arg;
    return true;
}

// Every call with a handle that is none of that sort, but the closes.

static void refuse_lock(uint64_t id, crew_status expected)
{
    crew_lock lock = {id};
    CHECK_STATUS(crew_lock_acquire(lock, CREW_FOREVER), expected);
    CHECK_STATUS(crew_lock_acquire(lock, LIMIT_S), expected);
    CHECK_STATUS(crew_lock_acquire(lock, CREW_NOW), expected);
    CHECK_STATUS(crew_lock_release(lock), expected);
}

static void refuse_rlock(uint64_t id, crew_status expected)
{
    crew_rlock lock = {id};
    CHECK_STATUS(crew_rlock_acquire(lock, CREW_FOREVER), expected);
    CHECK_STATUS(crew_rlock_acquire(lock, LIMIT_S), expected);
    CHECK_STATUS(crew_rlock_acquire(lock, CREW_NOW), expected);
    CHECK_STATUS(crew_rlock_release(lock), expected);
}

static void refuse_semaphore(uint64_t id, crew_status expected)
{
    crew_semaphore semaphore = {id};
    long value = 77;
    CHECK_STATUS(crew_semaphore_acquire(semaphore, CREW_FOREVER), expected);
    CHECK_STATUS(crew_semaphore_acquire(semaphore, LIMIT_S), expected);
    CHECK_STATUS(crew_semaphore_acquire(semaphore, CREW_NOW), expected);
    CHECK_STATUS(crew_semaphore_release(semaphore), expected);
    CHECK_STATUS(crew_semaphore_value(semaphore, &value), expected);
    CHECK_INT(value, 77);
}

static void refuse_condition(crew_condition condition, crew_status expected)
{
    bool result = false;
    CHECK_STATUS(crew_condition_acquire(condition, CREW_FOREVER), expected);
    CHECK_STATUS(crew_condition_acquire(condition, LIMIT_S), expected);
    CHECK_STATUS(crew_condition_release(condition), expected);
    CHECK_STATUS(crew_condition_wait(condition, CREW_FOREVER), expected);
    CHECK_STATUS(crew_condition_wait(condition, LIMIT_S), expected);
    CHECK_STATUS(crew_condition_wait_for(condition, is_true, NULL, &result, LIMIT_S), expected);
    CHECK_STATUS(crew_condition_notify(condition, 1), expected);
    CHECK_STATUS(crew_condition_notify_all(condition), expected);
    CHECK(!result);
}

static void refuse_event(uint64_t id, crew_status expected)
{
    crew_event event = {id};
    bool is_set = true;
    CHECK_STATUS(crew_event_set(event), expected);
    CHECK_STATUS(crew_event_clear(event), expected);
    CHECK_STATUS(crew_event_is_set(event, &is_set), expected);
    CHECK_STATUS(crew_event_wait(event, CREW_FOREVER), expected);
    CHECK_STATUS(crew_event_wait(event, LIMIT_S), expected);
    CHECK(is_set);
}

static void refuse_barrier(uint64_t id, crew_status expected)
{
    crew_barrier barrier = {id};
    crew_barrier_state state = {77, 77, false};
    int index = 77;
    CHECK_STATUS(crew_barrier_wait(barrier, &index, LIMIT_S), expected);
    CHECK_STATUS(crew_barrier_reset(barrier), expected);
    CHECK_STATUS(crew_barrier_abort(barrier), expected);
    CHECK_STATUS(crew_barrier_get_state(barrier, &state), expected);
    CHECK(index == 77 && state.parties == 77 && state.n_waiting == 77);
}

static void refuse_all(uint64_t id, crew_status expected)
{
    refuse_lock(id, expected);
    refuse_rlock(id, expected);
    refuse_semaphore(id, expected);
    refuse_condition((crew_condition){id, 1}, expected);
    refuse_event(id, expected);
    refuse_barrier(id, expected);
}

static void refuse_closing(uint64_t id, crew_status expected)
{
    CHECK_STATUS(crew_lock_close((crew_lock){id}), expected);
    CHECK_STATUS(crew_rlock_close((crew_rlock){id}), expected);
    CHECK_STATUS(crew_semaphore_close((crew_semaphore){id}), expected);
    CHECK_STATUS(crew_condition_close((crew_condition){id, 1}), expected);
    CHECK_STATUS(crew_event_close((crew_event){id}), expected);
    CHECK_STATUS(crew_barrier_close((crew_barrier){id}), expected);
}

void check_outside(void)
{
    struct sync_job job;
    memset(&job, 0x55, sizeof job);
    refuse_all(77, CREW_ESTATE);
    refuse_closing(77, CREW_ESTATE);
    CHECK_STATUS(crew_lock_create(&job.lock, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_rlock_create(&job.rlock, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_semaphore_create(&job.semaphore, 1, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_condition_create(&job.condition, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_event_create(&job.event, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_barrier_create(&job.barrier, 1, NULL), CREW_ESTATE);
    CHECK(job.lock.id == job.rlock.id && job.lock.id == job.semaphore.id &&
          job.lock.id == job.condition.lock && job.lock.id == job.event.id &&
          job.lock.id == job.barrier.id && job.lock.id == 0x5555555555555555);
}

// One of each sort, and one of another kind.
static struct sync_job make_each(void)
{
    struct sync_job job = new_job(SORT_LOCK);
    CHECK_OK(crew_rlock_create(&job.rlock, NULL));
    CHECK_OK(crew_semaphore_create(&job.semaphore, 1, NULL));
    CHECK_OK(crew_condition_create(&job.condition, NULL));
    CHECK_OK(crew_event_create(&job.event, NULL));
    CHECK_OK(crew_barrier_create(&job.barrier, 1, NULL));
    CHECK_OK(crew_queue_create(&job.queue, NULL));
    return job;
}

static void close_each(const struct sync_job *job)
{
    CHECK_OK(crew_lock_close(job->lock));
    CHECK_OK(crew_rlock_close(job->rlock));
    CHECK_OK(crew_semaphore_close(job->semaphore));
    CHECK_OK(crew_condition_close(job->condition));
    CHECK_OK(crew_event_close(job->event));
    CHECK_OK(crew_barrier_close(job->barrier));
    CHECK_OK(crew_queue_close(job->queue));
    end_marks(job);
}

static void refuse_other_sorts(const struct sync_job *job)
{
    refuse_rlock(job->lock.id, CREW_EINVAL);
    refuse_semaphore(job->lock.id, CREW_EINVAL);
    refuse_event(job->lock.id, CREW_EINVAL);
    refuse_barrier(job->lock.id, CREW_EINVAL);
    refuse_lock(job->rlock.id, CREW_EINVAL);
    refuse_lock(job->semaphore.id, CREW_EINVAL);
    refuse_condition((crew_condition){job->semaphore.id, 1}, CREW_EINVAL);
    refuse_condition((crew_condition){job->event.id, 1}, CREW_EINVAL);
    refuse_event(job->semaphore.id, CREW_EINVAL);
    refuse_event(job->barrier.id, CREW_EINVAL);
    refuse_barrier(job->event.id, CREW_EINVAL);
    refuse_semaphore(job->event.id, CREW_EINVAL);
    refuse_lock(job->barrier.id, CREW_EINVAL);
    CHECK_STATUS(crew_lock_close((crew_lock){job->event.id}), CREW_EINVAL);
    CHECK_STATUS(crew_rlock_close((crew_rlock){job->lock.id}), CREW_EINVAL);
    CHECK_STATUS(crew_semaphore_close((crew_semaphore){job->lock.id}), CREW_EINVAL);
    CHECK_STATUS(crew_condition_close((crew_condition){job->barrier.id, 1}), CREW_EINVAL);
    CHECK_STATUS(crew_event_close((crew_event){job->barrier.id}), CREW_EINVAL);
    CHECK_STATUS(crew_barrier_close((crew_barrier){job->semaphore.id}), CREW_EINVAL);
}

static void refuse_outputs(const struct sync_job *job)
{
    bool result = false;
    CHECK_STATUS(crew_semaphore_value(job->semaphore, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_event_is_set(job->event, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_barrier_get_state(job->barrier, NULL), CREW_EINVAL);
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    CHECK_STATUS(crew_condition_wait_for(job->condition, NULL, NULL, &result, 0), CREW_EINVAL);
    CHECK_STATUS(crew_condition_notify(job->condition, 0), CREW_EINVAL);
    CHECK_STATUS(crew_condition_notify(job->condition, -1), CREW_EINVAL);
    CHECK_OK(crew_condition_release(job->condition));
    CHECK(!result);
}

// What was refused has changed nothing.
static void use_each(struct sync_job job)
{
    for (job.sort = 0; job.sort < SORTS; job.sort++)
        expect_free(&job);
    CHECK_STATUS(crew_event_wait(job.event, 0), CREW_ETIMEDOUT);
    CHECK_OK(crew_barrier_wait(job.barrier, NULL, 0));
}

static int use_wrongly(void *arg)
{
    const struct sync_job *job = arg;
    refuse_all(0, CREW_EINVAL);
    refuse_closing(0, CREW_EINVAL);
    refuse_condition((crew_condition){0, 0}, CREW_EINVAL);
    refuse_all(job->queue.id, CREW_EINVAL);
    refuse_closing(job->queue.id, CREW_EINVAL);
    refuse_all(crew_current_process().id, CREW_EINVAL);
    refuse_all(job->lock.id + NEVER, CREW_ENOENT);
    refuse_other_sorts(job);
    refuse_outputs(job);
    use_each(*job);
    return check_result();
}

static void use_all_wrongly(const struct variant *variant)
{
    struct sync_job job = make_each();
    CHECK_INT(finish(launch(variant, use_wrongly, &job, sizeof job)), 0);
    CHECK_INT(use_wrongly(&job), check_result());
    close_each(&job);
}

// Settings

static void refuse_name(const char *name)
{
    struct sync_job job;
    memset(&job, 0x55, sizeof job);
    CHECK_STATUS(crew_lock_create(&job.lock, &(crew_lock_attr){name}), CREW_EINVAL);
    CHECK_STATUS(crew_rlock_create(&job.rlock, &(crew_lock_attr){name}), CREW_EINVAL);
    CHECK_STATUS(crew_semaphore_create(&job.semaphore, 1, &(crew_semaphore_attr){.name = name}),
                 CREW_EINVAL);
    CHECK_STATUS(crew_condition_create(&job.condition, &(crew_condition_attr){.name = name}),
                 CREW_EINVAL);
    CHECK_STATUS(crew_event_create(&job.event, &(crew_event_attr){name}), CREW_EINVAL);
    CHECK_STATUS(crew_barrier_create(&job.barrier, 1, &(crew_barrier_attr){.name = name}),
                 CREW_EINVAL);
    CHECK(job.lock.id == job.rlock.id && job.lock.id == job.semaphore.id &&
          job.lock.id == job.condition.lock && job.lock.id == job.event.id &&
          job.lock.id == job.barrier.id && job.lock.id == 0x5555555555555555);
}

// The name stands in the reason.
static void use_name(const char *name)
{
    crew_lock lock = {0};
    crew_rlock rlock = {0};
    crew_semaphore semaphore = {0};
    CHECK_OK(crew_lock_create(&lock, &(crew_lock_attr){name}));
    CHECK_STATUS(crew_lock_release(lock), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), name ? name : "lock-");
    CHECK_OK(crew_rlock_create(&rlock, &(crew_lock_attr){name}));
    CHECK_STATUS(crew_rlock_release(rlock), CREW_EPERM);
    CHECK_CONTAINS(crew_error_message(), name ? name : "rlock-");
    CHECK_OK(crew_semaphore_create(&semaphore, 0, &(crew_semaphore_attr){name, true}));
    CHECK_STATUS(crew_semaphore_release(semaphore), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), name ? name : "semaphore-");
    CHECK_OK(crew_lock_close(lock));
    CHECK_OK(crew_rlock_close(rlock));
    CHECK_OK(crew_semaphore_close(semaphore));
}

static void use_other_name(const char *name)
{
    crew_condition condition = {0, 0};
    crew_event event = {0};
    crew_barrier barrier = {0};
    CHECK_OK(crew_condition_create(&condition, &(crew_condition_attr){.name = name}));
    CHECK_STATUS(crew_condition_notify(condition, 1), CREW_EPERM);
    CHECK_CONTAINS(crew_error_message(), name ? name : "rlock-");
    CHECK_OK(crew_event_create(&event, &(crew_event_attr){name}));
    CHECK_STATUS(crew_event_wait(event, 0), CREW_ETIMEDOUT);
    CHECK_CONTAINS(crew_error_message(), name ? name : "event-");
    CHECK_OK(crew_barrier_create(&barrier, 2, &(crew_barrier_attr){.name = name}));
    CHECK_STATUS(crew_barrier_wait(barrier, NULL, 0), CREW_EBROKEN);
    CHECK_CONTAINS(crew_error_message(), name ? name : "barrier-");
    CHECK_OK(crew_condition_close(condition));
    CHECK_OK(crew_event_close(event));
    CHECK_OK(crew_barrier_close(barrier));
}

static void refuse_barrier_attr(crew_barrier_attr attr, crew_status expected)
{
    crew_barrier barrier = {77};
    CHECK_STATUS(crew_barrier_create(&barrier, 1, &attr), expected);
    CHECK_INT(barrier.id, 77);
}

static crew_status do_nothing(void *arg)
{
    return arg ? CREW_OK : CREW_EFAILED;
}

static void check_barrier_attr(void)
{
    static char arg[CREW_BARRIER_ARG_SIZE + 1];
    crew_barrier barrier = {0};
    crew_barrier_action *nowhere = NULL;
    static char data[16]; // no function
    void *address = data;
    memcpy(&nowhere, &address, sizeof nowhere);
    refuse_barrier_attr((crew_barrier_attr){.timeout_s = -1}, CREW_EINVAL);
    refuse_barrier_attr((crew_barrier_attr){.timeout_s = NAN}, CREW_EINVAL);
    refuse_barrier_attr((crew_barrier_attr){.action = do_nothing, .arg_size = 1}, CREW_EINVAL);
    refuse_barrier_attr((crew_barrier_attr){.arg = arg, .arg_size = 1}, CREW_EINVAL);
    refuse_barrier_attr(
        (crew_barrier_attr){.action = do_nothing, .arg = arg, .arg_size = sizeof arg}, CREW_EINVAL);
    refuse_barrier_attr((crew_barrier_attr){.action = nowhere}, CREW_EBUILD);
    crew_barrier_attr most = {.action = do_nothing, .arg = arg, .arg_size = sizeof arg - 1};
    CHECK_OK(crew_barrier_create(&barrier, 1, &most));
    CHECK_OK(crew_barrier_wait(barrier, NULL, CREW_FOREVER));
    CHECK_OK(crew_barrier_close(barrier));
}

static void refuse_condition_attr(crew_condition_attr attr, crew_status expected)
{
    crew_condition condition = {77, 78};
    CHECK_STATUS(crew_condition_create(&condition, &attr), expected);
    CHECK(condition.lock == 77 && condition.number == 78);
}

static int set_up_wrongly(void *arg)
{
    const struct sync_job *job = arg;
    char name[CREW_NAME_SIZE + 1];
    crew_lock closed = {0};
    crew_semaphore semaphore = {77};
    memset(name, 'x', sizeof name);
    name[CREW_NAME_SIZE] = '\0';
    refuse_name("");
    refuse_name(name);
    name[CREW_NAME_SIZE - 1] = '\0'; // the longest
    use_name(name);
    use_name(NULL);
    use_other_name(name);
    use_other_name(NULL);
    check_barrier_attr();
    CHECK_STATUS(crew_lock_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_rlock_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_semaphore_create(NULL, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_condition_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_event_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_barrier_create(NULL, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_semaphore_create(&semaphore, -1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_semaphore_create(&semaphore, CREW_SEMAPHORE_LIMIT + 1, NULL), CREW_EINVAL);
    CHECK_INT(semaphore.id, 77);
    refuse_condition_attr((crew_condition_attr){.lock = job->lock, .rlock = job->rlock},
                          CREW_EINVAL);
    refuse_condition_attr((crew_condition_attr){.name = "both", .rlock = job->rlock}, CREW_EINVAL);
    refuse_condition_attr((crew_condition_attr){.name = "both", .lock = job->lock}, CREW_EINVAL);
    refuse_condition_attr((crew_condition_attr){.lock = {job->rlock.id}}, CREW_EINVAL);
    refuse_condition_attr((crew_condition_attr){.rlock = {job->lock.id}}, CREW_EINVAL);
    refuse_condition_attr((crew_condition_attr){.rlock = {job->queue.id}}, CREW_EINVAL);
    refuse_condition_attr((crew_condition_attr){.lock = {job->lock.id + NEVER}}, CREW_ENOENT);
    CHECK_OK(crew_lock_create(&closed, NULL));
    CHECK_OK(crew_lock_close(closed));
    refuse_condition_attr((crew_condition_attr){.lock = closed}, CREW_ECLOSED);
    return check_result();
}

static void refuse_attributes(const struct variant *variant)
{
    struct sync_job job = make_each();
    CHECK_INT(finish(launch(variant, set_up_wrongly, &job, sizeof job)), 0);
    CHECK_INT(set_up_wrongly(&job), check_result());
    close_each(&job);
}

// Closing

static void refuse_each(const struct sync_job *job, crew_status expected)
{
    refuse_lock(job->lock.id, expected);
    refuse_rlock(job->rlock.id, expected);
    refuse_semaphore(job->semaphore.id, expected);
    refuse_condition(job->condition, expected);
    refuse_event(job->event.id, expected);
    refuse_barrier(job->barrier.id, expected);
}

// What is held stays open; the copies of others are not concerned.
static int close_held(void *arg)
{
    struct sync_job job = *(const struct sync_job *)arg;
    crew_condition sharing = {0, 0};
    CHECK_OK(crew_condition_create(&sharing, &(crew_condition_attr){.rlock = job.rlock}));
    for (job.sort = 0; job.sort < SORTS; job.sort++) {
        if (job.sort == SORT_SEMAPHORE) // has no owner
            continue;
        CHECK_OK(acquire(&job));
        CHECK_STATUS(close_object(&job), CREW_ESTATE);
        CHECK_OK(release(&job)); // has it still
    }
    CHECK_OK(crew_condition_acquire(sharing, CREW_FOREVER));
    CHECK_OK(crew_condition_close(sharing)); // its lock is another's
    CHECK_OK(crew_rlock_release(job.rlock));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(crew_lock_close(job.lock));
        CHECK_OK(crew_rlock_close(job.rlock));
        CHECK_OK(crew_semaphore_close(job.semaphore));
        CHECK_OK(crew_condition_close(job.condition));
        CHECK_OK(crew_event_close(job.event));
        CHECK_OK(crew_barrier_close(job.barrier));
    }
    refuse_each(&job, CREW_ECLOSED);
    refuse_condition(sharing, CREW_ECLOSED);
    CHECK_OK(crew_condition_close(sharing));
    return check_result();
}

static void close_all_held(const struct variant *variant)
{
    struct sync_job job = make_each();
    CHECK_INT(finish(launch(variant, close_held, &job, sizeof job)), 0);
    use_each(job);
    CHECK_OK(crew_lock_acquire(job.lock, CREW_FOREVER));
    CHECK_INT(finish(launch(variant, return_nothing, &job, sizeof job)), 0);
    CHECK_STATUS(crew_lock_close(job.lock), CREW_ESTATE);
    CHECK_OK(crew_lock_release(job.lock));
    close_each(&job);
    refuse_each(&job, CREW_ECLOSED);
    job = make_each();
    CHECK_INT(close_held(&job), check_result()); // the last copies
    CHECK_OK(crew_queue_close(job.queue));
    end_marks(&job);
}

// Ids that nobody counts, of what is gone with its last copy.

static int make_and_end(void *arg)
{
    struct sync_job job = make_each();
    unsigned char parts[sizeof job];
    CHECK_OK(crew_queue_close(job.queue));
    end_marks(&job);
    memcpy(parts, &job, sizeof job);
    for (size_t i = 0; i < sizeof parts; i++)
        parts[i] ^= 0x5a;
    CHECK_OK(crew_queue_put(*(crew_queue *)arg, parts, sizeof parts, CREW_FOREVER));
    return check_result();
}

static void use_what_is_gone(const struct variant *variant)
{
    struct sync_job job;
    unsigned char *parts = (unsigned char *)&job;
    crew_queue queue;
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_INT(finish(launch(variant, make_and_end, &queue, sizeof queue)), 0);
    memset(&job, 0, sizeof job);
    CHECK_OK(crew_queue_get(queue, parts, sizeof job, NULL, LIMIT_S));
    for (size_t i = 0; i < sizeof job; i++)
        parts[i] ^= 0x5a;
    refuse_each(&job, CREW_ECLOSED);
    CHECK_OK(crew_queue_close(queue));
}

void sync_wrong(const struct variant *variant)
{
    use_all_wrongly(variant);
    refuse_attributes(variant);
    close_all_held(variant);
    use_what_is_gone(variant);
}
