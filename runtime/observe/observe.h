/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a process has asked for about its log and its end, for the layers above: functions that
 * handle messages (<crew/log.h>), and finalizers (<crew/finalize.h>).
 */
#ifndef CREWI_OBSERVE_OBSERVE_H
#define CREWI_OBSERVE_OBSERVE_H

#include "base/log.h"
#include "engine/client.h"

#include <crew/finalize.h>
#include <crew/log.h>

struct crewi_finalizer;

/** Of one process; a client has it from the first time that it asks for something. */
struct crewi_observed {
    struct {
        crew_log_handler *function;
        void *arg;
    } handlers[CREW_LOG_HANDLERS_MAX];
    size_t handler_count;
    struct crewi_finalizer *finalizers; /* in the order in which they run */
};

/** Guards all of them. */
void crewi_observe_lock(void);
void crewi_observe_unlock(void);

/** Those of the client, made if they are not there yet. ::CREW_ENOMEM. The lock is held. */
crew_status crewi_observed_get(struct crewi_client *client, struct crewi_observed **observed);

/** Frees what a client has asked for, at its end. */
void crewi_observe_forget(struct crewi_client *client);

/** Whether crewi_log_notice() would be heard by anybody. */
bool crewi_log_is_noticed(int level);

/**
 * What crew says about a process in the process itself, at one of crew's own levels: as
 * crewi_log(), and to the handlers of the process. With no mutex held, since these may call crew.
 */
void crewi_log_notice(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Runs the finalizers of the calling process with that priority at least. */
void crewi_finalizers_run(int least);

#endif
