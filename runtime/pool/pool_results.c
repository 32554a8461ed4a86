/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps, as their creator sees them: waiting, taking, cancelling. */
#include "pool/pool_home.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* Failures of which the details are kept. */
#define ERRORS_LIMIT 1000

/* Failures */

/* Where an index is, or would be, in the list. */
static size_t place_of(const struct crewi_pool_errors *errors, uint64_t index)
{
    size_t low = 0, high = errors->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (errors->list[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

crew_task_error *crewi_pool_find_error(const struct crewi_pool_errors *errors, uint64_t index)
{
    size_t at = place_of(errors, index);
    return at < errors->count && errors->list[at].index == index ? &errors->list[at] : NULL;
}

static bool grow(struct crewi_pool_errors *errors)
{
    size_t room = errors->room ? 2 * errors->room : 4;
    crew_task_error *grown = realloc(errors->list, room * sizeof *grown);
    if (!grown)
        return false;
    errors->list = grown;
    errors->room = room;
    return true;
}

void crewi_pool_keep_error(struct crewi_pool_errors *errors, const crew_task_error *error)
{
    size_t at = place_of(errors, error->index);
    if (at >= ERRORS_LIMIT)
        return;
    if (at == errors->count || errors->list[at].index != error->index) {
        if (errors->count == ERRORS_LIMIT)
            errors->count--;
        else if (errors->count == errors->room && !grow(errors))
            return; /* its status is kept all the same */
        memmove(&errors->list[at + 1], &errors->list[at],
                (errors->count - at) * sizeof *errors->list);
        errors->count++;
    }
    errors->list[at] = *error;
}

static void tell_errors(struct crewi_engine *engine, const struct crewi_pool_map *map,
                        const struct crewi_origin *origin)
{
    if (map->over)
        crewi_engine_reply(engine, origin, map->errors.list,
                           map->errors.count * sizeof *map->errors.list);
    else
        crewi_engine_refuse(engine, origin, CREW_ESTATE, "%s is not done", map->submission.task);
}

/* The end of a map */

/* Whether nobody can want to hear of anything any more. */
static bool is_at_end(const struct crewi_pool *pool)
{
    bool ends =
        pool->broken || pool->state == CREWI_POOL_CLOSED || pool->state == CREWI_POOL_TERMINATED;
    for (const struct crewi_pool_map *map = pool->maps; map && ends; map = map->next)
        ends = crewi_pool_is_done(map) || map->closed;
    return ends;
}

void crewi_pool_tell_next_done(struct crewi_engine *engine, struct crewi_pool *pool)
{
    struct crewi_pool_map *map;
    struct crewi_origin origin;
    while (pool->next_done.first && (map = crewi_pool_next_to_tell(pool)) &&
           crewi_parking_take_first(engine, &pool->next_done, &origin, NULL)) {
        map->notify = false;
        crewi_engine_reply(engine, &origin, &map->object.id, sizeof map->object.id);
    }
    if (pool->next_done.first && !pool->live && is_at_end(pool) && !crewi_pool_next_to_tell(pool))
        crewi_parking_refuse_all(engine, &pool->next_done, CREW_ECLOSED, "the pool has ended");
}

void crewi_pool_next_done(struct crewi_engine *engine, struct crewi_pool *pool,
                          const struct crewi_message *message)
{
    crewi_park(engine, &pool->next_done, message); /* an empty reply at its deadline */
    crewi_pool_tell_next_done(engine, pool);
}

/* All that is done and that the caller does not know of, in that order. */
static void tell_completed(struct crewi_engine *engine, const struct crewi_pool *pool,
                           const struct crewi_origin *origin, uint64_t known)
{
    const struct crewi_pool_map *map = pool->done.last;
    size_t count = 0;
    for (; map && map->order > known; map = map->done_link.before)
        count++;
    struct crewi_pool_completion *list = calloc(count + 1, sizeof *list);
    if (!list) {
        crewi_engine_refuse(engine, origin, CREW_ENOMEM,
                            "no memory to tell which %zu results are done", count);
        return;
    }
    map = pool->done.last;
    for (size_t i = count; i-- > 0; map = map->done_link.before)
        list[i] = (struct crewi_pool_completion){
            .id = map->object.id, .order = map->order, .wrong = crewi_pool_went_wrong(map)};
    crewi_engine_reply(engine, origin, list, count * sizeof *list);
    free(list);
}

void crewi_pool_completed(struct crewi_engine *engine, struct crewi_pool *pool,
                          const struct crewi_message *message)
{
    uint64_t known;
    if (message->size != sizeof known) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "pool.completed: a message of %llu bytes, expected %zu",
                            (unsigned long long)message->size, sizeof known);
        return;
    }
    memcpy(&known, message->data, sizeof known);
    if (pool->done.last && pool->done.last->order > known)
        tell_completed(engine, pool, &message->origin, known);
    else
        crewi_park_with(engine, &pool->completed, message, known); /* empty at its deadline */
}

static void tell_done(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    static const unsigned char yes = 1;
    struct crewi_pool *pool = map->pool;
    struct crewi_origin origin;
    uint64_t known;
    crewi_pool_list_done(map);
    crewi_parking_reply_all(engine, &map->waits, &yes, sizeof yes);
    while (crewi_parking_take_first(engine, &pool->completed, &origin, &known))
        tell_completed(engine, pool, &origin, known);
    crewi_pool_tell_next_done(engine, pool);
}

void crewi_pool_map_over(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    crewi_pool_flush_reports(engine, map);
    crewi_pool_tell_parts(engine, map);
    if (!map->kept)
        tell_done(engine, map);
}

static void drop(struct crewi_engine *engine, struct crewi_pool_map *map)
{
    crewi_engine_remove(engine, map->object.id);
    crewi_pool_free_map(engine, map);
}

void crewi_pool_sweep(struct crewi_engine *engine, struct crewi_pool *pool)
{
    struct crewi_pool_map *map;
    while ((map = pool->first_to_drop)) {
        pool->first_to_drop = map->next_to_drop;
        drop(engine, map);
    }
}

/* Taking */

static void free_memory(struct crewi_pool_map *map)
{
    free(map->owned);
    map->owned = NULL;
    map->items = NULL;
    map->results = NULL;
    map->statuses = NULL;
}

/* What of the results is not the caller's own memory, and was not taken yet. */
static size_t size_to_take(const struct crewi_pool_map *map, size_t *status_bytes)
{
    const struct crewi_pool_submission *submission = &map->submission;
    *status_bytes = map->statuses ? submission->count * sizeof *map->statuses : 0;
    if (submission->shared || map->taken)
        return 0;
    return *status_bytes + submission->count * submission->result_size;
}

/* What does not fit a message well is lent, if the caller reads it. */
static bool lends(const struct crewi_pool_map *map, unsigned flags, size_t bytes)
{
    return (flags & CREWI_TAKE_LOAN) && bytes >= CREWI_POOL_LOAN_MIN && map->owned;
}

static crew_status hand_over(struct crewi_engine *engine, struct crewi_pool_map *map,
                             const struct crewi_origin *origin, unsigned flags)
{
    struct crewi_pool_outcome outcome = {.status = map->status,
                                         .reason_size = (uint32_t)strlen(map->reason)};
    size_t status_bytes, bytes = size_to_take(map, &status_bytes);
    const unsigned char *behind = bytes ? map->results - status_bytes : NULL; /* with statuses */
    struct crewi_loan loan;
    if (lends(map, flags, bytes)) {
        map->cookie = crewi_loan_cookie();
        loan = crewi_loan_make(behind, &map->cookie);
        outcome.lent = bytes;
        behind = (const unsigned char *)&loan;
        bytes = sizeof loan;
    }
    size_t size = sizeof outcome + outcome.reason_size + bytes;
    unsigned char *reply = malloc(size);
    if (!reply) {
        crewi_engine_refuse(engine, origin, CREW_ENOMEM, "no memory for the results of a map");
        return CREW_ENOMEM;
    }
    memcpy(reply, &outcome, sizeof outcome);
    memcpy(reply + sizeof outcome, map->reason, outcome.reason_size);
    if (bytes)
        memcpy(reply + size - bytes, behind, bytes);
    crewi_engine_reply(engine, origin, reply, size);
    free(reply);
    map->taken = !outcome.lent;
    return CREW_OK;
}

static void take(struct crewi_engine *engine, struct crewi_pool_map *map,
                 const struct crewi_message *message)
{
    unsigned flags = message->size ? *(const unsigned char *)message->data : 0;
    if (!map->over) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "%s is not done",
                            map->submission.task);
        return;
    }
    map->taken |= (flags & CREWI_TAKE_READ) != 0;
    if (hand_over(engine, map, &message->origin, flags) || !map->taken)
        return;
    if (flags & CREWI_TAKE_AND_CLOSE || (flags & CREWI_TAKE_AND_CLOSE_GOOD && !map->status))
        drop(engine, map);
    else
        free_memory(map);
}

/* Requests */

static void wait_for(struct crewi_engine *engine, struct crewi_pool_map *map,
                     const struct crewi_message *message)
{
    static const unsigned char yes = 1;
    if (crewi_pool_is_done(map))
        crewi_engine_reply(engine, &message->origin, &yes, sizeof yes);
    else
        crewi_park(engine, &map->waits, message);
}

static void forget_waits(struct crewi_engine *engine, struct crewi_pool_map *map,
                         const struct crewi_message *message)
{
    uint64_t range[2];
    if (message->size != sizeof range)
        return;
    memcpy(range, message->data, sizeof range);
    crewi_parking_drop_requests(engine, &map->waits, message->origin.process, range[0], range[1]);
}

static void notify(struct crewi_engine *engine, struct crewi_pool_map *map,
                   const struct crewi_origin *origin)
{
    unsigned char later = !crewi_pool_is_done(map);
    map->notify |= later;
    crewi_engine_reply(engine, origin, &later, sizeof later);
}

static void kill_map(struct crewi_engine *engine, struct crewi_pool_map *map,
                     const struct crewi_origin *origin)
{
    if (map->pool->spec.inside) {
        crewi_engine_refuse(engine, origin, CREW_ENOTSUP, "a task inside a rank cannot be killed");
        return;
    }
    crewi_pool_kill_map(engine, map);
    crewi_engine_reply(engine, origin, NULL, 0);
}

static void close_map(struct crewi_engine *engine, struct crewi_pool_map *map,
                      const struct crewi_origin *origin)
{
    struct crewi_pool *pool = map->pool;
    map->closed = true;
    crewi_engine_reply(engine, origin, NULL, 0);
    if (map->over)
        drop(engine, map);
    crewi_pool_tell_next_done(engine, pool); /* it may have been the last to be told of */
}

/* Its journal is closed. */
static void end_keeping(struct crewi_engine *engine, struct crewi_pool_map *map,
                        const struct crewi_origin *origin)
{
    crewi_engine_reply(engine, origin, NULL, 0);
    if (!map->kept)
        return;
    map->kept = false;
    if (map->over)
        tell_done(engine, map);
}

static void tell_progress(struct crewi_engine *engine, const struct crewi_pool_map *map,
                          const struct crewi_origin *origin)
{
    struct crewi_pool_progress progress;
    crewi_pool_progress_of(map, &progress);
    crewi_engine_reply(engine, origin, &progress, sizeof progress);
}

static void request_of_creator(struct crewi_engine *engine, struct crewi_pool_map *map,
                               const struct crewi_message *message)
{
    switch (message->op) {
    case CREWI_OP_WAIT:
        wait_for(engine, map, message);
        break;
    case CREWI_OP_FORGET_WAITS:
        forget_waits(engine, map, message);
        break;
    case CREWI_RESULT_PROGRESS:
        tell_progress(engine, map, &message->origin);
        break;
    case CREWI_RESULT_TAKE:
        take(engine, map, message);
        break;
    case CREWI_RESULT_ERRORS:
        tell_errors(engine, map, &message->origin);
        break;
    case CREWI_RESULT_NOTIFY:
        notify(engine, map, &message->origin);
        break;
    case CREWI_RESULT_CANCEL:
        crewi_pool_cancel(engine, map, message);
        break;
    case CREWI_RESULT_KILL:
        kill_map(engine, map, &message->origin);
        break;
    case CREWI_RESULT_NEXT:
        crewi_pool_next_report(engine, map, message);
        break;
    case CREWI_RESULT_PARTS:
        crewi_pool_next_parts(engine, map, message);
        break;
    case CREWI_RESULT_FETCH:
        crewi_pool_tell_results(engine, map, message);
        break;
    case CREWI_RESULT_CLOSE:
        close_map(engine, map, &message->origin);
        break;
    case CREWI_RESULT_KEPT:
        end_keeping(engine, map, &message->origin);
        break;
    default:
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a result has no operation %d",
                            message->op);
    }
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    struct crewi_pool_map *map = (struct crewi_pool_map *)object;
    if (!map)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "there is no operation %d on results", message->op);
    else if (message->origin.process != map->pool->creator)
        crewi_engine_refuse(engine, &message->origin, CREW_EPERM,
                            "only the process that made a result (%s) may use it",
                            map->pool->spec.creator_name);
    else if (map->closed)
        crewi_engine_refuse(engine, &message->origin, CREW_ENOENT, "the result was closed");
    else
        request_of_creator(engine, map, message);
}

/* Its pool does that. */
static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    (void)engine;
    (void)object;
}

const struct crewi_kind crewi_result_kind = {
    .name = "result", .request = request, .destroy = destroy};
