/* SPDX-License-Identifier: BSD-3-Clause */
/* The collectives of <crew/team.h>. */
#include <crew/team.h>

#include "base/error.h"
#include "team/reduce.h"
#include "team/team_call.h"

#include <stdlib.h>
#include <string.h>

/* A call of a member, in elements. */
struct collective {
    const char *name;
    crew_team team;
    const struct crewi_membership *own;
    uint8_t kind;
    crew_datatype type;
    crew_operation operation;
    int root; /* 0 where there is none */
    const void *send;
    void *receive;
    const size_t *counts; /* of scatterv and gatherv, at the root */
    uint64_t count, own_count;
    uint64_t sent, received; /* by the caller */
};

static crew_status check_elements(const struct collective *what)
{
    size_t element = crew_datatype_size((crew_datatype)what->type);
    uint64_t most = CREWI_TEAM_BYTES_LIMIT / element;
    if (what->sent > most || what->received > most || what->count > most || what->own_count > most)
        return crewi_error(CREW_EINVAL, "%s: more than 1 GiB", what->name);
    if ((what->sent && !what->send) || (what->received && !what->receive))
        return crewi_error(CREW_EINVAL, "%s: %s is NULL", what->name,
                           what->sent && !what->send ? "what to send" : "the room to receive");
    return CREW_OK;
}

static crew_status check(const struct collective *what)
{
    bool reduces = what->kind == CREWI_TEAM_REDUCE || what->kind == CREWI_TEAM_ALLREDUCE;
    if (!crew_datatype_size((crew_datatype)what->type))
        return crewi_error(CREW_EINVAL, "%s: %d is no type of elements", what->name,
                           (int)what->type);
    if (reduces && !crewi_operation_fits(what->type, what->operation))
        return crewi_error(CREW_EINVAL, "%s: there is no operation %d on elements of type %d",
                           what->name, (int)what->operation, (int)what->type);
    return check_elements(what);
}

/* The caller's membership, and whether the root can be; first of all, as what a member sends and
 * gets depends on it. */
static crew_status begin(struct collective *what)
{
    crew_status status = crewi_team_check(what->name, what->team.id);
    if (status)
        return status;
    what->own = crewi_team_membership(what->team.id);
    if (!what->own)
        return crewi_error(CREW_EPERM, "%s: the caller is no member of the team", what->name);
    if (what->root < 0 || (uint32_t)what->root >= what->own->size)
        return crewi_error(CREW_EINVAL, "%s: there is no root %d in a team of %u", what->name,
                           what->root, what->own->size);
    return CREW_OK;
}

static bool is_root(const struct collective *what)
{
    return what->own->rank == (uint32_t)what->root;
}

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "counts are handed over as they are");

static struct crewi_team_head make_head(const struct collective *what)
{
    struct crewi_team_head head = {.id = what->team.id, .own_count = what->own_count};
    head.what = (struct crewi_team_what){.count = what->count,
                                         .root = (uint32_t)what->root,
                                         .kind = what->kind,
                                         .type = (uint8_t)what->type,
                                         .operation = (uint8_t)what->operation};
    if (crewi_client_is_inside(crewi_client_current())) {
        head.in_place = 1;
        head.send = (uint64_t)(uintptr_t)what->send;
        head.receive = (uint64_t)(uintptr_t)what->receive;
        head.counts = (uint64_t)(uintptr_t)what->counts;
    }
    return head;
}

/* The head with the counts of all members behind it, which are at the root of some; *size is
 * theirs. NULL without memory. */
static struct crewi_team_head *with_counts(const struct collective *what,
                                           const struct crewi_team_head *head, size_t *size)
{
    size_t bytes = what->own->size * sizeof(uint64_t);
    *size = sizeof *head + crewi_team_pad(bytes);
    struct crewi_team_head *made = calloc(1, *size);
    if (!made)
        return NULL;
    *made = *head;
    memcpy(made + 1, what->counts, bytes);
    return made;
}

/* In messages. */
static crew_status send(const struct collective *what, struct crewi_call *call,
                        const struct crewi_team_head *head)
{
    size_t element = crew_datatype_size((crew_datatype)what->type);
    struct crewi_team_head *made = NULL;
    struct crewi_frame *reply;
    if (what->counts) {
        made = with_counts(what, head, &call->head_size);
        if (!made)
            return crewi_error_memory();
        call->head = made;
    }
    call->body = what->send;
    call->body_size = what->sent * element;
    crew_status status = crewi_call(call, &reply);
    free(made);
    if (status)
        return status;
    if (reply->header.size != what->received * element)
        status = crewi_error(CREW_EPROTO, "%s: a reply of %llu bytes", what->name,
                             (unsigned long long)reply->header.size);
    else if (what->received)
        memcpy(what->receive, reply->payload, reply->header.size);
    crewi_frame_destroy(reply);
    return status;
}

/* Inside the rank, MPI uses the caller's memory. */
static crew_status lend(const struct crewi_call *call)
{
    struct crewi_client *client = crewi_client_current();
    client->lends_memory = true;
    crew_status status = crewi_call(call, NULL);
    client->lends_memory = false;
    return status;
}

static crew_status run(const struct collective *what)
{
    crew_status status = check(what);
    if (status)
        return status;
    struct crewi_team_head head = make_head(what);
    struct crewi_call call = crewi_team_call(CREWI_TEAM_COLLECT, &what->team.id);
    call.head = &head;
    call.head_size = sizeof head;
    return head.in_place ? lend(&call) : send(what, &call, &head);
}

crew_status crew_team_bcast(crew_team team, void *buffer, size_t count, crew_datatype type,
                            int root)
{
    struct collective what = {.name = "crew_team_bcast",
                              .team = team,
                              .kind = CREWI_TEAM_BCAST,
                              .type = type,
                              .root = root,
                              .send = buffer,
                              .receive = buffer,
                              .count = count};
    crew_status status = begin(&what);
    if (status)
        return status;
    what.sent = is_root(&what) ? count : 0;
    what.received = count - what.sent;
    return run(&what);
}

crew_status crew_team_scatter(crew_team team, const void *send, void *receive, size_t count,
                              crew_datatype type, int root)
{
    struct collective what = {.name = "crew_team_scatter",
                              .team = team,
                              .kind = CREWI_TEAM_SCATTER,
                              .type = type,
                              .root = root,
                              .send = send,
                              .receive = receive,
                              .count = count,
                              .received = count};
    crew_status status = begin(&what);
    if (status)
        return status;
    what.sent = is_root(&what) ? count * what.own->size : 0;
    return run(&what);
}

/* What the counts of all members come to; at the root. */
static crew_status add_counts(struct collective *what, const size_t *counts, uint64_t *sum)
{
    if (!is_root(what))
        return CREW_OK;
    if (!counts)
        return crewi_error(CREW_EINVAL, "%s: counts is NULL", what->name);
    what->counts = counts;
    for (uint32_t i = 0; i < what->own->size; i++) {
        if (counts[i] > CREWI_TEAM_BYTES_LIMIT)
            return crewi_error(CREW_EINVAL, "%s: more than 1 GiB", what->name);
        *sum += counts[i];
    }
    return CREW_OK;
}

crew_status crew_team_scatterv(crew_team team, const void *send, const size_t *counts,
                               void *receive, size_t receive_count, crew_datatype type, int root)
{
    struct collective what = {.name = "crew_team_scatterv",
                              .team = team,
                              .kind = CREWI_TEAM_SCATTERV,
                              .type = type,
                              .root = root,
                              .send = send,
                              .receive = receive,
                              .own_count = receive_count,
                              .received = receive_count};
    crew_status status = begin(&what);
    if (!status)
        status = add_counts(&what, counts, &what.sent);
    return status ? status : run(&what);
}

crew_status crew_team_gather(crew_team team, const void *send, void *receive, size_t count,
                             crew_datatype type, int root)
{
    struct collective what = {.name = "crew_team_gather",
                              .team = team,
                              .kind = CREWI_TEAM_GATHER,
                              .type = type,
                              .root = root,
                              .send = send,
                              .receive = receive,
                              .count = count,
                              .sent = count};
    crew_status status = begin(&what);
    if (status)
        return status;
    what.received = is_root(&what) ? count * what.own->size : 0;
    return run(&what);
}

crew_status crew_team_gatherv(crew_team team, const void *send, size_t send_count, void *receive,
                              const size_t *counts, crew_datatype type, int root)
{
    struct collective what = {.name = "crew_team_gatherv",
                              .team = team,
                              .kind = CREWI_TEAM_GATHERV,
                              .type = type,
                              .root = root,
                              .send = send,
                              .receive = receive,
                              .own_count = send_count,
                              .sent = send_count};
    crew_status status = begin(&what);
    if (!status)
        status = add_counts(&what, counts, &what.received);
    return status ? status : run(&what);
}

crew_status crew_team_allgather(crew_team team, const void *send, void *receive, size_t count,
                                crew_datatype type)
{
    struct collective what = {.name = "crew_team_allgather",
                              .team = team,
                              .kind = CREWI_TEAM_ALLGATHER,
                              .type = type,
                              .send = send,
                              .receive = receive,
                              .count = count,
                              .sent = count};
    crew_status status = begin(&what);
    if (status)
        return status;
    what.received = count * what.own->size;
    return run(&what);
}

crew_status crew_team_reduce(crew_team team, const void *send, void *receive, size_t count,
                             crew_datatype type, crew_operation operation, int root)
{
    struct collective what = {.name = "crew_team_reduce",
                              .team = team,
                              .kind = CREWI_TEAM_REDUCE,
                              .type = type,
                              .operation = operation,
                              .root = root,
                              .send = send,
                              .receive = receive,
                              .count = count,
                              .sent = count};
    crew_status status = begin(&what);
    if (status)
        return status;
    what.received = is_root(&what) ? count : 0;
    return run(&what);
}

crew_status crew_team_allreduce(crew_team team, const void *send, void *receive, size_t count,
                                crew_datatype type, crew_operation operation)
{
    struct collective what = {.name = "crew_team_allreduce",
                              .team = team,
                              .kind = CREWI_TEAM_ALLREDUCE,
                              .type = type,
                              .operation = operation,
                              .send = send,
                              .receive = receive,
                              .count = count,
                              .sent = count,
                              .received = count};
    crew_status status = begin(&what);
    return status ? status : run(&what);
}

crew_status crew_team_alltoall(crew_team team, const void *send, void *receive, size_t count,
                               crew_datatype type)
{
    struct collective what = {.name = "crew_team_alltoall",
                              .team = team,
                              .kind = CREWI_TEAM_ALLTOALL,
                              .type = type,
                              .send = send,
                              .receive = receive,
                              .count = count};
    crew_status status = begin(&what);
    if (status)
        return status;
    what.sent = what.received = count * what.own->size;
    return run(&what);
}
