/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers, the products, and that a task's sum is the same bits whatever ran before and
 * wherever it runs. */
#include "kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Have the sanitizers' allocators fail as others do. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Sizes around the widths of vector registers, and around those where the kernel changes. */
static const int sizes[] = {1,  2,  3,  4,  5,  7,  8,  9,   15,  16,  17,  20,
                            31, 32, 33, 48, 63, 64, 65, 100, 199, 200, 201, 256};
#define SIZES (sizeof sizes / sizeof sizes[0])

static double *new_elements(size_t count)
{
    double *elements = calloc(count, sizeof *elements);
    assert_non_null(elements);
    return elements;
}

/* C = A * B in the simplest way. */
static void multiply_simply(const struct matmul_product *p)
{
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) {
            double sum = 0.0;
            for (int l = 0; l < p->k; l++)
                sum += p->a[i * p->lda + l] * p->b[l * p->ldb + j];
            p->c[i * p->ldc + j] = sum;
        }
    }
}

static void generates_known_numbers(void **state)
{
    (void)state;
    /* The first outputs of Vigna's splitmix64.c for the seed 1234567. */
    static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u,
                                        9817491932198370423u, 4593380528125082431u,
                                        16408922859458223821u};
    struct splitmix64 generator = {1234567};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(splitmix64_next(&generator) == expected[i]);
}

static void fills_a_then_b(void **state)
{
    (void)state;
    double a[9];
    double b[9];
    struct splitmix64 generator = {42};
    matmul_fill(42, a, b, 3);
    for (int i = 0; i < 18; i++) {
        double expected = (double)(splitmix64_next(&generator) >> 11) * 0x1p-53;
        double found = i < 9 ? a[i] : b[i - 9];
        assert_true(found == expected && found >= 0.0 && found < 1.0);
    }
}

static double simple_sum(uint64_t seed, int n)
{
    const size_t count = (size_t)n * (size_t)n;
    double *a = new_elements(3 * count);
    double *b = a + count;
    double *c = b + count;
    const struct matmul_product product = {
        .m = n, .n = n, .k = n, .a = a, .lda = n, .b = b, .ldb = n, .c = c, .ldc = n};
    double sum = 0.0;
    matmul_fill(seed, a, b, n);
    multiply_simply(&product);
    for (size_t i = 0; i < count; i++)
        sum += c[i];
    free(a);
    return sum;
}

static void sums_up_the_product(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        double expected = simple_sum(i + 5, sizes[i]);
        double found = matmul_batch_task(i + 5, sizes[i], 1);
        if (!(fabs(found - expected) <= 1e-12 * expected))
            fail_msg("n = %d: expected %.17g, found %.17g", sizes[i], expected, found);
    }
}

static bool same_bits(double one, double other)
{
    uint64_t bits[2];
    memcpy(&bits[0], &one, sizeof one);
    memcpy(&bits[1], &other, sizeof other);
    return bits[0] == bits[1];
}

static void does_not_depend_on_what_ran_before(void **state)
{
    (void)state;
    double first[SIZES];
    for (size_t i = 0; i < SIZES; i++)
        first[i] = matmul_batch_task(i, sizes[i], 1);
    for (size_t i = SIZES; i-- > 0;) {
        assert_true(same_bits(first[i], matmul_batch_task(i, sizes[i], 3)));
        if (i % 3 == 0)
            matmul_kernel_free();
        assert_true(same_bits(first[i], matmul_batch_task(i, sizes[i], 1)));
    }
    matmul_kernel_free();
    matmul_kernel_free();
}

static void is_the_same_in_a_child(void **state)
{
    (void)state;
    double expected[SIZES];
    for (size_t i = 0; i < SIZES; i++)
        expected[i] = matmul_batch_task(i, sizes[i], 2);
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0) {
        bool same = true;
        for (size_t i = 0; i < SIZES; i++)
            same = same && same_bits(expected[i], matmul_batch_task(i, sizes[i], 2));
        _exit(same ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    matmul_kernel_free();
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    static const int bad[] = {0, -1, INT32_MIN, INT32_MAX, 1 << 23};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(matmul_kernel_prepare(bad[i]), -1);
        assert_true(isnan(matmul_batch_task(1, bad[i], 1)));
    }
    assert_true(isnan(matmul_batch_task(1, 20, 0)));
    assert_true(isnan(matmul_batch_task(1, 20, -1)));
    assert_int_equal(matmul_kernel_prepare(20), 0);
    assert_true(matmul_batch_task(1, 20, 1) > 0.0);
    matmul_kernel_free();
}

static void names_its_kernels(void **state)
{
    (void)state;
    for (int n = -1; n < 300; n++) {
        const char *name = matmul_kernel_name(n);
        if (strncmp(name, "libxsmm (", 9) != 0 && strncmp(name, "OpenBLAS (", 10) != 0)
            assert_string_equal(name, "CBLAS");
    }
    /* Large ones are for dgemm. */
    assert_null(strstr(matmul_kernel_name(1000), "libxsmm"));
}

/* Integers: products and sums are exact, so that each order of summing has the same result. */
static void fill_integers(double *elements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        elements[i] = (double)(i * 37 % 19) - 9.0;
}

static void check_gemm(int m, int n, int k)
{
    double a[16 * 20];
    double b[16 * 20];
    double expected[16 * 20];
    double found[16 * 20];
    fill_integers(a, 320);
    fill_integers(b, 320);
    for (int i = 0; i < 320; i++)
        expected[i] = found[i] = (double)NAN;
    struct matmul_product product = {
        .m = m, .n = n, .k = k, .a = a, .lda = 20, .b = b, .ldb = 19, .c = expected, .ldc = 18};
    multiply_simply(&product);
    product.c = found;
    matmul_gemm(&product);
    assert_memory_equal(found, expected, sizeof found);
    product.accumulate = true;
    matmul_gemm(&product);
    for (int i = 0; i < 320; i++)
        assert_true(isnan(expected[i]) ? isnan(found[i]) : found[i] == 2.0 * expected[i]);
}

static void multiplies_tiles(void **state)
{
    (void)state;
    matmul_kernel_single_thread();
    static const int sides[] = {1, 2, 7, 15};
    for (unsigned i = 0; i < 64; i++)
        check_gemm(sides[i % 4], sides[i / 4 % 4], sides[i / 16]);
    check_gemm(3, 4, 0);
    check_gemm(0, 4, 3);
    check_gemm(3, 0, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generates_known_numbers),
        cmocka_unit_test(fills_a_then_b),
        cmocka_unit_test(sums_up_the_product),
        cmocka_unit_test(does_not_depend_on_what_ran_before),
        cmocka_unit_test(is_the_same_in_a_child),
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(names_its_kernels),
        cmocka_unit_test(multiplies_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
