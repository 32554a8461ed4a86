// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_log, by file.
#ifndef CREW_TESTS_LOG_CASES_H
#define CREW_TESTS_LOG_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// log_calls.c
case_function log_01, log_inherited, log_handlers, log_wrong;

// finalize_calls.c
case_function log_02, finalize_children, finalize_killed, finalize_wrong;

// Checks of calls outside crew_run(), by main.
void check_log_outside(void);
void check_finalize_outside(void);

#endif
