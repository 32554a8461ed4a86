/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_client.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* Its turn */

static void take_request(struct sim_client *client, const struct crewi_frame *frame)
{
    for (size_t i = 0; i < client->request_count; i++) {
        if (client->requests[i].number != frame->header.origin.request)
            continue;
        int status = frame->header.status;
        bool is_late = status == CREW_ETIMEDOUT || status == CREW_EEMPTY || status == CREW_EFULL;
        if (is_late && client->job->now_ns < client->requests[i].due_ns)
            sim_violation(client->job, "client %u is told %d before its time", client->number,
                          status);
        client->requests[i] = client->requests[--client->request_count];
        return;
    }
    sim_violation(client->job, "client %u got a reply to request %llu, which it does not wait for",
                  client->number, (unsigned long long)frame->header.origin.request);
}

static void hear(struct sim_client *client, struct crewi_frame *frame)
{
    bool forgotten = false;
    for (size_t i = 0; i < client->request_count; i++)
        if (client->requests[i].number == frame->header.origin.request)
            forgotten = client->requests[i].forgotten;
    if (frame->header.type == CREWI_REPLY)
        take_request(client, frame);
    if (!forgotten && !client->job->failed)
        client->job->scenario->hear(client, frame);
    crewi_frame_destroy(frame);
}

static void listen(struct sim_job *job, const struct sim_event *event)
{
    struct sim_client *client = event->subject;
    (void)job;
    client->is_listening = false;
    for (struct crewi_frame *frame; (frame = crewi_frames_pop(&client->in));)
        hear(client, frame);
}

static void act(struct sim_job *job, const struct sim_event *event)
{
    struct sim_client *client = event->subject;
    if (client->ended || client->act_ns != event->at_ns)
        return;
    client->act_ns = CREWI_FOREVER;
    job->scenario->act(client);
}

void sim_client_wake(struct sim_client *client, int64_t delay_ns)
{
    int64_t at_ns = client->job->now_ns + delay_ns;
    if (client->ended || client->act_ns <= at_ns)
        return;
    client->act_ns = at_ns;
    sim_job_after(client->job, delay_ns, act, client);
}

void sim_client_think(struct sim_client *client)
{
    sim_client_wake(client, sim_delay_ns(&client->random, client->job->weather.think_ns));
}

/* What comes for it lies in its port until it looks. */
static void deliver(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    struct sim_client *client = (struct sim_client *)endpoint;
    struct sim_job *job = client->job;
    sim_trace_frame(job, client->ended ? "too late for" : "back to", client->rank->engine.rank,
                    frame);
    sim_job_hash(job, &frame->header, sizeof frame->header);
    sim_job_hash(job, frame->payload, frame->header.size);
    enum sim_plant_action planted = sim_network_plant(&job->network, &frame->header);
    if (client->ended || planted == SIM_PLANT_DROP) {
        crewi_frame_destroy(frame);
        return;
    }
    if (planted == SIM_PLANT_DOUBLE)
        crewi_frames_push(&client->in, sim_frame_copy(frame));
    crewi_frames_push(&client->in, frame);
    if (client->is_listening)
        return;
    client->is_listening = true;
    sim_job_after(job, sim_delay_ns(&client->random, job->weather.port_ns), listen, client);
}

/* Its life */

static void dies(struct sim_job *job, const struct sim_event *event)
{
    (void)job;
    sim_client_end(event->subject);
}

static void plan_death(struct sim_client *client)
{
    struct sim_job *job = client->job;
    if (sim_chance(&client->random, job->weather.deaths_per_mille))
        sim_job_after(job, (int64_t)sim_below(&client->random, job->weather.horizon_ns), dies,
                      client);
}

/* Its slot, and all that begins with it. */
static void enrol(struct sim_client *client)
{
    struct sim_job *job = client->job;
    client->attached = true;
    client->next = client->rank->clients;
    client->rank->clients = client;
    crewi_frames_init(&client->out);
    crewi_frames_init(&client->in);
    sim_random_begin(&client->random, job->settings.seed, 1000 + client->number);
    if (job->client_count == job->client_room) {
        job->client_room = job->client_room ? 2 * job->client_room : 64;
        job->clients = sim_grow(job->clients, job->client_room * sizeof(struct sim_client *));
    }
    job->clients[job->client_count++] = client;
    if (crewi_table_add(&job->by_process, client->base.process, client))
        abort();
}

struct sim_client *sim_client_create(struct sim_job *job, uint32_t rank, uint64_t process)
{
    struct sim_rank *place = &job->ranks[rank];
    struct sim_client *client = sim_alloc(job->scenario->client_size);
    *client = (struct sim_client){
        .base = {.process = process, .deliver = deliver},
        .job = job,
        .rank = place,
        .number = job->client_count,
        .act_ns = CREWI_FOREVER,
        .steps = job->steps,
    };
    if (!process)
        client->base.process = crewi_engine_new_id(&place->engine, CREWI_KIND_PROCESS);
    if (crewi_engine_attach(&place->engine, &client->base, &client->slot)) {
        free(client);
        return NULL;
    }
    enrol(client);
    sim_trace(job, "client %u begins on rank %u", client->number, rank);
    plan_death(client);
    sim_client_think(client);
    return client;
}

static void end_is_seen(struct sim_job *job, const struct sim_event *event)
{
    struct sim_client *client = event->subject;
    (void)job;
    client->end_is_known = true;
    sim_rank_wake(client->rank, 0);
}

void sim_client_end(struct sim_client *client)
{
    struct sim_job *job = client->job;
    if (client->ended)
        return;
    sim_trace(job, "client %u ends", client->number);
    client->ended = true;
    client->act_ns = CREWI_FOREVER;
    crewi_frames_clear(&client->in);
    job->scenario->ended(client);
    sim_job_after(job, sim_delay_ns(&client->random, 10 * job->weather.port_ns), end_is_seen,
                  client);
}

void sim_client_destroy(struct sim_client *client)
{
    if (client->attached)
        free(client->base.touched);
    crewi_frames_clear(&client->out);
    crewi_frames_clear(&client->in);
    free(client->requests);
    free(client);
}

struct sim_client *sim_client_find(struct sim_job *job, uint64_t process)
{
    struct sim_client *client = crewi_table_find(&job->by_process, process);
    return client && !client->ended ? client : NULL;
}

/* What it sends */

static void send(struct sim_client *client, const struct crewi_call *call,
                 enum crewi_frame_type type, uint64_t request)
{
    struct crewi_frame *frame = crewi_frame_create(call->head_size + call->body_size);
    if (!frame)
        abort();
    frame->header.type = type;
    frame->header.kind = call->kind;
    frame->header.op = call->op;
    frame->header.object = call->object;
    frame->header.target_rank = call->rank;
    frame->header.timeout_ns = call->timeout_ns;
    frame->header.origin.request = request;
    if (call->head_size)
        memcpy(frame->payload, call->head, call->head_size);
    if (call->body_size)
        memcpy(frame->payload + call->head_size, call->body, call->body_size);
    crewi_frames_push(&client->out, frame);
    sim_rank_wake(client->rank, sim_delay_ns(&client->random, client->job->weather.port_ns));
}

uint64_t sim_client_ask(struct sim_client *client, const struct crewi_call *call)
{
    if (client->request_count == client->request_room) {
        client->request_room = client->request_room ? 2 * client->request_room : 4;
        client->requests =
            sim_grow(client->requests, client->request_room * sizeof *client->requests);
    }
    client->requests[client->request_count++] =
        (struct sim_request){.number = ++client->last_request,
                             .op = call->op,
                             .is_timed = call->timeout_ns != CREWI_FOREVER,
                             .due_ns = crewi_deadline_ns(client->job->now_ns, call->timeout_ns)};
    send(client, call, CREWI_REQUEST, client->last_request);
    return client->last_request;
}

void sim_client_tell(struct sim_client *client, const struct crewi_call *call)
{
    send(client, call, CREWI_NOTE, 0);
}

void sim_client_forget(struct sim_client *client, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < client->request_count; i++)
        if (client->requests[i].number >= first && client->requests[i].number <= last)
            client->requests[i].forgotten = true;
}

static void drain(struct sim_rank *rank, struct sim_client *client)
{
    for (struct crewi_frame *frame; (frame = crewi_frames_pop(&client->out));) {
        sim_trace_frame(rank->job, "asks", rank->engine.rank, frame);
        if (crewi_engine_accept_from(&rank->engine, client->slot, frame))
            sim_violation(rank->job, "client %u: %s", client->number, crew_error_message());
    }
}

void sim_clients_take(struct sim_rank *rank)
{
    for (struct sim_client *client = rank->clients; client; client = client->next)
        drain(rank, client);
}

void sim_clients_drain(struct sim_rank *rank)
{
    for (struct sim_client **link = &rank->clients, *client; (client = *link);) {
        drain(rank, client);
        if (!client->end_is_known) {
            link = &client->next;
            continue;
        }
        sim_trace(rank->job, "client %u is gone", client->number);
        client->attached = false;
        *link = client->next;
        crewi_engine_detach(&rank->engine, client->slot);
        if (rank->job->scenario->gone)
            rank->job->scenario->gone(client);
    }
}
