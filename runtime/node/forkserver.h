/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The fork server: the helper of a rank that forks its children.
 *
 * It is forked while the program has one thread and no MPI state, so that what it forks later has
 * neither. It reaps the children and reports how they ended, signals them (as their parent it
 * cannot hit a process id that was given to another meanwhile), and sees to it that nothing
 * outlives the rank:
 *
 * - children have SIGKILL as their parent-death signal, and the server is a child subreaper, so
 * that what children forked themselves comes back to it;
 * - when the rank is gone without a word, the server kills what is left, removes what MPI of a
 * killed rank leaves in the file system (janitor.c), and ends;
 * - what children print goes through it, line by line (output.h);
 * - children that take more than they may are killed (limits.h);
 * - when the launcher (mpirun, orted) is gone and the rank does not follow within a few seconds, it
 * ends the rank.
 *
 * Rank and server talk through a socket pair; the server rings the rank's doorbell after each
 * message.
 */
#ifndef CREWI_NODE_FORKSERVER_H
#define CREWI_NODE_FORKSERVER_H

#include "node/bell.h"
#include "node/limits.h"

#include <crew/process.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** CPUs that a child can be bound to: the kernel's numbers below this. */
#define CREWI_CPU_LIMIT 1024

struct crewi_cpus {
    uint64_t bits[CREWI_CPU_LIMIT / 64]; /* all zero: not bound */
};

/** What a child has when it begins. */
struct crewi_child {
    int port_fd, job_fd;
    uint32_t slot;
    struct crewi_bell *bell;
};

/** Runs in a new child; what it returns is the exit code. */
typedef int crewi_child_main(const struct crewi_child *child);

/** What the server is given when it is forked. */
struct crewi_forkserver_setup {
    struct crewi_bell *bell;
    int job_fd;
    bool launched; /* by mpirun or the like: the parent process is a launcher to watch */
    crewi_child_main *child_main;
};

/** News of a child. */
struct crewi_child_event {
    enum {
        CREWI_CHILD_STARTED,
        CREWI_CHILD_FAILED,
        CREWI_CHILD_ENDED,
        CREWI_CHILDREN_ENDED, /* all of them, for good */
        CREWI_SERVER_GONE
    } what;
    uint32_t slot;
    pid_t pid;
    int value;            /* FAILED: errno of the fork; ENDED: the status of waitpid() */
    crew_end_cause cause; /* ENDED: the limit that it was killed for; ::CREW_END_NONE: see value */
};

struct crewi_forkserver {
    int socket;
    pid_t pid;
    struct crewi_bell *bell;
    struct crewi_child_event *early; /* heard while a request had to wait, first to last */
    size_t early_first, early_last, early_room;
    bool output_lost; /* known at its end: something that children printed could not be written */
};

/** Forks the server. ::CREW_ESYSTEM */
crew_status crewi_forkserver_start(struct crewi_forkserver *server,
                                   const struct crewi_forkserver_setup *setup);

/** Asks for a child; the answer is an event. @p name is for `ps`; NULL for no limits.
 * ::CREW_ESYSTEM when the server is gone. */
crew_status crewi_forkserver_spawn(struct crewi_forkserver *server, uint32_t slot, int port_fd,
                                   const char *name, const struct crewi_cpus *cpus,
                                   const struct crewi_limits *limits);

/** Has the server and the children from now on write where that process does; see
 * crewi_output_share(). ::CREW_ESYSTEM when the server is gone. */
crew_status crewi_forkserver_share_output(struct crewi_forkserver *server, pid_t pid);

/** Sends a signal to the child of that slot and pid, if it has not ended. ::CREW_ESYSTEM when the
 * server is gone. */
crew_status crewi_forkserver_signal(struct crewi_forkserver *server, uint32_t slot, pid_t pid,
                                    int signal);

/** The next event. False when there is none now. */
bool crewi_forkserver_poll(struct crewi_forkserver *server, struct crewi_child_event *event);

/** After ::CREWI_SERVER_GONE: kills what children forked themselves and is in the server's process
 * group still. Only under a launcher has the server a group of its own; elsewhere nothing. */
void crewi_forkserver_end_strays(const struct crewi_forkserver *server);

/** Ends all children that are left, and waits until that is done and what they printed is written.
 * No others can be started then. The server goes on to watch its rank and the launcher: when one of
 * them is killed while MPI ends, there is somebody left to clean up. */
void crewi_forkserver_end_children(struct crewi_forkserver *server);

/** Ends all children that are left, and the server; waits for it. */
void crewi_forkserver_stop(struct crewi_forkserver *server);

#endif
