/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/array.h> and <crew/value.h> about an array as a whole, and its lock. */
#include <crew/array.h>
#include <crew/run.h>
#include <crew/value.h>

#include "base/error.h"
#include "shared/array_call.h"

#include <string.h>

struct crewi_call crewi_array_call(enum crewi_array_op op, const struct crewi_array_head *head)
{
    return (struct crewi_call){.kind = CREWI_KIND_ARRAY,
                               .op = (uint8_t)op,
                               .rank = (uint32_t)crew_current_rank(),
                               .head = head,
                               .head_size = sizeof *head};
}

crew_status crewi_array_check_range(const char *call, const struct crewi_array_view *view,
                                    int64_t first, int64_t count)
{
    int64_t length = (int64_t)view->about.count;
    if (count < 0)
        return crewi_error(CREW_EINVAL, "%s: a count of %lld", call, (long long)count);
    if (first >= 0 && first <= length && count <= length - first)
        return CREW_OK;
    if (count == 1)
        return crewi_error(CREW_EDOMAIN, "%s: index %lld of \"%s\", which has %lld elements", call,
                           (long long)first, view->about.name, (long long)length);
    return crewi_error(CREW_EDOMAIN, "%s: %lld elements from index %lld of \"%s\", which has %lld",
                       call, (long long)count, (long long)first, view->about.name,
                       (long long)length);
}

/* Creating */

static crew_status check_locks(const char *call, const crew_array_attr *attr)
{
    int locks = (attr->no_lock ? 1 : 0) + (attr->lock.id ? 1 : 0) + (attr->rlock.id ? 1 : 0);
    if (locks > 1)
        return crewi_error(CREW_EINVAL, "%s: only one of lock, rlock and no_lock may be said",
                           call);
    uint64_t lock = attr->lock.id ? attr->lock.id : attr->rlock.id;
    if (lock && crewi_id_kind(lock) != CREWI_KIND_SYNC)
        return crewi_error(CREW_EINVAL, "%s: its lock is no lock", call);
    return CREW_OK;
}

static crew_status check(const char *call, crew_datatype type, int64_t count,
                         const crew_array_attr *attr)
{
    size_t size = crew_datatype_size(type);
    if (!size)
        return crewi_error(CREW_EINVAL, "%s: %d is no type of elements", call, (int)type);
    if (count < 0)
        return crewi_error(CREW_EINVAL, "%s: a count of %lld", call, (long long)count);
    if ((uint64_t)count > INT64_MAX / size)
        return crewi_error(CREW_ENOMEM, "%s: %lld elements of %zu bytes", call, (long long)count,
                           size);
    crew_status status = crewi_check_name("an array", attr->name, CREW_NAME_SIZE);
    return status ? status : check_locks(call, attr);
}

static crew_status choose_lock(const crew_array_attr *attr, struct crewi_array_spec *spec)
{
    crew_rlock made;
    spec->lock_use = CREWI_ARRAY_NO_LOCK;
    if (attr->no_lock)
        return CREW_OK;
    if (attr->lock.id || attr->rlock.id) {
        spec->lock = attr->lock.id ? attr->lock.id : attr->rlock.id;
        spec->lock_use = attr->lock.id ? CREWI_ARRAY_USERS_LOCK : CREWI_ARRAY_USERS_RLOCK;
        return CREW_OK;
    }
    crew_status status = crew_rlock_create(&made, NULL);
    if (status)
        return status;
    spec->lock = made.id;
    spec->lock_use = CREWI_ARRAY_OWN_LOCK;
    return CREW_OK;
}

static crew_status create(const char *name, crew_datatype type, int64_t count,
                          const crew_array_attr *attr, crew_array *array)
{
    static const crew_array_attr defaults;
    if (!crewi_client_current())
        return crewi_client_missing(name);
    if (!array)
        return crewi_error(CREW_EINVAL, "%s: the place for the handle is NULL", name);
    attr = attr ? attr : &defaults;
    crew_status status = check(name, type, count, attr);
    if (status)
        return status;
    struct crewi_array_spec spec = {.count = (uint64_t)count, .type = (uint32_t)type};
    if (attr->name)
        memcpy(spec.name, attr->name, strlen(attr->name) + 1);
    status = choose_lock(attr, &spec);
    if (status)
        return status;
    struct crewi_call call = {.kind = CREWI_KIND_ARRAY,
                              .op = CREWI_ARRAY_CREATE,
                              .rank = (uint32_t)crew_current_rank(),
                              .head = &spec,
                              .head_size = sizeof spec};
    uint64_t id;
    status = crewi_call_fixed(&call, &id, sizeof id);
    if (!status)
        *array = (crew_array){.id = id, .lock = {spec.lock}};
    else if (spec.lock_use == CREWI_ARRAY_OWN_LOCK)
        crew_rlock_close((crew_rlock){spec.lock});
    return status;
}

crew_status crew_array_create(crew_array *array, crew_datatype type, int64_t count,
                              const crew_array_attr *attr)
{
    return create("crew_array_create", type, count, attr, array);
}

crew_status crew_value_create(crew_value *value, crew_datatype type, const void *initial,
                              const crew_array_attr *attr)
{
    crew_array array;
    crew_status status = create("crew_value_create", type, 1, attr, value ? &array : NULL);
    if (status)
        return status;
    if (initial)
        status = crew_array_set(array, type, 0, initial);
    if (status)
        crew_array_close(array);
    else
        *value = (crew_value){array.id, array.lock};
    return status;
}

/* What it is */

static crew_status look(const char *call, crew_array array, const void *output,
                        const struct crewi_array_view **view)
{
    crew_status status = crewi_array_view_get(call, array.id, view);
    if (!status && !output)
        status = crewi_error(CREW_EINVAL, "%s: there is no place for the answer", call);
    return status;
}

crew_status crew_array_length(crew_array array, int64_t *count)
{
    const struct crewi_array_view *view;
    crew_status status = look("crew_array_length", array, count, &view);
    if (!status)
        *count = (int64_t)view->about.count;
    return status;
}

crew_status crew_array_type(crew_array array, crew_datatype *type)
{
    const struct crewi_array_view *view;
    crew_status status = look("crew_array_type", array, type, &view);
    if (!status)
        *type = (crew_datatype)view->about.type;
    return status;
}

crew_status crew_array_data(crew_array array, void **data)
{
    const struct crewi_array_view *view;
    crew_status status = look("crew_array_data", array, data, &view);
    if (status)
        return status;
    uint32_t home = crewi_id_home(array.id);
    if (!view->memory)
        return crewi_error(CREW_ENOTSUP,
                           "crew_array_data: \"%s\" is kept on rank %u on %s, and cannot be "
                           "mapped here",
                           view->about.name, home, crew_rank_host((int)home));
    *data = view->memory;
    return CREW_OK;
}

/* The lock */

static crew_status find_lock(const char *call, crew_array array,
                             const struct crewi_array_view **view)
{
    crew_status status = crewi_array_view_get(call, array.id, view);
    if (!status && (*view)->about.lock_use == CREWI_ARRAY_NO_LOCK)
        status = crewi_error(CREW_ENOTSUP, "%s: \"%s\" has no lock", call, (*view)->about.name);
    return status;
}

crew_status crew_array_acquire(crew_array array, double timeout_s)
{
    const struct crewi_array_view *view;
    crew_status status = find_lock("crew_array_acquire", array, &view);
    if (status)
        return status;
    if (view->about.lock_use == CREWI_ARRAY_USERS_LOCK)
        return crew_lock_acquire((crew_lock){view->about.lock}, timeout_s);
    return crew_rlock_acquire((crew_rlock){view->about.lock}, timeout_s);
}

crew_status crew_array_release(crew_array array)
{
    const struct crewi_array_view *view;
    crew_status status = find_lock("crew_array_release", array, &view);
    if (status)
        return status;
    if (view->about.lock_use == CREWI_ARRAY_USERS_LOCK)
        return crew_lock_release((crew_lock){view->about.lock});
    return crew_rlock_release((crew_rlock){view->about.lock});
}

crew_status crew_array_get_lock(crew_array array, crew_rlock *lock)
{
    const struct crewi_array_view *view;
    crew_status status = find_lock("crew_array_get_lock", array, &view);
    if (status)
        return status;
    if (!lock)
        return crewi_error(CREW_EINVAL, "crew_array_get_lock: there is no place for the answer");
    if (view->about.lock_use == CREWI_ARRAY_USERS_LOCK)
        return crewi_error(CREW_ENOTSUP, "crew_array_get_lock: the lock of \"%s\" is not recursive",
                           view->about.name);
    lock->id = view->about.lock;
    return CREW_OK;
}

/* The end */

static crew_status close_array(crew_array array)
{
    struct crewi_array_head head = {.id = array.id};
    struct crewi_call call = crewi_array_call(CREWI_ARRAY_CLOSE, &head);
    crewi_array_view_close(array.id);
    return crewi_call(&call, NULL);
}

crew_status crew_array_close(crew_array array)
{
    const struct crewi_array_view *view;
    crew_status status = crewi_array_view_get("crew_array_close", array.id, &view);
    if (!status && view->about.lock_use == CREWI_ARRAY_OWN_LOCK)
        status = crew_rlock_close((crew_rlock){view->about.lock});
    if (!status)
        status = close_array(array);
    if (status != CREW_ECLOSED)
        return status;
    crewi_error_clear(); /* closed before */
    return CREW_OK;
}
