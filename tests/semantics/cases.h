// SPDX-License-Identifier: BSD-3-Clause
// A program of cases, each named after its line of the checklist of semantics: `sem_process PRC-04`
// runs one, `sem_process all` every one of them.
//
// A case is run for each place that a process can have: its creator's rank and another one, and
// both start methods unless it needs a process that can be killed. Then all of that once more with
// a process as the creator, beside the last rank and inside of it, unless the case is about the
// main process.
#ifndef CREW_TESTS_CASES_H
#define CREW_TESTS_CASES_H

#include <crew/crew.h>

// What a case is run for.
struct variant {
    const char *text;
    crew_process_attr attr; // placement and start method
};

enum case_flags {
    CASE_KILLABLE = 1, // not for CREW_START_RANK
    CASE_ONCE = 2,     // no variants: finds its places itself
    CASE_MAIN = 4,     // only with the main process as the creator
};

struct test_case {
    const char *id;
    void (*run)(const struct variant *variant);
    unsigned flags;
};

// The program's own, ended by one without an id. Processes look their case up here, too.
extern const struct test_case program_cases[];

// The main function of such a program.
int cases_main(int argc, char **argv);

static inline bool variant_is_inside(const struct variant *variant)
{
    return variant->attr.start_method == CREW_START_RANK;
}

// What the cases do all the time, with checks.

// Makes a process that is placed as the variant says.
crew_process make(const struct variant *variant, crew_process_function *function, const void *arg,
                  size_t size);

// Makes and starts it.
crew_process launch(const struct variant *variant, crew_process_function *function, const void *arg,
                    size_t size);

// Joins and closes it, and returns its exit code.
int finish(crew_process process);

// A process of its own on the rank of a variant, for what needs several there.
struct variant beside(const struct variant *variant);

// Ends a process that does not end by itself: by force where that is possible.
void destroy(const struct variant *variant, crew_process process);

int exitcode_of(crew_process process);
bool is_alive(crew_process process);
bool is_active(crew_process process); // in crew_active_children()
size_t count_active(void);
pid_t pid_of(crew_process process);

// Whether a process of that id is there; a zombie is.
bool pid_exists(pid_t pid);

// As kill(), but with a check instead of all the harm that a pid of 0 does.
void signal_pid(pid_t pid, int number);

// Waits until it is gone, for a generous time; a failed check otherwise.
bool pid_wait_gone(pid_t pid);

// Checks that the reason of the last error names the host of the rank that it names.
void check_names_host(void);

// Whether a process runs inside the caller's rank: maybe the caller.
bool inside_is_taken(void);

// Functions for processes.

int return_nothing(void *arg); // 0 at once
int return_number(void *arg);  // the int of the argument
int run_until_ended(
    void *arg); // calls crew now and then, so that it can also be ended inside a rank

#endif
