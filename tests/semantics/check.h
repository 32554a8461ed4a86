// SPDX-License-Identifier: BSD-3-Clause
// Checks for programs that cannot stop at the first failure, because others wait for them: a check
// that fails says where, what was expected, what was found and what crew's reason was, and the
// program goes on. A process returns check_result() from its function, and its parent checks the
// exit code.
#ifndef CREW_TESTS_CHECK_H
#define CREW_TESTS_CHECK_H

#include <crew/status.h>
#include <stdbool.h>

// Says which case begins; printed with what fails from then on. NULL: none.
void check_begin(const char *id, const char *variant);

// 0 when no check of this thread has failed, 1 otherwise: what a process returns, which may be a
// thread.
int check_result(void);

// How many checks have failed in this program, in all its threads.
int check_failures(void);

// A monotonic clock in seconds.
double check_now(void);

void check_sleep(double seconds);

bool check_that(bool fine, const char *text, const char *file, int line);
bool check_int(long long found, long long expected, const char *text, const char *file, int line);
bool check_text(const char *found, const char *expected, const char *text, const char *file,
                int line);
bool check_contains(const char *found, const char *part, const char *text, const char *file,
                    int line);
bool check_status(crew_status found, crew_status expected, const char *text, const char *file,
                  int line);
bool check_seconds(double begin, double least, double most, const char *file, int line);
struct timing;
bool check_timed(struct timing *timing, double limit_s, const char *file, int line);

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(found, expected) \
    check_int((long long)(found), (long long)(expected), #found, __FILE__, __LINE__)
#define CHECK_TEXT(found, expected) check_text((found), (expected), #found, __FILE__, __LINE__)
#define CHECK_CONTAINS(found, part) check_contains((found), (part), #found, __FILE__, __LINE__)

// A status other than CREW_OK has to come with a reason in words.
#define CHECK_STATUS(call, expected) check_status((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_STATUS(call, CREW_OK)

// Time passed since begin: at least (less 10 ms), and at most.
#define CHECK_SECONDS(begin, least, most) \
    check_seconds((begin), (least), (most), __FILE__, __LINE__)

// What has a time limit keeps to it, on a machine that is busy with other things, too: the body of
//
//     for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
//         CHECK_STATUS(crew_event_wait(event, 0.05), CREW_ETIMEDOUT);
//
// runs until it was in time once, and a few times at most. It may never be too early (by more than
// 10 ms), and is in time within four times the limit and 0.1 s: a limit that holds ten times too
// late fails.
struct timing {
    double begin;
    int runs;
};
#define CHECK_TIMED(timing, limit_s) check_timed((timing), (limit_s), __FILE__, __LINE__)

#endif
