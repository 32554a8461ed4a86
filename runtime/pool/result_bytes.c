/* SPDX-License-Identifier: BSD-3-Clause */
/* Results whose sizes vary, on their way into the caller's memory. */
#include "pool/result_call.h"

#include "node/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* What was fetched until now, and is not the caller's yet. */
struct fetched {
    const struct crewi_result_record *where;
    const struct iovec *rooms; /* the caller's */
    struct iovec *results;     /* as the caller's are to be */
    uint64_t count;            /* so many are there */
    bool inline_only;          /* loans cannot be read */
};

static void drop(void *context)
{
    struct fetched *fetched = context;
    for (uint64_t i = 0; fetched->results && i < fetched->where->count; i++)
        if (!fetched->rooms[i].iov_base)
            free(fetched->results[i].iov_base);
    free(fetched->results);
}

static crew_status garbled(void)
{
    return crewi_error(
        CREW_EPROTO, "malformed results: sizes or counts do not fit the map's rooms or the reply");
}

/* Where the next one goes, if it has to go anywhere. */
static crew_status find_place(struct fetched *fetched, const struct crewi_pool_entry *entry)
{
    const struct iovec *room = &fetched->rooms[fetched->count];
    struct iovec *result = &fetched->results[fetched->count];
    if (entry->size > CREWI_POOL_PIECE_LIMIT || (room->iov_base && entry->size > room->iov_len))
        return garbled();
    result->iov_len = entry->size;
    if (room->iov_base)
        result->iov_base = room->iov_base;
    else if (fetched->where->shared)
        result->iov_base = (void *)(uintptr_t)entry->address; /* it is ours from now on */
    else if (entry->size && !result->iov_base)
        result->iov_base = crewi_memory_alloc(entry->size);
    return !entry->size || result->iov_base ? CREW_OK : crewi_error_memory();
}

/* The bytes of one that is not in its place yet. ENOTSUP: they cannot be read. */
static crew_status bring(struct fetched *fetched, const struct crewi_pool_entry *entry,
                         const struct crewi_loan *loan, const unsigned char **behind,
                         const unsigned char *end)
{
    void *place = fetched->results[fetched->count].iov_base;
    struct crewi_loan this = *loan;
    if (fetched->where->shared || !entry->size)
        return CREW_OK;
    if (!entry->address) {
        if (crewi_pool_padded(entry->size) > (uint64_t)(end - *behind))
            return garbled();
        memcpy(place, *behind, entry->size);
        *behind += crewi_pool_padded(entry->size);
        return CREW_OK;
    }
    this.address = entry->address;
    crew_status status = crewi_loan_read(&this, 0, place, entry->size);
    if (!status)
        status = crewi_loan_check(&this);
    return status ? CREW_ENOTSUP : CREW_OK;
}

static crew_status take(struct fetched *fetched, const struct crewi_frame *reply)
{
    struct crewi_pool_fetched head;
    const unsigned char *at = reply->payload, *end = at + reply->header.size;
    crew_status status = CREW_OK;
    if (reply->header.size < sizeof head)
        return garbled();
    memcpy(&head, at, sizeof head);
    at += sizeof head;
    if (!head.count || head.count > fetched->where->count - fetched->count ||
        head.count > (uint64_t)(end - at) / sizeof(struct crewi_pool_entry))
        return garbled();
    const unsigned char *behind = at + head.count * sizeof(struct crewi_pool_entry);
    for (uint64_t i = 0; i < head.count && !status; i++) {
        struct crewi_pool_entry entry;
        memcpy(&entry, at + i * sizeof entry, sizeof entry);
        status = find_place(fetched, &entry);
        if (!status)
            status = bring(fetched, &entry, &head.loan, &behind, end);
        fetched->count += !status;
    }
    if (status != CREW_ENOTSUP || fetched->inline_only)
        return status;
    fetched->inline_only = true;
    return CREW_OK;
}

static crew_status fetch_all(uint64_t id, struct fetched *fetched)
{
    crew_status status = CREW_OK;
    while (fetched->count < fetched->where->count && !status) {
        struct crewi_pool_fetch_order order = {fetched->count, fetched->inline_only};
        struct crewi_frame *reply;
        status = crewi_result_ask(id, CREWI_RESULT_FETCH, &order, sizeof order, &reply);
        if (status)
            return status;
        status = take(fetched, reply);
        crewi_frame_destroy(reply);
    }
    return status;
}

crew_status crewi_result_fetch_bytes(uint64_t id, const struct crewi_result_record *where)
{
    struct fetched fetched = {.where = where, .rooms = where->results};
    crew_status status;
    fetched.results = calloc(where->count + 1, sizeof *fetched.results);
    if (!fetched.results)
        return crewi_error_memory();
    pthread_cleanup_push(drop, &fetched); /* a process inside a rank may end in the call */
    status = fetch_all(id, &fetched);
    if (!status && where->count) {
        memcpy(where->results, fetched.results, where->count * sizeof *fetched.results);
        memset(fetched.results, 0, where->count * sizeof *fetched.results);
    }
    pthread_cleanup_pop(1);
    return status;
}
