/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of a barrier. Those who arrive stand in a list; as soon as there are as many as parties,
 * the first ones of the list trip it, and the last of these runs the action before. Who comes
 * meanwhile stands behind them already. */
#include "sync/sync_home.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct crewi_sync_party {
    struct crewi_timer timer; /* first: a timer is its party */
    struct crewi_sync *sync;
    struct crewi_sync_party *next;
    struct crewi_origin origin;
};

crew_status crewi_sync_barrier_init(struct crewi_sync *sync, const struct crewi_sync_spec *spec,
                                    const void *arg)
{
    struct crewi_sync_barrier *barrier = &sync->barrier;
    barrier->parties = (uint32_t)spec->value;
    barrier->timeout_ns = spec->timeout_ns;
    if (!spec->has_action)
        return CREW_OK;
    struct crewi_sync_arrival head = {.has_action = 1};
    barrier->action = crewi_frame_create(sizeof head + sizeof spec->action + spec->arg_size);
    if (!barrier->action)
        return crewi_error_memory();
    unsigned char *at = barrier->action->payload;
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, &spec->action, sizeof spec->action);
    memcpy(at + sizeof head + sizeof spec->action, arg, spec->arg_size);
    return CREW_OK;
}

/* Takes the first one out of the list. */
static struct crewi_sync_party *take_first(struct crewi_engine *engine,
                                           struct crewi_sync_parties *list)
{
    struct crewi_sync_party *party = list->first;
    if (!party)
        return NULL;
    list->first = party->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    crewi_timer_cancel(&engine->timers, &party->timer);
    return party;
}

static void tell_broken(struct crewi_engine *engine, const struct crewi_sync *sync,
                        const struct crewi_origin *origin)
{
    crewi_engine_refuse(engine, origin, CREW_EBROKEN, "%s is broken", sync->name);
}

/* Nobody waits any more, and an action that runs is for nothing. */
static void turn_all_away(struct crewi_engine *engine, struct crewi_sync *sync)
{
    struct crewi_sync_barrier *barrier = &sync->barrier;
    struct crewi_sync_party *party;
    while ((party = take_first(engine, &barrier->waiting))) {
        tell_broken(engine, sync, &party->origin);
        free(party);
    }
    barrier->in_action = false;
    barrier->trip++;
}

void crewi_sync_barrier_break(struct crewi_engine *engine, struct crewi_sync *sync)
{
    sync->barrier.broken = true;
    turn_all_away(engine, sync);
}

void crewi_sync_barrier_reset(struct crewi_engine *engine, struct crewi_sync *sync)
{
    sync->barrier.broken = false;
    turn_all_away(engine, sync);
}

static void time_out(struct crewi_engine *engine, struct crewi_timer *timer)
{
    crewi_sync_barrier_break(engine, ((struct crewi_sync_party *)timer)->sync);
}

/* Those of this trip go on, but for the last one if it has had its answer with the action. */
static void trip(struct crewi_engine *engine, struct crewi_sync_barrier *barrier, uint32_t count)
{
    struct crewi_sync_arrival arrival = {.trip = barrier->trip};
    for (uint32_t i = 0; i < count; i++) {
        struct crewi_sync_party *party = take_first(engine, &barrier->waiting);
        arrival.index = (int32_t)i;
        crewi_engine_reply(engine, &party->origin, &arrival, sizeof arrival);
        free(party);
    }
    barrier->trip++;
}

/* The last one of this trip, who is not the first one, or the only one. */
static struct crewi_sync_party *take_last_of_trip(struct crewi_engine *engine,
                                                  struct crewi_sync_barrier *barrier)
{
    struct crewi_sync_party *before = NULL, *last = barrier->waiting.first;
    for (uint32_t i = 1; i < barrier->parties; i++) {
        before = last;
        last = last->next;
    }
    if (!before)
        return take_first(engine, &barrier->waiting);
    before->next = last->next;
    if (!last->next)
        barrier->waiting.last = before;
    barrier->waiting.count--;
    crewi_timer_cancel(&engine->timers, &last->timer);
    return last;
}

static void begin_action(struct crewi_engine *engine, struct crewi_sync_barrier *barrier)
{
    struct crewi_sync_party *last = take_last_of_trip(engine, barrier);
    struct crewi_sync_arrival head = {
        .index = (int32_t)barrier->parties - 1, .has_action = 1, .trip = barrier->trip};
    memcpy(barrier->action->payload, &head, sizeof head);
    crewi_engine_reply(engine, &last->origin, barrier->action->payload,
                       barrier->action->header.size);
    barrier->in_action = true;
    barrier->actor = last->origin.process;
    free(last);
}

static void look(struct crewi_engine *engine, struct crewi_sync_barrier *barrier)
{
    while (!barrier->in_action && barrier->waiting.count >= barrier->parties) {
        if (barrier->action)
            begin_action(engine, barrier);
        else
            trip(engine, barrier, barrier->parties);
    }
}

/* NULL: there is no memory, and it was said. */
static struct crewi_sync_party *add(struct crewi_engine *engine, struct crewi_sync *sync,
                                    const struct crewi_message *message)
{
    struct crewi_sync_parties *list = &sync->barrier.waiting;
    struct crewi_sync_party *party = calloc(1, sizeof *party);
    if (party)
        party->timer.fire = time_out;
    if (!party || crewi_timer_set(&engine->timers, &party->timer,
                                  crewi_deadline_ns(engine->now_ns, message->timeout_ns))) {
        free(party);
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return NULL;
    }
    party->sync = sync;
    party->origin = message->origin;
    if (list->last)
        list->last->next = party;
    else
        list->first = party;
    list->last = party;
    list->count++;
    return party;
}

void crewi_sync_barrier_arrive(struct crewi_engine *engine, struct crewi_sync *sync,
                               const struct crewi_message *message)
{
    struct crewi_sync_barrier *barrier = &sync->barrier;
    struct crewi_message arrival = *message;
    if (arrival.timeout_ns == CREWI_FOREVER)
        arrival.timeout_ns = barrier->timeout_ns;
    if (barrier->broken) {
        tell_broken(engine, sync, &message->origin);
        return;
    }
    if (!add(engine, sync, &arrival))
        return;
    uint64_t now = barrier->trip;
    look(engine, barrier);
    if (arrival.timeout_ns <= 0 && barrier->trip == now && !barrier->in_action)
        crewi_sync_barrier_break(engine, sync);
}

void crewi_sync_barrier_action_done(struct crewi_engine *engine, struct crewi_sync *sync,
                                    const struct crewi_message *message)
{
    const struct crewi_sync_head *head = message->data;
    struct crewi_sync_barrier *barrier = &sync->barrier;
    bool is_actor = barrier->in_action && barrier->actor == message->origin.process &&
                    barrier->trip == head->number;
    if (!is_actor) {
        tell_broken(engine, sync, &message->origin);
        return;
    }
    if (head->value != CREW_OK) {
        crewi_sync_barrier_break(engine, sync);
    } else {
        barrier->in_action = false;
        trip(engine, barrier, barrier->parties - 1);
        look(engine, barrier);
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

void crewi_sync_barrier_state(const struct crewi_sync *sync, crew_barrier_state *state)
{
    const struct crewi_sync_barrier *barrier = &sync->barrier;
    uint32_t waiting = barrier->waiting.count + barrier->in_action;
    memset(state, 0, sizeof *state); /* it is sent, padding and all */
    state->parties = (int)barrier->parties;
    state->n_waiting = (int)(waiting < barrier->parties ? waiting : barrier->parties);
    state->broken = barrier->broken;
}

void crewi_sync_barrier_released(struct crewi_engine *engine, struct crewi_sync *sync,
                                 uint64_t process)
{
    const struct crewi_sync_barrier *barrier = &sync->barrier;
    bool takes_part = barrier->in_action && barrier->actor == process;
    for (const struct crewi_sync_party *party = barrier->waiting.first; party; party = party->next)
        takes_part |= party->origin.process == process;
    if (takes_part)
        crewi_sync_barrier_break(engine, sync);
}

void crewi_sync_barrier_free(struct crewi_engine *engine, struct crewi_sync *sync)
{
    struct crewi_sync_party *party;
    while ((party = take_first(engine, &sync->barrier.waiting)))
        free(party);
    crewi_frame_destroy(sync->barrier.action);
}
