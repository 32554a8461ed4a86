/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A worker claims the tasks of its chunk before it begins them, so that its rank can give the
 * others to somebody else: one by one where they are long, many at a time where they are short.
 */
#ifndef CREWI_POOL_WORKER_CLAIM_H
#define CREWI_POOL_WORKER_CLAIM_H

#include "pool/pool_protocol.h"

#include <stdbool.h>
#include <stdint.h>

struct crewi_worker_claim {
    struct crewi_claims *claims;
    struct crewi_claim_key key; /* of the chunk at hand */
    uint64_t claimed;           /* tasks of the chunk before this one are claimed */
    uint64_t at_once;           /* how many the next claim is for */
    uint64_t measured;          /* the times of tasks before this one are known */
    int64_t measured_ns;        /* when that one began */
    int64_t part_ns;            /* when its part began */
};

/** A chunk is at hand, the first one of its map or not. */
void crewi_worker_claim_begin(struct crewi_worker_claim *claim,
                              const struct crewi_pool_chunk *chunk, bool new_map);

/** Claims more if task @p next of the chunk is not claimed. False when it is not the worker's any
 * more; then *status is ::CREW_EPROTO if somebody has damaged the claims, and not set otherwise. */
bool crewi_worker_claim_reaches(struct crewi_worker_claim *claim, uint64_t next,
                                crew_status *status);

/** A part begins with task @p next; the time before it does not belong to a task. */
void crewi_worker_claim_pause(struct crewi_worker_claim *claim, uint64_t next, int64_t now_ns);

/** Learns from the tasks before @p next what tasks take. */
void crewi_worker_claim_measure(struct crewi_worker_claim *claim, uint64_t next, int64_t now_ns);

/** Whether the tasks of the part have taken so long, as far as they were measured, that their
 * results should not wait for the others. */
bool crewi_worker_claim_is_late(const struct crewi_worker_claim *claim);

#endif
