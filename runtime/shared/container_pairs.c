/* SPDX-License-Identifier: BSD-3-Clause */
/* A table from keys to values that keeps their order: the entries one behind the other, and an
 * index by hash with linear probing, at most half full. */
#include "base/error.h"
#include "shared/any_pack.h"
#include "shared/container_cells.h"

#include <stdlib.h>

#define LEAST_ROOM 8

static uint64_t mask_of(const struct crewi_pairs *table)
{
    return 2 * table->room - 1;
}

/* The slot of that key, or the free one where it would be. */
static uint64_t find_slot(const struct crewi_pairs *table, const crew_any *key, uint64_t hash)
{
    uint64_t at = hash & mask_of(table);
    for (; table->slots[at]; at = (at + 1) & mask_of(table)) {
        const struct crewi_pair *pair = &table->pairs[table->slots[at] - 1];
        if (pair->hash == hash && crew_any_equal(crewi_packed_view(pair->key->data), *key))
            break;
    }
    return at;
}

struct crewi_pair *crewi_pairs_find(const struct crewi_pairs *table, const crew_any *key)
{
    uint64_t hash;
    if (!table->count || crew_any_hash(*key, &hash))
        return NULL;
    uint32_t place = table->slots[find_slot(table, key, hash)];
    return place ? &table->pairs[place - 1] : NULL;
}

static void put_slot(const struct crewi_pairs *table, uint64_t place)
{
    uint64_t at = table->pairs[place].hash & mask_of(table);
    while (table->slots[at])
        at = (at + 1) & mask_of(table);
    table->slots[at] = (uint32_t)place + 1;
}

/* Moves the entries together, and makes the index anew. */
static void put_in_order(struct crewi_pairs *table)
{
    uint64_t used = 0;
    memset(table->slots, 0, 2 * table->room * sizeof *table->slots);
    for (uint64_t i = 0; i < table->used; i++) {
        if (!table->pairs[i].key)
            continue;
        table->pairs[used] = table->pairs[i];
        put_slot(table, used++);
    }
    table->used = used;
}

crew_status crewi_pairs_reserve(struct crewi_pairs *table, uint64_t more)
{
    uint64_t room = table->room ? table->room : LEAST_ROOM;
    if (table->used + more <= table->room)
        return CREW_OK;
    while (room < table->count + more || (room == table->room && 2 * table->count > room))
        room *= 2;
    if (room >= UINT32_MAX)
        return crewi_error(CREW_ENOMEM, "more keys than an object can have");
    if (room > table->room) {
        struct crewi_pair *pairs = realloc(table->pairs, room * sizeof *pairs);
        if (!pairs)
            return crewi_error_memory();
        table->pairs = pairs;
        uint32_t *slots = malloc(2 * room * sizeof *slots);
        if (!slots)
            return crewi_error_memory();
        free(table->slots);
        table->slots = slots;
        table->room = room;
    }
    put_in_order(table);
    return CREW_OK;
}

void crewi_pairs_add(struct crewi_pairs *table, struct crewi_cell *key, struct crewi_cell *value)
{
    struct crewi_pair *pair = &table->pairs[table->used];
    *pair = (struct crewi_pair){.key = key, .value = value};
    crew_any_hash(crewi_packed_view(key->data), &pair->hash);
    put_slot(table, table->used++);
    table->count++;
}

/* Slots behind a freed one move up when the search for them would stop there. */
static void free_slot(const struct crewi_pairs *table, uint64_t place)
{
    uint64_t mask = mask_of(table), gap = table->pairs[place].hash & mask;
    while (table->slots[gap] != place + 1)
        gap = (gap + 1) & mask;
    for (uint64_t at = (gap + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
        uint64_t wanted = table->pairs[table->slots[at] - 1].hash & mask;
        if (((at - wanted) & mask) < ((at - gap) & mask))
            continue;
        table->slots[gap] = table->slots[at];
        gap = at;
    }
    table->slots[gap] = 0;
}

struct crewi_pair crewi_pairs_take(struct crewi_pairs *table, struct crewi_pair *pair)
{
    struct crewi_pair taken = *pair;
    free_slot(table, (uint64_t)(pair - table->pairs));
    *pair = (struct crewi_pair){0};
    table->count--;
    while (table->used && !table->pairs[table->used - 1].key)
        table->used--;
    return taken;
}

struct crewi_pair *crewi_pairs_last(const struct crewi_pairs *table)
{
    return table->used ? &table->pairs[table->used - 1] : NULL;
}

struct crewi_pair *crewi_pairs_next(const struct crewi_pairs *table, uint64_t *at)
{
    while (*at < table->used) {
        struct crewi_pair *pair = &table->pairs[(*at)++];
        if (pair->key)
            return pair;
    }
    return NULL;
}

void crewi_pairs_fini(struct crewi_pairs *table)
{
    free(table->pairs);
    free(table->slots);
    *table = (struct crewi_pairs){0};
}
