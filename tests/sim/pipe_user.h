/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A client of simulated pipes: what it has, and what it is doing. pipe_scenario.c has what it does,
 * pipe_large.c how it sends and receives large messages.
 */
#ifndef CREW_TESTS_SIM_PIPE_USER_H
#define CREW_TESTS_SIM_PIPE_USER_H

#include "channel/pipe_protocol.h"
#include "pipe_model.h"
#include "toy.h"

#include <string.h>

/** What a client has to do with an end. */
struct pipe_use {
    bool holds, is_shut;
    bool may_post;
    uint32_t posts;
    uint64_t posted;
};

/** What stands in front of the bytes of a message. */
struct bottle_label {
    uint64_t stream, number;
};

enum pipe_doing {
    PIPE_IDLE,
    PIPE_CREATES,
    PIPE_SENDS,
    PIPE_RECEIVES,
    PIPE_WAITS,
    PIPE_CLOSES,
    PIPE_PASSES,
    PIPE_TAKES,
    PIPE_SENDS_BLOCKS, /* of a large message: MORE */
    PIPE_READS,        /* a large message where it is */
    PIPE_RECEIVES_BLOCKS
};

struct pipe_user {
    struct sim_client base; /* first */
    struct pipe_use uses[PIPE_ENDS];
    enum pipe_doing doing;
    bool is_waiting; /* for ever */
    bool
        is_unseen; /* it came by the end in a way that nobody saw, and does not know if it has it */
    uint64_t closing; /* the request of another thread that closes the end meanwhile */
    uint32_t end;     /* that it is about */
    uint64_t number;  /* of the message, or the letter */
    uint64_t capacity;
    bool duplex;
    uint64_t sent, received;     /* bytes of a large one */
    struct crewi_pipe_item item; /* of the large one that it receives */
    uint32_t to_drain;           /* the next end to be emptied */
    bool drains;                 /* its receive does that */
};

static inline struct pipes *pipes_of(const struct sim_job *job)
{
    return job->state;
}

/** A request to the own rank. */
void pipe_ask(struct pipe_user *user, enum pipe_doing doing, const struct crewi_call *call);

struct crewi_call pipe_call(const struct pipe_user *user, uint8_t op, const void *head,
                            size_t head_size);

/** It has these ends now. */
void pipe_user_gets(struct pipe_user *user, uint64_t ends);

/* pipe_large.c */

/** The reply to a SEND or MORE of a large message. True when it is complete. */
bool pipe_large_sent(struct pipe_user *user, const struct crewi_frame *frame);

/** Begins to receive one whose item has come. */
void pipe_large_begin(struct pipe_user *user, const struct crewi_pipe_item *item);

/** Has looked at the sender's memory. */
void pipe_large_read(struct pipe_user *user);

/** The reply to NEXT. */
void pipe_large_block(struct pipe_user *user, const struct crewi_frame *frame);

#endif
