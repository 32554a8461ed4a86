/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Large messages, as the clients at both ends see them.
 */
#ifndef CREWI_CHANNEL_PIPE_LARGE_H
#define CREWI_CHANNEL_PIPE_LARGE_H

#include "channel/pipe_protocol.h"

#include <crew/status.h>
#include <stddef.h>

/** Sends one, and waits until it is received. Statuses as crew_send(). */
crew_status crewi_pipe_send_large(uint64_t end, const void *data, size_t size, int64_t timeout_ns);

/** Fetches the bytes of one whose item was received, item->size of them. ::CREW_ETRUNC the sender
 * has ended */
crew_status crewi_pipe_fetch_large(uint64_t end, const struct crewi_pipe_item *item, void *buffer);

/** Lets the sender of one go on: to be called once for each item that was received. With a status
 * of ::CREW_OK the caller has the handles that are in it. */
void crewi_pipe_large_done(uint64_t end, const struct crewi_pipe_item *item, crew_status status);

#endif
