/* SPDX-License-Identifier: BSD-3-Clause */
/* Large items and results of a worker: whoever needs them reads them where they are. */
#include "pool/worker.h"

#include "node/job.h"
#include "node/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

crew_status crewi_worker_tell_ready(struct worker *worker, const struct crewi_loan *home)
{
    atomic_store(&worker->cookie, crewi_loan_cookie());
    struct crewi_pool_ready ready = {.loan = crewi_loan_make(NULL, &worker->cookie)};
    if (crewi_job_shares_memory(crewi_id_home(worker->pool)))
        ready.reads_home = crewi_loan_check(home) == CREW_OK;
    struct crewi_call note = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_READY,
                              .object = worker->pool,
                              .head = &ready,
                              .head_size = sizeof ready};
    return crewi_tell(&note);
}

/* The function is looked up again for the next chunk. */
static void fail_chunk(struct worker *worker, crew_status status, const char *reason)
{
    worker->known_map = 0;
    worker->function = NULL;
    worker->lookup = status;
    snprintf(worker->lookup_reason, sizeof worker->lookup_reason, "%s", reason);
}

/* In a message, from now on: what could be read at first, the kernel lets us read no more. */
static crew_status ask_for_item(const struct worker *worker, uint64_t size)
{
    const struct crewi_pool_chunk *chunk = (const void *)worker->chunk->payload;
    const struct crewi_pool_task task = {chunk->map, chunk->begin};
    struct crewi_call call = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_ITEM,
                              .object = worker->pool,
                              .timeout_ns = CREWI_FOREVER,
                              .head = &task,
                              .head_size = sizeof task};
    return crewi_call_fixed(&call, worker->item, size);
}

crew_status crewi_worker_read_item(struct worker *worker, const struct crewi_loan *loan,
                                   uint64_t size, const unsigned char **item)
{
    if (size > worker->item_room) {
        free(worker->item);
        worker->item_room = 0;
        worker->item = crewi_memory_alloc(size);
        if (!worker->item)
            return crewi_error_memory();
        worker->item_room = size;
    }
    crew_status status = crewi_loan_read(loan, 0, worker->item, size);
    if (!status)
        status = crewi_loan_check(loan);
    if (status == CREW_ENOTSUP)
        status = ask_for_item(worker, size);
    if (status)
        fail_chunk(worker, CREW_ECANCELED, "its item is not there any more");
    *item = worker->item;
    return CREW_OK;
}

crew_status crewi_worker_lend_result(const struct worker *worker,
                                     const struct crewi_pool_result *head, const void *result)
{
    struct crewi_loan loan = crewi_loan_make(result, &worker->cookie);
    struct crewi_call call = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_LENT,
                              .object = worker->pool,
                              .timeout_ns = CREWI_FOREVER,
                              .head = head,
                              .head_size = sizeof *head,
                              .body = &loan,
                              .body_size = sizeof loan};
    crew_status status = crewi_call(&call, NULL);
    return status == CREW_ECANCELED ? CREW_OK : status; /* nobody wants it any more */
}
