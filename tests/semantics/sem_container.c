// SPDX-License-Identifier: BSD-3-Clause
// Lists, dicts, sets and namespaces: lines MGR of the checklist, and the calls of their headers.
#include "container_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"MGR-02", mgr_02, 0},
    {"MGR-03", mgr_03, 0},
    {"MGR-04", mgr_04, 0},
    {"MGR-05", mgr_05, 0},
    {"list", list_calls, CASE_MAIN},
    {"list-order", list_order, CASE_MAIN},
    {"dict", dict_calls, CASE_MAIN},
    {"set", set_calls, CASE_MAIN},
    {"namespace", namespace_calls, CASE_MAIN},
    {"values", container_values, CASE_MAIN},
    {"large", container_large, CASE_ONCE},
    {"bounds", container_bounds, CASE_MAIN},
    {"updates", container_updates, 0},
    {"handles", container_handles, 0},
    {"looks", container_looks, 0},
    {"lock", container_lock, 0},
    {"handles-many", container_handles_many, 0},
    {"killed", container_killed, CASE_KILLABLE},
    {"wrong", container_wrong, CASE_MAIN},
    {0},
};

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
