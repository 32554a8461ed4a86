/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Blocks of shared memory by name: the registry of a host, kept by the first of the ranks that
 * share memory, and what clients ask of it. Operations of the kind of arrays, without an object.
 *
 * Each block is a memfd of its own. The rank keeps it open while the block has its name; clients
 * open it through /proc and map it.
 */
#ifndef CREWI_SHARED_SHARED_MEMORY_H
#define CREWI_SHARED_SHARED_MEMORY_H

#include "engine/engine.h"
#include "node/cookie.h"

#include <crew/process.h>
#include <stdint.h>

/** From clients to the first rank of those that share memory with theirs, each with a
 * crewi_shared_memory_spec. */
enum crewi_shared_memory_op {
    CREWI_SHARED_MEMORY_CREATE = 32, /* -> crewi_shared_memory_info */
    CREWI_SHARED_MEMORY_ATTACH,      /* -> crewi_shared_memory_info */
    CREWI_SHARED_MEMORY_UNLINK       /* -> nothing */
};

struct crewi_shared_memory_spec {
    char name[CREW_NAME_SIZE]; /* CREATE: "": to be given one */
    uint64_t size;             /* CREATE */
};

struct crewi_shared_memory_info {
    char name[CREW_NAME_SIZE];
    uint64_t size;
    struct crewi_memfd_place memfd;
};

/** Whether an operation is one of these. */
static inline bool crewi_shared_memory_is_op(uint8_t op)
{
    return op >= CREWI_SHARED_MEMORY_CREATE && op <= CREWI_SHARED_MEMORY_UNLINK;
}

/** On such a first rank. */
void crewi_shared_memory_request(struct crewi_engine *engine, const struct crewi_message *message);

/** Forgets all blocks of this rank: the engine ends. */
void crewi_shared_memory_fini(struct crewi_engine *engine);

/** Unmaps what a client of this process that has ended has left. */
void crewi_shared_memory_drop(uint64_t process);

#endif
