/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Elements converted at a time: the buffer is on the stack. */
#define CONVERTED 1024

static int fail_write(const struct npy_writer *writer, int code, struct npy_error *error)
{
    return npy_fail(error, "%s: cannot write the matrix: %s.", npy_short_path(writer->path),
                    strerror(code));
}

/* Why a file cannot take the place of what has that name, or NULL: a file can, or nothing has. */
static const char *objection(const char *path)
{
    struct stat status;
    if (path[0] != '\0' && path[strlen(path) - 1] == '/')
        return strerror(EISDIR);
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return NULL;
    return S_ISDIR(status.st_mode) ? strerror(EISDIR)
                                   : "the name is taken by something that is not a regular file";
}

/* Finds out what the file will be called, behind all symbolic links. */
static int resolve_target(struct npy_writer *writer, const char *path, struct npy_error *error)
{
    char *resolved = realpath(path, NULL);
    if (resolved == NULL && errno == ENOENT && path[0] != '\0')
        resolved = strdup(path);
    const char *reason = resolved == NULL ? strerror(errno) : objection(resolved);
    if (resolved == NULL || reason != NULL) {
        free(resolved);
        return npy_fail(error, "%s: cannot write the matrix: %s.", npy_short_path(path), reason);
    }
    char *slash = strrchr(resolved, '/');
    writer->path = resolved;
    writer->name = slash == NULL ? resolved : slash + 1;
    return 0;
}

/*
 * Opens the folder once: the file ends up in it even if the process, or the folder, has moved by
 * then.
 */
static int open_folder(struct npy_writer *writer, struct npy_error *error)
{
    size_t length = (size_t)(writer->name - writer->path);
    char *folder = length == 0 ? strdup(".") : strndup(writer->path, length);
    if (folder == NULL)
        return fail_write(writer, ENOMEM, error);
    writer->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;
    if (writer->folder_fd < 0)
        result = npy_fail(error, "%s: cannot write the matrix: the folder %s: %s.",
                          npy_short_path(writer->path), npy_short_path(folder), strerror(errno));
    free(folder);
    return result;
}

/* The name by which a file without a name can be linked. */
static void link_name(int fd, char name[32])
{
    snprintf(name, 32, "/proc/self/fd/%d", fd);
}

/* Tries for a file without a name; one that could not get a name later (no /proc) is of no use. */
static int open_nameless(struct npy_writer *writer)
{
    char link[32];
    int fd = openat(writer->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    link_name(fd, link);
    if (faccessat(AT_FDCWD, link, F_OK, 0) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/*
 * Takes a free hidden name by calling `take` until it does not find it taken. Not derived from the
 * target's name, which may be as long as names can be. Processes of other nodes may have the same
 * id: what counts is that names are only ever taken, never replaced.
 */
static int take_hidden_name(struct npy_writer *writer,
                            int (*take)(const struct npy_writer *writer, const char *name))
{
    char name[sizeof writer->temporary] = "";
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        snprintf(name, sizeof name, ".matmul-%ld-%u.npy.tmp", (long)getpid(), attempt);
        int result = take(writer, name);
        if (result >= 0) {
            memcpy(writer->temporary, name, sizeof name);
            return result;
        }
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

static int create_hidden(const struct npy_writer *writer, const char *name)
{
    return openat(writer->folder_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
}

static int link_hidden(const struct npy_writer *writer, const char *name)
{
    char link[32];
    link_name(writer->fd, link);
    return linkat(AT_FDCWD, link, writer->folder_fd, name, AT_SYMLINK_FOLLOW);
}

static int open_file(struct npy_writer *writer, struct npy_error *error)
{
    writer->fd = open_nameless(writer);
    if (writer->fd < 0)
        writer->fd = take_hidden_name(writer, create_hidden);
    return writer->fd < 0 ? fail_write(writer, errno, error) : 0;
}

/* Writes all of it, however many calls that takes. */
static int write_at(const struct npy_writer *writer, const void *data, size_t size, size_t offset)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = pwrite(writer->fd, at, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return -1;
        }
        at += written;
        offset += (size_t)written;
        size -= (size_t)written;
    }
    return 0;
}

/*
 * Gives the file its size and the disk blocks for it. fallocate() and not posix_fallocate(): where
 * the file system cannot reserve, glibc's emulation would write every block of the file.
 */
static int reserve(const struct npy_writer *writer, size_t size)
{
    int result;
    do
        result = fallocate(writer->fd, 0, 0, (off_t)size);
    while (result != 0 && errno == EINTR);
    if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        result = ftruncate(writer->fd, (off_t)size);
    return result;
}

static int write_start(struct npy_writer *writer, struct npy_error *error)
{
    char header[NPY_HEADER_MAX];
    size_t size = 0;
    if (npy_layout_size(&writer->layout, &size) != 0 || size > (size_t)INT64_MAX - sizeof header)
        return npy_fail(
            error, "%s: cannot write the matrix: %zu x %zu elements are more than a file can have.",
            npy_short_path(writer->path), writer->layout.rows, writer->layout.cols);
    writer->header_size = npy_header_format(&writer->layout, header);
    if (reserve(writer, writer->header_size + size) != 0)
        return npy_fail(error, "%s: cannot reserve %zu bytes for the matrix: %s.",
                        npy_short_path(writer->path), writer->header_size + size, strerror(errno));
    if (write_at(writer, header, writer->header_size, 0) != 0)
        return fail_write(writer, errno, error);
    return 0;
}

int npy_writer_create(struct npy_writer *writer, const char *path, const struct npy_layout *layout,
                      struct npy_error *error)
{
    struct npy_writer created = {.layout = *layout, .fd = -1, .folder_fd = -1};
    if (layout->fortran)
        return npy_fail(error, "%s: cannot write the matrix: files are written in C order only.",
                        npy_short_path(path));
    if (resolve_target(&created, path, error) != 0)
        return -1;
    if (open_folder(&created, error) != 0)
        goto fail_abort;
    if (open_file(&created, error) != 0)
        goto fail_abort;
    if (write_start(&created, error) != 0)
        goto fail_abort;
    *writer = created;
    return 0;

fail_abort:
    npy_writer_abort(&created);
    return -1;
}

static int write_converted(const struct npy_writer *writer, const double *from, size_t count,
                           size_t offset)
{
    float converted[CONVERTED];
    while (count > 0) {
        size_t now = count < CONVERTED ? count : CONVERTED;
        for (size_t i = 0; i < now; i++)
            converted[i] = (float)from[i];
        if (write_at(writer, converted, now * sizeof converted[0], offset) != 0)
            return -1;
        from += now;
        count -= now;
        offset += now * sizeof converted[0];
    }
    return 0;
}

static int write_run(const struct npy_writer *writer, const double *from, size_t count,
                     size_t element)
{
    size_t offset = writer->header_size + element * npy_dtype_size(writer->layout.dtype);
    if (writer->layout.dtype == NPY_FLOAT32)
        return write_converted(writer, from, count, offset);
    return write_at(writer, from, count * sizeof *from, offset);
}

int npy_writer_put(struct npy_writer *writer, const struct npy_block *where, const double *tile,
                   size_t stride, struct npy_error *error)
{
    const struct npy_layout *layout = &writer->layout;
    if (where->row_begin > where->row_end || where->row_end > layout->rows ||
        where->col_begin > where->col_end || where->col_end > layout->cols)
        return npy_fail(
            error, "%s: a tile of rows %zu to %zu, columns %zu to %zu is not inside %zu x %zu.",
            npy_short_path(writer->path), where->row_begin, where->row_end, where->col_begin,
            where->col_end, layout->rows, layout->cols);
    size_t rows = where->row_end - where->row_begin;
    size_t run = where->col_end - where->col_begin;
    if (rows == 0 || run == 0)
        return 0;
    /* Whole rows that follow each other in memory do so in the file. */
    if (run == layout->cols && run == stride) {
        run *= rows;
        rows = 1;
    }
    for (size_t row = 0; row < rows; row++) {
        size_t element = (where->row_begin + row) * layout->cols + where->col_begin;
        if (write_run(writer, tile + row * stride, run, element) != 0)
            return fail_write(writer, errno, error);
    }
    return 0;
}

/*
 * A file without a name takes the target's at once if that is free. Only rename() can replace a
 * file, and it needs a name to come from.
 */
static int take_name(struct npy_writer *writer)
{
    if (writer->temporary[0] == '\0') {
        if (link_hidden(writer, writer->name) == 0)
            return 0;
        if (errno != EEXIST || take_hidden_name(writer, link_hidden) < 0)
            return -1;
    }
    if (renameat(writer->folder_fd, writer->temporary, writer->folder_fd, writer->name) != 0)
        return -1;
    writer->temporary[0] = '\0';
    return 0;
}

int npy_writer_commit(struct npy_writer *writer, struct npy_error *error)
{
    int result = 0;
    if (fsync(writer->fd) != 0 || take_name(writer) != 0)
        result = fail_write(writer, errno, error);
    else
        /*
         * The file is complete under its name. Some file systems cannot sync folders; no reason to
         * call it failed.
         */
        (void)fsync(writer->folder_fd);
    npy_writer_abort(writer);
    return result;
}

void npy_writer_abort(struct npy_writer *writer)
{
    int saved = errno;
    if (writer->temporary[0] != '\0')
        unlinkat(writer->folder_fd, writer->temporary, 0);
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->folder_fd >= 0)
        close(writer->folder_fd);
    free(writer->path);
    *writer = (struct npy_writer){.fd = -1, .folder_fd = -1};
    errno = saved;
}
