/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Arrays on a rank: the agent, which knows who has a handle and what to say about the array, and
 * the home, which has the memory.
 */
#ifndef CREWI_SHARED_ARRAY_AGENT_H
#define CREWI_SHARED_ARRAY_AGENT_H

#include "engine/handles.h"
#include "shared/array_protocol.h"

/** An array at its home. */
struct crewi_array {
    struct crewi_shared shared; /* first: a shared object is its array */
    struct crewi_block block;
    struct crewi_array_description about;
    uint64_t address; /* of the elements for other hosts; 0: not attached to the window */
    uint32_t holds;   /* transfers to or from them: until then they stay */
};

enum crewi_array_location {
    CREWI_ARRAY_NOT_ASKED,
    CREWI_ARRAY_ASKED,
    CREWI_ARRAY_KNOWN,
    CREWI_ARRAY_UNREACHABLE
};

/** What a rank that knows an array keeps. */
struct crewi_array_agent {
    uint64_t id;
    struct crewi_array_description about;
    enum crewi_array_location location;
    uint64_t address;            /* of the elements in the memory of the home's rank */
    struct crewi_frames waiting; /* requests, until that is known */
    struct crewi_array_transfer *transfers;
    uint64_t last_ticket;
    uint32_t reads; /* of those transfers */
};

/** Requests, notes and hooks of arrays, and of blocks of shared memory (shared_memory.h). */
extern const struct crewi_kind crewi_array_kind;

/** CREATE, on the rank of the one who asks. */
void crewi_array_home_create(struct crewi_engine *engine, const struct crewi_message *message);

/** READ, WRITE, FILL or UPDATE of a client, passed on by its agent; @p op is the client's, and the
 * message has at least a head. */
void crewi_array_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                              uint8_t op);

/** Passes a request of a client on to the home, and owns the frame. */
void crewi_array_forward(struct crewi_engine *engine, uint64_t id, struct crewi_frame *frame);

/** It was held, and is not any more: now it may be gone. */
void crewi_array_let_go(struct crewi_engine *engine, struct crewi_array *array);

/* Hooks of the kind */

size_t crewi_array_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room);
void crewi_array_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared);
void crewi_array_destroy(struct crewi_engine *engine, struct crewi_object *object);

#endif
