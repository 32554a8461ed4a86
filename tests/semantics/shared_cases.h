// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_shared, by file.
#ifndef CREW_TESTS_SHARED_CASES_H
#define CREW_TESTS_SHARED_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// What processes of these cases are given.
struct shared_job {
    crew_array array;
    crew_value value;
    crew_datatype type;
    int count;
    struct mark mark, answer;
};

// Checked.
crew_array new_array(crew_datatype type, int64_t count);
int64_t int64_at(crew_array array, int64_t index);
int64_t int64_of(crew_value value);

// shared_array.c: what elements are, and who sees them
case_function shm_01, shm_02, array_slices, array_atomics, array_data, array_huge;

// shared_lock.c: the lock of an array
case_function shm_03, shm_04, array_owner_dead;

// shared_calls.c: wrong use, and the end
case_function array_wrong, array_gone, array_handles, array_killed;

// shared_block.c: blocks of shared memory
case_function shm_05, shm_06, shm_07, shm_08;

// shared_list.c: lists in such blocks
case_function shm_10, list_scribbled;

// Whether processes of the variant can attach the caller's blocks.
bool is_on_own_host(const struct variant *variant);

// Checks of calls outside crew_run(), by main.
void check_arrays_outside(void);
void check_blocks_outside(void);
void check_lists_outside(void);

#endif
