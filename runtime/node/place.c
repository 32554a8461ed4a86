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

/* A memfd that is mapped. A descriptor's number may mean another one later, its inode does not. */
struct mapping {
    struct mapping *next;
    ino_t inode;
    unsigned char *memory;
    size_t size;
    unsigned users;
};

static struct mapping *mappings;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static crew_status open_place(const struct crewi_place *place, int *fd, struct stat *info)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", place->pid, place->fd);
    int opened = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return crewi_error_errno("open %s", path);
    int seals = fcntl(opened, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(opened, info) ||
        place->offset > (uint64_t)info->st_size ||
        place->size > (uint64_t)info->st_size - place->offset) {
        close(opened);
        return crewi_error(CREW_EPROTO, "%s is no shared memory of %llu bytes", path,
                           (unsigned long long)place->size);
    }
    *fd = opened;
    return CREW_OK;
}

static struct mapping *find(ino_t inode)
{
    struct mapping *mapping = mappings;
    while (mapping && mapping->inode != inode)
        mapping = mapping->next;
    return mapping;
}

static crew_status add(int fd, const struct stat *info, struct mapping **added)
{
    size_t size = (size_t)info->st_size;
    struct mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return crewi_error_memory();
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        free(mapping);
        return crewi_error_errno("map %zu bytes of shared memory", size);
    }
    *mapping =
        (struct mapping){.next = mappings, .inode = info->st_ino, .memory = memory, .size = size};
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
    struct mapping *mapping = find(info.st_ino);
    if (!mapping)
        status = add(fd, &info, &mapping);
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
