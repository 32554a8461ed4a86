/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The caller's side of processes, for the end of a client and for layers that make processes of
 * their own.
 */
#ifndef CREWI_PROCESS_PROCESS_CALL_H
#define CREWI_PROCESS_PROCESS_CALL_H

#include "engine/client.h"
#include "process/process_protocol.h"

/** An orderly end of the calling process: waits until the pools that it has closed are done, runs
 * its finalizers, terminates its daemons and its open pools, and waits until all its children have
 * ended. */
void crewi_process_leave(void);

/** Waits for the threads of <crew/thread.h>; not for the one that calls. */
void crewi_threads_wait(void);

/** Has children that are started from now on begin with the caller's environment variables and
 * working directory, if they run on this host. To be called before each start; asks the rank only
 * when something has changed. ::CREW_ENOMEM */
crew_status crewi_process_tell_environment(void);

/** A name that a process may have; NULL is fine, too. ::CREW_EINVAL */
crew_status crewi_process_check_name(const char *name);

/** The start method that was wanted, or that of the caller, which is settled from then on. */
crew_start_method crewi_process_start_method(struct crewi_identity *identity,
                                             crew_start_method wanted);

/** Fills in who creates, and which start method that has chosen; everything else is zero, and no
 * core is chosen. */
void crewi_process_spec_from(struct crewi_process_spec *spec, const struct crewi_identity *creator);

#endif
