/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The transport: frames between the engines of a job, reliably and in order for each pair of ranks.
 *
 * There are two: MPI, and `local` for a job of one rank with no launcher, where nothing has to be
 * carried. The engine's mutex guards it (MPI runs with MPI_THREAD_SERIALIZED); only start-up and
 * the end are outside.
 *
 * Nothing here blocks but the calls that say so: a send is started and completes during later
 * polls. Whoever sleeps between polls is woken by the sender's ring at its doorbell if both are on
 * one node, and polls on a clock otherwise (crewi_transport_polls_clock()).
 */
#ifndef CREWI_TRANSPORT_TRANSPORT_H
#define CREWI_TRANSPORT_TRANSPORT_H

#include "base/frame.h"

#include <crew/status.h>
#include <crew/team.h>
#include <stdbool.h>
#include <stddef.h>

struct crewi_transport;

/** Is given each frame that arrives, and owns it from then on. */
typedef void crewi_receive(void *context, struct crewi_frame *frame);

/** Tells the engine of a rank on this node that something was sent there, and wakes it unless it
 * @p can_wait. */
typedef void crewi_ring_rank(void *context, uint32_t rank, bool can_wait);

/** Wakes it at once; or only if it sleeps now, when it looks again soon (@p looks_soon). */
typedef void crewi_nudge_rank(void *context, uint32_t rank, bool looks_soon);

/** What goes on only during polls. */
enum crewi_transport_activity {
    CREWI_TRANSPORT_IDLE,
    CREWI_TRANSPORT_COLLECTIVE, /* collectives that wait for other ranks: for as long as they like
                                 */
    CREWI_TRANSPORT_PATIENT, /* small messages that have to be taken on the other side: seldom does
                              */
    CREWI_TRANSPORT_BUSY
};

/** What to read out of another rank's memory. */
struct crewi_get {
    uint32_t rank;
    uint64_t address; /* as that rank's crewi_transport_attach() has said, or some bytes behind */
    void *memory;     /* where to; stays until it is done */
    size_t size;
    struct crewi_frame *done; /* handed to crewi_receive then */
};

/** Ranks with a communicator of their own. */
struct crewi_group;

enum crewi_collective_kind {
    CREWI_COLLECTIVE_BARRIER,
    CREWI_COLLECTIVE_BCAST, /* in receive, at the root too */
    CREWI_COLLECTIVE_REDUCE,
    CREWI_COLLECTIVE_ALLREDUCE,
    CREWI_COLLECTIVE_GATHER,
    CREWI_COLLECTIVE_GATHERV,
    CREWI_COLLECTIVE_ALLGATHER,
    CREWI_COLLECTIVE_ALLGATHERV,
    CREWI_COLLECTIVE_SCATTER,
    CREWI_COLLECTIVE_SCATTERV,
    CREWI_COLLECTIVE_ALLTOALL,
    CREWI_COLLECTIVE_ALLTOALLV
};

/** An MPI collective of a group; what is in it belongs to the caller, and stays until it has
 * completed. Counts are bytes, but elements of REDUCE and ALLREDUCE. */
struct crewi_collective {
    enum crewi_collective_kind kind;
    int lane; /* each has a communicator of its own */
    int root; /* in the group */
    crew_datatype type;
    crew_operation operation;
    const void *send;
    void *receive;
    int send_count, receive_count; /* for or from one rank, where it is the same for each */
    const int *send_counts, *send_displacements, *receive_counts, *receive_displacements;
};

/** How many collectives of a group may be under way at a time, in no order. */
#define CREWI_GROUP_LANES 2

struct crewi_transport_ops {
    crew_status (*send)(struct crewi_transport *transport, uint32_t rank,
                        struct crewi_frame *frame);
    crew_status (*scatter)(struct crewi_transport *transport, struct crewi_frames *for_rank);
    crew_status (*gather)(struct crewi_transport *transport, uint32_t root,
                          struct crewi_frame *frame);
    crew_status (*attach)(struct crewi_transport *transport, void *memory, size_t size,
                          uint64_t *address);
    void (*detach)(struct crewi_transport *transport, void *memory);
    crew_status (*get)(struct crewi_transport *transport, const struct crewi_get *get);
    crew_status (*group_create)(struct crewi_transport *transport, const int *ranks, int count,
                                struct crewi_group **group);
    void (*group_release)(struct crewi_transport *transport, struct crewi_group *group);
    crew_status (*collective)(struct crewi_transport *transport, struct crewi_group *group,
                              const struct crewi_collective *what, struct crewi_frame *done);
    int (*poll_collectives)(struct crewi_transport *transport, crewi_receive *receive,
                            void *context);
    int (*poll)(struct crewi_transport *transport, crewi_receive *receive, void *context);
    enum crewi_transport_activity (*activity)(const struct crewi_transport *transport);
    crew_status (*allgather)(struct crewi_transport *transport, const void *mine, size_t size,
                             void *all);
    crew_status (*users_comm)(struct crewi_transport *transport, void *comm, size_t size);
    void (*settle)(struct crewi_transport *transport);
    void (*finish)(struct crewi_transport *transport);
    void (*abort)(struct crewi_transport *transport, int code);
};

struct crewi_transport {
    const struct crewi_transport_ops *ops;
    uint32_t rank, rank_count;
    const int
        *host_of_rank;     /* the same number for ranks that share memory; owned by the transport */
    bool has_window;       /* ranks can read what others attach; the same on all ranks */
    uint32_t exposed;      /* transfers that others make with our memory, and that need our polls */
    crewi_ring_rank *ring; /* NULL: no doorbells */
    crewi_nudge_rank *nudge;
    void *ring_context;
    uint64_t collectives_entered; /* of groups, so far */
    uint64_t collective_bytes;    /* what the last one of them moves here */
};

/** Whether a launcher (mpirun, srun) started this program. Can be asked before anything else. */
bool crewi_transport_is_launched(void);

/** Whether MPI is free for crew_run() to start. ::CREW_ESTATE with the reason, on ranks other than
 * 0 without: the program has started it itself. */
crew_status crewi_transport_check_unused(void);

/** Starts MPI; with a communicator for the program, and for calls of its threads at any time, when
 * it has @p users. Blocks until all ranks have. ::CREW_EMPI */
crew_status crewi_transport_create_mpi(struct crewi_transport **transport, bool users);

/** A job of one rank without MPI. */
crew_status crewi_transport_create_local(struct crewi_transport **transport);

/**
 * Starts to send a frame to another rank, and owns it from then on.
 * @return ::CREW_EMPI with the frame destroyed
 */
static inline crew_status crewi_transport_send(struct crewi_transport *transport, uint32_t rank,
                                               struct crewi_frame *frame)
{
    return transport->ops->send(transport, rank, frame);
}

/**
 * Scatters lists of frames, one for each rank (the own one is left alone), in one MPI_Iscatterv,
 * and owns the frames from then on. Only rank 0 may, since all ranks have to take part in one
 * order. A frame may overtake one that was sent point to point.
 * @return ::CREW_ENOTSUP nothing was done: not rank 0, or one rank only, or too much for one call;
 * ::CREW_EMPI
 */
static inline crew_status crewi_transport_scatter(struct crewi_transport *transport,
                                                  struct crewi_frames *for_rank)
{
    return transport->ops->scatter(transport, for_rank);
}

/**
 * Takes part in a gather of one frame from each rank to @p root, in an MPI_Igatherv, and owns the
 * frame from then on. All ranks have to take part in all gathers, in one order. The root receives
 * one frame: the header is that of its own, the payloads are one behind the other, its own first,
 * then those of the others by rank. They are filled up to multiples of 16 bytes by the caller.
 * @return ::CREW_ENOTSUP nothing was done, and the frame is still the caller's: there is one rank
 * only; ::CREW_ENOMEM
 */
static inline crew_status crewi_transport_gather(struct crewi_transport *transport, uint32_t root,
                                                 struct crewi_frame *frame)
{
    return transport->ops->gather(transport, root, frame);
}

/** Lets other ranks read @p size bytes of our memory (MPI_Win_attach); sets @p address to what they
 * call it. Only where the transport has a window, and once for each memory. ::CREW_EMPI */
static inline crew_status crewi_transport_attach(struct crewi_transport *transport, void *memory,
                                                 size_t size, uint64_t *address)
{
    return transport->ops->attach(transport, memory, size, address);
}

/** Ends that; nobody may be reading it. */
static inline void crewi_transport_detach(struct crewi_transport *transport, void *memory)
{
    transport->ops->detach(transport, memory);
}

/** Starts to read out of another rank's memory (MPI_Rget), up to 2 GiB. The other rank has to poll
 * meanwhile: see crewi_transport::exposed. @return ::CREW_ENOMEM, ::CREW_EMPI: nothing was done,
 * and the frame is still the caller's */
static inline crew_status crewi_transport_get(struct crewi_transport *transport,
                                              const struct crewi_get *get)
{
    return transport->ops->get(transport, get);
}

/**
 * Makes communicators for a group of ranks, in their order; this one is among them. Blocks until
 * all of them call it: all groups have to be made, and released, in one order everywhere.
 * @return ::CREW_ENOTSUP there is one rank only; ::CREW_EMPI; ::CREW_ENOMEM
 */
static inline crew_status crewi_transport_group_create(struct crewi_transport *transport,
                                                       const int *ranks, int count,
                                                       struct crewi_group **group)
{
    return transport->ops->group_create(transport, ranks, count, group);
}

/** Gives it back, for the next group of the same ranks: making communicators takes its time. No
 * collective may be under way on it, at any rank. NULL is fine. */
static inline void crewi_transport_group_release(struct crewi_transport *transport,
                                                 struct crewi_group *group)
{
    if (group)
        transport->ops->group_release(transport, group);
}

/**
 * Enters a collective, and owns the frame @p done from then on. That is handed over by a poll when
 * it has completed, with ::CREW_EMPI in its header when it has failed.
 * @return ::CREW_EMPI, ::CREW_ENOMEM; the frame is still the caller's then
 */
static inline crew_status crewi_transport_collective(struct crewi_transport *transport,
                                                     struct crewi_group *group,
                                                     const struct crewi_collective *what,
                                                     struct crewi_frame *done)
{
    return transport->ops->collective(transport, group, what, done);
}

/** A poll of collectives alone: for who waits for one that takes no longer than such a look. */
static inline int crewi_transport_poll_collectives(struct crewi_transport *transport,
                                                   crewi_receive *receive, void *context)
{
    return transport->ops->poll_collectives(transport, receive, context);
}

/** Hands what has arrived to @p receive. 2: as much as it hands over in one call, and there may be
 * more; 1: something moved, 0: nothing, -1: MPI failed. */
static inline int crewi_transport_poll(struct crewi_transport *transport, crewi_receive *receive,
                                       void *context)
{
    return transport->ops->poll(transport, receive, context);
}

/** Whether something is under way that only goes on during polls, and how often they should come.
 */
static inline enum crewi_transport_activity
crewi_transport_activity(const struct crewi_transport *transport)
{
    return transport->ops->activity(transport);
}

/** MPI_Allgather of @p size bytes from each rank; blocks. At the start only. */
static inline crew_status crewi_transport_allgather(struct crewi_transport *transport,
                                                    const void *mine, size_t size, void *all)
{
    return transport->ops->allgather(transport, mine, size, all);
}

/** Copies the program's communicator, an MPI_Comm of @p size bytes. ::CREW_ENOTSUP there is none;
 * ::CREW_EBUILD that is not the size of one */
static inline crew_status crewi_transport_users_comm(struct crewi_transport *transport, void *comm,
                                                     size_t size)
{
    return transport->ops->users_comm(transport, comm, size);
}

/** Waits until all that was sent from here is received, and collectives of all ranks that this one
 * has entered are complete; drops what arrives. For the end; blocks. */
static inline void crewi_transport_settle(struct crewi_transport *transport)
{
    transport->ops->settle(transport);
}

/** The same, and waits until all ranks are here and have nothing under way either; ends MPI, and
 * frees the transport. Blocks. NULL is fine. */
void crewi_transport_finish(struct crewi_transport *transport);

/** Ends the whole job at once. */
_Noreturn void crewi_transport_abort(struct crewi_transport *transport, int code);

/** Whether messages may come without a ring of the doorbell: ranks on other hosts, or no doorbells.
 */
bool crewi_transport_polls_clock(const struct crewi_transport *transport);

#endif
