/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The choice of the code that multiplies square matrices of a given size, made once for each.
 */
#ifndef MATMUL_KERNEL_PLAN_H
#define MATMUL_KERNEL_PLAN_H

/** Makes the plan of a size from 1 up, if there is none yet. */
void matmul_plan_prepare(int n);

/**
 * Multiplies C = A * B `repeat` times: n x n elements each, row-major, without gaps. Makes the plan
 * if need be.
 */
void matmul_plan_multiply(int n, const double *a, const double *b, double *c, int repeat);

#endif
