/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What is in simulated pipes, and who has which end, as somebody knows who sees all clients at
 * once.
 *
 * An end is told to be gone (EOF, EPIPE) only when nobody has it: no client that lives, and no
 * message or letter that still comes to somebody.
 */
#ifndef CREW_TESTS_SIM_PIPE_MODEL_H
#define CREW_TESTS_SIM_PIPE_MODEL_H

#include "sim_client.h"

#define PIPE_ENDS 12
#define PIPE_USERS 32

/** What inline messages count for at most. */
#define PIPE_MOST_COST 464

enum bottle_state { BOTTLE_ASKED, BOTTLE_IN, BOTTLE_REFUSED, BOTTLE_RECEIVED };

/** A message. */
struct bottle {
    uint8_t state; /* a bottle_state */
    bool is_large;
    bool is_admitted; /* it counts as under way for certain */
    bool is_cut;      /* its sender has ended before it was complete */
    uint32_t stream, sender, source;
    uint64_t cost, size;
    uint64_t ends; /* that are in it, a bit each */
};

/** An end, and the stream that is received at it. */
struct mouth {
    uint64_t id;
    bool sends, receives;
    uint64_t capacity;
    uint32_t held;        /* by clients that live */
    bool told_gone;       /* somebody was */
    uint64_t wanted;      /* receives that are not answered */
    uint64_t may_be_lost; /* messages that may have been on their way to somebody who ended */
    uint64_t cuts, truncs;
    int32_t last_seen[PIPE_USERS][PIPE_USERS]; /* by receiver and sender: the message, or -1 */
};

/** A message of the toy kind with ends in it. */
struct pipe_letter {
    uint64_t ends, process;
    enum { PIPE_LETTER_UNDER_WAY, PIPE_LETTER_TAKEN, PIPE_LETTER_DONE } state;
};

struct pipes {
    struct sim_job *job; /* first */
    struct mouth ends[PIPE_ENDS];
    uint32_t end_count;
    struct bottle *bottles;
    size_t bottle_count, bottle_room;
    struct pipe_letter *letters; /* number n at n - 1 */
    size_t letter_count, letter_room;
    int rests, ended;
    bool drains;
    uint64_t drained; /* messages since the last rest */
};

void pipes_fini(struct pipes *pipes);

/** A new pipe; its ends are the last two from now on. */
void pipes_created(struct pipes *pipes, const uint64_t ids[2], bool duplex, uint64_t capacity);

static inline uint32_t pipes_other(uint32_t end)
{
    return end ^ 1;
}

/** A client has an end now. */
void pipes_hold(struct pipes *pipes, uint32_t end);
void pipes_let_go(struct pipes *pipes, uint32_t end);

/** Adds a message; returns its number. */
uint64_t pipes_send(struct pipes *pipes, const struct bottle *bottle);

/** The answer to it. */
void pipes_sent(struct pipes *pipes, uint64_t number, int status);

/** Somebody has it. NULL when it cannot be. */
struct bottle *pipes_received(struct pipes *pipes, uint64_t number, uint32_t stream,
                              uint32_t receiver);

/** Somebody is told that an end is gone. */
void pipes_gone(struct pipes *pipes, uint32_t end);

/** The ends that somebody can still come by, with those that nobody is known to have. */
uint64_t pipes_alive(const struct pipes *pipes, uint64_t unseen);

/** How many messages are certainly in a stream, and how many there may be. */
void pipes_count(const struct pipes *pipes, uint32_t stream, uint64_t *least, uint64_t *most);

/** Adds a letter with these ends; returns its number. */
uint64_t pipes_letter(struct pipes *pipes, uint64_t ends, uint64_t process);

#endif
