/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Lists, dicts, sets and namespaces, as an engine sees them.
 *
 * A rank keeps nothing for an object whose home is elsewhere but its handle: requests are checked,
 * the handles in their values counted, and they go on.
 */
#ifndef CREWI_SHARED_CONTAINER_AGENT_H
#define CREWI_SHARED_CONTAINER_AGENT_H

#include "engine/engine.h"

extern const struct crewi_kind crewi_container_kind;

#endif
