/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/lock.h>. */
#include <crew/lock.h>

#include "base/clock.h"
#include "base/error.h"
#include "sync/sync_call.h"

#include <stdio.h>

uint64_t crewi_sync_thread(void)
{
    static _Atomic uint64_t last;
    static _Thread_local uint64_t number;
    if (!number)
        number = atomic_fetch_add(&last, 1) + 1;
    return number;
}

static crew_status make(const char *type_name, enum crewi_sync_type type, uint64_t *id,
                        const crew_lock_attr *attr)
{
    struct crewi_sync_spec spec = {.type = type};
    if (!crewi_client_current()) {
        char call[CREW_NAME_SIZE];
        snprintf(call, sizeof call, "crew_%s_create", type_name);
        return crewi_client_missing(call);
    }
    if (!id)
        return crewi_error(CREW_EINVAL, "crew_%s_create: lock is NULL", type_name);
    crew_status status = crewi_sync_set_name(&spec, type_name, attr ? attr->name : NULL);
    return status ? status : crewi_sync_make(&spec, NULL, id);
}

/* The load pairs with the store of the thread that had it before, here or when it let go of it:
 * what is between two threads of one process is ordered by this, whoever passed the lock on. */
void crewi_sync_hold(struct crewi_sync_record *record, uint32_t depth)
{
    (void)atomic_load_explicit(&record->thread, memory_order_acquire);
    record->depth = depth;
    atomic_store_explicit(&record->thread, crewi_sync_thread(), memory_order_release);
}

static bool has(const struct crewi_sync_record *record)
{
    return atomic_load_explicit(&record->thread, memory_order_relaxed) == crewi_sync_thread();
}

static enum crewi_word_result try_word(crewi_word *word, int64_t timeout_ns)
{
    uint64_t process = crewi_client_current()->identity.process.id;
    struct crewi_sync_looks looks = {0};
    enum crewi_word_result result = crewi_word_lock(word, process);
    while (result == CREWI_WORD_NO && timeout_ns > 0 && crewi_sync_look_again(&looks))
        result = crewi_word_lock(word, process);
    return result;
}

/* Another thread may have closed it meanwhile: then the record has no id, or another one. */
static crew_status ask_home(struct crewi_sync_record *record, uint64_t id, int64_t timeout_ns)
{
    struct crewi_sync_head head = {.id = id};
    crew_status status = crewi_sync_ask(CREWI_SYNC_ACQUIRE, &head, timeout_ns);
    if (!status || status == CREW_EOWNERDEAD)
        crewi_sync_hold(record, 1);
    return status;
}

crew_status crewi_sync_lock_acquire(const char *call, uint64_t id, uint32_t types,
                                    int64_t timeout_ns)
{
    struct crewi_sync_record *record;
    crew_status status = crewi_sync_use(call, id, types, &record);
    if (status)
        return status;
    if (record->type == CREWI_SYNC_RLOCK && has(record)) {
        record->depth++;
        return CREW_OK;
    }
    if (!record->word)
        return ask_home(record, id, timeout_ns);
    enum crewi_word_result result = try_word(record->word, timeout_ns);
    if (result == CREWI_WORD_DONE || result == CREWI_WORD_DONE_OWNER_DIED)
        crewi_sync_hold(record, 1);
    if (result == CREWI_WORD_DONE)
        return CREW_OK;
    if (result == CREWI_WORD_DONE_OWNER_DIED)
        return crewi_error(CREW_EOWNERDEAD, "%s is yours; its last holder ended without a release",
                           record->name);
    if (timeout_ns <= 0)
        return crewi_error(CREW_ETIMEDOUT, "%s is held", record->name);
    return ask_home(record, id, timeout_ns);
}

/* Somebody waits, and has it next whatever the others do: the holder does not wait for that. Who
 * releases what somebody else holds does, since that one may lose it in another way meanwhile. */
static crew_status release(const struct crewi_sync_record *record, uint64_t id, bool own,
                           bool has_told)
{
    struct crewi_sync_head head = {.id = id};
    enum crewi_word_result result = CREWI_WORD_NO;
    if (!record->word || has_told) /* a release by the word would be ahead of that */
        return crewi_sync_ask(CREWI_SYNC_RELEASE, &head, 0);
    if (own)
        result = crewi_word_unlock(record->word, crewi_client_current()->identity.process.id);
    if (result == CREWI_WORD_ASK)
        return crewi_sync_tell(CREWI_SYNC_RELEASE, &head);
    if (result == CREWI_WORD_NO)
        result = crewi_word_unlock(record->word, 0);
    if (result == CREWI_WORD_NO)
        return crewi_error(CREW_ESTATE, "%s is free", record->name);
    return result == CREWI_WORD_ASK ? crewi_sync_ask(CREWI_SYNC_RELEASE, &head, 0) : CREW_OK;
}

crew_status crewi_sync_lock_release(const char *call, uint64_t id, uint32_t types)
{
    struct crewi_sync_record *record;
    crew_status status = crewi_sync_use(call, id, types, &record);
    if (status)
        return status;
    bool recursive = record->type == CREWI_SYNC_RLOCK;
    if (recursive && !has(record))
        return crewi_error(CREW_EPERM, "%s: the calling thread does not have %s", call,
                           record->name);
    if (recursive && --record->depth > 0)
        return CREW_OK;
    bool own = atomic_load_explicit(&record->thread, memory_order_relaxed) != 0;
    bool has_told = recursive && record->has_told;
    if (recursive)
        record->has_told = false;
    atomic_store_explicit(&record->thread, 0, memory_order_release);
    return release(record, id, own, has_told);
}

/* Whether the process has it: it may have been released by another one. */
static crew_status is_held(const struct crewi_sync_record *record, bool *held)
{
    uint64_t word;
    *held = false;
    if (!atomic_load(&record->thread))
        return CREW_OK;
    crew_status status = crewi_sync_value(record, &word);
    uint64_t process = crewi_client_current()->identity.process.id;
    *held = !status && (word & CREWI_WORD_OWNER) == crewi_word_owner(process);
    return status;
}

crew_status crewi_sync_lock_close(const char *call, uint64_t id, uint32_t types)
{
    bool held = false;
    const struct crewi_client *client = crewi_client_current();
    const struct crewi_sync_record *record =
        client ? (const struct crewi_sync_record *)crewi_cache_find(&client->cache, id) : NULL;
    if (record && types & CREWI_SYNC_IS(record->type) && crewi_id_kind(id) == CREWI_KIND_SYNC) {
        crew_status status = is_held(record, &held);
        if (status)
            return status;
    }
    if (held)
        return crewi_error(CREW_ESTATE, "%s: the caller has acquired %s, and not released it", call,
                           record->name);
    return crewi_sync_close(call, id, types);
}

/* Locks */

#define IS_LOCK CREWI_SYNC_IS(CREWI_SYNC_LOCK)

crew_status crew_lock_create(crew_lock *lock, const crew_lock_attr *attr)
{
    return make("lock", CREWI_SYNC_LOCK, lock ? &lock->id : NULL, attr);
}

crew_status crew_lock_acquire(crew_lock lock, double timeout_s)
{
    return crewi_sync_lock_acquire("crew_lock_acquire", lock.id, IS_LOCK,
                                   crewi_timeout_ns(timeout_s));
}

crew_status crew_lock_release(crew_lock lock)
{
    return crewi_sync_lock_release("crew_lock_release", lock.id, IS_LOCK);
}

crew_status crew_lock_close(crew_lock lock)
{
    return crewi_sync_lock_close("crew_lock_close", lock.id, IS_LOCK);
}

/* Recursive locks */

#define IS_RLOCK CREWI_SYNC_IS(CREWI_SYNC_RLOCK)

crew_status crew_rlock_create(crew_rlock *lock, const crew_lock_attr *attr)
{
    return make("rlock", CREWI_SYNC_RLOCK, lock ? &lock->id : NULL, attr);
}

crew_status crew_rlock_acquire(crew_rlock lock, double timeout_s)
{
    return crewi_sync_lock_acquire("crew_rlock_acquire", lock.id, IS_RLOCK,
                                   crewi_timeout_ns(timeout_s));
}

crew_status crew_rlock_release(crew_rlock lock)
{
    return crewi_sync_lock_release("crew_rlock_release", lock.id, IS_RLOCK);
}

crew_status crew_rlock_close(crew_rlock lock)
{
    return crewi_sync_lock_close("crew_rlock_close", lock.id, IS_RLOCK);
}
