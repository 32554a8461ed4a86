/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sim_grow(void *old, size_t size)
{
    void *grown = realloc(old, size);
    if (!grown) {
        fputs("sim: out of memory\n", stderr);
        abort();
    }
    return grown;
}

void *sim_alloc(size_t size)
{
    return memset(sim_grow(NULL, size), 0, size);
}

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

void sim_events_add(struct sim_events *events, const struct sim_event *event)
{
    if (events->count == events->room) {
        events->room = events->room ? 2 * events->room : 256;
        events->heap = sim_grow(events->heap, events->room * sizeof *events->heap);
    }
    struct sim_event added = *event;
    added.order = ++events->last_order;
    size_t at = events->count++;
    while (at && is_before(&added, &events->heap[(at - 1) / 2])) {
        events->heap[at] = events->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    events->heap[at] = added;
}

bool sim_events_take(struct sim_events *events, struct sim_event *event)
{
    if (!events->count)
        return false;
    *event = events->heap[0];
    struct sim_event last = events->heap[--events->count];
    size_t at = 0, below;
    while ((below = 2 * at + 1) < events->count) {
        if (below + 1 < events->count && is_before(&events->heap[below + 1], &events->heap[below]))
            below++;
        if (!is_before(&events->heap[below], &last))
            break;
        events->heap[at] = events->heap[below];
        at = below;
    }
    events->heap[at] = last;
    return true;
}

void sim_events_fini(struct sim_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        crewi_frame_destroy(events->heap[i].frame);
    free(events->heap);
    *events = (struct sim_events){0};
}
