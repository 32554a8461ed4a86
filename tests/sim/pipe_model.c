/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipe_model.h"

#include <stdlib.h>
#include <string.h>

void pipes_fini(struct pipes *pipes)
{
    free(pipes->bottles);
    free(pipes->letters);
}

void pipes_created(struct pipes *pipes, const uint64_t ids[2], bool duplex, uint64_t capacity)
{
    for (int i = 0; i < 2; i++) {
        struct mouth *end = &pipes->ends[pipes->end_count++];
        *end = (struct mouth){.id = ids[i],
                              .sends = i == 1 || duplex,
                              .receives = i == 0 || duplex,
                              .capacity = capacity};
        memset(end->last_seen, 0xff, sizeof end->last_seen);
    }
}

void pipes_hold(struct pipes *pipes, uint32_t end)
{
    pipes->ends[end].held++;
    if (pipes->ends[end].told_gone)
        sim_violation(pipes->job, "end %u comes to somebody, and another was told that it is gone",
                      end);
}

void pipes_let_go(struct pipes *pipes, uint32_t end)
{
    pipes->ends[end].held--;
}

uint64_t pipes_send(struct pipes *pipes, const struct bottle *bottle)
{
    if (pipes->bottle_count == pipes->bottle_room) {
        pipes->bottle_room = pipes->bottle_room ? 2 * pipes->bottle_room : 256;
        pipes->bottles = sim_grow(pipes->bottles, pipes->bottle_room * sizeof *pipes->bottles);
    }
    pipes->bottles[pipes->bottle_count] = *bottle;
    return pipes->bottle_count++;
}

/* What one rank has under way in a stream, but for what may have been received already. */
static void check_bound(struct pipes *pipes, uint32_t stream, uint32_t source)
{
    const struct mouth *end = &pipes->ends[stream];
    uint64_t sum = 0, slack = (end->wanted + end->may_be_lost) * PIPE_MOST_COST;
    uint64_t most = end->capacity < PIPE_MOST_COST ? PIPE_MOST_COST : end->capacity;
    for (size_t i = 0; i < pipes->bottle_count; i++) {
        const struct bottle *bottle = &pipes->bottles[i];
        if (bottle->stream == stream && bottle->source == source && bottle->is_admitted &&
            bottle->state == BOTTLE_IN)
            sum += bottle->cost;
    }
    if (sum > most + slack)
        sim_violation(pipes->job, "rank %u has %llu bytes under way, and %llu are allowed", source,
                      (unsigned long long)(sum - slack), (unsigned long long)most);
}

void pipes_sent(struct pipes *pipes, uint64_t number, int status)
{
    struct bottle *bottle = &pipes->bottles[number];
    if (status && bottle->state == BOTTLE_RECEIVED)
        sim_violation(pipes->job, "message %llu was received, and its sender is told %d",
                      (unsigned long long)number, status);
    if (bottle->state == BOTTLE_ASKED)
        bottle->state = status ? BOTTLE_REFUSED : BOTTLE_IN;
    if (status || bottle->is_large)
        return;
    /* What the sender had posted before is there, too. */
    for (size_t i = 0; i <= number; i++)
        if (pipes->bottles[i].sender == bottle->sender &&
            pipes->bottles[i].stream == bottle->stream && !pipes->bottles[i].is_large)
            pipes->bottles[i].is_admitted = true;
    check_bound(pipes, bottle->stream, bottle->source);
}

struct bottle *pipes_received(struct pipes *pipes, uint64_t number, uint32_t stream,
                              uint32_t receiver)
{
    struct bottle *bottle = number < pipes->bottle_count ? &pipes->bottles[number] : NULL;
    if (!bottle || bottle->stream != stream) {
        sim_violation(pipes->job, "a message %llu that nobody has sent there",
                      (unsigned long long)number);
        return NULL;
    }
    if (bottle->state == BOTTLE_RECEIVED || bottle->state == BOTTLE_REFUSED)
        sim_violation(pipes->job, "message %llu is received, and it was %s before",
                      (unsigned long long)number,
                      bottle->state == BOTTLE_RECEIVED ? "received" : "refused");
    int32_t *last = &pipes->ends[stream].last_seen[receiver][bottle->sender];
    if ((int32_t)number < *last)
        sim_violation(pipes->job, "client %u gets message %llu of client %u after message %d",
                      receiver, (unsigned long long)number, bottle->sender, *last);
    *last = (int32_t)number;
    bottle->state = BOTTLE_RECEIVED;
    return bottle;
}

void pipes_gone(struct pipes *pipes, uint32_t end)
{
    pipes->ends[end].told_gone = true;
    if (pipes->ends[end].held)
        sim_violation(pipes->job, "somebody is told that end %u is gone, and %u processes have it",
                      end, pipes->ends[end].held);
}

uint64_t pipes_alive(const struct pipes *pipes, uint64_t unseen)
{
    uint64_t alive = unseen, before;
    for (uint32_t i = 0; i < pipes->end_count; i++)
        alive |= (uint64_t)(pipes->ends[i].held > 0) << i;
    for (size_t i = 0; i < pipes->letter_count; i++)
        if (pipes->letters[i].state != PIPE_LETTER_DONE)
            alive |= pipes->letters[i].ends;
    do {
        before = alive;
        for (size_t i = 0; i < pipes->bottle_count; i++) {
            const struct bottle *bottle = &pipes->bottles[i];
            if ((bottle->state == BOTTLE_ASKED || bottle->state == BOTTLE_IN) &&
                alive >> bottle->stream & 1)
                alive |= bottle->ends;
        }
    } while (alive != before);
    return alive;
}

void pipes_count(const struct pipes *pipes, uint32_t stream, uint64_t *least, uint64_t *most)
{
    const struct mouth *end = &pipes->ends[stream];
    *least = *most = 0;
    for (size_t i = 0; i < pipes->bottle_count; i++) {
        const struct bottle *bottle = &pipes->bottles[i];
        bool is_there = bottle->stream == stream && bottle->state == BOTTLE_IN;
        *least += is_there;
        *most += is_there || (bottle->stream == stream && bottle->state == BOTTLE_ASKED);
    }
    *least = *least > end->may_be_lost ? *least - end->may_be_lost : 0;
}

uint64_t pipes_letter(struct pipes *pipes, uint64_t ends, uint64_t process)
{
    if (pipes->letter_count == pipes->letter_room) {
        pipes->letter_room = pipes->letter_room ? 2 * pipes->letter_room : 64;
        pipes->letters = sim_grow(pipes->letters, pipes->letter_room * sizeof *pipes->letters);
    }
    pipes->letters[pipes->letter_count] =
        (struct pipe_letter){.ends = ends, .process = process, .state = PIPE_LETTER_UNDER_WAY};
    return ++pipes->letter_count;
}
