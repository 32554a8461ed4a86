/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A ring of records in shared memory: one writer, one reader, in two processes.
 *
 * Positions only grow; a position modulo the size is a place. The writer publishes `head` with
 * release after a record is complete, the reader publishes `tail` with release after it is done
 * with one; each reads the other's with acquire. A record is contiguous, its payload aligned to 16
 * bytes: a record that would not fit before the end of the memory is preceded by a filler. So
 * records can be built and read in place.
 *
 * Neither side believes the other. Positions of one's own are kept in private memory, the other's
 * are checked, a record's size is copied out once and checked: a peer that writes garbage is found
 * out (crewi_ring_peek() and crewi_ring_reserve() report it) and can at worst hand over a payload
 * of garbage.
 */
#ifndef CREWI_NODE_RING_H
#define CREWI_NODE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The shared positions, each on a cache line of its own. */
struct crewi_ring_shared {
    _Alignas(64) _Atomic uint64_t head; /* written by the writer */
    _Alignas(64) _Atomic uint64_t tail; /* written by the reader */
};

struct crewi_ring {
    struct crewi_ring_shared *shared;
    unsigned char *data;
    uint64_t size; /* a power of two, at least 256 */
    uint64_t head, tail;
    uint64_t reserved; /* writer: where the reserved record begins */
    uint32_t peeked;   /* reader: bytes that the record at tail takes, 0: not looked at yet */
};

struct crewi_record {
    const unsigned char *data;
    uint32_t size;
    uint32_t type;
};

/** The largest record of a ring of @p size bytes: a quarter, so that several are under way. */
uint32_t crewi_ring_record_limit(uint64_t size);

/** One side of a ring; @p shared and the data are zero at the start. */
void crewi_ring_init(struct crewi_ring *ring, struct crewi_ring_shared *shared, unsigned char *data,
                     uint64_t size);

/**
 * Writer: room for a record of up to @p size bytes (at most the record limit). NULL when there is
 * none yet; *corrupt is set when the reader's position cannot be.
 */
void *crewi_ring_reserve(struct crewi_ring *ring, uint32_t size, bool *corrupt);

/** Writer: publishes the first @p size bytes of what was reserved, as a record of @p type (not 0).
 */
void crewi_ring_commit(struct crewi_ring *ring, uint32_t type, uint32_t size);

/** Reader: the next record, in place. 1: there is one, 0: none, -1: the writer has written what
 * cannot be. */
int crewi_ring_peek(struct crewi_ring *ring, struct crewi_record *record);

/** Reader: done with the record that was looked at. */
void crewi_ring_pop(struct crewi_ring *ring);

/** Whether all positions can be: for tests. */
bool crewi_ring_check(const struct crewi_ring *ring);

#endif
