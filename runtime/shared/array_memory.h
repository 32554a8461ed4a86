/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What is done to elements in memory, by whoever has it mapped: clients of the host, and the home
 * for all others.
 *
 * Others do the same at any time, so single elements are read and written by atomic instructions.
 */
#ifndef CREWI_SHARED_ARRAY_MEMORY_H
#define CREWI_SHARED_ARRAY_MEMORY_H

#include "shared/array_protocol.h"

#include <crew/datatype.h>
#include <stdbool.h>
#include <stddef.h>

/** Reads and writes one element of 1, 2, 4 or 8 bytes. Readers acquire what writers released. */
void crewi_element_load(const void *element, size_t size, void *value);
void crewi_element_store(void *element, size_t size, const void *value);

/** Whether elements of that type can be added. */
bool crewi_element_can_add(crew_datatype type);

/**
 * Updates one element, with sequential consistency.
 * @param before  set to what it was
 */
void crewi_element_update(void *element, crew_datatype type, enum crewi_array_update update,
                          const struct crewi_array_operands *operands,
                          struct crewi_array_before *before);

/** Writes one element to @p count in a row. */
void crewi_elements_fill(void *elements, size_t size, uint64_t count, const void *value);

/** Whether @p count elements from @p first on are among those of an array of @p length. */
static inline bool crewi_elements_are_inside(uint64_t first, uint64_t count, uint64_t length)
{
    return first <= length && count <= length - first;
}

#endif
