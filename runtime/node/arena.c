/* SPDX-License-Identifier: BSD-3-Clause */
/* The rank's side: segments, and lists of free blocks by the power of two that they have. */
#include "node/arena.h"

#include "base/error.h"
#include "node/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEGMENT_SIZE ((size_t)262144)
#define SMALLEST_SHIFT 6
#define LARGEST_SHIFT 14 /* beyond that a block has a memfd of its own */
#define CLASSES (LARGEST_SHIFT - SMALLEST_SHIFT + 1)

/* A memfd with small blocks. */
struct segment {
    struct segment *next;
    unsigned char *memory;
    struct crewi_memfd_place memfd;
    size_t used;
};

/* A block that was given back. The memory itself holds nothing of ours: others can write there. */
struct spare {
    struct spare *next;
    struct crewi_block block;
};

struct crewi_arena {
    struct segment *segments;
    struct spare *spares[CLASSES];
};

static crew_status create_memory(size_t size, struct crewi_memfd_place *memfd,
                                 unsigned char **memory)
{
    char name[CREWI_COOKIE_NAME];
    uint64_t cookie = crewi_cookie_new();
    crewi_cookie_name(name, "crew-arena", cookie);
    int made;
    crew_status status = crewi_memfd_create(name, size, &made);
    if (status)
        return status;
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
    if (mapped == MAP_FAILED) {
        status = crewi_error_errno("map %zu bytes of shared memory", size);
        close(made);
        return status;
    }
    *memfd = (struct crewi_memfd_place){.cookie = cookie, .pid = (int32_t)getpid(), .fd = made};
    *memory = mapped;
    return CREW_OK;
}

static unsigned class_of(size_t size)
{
    unsigned shift = SMALLEST_SHIFT;
    while (((size_t)1 << shift) < size)
        shift++;
    return shift - SMALLEST_SHIFT;
}

static size_t class_size(unsigned class)
{
    return (size_t)1 << (class + SMALLEST_SHIFT);
}

static bool is_small(size_t size)
{
    return size <= (size_t)1 << LARGEST_SHIFT;
}

static crew_status add_segment(struct crewi_arena *arena)
{
    struct segment *segment = calloc(1, sizeof *segment);
    if (!segment)
        return crewi_error_memory();
    crew_status status = create_memory(SEGMENT_SIZE, &segment->memfd, &segment->memory);
    if (status) {
        free(segment);
        return status;
    }
    segment->next = arena->segments;
    arena->segments = segment;
    return CREW_OK;
}

static void set_block(struct crewi_block *block, unsigned char *memory,
                      const struct crewi_memfd_place *memfd, size_t offset, size_t size)
{
    block->memory = memory + offset;
    block->place = (struct crewi_place){.offset = offset, .size = size, .memfd = *memfd};
}

static crew_status take_small(struct crewi_arena *arena, size_t size, struct crewi_block *block)
{
    unsigned class = class_of(size);
    struct spare *spare = arena->spares[class];
    if (spare) {
        arena->spares[class] = spare->next;
        *block = spare->block;
        free(spare);
        memset(block->memory, 0, class_size(class));
        block->place.size = size;
        return CREW_OK;
    }
    struct segment *segment = arena->segments;
    if (!segment || SEGMENT_SIZE - segment->used < class_size(class)) {
        crew_status status = add_segment(arena);
        if (status)
            return status;
        segment = arena->segments;
    }
    set_block(block, segment->memory, &segment->memfd, segment->used, size);
    segment->used += class_size(class);
    return CREW_OK;
}

crew_status crewi_arena_take(struct crewi_arena **arena, size_t size, struct crewi_block *block)
{
    struct crewi_memfd_place memfd;
    unsigned char *memory;
    if (!*arena && !(*arena = calloc(1, sizeof **arena)))
        return crewi_error_memory();
    if (is_small(size))
        return take_small(*arena, size, block);
    crew_status status = create_memory(size, &memfd, &memory);
    if (!status)
        set_block(block, memory, &memfd, 0, size);
    return status;
}

void crewi_arena_give_back(struct crewi_arena *arena, struct crewi_block *block)
{
    size_t size = block->place.size;
    if (!block->memory)
        return;
    if (is_small(size)) {
        struct spare *spare = calloc(1, sizeof *spare);
        if (spare) { /* without it, the block lies idle until the end */
            unsigned class = class_of(size);
            *spare = (struct spare){.next = arena->spares[class], .block = *block};
            arena->spares[class] = spare;
        }
    } else {
        munmap(block->memory, size);
        close(block->place.memfd.fd);
    }
    *block = (struct crewi_block){0};
}

void crewi_arena_destroy(struct crewi_arena *arena)
{
    if (!arena)
        return;
    for (struct segment *segment; (segment = arena->segments);) {
        arena->segments = segment->next;
        munmap(segment->memory, SEGMENT_SIZE);
        close(segment->memfd.fd);
        free(segment);
    }
    for (unsigned class = 0; class < CLASSES; class ++)
        for (struct spare *spare; (spare = arena->spares[class]);) {
            arena->spares[class] = spare->next;
            free(spare);
        }
    free(arena);
}
