// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_pipe, by file, and what they share.
#ifndef CREW_TESTS_PIPE_CASES_H
#define CREW_TESTS_PIPE_CASES_H

#include "cases.h"

#include <crew/pipe.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LIMIT_S 30.0             // what comes at all comes within that time
#define SHORT_S 0.03             // how long nothing may come
#define EAGER ((size_t)64 << 10) // larger messages are a rendezvous

typedef void case_function(const struct variant *variant);

// pipe_messages.c: order, boundaries, sizes
case_function con_01, con_01_many, con_02, con_07, con_08, con_10, pipe_sizes, pipe_duplex,
    pipe_both_ends;

// pipe_view.c: messages where they lie
case_function con_09, con_09_duplex, view_kept, view_aligned;

// pipe_ends.c: copies of ends, and when an end is gone
case_function con_03, con_04, con_05, con_05_unstarted, con_05_in_message, con_06, con_06_unstarted,
    con_06_blocked, con_11, con_11_gone, con_11_waiting;

// pipe_passing.c: ends that are handed on
case_function con_14, con_14_lost, con_14_large, passing_large_argument, passing_pool,
    passing_chain, passing_maker, passing_maker_gone, passing_receiver, passing_back;

// pipe_large.c: messages of more than 64 KiB
case_function con_12, large_timed, large_order, large_both_ways;

// pipe_bound.c: what a send waits for
case_function bound_small, bound_default, bound_oversized, bound_timed;

// pipe_many.c: several senders and receivers on one end
case_function many_senders, many_both, many_threads, many_pipes;

// pipe_death.c: processes that end with ends in their hands
case_function con_05_killed, con_06_killed, con_13, con_13_during, death_of_waiting_receiver,
    death_of_large_receiver, death_of_blocked_sender, death_wakes_senders;

// pipe_wait.c: waiting for several, signals
case_function con_15, con_16, con_17, con_18, wait_elsewhere, wait_together, wait_for_death,
    wait_many;

// pipe_wrong.c: what every call is documented to refuse
case_function wrong_arguments, wrong_handles, wrong_outputs;

// Checks of calls outside crew_run(), by main.
void check_outside(void);

// pipe_tools.c

struct ends {
    crew_connection in, out;
};

struct ends make_pipe(void);
struct ends make_duplex(void);
void drop(crew_connection end);
void drop_both(struct ends ends);

void send_text(crew_connection out, const char *text);
void expect_text(crew_connection in, const char *text);
void send_number(crew_connection out, int number);
int take_number(crew_connection in); // -1 and a failed check when none comes

// There is neither a message nor an end, for a short time.
void expect_nothing(crew_connection in);

// The end comes, and stays.
void expect_eof(crew_connection in);

// That nobody can receive any more is known soon, and for good.
void expect_epipe(crew_connection out);

// Waits until there is something to receive.
void await(crew_connection in);

// Bytes that depend on the seed and on where they are.
void fill(void *data, size_t size, unsigned seed);
bool is_filled(const void *data, size_t size, unsigned seed);

// A message of such bytes; sent with size and seed by agreement, received with all that checked.
void send_filled(crew_connection out, size_t size, unsigned seed);
void expect_filled(crew_connection in, size_t size, unsigned seed);

// Functions for processes; the argument is a struct ends.

int echo(void *arg);            // sends what it receives, until there is no more
int receive_nothing(void *arg); // waits for the end of its input

#endif
