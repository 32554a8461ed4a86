/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[CREWI_ERROR_SIZE];

const char *crew_status_name(crew_status status)
{
    switch (status) {
#define STATUS_NAME(name, value, text) \
    case CREW_##name:                  \
        return "CREW_" #name;
        CREW_STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
    }
    return "CREW_?";
}

const char *crew_status_message(crew_status status)
{
    switch (status) {
#define STATUS_TEXT(name, value, text) \
    case CREW_##name:                  \
        return text;
        CREW_STATUS_TABLE(STATUS_TEXT)
#undef STATUS_TEXT
    }
    static _Thread_local char text[40];
    snprintf(text, sizeof text, "unknown status %d", (int)status);
    return text;
}

const char *crew_error_message(void)
{
    return message;
}

/* Put together elsewhere first: the old reason may be part of the new one. */
static void word(const char *format, va_list args)
{
    char text[CREWI_ERROR_SIZE];
    vsnprintf(text, sizeof text, format, args);
    memcpy(message, text, sizeof message);
}

crew_status crew_fail(crew_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    word(format, args);
    va_end(args);
    return status < 0 ? status : CREW_EFAILED;
}

void crewi_error_word(const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    word(format, args);
    va_end(args);
    errno = saved;
}

void crewi_error_word_errno(const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    word(format, args);
    va_end(args);
    size_t used = strlen(message);
    snprintf(message + used, sizeof message - used, ": %s", strerror(saved));
    errno = saved;
}

crew_status crewi_error_text(crew_status status, const char *text, size_t size)
{
    if (size >= sizeof message)
        size = sizeof message - 1;
    memcpy(message, text, size);
    message[size] = '\0';
    return status;
}

void crewi_error_clear(void)
{
    message[0] = '\0';
}
