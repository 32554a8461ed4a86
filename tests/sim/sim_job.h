/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A job of many engines in one process and in virtual time, in which a seed decides what happens
 * when.
 *
 * The job knows none of the concepts. A ::sim_scenario brings them: it registers kinds with the
 * engines, has a program for the clients, and knows what has to be true. A rank runs when something
 * has come for it, from its network or from its clients (sim_client.h), and when a timer is due; in
 * between it may be paused, and it may die.
 *
 * First everything goes its way until nothing moves any more; sim_scenario::at_rest may start
 * something new then. After that the clients that are still there are ended, and at the very end no
 * engine may have anything left.
 */
#ifndef CREW_TESTS_SIM_JOB_H
#define CREW_TESTS_SIM_JOB_H

#include "engine/engine.h"
#include "sim_events.h"
#include "sim_random.h"
#include "sim_transport.h"

#include <stdbool.h>
#include <stdint.h>

/** The time at which a job begins. */
#define SIM_START_NS 1000000000000LL

struct sim_client;

struct sim_scenario {
    const char *name, *about;
    uint32_t ranks, clients, steps; /* at most, when nothing else is said */
    uint64_t most_events;           /* for a step: a job that is not at rest by then never is */
    size_t client_size;             /* of what begins with a sim_client */
    const struct sim_plant *plants;
    /** Registers kinds and makes the first clients. */
    void (*begin)(struct sim_job *job);
    /** A client's turn: it was woken, and has not ended. */
    void (*act)(struct sim_client *client);
    /** A reply or delivery has come to a client. The frame is the caller's. */
    void (*hear)(struct sim_client *client, const struct crewi_frame *frame);
    /** A client has ended, by itself or not; its engine does not know yet. */
    void (*ended)(struct sim_client *client);
    /** Its rank has seen that: all that it had sent is taken in, and it has no slot any more. May
     * be NULL. */
    void (*gone)(struct sim_client *client);
    /** Nothing moves any more, and clients may still be there. True when something was started. */
    bool (*at_rest)(struct sim_job *job);
    /** All is over. */
    void (*finish)(struct sim_job *job);
    /** Frees sim_job::state and what clients have of their own; the engines have ended. */
    void (*destroy)(struct sim_job *job);
    /** For traces; NULL when it has no name for it. */
    const char *(*op_name)(uint8_t kind, uint8_t op);
};

/** What is fixed before a job begins. */
struct sim_settings {
    const struct sim_scenario *scenario;
    uint64_t seed;
    uint32_t ranks, clients, steps; /* exactly; 0: up to the scenario's, as the seed has it */
    const struct sim_plant *plant;  /* NULL: nothing is wrong on purpose */
    bool trace;
};

/** How rough it goes. */
struct sim_weather {
    int64_t think_ns;          /* typical, between two actions of a client */
    int64_t port_ns;           /* typical, between a client and its rank */
    uint64_t pause_per_mille;  /* of a rank, after it has run */
    int64_t pause_ns;          /* typical */
    uint64_t deaths_per_mille; /* of clients */
    bool rank_dies;
    uint64_t horizon_ns; /* by when who dies has died */
};

struct sim_rank {
    struct sim_job *job;
    struct sim_transport transport;
    struct crewi_engine engine;
    struct sim_client *clients; /* attached now */
    int64_t run_ns;             /* when it is going to run; CREWI_FOREVER: not */
    int64_t paused_until_ns;
    bool dead;
};

struct sim_job {
    struct sim_settings settings;
    const struct sim_scenario *scenario;
    struct sim_weather weather;
    uint32_t rank_count, client_target, steps;
    struct sim_rank *ranks;
    int *host_of_rank;
    struct sim_client **clients; /* all that ever were, by number */
    uint32_t client_count, client_room;
    struct crewi_table by_process;
    void *state; /* the scenario's own */
    int64_t now_ns;
    struct sim_events events;
    struct sim_network network;
    struct sim_random random; /* of the job itself */
    uint64_t hash;            /* of all frames that were handled, and when */
    uint64_t happened;
    bool broken; /* a rank has died: nothing has to go on */
    bool winding_down;
    bool failed;
    char violation[512];
};

/** Runs one from its beginning to its end. False when something was violated: the job has it. */
bool sim_job_run(struct sim_job *job, const struct sim_settings *settings);

/** Frees what a run leaves. */
void sim_job_fini(struct sim_job *job);

/** Something is not as it has to be; the first one counts, and ends the run. */
void sim_violation(struct sim_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A line, if the job is traced. */
void sim_trace(const struct sim_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_trace_frame(const struct sim_job *job, const char *what, uint32_t rank,
                     const struct crewi_frame *frame);

/** Adds to the job's hash. */
void sim_job_hash(struct sim_job *job, const void *data, size_t size);

/** Has a rank run after so long, if it does not earlier. */
void sim_rank_wake(struct sim_rank *rank, int64_t delay_ns);

/** A frame from a rank is going to be at its target. */
void sim_job_arrive(struct sim_job *job, uint32_t from, int64_t at_ns, struct crewi_frame *frame);

/** Something happens to a subject after so long. */
void sim_job_after(struct sim_job *job, int64_t delay_ns,
                   void (*happen)(struct sim_job *job, const struct sim_event *event),
                   void *subject);

/** Sets a kind on all ranks. */
void sim_job_set_kind(struct sim_job *job, enum crewi_kind_number number,
                      const struct crewi_kind *kind);

/** The rank of an engine. */
static inline struct sim_rank *sim_rank_of(struct crewi_engine *engine)
{
    return (struct sim_rank *)((char *)engine - offsetof(struct sim_rank, engine));
}

/** The job that runs now; NULL outside sim_job_run(). */
struct sim_job *sim_job_current(void);

#endif
