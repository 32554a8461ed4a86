/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Memory for large pieces: from malloc(), for free(), and in huge pages where the kernel has some.
 * To fault in a piece page by page may take longer than to copy it.
 */
#ifndef CREWI_NODE_MEMORY_H
#define CREWI_NODE_MEMORY_H

#include <stddef.h>

/** As malloc(). */
void *crewi_memory_alloc(size_t size);

/** As realloc(). */
void *crewi_memory_grow(void *memory, size_t size);

#endif
