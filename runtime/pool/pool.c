/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/pool.h>. */
#include <crew/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/options.h"
#include "engine/client.h"
#include "pool/pool_protocol.h"
#include "pool/progress_bar.h"
#include "process/process_call.h"

#include <crew/run.h>
#include <string.h>
#include <unistd.h>

#define WORKER_LIMIT 4096

#define ARGUMENT_LIMIT ((size_t)1 << 30)

/* How often a progress bar is drawn. */
#define PROGRESS_NS (100 * CREWI_MILLISECOND)

static crew_status check_handle(crew_pool pool)
{
    return pool.id || !crewi_client_current()
               ? CREW_OK
               : crewi_error(CREW_EINVAL, "the pool handle is empty");
}

static crew_status ask(crew_pool pool, enum crewi_pool_op op, const void *data, size_t size,
                       int64_t timeout_ns, struct crewi_frame **reply)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_POOL,
        .op = (uint8_t)op,
        .object = pool.id,
        .timeout_ns = timeout_ns,
        .head = data,
        .head_size = size,
    };
    crew_status status = check_handle(pool);
    return status ? status : crewi_call(&call, reply);
}

static crew_status check_attr(const crew_pool_attr *attr, crew_start_method method)
{
    int ranks = crew_rank_count();
    if (attr->workers < 0)
        return crewi_error(CREW_EINVAL,
                           "a pool of %d workers: expected at least 1 (0 for one on each rank)",
                           attr->workers);
    if (attr->workers > WORKER_LIMIT)
        return crewi_error(CREW_EINVAL, "a pool of %d workers: at most %d are possible",
                           attr->workers, WORKER_LIMIT);
    if (attr->start_method < CREW_START_DEFAULT || attr->start_method > CREW_START_RANK)
        return crewi_error(CREW_EINVAL, "%d is no start method", (int)attr->start_method);
    if (attr->initializer && attr->initializer_size > ARGUMENT_LIMIT)
        return crewi_error(CREW_EINVAL, "an initializer_arg of %zu bytes, more than 1 GiB",
                           attr->initializer_size);
    if (attr->initializer && attr->initializer_size && !attr->initializer_arg)
        return crewi_error(CREW_EINVAL, "initializer_arg is NULL, with a size of %zu",
                           attr->initializer_size);
    if (method == CREW_START_RANK && attr->workers > ranks)
        return crewi_error(CREW_EINVAL,
                           "%d workers inside %d ranks: CREW_START_RANK allows one on each",
                           attr->workers, ranks);
    return CREW_OK;
}

crew_status crew_pool_create(crew_pool *pool, const crew_pool_attr *attr)
{
    static const crew_pool_attr defaults;
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_error(CREW_ESTATE, "crew_pool_create: not inside crew_run()");
    if (!pool)
        return crewi_error(CREW_EINVAL, "crew_pool_create: pool is NULL");
    if (!attr)
        attr = &defaults;
    crew_start_method method = crewi_process_start_method(&client->identity, attr->start_method);
    crew_status status = check_attr(attr, method);
    if (status)
        return status;
    if (client->identity.daemon)
        return crewi_error(CREW_ESTATE, "%s is a daemon: daemonic processes may not have children",
                           client->identity.name);
    struct crewi_pool_spec spec = {
        .workers = attr->workers                      ? attr->workers
                   : crew_rank_count() < WORKER_LIMIT ? crew_rank_count()
                                                      : WORKER_LIMIT,
        .inside = method == CREW_START_RANK,
        .start_method = (uint8_t)client->identity.start_method,
        .bind = crewi_options.bind == CREWI_BIND_CORE,
        .initialized = attr->initializer != NULL,
        .log = crewi_logger_settings(crewi_logger_current()),
    };
    memcpy(spec.creator_name, client->identity.name, sizeof spec.creator_name);
    memcpy(spec.creator_path, client->identity.path, sizeof spec.creator_path);
    status = crewi_funcref_make(&spec.worker, (crewi_function *)crewi_pool_worker);
    if (!status && attr->initializer)
        status = crewi_funcref_make(&spec.initializer, (crewi_function *)attr->initializer);
    if (status)
        return status;
    client->has_made_processes = true;
    struct crewi_call call = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_CREATE,
        .rank = (uint32_t)crew_current_rank(),
        .head = &spec,
        .head_size = sizeof spec,
        .body = attr->initializer_arg,
        .body_size = attr->initializer ? attr->initializer_size : 0,
    };
    return crewi_call_fixed(&call, &pool->id, sizeof pool->id);
}

static crew_status check_task(const crew_task *task, const void *items, const void *results,
                              size_t count)
{
    const char *missing = !task->function ? "task.function" : count && !items ? "items" : NULL;
    if (!missing && count && task->result_size && !results)
        missing = "results";
    if (missing)
        return crewi_error(CREW_EINVAL, "crew_pool_map: %s is NULL", missing);
    if (!task->item_size)
        return crewi_error(CREW_EINVAL, "crew_pool_map: items of size 0");
    size_t largest = task->item_size > task->result_size ? task->item_size : task->result_size;
    if (largest > CREWI_FRAME_LIMIT / 2)
        return crewi_error(
            CREW_EINVAL, "crew_pool_map: an item or result of %zu bytes, more than 1 GiB", largest);
    if (count > (SIZE_MAX >> 2) / (largest + sizeof(crew_status)))
        return crewi_error(CREW_EINVAL,
                           "crew_pool_map: %zu items of %zu bytes are more than memory", count,
                           largest);
    return CREW_OK;
}

/* A caller in the home rank shares its arrays with the home; a child sends the items, and gets the
 * results with the outcome. */
static crew_status submit(crew_pool pool, const struct crewi_pool_submission *submission,
                          const void *items, uint64_t *map)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_SUBMIT,
        .object = pool.id,
        .head = submission,
        .head_size = sizeof *submission,
        .body = items,
        .body_size = submission->shared ? 0 : submission->count * submission->item_size,
    };
    return crewi_call_fixed(&call, map, sizeof *map);
}

/* One wait; *over says whether the map is done. */
static crew_status wait_once(crew_pool pool, uint64_t map, int64_t timeout_ns,
                             struct crewi_pool_progress *progress)
{
    struct crewi_frame *reply;
    crew_status status = ask(pool, CREWI_POOL_WAIT, &map, sizeof map, timeout_ns, &reply);
    if (status)
        return status;
    bool filled = reply->header.size == sizeof *progress;
    if (filled)
        memcpy(progress, reply->payload, sizeof *progress);
    crewi_frame_destroy(reply);
    return filled ? CREW_OK : wait_once(pool, map, 0, progress);
}

static crew_status wait_until_over(crew_pool pool, uint64_t map, bool draw)
{
    struct crewi_pool_progress progress;
    struct crewi_progress_bar bar;
    crewi_progress_bar_begin(&bar, crewi_now_ns());
    do {
        crew_status status = wait_once(pool, map, draw ? PROGRESS_NS : CREWI_FOREVER, &progress);
        if (status)
            return status;
        if (draw)
            crewi_progress_bar_draw(&bar, &progress, crewi_now_ns());
    } while (!progress.over);
    return CREW_OK;
}

static crew_status take(crew_pool pool, uint64_t map,
                        const struct crewi_pool_submission *submission, void *results,
                        crew_status *statuses)
{
    struct crewi_pool_outcome outcome;
    struct crewi_frame *reply;
    crew_status status = ask(pool, CREWI_POOL_TAKE, &map, sizeof map, 0, &reply);
    if (status)
        return status;
    memcpy(&outcome, reply->payload, sizeof outcome);
    const unsigned char *at = reply->payload + sizeof outcome;
    status = (crew_status)outcome.status;
    if (status)
        crewi_error_text(status, (const char *)at, outcome.reason_size);
    at += outcome.reason_size;
    if (!submission->shared) {
        size_t status_bytes = statuses ? submission->count * sizeof *statuses : 0;
        size_t result_bytes = submission->count * submission->result_size;
        if (status_bytes)
            memcpy(statuses, at, status_bytes);
        if (result_bytes)
            memcpy(results, at + status_bytes, result_bytes);
    }
    crewi_frame_destroy(reply);
    return status;
}

static crew_status describe(struct crewi_pool_submission *submission, const crew_task *task,
                            const void *items, void *results, const crew_map_attr *attr)
{
    *submission = (struct crewi_pool_submission){
        .item_size = task->item_size,
        .result_size = task->result_size,
        .chunk = attr->chunk,
        .items = (uint64_t)(uintptr_t)items,
        .results = (uint64_t)(uintptr_t)results,
        .statuses = (uint64_t)(uintptr_t)attr->statuses,
        .shared = !crewi_client_current()->remote,
        .wants_statuses = attr->statuses != NULL,
    };
    const char *name = task->name ? task->name : "a task";
    size_t length = strnlen(name, sizeof submission->task - 1);
    memcpy(submission->task, name, length);
    return crewi_funcref_make(&submission->function, (crewi_function *)task->function);
}

crew_status crew_pool_map(crew_pool pool, crew_task task, const void *items, void *results,
                          size_t count, const crew_map_attr *attr)
{
    static const crew_map_attr defaults;
    struct crewi_pool_submission submission;
    uint64_t map;
    if (!attr)
        attr = &defaults;
    if (!crewi_client_current())
        return crewi_error(CREW_ESTATE, "crew_pool_map: not inside crew_run()");
    crew_status status = check_handle(pool);
    if (!status)
        status = check_task(&task, items, results, count);
    if (status || (status = describe(&submission, &task, items, results, attr)))
        return status;
    submission.count = count;
    status = submit(pool, &submission, items, &map);
    if (!status)
        status = wait_until_over(pool, map, attr->progress);
    return status ? status : take(pool, map, &submission, results, attr->statuses);
}

crew_status crew_pool_workers(crew_pool pool, crew_worker_info *workers, size_t room, size_t *count)
{
    struct crewi_frame *reply;
    if (!count || (room && !workers))
        return crewi_error(CREW_EINVAL, "crew_pool_workers: %s is NULL",
                           count ? "workers" : "count");
    crew_status status = ask(pool, CREWI_POOL_WORKERS, NULL, 0, 0, &reply);
    if (status)
        return status;
    *count = reply->header.size / sizeof *workers;
    size_t copied = *count < room ? *count : room;
    if (copied)
        memcpy(workers, reply->payload, copied * sizeof *workers);
    crewi_frame_destroy(reply);
    return CREW_OK;
}

crew_status crew_pool_close(crew_pool pool)
{
    return ask(pool, CREWI_POOL_CLOSE, NULL, 0, 0, NULL);
}

crew_status crew_pool_terminate(crew_pool pool)
{
    return ask(pool, CREWI_POOL_TERMINATE, NULL, 0, 0, NULL);
}

crew_status crew_pool_join(crew_pool pool)
{
    return ask(pool, CREWI_POOL_JOIN, NULL, 0, CREWI_FOREVER, NULL);
}

crew_status crew_pool_destroy(crew_pool pool)
{
    crew_status status = crew_pool_terminate(pool);
    if (!status)
        status = crew_pool_join(pool);
    return status ? status : ask(pool, CREWI_POOL_DESTROY, NULL, 0, 0, NULL);
}
