/* SPDX-License-Identifier: BSD-3-Clause */
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool counts(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int folder_setup(void **state)
{
    char *folder = strdup("/tmp/crew-test-apps-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    assert_return_code(chmod(folder, 0777), 0);
    *state = folder;
    return 0;
}

int folder_teardown(void **state)
{
    DIR *files = opendir(*state);
    assert_non_null(files);
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        if (counts(entry))
            assert_return_code(remove(folder_path(*state, entry->d_name)), 0);
    }
    closedir(files);
    assert_return_code(rmdir(*state), 0);
    free(*state);
    return 0;
}

const char *folder_path(const char *folder, const char *name)
{
    static char paths[16][4096];
    static unsigned next;
    char *path = paths[next++ % 16];
    int length = snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    assert_in_range(length, 1, sizeof paths[0] - 1);
    return path;
}

void folder_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (size > 0)
        assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

size_t folder_read(const char *path, void *data, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(data, 1, capacity, file);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    return size;
}

size_t folder_count(const char *folder)
{
    DIR *files = opendir(folder);
    assert_non_null(files);
    size_t count = 0;
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files))
        count += counts(entry);
    closedir(files);
    return count;
}

size_t open_descriptors(void)
{
    return folder_count("/proc/self/fd");
}
