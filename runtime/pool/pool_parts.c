/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done of a map whose creator reads results one by one: it asks for PARTS, and is told each
 * task once, in the order in which they were done. */
#include "pool/pool_home.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* A creator that does not share memory gets no more results at a time, or those of one task. */
#define ENOUGH_BYTES ((uint64_t)4 << 20)

/* So many failures wait with their details (9 MB); of others only the status is told. */
#define ERRORS_LIMIT 4096

/* The next entry of a list that grows; NULL: no memory. */
static void *grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    size_t more = *room ? 2 * *room : 16;
    void *grown = realloc(list, more * size);
    if (grown)
        *room = more;
    return grown;
}

void crewi_pool_add_part(struct crewi_pool_map *map, struct crewi_range range, crew_status status)
{
    struct crewi_pool_parts *parts = &map->parts;
    struct crewi_pool_part *last = parts->count ? &parts->list[parts->count - 1] : NULL;
    if (!map->submission.parts || !range.count)
        return;
    if (last && last->status == (int32_t)status && last->begin + last->count == range.begin) {
        last->count += range.count;
        return;
    }
    struct crewi_pool_part *list = grow(parts->list, parts->count, &parts->room, sizeof *list);
    if (!list) {
        crewi_log(CREWI_LOG_ERROR, "no memory to tell which tasks of %s are done",
                  map->submission.task);
        return;
    }
    parts->list = list;
    list[parts->count++] = (struct crewi_pool_part){range.begin, range.count, status, 0};
}

void crewi_pool_add_failed_part(struct crewi_pool_map *map, const crew_task_error *error)
{
    struct crewi_pool_parts *parts = &map->parts;
    crew_task_error *errors =
        parts->error_count < ERRORS_LIMIT
            ? grow(parts->errors, parts->error_count, &parts->error_room, sizeof *errors)
            : NULL;
    if (errors) {
        parts->errors = errors;
        errors[parts->error_count++] = *error;
    }
    crewi_pool_add_part(map, (struct crewi_range){error->index, 1}, error->status);
}

/* How many parts go into the next answer, of the last one maybe not all, and how many bytes of
 * results. */
static size_t choose(struct crewi_pool_map *map, uint64_t *bytes)
{
    struct crewi_pool_parts *parts = &map->parts;
    uint64_t size = map->submission.result_size;
    size_t count = 0;
    *bytes = 0;
    if (map->submission.shared || !size)
        return parts->count;
    for (; count < parts->count && *bytes < ENOUGH_BYTES; count++) {
        const struct crewi_pool_part *part = &parts->list[count];
        uint64_t most = (ENOUGH_BYTES - *bytes - 1) / size + 1;
        if (!part->status && part->count > most) {
            *bytes += most * size;
            parts->split = most;
            return count + 1;
        }
        *bytes += part->status ? 0 : part->count * size;
    }
    return count;
}

static void copy_results(const struct crewi_pool_map *map, const struct crewi_pool_part *list,
                         size_t count, unsigned char *at)
{
    uint64_t size = map->submission.result_size;
    for (size_t i = 0; i < count; i++) {
        if (list[i].status)
            continue;
        memcpy(at, map->results + list[i].begin * size, list[i].count * size);
        at += list[i].count * size;
    }
}

/* What was told is dropped; the rest of a part that was split is the first one now. */
static void drop_told(struct crewi_pool_parts *parts, size_t count)
{
    if (parts->split) {
        struct crewi_pool_part *last = &parts->list[--count];
        last->begin += parts->split;
        last->count -= parts->split;
        parts->split = 0;
    }
    parts->count -= count;
    if (parts->count)
        memmove(parts->list, parts->list + count, parts->count * sizeof *parts->list);
    parts->error_count = 0;
}

static void tell(struct crewi_engine *engine, struct crewi_pool_map *map,
                 const struct crewi_origin *origin)
{
    struct crewi_pool_parts *parts = &map->parts;
    uint64_t bytes;
    size_t count = choose(map, &bytes), list_bytes = count * sizeof *parts->list;
    size_t error_bytes = parts->error_count * sizeof *parts->errors;
    struct crewi_pool_told told = {.parts = count, .errors = parts->error_count};
    unsigned char *reply = malloc(sizeof told + list_bytes + error_bytes + bytes);
    if (!reply) {
        parts->split = 0;
        crewi_engine_refuse(engine, origin, CREW_ENOMEM, "no memory to tell what is done of %s",
                            map->submission.task);
        return;
    }
    memcpy(reply, &told, sizeof told);
    struct crewi_pool_part *list = (struct crewi_pool_part *)(void *)(reply + sizeof told);
    if (list_bytes)
        memcpy(list, parts->list, list_bytes);
    if (parts->split)
        list[count - 1].count = parts->split;
    if (error_bytes)
        memcpy(reply + sizeof told + list_bytes, parts->errors, error_bytes);
    if (bytes)
        copy_results(map, list, count, reply + sizeof told + list_bytes + error_bytes);
    crewi_engine_reply(engine, origin, reply, sizeof told + list_bytes + error_bytes + bytes);
    free(reply);
    drop_told(parts, count);
}

void crewi_pool_tell_parts(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    struct crewi_origin origin;
    while (map->parts.count && crewi_parking_take_first(engine, &map->parts.waits, &origin, NULL))
        tell(engine, map, &origin);
}

void crewi_pool_next_parts(struct crewi_engine *engine, struct crewi_pool_map *map,
                           const struct crewi_message *message)
{
    if (!map->submission.parts)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "results of %s are not told one by one", map->submission.task);
    else if (map->parts.count)
        tell(engine, map, &message->origin);
    else if (map->over)
        crewi_engine_refuse(engine, &message->origin, CREW_EOF, "all of %s is told",
                            map->submission.task);
    else
        crewi_park(engine, &map->parts.waits, message); /* empty at its deadline */
}

void crewi_pool_end_parts(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    crewi_parking_clear(engine, &map->parts.waits);
    free(map->parts.list);
    free(map->parts.errors);
}
