// SPDX-License-Identifier: BSD-3-Clause
// What tasks that failed have put into their results: gone, or kept where the caller wants that.
#include "future_cases.h"

#include "check.h"
#include "mark.h"

#include <crew/pool_bytes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 6

struct command {
    int exits_with, dies, tries; // tries: marks so many before it succeeds
    struct mark tried;
};

struct ended {
    int code;
    char output[60];
};

CREW_TASK(run_command, struct command, struct ended)
{
    char tried[64];
    result->code = item->exits_with;
    strcpy(result->output, "what it printed");
    if (item->dies)
        raise(SIGKILL);
    if (item->tries) {
        mark_set(&item->tried, "tried");
        mark_read(&item->tried, tried, sizeof tried);
        if (strlen(tried) > (size_t)item->tries * strlen("tried\n"))
            result->code = 0;
    }
    return result->code ? crew_fail(CREW_EFAILED, "exit code %d", result->code) : CREW_OK;
}

// Results of one size, with and without.
void kept_results(const struct variant *variant)
{
    crew_pool pool = open_pool(2);
    (void)variant;
    for (int keep = 0; keep < 2; keep++) {
        struct command commands[COUNT] = {{0}, {.exits_with = 3}, {.exits_with = 4, .dies = 1}};
        struct ended ended[COUNT];
        crew_status statuses[COUNT];
        commands[3] = (struct command){.exits_with = 5, .tries = 1, .tried = mark_new()};
        commands[4].exits_with = 6;
        const crew_map_attr attr = {
            .statuses = statuses, .keep_failed = keep, .retries = 1, .retry_on = CREW_RETRY_ERROR};
        CHECK_STATUS(crew_pool_map(pool, run_command, commands, ended, COUNT, &attr), CREW_EFAILED);
        static const crew_status expected[COUNT] = {CREW_OK, CREW_EFAILED, CREW_EWORKERDIED,
                                                    CREW_OK, CREW_EFAILED, CREW_OK};
        for (int i = 0; i < COUNT; i++) {
            bool failed = expected[i] == CREW_EFAILED, is_there = !expected[i] || (failed && keep);
            CHECK_STATUS(statuses[i], expected[i]);
            CHECK_INT(ended[i].code, failed && keep ? commands[i].exits_with : 0);
            CHECK_TEXT(ended[i].output, is_there ? "what it printed" : "");
        }
        mark_remove(&commands[3].tried);
    }
    close_pool(pool);
}

struct print {
    size_t size;
    int fails;
};

CREW_BYTES_TASK(print)
{
    const struct print *what = item;
    void *data;
    (void)size;
    crew_status status = crew_output_reserve(output, what->size, &data);
    if (status)
        return status;
    memset(data, 'x', what->size);
    return what->fails ? crew_fail(CREW_EFAILED, "it has printed %zu bytes", what->size) : CREW_OK;
}

static bool is_printed(const struct iovec *result, size_t size)
{
    const char *data = result->iov_base;
    for (size_t i = 0; i < size && result->iov_len == size; i++)
        if (data[i] != 'x')
            return false;
    return result->iov_len == size;
}

// Results of any size: next to each other, and so large that they travel by themselves.
void kept_bytes(const struct variant *variant)
{
    static const size_t sizes[COUNT] = {0, 10, 1000, 30000, 200000, 3000000};
    crew_pool pool = open_pool(1);
    (void)variant;
    for (int keep = 0; keep < 2; keep++) {
        struct print prints[2 * COUNT];
        struct iovec items[2 * COUNT], results[2 * COUNT] = {{0}};
        crew_status statuses[2 * COUNT];
        char room[2000];
        for (int i = 0; i < 2 * COUNT; i++) {
            prints[i] = (struct print){sizes[i % COUNT], i % 3 != 0};
            items[i] = (struct iovec){&prints[i], sizeof prints[i]};
        }
        results[2] = (struct iovec){room, sizeof room};
        const crew_map_attr attr = {.statuses = statuses, .keep_failed = keep, .retries = keep};
        CHECK_STATUS(crew_pool_map_bytes(pool, print, items, results, 2 * COUNT, &attr),
                     CREW_EFAILED);
        for (int i = 0; i < 2 * COUNT; i++) {
            CHECK_STATUS(statuses[i], prints[i].fails ? CREW_EFAILED : CREW_OK);
            CHECK(is_printed(&results[i], prints[i].fails && !keep ? 0 : prints[i].size));
            if (results[i].iov_base != room)
                free(results[i].iov_base);
        }
    }
    close_pool(pool);
}
