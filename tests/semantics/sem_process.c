// SPDX-License-Identifier: BSD-3-Clause
// Processes: the lines PRC of the checklist, and the calls of <crew/process.h>.
#include "process_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"PRC-35-first", prc_35_first, CASE_ONCE | CASE_MAIN}, // before anything is created
    {"PRC-18-first", prc_18_first, CASE_ONCE | CASE_MAIN}, // the first that a program creates
    {"PRC-01", prc_01, 0},
    {"PRC-02", prc_02, 0},
    {"PRC-03", prc_03, 0},
    {"PRC-04", prc_04, 0},
    {"PRC-05", prc_05, 0},
    {"PRC-06", prc_06, 0},
    {"PRC-07", prc_07, 0},
    {"PRC-08", prc_08, 0},
    {"PRC-09", prc_09, 0},
    {"PRC-09-exit", prc_09_exit, CASE_KILLABLE},
    {"PRC-10", prc_10, CASE_KILLABLE},
    {"PRC-11", prc_11, 0},
    {"PRC-12", prc_12, CASE_KILLABLE},
    {"PRC-12-early", prc_12_early, 0},
    {"PRC-13", prc_13, CASE_KILLABLE},
    {"PRC-14", prc_14, 0},
    {"PRC-15", prc_15, 0},
    {"PRC-16", prc_16, 0},
    {"PRC-17", prc_closed, 0},
    {"PRC-18", prc_18, 0},
    {"PRC-19", prc_19, 0},
    {"PRC-20", prc_20, CASE_ONCE | CASE_MAIN},
    {"PRC-21", prc_21, 0},
    {"PRC-21-main", prc_21_main, CASE_ONCE | CASE_MAIN},
    {"PRC-22", prc_22, CASE_KILLABLE},
    {"PRC-23", prc_23, 0},
    {"PRC-23-later", prc_23_later, 0},
    {"PRC-24", prc_24, 0},
    {"PRC-25", prc_25, 0},
    {"PRC-26", prc_26, 0},
    {"PRC-27", prc_27, CASE_KILLABLE},
    {"PRC-28", prc_28, 0},
    {"PRC-29", prc_29, CASE_KILLABLE},
    {"PRC-30", prc_30, CASE_KILLABLE | CASE_MAIN},
    {"PRC-31", prc_31, 0},
    {"PRC-33", prc_33, 0},
    {"PRC-35", prc_35, CASE_ONCE | CASE_MAIN},
    {"wait", wait_several, 0},
    {"wait-elsewhere", wait_elsewhere, 0},
    {"wait-often", wait_often, 0},
    {"wait-wrong", wait_wrong, 0},
    {"describe", calls_describe, 0},
    {"find", calls_find, 0},
    {"unique", calls_unique, 0},
    {"places", calls_places, 0},
    {"least-busy", calls_least_busy, CASE_ONCE | CASE_MAIN},
    {"inside-everywhere", calls_inside_everywhere, CASE_ONCE | CASE_MAIN},
    {"class", calls_class, 0},
    {"inside", prc_inside, 0},
    {"names", prc_nested_names, 0},
    {"titles", prc_titles, CASE_KILLABLE},
    {"create", calls_create, CASE_ONCE},
    {"function", calls_function, CASE_ONCE},
    {"argument", calls_argument, 0},
    {"start", calls_start_inside, 0},
    {"outputs", calls_outputs, 0},
    {"handles", calls_handles, 0},
    {"children", calls_children, CASE_KILLABLE},
    {"info", calls_info, 0},
    {"self", calls_self, 0},
    {"placement", calls_placement, CASE_ONCE | CASE_MAIN},
    {"argument-large", argument_large, 0},
    {"argument-many", argument_many, 0},
    {"module", module_later, 0},
    {"module-nested", module_nested, CASE_MAIN},
    {"module-missing", module_missing, 0},
    {"module-exchanged", module_exchanged, 0},
    {"errors", calls_errors, 0},
    {"run", calls_run, CASE_ONCE},
    {0},
};

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
