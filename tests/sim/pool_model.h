/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What has to be true of pools: each task is run by one worker at a time, and again only when there
 * was a reason; what its creator is told of it at the end is what came of it.
 *
 * A worker is as good as its word here: what it had finished counts if it was sent, or if it left a
 * draft. Of one that ends without a draft nobody knows in which task it was, but for one that had
 * been given a single task to find that out.
 */
#ifndef CREW_TESTS_SIM_POOL_MODEL_H
#define CREW_TESTS_SIM_POOL_MODEL_H

#include "pool/pool_protocol.h"
#include "pool/schedule.h"
#include "sim_client.h"

#define POOL_MAPS 12  /* of one pool */
#define POOL_TASKS 48 /* of one map */

enum pool_task_state {
    POOL_TASK_OPEN,     /* to be run */
    POOL_TASK_RUNNING,  /* by its holder */
    POOL_TASK_FINISHED, /* its holder has not told yet */
    POOL_TASK_DONE,
    POOL_TASK_FAILED, /* it returned an error */
    POOL_TASK_DIED    /* its worker did, and it is known to have been in it */
};

struct pool_task {
    enum pool_task_state state;
    bool wanted; /* not left out by a partial map */
    bool fails;  /* as FINISHED */
    bool timed_out, reported;
    bool begun;       /* at least once */
    bool unknown;     /* its worker has left no word: it may be run again, whatever became of it */
    uint32_t died_of; /* as DIED: number of the worker */
    uint32_t tries;   /* that failed */
    uint32_t holder;  /* number of the worker that has it, and 1; 0: none */
};

/** A map that its creator has submitted. */
struct pool_map_model {
    struct pool_model *pool;
    uint32_t number; /* in the pool; items say it */
    uint64_t id;     /* 0: not known yet */
    struct crewi_pool_submission about;
    struct pool_task tasks[POOL_TASKS];
    uint64_t fails_per_mille, endless_per_mille;
    bool refused, over, closed, told_next_done;
    bool cancel_asked, cancelled_whole, kill_asked;
    bool reports_end;
    uint64_t done;        /* as told last */
    bool tells_cancelled; /* the same, when it was over: some of it was */
};

/** A creator's pool. */
struct pool_model {
    struct sim_job *job;
    uint64_t id; /* 0: not open */
    struct crewi_pool_spec spec;
    struct pool_map_model maps[POOL_MAPS];
    uint32_t map_count;
    bool closed, terminated, ended; /* ended: DESTROY was answered */
    bool workers_ended;             /* that was asked */
    uint32_t early_deaths;          /* of workers that were not ready */
    bool may_break;                 /* so many, or one was unfit */
    uint32_t live;                  /* workers that have not ended */
};

/** What an item, and its result, are. */
static inline uint64_t pool_model_item(const struct pool_map_model *map, uint64_t index)
{
    return ((uint64_t)map->number << 32 | index) + 1;
}

static inline uint64_t pool_model_result(uint64_t item)
{
    return 3 * item + 7;
}

/* What workers do */

/** A chunk has come to a worker, of which some may have been taken back already; the map that it is
 * of. NULL after a violation. */
struct pool_map_model *pool_model_take_chunk(struct pool_model *pool,
                                             const struct sim_client *worker,
                                             const struct crewi_frame *frame,
                                             const struct crewi_claims *claims);

/** Tasks are taken back from a worker. */
void pool_model_rob(struct pool_map_model *map, const struct sim_client *worker, uint64_t begin,
                    uint64_t count);
void pool_model_begin_task(struct pool_map_model *map, const struct sim_client *worker,
                           uint64_t index);
void pool_model_end_task(struct pool_map_model *map, uint64_t index, bool fails);

/** What was finished of a range is told. */
void pool_model_tell(struct pool_map_model *map, uint64_t begin, uint64_t count);

/** How a worker has ended. */
struct pool_death {
    const struct sim_client *worker;
    bool has_draft;            /* and so it is known where it was */
    bool timed_out;            /* it was killed at the limit of its task */
    bool stopped;              /* for it was told to */
    bool killed;               /* its home wanted it to */
    bool early;                /* it was not ready, or the pool was not */
    uint64_t map, begin, done; /* of its draft */
};

void pool_model_death(struct pool_model *pool, const struct pool_death *death);

/** The task is to blame for the death of a worker that has left no draft: it was the only one that
 * the worker had, for that reason. */
void pool_model_blame(struct pool_model *pool, uint64_t item, bool timed_out);

/** The home kills a worker of which it does not know yet that it has ended. */
void pool_model_kill_late(struct pool_model *pool, const struct sim_client *worker);

/* What a creator is told */

struct pool_map_model *pool_model_find(struct pool_model *pool, uint64_t id);
void pool_model_progress(struct pool_map_model *map, const struct crewi_frame *frame);

/** It was told that the map is over. */
void pool_model_over(struct pool_map_model *map);

/** It was told whether the map is cancelled as a whole. */
void pool_model_cancelled(struct pool_map_model *map, bool whole);
void pool_model_outcome(struct pool_map_model *map, const struct crewi_frame *frame);
void pool_model_errors(struct pool_map_model *map, const struct crewi_frame *frame);
void pool_model_news(struct pool_map_model *map, const struct crewi_frame *frame);

void pool_model_description(struct pool_model *pool, const struct crewi_frame *frame);

/** Whether it may be told that the pool is broken. */
void pool_model_broken(struct pool_model *pool);

#endif
