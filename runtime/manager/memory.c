/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared memory of <crew/manager.h>: the server makes a block, and the caller attaches it. */
#include <crew/manager.h>

#include "base/error.h"
#include "engine/client.h"
#include "manager/session.h"

#include <crew/run.h>

static crew_status attach(const struct crewi_manager_answer *answer, crew_shared_memory *block)
{
    crew_any name = crew_nil();
    const char *text;
    crew_status status = crew_any_unpack(&name, answer->data, answer->size);
    if (!status)
        status = crew_any_to_string(name, &text);
    if (!status)
        status = crew_shared_memory_attach(block, text);
    crew_any_clear(&name);
    return status;
}

crew_status crew_manager_shared_memory(crew_manager manager, crew_shared_memory *block,
                                       int64_t size)
{
    struct crewi_manager_answer answer;
    if (!crewi_client_current())
        return crewi_client_missing("crew_manager_shared_memory");
    if (!block)
        return crewi_error(CREW_EINVAL, "crew_manager_shared_memory: block is NULL");
    crew_any args[] = {crew_int(size), crew_string(crew_rank_host(crew_current_rank()))};
    struct crewi_manager_question question = {.call = "crew_manager_shared_memory",
                                              .manager = manager,
                                              .op = CREWI_MANAGER_BLOCK,
                                              .name = "",
                                              .args = args,
                                              .count = 2,
                                              .timeout_s = CREW_FOREVER};
    crew_status status = crewi_manager_ask(&question, &answer);
    if (status)
        return status;
    status = attach(&answer, block);
    crew_view_release(&answer.view);
    return status;
}
