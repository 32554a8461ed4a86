/* SPDX-License-Identifier: BSD-3-Clause */
/* What a pool did, and what that cost. Times are taken where maps begin and end, and not for each
 * task. */
#include "pool/pool_home.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static int64_t rank_cpu_ns(const struct crewi_engine *engine)
{
    return engine->host_ops->cpu_ns ? engine->host_ops->cpu_ns(engine->host) : 0;
}

void crewi_pool_account_begin(const struct crewi_engine *engine, struct crewi_pool *pool)
{
    struct crewi_pool_account *account = &pool->account;
    if (account->under_way++)
        return;
    account->working_since_ns = engine->now_ns;
    account->cpu_since_ns = rank_cpu_ns(engine);
}

void crewi_pool_account_end(const struct crewi_engine *engine, struct crewi_pool *pool)
{
    struct crewi_pool_account *account = &pool->account;
    if (--account->under_way)
        return;
    account->working_ns += engine->now_ns - account->working_since_ns;
    account->cpu_ns += rank_cpu_ns(engine) - account->cpu_since_ns;
}

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static void add_workers(const struct crewi_pool *pool, crew_pool_info *info)
{
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        const struct crewi_worker *worker = &pool->workers[i];
        info->busy_s += seconds(worker->busy_ns);
        info->cpu_s += seconds(worker->cpu_ns);
        if (pool->spec.inside && worker->rank == info->home)
            info->home_cpu_s -= seconds(worker->cpu_ns); /* tasks are not what handing out costs */
    }
    if (info->home_cpu_s < 0)
        info->home_cpu_s = 0;
}

static void add_times(const struct crewi_engine *engine, const struct crewi_pool *pool,
                      crew_pool_info *info)
{
    const struct crewi_pool_account *account = &pool->account;
    int64_t end_ns = account->ended_ns ? account->ended_ns : engine->now_ns;
    int64_t working_ns = account->working_ns, cpu_ns = account->cpu_ns;
    if (account->under_way) {
        working_ns += engine->now_ns - account->working_since_ns;
        cpu_ns += rank_cpu_ns(engine) - account->cpu_since_ns;
    }
    info->start_s = seconds(account->ready_ns - account->created_ns);
    info->wall_s = seconds(end_ns - account->ready_ns);
    info->working_s = seconds(working_ns);
    info->home_cpu_s = seconds(cpu_ns);
}

static void describe(const struct crewi_engine *engine, const struct crewi_pool *pool,
                     crew_pool_info *info)
{
    const struct crewi_pool_account *account = &pool->account;
    memset(info, 0, sizeof *info);
    info->home = (int)engine->rank;
    info->workers = pool->worker_count;
    info->tasks = account->tasks;
    info->failed = account->failed;
    info->retried = account->retried;
    info->replaced = account->replaced;
    info->died = account->died;
    add_times(engine, pool, info);
    add_workers(pool, info);
}

void crewi_pool_describe(struct crewi_engine *engine, struct crewi_pool *pool,
                         const struct crewi_message *message)
{
    const unsigned char *with_workers = message->data;
    size_t count = message->size && *with_workers ? pool->worker_count : 0;
    struct crewi_pool_description *description =
        malloc(sizeof *description + count * sizeof *description->workers);
    if (!description) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    describe(engine, pool, &description->info);
    for (size_t i = 0; i < count; i++)
        crewi_pool_describe_worker(engine, &pool->workers[i], &description->workers[i]);
    crewi_engine_reply(engine, &message->origin, description,
                       sizeof *description + count * sizeof *description->workers);
    free(description);
}
