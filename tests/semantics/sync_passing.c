// SPDX-License-Identifier: BSD-3-Clause
// Handles that are passed on: in arguments, messages, items, and to tasks.
#include "sync_cases.h"

#include "check.h"

#include <crew/pipe.h>
#include <signal.h>
#include <string.h>

// One of each.
static struct sync_job make_all(void)
{
    struct sync_job job = new_job(SORT_LOCK);
    CHECK_OK(crew_rlock_create(&job.rlock, NULL));
    CHECK_OK(crew_semaphore_create(&job.semaphore, 1, NULL));
    CHECK_OK(crew_condition_create(&job.condition, NULL));
    CHECK_OK(crew_condition_create(&job.other, &(crew_condition_attr){.rlock = job.rlock}));
    CHECK_OK(crew_event_create(&job.event, NULL));
    CHECK_OK(crew_barrier_create(&job.barrier, 1, NULL));
    return job;
}

static void close_all(const struct sync_job *job)
{
    for (int i = 0; i < 2; i++) { // once more does no harm
        CHECK_OK(crew_lock_close(job->lock));
        CHECK_OK(crew_condition_close(job->other));
        CHECK_OK(crew_rlock_close(job->rlock));
        CHECK_OK(crew_semaphore_close(job->semaphore));
        CHECK_OK(crew_condition_close(job->condition));
        CHECK_OK(crew_event_close(job->event));
        CHECK_OK(crew_barrier_close(job->barrier));
    }
}

static void use_condition(crew_condition condition)
{
    CHECK_OK(crew_condition_acquire(condition, CREW_FOREVER));
    CHECK_OK(crew_condition_notify_all(condition));
    CHECK_STATUS(crew_condition_wait(condition, 0), CREW_ETIMEDOUT);
    CHECK_OK(crew_condition_release(condition));
}

static int use_all(void *arg)
{
    struct sync_job job = *(const struct sync_job *)arg;
    for (job.sort = 0; job.sort < SORTS; job.sort++) {
        CHECK_OK(acquire(&job));
        CHECK_OK(release(&job));
    }
    use_condition(job.condition);
    use_condition(job.other);
    CHECK_OK(crew_event_set(job.event));
    CHECK_OK(crew_event_wait(job.event, CREW_FOREVER));
    CHECK_OK(crew_event_clear(job.event));
    CHECK_OK(crew_barrier_wait(job.barrier, NULL, LIMIT_S));
    return check_result();
}

static int receive_and_use(void *arg)
{
    struct sync_job job;
    size_t size = 0;
    memset(&job, 0, sizeof job);
    CHECK_OK(crew_recv(*(crew_connection *)arg, &job, sizeof job, &size, LIMIT_S));
    CHECK_INT(size, sizeof job);
    use_all(&job);
    close_all(&job);
    return check_result();
}

static int take_and_use(void *arg)
{
    struct sync_job job;
    memset(&job, 0, sizeof job);
    CHECK_OK(crew_queue_get(*(crew_queue *)arg, &job, sizeof job, NULL, LIMIT_S));
    return use_all(&job);
}

// Closes its own, and the next one goes on with its copy.
static int pass_on(void *arg)
{
    const struct sync_job *job = arg;
    crew_process process;
    use_all(arg);
    CHECK_OK(crew_process_create(&process, use_all, job, sizeof *job, NULL));
    close_all(job);
    CHECK_OK(crew_process_start(process));
    CHECK_INT(finish(process), 0);
    return check_result();
}

// What was sent is kept by the message, when the sender's is closed already.
static void pass_all(const struct variant *variant)
{
    crew_connection in, out;
    crew_queue queue;
    CHECK_OK(crew_pipe_create(&in, &out, NULL));
    CHECK_OK(crew_queue_create(&queue, NULL));
    struct sync_job job = make_all();
    CHECK_OK(crew_send(out, &job, sizeof job, CREW_FOREVER));
    close_all(&job);
    CHECK_INT(finish(launch(variant, receive_and_use, &in, sizeof in)), 0);
    end_marks(&job);
    job = make_all();
    CHECK_OK(crew_queue_put(queue, &job, sizeof job, CREW_FOREVER));
    close_all(&job);
    CHECK_INT(finish(launch(variant, take_and_use, &queue, sizeof queue)), 0);
    end_marks(&job);
    job = make_all();
    CHECK_INT(finish(launch(variant, pass_on, &job, sizeof job)), 0);
    use_all(&job);
    close_all(&job);
    end_marks(&job);
    CHECK_OK(crew_queue_close(queue));
    CHECK_OK(crew_connection_close(in));
    CHECK_OK(crew_connection_close(out));
}

static int use_when_told(void *arg)
{
    const struct sync_job *job = arg;
    mark_wait(&job->mark, 1);
    return use_all(arg);
}

// Makes them, hands them to the caller, and ends.
static int make_for_others(void *arg)
{
    struct sync_job job = make_all();
    end_marks(&job);
    CHECK_OK(crew_queue_put(*(crew_queue *)arg, &job, sizeof job, CREW_FOREVER));
    return check_result();
}

// The copy in an argument is enough, and so is that of one who has not made them.
static void keep_all(const struct variant *variant)
{
    crew_queue queue;
    struct sync_job job = make_all();
    crew_process process = launch(variant, use_when_told, &job, sizeof job);
    close_all(&job);
    mark_set(&job.mark, "closed");
    CHECK_INT(finish(process), 0);
    end_marks(&job);
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_INT(finish(launch(variant, make_for_others, &queue, sizeof queue)), 0);
    CHECK_OK(crew_queue_get(queue, &job, sizeof job, NULL, LIMIT_S));
    use_all(&job);
    CHECK_INT(finish(launch(variant, use_all, &job, sizeof job)), 0);
    close_all(&job);
    CHECK_OK(crew_queue_close(queue));
}

struct share {
    crew_lock lock;
    crew_event event;
    struct mark memory;
};

CREW_TASK(count_in_task, struct share, int)
{
    crew_status status = crew_event_wait(item->event, LIMIT_S);
    if (status == CREW_OK)
        status = crew_lock_acquire(item->lock, LIMIT_S);
    if (status != CREW_OK)
        return status;
    volatile int *cells = cells_map(&item->memory);
    cells[0] = cells[0] + 1;
    *result = cells[0];
    cells_unmap(cells);
    return crew_lock_release(item->lock);
}

CREW_TASK(die_in_task, struct share, int)
{
    crew_status status = crew_lock_acquire(item->lock, CREW_FOREVER);
    if (status == CREW_OK)
        raise(SIGKILL);
    *result = status;
    return crew_lock_release(item->lock);
}

// A worker that ends in a task is a holder that ends.
static void die_once(crew_pool pool, const struct share *item)
{
    int result = 0;
    CHECK_STATUS(crew_pool_map(pool, die_in_task, item, &result, 1, NULL), CREW_EWORKERDIED);
    CHECK_OK(crew_pool_map(pool, die_in_task, item, &result, 1, NULL));
    CHECK_INT(result, CREW_EOWNERDEAD);
}

// Tasks have no copies of their own, and use what the caller holds.
void sync_tasks(const struct variant *variant)
{
    enum { TASKS = 20 };
    struct share items[TASKS];
    int results[TASKS], sum = 0;
    struct sync_job job = make_all();
    crew_pool pool;
    (void)variant;
    memset(items, 0, sizeof items);
    for (int i = 0; i < TASKS; i++) {
        items[i].lock = job.lock;
        items[i].event = job.event;
        items[i].memory = job.memory;
    }
    CHECK_OK(crew_event_set(job.event));
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2}));
    CHECK_OK(crew_pool_map(pool, count_in_task, items, results, TASKS, NULL));
    die_once(pool, items);
    CHECK_OK(crew_pool_destroy(pool));
    for (int i = 0; i < TASKS; i++)
        sum += results[i];
    CHECK_INT(sum, TASKS * (TASKS + 1) / 2);
    CHECK_OK(crew_lock_acquire(job.lock, CREW_FOREVER));
    CHECK_OK(crew_lock_release(job.lock));
    close_all(&job);
    end_marks(&job);
}

void sync_passing(const struct variant *variant)
{
    pass_all(variant);
    keep_all(variant);
}
