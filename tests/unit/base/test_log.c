/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the log: their form, their levels, their length. */
#include "base/log.h"
#include "unit.h"

#include <crew/log.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char text[4096];

/* What one call prints to stderr. */
static const char *printed(int level, const char *message)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    dup2(ends[1], STDERR_FILENO);
    errno = EBADF;
    crewi_log(level, "%s", message);
    int code = errno;
    dup2(saved, STDERR_FILENO);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    close(saved);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(code, EBADF);
    return text;
}

static void a_line_says_who_and_where(void **state)
{
    (void)state;
    crewi_options.log = CREWI_LOG_DEBUG;
    crewi_log_identify("PoolWorker-2", 1, "node7");
    assert_string_equal(printed(CREWI_LOG_WARNING, "hot"),
                        "[WARNING/PoolWorker-2] rank 1 on node7: hot\n");
    crewi_log_identify("MainProcess", -1, NULL);
    assert_string_equal(printed(CREWI_LOG_ERROR, "bad"), "[ERROR/MainProcess] bad\n");
    assert_string_equal(printed(CREWI_LOG_INFO, ""), "[INFO/MainProcess] \n");
    assert_string_equal(printed(CREWI_LOG_DEBUG, "x"), "[DEBUG/MainProcess] x\n");
}

static void levels(void **state)
{
    (void)state;
    for (int limit = CREWI_LOG_ERROR; limit <= CREWI_LOG_DEBUG; limit++) {
        crewi_options.log = limit;
        for (int level = CREWI_LOG_ERROR; level <= CREWI_LOG_DEBUG; level++) {
            assert_int_equal(crewi_log_enabled(level), level <= limit);
            assert_int_equal(*printed(level, "x") != '\0', level <= limit);
        }
    }
}

static void a_long_line_is_cut_and_ends(void **state)
{
    char message[3000];
    (void)state;
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    crewi_options.log = CREWI_LOG_ERROR;
    crewi_log_identify(name, 1000000, name);
    const char *line = printed(CREWI_LOG_ERROR, message);
    assert_in_range(strlen(line), 500, 1024);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* The log of a process: its own level, one line for each of its handlers, in Python's form. */
static void a_logger_has_its_own_lines(void **state)
{
    struct crewi_logger main = {.name = "MainProcess"}, thread = {.name = "Process-1"};
    (void)state;
    crewi_options.log = CREWI_LOG_ERROR;
    crewi_log_identify("engine", 1, "node7");
    crewi_log_set_process(&main);
    assert_int_equal(crewi_logger_level(&main), CREW_LOG_WARNING);
    assert_string_equal(printed(CREWI_LOG_ERROR, "x"), "[ERROR/engine] rank 1 on node7: x\n");
    assert_string_equal(printed(CREWI_LOG_WARNING, "x"), "");
    crewi_logger_set(&main, (struct crewi_log_settings){.level = 0, .stderr_handlers = 2});
    assert_string_equal(printed(CREWI_LOG_WARNING, "x"),
                        "[WARNING/MainProcess] x\n[WARNING/MainProcess] x\n");
    assert_false(crewi_log_enabled(CREWI_LOG_INFO));
    crewi_log_set_thread(&thread);
    assert_ptr_equal(crewi_logger_current(), &thread);
    assert_string_equal(printed(CREWI_LOG_ERROR, "x"), "[ERROR/Process-1] rank 1 on node7: x\n");
    crewi_logger_set(&thread,
                     (struct crewi_log_settings){.level = CREW_LOG_DEBUG, .stderr_handlers = 1});
    assert_string_equal(printed(CREWI_LOG_DEBUG, "x"), "[DEBUG/Process-1] x\n");
    assert_int_equal(crewi_logger_settings(&thread).level, CREW_LOG_DEBUG);
    crewi_log_set_thread(NULL);
    crewi_log_set_process(NULL);
    assert_int_equal(crewi_logger_settings(NULL).stderr_handlers, 0);
    assert_int_equal(crewi_logger_level(NULL), CREW_LOG_WARNING);
}

static void names_of_levels(void **state)
{
    char name[CREWI_LOG_LEVEL_NAME];
    (void)state;
    crewi_log_level_name(CREW_LOG_SUBWARNING, name);
    assert_string_equal(name, "SUBWARNING");
    crewi_log_level_name(-2147483647 - 1, name);
    assert_string_equal(name, "Level -2147483648");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_who_and_where),
        cmocka_unit_test(levels),
        cmocka_unit_test(a_long_line_is_cut_and_ends),
        cmocka_unit_test(a_logger_has_its_own_lines),
        cmocka_unit_test(names_of_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
