/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock.h"

#define CENTURY_S 3.2e9

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * CREWI_SECOND + now.tv_nsec;
}

int64_t crewi_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t crewi_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t crewi_process_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t crewi_timeout_ns(double timeout_s)
{
    if (!(timeout_s > 0))
        return 0;
    if (timeout_s >= CENTURY_S)
        return CREWI_FOREVER;
    return (int64_t)(timeout_s * 1e9);
}

int64_t crewi_deadline_ns(int64_t now_ns, int64_t timeout_ns)
{
    return timeout_ns >= CREWI_FOREVER - now_ns ? CREWI_FOREVER : now_ns + timeout_ns;
}

struct timespec crewi_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / CREWI_SECOND),
                             .tv_nsec = (long)(ns % CREWI_SECOND)};
}
