/* SPDX-License-Identifier: BSD-3-Clause */
/* Tasks whose items and results have sizes of their own.
 *
 * Results are records, one behind the other, in the draft. One that has no room there is a part of
 * its own, behind those before it. */
#include "base/clock.h"
#include "pool/worker.h"
#include "process/must.h"

#include <string.h>

/* A part ends when there is less room than that for the next result: most of them have more. */
#define RECORD_ROOM 1024

struct part {
    const struct crewi_pool_chunk *chunk;
    const struct crewi_pool_piece *pieces; /* of its tasks */
    const unsigned char *items;
    uint64_t begin, count;     /* of its tasks, of the chunk's */
    uint64_t done, bytes;      /* tasks, and their records */
    bool has_large;            /* the one behind them is done, too, and has no room with them */
    crew_status large_status;  /* of that one */
    int64_t begin_ns, task_ns; /* of the part, and of its last task */
    int64_t cpu_ns;            /* at the beginning; unknown where parts are short */
};

static unsigned char *records_of(const struct worker *worker)
{
    return worker->area + CREWI_POOL_DRAFT_RESULTS;
}

static size_t room_in(const struct worker *worker, const struct part *part)
{
    return worker->result_room - part->bytes;
}

static bool has_room(const struct worker *worker, const struct part *part)
{
    return crewi_worker_has_failure_room(worker) && room_in(worker, part) >= RECORD_ROOM;
}

/* A result that was refused its room has failed, whatever the task says. */
static crew_status outcome_of(struct crew_output *output, crew_status status)
{
    void *data;
    if (status || !output->refused)
        return status;
    return crew_output_reserve(output, output->refused, &data);
}

/* A task that CREW_MUST ends arrives behind the setjmp again. Nothing here changes before that. */
static crew_status call(const struct worker *worker, const void *item, size_t size,
                        struct crew_output *output)
{
    jmp_buf place;
    if (!worker->function)
        return crewi_error(worker->lookup, "%s", worker->lookup_reason);
    crew_status status = (crew_status)setjmp(place);
    if (!status) {
        crewi_must_set_place(&place);
        status = ((crew_bytes_function *)worker->function)(item, size, output);
    }
    crewi_must_set_place(NULL);
    crewi_client_end_copy(status != CREW_OK);
    return outcome_of(output, status);
}

/* Puts the record of the task that was run behind those before it; a failed one's is empty. */
static void add_record(struct worker *worker, struct part *part, size_t size)
{
    struct crewi_pool_record record = {.size = size};
    memcpy(records_of(worker) + part->bytes, &record, sizeof record);
    part->bytes += sizeof record + crewi_pool_padded(size);
    if (part->bytes > worker->result_room)
        part->bytes = worker->result_room; /* the last one need not be filled up */
}

static void run_task(struct worker *worker, struct part *part)
{
    const struct crewi_pool_piece *piece = &part->pieces[part->done];
    struct crewi_pool_record *record = (void *)(records_of(worker) + part->bytes);
    struct crew_output *output = &worker->output;
    uint64_t index = crewi_worker_head(worker)->begin + part->done;
    size_t room = room_in(worker, part) - sizeof *record;
    crewi_task_output_begin(output, (unsigned char *)(record + 1), room, piece->room);
    part->task_ns = crewi_now_ns();
    crewi_worker_begin_limit(worker, part->chunk);
    crew_status status = call(worker, part->items, piece->size, output);
    crewi_worker_end_limit(worker, part->chunk);
    bool kept = !status || part->chunk->flags & CREWI_CHUNK_KEEP_FAILED;
    bool is_large = kept && crewi_task_output_is_large(output);
    if (is_large && output->size <= room)
        memcpy(output->small, output->data, output->size);
    part->has_large = is_large && output->size > room;
    part->large_status = status;
    if (part->has_large)
        return;
    add_record(worker, part, kept ? output->size : 0);
    if (status)
        crewi_worker_fail(worker, index, status);
    part->items += crewi_pool_padded(piece->size);
    crewi_worker_draft_advance(worker, ++part->done);
}

/* Sending */

/* Of the tasks that are in the draft, or of the one behind them. */
static crew_status send(const struct worker *worker, const struct crewi_pool_result *head,
                        const void *failures, const void *records)
{
    unsigned char front[sizeof *head + CREWI_POOL_FAILURE_ROOM];
    memcpy(front, head, sizeof *head);
    memcpy(front + sizeof *head, failures, head->failure_bytes);
    struct crewi_call note = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_RESULT,
                              .object = worker->pool,
                              .head = front,
                              .head_size = sizeof *head + head->failure_bytes,
                              .body = records,
                              .body_size = head->bytes};
    return crewi_tell(&note);
}

/* The time until the task that is sent by itself, and the processor's in proportion. */
static void take_times(struct worker *worker, const struct part *part, int64_t now_ns,
                       struct crewi_pool_result *before, struct crewi_pool_result *large)
{
    int64_t busy_ns = now_ns - part->begin_ns;
    int64_t cpu_ns = worker->short_parts ? busy_ns : crewi_thread_cpu_ns() - part->cpu_ns;
    before->busy_ns = part->has_large ? part->task_ns - part->begin_ns : busy_ns;
    before->cpu_ns =
        busy_ns ? (int64_t)((double)cpu_ns * (double)before->busy_ns / (double)busy_ns) : 0;
    large->busy_ns = busy_ns - before->busy_ns;
    large->cpu_ns = cpu_ns - before->cpu_ns;
    worker->short_parts = busy_ns < CREWI_WORKER_SHORT_PART_NS;
}

/* A record of its own, where it cannot be lent. */
static crew_status send_large(struct worker *worker, struct crewi_pool_result *head,
                              const void *failures)
{
    const struct crewi_pool_record record = {.size = worker->output.size};
    unsigned char front[sizeof *head + CREWI_POOL_FAILURE_ROOM + sizeof record];
    head->bytes = sizeof record + record.size;
    memcpy(front, head, sizeof *head);
    memcpy(front + sizeof *head, failures, head->failure_bytes);
    memcpy(front + sizeof *head + head->failure_bytes, &record, sizeof record);
    struct crewi_call note = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_RESULT,
                              .object = worker->pool,
                              .head = front,
                              .head_size = sizeof *head + head->failure_bytes + sizeof record,
                              .body = worker->output.data,
                              .body_size = record.size};
    return crewi_tell(&note);
}

/* It is the only task of a draft whose result is not in there. */
static crew_status give_large(struct worker *worker, const struct part *part,
                              struct crewi_pool_result *head)
{
    struct crewi_pool_result *draft = crewi_worker_head(worker);
    crew_status status = CREW_ENOTSUP;
    *draft = *head;
    crewi_worker_draft_begin(worker, CREWI_POOL_DRAFT_RESULTS);
    if (part->large_status) {
        crewi_worker_fail(worker, head->begin, part->large_status);
        head->failure_bytes = draft->failure_bytes;
        draft->failure_bytes = 0; /* a failure in a draft is one without a result */
        return send_large(worker, head, draft + 1);
    }
    if ((part->chunk->flags & CREWI_CHUNK_FETCHED) && worker->output.size >= CREWI_POOL_LOAN_MIN)
        status = crewi_worker_lend_result(worker, head, worker->output.data);
    if (status == CREW_ENOTSUP)
        return send_large(worker, head, draft + 1);
    if (status != CREW_ENOMEM)
        return status;
    const struct crewi_pool_record none = {0};
    crewi_worker_fail(worker, head->begin, status);
    head->failure_bytes = draft->failure_bytes;
    head->bytes = sizeof none;
    return send(worker, head, draft + 1, &none);
}

static crew_status send_part(struct worker *worker, struct part *part)
{
    struct crewi_pool_result *draft = crewi_worker_head(worker);
    crew_status status = CREW_OK;
    draft->count = part->done + part->has_large; /* what was planned beyond was not begun */
    struct crewi_pool_result before = *draft, large = *draft;
    take_times(worker, part, crewi_now_ns(), &before, &large);
    before.count = part->done;
    before.bytes = part->bytes;
    large.begin += part->done;
    large.count = 1;
    large.failure_bytes = 0;
    large.bytes = worker->output.size;
    if (part->done)
        status = send(worker, &before, draft + 1, records_of(worker));
    if (!status && part->has_large)
        status = give_large(worker, part, &large);
    crewi_worker_draft_end(worker);
    return status;
}

/* Runs the tasks of a part as far as they are the worker's; the first one is claimed. */
static crew_status run_tasks(struct worker *worker, struct part *part)
{
    struct crewi_worker_claim *claim = &worker->claim;
    crew_status status = CREW_OK;
    while (part->done < part->count && !part->has_large && has_room(worker, part)) {
        uint64_t next = part->begin + part->done;
        if (next == claim->claimed)
            crewi_worker_claim_measure(claim, next, crewi_now_ns());
        if (part->done && crewi_worker_claim_is_late(claim))
            break;
        if (!crewi_worker_claim_reaches(claim, next, &status))
            break;
        run_task(worker, part);
    }
    return status;
}

static void begin_part(struct worker *worker, struct part *part)
{
    *crewi_worker_head(worker) = (struct crewi_pool_result){
        .map = part->chunk->map, .begin = part->chunk->begin + part->begin, .count = part->count};
    crewi_worker_draft_begin(worker, CREWI_PORT_DRAFT_SIZE);
    crewi_error_clear();
    part->cpu_ns = worker->short_parts ? 0 : crewi_thread_cpu_ns();
    part->begin_ns = crewi_now_ns();
}

crew_status crewi_worker_run_bytes(struct worker *worker, const struct crewi_pool_chunk *chunk,
                                   const struct crewi_pool_piece *pieces,
                                   const unsigned char *items)
{
    crew_status status = CREW_OK;
    for (uint64_t from = 0; from < chunk->count && !status;) {
        struct part part = {.chunk = chunk,
                            .pieces = pieces + from,
                            .items = items,
                            .begin = from,
                            .count = chunk->count - from};
        if (!crewi_worker_claim_reaches(&worker->claim, from, &status))
            break;
        begin_part(worker, &part);
        crewi_worker_claim_pause(&worker->claim, from, part.begin_ns);
        crew_status claimed = run_tasks(worker, &part);
        items =
            part.items + (part.has_large ? crewi_pool_padded(pieces[from + part.done].size) : 0);
        from += part.done + part.has_large;
        crewi_worker_claim_measure(&worker->claim, from, crewi_now_ns());
        status = send_part(worker, &part);
        if (!status)
            status = claimed;
    }
    return status;
}
