/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The log of a process, as Python's multiprocessing.get_logger() and log_to_stderr().
 *
 * What a process logs goes to its handlers, and it has none at first: the log is silent until
 * somebody adds one. crew_log_to_stderr() adds one that writes `[LEVEL/process] message` to
 * standard error; a second call adds a second one, so that each line comes twice, as in Python.
 * crew_log_add_handler() adds a function of the program's.
 *
 * A message passes when its level is at least that of the log, ::CREW_LOG_WARNING at first.
 *
 * Each process has a log of its own, also a ::CREW_START_RANK one beside the others of its rank. A
 * process begins with the level of its parent at the moment of its start, and with as many handlers
 * for standard error, on whatever rank it is; the workers of a pool with those at the moment of the
 * pool's creation. Functions stay with the process that added them.
 *
 * crew itself logs to it as Python does: at ::CREW_LOG_INFO that a process begins, ends, and was
 * started; at ::CREW_LOG_DEBUG its finalizers; and warnings. What crew finds worth a warning goes
 * to standard error also when there is no handler, with the place in it: see CREW_LOG in the
 * README. With a handler for standard error that passes it, it goes there instead.
 *
 * A line leaves in one piece of up to 4 KiB (what is longer is cut), so lines of several processes
 * do not mix.
 *
 * @code
 * crew_log_to_stderr(CREW_LOG_INFO);
 * crew_log(CREW_LOG_INFO, "%d rows are done", rows);      // [INFO/MainProcess] 7 rows are done
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task, by any thread.
 * Each that returns a status may also return ::CREW_ESTATE outside crew_run(), and ::CREW_ENOMEM.
 */
#ifndef CREW_LOG_H
#define CREW_LOG_H

#include <crew/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Python's levels, and those of its multiprocessing.util; any number between them is one, too. */
enum {
    CREW_LOG_NOTSET = 0, /**< of a log: the first one, ::CREW_LOG_WARNING */
    CREW_LOG_SUBDEBUG = 5,
    CREW_LOG_DEBUG = 10,
    CREW_LOG_INFO = 20,
    CREW_LOG_SUBWARNING = 25,
    CREW_LOG_WARNING = 30,
    CREW_LOG_ERROR = 40,
    CREW_LOG_CRITICAL = 50
};

/** The highest level that a log can have. */
#define CREW_LOG_LEVEL_MAX 255

/** The most handlers that are functions. */
#define CREW_LOG_HANDLERS_MAX 16

/** What was logged. The texts are valid during the call of the handler only. */
typedef struct crew_log_record {
    int level;
    const char *level_name; /**< "INFO"; "Level 15" where there is no name */
    const char *process;    /**< the name of the process that logged it */
    int rank;               /**< the rank that it runs on */
    const char *message;
} crew_log_record;

/** A handler of the program's, called in the thread that logs: by several at a time if several do.
 * It may call crew; what is logged meanwhile by the same thread goes to standard error alone. */
typedef void crew_log_handler(const crew_log_record *record, void *arg);

/**
 * Adds a handler that writes to standard error. Does not block. Python:
 * multiprocessing.log_to_stderr(level).
 *
 * @param level  the level of the log from now on; ::CREW_LOG_NOTSET leaves it as it is
 * @return ::CREW_EINVAL a level below 0 or above ::CREW_LOG_LEVEL_MAX; ::CREW_EFULL there are 255
 */
CREW_API crew_status crew_log_to_stderr(int level);

/** Sets the level of the log. Does not block. ::CREW_EINVAL a level below 0 or above
 * ::CREW_LOG_LEVEL_MAX. Python: get_logger().setLevel(level). */
CREW_API crew_status crew_log_set_level(int level);

/** The level from which on messages pass. Never blocks; ::CREW_LOG_WARNING outside crew_run().
 * Python: get_logger().getEffectiveLevel(). */
CREW_API int crew_log_get_level(void);

/**
 * Adds a function that is called with each message that passes. The same one with the same @p arg
 * may be added more than once, and is called as often. Does not block. Python:
 * get_logger().addHandler(handler).
 *
 * @param arg  handed to it; stays the caller's
 * @return ::CREW_EINVAL handler NULL; ::CREW_EFULL there are ::CREW_LOG_HANDLERS_MAX
 */
CREW_API crew_status crew_log_add_handler(crew_log_handler *handler, void *arg);

/** Removes one; another thread may be in it yet. Does not block. ::CREW_ENOENT it is not there,
 * with that arg. Python: get_logger().removeHandler(handler). */
CREW_API crew_status crew_log_remove_handler(crew_log_handler *handler, void *arg);

/**
 * Logs a message, if it passes. Nothing happens outside crew_run(). Keeps errno. Python:
 * get_logger().log(level, format, ...).
 *
 * @param format  as for printf
 */
CREW_API void crew_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
