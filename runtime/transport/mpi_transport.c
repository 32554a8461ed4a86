/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/mpi_transport.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

#define FRAME_TAG 1

/* Up to here a frame is received in one call, for it is here already (eager); larger ones need
 * progress on both sides. */
#define EAGER_SIZE 4096

/* The most frames handed out in one poll, so that other work gets its turn. */
#define RECEIVE_BATCH 64

crew_status crewi_mpi_error(int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, text, &length);
    return crewi_error(CREW_EMPI, "%s: %s", what, text);
}

static struct crewi_mpi_transport *mpi(struct crewi_transport *base)
{
    return (struct crewi_mpi_transport *)base;
}

static void ring(struct crewi_transport *base, uint32_t rank, bool can_wait)
{
    if (base->ring)
        base->ring(base->ring_context, rank, can_wait);
}

static crew_status remember_send(struct crewi_mpi_transport *transport,
                                 const struct crewi_mpi_send *send)
{
    if (transport->send_count == transport->send_room) {
        size_t room = transport->send_room ? 2 * transport->send_room : 16;
        struct crewi_mpi_send *grown = realloc(transport->sends, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        transport->sends = grown;
        transport->send_room = room;
    }
    transport->sends[transport->send_count++] = *send;
    return CREW_OK;
}

static crew_status mpi_send(struct crewi_transport *base, uint32_t rank, struct crewi_frame *frame)
{
    struct crewi_mpi_transport *transport = mpi(base);
    int size = (int)(sizeof frame->header + frame->header.size), done = 0;
    struct crewi_mpi_send send = {.rank = rank, .frame = frame, .is_small = size <= EAGER_SIZE};
    int code = MPI_Isend(&frame->header, size, MPI_BYTE, (int)rank, FRAME_TAG, transport->engines,
                         &send.request);
    if (code == MPI_SUCCESS)
        code = MPI_Test(&send.request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS) {
        crewi_frame_destroy(frame);
        return crewi_mpi_error(code, "MPI_Isend");
    }
    if (!done) {
        crew_status status = remember_send(transport, &send);
        if (status) {
            MPI_Wait(&send.request, MPI_STATUS_IGNORE);
            crewi_frame_destroy(frame);
            return status;
        }
    }
    ring(base, rank, frame->can_wait && send.is_small);
    if (done)
        crewi_frame_destroy(frame);
    return CREW_OK;
}

/* A send that could not complete at once may have reached the other side only now, so its doorbell
 * rings again. */
static int poll_sends(struct crewi_mpi_transport *transport)
{
    int moved = 0;
    for (size_t i = 0; i < transport->send_count;) {
        struct crewi_mpi_send *send = &transport->sends[i];
        int done = 0;
        if (MPI_Test(&send->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return -1;
        if (!done) {
            i++;
            continue;
        }
        ring(&transport->base, send->rank, false);
        crewi_frame_destroy(send->frame);
        *send = transport->sends[--transport->send_count];
        moved = 1;
    }
    return moved;
}

static void hand_over(struct crewi_mpi_transport *transport, struct crewi_frame *frame,
                      crewi_receive *receive, void *context)
{
    if (frame->header.type != CREWI_MPI_SCATTER_TYPE) {
        receive(context, frame);
        return;
    }
    if (crewi_mpi_scatter_join(transport,
                               frame->header.object)) { /* the others wait for this rank */
        crewi_log(CREWI_LOG_ERROR, "the job ends: a scatter: %s", crew_error_message());
        crewi_transport_abort(&transport->base, 1);
    }
    crewi_frame_destroy(frame);
}

static bool is_behind(const struct crewi_mpi_transport *transport, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (transport->receives[i].source == transport->receives[index].source)
            return true;
    return false;
}

/* Frames of one source are handed over in their order; those of different sources do not wait for
 * each other. */
static int poll_receives(struct crewi_mpi_transport *transport, crewi_receive *receive,
                         void *context)
{
    int moved = 0;
    for (size_t i = 0; i < transport->receive_count;) {
        struct crewi_mpi_receive *one = &transport->receives[i];
        int done = one->arrived;
        if (!done && MPI_Test(&one->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return -1;
        one->arrived = done;
        if (!done || is_behind(transport, i)) {
            i++;
            continue;
        }
        struct crewi_frame *frame = one->frame;
        memmove(one, one + 1, (--transport->receive_count - i) * sizeof *one);
        hand_over(transport, frame, receive, context);
        moved = 1;
    }
    return moved;
}

static struct crewi_mpi_receive *new_receive(struct crewi_mpi_transport *transport)
{
    if (transport->receive_count == transport->receive_room) {
        size_t room = transport->receive_room ? 2 * transport->receive_room : 16;
        struct crewi_mpi_receive *grown = realloc(transport->receives, room * sizeof *grown);
        if (!grown)
            return NULL;
        transport->receives = grown;
        transport->receive_room = room;
    }
    return &transport->receives[transport->receive_count];
}

/* Matches one message that is there: 1, 0 when there is none, -1 on errors. Small ones with nothing
 * before them go straight on. */
static int match(struct crewi_mpi_transport *transport, crewi_receive *receive, void *context)
{
    int found = 0, size = 0;
    MPI_Message message;
    MPI_Status status;
    if (MPI_Improbe(MPI_ANY_SOURCE, FRAME_TAG, transport->engines, &found, &message, &status) !=
        MPI_SUCCESS)
        return -1;
    if (!found)
        return 0;
    MPI_Get_count(&status, MPI_BYTE, &size);
    struct crewi_mpi_receive *one = new_receive(transport);
    struct crewi_frame *frame = crewi_frame_create((uint64_t)size - sizeof frame->header);
    if (!one || !frame) {
        crewi_frame_destroy(frame);
        return -1;
    }
    if (size <= EAGER_SIZE && transport->receive_count == 0) {
        if (MPI_Mrecv(&frame->header, size, MPI_BYTE, &message, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return -1;
        hand_over(transport, frame, receive, context);
        return 1;
    }
    *one = (struct crewi_mpi_receive){.source = status.MPI_SOURCE, .frame = frame};
    if (MPI_Imrecv(&frame->header, size, MPI_BYTE, &message, &one->request) != MPI_SUCCESS)
        return -1;
    transport->receive_count++;
    /* A large one goes on only while its sender polls, too. */
    ring(&transport->base, (uint32_t)status.MPI_SOURCE, false);
    return 1;
}

/* OpenMPI gives the core away at every look that finds nothing when there are more ranks than
 * cores. That suits who spins; the engine sleeps between looks, and a look must not wait for
 * somebody else's time slice. There is no MPI call for it; libopen-pal has this function. */
__attribute__((weak)) extern bool opal_progress_set_yield_when_idle(bool yield);

bool crewi_mpi_set_yield(bool yield)
{
    return opal_progress_set_yield_when_idle && opal_progress_set_yield_when_idle(yield);
}

static int poll_all(struct crewi_mpi_transport *transport, crewi_receive *receive, void *context)
{
    int moved = 0, misses = 0;
    /* Improbe makes progress after it has looked: only a second miss in a row means that there is
     * nothing. */
    for (int i = 0; i < RECEIVE_BATCH && misses < 2; i++) {
        int found = match(transport, receive, context);
        if (found < 0)
            return -1;
        misses = found ? 0 : misses + 1;
        moved |= found;
    }
    bool more = misses < 2;
    int sends = transport->send_count ? poll_sends(transport) : 0;
    int receives = transport->receive_count ? poll_receives(transport, receive, context) : 0;
    int scatters =
        transport->scatter_list ? crewi_mpi_scatter_poll(transport, receive, context) : 0;
    int gathers = transport->gather_list ? crewi_mpi_gather_poll(transport, receive, context) : 0;
    int gets = transport->get_count ? crewi_mpi_window_poll(transport, receive, context) : 0;
    int collectives = transport->collective_list
                          ? crewi_mpi_poll_collectives(&transport->base, receive, context)
                          : 0;
    if (sends < 0 || receives < 0 || scatters < 0 || gathers < 0 || gets < 0)
        return -1;
    return more ? 2 : moved | sends | receives | scatters | gathers | gets | collectives;
}

static int mpi_poll(struct crewi_transport *base, crewi_receive *receive, void *context)
{
    bool yields = crewi_mpi_set_yield(false);
    int moved = poll_all(mpi(base), receive, context);
    crewi_mpi_set_yield(yields); /* for who calls MPI in a rank */
    return moved;
}

bool crewi_mpi_has_begun(const struct crewi_mpi_transport *transport)
{
    return transport->send_count || transport->receive_count || transport->scatter_list ||
           transport->gather_list || transport->get_count;
}

static enum crewi_transport_activity mpi_activity(const struct crewi_transport *base)
{
    const struct crewi_mpi_transport *transport = (const struct crewi_mpi_transport *)base;
    if (transport->receive_count || transport->scatter_list || transport->gather_list ||
        transport->get_count)
        return CREWI_TRANSPORT_BUSY;
    for (size_t i = 0; i < transport->send_count; i++)
        if (!transport->sends[i].is_small)
            return CREWI_TRANSPORT_BUSY;
    if (transport->send_count)
        return CREWI_TRANSPORT_PATIENT;
    return transport->collective_list ? CREWI_TRANSPORT_COLLECTIVE : CREWI_TRANSPORT_IDLE;
}

static crew_status mpi_allgather(struct crewi_transport *base, const void *mine, size_t size,
                                 void *all)
{
    int code =
        MPI_Allgather(mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, mpi(base)->engines);
    return code == MPI_SUCCESS ? CREW_OK : crewi_mpi_error(code, "MPI_Allgather");
}

static crew_status mpi_users_comm(struct crewi_transport *base, void *comm, size_t size)
{
    const struct crewi_mpi_transport *transport = mpi(base);
    if (size != sizeof(MPI_Comm))
        return crewi_error(CREW_EBUILD, "the program was built with another MPI than crew");
    if (transport->users == MPI_COMM_NULL)
        return crewi_error(CREW_ENOTSUP, "no file of the program includes <crew/mpi.h>");
    memcpy(comm, &transport->users, size);
    return CREW_OK;
}

static void mpi_abort(struct crewi_transport *base, int code)
{
    MPI_Abort(mpi(base)->engines, code);
}

const struct crewi_transport_ops crewi_mpi_ops = {
    .send = mpi_send,
    .scatter = crewi_mpi_scatter,
    .gather = crewi_mpi_gather,
    .attach = crewi_mpi_window_attach,
    .detach = crewi_mpi_window_detach,
    .get = crewi_mpi_window_get,
    .group_create = crewi_mpi_group_create,
    .group_release = crewi_mpi_group_release,
    .collective = crewi_mpi_collective,
    .poll_collectives = crewi_mpi_poll_collectives,
    .poll = mpi_poll,
    .activity = mpi_activity,
    .allgather = mpi_allgather,
    .users_comm = mpi_users_comm,
    .settle = crewi_mpi_settle,
    .finish = crewi_mpi_finish,
    .abort = mpi_abort,
};
