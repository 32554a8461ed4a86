// SPDX-License-Identifier: BSD-3-Clause
// The log: silent at first, handlers for standard error, handlers of the program's, and what
// processes begin with.
#include "log_cases.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// What is written to standard error from here on goes to a file.
struct capture {
    struct mark file;
    int saved;
};

static struct capture begin_capture(void)
{
    struct capture capture = {mark_new(), dup(STDERR_FILENO)};
    int fd = open(capture.file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    close(fd);
    return capture;
}

static void end_capture(const struct capture *capture, char *text, size_t size)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    mark_read(&capture->file, text, size);
    mark_remove(&capture->file);
}

// What one call writes.
static const char *logged(int level, const char *message)
{
    static char text[16384];
    struct capture capture = begin_capture();
    errno = ERANGE;
    crew_log(level, "%s", message);
    int code = errno;
    end_capture(&capture, text, sizeof text);
    CHECK_INT(code, ERANGE);
    return text;
}

static const char *own_line(const char *level, const char *message)
{
    static char line[8192];
    char name[CREW_NAME_SIZE] = "";
    CHECK_OK(crew_process_name(crew_current_process(), name, sizeof name));
    snprintf(line, sizeof line, "[%s/%s] %s\n", level, name, message);
    return line;
}

static void check_levels(void)
{
    static const struct {
        int level;
        const char *name;
    } levels[] = {
        {CREW_LOG_SUBDEBUG, "SUBDEBUG"}, {CREW_LOG_DEBUG, "DEBUG"},
        {CREW_LOG_INFO, "INFO"},         {CREW_LOG_SUBWARNING, "SUBWARNING"},
        {CREW_LOG_WARNING, "WARNING"},   {CREW_LOG_ERROR, "ERROR"},
        {CREW_LOG_CRITICAL, "CRITICAL"}, {33, "Level 33"},
        {1000000, "Level 1000000"},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        CHECK_OK(crew_log_set_level(CREW_LOG_SUBDEBUG));
        CHECK_TEXT(logged(levels[i].level, "x"), own_line(levels[i].name, "x"));
        if (levels[i].level >= CREW_LOG_LEVEL_MAX)
            continue;
        CHECK_OK(crew_log_set_level(levels[i].level + 1));
        CHECK_TEXT(logged(levels[i].level, "x"), "");
    }
}

static void check_long_line(void)
{
    static char message[6000];
    memset(message, 'm', sizeof message - 1);
    CHECK_OK(crew_log_set_level(CREW_LOG_INFO));
    const char *line = logged(CREW_LOG_INFO, message);
    size_t size = strlen(line);
    CHECK_INT(size, 4095);
    CHECK(line[size - 1] == '\n' && line[size - 2] == 'm');
}

static int log_to_stderr(void *arg)
{
    char twice[256];
    (void)arg;
    CHECK_INT(crew_log_get_level(), CREW_LOG_WARNING);
    CHECK_TEXT(logged(CREW_LOG_CRITICAL, "nobody hears"), "");
    CHECK_OK(crew_log_to_stderr(CREW_LOG_NOTSET));
    CHECK_INT(crew_log_get_level(), CREW_LOG_WARNING);
    CHECK_TEXT(logged(CREW_LOG_INFO, "not yet"), "");
    CHECK_TEXT(logged(CREW_LOG_WARNING, "now"), own_line("WARNING", "now"));
    check_levels();
    check_long_line();
    CHECK_OK(crew_log_to_stderr(CREW_LOG_ERROR));
    CHECK_INT(crew_log_get_level(), CREW_LOG_ERROR);
    snprintf(twice, sizeof twice, "%s%s", own_line("ERROR", "again"), own_line("ERROR", "again"));
    CHECK_TEXT(logged(CREW_LOG_ERROR, "again"), twice);
    CHECK_TEXT(logged(CREW_LOG_WARNING, "again"), "");
    CHECK_OK(crew_log_set_level(CREW_LOG_NOTSET));
    CHECK_INT(crew_log_get_level(), CREW_LOG_WARNING);
    return check_result();
}

void log_01(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, log_to_stderr, NULL, 0)), 0);
}

// What processes begin with

struct beginning {
    int level, copies;
};

static int check_beginning(void *arg)
{
    const struct beginning *expected = arg;
    char lines[512] = "";
    CHECK_INT(crew_log_get_level(), expected->level);
    for (int i = 0; i < expected->copies; i++)
        strcat(lines, own_line("CRITICAL", "x"));
    CHECK_TEXT(logged(CREW_LOG_CRITICAL, "x"), lines);
    return check_result();
}

static void expect_beginning(const crew_process_attr *attr, int level, int copies)
{
    struct beginning expected = {.level = level, .copies = copies};
    crew_process process;
    CHECK_OK(crew_process_create(&process, check_beginning, &expected, sizeof expected, attr));
    crew_status status = crew_process_start(process);
    if (status == CREW_ESTATE && attr->start_method == CREW_START_RANK)
        CHECK_OK(crew_process_close(process)); // the place is taken by the one that runs the case
    else if (CHECK_STATUS(status, CREW_OK))
        CHECK_INT(finish(process), 0);
}

CREW_TASK(take_level, int, int)
{
    *result = *item + crew_log_get_level();
    return CREW_OK;
}

static void check_pool(int level)
{
    crew_pool pool;
    int items[4] = {0}, results[4] = {0};
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2}));
    CHECK_OK(crew_log_set_level(level + 1)); // too late for its workers
    CHECK_OK(crew_pool_map(pool, take_level, items, results, 4, NULL));
    CHECK_OK(crew_pool_destroy(pool));
    for (int i = 0; i < 4; i++)
        CHECK_INT(results[i], level);
}

// Its level is of its making, and children get it at their start.
static int hand_on(void *arg)
{
    (void)arg;
    crew_process_attr there = {.placement =
                                   CREW_ON_RANK((crew_current_rank() + 1) % crew_rank_count())};
    expect_beginning(&there, CREW_LOG_WARNING, 0);
    CHECK_OK(crew_log_set_level(41));
    expect_beginning(&there, 41, 0);
    CHECK_OK(crew_log_to_stderr(43));
    CHECK_OK(crew_log_to_stderr(CREW_LOG_NOTSET));
    expect_beginning(&there, 43, 2);
    there.start_method = CREW_START_RANK;
    expect_beginning(&there, 43, 2);
    struct beginning expected = {.level = 44, .copies = 2};
    crew_process process;
    there.start_method = CREW_START_FORKSERVER;
    CHECK_OK(crew_process_create(&process, check_beginning, &expected, sizeof expected, &there));
    CHECK_OK(crew_log_set_level(44));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_log_set_level(45));
    CHECK_INT(finish(process), 0);
    check_pool(45);
    return check_result();
}

void log_inherited(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, hand_on, NULL, 0)), 0);
}

// Handlers of the program's

struct seen {
    int calls;
    crew_log_record last;
    char message[128], process[CREW_NAME_SIZE], level_name[32];
    bool logs, calls_crew;
};

static void see(const crew_log_record *record, void *arg)
{
    struct seen *seen = arg;
    seen->calls++;
    seen->last = *record;
    snprintf(seen->message, sizeof seen->message, "%s", record->message);
    snprintf(seen->process, sizeof seen->process, "%s", record->process);
    snprintf(seen->level_name, sizeof seen->level_name, "%s", record->level_name);
    if (seen->logs)
        crew_log(CREW_LOG_CRITICAL, "from a handler");
    if (seen->calls_crew)
        CHECK_OK(crew_active_children(NULL, 0, &(size_t){0}));
}

static void check_seen(const struct seen *seen, int calls, int level, const char *message)
{
    char name[CREW_NAME_SIZE] = "";
    CHECK_OK(crew_process_name(crew_current_process(), name, sizeof name));
    CHECK_INT(seen->calls, calls);
    CHECK_INT(seen->last.level, level);
    CHECK_INT(seen->last.rank, crew_current_rank());
    CHECK_TEXT(seen->message, message);
    CHECK_TEXT(seen->process, name);
}

static int handle(void *arg)
{
    struct seen seen = {.calls_crew = true}, other = {0};
    (void)arg;
    CHECK_OK(crew_log_add_handler(see, &seen));
    crew_log(CREW_LOG_ERROR, "%d of %s", 2, "three");
    check_seen(&seen, 1, CREW_LOG_ERROR, "2 of three");
    CHECK_TEXT(seen.level_name, "ERROR");
    crew_log(CREW_LOG_INFO, "not");
    CHECK_INT(seen.calls, 1);
    // The same one twice, and another one
    CHECK_OK(crew_log_add_handler(see, &seen));
    CHECK_OK(crew_log_add_handler(see, &other));
    crew_log(CREW_LOG_WARNING, "all");
    CHECK_INT(seen.calls, 3);
    check_seen(&other, 1, CREW_LOG_WARNING, "all");
    CHECK_OK(crew_log_remove_handler(see, &seen));
    crew_log(CREW_LOG_WARNING, "two");
    CHECK_INT(seen.calls, 4);
    CHECK_INT(other.calls, 2);
    // One that logs is not called for that
    seen.logs = true;
    crew_log(CREW_LOG_WARNING, "once");
    CHECK_INT(seen.calls, 5);
    CHECK_INT(other.calls, 3);
    CHECK_TEXT(other.message, "once");
    // What crew says
    CHECK_OK(crew_log_remove_handler(see, &seen));
    CHECK_OK(crew_log_set_level(CREW_LOG_INFO));
    crew_process process;
    CHECK_OK(crew_process_create(&process, return_nothing, NULL, 0,
                                 &(crew_process_attr){.name = "a child"}));
    CHECK_OK(crew_process_start(process));
    check_seen(&other, 4, CREW_LOG_INFO, "process a child started");
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_log_remove_handler(see, &other));
    crew_log(CREW_LOG_CRITICAL, "nobody");
    CHECK_INT(other.calls, 4);
    CHECK_INT(seen.calls, 5);
    return check_result();
}

void log_handlers(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, handle, NULL, 0)), 0);
}

// Wrong use

static int call_wrongly(void *arg)
{
    (void)arg;
    CHECK_STATUS(crew_log_to_stderr(-1), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "-1");
    CHECK_STATUS(crew_log_to_stderr(CREW_LOG_LEVEL_MAX + 1), CREW_EINVAL);
    CHECK_STATUS(crew_log_set_level(-1), CREW_EINVAL);
    CHECK_STATUS(crew_log_set_level(CREW_LOG_LEVEL_MAX + 1), CREW_EINVAL);
    CHECK_INT(crew_log_get_level(), CREW_LOG_WARNING);
    CHECK_STATUS(crew_log_add_handler(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_log_remove_handler(see, NULL), CREW_ENOENT);
    for (int i = 0; i < CREW_LOG_HANDLERS_MAX; i++)
        CHECK_OK(crew_log_add_handler(see, NULL));
    CHECK_STATUS(crew_log_add_handler(see, NULL), CREW_EFULL);
    CHECK_STATUS(crew_log_remove_handler(see, (void *)&see), CREW_ENOENT);
    for (int i = 0; i < CREW_LOG_HANDLERS_MAX; i++)
        CHECK_OK(crew_log_remove_handler(see, NULL));
    CHECK_STATUS(crew_log_remove_handler(see, NULL), CREW_ENOENT);
    for (int i = 0; i < 255; i++)
        CHECK_OK(crew_log_to_stderr(CREW_LOG_LEVEL_MAX));
    CHECK_STATUS(crew_log_to_stderr(CREW_LOG_LEVEL_MAX), CREW_EFULL);
    return check_result();
}

void log_wrong(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, call_wrongly, NULL, 0)), 0);
}

void check_log_outside(void)
{
    CHECK_STATUS(crew_log_to_stderr(CREW_LOG_INFO), CREW_ESTATE);
    CHECK_STATUS(crew_log_set_level(CREW_LOG_INFO), CREW_ESTATE);
    CHECK_STATUS(crew_log_add_handler(see, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_log_remove_handler(see, NULL), CREW_ESTATE);
    CHECK_INT(crew_log_get_level(), CREW_LOG_WARNING);
    CHECK_TEXT(logged(CREW_LOG_CRITICAL, "nobody"), "");
}
