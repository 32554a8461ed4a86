/* SPDX-License-Identifier: BSD-3-Clause */
/* The side of those who use blocks of an arena: what they have mapped. */
#include "node/arena.h"

#include "base/error.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger ones are unmapped with their last user; a segment of small ones is kept. */
#define KEPT_SIZE 262144

/* A memfd that is mapped. */
struct mapping {
    struct mapping *next;
    uint64_t cookie;
    unsigned char *memory;
    size_t size;
    unsigned users;
};

static struct mapping *mappings;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static crew_status open_place(const struct crewi_place *place, int *fd, struct stat *info)
{
    int opened;
    crew_status status = crewi_cookie_open(&place->memfd, O_RDWR, &opened);
    if (status)
        return status;
    int seals = fcntl(opened, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(opened, info) ||
        place->offset > (uint64_t)info->st_size ||
        place->size > (uint64_t)info->st_size - place->offset) {
        close(opened);
        return crewi_error(CREW_EPROTO, "descriptor %d of process %d is no block of %llu bytes",
                           place->memfd.fd, place->memfd.pid, (unsigned long long)place->size);
    }
    *fd = opened;
    return CREW_OK;
}

static struct mapping *find(uint64_t cookie)
{
    struct mapping *mapping = mappings;
    while (mapping && mapping->cookie != cookie)
        mapping = mapping->next;
    return mapping;
}

static crew_status add(int fd, uint64_t cookie, size_t size, struct mapping **added)
{
    struct mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return crewi_error_memory();
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        free(mapping);
        return crewi_error_errno("map %zu bytes of shared memory", size);
    }
    *mapping = (struct mapping){.next = mappings, .cookie = cookie, .memory = memory, .size = size};
    *added = mappings = mapping;
    return CREW_OK;
}

crew_status crewi_place_map(const struct crewi_place *place, void **memory)
{
    int fd;
    struct stat info;
    crew_status status = open_place(place, &fd, &info);
    if (status)
        return status;
    pthread_mutex_lock(&mutex);
    struct mapping *mapping = find(place->memfd.cookie);
    if (!mapping)
        status = add(fd, place->memfd.cookie, (size_t)info.st_size, &mapping);
    if (!status) {
        mapping->users++;
        *memory = mapping->memory + place->offset;
    }
    pthread_mutex_unlock(&mutex);
    close(fd);
    return status;
}

static void drop(struct mapping **link)
{
    struct mapping *mapping = *link;
    *link = mapping->next;
    munmap(mapping->memory, mapping->size);
    free(mapping);
}

void crewi_place_unmap(void *memory)
{
    if (!memory)
        return;
    pthread_mutex_lock(&mutex);
    for (struct mapping **link = &mappings; *link; link = &(*link)->next) {
        struct mapping *mapping = *link;
        if ((unsigned char *)memory < mapping->memory ||
            (unsigned char *)memory >= mapping->memory + mapping->size)
            continue;
        if (--mapping->users == 0 && mapping->size > KEPT_SIZE)
            drop(link);
        break;
    }
    pthread_mutex_unlock(&mutex);
}

void crewi_places_fini(void)
{
    pthread_mutex_lock(&mutex);
    while (mappings)
        drop(&mappings);
    pthread_mutex_unlock(&mutex);
}
