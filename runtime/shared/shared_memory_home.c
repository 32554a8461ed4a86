/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry of blocks of a host. */
#include "shared/shared_memory.h"

#include "base/error.h"
#include "node/job.h"
#include "node/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A block that has its name. */
struct block {
    struct block *next;
    struct crewi_shared_memory_info info;
};

/* There is none of these while there is no block. */
struct registry {
    struct block *blocks;
    uint64_t last_name; /* that was made up */
};

static struct registry *registry_of(const struct crewi_engine *engine)
{
    return engine->states[CREWI_KIND_ARRAY];
}

/* Where the block of that name is linked in, or the end of the list. */
static struct block **find(struct registry *registry, const char *name)
{
    struct block **link = &registry->blocks;
    while (*link && strcmp((*link)->info.name, name) != 0)
        link = &(*link)->next;
    return link;
}

/* Nobody can make it shorter under those who have it mapped. */
static crew_status create_memory(uint64_t size, struct crewi_shared_memory_info *info)
{
    char memfd_name[CREWI_COOKIE_NAME];
    uint64_t cookie = crewi_cookie_new();
    crewi_cookie_name(memfd_name, "crew-shared-memory", cookie);
    int fd;
    crew_status status = crewi_memfd_create(memfd_name, size, &fd);
    if (status)
        return status;
    info->size = size;
    info->memfd = (struct crewi_memfd_place){.cookie = cookie, .pid = (int32_t)getpid(), .fd = fd};
    return CREW_OK;
}

static void make_name(struct registry *registry, char *name, size_t size)
{
    do
        snprintf(name, size, "block-%llu", (unsigned long long)++registry->last_name);
    while (*find(registry, name));
}

/* It is the first one then. */
static crew_status create(struct registry *registry, const struct crewi_shared_memory_spec *spec)
{
    if (*spec->name && *find(registry, spec->name))
        return crewi_error(CREW_EEXIST, "there is a block of shared memory \"%s\" already",
                           spec->name);
    struct block *block = calloc(1, sizeof *block);
    if (!block)
        return crewi_error_memory();
    crew_status status = create_memory(spec->size, &block->info);
    if (status) {
        free(block);
        return status;
    }
    memcpy(block->info.name, spec->name, sizeof block->info.name);
    if (!*block->info.name)
        make_name(registry, block->info.name, sizeof block->info.name);
    block->next = registry->blocks;
    registry->blocks = block;
    return CREW_OK;
}

static void forget(struct block **link)
{
    struct block *block = *link;
    *link = block->next;
    close(block->info.memfd.fd);
    free(block);
}

static bool is_sound(const struct crewi_engine *engine, const struct crewi_message *message,
                     const struct crewi_shared_memory_spec *spec)
{
    bool creates = message->op == CREWI_SHARED_MEMORY_CREATE;
    return message->size == sizeof *spec && memchr(spec->name, '\0', sizeof spec->name) &&
           (creates ? spec->size > 0 && spec->size <= INT64_MAX : *spec->name != '\0') &&
           crewi_job->ranks[message->origin.rank].memory_index ==
               crewi_job->ranks[engine->rank].memory_index;
}

static struct registry *get_registry(struct crewi_engine *engine)
{
    if (!engine->states[CREWI_KIND_ARRAY])
        engine->states[CREWI_KIND_ARRAY] = calloc(1, sizeof(struct registry));
    return registry_of(engine);
}

static crew_status create_or_find(struct registry *registry, const struct crewi_engine *engine,
                                  const struct crewi_message *message, struct block ***link)
{
    const struct crewi_shared_memory_spec *spec = message->data;
    if (!registry)
        return crewi_error_memory();
    if (message->op == CREWI_SHARED_MEMORY_CREATE) {
        *link = &registry->blocks;
        return create(registry, spec);
    }
    *link = find(registry, spec->name);
    if (**link)
        return CREW_OK;
    return crewi_error(CREW_ENOENT, "there is no block of shared memory \"%s\" on host %s",
                       spec->name, crewi_job->ranks[engine->rank].host);
}

void crewi_shared_memory_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct block **link = NULL;
    if (!is_sound(engine, message, message->data)) {
        crewi_engine_refuse_malformed(
            engine, message,
            "the name and the size of a block of shared memory of the same host, %zu bytes",
            sizeof(struct crewi_shared_memory_spec));
        return;
    }
    crew_status status = create_or_find(get_registry(engine), engine, message, &link);
    if (status) {
        crewi_engine_refuse_error(engine, &message->origin, status);
    } else if (message->op == CREWI_SHARED_MEMORY_UNLINK) {
        forget(link);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    } else {
        crewi_engine_reply(engine, &message->origin, &(*link)->info, sizeof(*link)->info);
    }
}

void crewi_shared_memory_fini(struct crewi_engine *engine)
{
    struct registry *registry = registry_of(engine);
    struct block *next;
    for (struct block *block = registry ? registry->blocks : NULL; block; block = next) {
        next = block->next;
        close(block->info.memfd.fd);
        free(block);
    }
    free(registry);
    engine->states[CREWI_KIND_ARRAY] = NULL;
}
