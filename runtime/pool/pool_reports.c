/* SPDX-License-Identifier: BSD-3-Clause */
/* What has succeeded, for a creator that keeps a journal: it asks for NEXT again and again, and is
 * told what there is every now and then, and at the end. */
#include "pool/pool_home.h"

#include "base/log.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The creator is told at once when so many bytes of results wait, */
#define MANY_BYTES ((uint64_t)4 << 20)

/* and, if it does not share memory, gets no more than that at a time, or one range. */
#define ENOUGH_BYTES ((uint64_t)64 << 20)

/* How many ranges go into the next answer, and how many bytes of results. */
static size_t choose(const struct crewi_pool_map *map, uint64_t *bytes)
{
    const struct crewi_pool_reports *reports = &map->reports;
    size_t count = 0;
    *bytes = 0;
    if (map->submission.shared)
        return reports->count;
    while (count < reports->count && (!count || *bytes < ENOUGH_BYTES))
        *bytes += reports->list[count++].count * map->submission.result_size;
    return count;
}

static void copy_results(const struct crewi_pool_map *map, size_t count, unsigned char *at)
{
    uint64_t size = map->submission.result_size;
    for (size_t i = 0; i < count && size; i++) {
        const struct crewi_pool_report *report = &map->reports.list[i];
        memcpy(at, map->results + report->begin * size, report->count * size);
        at += report->count * size;
    }
}

static void drop_first(struct crewi_pool_map *map, size_t count)
{
    struct crewi_pool_reports *reports = &map->reports;
    for (size_t i = 0; i < count; i++)
        reports->bytes -= reports->list[i].count * map->submission.result_size;
    reports->count -= count;
    if (reports->count)
        memmove(reports->list, reports->list + count, reports->count * sizeof *reports->list);
}

static void tell(struct crewi_engine *engine, struct crewi_pool_map *map,
                 const struct crewi_origin *origin)
{
    uint64_t bytes;
    size_t count = choose(map, &bytes), list_size = count * sizeof *map->reports.list;
    struct crewi_pool_news news = {.count = count,
                                   .over = map->over && count == map->reports.count};
    unsigned char *reply = malloc(sizeof news + list_size + bytes);
    if (!reply) {
        crewi_engine_refuse(engine, origin, CREW_ENOMEM, "no memory to tell what is done of %s",
                            map->submission.task);
        return;
    }
    memcpy(reply, &news, sizeof news);
    if (list_size)
        memcpy(reply + sizeof news, map->reports.list, list_size);
    if (bytes)
        copy_results(map, count, reply + sizeof news + list_size);
    crewi_engine_reply(engine, origin, reply, sizeof news + list_size + bytes);
    free(reply);
    drop_first(map, count);
}

/* Its creator has waited for long enough. */
static void tell_now(struct crewi_engine *engine, struct crewi_parking *parking,
                     const struct crewi_origin *origin)
{
    struct crewi_pool_map *map =
        (void *)((char *)parking - offsetof(struct crewi_pool_map, reports.next));
    tell(engine, map, origin);
}

void crewi_pool_begin_reports(struct crewi_pool_map *map)
{
    map->reports.next.due = tell_now;
}

void crewi_pool_end_reports(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    crewi_parking_clear(engine, &map->reports.next);
    free(map->reports.list);
}

void crewi_pool_flush_reports(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    struct crewi_origin origin;
    while (crewi_parking_take_first(engine, &map->reports.next, &origin, NULL))
        tell(engine, map, &origin);
}

static bool grow(struct crewi_pool_reports *reports)
{
    size_t room = reports->room ? 2 * reports->room : 64;
    struct crewi_pool_report *grown = realloc(reports->list, room * sizeof *grown);
    if (!grown)
        return false;
    reports->list = grown;
    reports->room = room;
    return true;
}

static uint32_t attempts_of(const struct crewi_pool_map *map, uint64_t index)
{
    return map->attempts ? map->attempts[index] + 1U : 1;
}

/* A range of tasks that took the same number of attempts. */
static void add(struct crewi_engine *engine, struct crewi_pool_map *map,
                const struct crewi_worker *worker, struct crewi_range range)
{
    struct crewi_pool_reports *reports = &map->reports;
    struct crewi_process_info info = {.name = "a worker"};
    if (reports->count == reports->room && !grow(reports)) {
        crewi_log(CREWI_LOG_ERROR, "no memory to report tasks of %s, which a journal will lack",
                  map->submission.task);
        return;
    }
    struct crewi_pool_report *report = &reports->list[reports->count++];
    *report = (struct crewi_pool_report){.begin = range.begin,
                                         .count = range.count,
                                         .rank = worker->rank,
                                         .attempts = attempts_of(map, range.begin)};
    crewi_process_describe(engine, worker->process, &info);
    snprintf(report->worker, sizeof report->worker, "%s", info.name);
    reports->bytes += range.count * map->submission.result_size;
}

void crewi_pool_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                       const struct crewi_worker *worker, struct crewi_range range)
{
    while (range.count) {
        struct crewi_range part = {range.begin, map->attempts ? 1 : range.count};
        while (part.count < range.count &&
               attempts_of(map, part.begin + part.count) == attempts_of(map, part.begin))
            part.count++;
        add(engine, map, worker, part);
        range.begin += part.count;
        range.count -= part.count;
    }
    if (map->reports.bytes >= MANY_BYTES)
        crewi_pool_flush_reports(engine, map);
}

void crewi_pool_next_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                            const struct crewi_message *message)
{
    if (!map->submission.reports)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "%s does not report",
                            map->submission.task);
    else if (map->over || map->reports.bytes >= MANY_BYTES)
        tell(engine, map, &message->origin);
    else
        crewi_park(engine, &map->reports.next, message);
}
