/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/log.h>. */
#include <crew/log.h>

#include "base/error.h"
#include "observe/observe.h"

#include <crew/run.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A handler that logs is not to be called for that. */
static _Thread_local bool is_handling;

static crew_status check_level(const char *call, int level)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (level < 0 || level > CREW_LOG_LEVEL_MAX)
        return crewi_error(CREW_EINVAL, "%s: a level of %d, expected one from 0 to %d", call, level,
                           CREW_LOG_LEVEL_MAX);
    return CREW_OK;
}

crew_status crew_log_to_stderr(int level)
{
    crew_status status = check_level("crew_log_to_stderr", level);
    if (status)
        return status;
    struct crewi_logger *logger = &crewi_client_current()->logger;
    crewi_observe_lock();
    struct crewi_log_settings settings = crewi_logger_settings(logger);
    if (settings.stderr_handlers == UINT8_MAX) {
        status =
            crewi_error(CREW_EFULL, "crew_log_to_stderr: there are %d handlers already", UINT8_MAX);
    } else {
        settings.stderr_handlers++;
        if (level)
            settings.level = (uint8_t)level;
        crewi_logger_set(logger, settings);
    }
    crewi_observe_unlock();
    return status;
}

crew_status crew_log_set_level(int level)
{
    crew_status status = check_level("crew_log_set_level", level);
    if (!status)
        atomic_store(&crewi_client_current()->logger.level, (uint8_t)level);
    return status;
}

int crew_log_get_level(void)
{
    return crewi_logger_level(crewi_logger_current());
}

static crew_status add(struct crewi_client *client, crew_log_handler *handler, void *arg)
{
    struct crewi_observed *observed;
    crew_status status = crewi_observed_get(client, &observed);
    if (status)
        return status;
    if (observed->handler_count == CREW_LOG_HANDLERS_MAX)
        return crewi_error(CREW_EFULL, "crew_log_add_handler: there are %d handlers already",
                           CREW_LOG_HANDLERS_MAX);
    observed->handlers[observed->handler_count].function = handler;
    observed->handlers[observed->handler_count++].arg = arg;
    return CREW_OK;
}

crew_status crew_log_add_handler(crew_log_handler *handler, void *arg)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing("crew_log_add_handler");
    if (!handler)
        return crewi_error(CREW_EINVAL, "crew_log_add_handler: handler is NULL");
    crewi_observe_lock();
    crew_status status = add(client, handler, arg);
    crewi_observe_unlock();
    return status;
}

static crew_status drop(struct crewi_observed *observed, crew_log_handler *handler, const void *arg)
{
    size_t count = observed ? observed->handler_count : 0, at = 0;
    while (at < count &&
           (observed->handlers[at].function != handler || observed->handlers[at].arg != arg))
        at++;
    if (at == count)
        return crewi_error(CREW_ENOENT,
                           "crew_log_remove_handler: there is no such handler with that arg");
    memmove(&observed->handlers[at], &observed->handlers[at + 1],
            (count - at - 1) * sizeof *observed->handlers);
    observed->handler_count--;
    return CREW_OK;
}

crew_status crew_log_remove_handler(crew_log_handler *handler, void *arg)
{
    const struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing("crew_log_remove_handler");
    crewi_observe_lock();
    crew_status status = drop(client->observed, handler, arg);
    crewi_observe_unlock();
    return status;
}

/* A copy, since they are called without the lock. */
static size_t copy_handlers(struct crewi_observed *copy)
{
    const struct crewi_client *client = crewi_client_current();
    crewi_observe_lock();
    bool any = client && client->observed && !is_handling;
    if (any)
        *copy = *client->observed;
    crewi_observe_unlock();
    return any ? copy->handler_count : 0;
}

static void call_handlers(int level, const char *message)
{
    struct crewi_observed observed;
    char name[CREWI_LOG_LEVEL_NAME];
    size_t count = copy_handlers(&observed);
    if (!count)
        return;
    crewi_log_level_name(level, name);
    crew_log_record record = {.level = level,
                              .level_name = name,
                              .process = crewi_logger_current()->name,
                              .rank = crew_current_rank(),
                              .message = message};
    is_handling = true;
    for (size_t i = 0; i < count; i++)
        observed.handlers[i].function(&record, observed.handlers[i].arg);
    is_handling = false;
}

static bool passes(int level)
{
    const struct crewi_logger *logger = crewi_logger_current();
    return logger && level >= crewi_logger_level(logger);
}

void crew_log(int level, const char *format, ...)
{
    char message[CREWI_LOG_LINE];
    va_list args;
    if (!passes(level))
        return;
    int saved = errno;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    crewi_log_to_handlers(level, message);
    call_handlers(level, message);
    errno = saved;
}

bool crewi_log_is_noticed(int level)
{
    return crewi_log_enabled(level) || passes(crewi_log_public_level(level));
}

void crewi_log_notice(int level, const char *format, ...)
{
    char message[CREWI_LOG_LINE];
    va_list args;
    if (!crewi_log_is_noticed(level))
        return;
    int saved = errno;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    crewi_log(level, "%s", message);
    if (passes(crewi_log_public_level(level)))
        call_handlers(crewi_log_public_level(level), message);
    errno = saved;
}
