/* SPDX-License-Identifier: BSD-3-Clause */
/* Names: by counting, as Python does; unique ones, which rank 0 keeps for the whole job; and
 * finding a process by its name. */
#include "process/process_object.h"

#include "base/error.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static crew_status next_count(struct crewi_processes *processes, uint64_t creator,
                              unsigned long *count)
{
    unsigned long made = (unsigned long)(uintptr_t)crewi_table_take(&processes->counters, creator);
    *count = made + 1;
    return crewi_table_add(&processes->counters, creator, (void *)(uintptr_t)(made + 1));
}

/* Process-3 makes Process-3:1: the path is that of the creator and the count, joined with a colon.
 */
crew_status crewi_process_give_name(struct crewi_engine *engine, struct crewi_process_order *order)
{
    unsigned long count;
    crew_status status = next_count(crewi_processes_of(engine), order->spec.creator, &count);
    if (status)
        return status;
    const char *above = order->spec.creator_path;
    int used =
        snprintf(order->path, sizeof order->path, "%s%s%lu", above, *above ? ":" : "", count);
    if (used >= (int)sizeof order->path)
        return crewi_error(CREW_ESTATE, "processes are nested too deeply for a name");
    if (order->spec.name[0])
        return CREW_OK;
    char name[2 * CREW_NAME_SIZE];
    snprintf(name, sizeof name, "%s-%s", order->spec.prefix, order->path);
    if (strlen(name) >= sizeof order->spec.name)
        return crewi_error(CREW_ESTATE, "processes are nested too deeply for a name");
    memcpy(order->spec.name, name, strlen(name) + 1);
    return CREW_OK;
}

/* Unique names */

struct crewi_unique_name {
    struct crewi_unique_name *next;
    struct crewi_process_claim claim;
};

static crew_status send_claim(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                              const struct crewi_process_claim *claim)
{
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_PROCESS,
        .op = op,
        .rank = rank,
        .head = claim,
        .head_size = sizeof *claim,
    };
    return crewi_engine_tell(engine, &note);
}

static struct crewi_process_claim claim_of(const struct crewi_process *process)
{
    struct crewi_process_claim claim = {.process = process->object.id};
    memcpy(claim.name, process->order.spec.name, sizeof claim.name);
    return claim;
}

crew_status crewi_process_claim_name(struct crewi_engine *engine, struct crewi_process *process)
{
    struct crewi_process_claim claim = claim_of(process);
    crew_status status = send_claim(engine, CREWI_PROCESS_CLAIM, 0, &claim);
    process->claims_name = process->is_unconfirmed = status == CREW_OK;
    return status;
}

static void release(struct crewi_engine *engine, const struct crewi_process_claim *claim)
{
    if (send_claim(engine, CREWI_PROCESS_RELEASE, 0, claim))
        crewi_log(CREWI_LOG_ERROR, "the name %s stays taken: %s", claim->name,
                  crew_error_message());
}

void crewi_process_release_name(struct crewi_engine *engine, struct crewi_process *process)
{
    struct crewi_process_claim claim = claim_of(process);
    if (process->claims_name)
        release(engine, &claim);
    process->claims_name = false;
}

static struct crewi_unique_name **find_unique(struct crewi_processes *processes, const char *name)
{
    struct crewi_unique_name **link = &processes->unique_names;
    while (*link && strcmp((*link)->claim.name, name) != 0)
        link = &(*link)->next;
    return link;
}

/* Rank 0: gives the name, or says who has it. */
static void decide(struct crewi_engine *engine, struct crewi_process_claim *claim)
{
    struct crewi_unique_name **link = find_unique(crewi_processes_of(engine), claim->name);
    uint32_t home = crewi_id_home(claim->process);
    if (*link) {
        claim->status = CREW_EEXIST;
        claim->holder_rank = (int32_t)crewi_id_home((*link)->claim.process);
    } else if ((*link = calloc(1, sizeof **link))) {
        (*link)->claim = *claim;
        claim->status = CREW_OK;
    } else {
        claim->status = CREW_ENOMEM;
    }
    if (send_claim(engine, CREWI_PROCESS_CLAIMED, home, claim))
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
}

/* Home: what rank 0 has decided. The process may be gone meanwhile. */
static void hear_decision(struct crewi_engine *engine, const struct crewi_process_claim *claim)
{
    struct crewi_process *process = crewi_process_at_home(engine, claim->process);
    if (!process || !process->is_unconfirmed) {
        if (!process && claim->status == CREW_OK)
            release(engine, claim);
        return;
    }
    process->is_unconfirmed = false;
    if (claim->status == CREW_OK) {
        crewi_engine_reply(engine, &process->starter, &process->object.id,
                           sizeof process->object.id);
        process->starter.request = 0;
        return;
    }
    process->claims_name = false;
    if (claim->status == CREW_EEXIST)
        crewi_engine_refuse(engine, &process->starter, CREW_EEXIST,
                            "there is a process with the unique name %s already (of rank %d)",
                            claim->name, claim->holder_rank);
    else
        crewi_engine_refuse(engine, &process->starter, (crew_status)claim->status,
                            "no memory for the unique name %s", claim->name);
    crewi_process_drop(engine, process);
}

static bool read_claim(const struct crewi_message *message, struct crewi_process_claim *claim)
{
    if (message->size != sizeof *claim)
        return false;
    memcpy(claim, message->data, sizeof *claim);
    return memchr(claim->name, '\0', sizeof claim->name) != NULL;
}

void crewi_process_hear_claim(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_claim claim;
    if (!read_claim(message, &claim))
        return;
    if (message->op == CREWI_PROCESS_CLAIM)
        decide(engine, &claim);
    else
        hear_decision(engine, &claim);
}

void crewi_process_hear_release(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_claim claim;
    if (!read_claim(message, &claim))
        return;
    struct crewi_unique_name **link = find_unique(crewi_processes_of(engine), claim.name);
    struct crewi_unique_name *found = *link;
    if (!found || found->claim.process != claim.process)
        return; /* somebody else's by now */
    *link = found->next;
    free(found);
}

void crewi_process_free_names(struct crewi_processes *processes)
{
    struct crewi_unique_name *next;
    for (struct crewi_unique_name *name = processes->unique_names; name; name = next) {
        next = name->next;
        free(name);
    }
    processes->unique_names = NULL;
}

/* Finding */

struct search {
    const char *name;
    struct crewi_process_found found;
};

static void look_at(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    const struct crewi_process *process = (const struct crewi_process *)object;
    struct search *search = context;
    (void)engine;
    if (!crewi_process_is_live(process) || strcmp(process->order.spec.name, search->name) != 0 ||
        (search->found.process && !process->claims_name))
        return;
    search->found =
        (struct crewi_process_found){.process = object->id, .unique = process->claims_name};
}

void crewi_process_find(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct search search = {.name = message->data};
    if (message->size == 0 || memchr(message->data, '\0', message->size) == NULL) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a name without an end");
        return;
    }
    crewi_engine_each(engine, CREWI_KIND_PROCESS, look_at, &search);
    crewi_engine_reply(engine, &message->origin, &search.found,
                       search.found.process ? sizeof search.found : 0);
}
