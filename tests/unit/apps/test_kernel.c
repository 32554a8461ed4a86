/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers, the products, and that a task's sum is the same bits whatever ran before and
 * wherever it runs. */
#include "kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <sys/mount.h>
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
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            double sum = 0.0;
            for (size_t l = 0; l < p->k; l++)
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
    const size_t side = (size_t)n;
    const struct matmul_product product = {.m = side,
                                           .n = side,
                                           .k = side,
                                           .a = a,
                                           .lda = side,
                                           .b = b,
                                           .ldb = side,
                                           .c = c,
                                           .ldc = side};
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

static void check_gemm(size_t m, size_t n, size_t k)
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
    assert_int_equal(matmul_gemm(&product), 0);
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
    static const size_t sides[] = {1, 2, 7, 15};
    for (unsigned i = 0; i < 64; i++)
        check_gemm(sides[i % 4], sides[i / 4 % 4], sides[i / 16]);
    check_gemm(3, 4, 0);
    check_gemm(0, 4, 3);
    check_gemm(3, 0, 4);
}

/* The BLAS would take them for other, negative ones. */
static void refuses_sizes_beyond_int(void **state)
{
    (void)state;
    double one = 2, c = 7;
    const size_t many = MATMUL_GEMM_MOST + 1;
    const struct matmul_product fine = {
        .m = 1, .n = 1, .k = 1, .a = &one, .lda = 1, .b = &one, .ldb = 1, .c = &c, .ldc = 1};
    struct matmul_product bad[6] = {fine, fine, fine, fine, fine, fine};
    bad[0].m = many;
    bad[1].n = many;
    bad[2].k = many;
    bad[3].lda = many;
    bad[4].ldb = many << 32;
    bad[5].ldc = many;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(matmul_gemm(&bad[i]), -1);
        assert_true(c == 7);
    }
    bad[4].ldb = MATMUL_GEMM_MOST;
    assert_int_equal(matmul_gemm(&bad[4]), 0);
    assert_true(c == 4);
}

/* libxsmm would create a file in /tmp, through a symbolic link that somebody else may have put
 * there. In a mount namespace of a child's own nobody else does anything in /tmp. */
static void leaves_no_file_in_tmp(void **state)
{
    char link[64];
    (void)state;
    const uid_t user = getuid();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        snprintf(link, sizeof link, "/tmp/.libxsmm.%u", (unsigned)user);
        if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("none", "/tmp", "tmpfs", 0, NULL) || symlink("/tmp/victim", link))
            _exit(77);
        if (matmul_batch_task(3, 20, 1) != matmul_batch_task(3, 20, 1))
            _exit(1);
        if (access("/tmp/victim", F_OK) == 0 || unlink(link) != 0)
            _exit(2);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_no_file_in_tmp), /* first: the library is not in use yet */
        cmocka_unit_test(generates_known_numbers),
        cmocka_unit_test(fills_a_then_b),
        cmocka_unit_test(sums_up_the_product),
        cmocka_unit_test(does_not_depend_on_what_ran_before),
        cmocka_unit_test(is_the_same_in_a_child),
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(names_its_kernels),
        cmocka_unit_test(multiplies_tiles),
        cmocka_unit_test(refuses_sizes_beyond_int),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
