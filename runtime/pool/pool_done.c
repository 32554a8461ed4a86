/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes back from workers: results, failures, and what is left of one that died. */
#include "pool/pool_home.h"

#include "base/error.h"
#include "base/log.h"
#include "node/job.h"
#include "pool/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tasks of weeks are not impossible; times beyond that are garbage. */
#define BUSY_LIMIT_NS ((int64_t)1 << 53)

/* Failures */

/* What a task failed of, as a bit of crew_retry. */
static unsigned kind_of_failure(crew_status status, bool died)
{
    if (!died)
        return CREW_RETRY_ERROR;
    return status == CREW_ETIMEDOUT ? CREW_RETRY_TIMEOUT : CREW_RETRY_CRASH;
}

/* Gives a task that failed back to the schedule, if it may be tried once more. */
static bool try_again(struct crewi_pool_map *map, uint64_t index, crew_status status, bool died)
{
    unsigned kinds = map->submission.retry_on ? map->submission.retry_on : CREW_RETRY_ALL;
    if (!map->attempts || map->killed || map->pool->ended || map->over ||
        !(kinds & kind_of_failure(status, died)) ||
        map->attempts[index] >= map->submission.retries ||
        crewi_pool_return_tasks(map, (struct crewi_range){index, 1}))
        return false;
    map->attempts[index]++;
    map->retried++;
    map->pool->account.retried++;
    return true;
}

/* A task that failed, for who asks later. */
static void keep_error(struct crewi_pool_map *map, const struct crewi_worker *worker,
                       const struct crewi_process_info *info,
                       const struct crewi_pool_failure *failure, const char *reason)
{
    crew_task_error error = {.index = failure->index,
                             .status = (crew_status)failure->status,
                             .attempts = map->attempts ? map->attempts[failure->index] + 1 : 1,
                             .rank = worker->rank,
                             .pid = (pid_t)info->pid};
    snprintf(error.worker, sizeof error.worker, "%s", info->name);
    snprintf(error.host, sizeof error.host, "%s", crew_rank_host(worker->rank));
    snprintf(error.message, sizeof error.message, "%.*s", (int)failure->reason_size, reason);
    if (map->submission.parts)
        crewi_pool_add_failed_part(map, &error);
    else
        crewi_pool_keep_error(&map->errors, &error);
}

static void note_failure(struct crewi_engine *engine, struct crewi_pool_map *map,
                         const struct crewi_worker *worker,
                         const struct crewi_pool_failure *failure, const char *reason)
{
    struct crewi_process_info info = {.name = "a worker"};
    if (map->statuses)
        map->statuses[failure->index] = failure->status;
    map->failed++;
    map->pool->account.failed++;
    crewi_process_describe(engine, worker->process, &info);
    keep_error(map, worker, &info, failure, reason);
    if (failure->index >= map->first_failure)
        return;
    map->first_failure = failure->index;
    map->status = (crew_status)failure->status;
    snprintf(map->reason, sizeof map->reason, "task %llu of %s: %.*s (%s on rank %d, %s)",
             (unsigned long long)failure->index, map->submission.task, (int)failure->reason_size,
             reason, info.name, worker->rank, crew_rank_host(worker->rank));
}

/* The next failure behind a result, and its reason; false at the end, or when it cannot be one. */
static bool next_failure(const struct crewi_pool_result *result, const unsigned char *bytes,
                         size_t *at, struct crewi_pool_failure *failure, const char **reason)
{
    if (result->failure_bytes - *at < sizeof *failure)
        return false;
    memcpy(failure, bytes + *at, sizeof *failure);
    size_t padded = ((size_t)failure->reason_size + 7) & ~(size_t)7;
    if (padded > result->failure_bytes - *at - sizeof *failure)
        return false;
    *reason = (const char *)bytes + *at + sizeof *failure;
    *at += sizeof *failure + padded;
    return true;
}

/* Whether the failures are those of tasks of the result, each once and in order. */
static bool check_failures(const struct crewi_pool_result *result, const unsigned char *bytes)
{
    struct crewi_pool_failure failure;
    const char *reason;
    uint64_t next = result->begin;
    size_t at = 0;
    while (next_failure(result, bytes, &at, &failure, &reason)) {
        if (failure.index < next || failure.index - result->begin >= result->count ||
            failure.status >= 0)
            return false;
        next = failure.index + 1;
    }
    return at == result->failure_bytes;
}

/* How many of them are to be tried again. */
static uint64_t take_failures(struct crewi_engine *engine, struct crewi_pool_map *map,
                              const struct crewi_worker *worker,
                              const struct crewi_pool_result *result, const unsigned char *bytes)
{
    struct crewi_pool_failure failure;
    const char *reason;
    uint64_t again = 0;
    for (size_t at = 0; next_failure(result, bytes, &at, &failure, &reason);) {
        if (try_again(map, failure.index, (crew_status)failure.status, false))
            again++;
        else
            note_failure(engine, map, worker, &failure, reason);
    }
    return again;
}

static void note_success(struct crewi_engine *engine, struct crewi_pool_map *map,
                         const struct crewi_worker *worker, struct crewi_range range)
{
    if (map->submission.reports)
        crewi_pool_report(engine, map, worker, range);
    crewi_pool_add_part(map, range, CREW_OK);
}

/* What lies between the failures has succeeded. */
static void report(struct crewi_engine *engine, struct crewi_pool_map *map,
                   const struct crewi_worker *worker, const struct crewi_pool_result *result,
                   const unsigned char *bytes)
{
    struct crewi_pool_failure failure;
    const char *reason;
    uint64_t next = result->begin, end = result->begin + result->count;
    for (size_t at = 0; next_failure(result, bytes, &at, &failure, &reason);
         next = failure.index + 1)
        note_success(engine, map, worker, (struct crewi_range){next, failure.index - next});
    note_success(engine, map, worker, (struct crewi_range){next, end - next});
}

void crewi_pool_drop_outstanding(struct crewi_worker *worker, struct crewi_pool_outstanding *chunk)
{
    struct crewi_pool_outstanding *end = &worker->outstanding[worker->outstanding_count--];
    memmove(chunk, chunk + 1, (size_t)(end - chunk - 1) * sizeof *chunk);
}

static void take_off(struct crewi_engine *engine, struct crewi_worker *worker,
                     struct crewi_pool_outstanding *from, uint64_t count)
{
    from->range.begin += count;
    from->range.count -= count;
    if (from->left > from->range.count)
        from->left = from->range.count;
    if (from->range.count)
        return;
    crewi_pool_end_recall(engine, from->map, &from->recalled);
    crewi_pool_drop_outstanding(worker, from);
}

static void count_done(struct crewi_engine *engine, struct crewi_pool_map *map, uint64_t count)
{
    map->done += count;
    map->pool->account.tasks += count;
    if (map->done == map->submission.count)
        crewi_pool_finish_map(engine, map);
}

/* Not always the oldest: a scatter may be overtaken by what was sent later. */
struct crewi_pool_outstanding *crewi_pool_chunk_of(struct crewi_worker *worker,
                                                   const struct crewi_pool_result *result)
{
    for (uint32_t i = 0; i < worker->outstanding_count; i++) {
        struct crewi_pool_outstanding *one = &worker->outstanding[i];
        if (one->map->object.id == result->map && one->range.begin == result->begin &&
            result->count <= one->range.count &&
            result->result_size == one->map->submission.result_size)
            return one;
    }
    return NULL;
}

static bool can_be_time(int64_t ns)
{
    return ns >= 0 && ns <= BUSY_LIMIT_NS;
}

/* However often a worker says the longest time that can be, nothing overflows. */
static void add_time(int64_t *sum, int64_t ns)
{
    *sum = *sum > INT64_MAX - ns ? INT64_MAX : *sum + ns;
}

/* Results of varying size. There is no failure of a task whose result has no memory until now. */
static void place_records(struct crewi_engine *engine, struct crewi_pool_map *map,
                          const struct crewi_worker *worker, const struct crewi_pool_result *result,
                          const unsigned char *failures, const unsigned char *records)
{
    static const char no_memory[] = "no memory for its result at home";
    struct crewi_pool_failure failure = {.index = UINT64_MAX};
    const char *reason;
    size_t next = 0;
    uint64_t at = 0;
    next_failure(result, failures, &next, &failure, &reason);
    for (uint64_t i = result->begin; i < result->begin + result->count; i++) {
        uint64_t begin = at;
        struct crewi_pool_record record = crewi_pool_next_record(records, &at);
        bool failed = i == failure.index;
        if (failed)
            next_failure(result, failures, &next, &failure, &reason);
        if (map->submission.keep_failed) /* what an earlier try has left */
            crewi_pool_drop_result(map, i);
        else if (failed)
            continue;
        void *place = crewi_pool_place_result(map, i, record.size);
        struct crewi_pool_failure lost = {i, CREW_ENOMEM, sizeof no_memory - 1};
        if (!place && !failed)
            note_failure(engine, map, worker, &lost, no_memory);
        else if (place && record.size)
            memcpy(place, records + begin + sizeof record, record.size);
    }
}

static void place(struct crewi_engine *engine, struct crewi_pool_map *map,
                  const struct crewi_worker *worker, const struct crewi_pool_result *result,
                  const unsigned char *failures, const unsigned char *results)
{
    if (map->bytes)
        place_records(engine, map, worker, result, failures, results);
    else if (result->result_size)
        memcpy(map->results + result->begin * result->result_size, results,
               result->count * result->result_size);
}

/* Results that were fetched (@p results is NULL) are where they belong. */
static bool apply(struct crewi_engine *engine, struct crewi_worker *worker,
                  const struct crewi_pool_result *result, const unsigned char *failures,
                  const unsigned char *results)
{
    struct crewi_pool_outstanding *chunk = crewi_pool_chunk_of(worker, result);
    struct crewi_pool_map *map = chunk->map;
    if (!can_be_time(result->busy_ns) || !can_be_time(result->cpu_ns) ||
        !check_failures(result, failures))
        return false;
    uint64_t again = take_failures(engine, map, worker, result, failures);
    if (results)
        place(engine, map, worker, result, failures, results);
    if (map->submission.reports || map->submission.parts)
        report(engine, map, worker, result, failures);
    crewi_pool_tell_parts(engine, map);
    worker->tasks += result->count;
    map->pool->tasks += (double)result->count;
    map->pool->busy_ns += (double)result->busy_ns;
    add_time(&worker->busy_ns, result->busy_ns);
    add_time(&worker->cpu_ns, result->cpu_ns);
    if (result->busy_ns) /* what is found of a worker that died does not say how long it took */
        crewi_schedule_measure(&map->schedule, result->count, result->busy_ns);
    take_off(engine, worker, chunk, result->count);
    count_done(engine, map, result->count - again);
    return true;
}

bool crewi_pool_gave_up(const struct crewi_pool *pool, const struct crewi_worker *worker)
{
    return !worker->outstanding_count && (pool->broken || pool->state == CREWI_POOL_TERMINATED);
}

/* What comes after results, some of which maybe failures. */
static void go_on(struct crewi_engine *engine, struct crewi_pool *pool, struct crewi_worker *worker,
                  bool some_failed)
{
    worker->heard_ns = engine->now_ns;
    crewi_pool_feed(engine, pool, worker);
    if (some_failed) /* some may be tried again, by any */
        crewi_pool_feed_idle(engine, pool);
    crewi_pool_list_worker(pool, worker);
    crewi_pool_steal(engine, pool);
}

/* A single task that failed has no result. */
static bool has_none(const struct crewi_pool_result *result, uint64_t size)
{
    return result->count == 1 && result->failure_bytes && !size;
}

/* Whether what follows the head, @p size bytes, are its failures and results. */
static bool has_all(const struct crewi_pool_map *map, const struct crewi_pool_result *result,
                    const unsigned char *behind, uint64_t size)
{
    if (result->failure_bytes > size)
        return false;
    size -= result->failure_bytes;
    if (!map->bytes)
        return size == result->count * result->result_size || has_none(result, size);
    return size == result->bytes &&
           crewi_pool_records_are_sound(map, result, behind + result->failure_bytes, size);
}

bool crewi_pool_take_result(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_worker *worker, const void *data, uint64_t size)
{
    struct crewi_pool_result result;
    const unsigned char *failures = (const unsigned char *)data + sizeof result;
    if (size < sizeof result)
        return false;
    memcpy(&result, data, sizeof result);
    const struct crewi_pool_outstanding *chunk = crewi_pool_chunk_of(worker, &result);
    if (!chunk)
        return crewi_pool_gave_up(pool, worker);
    struct crewi_pool_map *map = chunk->map;
    size -= sizeof result;
    if (!has_all(map, &result, failures, size))
        return false;
    const unsigned char *results = failures + result.failure_bytes;
    if (result.result_size && has_none(&result, size - result.failure_bytes)) {
        memset(map->results + result.begin * result.result_size, 0, result.result_size);
        results = NULL;
    }
    if (!apply(engine, worker, &result, failures, results))
        return false;
    go_on(engine, pool, worker, result.failure_bytes > 0);
    return true;
}

bool crewi_pool_apply_fetched(struct crewi_engine *engine, struct crewi_pool *pool,
                              struct crewi_worker *worker, const struct crewi_pool_result *result)
{
    static const unsigned char no_failures[1];
    if (!apply(engine, worker, result, no_failures, NULL))
        return false;
    go_on(engine, pool, worker, false);
    return true;
}

/* After a death */

/* Whether the last failure in a draft is of that task: it was noted, and not counted yet. */
static bool is_noted(const struct crewi_pool_result *result, const unsigned char *failures,
                     uint64_t index)
{
    struct crewi_pool_failure failure = {.index = index + 1};
    const char *reason;
    for (size_t at = 0; next_failure(result, failures, &at, &failure, &reason);)
        ;
    return failure.index == index;
}

/* Where a worker was when it died. */
enum whereabouts { SOMEWHERE, IN_NO_TASK, IN_A_TASK };

/* What was finished may have been sent already, all of it, or all but the task that it was in. */
static enum whereabouts where_behind(struct crewi_worker *worker,
                                     const struct crewi_pool_result *sent, uint64_t done,
                                     struct crewi_pool_outstanding **running)
{
    struct crewi_pool_result result = *sent;
    if (done == sent->count)
        return IN_NO_TASK;
    result.begin += done;
    result.count = 1;
    *running = crewi_pool_chunk_of(worker, &result);
    return *running ? IN_A_TASK : SOMEWHERE;
}

/* Whether the records of a draft can be, where sizes vary. */
static bool holds_records(const struct crewi_pool_map *map, const struct crewi_pool_result *draft,
                          uint64_t done, const unsigned char *bytes, uint64_t size)
{
    struct crewi_pool_result result = *draft;
    result.count = done;
    return !map->bytes ||
           crewi_pool_records_are_sound(map, &result, bytes + CREWI_POOL_DRAFT_RESULTS,
                                        size - CREWI_POOL_DRAFT_RESULTS);
}

/* The same for a draft, which may have been planned when the worker had more of the chunk; then
 * result->count is corrected. */
static struct crewi_pool_outstanding *chunk_of_draft(struct crewi_worker *worker,
                                                     struct crewi_pool_result *result)
{
    struct crewi_pool_result first = *result;
    first.count = 0;
    struct crewi_pool_outstanding *chunk = crewi_pool_chunk_of(worker, &first);
    if (!chunk || result->count > chunk->given.begin + chunk->given.count - result->begin)
        return NULL;
    if (result->count > chunk->range.count)
        result->count = chunk->range.count;
    return chunk;
}

/* Counts the results that were finished and not sent, and sets *running to the chunk whose first
 * task is the one that the worker was in. */
static enum whereabouts salvage(struct crewi_engine *engine, struct crewi_worker *worker,
                                const struct crewi_process_report *report,
                                const unsigned char *draft, struct crewi_pool_outstanding **running)
{
    struct crewi_pool_result result;
    const unsigned char *failures = draft + sizeof result;
    if (report->draft_size < CREWI_POOL_DRAFT_RESULTS)
        return SOMEWHERE;
    memcpy(&result, draft, sizeof result);
    uint64_t done = report->draft_progress;
    if (done > result.count || result.failure_bytes > CREWI_POOL_FAILURE_ROOM)
        return SOMEWHERE;
    struct crewi_pool_outstanding *chunk = chunk_of_draft(worker, &result);
    if (!chunk)
        return where_behind(worker, &result, done, running);
    uint64_t planned = result.count;
    if (done > planned)
        return SOMEWHERE;
    bool noted = done < planned && is_noted(&result, failures, result.begin + done);
    done += noted;
    if (!holds_records(chunk->map, &result, done, draft, report->draft_size))
        return SOMEWHERE;
    /* A result that had no room in the draft is lost, and its task with it. */
    bool holds = done * result.result_size <= report->draft_size - CREWI_POOL_DRAFT_RESULTS;
    result.count = holds ? done : 0;
    if (result.count && !apply(engine, worker, &result, failures, draft + CREWI_POOL_DRAFT_RESULTS))
        return SOMEWHERE;
    if (result.count == planned || (noted && holds))
        return IN_NO_TASK;
    result.begin += result.count;
    result.count = 1;
    *running = crewi_pool_chunk_of(worker, &result);
    return *running ? IN_A_TASK : SOMEWHERE;
}

/* How the task that a worker died in has failed, and why in words. */
static crew_status word_death(const struct crewi_pool_map *map, const struct crewi_worker *worker,
                              const struct crewi_process_report *report, char reason[128])
{
    char end[64];
    crewi_pool_word_end(end, sizeof end, report->status);
    if (map->killed && worker->killed) {
        snprintf(reason, 128, "it was cancelled, and its worker %s", end);
        return CREW_ECANCELED;
    }
    if (report->cause == CREWI_END_TASK_LIMIT) {
        snprintf(reason, 128, "it took longer than %g s, and its worker was ended",
                 (double)map->submission.timeout_ns / 1e9);
        return CREW_ETIMEDOUT;
    }
    snprintf(reason, 128, "its worker %s%s", end,
             report->cause == CREW_END_MEMORY_LIMIT ? ", for it used more memory than it may" : "");
    return map->pool->broken || map->pool->ended ? CREW_EBROKEN : CREW_EWORKERDIED;
}

bool crewi_pool_was_ended(const struct crewi_worker *worker,
                          const struct crewi_process_report *report)
{
    return worker->killed || report->cause == CREWI_END_TASK_LIMIT;
}

/* The signal, and where it was, if the worker has left a word. */
static void describe_crash(struct crewi_pool_map *map, uint64_t index,
                           const struct crewi_process_report *report, const unsigned char *draft)
{
    char text[CREWI_POOL_CRASH_ROOM];
    int code = crewi_exitcode(report->status);
    crew_task_error *error = crewi_pool_find_error(&map->errors, index);
    if (!error)
        return;
    error->signal = code < 0 ? -code : 0;
    if (report->draft_size < CREWI_POOL_DRAFT_RESULTS)
        return;
    memcpy(text, draft + CREWI_POOL_DRAFT_CRASH, sizeof text);
    text[sizeof text - 1] = '\0';
    crewi_crash_tidy(text, error->worker, error->backtrace, sizeof error->backtrace);
}

static void fail_running_task(struct crewi_engine *engine, struct crewi_worker *worker,
                              struct crewi_pool_outstanding *chunk,
                              const struct crewi_process_report *report, const unsigned char *draft)
{
    struct crewi_pool_map *map = chunk->map;
    char reason[128];
    crew_status status = word_death(map, worker, report, reason);
    uint64_t index = chunk->range.begin;
    struct crewi_pool_failure failure = {
        .index = index, .status = status, .reason_size = (uint32_t)strlen(reason)};
    if (map->submission.result_size)
        memset(map->results + index * map->submission.result_size, 0, map->submission.result_size);
    if (map->bytes)
        crewi_pool_drop_result(map, index);
    take_off(engine, worker, chunk, 1);
    if (try_again(map, index, status, true))
        return;
    map->ended += status == CREW_ECANCELED;
    note_failure(engine, map, worker, &failure, reason);
    describe_crash(map, index, report, draft);
    crewi_pool_tell_parts(engine, map);
    count_done(engine, map, 1);
}

/* Nobody knows which task it was in, if any. Lest that one kills the others, too, tasks go out one
 * by one from now on. */
static void be_careful(struct crewi_worker *worker)
{
    for (uint32_t i = 0; i < worker->outstanding_count; i++) {
        worker->outstanding[i].map->careful = true;
        worker->outstanding[i].map->schedule.fixed = 1;
        worker->outstanding[i].map->schedule.bundles = false;
    }
}

/* What it had and has not begun goes back. */
static void return_rest(struct crewi_engine *engine, struct crewi_pool *pool,
                        struct crewi_worker *worker)
{
    uint32_t count = worker->outstanding_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct crewi_pool_outstanding *left = &worker->outstanding[i];
        if (!left->map->over && crewi_pool_return_tasks(left->map, left->range))
            crewi_log(CREWI_LOG_ERROR, "tasks were lost: %s", crew_error_message());
    }
    worker->outstanding_count = 0;
    crewi_pool_cancel_what_came_back(engine, pool);
    for (uint32_t i = 0; i < count; i++)
        crewi_pool_end_recall(engine, worker->outstanding[i].map, &worker->outstanding[i].recalled);
}

void crewi_pool_recover(struct crewi_engine *engine, struct crewi_pool *pool,
                        struct crewi_worker *worker, const struct crewi_process_report *report,
                        const void *draft)
{
    struct crewi_pool_outstanding *running = NULL;
    crewi_pool_drop_fetch(engine, worker);
    enum whereabouts where = salvage(engine, worker, report, draft, &running);
    if (where == SOMEWHERE && worker->outstanding_count &&
        (worker->outstanding[0].alone || (pool->ended && pool->spec.inside)))
        running = &worker->outstanding[0];
    if (running)
        fail_running_task(engine, worker, running, report, draft);
    else if (where == SOMEWHERE && !worker->killed)
        be_careful(worker);
    worker->killed = false;
    return_rest(engine, pool, worker);
    for (uint32_t i = 0; i < pool->worker_count; i++)
        if (&pool->workers[i] != worker)
            crewi_pool_feed(engine, pool, &pool->workers[i]);
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_list_worker(pool, &pool->workers[i]);
    crewi_pool_stop_stealing(pool, worker);
}
