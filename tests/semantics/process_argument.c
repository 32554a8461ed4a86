// SPDX-License-Identifier: BSD-3-Clause
// Large arguments.
#include "process_cases.h"

#include "check.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE ((size_t)64 << 20)
#define MANY 300

struct large {
    uint64_t size;
    uint64_t words[];
};

static uint64_t word_at(uint64_t index)
{
    return index * 0x9e3779b97f4a7c15;
}

static struct large *make_large(size_t size)
{
    struct large *large = malloc(size);
    if (!CHECK(large))
        abort();
    large->size = size;
    for (uint64_t i = 0; i < size / 8 - 1; i++)
        large->words[i] = word_at(i);
    return large;
}

// Its own copy, aligned, that it may write.
static int check_large(void *arg)
{
    struct large *large = arg;
    uint64_t wrong = 0;
    CHECK_INT((uintptr_t)arg % 16, 0);
    for (uint64_t i = 0; i < large->size / 8 - 1; i++)
        wrong += large->words[i] != word_at(i);
    CHECK_INT(wrong, 0);
    large->words[large->size / 16] = 1;
    large->size = 0;
    return check_result();
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static long resident_pages(void)
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        CHECK_INT(fscanf(file, "%ld %ld", &size, &pages), 2);
        fclose(file);
    }
    return pages;
}

static void run_large(const struct variant *variant, size_t size)
{
    struct large *large = make_large(size);
    crew_process process = make(variant, check_large, large, size);
    large->words[0] = 77; // copied by now
    free(large);
    CHECK_OK(crew_process_start(process));
    CHECK_INT(finish(process), 0);
}

void argument_large(const struct variant *variant)
{
    static const size_t sizes[] = {65528, 65536, 65544, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        run_large(variant, sizes[i]);
    size_t descriptors = count_descriptors();
    long pages = resident_pages();
    run_large(variant, LARGE);
    CHECK_INT(count_descriptors(), descriptors);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    CHECK((resident_pages() - pages) * sysconf(_SC_PAGESIZE) < (long)LARGE / 4);
#else
    (void)pages;
#endif
}

// Also more than there are descriptors for.
void argument_many(const struct variant *variant)
{
    static crew_process processes[MANY];
    CHECK_INT(finish(launch(variant, return_nothing, NULL, 0)), 0); // from then on a port is ahead
    size_t descriptors = count_descriptors(), size = 65536;
    struct large *large = make_large(size);
    for (int i = 0; i < MANY; i++)
        processes[i] = make(variant, check_large, large, size);
    free(large);
    for (int i = 0; i < MANY; i += MANY - 1) {
        CHECK_OK(crew_process_start(processes[i]));
        CHECK_OK(crew_process_join(processes[i], CREW_FOREVER));
        CHECK_INT(exitcode_of(processes[i]), 0);
    }
    for (int i = 0; i < MANY; i++)
        CHECK_OK(crew_process_close(processes[i]));
    CHECK_INT(count_descriptors(), descriptors);
}
