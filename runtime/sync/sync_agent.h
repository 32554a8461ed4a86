/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Locks, semaphores, conditions, events and barriers on the rank of those who use them: whether a
 * process may, and what they have to know. Everything else is the home's (sync_home.h).
 */
#ifndef CREWI_SYNC_SYNC_AGENT_H
#define CREWI_SYNC_SYNC_AGENT_H

#include "engine/engine.h"

extern const struct crewi_kind crewi_sync_kind;

#endif
