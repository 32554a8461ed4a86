/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Where ::CREW_MUST goes when the call has failed and the thread is in a task of a pool: the task
 * fails, and its worker goes on.
 */
#ifndef CREWI_PROCESS_MUST_H
#define CREWI_PROCESS_MUST_H

#include <setjmp.h>

/** Names the place for the calling thread, which is in a task from now on; NULL: it is in none.
 * What arrives there is a crew_status; the reason is in crew_error_message(). */
void crewi_must_set_place(jmp_buf *place);

/** Ends the calling process inside its rank with an exit code. The thread must be its own. */
_Noreturn void crewi_process_exit_inside(int code);

#endif
