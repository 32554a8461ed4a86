/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists of a pool's maps. A program may have 100,000 results to come, so no request may look at
 * all maps of its pool: each step here looks at one, or at those before the place where one
 * belongs.
 */
#include "pool/pool_home.h"

void crewi_pool_add_map(struct crewi_pool *pool, struct crewi_pool_map *map)
{
    map->before = pool->last_map;
    if (map->before)
        map->before->next = map;
    else
        pool->maps = map;
    pool->last_map = map;
}

/* Maps with tasks to hand out */

/* Ids of maps grow with each one that is submitted. */
static bool goes_out_before(const struct crewi_pool_map *map, const struct crewi_pool_map *other)
{
    return map->submission.priority != other->submission.priority
               ? map->submission.priority > other->submission.priority
               : map->object.id < other->object.id;
}

/* Puts a map behind another one, or first when that is NULL. */
static void list_waiting_behind(struct crewi_map_list *list, struct crewi_pool_map *map,
                                struct crewi_pool_map *before)
{
    struct crewi_pool_map *next = before ? before->waiting.next : list->first;
    map->waiting = (struct crewi_map_link){next, before, true};
    if (before)
        before->waiting.next = map;
    else
        list->first = map;
    if (next)
        next->waiting.before = map;
    else
        list->last = map;
}

static void unlist_waiting(struct crewi_map_list *list, struct crewi_pool_map *map)
{
    struct crewi_map_link *link = &map->waiting;
    if (!link->is_in)
        return;
    if (link->before)
        link->before->waiting.next = link->next;
    else
        list->first = link->next;
    if (link->next)
        link->next->waiting.before = link->before;
    else
        list->last = link->before;
    *link = (struct crewi_map_link){0};
}

/* A new map belongs at the end, unless it has a priority, and one whose tasks come back is one of
 * the oldest: so the place is looked for from the end only as far as that is right, and from the
 * beginning otherwise. */
void crewi_pool_list_waiting(struct crewi_pool_map *map)
{
    struct crewi_map_list *list = &map->pool->waiting;
    struct crewi_pool_map *before = list->last;
    if (map->waiting.is_in)
        return;
    if (before && goes_out_before(map, before)) {
        struct crewi_pool_map *next = list->first;
        while (!goes_out_before(map, next))
            next = next->waiting.next;
        before = next->waiting.before;
    }
    list_waiting_behind(list, map, before);
}

struct crewi_pool_map *crewi_pool_next_waiting(struct crewi_pool *pool,
                                               struct crewi_pool_map *after)
{
    struct crewi_pool_map *map = after ? after->waiting.next : pool->waiting.first;
    while (map && (map->over || !crewi_schedule_remaining(&map->schedule))) {
        struct crewi_pool_map *next = map->waiting.next;
        unlist_waiting(&pool->waiting, map);
        map = next;
    }
    return map;
}

crew_status crewi_pool_return_tasks(struct crewi_pool_map *map, struct crewi_range range)
{
    crew_status status = crewi_schedule_return(&map->schedule, range);
    if (status || !range.count)
        return status;
    map->pool->has_come_back |= crewi_pool_is_being_cancelled(map);
    crewi_pool_list_waiting(map);
    return CREW_OK;
}

/* Maps that are done */

void crewi_pool_list_done(struct crewi_pool_map *map)
{
    struct crewi_pool *pool = map->pool;
    map->order = ++pool->maps_done;
    map->done_link = (struct crewi_map_link){NULL, pool->done.last, true};
    if (pool->done.last)
        pool->done.last->done_link.next = map;
    else
        pool->done.first = map;
    pool->done.last = map;
    if (!pool->next_to_tell)
        pool->next_to_tell = map;
}

static void unlist_done(struct crewi_pool *pool, struct crewi_pool_map *map)
{
    struct crewi_map_link *link = &map->done_link;
    if (!link->is_in)
        return;
    if (pool->next_to_tell == map)
        pool->next_to_tell = link->next;
    if (link->before)
        link->before->done_link.next = link->next;
    else
        pool->done.first = link->next;
    if (link->next)
        link->next->done_link.before = link->before;
    else
        pool->done.last = link->before;
    *link = (struct crewi_map_link){0};
}

struct crewi_pool_map *crewi_pool_next_to_tell(struct crewi_pool *pool)
{
    while (pool->next_to_tell && !pool->next_to_tell->notify)
        pool->next_to_tell = pool->next_to_tell->done_link.next;
    return pool->next_to_tell;
}

/* The end */

void crewi_pool_drop_later(struct crewi_pool_map *map)
{
    map->next_to_drop = map->pool->first_to_drop;
    map->pool->first_to_drop = map;
}

void crewi_pool_take_out_map(struct crewi_pool *pool, struct crewi_pool_map *map)
{
    unlist_waiting(&pool->waiting, map);
    unlist_done(pool, map);
    if (map->before)
        map->before->next = map->next;
    else
        pool->maps = map->next;
    if (map->next)
        map->next->before = map->before;
    else
        pool->last_map = map->before;
}
