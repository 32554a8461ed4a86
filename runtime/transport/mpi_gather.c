/* SPDX-License-Identifier: BSD-3-Clause */
/* A gather of frames: all ranks are told of it in one order by whoever asks for it, and call
 * MPI_Igather of the sizes and MPI_Igatherv of the bytes then. Both are started before the next one
 * begins, so that the order is the same everywhere. */
#include "transport/mpi_transport.h"

#include "base/error.h"

#include <limits.h>
#include <string.h>

#define UNIT CREWI_MPI_GATHER_UNIT

static bool is_root(const struct crewi_mpi_transport *transport,
                    const struct crewi_mpi_gather *gather)
{
    return (uint32_t)gather->root == transport->base.rank;
}

static void destroy(struct crewi_mpi_gather *gather)
{
    if (!gather)
        return;
    crewi_frame_destroy(gather->mine);
    crewi_frame_destroy(gather->whole);
    free(gather->counts);
    free(gather->displacements);
    free(gather);
}

crew_status crewi_mpi_gather(struct crewi_transport *base, uint32_t root, struct crewi_frame *frame)
{
    struct crewi_mpi_transport *transport = (struct crewi_mpi_transport *)base;
    if (base->rank_count == 1)
        return CREW_ENOTSUP;
    struct crewi_mpi_gather *gather = calloc(1, sizeof *gather);
    if (gather) {
        gather->counts = calloc(base->rank_count, sizeof *gather->counts);
        gather->displacements = calloc(base->rank_count, sizeof *gather->displacements);
    }
    if (!gather || !gather->counts || !gather->displacements) {
        destroy(gather);
        crewi_frame_destroy(frame);
        return crewi_error_memory();
    }
    gather->mine = frame;
    gather->root = (int)root;
    gather->count = (int)(frame->header.size / UNIT);
    struct crewi_mpi_gather **link = &transport->gather_list;
    while (*link)
        link = &(*link)->next;
    *link = gather;
    return CREW_OK;
}

static int begin_sizes(struct crewi_mpi_transport *transport, struct crewi_mpi_gather *gather)
{
    gather->stage = CREWI_MPI_GATHER_SIZES;
    return MPI_Igather(&gather->count, 1, MPI_INT, gather->counts, 1, MPI_INT, gather->root,
                       transport->gathers, &gather->request);
}

/* The root's own comes first, then those of the others by rank. */
static bool make_room(struct crewi_mpi_transport *transport, struct crewi_mpi_gather *gather)
{
    int64_t total = gather->count;
    for (uint32_t rank = 0; rank < transport->base.rank_count; rank++) {
        if ((int)rank == gather->root)
            continue;
        gather->displacements[rank] = (int)total;
        total += gather->counts[rank];
        if (total > INT_MAX)
            return false;
    }
    gather->whole = crewi_frame_create((uint64_t)total * UNIT);
    if (!gather->whole)
        return false;
    gather->whole->header = gather->mine->header;
    gather->whole->header.size = (uint64_t)total * UNIT;
    return true;
}

static int begin_bytes(struct crewi_mpi_transport *transport, struct crewi_mpi_gather *gather)
{
    bool root = is_root(transport, gather);
    if (root && !make_room(transport, gather)) {
        crewi_error_word("no memory for what a gather brings, or more than a message may have");
        return MPI_ERR_NO_MEM;
    }
    gather->stage = CREWI_MPI_GATHER_BYTES;
    return MPI_Igatherv(gather->mine->payload, gather->count, transport->unit,
                        root ? gather->whole->payload : NULL, gather->counts, gather->displacements,
                        transport->unit, gather->root, transport->gathers, &gather->request);
}

/* One step. 1: it went on, 0: it did not, 2: it is over, -1: MPI failed. */
static int step(struct crewi_mpi_transport *transport, struct crewi_mpi_gather *gather)
{
    int done = 0;
    if (gather->stage == CREWI_MPI_GATHER_NEW)
        return begin_sizes(transport, gather) == MPI_SUCCESS ? 1 : -1;
    if (MPI_Test(&gather->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
        return -1;
    if (!done)
        return 0;
    if (gather->stage == CREWI_MPI_GATHER_SIZES)
        return begin_bytes(transport, gather) == MPI_SUCCESS ? 1 : -1;
    return 2;
}

int crewi_mpi_gather_poll(struct crewi_mpi_transport *transport, crewi_receive *receive,
                          void *context)
{
    int moved = 0;
    for (struct crewi_mpi_gather **link = &transport->gather_list; *link;) {
        struct crewi_mpi_gather *gather = *link;
        int what = step(transport, gather);
        if (what < 0)
            return -1;
        moved |= what > 0;
        if (what == 2) {
            *link = gather->next;
            if (gather->whole)
                receive(context, gather->whole);
            gather->whole = NULL;
            destroy(gather);
        } else if (gather->stage == CREWI_MPI_GATHER_BYTES) {
            link = &gather->next;
        } else if (what == 0) {
            break; /* those behind it wait */
        }
    }
    return moved;
}
