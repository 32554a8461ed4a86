/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a member, and what it knows of its place. */
#include "base/error.h"
#include "base/funcref.h"
#include "base/log.h"
#include "team/team_call.h"

#include <string.h>

/* A child is one process, a member inside a rank one thread. */
static struct crewi_membership of_process;
static _Thread_local struct crewi_membership of_thread;

static struct crewi_membership *own_membership(void)
{
    const struct crewi_client *client = crewi_client_current();
    if (!client)
        return NULL;
    if (client->remote)
        return &of_process;
    return crewi_client_is_inside(client) ? &of_thread : NULL;
}

const struct crewi_membership *crewi_team_membership(uint64_t id)
{
    const struct crewi_membership *own = own_membership();
    return own && id && own->id == id ? own : NULL;
}

int crew_team_rank(crew_team team)
{
    const struct crewi_membership *own = crewi_team_membership(team.id);
    return own ? (int)own->rank : -1;
}

int crew_team_size(crew_team team)
{
    const struct crewi_membership *own = crewi_team_membership(team.id);
    return own ? (int)own->size : -1;
}

crew_barrier crew_team_barrier(crew_team team)
{
    return (crew_barrier){team.id};
}

/* Says at its rank which member it is. */
static crew_status enter(const struct crewi_team_entry *entry)
{
    struct crewi_call call = crewi_team_call(CREWI_TEAM_ENTER, &entry->id);
    call.head_size = sizeof *entry;
    crew_status status = crewi_call(&call, NULL);
    struct crewi_membership *own = own_membership();
    if (!status && own)
        *own = (struct crewi_membership){entry->id, entry->rank, entry->size};
    return status;
}

int crewi_team_member(void *arg)
{
    const struct crewi_team_entry *entry = arg;
    crewi_function *function;
    if (crewi_funcref_resolve(&entry->function, &function) || enter(entry)) {
        crewi_log(CREWI_LOG_ERROR, "a member of a team cannot begin: %s", crew_error_message());
        return 1;
    }
    crew_team_function *body = (crew_team_function *)function;
    return body((crew_team){entry->id}, entry->arg_size ? (char *)arg + sizeof *entry : NULL);
}
