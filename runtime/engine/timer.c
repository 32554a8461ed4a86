/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/timer.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

static void put(struct crewi_timers *timers, size_t place, struct crewi_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct crewi_timers *timers, struct crewi_timer *timer, size_t place)
{
    for (; place > 1 && timers->heap[place / 2]->deadline_ns > timer->deadline_ns; place /= 2)
        put(timers, place, timers->heap[place / 2]);
    put(timers, place, timer);
}

static void sift_down(struct crewi_timers *timers, struct crewi_timer *timer, size_t place)
{
    for (size_t child; (child = 2 * place) <= timers->count; place = child) {
        if (child < timers->count &&
            timers->heap[child + 1]->deadline_ns < timers->heap[child]->deadline_ns)
            child++;
        if (timers->heap[child]->deadline_ns >= timer->deadline_ns)
            break;
        put(timers, place, timers->heap[child]);
    }
    put(timers, place, timer);
}

void crewi_timers_fini(struct crewi_timers *timers)
{
    free(timers->heap);
    *timers = (struct crewi_timers){0};
}

crew_status crewi_timer_set(struct crewi_timers *timers, struct crewi_timer *timer,
                            int64_t deadline_ns)
{
    timer->place = 0;
    timer->deadline_ns = deadline_ns;
    if (deadline_ns == CREWI_FOREVER)
        return CREW_OK;
    if (timers->count + 1 >= timers->room) {
        size_t room = timers->room ? 2 * timers->room : 16;
        struct crewi_timer **grown = realloc(timers->heap, room * sizeof(struct crewi_timer *));
        if (!grown)
            return crewi_error_memory();
        timers->heap = grown;
        timers->room = room;
    }
    sift_up(timers, timer, ++timers->count);
    return CREW_OK;
}

void crewi_timer_cancel(struct crewi_timers *timers, struct crewi_timer *timer)
{
    size_t place = timer->place;
    if (!place)
        return;
    timer->place = 0;
    struct crewi_timer *last = timers->heap[timers->count--];
    if (last == timer)
        return;
    if (place > 1 && timers->heap[place / 2]->deadline_ns > last->deadline_ns)
        sift_up(timers, last, place);
    else
        sift_down(timers, last, place);
}

int64_t crewi_timers_next(const struct crewi_timers *timers)
{
    return timers->count ? timers->heap[1]->deadline_ns : CREWI_FOREVER;
}

struct crewi_timer *crewi_timers_take_due(struct crewi_timers *timers, int64_t now_ns)
{
    if (crewi_timers_next(timers) > now_ns || !timers->count)
        return NULL;
    struct crewi_timer *timer = timers->heap[1];
    crewi_timer_cancel(timers, timer);
    return timer;
}
