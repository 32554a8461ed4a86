/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bound. Let u = 2^-53, X the matrix of vectors of +1 and -1, e the vector of ones, and
 * s = |A| (|B| e), one number for each row. With g(j) = j u / (1 - j u), and whatever the order of
 * the sums:
 *
 *   - C itself, summed up in double, is off by at most g(k) |A| |B|, so that C x is off by g(k) s;
 *   - our Y = B X is off by g(n) |B| e, which becomes g(n) s behind A;
 *   - our D = A Y - C X sums up k + n terms whose absolute values sum up to at most 2 s: off by
 *     2 g(k + n) s.
 *
 * Together 3 (k + n) u s, apart from terms of u^2; 4 (k + n + 2) u s covers those and the rounding
 * of s.
 *
 * Where C is stored in float32, each element is rounded once more, by at most v |c| with v = 2^-24.
 * The signs of x are random and independent of these errors, so that by Hoeffding's inequality
 * their sum exceeds t v |c_row| (2-norm) with a probability of at most 2 exp(-t^2 / 2): 4e-22 for
 * t = 10. That is sqrt(n) times sharper than to add up the worst cases.
 *
 * Numbers that fall below the smallest normal one lose at most that much each: n k times in double,
 * n times in float32.
 */
#include "freivalds.h"

#include "kernel.h"
#include "npy_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define VECTORS_MAX 64
#define HOEFFDING 10.0

/*
 * A panel of doubles is 512 KiB: it stays in the second cache between its reading and its
 * multiplication.
 */
#define PANEL_ROWS 128
#define PANEL_COLS 512

struct work {
    const struct matmul_freivalds *check;
    size_t m, n, k;
    size_t vectors;
    double *x;     /* n x vectors: the signs, turned around once B X is done */
    double *y;     /* k x vectors: B X */
    double *d;     /* m x vectors: A Y - C X */
    double *b_sum; /* k: |B| e */
    double *scale; /* m: |A| |B| e */
    double *norm2; /* m: squared 2-norms of C's rows */
    double *panel;
};

/* A panel as found in the matrix or copied. */
struct panel {
    struct npy_block block;
    const double *elements;
    size_t stride;
    size_t rows;
    size_t cols;
};

/* What a pass over one matrix does with each panel. */
typedef void (*visitor)(struct work *work, const struct panel *panel);

static struct panel read_panel(const struct work *work, const struct npy_matrix *matrix,
                               struct npy_block block)
{
    struct panel panel = {.block = block,
                          .rows = block.row_end - block.row_begin,
                          .cols = block.col_end - block.col_begin};
    panel.elements = npy_borrow_block(matrix, &block, &panel.stride);
    if (panel.elements == NULL || panel.stride > MATMUL_GEMM_MOST) {
        npy_read_block(matrix, &block, work->panel, panel.cols);
        panel.elements = work->panel;
        panel.stride = panel.cols;
    }
    return panel;
}

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

static void for_each_panel(struct work *work, const struct npy_matrix *matrix, visitor visit)
{
    const struct npy_layout *layout = &matrix->layout;
    for (size_t row = 0; row < layout->rows; row += PANEL_ROWS) {
        for (size_t col = 0; col < layout->cols; col += PANEL_COLS) {
            struct npy_block block = {row, smaller(row + PANEL_ROWS, layout->rows), col,
                                      smaller(col + PANEL_COLS, layout->cols)};
            struct panel panel = read_panel(work, matrix, block);
            visit(work, &panel);
        }
    }
}

/* Adds the panel times its rows of `from` to its rows of `to`. */
static void add_product(const struct work *work, const struct panel *panel, const double *from,
                        double *to)
{
    const struct matmul_product product = {
        .m = panel->rows,
        .n = work->vectors,
        .k = panel->cols,
        .a = panel->elements,
        .lda = panel->stride,
        .b = from + panel->block.col_begin * work->vectors,
        .ldb = work->vectors,
        .c = to + panel->block.row_begin * work->vectors,
        .ldc = work->vectors,
        .accumulate = true,
    };
    matmul_gemm(&product); /* read_panel() has seen to the sizes */
}

static void visit_b(struct work *work, const struct panel *panel)
{
    add_product(work, panel, work->x, work->y);
    for (size_t row = 0; row < panel->rows; row++) {
        const double *at = panel->elements + row * panel->stride;
        double sum = 0.0;
        for (size_t i = 0; i < panel->cols; i++)
            sum += fabs(at[i]);
        work->b_sum[panel->block.row_begin + row] += sum;
    }
}

static void visit_a(struct work *work, const struct panel *panel)
{
    const double *b_sum = work->b_sum + panel->block.col_begin;
    add_product(work, panel, work->y, work->d);
    for (size_t row = 0; row < panel->rows; row++) {
        const double *at = panel->elements + row * panel->stride;
        double sum = 0.0;
        for (size_t i = 0; i < panel->cols; i++)
            sum += fabs(at[i]) * b_sum[i];
        work->scale[panel->block.row_begin + row] += sum;
    }
}

static void visit_c(struct work *work, const struct panel *panel)
{
    add_product(work, panel, work->x, work->d);
    for (size_t row = 0; row < panel->rows; row++) {
        const double *at = panel->elements + row * panel->stride;
        double sum = 0.0;
        for (size_t i = 0; i < panel->cols; i++)
            sum += at[i] * at[i];
        work->norm2[panel->block.row_begin + row] += sum;
    }
}

static void draw_signs(struct work *work)
{
    struct splitmix64 generator = {work->check->seed};
    for (size_t i = 0; i < work->n * work->vectors; i++)
        work->x[i] = splitmix64_next(&generator) >> 63 ? -1.0 : 1.0;
}

static void turn_signs(struct work *work)
{
    for (size_t i = 0; i < work->n * work->vectors; i++)
        work->x[i] = -work->x[i];
}

/* What rounding can explain in a row. */
static double row_bound(const struct work *work, size_t row)
{
    const double n = (double)work->n;
    const double k = (double)work->k;
    double bound = 4.0 * (k + n + 2.0) * 0x1p-53 * work->scale[row] + n * (k + 1.0) * DBL_MIN;
    if (work->check->c->layout.dtype == NPY_FLOAT32)
        bound += HOEFFDING * 0x1p-24 * sqrt(work->norm2[row]) + n * (double)FLT_MIN;
    return bound;
}

/* The largest difference of a row over all vectors; NaN where one is. */
static double row_residual(const struct work *work, size_t row)
{
    double largest = 0.0;
    for (size_t i = 0; i < work->vectors; i++) {
        double residual = fabs(work->d[row * work->vectors + i]);
        if (isnan(residual))
            return (double)NAN;
        largest = fmax(largest, residual);
    }
    return largest;
}

static void judge(const struct work *work, struct matmul_freivalds_report *report)
{
    double worst = -1.0;
    *report = (struct matmul_freivalds_report){.passed = true};
    for (size_t row = 0; work->n > 0 && row < work->m; row++) {
        const double residual = row_residual(work, row);
        const double bound = row_bound(work, row);
        const double relative_to = fmax(work->scale[row], DBL_MIN);
        if (!isfinite(residual) || !isfinite(bound)) {
            *report = (struct matmul_freivalds_report){
                .residual = (double)NAN, .tolerance = (double)NAN, .row = row};
            return;
        }
        if (residual / bound <= worst)
            continue;
        worst = residual / bound;
        *report = (struct matmul_freivalds_report){
            .passed = worst <= 1.0,
            .residual = residual / relative_to,
            .tolerance = bound / relative_to,
            .row = row,
        };
    }
}

/* Zeroed elements for `rows` times `cols`, never NULL for lack of elements alone. */
static double *new_elements(size_t rows, size_t cols)
{
    if (rows > SIZE_MAX / sizeof(double) / cols)
        return NULL;
    return calloc(rows * cols + 1, sizeof(double));
}

static void free_work(struct work *work)
{
    free(work->x);
    free(work->y);
    free(work->d);
    free(work->b_sum);
    free(work->scale);
    free(work->norm2);
    free(work->panel);
}

static int make_work(struct work *work)
{
    work->x = new_elements(work->n, work->vectors);
    work->y = new_elements(work->k, work->vectors);
    work->d = new_elements(work->m, work->vectors);
    work->b_sum = new_elements(work->k, 1);
    work->scale = new_elements(work->m, 1);
    work->norm2 = new_elements(work->m, 1);
    work->panel = new_elements(PANEL_ROWS, PANEL_COLS);
    if (work->x != NULL && work->y != NULL && work->d != NULL && work->b_sum != NULL &&
        work->scale != NULL && work->norm2 != NULL && work->panel != NULL)
        return 0;
    free_work(work);
    return -1;
}

static int check_arguments(const struct matmul_freivalds *check, struct npy_error *error)
{
    const struct npy_layout *a = &check->a->layout;
    const struct npy_layout *b = &check->b->layout;
    const struct npy_layout *c = &check->c->layout;
    if (a->cols != b->rows || c->rows != a->rows || c->cols != b->cols)
        return npy_fail(error, "A is %zu x %zu and B %zu x %zu: C cannot be %zu x %zu.", a->rows,
                        a->cols, b->rows, b->cols, c->rows, c->cols);
    if (check->vectors < 0 || check->vectors > VECTORS_MAX)
        return npy_fail(error, "The check takes 1 to %d random vectors, or 0 for %d, not %d.",
                        VECTORS_MAX, MATMUL_FREIVALDS_VECTORS, check->vectors);
    return 0;
}

int matmul_freivalds(const struct matmul_freivalds *check, struct matmul_freivalds_report *report,
                     struct npy_error *error)
{
    if (check_arguments(check, error) != 0)
        return -1;
    struct work work = {
        .check = check,
        .m = check->a->layout.rows,
        .n = check->b->layout.cols,
        .k = check->a->layout.cols,
        .vectors = check->vectors == 0 ? MATMUL_FREIVALDS_VECTORS : (size_t)check->vectors,
    };
    if (make_work(&work) != 0)
        return npy_fail(error, "No memory to check a product of %zu x %zu x %zu.", work.m, work.k,
                        work.n);
    draw_signs(&work);
    for_each_panel(&work, check->b, visit_b);
    turn_signs(&work);
    for_each_panel(&work, check->a, visit_a);
    for_each_panel(&work, check->c, visit_c);
    judge(&work, report);
    free_work(&work);
    return 0;
}
