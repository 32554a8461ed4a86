/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What crew's own programs of the comparisons consist of: modes with some sides, each side a
 * process. Side 0 measures; before each block it orders so many operations from the others, and
 * none in the end.
 *
 * --place says where the sides are: children, all on rank 0; apart, side 0 on rank 0 and the others
 * on other ranks, or on rank 1 when it is alone; ranks, the same with CREW_START_RANK; main, the
 * same with the main process as side 0.
 */
#ifndef BENCH_SIDES_H
#define BENCH_SIDES_H

#include "measure.h"

#include <crew/array.h>
#include <crew/crew.h>
#include <crew/dict.h>
#include <crew/list.h>
#include <crew/queue.h>
#include <crew/value.h>

#define BENCH_MOST_SIDES 65

/** Those that a mode does not use are 0. */
struct bench_handles {
    crew_connection connection;
    crew_queue items, back;
    crew_lock locks[2];
    crew_rlock rlock;
    crew_semaphore semaphore;
    crew_condition conditions[2];
    crew_event events[2];
    crew_barrier barrier;
    crew_value value;
    crew_array array;
    crew_list list;
    crew_dict dict;
};

/** What a side is given as its argument. */
struct bench_side {
    struct bench_settings settings;
    struct bench_case which;
    struct bench_handles handles;
    int others;                          /* sides besides side 0 */
    crew_queue orders[BENCH_MOST_SIDES]; /* side 0: of all others; they: their own, the first */
};

struct bench_mode {
    const char *name;
    int (*others)(const struct bench_case *which); /* how many sides besides side 0; NULL: none */
    crew_status (*make)(struct bench_side *sides, int count); /* the handles */
    void (*close)(struct bench_side *side);   /* those of a side; with the rest of it 0, too */
    void (*started)(struct bench_side *side); /* it has its copies; NULL: nothing to do */
    crew_process_function *measure;           /* side 0 */
    crew_process_function *serve;             /* the others */
    bool from_main; /* side 0 is the main process, the others are one on each rank */
};

struct bench_program {
    const struct bench_mode *const
        *lists;        /* each ends with a mode without a name, they with NULL */
    size_t least_size; /* of a case */
};

/** The program's main function: options, then cases. */
int bench_sides_main(const struct bench_program *program, int argc, char **argv);

/** Whether it is ::CREW_OK; if not, says on stderr why. */
bool bench_good(crew_status status);

/** Says what is wrong, and returns false. */
bool bench_wrong(const char *reason);

/** Measures and prints; an exit code. */
int bench_report(const struct bench_side *side, bench_block *block, void *context);

/** The same number of other sides for every case: one. */
int bench_one_other(const struct bench_case *which);

/** Makes the queues that side 0 orders with. */
crew_status bench_make_orders(struct bench_side *sides, int count);

/** Side 0: orders so many operations from all others; 0: it was the last order. */
bool bench_order(const struct bench_side *side, long count);

/** Another side: waits for its next order. */
bool bench_next_order(const struct bench_side *side, long *count);

bool bench_put_number(crew_queue queue, long number);
bool bench_get_number(crew_queue queue, long *number);

#endif
