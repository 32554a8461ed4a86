/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/ring.h"

#define ALIGNMENT 16
#define FILLER 0 /* the type of a record that only fills the end of the memory */

struct record_header {
    uint32_t size; /* of the payload */
    uint32_t type;
    uint64_t reserved;
};

_Static_assert(sizeof(struct record_header) == ALIGNMENT, "payloads are aligned");

static uint64_t footprint(uint32_t size)
{
    return sizeof(struct record_header) +
           (((uint64_t)size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1));
}

static struct record_header *header_at(const struct crewi_ring *ring, uint64_t position)
{
    return (struct record_header *)(void *)(ring->data + (position & (ring->size - 1)));
}

static uint64_t bytes_to_end(const struct crewi_ring *ring, uint64_t position)
{
    return ring->size - (position & (ring->size - 1));
}

uint32_t crewi_ring_record_limit(uint64_t size)
{
    return (uint32_t)(size / 4 - sizeof(struct record_header));
}

void crewi_ring_init(struct crewi_ring *ring, struct crewi_ring_shared *shared, unsigned char *data,
                     uint64_t size)
{
    *ring = (struct crewi_ring){.shared = shared, .data = data, .size = size};
}

void *crewi_ring_reserve(struct crewi_ring *ring, uint32_t size, bool *corrupt)
{
    /* Acquire: what the reader has done with the bytes before is over. */
    uint64_t tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
    if (tail < ring->tail || tail > ring->head) {
        *corrupt = true;
        return NULL;
    }
    ring->tail = tail;
    uint64_t need = footprint(size), to_end = bytes_to_end(ring, ring->head);
    uint64_t filler = to_end < need ? to_end : 0;
    if (ring->size - (ring->head - tail) < filler + need)
        return NULL;
    if (filler)
        *header_at(ring, ring->head) =
            (struct record_header){.size = (uint32_t)(filler - ALIGNMENT), .type = FILLER};
    ring->reserved = ring->head + filler;
    return header_at(ring, ring->reserved) + 1;
}

void crewi_ring_commit(struct crewi_ring *ring, uint32_t type, uint32_t size)
{
    *header_at(ring, ring->reserved) = (struct record_header){.size = size, .type = type};
    ring->head = ring->reserved + footprint(size);
    /* Release: the record is complete before its position is seen. Pairs with the acquire in peek.
     */
    atomic_store_explicit(&ring->shared->head, ring->head, memory_order_release);
}

static void skip(struct crewi_ring *ring, uint64_t bytes)
{
    ring->tail += bytes;
    /* Release: the reader is done with the bytes. Pairs with the acquire in reserve. */
    atomic_store_explicit(&ring->shared->tail, ring->tail, memory_order_release);
}

int crewi_ring_peek(struct crewi_ring *ring, struct crewi_record *record)
{
    for (;;) {
        uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
        uint64_t filled = head - ring->tail;
        if (filled == 0)
            return 0;
        if (filled > ring->size || filled % ALIGNMENT)
            return -1;
        /* Each is read once: the writer may write something else there after it was checked. */
        const volatile struct record_header *shared = header_at(ring, ring->tail);
        struct record_header header = {.size = shared->size, .type = shared->type};
        uint64_t bytes = footprint(header.size);
        if (bytes > filled || bytes > bytes_to_end(ring, ring->tail))
            return -1;
        if (header.type != FILLER) {
            *record = (struct crewi_record){(unsigned char *)(header_at(ring, ring->tail) + 1),
                                            header.size, header.type};
            ring->peeked = (uint32_t)bytes;
            return 1;
        }
        /* Fillers anywhere else would follow each other for as long as somebody writes them. */
        if (bytes != bytes_to_end(ring, ring->tail) || bytes > ring->size / 4)
            return -1;
        skip(ring, bytes);
    }
}

void crewi_ring_pop(struct crewi_ring *ring)
{
    skip(ring, ring->peeked);
    ring->peeked = 0;
}

bool crewi_ring_check(const struct crewi_ring *ring)
{
    uint64_t head = atomic_load(&ring->shared->head), tail = atomic_load(&ring->shared->tail);
    return tail <= head && head - tail <= ring->size && head % ALIGNMENT == 0 &&
           tail % ALIGNMENT == 0;
}
