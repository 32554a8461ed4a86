/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool_model.h"

#include <string.h>

/* A task that was run, failed, and may not be run again; or may. */
static bool may_try_again(const struct pool_map_model *map, const struct pool_task *task)
{
    unsigned kinds = map->about.retry_on ? map->about.retry_on : CREW_RETRY_ALL;
    unsigned kind = task->state == POOL_TASK_FAILED ? CREW_RETRY_ERROR
                    : task->timed_out               ? CREW_RETRY_TIMEOUT
                                                    : CREW_RETRY_CRASH;
    return kinds & kind && task->tries <= map->about.retries;
}

/* Whether maps end before all of their tasks have. */
static bool is_cut_short(const struct pool_model *pool)
{
    return pool->terminated || pool->may_break;
}

/* Workers */

static struct pool_map_model *map_of_item(struct pool_model *pool, uint64_t item)
{
    uint64_t number = (item - 1) >> 32;
    return number < pool->map_count ? &pool->maps[number] : NULL;
}

static void take_task(struct pool_map_model *map, const struct sim_client *worker, uint64_t index)
{
    struct pool_task *task = &map->tasks[index];
    if (!task->wanted)
        sim_violation(worker->job, "task %llu of map %u is given out, and was done before",
                      (unsigned long long)index, map->number);
    if (task->holder)
        sim_violation(worker->job,
                      "task %llu of map %u is given to client %u, and client %u has it",
                      (unsigned long long)index, map->number, worker->number, task->holder - 1);
    task->holder = worker->number + 1;
}

struct pool_map_model *pool_model_take_chunk(struct pool_model *pool,
                                             const struct sim_client *worker,
                                             const struct crewi_frame *frame,
                                             const struct crewi_claims *claims)
{
    struct crewi_pool_chunk chunk;
    struct crewi_claim_range left = {0};
    uint64_t item;
    memcpy(&chunk, frame->payload, sizeof chunk);
    memcpy(&item, frame->payload + sizeof chunk, sizeof item);
    struct pool_map_model *map = map_of_item(pool, item);
    if (!map || chunk.item_size != sizeof item || !chunk.count || chunk.begin >= map->about.count ||
        chunk.count > map->about.count - chunk.begin || (map->id && chunk.map != map->id)) {
        sim_violation(worker->job, "client %u gets a chunk of no map", worker->number);
        return NULL;
    }
    map->id = chunk.map;
    int found = crewi_claim_look(claims, chunk.key, &left);
    if (found < 0)
        sim_violation(worker->job, "client %u gets a chunk that it cannot claim", worker->number);
    for (uint64_t i = 0; i < chunk.count; i++) {
        memcpy(&item, frame->payload + sizeof chunk + i * sizeof item, sizeof item);
        if (item != pool_model_item(map, chunk.begin + i))
            sim_violation(worker->job, "item %llu of map %u has changed",
                          (unsigned long long)chunk.begin + i, map->number);
        if (found > 0 && i < left.end)
            take_task(map, worker, chunk.begin + i);
    }
    return map;
}

void pool_model_rob(struct pool_map_model *map, const struct sim_client *worker, uint64_t begin,
                    uint64_t count)
{
    for (uint64_t i = begin; i < begin + count; i++) {
        sim_trace(worker->job, "task %llu of map %u is taken back from client %u",
                  (unsigned long long)i, map->number, worker->number);
        if (map->tasks[i].holder == worker->number + 1 &&
            (map->tasks[i].state == POOL_TASK_RUNNING || map->tasks[i].state == POOL_TASK_FINISHED))
            sim_violation(worker->job, "task %llu of map %u is taken back, and was begun",
                          (unsigned long long)i, map->number);
        map->tasks[i].holder = 0;
    }
}

void pool_model_begin_task(struct pool_map_model *map, const struct sim_client *worker,
                           uint64_t index)
{
    struct pool_task *task = &map->tasks[index];
    bool again = task->state == POOL_TASK_FAILED || task->state == POOL_TASK_DIED;
    sim_trace(worker->job, "client %u begins task %llu of map %u", worker->number,
              (unsigned long long)index, map->number);
    if (task->state == POOL_TASK_RUNNING || task->state == POOL_TASK_FINISHED)
        sim_violation(worker->job, "task %llu of map %u is run twice at a time",
                      (unsigned long long)index, map->number);
    else if (task->state == POOL_TASK_DONE || (again && !may_try_again(map, task)))
        sim_violation(worker->job, "task %llu of map %u is run again, which was over",
                      (unsigned long long)index, map->number);
    else if (map->cancelled_whole || (map->over && !is_cut_short(map->pool)))
        sim_violation(worker->job, "task %llu of map %u is run, and the map is over",
                      (unsigned long long)index, map->number);
    else if (task->begun && !again && !task->unknown)
        sim_violation(worker->job, "task %llu of map %u is run again, and has not failed",
                      (unsigned long long)index, map->number);
    task->begun = true;
    task->unknown = false;
    task->state = POOL_TASK_RUNNING;
}

void pool_model_end_task(struct pool_map_model *map, uint64_t index, bool fails)
{
    map->tasks[index].state = POOL_TASK_FINISHED;
    map->tasks[index].fails = fails;
}

void pool_model_tell(struct pool_map_model *map, uint64_t begin, uint64_t count)
{
    for (struct pool_task *task = &map->tasks[begin]; task < &map->tasks[begin + count]; task++) {
        task->state = task->fails ? POOL_TASK_FAILED : POOL_TASK_DONE;
        task->tries += task->fails;
        task->holder = 0;
        task->timed_out = false;
    }
}

/* Its worker was in it. When its home has killed that, the task was not meant, or is cancelled. */
static void task_died(struct pool_task *task, const struct pool_death *death)
{
    task->state = death->killed ? POOL_TASK_OPEN : POOL_TASK_DIED;
    task->tries += !death->killed;
    task->timed_out = death->timed_out;
    task->died_of = death->worker->number;
}

static void map_death(struct pool_map_model *map, const struct pool_death *death)
{
    bool is_known = death->has_draft && map->id == death->map;
    for (uint64_t i = 0; i < map->about.count; i++) {
        struct pool_task *task = &map->tasks[i];
        if (task->holder != death->worker->number + 1)
            continue;
        if (is_known && i >= death->begin && i - death->begin < death->done)
            pool_model_tell(map, i, 1);
        else if (task->state == POOL_TASK_RUNNING && death->killed && !map->kill_asked)
            sim_violation(map->pool->job, "task %llu of map %u is hit, and was not meant",
                          (unsigned long long)i, map->number);
        else if (is_known && task->state == POOL_TASK_RUNNING)
            task_died(task, death);
        else if (task->state == POOL_TASK_RUNNING || task->state == POOL_TASK_FINISHED) {
            task->state = POOL_TASK_OPEN;
            task->unknown = !is_known;
        }
        task->holder = 0;
    }
}

void pool_model_death(struct pool_model *pool, const struct pool_death *death)
{
    pool->live--;
    pool->early_deaths += death->early;
    pool->may_break |= pool->spec.break_on_death && !death->stopped;
    pool->may_break |= pool->early_deaths >= 3;
    for (uint32_t i = 0; i < pool->map_count; i++)
        map_death(&pool->maps[i], death);
}

void pool_model_blame(struct pool_model *pool, uint64_t item, bool timed_out)
{
    struct pool_map_model *map = map_of_item(pool, item);
    struct pool_task *task = map ? &map->tasks[(item - 1) & UINT32_MAX] : NULL;
    if (!task || task->state == POOL_TASK_DONE) {
        sim_violation(pool->job, "a task is blamed for a death that it had nothing to do with");
        return;
    }
    task->state = POOL_TASK_DIED;
    task->timed_out = timed_out;
    task->tries++;
    task->died_of = UINT32_MAX;
}

void pool_model_kill_late(struct pool_model *pool, const struct sim_client *worker)
{
    for (uint32_t i = 0; i < pool->map_count; i++) {
        struct pool_map_model *map = &pool->maps[i];
        for (struct pool_task *task = map->tasks; task < &map->tasks[map->about.count]; task++) {
            if (task->state != POOL_TASK_DIED || task->died_of != worker->number)
                continue;
            task->state = POOL_TASK_OPEN;
            task->tries--;
        }
    }
}

/* The creator */

struct pool_map_model *pool_model_find(struct pool_model *pool, uint64_t id)
{
    for (uint32_t i = 0; i < pool->map_count; i++)
        if (pool->maps[i].id == id)
            return &pool->maps[i];
    return NULL;
}

void pool_model_progress(struct pool_map_model *map, const struct crewi_frame *frame)
{
    struct sim_job *job = map->pool->job;
    struct crewi_pool_progress progress;
    memcpy(&progress, frame->payload, sizeof progress);
    if (progress.count != map->about.count || progress.done > progress.count ||
        progress.failed > progress.done || progress.done < map->done)
        sim_violation(job, "map %u has %llu of %llu tasks done, and had %llu", map->number,
                      (unsigned long long)progress.done, (unsigned long long)progress.count,
                      (unsigned long long)map->done);
    if ((progress.over ? progress.done < progress.count && !is_cut_short(map->pool)
                       : progress.done == progress.count) ||
        (map->over && !progress.over))
        sim_violation(job, "map %u is %sover with %llu of %llu tasks done", map->number,
                      progress.over ? "" : "not ", (unsigned long long)progress.done,
                      (unsigned long long)progress.count);
    map->done = progress.done;
    if (progress.over)
        pool_model_over(map);
    if (progress.cancelled && !map->cancel_asked)
        sim_violation(job, "map %u is cancelled, and nobody has asked for that", map->number);
    map->tells_cancelled = progress.over && progress.cancelled;
}

/* What a worker has begun that ended without a word may, or may not, be known to have been begun.
 */
void pool_model_cancelled(struct pool_map_model *map, bool whole)
{
    uint64_t wanted = 0, begun = 0, known = 0;
    for (uint64_t i = 0; i < map->about.count; i++) {
        const struct pool_task *task = &map->tasks[i];
        wanted += task->wanted;
        begun += task->begun;
        known += task->begun && (task->state != POOL_TASK_OPEN || !task->unknown || task->tries);
    }
    if (whole ? known || !wanted : !begun && wanted && !is_cut_short(map->pool))
        sim_violation(map->pool->job, "map %u is %scancelled as a whole, with %llu tasks begun",
                      map->number, whole ? "" : "not ", (unsigned long long)begun);
    map->cancelled_whole |= whole;
}

/* Each task has come to something by then. */
void pool_model_over(struct pool_map_model *map)
{
    for (uint64_t i = 0; i < map->about.count && !map->over && !is_cut_short(map->pool); i++) {
        const struct pool_task *task = &map->tasks[i];
        if (task->state == POOL_TASK_RUNNING || task->state == POOL_TASK_FINISHED)
            sim_violation(map->pool->job, "map %u is over, and task %llu is being run", map->number,
                          (unsigned long long)i);
        else if (task->wanted && task->state == POOL_TASK_OPEN && !map->cancel_asked)
            sim_violation(map->pool->job, "map %u is over, and task %llu was lost", map->number,
                          (unsigned long long)i);
    }
    map->over = true;
}

static bool had_failed(const struct pool_map_model *map, const struct pool_task *task,
                       enum pool_task_state state)
{
    bool ended = map->kill_asked || map->pool->workers_ended;
    return task->state == state && (ended || !may_try_again(map, task));
}

/* Whether a task may have been cancelled: what a worker has begun goes on, unless it is killed. */
static bool may_be_cancelled(const struct pool_map_model *map, const struct pool_task *task)
{
    if (!map->cancel_asked || !task->wanted || task->state == POOL_TASK_DONE)
        return false;
    return map->kill_asked || task->state == POOL_TASK_OPEN || may_try_again(map, task);
}

static bool can_be(const struct pool_map_model *map, const struct pool_task *task, int32_t status)
{
    switch (status) {
    case CREW_OK:
        return task->state == POOL_TASK_DONE || !task->wanted;
    case CREW_EFAILED:
        return had_failed(map, task, POOL_TASK_FAILED);
    case CREW_ETIMEDOUT:
        return had_failed(map, task, POOL_TASK_DIED) && task->timed_out;
    case CREW_EWORKERDIED:
        return had_failed(map, task, POOL_TASK_DIED) && !task->timed_out;
    case CREW_ECANCELED:
        return map->pool->terminated || may_be_cancelled(map, task);
    case CREW_EBROKEN:
        return map->pool->may_break || (map->pool->workers_ended && task->state != POOL_TASK_DONE);
    default:
        return false;
    }
}

static void check_task(const struct pool_map_model *map, uint64_t index, int32_t status,
                       uint64_t result)
{
    const struct pool_task *task = &map->tasks[index];
    uint64_t right = task->wanted && status == CREW_OK && map->about.result_size
                         ? pool_model_result(pool_model_item(map, index))
                         : 0;
    if (!can_be(map, task, status))
        sim_violation(map->pool->job,
                      "task %llu of map %u (state %d, %u tries failed) has status %d",
                      (unsigned long long)index, map->number, task->state, task->tries, status);
    else if (result != right)
        sim_violation(map->pool->job, "task %llu of map %u has a wrong result",
                      (unsigned long long)index, map->number);
    if (map->about.reports && map->reports_end && task->wanted && !status && !task->reported)
        sim_violation(map->pool->job, "task %llu of map %u was done and not reported",
                      (unsigned long long)index, map->number);
}

void pool_model_outcome(struct pool_map_model *map, const struct crewi_frame *frame)
{
    struct crewi_pool_outcome outcome;
    const unsigned char *at = frame->payload + sizeof outcome;
    uint64_t count = map->about.count, result_size = map->about.result_size;
    size_t status_size = map->about.wants_statuses ? sizeof(int32_t) : 0;
    int32_t first = CREW_OK;
    bool cancelled = false;
    memcpy(&outcome, frame->payload, sizeof outcome);
    if (frame->header.size !=
        sizeof outcome + outcome.reason_size + count * (status_size + result_size)) {
        sim_violation(map->pool->job, "the outcome of map %u has another size", map->number);
        return;
    }
    at += outcome.reason_size;
    for (uint64_t i = 0; i < count; i++) {
        int32_t status = CREW_OK;
        uint64_t result = 0;
        memcpy(&status, at + i * status_size, status_size);
        memcpy(&result, at + count * status_size + i * result_size, result_size);
        if (status_size)
            check_task(map, i, status, result);
        first = first ? first : status;
        cancelled |= status == CREW_ECANCELED;
    }
    if (map->tells_cancelled && status_size && !cancelled)
        sim_violation(map->pool->job, "map %u is said to be cancelled, and no task is",
                      map->number);
    if (status_size && outcome.status != first && !is_cut_short(map->pool))
        sim_violation(map->pool->job, "map %u has status %d, its first failure has %d", map->number,
                      outcome.status, first);
    if (outcome.status == CREW_OK && outcome.reason_size)
        sim_violation(map->pool->job, "map %u has a reason, and has not failed", map->number);
}

void pool_model_errors(struct pool_map_model *map, const struct crewi_frame *frame)
{
    crew_task_error error;
    size_t count = frame->header.size / sizeof error;
    for (size_t i = 0; i < count; i++) {
        memcpy(&error, frame->payload + i * sizeof error, sizeof error);
        const struct pool_task *task =
            error.index < map->about.count ? &map->tasks[error.index] : NULL;
        if (!task || (task->state == POOL_TASK_DONE && !is_cut_short(map->pool)) ||
            error.attempts < 1 || error.attempts > map->about.retries + 1)
            sim_violation(map->pool->job, "map %u tells of a failure that was not", map->number);
        else if ((uint32_t)error.attempts != task->tries && !is_cut_short(map->pool) &&
                 !map->cancel_asked)
            sim_violation(map->pool->job, "task %llu of map %u failed %u times, and not %d",
                          (unsigned long long)error.index, map->number, task->tries,
                          error.attempts);
    }
}

static void take_report(struct pool_map_model *map, const struct crewi_pool_report *report,
                        const unsigned char *results)
{
    for (uint64_t i = 0; i < report->count; i++) {
        uint64_t index = report->begin + i, result = 0;
        struct pool_task *task = index < map->about.count ? &map->tasks[index] : NULL;
        if (!task || task->state != POOL_TASK_DONE || task->reported) {
            sim_violation(map->pool->job, "task %llu of map %u is reported %s",
                          (unsigned long long)index, map->number,
                          task && task->reported ? "twice" : "and is not done");
            return;
        }
        task->reported = true;
        memcpy(&result, results + i * map->about.result_size, map->about.result_size);
        if (map->about.result_size && result != pool_model_result(pool_model_item(map, index)))
            sim_violation(map->pool->job, "task %llu of map %u is reported with a wrong result",
                          (unsigned long long)index, map->number);
    }
}

void pool_model_news(struct pool_map_model *map, const struct crewi_frame *frame)
{
    struct crewi_pool_news news;
    struct crewi_pool_report report;
    memcpy(&news, frame->payload, sizeof news);
    const unsigned char *at = frame->payload + sizeof news,
                        *results = at + news.count * sizeof report;
    for (uint64_t i = 0; i < news.count && !map->pool->job->failed; i++) {
        memcpy(&report, at + i * sizeof report, sizeof report);
        take_report(map, &report, results);
        results += report.count * map->about.result_size;
    }
    map->reports_end = news.over;
}

/* It is about what has come home, of what the workers have told. */
void pool_model_description(struct pool_model *pool, const struct crewi_frame *frame)
{
    struct crewi_pool_description description;
    uint64_t told = 0;
    memcpy(&description, frame->payload, sizeof description);
    for (uint32_t i = 0; i < pool->map_count; i++)
        for (uint64_t k = 0; k < pool->maps[i].about.count; k++) {
            const struct pool_task *task = &pool->maps[i].tasks[k];
            told += task->tries + (task->state == POOL_TASK_DONE);
        }
    size_t workers = (frame->header.size - sizeof description) / sizeof *description.workers;
    if (description.info.workers != (size_t)pool->spec.workers ||
        workers != (size_t)pool->spec.workers)
        sim_violation(pool->job, "a pool of %d workers is said to have %zu, and describes %zu",
                      pool->spec.workers, (size_t)description.info.workers, workers);
    if (description.info.tasks > told + description.info.failed && !is_cut_short(pool))
        sim_violation(pool->job, "a pool has done %llu tasks, and is said to have done %llu",
                      (unsigned long long)told, (unsigned long long)description.info.tasks);
}

void pool_model_broken(struct pool_model *pool)
{
    if (!pool->may_break)
        sim_violation(pool->job, "a pool is broken, and all of its workers could begin");
}
