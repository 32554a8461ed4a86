/* SPDX-License-Identifier: BSD-3-Clause */
/* A list at its home: its requests. */
#include "base/error.h"
#include "shared/any_pack.h"
#include "shared/container_home.h"

#include <inttypes.h>
#include <stdlib.h>

/* As Python's: from the end where it is negative, and an end where it is beyond that. */
static uint64_t clamp(const struct crewi_cells *list, int64_t index)
{
    if (index >= 0)
        return (uint64_t)index < list->count ? (uint64_t)index : list->count;
    uint64_t back = (uint64_t) - (index + 1) + 1;
    return back < list->count ? list->count - back : 0;
}

/* The place of that index; NULL when it was refused. */
static struct crewi_cell **find(const struct crewi_container_request *request, uint64_t *place)
{
    const struct crewi_container *container = request->container;
    const struct crewi_cells *list = &container->list;
    int64_t index = request->head->index;
    *place = clamp(list, index);
    if (*place < list->count && !(index < 0 && (uint64_t) - (index + 1) >= list->count))
        return crewi_cells_at(list, *place);
    crewi_engine_refuse(request->engine, &request->message->origin, CREW_EDOMAIN,
                        "list \"%s\": the index %" PRId64 " is outside of a length of %" PRIu64,
                        container->name, index, list->count);
    return NULL;
}

static void insert(struct crewi_container_request *request)
{
    struct crewi_container *container = request->container;
    uint64_t count = request->head->count, bytes = 0;
    struct crewi_cell **cells = crewi_container_cells(request, request->values, count);
    if (!cells)
        return;
    for (uint64_t i = 0; i < count; i++)
        bytes += crewi_container_cost(cells[i]);
    bool fits = crewi_container_has_room(request, count, bytes, 0);
    if (fits && crewi_cells_reserve(&container->list, count)) {
        crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOMEM,
                            "out of memory");
        fits = false;
    }
    if (fits && count) {
        struct crewi_cell **gap = crewi_cells_open(
            &container->list, clamp(&container->list, request->head->index), count);
        memcpy(gap, cells, count * sizeof(struct crewi_cell *));
        container->bytes += bytes;
    }
    for (uint64_t i = 0; i < count && !fits; i++)
        crewi_container_drop(request, cells[i]);
    free(cells);
    if (fits)
        crewi_container_done(request, container->list.count);
}

static void get(struct crewi_container_request *request)
{
    uint64_t place;
    struct crewi_cell **cell = find(request, &place);
    if (cell)
        crewi_container_give(request, 1, *cell);
}

/* Another one in the place of that. */
static void replace(struct crewi_container_request *request, struct crewi_cell **place,
                    struct crewi_cell *cell)
{
    struct crewi_cell *old = *place;
    request->container->bytes += crewi_container_cost(cell) - crewi_container_cost(old);
    *place = cell;
    crewi_container_drop(request, old);
}

static void set(struct crewi_container_request *request)
{
    const unsigned char *values = request->values;
    uint64_t place;
    struct crewi_cell **found = find(request, &place);
    if (!found)
        return;
    if ((request->head->flags & CREWI_CONTAINER_IF_VERSION) &&
        (*found)->version != request->head->version) {
        crewi_container_give(request, 0, *found);
        return;
    }
    struct crewi_cell *cell = crewi_container_cell(request, &values);
    if (!cell)
        return;
    if (!crewi_container_has_room(request, 0, crewi_container_cost(cell),
                                  crewi_container_cost(*found))) {
        crewi_container_drop(request, cell);
        return;
    }
    replace(request, found, cell);
    crewi_container_done(request, 1);
}

static void take(struct crewi_container_request *request)
{
    struct crewi_container *container = request->container;
    uint64_t place;
    if (!container->list.count && (request->head->flags & CREWI_CONTAINER_GIVE)) {
        crewi_engine_refuse(request->engine, &request->message->origin, CREW_EEMPTY,
                            "list \"%s\" is empty", container->name);
        return;
    }
    struct crewi_cell **found = find(request, &place);
    if (!found)
        return;
    if (!(request->head->flags & CREWI_CONTAINER_GIVE))
        crewi_container_done(request, 1);
    else if (!crewi_container_give(request, 1, *found))
        return;
    struct crewi_cell *cell = crewi_cells_take(&container->list, place);
    container->bytes -= crewi_container_cost(cell);
    crewi_container_drop(request, cell);
}

static void slice(struct crewi_container_request *request)
{
    const struct crewi_cells *list = &request->container->list;
    uint64_t begin = clamp(list, request->head->index), end = clamp(list, request->head->stop);
    uint64_t count = begin < end ? end - begin : 0;
    crewi_container_give_all(request, CREW_ANY_LIST, count ? crewi_cells_at(list, begin) : NULL,
                             count);
}

/* The first one that equals the operand, from a place on; the length when there is none. */
static uint64_t find_equal(const struct crewi_cells *list, uint64_t from, const crew_any *value)
{
    while (from < list->count && !crewi_cell_equals(*crewi_cells_at(list, from), value))
        from++;
    return from;
}

static void refuse_missing(const struct crewi_container_request *request)
{
    crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOENT,
                        "list \"%s\" has no item that equals this", request->container->name);
}

static void find_index(struct crewi_container_request *request)
{
    const struct crewi_cells *list = &request->container->list;
    crew_any value;
    if (!crewi_container_operand(request, request->values, &value))
        return;
    uint64_t place = find_equal(list, 0, &value);
    crew_any_clear(&value);
    if (place < list->count)
        crewi_container_done(request, place);
    else
        refuse_missing(request);
}

static void count_equal(struct crewi_container_request *request)
{
    const struct crewi_cells *list = &request->container->list;
    uint64_t count = 0, place = 0;
    crew_any value;
    if (!crewi_container_operand(request, request->values, &value))
        return;
    while ((place = find_equal(list, place, &value)) < list->count) {
        count++;
        place++;
    }
    crew_any_clear(&value);
    crewi_container_done(request, count);
}

static void remove_equal(struct crewi_container_request *request)
{
    struct crewi_container *container = request->container;
    crew_any value;
    if (!crewi_container_operand(request, request->values, &value))
        return;
    uint64_t place = find_equal(&container->list, 0, &value);
    crew_any_clear(&value);
    if (place == container->list.count) {
        refuse_missing(request);
        return;
    }
    struct crewi_cell *cell = crewi_cells_take(&container->list, place);
    container->bytes -= crewi_container_cost(cell);
    crewi_container_drop(request, cell);
    crewi_container_done(request, place);
}

static void reverse(struct crewi_container_request *request)
{
    const struct crewi_cells *list = &request->container->list;
    for (uint64_t i = 0; i < list->count / 2; i++) {
        struct crewi_cell **one = crewi_cells_at(list, i);
        struct crewi_cell **other = crewi_cells_at(list, list->count - 1 - i), *kept = *one;
        *one = *other;
        *other = kept;
    }
    crewi_container_done(request, list->count);
}

static void sort(struct crewi_container_request *request)
{
    struct crewi_container *container = request->container;
    crew_status status =
        crewi_cells_sort(&container->list, request->head->flags & CREWI_CONTAINER_DESCENDING);
    if (status)
        crewi_engine_refuse(request->engine, &request->message->origin, status, "list \"%s\": %s",
                            container->name, crew_error_message());
    else
        crewi_container_done(request, container->list.count);
}

static void add(struct crewi_container_request *request)
{
    uint64_t place;
    struct crewi_cell **found = find(request, &place);
    struct crewi_cell *cell = found ? crewi_container_sum(request, *found, request->values) : NULL;
    if (!cell)
        return;
    bool fits = crewi_container_has_room(request, 0, crewi_container_cost(cell),
                                         crewi_container_cost(*found));
    if (fits && crewi_container_give(request, 1, cell))
        replace(request, found, cell);
    else
        crewi_container_drop(request, cell);
}

void crewi_list_request(struct crewi_container_request *request, uint8_t op)
{
    static void (*const requests[])(struct crewi_container_request * request) = {
        [CREWI_LIST_INSERT - CREWI_LIST_INSERT] = insert,
        [CREWI_LIST_GET - CREWI_LIST_INSERT] = get,
        [CREWI_LIST_SET - CREWI_LIST_INSERT] = set,
        [CREWI_LIST_TAKE - CREWI_LIST_INSERT] = take,
        [CREWI_LIST_SLICE - CREWI_LIST_INSERT] = slice,
        [CREWI_LIST_FIND - CREWI_LIST_INSERT] = find_index,
        [CREWI_LIST_COUNT - CREWI_LIST_INSERT] = count_equal,
        [CREWI_LIST_REMOVE - CREWI_LIST_INSERT] = remove_equal,
        [CREWI_LIST_REVERSE - CREWI_LIST_INSERT] = reverse,
        [CREWI_LIST_SORT - CREWI_LIST_INSERT] = sort,
        [CREWI_LIST_ADD - CREWI_LIST_INSERT] = add,
    };
    requests[op - CREWI_LIST_INSERT](request);
}
