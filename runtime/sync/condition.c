/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/condition.h>. */
#include <crew/condition.h>

#include "base/clock.h"
#include "base/error.h"
#include "sync/sync_call.h"

/* In the number of a condition: its lock is its own. */
#define OWN_LOCK ((uint64_t)1 << 59)

static crew_status check_attr(const crew_condition *condition, const crew_condition_attr *attr)
{
    if (!crewi_client_current())
        return crewi_client_missing("crew_condition_create");
    if (!condition)
        return crewi_error(CREW_EINVAL, "crew_condition_create: condition is NULL");
    if (attr && attr->lock.id && attr->rlock.id)
        return crewi_error(CREW_EINVAL, "a condition has one lock, not both a lock and an rlock");
    if (attr && attr->name && (attr->lock.id || attr->rlock.id))
        return crewi_error(CREW_EINVAL, "a condition that shares a lock has that one's name");
    return CREW_OK;
}

/* The lock that was given, if it is one of that sort; or a new one. */
static crew_status get_lock(const crew_condition_attr *attr, uint64_t *id, bool *own)
{
    struct crewi_sync_record *record;
    static const char call[] = "crew_condition_create";
    crew_rlock made;
    *own = false;
    if (attr && attr->lock.id) {
        *id = attr->lock.id;
        return crewi_sync_use(call, *id, CREWI_SYNC_IS(CREWI_SYNC_LOCK), &record);
    }
    if (attr && attr->rlock.id) {
        *id = attr->rlock.id;
        return crewi_sync_use(call, *id, CREWI_SYNC_IS(CREWI_SYNC_RLOCK), &record);
    }
    crew_status status = crew_rlock_create(&made, &(crew_lock_attr){attr ? attr->name : NULL});
    if (!status) {
        *id = made.id;
        *own = true;
    }
    return status;
}

crew_status crew_condition_create(crew_condition *condition, const crew_condition_attr *attr)
{
    struct crewi_sync_head head = {0};
    uint64_t number;
    bool own;
    crew_status status = check_attr(condition, attr);
    if (!status)
        status = get_lock(attr, &head.id, &own);
    if (status)
        return status;
    status = crewi_sync_ask_for(CREWI_SYNC_CONDITION, &head, &number, sizeof number);
    if (!status)
        *condition = (crew_condition){head.id, own ? number | OWN_LOCK : number};
    else if (own)
        crewi_sync_close("crew_condition_create", head.id, CREWI_SYNC_IS_LOCK);
    return status;
}

crew_status crew_condition_acquire(crew_condition condition, double timeout_s)
{
    return crewi_sync_lock_acquire("crew_condition_acquire", condition.lock, CREWI_SYNC_IS_LOCK,
                                   crewi_timeout_ns(timeout_s));
}

crew_status crew_condition_release(crew_condition condition)
{
    return crewi_sync_lock_release("crew_condition_release", condition.lock, CREWI_SYNC_IS_LOCK);
}

/* The record of the lock, which the calling thread has. */
static crew_status use_held(const char *call, crew_condition condition,
                            struct crewi_sync_record **record)
{
    crew_status status = crewi_sync_use(call, condition.lock, CREWI_SYNC_IS_LOCK, record);
    if (!status && atomic_load(&(*record)->thread) != crewi_sync_thread())
        status = crewi_error(CREW_EPERM, "%s: the calling thread does not have %s", call,
                             (*record)->name);
    return status;
}

static crew_status wait(const char *call, crew_condition condition, int64_t timeout_ns)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {.id = condition.lock, .number = condition.number & ~OWN_LOCK};
    crew_status status = use_held(call, condition, &record);
    if (status)
        return status;
    uint32_t depth = record->depth;
    record->has_told = false;
    atomic_store(&record->thread, 0); /* another thread may have it now */
    status = crewi_sync_ask(CREWI_SYNC_RELEASE_AND_WAIT, &head, timeout_ns);
    bool has_lock =
        !status || status == CREW_ETIMEDOUT || status == CREW_EOWNERDEAD || status == CREW_ENOENT;
    if (has_lock)
        crewi_sync_hold(record, depth);
    return status;
}

crew_status crew_condition_wait(crew_condition condition, double timeout_s)
{
    return wait("crew_condition_wait", condition, crewi_timeout_ns(timeout_s));
}

crew_status crew_condition_wait_for(crew_condition condition, crew_predicate *predicate, void *arg,
                                    bool *result, double timeout_s)
{
    static const char call[] = "crew_condition_wait_for";
    struct crewi_sync_record *record;
    int64_t end_ns = crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(timeout_s));
    crew_status status = use_held(call, condition, &record);
    if (!status && !predicate)
        status = crewi_error(CREW_EINVAL, "%s: predicate is NULL", call);
    if (status)
        return status;
    bool is_true = predicate(arg);
    while (!is_true && !status) {
        int64_t left_ns = end_ns == CREWI_FOREVER ? CREWI_FOREVER : end_ns - crewi_now_ns();
        status = left_ns > 0 ? wait(call, condition, left_ns)
                             : crewi_error(CREW_ETIMEDOUT, "%s: it is not true in time", call);
        if (!status || status == CREW_EOWNERDEAD || (status == CREW_ETIMEDOUT && left_ns > 0))
            is_true = predicate(arg);
    }
    if (is_true && status == CREW_ETIMEDOUT)
        status = CREW_OK;
    if (result && (!status || status == CREW_ETIMEDOUT || status == CREW_EOWNERDEAD))
        *result = is_true;
    return status;
}

/* Who has a recursive lock is the only one to release it, and does that behind the note: so a note
 * does, for a condition that there is. Nobody whom it wakes can go on before that anyway. */
static crew_status tell_home(struct crewi_sync_record *record, const struct crewi_sync_head *head)
{
    if (record->type == CREWI_SYNC_RLOCK && head->number && head->number <= record->conditions) {
        record->has_told = true;
        return crewi_sync_tell(CREWI_SYNC_NOTIFY, head);
    }
    crew_status status = crewi_sync_ask(CREWI_SYNC_NOTIFY, head, 0);
    if (!status && record->conditions < head->number)
        record->conditions = head->number;
    return status;
}

static crew_status notify(const char *call, crew_condition condition, int64_t count)
{
    struct crewi_sync_record *record;
    struct crewi_sync_head head = {
        .id = condition.lock, .number = condition.number & ~OWN_LOCK, .value = count};
    crew_status status = use_held(call, condition, &record);
    if (!status && count < 1)
        status = crewi_error(CREW_EINVAL, "%s: %lld is not a number of processes to wake", call,
                             (long long)count);
    return status ? status : tell_home(record, &head);
}

crew_status crew_condition_notify(crew_condition condition, long count)
{
    return notify("crew_condition_notify", condition, count);
}

crew_status crew_condition_notify_all(crew_condition condition)
{
    return notify("crew_condition_notify_all", condition, INT64_MAX);
}

crew_status crew_condition_close(crew_condition condition)
{
    struct crewi_sync_record *record;
    static const char call[] = "crew_condition_close";
    if (condition.number & OWN_LOCK)
        return crewi_sync_lock_close(call, condition.lock, CREWI_SYNC_IS_LOCK);
    crew_status status = crewi_sync_use(call, condition.lock, CREWI_SYNC_IS_LOCK, &record);
    return status == CREW_ECLOSED ? CREW_OK : status;
}
