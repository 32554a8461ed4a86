/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The parts of the MPI transport. mpi_start.c: its start and its end; mpi_transport.c: point to
 * point; mpi_scatter.c and mpi_gather.c: collectives of all ranks; mpi_group.c: groups, and theirs;
 * mpi_window.c: one-sided.
 */
#ifndef CREWI_TRANSPORT_MPI_TRANSPORT_H
#define CREWI_TRANSPORT_MPI_TRANSPORT_H

#include "transport/transport.h"

#include <mpi.h>

/** A send that has not completed. */
struct crewi_mpi_send {
    MPI_Request request;
    uint32_t rank;
    bool is_small; /* up to EAGER_SIZE: it is out, or nearly so */
    struct crewi_frame *frame;
};

/** A frame that was matched and has not arrived whole; later ones of the same source wait for it.
 */
struct crewi_mpi_receive {
    MPI_Request request;
    int source;
    bool arrived;
    struct crewi_frame *frame;
};

/** A scatter under way, on the root or elsewhere. */
struct crewi_mpi_scatter {
    struct crewi_mpi_scatter *next;
    MPI_Request request;
    int *counts, *displacements; /* the root's */
    size_t size;                 /* bytes that are for this rank */
    unsigned char *bytes;
};

/** Gathers count pieces of so many bytes, as an int does not reach far. */
#define CREWI_MPI_GATHER_UNIT 16

enum crewi_mpi_gather_stage {
    CREWI_MPI_GATHER_NEW,
    CREWI_MPI_GATHER_SIZES,
    CREWI_MPI_GATHER_BYTES
};

/** A gather under way, on the root or elsewhere. */
struct crewi_mpi_gather {
    struct crewi_mpi_gather *next;
    enum crewi_mpi_gather_stage stage;
    MPI_Request request;
    int root;
    int count;                   /* of units that this rank brings */
    int *counts, *displacements; /* the root's */
    struct crewi_frame *mine, *whole;
};

/** A get under way. */
struct crewi_mpi_get {
    MPI_Request request;
    struct crewi_frame *done;
};

/** Communicators of some ranks: in use, or kept for the next group of the same ranks. */
struct crewi_group {
    struct crewi_group *next;
    MPI_Comm lanes[CREWI_GROUP_LANES];
    bool in_use;
    uint32_t under_way;
    int count;
    int ranks[];
};

/** A collective of a group that has not completed. */
struct crewi_mpi_collective {
    struct crewi_mpi_collective *next;
    struct crewi_group *group;
    MPI_Request request;
    struct crewi_frame *done;
};

struct crewi_mpi_transport {
    struct crewi_transport base;
    MPI_Comm engines, scatters,
        gathers;    /* duplicates of MPI_COMM_WORLD: nobody else's messages get in between */
    MPI_Comm users; /* for the program; MPI_COMM_NULL when it does not call MPI */
    int *hosts;
    struct crewi_mpi_send *sends;
    size_t send_count, send_room;
    struct crewi_mpi_receive *receives;
    size_t receive_count, receive_room;
    struct crewi_mpi_scatter *scatter_list;
    MPI_Datatype unit; /* what gathers count */
    struct crewi_mpi_gather *gather_list;
    MPI_Win window; /* MPI_WIN_NULL where there is none */
    struct crewi_mpi_get *gets;
    size_t get_count, get_room;
    struct crewi_group *groups; /* the oldest first: the same ones in the same order as their other
                                   ranks have them */
    struct crewi_mpi_collective *collective_list;
    char segment[256]; /* the shared-memory file of this rank, unlinked; "" for none */
};

/** The transport's own message: a scatter begins, with so many bytes for you. Not a type that
 * engines see. */
#define CREWI_MPI_SCATTER_TYPE 0x80

extern const struct crewi_transport_ops crewi_mpi_ops;

/** Whether MPI gives the core away at looks that find nothing; returns what was set before. */
bool crewi_mpi_set_yield(bool yield);

/** Words an MPI error. */
crew_status crewi_mpi_error(int code, const char *what);

crew_status crewi_mpi_scatter(struct crewi_transport *base, struct crewi_frames *for_rank);

/** Takes part in a scatter that rank 0 has announced. */
crew_status crewi_mpi_scatter_join(struct crewi_mpi_transport *transport, uint64_t size);

/** Hands out what scatters have brought. 1: something moved, 0: nothing, -1: MPI failed. */
int crewi_mpi_scatter_poll(struct crewi_mpi_transport *transport, crewi_receive *receive,
                           void *context);

crew_status crewi_mpi_gather(struct crewi_transport *base, uint32_t root,
                             struct crewi_frame *frame);

/** Moves gathers on, and hands out what they have brought. As for scatters. */
int crewi_mpi_gather_poll(struct crewi_mpi_transport *transport, crewi_receive *receive,
                          void *context);

/* mpi_calls.c */

/** What crew_run() does with MPI. */
enum crewi_mpi_use {
    CREWI_MPI_UNUSED, /* MPI's start and end are the program's, or crew_run() is just calling them
                       */
    CREWI_MPI_IN_USE, /* crew_run() has started it */
    CREWI_MPI_USED    /* and has ended it */
};

/** From now on the program's own calls of MPI_Init, MPI_Init_thread and MPI_Finalize are passed on
 * or refused. */
void crewi_mpi_note_use(enum crewi_mpi_use use);

/* mpi_window.c */

/** Before MPI_Init. */
void crewi_mpi_window_tune(void);

/** Makes the window, where it is of use; blocks until all ranks have. */
void crewi_mpi_window_begin(struct crewi_mpi_transport *transport);

/** Ends it; blocks until all ranks do. */
void crewi_mpi_window_end(struct crewi_mpi_transport *transport);

crew_status crewi_mpi_window_attach(struct crewi_transport *base, void *memory, size_t size,
                                    uint64_t *address);
void crewi_mpi_window_detach(struct crewi_transport *base, void *memory);
crew_status crewi_mpi_window_get(struct crewi_transport *base, const struct crewi_get *get);

/** Hands out the frames of gets that are done. As for scatters. */
int crewi_mpi_window_poll(struct crewi_mpi_transport *transport, crewi_receive *receive,
                          void *context);
/* mpi_group.c */
crew_status crewi_mpi_group_create(struct crewi_transport *base, const int *ranks, int count,
                                   struct crewi_group **group);
void crewi_mpi_group_release(struct crewi_transport *base, struct crewi_group *group);
crew_status crewi_mpi_collective(struct crewi_transport *base, struct crewi_group *group,
                                 const struct crewi_collective *what, struct crewi_frame *done);
int crewi_mpi_poll_collectives(struct crewi_transport *base, crewi_receive *receive, void *context);
/** Frees the communicators that nothing is under way on: the others are MPI's to end. */
void crewi_mpi_groups_free(struct crewi_mpi_transport *transport);
/** Forgets the rest, after MPI_Finalize. */
void crewi_mpi_groups_forget(struct crewi_mpi_transport *transport);

/** Whether something is under way that this rank has begun, but for collectives of groups, which
 * end with MPI: a send, a receive that was matched, a get, a collective of all ranks. */
bool crewi_mpi_has_begun(const struct crewi_mpi_transport *transport);

/** Receives and drops until that is false. */
void crewi_mpi_settle(struct crewi_transport *base);

/** Waits for all ranks, and receives and drops meanwhile; ends MPI, frees the transport. */
void crewi_mpi_finish(struct crewi_transport *base);

#endif
