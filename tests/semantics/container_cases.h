// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_container, by file.
#ifndef CREW_TESTS_CONTAINER_CASES_H
#define CREW_TESTS_CONTAINER_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// What processes of these cases are given.
struct container_job {
    crew_list list;
    crew_dict dict;
    crew_set set;
    crew_namespace space;
    int number, count;
    struct mark mark, answer;
};

// One of each, checked; and the end of that.
struct container_job new_job(void);
void close_job(const struct container_job *job);

// A process that does that with the job, and the caller as well, one after the other. Both return
// check_result().
void do_twice(const struct variant *variant, crew_process_function *function,
              const struct container_job *job);

// Checks the words of a value, and clears it.
void expect_value(crew_any value, const char *words);

// The words of all that there is.
void expect_list(crew_list list, const char *words);
void expect_dict(crew_dict dict, const char *words);
void expect_set(crew_set set, const char *words);
void expect_space(crew_namespace space, const char *words);

// container_calls.c: each call, and what it says when it fails
case_function list_calls, list_order, dict_calls, set_calls, namespace_calls, mgr_02;

// container_many.c: several processes
case_function mgr_05, container_updates, container_killed;

// container_handles.c: objects in objects
case_function mgr_03, mgr_04, container_handles, container_lock, container_handles_many,
    container_looks;

// container_wrong.c: values, bounds, and wrong use
case_function container_values, container_large, container_bounds, container_wrong;

// Checks of calls outside crew_run(), by main.
void check_outside(void);

#endif
