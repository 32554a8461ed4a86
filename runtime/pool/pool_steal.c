/* SPDX-License-Identifier: BSD-3-Clause */
/* Work stealing: when nothing is left to hand out and workers are idle, tasks that others have in
 * hand and have not begun are taken back from them.
 *
 * The home asks the rank of the worker that has the most to do, which knows what the worker has
 * claimed (claim.h), and takes away from the end of what it has not. Whatever the worker answers
 * for was claimed, so that its results and the answer of its rank may come in either order. */
#include "pool/pool_home.h"

#include "base/clock.h"
#include "base/log.h"

#include <signal.h>
#include <string.h>

/* An exchange of messages takes some 100 µs, on a busy core more. */
#define WORTHWHILE_NS (200 * CREWI_MICROSECOND)

/* What a task takes when nobody knows. */
#define GUESS_NS (1 * CREWI_MILLISECOND)

/* A worker is not asked again for so long when the chunk was not there yet. */
#define SCATTER_NS (1 * CREWI_MILLISECOND)

/* So many of those that could be asked are looked at. */
#define LOOK_AT 64

/* At the worker's rank */

void crewi_pool_deliver_chunk(struct crewi_engine *engine, struct crewi_endpoint *endpoint,
                              const struct crewi_frame *frame)
{
    struct crewi_pool_chunk chunk;
    (void)engine;
    if (frame->header.op != CREWI_POOL_CHUNK || frame->header.size < sizeof chunk ||
        !endpoint->claims)
        return;
    memcpy(&chunk, frame->payload, sizeof chunk);
    if (crewi_claim_is_sound(chunk.key, chunk.count))
        crewi_claim_offer(endpoint->claims, chunk.key, (uint32_t)chunk.count);
}

/* What is not claimed of each chunk. Returns how many tasks that is, 0 if they are not worth it. */
static uint64_t look(const struct crewi_claims *claims, const struct crewi_pool_steal *steal,
                     struct crewi_pool_stolen *stolen)
{
    uint64_t tasks = 0;
    double left_ns = 0;
    for (uint32_t i = 0; i < steal->count; i++) {
        const struct crewi_pool_steal_from *from = &steal->from[i];
        struct crewi_claim_range left;
        int found = crewi_claim_look(claims, from->key, &left);
        stolen->from[i].early = found < 0;
        if (found <= 0)
            continue;
        stolen->from[i].left = left.end - left.begin;
        tasks += stolen->from[i].left;
        left_ns += stolen->from[i].left *
                   (from->task_ns > 0 ? (double)from->task_ns : (double)steal->least_ns);
    }
    return left_ns >= (double)steal->least_ns ? tasks : 0;
}

/* The worker keeps what it gets to first. */
static void take_back(struct crewi_claims *claims, const struct crewi_pool_steal *steal,
                      struct crewi_pool_stolen *stolen)
{
    uint64_t tasks = look(claims, steal, stolen), wanted = tasks - tasks / steal->shares;
    for (uint32_t i = steal->count; i-- > 0 && wanted;) {
        struct crewi_pool_stolen_from *from = &stolen->from[i];
        uint32_t keep = wanted < from->left ? (uint32_t)(from->left - wanted) : 0;
        uint32_t taken = 0;
        if (crewi_claim_take_back(claims, from->key, keep, &from->taken))
            taken = from->taken.end - from->taken.begin;
        from->left = keep; /* or less */
        wanted -= wanted < taken ? wanted : taken;
    }
}

/* All that is not begun of what is recalled, or of everything. */
static void take_all_back(struct crewi_claims *claims, const struct crewi_pool_steal *steal,
                          struct crewi_pool_stolen *stolen, bool everything)
{
    for (uint32_t i = 0; i < steal->count; i++) {
        struct crewi_pool_stolen_from *from = &stolen->from[i];
        if (!everything && !steal->from[i].recall)
            continue;
        if (crewi_claim_withdraw(claims, from->key))
            from->early = CREWI_EARLY_TAKEN;
        else
            crewi_claim_take_back(claims, from->key, 0, &from->taken);
        from->left = 0;
    }
}

/* Whether the worker is in a task that is to be killed. */
static bool is_in_it(const struct crewi_claims *claims, const struct crewi_pool_steal *steal)
{
    for (uint32_t i = 0; i < steal->count; i++)
        if (steal->from[i].recall == CREWI_RECALL_KILL &&
            crewi_claim_is_current(claims, steal->from[i].key))
            return true;
    return false;
}

/* A worker is killed when it is in such a task and there is no other that it could get to, not even
 * one that is still under way: so none is hit that was not meant. */
static void recall(struct crewi_engine *engine, struct crewi_claims *claims,
                   const struct crewi_pool_steal *steal, struct crewi_pool_stolen *stolen)
{
    look(claims, steal, stolen);
    take_all_back(claims, steal, stolen, false);
    if (!is_in_it(claims, steal))
        return;
    take_all_back(claims, steal, stolen, true);
    if (!is_in_it(claims, steal)) /* it has begun another one meanwhile */
        return;
    stolen->killed = 1;
    crewi_process_signal_here(engine, steal->process, SIGKILL);
}

static bool is_sound(const struct crewi_pool_steal *steal)
{
    bool sound = crewi_id_kind(steal->pool) == CREWI_KIND_POOL && steal->count <= CREWI_CLAIM_SLOTS;
    for (uint32_t i = 0; sound && i < steal->count; i++)
        sound = crewi_claim_is_sound(steal->from[i].key, 1) &&
                steal->from[i].recall <= CREWI_RECALL_KILL;
    return sound;
}

/* Of a worker that has ended the home hears anyway. */
static void steal_here(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pool_steal steal;
    if (message->size != sizeof steal)
        return;
    memcpy(&steal, message->data, sizeof steal);
    const struct crewi_origin worker = {engine->rank, steal.slot, steal.process, 0};
    if (!is_sound(&steal) || crewi_id_home(steal.pool) >= engine->rank_count ||
        !crewi_engine_is_there(engine, &worker))
        return;
    struct crewi_pool_stolen stolen = {.process = steal.process, .count = steal.count};
    struct crewi_claims *claims = engine->endpoints[steal.slot]->claims;
    for (uint32_t i = 0; i < steal.count; i++) {
        stolen.from[i].key = steal.from[i].key;
        stolen.from[i].recall = steal.from[i].recall;
    }
    if (claims && steal.shares)
        take_back(claims, &steal, &stolen);
    else if (claims)
        recall(engine, claims, &steal, &stolen);
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_STOLEN,
        .rank = crewi_id_home(steal.pool),
        .object = steal.pool,
        .head = &stolen,
        .head_size = sizeof stolen,
    };
    crewi_engine_must_tell(engine, &note);
}

bool crewi_pool_request_to_rank(struct crewi_engine *engine, const struct crewi_message *message)
{
    if (message->op != CREWI_POOL_STEAL)
        return false;
    steal_here(engine, message);
    return true;
}

/* At the pool's home: from whom */

static bool is_idle(const struct crewi_pool *pool, const struct crewi_worker *worker)
{
    uint32_t most = pool->spec.max_tasks;
    return worker->state == CREWI_WORKER_READY && !worker->held && !worker->outstanding_count &&
           (!most || worker->chunks < most);
}

/* What may be left of a chunk: the worker is in the first task of the first one, or about to be. */
static uint64_t left_of(const struct crewi_worker *worker, uint32_t place)
{
    const struct crewi_pool_outstanding *chunk = &worker->outstanding[place];
    const struct crewi_pool_map *map = chunk->map;
    if (map->submission.no_stealing || map->careful || chunk->recalled)
        return 0;
    return place == 0 && chunk->left == chunk->range.count ? chunk->left - 1 : chunk->left;
}

static bool spares(const struct crewi_worker *worker)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < worker->outstanding_count; i++)
        left += left_of(worker, i);
    return left > 0;
}

static void put_on_list(struct crewi_pool *pool, struct crewi_worker *worker,
                        enum crewi_worker_list list, bool on)
{
    uint32_t *place = &worker->places[list], *count = &pool->listed_count[list];
    if (on && !*place) {
        pool->listed[list][(*count)++] = (uint32_t)(worker - pool->workers);
        *place = *count;
    } else if (!on && *place) {
        uint32_t last = pool->listed[list][--*count];
        pool->listed[list][*place - 1] = last;
        pool->workers[last].places[list] = *place;
        *place = 0;
    }
}

void crewi_pool_list_worker(struct crewi_pool *pool, struct crewi_worker *worker)
{
    put_on_list(pool, worker, CREWI_WORKERS_IDLE, is_idle(pool, worker));
    put_on_list(pool, worker, CREWI_WORKERS_SPARING, spares(worker));
}

/* How long a worker should still be busy with what can be taken from it; 0 when that is not worth
 * it. */
static double expected_ns(const struct crewi_worker *worker, int64_t now_ns)
{
    double ns = 0;
    if (worker->state != CREWI_WORKER_READY || worker->steal_serves || worker->recalls ||
        worker->held || now_ns < worker->ask_ns)
        return 0;
    for (uint32_t i = 0; i < worker->outstanding_count; i++) {
        int64_t task_ns = crewi_schedule_task_ns(&worker->outstanding[i].map->schedule);
        ns += (double)left_of(worker, i) * (double)(task_ns ? task_ns : GUESS_NS);
    }
    return ns >= (double)WORTHWHILE_NS ? ns : 0;
}

/* How many workers will get nothing of what was asked for already. */
static uint32_t count_waiting(const struct crewi_pool *pool)
{
    uint32_t idle = pool->listed_count[CREWI_WORKERS_IDLE];
    return idle > pool->steal_serves ? idle - pool->steal_serves : 0;
}

/* From whom something is best taken, of some that spare; NULL when it is worth it from none of
 * them. *victims is how many those are. The longer ago a worker was heard of, the less it has left.
 */
static struct crewi_worker *find_victim(const struct crewi_engine *engine, struct crewi_pool *pool,
                                        uint32_t *victims)
{
    struct crewi_worker *best = NULL;
    double best_ns = 0;
    const uint32_t *count = &pool->listed_count[CREWI_WORKERS_SPARING];
    *victims = 0;
    for (uint32_t left = *count < LOOK_AT ? *count : LOOK_AT; left && *count; left--) {
        uint32_t at = pool->next_look++ % *count;
        struct crewi_worker *worker = &pool->workers[pool->listed[CREWI_WORKERS_SPARING][at]];
        double ns = expected_ns(worker, engine->now_ns);
        if (!spares(worker)) /* its map was cancelled, for example */
            crewi_pool_list_worker(pool, worker);
        if (ns <= 0)
            continue;
        ns -= (double)(engine->now_ns - worker->heard_ns);
        if (!best || ns > best_ns) {
            best = worker;
            best_ns = ns;
        }
        ++*victims;
    }
    return best;
}

static bool ask(struct crewi_engine *engine, struct crewi_pool *pool, struct crewi_worker *victim,
                uint32_t serves)
{
    struct crewi_pool_steal steal = {.pool = pool->object.id,
                                     .process = victim->process,
                                     .slot = victim->origin.slot,
                                     .shares = serves + 1,
                                     .least_ns = WORTHWHILE_NS};
    for (uint32_t i = 0; i < victim->outstanding_count; i++)
        if (left_of(victim, i))
            steal.from[steal.count++] = (struct crewi_pool_steal_from){
                .key = victim->outstanding[i].key,
                .task_ns = crewi_schedule_task_ns(&victim->outstanding[i].map->schedule)};
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_STEAL,
        .rank = victim->origin.rank,
        .head = &steal,
        .head_size = sizeof steal,
    };
    if (crewi_engine_tell(engine, &note)) {
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
        return false;
    }
    victim->steal_serves = serves;
    pool->steal_serves += serves;
    return true;
}

void crewi_pool_steal(struct crewi_engine *engine, struct crewi_pool *pool)
{
    uint32_t waiting, victims;
    struct crewi_worker *victim;
    while ((waiting = count_waiting(pool)) && (victim = find_victim(engine, pool, &victims)))
        if (!ask(engine, pool, victim, waiting / victims + (waiting % victims != 0)))
            return;
}

void crewi_pool_stop_stealing(struct crewi_pool *pool, struct crewi_worker *worker)
{
    pool->steal_serves -= worker->steal_serves;
    worker->steal_serves = 0;
    worker->recalls = false;
}

/* At the pool's home: what came of it */

static struct crewi_pool_outstanding *find_chunk(struct crewi_worker *worker,
                                                 struct crewi_claim_key key)
{
    for (uint32_t i = 0; i < worker->outstanding_count; i++)
        if (worker->outstanding[i].key.slot == key.slot &&
            worker->outstanding[i].key.generation == key.generation)
            return &worker->outstanding[i];
    return NULL;
}

/* What was taken is to be the end of what the worker has not answered for. */
static bool is_end_of(const struct crewi_pool_outstanding *chunk, struct crewi_claim_range taken)
{
    uint64_t begin = chunk->range.begin - chunk->given.begin, end = begin + chunk->range.count;
    return taken.begin >= begin && taken.end == end;
}

/* Whether that is what a chunk was recalled for. */
static bool answers_recall(const struct crewi_pool_outstanding *chunk,
                           const struct crewi_pool_stolen_from *from)
{
    return from->recall == (chunk->map->killed ? CREWI_RECALL_KILL : CREWI_RECALL_CANCEL);
}

/* Takes a chunk, or the end of it, from its worker; false when that cannot be. *recalled is its map
 * if it was recalled and is not any more. */
static bool take_from(struct crewi_worker *worker, const struct crewi_pool_stolen_from *from,
                      int64_t now_ns, struct crewi_pool_map **recalled)
{
    struct crewi_pool_outstanding *chunk = find_chunk(worker, from->key);
    struct crewi_claim_range back = from->taken;
    if (!chunk) /* it is done, or its map was given up */
        return true;
    if (from->early == CREWI_EARLY_TAKEN)
        back = (struct crewi_claim_range){0, (uint32_t)chunk->given.count};
    else if (from->early) {
        worker->ask_ns = now_ns + SCATTER_NS;
        return true;
    }
    if (chunk->recalled && answers_recall(chunk, from)) {
        chunk->recalled = false;
        *recalled = chunk->map;
    }
    if (from->left < chunk->left)
        chunk->left = from->left;
    if (back.begin == back.end)
        return true;
    if (back.end < back.begin || !is_end_of(chunk, back))
        return false;
    struct crewi_pool_map *map = chunk->map;
    struct crewi_range taken = {chunk->given.begin + back.begin, back.end - back.begin};
    chunk->range.count -= taken.count;
    map->went_out |= !from->recall;
    if (crewi_pool_return_tasks(map, taken))
        crewi_log(CREWI_LOG_ERROR, "tasks were lost: %s", crew_error_message());
    if (chunk->left > chunk->range.count)
        chunk->left = chunk->range.count;
    if (!back.begin) /* it has had one less */
        worker->chunks--;
    if (chunk->range.count)
        return true;
    if (chunk->recalled)
        *recalled = map;
    crewi_pool_drop_outstanding(worker, chunk);
    return true;
}

/* A worker that is idle gets so many tasks of a map, in few chunks. */
static void give_share(struct crewi_engine *engine, struct crewi_worker *worker,
                       struct crewi_pool_map *map, uint64_t tasks)
{
    struct crewi_range range;
    struct crewi_frame *frame;
    while (tasks && worker->outstanding_count < CREWI_WORKER_CHUNKS &&
           (!map->pool->spec.max_tasks || worker->chunks < map->pool->spec.max_tasks) &&
           crewi_schedule_take_some(&map->schedule, tasks, &range) &&
           (frame = crewi_pool_give(engine, worker, map, &range))) {
        tasks -= range.count;
        crewi_engine_send(engine, frame);
    }
}

/* As many idle workers as it was asked for share what came back, whatever the schedule would do:
 * its chunks are for the beginning. */
static void share_out(struct crewi_engine *engine, struct crewi_pool *pool, uint32_t serves)
{
    const uint32_t *count = &pool->listed_count[CREWI_WORKERS_IDLE];
    uint32_t idle = *count < serves ? *count : serves;
    for (uint32_t before = *count; idle && *count && before; before--) {
        struct crewi_worker *worker = &pool->workers[pool->listed[CREWI_WORKERS_IDLE][*count - 1]];
        struct crewi_pool_map *map = NULL;
        while (is_idle(pool, worker) && (map = crewi_pool_next_waiting(pool, map))) {
            uint64_t left = map->careful ? 0 : crewi_schedule_remaining(&map->schedule);
            give_share(engine, worker, map, left / idle + (left % idle != 0));
        }
        if (is_idle(pool, worker)) /* there is nothing for the others either */
            return;
        put_on_list(pool, worker, CREWI_WORKERS_IDLE, false);
        idle--;
    }
}

void crewi_pool_feed_idle(struct crewi_engine *engine, struct crewi_pool *pool)
{
    const uint32_t *count = &pool->listed_count[CREWI_WORKERS_IDLE];
    for (uint32_t before = *count; before && *count; before--) {
        struct crewi_worker *worker = &pool->workers[pool->listed[CREWI_WORKERS_IDLE][*count - 1]];
        crewi_pool_feed(engine, pool, worker);
        if (is_idle(pool, worker))
            return;
        crewi_pool_list_worker(pool, worker);
    }
}

static bool can_be(const struct crewi_message *message, struct crewi_pool_stolen *stolen)
{
    if (message->size != sizeof *stolen)
        return false;
    memcpy(stolen, message->data, sizeof *stolen);
    return stolen->count <= CREWI_CLAIM_SLOTS;
}

/* Nobody knows what of it is to be done. It is asked no more. */
static void end_liar(struct crewi_engine *engine, struct crewi_worker *worker)
{
    crewi_log(CREWI_LOG_ERROR,
              "a worker on rank %d says that it has tasks which it was not given, and is killed",
              worker->rank);
    for (uint32_t i = 0; i < worker->outstanding_count; i++)
        worker->outstanding[i].left = 0;
    crewi_process_signal(engine, worker->process, SIGKILL);
}

static void take_all_from(struct crewi_engine *engine, struct crewi_pool *pool,
                          struct crewi_worker *victim, const struct crewi_pool_stolen *stolen)
{
    struct crewi_pool_map *recalled[CREWI_CLAIM_SLOTS] = {0};
    bool sound = true;
    for (uint32_t i = 0; i < stolen->count; i++)
        sound &= take_from(victim, &stolen->from[i], engine->now_ns, &recalled[i]);
    if (!sound)
        end_liar(engine, victim);
    crewi_pool_cancel_what_came_back(engine, pool);
    for (uint32_t i = 0; i < stolen->count; i++) {
        bool was_recalled = recalled[i] != NULL;
        crewi_pool_end_recall(engine, recalled[i], &was_recalled);
    }
}

void crewi_pool_stolen(struct crewi_engine *engine, struct crewi_pool *pool,
                       const struct crewi_message *message)
{
    struct crewi_pool_stolen stolen;
    if (!can_be(message, &stolen))
        return;
    struct crewi_worker *victim = crewi_pool_find_worker(pool, stolen.process);
    if (!victim || !(victim->steal_serves || victim->recalls))
        return;
    uint32_t serves = victim->steal_serves;
    crewi_pool_stop_stealing(pool, victim);
    victim->killed |= stolen.killed && victim->held;
    victim->held = victim->killed;
    take_all_from(engine, pool, victim, &stolen);
    share_out(engine, pool, serves);
    crewi_pool_recall(engine, pool, victim); /* what was asked for meanwhile, or was not there */
    crewi_pool_feed_idle(engine, pool);
    crewi_pool_feed(engine, pool, victim);
    crewi_pool_list_worker(pool, victim);
    crewi_pool_steal(engine, pool);
}
