// SPDX-License-Identifier: BSD-3-Clause
// What my_function.c has for processes, pools and barriers, in a library that is built twice, with
// MY_FUNCTION_BUILD 1 and 2. Whoever loads it adds a line to the file loaded in TMPDIR.
#ifndef CREW_TESTS_MY_FUNCTION_H
#define CREW_TESTS_MY_FUNCTION_H

#include <crew/crew.h>
#include <stdio.h>
#include <stdlib.h>

static inline void my_function_log(char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/my_function_loaded", folder ? folder : "/tmp");
}

crew_process_function my_function;    // the int of the argument, and the build
crew_pool_initializer my_initializer; // keeps the int
crew_task_function my_task;           // ints: the item's times the build, and what was kept
crew_barrier_action my_action;        // fails when the int is the build

#endif
