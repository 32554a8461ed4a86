// SPDX-License-Identifier: BSD-3-Clause
// Holders that end without a release: the next one is told.
#include "sync_cases.h"

#include "check.h"

#include <signal.h>
#include <unistd.h>

#define BOUND_S 5.0 // until the end of a holder is known

// What has an owner.
#define OWNED 3
static const enum sort owned[OWNED] = {SORT_LOCK, SORT_RLOCK, SORT_CONDITION};

static crew_status acquire_after_death(const struct sync_job *job, int how)
{
    double begin = check_now();
    crew_status status = how == 0 ? acquire(job) : acquire_timed(job, how == 1 ? LIMIT_S : 0);
    while (how == 2 && status == CREW_ETIMEDOUT && check_now() - begin < LIMIT_S) {
        check_sleep(0.001);
        status = try_acquire(job);
    }
    CHECK_SECONDS(begin, 0, BOUND_S);
    return status;
}

static int find_held(void *arg)
{
    expect_held(arg);
    return check_result();
}

// Once only, and by one who has it then.
static void succeed(const struct variant *variant, const struct sync_job *job, int how)
{
    CHECK_STATUS(acquire_after_death(job, how), CREW_EOWNERDEAD);
    CHECK_INT(finish(launch(variant, find_held, job, sizeof *job)), 0);
    CHECK_OK(release(job));
    CHECK_STATUS(release(job), job->sort == SORT_LOCK ? CREW_ESTATE : CREW_EPERM);
    expect_free(job);
    CHECK_OK(acquire(job));
    CHECK_OK(release(job));
}

static int acquire_and_end(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_STATUS(acquire(job), job->number ? CREW_EOWNERDEAD : CREW_OK);
    return check_result();
}

void syn_21(const struct variant *variant)
{
    for (int i = 0; i < OWNED; i++) {
        struct sync_job job = new_job(owned[i]);
        job.count = 1;
        crew_process process = launch(variant, hold_for_ever, &job, sizeof job);
        mark_wait(&job.mark, 1);
        expect_held(&job);
        destroy(variant, process);
        succeed(variant, &job, i);
        CHECK_INT(finish(launch(variant, acquire_and_end, &job, sizeof job)), 0);
        job.number = 1; // an orderly end is one, too, and so is that of the next one
        CHECK_INT(finish(launch(variant, acquire_and_end, &job, sizeof job)), 0);
        succeed(variant, &job, (i + 1) % 3);
        end_job(&job);
    }
}

// One that was acquired often, and is acquired once by the next one.
static void lose_deep(const struct variant *variant)
{
    for (int i = 1; i < OWNED; i++) {
        struct sync_job job = new_job(owned[i]);
        job.count = 5;
        crew_process process = launch(variant, hold_for_ever, &job, sizeof job);
        mark_wait(&job.mark, 1);
        destroy(variant, process);
        succeed(variant, &job, 0);
        process = launch(variant, hold_for_ever, &job, sizeof job);
        mark_wait(&job.mark, 2);
        destroy(variant, process);
        CHECK_STATUS(acquire(&job), CREW_EOWNERDEAD);
        CHECK_OK(acquire(&job)); // a second time: nothing to tell
        CHECK_OK(release(&job));
        CHECK_OK(release(&job));
        expect_free(&job);
        end_job(&job);
    }
}

#define WAITERS 3

static int wait_for_dead(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    crew_status status = acquire(job);
    mark_set(&job->answer, crew_status_name(status));
    CHECK_OK(release(job));
    return check_result();
}

// Many wait when it happens: one of them is told, the first.
static void lose_before_many(const struct variant *variant)
{
    for (int i = 0; i < OWNED; i++) {
        crew_process waiters[WAITERS];
        struct sync_job job = new_job(owned[i]);
        struct variant place = beside(variant);
        job.count = 1;
        crew_process holder = launch(variant, hold_for_ever, &job, sizeof job);
        mark_wait(&job.mark, 1);
        for (int k = 0; k < WAITERS; k++)
            waiters[k] = launch(&place, wait_for_dead, &job, sizeof job);
        mark_wait(&job.mark, 1 + WAITERS);
        check_sleep(SHORT_S);
        destroy(variant, holder);
        for (int k = 0; k < WAITERS; k++)
            CHECK_INT(finish(waiters[k]), 0);
        expect_lines(&job.answer, "CREW_EOWNERDEAD\nCREW_OK\nCREW_OK\n");
        expect_free(&job);
        end_job(&job);
    }
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static int wait_to_be_told(void *arg)
{
    const struct sync_job *job = arg;
    bool result = true;
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    mark_set(&job->mark, "waiting");
    CHECK_STATUS(job->number == 0
                     ? crew_condition_wait(job->condition, CREW_FOREVER)
                     : crew_condition_wait_for(job->condition, never, NULL, &result, LIMIT_S),
                 CREW_EOWNERDEAD);
    CHECK_OK(crew_condition_notify_all(job->condition)); // has the lock
    CHECK_OK(crew_condition_release(job->condition));
    CHECK_STATUS(crew_condition_release(job->condition), CREW_EPERM);
    return check_result();
}

static int notify_for_ever(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(crew_condition_acquire(job->condition, CREW_FOREVER));
    CHECK_OK(crew_condition_notify(job->condition, 1));
    mark_set(&job->mark, "notified");
    return run_until_ended(NULL);
}

// The one who notifies ends, and has the lock.
static void lose_notifier(const struct variant *variant)
{
    struct sync_job job = new_job(SORT_CONDITION);
    struct variant place = beside(variant);
    for (job.number = 0; job.number < 2; job.number++) {
        crew_process waiter = launch(&place, wait_to_be_told, &job, sizeof job);
        mark_wait(&job.mark, 1 + 2 * job.number);
        crew_process process = launch(variant, notify_for_ever, &job, sizeof job);
        mark_wait(&job.mark, 2 + 2 * job.number);
        destroy(variant, process);
        CHECK_INT(finish(waiter), 0);
        expect_free(&job);
    }
    end_job(&job);
}

static int release_and_end(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(acquire(job));
    mark_set(&job->mark, "held");
    mark_wait(&job->mark, 2);
    check_sleep(SHORT_S);
    CHECK_OK(release(job));
    if (job->number == 1)
        kill(getpid(), SIGKILL);
    return check_result();
}

static int wait_for_the_living(void *arg)
{
    const struct sync_job *job = arg;
    mark_set(&job->mark, "about to wait");
    CHECK_OK(acquire(job));
    CHECK_OK(release(job));
    return check_result();
}

// A release is one, however short the time that its process lives after it.
static void last_release(const struct variant *variant)
{
    for (int i = 0; i < OWNED; i++)
        for (int killed = 0; killed < 2; killed++) {
            struct sync_job job = new_job(owned[i]);
            struct variant other = beside(variant);
            job.number = killed;
            crew_process holder =
                launch(killed ? &other : variant, release_and_end, &job, sizeof job);
            mark_wait(&job.mark, 1);
            crew_process waiter =
                launch(killed ? variant : &other, wait_for_the_living, &job, sizeof job);
            CHECK_INT(finish(holder), killed ? -SIGKILL : 0);
            CHECK_INT(finish(waiter), 0);
            expect_free(&job);
            end_job(&job);
        }
}

static int use_and_stay(void *arg)
{
    const struct sync_job *job = arg;
    CHECK_OK(acquire(job));
    if (job->number == 0)
        CHECK_OK(release(job));
    mark_set(&job->mark, "used");
    return run_until_ended(NULL);
}

// Ends that are none of a holder: after its own release, after another one's, of a semaphore.
static void lose_none(const struct variant *variant)
{
    for (enum sort sort = 0; sort < SORTS; sort++) {
        struct sync_job job = new_job(sort);
        job.number = sort == SORT_LOCK || sort == SORT_SEMAPHORE;
        crew_process process = launch(variant, use_and_stay, &job, sizeof job);
        mark_wait(&job.mark, 1);
        if (sort == SORT_LOCK)
            CHECK_OK(release(&job)); // not its own any more
        destroy(variant, process);
        if (sort == SORT_SEMAPHORE) {
            CHECK_STATUS(acquire_timed(&job, SHORT_S), CREW_ETIMEDOUT);
            CHECK_OK(release(&job));
        }
        CHECK_OK(acquire(&job));
        CHECK_OK(release(&job));
        end_job(&job);
    }
}

void sync_deaths(const struct variant *variant)
{
    lose_deep(variant);
    lose_before_many(variant);
    lose_notifier(variant);
    lose_none(variant);
    last_release(variant);
}
