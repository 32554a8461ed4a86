/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a pool at its home. */
#include "pool/pool_home.h"

#include "base/error.h"
#include "base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Its maps stay in the table of objects when that ends, too. */
static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    struct crewi_pool *pool = (struct crewi_pool *)object;
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_drop_fetch(engine, &pool->workers[i]);
    while (pool->maps)
        crewi_pool_free_map(engine, pool->maps);
    crewi_parking_clear(engine, &pool->joins);
    crewi_parking_refuse_all(engine, &pool->next_done, CREW_ECLOSED, "the pool is gone");
    crewi_parking_refuse_all(engine, &pool->completed, CREW_ENOENT, "the pool was destroyed");
    free(pool->worker_arg);
    crewi_table_fini(&pool->by_process);
    free(pool->workers);
    free(pool->listed[0]);
    free(pool);
}

static void forget(struct crewi_engine *engine, struct crewi_pool *pool)
{
    for (const struct crewi_pool_map *map = pool->maps; map; map = map->next)
        crewi_engine_remove(engine, map->object.id);
    crewi_engine_remove(engine, pool->object.id);
    destroy(engine, &pool->object);
}

static bool is_sound(const struct crewi_pool_spec *spec)
{
    return spec->workers >= 1 && spec->workers <= CREWI_WORKER_LIMIT &&
           crewi_funcref_is_sound(&spec->worker) && crewi_funcref_is_sound(&spec->initializer) &&
           memchr(spec->creator_name, '\0', sizeof spec->creator_name) &&
           memchr(spec->creator_path, '\0', sizeof spec->creator_path);
}

/* Whether the ranks behind it are in the job. */
static bool has_sound_ranks(const struct crewi_engine *engine, const struct crewi_pool_spec *spec,
                            const struct crewi_message *message)
{
    const unsigned char *ranks = (const unsigned char *)message->data + sizeof *spec;
    int32_t rank;
    if (spec->chosen > engine->rank_count ||
        message->size - sizeof *spec < spec->chosen * sizeof rank)
        return false;
    for (uint32_t i = 0; i < spec->chosen; i++) {
        memcpy(&rank, ranks + i * sizeof rank, sizeof rank);
        if (rank < 0 || (uint32_t)rank >= engine->rank_count)
            return false;
    }
    return true;
}

/* Workers go round the ranks that were chosen, or all of them. */
static void place_workers(const struct crewi_engine *engine, struct crewi_pool *pool,
                          const unsigned char *ranks)
{
    uint32_t chosen = pool->spec.chosen;
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        int32_t rank = (int32_t)(i % engine->rank_count);
        if (chosen)
            memcpy(&rank, ranks + i % chosen * sizeof rank, sizeof rank);
        pool->workers[i].rank = rank;
    }
}

static bool make_worker_arg(struct crewi_pool *pool, const void *initializer_arg, size_t size)
{
    struct crewi_pool_worker_arg arg = {.pool = pool->object.id,
                                        .initialized = pool->spec.initialized,
                                        .home = crewi_loan_make(NULL, &pool->cookie),
                                        .initializer = pool->spec.initializer};
    pool->worker_arg_size = sizeof arg + size;
    pool->worker_arg = malloc(pool->worker_arg_size);
    if (!pool->worker_arg)
        return false;
    memcpy(pool->worker_arg, &arg, sizeof arg);
    memcpy((char *)pool->worker_arg + sizeof arg, initializer_arg, size);
    return true;
}

static struct crewi_pool *make(struct crewi_engine *engine, const struct crewi_pool_spec *spec,
                               const struct crewi_message *message)
{
    struct crewi_pool *pool = calloc(1, sizeof *pool);
    struct crewi_worker *workers = calloc((size_t)spec->workers, sizeof *workers);
    uint32_t *lists = calloc(CREWI_WORKER_LISTS * (size_t)spec->workers, sizeof *lists);
    if (!pool || !workers || !lists)
        goto fail;
    *pool = (struct crewi_pool){.object.id = crewi_engine_new_id(engine, CREWI_KIND_POOL),
                                .spec = *spec,
                                .creator = message->origin.process,
                                .cookie = crewi_loan_cookie(),
                                .creation = message->origin,
                                .workers = workers,
                                .worker_count = (uint32_t)spec->workers,
                                .account.created_ns = engine->now_ns};
    for (size_t i = 0; i < CREWI_WORKER_LISTS; i++)
        pool->listed[i] = lists + i * pool->worker_count;
    size_t rank_bytes = spec->chosen * sizeof(int32_t);
    const unsigned char *behind = (const unsigned char *)message->data + sizeof *spec;
    place_workers(engine, pool, behind);
    if (make_worker_arg(pool, behind + rank_bytes, message->size - sizeof *spec - rank_bytes) &&
        !crewi_table_reserve(&pool->by_process, pool->worker_count) &&
        !crewi_engine_add(engine, &pool->object))
        return pool;
    free(pool->worker_arg);
    crewi_table_fini(&pool->by_process);
fail:
    free(lists);
    free(workers);
    free(pool);
    return NULL;
}

static void create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pool_spec spec = {0};
    if (message->size >= sizeof spec)
        memcpy(&spec, message->data, sizeof spec);
    if (message->size < sizeof spec || !is_sound(&spec) ||
        !has_sound_ranks(engine, &spec, message)) {
        crewi_engine_refuse_malformed(
            engine, message, "a pool with its workers and ranks of the job, at least %zu bytes",
            sizeof spec);
        return;
    }
    struct crewi_pool *pool = make(engine, &spec, message);
    if (!pool) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM,
                            "no memory for a pool of %d workers", spec.workers);
        return;
    }
    if (crewi_pool_start_workers(engine, pool))
        crewi_pool_fail_start(engine, pool, CREW_ENOMEM, "no memory to start the workers");
    if (pool->abandoned && !pool->live)
        forget(engine, pool);
}

static const char *end_in_words(const struct crewi_pool *pool)
{
    if (pool->state == CREWI_POOL_TERMINATED)
        return "the pool was terminated";
    return pool->ended ? "the workers of the pool were ended" : "the pool was closed";
}

static void submit(struct crewi_engine *engine, struct crewi_pool *pool,
                   const struct crewi_message *message)
{
    if (pool->broken)
        crewi_engine_refuse(engine, &message->origin, CREW_EBROKEN, "the pool is broken: %s",
                            pool->reason);
    else if (pool->state != CREWI_POOL_OPEN)
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "%s: it takes no more tasks",
                            end_in_words(pool));
    else
        crewi_pool_submit(engine, pool, message);
}

static void describe_workers(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message)
{
    crew_worker_info *infos = calloc(pool->worker_count, sizeof *infos);
    if (!infos) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < pool->worker_count; i++)
        crewi_pool_describe_worker(engine, &pool->workers[i], &infos[i]);
    crewi_engine_reply(engine, &message->origin, infos, pool->worker_count * sizeof *infos);
    free(infos);
}

static void close_pool(struct crewi_engine *engine, struct crewi_pool *pool)
{
    if (pool->state == CREWI_POOL_OPEN)
        pool->state = CREWI_POOL_CLOSED;
    if (!crewi_pool_has_work(pool))
        crewi_pool_stop_workers(engine, pool, false);
}

static void terminate(struct crewi_engine *engine, struct crewi_pool *pool)
{
    pool->state = CREWI_POOL_TERMINATED;
    crewi_pool_stop_workers(engine, pool, true);
    crewi_pool_fail_maps(engine, pool, CREW_ECANCELED, "the pool was terminated");
}

/* Its creator leaves. What it had closed finishes its work. The workers end as other daemons do,
 * and none is replaced. */
static void leave_pool(struct crewi_engine *engine, struct crewi_pool *pool)
{
    if (pool->broken || pool->state == CREWI_POOL_CLOSED || pool->state == CREWI_POOL_TERMINATED)
        return;
    pool->state = CREWI_POOL_TERMINATED;
    for (uint32_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].state != CREWI_WORKER_GONE)
            crewi_process_end_daemon(engine, pool->workers[i].process);
    crewi_pool_leave_maps(engine, pool);
    crewi_pool_fail_maps(engine, pool, CREW_ECANCELED, "its process has ended");
}

/* What workers have begun fails when they end; one that ignores the signal finishes it, and is told
 * to stop then. */
static void end_workers(struct crewi_engine *engine, struct crewi_pool *pool,
                        const struct crewi_message *message)
{
    int32_t number = 0;
    if (message->size == sizeof number)
        memcpy(&number, message->data, sizeof number);
    if (number != SIGTERM && number != SIGKILL) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "no signal that ends workers");
        return;
    }
    if (pool->spec.inside && number == SIGKILL) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP,
                            "workers inside ranks cannot be killed");
        return;
    }
    if (pool->state != CREWI_POOL_TERMINATED) {
        crewi_pool_cancel_all(engine, pool);
        close_pool(engine, pool);
        crewi_pool_end_workers(engine, pool, number);
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void join(struct crewi_engine *engine, struct crewi_pool *pool,
                 const struct crewi_message *message)
{
    if (pool->state == CREWI_POOL_OPEN && !pool->broken)
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "the pool is open: close or terminate it first");
    else if (pool->live)
        crewi_park(engine, &pool->joins, message);
    else
        crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void give_back(struct crewi_engine *engine, struct crewi_pool *pool,
                      const struct crewi_message *message)
{
    if (pool->live) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "the pool has workers: terminate and join it first");
        return;
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
    pool->abandoned = true; /* and with no worker left it goes when this request is over */
}

static void forget_waits(struct crewi_engine *engine, struct crewi_pool *pool,
                         const struct crewi_message *message)
{
    uint64_t range[2];
    if (message->size != sizeof range)
        return;
    memcpy(range, message->data, sizeof range);
    crewi_parking_drop_requests(engine, &pool->completed, message->origin.process, range[0],
                                range[1]);
}

static void request_of_creator(struct crewi_engine *engine, struct crewi_pool *pool,
                               const struct crewi_message *message)
{
    switch (message->op) {
    case CREWI_POOL_SUBMIT:
        submit(engine, pool, message);
        break;
    case CREWI_POOL_NEXT_DONE:
        crewi_pool_next_done(engine, pool, message);
        break;
    case CREWI_POOL_COMPLETED:
        crewi_pool_completed(engine, pool, message);
        break;
    case CREWI_OP_FORGET_WAITS:
        forget_waits(engine, pool, message);
        break;
    case CREWI_POOL_WORKERS:
        describe_workers(engine, pool, message);
        break;
    case CREWI_POOL_DESCRIBE:
        crewi_pool_describe(engine, pool, message);
        break;
    case CREWI_POOL_CANCEL:
        crewi_pool_cancel_all(engine, pool);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    case CREWI_POOL_CLOSE:
        close_pool(engine, pool);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    case CREWI_POOL_TERMINATE:
        terminate(engine, pool);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    case CREWI_POOL_LEAVE:
        leave_pool(engine, pool);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    case CREWI_POOL_END_WORKERS:
        end_workers(engine, pool, message);
        break;
    case CREWI_POOL_JOIN:
        join(engine, pool, message);
        break;
    case CREWI_POOL_DESTROY:
        give_back(engine, pool, message);
        break;
    default:
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a pool has no operation %d",
                            message->op);
    }
}

static void result_of_worker(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message)
{
    struct crewi_worker *worker = crewi_pool_find_worker(pool, message->origin.process);
    if (!worker)
        return;
    if (message->op == CREWI_POOL_LENT
            ? crewi_pool_fetch(engine, pool, worker, message)
            : crewi_pool_take_result(engine, pool, worker, message->data, message->size))
        return;
    struct crewi_pool_result result = {0};
    if (message->size >= sizeof result)
        memcpy(&result, message->data, sizeof result);
    crewi_log(CREWI_LOG_ERROR,
              "a worker on rank %d sent a result that it was not asked for (%llu tasks from %llu "
              "on), and is killed",
              worker->rank, (unsigned long long)result.count, (unsigned long long)result.begin);
    crewi_process_signal(engine, worker->process, SIGKILL);
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    struct crewi_pool *pool = (struct crewi_pool *)object;
    if (!pool) {
        if (message->op == CREWI_POOL_CREATE)
            create(engine, message);
        else if (!crewi_pool_request_to_rank(engine, message))
            crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                                "there is no operation %d on pools", message->op);
        return;
    }
    if (message->op == CREWI_POOL_READY)
        crewi_pool_worker_ready(engine, pool, message);
    else if (message->op == CREWI_POOL_UNFIT)
        crewi_pool_worker_unfit(engine, pool, message);
    else if (message->op == CREWI_POOL_RESULT || message->op == CREWI_POOL_LENT)
        result_of_worker(engine, pool, message);
    else if (message->op == CREWI_POOL_ITEM)
        crewi_pool_send_item(engine, pool, message);
    else if (message->op == CREWI_POOL_STOLEN)
        crewi_pool_stolen(engine, pool, message);
    else if (message->op == CREWI_WATCH_SPAWNED)
        crewi_pool_worker_spawned(engine, pool, message);
    else if (message->op == CREWI_WATCH_ENDED)
        crewi_pool_worker_ended(engine, pool, message);
    else if (message->origin.process == pool->creator)
        request_of_creator(engine, pool, message);
    else
        crewi_engine_refuse(engine, &message->origin, CREW_EPERM,
                            "only the process that created the pool (%s) may use it",
                            pool->spec.creator_name);
    crewi_pool_sweep(engine, pool);
    if (pool->abandoned && !pool->live)
        forget(engine, pool);
}

/* The processes kind kills the workers of a creator that is gone; here only what is kept for it
 * goes. */
static void abandon(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    struct crewi_pool *pool = (struct crewi_pool *)object;
    const uint64_t *creator = context;
    if (pool->creator != *creator)
        return;
    pool->abandoned = true;
    pool->creation.request = 0;
    crewi_parking_clear(engine, &pool->joins);
    crewi_parking_clear(engine, &pool->completed);
    crewi_pool_leave_maps(engine, pool);
    terminate(engine, pool);
    if (!pool->live)
        forget(engine, pool);
}

static void client_gone(struct crewi_engine *engine, uint64_t client)
{
    crewi_engine_each(engine, CREWI_KIND_POOL, abandon, &client);
}

static void leave_if_created(struct crewi_engine *engine, struct crewi_object *object,
                             void *context)
{
    struct crewi_pool *pool = (struct crewi_pool *)object;
    const uint64_t *creator = context;
    if (pool->creator == *creator)
        leave_pool(engine, pool);
}

static void client_leaves(struct crewi_engine *engine, uint64_t client)
{
    crewi_engine_each(engine, CREWI_KIND_POOL, leave_if_created, &client);
}

static bool finishes(struct crewi_engine *engine, struct crewi_object *object)
{
    struct crewi_pool *pool = (struct crewi_pool *)object;
    if (pool->state == CREWI_POOL_CLOSED)
        crewi_pool_expect_end(engine, pool);
    return pool->state == CREWI_POOL_CLOSED && pool->live;
}

const struct crewi_kind crewi_pool_kind = {.name = "pool",
                                           .request = request,
                                           .client_gone = client_gone,
                                           .client_leaves = client_leaves,
                                           .finishes = finishes,
                                           .delivers = crewi_pool_deliver_chunk,
                                           .destroy = destroy};
