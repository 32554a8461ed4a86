/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/pool.h>, but for maps. */
#include <crew/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/options.h"
#include "engine/client.h"
#include "pool/pool_protocol.h"
#include "pool/result_call.h"
#include "pool/result_keeper.h"
#include "process/process_call.h"

#include <crew/run.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define WORKER_LIMIT 4096

#define ARGUMENT_LIMIT ((size_t)1 << 30)

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
    if (attr->max_tasks_per_worker < 0)
        return crewi_error(CREW_EINVAL,
                           "workers for %d tasks each: expected at least 1 (0 for any number)",
                           attr->max_tasks_per_worker);
    if (method == CREW_START_RANK && (attr->memory_limit || attr->max_tasks_per_worker))
        return crewi_error(CREW_ENOTSUP,
                           "workers inside ranks can neither be limited nor replaced");
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
        .max_tasks = (uint32_t)attr->max_tasks_per_worker,
        .memory_limit = attr->memory_limit,
        .break_on_death = attr->break_on_death,
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

crew_status crew_pool_workers(crew_pool pool, crew_worker_info *workers, size_t room, size_t *count)
{
    struct crewi_frame *reply;
    if (!count || (room && !workers))
        return crewi_error(CREW_EINVAL, "crew_pool_workers: %s is NULL",
                           count ? "workers" : "count");
    crew_status status = ask(pool, CREWI_POOL_WORKERS, NULL, 0, 0, &reply);
    if (status)
        return status;
    *count = crewi_reply_copy(reply, sizeof *workers, workers, room);
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

static crew_status end_workers(crew_pool pool, int32_t number)
{
    return ask(pool, CREWI_POOL_END_WORKERS, &number, sizeof number, 0, NULL);
}

crew_status crew_pool_terminate_workers(crew_pool pool)
{
    return end_workers(pool, SIGTERM);
}

crew_status crew_pool_kill_workers(crew_pool pool)
{
    return end_workers(pool, SIGKILL);
}

crew_status crew_pool_join(crew_pool pool)
{
    crew_status status = ask(pool, CREWI_POOL_JOIN, NULL, 0, CREWI_FOREVER, NULL);
    if (status)
        return status;
    crewi_keepers_join(pool);
    crewi_callbacks_end(pool);
    return CREW_OK;
}

crew_status crew_pool_shutdown(crew_pool pool, bool wait, bool cancel)
{
    crew_status status = crew_pool_close(pool);
    if (!status && cancel)
        status = ask(pool, CREWI_POOL_CANCEL, NULL, 0, 0, NULL);
    return status || !wait ? status : crew_pool_join(pool);
}

crew_status crew_pool_destroy(crew_pool pool)
{
    crew_status status = crew_pool_terminate(pool);
    if (!status)
        status = crew_pool_join(pool);
    return status ? status : ask(pool, CREWI_POOL_DESTROY, NULL, 0, 0, NULL);
}
