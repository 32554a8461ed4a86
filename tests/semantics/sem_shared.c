// SPDX-License-Identifier: BSD-3-Clause
// Values, arrays and blocks of shared memory: the lines SHM of the checklist, and the calls of
// <crew/array.h>, <crew/value.h>, <crew/shared_memory.h> and <crew/shareable_list.h>.
#include "shared_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"SHM-01", shm_01, 0},
    {"SHM-02", shm_02, 0},
    {"SHM-03", shm_03, 0},
    {"SHM-04", shm_04, 0},
    {"SHM-05", shm_05, 0},
    {"SHM-06", shm_06, 0},
    {"SHM-07", shm_07, 0},
    {"SHM-08", shm_08, CASE_KILLABLE},
    {"SHM-10", shm_10, 0},
    {"list-scribbled", list_scribbled, CASE_ONCE},
    {"array-slices", array_slices, 0},
    {"array-atomics", array_atomics, 0},
    {"array-data", array_data, 0},
    {"array-huge", array_huge, 0},
    {"array-wrong", array_wrong, 0},
    {"array-gone", array_gone, 0},
    {"array-handles", array_handles, 0},
    {"array-killed", array_killed, CASE_KILLABLE},
    {"array-owner-dead", array_owner_dead, CASE_KILLABLE},
    {0},
};

int main(int argc, char **argv)
{
    check_arrays_outside();
    check_blocks_outside();
    check_lists_outside();
    int code = crew_run(argc, argv, cases_main);
    check_arrays_outside();
    check_blocks_outside();
    check_lists_outside();
    return code ? code : check_failures() != 0;
}
