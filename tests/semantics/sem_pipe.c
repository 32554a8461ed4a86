// SPDX-License-Identifier: BSD-3-Clause
// Pipes and waiting: the lines CON of the checklist, and the calls of <crew/pipe.h>.
#include "pipe_cases.h"

#include "check.h"

const struct test_case program_cases[] = {
    {"CON-01", con_01, 0},
    {"CON-01-many", con_01_many, 0},
    {"CON-02", con_02, 0},
    {"CON-03", con_03, 0},
    {"CON-04", con_04, 0},
    {"CON-05", con_05, 0},
    {"CON-05-unstarted", con_05_unstarted, 0},
    {"CON-05-in-message", con_05_in_message, 0},
    {"CON-05-killed", con_05_killed, 0},
    {"CON-06", con_06, 0},
    {"CON-06-unstarted", con_06_unstarted, 0},
    {"CON-06-blocked", con_06_blocked, 0},
    {"CON-06-killed", con_06_killed, 0},
    {"CON-07", con_07, 0},
    {"CON-08", con_08, 0},
    {"CON-09", con_09, 0},
    {"CON-09-duplex", con_09_duplex, 0},
    {"CON-10", con_10, 0},
    {"CON-11", con_11, 0},
    {"CON-11-gone", con_11_gone, 0},
    {"CON-11-waiting", con_11_waiting, CASE_KILLABLE},
    {"CON-12", con_12, 0},
    {"CON-13", con_13, 0},
    {"CON-13-during", con_13_during, CASE_KILLABLE},
    {"CON-14", con_14, 0},
    {"CON-14-lost", con_14_lost, 0},
    {"CON-14-large", con_14_large, 0},
    {"CON-15", con_15, 0},
    {"CON-16", con_16, 0},
    {"CON-17", con_17, 0},
    {"CON-18", con_18, 0},
    {"sizes", pipe_sizes, 0},
    {"duplex", pipe_duplex, 0},
    {"both-ends", pipe_both_ends, CASE_ONCE},
    {"view-aligned", view_aligned, 0},
    {"view-kept", view_kept, 0},
    {"large-argument", passing_large_argument, 0},
    {"pool-items", passing_pool, CASE_ONCE},
    {"chain", passing_chain, 0},
    {"maker", passing_maker, 0},
    {"maker-gone", passing_maker_gone, 0},
    {"receiver-moves", passing_receiver, 0},
    {"there-and-back", passing_back, 0},
    {"large-timed", large_timed, 0},
    {"large-order", large_order, 0},
    {"large-both-ways", large_both_ways, CASE_KILLABLE},
    {"bound", bound_small, 0},
    {"bound-default", bound_default, CASE_ONCE},
    {"bound-oversized", bound_oversized, 0},
    {"bound-timed", bound_timed, 0},
    {"many-senders", many_senders, CASE_ONCE},
    {"many-both", many_both, CASE_ONCE},
    {"many-threads", many_threads, CASE_KILLABLE},
    {"many-pipes", many_pipes, CASE_MAIN},
    {"death-of-waiting-receiver", death_of_waiting_receiver, 0},
    {"death-of-large-receiver", death_of_large_receiver, CASE_KILLABLE},
    {"death-of-blocked-sender", death_of_blocked_sender, 0},
    {"death-wakes-senders", death_wakes_senders, CASE_KILLABLE},
    {"wait-elsewhere", wait_elsewhere, 0},
    {"wait-together", wait_together, 0},
    {"wait-for-death", wait_for_death, 0},
    {"wait-many", wait_many, 0},
    {"wrong-arguments", wrong_arguments, 0},
    {"wrong-handles", wrong_handles, 0},
    {"wrong-outputs", wrong_outputs, 0},
    {0},
};

int main(int argc, char **argv)
{
    check_outside();
    int code = crew_run(argc, argv, cases_main);
    check_outside();
    return code ? code : check_failures() != 0;
}
