/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/parcel.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static crew_status fill(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return crewi_error_errno("%zu bytes for a large argument", size);
        data += written;
        size -= (size_t)written;
    }
    return fcntl(fd, F_ADD_SEALS, SEALS) ? crewi_error_errno("seal a large argument") : CREW_OK;
}

crew_status crewi_parcel_create(struct crewi_parcel *parcel, const void *data, size_t size)
{
    int fd = memfd_create("crew-argument", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return crewi_error_errno("memfd_create for a large argument");
    crew_status status = fill(fd, data, size);
    if (status)
        close(fd);
    else
        *parcel = (struct crewi_parcel){.size = size, .pid = (int32_t)getpid(), .fd = fd};
    return status;
}

static crew_status open_parcel(const struct crewi_parcel *parcel, int *fd)
{
    char path[64];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", parcel->pid, parcel->fd);
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return crewi_error_errno("open %s", path);
    int seals = fcntl(opened, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(opened, &info) ||
        (uint64_t)info.st_size != parcel->size) {
        close(opened);
        return crewi_error(CREW_EPROTO, "%s is no argument of %llu bytes", path,
                           (unsigned long long)parcel->size);
    }
    *fd = opened;
    return CREW_OK;
}

crew_status crewi_parcel_take(struct crewi_parcel *parcel)
{
    int fd;
    crew_status status = open_parcel(parcel, &fd);
    if (!status) {
        parcel->pid = (int32_t)getpid();
        parcel->fd = fd;
    }
    return status;
}

crew_status crewi_parcel_map(const struct crewi_parcel *parcel, void **memory)
{
    int fd;
    crew_status status = open_parcel(parcel, &fd);
    if (status)
        return status;
    void *mapped = mmap(NULL, parcel->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        status =
            crewi_error_errno("map an argument of %llu bytes", (unsigned long long)parcel->size);
    else
        *memory = mapped;
    close(fd);
    return status;
}

void crewi_parcel_close(struct crewi_parcel *parcel)
{
    if (parcel->size)
        close(parcel->fd);
    *parcel = (struct crewi_parcel){0};
}
