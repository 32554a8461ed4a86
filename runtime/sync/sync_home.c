/* SPDX-License-Identifier: BSD-3-Clause */
/* What the homes of all these objects have in common: begin, end, and which request is for which.
 */
#include "sync/sync_home.h"

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crewi_sync *crewi_sync_find(const struct crewi_engine *engine, uint64_t id)
{
    if (crewi_id_kind(id) != CREWI_KIND_SYNC)
        return NULL;
    return (struct crewi_sync *)crewi_engine_find((struct crewi_engine *)(uintptr_t)engine, id);
}

void crewi_sync_waiter_left(struct crewi_engine *engine, struct crewi_parking *parking)
{
    struct crewi_sync *sync =
        (struct crewi_sync *)((char *)parking - offsetof(struct crewi_sync, waiters));
    (void)engine;
    if (!parking->first)
        atomic_fetch_and(sync->word, ~CREWI_WORD_QUEUED);
}

/* Begin */

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {[CREWI_SYNC_LOCK] = "lock",
                                        [CREWI_SYNC_RLOCK] = "rlock",
                                        [CREWI_SYNC_SEMAPHORE] = "semaphore",
                                        [CREWI_SYNC_EVENT] = "event",
                                        [CREWI_SYNC_BARRIER] = "barrier"};
    return names[type];
}

/* Messages say it as it is: lock "jobs", or lock-7. */
static void set_name(struct crewi_sync *sync, const struct crewi_sync_spec *spec)
{
    if (spec->name[0])
        snprintf(sync->name, sizeof sync->name, "%s", spec->name);
    else
        snprintf(sync->name, sizeof sync->name, "%s-%llu", type_name(sync->type),
                 (unsigned long long)(sync->shared.object.id & CREWI_NUMBER_MASK));
}

static crew_status init_type(struct crewi_sync *sync, const struct crewi_sync_spec *spec)
{
    switch (sync->type) {
    case CREWI_SYNC_SEMAPHORE:
        crewi_sync_semaphore_init(sync, spec);
        return CREW_OK;
    case CREWI_SYNC_EVENT:
        crewi_sync_event_init(sync);
        return CREW_OK;
    case CREWI_SYNC_BARRIER:
        return crewi_sync_barrier_init(sync, spec, spec + 1);
    default:
        crewi_sync_lock_init(sync);
        return CREW_OK;
    }
}

static void free_sync(struct crewi_engine *engine, struct crewi_sync *sync)
{
    crewi_parking_clear(engine, &sync->waiters);
    crewi_sync_conditions_free(engine, sync);
    crewi_sync_barrier_free(engine, sync);
    crewi_arena_give_back(engine->arena, &sync->block);
    free(sync);
}

static crew_status make(struct crewi_engine *engine, const struct crewi_sync_spec *spec,
                        uint64_t process, struct crewi_sync **made)
{
    struct crewi_sync *sync = calloc(1, sizeof *sync);
    if (!sync)
        return crewi_error_memory();
    crew_status status = crewi_arena_take(&engine->arena, sizeof *sync->word, &sync->block);
    if (status) {
        free(sync);
        return status;
    }
    sync->word = sync->block.memory;
    sync->type = spec->type;
    sync->shared.object.id = crewi_engine_new_id(engine, CREWI_KIND_SYNC);
    set_name(sync, spec);
    status = init_type(sync, spec);
    if (!status)
        status = crewi_shared_add(engine, &sync->shared, process);
    if (status) {
        free_sync(engine, sync);
        return status;
    }
    *made = sync;
    return CREW_OK;
}

/* A child may ask for what the library would not. */
static bool can_be(const struct crewi_message *message)
{
    const struct crewi_sync_spec *spec = message->data;
    if (message->size < sizeof *spec || spec->type < CREWI_SYNC_LOCK ||
        spec->type > CREWI_SYNC_BARRIER || spec->arg_size > CREW_BARRIER_ARG_SIZE ||
        message->size != sizeof *spec + spec->arg_size ||
        !memchr(spec->name, '\0', sizeof spec->name))
        return false;
    if (spec->type == CREWI_SYNC_SEMAPHORE)
        return spec->value >= 0 && spec->value <= spec->limit &&
               spec->limit <= CREW_SEMAPHORE_LIMIT;
    if (spec->type == CREWI_SYNC_BARRIER)
        return spec->value >= 1 && spec->value <= INT32_MAX;
    return true;
}

static void describe(const struct crewi_sync *sync, struct crewi_sync_description *about)
{
    *about = (struct crewi_sync_description){.id = sync->shared.object.id,
                                             .type = sync->type,
                                             .limit = sync->limit,
                                             .place = sync->block.place};
    memcpy(about->name, sync->name, sizeof about->name);
}

void crewi_sync_create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_sync *sync;
    struct crewi_sync_description about;
    if (!can_be(message)) {
        crewi_engine_refuse_malformed(
            engine, message, "a type, name and value that such an object has, at least %zu bytes",
            sizeof(struct crewi_sync_spec));
        return;
    }
    crew_status status = make(engine, message->data, message->origin.process, &sync);
    if (status) {
        crewi_engine_refuse_error(engine, &message->origin, status);
        return;
    }
    describe(sync, &about);
    crewi_engine_reply(engine, &message->origin, &about, sizeof about);
}

size_t crewi_sync_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    (void)engine;
    describe((const struct crewi_sync *)shared, room);
    return sizeof(struct crewi_sync_description);
}

/* End */

void crewi_sync_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    crewi_shared_remove(engine, shared);
    free_sync(engine, (struct crewi_sync *)shared);
}

void crewi_sync_destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    struct crewi_sync *sync = (struct crewi_sync *)object;
    free(sync->shared.attached);
    free_sync(engine, sync);
}

void crewi_sync_home_released(struct crewi_engine *engine, uint64_t id, uint64_t process)
{
    struct crewi_sync *sync = crewi_sync_find(engine, id);
    if (!sync)
        return;
    /* Threads of one that has closed it may be waiting still. */
    if (sync->type == CREWI_SYNC_LOCK || sync->type == CREWI_SYNC_RLOCK) {
        crewi_sync_conditions_released(engine, sync, process);
        crewi_sync_lock_refuse_client(engine, sync, process);
        crewi_sync_lock_released(engine, sync, process);
        return;
    }
    crewi_parking_refuse_client(engine, &sync->waiters, process, CREW_ECLOSED,
                                "the process has closed it");
    if (sync->type == CREWI_SYNC_BARRIER)
        crewi_sync_barrier_released(engine, sync, process);
    else
        crewi_sync_waiter_left(engine, &sync->waiters);
    if (sync->type == CREWI_SYNC_EVENT)
        crewi_sync_event_look(engine, sync); /* it may have set it, and not said so any more */
}

/* Requests */

static void lock_request(struct crewi_engine *engine, struct crewi_sync *sync,
                         const struct crewi_message *message, uint8_t op)
{
    switch (op) {
    case CREWI_SYNC_ACQUIRE:
        crewi_sync_lock_home_acquire(engine, sync, message);
        break;
    case CREWI_SYNC_RELEASE:
        crewi_sync_lock_home_release(engine, sync, message);
        break;
    case CREWI_SYNC_CONDITION:
        crewi_sync_condition_create(engine, sync, message);
        break;
    case CREWI_SYNC_RELEASE_AND_WAIT:
        crewi_sync_condition_wait(engine, sync, message);
        break;
    default:
        crewi_sync_condition_notify(engine, sync, message);
    }
}

static void event_request(struct crewi_engine *engine, struct crewi_sync *sync,
                          const struct crewi_message *message, uint8_t op)
{
    if (op == CREWI_SYNC_WAIT) {
        crewi_sync_event_wait(engine, sync, message);
        return;
    }
    if (op == CREWI_SYNC_SET && message->origin.request)
        crewi_word_set(sync->word);
    crewi_sync_event_look(engine, sync);
    if (op == CREWI_SYNC_CLEAR)
        crewi_word_clear(sync->word);
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void barrier_request(struct crewi_engine *engine, struct crewi_sync *sync,
                            const struct crewi_message *message, uint8_t op)
{
    crew_barrier_state state;
    if (op == CREWI_SYNC_ARRIVE) {
        crewi_sync_barrier_arrive(engine, sync, message);
    } else if (op == CREWI_SYNC_ACTION_DONE) {
        crewi_sync_barrier_action_done(engine, sync, message);
    } else if (op == CREWI_SYNC_STATE) {
        crewi_sync_barrier_state(sync, &state);
        crewi_engine_reply(engine, &message->origin, &state, sizeof state);
    } else {
        if (op == CREWI_SYNC_RESET)
            crewi_sync_barrier_reset(engine, sync);
        else
            crewi_sync_barrier_break(engine, sync);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    }
}

/* Which operations an object has, as bits. */
static uint32_t ops_of(uint32_t type)
{
#define BIT(op) ((uint32_t)1 << (op))
    uint32_t of_locks = BIT(CREWI_SYNC_ACQUIRE) | BIT(CREWI_SYNC_RELEASE) | BIT(CREWI_SYNC_VALUE);
    switch (type) {
    case CREWI_SYNC_SEMAPHORE:
        return of_locks;
    case CREWI_SYNC_EVENT:
        return BIT(CREWI_SYNC_SET) | BIT(CREWI_SYNC_CLEAR) | BIT(CREWI_SYNC_WAIT) |
               BIT(CREWI_SYNC_VALUE);
    case CREWI_SYNC_BARRIER:
        return BIT(CREWI_SYNC_ARRIVE) | BIT(CREWI_SYNC_ACTION_DONE) | BIT(CREWI_SYNC_RESET) |
               BIT(CREWI_SYNC_ABORT) | BIT(CREWI_SYNC_STATE);
    default:
        return of_locks | BIT(CREWI_SYNC_CONDITION) | BIT(CREWI_SYNC_RELEASE_AND_WAIT) |
               BIT(CREWI_SYNC_NOTIFY);
    }
#undef BIT
}

void crewi_sync_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                             uint8_t op)
{
    const struct crewi_sync_head *head = message->data;
    struct crewi_sync *sync = crewi_sync_find(engine, head->id);
    if (!sync) {
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED,
                            "it is closed: all copies of it are");
    } else if (!(ops_of(sync->type) >> op & 1)) {
        crewi_engine_refuse(engine, &message->origin, CREW_EINVAL, "%s is a %s", sync->name,
                            type_name(sync->type));
    } else if (op == CREWI_SYNC_VALUE) {
        uint64_t value = atomic_load(sync->word) & ~CREWI_WORD_QUEUED;
        crewi_engine_reply(engine, &message->origin, &value, sizeof value);
    } else if (sync->type == CREWI_SYNC_SEMAPHORE && op == CREWI_SYNC_ACQUIRE) {
        crewi_sync_semaphore_acquire(engine, sync, message);
    } else if (sync->type == CREWI_SYNC_SEMAPHORE) {
        crewi_sync_semaphore_release(engine, sync, message);
    } else if (sync->type == CREWI_SYNC_EVENT) {
        event_request(engine, sync, message, op);
    } else if (sync->type == CREWI_SYNC_BARRIER) {
        barrier_request(engine, sync, message, op);
    } else {
        lock_request(engine, sync, message, op);
    }
}
