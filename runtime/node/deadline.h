/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Deadlines: by when a child has to be through with what it is at, such as a task of a pool.
 *
 * The child writes it into its port, and its fork server kills it when it is over. So it holds for
 * a task that never returns, one that is stopped, and one that has become another program; a thread
 * of the child would not do for these.
 *
 * While any child has a deadline, the server looks on a clock. When none has, it sleeps, and says
 * so in the doorbell's page; who sets the first one then wakes it with a SIGCHLD. What a child
 * scribbles into its port can end nobody but itself.
 */
#ifndef CREWI_NODE_DEADLINE_H
#define CREWI_NODE_DEADLINE_H

#include "base/clock.h"
#include "node/bell.h"
#include "node/port.h"

/** How late a deadline may be noticed that was set while the server slept for a later one. */
#define CREWI_DEADLINE_LOOK_NS (20 * CREWI_MILLISECOND)

/** Child: it is killed at that time, unless another deadline is set before; 0: it is not. Does not
 * return when the one before is over: then it is being killed. */
void crewi_deadline_set(struct crewi_port_shared *port, struct crewi_bell *bell, uint32_t slot,
                        int64_t deadline_ns);

/** Server: whether any child has a deadline; otherwise the next one that sets one wakes it. */
bool crewi_deadlines_any(struct crewi_bell *bell);

/** Server, of a child whose bit is set: nanoseconds until its deadline, 0 when it is over: the
 * child is to be killed, and does not get past it. INT64_MAX: it has none any more, and no bit. */
int64_t crewi_deadline_check(struct crewi_port_shared *port, struct crewi_bell *bell, uint32_t slot,
                             int64_t now_ns);

/** Server: the child with that slot is gone, or cannot be watched. */
void crewi_deadline_forget(struct crewi_bell *bell, uint32_t slot);

#endif
