/* SPDX-License-Identifier: BSD-3-Clause */
/* Tiles of matrices that are larger than the BLAS can count: of sparse files, which are all zeros
 * but for what is looked at. */
#include "folder.h"
#include "matmul_pool.h"
#include "product_task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#define HEADER 128
#define WIDE (((size_t)1 << 31) + 3)

double matmul_now(void)
{
    return 0;
}

/* A matrix of zeros; false where the file system has no files of that size. */
static bool make_matrix(const char *path, size_t rows, size_t cols)
{
    char header[HEADER + 1];
    snprintf(header, sizeof header, "\x93NUMPY%c%c%c%c%-117s\n", 1, 0, HEADER - 10, 0, "");
    int length =
        snprintf(header + 10, sizeof header - 10,
                 "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, cols);
    header[10 + length] = ' ';
    folder_write(path, "", 0);
    int fd = open(path, O_WRONLY);
    assert_return_code(fd, errno);
    /* Byte by byte: the version and the length have bytes of 0. */
    const char start[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, HEADER - 10, 0};
    memcpy(header, start, sizeof start);
    assert_int_equal(pwrite(fd, header, HEADER, 0), HEADER);
    bool made = ftruncate(fd, (off_t)(HEADER + rows * cols * sizeof(double))) == 0;
    close(fd);
    return made;
}

static void set_element(const char *path, size_t element, double value)
{
    int fd = open(path, O_WRONLY);
    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, &value, sizeof value, (off_t)(HEADER + element * sizeof value)),
                     sizeof value);
    close(fd);
}

/* A is 2 x 3, and B has so many columns that its rows are further apart than an int can say. */
static void multiplies_more_columns_than_an_int_counts(void **state)
{
    static struct product_inputs inputs = {.inner = 3, .visible = true};
    double tile[2 * 5];
    const char *a = folder_path(*state, "a.npy"), *b = folder_path(*state, "b.npy");
    assert_true(make_matrix(a, 2, 3));
    if (!make_matrix(b, 3, WIDE))
        skip();
    for (size_t i = 0; i < 6; i++)
        set_element(a, i, (double)(i + 1));
    for (size_t row = 0; row < 3; row++) {
        set_element(b, row * WIDE, 10.0);
        set_element(b, row * WIDE + WIDE - 1, (double)(row + 1));
    }
    snprintf(inputs.a, sizeof inputs.a, "%s", a);
    snprintf(inputs.b, sizeof inputs.b, "%s", b);
    assert_int_equal(product_prepare(&inputs), CREW_OK);
    const struct product_item last = {0, 2, WIDE - 5, WIDE, {0}, {0}};
    memset(tile, 0x77, sizeof tile);
    assert_int_equal(product_tile(&last, tile), CREW_OK);
    for (size_t i = 0; i < 10; i++)
        assert_true(tile[i] == (i == 4 ? 1 + 4 + 9 : i == 9 ? 4 + 10 + 18 : 0));
    const struct product_item first = {1, 2, 0, 2, {0}, {0}};
    assert_int_equal(product_tile(&first, tile), CREW_OK);
    assert_true(tile[0] == 150 && tile[1] == 0);
    assert_return_code(unlink(a) || unlink(b), 0);
}

/* What no copy makes small enough is an error, and not some other product. */
static void refuses_an_inner_size_beyond_int(void **state)
{
    static struct product_inputs inputs = {.inner = WIDE, .visible = true};
    double tile = 7;
    const char *a = folder_path(*state, "a.npy"), *b = folder_path(*state, "b.npy");
    if (!make_matrix(a, 1, WIDE) || !make_matrix(b, WIDE, 1))
        skip();
    snprintf(inputs.a, sizeof inputs.a, "%s", a);
    snprintf(inputs.b, sizeof inputs.b, "%s", b);
    assert_int_equal(product_prepare(&inputs), CREW_OK);
    /* The panel of A would be copied, 16 GiB of it: an empty one will do. */
    const struct product_item item = {0, 0, 0, 1, {0}, {0}};
    assert_int_equal(product_tile(&item, &tile), CREW_EINVAL);
    assert_non_null(strstr(crew_error_message(), "too large for the BLAS"));
    assert_true(tile == 7);
    assert_return_code(unlink(a) || unlink(b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiplies_more_columns_than_an_int_counts),
        cmocka_unit_test(refuses_an_inner_size_beyond_int),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
