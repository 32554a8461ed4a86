/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that NumPy wrote, files that are damaged, and files that are no files. */
#include "folder.h"
#include "npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A file of NumPy's, see make_fixtures.py. */
static const char *fixture(const char *name)
{
    return folder_path(FIXTURES, name);
}

static void assert_refused(const char *path, const char *expected)
{
    struct npy_matrix matrix = {.header_size = 77};
    struct npy_error error = {""};
    size_t descriptors = open_descriptors();
    if (npy_open(&matrix, path, &error) != -1)
        fail_msg("opened: %s", path);
    if (strstr(error.text, path) == NULL || strstr(error.text, expected) == NULL)
        fail_msg("expected %s: \"%s\", found \"%s\"", path, expected, error.text);
    assert_int_equal(matrix.header_size, 77);
    assert_int_equal(open_descriptors(), descriptors);
}

static void assert_elements(const struct npy_matrix *matrix)
{
    const size_t rows = matrix->layout.rows;
    const size_t cols = matrix->layout.cols;
    const struct npy_block all = {0, rows, 0, cols};
    double out[32] = {0};
    assert_in_range(rows * cols, 0, 32);
    npy_read_block(matrix, &all, out, cols);
    for (size_t i = 0; i < rows * cols; i++) {
        const size_t row = i / cols;
        const size_t col = i % cols;
        assert_true(out[i] == 10.0 * (double)row + (double)col + 0.25);
    }
}

static void reads_what_numpy_wrote(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct npy_layout layout;
    } cases[] = {
        {"f8-C.npy", {3, 4, NPY_FLOAT64, false}},      {"f8-F.npy", {3, 4, NPY_FLOAT64, true}},
        {"f4-C.npy", {3, 4, NPY_FLOAT32, false}},      {"f4-F.npy", {3, 4, NPY_FLOAT32, true}},
        {"version-2.npy", {3, 4, NPY_FLOAT64, false}}, {"version-3.npy", {3, 4, NPY_FLOAT32, true}},
        {"one.npy", {1, 1, NPY_FLOAT64, false}},       {"no-rows.npy", {0, 5, NPY_FLOAT64, false}},
        {"no-cols.npy", {5, 0, NPY_FLOAT32, false}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct npy_matrix matrix;
        struct npy_error error;
        if (npy_open(&matrix, fixture(cases[i].name), &error) != 0)
            fail_msg("%s", error.text);
        assert_int_equal(matrix.layout.rows, cases[i].layout.rows);
        assert_int_equal(matrix.layout.cols, cases[i].layout.cols);
        assert_int_equal(matrix.layout.dtype, cases[i].layout.dtype);
        assert_int_equal(matrix.layout.fortran, cases[i].layout.fortran);
        assert_elements(&matrix);
        npy_close(&matrix);
        npy_close(&matrix);
    }
}

static void refuses_other_shapes_and_types(void **state)
{
    (void)state;
    assert_refused(fixture("shape-0d.npy"), "the shape is (), but a matrix has two dimensions");
    assert_refused(fixture("shape-1d.npy"), "the shape is (3,), but");
    assert_refused(fixture("shape-3d.npy"), "the shape is (2, 1, 2), but");
    assert_refused(fixture("big-endian.npy"), "dtype '>f8' are not supported, only float64");
    assert_refused(fixture("int64.npy"), "dtype '<i8' are");
    assert_refused(fixture("complex.npy"), "dtype '<c16' are");
    assert_refused(fixture("record.npy"), "dtype [('x', '<f8'), ('y', '<f4', (2,))] are");
}

static void refuses_what_cannot_be_opened(void **state)
{
    char loop[] = "loop.npy";
    assert_refused(folder_path(*state, "missing.npy"), "No such file or directory.");
    assert_refused(folder_path(*state, "missing/x.npy"), "No such file or directory.");
    assert_refused(folder_path(fixture("one.npy"), "x.npy"), "Not a directory.");
    assert_refused(*state, "Is a directory.");
    assert_refused("/dev/null", "not a regular file.");
    assert_return_code(symlink(loop, folder_path(*state, loop)), 0);
    assert_refused(folder_path(*state, loop), "Too many levels of symbolic links.");
    const char *fifo = folder_path(*state, "fifo.npy");
    assert_return_code(mkfifo(fifo, 0666), 0);
    assert_refused(fifo, "not a regular file.");
}

static void refuses_what_it_may_not_read(void **state)
{
    const char *path = folder_path(*state, "secret.npy");
    folder_write(path, "x", 1);
    assert_return_code(chmod(path, 0), 0);
    /* Root may read everything; it becomes nobody for the one call. */
    const uid_t user = geteuid();
    if (user == 0)
        assert_return_code(seteuid(65534), 0);
    struct npy_matrix matrix;
    struct npy_error error;
    int result = npy_open(&matrix, path, &error);
    if (user == 0)
        assert_return_code(seteuid(user), 0);
    assert_int_equal(result, -1);
    assert_non_null(strstr(error.text, "cannot open the matrix: Permission denied."));
}

static void refuses_every_truncation(void **state)
{
    char file[256];
    const char *path = folder_path(*state, "cut.npy");
    const size_t size = folder_read(fixture("f8-C.npy"), file, sizeof file);
    assert_int_equal(size, 224);
    folder_write(path, file, 0);
    assert_refused(path, "not a .npy file: it is empty.");
    for (size_t cut = 1; cut < size; cut++) {
        char expected[128];
        snprintf(expected, sizeof expected,
                 "elements are truncated: expected 96 bytes for 3 x 4 float64, found %zu.",
                 cut - 128);
        folder_write(path, file, cut);
        assert_refused(path, cut < 128 ? "the header is truncated" : expected);
    }
}

static void ignores_what_follows(void **state)
{
    char file[256] = {0};
    struct npy_matrix matrix;
    struct npy_error error;
    const char *path = folder_path(*state, "long.npy");
    folder_read(fixture("f4-F.npy"), file, sizeof file);
    folder_write(path, file, sizeof file);
    assert_int_equal(npy_open(&matrix, path, &error), 0);
    assert_elements(&matrix);
    npy_close(&matrix);
}

static struct npy_identity identity_of(const char *path)
{
    struct npy_matrix matrix;
    struct npy_error error;
    struct npy_identity identity;
    assert_int_equal(npy_open(&matrix, path, &error), 0);
    npy_identity(&matrix, &identity);
    npy_close(&matrix);
    return identity;
}

static void write_at_time(const char *path, const void *data, size_t size, time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds, .tv_nsec = 5},
                                {.tv_sec = seconds, .tv_nsec = 5}};
    folder_write(path, data, size);
    assert_return_code(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void identifies_files(void **state)
{
    char file[256];
    const char *path = folder_path(*state, "a.npy");
    const size_t size = folder_read(fixture("f8-C.npy"), file, sizeof file);
    write_at_time(path, file, size, 1000);
    const struct npy_identity first = identity_of(path);
    assert_int_equal(first.size, size);
    assert_int_equal(first.mtime_ns, 1000000000005);
    struct npy_identity other = identity_of(path);
    assert_null(npy_identity_difference(&first, &other));

    write_at_time(path, file, size, 1001);
    other = identity_of(path);
    assert_string_equal(npy_identity_difference(&first, &other), "modification time");

    for (size_t at = 128; at < size; at++) {
        file[at] ^= 1;
        write_at_time(path, file, size, 1000);
        other = identity_of(path);
        assert_string_equal(npy_identity_difference(&first, &other), "contents");
        file[at] ^= 1;
    }
    write_at_time(path, file, size + 1, 1000);
    other = identity_of(path);
    assert_string_equal(npy_identity_difference(&first, &other), "size");
}

/* Of many elements only samples are read: the ends, and something in between. */
static void identifies_large_matrices(void **state)
{
    (void)state;
    const struct npy_layout layout = {300, 100, NPY_FLOAT64, false};
    double *elements = calloc(layout.rows * layout.cols, sizeof *elements);
    struct npy_matrix matrix;
    struct npy_identity first;
    struct npy_identity other;
    assert_non_null(elements);
    npy_wrap(&matrix, &layout, elements);
    npy_identity(&matrix, &first);
    assert_int_equal(first.size, 240000);
    const size_t changes[] = {0, 15, layout.rows * layout.cols - 1};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        elements[changes[i]] = 1.0;
        npy_identity(&matrix, &other);
        assert_string_equal(npy_identity_difference(&first, &other), "contents");
        elements[changes[i]] = 0.0;
    }
    for (size_t i = 10000; i < 10300; i++)
        elements[i] = 1.0;
    npy_identity(&matrix, &other);
    assert_string_equal(npy_identity_difference(&first, &other), "contents");
    free(elements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_wrote),
        cmocka_unit_test(refuses_other_shapes_and_types),
        cmocka_unit_test(refuses_what_cannot_be_opened),
        cmocka_unit_test(refuses_what_it_may_not_read),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(ignores_what_follows),
        cmocka_unit_test(identifies_files),
        cmocka_unit_test(identifies_large_matrices),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
