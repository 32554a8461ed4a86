/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The reason behind a status, kept for each thread.
 *
 * A function that finds a cause calls crewi_error() and returns what it returned; functions above
 * it pass the status on and leave the text alone, so that an error is worded once, where its cause
 * is known.
 */
#ifndef CREWI_BASE_ERROR_H
#define CREWI_BASE_ERROR_H

#include <crew/status.h>
#include <errno.h>
#include <stddef.h>

/** Room for a message, with the NUL. */
#define CREWI_ERROR_SIZE 512

/** Words the reason. Keeps errno. */
void crewi_error_word(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same, with the text of errno behind it. */
void crewi_error_word_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The status of a system call that failed: ::CREW_ENOMEM for ENOMEM, otherwise ::CREW_ESYSTEM. */
static inline crew_status crewi_errno_status(void)
{
    return errno == ENOMEM ? CREW_ENOMEM : CREW_ESYSTEM;
}

/* Each words the reason and is the status, in the caller's sight: what it returns is known not to
 * be CREW_OK. */

#define crewi_error(status, ...) (crewi_error_word(__VA_ARGS__), (status))
#define crewi_error_errno(...) (crewi_error_word_errno(__VA_ARGS__), crewi_errno_status())
#define crewi_error_memory() crewi_error(CREW_ENOMEM, "out of memory")

/** Takes over a reason that came in a message: @p size bytes that need not end in NUL. */
crew_status crewi_error_text(crew_status status, const char *text, size_t size);

/** Forgets the reason, so that the next one read is of a call made from here on. */
void crewi_error_clear(void);

#endif
