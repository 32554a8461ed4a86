// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_manager, by file, and what they share.
#ifndef CREW_TESTS_MANAGER_CASES_H
#define CREW_TESTS_MANAGER_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// manager_life.c: from creation to shutdown
case_function mgr_01, mgr_06, mgr_06_steps, manager_left_open, manager_crash, manager_stopped,
    manager_ends, manager_names;

// manager_objects.c: types, methods, values, and how long objects live
case_function mgr_02_server, mgr_04_server, mgr_04_killed, manager_values, manager_large,
    manager_threads, manager_concurrent, manager_timeout, manager_chain;

// manager_wrong.c: what every call is documented to refuse
case_function manager_wrong, manager_register_wrong, manager_exposed;

// manager_shared.c
case_function mgr_07, shm_09, manager_unreceived;

// Checks of calls outside crew_run(), by main.
void check_manager_outside(void);

// manager_tools.c

// A counter: created with a number, a path of a mark that gets a line when it is destroyed, or
// both. add(int), get(), fail(), fail_silently(), echo(any), sleep(double), crash(),
// set_alarm(string): the server ends badly, _hidden(), no_value().
extern const crew_manager_type counter_type;

// The same with methods that run at a time: meet(), which returns when two are in it.
extern const crew_manager_type meeting_type;

// Keeps a value: store(any), fetch(), close(): a connection.
extern const crew_manager_type keeper_type;

// One whose destruction lasts: created with whether it ignores SIGTERM.
extern const crew_manager_type clinging_type;

// A manager of the types above, started; and its end.
crew_manager start_manager(void);
void end_manager(crew_manager manager);
crew_process server_of(crew_manager manager);

crew_proxy new_counter(crew_manager manager, int64_t begin, const struct mark *mark);
int64_t get_count(crew_proxy counter);
void add_to(crew_proxy counter, int64_t number);

#endif
