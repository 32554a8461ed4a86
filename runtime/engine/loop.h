/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The event loop of a rank: moves messages between the engine, the transport, the ports and the
 * fork server, and sleeps when there is nothing to move.
 *
 * One mutex guards all of it. Whoever holds it may step the loop; two do so: the service thread (on
 * rank 0 a thread of its own, elsewhere the main thread), and a local client that waits for its
 * reply (the driver). While there is a driver the service thread sleeps, so that a call of the main
 * process costs no switch between threads.
 */
#ifndef CREWI_ENGINE_LOOP_H
#define CREWI_ENGINE_LOOP_H

#include "engine/engine.h"
#include "node/bell.h"
#include "node/forkserver.h"
#include "node/port.h"

#include <pthread.h>
#include <stdbool.h>

struct crewi_loop;

/** A child's side of the loop. */
struct crewi_port_endpoint {
    struct crewi_endpoint base;
    struct crewi_loop *loop;
    struct crewi_port port;
    struct crewi_frames out; /* what did not fit into the ring yet */
    uint32_t slot;
    pid_t pid;          /* 0 until the fork server has said it */
    bool broken;        /* it wrote what cannot be, and was killed for it */
    int pending_signal; /* to be sent once the pid is known */
};

/** Runs a process inside the rank: set by the layer above. */
typedef crew_status crewi_run_inside(struct crewi_loop *loop, struct crewi_frame *start,
                                     uint32_t *slot);

/** Asks a process inside the rank to end at its next call. */
typedef void crewi_stop_inside(struct crewi_loop *loop, uint32_t slot);

/** How many doorbells are put off at a time. */
#define CREWI_RING_LATER 16

struct crewi_loop {
    struct crewi_engine engine;
    pthread_mutex_t mutex;
    struct crewi_bell *bell;
    struct crewi_forkserver server;
    struct crewi_bell **peer_bells;               /* by rank; NULL for those out of reach */
    struct crewi_bell *to_ring[CREWI_RING_LATER]; /* when the mutex is given back */
    uint32_t to_ring_count;
    bool driving;
    bool hand_over;   /* another one wants to drive */
    pthread_t driver; /* while driving */
    int64_t driving_since_ns;
    pthread_cond_t driver_left;
    bool stop;
    bool polls_clock; /* messages may come without a ring */
    int64_t idle_since_ns, safety_look_ns;
    uint32_t short_sleeps;     /* in a row */
    uint64_t collectives_seen; /* crewi_transport::collectives_entered, when spin_end_ns was set */
    int64_t spin_end_ns, pass_ns;
    struct crewi_port_endpoint *ports[CREWI_PORT_LIMIT];
    struct crewi_port spare_port;    /* made ahead for the next child */
    int spare_fd;                    /* its memory; -1: there is none */
    struct crewi_affinity *affinity; /* NULL: children are not bound */
    crewi_run_inside *run_inside;
    crewi_stop_inside *stop_inside;
};

/** What the loop tells the process kind, as notes to this rank: operations from CREWI_ENGINE_OPS
 * on. */
enum crewi_child_op {
    CREWI_OP_CHILD_STARTED = CREWI_ENGINE_OPS,
    CREWI_OP_CHILD_FAILED,
    CREWI_OP_CHILD_ENDED
};

/** The head of such a note; after CREWI_OP_CHILD_ENDED the draft of the child follows, if it had
 * one. */
struct crewi_child_note {
    uint64_t process;
    int32_t pid, value; /* FAILED: errno; ENDED: the status of waitpid() */
    uint64_t draft_progress;
    uint32_t draft_size;
    uint32_t cause; /* ENDED: a crew_end_cause, if it was a limit */
};

/** Begins; the mutex is free. */
void crewi_loop_init(struct crewi_loop *loop, struct crewi_transport *transport,
                     struct crewi_bell *bell);

/**
 * Has the doorbells of the node's ranks rung from now on: @p peer_bells by rank, NULL for ranks of
 * other hosts. They stay with the caller. Only when all ranks of the job do the same.
 */
void crewi_loop_use_doorbells(struct crewi_loop *loop, struct crewi_bell **peer_bells);

void crewi_loop_fini(struct crewi_loop *loop);

static inline void crewi_loop_lock(struct crewi_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
}

/** Rings at the ranks that something was sent to. */
void crewi_loop_ring_others(struct crewi_loop *loop);

/** Also rings: a rank that wakes up on this core at once would only be in the way before. */
static inline void crewi_loop_unlock(struct crewi_loop *loop)
{
    if (loop->to_ring_count)
        crewi_loop_ring_others(loop);
    pthread_mutex_unlock(&loop->mutex);
}

/** Moves everything that can be moved now. True if there was anything. The caller holds the mutex.
 */
bool crewi_loop_pass(struct crewi_loop *loop);

/** One step: a pass, and, unless *done is set by then or there is more already, sleep (without the
 * mutex) until something comes. */
void crewi_loop_step(struct crewi_loop *loop, enum crewi_bell_sleeper who, const bool *done);

/** The life of the service thread: until crewi_loop::stop, or a shutdown message. Takes the mutex
 * itself. */
void crewi_loop_serve(struct crewi_loop *loop);

/** Steps until *done, as the driver or behind another one, who will see to it. The caller holds the
 * mutex. */
void crewi_loop_wait(struct crewi_loop *loop, const bool *done, pthread_cond_t *changed);

/** Ends serve(). The caller holds the mutex. */
void crewi_loop_stop(struct crewi_loop *loop);

/* ports.c */

/** The fork server and its children as the engine's host; @p host is the loop. */
extern const struct crewi_host_ops crewi_loop_host;

/** Moves frames of all ports with news (all ports, if @p all). True if there were any. */
bool crewi_ports_poll(struct crewi_loop *loop, bool all);

/** Hears what the fork server has to say. True if it said something. */
bool crewi_ports_hear_server(struct crewi_loop *loop);

/** Gives back the port that was made ahead, if there is one. */
void crewi_ports_drop_spare(struct crewi_loop *loop);

/** Something that cannot be mended: says so, and ends the job. */
_Noreturn void crewi_loop_fatal(struct crewi_loop *loop, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
