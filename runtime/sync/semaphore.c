/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/semaphore.h>. */
#include <crew/semaphore.h>

#include "base/clock.h"
#include "base/error.h"
#include "sync/sync_call.h"

#define IS_SEMAPHORE CREWI_SYNC_IS(CREWI_SYNC_SEMAPHORE)

crew_status crew_semaphore_create(crew_semaphore *semaphore, long value,
                                  const crew_semaphore_attr *attr)
{
    bool bounded = attr && attr->bounded;
    struct crewi_sync_spec spec = {.type = CREWI_SYNC_SEMAPHORE,
                                   .value = value,
                                   .limit = bounded ? value : CREW_SEMAPHORE_LIMIT};
    if (!crewi_client_current())
        return crewi_client_missing("crew_semaphore_create");
    if (!semaphore)
        return crewi_error(CREW_EINVAL, "crew_semaphore_create: semaphore is NULL");
    if (value < 0 || value > CREW_SEMAPHORE_LIMIT)
        return crewi_error(CREW_EINVAL, "a semaphore's value is 0 to %ld, not %ld",
                           CREW_SEMAPHORE_LIMIT, value);
    crew_status status = crewi_sync_set_name(&spec, "semaphore", attr ? attr->name : NULL);
    return status ? status : crewi_sync_make(&spec, NULL, &semaphore->id);
}

static bool take(crewi_word *word, int64_t timeout_ns)
{
    struct crewi_sync_looks looks = {0};
    enum crewi_word_result result = crewi_word_take(word);
    while (result == CREWI_WORD_NO && timeout_ns > 0 && crewi_sync_look_again(&looks))
        result = crewi_word_take(word);
    return result == CREWI_WORD_DONE;
}

crew_status crew_semaphore_acquire(crew_semaphore semaphore, double timeout_s)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = semaphore.id};
    int64_t timeout_ns = crewi_timeout_ns(timeout_s);
    crew_status status =
        crewi_sync_use("crew_semaphore_acquire", semaphore.id, IS_SEMAPHORE, &record);
    if (status)
        return status;
    if (record->word && take(record->word, timeout_ns))
        return CREW_OK;
    if (record->word && timeout_ns <= 0)
        return crewi_error(CREW_ETIMEDOUT, "%s is 0", record->name);
    return crewi_sync_ask(CREWI_SYNC_ACQUIRE, &head, timeout_ns);
}

crew_status crew_semaphore_release(crew_semaphore semaphore)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = semaphore.id};
    crew_status status =
        crewi_sync_use("crew_semaphore_release", semaphore.id, IS_SEMAPHORE, &record);
    if (status)
        return status;
    enum crewi_word_result result =
        record->word ? crewi_word_give(record->word, record->limit) : CREWI_WORD_ASK;
    if (result == CREWI_WORD_NO)
        return crewi_error(CREW_ESTATE, "%s has its largest value, %llu", record->name,
                           (unsigned long long)record->limit);
    return result == CREWI_WORD_DONE ? CREW_OK : crewi_sync_ask(CREWI_SYNC_RELEASE, &head, 0);
}

crew_status crew_semaphore_value(crew_semaphore semaphore, long *value)
{
    struct crewi_sync_record *record;
    uint64_t word;
    crew_status status =
        crewi_sync_use("crew_semaphore_value", semaphore.id, IS_SEMAPHORE, &record);
    if (!status && !value)
        status = crewi_error(CREW_EINVAL, "crew_semaphore_value: value is NULL");
    if (!status)
        status = crewi_sync_value(record, &word);
    if (!status)
        *value = (long)(word & CREWI_WORD_VALUE);
    return status;
}

crew_status crew_semaphore_close(crew_semaphore semaphore)
{
    return crewi_sync_close("crew_semaphore_close", semaphore.id, IS_SEMAPHORE);
}
