/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a worker process leaves behind when a task crashes: where it was, frame by frame.
 */
#ifndef CREWI_POOL_CRASH_H
#define CREWI_POOL_CRASH_H

#include <stddef.h>

/** From now on a crash writes its backtrace there, as text, and then takes its course. A program
 * that has signal handlers of its own, a sanitizer for one, keeps them. */
void crewi_crash_watch(char *text, size_t size);

/** Shortens the lines of such a text to what a reader wants: function, offset and file, without
 * folders; the address only of a program that is linked for one address. @p title is what the
 * process called itself: that is the program. */
void crewi_crash_tidy(const char *text, const char *title, char *tidy, size_t size);

#endif
