/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_transport.h"

#include "sim_job.h"

#include <stdlib.h>
#include <string.h>

/* From one rank to another; scatters have one of their own, as they have in MPI. */
struct link {
    int64_t last_ns;
};

void sim_network_init(struct sim_network *network, uint64_t seed)
{
    *network = (struct sim_network){.typical_ns = 1000};
    sim_random_begin(&network->random, seed, 1);
}

void sim_network_fini(struct sim_network *network, uint32_t rank_count)
{
    for (size_t i = 0; i < network->gather_count; i++) {
        for (uint32_t rank = 0; rank < rank_count; rank++)
            crewi_frame_destroy(network->gathers[i].frames[rank]);
        free(network->gathers[i].frames);
    }
    free(network->gathers);
    for (size_t i = 0; i < network->links.room; i++)
        free(network->links.entries[i].value);
    crewi_table_fini(&network->links);
}

static struct link *get_link(struct sim_network *network, uint32_t from, uint32_t to, bool scatter)
{
    uint64_t key = (uint64_t)(from + 1) << 32 | (uint64_t)to << 1 | scatter;
    struct link *link = crewi_table_find(&network->links, key);
    if (link)
        return link;
    link = sim_alloc(sizeof *link);
    if (crewi_table_add(&network->links, key, link))
        abort();
    return link;
}

enum sim_plant_action sim_network_plant(struct sim_network *network,
                                        const struct crewi_header *header)
{
    const struct sim_plant *plant = network->plant;
    if (!plant || header->type != plant->type)
        return 0;
    if (header->type != CREWI_REPLY && (header->kind != plant->kind || header->op != plant->op))
        return 0;
    if (network->until_plant--)
        return 0;
    network->plant = NULL;
    return plant->action;
}

struct crewi_frame *sim_frame_copy(const struct crewi_frame *frame)
{
    struct crewi_frame *copy = crewi_frame_create(frame->header.size);
    if (!copy)
        abort();
    copy->header = frame->header;
    if (frame->header.size)
        memcpy(copy->payload, frame->payload, frame->header.size);
    return copy;
}

/* When a frame that is sent now arrives: not before the one that was sent before it. */
static int64_t arrival_ns(struct sim_job *job, uint32_t from, uint32_t to, bool scatter)
{
    struct sim_network *network = &job->network;
    struct link *link = get_link(network, from, to, scatter);
    int64_t at_ns = job->now_ns + sim_delay_ns(&network->random, network->typical_ns);
    if (at_ns < link->last_ns)
        at_ns = link->last_ns;
    link->last_ns = at_ns;
    return at_ns;
}

static crew_status carry(struct crewi_transport *transport, uint32_t rank,
                         struct crewi_frame *frame, bool scatter)
{
    struct sim_job *job = ((struct sim_transport *)transport)->job;
    if (rank >= job->rank_count || rank == transport->rank || frame->header.target_rank != rank) {
        sim_violation(job, "rank %u sends rank %u what is for rank %u", transport->rank, rank,
                      frame->header.target_rank);
        crewi_frame_destroy(frame);
        return CREW_OK;
    }
    enum sim_plant_action planted = sim_network_plant(&job->network, &frame->header);
    int64_t at_ns = arrival_ns(job, transport->rank, rank, scatter);
    job->network.carried++;
    sim_trace_frame(job, "sent", transport->rank, frame);
    if (planted)
        sim_trace(job, "-- and this one is the plant");
    if (planted == SIM_PLANT_DROP) {
        crewi_frame_destroy(frame);
        return CREW_OK;
    }
    if (planted == SIM_PLANT_DOUBLE)
        sim_job_arrive(job, transport->rank, at_ns, sim_frame_copy(frame));
    if (planted == SIM_PLANT_OVERTAKE)
        at_ns += 100 * job->network.typical_ns;
    sim_job_arrive(job, transport->rank, at_ns, frame);
    return CREW_OK;
}

static crew_status sim_send(struct crewi_transport *transport, uint32_t rank,
                            struct crewi_frame *frame)
{
    return carry(transport, rank, frame, false);
}

static crew_status sim_scatter(struct crewi_transport *transport, struct crewi_frames *for_rank)
{
    if (transport->rank != 0 || transport->rank_count == 1)
        return CREW_ENOTSUP;
    for (uint32_t rank = 1; rank < transport->rank_count; rank++)
        for (struct crewi_frame *frame; (frame = crewi_frames_pop(&for_rank[rank]));)
            carry(transport, rank, frame, true);
    return CREW_OK;
}

/* The gather that a rank comes to next. */
static struct sim_gather *next_gather(struct sim_job *job, struct sim_transport *end, uint32_t root)
{
    struct sim_network *network = &job->network;
    if (end->gathers == network->gather_count) {
        network->gathers =
            sim_grow(network->gathers, ++network->gather_count * sizeof *network->gathers);
        network->gathers[end->gathers] = (struct sim_gather){
            .root = root,
            .missing = job->rank_count,
            .frames = sim_alloc(job->rank_count * sizeof(struct crewi_frame *))};
    }
    return &network->gathers[end->gathers++];
}

/* One frame with all payloads, the root's first. */
static void complete_gather(struct sim_job *job, struct sim_gather *gather)
{
    struct crewi_frame **frames = gather->frames;
    uint64_t size = 0, at = frames[gather->root]->header.size;
    for (uint32_t rank = 0; rank < job->rank_count; rank++)
        size += frames[rank]->header.size;
    struct crewi_frame *whole = crewi_frame_create(size);
    if (!whole)
        abort();
    whole->header = frames[gather->root]->header;
    whole->header.size = size;
    memcpy(whole->payload, frames[gather->root]->payload, at);
    for (uint32_t rank = 0; rank < job->rank_count; rank++) {
        if (rank == gather->root)
            continue;
        memcpy(whole->payload + at, frames[rank]->payload, frames[rank]->header.size);
        at += frames[rank]->header.size;
    }
    int64_t delay_ns = sim_delay_ns(&job->network.random, job->network.typical_ns);
    sim_job_arrive(job, gather->root, job->now_ns + delay_ns, whole);
}

static crew_status sim_gather(struct crewi_transport *transport, uint32_t root,
                              struct crewi_frame *frame)
{
    struct sim_transport *end = (struct sim_transport *)transport;
    struct sim_job *job = end->job;
    if (job->rank_count == 1)
        return CREW_ENOTSUP;
    struct sim_gather *gather = next_gather(job, end, root);
    gather->frames[transport->rank] = frame;
    if (gather->root != root)
        sim_violation(job, "rank %u is in another gather than the others", transport->rank);
    if (frame->header.size % 16)
        sim_violation(job, "rank %u gives %llu bytes to a gather, which is no multiple of 16",
                      transport->rank, (unsigned long long)frame->header.size);
    if (--gather->missing == 0 && !job->failed)
        complete_gather(job, gather);
    return CREW_OK;
}

static int sim_poll(struct crewi_transport *transport, crewi_receive *receive, void *context)
{
    struct sim_transport *end = (struct sim_transport *)transport;
    int any = 0;
    for (struct crewi_frame *frame; (frame = crewi_frames_pop(&end->arrived)); any = 1)
        receive(context, frame);
    return any;
}

static enum crewi_transport_activity sim_activity(const struct crewi_transport *transport)
{
    (void)transport;
    return CREWI_TRANSPORT_IDLE;
}

static crew_status sim_allgather(struct crewi_transport *transport, const void *mine, size_t size,
                                 void *all)
{
    (void)transport;
    (void)mine;
    (void)size;
    (void)all;
    return CREW_ENOTSUP;
}

static crew_status sim_users_comm(struct crewi_transport *transport, void *comm, size_t size)
{
    (void)transport;
    (void)comm;
    (void)size;
    return CREW_ENOTSUP;
}

static void sim_finish(struct crewi_transport *transport)
{
    (void)transport;
}

static void sim_abort(struct crewi_transport *transport, int code)
{
    sim_violation(((struct sim_transport *)transport)->job, "rank %u gives the job up with %d",
                  transport->rank, code);
}

static const struct crewi_transport_ops sim_ops = {
    .send = sim_send,
    .scatter = sim_scatter,
    .gather = sim_gather,
    .poll = sim_poll,
    .activity = sim_activity,
    .allgather = sim_allgather,
    .users_comm = sim_users_comm,
    .finish = sim_finish,
    .abort = sim_abort,
};

void sim_transport_init(struct sim_transport *transport, struct sim_job *job, uint32_t rank,
                        uint32_t rank_count)
{
    *transport = (struct sim_transport){
        .base = {.ops = &sim_ops, .rank = rank, .rank_count = rank_count}, .job = job};
    crewi_frames_init(&transport->arrived);
}

void sim_transport_fini(struct sim_transport *transport)
{
    crewi_frames_clear(&transport->arrived);
}
