// SPDX-License-Identifier: BSD-3-Clause
// The environment variables and the working directory that children have, and the programs that
// they start.
//
// usage: sem_environment             what children see of the program's
//        sem_environment COMMAND...  each is run by the shell, in a task, and has to succeed
#include "cases.h"
#include "check.h"

#include <crew/crew.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct test_case program_cases[] = {{0}};

struct expected {
    char added[16], directory[16];
    int last_rank; // runs a child of the child; -1: there is none
};

static bool is_launchers(const char *entry)
{
    return strncmp(entry, "OMPI_COMM_", 10) == 0 || strncmp(entry, "OMPI_MCA_orte_", 14) == 0 ||
           (strncmp(entry, "PMIX_", 5) == 0 && strncmp(entry, "PMIX_MCA_", 9) != 0);
}

static void check_environment(const struct expected *expected)
{
    char directory[PATH_MAX];
    CHECK_TEXT(getenv("CREW_TEST_ADDED"), expected->added);
    CHECK_TEXT(getenv("CREW_TEST_KEPT"), "kept");
    CHECK(!getenv("CREW_TEST_REMOVED"));
    CHECK_TEXT(getcwd(directory, sizeof directory), expected->directory);
    for (char **entry = environ; *entry; entry++)
        if (is_launchers(*entry))
            CHECK_TEXT(*entry, "");
}

static int child(void *arg)
{
    const struct expected *expected = arg;
    check_environment(expected);
    if (expected->last_rank >= 0) {
        struct expected next = {"child", "/dev", -1};
        crew_process process;
        setenv("CREW_TEST_ADDED", "child", 1);
        CHECK(chdir("/dev") == 0);
        crew_process_attr attr = {.placement = CREW_ON_RANK(expected->last_rank)};
        CHECK_OK(crew_process_create(&process, child, &next, sizeof next, &attr));
        CHECK_OK(crew_process_start(process));
        CHECK_INT(finish(process), 0);
    }
    return check_result();
}

CREW_TASK(look, struct expected, int)
{
    check_environment(item);
    *result = check_result();
    return CREW_OK;
}

static int member(crew_team team, void *arg)
{
    (void)team;
    check_environment(arg);
    return check_result();
}

static void change(const char *value, const char *directory)
{
    setenv("CREW_TEST_ADDED", value, 1);
    CHECK(chdir(directory) == 0);
}

static void check_processes(void)
{
    static const struct expected states[] = {{"one", "/usr", 0}, {"two", "/", 0}, {"", "/", 0}};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        for (int rank = 0; rank < crew_rank_count(); rank++) {
            struct expected expected = states[i];
            crew_process process;
            change(expected.added, expected.directory);
            expected.last_rank = crew_rank_count() - 1;
            crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
            CHECK_OK(crew_process_create(&process, child, &expected, sizeof expected, &attr));
            CHECK_OK(crew_process_start(process));
            CHECK_INT(finish(process), 0);
        }
}

// Workers, also those that replace others; members of a team.
static void check_groups(void)
{
    struct expected expected = {"pool", "/usr", -1}, items[12];
    int results[12];
    crew_pool pool;
    change("pool", "/usr");
    for (int i = 0; i < 12; i++)
        items[i] = expected;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.max_tasks_per_worker = 1}));
    CHECK_OK(crew_pool_map(pool, look, items, results, 12, &(crew_map_attr){.chunk = 1}));
    for (int i = 0; i < 12; i++)
        CHECK_INT(results[i], 0);
    CHECK_OK(crew_pool_destroy(pool));
    change("team", "/");
    expected = (struct expected){"team", "/", -1};
    CHECK_OK(crew_team_run(member, &expected, sizeof expected, NULL));
}

struct command {
    char text[1024];
};

CREW_TASK(run_command, struct command, int)
{
    *result = system(item->text);
    return CREW_OK;
}

static int app(int argc, char **argv)
{
    crew_pool pool;
    unsetenv("CREW_TEST_REMOVED");
    if (argc == 1) {
        check_processes();
        check_groups();
        return check_failures() != 0;
    }
    CHECK_OK(crew_pool_create(&pool, NULL));
    for (int i = 1; i < argc; i++) {
        struct command command = {{0}};
        int status = -1;
        strncpy(command.text, argv[i], sizeof command.text - 1);
        CHECK_OK(crew_pool_apply(pool, run_command, &command, &status));
        CHECK_INT(status, 0);
    }
    CHECK_OK(crew_pool_destroy(pool));
    return check_failures() != 0;
}

int main(int argc, char **argv)
{
    setenv("CREW_TEST_KEPT", "kept", 1);
    setenv("CREW_TEST_REMOVED", "here", 1);
    return crew_run(argc, argv, app);
}
