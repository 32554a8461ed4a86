/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of matrices in memory: every order, type and alignment, with sides around those of the
 * squares they are turned in. */
#include "npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 75
#define COLS 67
#define UNTOUCHED (-1.0)

static double element(size_t row, size_t col)
{
    return (double)(row * 1000 + col) + 0.5;
}

/* The elements as a file would have them, from `shift` bytes behind an aligned place on. */
static char *make_elements(const struct npy_layout *layout, size_t shift)
{
    const size_t size = npy_dtype_size(layout->dtype);
    char *elements = malloc(shift + layout->rows * layout->cols * size);
    assert_non_null(elements);
    for (size_t row = 0; row < layout->rows; row++) {
        for (size_t col = 0; col < layout->cols; col++) {
            size_t at = layout->fortran ? col * layout->rows + row : row * layout->cols + col;
            double wide = element(row, col);
            float narrow = (float)wide;
            const void *from = layout->dtype == NPY_FLOAT32 ? (const void *)&narrow : &wide;
            memcpy(elements + shift + at * size, from, size);
        }
    }
    return elements;
}

static void check_block(const struct npy_matrix *matrix, const struct npy_block *block)
{
    static double out[ROWS * (COLS + 3)];
    const size_t rows = block->row_end - block->row_begin;
    const size_t cols = block->col_end - block->col_begin;
    const size_t stride = cols + 3;
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        out[i] = UNTOUCHED;
    npy_read_block(matrix, block, out, stride);
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) {
        const size_t row = i / stride;
        const size_t col = i % stride;
        const bool inside = row < rows && col < cols;
        const double expected =
            inside ? element(block->row_begin + row, block->col_begin + col) : UNTOUCHED;
        assert_true(out[i] == expected);
    }
}

static const struct npy_block blocks[] = {
    {0, ROWS, 0, COLS},
    {0, 1, 0, 1},
    {ROWS - 1, ROWS, COLS - 1, COLS},
    {0, 32, 0, 32},
    {1, 33, 2, 34},
    {5, 70, 0, COLS},
    {0, ROWS, 66, 67},
    {31, 64, 30, 65},
    {10, 10, 0, COLS},
    {0, ROWS, 4, 4},
    {ROWS, ROWS, COLS, COLS},
};

static void reads_every_order_type_and_alignment(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        const struct npy_layout layout = {ROWS, COLS, kind & 1 ? NPY_FLOAT32 : NPY_FLOAT64,
                                          (kind & 2) != 0};
        const size_t shift = kind & 4 ? 3 : 0;
        char *elements = make_elements(&layout, shift);
        struct npy_matrix matrix;
        npy_wrap(&matrix, &layout, elements + shift);
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
            check_block(&matrix, &blocks[i]);
        npy_close(&matrix);
        free(elements);
    }
}

static void lends_aligned_rows_of_doubles_only(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        const struct npy_layout layout = {ROWS, COLS, kind & 1 ? NPY_FLOAT32 : NPY_FLOAT64,
                                          (kind & 2) != 0};
        const size_t shift = kind & 4 ? 4 : 0;
        char *elements = make_elements(&layout, shift);
        const struct npy_block block = {3, 9, 4, 7};
        size_t stride = 999;
        struct npy_matrix matrix;
        npy_wrap(&matrix, &layout, elements + shift);
        const double *lent = npy_borrow_block(&matrix, &block, &stride);
        if (kind == 0) {
            assert_int_equal(stride, COLS);
            assert_true(lent[0] == element(3, 4) && lent[5 * stride + 2] == element(8, 6));
        } else {
            assert_null(lent);
            assert_int_equal(stride, 999);
        }
        free(elements);
    }
}

static void names_types(void **state)
{
    (void)state;
    assert_string_equal(npy_dtype_name(NPY_FLOAT64), "float64");
    assert_string_equal(npy_dtype_name(NPY_FLOAT32), "float32");
    assert_int_equal(npy_dtype_size(NPY_FLOAT64), 8);
    assert_int_equal(npy_dtype_size(NPY_FLOAT32), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_order_type_and_alignment),
        cmocka_unit_test(lends_aligned_rows_of_doubles_only),
        cmocka_unit_test(names_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
