// SPDX-License-Identifier: BSD-3-Clause
// A map with a journal that may be killed at any moment. Each task adds a line to a file when it is
// done. usage: journalist JOURNAL LINES
#include <crew/crew.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT 400

static char lines[200];

struct entry {
    int number;
    char lines[200];
};

CREW_TASK(note_down, struct entry, int64_t)
{
    char line[16];
    int size = snprintf(line, sizeof line, "%d\n", item->number);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    *result = (int64_t)item->number * item->number;
    int file = open(item->lines, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || write(file, line, (size_t)size) != size)
        return crew_fail(CREW_ESYSTEM, "cannot write to %s", item->lines);
    close(file);
    return CREW_OK;
}

static int fail(const char *what)
{
    fprintf(stderr, "journalist: %s: %s\n", what, crew_error_message());
    return 1;
}

static int run(int argc, char **argv)
{
    static struct entry entries[COUNT];
    static int64_t results[COUNT];
    crew_pool pool;
    if (argc != 3)
        return 2;
    snprintf(lines, sizeof lines, "%s", argv[2]);
    for (int i = 0; i < COUNT; i++) {
        entries[i].number = i;
        memcpy(entries[i].lines, lines, sizeof lines);
    }
    if (crew_pool_create(&pool, NULL))
        return fail("crew_pool_create");
    crew_map_attr attr = {.journal = argv[1]};
    if (crew_pool_map(pool, note_down, entries, results, COUNT, &attr))
        return fail("crew_pool_map");
    for (int i = 0; i < COUNT; i++)
        if (results[i] != (int64_t)i * i)
            return fail("a result is wrong");
    return crew_pool_destroy(pool) ? fail("crew_pool_destroy") : 0;
}

int main(int argc, char **argv)
{
    return crew_run(argc, argv, run);
}
