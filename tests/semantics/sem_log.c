// SPDX-License-Identifier: BSD-3-Clause
// The lines LOG of the checklist, and the calls of <crew/log.h> and <crew/finalize.h>.
#include "log_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"LOG-01", log_01, 0},
    {"inherited", log_inherited, 0},
    {"handlers", log_handlers, 0},
    {"wrong", log_wrong, 0},
    {"LOG-02", log_02, 0},
    {"finalize-children", finalize_children, 0},
    {"finalize-killed", finalize_killed, CASE_KILLABLE},
    {"finalize-wrong", finalize_wrong, 0},
    {0},
};

static void check_outside(void)
{
    check_log_outside();
    check_finalize_outside();
}

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
