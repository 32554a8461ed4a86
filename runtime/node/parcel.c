/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/parcel.h"

#include "base/descriptor.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Small pieces are collected. */
#define BUFFER_SIZE ((size_t)65536)

struct writer {
    int fd;
    uint64_t cookie;
    size_t written, buffered;
    unsigned char buffer[BUFFER_SIZE];
};

static crew_status write_all(struct writer *writer, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(writer->fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return crewi_error_errno("%zu bytes for a parcel", size);
        data += written;
        size -= (size_t)written;
        writer->written += (size_t)written;
    }
    return CREW_OK;
}

static crew_status flush(struct writer *writer)
{
    size_t size = writer->buffered;
    writer->buffered = 0;
    return write_all(writer, writer->buffer, size);
}

/* With no data: zeros. */
static crew_status add(struct writer *writer, const void *data, size_t size)
{
    crew_status status = size > BUFFER_SIZE - writer->buffered ? flush(writer) : CREW_OK;
    if (status || size == 0)
        return status;
    if (size > BUFFER_SIZE)
        return write_all(writer, data, size);
    if (data)
        memcpy(writer->buffer + writer->buffered, data, size);
    else
        memset(writer->buffer + writer->buffered, 0, size);
    writer->buffered += size;
    return CREW_OK;
}

static crew_status fill(struct writer *writer, const struct iovec *pieces, size_t count,
                        size_t alignment)
{
    crew_status status = CREW_OK;
    for (size_t i = 0; i < count && !status; i++) {
        size_t over = pieces[i].iov_len % alignment;
        status = add(writer, pieces[i].iov_base, pieces[i].iov_len);
        if (!status && over)
            status = add(writer, NULL, alignment - over);
    }
    if (!status)
        status = flush(writer);
    if (!status && fcntl(writer->fd, F_ADD_SEALS, SEALS))
        status = crewi_error_errno("seal a parcel");
    return status;
}

static crew_status create(struct crewi_parcel *parcel, const struct iovec *pieces, size_t count,
                          size_t alignment)
{
    struct writer *writer = malloc(sizeof *writer);
    if (!writer)
        return crewi_error_memory();
    writer->written = writer->buffered = 0;
    char name[CREWI_COOKIE_NAME];
    writer->cookie = crewi_cookie_new();
    crewi_cookie_name(name, "crew-argument", writer->cookie);
    writer->fd = crewi_descriptor_create_memory(name, MFD_ALLOW_SEALING);
    crew_status status = writer->fd < 0 ? crewi_error_errno("memfd_create for a parcel")
                                        : fill(writer, pieces, count, alignment);
    if (!status)
        *parcel = (struct crewi_parcel){
            .size = writer->written,
            .memfd = {.cookie = writer->cookie, .pid = (int32_t)getpid(), .fd = writer->fd}};
    else if (writer->fd >= 0)
        close(writer->fd);
    free(writer);
    return status;
}

crew_status crewi_parcel_create(struct crewi_parcel *parcel, const void *data, size_t size)
{
    struct iovec piece = {(void *)(uintptr_t)data, size};
    return create(parcel, &piece, 1, 1);
}

crew_status crewi_parcel_gather(struct crewi_parcel *parcel, const struct iovec *pieces,
                                size_t count)
{
    return create(parcel, pieces, count, 16);
}

static crew_status open_parcel(const struct crewi_parcel *parcel, int *fd)
{
    struct stat info;
    int opened;
    crew_status status = crewi_cookie_open(&parcel->memfd, O_RDONLY, &opened);
    if (status)
        return status;
    int seals = fcntl(opened, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(opened, &info) ||
        (uint64_t)info.st_size != parcel->size) {
        close(opened);
        return crewi_error(CREW_EPROTO, "descriptor %d of process %d is no argument of %llu bytes",
                           parcel->memfd.fd, parcel->memfd.pid, (unsigned long long)parcel->size);
    }
    *fd = opened;
    return CREW_OK;
}

crew_status crewi_parcel_take(struct crewi_parcel *parcel)
{
    int fd;
    crew_status status = open_parcel(parcel, &fd);
    if (!status) {
        parcel->memfd.pid = (int32_t)getpid();
        parcel->memfd.fd = fd;
    }
    return status;
}

static crew_status map(int fd, uint64_t size, void **memory)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        return crewi_error_errno("map an argument of %llu bytes", (unsigned long long)size);
    *memory = mapped;
    return CREW_OK;
}

crew_status crewi_parcel_map(const struct crewi_parcel *parcel, void **memory)
{
    int fd;
    crew_status status = open_parcel(parcel, &fd);
    if (status)
        return status;
    status = map(fd, parcel->size, memory);
    close(fd);
    return status;
}

crew_status crewi_parcel_map_own(const struct crewi_parcel *parcel, void **memory)
{
    return map(parcel->memfd.fd, parcel->size, memory);
}

void crewi_parcel_close(struct crewi_parcel *parcel)
{
    if (parcel->size)
        close(parcel->memfd.fd);
    *parcel = (struct crewi_parcel){0};
}
