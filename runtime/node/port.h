/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The port: the shared memory between a child and its rank. One ring each way, a data area, and a
 * word that the child sleeps on.
 *
 * Frames go through a ring whole, or in parts when they are larger than a record: a first part with
 * the header, then the rest. A ring has one frame under way at a time, so parts need no number.
 *
 * **Drafts.** What a child has not sent yet is lost with it, unless it is built in the port's data
 * area and declared a draft: then the rank finds it when the child has died, with a count of how
 * far it got. A pool's worker builds its results there: those that were finished before a crash are
 * not lost. (Not in place in the ring: a task may call crew itself meanwhile, and those requests
 * have to get past it.)
 *
 * **Claims.** A pool's worker says here which of its tasks it has begun (claim.h).
 *
 * **Deadline.** A child says here by when what it is at has to be over (deadline.h); the fork
 * server reads it.
 *
 * The memory is a memfd: it has no name, and is gone with the last process that has it mapped.
 */
#ifndef CREWI_NODE_PORT_H
#define CREWI_NODE_PORT_H

#include "base/frame.h"
#include "node/claim.h"
#include "node/ring.h"

#include <crew/status.h>

#define CREWI_PORT_RING_SIZE ((uint64_t)262144)

/** Bytes that a draft may have. */
#define CREWI_PORT_DRAFT_SIZE ((uint32_t)32768)

enum crewi_record_type { CREWI_RECORD_WHOLE = 1, CREWI_RECORD_FIRST, CREWI_RECORD_MORE };

struct crewi_port_shared {
    uint32_t magic, version;
    _Atomic uint32_t child_sleeps[2]; /* futexes, by what for: 1 while a thread of the child sleeps
                                         or is about to */
    _Atomic uint32_t rank_waits;      /* the rank has frames that did not fit */
    struct crewi_ring_shared to_rank, to_child;
    _Alignas(64) _Atomic uint32_t draft_active;
    _Atomic uint32_t draft_size; /* what the child has forked may still write here */
    _Atomic uint64_t draft_progress;
    _Alignas(64) struct crewi_claims claims;
    _Alignas(64) _Atomic int64_t deadline_ns;
};

/** A frame that arrives in parts. */
struct crewi_assembly {
    struct crewi_frame *frame;
    uint64_t filled, room; /* bytes of payload that are there, and that there is memory for */
};

/** One side of a port. */
struct crewi_port {
    struct crewi_port_shared *shared;
    struct crewi_ring out, in;
    struct crewi_assembly incoming;
    uint64_t sent; /* of the frame that is going out, bytes with its header */
};

/** Makes the memory of a port. ::CREW_ESYSTEM */
crew_status crewi_port_create(int *fd);

/** Maps it, on the child's side or on the rank's. ::CREW_ESYSTEM */
crew_status crewi_port_attach(struct crewi_port *port, int fd, bool child);

/** Maps of it only what a fork server reads: what is in crewi_port_shared. NULL when it cannot be.
 */
struct crewi_port_shared *crewi_port_watch(int fd);

/** Unmaps that; NULL is fine. */
void crewi_port_unwatch(struct crewi_port_shared *shared);

/** Has the kernel find memory for what the first frames need, ahead of time. */
void crewi_port_touch(struct crewi_port *port);

/** Unmaps it; what was under way is dropped. */
void crewi_port_detach(struct crewi_port *port);

/**
 * Sends as much of the frame as there is room for. 1: all of it is out; 0: call again with the same
 * frame when there is room; -1: the other side has written what cannot be.
 */
int crewi_port_send(struct crewi_port *port, struct crewi_frame *frame);

/**
 * The next frame, complete, in private memory of the caller's own. 1: *frame is one; 0: none yet;
 * -1: what arrived cannot be; -2: no memory for it.
 */
int crewi_port_receive(struct crewi_port *port, struct crewi_frame **frame);

/** What a child sleeps for. */
enum crewi_port_wait { CREWI_WAIT_FRAME, CREWI_WAIT_ROOM };

/** Rank: wakes the child if it sleeps for that: after a frame for it, or after its own records were
 * taken. */
void crewi_port_wake_child(struct crewi_port *port, enum crewi_port_wait what);

/** Child: is about to sleep; to be followed by a last look, and then by sleep, or by cancel if
 * there is something now. */
void crewi_port_child_prepare(struct crewi_port *port, enum crewi_port_wait what);

/** Child: sleeps until it is woken, or until the deadline; not at all when it was woken since
 * prepare. */
void crewi_port_child_sleep(struct crewi_port *port, enum crewi_port_wait what,
                            int64_t deadline_ns);
void crewi_port_child_cancel(struct crewi_port *port, enum crewi_port_wait what);

/** Child: the data area, ::CREWI_PORT_DRAFT_SIZE bytes aligned to 64. */
void *crewi_port_draft(struct crewi_port *port);

/** A process that the child has forked: keeps what is in the data area as its own, so that what it
 * writes there from now on is not seen by anybody else. */
void crewi_port_keep_draft(const struct crewi_port *port);

/** Child: declares the first @p size bytes of the data area a draft, with a progress of 0; its head
 * is complete by now. */
void crewi_port_draft_begin(struct crewi_port *port, uint32_t size);

/** Child: says how far the draft is. */
void crewi_port_draft_advance(struct crewi_port *port, uint64_t progress);

/** Child: there is no draft any more. */
void crewi_port_draft_end(struct crewi_port *port);

/** Rank, after the child's end: a copy of the draft, or NULL when there is none (or it cannot be
 * one). */
void *crewi_port_draft_copy(const struct crewi_port *port, uint32_t *size, uint64_t *progress);

#endif
