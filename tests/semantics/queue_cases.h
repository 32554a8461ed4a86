// SPDX-License-Identifier: BSD-3-Clause
// The cases of sem_queue, by file.
#ifndef CREW_TESTS_QUEUE_CASES_H
#define CREW_TESTS_QUEUE_CASES_H

#include "cases.h"
#include "mark.h"

typedef void case_function(const struct variant *variant);

// What processes of these cases are given.
struct queue_job {
    crew_queue queue, other;
    int number, count;
    struct mark mark, answer;
};

struct queue_item {
    int producer, number;
};

// A queue, checked; an item more or less.
crew_queue new_queue(const crew_queue_attr *attr);
void put_item(crew_queue queue, int producer, int number);
void expect_item(crew_queue queue, int producer, int number);
void expect_empty(crew_queue queue);
size_t size_of(crew_queue queue);

// A process that puts count items of its number, as queue_job says.
int put_items(void *arg);

// queue_items.c: what comes out, and when
case_function que_01, que_02, que_03, que_04, que_05, que_06, que_08, que_12, queue_many,
    queue_large;

// queue_end.c: closing, joining, and dying
case_function que_07, que_09, que_10, que_11, que_13, que_14, que_15, queue_cancel,
    queue_many_at_end;

// queue_calls.c: wrong use, waiting, handles in items
case_function queue_wrong, queue_gone, queue_wait, queue_handles, queue_argument;

// queue_gather.c
case_function queue_gather, queue_scattered, queue_gather_order, queue_gather_killed;

// Checks of calls outside crew_run(), by main.
void check_outside(void);

#endif
