/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/table.h"

#include "base/error.h"

#include <stdlib.h>

/* Ids count up from a rank's base; the multiplication spreads them (Fibonacci hashing). */
static size_t place(const struct crewi_table *table, uint64_t id)
{
    return (size_t)((id * 0x9E3779B97F4A7C15u) >> 20) & (table->room - 1);
}

static struct crewi_table_entry *find(const struct crewi_table *table, uint64_t id)
{
    size_t at = place(table, id);
    while (table->entries[at].id != id && table->entries[at].id != 0)
        at = (at + 1) & (table->room - 1);
    return &table->entries[at];
}

static crew_status grow(struct crewi_table *table, size_t count)
{
    struct crewi_table grown = {.room = table->room ? table->room : 16, .count = table->count};
    while (2 * count > grown.room)
        grown.room *= 2;
    grown.entries = calloc(grown.room, sizeof *grown.entries);
    if (!grown.entries)
        return crewi_error_memory();
    for (size_t i = 0; i < table->room; i++)
        if (table->entries[i].id)
            *find(&grown, table->entries[i].id) = table->entries[i];
    free(table->entries);
    *table = grown;
    return CREW_OK;
}

void crewi_table_fini(struct crewi_table *table)
{
    free(table->entries);
    *table = (struct crewi_table){0};
}

crew_status crewi_table_reserve(struct crewi_table *table, size_t count)
{
    return 2 * count > table->room ? grow(table, count) : CREW_OK;
}

crew_status crewi_table_add(struct crewi_table *table, uint64_t id, void *value)
{
    crew_status status = crewi_table_reserve(table, table->count + 1);
    if (status)
        return status;
    *find(table, id) = (struct crewi_table_entry){id, value};
    table->count++;
    return CREW_OK;
}

void *crewi_table_find(const struct crewi_table *table, uint64_t id)
{
    return table->room && id ? find(table, id)->value : NULL;
}

/* Entries behind a freed place move up when the probe for them would stop there. */
static void close_gap(struct crewi_table *table, size_t gap)
{
    size_t mask = table->room - 1;
    for (size_t at = (gap + 1) & mask; table->entries[at].id; at = (at + 1) & mask) {
        size_t wanted = place(table, table->entries[at].id);
        if (((at - wanted) & mask) < ((at - gap) & mask))
            continue;
        table->entries[gap] = table->entries[at];
        table->entries[at] = (struct crewi_table_entry){0};
        gap = at;
    }
}

uint64_t *crewi_table_ids(const struct crewi_table *table, size_t *count)
{
    uint64_t *ids = malloc((table->count + 1) * sizeof *ids);
    *count = 0;
    for (size_t i = 0; ids && i < table->room; i++)
        if (table->entries[i].id)
            ids[(*count)++] = table->entries[i].id;
    return ids;
}

void *crewi_table_take(struct crewi_table *table, uint64_t id)
{
    if (!table->room || !id)
        return NULL;
    struct crewi_table_entry *entry = find(table, id);
    void *value = entry->value;
    if (!entry->id)
        return NULL;
    *entry = (struct crewi_table_entry){0};
    table->count--;
    close_gap(table, (size_t)(entry - table->entries));
    return value;
}
