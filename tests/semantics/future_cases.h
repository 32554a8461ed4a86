// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_future, by file, and what they share.
#ifndef CREW_TESTS_FUTURE_CASES_H
#define CREW_TESTS_FUTURE_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// future_results.c: results to come, waited for and called back
case_function pol_07, pol_08, pol_09, pol_23_callback, fut_02, fut_03, fut_03_inside, fut_04,
    fut_05, fut_05_close, fut_05_moved, fut_05_many, result_errors, result_crash;

// future_cancel.c: cancelling, killing, and the end of a pool
case_function fut_01, cancel_rest, fut_07, fut_08, fut_08_shutdown, fut_08_waiters, fut_11, fut_12,
    pol_11_async, pol_21_async, pol_24_kill;

// future_refused.c: cancelling and killing what workers have in hand
case_function refused_error, refused_retries, refused_shutdown, cancel_in_chunk, kill_neighbours,
    closed_meanwhile;

// future_kept.c: results of tasks that failed
case_function kept_results, kept_bytes;

// future_broken.c: workers that are lost, or ended; workers that are reused
case_function fut_09, fut_09_broken, fut_10, fut_13, fut_13_ignored, fut_14;

// future_crash.c: where crashes were, in the source
case_function crash_lines, crash_lines_bytes;

// future_iterator.c: results one by one
case_function pol_03, pol_03_closed, pol_03_at_once, pol_03_blocks, pol_04, pol_04_many, pol_15,
    fut_06, fut_06_time, iterator_limits, iterator_ends;

// future_limits.c: time, memory, retries, priorities, recycled workers, schedules
case_function pol_13, pol_24, pol_retries, pol_memory, pol_priority, pol_progress,
    pol_progress_in_chunk, pol_schedules;

// future_calls.c: what every call is documented to return
case_function calls_result, calls_iterator, calls_async, others_results;

// Checks of calls outside crew_run(), by main.
void check_future_outside(void);

// What one task is to do.
struct step {
    enum {
        STEP_SQUARE,
        STEP_FAIL,
        STEP_WAIT,
        STEP_WAIT_FAIL, // the first times, as many as the number says
        STEP_ABORT_ONCE,
        STEP_FILL,
        STEP_HANG
    } what;
    int number;
    struct mark begun, go; // WAIT: sets the one, and waits for the other
};

struct answer {
    long square;
    pid_t pid;
};

extern const crew_task do_step;

// Steps that square their index.
void plan_steps(struct step *steps, size_t count);

// One that has begun when its mark is set, and ends when it may go.
struct step waiting_step(void);
void let_go(const struct step *step);

crew_pool open_pool(int workers);
void close_pool(crew_pool pool);

#endif
