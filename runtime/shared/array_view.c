/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/array_view.h"

#include "base/error.h"
#include "engine/client.h"
#include "node/job.h"

static void end(struct crewi_cached *cached)
{
    crewi_place_unmap(((struct crewi_array_view *)cached)->memory);
}

static struct crewi_array_view *make(struct crewi_client *client, uint64_t id,
                                     const struct crewi_array_description *about)
{
    void *memory = NULL;
    struct crewi_array_view *view =
        (struct crewi_array_view *)crewi_cache_new(&client->cache, sizeof *view);
    if (!view)
        return NULL;
    if (crewi_job_shares_memory(crewi_id_home(id)) && crewi_place_map(&about->place, &memory))
        memory = NULL; /* then by messages */
    view->cached.end = end;
    view->memory = memory;
    view->element_size = crew_datatype_size((crew_datatype)about->type);
    view->about = *about;
    return view;
}

static crew_status open_view(struct crewi_client *client, uint64_t id,
                             const struct crewi_array_view **opened)
{
    struct crewi_array_head head = {.id = id};
    struct crewi_array_description about;
    struct crewi_call call = {.kind = CREWI_KIND_ARRAY,
                              .op = CREWI_ARRAY_OPEN,
                              .rank = (uint32_t)crewi_job->rank,
                              .head = &head,
                              .head_size = sizeof head};
    crew_status status = crewi_call_fixed(&call, &about, sizeof about);
    if (status)
        return status;
    struct crewi_array_view *view = make(client, id, &about);
    if (!view)
        return crewi_error_memory();
    void *memory = view->memory;
    struct crewi_cached *there = crewi_cache_add(&client->cache, id, &view->cached);
    if (there != &view->cached)
        crewi_place_unmap(memory); /* another thread was faster */
    if (!there)
        return crewi_error_memory();
    *opened = (const struct crewi_array_view *)there;
    return CREW_OK;
}

crew_status crewi_array_view_get(const char *call, uint64_t id,
                                 const struct crewi_array_view **view)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing(call);
    if (crewi_id_kind(id) != CREWI_KIND_ARRAY)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", call, id ? "no array" : "empty");
    *view = (const struct crewi_array_view *)crewi_cache_find(&client->cache, id);
    return *view && !crewi_client_is_to_end(client) ? CREW_OK : open_view(client, id, view);
}

void crewi_array_view_close(uint64_t id)
{
    struct crewi_client *client = crewi_client_current();
    if (client)
        crewi_cache_remove(&client->cache, id);
}
