/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a worker: chunks in, results out.
 *
 * Results are built in the port's data area and declared a draft before the first task of a part
 * begins, with the count of finished tasks kept up to date. So the rank knows, when the worker
 * dies, which task it was in, and has the results of those before. A part ends early when there is
 * no room for another failure, when somebody else was given the rest, and when it takes long. */
#include "pool/worker.h"

#include "base/clock.h"
#include "node/deadline.h"
#include "node/memory.h"
#include "node/scheduling.h"
#include "pool/crash.h"
#include "process/must.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void crewi_worker_note_failure(struct worker *worker, uint64_t index, crew_status status,
                               const char *reason)
{
    struct crewi_pool_result *head = crewi_worker_head(worker);
    size_t length = strnlen(reason, CREWI_ERROR_SIZE - 1), padded = (length + 7) & ~(size_t)7;
    struct crewi_pool_failure failure = {index, status < 0 ? status : CREW_EFAILED,
                                         (uint32_t)length};
    unsigned char *at = worker->area + sizeof *head + head->failure_bytes;
    memcpy(at, &failure, sizeof failure);
    memcpy(at + sizeof failure, reason, length);
    head->failure_bytes += (uint32_t)(sizeof failure + padded);
}

bool crewi_worker_has_failure_room(const struct worker *worker)
{
    size_t one = sizeof(struct crewi_pool_failure) + CREWI_ERROR_SIZE;
    return crewi_worker_head(worker)->failure_bytes + one <= CREWI_POOL_FAILURE_ROOM;
}

void crewi_worker_fail(struct worker *worker, uint64_t index, crew_status status)
{
    const char *reason = crew_error_message();
    crewi_worker_note_failure(worker, index, status,
                              *reason ? reason : crew_status_message(status));
    crewi_error_clear();
}

/* A task that was run, and failed: its reason is kept, and its result only where the caller wants
 * it. */
static void fail_task(struct worker *worker, uint64_t index, const struct crewi_pool_chunk *chunk,
                      crew_status status, unsigned char *result)
{
    crewi_worker_fail(worker, index, status);
    if (!(chunk->flags & CREWI_CHUNK_KEEP_FAILED))
        memset(result, 0, chunk->result_size);
}

static void run_task(struct worker *worker, uint64_t index, const struct crewi_pool_chunk *chunk,
                     const void *item, unsigned char *result)
{
    if (!worker->function) {
        crewi_worker_note_failure(worker, index, worker->lookup, worker->lookup_reason);
        return;
    }
    crew_status status = ((crew_task_function *)worker->function)(item, result);
    crewi_client_end_copy(status != CREW_OK);
    if (status)
        fail_task(worker, index, chunk, status, result);
}

/* Without the results when there are none: of a single task that failed. */
static crew_status send_result(struct worker *worker, const struct crewi_pool_chunk *chunk,
                               const unsigned char *results)
{
    const struct crewi_pool_result *head = crewi_worker_head(worker);
    bool none =
        head->count == 1 && head->failure_bytes && !(chunk->flags & CREWI_CHUNK_KEEP_FAILED);
    struct crewi_call note = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_RESULT,
        .object = worker->pool,
        .head = head,
        .head_size = sizeof *head + head->failure_bytes,
        .body = results,
        .body_size = none ? 0 : head->count * head->result_size,
    };
    return crewi_tell(&note);
}

void crewi_worker_draft_begin(const struct worker *worker, size_t size)
{
    if (worker->client->remote)
        crewi_port_draft_begin(&worker->client->port, (uint32_t)size);
}

void crewi_worker_draft_advance(const struct worker *worker, uint64_t done)
{
    if (worker->client->remote)
        crewi_port_draft_advance(&worker->client->port, done);
}

void crewi_worker_draft_end(const struct worker *worker)
{
    if (worker->client->remote)
        crewi_port_draft_end(&worker->client->port);
}

static void set_deadline(const struct worker *worker, int64_t deadline_ns)
{
    struct crewi_client *client = worker->client;
    crewi_deadline_set(client->port.shared, client->bell, client->port_slot, deadline_ns);
}

void crewi_worker_begin_limit(const struct worker *worker, const struct crewi_pool_chunk *chunk)
{
    if (chunk->timeout_ns && worker->client->remote)
        set_deadline(worker, crewi_deadline_ns(crewi_now_ns(), chunk->timeout_ns));
}

void crewi_worker_end_limit(const struct worker *worker, const struct crewi_pool_chunk *chunk)
{
    if (chunk->timeout_ns && worker->client->remote)
        set_deadline(worker, 0);
}

/* Which task runs is noted for who comes by a longjmp; nobody else reads it. */
static void run_until(struct worker *worker, const struct crewi_pool_chunk *chunk,
                      const unsigned char *items, unsigned char *results, uint64_t end)
{
    uint64_t begin = crewi_worker_head(worker)->begin, i = worker->running;
    while (i < end && crewi_worker_has_failure_room(worker)) {
        worker->running = i;
        crewi_worker_begin_limit(worker, chunk);
        run_task(worker, begin + i, chunk, items + i * chunk->item_size,
                 results + i * chunk->result_size);
        crewi_worker_end_limit(worker, chunk);
        crewi_worker_draft_advance(worker, ++i);
    }
    worker->running = i;
}

/* Tasks of a part that are claimed, from its @p i on and before @p end. Returns where it stopped.
 * One setjmp serves all of them: a task that CREW_MUST ends arrives here again, and the next one
 * follows. What changes meanwhile lies in the worker, and not in variables, which a longjmp may
 * put back. */
static uint64_t run_claimed(struct worker *worker, const struct crewi_pool_chunk *chunk,
                            const unsigned char *items, unsigned char *results, uint64_t i,
                            uint64_t end)
{
    jmp_buf place;
    worker->running = i;
    int status = setjmp(place);
    if (status) {
        crewi_client_end_copy(true);
        crewi_worker_end_limit(worker, chunk);
        fail_task(worker, crewi_worker_head(worker)->begin + worker->running, chunk,
                  (crew_status)status, results + worker->running * chunk->result_size);
        crewi_worker_draft_advance(worker, ++worker->running);
    }
    crewi_must_set_place(&place);
    run_until(worker, chunk, items, results, end);
    crewi_must_set_place(NULL);
    return worker->running;
}

/* The tasks of a part, whose items and results these are. Returns how many it was. */
static uint64_t run_tasks(struct worker *worker, const struct crewi_pool_chunk *chunk,
                          const unsigned char *items, unsigned char *results, crew_status *status)
{
    struct crewi_worker_claim *claim = &worker->claim;
    uint64_t from = crewi_worker_head(worker)->begin - chunk->begin,
             wanted = crewi_worker_head(worker)->count, i = 0;
    while (i < wanted && crewi_worker_has_failure_room(worker)) {
        if (from + i == claim->claimed)
            crewi_worker_claim_measure(claim, from + i, crewi_now_ns());
        if (i && crewi_worker_claim_is_late(claim))
            break;
        if (!crewi_worker_claim_reaches(claim, from + i, status))
            break;
        uint64_t claimed = claim->claimed - from;
        i = run_claimed(worker, chunk, items, results, i, claimed < wanted ? claimed : wanted);
    }
    return i;
}

/* Runs as many tasks of the chunk, from its @p from on, as there is room for results; *done says
 * how many. The first one is claimed. */
static crew_status run_part(struct worker *worker, const struct crewi_pool_chunk *chunk,
                            const unsigned char *items, uint64_t from, uint64_t *done)
{
    struct crewi_pool_result *head = crewi_worker_head(worker);
    bool fits = chunk->result_size <= worker->result_room;
    unsigned char *results = fits ? worker->area + CREWI_POOL_DRAFT_RESULTS : worker->large;
    uint64_t room = !fits                ? 1
                    : chunk->result_size ? worker->result_room / chunk->result_size
                                         : UINT64_MAX;
    uint64_t wanted = chunk->count - from < room ? chunk->count - from : room;
    crew_status claimed = CREW_OK;
    *head = (struct crewi_pool_result){.map = chunk->map,
                                       .begin = chunk->begin + from,
                                       .count = wanted,
                                       .result_size = chunk->result_size};
    memset(results, 0, wanted * chunk->result_size);
    crewi_worker_draft_begin(worker, fits ? CREWI_POOL_DRAFT_RESULTS + wanted * chunk->result_size
                                          : CREWI_POOL_DRAFT_RESULTS);
    crewi_error_clear();
    bool counts_cpu = !worker->short_parts;
    int64_t cpu_ns = counts_cpu ? crewi_thread_cpu_ns() : 0, begin_ns = crewi_now_ns();
    crewi_worker_claim_pause(&worker->claim, from, begin_ns);
    *done = run_tasks(worker, chunk, items + from * chunk->item_size, results, &claimed);
    int64_t end_ns = crewi_now_ns();
    crewi_worker_claim_measure(&worker->claim, from + *done, end_ns);
    head->busy_ns = end_ns - begin_ns;
    head->cpu_ns = counts_cpu ? crewi_thread_cpu_ns() - cpu_ns : head->busy_ns;
    worker->short_parts = head->busy_ns < CREWI_WORKER_SHORT_PART_NS;
    head->count = *done;
    bool lends = !fits && (chunk->flags & CREWI_CHUNK_FETCHED) && !head->failure_bytes &&
                 chunk->result_size >= CREWI_POOL_LOAN_MIN;
    crew_status status = lends ? crewi_worker_lend_result(worker, head, results) : CREW_ENOTSUP;
    if (status == CREW_ENOTSUP)
        status = send_result(worker, chunk, results);
    crewi_worker_draft_end(worker);
    return status ? status : claimed;
}

/* Looks the function up once for each map. A worker that does not have it fails its tasks. */
static void find_function(struct worker *worker, const struct crewi_pool_chunk *chunk,
                          const unsigned char *behind_items)
{
    crewi_function *function = NULL;
    struct crewi_funcref ref = {0};
    if (worker->known_map == chunk->map)
        return;
    worker->known_map = chunk->map;
    memcpy(&ref, chunk->function, sizeof chunk->function);
    if (ref.path_size <= sizeof ref.path)
        memcpy(ref.path, behind_items, ref.path_size);
    worker->lookup = crewi_funcref_resolve(&ref, &function);
    worker->function = function;
    if (worker->lookup)
        snprintf(worker->lookup_reason, sizeof worker->lookup_reason, "%s", crew_error_message());
}

/* Tasks with items and results of one size each. */
static crew_status run_fixed(struct worker *worker, const struct crewi_pool_chunk *chunk,
                             const unsigned char *items)
{
    crew_status status = CREW_OK;
    if (chunk->result_size > worker->result_room) {
        unsigned char *grown = crewi_memory_grow(worker->large, chunk->result_size);
        if (!grown)
            return crewi_error_memory();
        worker->large = grown;
    }
    for (uint64_t from = 0, done; from < chunk->count && !status; from += done) {
        if (!crewi_worker_claim_reaches(&worker->claim, from, &status))
            break;
        status = run_part(worker, chunk, items, from, &done);
    }
    return status;
}

static uint64_t item_bytes(const struct crewi_pool_chunk *chunk,
                           const struct crewi_pool_piece *pieces)
{
    uint64_t bytes = 0;
    if (!pieces)
        return chunk->count * chunk->item_size;
    for (uint64_t i = 0; i < chunk->count; i++)
        bytes += crewi_pool_padded(pieces[i].size);
    return bytes;
}

static crew_status run_chunk(struct worker *worker, const struct crewi_frame *frame)
{
    const struct crewi_pool_chunk *chunk = (const void *)frame->payload;
    const unsigned char *items = frame->payload + sizeof *chunk;
    const struct crewi_pool_piece *pieces = NULL;
    bool lent = chunk->flags & CREWI_CHUNK_LENT;
    crew_status status = CREW_OK;
    if (chunk->flags & CREWI_CHUNK_VARYING) {
        pieces = (const void *)items;
        items += chunk->count * sizeof *pieces;
    }
    crewi_worker_claim_begin(&worker->claim, chunk, worker->known_map != chunk->map);
    find_function(worker, chunk,
                  items + (lent ? sizeof(struct crewi_loan) : item_bytes(chunk, pieces)));
    if (lent)
        status = crewi_worker_read_item(worker, (const void *)items,
                                        pieces ? pieces->size : chunk->item_size, &items);
    if (status)
        return status;
    return pieces ? crewi_worker_run_bytes(worker, chunk, pieces, items)
                  : run_fixed(worker, chunk, items);
}

static crew_status work(struct worker *worker, const struct crewi_loan *home)
{
    crew_status status = crewi_worker_tell_ready(worker, home);
    bool stop = false;
    while (!status && !stop) {
        status = crewi_take_delivery(&worker->chunk);
        if (status)
            break;
        stop = worker->chunk->header.op == CREWI_POOL_STOP;
        if (!stop)
            status = run_chunk(worker, worker->chunk);
        crewi_frame_destroy(worker->chunk);
        worker->chunk = NULL;
    }
    return status;
}

/* Says that the initializer failed; the home breaks the pool then. */
static void tell_unfit(const struct worker *worker, crew_status status)
{
    int32_t code = status < 0 ? status : CREW_EFAILED;
    const char *reason = *crew_error_message() ? crew_error_message() : crew_status_message(status);
    struct crewi_call note = {
        .kind = CREWI_KIND_POOL,
        .op = CREWI_POOL_UNFIT,
        .object = worker->pool,
        .head = &code,
        .head_size = sizeof code,
        .body = reason,
        .body_size = strlen(reason),
    };
    crewi_tell(&note);
}

static crew_status initialize(const struct worker *worker, struct crewi_pool_worker_arg *arg)
{
    crewi_function *function;
    if (!arg->initialized)
        return CREW_OK;
    crewi_error_clear();
    crew_status status = crewi_funcref_resolve(&arg->initializer, &function);
    if (!status)
        status = ((crew_pool_initializer *)function)(arg + 1);
    crewi_client_end_copy(status != CREW_OK);
    if (status)
        tell_unfit(worker, status);
    return status;
}

/* Also when a worker inside a rank is to end, and does so in the middle of a call. */
static void free_buffers(void *context)
{
    struct worker *worker = context;
    atomic_store(&worker->cookie, 0);
    crewi_frame_destroy(worker->chunk);
    if (!worker->client->remote)
        free(worker->area);
    free(worker->large);
    free(worker->output.large);
    free(worker->item);
}

int crewi_pool_worker(void *arg)
{
    struct worker worker = {.client = crewi_client_current()};
    const struct crewi_pool_worker_arg *order = arg;
    worker.pool = order->pool;
    if (initialize(&worker, arg))
        return 1;
    if (worker.client->remote)
        crewi_scheduling_prefer_throughput();
    worker.claim.claims =
        worker.client->remote ? &worker.client->port.shared->claims : &worker.client->claims;
    worker.result_room = CREWI_PORT_DRAFT_SIZE - CREWI_POOL_DRAFT_RESULTS;
    worker.area = worker.client->remote ? crewi_port_draft(&worker.client->port)
                                        : malloc(CREWI_PORT_DRAFT_SIZE);
    if (!worker.area)
        return 1;
    if (worker.client->remote)
        crewi_crash_watch((char *)worker.area + CREWI_POOL_DRAFT_CRASH, CREWI_POOL_CRASH_ROOM);
    crew_status status;
    pthread_cleanup_push(free_buffers, &worker);
    status = work(&worker, &order->home);
    pthread_cleanup_pop(1);
    return status ? 1 : 0;
}
