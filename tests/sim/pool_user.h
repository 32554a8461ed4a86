/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The clients of simulated pools: creators (pool_scenario.c), and workers (pool_worker.c), which
 * their home starts.
 */
#ifndef CREW_TESTS_SIM_POOL_USER_H
#define CREW_TESTS_SIM_POOL_USER_H

#include "engine/engine.h"
#include "pool_model.h"

/** A worker, and how far it is. */
struct pool_worker {
    struct pool_user *user;
    uint64_t pool;              /* id */
    struct crewi_claims claims; /* of the tasks that it has */
    bool started, ready;
    bool unfit;         /* it is going to say that it cannot begin */
    int pending_signal; /* for when it has started */
    int wait_status;
    bool killed; /* by its home */
    struct crewi_frames chunks;
    struct crewi_frame *frame; /* of the chunk at hand */
    struct crewi_pool_chunk chunk;
    struct pool_map_model *map;
    uint64_t next;    /* in the chunk: the first task behind the part at hand */
    uint64_t planned; /* tasks of the part; 0: none at hand */
    uint64_t done;
    uint64_t claimed; /* tasks of the chunk before this one are */
    bool running, fails;
    int64_t end_ns; /* of the task */
    bool has_draft, loses_draft, times_out, timed_out;
    _Alignas(16) unsigned char area[CREWI_POOL_DRAFT_RESULTS + POOL_TASKS * sizeof(uint64_t)];
};

struct pool_user {
    struct sim_client base; /* first */
    struct pool_model *pool;
    bool is_worker;
    struct pool_worker *work;
    /* Creators */
    uint8_t doing; /* the operation that it waits for; 0: none */
    uint8_t kind;  /* of that operation */
    struct pool_map_model *at;
    bool leaves; /* its pool has ended */
};

static inline uint64_t pool_user_process(const struct pool_user *user)
{
    return user->base.base.process;
}

/* pool_worker.c */

crew_status pool_worker_spawn(void *host, const struct crewi_spawn *spawn, uint32_t *slot);
crew_status pool_worker_signal(void *host, uint32_t slot, int signal);
void pool_worker_act(struct pool_user *worker);
void pool_worker_hear(struct pool_user *worker, const struct crewi_frame *frame);
void pool_worker_ended(struct pool_user *worker);
void pool_worker_gone(struct pool_user *worker);
void pool_worker_destroy(struct pool_user *worker);

/** Its rank takes tasks of a chunk back from it. */
void pool_worker_robbed(struct pool_worker *worker, struct crewi_claim_key key,
                        struct crewi_claim_range taken);

#endif
