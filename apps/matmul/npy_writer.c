/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_private.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Elements converted at a time: the buffer is on the stack. */
#define CONVERTED 1024

/* Why a file cannot take the place of what has that name, or NULL: a file can, or nothing has. */
static const char *objection(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return NULL;
    return S_ISDIR(status.st_mode) ? strerror(EISDIR)
                                   : "the name is taken by something that is not a regular file";
}

/* Finds out what the file will be called, behind all symbolic links, and who may read it. */
static int resolve_target(struct npy_writer *writer, const char *path, struct npy_error *error)
{
    char *resolved = NULL;
    struct stat status;
    int code = crewi_path_resolve(path, &resolved);
    const char *folder_end = strrchr(path, '/');
    if (code == ENOENT && folder_end != NULL)
        return npy_fail(error, "%s: cannot write the matrix: the folder %.*s: %s.",
                        npy_short_path(path), (int)(folder_end - path) + 1, path, strerror(code));
    const char *reason = code != 0 ? crewi_path_reason(code) : objection(resolved);
    if (reason != NULL) {
        free(resolved);
        return npy_fail(error, "%s: cannot write the matrix: %s.", npy_short_path(path), reason);
    }
    writer->replaces = stat(resolved, &status) == 0;
    if (writer->replaces) {
        writer->mode = status.st_mode & 0777;
        writer->owner = status.st_uid;
        writer->group = status.st_gid;
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
        return npy_fail_write(writer, ENOMEM, error);
    writer->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;
    if (writer->folder_fd < 0)
        result = npy_fail(error, "%s: cannot write the matrix: the folder %s: %s.",
                          npy_short_path(writer->path), npy_short_path(folder), strerror(errno));
    free(folder);
    return result;
}

/* Tries for a file without a name; one that could not get a name later (no /proc) is of no use. */
static int open_nameless(struct npy_writer *writer)
{
    char link[NPY_LINK_NAME_MAX];
    int fd = openat(writer->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, npy_first_mode(writer));
    if (fd < 0)
        return -1;
    npy_link_name(fd, link);
    if (faccessat(AT_FDCWD, link, F_OK, 0) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_file(struct npy_writer *writer, struct npy_error *error)
{
    writer->fd = open_nameless(writer);
    if (writer->fd < 0)
        writer->fd = npy_create_hidden(writer);
    if (writer->fd < 0)
        return npy_fail_write(writer, errno, error);
    npy_keep_permissions(writer, writer->fd);
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
    if (npy_write_at(writer->fd, header, writer->header_size, 0) != 0)
        return npy_fail_write(writer, errno, error);
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
        if (npy_write_at(writer->fd, converted, now * sizeof converted[0], offset) != 0)
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
    return npy_write_at(writer->fd, from, count * sizeof *from, offset);
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
            return npy_fail_write(writer, errno, error);
    }
    return 0;
}
