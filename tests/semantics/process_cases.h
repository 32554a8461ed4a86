// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_process, by file.
#ifndef CREW_TESTS_PROCESS_CASES_H
#define CREW_TESTS_PROCESS_CASES_H

#include "cases.h"

typedef void case_function(const struct variant *variant);

// process_life.c: from creation to close
case_function prc_01, prc_02, prc_03, prc_04, prc_05, prc_06, prc_07, prc_08, prc_14, prc_16,
    prc_29, prc_30, prc_33, prc_closed;

// process_end.c: exit codes and signals
case_function prc_09, prc_09_exit, prc_10, prc_11, prc_12, prc_12_early, prc_13, prc_inside;

// process_limits.c: limits, and what ended a process
case_function limit_memory, limit_cpu, limit_wall, limit_one_of_all, limit_none, limit_not_reached,
    limit_refused;

// process_exit.c: threads, atexit callbacks, buffers, standard input
case_function prc_32, prc_32_threads, prc_34, calls_thread;

// Before crew_run(): a callback that no process may run.
void register_inherited(void);

// process_family.c: names, daemons, parents and children
case_function prc_18_first, prc_18, prc_19, prc_20, prc_23, prc_24, prc_25, prc_26, prc_27, prc_31,
    prc_nested_names, prc_titles;

// process_calls.c: what every call is documented to return
case_function calls_create, calls_function, calls_argument, calls_start_inside, calls_outputs,
    calls_handles, calls_children, calls_info, calls_self, calls_placement, calls_errors, calls_run;

// process_wait.c: sentinels, and waiting for several of them
case_function prc_28, wait_several, wait_elsewhere, wait_often, wait_wrong;

// process_find.c: parents, descriptions, finding by name
case_function prc_21, prc_21_main, prc_22, calls_describe, calls_find, calls_unique;

// process_choice.c: start methods, places, daemons, classes
case_function prc_15, prc_23_later, prc_35_first, prc_35, calls_places, calls_least_busy,
    calls_inside_everywhere, calls_class;

// process_argument.c: large arguments
case_function argument_large, argument_many;

// process_module.c: functions of a library that is loaded later
case_function module_later, module_nested, module_missing, module_exchanged;

// Checks of calls outside crew_run(), by main.
void check_outside(void);

#endif
