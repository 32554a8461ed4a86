/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/event.h>. */
#include <crew/event.h>

#include "base/clock.h"
#include "base/error.h"
#include "sync/sync_call.h"

#define IS_EVENT CREWI_SYNC_IS(CREWI_SYNC_EVENT)

crew_status crew_event_create(crew_event *event, const crew_event_attr *attr)
{
    struct crewi_sync_spec spec = {.type = CREWI_SYNC_EVENT};
    if (!crewi_client_current())
        return crewi_client_missing("crew_event_create");
    if (!event)
        return crewi_error(CREW_EINVAL, "crew_event_create: event is NULL");
    crew_status status = crewi_sync_set_name(&spec, "event", attr ? attr->name : NULL);
    return status ? status : crewi_sync_make(&spec, NULL, &event->id);
}

crew_status crew_event_set(crew_event event)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = event.id};
    crew_status status = crewi_sync_use("crew_event_set", event.id, IS_EVENT, &record);
    if (status)
        return status;
    if (!record->word)
        return crewi_sync_ask(CREWI_SYNC_SET, &head, 0);
    if (crewi_word_set(record->word) == CREWI_WORD_DONE)
        return CREW_OK;
    return crewi_sync_tell(CREWI_SYNC_SET, &head);
}

crew_status crew_event_clear(crew_event event)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = event.id};
    crew_status status = crewi_sync_use("crew_event_clear", event.id, IS_EVENT, &record);
    if (status)
        return status;
    if (record->word && crewi_word_clear(record->word) == CREWI_WORD_DONE)
        return CREW_OK;
    return crewi_sync_ask(CREWI_SYNC_CLEAR, &head, 0);
}

crew_status crew_event_is_set(crew_event event, bool *is_set)
{
    struct crewi_sync_record *record;
    uint64_t word;
    crew_status status = crewi_sync_use("crew_event_is_set", event.id, IS_EVENT, &record);
    if (!status && !is_set)
        status = crewi_error(CREW_EINVAL, "crew_event_is_set: is_set is NULL");
    if (!status)
        status = crewi_sync_value(record, &word);
    if (!status)
        *is_set = (word & CREWI_WORD_SET) != 0;
    return status;
}

static bool is_set(crewi_word *word, int64_t timeout_ns)
{
    struct crewi_sync_looks looks = {0};
    bool set = atomic_load(word) & CREWI_WORD_SET;
    while (!set && timeout_ns > 0 && crewi_sync_look_again(&looks))
        set = atomic_load(word) & CREWI_WORD_SET;
    return set;
}

crew_status crew_event_wait(crew_event event, double timeout_s)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = event.id};
    int64_t timeout_ns = crewi_timeout_ns(timeout_s);
    crew_status status = crewi_sync_use("crew_event_wait", event.id, IS_EVENT, &record);
    if (status)
        return status;
    if (record->word && is_set(record->word, timeout_ns))
        return CREW_OK;
    if (record->word && timeout_ns <= 0)
        return crewi_error(CREW_ETIMEDOUT, "%s is not set", record->name);
    return crewi_sync_ask(CREWI_SYNC_WAIT, &head, timeout_ns);
}

crew_status crew_event_close(crew_event event)
{
    return crewi_sync_close("crew_event_close", event.id, IS_EVENT);
}
