/* SPDX-License-Identifier: BSD-3-Clause */
/* What ps shows. The program starts itself again, with arguments that the test knows. */
#include "node/title.h"
#include "processes.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *own_arguments[] = {(char[]){"a program"}, (char[]){"one"}, (char[]){""},
                                (char[]){"two words"}, NULL};
#define OWN_COUNT 4
#define OWN_SIZE 25 /* of the strings with their ends */

static int argument_count;
static char **arguments;

static size_t read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    memset(text, 'x', size);
    ssize_t got = read(fd, text, size);
    close(fd);
    assert_true(got > 0);
    return (size_t)got;
}

static void the_arguments_are_copied(void **state)
{
    (void)state;
    char **copy = crewi_title_init(argument_count, arguments);
    assert_non_null(copy);
    for (int i = 0; i < OWN_COUNT; i++)
        assert_string_equal(copy[i], own_arguments[i]);
    assert_null(copy[OWN_COUNT]);
    crewi_title_set("x");
    for (int i = 0; i < OWN_COUNT; i++)
        assert_string_equal(copy[i], own_arguments[i]);
    free(copy);
}

static void ps_shows_the_title(void **state)
{
    char text[256];
    (void)state;
    crewi_title_set("Process-1");
    size_t size = read_file("/proc/self/cmdline", text, sizeof text);
    assert_in_range(size, 10, OWN_SIZE);
    assert_string_equal(text, "Process-1");
    for (size_t i = strlen(text); i < size; i++)
        assert_int_equal(text[i], 0);
    read_file("/proc/self/comm", text, sizeof text);
    assert_memory_equal(text, "Process-1\n", 10);
    crewi_title_set("P"); /* nothing of the longer one is left */
    size = read_file("/proc/self/cmdline", text, sizeof text);
    for (size_t i = 1; i < size; i++)
        assert_int_equal(text[i], 0);
}

static void a_long_title_is_cut(void **state)
{
    char text[256];
    (void)state;
    const char *after = arguments[0] + OWN_SIZE; /* the environment */
    char environment[32];
    memcpy(environment, after, sizeof environment);
    crewi_title_set("a title that is longer than all of the arguments together");
    size_t size = read_file("/proc/self/cmdline", text, sizeof text);
    assert_int_equal(size, OWN_SIZE);
    assert_memory_equal(text, "a title that is longer t", OWN_SIZE);
    read_file("/proc/self/comm", text, sizeof text);
    assert_memory_equal(text, "a title that is\n", 16);
    assert_memory_equal(after, environment, sizeof environment);
}

/* Only strings that lie one behind the other are written over. */
static void arguments_with_a_gap(void **state)
{
    char memory[64] = "first\0second\0.third";
    char *scattered[] = {memory, memory + 6, memory + 14, NULL};
    (void)state;
    char **copy = crewi_title_init(3, scattered);
    assert_non_null(copy);
    assert_string_equal(copy[2], "third");
    crewi_title_set("0123456789abcdefghij");
    assert_memory_equal(memory, "0123456789ab\0.third", 20);
    free(copy);
}

static void no_arguments(void **state)
{
    char *none[] = {NULL}, *empty[] = {(char[]){""}, NULL};
    char name[16];
    (void)state;
    char **copy = crewi_title_init(0, none);
    assert_non_null(copy);
    assert_null(copy[0]);
    free(copy);
    crewi_title_set("nameless");
    prctl(PR_GET_NAME, name);
    assert_string_equal(name, "nameless");
    free(crewi_title_init(1, empty));
    crewi_title_set("longer");
    assert_string_equal(empty[0], "");
}

static bool has_own_arguments(int argc, char **argv)
{
    if (argc != OWN_COUNT)
        return false;
    for (int i = 0; i < OWN_COUNT; i++)
        if (strcmp(argv[i], own_arguments[i]) != 0)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_with_a_gap),     cmocka_unit_test(no_arguments),
        cmocka_unit_test(the_arguments_are_copied), /* from here on they are written over */
        cmocka_unit_test(ps_shows_the_title),       cmocka_unit_test(a_long_title_is_cut),
    };
    if (!getenv("TEST_TITLE_AGAIN")) {
        setenv("TEST_TITLE_AGAIN", "1", 1);
        execv("/proc/self/exe", own_arguments);
        return 1;
    }
    argument_count = argc;
    arguments = argv;
    if (!has_own_arguments(argc, argv))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
