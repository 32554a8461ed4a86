/* SPDX-License-Identifier: BSD-3-Clause */
/* Large messages, from both ends: what crewi_pipe_send_large() and crewi_pipe_fetch_large() do. */
#include "base/clock.h"
#include "pipe_user.h"

/* The byte of a message at an offset. */
static unsigned char byte_at(uint64_t number, uint64_t offset)
{
    return (unsigned char)(number * 31 + (offset >> 9) * 7 + 1);
}

/* Sending */

static void send_block(struct pipe_user *user, const struct crewi_pipe_large_note *want)
{
    static unsigned char bytes[CREWI_PIPE_BLOCK_SIZE];
    struct crewi_pipe_large_note note = *want;
    uint64_t left = want->offset - user->sent;
    note.offset = user->sent;
    struct crewi_call block = pipe_call(user, CREWI_PIPE_BLOCK, &note, sizeof note);
    block.body = bytes;
    block.body_size = left < CREWI_PIPE_BLOCK_SIZE ? left : CREWI_PIPE_BLOCK_SIZE;
    for (uint64_t i = 0; i < block.body_size; i++)
        bytes[i] = byte_at(user->number, user->sent + i);
    user->sent += block.body_size;
    sim_client_tell(&user->base, &block);
}

bool pipe_large_sent(struct pipe_user *user, const struct crewi_frame *frame)
{
    struct crewi_pipe_large_note want;
    if (frame->header.status || frame->header.size != sizeof want)
        return true;
    memcpy(&want, frame->payload, sizeof want);
    if (want.offset > pipes_of(user->base.job)->bottles[user->number].size)
        sim_violation(user->base.job, "more of a message is wanted than there is");
    while (user->sent < want.offset && !user->base.job->failed)
        send_block(user, &want);
    struct crewi_call more = pipe_call(user, CREWI_PIPE_MORE, &want, sizeof want);
    more.timeout_ns = CREWI_FOREVER;
    pipe_ask(user, PIPE_SENDS_BLOCKS, &more);
    return false;
}

/* Receiving */

static struct crewi_pipe_large_note note_of(const struct pipe_user *user)
{
    return (struct crewi_pipe_large_note){
        .end = pipes_of(user->base.job)->ends[user->end].id,
        .ticket = user->item.place.ticket,
        .source = user->item.source,
    };
}

static void done(struct pipe_user *user, int status)
{
    struct pipes *pipes = pipes_of(user->base.job);
    struct crewi_pipe_large_note note = note_of(user);
    note.status = status;
    struct crewi_call call = pipe_call(user, CREWI_PIPE_DONE, &note, sizeof note);
    user->doing = PIPE_IDLE;
    sim_client_tell(&user->base, &call);
    if (status)
        pipes->ends[user->end].truncs++;
    else if (user->uses[user->end].holds)
        pipe_user_gets(user, pipes->bottles[user->number].ends);
    if (pipes->ends[user->end].truncs > pipes->ends[user->end].cuts)
        sim_violation(user->base.job, "a message is cut off, and its sender has not ended");
    sim_client_think(&user->base);
}

static void next(struct pipe_user *user)
{
    struct crewi_pipe_large_note note = note_of(user);
    struct crewi_call call = pipe_call(user, CREWI_PIPE_NEXT, &note, sizeof note);
    call.timeout_ns = CREWI_FOREVER;
    pipe_ask(user, PIPE_RECEIVES_BLOCKS, &call);
}

/* On one host the bytes are read where they are, if the kernel lets us. */
void pipe_large_begin(struct pipe_user *user, const struct crewi_pipe_item *item)
{
    user->item = *item;
    user->received = 0;
    if (sim_chance(&user->base.random, 400)) {
        user->doing = PIPE_READS;
        sim_client_think(&user->base);
    } else {
        next(user);
    }
}

void pipe_large_read(struct pipe_user *user)
{
    done(user, pipes_of(user->base.job)->bottles[user->number].is_cut ? CREW_ETRUNC : CREW_OK);
}

static bool is_right(const struct pipe_user *user, const unsigned char *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        if (bytes[i] != byte_at(user->number, user->received + i))
            return false;
    return true;
}

void pipe_large_block(struct pipe_user *user, const struct crewi_frame *frame)
{
    uint64_t head = sizeof(struct crewi_pipe_large_note);
    if (frame->header.status == CREW_ECLOSED && !user->uses[user->end].holds)
        return; /* its other thread was faster */
    if (frame->header.status) {
        if (frame->header.status != CREW_ETRUNC)
            sim_violation(user->base.job, "a block is refused with %d: %.*s", frame->header.status,
                          (int)frame->header.size, (const char *)frame->payload);
        done(user, CREW_ETRUNC);
        return;
    }
    uint64_t size = frame->header.size - head;
    if (size > user->item.size - user->received || !is_right(user, frame->payload + head, size)) {
        sim_violation(user->base.job, "a block at %llu has wrong bytes",
                      (unsigned long long)user->received);
        return;
    }
    user->received += size;
    if (user->received == user->item.size)
        done(user, CREW_OK);
    else
        next(user);
}
