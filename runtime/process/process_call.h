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

/** An orderly end of the calling process: terminates its daemons, and waits until all its children
 * have ended. */
void crewi_process_leave(void);

/** Fills in who creates; everything else is zero, and no core is chosen. */
void crewi_process_spec_from(struct crewi_process_spec *spec, const struct crewi_identity *creator);

#endif
