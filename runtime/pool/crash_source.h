/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Where in the source a crash was. Files are read for this, so it is done by who asks for errors.
 */
#ifndef CREWI_POOL_CRASH_SOURCE_H
#define CREWI_POOL_CRASH_SOURCE_H

#include <crew/result.h>
#include <stddef.h>

/** How a backtrace calls the file of the program itself. */
#define CREWI_CRASH_PROGRAM "the program"

/** Replaces "+0x277c in the program" by "solve (solver.c:42) in the program" in the backtraces, as
 * crewi_crash_tidy() has written them, where the machine has libdw and the calling process has a
 * module of that name with debug information. Other lines stay as they are. */
void crewi_crash_locate(crew_task_error *errors, size_t count);

#endif
