/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What crew itself has to say, on stderr, in the form of Python's multiprocessing log with the
 * place added:
 * `[WARNING/PoolWorker-2] rank 1 on node7: ...`. A line leaves in one write, so that lines of
 * several processes do not mix.
 */
#ifndef CREWI_BASE_LOG_H
#define CREWI_BASE_LOG_H

#include "base/options.h"

#include <stdbool.h>

/** Says who this is from now on; the texts are copied. A rank below 0 leaves the place out. */
void crewi_log_identify(const char *process_name, int rank, const char *host);

/** Whether a line of that level would be printed: for what is costly to put together. */
bool crewi_log_enabled(int level);

/** Prints one line when the level asks for it. Keeps errno. */
void crewi_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
