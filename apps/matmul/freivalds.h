/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Freivalds' check of a matrix product, in O(n^2) instead of multiplying again.
 *
 * C = A * B is tested by comparing C x with A (B x) for random vectors x, whose elements are +1 and
 * -1. If C is wrong, each vector finds it with a probability of at least 1/2, and always where a
 * row has one wrong element; V vectors miss it with at most 2^-V. All vectors are multiplied at
 * once, as the columns of one thin matrix, so that more of them cost little: the time goes into
 * reading A, B and C once each.
 *
 * Floating point makes "equal" a matter of size. Each row has a bound of its own for what rounding
 * can explain, see freivalds.c; a correct product summed up in double never exceeds it, in whatever
 * order it was summed up. What is found depends on it: one element is found to be wrong where its
 * error exceeds about 4 (n + k) n units in its last place, with elements of like size; for a
 * float32 C about 10 sqrt(n) units in float32's last place.
 *
 * Limits. Infinities and NaN, in any of the three or on the way, fail the check. It needs memory
 * for `vectors` columns as long as B is wide, as B is high and as A is high. The dgemm is that of
 * kernel.h, with its threads and its rule of one caller at a time.
 *
 *     struct matmul_freivalds check = {.a = &a, .b = &b, .c = &c, .seed = 1};
 *     struct matmul_freivalds_report report;
 *     if (matmul_freivalds(&check, &report, &error) == 0 && !report.passed)
 *         printf("row %zu: %g > %g\n", report.row, report.residual, report.tolerance);
 */
#ifndef MATMUL_FREIVALDS_H
#define MATMUL_FREIVALDS_H

#include "npy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Vectors where the caller does not say: a wrong product is missed once in 65,536 at worst. */
#define MATMUL_FREIVALDS_VECTORS 16

/** What is checked. All-zero options mean the defaults. */
struct matmul_freivalds {
    const struct npy_matrix *a; /**< m x k */
    const struct npy_matrix *b; /**< k x n */
    const struct npy_matrix *c; /**< m x n, summed up in double; a file or npy_wrap()ped memory. */
    int vectors;                /**< Random vectors, 1 to 64; 0 for MATMUL_FREIVALDS_VECTORS. */
    uint64_t seed;              /**< Of the random vectors. */
};

/** What came out, for the row that is the furthest off relative to what rounding can explain. */
struct matmul_freivalds_report {
    bool passed;
    double residual;  /**< Its largest |C x - A (B x)| relative to |A| |B| summed up; or NaN. */
    double tolerance; /**< What rounding can explain, relative to the same. */
    size_t row;       /**< The row. */
};

/**
 * Checks C = A * B. Reads each matrix once, in panels.
 *
 * @return 0 with `report` set, whether the check passed or not;
 *     -1 with `error` set if the shapes do not belong together, `vectors` is out of range or memory
 *     ran out.
 */
int matmul_freivalds(const struct matmul_freivalds *check, struct matmul_freivalds_report *report,
                     struct npy_error *error);

#endif
