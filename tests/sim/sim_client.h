/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Clients of simulated ranks: they ask as the processes of a real job do, through a port, and their
 * requests have to be answered once each.
 *
 * What a client sends is at its rank in that order, even if the client dies meanwhile, and the rank
 * hears of the end after it, as it does from its fork server.
 */
#ifndef CREW_TESTS_SIM_CLIENT_H
#define CREW_TESTS_SIM_CLIENT_H

#include "engine/client.h"
#include "sim_job.h"

/** One that was asked and not answered. */
struct sim_request {
    uint64_t number;
    uint8_t op;
    bool forgotten; /* need not be answered */
    bool is_timed;  /* has to be, whatever others do */
    int64_t due_ns; /* nobody may be told before that it is too late */
};

struct sim_client {
    struct crewi_endpoint base; /* first: an endpoint is its client */
    struct sim_job *job;
    struct sim_rank *rank;
    struct sim_client *next; /* of the rank */
    uint32_t number, slot;
    bool attached;
    bool ended;        /* it does nothing any more */
    bool end_is_known; /* its rank may see that */
    struct crewi_frames out, in;
    struct sim_random random;
    int64_t act_ns; /* CREWI_FOREVER: it waits for a frame */
    bool is_listening;
    uint32_t steps; /* of its program, still to be done */
    uint64_t last_request;
    struct sim_request *requests;
    size_t request_count, request_room;
};

/** Makes one on a rank, with sim_scenario::client_size bytes, and wakes it soon. With process 0 it
 * gets an id of its own. NULL when the rank takes no more. */
struct sim_client *sim_client_create(struct sim_job *job, uint32_t rank, uint64_t process);

/** Wakes it after so long, if it is not woken earlier. */
void sim_client_wake(struct sim_client *client, int64_t delay_ns);

/** Wakes it after it has thought. */
void sim_client_think(struct sim_client *client);

/** Sends a request; returns its number. */
uint64_t sim_client_ask(struct sim_client *client, const struct crewi_call *call);

/** Sends a note. */
void sim_client_tell(struct sim_client *client, const struct crewi_call *call);

/** Says that these need no answer any more, as crewi_call_many() does of waits (only the client
 * itself forgets: the note is to be sent, too). */
void sim_client_forget(struct sim_client *client, uint64_t first, uint64_t last);

/** Ends it: it dies, or its program is over. */
void sim_client_end(struct sim_client *client);

/** The one with that process id; NULL when there is none, or it has ended. */
struct sim_client *sim_client_find(struct sim_job *job, uint64_t process);

/* For the job */

/** What the clients of a rank have sent. */
void sim_clients_take(struct sim_rank *rank);

/** The same, and the ends of those that have ended. */
void sim_clients_drain(struct sim_rank *rank);

void sim_client_destroy(struct sim_client *client);

#endif
