/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers of a pool: where they are, how they start, and what happens when one ends. */
#include "pool/pool_home.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "node/job.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When workers of one place end, or cannot be started, so often in a row before they are ready, it
 * will not get better. Before the pool has begun that counts for those that were ready, too. */
#define EARLY_DEATHS 3

/* How long idle workers of a pool that is terminated may take to end, for the pool and for each of
 * its workers, which may all share a core. */
#define STOP_GRACE_NS (2 * CREWI_SECOND)
#define STOP_GRACE_EACH_NS (5 * CREWI_MILLISECOND)

/* Ranks that may use the same cores are equal. */
static int compare_cores(const void *one, const void *other)
{
    const struct crewi_job_rank *a = &crewi_job->ranks[*(const uint32_t *)one],
                                *b = &crewi_job->ranks[*(const uint32_t *)other];
    if (a->host_index != b->host_index)
        return a->host_index < b->host_index ? -1 : 1;
    return memcmp(&a->cores, &b->cores, sizeof a->cores);
}

/* Of each rank, a number that it has in common with those that may use the same cores. */
static void group_ranks(uint32_t *order, uint32_t *group, uint32_t rank_count)
{
    for (uint32_t i = 0; i < rank_count; i++)
        order[i] = i;
    qsort(order, rank_count, sizeof *order, compare_cores);
    for (uint32_t i = 0; i < rank_count; i++)
        group[order[i]] =
            i && compare_cores(&order[i - 1], &order[i]) == 0 ? group[order[i - 1]] : order[i];
}

/* One to a core, counted over the workers of all ranks that may use the same cores; none when there
 * are too few cores. */
static crew_status choose_cores(const struct crewi_engine *engine, struct crewi_pool *pool)
{
    uint32_t ranks = engine->rank_count, *room = calloc(4 * (size_t)ranks, sizeof *room);
    if (!room)
        return crewi_error_memory();
    uint32_t *group = room + ranks, *all = group + ranks, *before = all + ranks;
    group_ranks(room, group, ranks);
    for (uint32_t i = 0; i < pool->worker_count; i++)
        all[group[pool->workers[i].rank]]++;
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        struct crewi_worker *worker = &pool->workers[i];
        const struct crewi_cores *cores = &crewi_job->ranks[worker->rank].cores;
        uint32_t mine = group[worker->rank];
        if (all[mine] <= (uint32_t)crewi_cores_count(cores))
            worker->core = crewi_cores_nth(cores, (int)before[mine]++);
    }
    free(room);
    return CREW_OK;
}

static bool launch(struct crewi_engine *engine, struct crewi_pool *pool,
                   struct crewi_worker *worker)
{
    struct crewi_process_spec spec = {
        .function = pool->spec.worker,
        .creator = pool->creator,
        .watcher = pool->object.id,
        .place = CREW_PLACE_RANK,
        .rank = worker->rank,
        .core = worker->core,
        .daemon = 1,
        .inside = pool->spec.inside,
        .start_method = pool->spec.start_method,
        .log = pool->spec.log,
        .prefix = "PoolWorker",
        .limits.memory = pool->spec.memory_limit,
    };
    memcpy(spec.creator_name, pool->spec.creator_name, sizeof spec.creator_name);
    memcpy(spec.creator_path, pool->spec.creator_path, sizeof spec.creator_path);
    worker->process = crewi_process_launch(engine, &spec, pool->worker_arg, pool->worker_arg_size);
    worker->state = worker->process ? CREWI_WORKER_STARTING : CREWI_WORKER_GONE;
    worker->outstanding_count = 0;
    worker->held = false;
    worker->killed = false;
    worker->chunks = 0;
    worker->generation = 0;
    worker->ask_ns = 0;
    if (!worker->process || crewi_table_add(&pool->by_process, worker->process, worker))
        return false; /* there is room for all of them: only the first can be */
    pool->live++;
    return true;
}

static void leave(struct crewi_engine *engine, struct crewi_pool *pool, struct crewi_worker *worker)
{
    crewi_table_take(&pool->by_process, worker->process);
    crewi_process_forget(engine, worker->process);
    worker->state = CREWI_WORKER_GONE;
    pool->live--;
    crewi_pool_list_worker(pool, worker);
}

crew_status crewi_pool_start_workers(struct crewi_engine *engine, struct crewi_pool *pool)
{
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        pool->workers[i].core = -1;
        pool->workers[i].state = CREWI_WORKER_GONE;
    }
    if (pool->spec.bind && !pool->spec.inside && choose_cores(engine, pool))
        return CREW_ENOMEM;
    for (uint32_t i = 0; i < pool->worker_count; i++)
        if (!launch(engine, pool, &pool->workers[i]))
            return crewi_error_memory();
    return CREW_OK;
}

struct crewi_worker *crewi_pool_find_worker(struct crewi_pool *pool, uint64_t process)
{
    return crewi_table_find(&pool->by_process, process);
}

static void tell_stop(struct crewi_engine *engine, struct crewi_worker *worker)
{
    struct crewi_frame *frame =
        crewi_engine_delivery(engine, &worker->origin, CREWI_KIND_POOL, CREWI_POOL_STOP, 0);
    worker->state = CREWI_WORKER_STOPPING;
    crewi_engine_send(engine, frame);
}

void crewi_pool_retire(struct crewi_engine *engine, struct crewi_worker *worker)
{
    tell_stop(engine, worker);
    if (worker->state == CREWI_WORKER_STOPPING)
        worker->state = CREWI_WORKER_RETIRING;
}

static void expect_worker_end(struct crewi_engine *engine, const struct crewi_pool *pool,
                              const struct crewi_worker *worker)
{
    crewi_process_await_end(engine, worker->process,
                            STOP_GRACE_NS + pool->worker_count * STOP_GRACE_EACH_NS);
}

void crewi_pool_expect_end(struct crewi_engine *engine, struct crewi_pool *pool)
{
    if (pool->is_awaited)
        return;
    pool->is_awaited = true;
    for (uint32_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].state == CREWI_WORKER_STOPPING)
            expect_worker_end(engine, pool, &pool->workers[i]);
}

static void stop_worker(struct crewi_engine *engine, const struct crewi_pool *pool,
                        struct crewi_worker *worker, bool force)
{
    if (worker->state == CREWI_WORKER_READY && !worker->outstanding_count) {
        tell_stop(engine, worker);
        if (force || pool->is_awaited) /* it may be stopped, or another program by now */
            expect_worker_end(engine, pool, worker);
    } else if (force && worker->state != CREWI_WORKER_GONE) {
        crewi_process_signal(engine, worker->process, pool->spec.inside ? SIGTERM : SIGKILL);
    }
}

void crewi_pool_stop_workers(struct crewi_engine *engine, struct crewi_pool *pool, bool force)
{
    for (uint32_t i = 0; i < pool->worker_count; i++)
        stop_worker(engine, pool, &pool->workers[i], force);
}

/* The creation is answered when every worker is ready, or all are gone after one could not be. */
static void conclude_start(struct crewi_engine *engine, struct crewi_pool *pool)
{
    if (pool->state != CREWI_POOL_STARTING)
        return;
    if (pool->start_status) {
        if (pool->live)
            return;
        crewi_engine_refuse(engine, &pool->creation, pool->start_status, "%s", pool->reason);
        pool->abandoned = true;
        return;
    }
    if (pool->began < pool->worker_count)
        return;
    pool->state = CREWI_POOL_OPEN;
    for (uint32_t i = 0; i < pool->worker_count; i++)
        pool->workers[i].early_deaths = 0;
    pool->account.ready_ns = engine->now_ns;
    crewi_engine_reply(engine, &pool->creation, &pool->object.id, sizeof pool->object.id);
}

void crewi_pool_end_workers(struct crewi_engine *engine, struct crewi_pool *pool, int number)
{
    pool->ended = true;
    for (uint32_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].state != CREWI_WORKER_GONE)
            crewi_process_signal(engine, pool->workers[i].process, number);
}

/* What it has begun is not waited for. */
static void end_broken(struct crewi_engine *engine, struct crewi_pool *pool)
{
    /* First, while it is known who is busy. */
    crewi_pool_stop_workers(engine, pool, true);
    if (pool->broken)
        crewi_pool_fail_maps(engine, pool, CREW_EBROKEN, pool->reason);
}

static void break_pool(struct crewi_engine *engine, struct crewi_pool *pool, crew_status status,
                       const char *reason)
{
    /* Once: of a pool whose workers cannot start, each of them gets here. */
    if (pool->start_status || pool->broken)
        return;
    snprintf(pool->reason, sizeof pool->reason, "%s", reason);
    if (pool->state == CREWI_POOL_STARTING)
        pool->start_status = status;
    else
        pool->broken = true;
    end_broken(engine, pool);
}

void crewi_pool_fail_start(struct crewi_engine *engine, struct crewi_pool *pool, crew_status status,
                           const char *reason)
{
    break_pool(engine, pool, status, reason);
    conclude_start(engine, pool);
}

/* Whether we and the worker can read each other's memory. */
static void learn_loans(struct crewi_worker *worker, const struct crewi_message *message)
{
    struct crewi_pool_ready ready = {0};
    if (message->size == sizeof ready)
        memcpy(&ready, message->data, sizeof ready);
    worker->reads_home = ready.reads_home;
    worker->loan = ready.loan;
    if (!worker->loan.pid || !crewi_job_shares_memory((uint32_t)worker->rank) ||
        crewi_loan_check(&worker->loan))
        worker->loan.pid = 0;
}

void crewi_pool_worker_ready(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message)
{
    struct crewi_worker *worker = crewi_pool_find_worker(pool, message->origin.process);
    if (!worker || worker->state != CREWI_WORKER_STARTING)
        return;
    worker->state = CREWI_WORKER_READY;
    worker->origin = message->origin;
    learn_loans(worker, message);
    crewi_pool_list_worker(pool, worker);
    if (pool->state == CREWI_POOL_STARTING)
        pool->began++;
    else
        worker->early_deaths = 0;
    if (pool->state == CREWI_POOL_STARTING && !pool->start_status)
        conclude_start(engine, pool);
    else if (pool->state == CREWI_POOL_TERMINATED || pool->start_status || pool->broken)
        stop_worker(engine, pool, worker, true);
    else {
        crewi_pool_feed(engine, pool, worker);
        crewi_pool_list_worker(pool, worker);
        crewi_pool_steal(engine, pool);
    }
    if (pool->state == CREWI_POOL_CLOSED && !crewi_pool_has_work(pool))
        crewi_pool_stop_workers(engine, pool, false);
}

void crewi_pool_worker_unfit(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message)
{
    const struct crewi_worker *worker = crewi_pool_find_worker(pool, message->origin.process);
    int32_t status;
    char reason[CREWI_ERROR_SIZE];
    if (!worker || message->size < sizeof status || pool->broken || pool->start_status)
        return;
    memcpy(&status, message->data, sizeof status);
    snprintf(reason, sizeof reason, "the initializer failed on rank %d (%s): %.*s", worker->rank,
             crew_rank_host(worker->rank), (int)(message->size - sizeof status),
             (const char *)message->data + sizeof status);
    break_pool(engine, pool, status < 0 ? (crew_status)status : CREW_EFAILED, reason);
}

/* Whoever waits for the end of the pool hears of it when the last worker is gone. */
static void tell_end(struct crewi_engine *engine, struct crewi_pool *pool)
{
    if (pool->live)
        return;
    pool->account.ended_ns = engine->now_ns;
    crewi_parking_reply_all(engine, &pool->joins, NULL, 0);
    crewi_pool_tell_next_done(engine, pool);
}

/* Whether a worker that is gone is to have a successor. */
static bool goes_on(const struct crewi_pool *pool)
{
    return !pool->broken && !pool->ended && !pool->start_status &&
           (pool->state == CREWI_POOL_STARTING || pool->state == CREWI_POOL_OPEN ||
            (pool->state == CREWI_POOL_CLOSED && crewi_pool_has_work(pool)));
}

/* What is short now need not be the next time, unlike everything else that a start may fail of. */
static bool may_pass(crew_status status)
{
    return status == CREW_ESYSTEM || status == CREW_ENOMEM;
}

void crewi_pool_worker_spawned(struct crewi_engine *engine, struct crewi_pool *pool,
                               const struct crewi_message *message)
{
    struct crewi_process_report report;
    char reason[CREWI_ERROR_SIZE];
    if (!crewi_process_read_report(message, &report))
        return;
    struct crewi_worker *worker = crewi_pool_find_worker(pool, report.process);
    if (!worker || worker->state != CREWI_WORKER_STARTING || report.status == CREW_OK)
        return;
    snprintf(reason, sizeof reason, "a worker could not be started: %.*s",
             (int)(message->size - sizeof report), (const char *)message->data + sizeof report);
    leave(engine, pool, worker);
    bool again = ++worker->early_deaths < EARLY_DEATHS && may_pass((crew_status)report.status);
    if (goes_on(pool) && !(again && launch(engine, pool, worker)))
        break_pool(engine, pool, (crew_status)report.status, reason);
    conclude_start(engine, pool);
    tell_end(engine, pool);
}

void crewi_pool_word_end(char *text, size_t size, int wait_status)
{
    int code = crewi_exitcode(wait_status);
    if (code < 0)
        snprintf(text, size, "was killed by signal %d (SIG%s)", -code,
                 sigabbrev_np(-code) ? sigabbrev_np(-code) : "?");
    else
        snprintf(text, size, "ended with exit code %d", code);
}

/* A worker that ended while the pool goes on is replaced, unless none gets as far as being ready
 * any more. */
static void replace(struct crewi_engine *engine, struct crewi_pool *pool,
                    struct crewi_worker *worker, int wait_status)
{
    char end[64], reason[CREWI_ERROR_SIZE];
    crewi_pool_word_end(end, sizeof end, wait_status);
    if (worker->early_deaths >= EARLY_DEATHS) {
        snprintf(reason, sizeof reason,
                 "workers do not stay alive on rank %d (%s): the last one %s before it was ready",
                 worker->rank, crew_rank_host(worker->rank), end);
        break_pool(engine, pool, CREW_EBROKEN, reason);
        return;
    }
    crewi_log(CREWI_LOG_INFO, "a worker on rank %d %s: a new one takes its place", worker->rank,
              end);
    if (!launch(engine, pool, worker))
        break_pool(engine, pool, CREW_ENOMEM, "out of memory for a new worker");
    else
        pool->account.replaced++;
}

/* Whether the end of a worker is one that nobody asked for, and breaks the pool. */
static bool breaks(const struct crewi_pool *pool, const struct crewi_worker *worker,
                   const struct crewi_process_report *report)
{
    bool was_asked = worker->state == CREWI_WORKER_STOPPING ||
                     worker->state == CREWI_WORKER_RETIRING || crewi_pool_was_ended(worker, report);
    bool is_open = pool->state == CREWI_POOL_OPEN || pool->state == CREWI_POOL_CLOSED;
    return pool->spec.break_on_death && is_open && !pool->ended && !pool->broken && !was_asked;
}

/* It is broken from here on; what that means for its maps comes when the worker's own is known. */
static void note_break(struct crewi_engine *engine, struct crewi_pool *pool,
                       const struct crewi_worker *worker, int wait_status)
{
    struct crewi_process_info info = {.name = "a worker"};
    char end[64];
    crewi_process_describe(engine, worker->process, &info);
    crewi_pool_word_end(end, sizeof end, wait_status);
    snprintf(pool->reason, sizeof pool->reason, "%s on rank %d (%s) %s", info.name, worker->rank,
             crew_rank_host(worker->rank), end);
    pool->broken = true;
}

void crewi_pool_worker_ended(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message)
{
    struct crewi_process_report report;
    if (!crewi_process_read_report(message, &report))
        return;
    const char *draft = (const char *)message->data + sizeof report;
    struct crewi_worker *worker = crewi_pool_find_worker(pool, report.process);
    if (!worker)
        return;
    bool stopping = worker->state == CREWI_WORKER_STOPPING,
         retiring = worker->state == CREWI_WORKER_RETIRING,
         is_fatal = breaks(pool, worker, &report);
    if (worker->state == CREWI_WORKER_STARTING || pool->state == CREWI_POOL_STARTING)
        worker->early_deaths++;
    pool->began -= pool->state == CREWI_POOL_STARTING && worker->state == CREWI_WORKER_READY;
    if (is_fatal)
        note_break(engine, pool, worker, report.status);
    crewi_pool_recover(engine, pool, worker, &report, draft);
    leave(engine, pool, worker);
    pool->account.died += !retiring && !stopping && (is_fatal || goes_on(pool));
    if (is_fatal)
        end_broken(engine, pool);
    else if (goes_on(pool) && !stopping)
        replace(engine, pool, worker, report.status);
    crewi_pool_steal(engine, pool);
    conclude_start(engine, pool);
    tell_end(engine, pool);
}

void crewi_pool_describe_worker(struct crewi_engine *engine, const struct crewi_worker *worker,
                                crew_worker_info *info)
{
    struct crewi_process_info process = {0};
    crewi_process_describe(engine, worker->process, &process);
    memset(info, 0, sizeof *info);
    info->process.id = worker->process;
    info->rank = worker->rank;
    info->pid = (pid_t)process.pid;
    info->core = worker->core;
    info->tasks = worker->tasks;
    info->busy_s = (double)worker->busy_ns / 1e9;
    info->cpu_s = (double)worker->cpu_ns / 1e9;
    memcpy(info->name, process.name, sizeof info->name);
}
