/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char identity[160] = "MainProcess";
static char place[160];

void crewi_log_identify(const char *process_name, int rank, const char *host)
{
    snprintf(identity, sizeof identity, "%s", process_name);
    place[0] = '\0';
    if (rank >= 0)
        snprintf(place, sizeof place, " rank %d on %s:", rank, host);
}

bool crewi_log_enabled(int level)
{
    return level <= crewi_options.log;
}

void crewi_log(int level, const char *format, ...)
{
    static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
    if (!crewi_log_enabled(level))
        return;
    int saved = errno;
    char line[1024];
    int used = snprintf(line, sizeof line, "[%s/%s]%s ", names[level], identity, place);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof line - (size_t)used, format, args);
    va_end(args);
    size_t size = strnlen(line, sizeof line - 2);
    line[size++] = '\n';
    if (write(STDERR_FILENO, line, size) < 0) {
        /* Nobody is left to be told. */
    }
    errno = saved;
}
