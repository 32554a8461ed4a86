// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_team, by file.
#ifndef CREW_TESTS_TEAM_CASES_H
#define CREW_TESTS_TEAM_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

#define TEAM_RANKS 16

// What members of these cases are given.
struct team_job {
    int number, other;
    crew_queue queue;
    struct mark mark, answer;
};

// A shape for each variant: one member more than ranks, or two on each, or one inside each that has
// a place. False: there is no place.
struct team_shape {
    crew_team_attr attr;
    int ranks[TEAM_RANKS];
    int size;
};
bool team_shape(const struct variant *variant, struct team_shape *shape);

// A team of that shape; created, or run with what it is to come to.
crew_team new_team(const struct team_shape *shape, crew_team_function *function,
                   const struct team_job *job);
void run_team(const struct variant *variant, crew_team_function *function,
              const struct team_job *job);
void finish_team(crew_team team, crew_status expected);

// Checks in a member that a call says that the team is broken, and by whom: part of the reason.
#define CHECK_BROKEN(call, part)                    \
    do {                                            \
        CHECK_STATUS(call, CREW_EBROKEN);           \
        CHECK_CONTAINS(crew_error_message(), part); \
    } while (0)

// team_life.c
case_function team_life, team_numbers, team_start_wrong, team_terminate, team_argument, team_nested,
    team_creator_killed, team_wrong;

// team_collect.c
case_function team_collectives, team_counts, team_operations, team_large;

// team_break.c
case_function team_killed, team_left, team_ahead, team_each_broken, team_mismatch,
    team_ended_inside;

// team_barrier.c
case_function team_barrier, team_barrier_timeout, team_barrier_abort, team_barrier_ended;

// Checks of calls outside crew_run(), by main.
void check_outside(void);

#endif
