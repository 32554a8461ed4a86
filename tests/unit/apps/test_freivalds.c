/* SPDX-License-Identifier: BSD-3-Clause */
/* Right products pass, whatever their order, type and sizes; wrong ones do not, down to one
 * element. */
#include "freivalds.h"
#include "kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>

static int countdown;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    return countdown > 0 && --countdown == 0 ? NULL : __real_calloc(count, size);
}

/* A product with all that it needs. */
struct example {
    size_t m, n, k;
    double *a, *b, *c;
    struct npy_matrix matrices[3];
};

static double *new_elements(size_t count)
{
    double *elements = calloc(count + 1, sizeof *elements);
    assert_non_null(elements);
    return elements;
}

/* Random numbers of both signs and of sizes that differ by `spread` powers of two. */
static void fill(double *elements, size_t count, uint64_t seed, int spread)
{
    struct splitmix64 generator = {seed};
    for (size_t i = 0; i < count; i++) {
        double value = (double)(int64_t)splitmix64_next(&generator) * 0x1p-63;
        elements[i] = ldexp(value, (int)(splitmix64_next(&generator) % (uint64_t)(spread + 1)));
    }
}

static void multiply(struct example *example)
{
    const struct matmul_product product = {
        .m = example->m,
        .n = example->n,
        .k = example->k,
        .a = example->a,
        .lda = example->k == 0 ? 1 : example->k,
        .b = example->b,
        .ldb = example->n == 0 ? 1 : example->n,
        .c = example->c,
        .ldc = example->n == 0 ? 1 : example->n,
    };
    matmul_gemm(&product);
}

static struct example make(size_t m, size_t n, size_t k, int spread)
{
    struct example example = {.m = m, .n = n, .k = k};
    example.a = new_elements(m * k);
    example.b = new_elements(k * n);
    example.c = new_elements(m * n);
    fill(example.a, m * k, 1, spread);
    fill(example.b, k * n, 2, spread);
    multiply(&example);
    npy_wrap(&example.matrices[0], &(struct npy_layout){.rows = m, .cols = k}, example.a);
    npy_wrap(&example.matrices[1], &(struct npy_layout){.rows = k, .cols = n}, example.b);
    npy_wrap(&example.matrices[2], &(struct npy_layout){.rows = m, .cols = n}, example.c);
    return example;
}

static void drop(struct example *example)
{
    free(example->a);
    free(example->b);
    free(example->c);
}

static struct matmul_freivalds_report check(const struct example *example, uint64_t seed)
{
    const struct matmul_freivalds input = {.a = &example->matrices[0],
                                           .b = &example->matrices[1],
                                           .c = &example->matrices[2],
                                           .seed = seed};
    struct matmul_freivalds_report report;
    struct npy_error error;
    if (matmul_freivalds(&input, &report, &error) != 0)
        fail_msg("%s", error.text);
    return report;
}

static void assert_passes(const struct example *example)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct matmul_freivalds_report report = check(example, seed);
        if (!report.passed)
            fail_msg("%zu x %zu x %zu: row %zu is off by %g, allowed %g", example->m, example->n,
                     example->k, report.row, report.residual, report.tolerance);
        assert_true(report.residual <= report.tolerance);
    }
}

static const size_t shapes[][3] = {
    {1, 1, 1},      {20, 20, 20}, {1, 700, 1}, {700, 1, 3}, {3, 1, 700}, {129, 513, 128},
    {130, 40, 520}, {0, 5, 5},    {5, 0, 5},   {5, 5, 0},   {0, 0, 0},   {300, 300, 300},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static void passes_right_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        for (int spread = 0; spread <= 60; spread += 30) {
            struct example example = make(shapes[i][0], shapes[i][1], shapes[i][2], spread);
            assert_passes(&example);
            drop(&example);
        }
    }
}

/* The same elements in Fortran order: the caller's to free. */
static double *turned(const double *elements, size_t rows, size_t cols)
{
    double *out = new_elements(rows * cols);
    for (size_t i = 0; i < rows * cols; i++)
        out[i % cols * rows + i / cols] = elements[i];
    return out;
}

static void passes_fortran_order(void **state)
{
    (void)state;
    struct example example = make(130, 40, 520, 0);
    double *elements[3] = {turned(example.a, 130, 520), turned(example.b, 520, 40),
                           turned(example.c, 130, 40)};
    for (size_t i = 0; i < 3; i++) {
        struct npy_layout layout = example.matrices[i].layout;
        layout.fortran = true;
        npy_wrap(&example.matrices[i], &layout, elements[i]);
    }
    assert_passes(&example);
    elements[2][129 + 39 * 130] *= 1.0 + 1e-6;
    assert_false(check(&example, 1).passed);
    for (size_t i = 0; i < 3; i++)
        free(elements[i]);
    drop(&example);
}

static float *rounded(const double *elements, size_t count)
{
    float *out = calloc(count + 1, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)elements[i];
    return out;
}

static void passes_float32_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        struct example example = make(shapes[i][0], shapes[i][1], shapes[i][2], 20);
        float *c = rounded(example.c, example.m * example.n);
        const struct npy_layout layout = {example.m, example.n, NPY_FLOAT32, false};
        npy_wrap(&example.matrices[2], &layout, c);
        assert_passes(&example);
        if (example.m * example.n * example.k > 0) {
            c[example.m * example.n - 1] *= 1.1f;
            struct matmul_freivalds_report report = check(&example, 1);
            /* A small element may drown in the rounding of a row of large ones. */
            assert_true(report.passed == (report.residual <= report.tolerance));
            assert_true(!report.passed || example.n > 1);
        }
        free(c);
        drop(&example);
    }
}

static void passes_nearly_nothing(void **state)
{
    (void)state;
    struct example example = make(20, 20, 20, 0);
    for (size_t i = 0; i < 400; i++)
        example.a[i] *= 0x1p-1070;
    multiply(&example);
    assert_passes(&example);
    memset(example.a, 0, 400 * sizeof(double));
    multiply(&example);
    assert_passes(&example);
    example.c[7] = 1e-200;
    assert_false(check(&example, 1).passed);
    drop(&example);
}

static void finds_every_wrong_element(void **state)
{
    (void)state;
    struct example example = make(20, 20, 20, 0);
    for (size_t i = 0; i < 400; i++) {
        double kept = example.c[i];
        example.c[i] += 1e-10;
        struct matmul_freivalds_report report = check(&example, i);
        assert_false(report.passed);
        assert_int_equal(report.row, i / 20);
        assert_true(report.residual > report.tolerance);
        example.c[i] = kept;
    }
    drop(&example);
}

static void finds_mistakes_of_programs(void **state)
{
    (void)state;
    const size_t side = 96;
    struct example example = make(side, side, side, 0);
    double *right = new_elements(side * side);
    memcpy(right, example.c, side * side * sizeof *right);
    /* Two rows changed places. */
    memcpy(example.c, right + side, side * sizeof *right);
    memcpy(example.c + side, right, side * sizeof *right);
    assert_false(check(&example, 1).passed);
    /* A tile of 32 x 32 is missing. */
    memcpy(example.c, right, side * side * sizeof *right);
    for (size_t row = 32; row < 64; row++)
        memset(example.c + row * side + 64, 0, 32 * sizeof *right);
    assert_in_range(check(&example, 1).row, 32, 63);
    assert_false(check(&example, 1).passed);
    /* B * A instead of A * B. */
    double *a = example.a;
    example.a = example.b;
    example.b = a;
    multiply(&example);
    assert_false(check(&example, 1).passed);
    free(right);
    drop(&example);
}

static void fails_what_is_not_finite(void **state)
{
    (void)state;
    struct example example = make(20, 20, 20, 0);
    double *matrices[] = {example.a, example.b, example.c};
    const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < 9; i++) {
        double kept = matrices[i % 3][150];
        matrices[i % 3][150] = values[i / 3];
        struct matmul_freivalds_report report = check(&example, 1);
        assert_false(report.passed);
        assert_true(isnan(report.residual) && isnan(report.tolerance));
        matrices[i % 3][150] = kept;
    }
    assert_passes(&example);
    drop(&example);
}

static void refuses_bad_arguments(void **state)
{
    (void)state;
    struct example example = make(3, 4, 5, 0);
    struct matmul_freivalds input = {
        .a = &example.matrices[0], .b = &example.matrices[1], .c = &example.matrices[2]};
    struct matmul_freivalds_report report;
    struct npy_error error;
    for (int vectors = -1; vectors <= 65; vectors++) {
        input.vectors = vectors;
        bool good = vectors >= 0 && vectors <= 64;
        assert_int_equal(matmul_freivalds(&input, &report, &error), good ? 0 : -1);
        assert_true(!good || report.passed);
    }
    assert_string_equal(error.text, "The check takes 1 to 64 random vectors, or 0 for 16, not 65.");
    input.vectors = 0;
    input.a = &example.matrices[2];
    assert_int_equal(matmul_freivalds(&input, &report, &error), -1);
    assert_string_equal(error.text, "A is 3 x 4 and B 5 x 4: C cannot be 3 x 4.");
    drop(&example);
}

static void survives_every_failing_allocation(void **state)
{
    (void)state;
    struct example example = make(3, 4, 5, 0);
    const struct matmul_freivalds input = {
        .a = &example.matrices[0], .b = &example.matrices[1], .c = &example.matrices[2]};
    struct matmul_freivalds_report report;
    struct npy_error error;
    for (int n = 1; n <= 7; n++) {
        countdown = n;
        assert_int_equal(matmul_freivalds(&input, &report, &error), -1);
        assert_int_equal(countdown, 0);
        assert_string_equal(error.text, "No memory to check a product of 3 x 5 x 4.");
    }
    assert_int_equal(matmul_freivalds(&input, &report, &error), 0);
    drop(&example);
}

int main(void)
{
    matmul_kernel_single_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_right_products),
        cmocka_unit_test(passes_fortran_order),
        cmocka_unit_test(passes_float32_results),
        cmocka_unit_test(passes_nearly_nothing),
        cmocka_unit_test(finds_every_wrong_element),
        cmocka_unit_test(finds_mistakes_of_programs),
        cmocka_unit_test(fails_what_is_not_finite),
        cmocka_unit_test(refuses_bad_arguments),
        cmocka_unit_test(survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
