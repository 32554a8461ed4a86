/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Conditions, events and barriers.
 *
 *   condition        one way, half of there and back over two conditions of one lock: who was
 *                    notified notifies the other, and waits
 *   event            the same over two events: set by the one, waited for and cleared by the other
 *   barrier:PARTIES  a wait of all
 */
#include "shared.h"

/* Conditions: a side has the lock except while it waits, so nothing can be notified too early. */

static bool notify_and_wait(const struct bench_side *side, long count)
{
    const crew_condition mine = side->handles.conditions[0], theirs = side->handles.conditions[1];
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_condition_notify(theirs, 1)) &&
               bench_good(crew_condition_wait(mine, CREW_FOREVER));
    return done;
}

static bool wait_and_notify(const struct bench_side *side, long count)
{
    const crew_condition mine = side->handles.conditions[1], theirs = side->handles.conditions[0];
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_condition_wait(mine, CREW_FOREVER)) &&
               bench_good(crew_condition_notify(theirs, 1));
    return done;
}

/* The other side says that it has the lock; when side 0 gets it, the other one waits. */
static bool first_notifier(const struct bench_side *side, long count)
{
    long ready = 0;
    return bench_get_number(side->handles.back, &ready) &&
           bench_good(crew_condition_acquire(side->handles.conditions[0], CREW_FOREVER)) &&
           notify_and_wait(side, count) &&
           bench_good(crew_condition_release(side->handles.conditions[0]));
}

static bool first_waiter(const struct bench_side *side, long count)
{
    return bench_good(crew_condition_acquire(side->handles.conditions[1], CREW_FOREVER)) &&
           bench_put_number(side->handles.back, count) && wait_and_notify(side, count) &&
           bench_good(crew_condition_release(side->handles.conditions[1]));
}

static int measure_condition(void *arg)
{
    return shared_measure(arg, first_notifier, 0.5);
}

static int serve_condition(void *arg)
{
    return shared_serve(arg, first_waiter);
}

/* Events */

static bool set_and_wait(const struct bench_side *side, long count)
{
    const crew_event mine = side->handles.events[0], theirs = side->handles.events[1];
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_event_set(theirs)) &&
               bench_good(crew_event_wait(mine, CREW_FOREVER)) &&
               bench_good(crew_event_clear(mine));
    return done;
}

static bool wait_and_set(const struct bench_side *side, long count)
{
    const crew_event mine = side->handles.events[1], theirs = side->handles.events[0];
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_event_wait(mine, CREW_FOREVER)) &&
               bench_good(crew_event_clear(mine)) && bench_good(crew_event_set(theirs));
    return done;
}

static int measure_event(void *arg)
{
    return shared_measure(arg, set_and_wait, 0.5);
}

static int serve_event(void *arg)
{
    return shared_serve(arg, wait_and_set);
}

/* Barriers */

static bool meet(const struct bench_side *side, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_barrier_wait(side->handles.barrier, NULL, CREW_FOREVER));
    return done;
}

static int measure_barrier(void *arg)
{
    return shared_measure(arg, meet, 1);
}

static int serve_barrier(void *arg)
{
    return shared_serve(arg, meet);
}

/* The modes */

static crew_status make(struct bench_side *sides, int count)
{
    struct bench_handles *handles = &sides[0].handles;
    crew_status status = crew_rlock_create(&handles->rlock, NULL);
    for (int i = 0; i < 2 && !status; i++) {
        const crew_condition_attr attr = {.rlock = handles->rlock};
        status = crew_condition_create(&handles->conditions[i], &attr);
        if (!status)
            status = crew_event_create(&handles->events[i], NULL);
    }
    if (!status)
        status = crew_barrier_create(&handles->barrier, count, NULL);
    if (!status)
        status = crew_queue_create(&handles->back, NULL);
    return shared_hand_out(sides, count, status);
}

static void close_all(struct bench_side *side)
{
    const struct bench_handles *handles = &side->handles;
    for (int i = 0; i < 2; i++) {
        crew_condition_close(handles->conditions[i]);
        crew_event_close(handles->events[i]);
    }
    crew_rlock_close(handles->rlock);
    crew_barrier_close(handles->barrier);
    crew_queue_close(handles->back);
}

const struct bench_mode shared_wait_modes[] = {
    {"condition", bench_one_other, make, close_all, NULL, measure_condition, serve_condition,
     false},
    {"event", bench_one_other, make, close_all, NULL, measure_event, serve_event, false},
    {"barrier", shared_parties, make, close_all, NULL, measure_barrier, serve_barrier, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
