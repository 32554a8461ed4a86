/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What crew itself has to say, on stderr, in the form of Python's multiprocessing log with the
 * place added:
 * `[WARNING/PoolWorker-2] rank 1 on node7: ...`. A line leaves in one write, so that lines of
 * several processes do not mix.
 *
 * A process may have asked for a log of its own (<crew/log.h>): its crewi_logger. Where that prints
 * on stderr, what crew says in the process goes there, in Python's form.
 */
#ifndef CREWI_BASE_LOG_H
#define CREWI_BASE_LOG_H

#include "base/options.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** The longest line, with its newline: what a pipe takes in one piece. */
#define CREWI_LOG_LINE 4096

/** Room for the name of a level. */
#define CREWI_LOG_LEVEL_NAME 20

/** What a process begins with, as it travels with its order. */
struct crewi_log_settings {
    uint8_t level; /* of <crew/log.h>; 0: not chosen */
    uint8_t stderr_handlers;
};

/** The log of a process. */
struct crewi_logger {
    const char *name; /* of the process */
    _Atomic uint8_t level, stderr_handlers;
};

/** Says who this is from now on; the texts are copied. A rank below 0 leaves the place out. */
void crewi_log_identify(const char *process_name, int rank, const char *host);

/** Makes a logger the one of the calling thread, or of all threads that have none of their own. */
void crewi_log_set_thread(struct crewi_logger *logger);
void crewi_log_set_process(struct crewi_logger *logger);

/** The logger of the process that calls; NULL where there is none. */
struct crewi_logger *crewi_logger_current(void);

/** Its level, or the one that is so by default. */
int crewi_logger_level(const struct crewi_logger *logger);

/** What it would hand on to a process that starts now; all zero without a logger. */
struct crewi_log_settings crewi_logger_settings(const struct crewi_logger *logger);

void crewi_logger_set(struct crewi_logger *logger, struct crewi_log_settings settings);

/** The level of <crew/log.h> for one of crew's own. */
int crewi_log_public_level(int level);

/** The name of a level of <crew/log.h>. */
void crewi_log_level_name(int level, char name[CREWI_LOG_LEVEL_NAME]);

/** Prints one line for each handler of the caller's logger that is for stderr, when the level, one
 * of <crew/log.h>, asks for it. False when none was printed. */
bool crewi_log_to_handlers(int level, const char *message);

/** Whether a line of that level would be printed: for what is costly to put together. */
bool crewi_log_enabled(int level);

/** Prints one line when the level asks for it. Keeps errno. */
void crewi_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
