/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Memory for large pieces: from malloc(), for free(), and in huge pages where the kernel has some.
 * To fault in a piece page by page may take longer than to copy it.
 *
 * And memory that is shared with children and other ranks: memfds, whose size nobody can change
 * once it is set. A child that made one shorter would end its rank with a SIGBUS.
 */
#ifndef CREWI_NODE_MEMORY_H
#define CREWI_NODE_MEMORY_H

#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>

/** As malloc(). */
void *crewi_memory_alloc(size_t size);

/** As realloc(). */
void *crewi_memory_grow(void *memory, size_t size);

/** A memfd of @p size bytes, for good; 0: none yet. ::CREW_ESYSTEM */
crew_status crewi_memfd_create(const char *name, uint64_t size, int *fd);

/** Sets the size of one that has none yet, for good. ::CREW_ESYSTEM */
crew_status crewi_memfd_set_size(int fd, uint64_t size);

#endif
