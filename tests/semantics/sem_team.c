// SPDX-License-Identifier: BSD-3-Clause
// Teams: the calls of <crew/team.h>, and barriers over teams.
#include "team_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"life", team_life, 0},
    {"numbers", team_numbers, CASE_ONCE},
    {"start-wrong", team_start_wrong, CASE_ONCE},
    {"terminate", team_terminate, 0},
    {"argument", team_argument, 0},
    {"nested", team_nested, CASE_KILLABLE},
    {"creator-killed", team_creator_killed, CASE_ONCE | CASE_MAIN},
    {"wrong", team_wrong, 0},
    {"collectives", team_collectives, 0},
    {"counts", team_counts, 0},
    {"operations", team_operations, CASE_MAIN},
    {"large", team_large, CASE_MAIN},
    {"killed", team_killed, CASE_KILLABLE},
    {"left", team_left, 0},
    {"ahead", team_ahead, 0},
    {"each-broken", team_each_broken, CASE_MAIN},
    {"mismatch", team_mismatch, CASE_KILLABLE},
    {"ended-inside", team_ended_inside, CASE_ONCE | CASE_MAIN},
    {"barrier", team_barrier, 0},
    {"barrier-timeout", team_barrier_timeout, 0},
    {"barrier-abort", team_barrier_abort, 0},
    {"barrier-ended", team_barrier_ended, 0},
    {0},
};

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
