/* SPDX-License-Identifier: BSD-3-Clause */
/* How processes are made to end: a signal first, and SIGKILL for those that have not ended when
 * their grace is over, be it that they ignore or block the signal, are stopped, or have become
 * another program. */
#include "base/error.h"
#include "base/log.h"
#include "process/process_object.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>

void crewi_process_stop(struct crewi_engine *engine, struct crewi_process *process, int signal)
{
    struct crewi_process_stop order = {.process = process->object.id, .signal = signal};
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_STOP,
        .rank = (uint32_t)process->rank,
        .head = &order,
        .head_size = sizeof order,
    };
    if (crewi_process_is_live(process))
        crewi_engine_must_tell(engine, &note);
}

void crewi_process_expect_end(struct crewi_engine *engine, struct crewi_process *process,
                              int64_t grace_ns)
{
    int64_t deadline_ns = crewi_deadline_ns(engine->now_ns, grace_ns);
    if (!crewi_process_is_live(process) ||
        (process->patience.place && process->patience.deadline_ns <= deadline_ns))
        return;
    process->grace_ns = grace_ns;
    crewi_timer_cancel(&engine->timers, &process->patience);
    if (crewi_timer_set(&engine->timers, &process->patience, deadline_ns))
        crewi_process_stop(engine, process, SIGKILL);
}

/* Those of one creator that were to end at the same time, for one warning. */
struct overdue {
    uint64_t creator;
    size_t count, length;
    char names[1024]; /* as many as there is room for */
};

static void end_by_force(struct crewi_engine *engine, struct crewi_process *process,
                         struct overdue *overdue)
{
    const struct crewi_process_spec *spec = &process->order.spec;
    size_t room = sizeof overdue->names - overdue->length;
    int size =
        snprintf(overdue->names + overdue->length, room, "%s%s%s", overdue->count ? ", " : "",
                 spec->name, spec->inside ? " (inside its rank: it cannot be killed)" : "");
    if ((size_t)size < room)
        overdue->length += (size_t)size;
    else
        snprintf(overdue->names + overdue->length, room, "%s", room > 4 ? ", ..." : "");
    overdue->count++;
    if (!spec->inside)
        crewi_process_stop(engine, process, SIGKILL);
}

static void add_overdue(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    struct crewi_process *process = (struct crewi_process *)object;
    struct overdue *overdue = context;
    if (!process->patience.place || process->patience.deadline_ns > engine->now_ns ||
        process->order.spec.creator != overdue->creator)
        return;
    crewi_timer_cancel(&engine->timers, &process->patience);
    end_by_force(engine, process, overdue);
}

void crewi_process_lose_patience(struct crewi_engine *engine, struct crewi_timer *timer)
{
    struct crewi_process *first =
        (void *)((char *)timer - offsetof(struct crewi_process, patience));
    struct overdue overdue = {.creator = first->order.spec.creator};
    end_by_force(engine, first, &overdue);
    crewi_engine_each(engine, CREWI_KIND_PROCESS, add_overdue, &overdue);
    /* Of orphans, nobody expects more than half a second. */
    crewi_log(first->abandoned ? CREWI_LOG_INFO : CREWI_LOG_WARNING,
              "killed, for not having ended %.3g s after being told to: %s",
              (double)first->grace_ns / 1e9, overdue.names);
}

void crewi_process_await_end(struct crewi_engine *engine, uint64_t id, int64_t grace_ns)
{
    struct crewi_process *process = crewi_process_at_home(engine, id);
    if (process)
        crewi_process_expect_end(engine, process, grace_ns);
}

void crewi_process_end_daemon(struct crewi_engine *engine, uint64_t id)
{
    struct crewi_process *process = crewi_process_at_home(engine, id);
    if (!process)
        return;
    crewi_process_stop(engine, process, SIGTERM);
    crewi_process_expect_end(engine, process, CREWI_END_GRACE_NS);
}
