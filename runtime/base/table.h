/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A hash table from ids (never 0) to pointers: open addressing with linear probing, at most half
 * full.
 */
#ifndef CREWI_BASE_TABLE_H
#define CREWI_BASE_TABLE_H

#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>

struct crewi_table_entry {
    uint64_t id; /* 0: free */
    void *value;
};

/** All zero is an empty table. */
struct crewi_table {
    struct crewi_table_entry *entries;
    size_t room; /* 0 or a power of two */
    size_t count;
};

/** Frees the table, not what it points to. */
void crewi_table_fini(struct crewi_table *table);

/** Makes room for that many ids at a time: adding them cannot fail then. ::CREW_ENOMEM */
crew_status crewi_table_reserve(struct crewi_table *table, size_t count);

/** Adds an id that is not in it yet. ::CREW_ENOMEM */
crew_status crewi_table_add(struct crewi_table *table, uint64_t id, void *value);

/** NULL when there is no such id. */
void *crewi_table_find(const struct crewi_table *table, uint64_t id);

/** All ids, @p count of them, to be freed; for who changes the table while it goes through it. NULL
 * when there is no memory. */
uint64_t *crewi_table_ids(const struct crewi_table *table, size_t *count);

/** Takes an id out and returns its value; NULL when there is no such id. */
void *crewi_table_take(struct crewi_table *table, uint64_t id);

#endif
