// SPDX-License-Identifier: BSD-3-Clause
// Many starts of short processes leave nothing behind, neither in the ranks nor in their fork
// servers, and do not get slower.
#include "cases.h"

#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct test_case program_cases[] = {{0}}; // none: it runs by itself

#define WARM_UP 1100 // until a home has as many closed names as it keeps
#define STARTS 1000
#define PART 100
#define AT_ONCE 100
#define GROWTH_KIB 256 // that memory may grow by: one page for each start would be 4,000

struct usage {
    long descriptors, maps, resident_kib, children;
};

static long count_entries(pid_t pid, const char *folder)
{
    char path[64];
    long count = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, folder);
    DIR *entries = opendir(path);
    while (CHECK(entries) && readdir(entries))
        count++;
    if (entries)
        closedir(entries);
    return count;
}

static long count_in(pid_t pid, const char *name, char letter)
{
    char path[64];
    long count = 0;
    int found;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    while (CHECK(file) && (found = getc(file)) != EOF)
        count += found == letter;
    if (file)
        fclose(file);
    return count;
}

static long read_status(pid_t pid, const char *field)
{
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (CHECK(file) && value < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtol(line + strlen(field), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

// Children are those of the one thread that a fork server has, with zombies and the spare.
static struct usage usage_of(pid_t pid)
{
    char children[64];
    snprintf(children, sizeof children, "task/%d/children", (int)pid);
    return (struct usage){count_entries(pid, "fd"), count_in(pid, "maps", '\n'),
                          read_status(pid, "VmRSS:"), count_in(pid, children, ' ')};
}

static void expect_no_growth(const struct usage *before, const struct usage *after)
{
    CHECK_INT(after->descriptors, before->descriptors);
    CHECK(after->maps <= before->maps + 4); // the heap of a thread, or an arena
    CHECK_INT(after->children, before->children);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    CHECK(after->resident_kib <= before->resident_kib + GROWTH_KIB);
#endif
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(const double *times, size_t count)
{
    double sorted[PART];
    memcpy(sorted, times, count * sizeof *times);
    qsort(sorted, count, sizeof *sorted, compare);
    return sorted[count / 2];
}

static void start_many(const struct variant *variant, double *times, int count)
{
    for (int i = 0; i < count; i++) {
        double begin = check_now();
        CHECK_INT(finish(launch(variant, return_nothing, NULL, 0)), 0);
        times[i] = check_now() - begin;
    }
}

// The rank that a process is beside, and its fork server.
static void find_rank(const struct variant *variant, pid_t *rank, pid_t *server)
{
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    *server = (pid_t)read_status(pid_of(process), "PPid:");
    *rank = (pid_t)read_status(*server, "PPid:");
    CHECK_OK(crew_process_kill(process));
    finish(process);
}

static void one_after_the_other(const struct variant *variant)
{
    static double times[WARM_UP > STARTS ? WARM_UP : STARTS];
    pid_t rank, server;
    find_rank(variant, &rank, &server);
    start_many(variant, times, WARM_UP);
    check_sleep(0.1); // for the next spare
    struct usage rank_before = usage_of(rank), server_before = usage_of(server);
    start_many(variant, times, STARTS);
    check_sleep(0.1);
    struct usage rank_after = usage_of(rank), server_after = usage_of(server);
    expect_no_growth(&rank_before, &rank_after);
    expect_no_growth(&server_before, &server_after);
    double first = median(times, PART), last = median(times + STARTS - PART, PART);
    printf("%s: %.0f us at first, %.0f us at last\n", variant->text, 1e6 * first, 1e6 * last);
    CHECK(last < 3 * first);
}

// Wherever there is room.
static void at_once(void)
{
    crew_process processes[AT_ONCE];
    int numbers[AT_ONCE];
    double begin = check_now();
    for (int i = 0; i < AT_ONCE; i++) {
        numbers[i] = i;
        CHECK_OK(crew_process_create(&processes[i], return_number, &numbers[i], sizeof(int), NULL));
        CHECK_OK(crew_process_start(processes[i]));
    }
    for (int i = 0; i < AT_ONCE; i++)
        CHECK_INT(finish(processes[i]), i);
    printf("%d at once: %.1f ms\n", AT_ONCE, 1e3 * (check_now() - begin));
    CHECK_INT(count_active(), 0);
}

static int app(int argc, char **argv)
{
    struct variant variants[] = {{"own rank", {.placement = CREW_ON_RANK(0)}},
                                 {"other rank", {.placement = CREW_ON_RANK(1)}}};
    (void)argc;
    (void)argv;
    for (int i = 0; i < 2 && i < crew_rank_count(); i++) {
        check_begin("starts", variants[i].text);
        one_after_the_other(&variants[i]);
    }
    check_begin("starts", "at once");
    at_once();
    return check_failures() != 0;
}

CREW_MAIN(app)
