/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Processes, for the layers above: the kind to register, and processes that another object starts
 * and watches.
 */
#ifndef CREWI_PROCESS_PROCESS_H
#define CREWI_PROCESS_PROCESS_H

#include "engine/client.h"
#include "engine/engine.h"
#include "process/process_protocol.h"

/** What this kind keeps on a rank. */
struct crewi_processes;

extern const struct crewi_kind crewi_process_kind;

/** Registers the kind with the engine of the loop. ::CREW_ENOMEM */
crew_status crewi_processes_init(struct crewi_loop *loop);
void crewi_processes_fini(struct crewi_loop *loop);

/** The same for an engine that has no loop, as in a simulated job. ::CREW_ENOMEM */
crew_status crewi_processes_attach(struct crewi_engine *engine);
void crewi_processes_detach(struct crewi_engine *engine);

/** The main process: makes its object and its client. ::CREW_ENOMEM. The caller holds the loop's
 * mutex. */
crew_status crewi_process_begin_main(struct crewi_loop *loop, struct crewi_client *client);

/** The life of a child, at the fork server's call. */
crewi_child_main crewi_process_child_main;

/** Runs a process inside the rank, on a thread of its own: the loop's crewi_loop::run_inside. */
crew_status crewi_process_run_inside(struct crewi_loop *loop, struct crewi_frame *start,
                                     uint32_t *slot);

/** Has it end at its next call: the loop's crewi_loop::stop_inside. */
void crewi_process_stop_inside(struct crewi_loop *loop, uint32_t slot);

/* For objects that start processes of their own (all on the home rank) */

/** Operations that a watcher hears, as notes to itself with a crewi_process_report in front. */
enum crewi_watcher_op {
    CREWI_WATCH_SPAWNED = CREWI_ENGINE_OPS, /* started, or not: then with the reason */
    CREWI_WATCH_ENDED                       /* with the draft */
};

/**
 * Makes a process from @p spec (creator, name or prefix, watcher and place filled in) and starts
 * it.
 * @return its id; 0 when there is no memory
 */
uint64_t crewi_process_launch(struct crewi_engine *engine, const struct crewi_process_spec *spec,
                              const void *arg, size_t size);

/** Takes the report out of a note; false when it cannot be one. What follows it is a reason, or a
 * draft of crewi_process_report::draft_size bytes at least. */
bool crewi_process_read_report(const struct crewi_message *message,
                               struct crewi_process_report *report);

/** Sends it a signal, if it has not ended. */
void crewi_process_signal(struct crewi_engine *engine, uint64_t process, int signal);

/** The same by the rank that it runs on, and at once. */
void crewi_process_signal_here(struct crewi_engine *engine, uint64_t process, int signal);

/** One that was told to end in another way than by a signal: it is killed when it has not after
 * that time. */
void crewi_process_await_end(struct crewi_engine *engine, uint64_t process, int64_t grace_ns);

/** Ends it as the daemons of a creator that leaves. */
void crewi_process_end_daemon(struct crewi_engine *engine, uint64_t process);

/** Forgets one that has ended, or never started. */
void crewi_process_forget(struct crewi_engine *engine, uint64_t process);

/** What is known of it; false when there is none. */
bool crewi_process_describe(struct crewi_engine *engine, uint64_t process,
                            struct crewi_process_info *info);

/** The exit code that Python would give for a status of waitpid(). */
int crewi_exitcode(int wait_status);

/** Whether what was said about a process that is to be can be. */
bool crewi_process_is_sound(const struct crewi_engine *engine,
                            const struct crewi_process_spec *spec);

/* process_host.c: the runner's side, called by the home's operations */

void crewi_host_request(struct crewi_engine *engine, const struct crewi_message *message);

/** Answers a process that cannot open its argument with the bytes of this rank's parcel. */
void crewi_process_send_argument(struct crewi_engine *engine, const struct crewi_parcel *parcel,
                                 const struct crewi_origin *origin);

/* Shared state: what the home and the runner keep */

/** How many closed processes keep their names at a home. */
#define CREWI_CLOSED_NAMES 1024

/** What a home knows about how busy a rank is. */
struct crewi_rank_load {
    uint32_t hosted;  /* processes there when it last said so */
    uint32_t ordered; /* starts that it was sent since, and has not answered */
};

struct crewi_unique_name;

struct crewi_processes {
    struct crewi_loop *loop;         /* NULL in a simulated job */
    struct crewi_table counters;     /* creator -> how many it has created */
    struct crewi_table environments; /* creator -> what it has told */
    struct crewi_table hosted;       /* process -> crewi_hosted */
    struct crewi_rank_load *loads;   /* by rank */
    uint32_t parcels;                /* of arguments that this home keeps */
    uint32_t beside;                 /* of the hosted ones: children */
    uint32_t last_chosen;
    struct crewi_unique_name *unique_names; /* on rank 0: those of the whole job */
    uint64_t closed[CREWI_CLOSED_NAMES];    /* ids, as a ring: the oldest one is dropped next */
    size_t closed_next;
};

/** Drops the unique names that rank 0 keeps. */
void crewi_process_free_names(struct crewi_processes *processes);

/** Drops what creators have told of their environments. */
void crewi_process_free_environments(struct crewi_processes *processes);

static inline struct crewi_processes *crewi_processes_of(struct crewi_engine *engine)
{
    return engine->states[CREWI_KIND_PROCESS];
}

#endif
