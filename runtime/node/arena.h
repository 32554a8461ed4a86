/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The arena of a rank: memory for its objects that processes of its host map and use without asking
 * the rank.
 *
 * The rank takes blocks: small ones out of segments that many share, large ones a memory of their
 * own. Each lies in a memfd, which has no name and is gone with the last process that has it
 * mapped, and which nobody can make shorter. Its *place* says where others find it, at
 * /proc/PID/fd/FD, and by which cookie they know that it is that one (cookie.h).
 *
 * What others write there they may write at any time, and a child may write what cannot be: the
 * rank believes nothing that it reads there.
 */
#ifndef CREWI_NODE_ARENA_H
#define CREWI_NODE_ARENA_H

#include "node/cookie.h"

#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>

/** Where a block is, for processes of the same host. */
struct crewi_place {
    uint64_t offset, size; /* bytes, in the memfd */
    struct crewi_memfd_place memfd;
};

struct crewi_block {
    void *memory; /* aligned to 64 bytes, for the rank itself; all zero at first */
    struct crewi_place place;
};

struct crewi_arena;

/** Takes @p size bytes, at least one, out of an arena, which is made with its first block (*arena
 * is NULL before). ::CREW_ENOMEM, ::CREW_ESYSTEM */
crew_status crewi_arena_take(struct crewi_arena **arena, size_t size, struct crewi_block *block);

/** Gives a block back; fine when its memory is NULL. */
void crewi_arena_give_back(struct crewi_arena *arena, struct crewi_block *block);

/** Unmaps all of it. NULL is fine. */
void crewi_arena_destroy(struct crewi_arena *arena);

/**
 * Maps somebody's block, or finds that it is mapped already. To be given back with
 * crewi_place_unmap(). What is small stays mapped from then on.
 * @return ::CREW_ESYSTEM it cannot be opened: another host or pid namespace, or the kernel does not
 * let us; ::CREW_EPROTO it is no block, or another one
 */
crew_status crewi_place_map(const struct crewi_place *place, void **memory);

/** Once for each time that it was mapped; fine with NULL. */
void crewi_place_unmap(void *memory);

/** Unmaps everything: nobody uses any of it any more. */
void crewi_places_fini(void);

#endif
