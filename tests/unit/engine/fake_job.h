/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A job of several engines in one process, with nothing below them: the test is the network, the
 * clock, the clients, and the fork server.
 *
 * fake_job_run() carries messages until nothing moves any more; the time stands still meanwhile.
 * Replies and deliveries stay with the client that they came to until the test takes them. What an
 * engine asks its host for, the test finds among the children of the rank, and plays their lives:
 * fake_child_started() and so on, as runtime/engine/ports.c would say it.
 */
#ifndef CREW_TESTS_FAKE_JOB_H
#define CREW_TESTS_FAKE_JOB_H

#include "engine/loop.h"
#include "process/process_protocol.h"

#include <stdbool.h>

#define FAKE_RANKS 4
#define FAKE_CHILDREN 64
#define FAKE_GATHERS 16 /* at a time */

/** The time at which a job begins. */
#define FAKE_START_NS (1000 * CREWI_SECOND)

struct fake_rank;

/** Somebody who asks: what arrives for it stays here. */
struct fake_client {
    struct crewi_endpoint base; /* first: an endpoint is its client */
    struct fake_rank *rank;
    uint32_t slot;
    bool attached;
    struct crewi_frames arrived;
    uint64_t last_request;
};

/** A process that a rank was asked to spawn. */
struct fake_child {
    struct fake_client client;
    struct crewi_claims claims;
    uint64_t process;
    char name[CREW_NAME_SIZE];
    int core;
    bool inside;
    struct crewi_frame *start;
    int pid;    /* 0: not said to be started */
    int signal; /* the last one that it was sent */
    int signals;
    uint32_t cause; /* why it will have ended: a crew_end_cause */
};

struct fake_rank {
    struct fake_job *job;
    struct crewi_transport transport;
    struct crewi_loop loop;     /* of which only the engine is used */
    struct crewi_frames wire;   /* on the way here */
    struct crewi_frames unread; /* what clients have sent, and the rank has not looked at */
    uint64_t gathers;           /* that it has taken part in */
    int attached;               /* memories that others may read */
    struct fake_child children[FAKE_CHILDREN];
    int child_count;
    crew_status spawn_status; /* of the next spawns */
};

struct fake_job {
    uint32_t rank_count;
    int64_t now_ns;
    int64_t cpu_ns;     /* that each rank says it has used */
    uint64_t carried;   /* messages between ranks */
    uint64_t scattered; /* of those, in scatters */
    bool can_scatter;
    bool children_claim; /* those that are spawned from now on claim the tasks that they begin */
    struct crewi_frame *gathers[FAKE_GATHERS][FAKE_RANKS]; /* not complete yet */
    uint64_t gets;                                         /* out of others' memory */
    crew_status get_status, attach_status;                 /* of the next ones */
    struct fake_rank ranks[FAKE_RANKS];
};

/** Engines of that many ranks, each on a host of its own with two cores, and crewi_job published as
 * on rank 0. */
struct fake_job *fake_job_create(uint32_t rank_count);
void fake_job_destroy(struct fake_job *job);

static inline struct crewi_engine *fake_engine(struct fake_job *job, uint32_t rank)
{
    return &job->ranks[rank].loop.engine;
}

/** From now on ranks can read each other's memory: at once, and the news comes like a message. */
void fake_job_open_window(struct fake_job *job);

/** Carries messages until nothing moves. */
void fake_job_run(struct fake_job *job);

/** One step of many that are possible: an engine runs, or gets a message, in order from each rank
 * and in any order from different ones. False when there is none left. */
bool fake_job_step(struct fake_job *job, uint64_t *seed);

/** The same as fake_job_run() after some time has gone by. */
void fake_job_pass_time(struct fake_job *job, int64_t duration_ns);

/* Clients */

/** A client of that rank, with a process id of its own; false to leave when its end is to be
 * noticed. */
void fake_client_begin(struct fake_client *client, struct fake_job *job, uint32_t rank);

/** Its end: the engine lets the homes know. What arrived and was not taken is dropped. */
void fake_client_end(struct fake_client *client);

/** What to ask, or to say. */
struct fake_call {
    uint8_t kind, op;
    uint64_t object;
    uint32_t rank;
    int64_t timeout_ns;
    const void *head, *body;
    size_t head_size, body_size;
};

/** Sends a request, and returns its number. */
uint64_t fake_ask(struct fake_client *client, const struct fake_call *call);
void fake_tell(struct fake_client *client, const struct fake_call *call);

/** The same, but the rank does not look until it is asked to drain. */
uint64_t fake_ask_unread(struct fake_client *client, const struct fake_call *call);
void fake_tell_unread(struct fake_client *client, const struct fake_call *call);

/** Takes the reply to a request; NULL when there is none (yet). */
struct crewi_frame *fake_reply(struct fake_client *client, uint64_t request);

/** Takes the next delivery; NULL when there is none. */
struct crewi_frame *fake_delivery(struct fake_client *client);

/** Runs the job, and expects that the request is not answered yet. */
void fake_expect_parked(struct fake_client *client, uint64_t request);

/** Runs the job, and expects an answer of exactly that size, which is copied to data unless that is
 * NULL. */
void fake_expect_reply(struct fake_client *client, uint64_t request, void *data, size_t size);

/** Runs the job, and expects a refusal whose reason contains the text. */
void fake_expect_refusal(struct fake_client *client, uint64_t request, crew_status status,
                         const char *text);

/** Asks, and expects. */
void fake_call(struct fake_client *client, const struct fake_call *call, void *data, size_t size);
void fake_call_refused(struct fake_client *client, const struct fake_call *call, crew_status status,
                       const char *text);

/* Children */

/** The one with that process id; the test fails when no rank was asked for it. */
struct fake_child *fake_find_child(struct fake_job *job, uint64_t process);

/** What the fork server would say, and the job runs. The client of one that ended is gone. */
void fake_child_started(struct fake_child *child, int pid);
void fake_child_failed(struct fake_child *child, int code);
void fake_child_ended(struct fake_child *child, int wait_status);

/** The same with a draft. */
void fake_child_ended_with(struct fake_child *child, int wait_status, const void *draft,
                           uint32_t size, uint64_t progress);

/** Statuses of waitpid(). */
#define FAKE_EXIT(code) (((code)&0xff) << 8)
#define FAKE_SIGNAL(number) (number)

#endif
