/* SPDX-License-Identifier: BSD-3-Clause */
/* Cells, and lists of them. */
#include "shared/container_cells.h"

#include "base/error.h"
#include "shared/any_pack.h"

#include <stdlib.h>

static crew_status see_handle(void *context, const uint64_t *words, size_t count)
{
    (void)words;
    *(bool *)context = count > 0;
    return CREW_OK;
}

struct crewi_cell *crewi_cell_create(const void *packed, uint64_t size)
{
    struct crewi_cell *cell = malloc(sizeof *cell + size);
    if (!cell)
        return NULL;
    *cell = (struct crewi_cell){.size = (uint32_t)size};
    memcpy(cell->data, packed, size);
    if (size > 2 * sizeof(uint64_t) || crewi_packed_type(packed) == CREW_ANY_HANDLE)
        crewi_packed_handles(packed, see_handle, &cell->has_handles);
    return cell;
}

bool crewi_cell_equals(const struct crewi_cell *cell, const crew_any *value)
{
    crew_any view = crewi_packed_view(cell->data), whole;
    if (!crewi_any_is_nested(view.type))
        return crew_any_equal(view, *value);
    if (view.type != value->type || crewi_packed_read(cell->data, &whole))
        return false;
    bool equal = crew_any_equal(whole, *value);
    crew_any_clear(&whole);
    return equal;
}

/* Lists */

crew_status crewi_cells_reserve(struct crewi_cells *list, uint64_t more)
{
    if (more <= list->room - list->first - list->count)
        return CREW_OK;
    if (list->first > list->count && more <= list->room - list->count) {
        memmove(list->cells, crewi_cells_at(list, 0), list->count * sizeof(struct crewi_cell *));
        list->first = 0;
        return CREW_OK;
    }
    uint64_t room = list->first + list->count + more;
    room += room / 2 + 8;
    struct crewi_cell **grown = realloc(list->cells, room * sizeof(struct crewi_cell *));
    if (!grown)
        return crewi_error_memory();
    list->cells = grown;
    list->room = room;
    return CREW_OK;
}

/* What moves is the shorter side, where there is room for it. */
struct crewi_cell **crewi_cells_open(struct crewi_cells *list, uint64_t index, uint64_t count)
{
    struct crewi_cell **begin = crewi_cells_at(list, 0);
    if (list->first >= count && index < list->count / 2 + 1 && index < list->count) {
        memmove(begin - count, begin, index * sizeof(struct crewi_cell *));
        list->first -= count;
    } else {
        memmove(begin + index + count, begin + index,
                (list->count - index) * sizeof(struct crewi_cell *));
    }
    list->count += count;
    return crewi_cells_at(list, index);
}

struct crewi_cell *crewi_cells_take(struct crewi_cells *list, uint64_t index)
{
    struct crewi_cell **begin = crewi_cells_at(list, 0), *taken = begin[index];
    if (index < list->count / 2) {
        memmove(begin + 1, begin, index * sizeof(struct crewi_cell *));
        list->first++;
    } else {
        memmove(begin + index, begin + index + 1,
                (list->count - index - 1) * sizeof(struct crewi_cell *));
    }
    if (!--list->count)
        list->first = 0;
    return taken;
}

void crewi_cells_fini(struct crewi_cells *list)
{
    free(list->cells);
    *list = (struct crewi_cells){0};
}

/* Sorting: merging runs of twice the length each time, from one room to the other and back */

struct sortable {
    crew_any value; /* a view, or whole */
    struct crewi_cell *cell;
};

static crew_status merge(const struct sortable *from, uint64_t middle, uint64_t end,
                         struct sortable *to, bool descending)
{
    uint64_t left = 0, right = middle;
    for (uint64_t at = 0; at < end; at++) {
        int order = left < middle ? -1 : 1;
        if (left < middle && right < end) {
            crew_status status = crew_any_compare(from[left].value, from[right].value, &order);
            if (status)
                return status;
            if (descending)
                order = -order;
        }
        to[at] = order <= 0 ? from[left++] : from[right++];
    }
    return CREW_OK;
}

static crew_status merge_runs(struct sortable **from, struct sortable **to, uint64_t count,
                              bool descending)
{
    for (uint64_t run = 1; run < count; run *= 2) {
        for (uint64_t begin = 0; begin < count; begin += 2 * run) {
            uint64_t left = count - begin, middle = left < run ? left : run;
            crew_status status = merge(*from + begin, middle, left < 2 * run ? left : 2 * run,
                                       *to + begin, descending);
            if (status)
                return status;
        }
        struct sortable *sorted = *to;
        *to = *from;
        *from = sorted;
    }
    return CREW_OK;
}

static crew_status make_sortable(const struct crewi_cell *cell, crew_any *value)
{
    *value = crewi_packed_view(cell->data);
    return crewi_any_is_nested(value->type) ? crewi_packed_read(cell->data, value) : CREW_OK;
}

crew_status crewi_cells_sort(struct crewi_cells *list, bool descending)
{
    uint64_t count = list->count, made = 0;
    struct sortable *from = calloc(count + 1, sizeof *from);
    struct sortable *to = calloc(count + 1, sizeof *to);
    crew_status status = from && to ? CREW_OK : crewi_error_memory();
    for (; made < count && !status; made++) {
        from[made].cell = *crewi_cells_at(list, made);
        status = make_sortable(from[made].cell, &from[made].value);
    }
    if (!status)
        status = merge_runs(&from, &to, count, descending);
    for (uint64_t i = 0; i < count && !status; i++)
        *crewi_cells_at(list, i) = from[i].cell;
    /* Where it was given up, from has all of them still: a merge only copies. */
    for (uint64_t i = 0; i < made; i++)
        crew_any_clear(&from[i].value);
    free(from);
    free(to);
    return status;
}
