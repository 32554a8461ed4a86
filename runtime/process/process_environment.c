/* SPDX-License-Identifier: BSD-3-Clause */
/* How what a process has changed of its environment and working directory gets to its children.
 *
 * Before it starts any, a process tells its own rank, the home of its children, but only when that
 * has changed since it last did. The home sends it along with each order to start one on the same
 * host: also for workers that a pool replaces later. */
#include "process/process.h"

#include "base/environment.h"
#include "base/error.h"
#include "engine/client.h"
#include "node/job.h"
#include "process/process_call.h"
#include "process/process_object.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct crewi_told_environment {
    size_t size;
    char packed[]; /* see crewi_environment_pack() */
};

/* The creator's side */

/* 0: there is no difference. */
static uint64_t hash_environment(const char *packed, size_t size)
{
    uint64_t hash = size ? 14695981039346656037U : 0; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)packed[i]) * 1099511628211U;
    return hash;
}

static crew_status send_environment(const char *packed, size_t size)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_ENVIRONMENT,
        .rank = (uint32_t)crew_current_rank(),
        .head = packed,
        .head_size = size,
    };
    return crewi_call(&call, NULL);
}

crew_status crewi_process_tell_environment(void)
{
    struct crewi_client *client = crewi_client_current();
    char *packed;
    size_t size;
    crew_status status = crewi_environment_pack(&packed, &size);
    if (status)
        return status;
    pthread_cleanup_push(free, packed); /* a process inside a rank may be ended in the call */
    uint64_t hash = hash_environment(packed, size);
    if (hash != atomic_load_explicit(&client->told_environment, memory_order_relaxed))
        status = send_environment(packed, size);
    if (!status) /* two threads at a time may tell twice, which does no harm */
        atomic_store_explicit(&client->told_environment, hash, memory_order_relaxed);
    pthread_cleanup_pop(1);
    return status;
}

/* The home's side */

void crewi_process_hear_environment(struct crewi_engine *engine,
                                    const struct crewi_message *message)
{
    struct crewi_table *environments = &crewi_processes_of(engine)->environments;
    uint64_t creator = message->origin.process;
    struct crewi_told_environment *told = NULL;
    if (message->size > 0) {
        told = malloc(sizeof *told + message->size);
        if (!told || crewi_table_reserve(environments, environments->count + 1)) {
            free(told);
            crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
            return;
        }
        told->size = message->size;
        memcpy(told->packed, message->data, message->size);
    }
    free(crewi_table_take(environments, creator));
    if (told)
        crewi_table_add(environments, creator, told); /* there is room */
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

const void *crewi_process_environment(struct crewi_engine *engine, uint64_t creator, int rank,
                                      size_t *size)
{
    const struct crewi_told_environment *told =
        crewi_table_find(&crewi_processes_of(engine)->environments, creator);
    bool elsewhere =
        crewi_job && crewi_job->ranks[rank].host_index != crewi_job->ranks[engine->rank].host_index;
    *size = told && !elsewhere ? told->size : 0;
    return *size ? told->packed : NULL;
}

void crewi_process_forget_environment(struct crewi_engine *engine, uint64_t creator)
{
    free(crewi_table_take(&crewi_processes_of(engine)->environments, creator));
}

void crewi_process_free_environments(struct crewi_processes *processes)
{
    for (size_t i = 0; i < processes->environments.room; i++)
        free(processes->environments.entries[i].value);
    crewi_table_fini(&processes->environments);
}
