/* SPDX-License-Identifier: BSD-3-Clause */
/* What simulated barriers are like: nobody gets through before all parties have come and the action
 * has run, and when one breaks nobody stays. */
#include "base/clock.h"
#include "sync_model.h"

#include <string.h>

static void begin_break(struct sync_thing *thing, bool broken)
{
    thing->broken = broken;
    thing->in_action = false;
    thing->turning_away = true;
}

/* Requests */

static void arrived(struct sync_thing *thing, const struct sim_client *client,
                    const struct crewi_message *message)
{
    struct sync_asked *asked = &thing->model->asked[client->number];
    int64_t timeout_ns = message->timeout_ns;
    if (timeout_ns == CREWI_FOREVER)
        timeout_ns = thing->timeout_ns;
    if (thing->broken) {
        asked->expected = CREW_EBROKEN;
        return;
    }
    asked->waits = true;
    sync_line_add(&thing->line, client->number,
                  crewi_deadline_ns(thing->model->job->now_ns, timeout_ns));
}

static void action_done(struct sync_thing *thing, const struct sim_client *client,
                        const struct crewi_sync_head *head)
{
    struct sync_asked *asked = &thing->model->asked[client->number];
    if (!thing->in_action || thing->actor != client->number || thing->trip != head->number) {
        asked->expected = CREW_EBROKEN;
    } else if (head->value) {
        begin_break(thing, true);
    } else {
        thing->in_action = false;
        thing->released = 0;
        thing->to_release = thing->parties - 1;
    }
}

void sync_barrier_request(struct sync_thing *thing, const struct sim_client *client,
                          const struct crewi_message *message, uint8_t op)
{
    if (op == CREWI_SYNC_ARRIVE)
        arrived(thing, client, message);
    else if (op == CREWI_SYNC_ACTION_DONE)
        action_done(thing, client, message->data);
    else if (op == CREWI_SYNC_ABORT || op == CREWI_SYNC_RESET)
        begin_break(thing, op == CREWI_SYNC_ABORT);
}

void sync_barrier_released(struct sync_thing *thing, const struct sim_client *client)
{
    bool waits = sync_line_find(&thing->line, client->number) < thing->line.count;
    if (waits || (thing->in_action && thing->actor == client->number))
        begin_break(thing, true);
}

void sync_barrier_settled(struct sync_thing *thing)
{
    struct sim_job *job = thing->model->job;
    if (thing->turning_away && thing->line.count)
        sim_violation(job, "a barrier has broken, and client %u waits still",
                      thing->line.at[0].user);
    if (thing->to_release)
        sim_violation(job, "%u of %u have not been let through", thing->to_release, thing->parties);
    if (!thing->in_action && thing->line.count >= thing->parties)
        sim_violation(job, "%zu wait at a barrier for %u", thing->line.count, thing->parties);
    thing->turning_away = false;
}

/* Answers */

static void let_through(struct sync_thing *thing, const struct sim_client *client, size_t place,
                        const struct crewi_sync_arrival *arrival)
{
    struct sim_job *job = thing->model->job;
    if (!thing->to_release && (thing->has_action || thing->line.count < thing->parties)) {
        sim_violation(job, "client %u is let through a barrier for %u early", client->number,
                      thing->parties);
        return;
    }
    if (!thing->to_release) {
        thing->released = 0;
        thing->to_release = thing->parties;
    }
    if (place || arrival->index != (int32_t)thing->released)
        sim_violation(job, "client %u is let through as %d, and %u went before it and %zu came",
                      client->number, arrival->index, thing->released, place);
    thing->released++;
    thing->to_release--;
    sync_line_remove(&thing->line, place);
}

static void begin_action(struct sync_thing *thing, const struct sim_client *client, size_t place,
                         const struct crewi_sync_arrival *arrival)
{
    struct sim_job *job = thing->model->job;
    bool last = place == thing->parties - 1 && arrival->index == (int32_t)thing->parties - 1;
    if (!thing->has_action || thing->in_action || !last || thing->to_release)
        sim_violation(job, "client %u is to run an action, and is at %zu of %u", client->number,
                      place, thing->parties);
    thing->in_action = true;
    thing->actor = client->number;
    thing->trip = arrival->trip;
    sync_line_remove(&thing->line, place);
}

/* Nobody but a time limit breaks a barrier between two steps of its home. */
static void turned_away(struct sync_thing *thing, const struct sim_client *client, size_t place)
{
    int64_t first_ns = thing->line.at[0].deadline_ns;
    for (size_t i = 1; i < thing->line.count; i++)
        if (thing->line.at[i].deadline_ns < first_ns)
            first_ns = thing->line.at[i].deadline_ns;
    if (!thing->turning_away) {
        sync_model_check_late(thing, client, first_ns);
        begin_break(thing, true);
    }
    sync_line_remove(&thing->line, place);
}

static void check_state(struct sync_thing *thing, const void *data, size_t size)
{
    crew_barrier_state state = {0};
    uint32_t waiting = (uint32_t)thing->line.count + thing->in_action;
    if (size == sizeof state)
        memcpy(&state, data, sizeof state);
    if (waiting > thing->parties)
        waiting = thing->parties;
    if (state.parties != (int)thing->parties || state.n_waiting != (int)waiting ||
        state.broken != thing->broken)
        sim_violation(thing->model->job, "a barrier says that %d of %d wait, and it is %u of %u",
                      state.n_waiting, state.parties, waiting, thing->parties);
}

static void waiter_answered(struct sync_thing *thing, const struct sim_client *client,
                            crew_status status, const void *data, size_t size)
{
    struct crewi_sync_arrival arrival = {.index = -1};
    size_t place = sync_line_find(&thing->line, client->number);
    if (!status && size >= sizeof arrival)
        memcpy(&arrival, data, sizeof arrival);
    if (place == thing->line.count || (status && status != CREW_EBROKEN))
        sim_violation(thing->model->job, "client %u at a barrier is told %d", client->number,
                      status);
    else if (status)
        turned_away(thing, client, place);
    else if (arrival.has_action)
        begin_action(thing, client, place, &arrival);
    else
        let_through(thing, client, place, &arrival);
}

void sync_barrier_answer(struct sync_thing *thing, const struct sim_client *client,
                         crew_status status, const void *data, size_t size)
{
    const struct sync_asked *asked = &thing->model->asked[client->number];
    if (asked->waits) {
        waiter_answered(thing, client, status, data, size);
        return;
    }
    if (status != asked->expected)
        sim_violation(thing->model->job, "client %u at a barrier is told %d instead of %d",
                      client->number, status, asked->expected);
    if (asked->op == CREWI_SYNC_STATE)
        check_state(thing, data, size);
}
