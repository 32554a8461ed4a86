/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What children print, in the fork server: their standard output and error are pipes, from which
 * the server takes lines and writes each of them whole to its own.
 *
 * - What a child has written is in a pipe, and outlives it. Its end is told after that was written
 *   on.
 * - A write is for whole lines, up to PIPE_BUF bytes where the other side is a pipe or a terminal:
 *   nobody else's text gets into a line there. A longer line is one write of its own; what has no
 *   newline within 64 KiB goes on in parts.
 * - The server waits for nobody. It takes no more from children while the other side is busy, so
 *   that they wait in their own write(); a write that blocks all the same is interrupted after a
 *   tenth of a second. (The descriptors are shared with other programs: O_NONBLOCK would be theirs,
 *   too.)
 * - Who closes the other side closes it for the children: SIGPIPE comes to them as if they had
 *   written there.
 *
 * What a child forked itself may write on after its end, and is read until it closes.
 */
#ifndef CREWI_NODE_OUTPUT_H
#define CREWI_NODE_OUTPUT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct crewi_stream;

/** Standard output and error of a child. */
struct crewi_output {
    struct crewi_stream *streams[2]; /* NULL: the server's own */
    int ends[2];                     /* for the child, until it is forked; -1: none */
    uint64_t due[2];                 /* after its end: what is to be written before it is told */
};

/**
 * Puts the standard output and error of another process in the place of one's own, where both are
 * pipes or terminals.
 *
 * mpirun reads each rank's in pieces of 4 KiB and mixes the pieces: the lines of ranks mix, too. So
 * all ranks of a host write to those of the first one.
 */
void crewi_output_share(pid_t pid);

/** Server: takes over its descriptors 1 and 2. @p prefix: put `[name] ` before each line. */
void crewi_output_begin(bool prefix);

/** Server, before a fork: makes the pipes. Where that is not possible the child writes directly. */
void crewi_output_open(struct crewi_output *output, const char *name);

/** Server: who it is turns out only now. */
void crewi_output_name(struct crewi_output *output, const char *name);

/** Child, after the fork: its descriptors 1 and 2 are the pipes, and nothing is left of the
 * server's. Standard output is not buffered from now on. */
void crewi_output_attach(const struct crewi_output *output);

/** Server, after the fork: closes the child's ends. */
void crewi_output_forked(struct crewi_output *output);

/** Server: the child has ended, or was never forked. Takes what is left, and writes as much as it
 * can. */
void crewi_output_child_ended(struct crewi_output *output);

/** Whether all that a child wrote before its end has been written on. */
bool crewi_output_is_written(const struct crewi_output *output);

/** What to wait for: two entries. */
void crewi_output_watch(struct pollfd fds[2]);

/** Does what can be done after such a wait. */
void crewi_output_step(const struct pollfd fds[2]);

/** Writes all that is left, when no child is: until the deadline. */
void crewi_output_finish(int64_t deadline_ns);

/** Server: whether something that children wrote could not be written on, for another reason than
 * that nobody reads it. */
bool crewi_output_is_lost(void);

#endif
