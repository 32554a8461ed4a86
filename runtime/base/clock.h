/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Time. Everything inside is in nanoseconds of CLOCK_MONOTONIC; seconds as double are for users
 * only.
 *
 * Clocks of two nodes have nothing to do with each other, so a timeout travels as a duration and
 * becomes a deadline where it is kept.
 */
#ifndef CREWI_BASE_CLOCK_H
#define CREWI_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** A duration, or a deadline, that never comes. */
#define CREWI_FOREVER INT64_MAX

#define CREWI_SECOND 1000000000LL
#define CREWI_MILLISECOND 1000000LL
#define CREWI_MICROSECOND 1000LL

int64_t crewi_now_ns(void);

/** The processor time of the calling thread. A system call, unlike crewi_now_ns(). */
int64_t crewi_thread_cpu_ns(void);

/** The processor time of the calling process, of all its threads. A system call. */
int64_t crewi_process_cpu_ns(void);

/** A user's timeout in seconds as a duration: none below 0, ::CREWI_FOREVER from ::CREW_FOREVER (or
 * a century) on. NaN is 0. */
int64_t crewi_timeout_ns(double timeout_s);

/** When a duration that starts at @p now_ns is over. */
int64_t crewi_deadline_ns(int64_t now_ns, int64_t timeout_ns);

struct timespec crewi_timespec(int64_t ns);

/** Between two looks of a loop that waits for memory to change. */
static inline void crewi_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

#endif
