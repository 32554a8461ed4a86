/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/shared_memory.h>, and what this process has mapped. */
#include <crew/shared_memory.h>

#include "base/error.h"
#include "engine/client.h"
#include "node/job.h"
#include "shared/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A block that is mapped: closing a copy of the handle once more must not unmap what lies there by
 * then. */
struct mapping {
    struct mapping *next;
    void *memory;
    size_t size;
    uint64_t process; /* of the client: a rank may have two */
};

static struct mapping *mappings;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Unlinking closes the descriptor; its number may be another one's by then. Where the rank's
 * descriptors cannot even be looked at, nothing is known. */
static bool is_unlinked(const struct crewi_shared_memory_info *info, crew_status status)
{
    char folder[32];
    snprintf(folder, sizeof folder, "/proc/%d/fd", info->memfd.pid);
    return status == CREW_EPROTO || (errno == ENOENT && access(folder, X_OK) == 0);
}

static crew_status open_block(const struct crewi_shared_memory_info *info, int *fd)
{
    crew_status status = crewi_cookie_open(&info->memfd, O_RDWR, fd);
    if (status && is_unlinked(info, status))
        return crewi_error(CREW_ENOENT, "block \"%s\" was unlinked meanwhile", info->name);
    return status;
}

static crew_status map(const struct crewi_shared_memory_info *info, void **memory)
{
    int fd;
    struct mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return crewi_error_memory();
    crew_status status = open_block(info, &fd);
    if (status) {
        free(mapping);
        return status;
    }
    void *mapped = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        status =
            crewi_error_errno("map %llu bytes of shared memory", (unsigned long long)info->size);
        close(fd);
        free(mapping);
        return status;
    }
    close(fd);
    *mapping = (struct mapping){.memory = mapped,
                                .size = info->size,
                                .process = crewi_client_current()->identity.process.id};
    pthread_mutex_lock(&mutex);
    mapping->next = mappings;
    mappings = mapping;
    pthread_mutex_unlock(&mutex);
    *memory = mapped;
    return CREW_OK;
}

static void unmap(struct mapping **link)
{
    struct mapping *mapping = *link;
    *link = mapping->next;
    munmap(mapping->memory, mapping->size);
    free(mapping);
}

void crewi_shared_memory_drop(uint64_t process)
{
    pthread_mutex_lock(&mutex);
    for (struct mapping **link = &mappings; *link;)
        if ((*link)->process == process)
            unmap(link);
        else
            link = &(*link)->next;
    pthread_mutex_unlock(&mutex);
}

/* Asking */

static uint32_t keeper_of_names(void)
{
    int32_t memory = crewi_job->ranks[crewi_job->rank].memory_index;
    uint32_t rank = 0;
    while (crewi_job->ranks[rank].memory_index != memory)
        rank++;
    return rank;
}

static crew_status check_name(const char *call, const char *name)
{
    if (!name || !*name)
        return crewi_error(CREW_EINVAL, "%s: the name is %s", call, name ? "empty" : "NULL");
    if (strlen(name) >= CREW_NAME_SIZE)
        return crewi_error(CREW_EINVAL,
                           "%s: the name \"%.20s...\" has %zu characters, more than %d", call, name,
                           strlen(name), CREW_NAME_SIZE - 1);
    return CREW_OK;
}

/* info is NULL where nothing is answered. */
static crew_status ask(enum crewi_shared_memory_op op, const char *name, int64_t size,
                       struct crewi_shared_memory_info *info)
{
    struct crewi_shared_memory_spec spec = {.size = (uint64_t)size};
    if (name)
        memcpy(spec.name, name, strlen(name) + 1);
    struct crewi_call call = {.kind = CREWI_KIND_ARRAY,
                              .op = (uint8_t)op,
                              .rank = keeper_of_names(),
                              .head = &spec,
                              .head_size = sizeof spec};
    return info ? crewi_call_fixed(&call, info, sizeof *info) : crewi_call(&call, NULL);
}

static crew_status get_block(enum crewi_shared_memory_op op, const char *name, int64_t size,
                             crew_shared_memory *block)
{
    struct crewi_shared_memory_info info;
    void *memory;
    crew_status status = ask(op, name, size, &info);
    if (!status)
        status = map(&info, &memory);
    if (status)
        return status;
    *block = (crew_shared_memory){.data = memory, .size = info.size};
    memcpy(block->name, info.name, sizeof block->name);
    return CREW_OK;
}

static crew_status check_call(const char *call, const void *block)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    return block ? CREW_OK : crewi_error(CREW_EINVAL, "%s: block is NULL", call);
}

crew_status crew_shared_memory_create(crew_shared_memory *block, const char *name, int64_t size)
{
    static const char call[] = "crew_shared_memory_create";
    crew_status status = check_call(call, block);
    if (!status && name)
        status = check_name(call, name);
    if (!status && size <= 0)
        status = crewi_error(CREW_EINVAL, "%s: a size of %lld bytes", call, (long long)size);
    return status ? status : get_block(CREWI_SHARED_MEMORY_CREATE, name, size, block);
}

crew_status crew_shared_memory_attach(crew_shared_memory *block, const char *name)
{
    static const char call[] = "crew_shared_memory_attach";
    crew_status status = check_call(call, block);
    if (!status)
        status = check_name(call, name);
    return status ? status : get_block(CREWI_SHARED_MEMORY_ATTACH, name, 0, block);
}

crew_status crew_shared_memory_close(crew_shared_memory *block)
{
    crew_status status = check_call("crew_shared_memory_close", block);
    if (status)
        return status;
    pthread_mutex_lock(&mutex);
    struct mapping **link = &mappings;
    while (*link && (*link)->memory != block->data)
        link = &(*link)->next;
    if (*link)
        unmap(link);
    pthread_mutex_unlock(&mutex);
    block->data = NULL;
    return CREW_OK;
}

crew_status crew_shared_memory_unlink(const char *name)
{
    static const char call[] = "crew_shared_memory_unlink";
    crew_status status = check_call(call, call);
    if (!status)
        status = check_name(call, name);
    return status ? status : ask(CREWI_SHARED_MEMORY_UNLINK, name, 0, NULL);
}
