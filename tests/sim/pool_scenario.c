/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: creators that submit maps, wait, cancel, kill and take, and workers that their homes start
 * by the processes of the real job. Whoever may end does so at any moment. */
#include "base/clock.h"
#include "node/job.h"
#include "pool/pool_home.h"
#include "pool_plants.h"
#include "pool_user.h"
#include "process/process.h"
#include "sim_scenarios.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct pool_user *user_of(struct sim_client *client)
{
    return (struct pool_user *)client;
}

static crew_status task_of_pools(const void *item, void *result)
{
    (void)item;
    (void)result;
    return CREW_OK;
}

/* What a creator asks */

static int64_t choose_timeout(struct pool_user *user)
{
    static const int64_t timeouts_ns[] = {0, 5000, 50000, 500000};
    return timeouts_ns[sim_below(&user->base.random, 4)];
}

/* A request to the pool, or to a map of it. */
static void ask(struct pool_user *user, struct pool_map_model *map, uint8_t op, int64_t timeout_ns,
                const void *head, size_t head_size)
{
    struct crewi_call call = {.kind = map ? CREWI_KIND_RESULT : CREWI_KIND_POOL,
                              .op = op,
                              .object = map ? map->id : user->pool->id,
                              .rank = user->base.rank->engine.rank,
                              .timeout_ns = timeout_ns,
                              .head = head,
                              .head_size = head_size};
    user->kind = call.kind;
    user->doing = op;
    user->at = map;
    sim_client_ask(&user->base, &call);
}

static void ask_pool(struct pool_user *user, uint8_t op)
{
    ask(user, NULL, op, CREWI_FOREVER, NULL, 0);
}

static void ask_map(struct pool_user *user, struct pool_map_model *map, uint8_t op)
{
    ask(user, map, op, CREWI_FOREVER, NULL, 0);
}

static void create(struct pool_user *user)
{
    struct sim_random *random = &user->base.random;
    struct pool_model *pool = user->pool;
    pool->spec = (struct crewi_pool_spec){
        .workers = (int32_t)sim_between(random, 1, 6),
        .max_tasks = sim_chance(random, 300) ? (uint32_t)sim_between(random, 1, 5) : 0,
        .bind = 1,
        .break_on_death = sim_chance(random, 100),
        .creator_name = "MainProcess"};
    if (crewi_funcref_make(&pool->spec.worker, (crewi_function *)crewi_pool_worker))
        abort();
    int32_t rank = (int32_t)sim_below(random, user->base.job->rank_count);
    unsigned char message[sizeof pool->spec + sizeof rank];
    pool->spec.chosen = sim_chance(random, 200); /* all on that rank */
    memcpy(message, &pool->spec, sizeof pool->spec);
    memcpy(message + sizeof pool->spec, &rank, sizeof rank);
    ask(user, NULL, CREWI_POOL_CREATE, CREWI_FOREVER, message,
        sizeof pool->spec + pool->spec.chosen * sizeof rank);
}

/* Maps */

static void describe(struct sim_random *random, struct pool_map_model *map)
{
    static const int64_t timeouts_ns[] = {0, 0, 1000, 20000, 1000000};
    static const uint64_t shares[] = {0, 0, 0, 50, 500};
    struct crewi_pool_submission *about = &map->about;
    *about = (struct crewi_pool_submission){
        .count = sim_below(random, POOL_TASKS + 1),
        .item_size = sizeof(uint64_t),
        .result_size = sim_chance(random, 800) ? sizeof(uint64_t) : 0,
        .chunk = sim_chance(random, 300) ? sim_between(random, 1, 10) : 0,
        .wants_statuses = sim_chance(random, 900),
        .notify = sim_chance(random, 300),
        .schedule = (uint8_t)sim_between(random, 0, CREW_SCHEDULE_WEIGHTED),
        .retries = (uint8_t)(sim_chance(random, 500) ? sim_below(random, 4) : 0),
        .retry_on = (uint8_t)sim_below(random, CREW_RETRY_ALL + 1),
        .partial = sim_chance(random, 200),
        .reports = sim_chance(random, 300),
        .no_stealing = sim_chance(random, 200),
        .priority = (int32_t)sim_below(random, 4),
        .timeout_ns = timeouts_ns[sim_below(random, 5)],
        .task = "simulated"};
    if (crewi_funcref_make(&about->function, (crewi_function *)task_of_pools))
        abort();
    map->fails_per_mille = shares[sim_below(random, 5)];
    map->endless_per_mille = sim_chance(random, 100) ? 100 : 0;
}

/* The tasks that are wanted, as ranges if it is partial. */
static uint64_t choose_tasks(struct sim_random *random, struct pool_map_model *map,
                             struct crewi_range *ranges)
{
    uint64_t range_count = 0;
    for (uint64_t i = 0; i < map->about.count; i++) {
        map->tasks[i].wanted = !map->about.partial || sim_chance(random, 700);
        if (!map->about.partial || !map->tasks[i].wanted)
            continue;
        if (i && map->tasks[i - 1].wanted)
            ranges[range_count - 1].count++;
        else
            ranges[range_count++] = (struct crewi_range){i, 1};
    }
    return range_count;
}

static void submit(struct pool_user *user)
{
    struct pool_model *pool = user->pool;
    struct pool_map_model *map = &pool->maps[pool->map_count];
    struct crewi_range ranges[POOL_TASKS] = {0};
    unsigned char message[sizeof map->about + sizeof ranges + POOL_TASKS * sizeof(uint64_t)];
    *map = (struct pool_map_model){.pool = pool, .number = pool->map_count++};
    describe(&user->base.random, map);
    map->about.range_count = choose_tasks(&user->base.random, map, ranges);
    size_t range_bytes = map->about.range_count * sizeof *ranges, at = sizeof map->about;
    memcpy(message, &map->about, sizeof map->about);
    memcpy(message + at, ranges, range_bytes);
    at += range_bytes;
    for (uint64_t i = 0; i < map->about.count; i++, at += sizeof(uint64_t)) {
        uint64_t item = pool_model_item(map, i);
        memcpy(message + at, &item, sizeof item);
    }
    ask(user, NULL, CREWI_POOL_SUBMIT, CREWI_FOREVER, message, at);
    user->at = map;
}

/* Whether it may never end by itself. */
static bool is_endless(const struct pool_map_model *map)
{
    return map->endless_per_mille && !map->about.timeout_ns && !map->kill_asked && !map->over;
}

static bool is_open(const struct pool_map_model *map)
{
    return map->id && !map->refused && !map->closed;
}

static struct pool_map_model *first_endless(struct pool_model *pool)
{
    for (uint32_t i = 0; i < pool->map_count; i++)
        if (!pool->maps[i].refused && is_endless(&pool->maps[i]))
            return &pool->maps[i];
    return NULL;
}

static void cancel(struct pool_user *user, struct pool_map_model *map, bool kill)
{
    map->cancel_asked = true;
    map->kill_asked |= kill;
    ask_map(user, map, kill ? CREWI_RESULT_KILL : CREWI_RESULT_CANCEL);
}

static void take(struct pool_user *user, struct pool_map_model *map)
{
    ask(user, map, CREWI_RESULT_TAKE, CREWI_FOREVER, "\1", 1);
}

/* One that is not closed, whatever has come of it. */
static void use_map(struct pool_user *user, struct pool_map_model *map)
{
    uint64_t choice = sim_below(&user->base.random, 1000);
    if (map->over && choice < 300)
        ask_map(user, map, CREWI_RESULT_ERRORS);
    else if (map->over && choice < 600 && (!map->about.reports || map->reports_end))
        take(user, map);
    else if (map->about.reports && !map->reports_end && choice < 750)
        ask(user, map, CREWI_RESULT_NEXT, choose_timeout(user), NULL, 0);
    else if (choice < 800)
        ask(user, map, CREWI_OP_WAIT, choose_timeout(user), NULL, 0);
    else if (choice < 900)
        ask_map(user, map, CREWI_RESULT_PROGRESS);
    else if (choice < 930)
        cancel(user, map, false);
    else if (choice < 960)
        cancel(user, map, true);
    else if (choice < 970 && !is_endless(map))
        ask_map(user, map, CREWI_RESULT_CLOSE);
    else
        ask_map(user, map, CREWI_RESULT_NOTIFY);
}

static void terminate(struct pool_user *user)
{
    user->pool->terminated = true;
    ask_pool(user, CREWI_POOL_TERMINATE);
}

static void cancel_all(struct pool_user *user)
{
    for (uint32_t i = 0; i < user->pool->map_count; i++)
        user->pool->maps[i].cancel_asked = true;
    ask_pool(user, CREWI_POOL_CANCEL);
}

/* As terminate, but what is done meanwhile counts. */
static void end_workers(struct pool_user *user)
{
    int32_t number = sim_chance(&user->base.random, 500) ? SIGTERM : SIGKILL;
    for (uint32_t i = 0; i < user->pool->map_count; i++) {
        user->pool->maps[i].cancel_asked = true;
        user->pool->maps[i].kill_asked = true;
    }
    user->pool->closed = true;
    user->pool->workers_ended = true;
    ask(user, NULL, CREWI_POOL_END_WORKERS, CREWI_FOREVER, &number, sizeof number);
}

static void do_something(struct pool_user *user)
{
    struct sim_random *random = &user->base.random;
    struct pool_model *pool = user->pool;
    uint64_t choice = sim_below(random, 1000);
    struct pool_map_model *map =
        pool->map_count ? &pool->maps[sim_below(random, pool->map_count)] : NULL;
    if (choice < 250 && pool->map_count < POOL_MAPS)
        submit(user);
    else if (choice < 850 && map && is_open(map))
        use_map(user, map);
    else if (choice < 880)
        ask_pool(user, CREWI_POOL_WORKERS);
    else if (choice < 920)
        ask(user, NULL, CREWI_POOL_NEXT_DONE, choose_timeout(user), NULL, 0);
    else if (choice < 925)
        cancel_all(user);
    else if (choice < 935)
        terminate(user);
    else if (choice < 940)
        end_workers(user);
    else if (choice < 960)
        ask(user, NULL, CREWI_POOL_DESCRIBE, CREWI_FOREVER, "\1", 1);
    else
        sim_client_think(&user->base);
}

/* Its program is over: what is endless is ended, everything is taken, and the pool given back. */
static void wind_up(struct pool_user *user)
{
    struct pool_model *pool = user->pool;
    struct pool_map_model *endless = first_endless(pool);
    if (endless && (endless->closed || sim_chance(&user->base.random, 300)) && !pool->terminated) {
        terminate(user);
        return;
    }
    if (endless && !pool->terminated) {
        cancel(user, endless, true);
        return;
    }
    for (uint32_t i = 0; i < pool->map_count; i++) {
        struct pool_map_model *map = &pool->maps[i];
        if (!is_open(map))
            continue;
        if (map->about.reports && !map->reports_end)
            ask_map(user, map, CREWI_RESULT_NEXT);
        else if (map->over)
            take(user, map);
        else
            ask_map(user, map, CREWI_OP_WAIT);
        return;
    }
    if (!pool->closed)
        ask_pool(user, CREWI_POOL_CLOSE);
    else
        ask_pool(user, user->leaves ? CREWI_POOL_DESTROY : CREWI_POOL_JOIN);
}

static void act(struct sim_client *client)
{
    struct pool_user *user = user_of(client);
    if (user->is_worker)
        pool_worker_act(user);
    else if (user->doing)
        return;
    else if (!user->pool->id)
        create(user);
    else if (client->steps) {
        client->steps--;
        do_something(user);
    } else
        wind_up(user);
}

/* What it hears */

static uint64_t id_in(const struct crewi_frame *frame)
{
    uint64_t id = 0;
    if (frame->header.size >= sizeof id)
        memcpy(&id, frame->payload, sizeof id);
    return id;
}

/* Whether the map is over, by one byte. */
static bool flag_in(const struct crewi_frame *frame)
{
    return frame->header.size == 1 && *frame->payload;
}

static void hear_next_done(struct pool_user *user, const struct crewi_frame *frame)
{
    if (!frame->header.size)
        return;
    struct pool_map_model *map = pool_model_find(user->pool, id_in(frame));
    if (!map || map->told_next_done)
        sim_violation(user->base.job, "client %u is told %s", user->base.number,
                      map ? "twice that a map is over" : "of no map");
    else
        pool_model_over(map);
    if (map)
        map->told_next_done = true;
}

static void hear_map(struct pool_map_model *map, uint8_t op, const struct crewi_frame *frame)
{
    switch (op) {
    case CREWI_OP_WAIT:
        if (flag_in(frame))
            pool_model_over(map);
        break;
    case CREWI_RESULT_PROGRESS:
        pool_model_progress(map, frame);
        break;
    case CREWI_RESULT_TAKE:
        pool_model_outcome(map, frame);
        map->closed = true;
        break;
    case CREWI_RESULT_ERRORS:
        pool_model_errors(map, frame);
        break;
    case CREWI_RESULT_NOTIFY:
        if (!flag_in(frame))
            pool_model_over(map);
        break;
    case CREWI_RESULT_CANCEL:
        pool_model_cancelled(map, flag_in(frame));
        break;
    case CREWI_RESULT_CLOSE:
        map->closed = true;
        break;
    case CREWI_RESULT_NEXT:
        pool_model_news(map, frame);
        break;
    default:
        break;
    }
}

static void hear_pool(struct pool_user *user, uint8_t op, const struct crewi_frame *frame)
{
    switch (op) {
    case CREWI_POOL_CREATE:
        user->pool->id = id_in(frame);
        break;
    case CREWI_POOL_SUBMIT:
        if (user->at->id && user->at->id != id_in(frame))
            sim_violation(user->base.job, "a map has another id than its chunks");
        user->at->id = id_in(frame);
        break;
    case CREWI_POOL_NEXT_DONE:
        hear_next_done(user, frame);
        break;
    case CREWI_POOL_DESCRIBE:
        pool_model_description(user->pool, frame);
        break;
    case CREWI_POOL_CLOSE:
        user->pool->closed = true;
        break;
    case CREWI_POOL_JOIN:
        user->leaves = true;
        if (user->pool->live)
            sim_violation(user->base.job,
                          "client %u is told that its pool has ended, which has %u "
                          "workers",
                          user->base.number, user->pool->live);
        break;
    case CREWI_POOL_DESTROY:
        user->pool->ended = true;
        sim_client_end(&user->base);
        break;
    default:
        break;
    }
}

/* Whether a creator may be told that. */
static void hear_refusal(struct pool_user *user, uint8_t op, int status)
{
    struct pool_model *pool = user->pool;
    bool is_pools = user->kind == CREWI_KIND_POOL;
    if (is_pools && op == CREWI_POOL_CREATE) {
        pool_model_broken(pool);
        sim_client_end(&user->base);
    } else if (is_pools && op == CREWI_POOL_SUBMIT) {
        user->at->refused = true;
        if (status == CREW_EBROKEN)
            pool_model_broken(pool);
        else if (status != CREW_ESTATE || !(pool->closed || pool->terminated))
            sim_violation(user->base.job, "a map is refused with %d", status);
    } else if (is_pools && op == CREWI_POOL_NEXT_DONE && status == CREW_ECLOSED) {
        if (!pool->terminated && !pool->workers_ended)
            pool_model_broken(pool);
    } else if (!(user->kind == CREWI_KIND_RESULT && op == CREWI_OP_WAIT &&
                 status == CREW_ETIMEDOUT)) {
        sim_violation(user->base.job, "client %u is refused operation %u of kind %u with %d",
                      user->base.number, op, user->kind, status);
    }
}

static void hear(struct sim_client *client, const struct crewi_frame *frame)
{
    struct pool_user *user = user_of(client);
    uint8_t op = user->doing;
    if (user->is_worker) {
        pool_worker_hear(user, frame);
        return;
    }
    user->doing = 0;
    if (frame->header.status)
        hear_refusal(user, op, frame->header.status);
    else if (user->kind == CREWI_KIND_RESULT)
        hear_map(user->at, op, frame);
    else
        hear_pool(user, op, frame);
    sim_client_think(client);
}

static void ended(struct sim_client *client)
{
    struct pool_user *user = user_of(client);
    if (user->is_worker)
        pool_worker_ended(user);
    else
        user->pool->terminated |= !user->pool->ended;
}

static void gone(struct sim_client *client)
{
    if (user_of(client)->is_worker)
        pool_worker_gone(user_of(client));
}

/* The scenario */

static void drain(void *host)
{
    sim_clients_take(host);
}

static const struct crewi_host_ops host_ops = {
    .spawn = pool_worker_spawn, .signal = pool_worker_signal, .drain = drain};

/* Two ranks to a host, of two cores each. */
static void publish(const struct sim_job *job)
{
    struct crewi_job *facts = sim_alloc(sizeof *facts + job->rank_count * sizeof *facts->ranks);
    int fd;
    *facts = (struct crewi_job){.rank_count = (int)job->rank_count};
    for (uint32_t i = 0; i < job->rank_count; i++)
        facts->ranks[i] = (struct crewi_job_rank){.host = "host",
                                                  .host_index = job->host_of_rank[i],
                                                  .memory_index = job->host_of_rank[i],
                                                  .cpu_count = 2,
                                                  .cores.bits[0] = 3 << 2 * (i % 2)};
    if (crewi_job_create(&fd) || crewi_job_publish(fd, facts))
        abort();
    close(fd);
    free(facts);
}

static void begin(struct sim_job *job)
{
    static bool has_modules;
    if (!has_modules && crewi_modules_load())
        abort();
    has_modules = true;
    job->network.until_plant /= 4; /* some of what can go wrong is rare in one job */
    publish(job);
    for (uint32_t i = 0; i < job->rank_count; i++) {
        if (crewi_processes_attach(&job->ranks[i].engine))
            abort();
        job->ranks[i].engine.host_ops = &host_ops;
    }
    sim_job_set_kind(job, CREWI_KIND_POOL, &crewi_pool_kind);
    sim_job_set_kind(job, CREWI_KIND_RESULT, &crewi_result_kind);
    for (uint32_t i = 0; i < job->client_target; i++) {
        struct pool_user *user = (struct pool_user *)sim_client_create(
            job, (uint32_t)sim_below(&job->random, job->rank_count), 0);
        user->pool = sim_alloc(sizeof *user->pool);
        *user->pool = (struct pool_model){.job = job};
    }
}

static bool at_rest(struct sim_job *job)
{
    for (uint32_t i = 0; i < job->client_count && !job->broken; i++)
        if (!job->clients[i]->ended)
            sim_violation(job, "client %u is still there", i);
    return false;
}

static void finish(struct sim_job *job)
{
    (void)job;
}

static void destroy(struct sim_job *job)
{
    for (uint32_t i = 0; i < job->client_count; i++) {
        struct pool_user *user = user_of(job->clients[i]);
        if (user->is_worker)
            pool_worker_destroy(user);
        else
            free(user->pool);
    }
    for (uint32_t i = 0; i < job->rank_count; i++)
        crewi_processes_detach(&job->ranks[i].engine);
    crewi_job_detach();
}

static const char *op_name(uint8_t kind, uint8_t op)
{
    static const char *const pool_ops[] = {
        "?",     "create",    "submit",      "next_done", "workers",  "cancel",
        "close", "terminate", "end_workers", "join",      "destroy",  "ready",
        "unfit", "result",    "chunk",       "stop",      "describe", "lent"};
    static const char *const result_ops[] = {"?",      "progress", "take", "errors",
                                             "notify", "cancel",   "kill", "close",
                                             "kept",   "next",     "fetch"};
    if (kind == CREWI_KIND_POOL && op < sizeof pool_ops / sizeof *pool_ops)
        return pool_ops[op];
    if (kind == CREWI_KIND_POOL)
        return op == CREWI_WATCH_ENDED     ? "worker ended"
               : op == CREWI_WATCH_SPAWNED ? "worker spawned"
               : op == CREWI_POOL_STEAL    ? "steal"
                                           : "stolen";
    if (kind == CREWI_KIND_RESULT)
        return op < sizeof result_ops / sizeof *result_ops ? result_ops[op] : "wait";
    return NULL;
}

const struct sim_scenario sim_pool_scenario = {
    .name = "pool",
    .about = "maps of pools whose workers die, and are killed",
    .ranks = 5,
    .clients = 3,
    .steps = 40,
    .most_events = 3000,
    .client_size = sizeof(struct pool_user),
    .plants = pool_plants,
    .begin = begin,
    .act = act,
    .hear = hear,
    .ended = ended,
    .gone = gone,
    .at_rest = at_rest,
    .finish = finish,
    .destroy = destroy,
    .op_name = op_name,
};
