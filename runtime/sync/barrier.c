/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/barrier.h>. */
#include <crew/barrier.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/funcref.h"
#include "sync/barrier_ops.h"
#include "sync/sync_call.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define IS_BARRIER CREWI_SYNC_IS(CREWI_SYNC_BARRIER)

static const struct crewi_barrier_ops *team_ops;

void crewi_barrier_set_team_ops(const struct crewi_barrier_ops *ops)
{
    team_ops = ops;
}

static bool is_of_team(crew_barrier barrier)
{
    return team_ops && crewi_id_kind(barrier.id) == CREWI_KIND_TEAM && crewi_client_current();
}

static crew_status check_attr(const crew_barrier *barrier, int parties,
                              const crew_barrier_attr *attr)
{
    if (!crewi_client_current())
        return crewi_client_missing("crew_barrier_create");
    if (!barrier)
        return crewi_error(CREW_EINVAL, "crew_barrier_create: barrier is NULL");
    if (parties < 1)
        return crewi_error(CREW_EINVAL, "a barrier has at least one party, not %d", parties);
    if (isnan(attr->timeout_s) || attr->timeout_s < 0)
        return crewi_error(CREW_EINVAL, "the time limit of a barrier is %g seconds",
                           attr->timeout_s);
    if (attr->arg_size > CREW_BARRIER_ARG_SIZE)
        return crewi_error(CREW_EINVAL, "the argument of an action has %zu bytes, more than %d",
                           attr->arg_size, CREW_BARRIER_ARG_SIZE);
    if (attr->arg_size && (!attr->arg || !attr->action))
        return crewi_error(CREW_EINVAL, "%zu bytes of argument, and %s is NULL", attr->arg_size,
                           attr->action ? "arg" : "action");
    return CREW_OK;
}

crew_status crew_barrier_create(crew_barrier *barrier, int parties, const crew_barrier_attr *attr)
{
    static const crew_barrier_attr defaults;
    if (!attr)
        attr = &defaults;
    crew_status status = check_attr(barrier, parties, attr);
    if (status)
        return status;
    struct crewi_sync_spec spec = {
        .type = CREWI_SYNC_BARRIER,
        .value = parties,
        .timeout_ns = attr->timeout_s > 0 ? crewi_timeout_ns(attr->timeout_s) : CREWI_FOREVER,
        .arg_size = (uint32_t)attr->arg_size,
        .has_action = attr->action != NULL};
    status = crewi_sync_set_name(&spec, "barrier", attr->name);
    if (!status && attr->action)
        status = crewi_funcref_make(&spec.action, (crewi_function *)attr->action);
    return status ? status : crewi_sync_make(&spec, attr->arg, &barrier->id);
}

/* An action, which came with an arrival. It lies on the stack: a process inside a rank may be ended
 * while it runs. */
struct action {
    struct crewi_funcref function;
    size_t size; /* of the argument */
    _Alignas(max_align_t) unsigned char arg[CREW_BARRIER_ARG_SIZE];
};

static crew_status run_action(struct action *action)
{
    crewi_function *function;
    crew_status status = crewi_funcref_resolve(&action->function, &function);
    if (status)
        return status;
    crewi_error_clear();
    status = ((crew_barrier_action *)function)(action->size ? action->arg : NULL);
    if (status && !*crew_error_message())
        return crewi_error(status, "the action of the barrier has failed");
    return status;
}

/* The last one to arrive: the others go on when the home hears how the action went. */
static crew_status act(crew_barrier barrier, const struct crewi_sync_arrival *arrival,
                       struct action *action)
{
    char reason[CREWI_ERROR_SIZE];
    crew_status status = run_action(action);
    struct crewi_sync_head head = {.id = barrier.id, .number = arrival->trip, .value = status};
    if (!status)
        return crewi_sync_ask(CREWI_SYNC_ACTION_DONE, &head, 0);
    strncpy(reason, crew_error_message(), sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    crewi_sync_ask(CREWI_SYNC_ACTION_DONE, &head, 0);
    return crewi_error(status, "%s", reason);
}

/* Reads the answer to an arrival. */
static crew_status read_arrival(const struct crewi_frame *reply, struct crewi_sync_arrival *arrival,
                                struct action *action)
{
    size_t size = reply->header.size, head = sizeof *arrival + sizeof action->function;
    if (size >= sizeof *arrival)
        memcpy(arrival, reply->payload, sizeof *arrival);
    bool can_be = size >= sizeof *arrival &&
                  (!arrival->has_action || (size >= head && size - head <= sizeof action->arg));
    if (!can_be)
        return crewi_error(
            CREW_EPROTO,
            "malformed reply to an arrival at a barrier: %zu bytes, expected %zu to %zu", size,
            size < sizeof *arrival ? sizeof *arrival : head, head + sizeof action->arg);
    if (!arrival->has_action)
        return CREW_OK;
    memcpy(&action->function, reply->payload + sizeof *arrival, sizeof action->function);
    action->size = size - head;
    memcpy(action->arg, reply->payload + head, action->size);
    return CREW_OK;
}

static crew_status arrive(crew_barrier barrier, int64_t timeout_ns,
                          struct crewi_sync_arrival *arrival)
{
    struct crewi_sync_head head = {.id = barrier.id};
    struct crewi_frame *reply;
    struct action action;
    struct crewi_call call = crewi_sync_call(CREWI_SYNC_ARRIVE, &head, sizeof head);
    call.timeout_ns = timeout_ns;
    crew_status status = crewi_call(&call, &reply);
    if (status)
        return status;
    status = read_arrival(reply, arrival, &action);
    crewi_frame_destroy(reply);
    return !status && arrival->has_action ? act(barrier, arrival, &action) : status;
}

crew_status crew_barrier_wait(crew_barrier barrier, int *index, double timeout_s)
{
    struct crewi_sync_record *record;
    struct crewi_sync_arrival arrival = {0};
    if (is_of_team(barrier))
        return team_ops->wait(barrier, index, timeout_s);
    crew_status status = crewi_sync_use("crew_barrier_wait", barrier.id, IS_BARRIER, &record);
    if (!status)
        status = arrive(barrier, crewi_timeout_ns(timeout_s), &arrival);
    if (!status && index)
        *index = arrival.index;
    return status;
}

static crew_status ask(const char *call, crew_barrier barrier, enum crewi_sync_op op)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = barrier.id};
    crew_status status = crewi_sync_use(call, barrier.id, IS_BARRIER, &record);
    return status ? status : crewi_sync_ask(op, &head, 0);
}

crew_status crew_barrier_reset(crew_barrier barrier)
{
    return is_of_team(barrier) ? team_ops->reset(barrier)
                               : ask("crew_barrier_reset", barrier, CREWI_SYNC_RESET);
}

crew_status crew_barrier_abort(crew_barrier barrier)
{
    return is_of_team(barrier) ? team_ops->abort(barrier)
                               : ask("crew_barrier_abort", barrier, CREWI_SYNC_ABORT);
}

crew_status crew_barrier_get_state(crew_barrier barrier, crew_barrier_state *state)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = barrier.id};
    if (is_of_team(barrier))
        return team_ops->get_state(barrier, state);
    crew_status status = crewi_sync_use("crew_barrier_get_state", barrier.id, IS_BARRIER, &record);
    if (!status && !state)
        status = crewi_error(CREW_EINVAL, "crew_barrier_get_state: state is NULL");
    return status ? status : crewi_sync_ask_for(CREWI_SYNC_STATE, &head, state, sizeof *state);
}

crew_status crew_barrier_close(crew_barrier barrier)
{
    return is_of_team(barrier) ? team_ops->close(barrier)
                               : crewi_sync_close("crew_barrier_close", barrier.id, IS_BARRIER);
}
