/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Which tasks go into the next chunk: guided self-scheduling, and others to compare it with.
 *
 * Guided, a chunk is count / (4 * workers) tasks, Python's default, as long as at least half of the
 * tasks are left, and remaining / (2 * workers) from there on. Once it is known how much tasks
 * differ, a chunk is also no larger than what the unluckiest of all workers would have done by the
 * time that the others have done all the rest. Chunks are not so small that handing them out costs
 * more than a little of their work, once it is known what a task takes, and not larger than a
 * message should be. Tasks that come back from a worker that died go out first.
 *
 * Static gives each worker one chunk of count / workers; dynamic gives out single tasks; factoring
 * goes in rounds, each of one chunk for every worker, all of half of what is left / workers
 * (Hummel, Schonberg, Flynn 1992); weighted is guided, with chunks in proportion to how fast the
 * worker was so far.
 */
#ifndef CREWI_POOL_SCHEDULE_H
#define CREWI_POOL_SCHEDULE_H

#include <crew/pool.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Tasks begin to begin + count - 1. */
struct crewi_range {
    uint64_t begin, count;
};

/** The most bytes of items in a chunk of more than one task: more is slow to pass on. */
#define CREWI_SCHEDULE_BYTES ((uint64_t)131072)

struct crewi_schedule {
    uint64_t next, count; /* next: the first task that was never given out */
    uint64_t fixed;       /* tasks in a chunk; 0: as the policy says */
    crew_schedule policy;
    bool bundles;        /* chunks of a fixed size that are over at once may go out as one */
    uint64_t round_size; /* factoring: tasks in a chunk of this round */
    uint32_t round_left; /* chunks */
    uint64_t limit;      /* the most in a chunk, for its bytes */
    uint32_t workers;
    struct crewi_range *returned;
    size_t returned_count, returned_room;
    uint64_t returned_tasks;
    uint64_t measured_tasks, measured_chunks;
    int64_t measured_ns;
    double measured_squares; /* of the ns of each chunk, over its tasks */
};

/** A schedule of @p count tasks with items of @p item_size bytes over @p workers (at least 1). */
void crewi_schedule_init(struct crewi_schedule *schedule, uint64_t count, size_t item_size,
                         uint64_t fixed, uint32_t workers);

/** Otherwise than guided, before the first chunk. */
void crewi_schedule_choose(struct crewi_schedule *schedule, crew_schedule policy);
void crewi_schedule_fini(struct crewi_schedule *schedule);

/** How many tasks are not given out, or were given back. */
uint64_t crewi_schedule_remaining(const struct crewi_schedule *schedule);

/** The next chunk; false when none is left. */
bool crewi_schedule_take(struct crewi_schedule *schedule, struct crewi_range *chunk);

/** The same for a worker that is so many times as fast as the mean of all, and has @p in_hand tasks
 * to do. */
bool crewi_schedule_take_for(struct crewi_schedule *schedule, double speed, uint64_t in_hand,
                             struct crewi_range *chunk);

/** Takes back what of the chunk that was just taken is more than @p count tasks. */
void crewi_schedule_shorten(struct crewi_schedule *schedule, struct crewi_range *chunk,
                            uint64_t count);

/** At most @p tasks that were given back, or else that were never given out; false when none is
 * left. */
bool crewi_schedule_take_some(struct crewi_schedule *schedule, uint64_t tasks,
                              struct crewi_range *chunk);

/** Takes tasks back that were not run. ::CREW_ENOMEM */
crew_status crewi_schedule_return(struct crewi_schedule *schedule, struct crewi_range range);

/** Learns what tasks take. */
void crewi_schedule_measure(struct crewi_schedule *schedule, uint64_t tasks, int64_t busy_ns);

/** The mean time of a task; 0: not known yet. */
int64_t crewi_schedule_task_ns(const struct crewi_schedule *schedule);

/** How many tasks and chunks a worker may have at a time: whether one that has @p tasks in @p
 * chunks gets another one. */
bool crewi_schedule_wants_more(const struct crewi_schedule *schedule, uint64_t tasks,
                               uint32_t chunks);

/** Whether a worker that has @p tasks is busy for so long that the next chunk need not be brought
 * to it at once: its rank is woken anyway when it is done with what it has begun. */
bool crewi_schedule_can_wait(const struct crewi_schedule *schedule, uint64_t tasks);

/** Whether everything in it can be: for tests. */
bool crewi_schedule_check(const struct crewi_schedule *schedule);

#endif
