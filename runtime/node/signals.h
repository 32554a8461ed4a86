/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a program inherited of signals, and what its children begin with.
 *
 * Whoever starts a program may have set signals to be ignored, or blocked them, and both outlive
 * execve(). With SIGCHLD ignored the kernel reaps children before the fork server can; with SIGTERM
 * ignored or blocked a child cannot be terminated. So children begin with the default instead.
 *
 * What is inherited is noted when libcrew is loaded, before main(). What the program has set from
 * then on it has set itself, and children forked later have it too, as with fork().
 */
#ifndef CREWI_NODE_SIGNALS_H
#define CREWI_NODE_SIGNALS_H

#include <signal.h>

/**
 * For the fork server, and so for all that it forks: default dispositions for signals that the
 * program was started with as ignored, and none of those blocked in @p mask, the mask of its
 * children, that were blocked when it was started. SIGCHLD gets its default action in any case.
 *
 * SIGHUP, SIGINT and SIGQUIT stay ignored: nohup and `&` in a shell's script ask for that on behalf
 * of the whole job, and the children are in its process group.
 */
void crewi_signals_reset(sigset_t *mask);

/** For a rank that the main process is not on. A launcher passes SIGUSR1, SIGUSR2 and SIGALRM on to
 * all ranks, and they are for the main process, which gets its own: here those that the program has
 * left at their default do nothing, instead of ending the job. */
void crewi_signals_leave_to_main(void);

#endif
