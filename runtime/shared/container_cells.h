/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the objects at home are made of: cells with one packed value each, a list of them, and a
 * table from keys to values in the order in which the keys came.
 *
 * None of this knows about handles or bounds (container_home.h). What is put in is owned from then
 * on, and what is taken out is the caller's.
 */
#ifndef CREWI_SHARED_CONTAINER_CELLS_H
#define CREWI_SHARED_CONTAINER_CELLS_H

#include <crew/any.h>
#include <stdbool.h>
#include <stdint.h>

/** A value. */
struct crewi_cell {
    uint64_t version;
    uint32_t size;
    bool has_handles;
    _Alignas(8) unsigned char data[];
};

/** What a cell counts for, beyond its size: about what it takes. */
#define CREWI_CELL_COST 48

/** A copy of a packed value. NULL: there is no memory. */
struct crewi_cell *crewi_cell_create(const void *packed, uint64_t size);

/** Whether the values are equal; @p value is a view of its own cell, or whole (any_pack.h). */
bool crewi_cell_equals(const struct crewi_cell *cell, const crew_any *value);

/** All zero is an empty list. Items are at cells[first] and behind it, so that taking one out in
 * front moves none. */
struct crewi_cells {
    struct crewi_cell **cells;
    uint64_t first, count, room;
};

static inline struct crewi_cell **crewi_cells_at(const struct crewi_cells *list, uint64_t index)
{
    return &list->cells[list->first + index];
}

/** Makes room for that many more. ::CREW_ENOMEM */
crew_status crewi_cells_reserve(struct crewi_cells *list, uint64_t more);

/** Opens a gap of that many places in front of an index; there is room. */
struct crewi_cell **crewi_cells_open(struct crewi_cells *list, uint64_t index, uint64_t count);

struct crewi_cell *crewi_cells_take(struct crewi_cells *list, uint64_t index);

/** Sorts, keeping the order of equal ones. ::CREW_EINVAL two have no order, ::CREW_ENOMEM: all is
 * as it was. */
crew_status crewi_cells_sort(struct crewi_cells *list, bool descending);

/** Frees the list, not the cells. */
void crewi_cells_fini(struct crewi_cells *list);

/** An entry; the key is NULL of one that was taken out. */
struct crewi_pair {
    uint64_t hash;
    struct crewi_cell *key, *value; /* no value in a set */
};

/** All zero is an empty table. */
struct crewi_pairs {
    struct crewi_pair *pairs; /* in order, with those that were taken out */
    uint64_t used, room;
    uint64_t count;
    uint32_t *slots; /* place in pairs and 1 more by hash: twice as many as room */
};

/** NULL when there is no such key, which is no list or dict. */
struct crewi_pair *crewi_pairs_find(const struct crewi_pairs *table, const crew_any *key);

/** Makes room for that many more. ::CREW_ENOMEM. Pairs that were found may be elsewhere then. */
crew_status crewi_pairs_reserve(struct crewi_pairs *table, uint64_t more);

/** Adds a key that is not in it yet; there is room. */
void crewi_pairs_add(struct crewi_pairs *table, struct crewi_cell *key, struct crewi_cell *value);

/** Takes one out that was found; its cells are the caller's. */
struct crewi_pair crewi_pairs_take(struct crewi_pairs *table, struct crewi_pair *pair);

/** The one whose key came last; NULL when there is none. */
struct crewi_pair *crewi_pairs_last(const struct crewi_pairs *table);

/** The next one; @p at is 0 to begin with. NULL at the end. */
struct crewi_pair *crewi_pairs_next(const struct crewi_pairs *table, uint64_t *at);

/** Frees the table, not the cells. */
void crewi_pairs_fini(struct crewi_pairs *table);

#endif
