/* SPDX-License-Identifier: BSD-3-Clause */
/* A scatter of frames: rank 0 tells every rank point to point how many bytes it will get, and all
 * call MPI_Iscatterv. Since only rank 0 is ever the root and its messages to a rank arrive in
 * order, all ranks call it in the same order. */
#include "transport/mpi_transport.h"

#include "base/error.h"
#include "base/log.h"

#include <limits.h>
#include <string.h>

static size_t frame_footprint(const struct crewi_frame *frame)
{
    return (sizeof frame->header + frame->header.size + 15) & ~(size_t)15;
}

static void destroy(struct crewi_mpi_scatter *scatter)
{
    if (!scatter)
        return;
    free(scatter->counts);
    free(scatter->displacements);
    free(scatter->bytes);
    free(scatter);
}

/* Counts what goes to each rank. False when it does not fit into one call. */
static bool measure(struct crewi_mpi_scatter *scatter, const struct crewi_transport *base,
                    const struct crewi_frames *for_rank)
{
    size_t total = 0;
    for (uint32_t rank = 0; rank < base->rank_count; rank++) {
        size_t size = 0;
        for (const struct crewi_frame *frame = for_rank[rank].first; frame && rank != base->rank;
             frame = frame->next)
            size += frame_footprint(frame);
        if (total + size > INT_MAX)
            return false;
        scatter->counts[rank] = (int)size;
        scatter->displacements[rank] = (int)total;
        total += size;
    }
    scatter->bytes = calloc(1, total ? total : 1);
    return scatter->bytes != NULL;
}

static struct crewi_mpi_scatter *create(const struct crewi_transport *base,
                                        const struct crewi_frames *for_rank)
{
    struct crewi_mpi_scatter *scatter = calloc(1, sizeof *scatter);
    if (!scatter)
        return NULL;
    scatter->counts = calloc(base->rank_count, sizeof *scatter->counts);
    scatter->displacements = calloc(base->rank_count, sizeof *scatter->displacements);
    if (scatter->counts && scatter->displacements && measure(scatter, base, for_rank))
        return scatter;
    destroy(scatter);
    return NULL;
}

static void pack(struct crewi_mpi_scatter *scatter, const struct crewi_transport *base,
                 struct crewi_frames *for_rank)
{
    for (uint32_t rank = 0; rank < base->rank_count; rank++) {
        unsigned char *at = scatter->bytes + scatter->displacements[rank];
        struct crewi_frame *frame;
        while (rank != base->rank && (frame = crewi_frames_pop(&for_rank[rank]))) {
            memcpy(at, &frame->header, sizeof frame->header + frame->header.size);
            at += frame_footprint(frame);
            crewi_frame_destroy(frame);
        }
    }
}

static crew_status announce(struct crewi_transport *base, const struct crewi_mpi_scatter *scatter)
{
    for (uint32_t rank = 0; rank < base->rank_count; rank++) {
        if (rank == base->rank)
            continue;
        struct crewi_frame *frame = crewi_frame_create(0);
        if (!frame)
            return crewi_error_memory();
        frame->header.type = CREWI_MPI_SCATTER_TYPE;
        frame->header.object = (uint64_t)scatter->counts[rank];
        crew_status status = crewi_transport_send(base, rank, frame);
        if (status)
            return status;
    }
    return CREW_OK;
}

/* The others are rung when the data is out, too: what they were told first may have found them too
 * early. */
static crew_status begin(struct crewi_mpi_transport *transport, struct crewi_mpi_scatter *scatter)
{
    bool root = transport->base.rank == 0;
    int code =
        MPI_Iscatterv(root ? scatter->bytes : NULL, scatter->counts, scatter->displacements,
                      MPI_BYTE, root ? MPI_IN_PLACE : scatter->bytes, root ? 0 : (int)scatter->size,
                      MPI_BYTE, 0, transport->scatters, &scatter->request);
    if (code != MPI_SUCCESS) {
        destroy(scatter);
        return crewi_mpi_error(code, "MPI_Iscatterv");
    }
    scatter->next = transport->scatter_list;
    transport->scatter_list = scatter;
    for (uint32_t rank = 1; root && transport->base.ring && rank < transport->base.rank_count;
         rank++)
        transport->base.ring(transport->base.ring_context, rank, false);
    return CREW_OK;
}

crew_status crewi_mpi_scatter(struct crewi_transport *base, struct crewi_frames *for_rank)
{
    if (base->rank != 0 || base->rank_count == 1)
        return CREW_ENOTSUP;
    struct crewi_mpi_scatter *scatter = create(base, for_rank);
    if (!scatter)
        return CREW_ENOTSUP;
    pack(scatter, base, for_rank);
    if (announce(base, scatter)) { /* others have heard of it, and the chunks are in it */
        crewi_log(CREWI_LOG_ERROR, "the job ends: a scatter: %s", crew_error_message());
        crewi_transport_abort(base, 1);
    }
    return begin((struct crewi_mpi_transport *)base, scatter);
}

crew_status crewi_mpi_scatter_join(struct crewi_mpi_transport *transport, uint64_t size)
{
    struct crewi_mpi_scatter *scatter = calloc(1, sizeof *scatter);
    if (!scatter)
        return crewi_error_memory();
    scatter->size = size;
    scatter->bytes = malloc(size ? size : 1);
    if (!scatter->bytes) {
        destroy(scatter);
        return crewi_error_memory();
    }
    return begin(transport, scatter);
}

/* False when there is no memory for a chunk, which would be lost. */
static bool unpack(const struct crewi_mpi_scatter *scatter, crewi_receive *receive, void *context)
{
    for (size_t at = 0; at < scatter->size;) {
        struct crewi_header header;
        memcpy(&header, scatter->bytes + at, sizeof header);
        struct crewi_frame *frame = crewi_frame_create(header.size);
        if (!frame) {
            crewi_error_word("out of memory for a chunk of tasks");
            return false;
        }
        memcpy(&frame->header, scatter->bytes + at, sizeof header + header.size);
        at += frame_footprint(frame);
        receive(context, frame);
    }
    return true;
}

int crewi_mpi_scatter_poll(struct crewi_mpi_transport *transport, crewi_receive *receive,
                           void *context)
{
    int moved = 0;
    for (struct crewi_mpi_scatter **link = &transport->scatter_list; *link;) {
        struct crewi_mpi_scatter *scatter = *link;
        int done = 0;
        if (MPI_Test(&scatter->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return -1;
        if (!done) {
            link = &scatter->next;
            continue;
        }
        *link = scatter->next;
        moved = unpack(scatter, receive, context) ? 1 : -1;
        destroy(scatter);
        if (moved < 0)
            return moved;
    }
    return moved;
}
