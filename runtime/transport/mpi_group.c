/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of ranks with communicators of their own, and their collectives. */
#include "transport/mpi_transport.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

/* MPI_Comm_create_group tells those that are made at a time apart by this. */
#define GROUP_TAG 2

static struct crewi_mpi_transport *mpi(struct crewi_transport *base)
{
    return (struct crewi_mpi_transport *)base;
}

/* Groups */

/* All ranks of it find the same one: they have made and released the same ones before. */
static struct crewi_group *find_free(struct crewi_mpi_transport *transport, const int *ranks,
                                     int count)
{
    struct crewi_group *group = transport->groups;
    while (group && (group->in_use || group->count != count ||
                     memcmp(group->ranks, ranks, (size_t)count * sizeof *ranks) != 0))
        group = group->next;
    return group;
}

static void nudge_group(struct crewi_transport *base, const struct crewi_group *group,
                        bool looks_soon)
{
    for (int i = 0; base->nudge && i < group->count; i++)
        if ((uint32_t)group->ranks[i] != base->rank)
            base->nudge(base->ring_context, (uint32_t)group->ranks[i], looks_soon);
}

static int make_lanes(struct crewi_mpi_transport *transport, struct crewi_group *group)
{
    MPI_Group world, some;
    int code = MPI_Comm_group(transport->engines, &world);
    if (code != MPI_SUCCESS)
        return code;
    code = MPI_Group_incl(world, group->count, group->ranks, &some);
    MPI_Group_free(&world);
    if (code != MPI_SUCCESS)
        return code;
    for (int i = 0; i < CREWI_GROUP_LANES && code == MPI_SUCCESS; i++) {
        code = MPI_Comm_create_group(transport->engines, some, GROUP_TAG + i, &group->lanes[i]);
        if (code == MPI_SUCCESS)
            code = MPI_Comm_set_errhandler(group->lanes[i], MPI_ERRORS_RETURN);
    }
    MPI_Group_free(&some);
    return code;
}

crew_status crewi_mpi_group_create(struct crewi_transport *base, const int *ranks, int count,
                                   struct crewi_group **group)
{
    struct crewi_mpi_transport *transport = mpi(base);
    if (base->rank_count == 1)
        return CREW_ENOTSUP;
    struct crewi_group *made = find_free(transport, ranks, count), **link = &transport->groups;
    if (!made) {
        made = calloc(1, sizeof *made + (size_t)count * sizeof *ranks);
        if (!made)
            return crewi_error_memory();
        memcpy(made->ranks, ranks, (size_t)count * sizeof *ranks);
        made->count = count;
        nudge_group(base, made, false); /* they were told, and this rank is about to wait */
        bool yields = crewi_mpi_set_yield(true);
        int code = make_lanes(transport, made);
        crewi_mpi_set_yield(yields);
        if (code != MPI_SUCCESS) {
            free(made);
            return crewi_mpi_error(code, "MPI_Comm_create_group");
        }
        while (*link)
            link = &(*link)->next;
        *link = made;
    }
    made->in_use = true;
    *group = made;
    return CREW_OK;
}

void crewi_mpi_group_release(struct crewi_transport *base, struct crewi_group *group)
{
    (void)base;
    group->in_use = false;
}

void crewi_mpi_groups_free(struct crewi_mpi_transport *transport)
{
    for (struct crewi_group *group = transport->groups; group; group = group->next)
        for (int i = 0; i < CREWI_GROUP_LANES && !group->under_way; i++)
            MPI_Comm_free(&group->lanes[i]);
}

void crewi_mpi_groups_forget(struct crewi_mpi_transport *transport)
{
    for (struct crewi_mpi_collective *one; (one = transport->collective_list);) {
        transport->collective_list = one->next;
        crewi_frame_destroy(one->done);
        free(one);
    }
    for (struct crewi_group *group; (group = transport->groups);) {
        transport->groups = group->next;
        free(group);
    }
}

/* Collectives */

static MPI_Datatype type_of(crew_datatype type)
{
    switch (type) {
    case CREW_INT8:
        return MPI_INT8_T;
    case CREW_INT16:
        return MPI_INT16_T;
    case CREW_INT32:
        return MPI_INT32_T;
    case CREW_INT64:
        return MPI_INT64_T;
    case CREW_UINT8:
    case CREW_BOOL:
        return MPI_UINT8_T;
    case CREW_UINT16:
        return MPI_UINT16_T;
    case CREW_UINT32:
        return MPI_UINT32_T;
    case CREW_UINT64:
        return MPI_UINT64_T;
    case CREW_FLOAT:
        return MPI_FLOAT;
    case CREW_DOUBLE:
        return MPI_DOUBLE;
    default:
        return MPI_BYTE;
    }
}

static MPI_Op operation_of(crew_operation operation)
{
    switch (operation) {
    case CREW_SUM:
        return MPI_SUM;
    case CREW_PROD:
        return MPI_PROD;
    case CREW_MIN:
        return MPI_MIN;
    case CREW_MAX:
        return MPI_MAX;
    case CREW_LAND:
        return MPI_LAND;
    case CREW_LOR:
        return MPI_LOR;
    case CREW_LXOR:
        return MPI_LXOR;
    case CREW_BAND:
        return MPI_BAND;
    case CREW_BOR:
        return MPI_BOR;
    default:
        return MPI_BXOR;
    }
}

static int begin_reduction(const struct crewi_collective *what, MPI_Comm comm, MPI_Request *request)
{
    MPI_Datatype type = type_of(what->type);
    MPI_Op operation = operation_of(what->operation);
    if (what->kind == CREWI_COLLECTIVE_ALLREDUCE)
        return MPI_Iallreduce(what->send, what->receive, what->send_count, type, operation, comm,
                              request);
    return MPI_Ireduce(what->send, what->receive, what->send_count, type, operation, what->root,
                       comm, request);
}

static int begin_with_counts(const struct crewi_collective *what, MPI_Comm comm,
                             MPI_Request *request)
{
    switch (what->kind) {
    case CREWI_COLLECTIVE_GATHERV:
        return MPI_Igatherv(what->send, what->send_count, MPI_BYTE, what->receive,
                            what->receive_counts, what->receive_displacements, MPI_BYTE, what->root,
                            comm, request);
    case CREWI_COLLECTIVE_ALLGATHERV:
        return MPI_Iallgatherv(what->send, what->send_count, MPI_BYTE, what->receive,
                               what->receive_counts, what->receive_displacements, MPI_BYTE, comm,
                               request);
    case CREWI_COLLECTIVE_SCATTERV:
        return MPI_Iscatterv(what->send, what->send_counts, what->send_displacements, MPI_BYTE,
                             what->receive, what->receive_count, MPI_BYTE, what->root, comm,
                             request);
    default:
        return MPI_Ialltoallv(what->send, what->send_counts, what->send_displacements, MPI_BYTE,
                              what->receive, what->receive_counts, what->receive_displacements,
                              MPI_BYTE, comm, request);
    }
}

static int begin(const struct crewi_collective *what, MPI_Comm comm, MPI_Request *request)
{
    switch (what->kind) {
    case CREWI_COLLECTIVE_BARRIER:
        return MPI_Ibarrier(comm, request);
    case CREWI_COLLECTIVE_BCAST:
        return MPI_Ibcast(what->receive, what->receive_count, MPI_BYTE, what->root, comm, request);
    case CREWI_COLLECTIVE_REDUCE:
    case CREWI_COLLECTIVE_ALLREDUCE:
        return begin_reduction(what, comm, request);
    case CREWI_COLLECTIVE_GATHER:
        return MPI_Igather(what->send, what->send_count, MPI_BYTE, what->receive,
                           what->receive_count, MPI_BYTE, what->root, comm, request);
    case CREWI_COLLECTIVE_ALLGATHER:
        return MPI_Iallgather(what->send, what->send_count, MPI_BYTE, what->receive,
                              what->receive_count, MPI_BYTE, comm, request);
    case CREWI_COLLECTIVE_SCATTER:
        return MPI_Iscatter(what->send, what->send_count, MPI_BYTE, what->receive,
                            what->receive_count, MPI_BYTE, what->root, comm, request);
    case CREWI_COLLECTIVE_ALLTOALL:
        return MPI_Ialltoall(what->send, what->send_count, MPI_BYTE, what->receive,
                             what->receive_count, MPI_BYTE, comm, request);
    default:
        return begin_with_counts(what, comm, request);
    }
}

static uint64_t bytes_of(const struct crewi_collective *what)
{
    return (uint64_t)what->send_count + (uint64_t)what->receive_count;
}

crew_status crewi_mpi_collective(struct crewi_transport *base, struct crewi_group *group,
                                 const struct crewi_collective *what, struct crewi_frame *done)
{
    struct crewi_mpi_transport *transport = mpi(base);
    struct crewi_mpi_collective *one = calloc(1, sizeof *one), **link = &transport->collective_list;
    if (!one)
        return crewi_error_memory();
    int code = begin(what, group->lanes[what->lane], &one->request);
    if (code != MPI_SUCCESS) {
        free(one);
        return crewi_mpi_error(code, "a collective of a team");
    }
    one->group = group;
    one->done = done;
    group->under_way++;
    while (*link)
        link = &(*link)->next;
    *link = one;
    base->collectives_entered++;
    base->collective_bytes = bytes_of(what);
    nudge_group(base, group, true); /* it may be the one that they wait for */
    return CREW_OK;
}

int crewi_mpi_poll_collectives(struct crewi_transport *base, crewi_receive *receive, void *context)
{
    int moved = 0;
    for (struct crewi_mpi_collective **link = &mpi(base)->collective_list, *one; (one = *link);) {
        int done = 0;
        int code = MPI_Test(&one->request, &done, MPI_STATUS_IGNORE);
        if (code == MPI_SUCCESS && !done) {
            link = &one->next;
            continue;
        }
        if (code != MPI_SUCCESS) {
            one->done->header.status = crewi_mpi_error(code, "a collective of a team");
            crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
        }
        *link = one->next;
        one->group->under_way--;
        receive(context, one->done);
        free(one);
        moved = 1;
    }
    return moved;
}
