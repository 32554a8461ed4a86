/* SPDX-License-Identifier: BSD-3-Clause */
/* A job of one rank: there is nobody to talk to. MPI_Init as a singleton takes a quarter of a
 * second, starts a daemon and leaves a directory behind when the program is killed, so it is not
 * called. */
#include "transport/transport.h"

#include "base/error.h"

#include <string.h>

static const int only_host = 0;

static crew_status local_send(struct crewi_transport *transport, uint32_t rank,
                              struct crewi_frame *frame)
{
    (void)transport;
    crewi_frame_destroy(frame);
    return crewi_error(CREW_EMPI, "there is no rank %u in a job of one", rank);
}

static crew_status local_scatter(struct crewi_transport *transport, struct crewi_frames *for_rank)
{
    (void)transport;
    (void)for_rank;
    return CREW_ENOTSUP;
}

static crew_status local_gather(struct crewi_transport *transport, uint32_t root,
                                struct crewi_frame *frame)
{
    (void)transport;
    (void)root;
    (void)frame;
    return CREW_ENOTSUP;
}

static crew_status local_group_create(struct crewi_transport *transport, const int *ranks,
                                      int count, struct crewi_group **group)
{
    (void)transport;
    (void)ranks;
    (void)count;
    (void)group;
    return CREW_ENOTSUP;
}

static void local_group_release(struct crewi_transport *transport, struct crewi_group *group)
{
    (void)transport;
    (void)group;
}

static crew_status local_collective(struct crewi_transport *transport, struct crewi_group *group,
                                    const struct crewi_collective *what, struct crewi_frame *done)
{
    (void)transport;
    (void)group;
    (void)what;
    (void)done;
    return crewi_error(CREW_EMPI, "there are no collectives in a job of one rank");
}

static int local_poll(struct crewi_transport *transport, crewi_receive *receive, void *context)
{
    (void)transport;
    (void)receive;
    (void)context;
    return 0;
}

static enum crewi_transport_activity local_activity(const struct crewi_transport *transport)
{
    (void)transport;
    return CREWI_TRANSPORT_IDLE;
}

static crew_status local_allgather(struct crewi_transport *transport, const void *mine, size_t size,
                                   void *all)
{
    (void)transport;
    memcpy(all, mine, size);
    return CREW_OK;
}

static crew_status local_users_comm(struct crewi_transport *transport, void *comm, size_t size)
{
    (void)transport;
    (void)comm;
    (void)size;
    return crewi_error(CREW_ENOTSUP, "the job runs without MPI: start it with mpirun");
}

static void local_settle(struct crewi_transport *transport)
{
    (void)transport;
}

static void local_finish(struct crewi_transport *transport)
{
    free(transport);
}

static void local_abort(struct crewi_transport *transport, int code)
{
    (void)transport;
    (void)code;
}

static const struct crewi_transport_ops local_ops = {
    .send = local_send,
    .scatter = local_scatter,
    .gather = local_gather,
    .group_create = local_group_create,
    .group_release = local_group_release,
    .collective = local_collective,
    .poll_collectives = local_poll,
    .poll = local_poll,
    .activity = local_activity,
    .allgather = local_allgather,
    .users_comm = local_users_comm,
    .settle = local_settle,
    .finish = local_finish,
    .abort = local_abort,
};

crew_status crewi_transport_create_local(struct crewi_transport **transport)
{
    struct crewi_transport *made = malloc(sizeof *made);
    if (!made)
        return crewi_error_memory();
    *made =
        (struct crewi_transport){.ops = &local_ops, .rank_count = 1, .host_of_rank = &only_host};
    *transport = made;
    return CREW_OK;
}
