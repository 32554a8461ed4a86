/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_open(const char *path, int code, struct npy_error *error)
{
    return npy_fail(error, "%s: cannot open the matrix: %s.", npy_short_path(path), strerror(code));
}

/* Maps the file and notes its size and time; the descriptor is not needed any more then. */
static int map_file(struct npy_matrix *matrix, const char *path, struct npy_error *error)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO is to be refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_open(path, errno, error);
    int code = fstat(fd, &status) != 0 ? errno : 0;
    if (code == 0 && S_ISDIR(status.st_mode))
        code = EISDIR;
    if (code != 0) {
        fail_open(path, code, error);
        goto fail_close;
    }
    if (!S_ISREG(status.st_mode)) {
        npy_fail(error, "%s: cannot open the matrix: not a regular file.", npy_short_path(path));
        goto fail_close;
    }
    if (status.st_size == 0) {
        npy_fail(error, "%s: not a .npy file: it is empty.", npy_short_path(path));
        goto fail_close;
    }
    matrix->mapping_size = (size_t)status.st_size;
    matrix->mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    matrix->mapping = mmap(NULL, matrix->mapping_size, PROT_READ, MAP_SHARED, fd, 0);
    if (matrix->mapping == MAP_FAILED) {
        npy_fail(error, "%s: cannot map the %zu bytes of the matrix: %s.", npy_short_path(path),
                 matrix->mapping_size, strerror(errno));
        goto fail_close;
    }
    close(fd);
    return 0;

fail_close:
    close(fd);
    return -1;
}

static int check_size(const struct npy_matrix *matrix, const char *path, struct npy_error *error)
{
    size_t expected = 0;
    size_t found = matrix->mapping_size - matrix->header_size;
    /* The header was accepted, so the size does not overflow. */
    npy_layout_size(&matrix->layout, &expected);
    if (found >= expected)
        return 0;
    return npy_fail(
        error, "%s: the elements are truncated: expected %zu bytes for %zu x %zu %s, found %zu.",
        npy_short_path(path), expected, matrix->layout.rows, matrix->layout.cols,
        npy_dtype_name(matrix->layout.dtype), found);
}

int npy_open(struct npy_matrix *matrix, const char *path, struct npy_error *error)
{
    struct npy_matrix opened = {0};
    struct npy_header header;
    if (map_file(&opened, path, error) != 0)
        return -1;
    struct npy_bytes bytes = {.path = path, .data = opened.mapping, .size = opened.mapping_size};
    if (npy_header_parse(&bytes, &header, error) != 0)
        goto fail_unmap;
    opened.layout = header.layout;
    opened.header_size = header.size;
    opened.data = bytes.data + header.size;
    if (check_size(&opened, path, error) != 0)
        goto fail_unmap;
    *matrix = opened;
    return 0;

fail_unmap:
    npy_close(&opened);
    return -1;
}

void npy_wrap(struct npy_matrix *matrix, const struct npy_layout *layout, const void *data)
{
    *matrix = (struct npy_matrix){.layout = *layout, .data = data};
}

void npy_close(struct npy_matrix *matrix)
{
    int saved = errno;
    if (matrix->mapping != NULL)
        munmap(matrix->mapping, matrix->mapping_size);
    *matrix = (struct npy_matrix){0};
    errno = saved;
}
