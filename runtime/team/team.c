/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/team.h> of a creator. */
#include <crew/run.h>
#include <crew/team.h>

#include "base/clock.h"
#include "base/error.h"
#include "process/process_call.h"
#include "team/team_call.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENT_LIMIT ((size_t)64 << 20)

/* Those of this process that got a name by their number. */
static _Atomic unsigned teams;

crew_status crewi_team_check(const char *call, uint64_t id)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (crewi_id_kind(id) != CREWI_KIND_TEAM)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", call, id ? "no team" : "empty");
    return CREW_OK;
}

struct crewi_call crewi_team_call(enum crewi_team_op op, const uint64_t *id)
{
    return (struct crewi_call){.kind = CREWI_KIND_TEAM,
                               .op = (uint8_t)op,
                               .rank = (uint32_t)crew_current_rank(),
                               .timeout_ns = CREWI_FOREVER,
                               .head = id,
                               .head_size = sizeof *id};
}

/* Creating */

static crew_status check_ranks(const crew_team_attr *attr)
{
    if (attr->rank_count < 0 || (attr->rank_count > 0) != (attr->ranks != NULL))
        return crewi_error(CREW_EINVAL, "a list of %d ranks, and ranks is %s", attr->rank_count,
                           attr->ranks ? "not NULL" : "NULL");
    for (int i = 0; i < attr->rank_count; i++)
        if (attr->ranks[i] < 0 || attr->ranks[i] >= crew_rank_count())
            return crewi_error(CREW_EINVAL, "there is no rank %d: the job has ranks 0 to %d",
                               attr->ranks[i], crew_rank_count() - 1);
    return CREW_OK;
}

static crew_status check_size(int size, const crew_team_attr *attr)
{
    if (attr->start_method < CREW_START_DEFAULT || attr->start_method > CREW_START_RANK)
        return crewi_error(CREW_EINVAL, "%d is no start method", (int)attr->start_method);
    if (size < 0 || attr->size < 0 || size > CREW_TEAM_LIMIT || attr->size > CREW_TEAM_LIMIT)
        return crewi_error(CREW_EINVAL,
                           "a team of %d members: expected 1 to %d (0 for one on each "
                           "rank)",
                           size ? size : attr->size, CREW_TEAM_LIMIT);
    return CREW_OK;
}

static crew_status check_argument(const crew_team *team, crew_team_function *function,
                                  const void *arg, size_t size)
{
    if (!team || !function)
        return crewi_error(CREW_EINVAL, "crew_team_create: %s is NULL", team ? "function" : "team");
    if (size > 0 && !arg)
        return crewi_error(CREW_EINVAL, "crew_team_create: arg is NULL, with a size of %zu", size);
    if (size > ARGUMENT_LIMIT)
        return crewi_error(CREW_EINVAL,
                           "crew_team_create: an argument of %zu bytes, more than 64 MiB", size);
    return CREW_OK;
}

static int compare_ranks(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

/* The specification, and the ranks of the members in order behind it; NULL without memory. */
static struct crewi_team_spec *new_spec(uint32_t size, const crew_team_attr *attr,
                                        size_t *spec_size)
{
    struct crewi_team_spec *spec;
    *spec_size = sizeof *spec + crewi_team_pad(size * sizeof(uint32_t));
    spec = calloc(1, *spec_size);
    if (!spec)
        return NULL;
    uint32_t *ranks = (void *)(spec + 1);
    uint32_t count = attr->ranks ? (uint32_t)attr->rank_count : (uint32_t)crew_rank_count();
    for (uint32_t i = 0; i < size; i++)
        ranks[i] = attr->ranks ? (uint32_t)attr->ranks[i % count] : i % count;
    qsort(ranks, size, sizeof *ranks, compare_ranks);
    spec->size = size;
    return spec;
}

static crew_status fill_spec(struct crewi_team_spec *spec, crew_team_function *function,
                             size_t arg_size, const crew_team_attr *attr)
{
    struct crewi_identity *creator = &crewi_client_current()->identity;
    const uint32_t *ranks = (const void *)(spec + 1);
    spec->inside = crewi_process_start_method(creator, attr->start_method) == CREW_START_RANK;
    for (uint32_t i = 1; i < spec->size && spec->inside; i++)
        if (ranks[i] == ranks[i - 1])
            return crewi_error(CREW_EINVAL,
                               "%u members, several of them inside rank %u: CREW_START_RANK allows "
                               "one on each rank",
                               spec->size, ranks[i]);
    spec->daemon = creator->daemon;
    spec->start_method = (uint8_t)creator->start_method;
    spec->arg_size = arg_size;
    if (attr->name)
        memcpy(spec->name, attr->name, strlen(attr->name) + 1);
    else
        snprintf(spec->name, sizeof spec->name, "team-%u", atomic_fetch_add(&teams, 1) + 1);
    memcpy(spec->creator_name, creator->name, sizeof spec->creator_name);
    memcpy(spec->creator_path, creator->path, sizeof spec->creator_path);
    crew_status status = crewi_funcref_make(&spec->member, (crewi_function *)crewi_team_member);
    return status ? status : crewi_funcref_make(&spec->function, (crewi_function *)function);
}

static crew_status check_create(const crew_team *team, int size, const crew_team_attr *attr)
{
    (void)team;
    crew_status status = check_size(size, attr);
    if (!status)
        status = crewi_check_name("a team", attr->name, CREWI_TEAM_NAME_SIZE);
    return status ? status : check_ranks(attr);
}

crew_status crew_team_create(crew_team *team, int size, crew_team_function *function,
                             const void *arg, size_t arg_size, const crew_team_attr *attr)
{
    static const crew_team_attr defaults;
    if (!crewi_client_current())
        return crewi_client_missing("crew_team_create");
    if (!attr)
        attr = &defaults;
    crew_status status = check_argument(team, function, arg, arg_size);
    if (!status)
        status = check_create(team, size, attr);
    if (status)
        return status;
    int ranks = attr->ranks ? attr->rank_count : crew_rank_count();
    int members = size ? size : attr->size ? attr->size : ranks;
    size_t spec_size;
    struct crewi_team_spec *spec = new_spec((uint32_t)members, attr, &spec_size);
    if (!spec)
        return crewi_error_memory();
    status = fill_spec(spec, function, arg_size, attr);
    struct crewi_call call = crewi_team_call(CREWI_TEAM_CREATE, NULL);
    call.head = spec;
    call.head_size = spec_size;
    call.body = arg;
    call.body_size = arg_size;
    crewi_client_current()->has_made_processes = true;
    if (!status)
        status = crewi_call_fixed(&call, &team->id, sizeof team->id);
    free(spec);
    return status;
}

/* A life */

static crew_status ask(const char *name, crew_team team, enum crewi_team_op op, int64_t timeout_ns)
{
    crew_status status = crewi_team_check(name, team.id);
    if (status)
        return status;
    struct crewi_call call = crewi_team_call(op, &team.id);
    call.timeout_ns = timeout_ns;
    return crewi_call(&call, NULL);
}

crew_status crew_team_start(crew_team team)
{
    const struct crewi_client *client = crewi_client_current();
    if (client && client->identity.daemon)
        return crewi_error(CREW_ESTATE, "%s is a daemon: daemonic processes may not have children",
                           client->identity.name);
    crew_status status = crewi_team_check("crew_team_start", team.id);
    if (!status)
        status = crewi_process_tell_environment();
    return status ? status : ask("crew_team_start", team, CREWI_TEAM_START, CREWI_FOREVER);
}

crew_status crew_team_join(crew_team team, double timeout_s)
{
    return ask("crew_team_join", team, CREWI_TEAM_JOIN, crewi_timeout_ns(timeout_s));
}

crew_status crew_team_terminate(crew_team team)
{
    return ask("crew_team_terminate", team, CREWI_TEAM_TERMINATE, CREWI_FOREVER);
}

crew_status crew_team_close(crew_team team)
{
    return ask("crew_team_close", team, CREWI_TEAM_CLOSE, CREWI_FOREVER);
}

crew_status crew_team_members(crew_team team, crew_process *members, size_t room, size_t *count)
{
    struct crewi_frame *reply;
    crew_status status = crewi_team_check("crew_team_members", team.id);
    if (status)
        return status;
    if (!count || (room && !members))
        return crewi_error(CREW_EINVAL, "crew_team_members: %s is NULL",
                           count ? "members" : "count");
    struct crewi_call call = crewi_team_call(CREWI_TEAM_MEMBERS, &team.id);
    status = crewi_call(&call, &reply);
    if (status)
        return status;
    *count = crewi_reply_copy(reply, sizeof *members, members, room);
    return CREW_OK;
}

crew_status crew_team_run(crew_team_function *function, const void *arg, size_t arg_size,
                          const crew_team_attr *attr)
{
    crew_team team;
    crew_status status = crew_team_create(&team, 0, function, arg, arg_size, attr);
    if (status)
        return status;
    status = crew_team_start(team);
    if (!status)
        status = crew_team_join(team, CREW_FOREVER);
    crew_status closed = crew_team_close(team);
    return status ? status : closed;
}
