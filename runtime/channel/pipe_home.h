/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A pipe at its home: who has its ends, and where its streams are.
 */
#ifndef CREWI_CHANNEL_PIPE_HOME_H
#define CREWI_CHANNEL_PIPE_HOME_H

#include "engine/engine.h"
#include "engine/handles.h"

/** Makes a pipe: a client's CREATE. */
void crewi_pipe_create(struct crewi_engine *engine, const struct crewi_message *message);

/** FETCH and ARRIVED. */
void crewi_pipe_home_request(struct crewi_engine *engine, const struct crewi_message *message);

/* The home's side of the kind */

size_t crewi_pipe_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room);
void crewi_pipe_came_back(struct crewi_engine *engine, struct crewi_shared *shared, uint64_t items);
void crewi_pipe_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared);
void crewi_pipe_destroy(struct crewi_engine *engine, struct crewi_object *object);

#endif
