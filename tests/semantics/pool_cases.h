// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_pool, by file, and what they share.
#ifndef CREW_TESTS_POOL_CASES_H
#define CREW_TESTS_POOL_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// pool_map.c: results, chunks, failures
case_function pol_01, pol_01_large, pol_01_threads, pol_02, pol_02_chunks, pol_05, pol_06,
    map_alignment;

// pool_death.c: workers that end
case_function pol_19, pol_19_many, pol_19_outside, pol_20, pol_23, pol_21;

// pool_life.c: creation, initializers, the end; who the workers are
case_function pol_10, pol_11, pol_12, pol_14, pol_17, pol_18, pol_22, pool_workers, pool_left_open;

// pool_calls.c: what every call is documented to return
case_function calls_pool_create, calls_pool_map, calls_pool_handles, calls_pool_others,
    calls_pool_workers;

// pool_places.c: pools over chosen ranks and hosts
case_function pol_ranks, pol_ranks_wrong, pol_ranks_replaced, pol_hosts, pol_hosts_wrong;

// pool_account.c: what a pool did, and what it cost
case_function pol_describe, pol_describe_idle, pol_describe_deaths, pol_summary;

// pool_bytes.c, pool_bytes_ends.c: items and results of any sizes
case_function pol_16, pol_16_sizes, pol_16_one_size, pol_16_many, pol_16_large, pol_16_deaths,
    pol_16_killed, pol_16_limits, pol_16_async, pol_16_end, calls_pool_bytes;

// pool_steal.c: what is in hand gets to others
case_function pol_steal_static, pol_steal_chunk, pol_steal_off, pol_steal_death;

// pool_module.c: tasks of a library that is loaded later
case_function pool_module, pool_module_tasks;

// pool_sharing.c: handles that tasks get, several pools
case_function pool_handles_in_items, pool_handles_in_initializer, pool_several;

// Checks of calls outside crew_run(), by main.
void check_pool_outside(void);

// What one task of these tests is to do.
struct job {
    enum {
        JOB_COMPUTE,
        JOB_FAIL,
        JOB_SIGNAL,
        JOB_EXIT,
        JOB_EXIT_NOW,
        JOB_SLEEP,
        JOB_FAMILY,
        JOB_WAIT, // for lines in the log
        JOB_WAIT_AND_DIE
    } what;
    int number;  // the result's, or the signal, the exit code, milliseconds, lines
    bool logged; // whether it writes its index to log
    int index;
    struct mark log;
};

struct outcome {
    int number;
    pid_t pid;
    char name[CREW_NAME_SIZE];
};

extern const crew_task do_job;

// Runs check for a pool of each form that is possible here: some numbers of workers, both start
// methods.
void each_pool(void (*check)(crew_pool pool, const crew_pool_attr *attr), bool killable);

// Fills in jobs that compute, with their index as number.
void plan(struct job *jobs, size_t count);

// Joins, gives back, and checks that no worker is left.
void end_pool(crew_pool pool);

// The workers there are, at most room; a failed check when there are more.
size_t list_workers(crew_pool pool, crew_worker_info *workers, size_t room);

// Checks that every index below count was logged once, and removes the mark.
void check_log(const struct mark *log, int count);

#endif
