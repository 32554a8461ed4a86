// SPDX-License-Identifier: BSD-3-Clause
// Servers of managers: the lines MGR of the checklist that are about them, and the calls of
// <crew/manager.h>.
#include "manager_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"MGR-01", mgr_01, CASE_ONCE},
    {"MGR-02-server", mgr_02_server, 0},
    {"MGR-04-server", mgr_04_server, 0},
    {"MGR-04-killed", mgr_04_killed, CASE_KILLABLE},
    {"MGR-06", mgr_06, CASE_ONCE},
    {"MGR-06-steps", mgr_06_steps, CASE_ONCE | CASE_MAIN},
    {"MGR-07", mgr_07, 0},
    {"SHM-09", shm_09, 0},
    {"unreceived", manager_unreceived, 0},
    {"values", manager_values, 0},
    {"large", manager_large, 0},
    {"threads", manager_threads, 0},
    {"concurrent", manager_concurrent, 0},
    {"timeout", manager_timeout, 0},
    {"chain", manager_chain, CASE_ONCE},
    {"names", manager_names, CASE_KILLABLE},
    {"left-open", manager_left_open, 0},
    {"crash", manager_crash, CASE_ONCE},
    {"stopped", manager_stopped, 0},
    {"ends", manager_ends, CASE_ONCE | CASE_MAIN},
    {"exposed", manager_exposed, CASE_ONCE},
    {"register-wrong", manager_register_wrong, CASE_ONCE},
    {"wrong", manager_wrong, 0},
    {0},
};

int main(int argc, char **argv)
{
    check_manager_outside();
    int code = crew_run(argc, argv, cases_main);
    check_manager_outside();
    return code ? code : check_failures() != 0;
}
