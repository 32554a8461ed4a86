/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/pipe_large.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/client.h"
#include "engine/handles.h"
#include "node/job.h"
#include "node/loan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Handles that are found in a message. */
#define LARGE_HANDLES 1024

static struct crewi_call call_for(uint8_t op, const void *head, size_t size)
{
    return (struct crewi_call){.kind = CREWI_KIND_PIPE,
                               .op = op,
                               .rank = (uint32_t)crew_current_rank(),
                               .timeout_ns = CREWI_FOREVER,
                               .head = head,
                               .head_size = size};
}

/* Sending */

static crew_status send_blocks(const struct crewi_pipe_large_note *want, const char *data,
                               uint64_t *sent)
{
    while (*sent < want->offset) {
        struct crewi_pipe_large_note note = *want;
        uint64_t left = want->offset - *sent;
        note.offset = *sent;
        struct crewi_call block = call_for(CREWI_PIPE_BLOCK, &note, sizeof note);
        block.body = data + *sent;
        block.body_size = left < CREWI_PIPE_BLOCK_SIZE ? left : CREWI_PIPE_BLOCK_SIZE;
        crew_status status = crewi_tell(&block);
        if (status)
            return status;
        *sent += block.body_size;
    }
    return CREW_OK;
}

/* A reply with a note wants blocks; one without says that it is complete. */
static crew_status send_what_is_wanted(struct crewi_frame *reply, const char *data)
{
    struct crewi_pipe_large_note want;
    uint64_t sent = 0;
    while (reply->header.size == sizeof want) {
        memcpy(&want, reply->payload, sizeof want);
        crewi_frame_destroy(reply);
        crew_status status = send_blocks(&want, data, &sent);
        struct crewi_call more = call_for(CREWI_PIPE_MORE, &want, sizeof want);
        if (!status)
            status = crewi_call(&more, &reply);
        if (status)
            return status;
    }
    crewi_frame_destroy(reply);
    return CREW_OK;
}

static void clear_cookie(void *cookie)
{
    atomic_store((_Atomic uint64_t *)cookie, 0);
}

crew_status crewi_pipe_send_large(uint64_t end, const void *data, size_t size, int64_t timeout_ns)
{
    _Atomic uint64_t cookie = crewi_loan_cookie();
    struct crewi_pipe_item item = {
        .end = end,
        .size = size,
        .what = CREWI_PIPE_LARGE,
        .place = {.address = (uint64_t)(uintptr_t)data,
                  .cookie_address = (uint64_t)(uintptr_t)&cookie,
                  .cookie = atomic_load(&cookie),
                  .pid = (int32_t)getpid()},
    };
    uint64_t words[LARGE_HANDLES];
    struct crewi_call call = call_for(CREWI_PIPE_SEND, &item, sizeof item);
    struct crewi_frame *reply;
    crew_status status;
    call.timeout_ns = timeout_ns;
    call.body = words;
    call.body_size = crewi_handles_look(data, size, words, LARGE_HANDLES) * sizeof *words;
    pthread_cleanup_push(clear_cookie, &cookie); /* a process inside a rank may end in the call */
    status = crewi_call(&call, &reply);
    if (!status)
        status = send_what_is_wanted(reply, data);
    pthread_cleanup_pop(1);
    return status;
}

/* Receiving */

static crew_status truncated(void)
{
    return crewi_error(CREW_ETRUNC, "the sender ended before the message was received");
}

/* ENOTSUP: the kernel does not let us. */
static crew_status read_bytes(const struct crewi_pipe_item *item, char *buffer)
{
    const struct crewi_loan loan = {.address = item->place.address,
                                    .cookie_address = item->place.cookie_address,
                                    .cookie = item->place.cookie,
                                    .pid = item->place.pid};
    crew_status status = crewi_loan_read(&loan, 0, buffer, item->size);
    if (!status)
        status = crewi_loan_check(&loan);
    return !status || status == CREW_ENOTSUP ? status : truncated();
}

static struct crewi_pipe_large_note note_for(uint64_t end, const struct crewi_pipe_item *item)
{
    return (struct crewi_pipe_large_note){
        .end = end, .ticket = item->place.ticket, .source = item->source};
}

static crew_status take_block(const struct crewi_frame *reply, const struct crewi_pipe_item *item,
                              char *buffer, uint64_t *received)
{
    struct crewi_pipe_large_note note;
    uint64_t bytes = reply->header.size - sizeof note;
    if (reply->header.size <= sizeof note || bytes > item->size - *received)
        return crewi_error(
            CREW_EPROTO,
            "malformed block of a large message: %llu bytes, expected a head of %zu and 1 to %llu",
            (unsigned long long)reply->header.size, sizeof note,
            (unsigned long long)(item->size - *received));
    memcpy(buffer + *received, reply->payload + sizeof note, bytes);
    *received += bytes;
    return CREW_OK;
}

static crew_status receive_blocks(uint64_t end, const struct crewi_pipe_item *item, char *buffer)
{
    struct crewi_pipe_large_note note = note_for(end, item);
    struct crewi_call next = call_for(CREWI_PIPE_NEXT, &note, sizeof note);
    crew_status status = CREW_OK;
    for (uint64_t received = 0; received < item->size && !status;) {
        struct crewi_frame *reply;
        status = crewi_call(&next, &reply);
        if (status)
            return status;
        status = take_block(reply, item, buffer, &received);
        crewi_frame_destroy(reply);
    }
    return status;
}

crew_status crewi_pipe_fetch_large(uint64_t end, const struct crewi_pipe_item *item, void *buffer)
{
    crew_status status =
        crewi_job_shares_memory(item->source) ? read_bytes(item, buffer) : CREW_ENOTSUP;
    return status == CREW_ENOTSUP ? receive_blocks(end, item, buffer) : status;
}

void crewi_pipe_large_done(uint64_t end, const struct crewi_pipe_item *item, crew_status status)
{
    struct crewi_pipe_large_note note = note_for(end, item);
    note.status = status;
    struct crewi_call done = call_for(CREWI_PIPE_DONE, &note, sizeof note);
    crewi_tell(&done);
}
