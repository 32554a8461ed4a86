/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz target over inputs that are kept, without libFuzzer: files, or all files of folders.
 */
#include "input.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static unsigned long inputs;

static int run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *data = malloc(size + 1);
    if (!file || !data || fread(data, 1, size, file) != size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    /* A block of exactly that size, so that a sanitizer sees what is read beyond it. */
    unsigned char *exact = realloc(data, size ? size : 1);
    int failed = LLVMFuzzerTestOneInput(exact ? exact : data, size);
    free(exact ? exact : data);
    inputs++;
    return failed;
}

static int run_path(const char *path)
{
    struct stat info;
    if (stat(path, &info)) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(info.st_mode))
        return run_file(path, (size_t)info.st_size);
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), failed = 0;
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            failed |= run_path(inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    printf("%lu inputs\n", inputs);
    if (!inputs)
        fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
    return failed || !inputs;
}
