/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker of a simulated pool: it takes chunks, lets time pass for their tasks, and sends results,
 * as runtime/pool/worker.c does it. It may end at any moment, with the draft that it has then. */
#include "base/error.h"
#include "pool_user.h"
#include "process/process_protocol.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define EXITED(code) ((code) << 8)

static struct crewi_pool_result *head_of(struct pool_worker *worker)
{
    return (struct crewi_pool_result *)(void *)worker->area;
}

static void note_failure(struct pool_worker *worker, uint64_t index)
{
    struct crewi_pool_result *head = head_of(worker);
    struct crewi_pool_failure failure = {index, CREW_EFAILED, 5};
    memcpy(worker->area + sizeof *head + head->failure_bytes, &failure, sizeof failure);
    memcpy(worker->area + sizeof *head + head->failure_bytes + sizeof failure, "tired", 5);
    head->failure_bytes += (uint32_t)sizeof failure + 8;
}

/* Its life, as its rank is told of it */

static void tell_rank(struct pool_user *user, uint8_t op, const struct crewi_child_note *note,
                      const void *draft)
{
    struct crewi_engine *engine = &user->base.rank->engine;
    struct crewi_outgoing out = {.kind = CREWI_KIND_PROCESS,
                                 .op = op,
                                 .rank = engine->rank,
                                 .head = note,
                                 .head_size = sizeof *note,
                                 .body = draft,
                                 .body_size = note->draft_size};
    if (crewi_engine_tell(engine, &out))
        abort();
    sim_rank_wake(user->base.rank, 0);
}

static void finish(struct pool_user *user, int wait_status)
{
    user->work->wait_status = wait_status;
    sim_client_end(&user->base);
}

static void start(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    struct crewi_child_note note = {.process = pool_user_process(user),
                                    .pid = 10000 + (int)user->base.number};
    worker->started = true;
    tell_rank(user, CREWI_OP_CHILD_STARTED, &note, NULL);
    if (worker->pending_signal)
        finish(user, worker->pending_signal);
    else
        sim_client_think(&user->base);
}

static struct pool_model *pool_of_creator(const struct sim_job *job, uint64_t process)
{
    return ((struct pool_user *)crewi_table_find(&job->by_process, process))->pool;
}

crew_status pool_worker_spawn(void *host, const struct crewi_spawn *spawn, uint32_t *slot)
{
    struct sim_rank *rank = host;
    struct crewi_process_order order;
    struct crewi_pool_worker_arg arg;
    memcpy(&order, spawn->start->payload, sizeof order);
    memcpy(&arg, spawn->start->payload + sizeof order, sizeof arg);
    crewi_frame_destroy(spawn->start);
    struct pool_user *user =
        (struct pool_user *)sim_client_create(rank->job, rank->engine.rank, spawn->process);
    if (!user)
        return crewi_error(CREW_ESTATE, "no room for a client");
    user->is_worker = true;
    user->pool = pool_of_creator(rank->job, order.spec.creator);
    user->pool->live++;
    user->work = sim_alloc(sizeof *user->work);
    *user->work = (struct pool_worker){.user = user, .pool = arg.pool, .wait_status = SIGKILL};
    user->base.base.claims = &user->work->claims;
    user->work->unfit = rank->job->weather.deaths_per_mille && sim_chance(&user->base.random, 2);
    user->work->loses_draft = sim_chance(&user->base.random, 200);
    crewi_frames_init(&user->work->chunks);
    *slot = user->base.slot;
    return CREW_OK;
}

static void signalled(struct sim_job *job, const struct sim_event *event)
{
    struct pool_user *user = event->subject;
    (void)job;
    if (user->base.ended)
        return;
    if (user->work->started)
        finish(user, user->work->pending_signal);
}

crew_status pool_worker_signal(void *host, uint32_t slot, int signal_number)
{
    struct sim_rank *rank = host;
    for (struct sim_client *client = rank->clients; client; client = client->next) {
        struct pool_user *user = (struct pool_user *)client;
        if (client->slot != slot || !user->is_worker)
            continue;
        user->work->pending_signal = signal_number;
        sim_job_after(rank->job, sim_delay_ns(&client->random, rank->job->weather.port_ns),
                      signalled, user);
        return CREW_OK;
    }
    sim_violation(rank->job, "a signal for nobody");
    return CREW_OK;
}

/* A failure may be noted, and the task not counted as done yet. */
static bool is_ahead(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    uint64_t index = head_of(worker)->begin + worker->done;
    if (!worker->has_draft || !worker->running || !worker->fails || worker->times_out ||
        !sim_chance(&user->base.random, 300))
        return false;
    note_failure(worker, index);
    pool_model_end_task(worker->map, index, true);
    return true;
}

/* Where it was when it ended. */
void pool_worker_ended(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    const struct crewi_pool_result *head = head_of(worker);
    worker->has_draft &= !worker->loses_draft;
    bool ahead = is_ahead(user);
    struct pool_death death = {.worker = &user->base,
                               .has_draft = worker->has_draft,
                               .timed_out = worker->timed_out,
                               .stopped = worker->wait_status == EXITED(0),
                               .killed = worker->killed,
                               .early = !worker->ready || !user->pool->id,
                               .map = head->map,
                               .begin = head->begin,
                               .done = worker->done + ahead};
    user->pool->may_break |= worker->unfit;
    pool_model_death(user->pool, &death);
}

/* All that it had sent is in. */
void pool_worker_gone(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    struct crewi_child_note note = {.process = pool_user_process(user),
                                    .pid = 10000 + (int)user->base.number,
                                    .value = worker->wait_status,
                                    .cause = worker->timed_out ? CREWI_END_TASK_LIMIT : 0};
    if (!worker->started) {
        note.value = EAGAIN;
        tell_rank(user, CREWI_OP_CHILD_FAILED, &note, NULL);
        return;
    }
    if (worker->has_draft) {
        note.draft_progress = worker->done;
        note.draft_size =
            (uint32_t)(CREWI_POOL_DRAFT_RESULTS + worker->planned * head_of(worker)->result_size);
    }
    tell_rank(user, CREWI_OP_CHILD_ENDED, &note, worker->area);
}

void pool_worker_destroy(struct pool_user *user)
{
    if (!user->work)
        return;
    crewi_frames_clear(&user->work->chunks);
    crewi_frame_destroy(user->work->frame);
    free(user->work);
}

/* What it says */

static void say(struct pool_user *user, uint8_t op, const void *head, size_t head_size,
                const void *body, size_t body_size)
{
    struct crewi_call note = {.kind = CREWI_KIND_POOL,
                              .op = op,
                              .object = user->work->pool,
                              .head = head,
                              .head_size = head_size,
                              .body = body,
                              .body_size = body_size};
    sim_client_tell(&user->base, &note);
}

static void begin_work(struct pool_user *user)
{
    static const int32_t status = CREW_EFAILED;
    user->work->ready = !user->work->unfit;
    if (user->work->unfit) {
        say(user, CREWI_POOL_UNFIT, &status, sizeof status, "no", 2);
        finish(user, EXITED(1));
        return;
    }
    say(user, CREWI_POOL_READY, NULL, 0, NULL, 0);
    sim_client_think(&user->base);
}

static void drop_chunk(struct pool_worker *worker)
{
    crewi_frame_destroy(worker->frame);
    worker->frame = NULL;
}

static void send_results(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    struct crewi_pool_result *head = head_of(worker);
    head->count = worker->planned = worker->done;
    head->busy_ns += !head->busy_ns;
    head->cpu_ns = head->busy_ns;
    pool_model_tell(worker->map, head->begin, head->count);
    say(user, CREWI_POOL_RESULT, head, sizeof *head + head->failure_bytes,
        worker->area + CREWI_POOL_DRAFT_RESULTS, head->count * head->result_size);
    worker->next += worker->done;
    worker->planned = 0;
    worker->has_draft = false;
    if (worker->next == worker->chunk.count)
        drop_chunk(worker);
}

/* What it does */

static bool take_chunk(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    worker->frame = crewi_frames_pop(&worker->chunks);
    if (!worker->frame)
        return false;
    if (worker->frame->header.op == CREWI_POOL_STOP) {
        finish(user, EXITED(0));
        return false;
    }
    memcpy(&worker->chunk, worker->frame->payload, sizeof worker->chunk);
    worker->map = pool_model_find(user->pool, worker->chunk.map);
    worker->next = 0;
    worker->claimed = 0;
    return true;
}

/* Whether the next task is its own. */
static bool claims_next(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    struct crewi_claim_range claimed;
    uint64_t next = worker->next + worker->done;
    if (next < worker->claimed)
        return true;
    int found = crewi_claim_take(&worker->claims, worker->chunk.key,
                                 (uint32_t)sim_between(&user->base.random, 1, 3), &claimed);
    if (found < 0 || (found && claimed.begin != next))
        sim_violation(user->base.job, "client %u has claims that cannot be", user->base.number);
    if (found > 0)
        worker->claimed = claimed.end;
    return found > 0;
}

static bool is_chunk(const struct crewi_frame *frame, struct crewi_claim_key key,
                     struct crewi_pool_chunk *chunk)
{
    if (!frame || frame->header.op != CREWI_POOL_CHUNK)
        return false;
    memcpy(chunk, frame->payload, sizeof *chunk);
    return chunk->key.slot == key.slot && chunk->key.generation == key.generation;
}

void pool_worker_robbed(struct pool_worker *worker, struct crewi_claim_key key,
                        struct crewi_claim_range taken)
{
    struct crewi_pool_chunk chunk;
    const struct crewi_frame *frame = worker->frame;
    if (!is_chunk(frame, key, &chunk))
        for (frame = worker->chunks.first; frame && !is_chunk(frame, key, &chunk);)
            frame = frame->next;
    if (!frame)
        return; /* it has not seen it yet */
    pool_model_rob(pool_model_find(worker->user->pool, chunk.map), &worker->user->base,
                   chunk.begin + taken.begin, taken.end - taken.begin);
}

/* All that is left of the chunk, or some of it. */
static void begin_part(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    uint64_t left = worker->chunk.count - worker->next;
    worker->planned =
        sim_chance(&user->base.random, 700) ? left : sim_between(&user->base.random, 1, left);
    worker->done = 0;
    worker->has_draft = true;
    memset(worker->area, 0, sizeof worker->area);
    *head_of(worker) = (struct crewi_pool_result){.map = worker->chunk.map,
                                                  .begin = worker->chunk.begin + worker->next,
                                                  .count = worker->planned,
                                                  .result_size = worker->chunk.result_size};
}

static void begin_task(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    struct sim_random *random = &user->base.random;
    int64_t takes_ns = sim_delay_ns(random, user->base.job->weather.think_ns);
    bool endless = sim_chance(random, worker->map->endless_per_mille);
    pool_model_begin_task(worker->map, &user->base, head_of(worker)->begin + worker->done);
    worker->running = true;
    worker->fails = sim_chance(random, worker->map->fails_per_mille);
    worker->times_out =
        worker->chunk.timeout_ns && (endless || takes_ns > worker->chunk.timeout_ns);
    if (worker->times_out)
        takes_ns = worker->chunk.timeout_ns;
    worker->end_ns = user->base.job->now_ns + takes_ns;
    head_of(worker)->busy_ns += takes_ns;
    if (worker->times_out || !endless)
        sim_client_wake(&user->base, takes_ns);
    else
        worker->end_ns = INT64_MAX;
}

static void end_task(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    struct crewi_pool_result *head = head_of(worker);
    uint64_t index = head->begin + worker->done,
             result = pool_model_result(pool_model_item(worker->map, index));
    if (worker->times_out) {
        worker->timed_out = true;
        finish(user, SIGKILL);
        return;
    }
    worker->running = false;
    pool_model_end_task(worker->map, index, worker->fails);
    if (worker->fails)
        note_failure(worker, index);
    else
        memcpy(worker->area + CREWI_POOL_DRAFT_RESULTS + worker->done * head->result_size, &result,
               head->result_size);
    worker->done++;
}

/* With the part that is at hand, as far as it was not taken back. */
static void go_on(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    if (claims_next(user)) {
        begin_task(user);
        return;
    }
    worker->chunk.count = worker->next + worker->done;
    send_results(user);
}

void pool_worker_act(struct pool_user *user)
{
    struct pool_worker *worker = user->work;
    if (!worker->started) {
        start(user);
        return;
    }
    if (!worker->ready) {
        begin_work(user);
        return;
    }
    if (worker->running && user->base.job->now_ns < worker->end_ns)
        return; /* woken for another reason */
    if (worker->running)
        end_task(user);
    while (!user->base.ended && !worker->running && !user->base.job->failed) {
        bool enough = worker->planned &&
                      (worker->done == worker->planned || sim_chance(&user->base.random, 30));
        if (enough && worker->done) {
            send_results(user);
        } else if (worker->planned) {
            go_on(user);
        } else if (worker->frame || take_chunk(user)) {
            worker->done = 0;
            if (claims_next(user))
                begin_part(user);
            else
                drop_chunk(worker);
        } else {
            return;
        }
    }
}

void pool_worker_hear(struct pool_user *user, const struct crewi_frame *frame)
{
    struct pool_worker *worker = user->work;
    if (frame->header.type != CREWI_DELIVERY || frame->header.kind != CREWI_KIND_POOL ||
        (frame->header.op == CREWI_POOL_CHUNK &&
         !pool_model_take_chunk(user->pool, &user->base, frame, &worker->claims)))
        return;
    crewi_frames_push(&worker->chunks, sim_frame_copy(frame));
    if (worker->ready && !worker->running)
        sim_client_wake(&user->base, 0);
}
