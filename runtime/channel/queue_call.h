/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the calls of <crew/queue.h> share: queue.c, and queue_put.c.
 */
#ifndef CREWI_CHANNEL_QUEUE_CALL_H
#define CREWI_CHANNEL_QUEUE_CALL_H

#include "channel/queue_protocol.h"
#include "engine/client.h"

#include <crew/queue.h>

/** ::CREW_EINVAL it is no queue at all; ::CREW_ESTATE not inside crew_run() */
crew_status crewi_queue_check(const char *call, crew_queue queue);

/** A call to the own rank with that head; the body is added by the caller. */
struct crewi_call crewi_queue_call(enum crewi_queue_op op, const struct crewi_queue_head *head);

#endif
