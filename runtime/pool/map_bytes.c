/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/pool_bytes.h> that run tasks, and how the items get to the home. */
#include <crew/pool_bytes.h>

#include "base/error.h"
#include "base/pointers.h"
#include "engine/client.h"
#include "node/parcel.h"
#include "pool/map_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Checking */

crew_status crewi_map_check_bytes(const struct crewi_map_call *call)
{
    const struct iovec *items = call->items;
    if (call->attr->journal)
        return crewi_error(CREW_ENOTSUP,
                           "%s: a journal keeps items and results of one size each: it is for "
                           "crew_pool_map()",
                           call->name);
    if (call->count > SIZE_MAX / 1024)
        return crewi_error(CREW_EINVAL, "%s: %zu items are more than memory", call->name,
                           call->count);
    for (size_t i = 0; i < call->count; i++) {
        if (items[i].iov_len && !items[i].iov_base)
            return crewi_error(CREW_EINVAL, "%s: item %zu has %zu bytes at NULL", call->name, i,
                               items[i].iov_len);
        if (items[i].iov_len > CREWI_POOL_PIECE_LIMIT)
            return crewi_error(CREW_EINVAL, "%s: item %zu has %zu bytes, more than 1 GiB",
                               call->name, i, items[i].iov_len);
        char what[32];
        snprintf(what, sizeof what, "item %zu", i);
        crew_status status =
            crewi_check_pointers(call->name, what, items[i].iov_base, 1, items[i].iov_len);
        if (status)
            return status;
    }
    return CREW_OK;
}

/* Sending */

static uint64_t bytes_of(const struct crewi_map_call *call)
{
    const struct iovec *items = call->items;
    uint64_t bytes = 0;
    for (size_t i = 0; i < call->count; i++)
        bytes += crewi_pool_padded(items[i].iov_len);
    return bytes;
}

/* The submission, and a piece for each task; NULL: no memory. */
static unsigned char *make_head(const struct crewi_map_call *call,
                                const struct crewi_pool_submission *submission, size_t *size)
{
    const struct iovec *items = call->items, *results = call->results;
    *size = sizeof *submission + call->count * sizeof(struct crewi_pool_piece);
    unsigned char *head = malloc(*size), *at = head;
    if (!head)
        return NULL;
    memcpy(at, submission, sizeof *submission);
    at += sizeof *submission;
    for (size_t i = 0; i < call->count; i++, at += sizeof(struct crewi_pool_piece)) {
        struct crewi_pool_piece piece = {.size = items[i].iov_len,
                                         .room = results[i].iov_base ? results[i].iov_len
                                                                     : CREWI_POOL_ANY_ROOM};
        memcpy(at, &piece, sizeof piece);
    }
    return head;
}

/* The items one behind the other; NULL: no memory. */
static unsigned char *pack(const struct crewi_map_call *call, uint64_t bytes)
{
    const struct iovec *items = call->items;
    unsigned char *packed = calloc(1, bytes + 1), *at = packed;
    for (size_t i = 0; packed && i < call->count; i++) {
        if (items[i].iov_len)
            memcpy(at, items[i].iov_base, items[i].iov_len);
        at += crewi_pool_padded(items[i].iov_len);
    }
    return packed;
}

static crew_status submit(const struct crewi_map_call *call,
                          const struct crewi_pool_submission *submission, const void *body,
                          uint64_t body_size, uint64_t *map)
{
    size_t head_size;
    unsigned char *head = make_head(call, submission, &head_size);
    if (!head)
        return crewi_error_memory();
    struct crewi_call request = {.kind = CREWI_KIND_POOL,
                                 .op = CREWI_POOL_SUBMIT,
                                 .object = call->pool.id,
                                 .head = head,
                                 .head_size = head_size,
                                 .body = body,
                                 .body_size = body_size};
    crew_status status = crewi_call_fixed(&request, map, sizeof *map);
    free(head);
    return status;
}

static crew_status send_parcel(const struct crewi_map_call *call,
                               const struct crewi_pool_submission *submission, uint64_t *map)
{
    struct crewi_pool_submission with_parcel = *submission;
    if (crewi_parcel_gather(&with_parcel.parcel, call->items, call->count))
        return CREW_ENOTSUP;
    crew_status status = submit(call, &with_parcel, NULL, 0, map);
    crewi_parcel_close(&with_parcel.parcel); /* the home has it by now */
    return status;
}

crew_status crewi_map_send_bytes(const struct crewi_map_call *call,
                                 const struct crewi_pool_submission *submission, uint64_t *map)
{
    uint64_t bytes = bytes_of(call);
    crew_status status =
        bytes >= CREWI_POOL_LOAN_MIN ? send_parcel(call, submission, map) : CREW_ENOTSUP;
    if (status != CREW_ENOTSUP)
        return status;
    if (bytes > CREWI_FRAME_LIMIT / 2 ||
        call->count > CREWI_FRAME_LIMIT / 4 / sizeof(struct crewi_pool_piece))
        return crewi_error(CREW_EINVAL,
                           "%s: %zu items of %llu bytes together are more than a message may have: "
                           "map in parts, or from the main process",
                           call->name, call->count, (unsigned long long)bytes);
    unsigned char *packed = pack(call, bytes);
    if (!packed)
        return crewi_error_memory();
    status = submit(call, submission, packed, bytes, map);
    free(packed);
    return status;
}

/* Calls */

static struct crewi_map_call call_of(const char *name, crew_pool pool, const crew_bytes_task *task,
                                     const crew_map_attr *attr)
{
    return (struct crewi_map_call){.name = name,
                                   .pool = pool,
                                   .function = (crewi_function *)task->function,
                                   .task = task->name,
                                   .varying = true,
                                   .attr = attr ? attr : &crewi_map_defaults};
}

crew_status crew_pool_map_bytes(crew_pool pool, crew_bytes_task task, const struct iovec *items,
                                struct iovec *results, size_t count, const crew_map_attr *attr)
{
    struct crewi_map_call call = call_of("crew_pool_map_bytes", pool, &task, attr);
    call.items = items;
    call.results = results;
    call.count = count;
    return crewi_map_run(&call);
}

/* NOLINTNEXTLINE(readability-function-size): as crew_pool_map_async() */
crew_status crew_pool_map_bytes_async(crew_pool pool, crew_result *result, crew_bytes_task task,
                                      const struct iovec *items, struct iovec *results,
                                      size_t count, const crew_map_attr *attr)
{
    struct crewi_map_call call = call_of("crew_pool_map_bytes_async", pool, &task, attr);
    call.items = items;
    call.results = results;
    call.count = count;
    return crewi_map_begin(&call, result);
}
