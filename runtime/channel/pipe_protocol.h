/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the clients of pipes, their ranks, and the homes of pipes say to each other.
 *
 * A pipe is two *ends*, objects with counted handles (engine/handles.h), at home on the rank of
 * their creator. What can be received at an end is its *stream*; a one-way pipe has one stream, a
 * duplex one two. A stream is kept by one rank at a time, its *location*: first the home, then the
 * rank of whoever receives. Each rank that knows an end has an *agent* for it (pipe_agent.h): an
 * outlet, which sends to the other end's stream, and an inlet, which keeps the end's own while it
 * is here.
 *
 * **Items.** An outlet numbers what it sends, and an inlet takes the items of each source in their
 * order, so nothing depends on the way they came: an inlet that has moved on passes them along.
 *
 * **Room.** An outlet has at most `capacity` bytes under way. The inlet gives credit back for what
 * was received: a quarter of the capacity at a time, or at once when the outlet waits (HURRY).
 *
 * **Moving.** A rank with a request for a stream that is elsewhere asks the home (FETCH), which has
 * the location move it (MOVE), one move at a time. The location sends its STATE and what it keeps,
 * and the new one tells the home that it has ARRIVED. A location whose own clients wait keeps it
 * until it has served one. It says so to the rank that it was to move to (HELD), and to the home
 * (HOLDS), which says so to those whose turn comes later: the timeouts of their clients' requests
 * begin to count. A rank numbers its FETCHes, so that it knows what is said about an earlier one.
 *
 * **The end.** With the weight of the handles of an end the home gets the number of items that were
 * sent there; when all weight is back it tells the other end's location (END): after so many items
 * comes the end of the stream. It tells the ranks of the other end that there are no READERS_GONE.
 *
 * **Large messages** (CREWI_PIPE_LARGE) are a rendezvous: the item says where the bytes are, in the
 * sender's memory. A receiver on the same host reads them from there; on another one, or where the
 * kernel does not let it, it asks for blocks: NEXT at its rank, PULL to the sender's, which lets
 * the sender send BLOCKs up to an offset. COMPLETE ends the sender's call.
 */
#ifndef CREWI_CHANNEL_PIPE_PROTOCOL_H
#define CREWI_CHANNEL_PIPE_PROTOCOL_H

#include "engine/engine.h"

#include <stdint.h>

/** Messages of more bytes are large. */
#define CREWI_PIPE_INLINE_SIZE ((uint64_t)65536)

/** What a message counts for beside its bytes. */
#define CREWI_PIPE_ITEM_COST ((uint64_t)64)

#define CREWI_PIPE_CAPACITY ((uint64_t)1 << 20)
#define CREWI_PIPE_CAPACITY_LIMIT ((uint64_t)1 << 30)

/** Bytes of a large message in one block, and how many bytes may be under way in blocks. */
#define CREWI_PIPE_BLOCK_SIZE ((uint64_t)131072)
#define CREWI_PIPE_WINDOW ((uint64_t)1 << 20)

/** Of clients, to their own rank; all but CREATE begin with the id of an end. */
enum crewi_pipe_op {
    CREWI_PIPE_CREATE = 1, /* crewi_pipe_settings -> the ids of both ends */
    CREWI_PIPE_SEND,    /* crewi_pipe_item, and an inline message -> nothing; of a large one, when
                           it is complete, or a crewi_pipe_large_note when blocks are wanted */
    CREWI_PIPE_RECEIVE, /* room for how many bytes (uint64_t; any without it) -> crewi_pipe_item,
 and an inline message that fits */
    CREWI_PIPE_CLOSE,
    CREWI_PIPE_SHUT,  /* the process may receive there no more */
    CREWI_PIPE_NEXT,  /* crewi_pipe_large_note: the receiver wants the next block -> the same note,
                         and bytes */
    CREWI_PIPE_DONE,  /* note, crewi_pipe_large_note: the receiver is done with it */
    CREWI_PIPE_BLOCK, /* note, crewi_pipe_large_note and bytes: of the sender */
    CREWI_PIPE_MORE   /* crewi_pipe_large_note: the sender has sent up to an offset -> as SEND */
};

/** Between ranks. */
enum crewi_pipe_engine_op {
    CREWI_PIPE_ITEM = CREWI_ENGINE_OPS, /* crewi_pipe_item, an inline message, shares */
    CREWI_PIPE_CREDIT,                  /* to the source: bytes in value */
    CREWI_PIPE_HURRY,                   /* to the location: rank is the source that waits */
    CREWI_PIPE_FETCH,                   /* to the home: rank wants it */
    CREWI_PIPE_MOVE,                    /* to the location: to rank */
    CREWI_PIPE_HELD,                    /* to a rank that wants it: not yet */
    CREWI_PIPE_HOLDS,                   /* to the home: it does not move to rank yet */
    CREWI_PIPE_STATE,                   /* to the new location: crewi_pipe_state and sources */
    CREWI_PIPE_STATE_ITEM,              /* to the new location: one that waits to be received */
    CREWI_PIPE_ARRIVED,                 /* to the home: rank has it */
    CREWI_PIPE_MOVED,                   /* to a source: it is on rank now */
    CREWI_PIPE_END,                     /* to the location: it ends after value items */
    CREWI_PIPE_READERS_GONE,            /* to ranks of the other end */
    CREWI_PIPE_CHECK,                   /* to all ranks, crewi_pipe_large_note: what became of it */
    CREWI_PIPE_COMPLETE, /* to the source, crewi_pipe_large_note: with the status for the sender */
    CREWI_PIPE_PULL,     /* to the source, crewi_pipe_large_note: rank wants bytes up to offset */
    CREWI_PIPE_PIECE,    /* to the receiver's rank, crewi_pipe_large_note and bytes */
    CREWI_PIPE_CUT       /* to the receiver's rank, crewi_pipe_large_note: the sender has ended */
};

struct crewi_pipe_settings {
    uint64_t capacity;
    uint8_t duplex, reserved[7];
};

enum crewi_pipe_what {
    CREWI_PIPE_INLINE,
    CREWI_PIPE_LARGE,
    CREWI_PIPE_RECALL /* of a large one: its sender has given up, or has ended */
};

/** Where the bytes of a large message are. */
struct crewi_pipe_place {
    uint64_t ticket;                          /* the source's number for it */
    uint64_t address, cookie_address, cookie; /* the cookie is there as long as the bytes are */
    int32_t pid;
    uint32_t has_ended; /* RECALL: the sender; at an inlet: it cannot be received any more */
};

/** The head of a message, all the way. */
struct crewi_pipe_item {
    uint64_t end;    /* SEND: the one to send at; afterwards the one to receive at */
    uint64_t size;   /* of the message */
    uint64_t number; /* the source's */
    uint32_t source; /* the sender's rank */
    uint32_t what;   /* crewi_pipe_what */
    uint32_t share_count;
    uint32_t reserved;
    struct crewi_pipe_place place; /* of LARGE and RECALL */
};

_Static_assert(sizeof(struct crewi_pipe_item) % 16 == 0, "a message is aligned behind its head");

/** Most of what ranks say to each other about streams. */
struct crewi_pipe_note {
    uint64_t end;
    uint64_t value;
    uint32_t rank, reserved;
};

struct crewi_pipe_large_note {
    uint64_t end; /* of whose agent it is for */
    uint64_t ticket;
    uint64_t offset;
    uint32_t source; /* the sender's rank */
    uint32_t rank;   /* the receiver's */
    int32_t status;
    uint32_t reserved;
};

struct crewi_pipe_source_state {
    uint64_t next, owed;
    uint32_t rank, hurry;
};

struct crewi_pipe_state {
    uint64_t end;
    uint64_t taken, end_at;
    uint32_t source_count, item_count;
};

/** What a rank is told about an end when it attaches to it. */
struct crewi_pipe_description {
    uint64_t other; /* the other end */
    uint64_t capacity;
    uint32_t location; /* of the other end's stream */
    uint32_t is_here;  /* its own stream is: the rank is the home, at the creation */
    uint8_t sends, receives, readers_gone, reserved[5];
};

#endif
