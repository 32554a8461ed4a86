/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What is in simulated queues, as somebody knows who sees all clients at once: nothing may be lost,
 * doubled or out of order, and nobody may be told that a queue is empty, full or finished when it
 * cannot have been.
 */
#ifndef CREW_TESTS_SIM_QUEUE_MODEL_H
#define CREW_TESTS_SIM_QUEUE_MODEL_H

#include "sim_client.h"

#define LANES 3
#define LANE_USERS 64

enum thing_state { THING_ASKED, THING_IN, THING_REFUSED, THING_TAKEN };

/** An item. */
struct thing {
    uint32_t producer;
    uint8_t state;       /* a thing_state */
    bool may_be_dropped; /* its producer has ended and did not want it to stay */
    int64_t returned_ns; /* when its put had returned; INT64_MAX: never */
};

/** What stands in front of the bytes of an item. */
struct thing_label {
    uint64_t lane, number;
    uint64_t handle; /* of a queue, or nothing */
};

/** A get that was told that there is nothing: from when to when it asked. */
struct vain_get {
    int64_t asked_ns, told_ns;
    int64_t latest_asked_ns; /* of this one and all before */
};

/** A queue. */
struct lane {
    struct sim_job *job;
    uint64_t id;
    uint64_t max_items;
    struct thing *things;
    size_t thing_count, thing_room;
    uint64_t acked, refused, taken; /* puts, puts, items */
    uint64_t dones_asked, dones_told;
    uint64_t gathers;     /* that are not answered: they have all that there is */
    uint64_t wanted;      /* by gets that are not answered */
    uint64_t may_be_lost; /* items that may have been on their way to somebody who ended */
    /* Any number of them: somebody ended who gathered, and what he would have got comes back when
     * later items were taken already. */
    bool is_lossy;
    bool drops; /* somebody has cancelled */
    struct vain_get *vain;
    size_t vain_count, vain_room;
    int64_t last_seen[LANE_USERS][LANE_USERS]; /* by consumer and producer: the thing, or -1 */
};

void lane_init(struct lane *lane, struct sim_job *job, uint64_t max_items);
void lane_fini(struct lane *lane);

/** A put that is not answered yet; returns the item's number. */
uint64_t lane_put(struct lane *lane, uint32_t producer);

/** It has returned, well or not. */
void lane_put_returned(struct lane *lane, uint64_t number, bool is_in);

/** A consumer has it; it had asked at that time. */
void lane_taken(struct lane *lane, uint64_t number, uint32_t consumer, int64_t asked_ns);

/** A consumer is told that there is nothing. */
void lane_was_empty(struct lane *lane, int64_t asked_ns);

/** A producer is told that there is no room; at the time when it asked so many had been taken. */
void lane_was_full(struct lane *lane, uint64_t taken_before);

/** A producer ends that has cancelled. */
void lane_drop(struct lane *lane, uint32_t producer);

/** How many items are there for certain, and how many there may be. */
void lane_count(const struct lane *lane, uint64_t *least, uint64_t *most);

/** Puts that had returned by then. */
uint64_t lane_returned_by(const struct lane *lane, int64_t time_ns);

#endif
