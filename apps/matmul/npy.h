/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Matrices in NumPy's `.npy` files, read in place and written tile by tile.
 *
 * A `.npy` file is a magic string, a version, the length of a header, the header (a Python
 * dictionary that names the element type, the order and the shape), and then the bare elements. A
 * matrix is *opened* by mapping the file: what is never touched is never read, and processes of one
 * node share the pages. Elements come out through blocks: either borrowed, a pointer into the
 * mapping, where the file holds what the kernels want (C order, float64, aligned), or converted
 * into a row-major buffer of doubles. Callers ask for the first and fall back to the second.
 *
 * Read are versions 1.0, 2.0 and 3.0, C and Fortran order, little-endian float64 and float32, two
 * dimensions of any extent, 0 included. Everything else is refused with one sentence that names the
 * file, what was found and what is supported. Bytes behind the elements are ignored, as NumPy does.
 *
 * A matrix is *written* under no name (`O_TMPFILE`) or, where the file system cannot do that, under
 * a hidden temporary one in the folder of the target. Committing puts it under its name at once, in
 * place of what may have been there, with its permissions: readers see the old file or the whole
 * new one, and a killed program leaves nothing behind (the hidden name excepted). Elements are
 * written with pwrite(), never through a mapping, so that a full disk is an error and not a SIGBUS.
 *
 * Limits. A file that is cut short by somebody else while it is mapped raises SIGBUS when the lost
 * part is touched, as with every mapping. Where RLIMIT_FSIZE is set, a process that wants an error
 * and not its death ignores SIGXFSZ. The host is little-endian. Nothing here is locked: a matrix
 * may be read from several threads, a writer is for one. A mapping is inherited by fork(); a writer
 * that is inherited must be committed or aborted in one process only.
 *
 *     struct npy_error error;
 *     struct npy_matrix a;
 *     if (npy_open(&a, "a.npy", &error) != 0)
 *         return fail(error.text);
 *     struct npy_block all = {0, a.layout.rows, 0, a.layout.cols};
 *     size_t stride = 0;
 *     const double *elements = npy_borrow_block(&a, &all, &stride);
 *     if (elements == NULL) {
 *         npy_read_block(&a, &all, buffer, a.layout.cols);
 *         elements = buffer;
 *         stride = a.layout.cols;
 *     }
 *     ...
 *     npy_close(&a);
 */
#ifndef MATMUL_NPY_H
#define MATMUL_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Why a call failed: one complete sentence on one line, without a newline. The caller owns it; set
 * on failure only.
 */
struct npy_error {
    char text[512];
};

/** The type of the elements. Values are stable, for messages between nodes. */
enum npy_dtype {
    NPY_FLOAT64 = 0,
    NPY_FLOAT32 = 1,
};

/** What a file says about its elements. All-zero with a shape means float64 in C order. */
struct npy_layout {
    size_t rows;
    size_t cols;
    enum npy_dtype dtype;
    bool fortran; /**< Columns are contiguous, not rows. */
};

/**
 * A part of a matrix: rows [row_begin, row_end) and columns [col_begin, col_end), half open,
 * possibly empty.
 */
struct npy_block {
    size_t row_begin;
    size_t row_end;
    size_t col_begin;
    size_t col_end;
};

/** An open matrix. Callers read `layout` and leave the rest to the functions below. */
struct npy_matrix {
    struct npy_layout layout;
    const void *data;    /**< The first element; not always aligned for its type. */
    void *mapping;       /**< The whole file, or NULL for elements in memory. */
    size_t mapping_size; /**< Bytes: the size of the file when it was opened. */
    size_t header_size;  /**< Bytes before the first element. */
    int64_t mtime_ns;    /**< Modification time when the file was opened, ns since 1970. */
};

/**
 * Tells one version of a file from another, to find out whether two nodes opened the same one.
 * Fixed-width fields: it can be sent as it is between little-endian nodes.
 */
struct npy_identity {
    uint64_t size;     /**< Bytes. */
    int64_t mtime_ns;  /**< Modification time, ns since 1970. */
    uint64_t checksum; /**< FNV-1a over the header and samples spread over the elements. */
};

/** A file being written. Callers own the memory and look at nothing inside. */
struct npy_writer {
    struct npy_layout layout;
    size_t header_size;
    int fd;
    int folder_fd;
    char *path;         /**< The target, symbolic links resolved; owned. */
    const char *name;   /**< Its last part, inside `path`. */
    char temporary[64]; /**< The hidden name in the folder; empty while the file has none. */
    bool replaces;      /**< A file had the name; these are its: */
    mode_t mode;
    uid_t owner;
    gid_t group;
};

/** Bytes of one element. */
size_t npy_dtype_size(enum npy_dtype dtype);

/** NumPy's name of a type: "float64" or "float32". */
const char *npy_dtype_name(enum npy_dtype dtype);

/**
 * Opens the matrix in the file `path`, which is mapped and read as far as its header.
 *
 * @param matrix  set on success only; to be closed with npy_close().
 * @param error   set on failure only.
 * @return 0, or -1 with `error` set, if the file
 *     - cannot be opened (the sentence ends in errno's text) or is not a regular file,
 *     - is no `.npy` file, or has a header that is damaged or cut short,
 *     - has a version, an element type or a number of dimensions that is not supported,
 *     - has fewer elements than its shape asks for, or a shape that no file can have.
 *
 * Python: `numpy.load(path, mmap_mode="r")`.
 */
int npy_open(struct npy_matrix *matrix, const char *path, struct npy_error *error);

/**
 * Makes a matrix of elements in memory, which stay the caller's and must outlive it. npy_close() is
 * allowed, not needed.
 */
void npy_wrap(struct npy_matrix *matrix, const struct npy_layout *layout, const void *data);

/** Unmaps the file; what was borrowed from it is gone. Closing twice is fine. Keeps errno. */
void npy_close(struct npy_matrix *matrix);

/**
 * Copies a block into a row-major buffer of doubles, converting its elements where needed.
 *
 * @param block   must lie inside the matrix.
 * @param out     gets element (row_begin + i, col_begin + j) at out[i * stride + j].
 * @param stride  elements from one row of `out` to the next, at least the columns of the block.
 */
void npy_read_block(const struct npy_matrix *matrix, const struct npy_block *block, double *out,
                    size_t stride);

/**
 * Lends a block in place, without a copy.
 *
 * @param stride  set to the elements from one row to the next, on success only.
 * @return the block's first element, valid until npy_close();
 *     NULL where the file does not hold aligned float64 elements in C order: npy_read_block() is
 *     for those.
 */
const double *npy_borrow_block(const struct npy_matrix *matrix, const struct npy_block *block,
                               size_t *stride);

/**
 * Describes the file as it was when it was opened. Reads the header and at most 16 KiB of elements.
 * For elements in memory the size is that of the elements and the time is 0.
 */
void npy_identity(const struct npy_matrix *matrix, struct npy_identity *identity);

/**
 * Compares two identities.
 *
 * @return NULL if they are the same;
 *     else the first thing that differs, for a message: "size", "contents" or "modification time".
 *     The last alone may mean two copies of one file.
 */
const char *npy_identity_difference(const struct npy_identity *one,
                                    const struct npy_identity *other);

/**
 * Starts a file that will be called `path`: creates it, reserves the space of all its elements,
 * writes the header. A target that exists is not touched before the commit; the new file has its
 * permissions, and its owner and group where this user may give them. A symbolic link is followed,
 * as NumPy does, but not one that another user has put into a sticky folder such as /tmp.
 *
 * @param writer  set on success only; owes npy_writer_commit() or npy_writer_abort() then.
 * @param layout  shape and type of the elements, `fortran` being false: C order is what is written.
 * @return 0, or -1 with `error` set and nothing left behind, if
 *     - the folder is missing or cannot be written to,
 *     - the target exists and is not a regular file,
 *     - the target, or a link on the way to it, is another user's in a sticky folder that everybody
 *       may write to,
 *     - the disk lacks the space (where it cannot be reserved, a later write says so),
 *     - the size overflows, or memory ran out.
 *
 * Python: `numpy.lib.format.open_memmap(path, "w+", dtype, shape)`, but atomic.
 */
int npy_writer_create(struct npy_writer *writer, const char *path, const struct npy_layout *layout,
                      struct npy_error *error);

/**
 * Writes one tile, converting it to the type of the file. Tiles may come in any order and again;
 * elements that no tile brings are 0.
 *
 * @param where   the tile's place; a place outside the matrix is an error.
 * @param tile    row-major doubles, `stride` elements from one row to the next.
 * @return 0, or -1 with `error` set (disk full, quota, file size limit, a place outside). The
 * writer is still to be finished then.
 */
int npy_writer_put(struct npy_writer *writer, const struct npy_block *where, const double *tile,
                   size_t stride, struct npy_error *error);

/**
 * Brings the file to the disk (fsync) and puts it under its name, in one step, replacing what was
 * there. The writer is finished, whatever is returned.
 *
 * @return 0, or -1 with `error` set, and what had the name still has it. If the disk failed,
 * nothing is left behind. If it is only the name that cannot be had, the complete file stays in the
 * folder under the name that `error` ends in, or, where the folder takes none, in $TMPDIR or /tmp.
 */
int npy_writer_commit(struct npy_writer *writer, struct npy_error *error);

/** Drops the file; nothing is left behind. Fine after a commit and when repeated. Keeps errno. */
void npy_writer_abort(struct npy_writer *writer);

#endif
