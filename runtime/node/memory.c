/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two huge pages of x86: of less, not one may lie inside. malloc() maps such pieces by themselves,
 * so the advice is about nothing else. */
#define LARGE_SIZE ((size_t)4 << 20)

static void *advise(void *memory, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!memory || size < LARGE_SIZE)
        return memory;
    uintptr_t begin = ((uintptr_t)memory + page - 1) / page * page,
              end = ((uintptr_t)memory + size) / page * page;
    madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* it does without as well */
    return memory;
}

void *crewi_memory_alloc(size_t size)
{
    return advise(malloc(size), size);
}

void *crewi_memory_grow(void *memory, size_t size)
{
    return advise(realloc(memory, size), size);
}
