/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The multiplication that all programs of a comparison share.
 *
 * A program's own copy of a small kernel may run at another speed only because it lies elsewhere in
 * the program. So the kernels are a shared library, and whoever is compared calls the same code in
 * it: crew, hand-written MPI, Python through ctypes.
 *
 * *Batch tasks* multiply two square matrices of random numbers, which depend on the task's seed
 * alone. Each size has a plan, made when the size is first used: a kernel that libxsmm generates
 * for it where the size is small and libxsmm was there at build time, else OpenBLAS's dgemm. Plans
 * and buffers are kept for the life of the process and inherited by fork(): prepare a size before
 * forking and the children need not.
 *
 * *Tiles* of large products go through matmul_gemm(), always dgemm.
 *
 * Results of a task are the same bits wherever it runs on one machine, whatever ran before. From
 * one machine to another they may differ in the last places: kernels differ in the order of their
 * sums.
 *
 * Limits. Nothing here may be called from two threads of a process at a time. Matrices are
 * row-major. libxsmm takes about 10 MiB of memory for its first kernel in a process.
 *
 *     matmul_kernel_single_thread();
 *     double sum = matmul_batch_task(42, 20, 400);
 *     matmul_kernel_free();
 */
#ifndef MATMUL_KERNEL_H
#define MATMUL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATMUL_KERNEL_API __attribute__((visibility("default")))

/** Steele, Lea and Flood's generator SplitMix64: any state is a good seed. */
struct splitmix64 {
    uint64_t state;
};

/** A product of row-major matrices: C (m x n) = A (m x k) * B (k x n), or C += A * B. */
struct matmul_product {
    size_t m;
    size_t n;
    size_t k;
    const double *a;
    size_t lda; /**< Elements from one row of A to the next, at least k and 1. */
    const double *b;
    size_t ldb; /**< The same for B, at least n and 1. */
    double *c;
    size_t ldc;      /**< The same for C, at least n and 1. */
    bool accumulate; /**< Adds to C, which is otherwise only written, not read. */
};

/** Steps the generator and returns the next 64 random bits. */
MATMUL_KERNEL_API uint64_t splitmix64_next(struct splitmix64 *generator);

/**
 * Fills A, then B, row by row with numbers of [0, 1): the upper 53 bits of what the generator
 * returns, times 2^-53.
 *
 * @param seed  the generator's first state.
 * @param a, b  n x n elements each; they do not overlap.
 */
MATMUL_KERNEL_API void matmul_fill(uint64_t seed, double *a, double *b, int n);

/**
 * One task of a batch: fills A and B, multiplies C = A * B `repeat` times, each time for real, and
 * sums up C. From the first task on, the BLAS uses a single thread in this process, as
 * matmul_kernel_single_thread() has it.
 *
 * @param n       side of the matrices, from 1 up.
 * @param repeat  multiplications, from 1 up.
 * @return the sum of the elements of C, added one by one in row-major order;
 *     NaN where `n` or `repeat` is below 1 or there is no memory for the matrices.
 */
MATMUL_KERNEL_API double matmul_batch_task(uint64_t seed, int n, int repeat);

/**
 * Makes the plan and the buffers of a size, which the first task of that size would do otherwise
 * (several ms for libxsmm's first kernel).
 *
 * @return 0, or -1 where matmul_batch_task() would return NaN.
 */
MATMUL_KERNEL_API int matmul_kernel_prepare(int n);

/** Frees the buffers that tasks keep. The next task makes them anew. */
MATMUL_KERNEL_API void matmul_kernel_free(void);

/**
 * Tells what multiplies matrices of that size in a batch task, and for which processor:
 * "libxsmm (clx)", "OpenBLAS (SkylakeX)" or "CBLAS". Valid until the next call.
 */
MATMUL_KERNEL_API const char *matmul_kernel_name(int n);

/**
 * Has the BLAS use one thread in this process. Does nothing where the BLAS is not OpenBLAS: such
 * have environment variables of their own.
 */
MATMUL_KERNEL_API void matmul_kernel_single_thread(void);

/** The BLAS counts in int: no size and no stride of a product may be more than this. */
#define MATMUL_GEMM_MOST ((size_t)INT32_MAX)

/**
 * Multiplies. Any of m, n and k may be 0. Uses as many threads as the BLAS is set to.
 *
 * @return 0, or -1 without touching C if a number is above ::MATMUL_GEMM_MOST.
 */
MATMUL_KERNEL_API int matmul_gemm(const struct matmul_product *product);

#endif
