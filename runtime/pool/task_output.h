/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Where a task of a map with sizes of their own puts its result: in a small area while it fits
 * there, and in memory of the worker's own from then on.
 */
#ifndef CREWI_POOL_TASK_OUTPUT_H
#define CREWI_POOL_TASK_OUTPUT_H

#include <crew/pool_bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew_output {
    unsigned char *data; /* the result so far: in small or large */
    size_t size;
    uint64_t room;    /* the most that it may have */
    uint64_t refused; /* what was asked for beyond that, last; 0: nothing */
    unsigned char *small;
    size_t small_room;
    unsigned char *large; /* stays from result to result */
    size_t large_room;
};

/** Begins an empty one, with a small area aligned to 16 bytes. */
void crewi_task_output_begin(struct crew_output *output, unsigned char *small, size_t small_room,
                             uint64_t room);

/** Whether it is not in the small area. */
static inline bool crewi_task_output_is_large(const struct crew_output *output)
{
    return output->size && output->data != output->small;
}

#endif
