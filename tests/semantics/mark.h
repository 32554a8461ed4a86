// SPDX-License-Identifier: BSD-3-Clause
// Marks: how processes of a test tell each other something without crew. A mark is a file in
// TMPDIR; it is a plain value that can stand in an argument.
#ifndef CREW_TESTS_MARK_H
#define CREW_TESTS_MARK_H

#include <stdbool.h>
#include <stddef.h>

struct mark {
    char path[512];
};

// A new one, not set yet.
struct mark mark_new(void);

// Sets it, or adds a line to it. Safe in a signal handler.
void mark_set(const struct mark *mark, const char *line);

bool mark_is_set(const struct mark *mark);

// Waits until it has that many lines, for a generous time; a failed check otherwise.
bool mark_wait(const struct mark *mark, int lines);

// What was written to it, with the newlines; "" when it is not set.
void mark_read(const struct mark *mark, char *text, size_t size);

void mark_remove(const struct mark *mark);

#endif
