/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/array.h> about one element: in memory, or by a request. */
#include <crew/array.h>

#include "base/error.h"
#include "shared/array_call.h"
#include "shared/array_memory.h"

#include <string.h>

/* What a caller wants of which element. */
struct access {
    const char *call;
    crew_datatype type;
    int64_t index;
};

static crew_status word_index(const struct access *access, const struct crewi_array_view *view)
{
    return crewi_array_check_range(access->call, view, access->index, 1);
}

static crew_status word_type(const struct access *access, const struct crewi_array_view *view)
{
    return crewi_error(CREW_EINVAL, "%s: the elements of \"%s\" are %s, not %s", access->call,
                       view->about.name, crew_datatype_name((crew_datatype)view->about.type),
                       crew_datatype_name(access->type));
}

/* The view, when the element is there and of that type. */
static crew_status find(crew_array array, const struct access *access, const void *pointer,
                        const struct crewi_array_view **found)
{
    crew_status status = crewi_array_view_get(access->call, array.id, found);
    if (status)
        return status;
    const struct crewi_array_view *view = *found;
    if (!pointer)
        return crewi_error(CREW_EINVAL, "%s: a pointer is NULL", access->call);
    if ((uint32_t)access->type != view->about.type)
        return word_type(access, view);
    if ((uint64_t)access->index >= view->about.count)
        return word_index(access, view);
    return CREW_OK;
}

static struct crewi_array_head head_for(crew_array array, const struct access *access)
{
    return (struct crewi_array_head){.id = array.id, .first = (uint64_t)access->index, .count = 1};
}

static unsigned char *element(const struct crewi_array_view *view, const struct access *access)
{
    return view->memory + (uint64_t)access->index * view->element_size;
}

crew_status crew_array_get(crew_array array, crew_datatype type, int64_t index, void *value)
{
    const struct access access = {"crew_array_get", type, index};
    const struct crewi_array_view *view = NULL;
    crew_status status = find(array, &access, value, &view);
    if (status)
        return status;
    if (view->memory) {
        crewi_element_load(element(view, &access), view->element_size, value);
        return CREW_OK;
    }
    struct crewi_array_head head = head_for(array, &access);
    struct crewi_call call = crewi_array_call(CREWI_ARRAY_READ, &head);
    return crewi_call_fixed(&call, value, view->element_size);
}

crew_status crew_array_set(crew_array array, crew_datatype type, int64_t index, const void *value)
{
    const struct access access = {"crew_array_set", type, index};
    const struct crewi_array_view *view = NULL;
    crew_status status = find(array, &access, value, &view);
    if (status)
        return status;
    if (view->memory) {
        crewi_element_store(element(view, &access), view->element_size, value);
        return CREW_OK;
    }
    struct crewi_array_head head = head_for(array, &access);
    struct crewi_call call = crewi_array_call(CREWI_ARRAY_WRITE, &head);
    call.body = value;
    call.body_size = view->element_size;
    return crewi_call(&call, NULL);
}

/* Updates */

static crew_status update_at_home(crew_array array, const struct access *access,
                                  enum crewi_array_update update,
                                  const struct crewi_array_operands *operands,
                                  struct crewi_array_before *before)
{
    struct crewi_array_head head = head_for(array, access);
    head.update = update;
    struct crewi_call call = crewi_array_call(CREWI_ARRAY_UPDATE, &head);
    call.body = operands;
    call.body_size = sizeof *operands;
    return crewi_call_fixed(&call, before, sizeof *before);
}

/* What it was is copied to before, which may be NULL. */
static crew_status update(const struct crewi_array_view *view, crew_array array,
                          const struct access *access, enum crewi_array_update update,
                          const struct crewi_array_operands *operands, void *before)
{
    struct crewi_array_before was;
    crew_status status = CREW_OK;
    if (view->memory)
        crewi_element_update(element(view, access), access->type, update, operands, &was);
    else
        status = update_at_home(array, access, update, operands, &was);
    if (!status && before)
        memcpy(before, was.value, view->element_size);
    return status;
}

crew_status crew_array_fetch_add(crew_array array, crew_datatype type, int64_t index,
                                 const void *addend, void *before)
{
    const struct access access = {"crew_array_fetch_add", type, index};
    struct crewi_array_operands operands = {{0}, {0}};
    const struct crewi_array_view *view = NULL;
    crew_status status = find(array, &access, addend, &view);
    if (status)
        return status;
    if (!crewi_element_can_add(type))
        return crewi_error(CREW_ENOTSUP, "crew_array_fetch_add: there is no sum of %s",
                           crew_datatype_name(type));
    memcpy(operands.value, addend, view->element_size);
    return update(view, array, &access, CREWI_ARRAY_ADD, &operands, before);
}

crew_status crew_array_exchange(crew_array array, crew_datatype type, int64_t index,
                                const void *value, void *before)
{
    const struct access access = {"crew_array_exchange", type, index};
    struct crewi_array_operands operands = {{0}, {0}};
    const struct crewi_array_view *view = NULL;
    crew_status status = find(array, &access, before ? value : NULL, &view);
    if (status)
        return status;
    memcpy(operands.value, value, view->element_size);
    return update(view, array, &access, CREWI_ARRAY_EXCHANGE, &operands, before);
}

crew_status crew_array_compare_exchange(crew_array array, crew_datatype type, int64_t index,
                                        void *expected, const void *desired, bool *exchanged)
{
    const struct access access = {"crew_array_compare_exchange", type, index};
    struct crewi_array_operands operands = {{0}, {0}};
    const struct crewi_array_view *view = NULL;
    unsigned char before[sizeof operands.value];
    crew_status status = find(array, &access, expected && desired ? exchanged : NULL, &view);
    if (status)
        return status;
    memcpy(operands.value, desired, view->element_size);
    memcpy(operands.expected, expected, view->element_size);
    status = update(view, array, &access, CREWI_ARRAY_COMPARE_EXCHANGE, &operands, before);
    if (status)
        return status;
    /* Bits that are as expected were exchanged: there is no failure for no reason. */
    *exchanged = memcmp(before, expected, view->element_size) == 0;
    memcpy(expected, before, view->element_size);
    return CREW_OK;
}
