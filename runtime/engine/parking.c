/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/parking.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

struct crewi_parked {
    struct crewi_timer timer; /* first: a timer is its parked request */
    struct crewi_parking *parking;
    struct crewi_parked *next, *before;
    struct crewi_origin origin;
    uint64_t value;
};

static void answer_deadline(struct crewi_engine *engine, const struct crewi_parking *parking,
                            const struct crewi_origin *origin)
{
    if (parking->at_deadline)
        crewi_engine_refuse(engine, origin, parking->at_deadline, "%s", parking->reason);
    else
        crewi_engine_reply(engine, origin, NULL, 0);
}

static void take_out(struct crewi_engine *engine, struct crewi_parked *parked)
{
    struct crewi_parking *parking = parked->parking;
    crewi_timer_cancel(&engine->timers, &parked->timer);
    if (parked->before)
        parked->before->next = parked->next;
    else
        parking->first = parked->next;
    if (parked->next)
        parked->next->before = parked->before;
    else
        parking->last = parked->before;
    free(parked);
}

/* The timer of a parked request is due. */
static void expire(struct crewi_engine *engine, struct crewi_timer *timer)
{
    struct crewi_parked *parked = (struct crewi_parked *)timer;
    struct crewi_parking *parking = parked->parking;
    struct crewi_origin origin = parked->origin;
    take_out(engine, parked);
    if (parking->due)
        parking->due(engine, parking, &origin);
    else
        answer_deadline(engine, parking, &origin);
    if (parking->expired)
        parking->expired(engine, parking);
}

void crewi_park(struct crewi_engine *engine, struct crewi_parking *parking,
                const struct crewi_message *message)
{
    crewi_park_with(engine, parking, message, 0);
}

void crewi_park_with(struct crewi_engine *engine, struct crewi_parking *parking,
                     const struct crewi_message *message, uint64_t value)
{
    if (message->timeout_ns <= 0 && parking->due) {
        parking->due(engine, parking, &message->origin);
        return;
    }
    if (message->timeout_ns <= 0) {
        answer_deadline(engine, parking, &message->origin);
        return;
    }
    struct crewi_parked *parked = calloc(1, sizeof *parked);
    if (parked)
        parked->timer.fire = expire;
    if (!parked || crewi_timer_set(&engine->timers, &parked->timer,
                                   crewi_deadline_ns(engine->now_ns, message->timeout_ns))) {
        free(parked);
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    parked->parking = parking;
    parked->origin = message->origin;
    parked->value = value;
    parked->before = parking->last;
    if (parking->last)
        parking->last->next = parked;
    else
        parking->first = parked;
    parking->last = parked;
}

bool crewi_parking_take_first(struct crewi_engine *engine, struct crewi_parking *parking,
                              struct crewi_origin *origin, uint64_t *value)
{
    struct crewi_parked *parked = parking->first;
    if (!parked)
        return false;
    *origin = parked->origin;
    if (value)
        *value = parked->value;
    parking->first = parked->next;
    if (parking->first)
        parking->first->before = NULL;
    else
        parking->last = NULL;
    crewi_timer_cancel(&engine->timers, &parked->timer);
    free(parked);
    return true;
}

bool crewi_parking_take_client(struct crewi_engine *engine, struct crewi_parking *parking,
                               uint64_t process, struct crewi_origin *origin, uint64_t *value)
{
    struct crewi_parked *parked = parking->first;
    while (parked && parked->origin.process != process)
        parked = parked->next;
    if (!parked)
        return false;
    *origin = parked->origin;
    *value = parked->value;
    take_out(engine, parked);
    return true;
}

bool crewi_parking_first_value(const struct crewi_parking *parking, uint64_t *value)
{
    if (!parking->first)
        return false;
    *value = parking->first->value;
    return true;
}

void crewi_parking_reply_all(struct crewi_engine *engine, struct crewi_parking *parking,
                             const void *data, size_t size)
{
    struct crewi_origin origin;
    while (crewi_parking_take_first(engine, parking, &origin, NULL))
        crewi_engine_reply(engine, &origin, data, size);
}

void crewi_parking_refuse_all(struct crewi_engine *engine, struct crewi_parking *parking,
                              crew_status status, const char *reason)
{
    struct crewi_origin origin;
    while (crewi_parking_take_first(engine, parking, &origin, NULL))
        crewi_engine_refuse(engine, &origin, status, "%s", reason);
}

void crewi_parking_drop_requests(struct crewi_engine *engine, struct crewi_parking *parking,
                                 uint64_t process, uint64_t first, uint64_t last)
{
    for (struct crewi_parked *parked = parking->first, *next; parked; parked = next) {
        const struct crewi_origin *origin = &parked->origin;
        next = parked->next;
        if (origin->process == process && origin->request >= first && origin->request <= last)
            take_out(engine, parked);
    }
}

void crewi_parking_refuse_client(struct crewi_engine *engine, struct crewi_parking *parking,
                                 uint64_t process, crew_status status, const char *reason)
{
    for (struct crewi_parked *parked = parking->first, *next; parked; parked = next) {
        next = parked->next;
        if (parked->origin.process != process)
            continue;
        crewi_engine_refuse(engine, &parked->origin, status, "%s", reason);
        take_out(engine, parked);
    }
}

void crewi_parking_drop_client(struct crewi_engine *engine, struct crewi_parking *parking,
                               uint64_t process)
{
    crewi_parking_drop_requests(engine, parking, process, 0, UINT64_MAX);
}

void crewi_parking_clear(struct crewi_engine *engine, struct crewi_parking *parking)
{
    struct crewi_origin origin;
    while (crewi_parking_take_first(engine, parking, &origin, NULL))
        ;
}
