// SPDX-License-Identifier: BSD-3-Clause
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int failures;
static _Thread_local int thread_failures;
static char current[128];

void check_begin(const char *id, const char *variant)
{
    current[0] = '\0';
    if (id != NULL)
        snprintf(current, sizeof current, "%s, %s: ", id, variant);
}

int check_result(void)
{
    return thread_failures != 0;
}

int check_failures(void)
{
    return atomic_load(&failures);
}

double check_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void check_sleep(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static void __attribute__((format(printf, 3, 4)))
complain(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *name = strrchr(file, '/');
    fprintf(stderr, "%s:%d: [%d] %s%s\n", name ? name + 1 : file, line, (int)getpid(), current,
            text);
    atomic_fetch_add(&failures, 1);
    thread_failures++;
}

bool check_that(bool fine, const char *text, const char *file, int line)
{
    if (!fine)
        complain(file, line, "expected: %s", text);
    return fine;
}

bool check_int(long long found, long long expected, const char *text, const char *file, int line)
{
    if (found != expected)
        complain(file, line, "%s is %lld, expected %lld", text, found, expected);
    return found == expected;
}

bool check_text(const char *found, const char *expected, const char *text, const char *file,
                int line)
{
    bool fine = strcmp(found, expected) == 0;
    if (!fine)
        complain(file, line, "%s is \"%s\", expected \"%s\"", text, found, expected);
    return fine;
}

bool check_contains(const char *found, const char *part, const char *text, const char *file,
                    int line)
{
    bool fine = strstr(found, part) != NULL;
    if (!fine)
        complain(file, line, "%s is \"%s\", expected \"%s\" in it", text, found, part);
    return fine;
}

bool check_status(crew_status found, crew_status expected, const char *text, const char *file,
                  int line)
{
    if (found != expected)
        complain(file, line, "%s returned %s (%s), expected %s", text, crew_status_name(found),
                 found ? crew_error_message() : "success", crew_status_name(expected));
    else if (found != CREW_OK && crew_error_message()[0] == '\0')
        complain(file, line, "%s returned %s without a reason", text, crew_status_name(found));
    return found == expected;
}

bool check_seconds(double begin, double least, double most, const char *file, int line)
{
    double passed = check_now() - begin;
    bool fine = passed >= least - 0.010 && passed <= most;
    if (!fine)
        complain(file, line, "%.3f s passed, expected %.3f to %.3f s", passed, least, most);
    return fine;
}

bool check_timed(struct timing *timing, double limit_s, const char *file, int line)
{
    enum { MOST_RUNS = 10 };
    double passed = check_now() - timing->begin, most = 4 * limit_s + 0.1;
    bool early = timing->runs && passed < limit_s - 0.010;
    if (timing->runs && !early && passed <= most)
        return false;
    if (early || timing->runs == MOST_RUNS) {
        complain(file, line, "%.3f s passed in run %d, expected %.3f to %.3f s", passed,
                 timing->runs, limit_s, most);
        return false;
    }
    timing->runs++;
    timing->begin = check_now();
    return true;
}
