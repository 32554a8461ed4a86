/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between the homes and the rest of them: the linker has these functions called instead
 * of those that they are named after, so that the model hears of what happens when it does, and
 * something wrong can be planted. */
#include "base/clock.h"
#include "node/arena.h"
#include "sim_scenarios.h"
#include "sync/sync_home.h"
#include "sync_model.h"
#include "sync_plants.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ALIGNMENT 64
/* In the place of a block that is of ours. */
#define OUR_FD (-1)

/* NULL while another scenario runs, or none. */
static struct sync_model *model_now(void)
{
    const struct sim_job *job = sim_job_current();
    return job && job->scenario == &sim_sync_scenario ? job->state : NULL;
}

static const struct sim_client *client_of(const struct sync_model *model, uint64_t process)
{
    return crewi_table_find(&model->job->by_process, process);
}

/* Plants */

const struct sim_plant sync_plants[] = {
    {"lost-reply", SIM_PLANT_DROP, CREWI_REPLY, 0, 0},
    {"double-reply", SIM_PLANT_DOUBLE, CREWI_REPLY, 0, 0},
    {"lost-release", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_SYNC,
     CREWI_ENGINE_OPS + CREWI_SYNC_RELEASE},
    {"lost-set", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_SYNC, CREWI_ENGINE_OPS + CREWI_SYNC_SET},
    {"lost-death", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_SYNC, CREWI_SYNC_RELEASED},
    {"forgets-next", SIM_PLANT_OWN, 0, 0, SYNC_FORGETS_NEXT},
    {"queued-stays", SIM_PLANT_OWN, 0, 0, SYNC_QUEUED_STAYS},
    {"queued-lost", SIM_PLANT_OWN, 0, 0, SYNC_QUEUED_LOST},
    {"death-ignored", SIM_PLANT_OWN, 0, 0, SYNC_DEATH_IGNORED},
    {"dead-waits", SIM_PLANT_OWN, 0, 0, SYNC_DEAD_WAITS},
    {"death-told-twice", SIM_PLANT_OWN, 0, 0, SYNC_DEATH_TOLD_TWICE},
    {"notify-too-few", SIM_PLANT_OWN, 0, 0, SYNC_NOTIFY_TOO_FEW},
    {"notify-too-many", SIM_PLANT_OWN, 0, 0, SYNC_NOTIFY_TOO_MANY},
    {"notify-dies", SIM_PLANT_OWN, 0, 0, SYNC_NOTIFY_DIES},
    {"release-overtakes", SIM_PLANT_OWN, 0, 0, SYNC_RELEASE_OVERTAKES},
    {"unit-lost", SIM_PLANT_OWN, 0, 0, SYNC_UNIT_LOST},
    {"set-ignored", SIM_PLANT_OWN, 0, 0, SYNC_SET_IGNORED},
    {"dead-setter", SIM_PLANT_OWN, 0, 0, SYNC_DEAD_SETTER},
    {"clear-forgets", SIM_PLANT_OWN, 0, 0, SYNC_CLEAR_FORGETS},
    {"one-missing", SIM_PLANT_OWN, 0, 0, SYNC_ONE_MISSING},
    {"index-twice", SIM_PLANT_OWN, 0, 0, SYNC_INDEX_TWICE},
    {"party-dies-unseen", SIM_PLANT_OWN, 0, 0, SYNC_PARTY_DIES_UNSEEN},
    {"abort-ignored", SIM_PLANT_OWN, 0, 0, SYNC_ABORT_IGNORED},
    {"no-time-limit", SIM_PLANT_OWN, 0, 0, SYNC_NO_TIME_LIMIT},
    {"early-time-limit", SIM_PLANT_OWN, 0, 0, SYNC_EARLY_TIME_LIMIT},
    {"block-kept", SIM_PLANT_OWN, 0, 0, SYNC_BLOCK_KEPT},
    {.name = NULL},
};

bool sync_is_planted(const struct sync_model *model, enum sync_plant which, bool fits)
{
    struct sim_network *network = &model->job->network;
    const struct sim_plant *plant = network->plant;
    if (!fits || !plant || plant->action != SIM_PLANT_OWN || plant->op != which)
        return false;
    if (network->until_plant--)
        return false;
    network->plant = NULL;
    sim_trace(model->job, "-- and here is the plant");
    return true;
}

/* What a home does */

void __real_crewi_sync_home_request(struct crewi_engine *engine,
                                    const struct crewi_message *message, uint8_t op);
void __wrap_crewi_sync_home_request(struct crewi_engine *engine,
                                    const struct crewi_message *message, uint8_t op);

static bool is_lock(const struct sync_thing *thing)
{
    return thing->type == CREWI_SYNC_LOCK || thing->type == CREWI_SYNC_RLOCK;
}

/* It answers, and does nothing. True when it did that. */
static bool do_nothing(struct crewi_engine *engine, const struct sync_thing *thing,
                       const struct crewi_message *message, uint8_t op)
{
    const struct sync_model *model = thing->model;
    bool semaphore = thing->type == CREWI_SYNC_SEMAPHORE;
    bool is_good = !model->asked[client_of(model, message->origin.process)->number].expected;
    bool some = thing->line.count;
    bool planted =
        sync_is_planted(model, SYNC_UNIT_LOST, op == CREWI_SYNC_RELEASE && semaphore && is_good) ||
        sync_is_planted(model, SYNC_SET_IGNORED,
                        op == CREWI_SYNC_SET && !message->origin.request && some) ||
        sync_is_planted(model, SYNC_ABORT_IGNORED, op == CREWI_SYNC_ABORT && some);
    if (sync_is_planted(model, SYNC_FORGETS_NEXT,
                        op == CREWI_SYNC_RELEASE && is_lock(thing) && !thing->owner && some)) {
        atomic_store(thing->word, 0);
        planted = true;
    }
    if (planted)
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    return planted;
}

/* It does something else than what it was asked. */
static void spoil(const struct sync_thing *thing, struct crewi_message *message,
                  struct crewi_sync_head *head, uint8_t op)
{
    const struct sync_model *model = thing->model;
    bool notify = op == CREWI_SYNC_NOTIFY && thing->to_notify;
    bool timed =
        op == CREWI_SYNC_ACQUIRE && message->timeout_ns > 0 && message->timeout_ns != CREWI_FOREVER;
    if (sync_is_planted(model, SYNC_NOTIFY_TOO_FEW, notify))
        head->value = (int64_t)thing->to_notify - 1;
    if (sync_is_planted(model, SYNC_NOTIFY_TOO_MANY,
                        notify && thing->to_notify < thing->notified->count))
        head->value = (int64_t)thing->to_notify + 1;
    if (sync_is_planted(model, SYNC_NO_TIME_LIMIT, timed))
        message->timeout_ns = CREWI_FOREVER;
    if (sync_is_planted(model, SYNC_EARLY_TIME_LIMIT, timed))
        message->timeout_ns /= 2;
    if (sync_is_planted(model, SYNC_CLEAR_FORGETS,
                        op == CREWI_SYNC_CLEAR && thing->is_set && thing->line.count))
        atomic_fetch_and(thing->word, ~CREWI_WORD_SET);
}

static void handle(struct crewi_engine *engine, const struct sync_thing *thing,
                   const struct crewi_message *message, uint8_t op)
{
    struct crewi_sync_head head;
    struct crewi_message copy = *message;
    memcpy(&head, message->data, sizeof head);
    copy.data = &head;
    struct crewi_sync *sync = crewi_sync_find(engine, head.id);
    if (do_nothing(engine, thing, message, op))
        return;
    spoil(thing, &copy, &head, op);
    bool last = op == CREWI_SYNC_ARRIVE && thing->parties > 1 && !thing->in_action &&
                thing->line.count == thing->parties - 1;
    bool one_missing = sync_is_planted(thing->model, SYNC_ONE_MISSING, last);
    sync->barrier.parties -= one_missing;
    __real_crewi_sync_home_request(engine, &copy, op);
    sync->barrier.parties += one_missing;
    if (sync_is_planted(thing->model, SYNC_QUEUED_LOST,
                        op == CREWI_SYNC_ACQUIRE && thing->line.count == 1))
        atomic_fetch_and(thing->word, ~CREWI_WORD_QUEUED);
}

void __wrap_crewi_sync_home_request(struct crewi_engine *engine,
                                    const struct crewi_message *message, uint8_t op)
{
    struct sync_model *model = model_now();
    const struct crewi_sync_head *head = message->data;
    struct sync_thing *thing = model ? sync_model_find(model, head->id) : NULL;
    if (!thing || !thing->word) {
        __real_crewi_sync_home_request(engine, message, op);
        return;
    }
    sync_model_request(thing, client_of(model, message->origin.process), message, op);
    handle(engine, thing, message, op);
    sync_model_settled(thing);
}

void __real_crewi_sync_home_released(struct crewi_engine *engine, uint64_t id, uint64_t process);
void __wrap_crewi_sync_home_released(struct crewi_engine *engine, uint64_t id, uint64_t process);
void __wrap_crewi_sync_home_released(struct crewi_engine *engine, uint64_t id, uint64_t process)
{
    struct sync_model *model = model_now();
    struct sync_thing *thing = model ? sync_model_find(model, id) : NULL;
    if (!thing || !thing->word) {
        __real_crewi_sync_home_released(engine, id, process);
        return;
    }
    const struct sim_client *client = client_of(model, process);
    bool waits = sync_line_find(&thing->line, client->number) < thing->line.count;
    bool barrier = thing->type == CREWI_SYNC_BARRIER;
    bool unseen =
        sync_is_planted(model, SYNC_DEATH_IGNORED, is_lock(thing) && thing->owner == process) ||
        sync_is_planted(model, SYNC_DEAD_WAITS, waits && !barrier) ||
        sync_is_planted(model, SYNC_PARTY_DIES_UNSEEN, waits && barrier);
    bool dead_setter = sync_is_planted(model, SYNC_DEAD_SETTER,
                                       thing->setters == (uint64_t)1 << client->number &&
                                           thing->line.count && !waits);
    sync_model_released(thing, client);
    if (dead_setter)
        atomic_fetch_and(thing->word, ~CREWI_WORD_SET);
    if (!unseen)
        __real_crewi_sync_home_released(engine, id, process);
    if (dead_setter)
        atomic_fetch_or(thing->word, CREWI_WORD_SET);
    sync_model_settled(thing);
}

void __real_crewi_sync_lock_enqueue(struct crewi_engine *engine, struct crewi_sync *sync,
                                    const struct crewi_origin *origin, crew_status status,
                                    uint64_t number);
void __wrap_crewi_sync_lock_enqueue(struct crewi_engine *engine, struct crewi_sync *sync,
                                    const struct crewi_origin *origin, crew_status status,
                                    uint64_t number);
void __wrap_crewi_sync_lock_enqueue(struct crewi_engine *engine, struct crewi_sync *sync,
                                    const struct crewi_origin *origin, crew_status status,
                                    uint64_t number)
{
    struct sync_model *model = model_now();
    struct sync_thing *thing = model ? sync_model_find(model, sync->shared.object.id) : NULL;
    if (thing)
        sync_model_enqueued(thing, client_of(model, origin->process), status);
    __real_crewi_sync_lock_enqueue(engine, sync, origin, status, number);
}

void __real_crewi_sync_condition_hand_on(struct crewi_engine *engine, struct crewi_sync *sync,
                                         uint64_t notify);
void __wrap_crewi_sync_condition_hand_on(struct crewi_engine *engine, struct crewi_sync *sync,
                                         uint64_t notify);
void __wrap_crewi_sync_condition_hand_on(struct crewi_engine *engine, struct crewi_sync *sync,
                                         uint64_t notify)
{
    const struct sync_model *model = model_now();
    if (!model || !sync_is_planted(model, SYNC_NOTIFY_DIES, true))
        __real_crewi_sync_condition_hand_on(engine, sync, notify);
}

void __real_crewi_sync_waiter_left(struct crewi_engine *engine, struct crewi_parking *parking);
void __wrap_crewi_sync_waiter_left(struct crewi_engine *engine, struct crewi_parking *parking);
void __wrap_crewi_sync_waiter_left(struct crewi_engine *engine, struct crewi_parking *parking)
{
    const struct sync_model *model = model_now();
    if (!model || !sync_is_planted(model, SYNC_QUEUED_STAYS, !parking->first))
        __real_crewi_sync_waiter_left(engine, parking);
}

/* What it answers */

static struct sync_thing *asked_of(const struct sync_model *model, const struct sim_client *client,
                                   const struct crewi_origin *origin)
{
    const struct sync_asked *asked = client ? &model->asked[client->number] : NULL;
    return asked && origin->request == asked->request ? asked->thing : NULL;
}

static void answered(const struct crewi_engine *engine, const struct crewi_origin *origin,
                     crew_status status, const void *data, size_t size)
{
    struct sync_model *model = model_now();
    if (!model || !origin->request)
        return;
    const struct sim_client *client = client_of(model, origin->process);
    struct sync_thing *thing = asked_of(model, client, origin);
    if (thing && thing->home == engine->rank)
        sync_model_answer(thing, client, status, data, size);
}

/* A lock that is given as a dead one's has been told of that before. */
static bool is_told_twice(const struct crewi_origin *origin)
{
    const struct sync_model *model = model_now();
    if (!model || !origin->request)
        return false;
    const struct sync_thing *thing = asked_of(model, client_of(model, origin->process), origin);
    return thing && is_lock(thing) &&
           sync_is_planted(model, SYNC_DEATH_TOLD_TWICE,
                           thing->told_death &&
                               model->asked[client_of(model, origin->process)->number].waits);
}

static bool has_index_twice(const struct crewi_origin *origin, const void *data, size_t size)
{
    const struct sync_model *model = model_now();
    const struct crewi_sync_arrival *arrival = data;
    if (!model || !origin->request)
        return false;
    const struct sync_thing *thing = asked_of(model, client_of(model, origin->process), origin);
    return thing && thing->type == CREWI_SYNC_BARRIER && size == sizeof *arrival &&
           sync_is_planted(model, SYNC_INDEX_TWICE, arrival->index > 0);
}

void __real_crewi_engine_reply(struct crewi_engine *engine, const struct crewi_origin *origin,
                               const void *data, size_t size);
void __wrap_crewi_engine_reply(struct crewi_engine *engine, const struct crewi_origin *origin,
                               const void *data, size_t size);
void __wrap_crewi_engine_reply(struct crewi_engine *engine, const struct crewi_origin *origin,
                               const void *data, size_t size)
{
    struct crewi_sync_arrival arrival;
    if (is_told_twice(origin)) {
        crewi_engine_refuse(engine, origin, CREW_EOWNERDEAD, "once more");
        return;
    }
    if (has_index_twice(origin, data, size)) {
        memcpy(&arrival, data, sizeof arrival);
        arrival.index--;
        data = &arrival;
    }
    answered(engine, origin, CREW_OK, data, size);
    __real_crewi_engine_reply(engine, origin, data, size);
}

void __real_crewi_engine_refuse(struct crewi_engine *engine, const struct crewi_origin *origin,
                                crew_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void __wrap_crewi_engine_refuse(struct crewi_engine *engine, const struct crewi_origin *origin,
                                crew_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void __wrap_crewi_engine_refuse(struct crewi_engine *engine, const struct crewi_origin *origin,
                                crew_status status, const char *format, ...)
{
    char reason[512];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    answered(engine, origin, status, NULL, 0);
    __real_crewi_engine_refuse(engine, origin, status, "%s", reason);
}

/* Its memory: a sanitizer sees who uses what was given back. */

crew_status __real_crewi_arena_take(struct crewi_arena **arena, size_t size,
                                    struct crewi_block *block);
crew_status __wrap_crewi_arena_take(struct crewi_arena **arena, size_t size,
                                    struct crewi_block *block);
crew_status __wrap_crewi_arena_take(struct crewi_arena **arena, size_t size,
                                    struct crewi_block *block)
{
    struct sync_model *model = model_now();
    if (!model)
        return __real_crewi_arena_take(arena, size, block);
    size_t room = (size + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
    *block = (struct crewi_block){.memory = aligned_alloc(BLOCK_ALIGNMENT, room),
                                  .place = {.size = size, .memfd = {.fd = OUR_FD}}};
    if (!block->memory)
        abort();
    memset(block->memory, 0, room);
    model->blocks++;
    return CREW_OK;
}

void __real_crewi_arena_give_back(struct crewi_arena *arena, struct crewi_block *block);
void __wrap_crewi_arena_give_back(struct crewi_arena *arena, struct crewi_block *block);
void __wrap_crewi_arena_give_back(struct crewi_arena *arena, struct crewi_block *block)
{
    struct sync_model *model = model_now();
    if (!block->memory || block->place.memfd.fd != OUR_FD) {
        __real_crewi_arena_give_back(arena, block);
        return;
    }
    for (uint32_t i = 0; model && i < model->thing_count; i++)
        if (model->things[i].word == block->memory)
            sync_model_gone(&model->things[i]);
    if (model && !sync_is_planted(model, SYNC_BLOCK_KEPT, true))
        model->blocks--;
    free(block->memory);
    *block = (struct crewi_block){0};
}
