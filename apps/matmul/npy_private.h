/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the sources of the `.npy` library share: the making of error sentences, the header in both
 * directions (which touches no file, so that headers can be tested as mere bytes), and the steps of
 * writing a file.
 */
#ifndef MATMUL_NPY_PRIVATE_H
#define MATMUL_NPY_PRIVATE_H

#include "npy.h"

#include <sys/types.h>

/** A header as found: its layout, and where the elements begin. */
struct npy_header {
    struct npy_layout layout;
    size_t size; /**< Bytes before the first element, magic and version included. */
};

/** Bytes to be parsed. `path` is for messages only. */
struct npy_bytes {
    const char *path;
    const char *data;
    size_t size;
};

/**
 * Bytes of the headers that npy_header_format() makes: two extents of 20 digits fit into two times
 * 64.
 */
#define NPY_HEADER_MAX 128

/**
 * Sets `error` to the sentence and returns -1. Control characters, which a name or a damaged header
 * may hold, become `?`. Keeps errno.
 */
int npy_fail(struct npy_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The end of a path that is too long for a message, or all of it. */
const char *npy_short_path(const char *path);

/**
 * Finds the bytes of all elements, with 0 for a matrix without any.
 * @return 0, or -1 if they are more than a file can have; the outputs are set on success only.
 */
int npy_layout_size(const struct npy_layout *layout, size_t *size);

/**
 * Understands the beginning of a file. Never looks behind `bytes->size`.
 * @return 0, or -1 with `error` set; `header` is set on success only.
 */
int npy_header_parse(const struct npy_bytes *bytes, struct npy_header *header,
                     struct npy_error *error);

/**
 * Writes the version 1.0 header of a C order file into `out`, byte by byte as NumPy does, and
 * returns its size.
 */
size_t npy_header_format(const struct npy_layout *layout, char out[NPY_HEADER_MAX]);

/** Says that the file cannot be written, and why: an errno value. Returns -1. */
int npy_fail_write(const struct npy_writer *writer, int code, struct npy_error *error);

/** Room for the name by which a descriptor's file can be linked. */
#define NPY_LINK_NAME_MAX 32
void npy_link_name(int fd, char name[NPY_LINK_NAME_MAX]);

/** Room for the path of a file that could not have its name. */
#define NPY_SAVED_MAX 8192

/** With which mode a file is created: for its owner alone where it will have that of another. */
mode_t npy_first_mode(const struct npy_writer *writer);

/** Gives a file the permissions of the one that it will replace; and owner and group, where this
 * user may. */
void npy_keep_permissions(const struct npy_writer *writer, int fd);

/** Creates a file under a hidden name in the folder. Returns its descriptor, or -1 with errno. */
int npy_create_hidden(struct npy_writer *writer);

/** Writes all of it, however many calls that takes. 0, or -1 with errno. */
int npy_write_at(int fd, const void *data, size_t size, size_t offset);

#endif
