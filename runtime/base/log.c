/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <crew/log.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Room for a line of crew's own. */
#define OWN_LINE 1024

static char identity[160] = "MainProcess";
static char place[160];

/* Threads that are left at the end of the main process may look at it while it is taken away. */
static struct crewi_logger *_Atomic process_logger;
static _Thread_local struct crewi_logger *thread_logger;

void crewi_log_identify(const char *process_name, int rank, const char *host)
{
    snprintf(identity, sizeof identity, "%s", process_name);
    place[0] = '\0';
    if (rank >= 0)
        snprintf(place, sizeof place, " rank %d on %s:", rank, host);
}

void crewi_log_set_thread(struct crewi_logger *logger)
{
    thread_logger = logger;
}

void crewi_log_set_process(struct crewi_logger *logger)
{
    atomic_store_explicit(&process_logger, logger, memory_order_release);
}

struct crewi_logger *crewi_logger_current(void)
{
    return thread_logger ? thread_logger
                         : atomic_load_explicit(&process_logger, memory_order_acquire);
}

int crewi_logger_level(const struct crewi_logger *logger)
{
    int level = logger ? atomic_load(&logger->level) : CREW_LOG_NOTSET;
    return level ? level : CREW_LOG_WARNING;
}

struct crewi_log_settings crewi_logger_settings(const struct crewi_logger *logger)
{
    struct crewi_log_settings settings = {0};
    if (logger) {
        settings.level = atomic_load(&logger->level);
        settings.stderr_handlers = atomic_load(&logger->stderr_handlers);
    }
    return settings;
}

void crewi_logger_set(struct crewi_logger *logger, struct crewi_log_settings settings)
{
    atomic_store(&logger->level, settings.level);
    atomic_store(&logger->stderr_handlers, settings.stderr_handlers);
}

int crewi_log_public_level(int level)
{
    static const int levels[] = {CREW_LOG_ERROR, CREW_LOG_WARNING, CREW_LOG_INFO, CREW_LOG_DEBUG};
    return levels[level];
}

void crewi_log_level_name(int level, char name[CREWI_LOG_LEVEL_NAME])
{
    static const struct {
        int level;
        const char *name;
    } names[] = {
        {CREW_LOG_SUBDEBUG, "SUBDEBUG"}, {CREW_LOG_DEBUG, "DEBUG"},
        {CREW_LOG_INFO, "INFO"},         {CREW_LOG_SUBWARNING, "SUBWARNING"},
        {CREW_LOG_WARNING, "WARNING"},   {CREW_LOG_ERROR, "ERROR"},
        {CREW_LOG_CRITICAL, "CRITICAL"},
    };
    snprintf(name, CREWI_LOG_LEVEL_NAME, "Level %d", level);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].level == level)
            snprintf(name, CREWI_LOG_LEVEL_NAME, "%s", names[i].name);
}

/* The text that fits, and a newline. */
static void write_line(char *line, size_t room)
{
    size_t size = strnlen(line, room - 2);
    line[size++] = '\n';
    if (write(STDERR_FILENO, line, size) < 0) {
        /* Nobody is left to be told. */
    }
}

/* How many handlers for stderr get what is logged at that level. */
static unsigned handlers_for(const struct crewi_logger *logger, int level)
{
    return logger && level >= crewi_logger_level(logger) ? atomic_load(&logger->stderr_handlers)
                                                         : 0;
}

bool crewi_log_to_handlers(int level, const char *message)
{
    const struct crewi_logger *logger = crewi_logger_current();
    unsigned count = handlers_for(logger, level);
    char name[CREWI_LOG_LEVEL_NAME], line[CREWI_LOG_LINE];
    if (!count)
        return false;
    crewi_log_level_name(level, name);
    for (unsigned i = 0; i < count; i++) {
        snprintf(line, sizeof line, "[%s/%s] %s", name, logger->name, message);
        write_line(line, sizeof line);
    }
    return true;
}

bool crewi_log_enabled(int level)
{
    return level <= crewi_options.log ||
           handlers_for(crewi_logger_current(), crewi_log_public_level(level)) > 0;
}

void crewi_log(int level, const char *format, ...)
{
    if (!crewi_log_enabled(level))
        return;
    int saved = errno;
    char line[OWN_LINE], name[CREWI_LOG_LEVEL_NAME];
    crewi_log_level_name(crewi_log_public_level(level), name);
    int used = snprintf(line, sizeof line, "[%s/%s]%s ", name,
                        thread_logger ? thread_logger->name : identity, place);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof line - (size_t)used, format, args);
    va_end(args);
    if (!crewi_log_to_handlers(crewi_log_public_level(level), line + used))
        write_line(line, sizeof line);
    errno = saved;
}
