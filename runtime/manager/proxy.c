/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/manager.h> about objects. */
#include <crew/manager.h>

#include "base/error.h"
#include "engine/client.h"
#include "manager/session.h"

#include <stdatomic.h>

/* How many proxies were closed in this program; since then, one that was open is. */
static atomic_uint closes;

static crew_status check(const char *call, const char *name, const crew_any *args, size_t count)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (!name)
        return crewi_error(CREW_EINVAL, "%s: there is no name: NULL", call);
    if (count && !args)
        return crewi_error(CREW_EINVAL, "%s: args is NULL, with a count of %zu", call, count);
    return CREW_OK;
}

crew_status crew_proxy_create(crew_proxy *proxy, crew_manager manager, const char *type,
                              const crew_any *args, size_t count, double timeout_s)
{
    struct crewi_manager_answer answer;
    crew_status status = check("crew_proxy_create", type, args, count);
    if (!status && !proxy)
        status = crewi_error(CREW_EINVAL, "crew_proxy_create: proxy is NULL");
    if (status)
        return status;
    struct crewi_manager_question question = {.call = "crew_proxy_create",
                                              .manager = manager,
                                              .op = CREWI_MANAGER_CREATE,
                                              .name = type,
                                              .args = args,
                                              .count = count,
                                              .timeout_s = timeout_s};
    status = crewi_manager_ask(&question, &answer);
    if (status)
        return status;
    *proxy = (crew_proxy){.id = answer.object, .manager = manager.id};
    crew_view_release(&answer.view);
    return CREW_OK;
}

/* Whether the caller has it, which its rank knows: it can only be sent to, which is an error of its
 * own. The one that the thread has called last need not be asked about again. */
static crew_status check_open(crew_proxy proxy)
{
    static _Thread_local uint64_t last;
    static _Thread_local unsigned last_closes;
    unsigned now = atomic_load(&closes);
    if (proxy.id == last && now == last_closes)
        return CREW_OK;
    crew_status status = crew_poll((crew_connection){proxy.id}, CREW_NOW);
    if (!status || status == CREW_ETIMEDOUT)
        return crewi_error(CREW_EINVAL, "the handle is of another kind");
    if (status != CREW_ENOTSUP)
        return status;
    last = proxy.id;
    last_closes = now;
    return CREW_OK;
}

crew_status crew_proxy_call(crew_proxy proxy, const char *method, const crew_any *args,
                            size_t count, crew_any *result, double timeout_s)
{
    struct crewi_manager_answer answer;
    crew_any value = crew_nil();
    crew_status status = check("crew_proxy_call", method, args, count);
    if (!status)
        status = check_open(proxy);
    if (status)
        return status;
    struct crewi_manager_question question = {.call = "crew_proxy_call",
                                              .manager = {proxy.manager},
                                              .op =
                                                  result ? CREWI_MANAGER_CALL : CREWI_MANAGER_TELL,
                                              .object = proxy.id,
                                              .name = method,
                                              .args = args,
                                              .count = count,
                                              .timeout_s = timeout_s};
    status = crewi_manager_ask(&question, &answer);
    if (status)
        return status;
    if (result)
        status = crew_any_unpack(&value, answer.data, answer.size);
    if (status)
        crewi_copies_drop(answer.view.data, answer.view.size);
    crew_view_release(&answer.view);
    if (!status && result)
        *result = value;
    return status;
}

crew_status crew_proxy_close(crew_proxy proxy)
{
    crew_status status = crew_connection_close((crew_connection){proxy.id});
    atomic_fetch_add(&closes, 1);
    return status;
}
