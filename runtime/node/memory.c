/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/memory.h"

#include "base/descriptor.h"
#include "base/error.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

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

crew_status crewi_memfd_set_size(int fd, uint64_t size)
{
    if (ftruncate(fd, (off_t)size) || fcntl(fd, F_ADD_SEALS, SIZE_SEALS))
        return crewi_error_errno("%llu bytes of shared memory", (unsigned long long)size);
    return CREW_OK;
}

crew_status crewi_memfd_create(const char *name, uint64_t size, int *fd)
{
    int made = crewi_descriptor_create_memory(name, MFD_ALLOW_SEALING);
    if (made < 0)
        return crewi_error_errno("memfd_create for %s", name);
    crew_status status = size ? crewi_memfd_set_size(made, size) : CREW_OK;
    if (status)
        close(made);
    else
        *fd = made;
    return status;
}
