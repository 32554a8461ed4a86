/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/pool.h>, but for maps. */
#include <crew/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/options.h"
#include "base/pointers.h"
#include "engine/client.h"
#include "node/job.h"
#include "pool/completions.h"
#include "pool/pool_call.h"
#include "pool/pool_protocol.h"
#include "pool/pool_ranks.h"
#include "pool/result_call.h"
#include "pool/result_keeper.h"
#include "process/process_call.h"

#include <crew/run.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENT_LIMIT ((size_t)1 << 30)

static crew_status check_handle(crew_pool pool)
{
    return pool.id || !crewi_client_current()
               ? CREW_OK
               : crewi_error(CREW_EINVAL, "the pool handle is empty");
}

crew_status crewi_pool_ask(crew_pool pool, enum crewi_pool_op op, const void *data, size_t size,
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
    if (attr->workers < 0)
        return crewi_error(CREW_EINVAL,
                           "a pool of %d workers: expected at least 1 (0 for one on each rank)",
                           attr->workers);
    if (attr->workers > CREWI_WORKER_LIMIT)
        return crewi_error(CREW_EINVAL, "a pool of %d workers: at most %d are possible",
                           attr->workers, CREWI_WORKER_LIMIT);
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
    return CREW_OK;
}

/* One on each of so many ranks, but no more than a CPU quota lets run. */
static int32_t default_workers(uint32_t ranks)
{
    int32_t count = ranks < CREWI_WORKER_LIMIT ? (int32_t)ranks : CREWI_WORKER_LIMIT;
    return crewi_job->has_quota && crewi_job->cpu_count < count ? crewi_job->cpu_count : count;
}

/* How many there are to be, 0 for the default on so many ranks. */
static crew_status count_workers(int workers, uint32_t ranks, crew_start_method method,
                                 int32_t *count)
{
    if (method == CREW_START_RANK && (int64_t)workers > ranks)
        return crewi_error(CREW_EINVAL,
                           "%d workers inside %u ranks: CREW_START_RANK allows one on each",
                           workers, ranks);
    *count = workers ? workers : default_workers(ranks);
    return CREW_OK;
}

/* The description and the ranks behind it, in memory to be freed; NULL when there is none. */
static void *make_head(const struct crewi_pool_spec *spec, const struct crewi_pool_ranks *ranks)
{
    size_t rank_bytes = spec->chosen * sizeof *ranks->list;
    unsigned char *head = malloc(sizeof *spec + rank_bytes);
    if (!head)
        return NULL;
    memcpy(head, spec, sizeof *spec);
    if (ranks->list)
        memcpy(head + sizeof *spec, ranks->list, rank_bytes);
    return head;
}

static crew_status fill_in(const crew_pool_attr *attr, crew_start_method method,
                           const struct crewi_identity *creator, struct crewi_pool_spec *spec)
{
    *spec = (struct crewi_pool_spec){
        .inside = method == CREW_START_RANK,
        .start_method = (uint8_t)creator->start_method,
        .bind = crewi_options.bind == CREWI_BIND_CORE,
        .initialized = attr->initializer != NULL,
        .max_tasks = (uint32_t)attr->max_tasks_per_worker,
        .memory_limit = attr->memory_limit,
        .break_on_death = attr->break_on_death,
        .log = crewi_logger_settings(crewi_logger_current()),
    };
    memcpy(spec->creator_name, creator->name, sizeof spec->creator_name);
    memcpy(spec->creator_path, creator->path, sizeof spec->creator_path);
    crew_status status = crewi_funcref_make(&spec->worker, (crewi_function *)crewi_pool_worker);
    return status || !attr->initializer
               ? status
               : crewi_funcref_make(&spec->initializer, (crewi_function *)attr->initializer);
}

/* What is asked for, and the head of the request. */
static crew_status describe(const crew_pool_attr *attr, crew_start_method method,
                            const struct crewi_identity *creator, struct crewi_pool_spec *spec,
                            void **head)
{
    struct crewi_pool_ranks ranks;
    crew_status status = fill_in(attr, method, creator, spec);
    if (!status)
        status = crewi_pool_choose_ranks(attr, &ranks);
    if (status)
        return status;
    spec->chosen = ranks.count;
    status = count_workers(attr->workers, ranks.list ? ranks.count : (uint32_t)crew_rank_count(),
                           method, &spec->workers);
    *head = status ? NULL : make_head(spec, &ranks);
    free(ranks.list);
    return status || *head ? status : crewi_error_memory();
}

/* Asks for it, and frees the head, even when a process inside a rank is ended in the call. */
static crew_status create(const crew_pool_attr *attr, void *head, size_t head_size, crew_pool *pool)
{
    crew_status status;
    struct crewi_call call = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_CREATE,
        .rank = (uint32_t)crew_current_rank(),
        .head = head,
        .head_size = head_size,
        .body = attr->initializer_arg,
        .body_size = attr->initializer ? attr->initializer_size : 0,
    };
    pthread_cleanup_push(free, head);
    status = crewi_call_fixed(&call, &pool->id, sizeof pool->id);
    pthread_cleanup_pop(1);
    return status;
}

crew_status crew_pool_create(crew_pool *pool, const crew_pool_attr *attr)
{
    static const crew_pool_attr defaults;
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing("crew_pool_create");
    if (!pool)
        return crewi_error(CREW_EINVAL, "crew_pool_create: pool is NULL");
    if (!attr)
        attr = &defaults;
    crew_start_method method = crewi_process_start_method(&client->identity, attr->start_method);
    crew_status status = check_attr(attr, method);
    if (!status && attr->initializer)
        status = crewi_check_pointers("crew_pool_create", "initializer_arg", attr->initializer_arg,
                                      1, attr->initializer_size);
    if (status)
        return status;
    if (client->identity.daemon)
        return crewi_error(CREW_ESTATE, "%s is a daemon: daemonic processes may not have children",
                           client->identity.name);
    struct crewi_pool_spec spec;
    void *head;
    status = describe(attr, method, &client->identity, &spec, &head);
    if (status)
        return status;
    client->has_made_processes = true;
    status = crewi_process_tell_environment();
    if (status) {
        free(head);
        return status;
    }
    return create(attr, head, sizeof spec + spec.chosen * sizeof(int32_t), pool);
}

crew_status crew_pool_workers(crew_pool pool, crew_worker_info *workers, size_t room, size_t *count)
{
    struct crewi_frame *reply;
    if (!count || (room && !workers))
        return crewi_error(CREW_EINVAL, "crew_pool_workers: %s is NULL",
                           count ? "workers" : "count");
    crew_status status = crewi_pool_ask(pool, CREWI_POOL_WORKERS, NULL, 0, 0, &reply);
    if (status)
        return status;
    *count = crewi_reply_copy(reply, sizeof *workers, workers, room);
    return CREW_OK;
}

crew_status crew_pool_close(crew_pool pool)
{
    return crewi_pool_ask(pool, CREWI_POOL_CLOSE, NULL, 0, 0, NULL);
}

crew_status crew_pool_terminate(crew_pool pool)
{
    return crewi_pool_ask(pool, CREWI_POOL_TERMINATE, NULL, 0, 0, NULL);
}

static crew_status end_workers(crew_pool pool, int32_t number)
{
    return crewi_pool_ask(pool, CREWI_POOL_END_WORKERS, &number, sizeof number, 0, NULL);
}

crew_status crew_pool_terminate_workers(crew_pool pool)
{
    return end_workers(pool, SIGTERM);
}

crew_status crew_pool_kill_workers(crew_pool pool)
{
    return end_workers(pool, SIGKILL);
}

crew_status crew_pool_join(crew_pool pool, double timeout_s)
{
    crew_status status =
        crewi_pool_ask(pool, CREWI_POOL_JOIN, NULL, 0, crewi_timeout_ns(timeout_s), NULL);
    if (status)
        return status;
    crewi_keepers_join(pool);
    crewi_callbacks_end(pool);
    return CREW_OK;
}

crew_status crew_pool_shutdown(crew_pool pool, bool cancel)
{
    crew_status status = crew_pool_close(pool);
    if (!status && cancel)
        status = crewi_pool_ask(pool, CREWI_POOL_CANCEL, NULL, 0, 0, NULL);
    return status;
}

crew_status crew_pool_destroy(crew_pool pool)
{
    crew_status status = crew_pool_terminate(pool);
    if (!status)
        status = crew_pool_join(pool, CREW_FOREVER);
    if (!status)
        status = crewi_pool_ask(pool, CREWI_POOL_DESTROY, NULL, 0, 0, NULL);
    if (!status)
        crewi_completions_end(pool.id);
    return status;
}
