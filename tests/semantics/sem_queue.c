// SPDX-License-Identifier: BSD-3-Clause
// Queues: the lines QUE of the checklist, and the calls of <crew/queue.h>.
#include "queue_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"QUE-01", que_01, 0},
    {"QUE-02", que_02, 0},
    {"QUE-03", que_03, 0},
    {"QUE-04", que_04, 0},
    {"QUE-05", que_05, 0},
    {"QUE-06", que_06, 0},
    {"QUE-07", que_07, 0},
    {"QUE-08", que_08, 0},
    {"QUE-09", que_09, 0},
    {"QUE-10", que_10, 0},
    {"QUE-11", que_11, 0},
    {"QUE-12", que_12, 0},
    {"QUE-13", que_13, 0},
    {"QUE-14", que_14, CASE_KILLABLE},
    {"QUE-15", que_15, CASE_KILLABLE},
    {"cancel", queue_cancel, 0},
    {"many-at-end", queue_many_at_end, CASE_ONCE | CASE_MAIN},
    {"many", queue_many, 0},
    {"large", queue_large, 0},
    {"wrong", queue_wrong, 0},
    {"gone", queue_gone, 0},
    {"wait", queue_wait, 0},
    {"handles", queue_handles, 0},
    {"argument", queue_argument, 0},
    {"gather", queue_gather, 0},
    {"scattered", queue_scattered, 0},
    {"gather-order", queue_gather_order, 0},
    {"gather-killed", queue_gather_killed, CASE_KILLABLE},
    {0},
};

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
