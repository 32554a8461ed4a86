/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a rank and its fork server say to each other: one struct in each packet of a SOCK_SEQPACKET
 * pair.
 */
#ifndef CREWI_NODE_FORKSERVER_PROTOCOL_H
#define CREWI_NODE_FORKSERVER_PROTOCOL_H

#include "node/forkserver.h"

enum crewi_server_command {
    CREWI_SERVER_SPAWN,
    CREWI_SERVER_SIGNAL,
    CREWI_SERVER_SHARE_OUTPUT,
    CREWI_SERVER_END_CHILDREN,
    CREWI_SERVER_STOP
};

/** Its exit status when something that children printed could not be written. */
#define CREWI_SERVER_OUTPUT_LOST 1

struct crewi_server_request {
    uint32_t command;
    uint32_t slot;
    int32_t pid, signal;       /* of SIGNAL; of SHARE_OUTPUT */
    char name[CREW_NAME_SIZE]; /* of SPAWN, with the port's descriptor */
    struct crewi_cpus cpus;
    struct crewi_limits limits;
};

/** The server's life; never returns to the caller of fork(). @p rank is the process id of the rank.
 */
_Noreturn void crewi_forkserver_main(const struct crewi_forkserver_setup *setup, int socket,
                                     pid_t rank, pid_t launcher);

/** Removes what a rank that died leaves in the file system; @p launcher_gone: and what its launcher
 * leaves. */
void crewi_janitor_clean(bool launcher_gone);

/** Whether the launcher was gone before its rank had a server that could watch it: the rank has
 * another parent than the one that its session is named after, and nobody listens at the address of
 * that one. */
bool crewi_janitor_missed_launcher(pid_t launcher);

/** Whether somebody has to stay until the launcher is gone, at an orderly end: one process of each
 * host, and only where the launcher leaves anything when it is killed. */
bool crewi_janitor_is_needed(void);

#endif
