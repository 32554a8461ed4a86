/* SPDX-License-Identifier: BSD-3-Clause */
/* Files written in tiles: what is in them, what NumPy says to them, and what is left where it
 * fails. */
#include "folder.h"
#include "npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static double element(size_t row, size_t col)
{
    return 10.0 * (double)row + (double)col + 0.25;
}

static struct npy_writer create(const char *path, size_t rows, size_t cols, enum npy_dtype dtype)
{
    const struct npy_layout layout = {rows, cols, dtype, false};
    struct npy_writer writer;
    struct npy_error error;
    if (npy_writer_create(&writer, path, &layout, &error) != 0)
        fail_msg("%s", error.text);
    return writer;
}

static int put(struct npy_writer *writer, const struct npy_block *where, struct npy_error *error)
{
    const size_t rows = where->row_end - where->row_begin;
    const size_t stride = where->col_end - where->col_begin + 2;
    double *tile = calloc(rows * stride + 1, sizeof *tile);
    assert_non_null(tile);
    for (size_t row = 0; row < rows; row++) {
        for (size_t col = 0; col < stride; col++)
            tile[row * stride + col] = element(where->row_begin + row, where->col_begin + col);
    }
    int result = npy_writer_put(writer, where, tile, stride, error);
    free(tile);
    return result;
}

/* Writes the matrix in tiles of the given sides, the last first, and commits it. */
static void write_tiles(struct npy_writer *writer, size_t tile_rows, size_t tile_cols)
{
    const struct npy_layout layout = writer->layout;
    struct npy_error error;
    for (size_t row = layout.rows; row > 0;) {
        const size_t row_end = row;
        row -= row < tile_rows ? row : tile_rows;
        for (size_t col = 0; col < layout.cols; col += tile_cols) {
            const size_t rest = layout.cols - col;
            const struct npy_block where = {row, row_end, col,
                                            col + (rest < tile_cols ? rest : tile_cols)};
            if (put(writer, &where, &error) != 0)
                fail_msg("%s", error.text);
        }
    }
    if (npy_writer_commit(writer, &error) != 0)
        fail_msg("%s", error.text);
}

static void assert_written(const char *path, const struct npy_layout *layout)
{
    struct npy_matrix matrix;
    struct npy_error error;
    if (npy_open(&matrix, path, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(matrix.layout.rows, layout->rows);
    assert_int_equal(matrix.layout.cols, layout->cols);
    assert_int_equal(matrix.layout.dtype, layout->dtype);
    const size_t count = layout->rows * layout->cols;
    double *out = calloc(count + 1, sizeof *out);
    const struct npy_block all = {0, layout->rows, 0, layout->cols};
    assert_non_null(out);
    npy_read_block(&matrix, &all, out, layout->cols);
    for (size_t i = 0; i < count; i++) {
        double expected = element(i / layout->cols, i % layout->cols);
        assert_true(out[i] == (layout->dtype == NPY_FLOAT32 ? (double)(float)expected : expected));
    }
    free(out);
    npy_close(&matrix);
}

static void writes_tiles(void **state)
{
    static const struct {
        struct npy_layout layout;
        size_t tile_rows, tile_cols;
    } cases[] = {
        {{7, 9, NPY_FLOAT64, false}, 3, 4},       {{7, 9, NPY_FLOAT32, false}, 3, 4},
        {{7, 9, NPY_FLOAT64, false}, 7, 9},       {{3, 2500, NPY_FLOAT32, false}, 2, 2500},
        {{3, 2500, NPY_FLOAT32, false}, 2, 1025}, {{1, 1, NPY_FLOAT64, false}, 1, 1},
        {{0, 5, NPY_FLOAT64, false}, 1, 1},       {{5, 0, NPY_FLOAT32, false}, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct npy_layout *layout = &cases[i].layout;
        const char *path = folder_path(*state, "tiles.npy");
        const size_t descriptors = open_descriptors();
        struct npy_writer writer = create(path, layout->rows, layout->cols, layout->dtype);
        write_tiles(&writer, cases[i].tile_rows, cases[i].tile_cols);
        assert_written(path, layout);
        assert_int_equal(open_descriptors(), descriptors);
        assert_int_equal(folder_count(*state), 1);
        assert_return_code(unlink(path), 0);
    }
}

static void writes_byte_by_byte_what_numpy_writes(void **state)
{
    static const struct {
        const char *fixture;
        struct npy_layout layout;
    } cases[] = {
        {"f8-C.npy", {3, 4, NPY_FLOAT64, false}},    {"f4-C.npy", {3, 4, NPY_FLOAT32, false}},
        {"one.npy", {1, 1, NPY_FLOAT64, false}},     {"no-rows.npy", {0, 5, NPY_FLOAT64, false}},
        {"no-cols.npy", {5, 0, NPY_FLOAT32, false}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct npy_layout *layout = &cases[i].layout;
        const char *path = folder_path(*state, "same.npy");
        char expected[512];
        char found[512];
        struct npy_writer writer = create(path, layout->rows, layout->cols, layout->dtype);
        write_tiles(&writer, 2, 3);
        size_t size =
            folder_read(folder_path(FIXTURES, cases[i].fixture), expected, sizeof expected);
        assert_int_equal(folder_read(path, found, sizeof found), size);
        assert_memory_equal(found, expected, size);
        assert_return_code(unlink(path), 0);
    }
}

/* Whole rows that lie together in memory too are one write; the other tests have gaps. */
static void writes_rows_without_gaps(void **state)
{
    const char *path = folder_path(*state, "whole.npy");
    const struct npy_block where = {1, 3, 0, 2};
    const double tile[] = {element(1, 0), element(1, 1), element(2, 0), element(2, 1)};
    const double first[] = {element(0, 0), element(0, 1)};
    const struct npy_block top = {0, 1, 0, 2};
    for (enum npy_dtype dtype = NPY_FLOAT64; dtype <= NPY_FLOAT32; dtype++) {
        struct npy_error error;
        struct npy_writer writer = create(path, 3, 2, dtype);
        assert_int_equal(npy_writer_put(&writer, &where, tile, 2, &error), 0);
        assert_int_equal(npy_writer_put(&writer, &top, first, 2, &error), 0);
        assert_int_equal(npy_writer_commit(&writer, &error), 0);
        assert_written(path, &(struct npy_layout){3, 2, dtype, false});
    }
    assert_return_code(unlink(path), 0);
}

static void leaves_zeros_where_nothing_was_put(void **state)
{
    const char *path = folder_path(*state, "zeros.npy");
    struct npy_error error;
    char file[256];
    char zeros[6 * sizeof(double)] = {0};
    struct npy_writer writer = create(path, 2, 3, NPY_FLOAT64);
    assert_int_equal(npy_writer_commit(&writer, &error), 0);
    assert_int_equal(folder_read(path, file, sizeof file), 128 + sizeof zeros);
    assert_memory_equal(file + 128, zeros, sizeof zeros);
    assert_return_code(unlink(path), 0);
}

static void numpy_loads_it(void **state)
{
    static const char python[] = "/usr/bin/python3";
    char command[512];
    snprintf(command, sizeof command, "%s -c 'import numpy' 2> /dev/null", python);
    if (system(command) != 0)
        skip();
    const char *path = folder_path(*state, "numpy.npy");
    struct npy_writer writer = create(path, 70, 33, NPY_FLOAT32);
    write_tiles(&writer, 16, 16);
    snprintf(command, sizeof command,
             "%s -c 'import numpy; m = numpy.load(\"%s\"); "
             "e = numpy.add.outer(10.0 * numpy.arange(70), numpy.arange(33) + 0.25); "
             "assert m.dtype == numpy.float32 and (m == e).all() and m.flags.c_contiguous'",
             python, path);
    assert_int_equal(system(command), 0);
    assert_return_code(unlink(path), 0);
}

static void replaces_only_at_the_commit(void **state)
{
    const char *path = folder_path(*state, "old.npy");
    char found[16];
    folder_write(path, "old", 3);
    struct npy_writer writer = create(path, 3, 4, NPY_FLOAT64);
    assert_int_equal(folder_read(path, found, sizeof found), 3);
    write_tiles(&writer, 2, 2);
    assert_written(path, &(struct npy_layout){3, 4, NPY_FLOAT64, false});
    assert_int_equal(folder_count(*state), 1);
    assert_return_code(unlink(path), 0);
}

static void abort_leaves_nothing(void **state)
{
    const size_t descriptors = open_descriptors();
    struct npy_error error;
    struct npy_writer writer = create(folder_path(*state, "aborted.npy"), 3, 4, NPY_FLOAT64);
    assert_int_equal(put(&writer, &(struct npy_block){0, 2, 1, 3}, &error), 0);
    errno = 77;
    npy_writer_abort(&writer);
    npy_writer_abort(&writer);
    assert_int_equal(errno, 77);
    assert_int_equal(folder_count(*state), 0);
    assert_int_equal(open_descriptors(), descriptors);
}

static void a_killed_program_leaves_nothing(void **state)
{
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0) {
        struct npy_writer writer = create(folder_path(*state, "killed.npy"), 3, 4, NPY_FLOAT64);
        /* A hidden name, on file systems without nameless files, is known to stay. */
        if (writer.temporary[0] != '\0')
            npy_writer_abort(&writer);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(folder_count(*state), 0);
}

static void follows_symbolic_links(void **state)
{
    const char *path = folder_path(*state, "target.npy");
    const char *link = folder_path(*state, "link.npy");
    struct stat status;
    folder_write(path, "old", 3);
    assert_return_code(symlink("target.npy", link), 0);
    struct npy_writer writer = create(link, 2, 2, NPY_FLOAT64);
    write_tiles(&writer, 2, 2);
    assert_return_code(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_written(path, &(struct npy_layout){2, 2, NPY_FLOAT64, false});
    assert_return_code(unlink(link), 0);
    assert_return_code(unlink(path), 0);
}

/* A link that leads to nothing yet: the file comes into being where it leads. */
static void follows_dangling_links(void **state)
{
    const char *path = folder_path(*state, "target.npy");
    const char *link = folder_path(*state, "link.npy");
    struct stat status;
    assert_return_code(symlink("target.npy", link), 0);
    struct npy_writer writer = create(link, 2, 2, NPY_FLOAT64);
    write_tiles(&writer, 2, 2);
    assert_return_code(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_written(path, &(struct npy_layout){2, 2, NPY_FLOAT64, false});
    assert_return_code(unlink(link), 0);
    assert_return_code(unlink(path), 0);
}

static void keeps_the_permissions(void **state)
{
    static const mode_t modes[] = {0600, 0444, 0640, 0666, 0755};
    const char *path = folder_path(*state, "kept.npy");
    const uid_t owner = geteuid() == 0 ? 12345 : geteuid();
    const gid_t group = geteuid() == 0 ? 12346 : getegid();
    struct stat status;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        folder_write(path, "old", 3);
        assert_return_code(chown(path, owner, group), 0);
        assert_return_code(chmod(path, modes[i]), 0);
        struct npy_writer writer = create(path, 2, 2, NPY_FLOAT64);
        assert_return_code(fstat(writer.fd, &status), 0);
        assert_int_equal(status.st_mode & 0777, modes[i]); /* before anything is in it */
        write_tiles(&writer, 2, 2);
        assert_return_code(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, modes[i]);
        assert_int_equal(status.st_uid, owner);
        assert_int_equal(status.st_gid, group);
        assert_return_code(unlink(path), 0);
    }
    const mode_t mask = umask(027);
    struct npy_writer writer = create(path, 2, 2, NPY_FLOAT64);
    umask(mask);
    write_tiles(&writer, 2, 2);
    assert_return_code(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_return_code(unlink(path), 0);
}

static void keeps_to_its_folder(void **state)
{
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_return_code(chdir(*state), 0);
    struct npy_writer writer = create("relative.npy", 2, 2, NPY_FLOAT64);
    assert_return_code(chdir(before), 0);
    write_tiles(&writer, 2, 2);
    const char *path = folder_path(*state, "relative.npy");
    assert_written(path, &(struct npy_layout){2, 2, NPY_FLOAT64, false});
    assert_return_code(unlink(path), 0);
}

static void assert_refused(const char *path, const struct npy_layout *layout, const char *expected)
{
    struct npy_writer writer = {.fd = 77};
    struct npy_error error = {""};
    const size_t descriptors = open_descriptors();
    if (npy_writer_create(&writer, path, layout, &error) != -1)
        fail_msg("created: %s", path);
    if (strstr(error.text, expected) == NULL)
        fail_msg("expected \"%s\", found \"%s\"", expected, error.text);
    assert_int_equal(writer.fd, 77);
    assert_int_equal(open_descriptors(), descriptors);
}

static void refuses_bad_targets(void **state)
{
    const struct npy_layout small = {2, 2, NPY_FLOAT64, false};
    const char *file = folder_path(*state, "file");
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    folder_write(file, "x", 1);
    assert_refused("", &small, "cannot write the matrix: No such file or directory.");
    assert_refused("/", &small, "Is a directory.");
    assert_refused(*state, &small, "Is a directory.");
    assert_refused(folder_path(*state, "new/"), &small, "Is a directory.");
    assert_refused(folder_path(*state, name), &small, "File name too long.");
    assert_refused("/dev/null", &small, "taken by something that is not a regular file.");
    assert_refused(folder_path(*state, "missing/x.npy"), &small, "missing/: No such file");
    assert_refused(folder_path(file, "x.npy"), &small, "Not a directory.");
    assert_refused("/proc/x.npy", &small, "cannot write the matrix: ");
    assert_int_equal(folder_count(*state), 1);
    assert_return_code(unlink(file), 0);
}

/* What another user has put under the name, in a folder like /tmp. */
static void refuses_planted_targets(void **state)
{
    const struct npy_layout layout = {2, 2, NPY_FLOAT64, false};
    const char *folder = folder_path(*state, "sticky"), *path = folder_path(folder, "x.npy");
    const char *victim = folder_path(*state, "victim.npy");
    char old[8];
    if (geteuid() != 0) /* to make somebody else of it */
        skip();
    folder_write(victim, "old", 3);
    assert_return_code(mkdir(folder, 0700), 0);
    assert_return_code(chmod(folder, 01777), 0);
    assert_return_code(symlink(victim, path), 0);
    assert_return_code(lchown(path, 12345, 12345), 0);
    assert_refused(path, &layout, "a symbolic link on the way belongs to another user");
    assert_return_code(unlink(path), 0);
    folder_write(path, "his", 3);
    assert_return_code(chown(path, 12345, 12345), 0);
    assert_refused(path, &layout, "the file belongs to another user");
    assert_int_equal(folder_read(victim, old, sizeof old), 3);
    assert_return_code(unlink(path) || rmdir(folder) || unlink(victim), 0);
}

static void refuses_bad_layouts(void **state)
{
    const char *path = folder_path(*state, "layout.npy");
    assert_refused(path, &(struct npy_layout){2, 2, NPY_FLOAT64, true}, "C order only");
    assert_refused(path, &(struct npy_layout){SIZE_MAX, SIZE_MAX, NPY_FLOAT64, false},
                   "more than a file can have");
    assert_refused(path, &(struct npy_layout){1, INT64_MAX / 8, NPY_FLOAT64, false},
                   "more than a file can have");
    assert_refused(path, &(struct npy_layout){INT64_MAX / 16, 1, NPY_FLOAT64, false},
                   "cannot reserve 4611686018427388024 bytes for the matrix: ");
    assert_int_equal(folder_count(*state), 0);
}

static void refuses_tiles_outside(void **state)
{
    static const struct npy_block outside[] = {
        {0, 4, 0, 1}, {0, 1, 0, 5}, {2, 1, 0, 1}, {0, 1, 2, 1}, {4, 4, 0, 0}, {SIZE_MAX, 1, 0, 1},
    };
    const double tile[32] = {0};
    struct npy_error error;
    struct npy_writer writer = create(folder_path(*state, "outside.npy"), 3, 4, NPY_FLOAT64);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_int_equal(npy_writer_put(&writer, &outside[i], tile, 4, &error), -1);
        assert_non_null(strstr(error.text, "is not inside 3 x 4."));
    }
    npy_writer_abort(&writer);
}

/* Runs as nobody where the test is root's, who may write everywhere. */
static void refuses_folders_that_are_not_ours(void **state)
{
    const struct npy_layout small = {2, 2, NPY_FLOAT64, false};
    const uid_t user = geteuid();
    assert_return_code(chmod(*state, 0555), 0);
    if (user == 0)
        assert_return_code(seteuid(65534), 0);
    struct npy_writer writer;
    struct npy_error error;
    int result = npy_writer_create(&writer, folder_path(*state, "x.npy"), &small, &error);
    if (user == 0)
        assert_return_code(seteuid(user), 0);
    assert_return_code(chmod(*state, 0777), 0);
    assert_int_equal(result, -1);
    assert_non_null(strstr(error.text, "x.npy: cannot write the matrix: Permission denied."));
}

static void says_at_once_that_the_disk_is_full(void **state)
{
    if (mount("crew-test", *state, "tmpfs", 0, "size=64k") != 0)
        skip();
    const struct npy_layout large = {100, 100, NPY_FLOAT64, false};
    struct npy_writer writer;
    struct npy_error error;
    int result = npy_writer_create(&writer, folder_path(*state, "x.npy"), &large, &error);
    size_t left = folder_count(*state);
    assert_return_code(umount(*state), 0);
    assert_int_equal(result, -1);
    assert_non_null(strstr(error.text, "cannot reserve 80128 bytes for the matrix: No space left"));
    assert_int_equal(left, 0);
}

static void keeps_to_the_file_size_limit(void **state)
{
    const struct npy_layout large = {100, 100, NPY_FLOAT64, false};
    struct rlimit before;
    assert_return_code(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_return_code(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_refused(folder_path(*state, "x.npy"), &large, "File too large.");
    assert_return_code(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(folder_count(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_tiles),
        cmocka_unit_test(writes_byte_by_byte_what_numpy_writes),
        cmocka_unit_test(writes_rows_without_gaps),
        cmocka_unit_test(leaves_zeros_where_nothing_was_put),
        cmocka_unit_test(numpy_loads_it),
        cmocka_unit_test(replaces_only_at_the_commit),
        cmocka_unit_test(abort_leaves_nothing),
        cmocka_unit_test(a_killed_program_leaves_nothing),
        cmocka_unit_test(follows_symbolic_links),
        cmocka_unit_test(follows_dangling_links),
        cmocka_unit_test(keeps_the_permissions),
        cmocka_unit_test(keeps_to_its_folder),
        cmocka_unit_test(refuses_bad_targets),
        cmocka_unit_test(refuses_planted_targets),
        cmocka_unit_test(refuses_bad_layouts),
        cmocka_unit_test(refuses_tiles_outside),
        cmocka_unit_test(refuses_folders_that_are_not_ours),
        cmocka_unit_test(says_at_once_that_the_disk_is_full),
        cmocka_unit_test(keeps_to_the_file_size_limit),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
