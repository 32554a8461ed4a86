/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pipes, for the layers above: the kind to register.
 */
#ifndef CREWI_CHANNEL_PIPE_CHANNEL_H
#define CREWI_CHANNEL_PIPE_CHANNEL_H

#include "engine/engine.h"

extern const struct crewi_kind crewi_pipe_kind;

/** Registers the kind. ::CREW_ENOMEM */
crew_status crewi_pipes_init(struct crewi_engine *engine);
void crewi_pipes_fini(struct crewi_engine *engine);

#endif
