/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue_model.h"

#include <stdlib.h>
#include <string.h>

void lane_init(struct lane *lane, struct sim_job *job, uint64_t max_items)
{
    *lane = (struct lane){.job = job, .max_items = max_items};
    for (size_t i = 0; i < LANE_USERS; i++)
        for (size_t k = 0; k < LANE_USERS; k++)
            lane->last_seen[i][k] = -1;
}

void lane_fini(struct lane *lane)
{
    free(lane->things);
    free(lane->vain);
}

uint64_t lane_put(struct lane *lane, uint32_t producer)
{
    if (lane->thing_count == lane->thing_room) {
        lane->thing_room = lane->thing_room ? 2 * lane->thing_room : 64;
        lane->things = sim_grow(lane->things, lane->thing_room * sizeof *lane->things);
    }
    lane->things[lane->thing_count] =
        (struct thing){.producer = producer, .state = THING_ASKED, .returned_ns = INT64_MAX};
    return lane->thing_count++;
}

/* What is in for certain: all that was acknowledged, but for what gets may have. */
static void check_bound(struct lane *lane)
{
    uint64_t out = lane->taken + lane->wanted + lane->may_be_lost;
    if (lane->max_items && !lane->is_lossy && !lane->drops && !lane->gathers &&
        lane->acked > out + lane->max_items)
        sim_violation(lane->job, "%llu items are in a queue for %llu",
                      (unsigned long long)(lane->acked - out), (unsigned long long)lane->max_items);
}

void lane_put_returned(struct lane *lane, uint64_t number, bool is_in)
{
    struct thing *thing = &lane->things[number];
    thing->returned_ns = lane->job->now_ns;
    if (thing->state == THING_TAKEN && !is_in)
        sim_violation(lane->job, "an item was taken and then refused");
    if (thing->state == THING_ASKED)
        thing->state = is_in ? THING_IN : THING_REFUSED;
    if (is_in)
        lane->acked++;
    else
        lane->refused++;
    check_bound(lane);
}

static void check_order(struct lane *lane, uint64_t number, uint32_t consumer)
{
    uint32_t producer = lane->things[number].producer;
    int64_t *last = &lane->last_seen[consumer][producer];
    if ((int64_t)number < *last && !lane->is_lossy)
        sim_violation(lane->job, "client %u gets item %llu of client %u after item %lld", consumer,
                      (unsigned long long)number, producer, (long long)*last);
    *last = (int64_t)number;
}

/* Nobody may have been told that there was nothing between this item's put and this get. */
static void check_vain(struct lane *lane, const struct thing *thing, int64_t asked_ns)
{
    size_t low = 0, high = lane->vain_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (lane->vain[middle].told_ns < asked_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low && !lane->is_lossy && thing->returned_ns < lane->vain[low - 1].latest_asked_ns)
        sim_violation(lane->job,
                      "a get was told that there is no item, asked at %lld ns or later, and one "
                      "that was put by %lld ns was taken by a later get",
                      (long long)(lane->vain[low - 1].latest_asked_ns - SIM_START_NS),
                      (long long)(thing->returned_ns - SIM_START_NS));
}

void lane_taken(struct lane *lane, uint64_t number, uint32_t consumer, int64_t asked_ns)
{
    if (number >= lane->thing_count) {
        sim_violation(lane->job, "an item that nobody has put");
        return;
    }
    struct thing *thing = &lane->things[number];
    if (thing->state == THING_TAKEN || thing->state == THING_REFUSED)
        sim_violation(lane->job, "item %llu is taken, and it was %s before",
                      (unsigned long long)number,
                      thing->state == THING_TAKEN ? "taken" : "refused");
    check_order(lane, number, consumer);
    check_vain(lane, thing, asked_ns);
    thing->state = THING_TAKEN;
    lane->taken++;
}

void lane_was_empty(struct lane *lane, int64_t asked_ns)
{
    if (lane->vain_count == lane->vain_room) {
        lane->vain_room = lane->vain_room ? 2 * lane->vain_room : 64;
        lane->vain = sim_grow(lane->vain, lane->vain_room * sizeof *lane->vain);
    }
    int64_t latest_ns = lane->vain_count ? lane->vain[lane->vain_count - 1].latest_asked_ns : 0;
    lane->vain[lane->vain_count++] =
        (struct vain_get){.asked_ns = asked_ns,
                          .told_ns = lane->job->now_ns,
                          .latest_asked_ns = asked_ns > latest_ns ? asked_ns : latest_ns};
}

void lane_was_full(struct lane *lane, uint64_t taken_before)
{
    uint64_t put = lane->thing_count - lane->refused;
    if (!lane->max_items || put < taken_before + lane->max_items)
        sim_violation(lane->job, "a queue for %llu is called full with at most %llu in it",
                      (unsigned long long)lane->max_items,
                      (unsigned long long)(put - taken_before));
}

void lane_drop(struct lane *lane, uint32_t producer)
{
    lane->drops = true;
    for (size_t i = 0; i < lane->thing_count; i++)
        if (lane->things[i].producer == producer)
            lane->things[i].may_be_dropped = true;
}

void lane_count(const struct lane *lane, uint64_t *least, uint64_t *most)
{
    *least = *most = 0;
    for (size_t i = 0; i < lane->thing_count; i++) {
        const struct thing *thing = &lane->things[i];
        *least += thing->state == THING_IN && !thing->may_be_dropped;
        *most += thing->state == THING_IN || thing->state == THING_ASKED;
    }
    *least = lane->is_lossy || *least < lane->may_be_lost ? 0 : *least - lane->may_be_lost;
}

uint64_t lane_returned_by(const struct lane *lane, int64_t time_ns)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lane->thing_count; i++)
        count += lane->things[i].state != THING_REFUSED && lane->things[i].returned_ns <= time_ns;
    return count;
}
