/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What clients, agents and homes of queues say to each other.
 *
 * A client speaks to the *agent*, the piece of a queue on its own rank. That one passes requests on
 * to the home as they are, but for the operation: the twin of the client's, which no child may
 * send.
 */
#ifndef CREWI_CHANNEL_QUEUE_PROTOCOL_H
#define CREWI_CHANNEL_QUEUE_PROTOCOL_H

#include "engine/engine.h"

#include <crew/process.h>
#include <stdint.h>

/** The largest item, and what all items of a queue may take before puts wait. */
#define CREWI_QUEUE_ITEM_LIMIT ((uint64_t)1 << 30)
#define CREWI_QUEUE_BYTES_LIMIT ((uint64_t)1 << 30)

/** From clients to their own rank. All but CREATE begin with a crewi_queue_head. */
enum crewi_queue_op {
    CREWI_QUEUE_CREATE = 1,  /* crewi_queue_spec -> id */
    CREWI_QUEUE_PUT,         /* head, item -> crewi_queue_state; as a note only where the queue is
                                unbounded */
    CREWI_QUEUE_GET,         /* head -> head, items, and their sizes if there are several */
    CREWI_QUEUE_SIZE,        /* head -> crewi_queue_state */
    CREWI_QUEUE_TASK_DONE,   /* head -> nothing */
    CREWI_QUEUE_JOIN,        /* head -> nothing */
    CREWI_QUEUE_GATHER,      /* head -> head, records as they were packed */
    CREWI_QUEUE_CLOSE,       /* head -> nothing; these three are the agent's alone */
    CREWI_QUEUE_JOIN_THREAD, /* head -> nothing */
    CREWI_QUEUE_CANCEL       /* head -> nothing */
};

/** Between engines only; all but BATCH, HANDOVER and GATHERED bring a crewi_queue_note. */
enum crewi_queue_engine_op {
    CREWI_QUEUE_BATCH = 2 * CREWI_ENGINE_OPS, /* agent to home: packed items */
    CREWI_QUEUE_HANDOVER,  /* home to the agent of a getter: its reply, with shares behind it */
    CREWI_QUEUE_RELEASED,  /* agent to home: a process has closed its copy, or has ended */
    CREWI_QUEUE_DROP,      /* agent to home: a process wants what it put to be dropped */
    CREWI_QUEUE_FLUSH,     /* home to agent: send what you hold */
    CREWI_QUEUE_FLUSH_NOW, /* agent to itself: behind what its children have sent */
    CREWI_QUEUE_FLUSHED,   /* agent to home: all that was put before is with you */
    CREWI_QUEUE_ANNOUNCE,  /* home to rank 0: have all ranks gather */
    CREWI_QUEUE_BEGIN,     /* rank 0 to all ranks, in the same order to each */
    CREWI_QUEUE_JOIN_IN,   /* agent to itself: behind what its children have sent */
    CREWI_QUEUE_GATHERED,  /* the transport to the root: head, records */
    CREWI_QUEUE_COUNTED    /* the root to the home: how many items other ranks had */
};

struct crewi_queue_spec {
    char name[CREW_NAME_SIZE]; /* "": to be given one */
    int64_t max_items;         /* 0: any number */
    uint32_t scattered;
    uint32_t reserved;
};

/** In front of items, and of what asks for them: 32 bytes, so that items are aligned to 16. */
struct crewi_queue_head {
    uint64_t id;
    uint64_t size;        /* of the items; asked for: at most so many bytes */
    uint32_t count;       /* of the items; asked for: at most so many */
    uint32_t share_count; /* struct crewi_share behind all else, aligned to 16 */
    int32_t status;       /* of a reply: CREW_ETOOSMALL, size is that of the item; or CREW_OK */
    uint32_t returned;    /* of a BATCH: from a gather whose caller has ended */
};

/** In front of each item of a BATCH, or a gather; the item and its shares follow, each filled up to
 * a multiple of 16. */
struct crewi_queue_record {
    uint64_t producer;
    uint64_t size;
    uint32_t share_count;
    uint32_t rank; /* that held it */
    uint64_t reserved;
};

/** What a rank that attaches is told. */
struct crewi_queue_description {
    uint8_t unbounded, scattered, passing;
};

struct crewi_queue_state {
    uint64_t count;
    uint32_t is_full, is_unbounded;
};

enum crewi_queue_flush_flag {
    CREWI_QUEUE_PASS = 1,  /* and pass on what is put from now on: somebody waits for it */
    CREWI_QUEUE_FREEZE = 2 /* the other way round: keep everything until the gather that comes */
};

struct crewi_queue_note {
    uint64_t id;
    uint64_t process; /* RELEASED, DROP; gathers: the request of the one who wants it */
    uint64_t number;  /* of a flush round; COUNTED: how many */
    uint32_t rank;    /* the sender; gathers: the root */
    uint32_t flags;
};

static inline uint64_t crewi_queue_pad(uint64_t size)
{
    return (size + 15) & ~(uint64_t)15;
}

#endif
