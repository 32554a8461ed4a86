/* SPDX-License-Identifier: BSD-3-Clause */
/* What a caller chooses for all of its processes: the start method; and finding one by its name. */
#include <crew/process.h>
#include <crew/run.h>

#include "base/error.h"
#include "engine/client.h"
#include "process/process_call.h"

#include <stdlib.h>
#include <string.h>

/* By crew_start_method, from 1 on. */
static const char *const method_names[] = {"forkserver", "rank", NULL};

const char *const *crew_all_start_methods(void)
{
    return method_names;
}

crew_start_method crewi_process_start_method(struct crewi_identity *identity,
                                             crew_start_method wanted)
{
    if (wanted != CREW_START_DEFAULT)
        return wanted;
    if (identity->start_method == CREW_START_DEFAULT)
        identity->start_method = CREW_START_FORKSERVER;
    return identity->start_method;
}

crew_status crew_set_start_method(const char *method, bool force)
{
    struct crewi_client *client = crewi_client_current();
    int found = 0;
    if (!client)
        return crewi_client_missing("crew_set_start_method");
    while (method && method_names[found] && strcmp(method_names[found], method) != 0)
        found++;
    if (!method || !method_names[found])
        return crewi_error(CREW_EINVAL, "there is no start method \"%s\": it is forkserver or rank",
                           method ? method : "(null)");
    if (client->identity.start_method != CREW_START_DEFAULT && !force)
        return crewi_error(CREW_ESTATE, "the start method of %s is %s already",
                           client->identity.name, method_names[client->identity.start_method - 1]);
    client->identity.start_method = (crew_start_method)(found + 1);
    return CREW_OK;
}

const char *crew_get_start_method(void)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return NULL;
    return method_names[crewi_process_start_method(&client->identity, CREW_START_DEFAULT) - 1];
}

/* The reply that counts: of a unique name rather than another. */
static void read_replies(struct crewi_frame **replies, size_t count,
                         struct crewi_process_found *best)
{
    for (size_t i = 0; i < count; i++) {
        struct crewi_process_found found = {0};
        if (replies[i] && replies[i]->header.size == sizeof found)
            memcpy(&found, replies[i]->payload, sizeof found);
        if (found.process && (!best->process || found.unique > best->unique))
            *best = found;
        crewi_frame_destroy(replies[i]);
    }
}

static crew_status ask_all_ranks(const char *name, struct crewi_process_found *found)
{
    size_t count = (size_t)crew_rank_count();
    struct crewi_call *calls = calloc(count, sizeof *calls);
    struct crewi_frame **replies = calloc(count, sizeof(struct crewi_frame *));
    crew_status status = calls && replies ? CREW_OK : crewi_error_memory();
    for (size_t rank = 0; rank < count && !status; rank++)
        calls[rank] = (struct crewi_call){.kind = CREWI_KIND_PROCESS,
                                          .op = CREWI_PROCESS_FIND,
                                          .rank = (uint32_t)rank,
                                          .head = name,
                                          .head_size = strlen(name) + 1};
    if (!status)
        status = crewi_call_many(calls, count, false, replies, NULL);
    if (!status)
        read_replies(replies, count, found);
    free(replies);
    free(calls);
    return status;
}

crew_status crew_process_find(const char *name, crew_process *process)
{
    struct crewi_process_found found = {0};
    if (!crewi_client_current())
        return crewi_client_missing("crew_process_find");
    if (!name || !process)
        return crewi_error(CREW_EINVAL, "crew_process_find: %s is NULL", name ? "process" : "name");
    crew_status status = crewi_process_check_name(name);
    if (!status)
        status = ask_all_ranks(name, &found);
    if (!status && !found.process)
        status = crewi_error(CREW_ENOENT, "no process with the name \"%s\" is running", name);
    if (!status)
        process->id = found.process;
    return status;
}
