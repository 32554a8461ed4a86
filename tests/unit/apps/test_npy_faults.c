/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Failing calls, one after the other: for every n, the n-th call to the system fails, and whatever
 * comes out, there is a whole file or the old one, and no descriptor and no name is left behind.
 *
 * The linker puts the functions of this file between the library and libc (--wrap).
 */
#include "folder.h"
#include "npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    int countdown;  /* Calls until one fails; 0: none does. */
    int code;       /* Its errno. */
    bool nameless;  /* Whether the file system knows O_TMPFILE. */
    bool no_links;  /* Whether linkat() is refused altogether. */
    size_t at_most; /* Bytes of a write, if not 0. */
} faults;

static bool fails(void)
{
    if (faults.countdown == 0 || --faults.countdown > 0)
        return false;
    errno = faults.code;
    return true;
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);
int __real_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode);
int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_faccessat(int folder, const char *path, int mode, int flags);
int __wrap_faccessat(int folder, const char *path, int mode, int flags);
int __real_fallocate(int fd, int mode, off_t offset, off_t size);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_linkat(int from, const char *old, int to, const char *new, int flags);
int __wrap_linkat(int from, const char *old, int to, const char *new, int flags);
int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);

int __wrap_open(const char *path, int flags, mode_t mode)
{
    return fails() ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int folder, const char *path, int flags, mode_t mode)
{
    if (!faults.nameless && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return fails() ? -1 : __real_openat(folder, path, flags, mode);
}

int __wrap_fstat(int fd, struct stat *status)
{
    return fails() ? -1 : __real_fstat(fd, status);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(address, size, protection, flags, fd, offset);
}

int __wrap_faccessat(int folder, const char *path, int mode, int flags)
{
    return fails() ? -1 : __real_faccessat(folder, path, mode, flags);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t size)
{
    return fails() ? -1 : __real_fallocate(fd, mode, offset, size);
}

int __wrap_ftruncate(int fd, off_t size)
{
    return fails() ? -1 : __real_ftruncate(fd, size);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (faults.at_most != 0 && size > faults.at_most)
        size = faults.at_most;
    return fails() ? -1 : __real_pwrite(fd, data, size, offset);
}

int __wrap_fsync(int fd)
{
    return fails() ? -1 : __real_fsync(fd);
}

int __wrap_linkat(int from, const char *old, int to, const char *new, int flags)
{
    if (faults.no_links) {
        errno = EPERM;
        return -1;
    }
    return fails() ? -1 : __real_linkat(from, old, to, new, flags);
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
    return fails() ? -1 : __real_renameat(from, old, to, new);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails() ? NULL : __real_strndup(text, size);
}

static const double elements[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static int write_matrix(const char *path, struct npy_error *error)
{
    const struct npy_layout layout = {3, 4, NPY_FLOAT64, false};
    const struct npy_block left = {0, 3, 0, 2};
    const struct npy_block right = {0, 3, 2, 4};
    struct npy_writer writer;
    if (npy_writer_create(&writer, path, &layout, error) != 0)
        return -1;
    if (npy_writer_put(&writer, &left, elements, 4, error) != 0 ||
        npy_writer_put(&writer, &right, elements + 2, 4, error) != 0) {
        npy_writer_abort(&writer);
        return -1;
    }
    return npy_writer_commit(&writer, error);
}

static void assert_whole(const char *path)
{
    char file[256];
    assert_int_equal(folder_read(path, file, sizeof file), 128 + sizeof elements);
    assert_memory_equal(file + 128, elements, sizeof elements);
}

static void assert_old(const char *path)
{
    char file[16];
    assert_int_equal(folder_read(path, file, sizeof file), 3);
}

/* A complete file that could not have its name is where the error says. */
static void take_saved(const struct npy_error *error)
{
    const char *said = strstr(error->text, "It was saved as ");
    if (said == NULL)
        return;
    char path[512];
    snprintf(path, sizeof path, "%s", said + strlen("It was saved as "));
    path[strlen(path) - 1] = '\0'; /* the full stop */
    assert_whole(path);
    assert_return_code(unlink(path), 0);
}

/* One run with the n-th call failing. Returns whether there were that many calls. */
static bool run_with_fault(const char *folder, int n, bool replace)
{
    const char *path = folder_path(folder, "x.npy");
    const size_t descriptors = open_descriptors();
    struct npy_error error = {""};
    if (replace)
        folder_write(path, "old", 3);
    faults.countdown = n;
    int result = write_matrix(path, &error);
    bool reached = faults.countdown == 0;
    faults.countdown = 0;
    if (result == 0) {
        assert_whole(path);
        assert_int_equal(folder_count(folder), 1);
    } else {
        assert_true(reached);
        assert_non_null(strstr(error.text, "x.npy: cannot "));
        take_saved(&error);
        assert_int_equal(folder_count(folder), replace);
        if (replace)
            assert_old(path);
    }
    assert_int_equal(open_descriptors(), descriptors);
    unlink(path);
    return reached;
}

static void sweep_writer(const char *folder, bool replace)
{
    static const int codes[] = {EIO, ENOSPC, EOPNOTSUPP, EINTR, EEXIST, ENOMEM};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        int n = 1;
        faults.code = codes[i];
        while (run_with_fault(folder, n, replace))
            n++;
        /* Two copies of the path, two folders, the file, its size, seven writes, two syncs, a name.
         */
        assert_in_range(n, 15, 25);
    }
}

static void writer_survives_every_fault(void **state)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        faults.nameless = (kind & 1) != 0;
        sweep_writer(*state, (kind & 2) != 0);
    }
}

static void writer_goes_on_after_short_writes(void **state)
{
    const char *path = folder_path(*state, "x.npy");
    struct npy_error error;
    faults.nameless = true;
    faults.at_most = 5;
    assert_int_equal(write_matrix(path, &error), 0);
    faults.at_most = 0;
    assert_whole(path);
    assert_return_code(unlink(path), 0);
}

/* Where files cannot be linked, it is a copy that gets the name. */
static void writer_copies_what_cannot_be_linked(void **state)
{
    const char *path = folder_path(*state, "x.npy");
    struct npy_error error;
    struct stat status;
    faults.nameless = true;
    faults.no_links = true;
    for (int replace = 0; replace < 2; replace++) {
        assert_int_equal(write_matrix(path, &error), 0);
        assert_whole(path);
        assert_int_equal(folder_count(*state), 1);
        assert_return_code(chmod(path, 0640), 0);
    }
    assert_int_equal(write_matrix(path, &error), 0);
    assert_return_code(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    for (int n = 1; run_with_fault(*state, n, true); n++)
        continue;
    faults.no_links = false;
}

/* The name was taken by a folder meanwhile, or the whole folder is gone. */
static void writer_keeps_what_cannot_have_its_name(void **state)
{
    const struct npy_layout layout = {3, 4, NPY_FLOAT64, false};
    const struct npy_block all = {0, 3, 0, 4};
    const char *folder = folder_path(*state, "folder"), *path = folder_path(folder, "x.npy");
    struct npy_writer writer;
    struct npy_error error;
    setenv("TMPDIR", *state, 1);
    faults.nameless = true;
    for (int gone = 0; gone < 2; gone++) {
        assert_return_code(mkdir(folder, 0755), 0);
        assert_int_equal(npy_writer_create(&writer, path, &layout, &error), 0);
        assert_int_equal(npy_writer_put(&writer, &all, elements, 4, &error), 0);
        assert_return_code(gone ? rmdir(folder) : mkdir(path, 0755), 0);
        assert_int_equal(npy_writer_commit(&writer, &error), -1);
        assert_non_null(strstr(error.text, gone ? "No such file" : "Is a directory"));
        assert_non_null(strstr(error.text, "It was saved as "));
        take_saved(&error);
        if (!gone)
            assert_return_code(rmdir(path) || rmdir(folder), 0);
    }
    assert_int_equal(folder_count(*state), 0);
}

/* A name left behind by a program of another node with the same process id is passed over. */
static void writer_passes_over_taken_names(void **state)
{
    char name[64];
    const char *path = folder_path(*state, "x.npy");
    struct npy_error error;
    snprintf(name, sizeof name, ".matmul-%ld-0.npy.tmp", (long)getpid());
    const char *taken = folder_path(*state, name);
    folder_write(taken, "other", 5);
    for (unsigned kind = 0; kind < 2; kind++) {
        faults.nameless = kind != 0;
        assert_int_equal(write_matrix(path, &error), 0);
        assert_whole(path);
        assert_int_equal(folder_read(taken, name, sizeof name), 5);
        assert_int_equal(folder_count(*state), 2);
    }
    assert_return_code(unlink(taken), 0);
    assert_return_code(unlink(path), 0);
}

static void open_survives_every_fault(void **state)
{
    (void)state;
    const size_t descriptors = open_descriptors();
    struct npy_matrix matrix;
    struct npy_error error;
    faults.code = EIO;
    for (int n = 1; n <= 3; n++) {
        faults.countdown = n;
        assert_int_equal(npy_open(&matrix, folder_path(FIXTURES, "f8-C.npy"), &error), -1);
        assert_int_equal(faults.countdown, 0);
        assert_non_null(strstr(error.text, "Input/output error."));
        assert_int_equal(open_descriptors(), descriptors);
    }
    assert_int_equal(npy_open(&matrix, folder_path(FIXTURES, "f8-C.npy"), &error), 0);
    npy_close(&matrix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_survives_every_fault),
        cmocka_unit_test(writer_goes_on_after_short_writes),
        cmocka_unit_test(writer_copies_what_cannot_be_linked),
        cmocka_unit_test(writer_keeps_what_cannot_have_its_name),
        cmocka_unit_test(writer_passes_over_taken_names),
        cmocka_unit_test(open_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
