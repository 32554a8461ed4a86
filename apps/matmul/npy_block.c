/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_private.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

/*
 * The side of the squares in which columns are turned into rows: a few KiB on each side stay in the
 * first cache.
 */
#define SQUARE 32

/*
 * A block seen as lines of contiguous elements: rows in C order, columns in Fortran order. `first`
 * is the block's first element, `pitch` the elements from one line to the next.
 */
struct lines {
    const char *first;
    size_t pitch;
    size_t count;
    size_t length;
    enum npy_dtype dtype;
};

static struct lines lines_of(const struct npy_matrix *matrix, const struct npy_block *block)
{
    const struct npy_layout *layout = &matrix->layout;
    assert(block->row_begin <= block->row_end && block->row_end <= layout->rows);
    assert(block->col_begin <= block->col_end && block->col_end <= layout->cols);
    size_t rows = block->row_end - block->row_begin;
    size_t cols = block->col_end - block->col_begin;
    size_t pitch = layout->fortran ? layout->rows : layout->cols;
    size_t offset = layout->fortran ? block->col_begin * pitch + block->row_begin
                                    : block->row_begin * pitch + block->col_begin;
    return (struct lines){
        .first = (const char *)matrix->data + offset * npy_dtype_size(layout->dtype),
        .pitch = pitch,
        .count = layout->fortran ? cols : rows,
        .length = layout->fortran ? rows : cols,
        .dtype = layout->dtype,
    };
}

/* Element `at` of what begins at `line`. memcpy: old files have elements that are not aligned. */
static inline double load(const char *line, size_t at, enum npy_dtype dtype)
{
    if (dtype == NPY_FLOAT32) {
        float value;
        memcpy(&value, line + at * sizeof value, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, line + at * sizeof value, sizeof value);
    return value;
}

static void copy_rows(const struct lines *from, double *out, size_t stride)
{
    const size_t step = from->pitch * npy_dtype_size(from->dtype);
    for (size_t row = 0; row < from->count; row++) {
        const char *line = from->first + row * step;
        double *to = out + row * stride;
        if (from->dtype == NPY_FLOAT64) {
            memcpy(to, line, from->length * sizeof *to);
            continue;
        }
        for (size_t i = 0; i < from->length; i++)
            to[i] = load(line, i, NPY_FLOAT32);
    }
}

/* Turns the square at (row, line) of a block whose lines are columns. */
static void turn_square(const struct lines *from, size_t row, size_t line, double *out,
                        size_t stride)
{
    const size_t step = from->pitch * npy_dtype_size(from->dtype);
    const size_t row_end = from->length - row < SQUARE ? from->length : row + SQUARE;
    const size_t line_end = from->count - line < SQUARE ? from->count : line + SQUARE;
    const char *lines = from->first + line * step;
    for (size_t i = row; i < row_end; i++) {
        const char *column = lines;
        for (size_t j = line; j < line_end; j++, column += step)
            out[i * stride + j] = load(column, i, from->dtype);
    }
}

static void copy_columns(const struct lines *from, double *out, size_t stride)
{
    for (size_t row = 0; row < from->length; row += SQUARE) {
        for (size_t line = 0; line < from->count; line += SQUARE)
            turn_square(from, row, line, out, stride);
    }
}

void npy_read_block(const struct npy_matrix *matrix, const struct npy_block *block, double *out,
                    size_t stride)
{
    struct lines from = lines_of(matrix, block);
    if (from.count == 0 || from.length == 0)
        return;
    if (matrix->layout.fortran)
        copy_columns(&from, out, stride);
    else
        copy_rows(&from, out, stride);
}

const double *npy_borrow_block(const struct npy_matrix *matrix, const struct npy_block *block,
                               size_t *stride)
{
    struct lines from = lines_of(matrix, block);
    if (matrix->layout.fortran || matrix->layout.dtype != NPY_FLOAT64)
        return NULL;
    if ((uintptr_t)from.first % alignof(double) != 0)
        return NULL;
    *stride = from.pitch;
    return (const double *)(const void *)from.first;
}
