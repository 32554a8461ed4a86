// SPDX-License-Identifier: BSD-3-Clause
// What a run must not leave behind in the file system.
//
// Tests run in parallel, so an entry that is new in a shared folder need not be this run's. The
// rules:
//   - Every run gets a TMPDIR of its own, in which Open MPI puts its session folders and everybody
//   else
//     their temporary files. It has to be empty afterwards, whatever the names.
//   - In /dev/shm and /tmp an entry is a leftover if it is new since the run started, belongs to
//   this
//     user, has a name that crew or Open MPI gives (see the tables in leftovers.c), and no process
//     of the machine has it open or mapped. A run that is still going on has its segments mapped;
//     so what is left is nobody's. Two runs that end together may both report what one of them
//     left: that is better than neither.
#ifndef CREW_TESTS_HARNESS_LEFTOVERS_H
#define CREW_TESTS_HARNESS_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>

struct name_list {
    char **names;
    size_t count;
};

struct leftovers {
    char tmp_dir[512];    // this run's own TMPDIR
    struct name_list shm; // what was in /dev/shm and in /tmp before
    struct name_list tmp;
    bool allow_launcher; // Open MPI's own entries are forgiven: run_case has killed the launcher
    bool allow_marks;    // so are the marks of tests, which one of those that wait removes
};

// Makes the run's TMPDIR below base (which is created if need be) and notes what is there already.
bool leftovers_init(struct leftovers *self, const char *base);

// Looks until nothing is left or the time is over, then prints what is left, removes it, and
// returns how many entries there were. Also removes the TMPDIR.
size_t leftovers_check(struct leftovers *self, double patience_s);

void leftovers_fini(struct leftovers *self);

#endif
