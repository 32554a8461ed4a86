/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Several processes in one test: memory that they share, and whether one is gone. What fails here
 * fails the test, but for calls in a child, which end it with 99.
 */
#ifndef CREW_TESTS_NODE_PROCESSES_H
#define CREW_TESTS_NODE_PROCESSES_H

#include "node/bell.h"
#include "node/port.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** How long to wait for what should take microseconds before it is called lost. */
#define LOST_NS ((int64_t)10 * 1000000000)

/** Memory, all zero, that children of this process share; given back with munmap(). */
void *shared_memory(size_t size);

/** Whether there is no such process any more, not even a zombie. */
bool is_gone(pid_t pid);

/** Waits until it is; false after ten seconds. */
bool becomes_gone(pid_t pid);

/** Waits until *flag is not 0; false after ten seconds. */
bool becomes_set(const _Atomic int *flag);

/** The exit code of a child; -1 when it was ended otherwise. */
int exit_code_of(pid_t pid);

/** The child's side of a port, asleep when there is no room or no frame, as a client would be. Both
 * own the frame. */
struct child_side {
    struct crewi_port port;
    struct crewi_bell *bell;
    uint32_t slot;
};
void child_send(struct child_side *side, struct crewi_frame *frame);
struct crewi_frame *child_receive(struct child_side *side);

/** A frame of that size whose bytes follow from the seed; and whether one has them. */
struct crewi_frame *filled_frame(uint64_t size, uint64_t seed);
bool is_filled(const struct crewi_frame *frame, uint64_t size, uint64_t seed);

#endif
