/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel.h"
#include "kernel_plan.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#define PAGE 4096
#define LINE 64

/*
 * The three matrices of a task, one behind the other, each from a cache line on. Kept from task to
 * task.
 */
static double *scratch;
static size_t scratch_size;

uint64_t splitmix64_next(struct splitmix64 *generator)
{
    uint64_t z = generator->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill(struct splitmix64 *generator, double *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* 53 bits: exact as a signed number too, which processors convert faster. */
        int64_t bits = (int64_t)(splitmix64_next(generator) >> 11);
        elements[i] = (double)bits * 0x1p-53;
    }
}

void matmul_fill(uint64_t seed, double *a, double *b, int n)
{
    struct splitmix64 generator = {seed};
    const size_t count = (size_t)n * (size_t)n;
    fill(&generator, a, count);
    fill(&generator, b, count);
}

/* Elements from the beginning of one matrix to that of the next. */
static size_t matrix_pitch(int n)
{
    const size_t elements = LINE / sizeof(double);
    const size_t count = (size_t)n * (size_t)n;
    return (count + elements - 1) / elements * elements;
}

/*
 * A scratch for that size, or NULL. The results do not depend on its place, but the time does: it
 * begins at a page.
 */
static double *scratch_for(int n)
{
    if (matrix_pitch(n) > SIZE_MAX / (4 * sizeof(double)))
        return NULL;
    size_t size = (3 * matrix_pitch(n) * sizeof(double) + PAGE - 1) / PAGE * PAGE;
    if (size <= scratch_size)
        return scratch;
    matmul_kernel_free();
    scratch = aligned_alloc(PAGE, size);
    scratch_size = scratch == NULL ? 0 : size;
    return scratch;
}

/*
 * In the order of the elements, which keeps the compiler from vectorising: the sum must not depend
 * on how it is built.
 */
static double sum_up(const double *elements, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += elements[i];
    return sum;
}

int matmul_kernel_prepare(int n)
{
    static bool single;
    if (n < 1 || scratch_for(n) == NULL)
        return -1;
    /* Threads would share the sums among them in an order that depends on their number. */
    if (!single)
        matmul_kernel_single_thread();
    single = true;
    matmul_plan_prepare(n);
    return 0;
}

double matmul_batch_task(uint64_t seed, int n, int repeat)
{
    if (repeat < 1 || matmul_kernel_prepare(n) != 0)
        return (double)NAN;
    double *a = scratch;
    double *b = a + matrix_pitch(n);
    double *c = b + matrix_pitch(n);
    matmul_fill(seed, a, b, n);
    matmul_plan_multiply(n, a, b, c, repeat);
    return sum_up(c, (size_t)n * (size_t)n);
}

void matmul_kernel_free(void)
{
    free(scratch);
    scratch = NULL;
    scratch_size = 0;
}
