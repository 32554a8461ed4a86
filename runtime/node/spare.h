/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The spare: a child that the fork server has forked ahead.
 *
 * Forking takes longer than all else that a start needs, so the server keeps one child that waits
 * for its request: the next start only sends it, and the server forks another spare while the child
 * runs already. The server has one thread and a state that does not change, so a child forked
 * earlier is the same as one forked now. Signals for the whole group of processes (Ctrl-C) would
 * stay pending with one that waits, so it waits in a group of its own.
 *
 * The first one is made after the first request, since many ranks never have a child. It costs its
 * private memory (some 200 KiB), and sleeps.
 */
#ifndef CREWI_NODE_SPARE_H
#define CREWI_NODE_SPARE_H

#include <stddef.h>
#include <sys/types.h>

struct crewi_spare {
    pid_t pid; /* 0: there is none */
    int socket;
    pid_t group; /* child: to come back to */
};

/** Forks one, if there is none. In the new child: returns 0, and @p spare is its own end. In the
 * server: returns the pid; -1 when it cannot be forked, which is no harm. */
pid_t crewi_spare_fork(struct crewi_spare *spare);

/** Child: sleeps until the request comes, and the descriptor with it; ends the process when the
 * server does not want it any more. */
int crewi_spare_wait(const struct crewi_spare *spare, void *request, size_t size);

/** Server: gives the request to the spare. Its pid, and from then on there is none; 0 when there
 * was none, or it has died. */
pid_t crewi_spare_use(struct crewi_spare *spare, const void *request, size_t size, int fd);

/** Server: this child was reaped; it may have been the spare. */
void crewi_spare_reaped(struct crewi_spare *spare, pid_t pid);

#endif
