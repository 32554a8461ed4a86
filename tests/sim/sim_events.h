/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What is going to happen in a simulated job, by its time: a binary heap. Of two at one time the
 * one that was added first comes first.
 */
#ifndef CREW_TESTS_SIM_EVENTS_H
#define CREW_TESTS_SIM_EVENTS_H

#include "base/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_job;

struct sim_event {
    int64_t at_ns;
    uint64_t order; /* set when it is added */
    void (*happen)(struct sim_job *job, const struct sim_event *event);
    void *subject;
    struct crewi_frame *frame; /* owned by who makes it happen, or by the heap until then */
};

/** All zero is empty. */
struct sim_events {
    struct sim_event *heap;
    size_t count, room;
    uint64_t last_order;
};

void sim_events_add(struct sim_events *events, const struct sim_event *event);

/** Takes out the first one; false when there is none. */
bool sim_events_take(struct sim_events *events, struct sim_event *event);

void sim_events_fini(struct sim_events *events);

/** Memory, or the end of the program: a simulation does not go on without. */
void *sim_alloc(size_t size);
void *sim_grow(void *old, size_t size);

#endif
