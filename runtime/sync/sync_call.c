/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/sync_call.h"

#include "base/clock.h"
#include "base/error.h"
#include "node/arena.h"
#include "node/job.h"

#include <crew/run.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

struct crewi_call crewi_sync_call(uint8_t op, const void *head, size_t size)
{
    return (struct crewi_call){.kind = CREWI_KIND_SYNC,
                               .op = op,
                               .rank = (uint32_t)crew_current_rank(),
                               .head = head,
                               .head_size = size};
}

crew_status crewi_sync_ask(enum crewi_sync_op op, const struct crewi_sync_head *head,
                           int64_t timeout_ns)
{
    struct crewi_call call = crewi_sync_call((uint8_t)op, head, sizeof *head);
    call.timeout_ns = timeout_ns;
    return crewi_call(&call, NULL);
}

crew_status crewi_sync_ask_for(enum crewi_sync_op op, const struct crewi_sync_head *head,
                               void *data, size_t size)
{
    struct crewi_call call = crewi_sync_call((uint8_t)op, head, sizeof *head);
    return crewi_call_fixed(&call, data, size);
}

crew_status crewi_sync_tell(enum crewi_sync_op op, const struct crewi_sync_head *head)
{
    struct crewi_call call = crewi_sync_call((uint8_t)op, head, sizeof *head);
    return crewi_tell(&call);
}

/* What a process knows */

static void unmap(struct crewi_cached *cached)
{
    crewi_place_unmap(((struct crewi_sync_record *)cached)->word);
}

static struct crewi_sync_record *make_record(struct crewi_client *client,
                                             const struct crewi_sync_description *about)
{
    void *word = NULL;
    struct crewi_sync_record *record =
        (struct crewi_sync_record *)crewi_cache_new(&client->cache, sizeof *record);
    if (!record)
        return NULL;
    if (crewi_job_shares_memory(crewi_id_home(about->id)) && crewi_place_map(&about->place, &word))
        word = NULL; /* then by messages */
    record->cached.end = unmap;
    record->type = about->type;
    record->limit = about->limit;
    record->word = word;
    memcpy(record->name, about->name, sizeof record->name);
    return record;
}

/* Keeps what the rank has said. NULL: no memory. */
static struct crewi_sync_record *remember(struct crewi_client *client,
                                          const struct crewi_sync_description *about)
{
    struct crewi_sync_record *record = make_record(client, about);
    if (!record)
        return NULL;
    crewi_word *word = record->word;
    struct crewi_cached *there = crewi_cache_add(&client->cache, about->id, &record->cached);
    if (there != &record->cached)
        crewi_place_unmap(word); /* another thread was faster */
    return (struct crewi_sync_record *)there;
}

static crew_status open_record(struct crewi_client *client, uint64_t id,
                               struct crewi_sync_record **record)
{
    struct crewi_sync_head head = {.id = id};
    struct crewi_sync_description about;
    crew_status status = crewi_sync_ask_for(CREWI_SYNC_OPEN, &head, &about, sizeof about);
    if (status)
        return status;
    *record = remember(client, &about);
    return *record ? CREW_OK : crewi_error_memory();
}

static crew_status check_handle(const char *call, uint64_t id)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (crewi_id_kind(id) == CREWI_KIND_SYNC)
        return CREW_OK;
    return crewi_error(CREW_EINVAL, "%s: the handle is %s", call, id ? "of another kind" : "empty");
}

static crew_status check_type(const char *call, const struct crewi_sync_record *record,
                              uint32_t types)
{
    if (types & CREWI_SYNC_IS(record->type))
        return CREW_OK;
    return crewi_error(CREW_EINVAL, "%s: %s is an object of another kind", call, record->name);
}

crew_status crewi_sync_use(const char *call, uint64_t id, uint32_t types,
                           struct crewi_sync_record **record)
{
    crew_status status = check_handle(call, id);
    if (status)
        return status;
    struct crewi_client *client = crewi_client_current();
    *record = (struct crewi_sync_record *)crewi_cache_find(&client->cache, id);
    if (!*record || crewi_client_is_to_end(client))
        status = open_record(client, id, record);
    return status ? status : check_type(call, *record, types);
}

crew_status crewi_sync_value(const struct crewi_sync_record *record, uint64_t *value)
{
    struct crewi_sync_head head = {.id = record->cached.id};
    if (!record->word)
        return crewi_sync_ask_for(CREWI_SYNC_VALUE, &head, value, sizeof *value);
    *value = atomic_load(record->word) & ~CREWI_WORD_QUEUED;
    return CREW_OK;
}

/* To sleep and to be woken up takes longer than that. */
#define LOOKS_NS (3 * CREWI_MICROSECOND)
#define LOOKS_WITH_CORE 10

bool crewi_sync_look_again(struct crewi_sync_looks *looks)
{
    if (looks->count++ < LOOKS_WITH_CORE) {
        crewi_pause();
        return true;
    }
    int64_t now_ns = crewi_now_ns();
    if (!looks->end_ns)
        looks->end_ns = now_ns + LOOKS_NS;
    if (now_ns >= looks->end_ns)
        return false;
    sched_yield();
    return true;
}

/* Begin and end */

crew_status crewi_sync_set_name(struct crewi_sync_spec *spec, const char *what, const char *name)
{
    char with_article[CREW_NAME_SIZE];
    snprintf(with_article, sizeof with_article, "a %s", what);
    crew_status status = crewi_check_name(with_article, name, sizeof spec->name);
    if (!status && name)
        memcpy(spec->name, name, strlen(name) + 1);
    return status;
}

crew_status crewi_sync_make(const struct crewi_sync_spec *spec, const void *arg, uint64_t *id)
{
    struct crewi_sync_description about;
    struct crewi_call call = crewi_sync_call(CREWI_SYNC_CREATE, spec, sizeof *spec);
    call.body = arg;
    call.body_size = spec->arg_size;
    crew_status status = crewi_call_fixed(&call, &about, sizeof about);
    if (status)
        return status;
    remember(crewi_client_current(), &about); /* without memory for it the first use asks again */
    *id = about.id;
    return CREW_OK;
}

crew_status crewi_sync_close(const char *call, uint64_t id, uint32_t types)
{
    struct crewi_sync_head head = {.id = id};
    crew_status status = check_handle(call, id);
    if (status)
        return status;
    struct crewi_cache *cache = &crewi_client_current()->cache;
    const struct crewi_sync_record *record =
        (const struct crewi_sync_record *)crewi_cache_find(cache, id);
    if (record && (status = check_type(call, record, types)))
        return status;
    status = crewi_sync_ask(CREWI_SYNC_CLOSE, &head, 0);
    crewi_cache_remove(cache, id);
    return status == CREW_ECLOSED ? CREW_OK : status; /* it was the last copy */
}
