// SPDX-License-Identifier: BSD-3-Clause
// Locks, semaphores, conditions, events and barriers: the lines SYN of the checklist, and the calls
// of <crew/lock.h> and its neighbours.
#include "sync_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"SYN-01", syn_01, 0},
    {"SYN-02", syn_02, 0},
    {"SYN-03", syn_03, 0},
    {"SYN-04", syn_04, 0},
    {"SYN-05", syn_05, 0},
    {"SYN-06", syn_06, 0},
    {"SYN-07", syn_07, 0},
    {"SYN-08", syn_08, 0},
    {"SYN-09", syn_09, 0},
    {"SYN-10", syn_10, 0},
    {"SYN-11", syn_11, 0},
    {"SYN-12", syn_12, 0},
    {"SYN-13", syn_13, 0},
    {"SYN-14", syn_14, 0},
    {"SYN-15", syn_15, 0},
    {"SYN-16", syn_16, 0},
    {"SYN-17", syn_17, 0},
    {"SYN-18", syn_18, 0},
    {"SYN-19", syn_19, 0},
    {"SYN-20", syn_20, 0},
    {"SYN-21", syn_21, 0},
    {"SYN-22", syn_22, 0},
    {"SYN-23", syn_23, 0},
    {"fair", sync_fair, 0},
    {"contended", sync_contended, 0},
    {"threads", sync_threads, 0},
    {"at-most", sync_at_most, 0},
    {"buffer", sync_buffer, 0},
    {"notify-race", sync_notify_race, 0},
    {"ping-pong", sync_ping_pong, 0},
    {"module", sync_module, 0},
    {"deaths", sync_deaths, 0},
    {"ghosts", sync_ghosts, 0},
    {"death-storm", sync_death_storm, CASE_KILLABLE},
    {"limit-storm", sync_limit_storm, 0},
    {"passing", sync_passing, 0},
    {"tasks", sync_tasks, CASE_ONCE},
    {"wrong", sync_wrong, 0},
    {0},
};

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
