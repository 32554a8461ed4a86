// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_sync, by file, and what they share.
#ifndef CREW_TESTS_SYNC_CASES_H
#define CREW_TESTS_SYNC_CASES_H

#include "cases.h"
#include "mark.h"

#include <pthread.h>

#define LIMIT_S 20.0    // what comes at all comes within that time
#define SHORT_S 0.005   // how long nothing may come
#define MEASURED_S 0.03 // time limits that are looked at

typedef void case_function(const struct variant *variant);

// sync_lock.c, sync_threads.c
case_function syn_01, syn_02, syn_03;
case_function sync_threads;

// sync_order.c: time limits, turns, and mutual exclusion, for all that can be acquired
case_function syn_06, sync_fair, sync_contended;

// sync_semaphore.c
case_function syn_04, syn_05, sync_at_most;

// sync_condition.c, sync_notify.c
case_function syn_07, syn_08, syn_11, syn_12;
case_function syn_09, syn_10, sync_buffer, sync_notify_race;

// sync_event.c
case_function syn_13, sync_ping_pong;

// sync_barrier.c, sync_broken.c, sync_module.c
case_function syn_14, syn_15, syn_16, syn_20;
case_function syn_17, syn_18, syn_19;
case_function sync_module;

// sync_death.c: holders, sync_ghost.c: waiters
case_function syn_21, sync_deaths;
case_function syn_22, syn_23, sync_ghosts;

// sync_storm.c: deaths, and time limits, at any moment
case_function sync_death_storm, sync_limit_storm;

// sync_passing.c
case_function sync_passing, sync_tasks;

// sync_wrong.c
case_function sync_wrong;

// Checks of calls outside crew_run(), by main.
void check_outside(void);

// sync_tools.c

// What can be acquired and released.
enum sort { SORT_LOCK, SORT_RLOCK, SORT_SEMAPHORE, SORT_CONDITION, SORTS };

// What processes of these cases are given.
struct sync_job {
    crew_lock lock;
    crew_rlock rlock;
    crew_semaphore semaphore;
    crew_condition condition, other;
    crew_event event, answer_event;
    crew_barrier barrier, together;
    crew_queue queue;
    enum sort sort;
    int number, count, unused;
    struct mark mark, answer, memory;
};

// A job with one object, and marks; a semaphore has the value 1.
struct sync_job new_job(enum sort sort);

// A job with marks and no object.
struct sync_job new_marks(void);

// Closes the object of new_job(), and removes the marks.
void end_job(const struct sync_job *job);
void end_marks(const struct sync_job *job);

// For the object of a job; close_object() of a semaphore is crew_semaphore_close() and so on.
crew_status acquire(const struct sync_job *job);
crew_status acquire_timed(const struct sync_job *job, double timeout_s);
crew_status try_acquire(const struct sync_job *job);
crew_status release(const struct sync_job *job);
crew_status close_object(const struct sync_job *job);

// By trying, with short time limits, or plainly, whichever a number says.
crew_status acquire_somehow(const struct sync_job *job, int how);

// A try that fails; and one that does not, with what undoes it.
void expect_held(const struct sync_job *job);
void expect_free(const struct sync_job *job);

// Numbers that processes share, all 0 at first, in the file of a mark: that works on several hosts
// of tests/cluster, too, whose files are one machine's.
#define CELLS 64
volatile int *cells_map(const struct mark *mark);
void cells_unmap(volatile int *cells);

// Waits until a cell has that value, for a generous time; a failed check otherwise.
bool cell_wait(volatile int *cells, int cell, int value);

// The n-th of several processes of a case: the variant's own, and others beside it.
struct variant nth(const struct variant *variant, int n);

// Checks the lines of a mark, as the order of what happened.
void expect_lines(const struct mark *mark, const char *lines);

// Joins a thread, whose result is that of check_result().
void join_thread(pthread_t thread);

// Whether the caller is the main process, where long tests are run once.
bool is_main(void);

// Waits until so many wait at a barrier.
void await_waiting(crew_barrier barrier, int count);
void expect_state(crew_barrier barrier, int parties, int n_waiting, bool broken);

// Functions for processes, with a sync_job.

int hold_until_answer(void *arg); // acquires, marks "held", and releases when there is an answer
int hold_for_ever(void *arg);     // acquires count times, marks "held", and waits for its end

// Waits on the condition with the lock, marks "waiting" first, and its number in answer after it.
int wait_on_condition(void *arg);

#endif
