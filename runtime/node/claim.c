/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/claim.h"

#define TASK_BITS 20
#define GENERATION_SHIFT (2 * TASK_BITS)

/* So many later ones a worker may have had when a chunk comes that was withdrawn. */
#define LATE_GENERATIONS ((uint32_t)1 << 20)

static uint64_t pack(uint32_t generation, struct crewi_claim_range left)
{
    return (uint64_t)generation << GENERATION_SHIFT | (uint64_t)left.end << TASK_BITS | left.begin;
}

static uint32_t generation_of(uint64_t word)
{
    return (uint32_t)(word >> GENERATION_SHIFT);
}

static struct crewi_claim_range range_of(uint64_t word)
{
    return (struct crewi_claim_range){(uint32_t)word & CREWI_CLAIM_TASKS,
                                      (uint32_t)(word >> TASK_BITS) & CREWI_CLAIM_TASKS};
}

bool crewi_claim_is_sound(struct crewi_claim_key key, uint64_t count)
{
    return key.slot < CREWI_CLAIM_SLOTS && key.generation >= 1 &&
           key.generation <= CREWI_CLAIM_GENERATIONS && count >= 1 && count <= CREWI_CLAIM_TASKS;
}

void crewi_claim_offer(struct crewi_claims *claims, struct crewi_claim_key key, uint32_t count)
{
    struct crewi_claim_range all = {0, count};
    uint32_t found = generation_of(atomic_load(&claims->words[key.slot]));
    if (found && ((found - key.generation) & CREWI_CLAIM_GENERATIONS) <= LATE_GENERATIONS)
        return; /* it was withdrawn, and maybe a later one has come in its slot */
    atomic_store_explicit(&claims->words[key.slot], pack(key.generation, all),
                          memory_order_release);
}

static uint64_t name_of(struct crewi_claim_key key)
{
    return (uint64_t)key.generation << 32 | key.slot;
}

/* Whether the slot was given to a later chunk, which it is only when nobody has anything to do of
 * the earlier one. */
static bool is_later(uint32_t found, uint32_t expected)
{
    return ((found - expected) & CREWI_CLAIM_GENERATIONS) <= CREWI_CLAIM_GENERATIONS / 2;
}

int crewi_claim_take(struct crewi_claims *claims, struct crewi_claim_key key, uint32_t most,
                     struct crewi_claim_range *claimed)
{
    _Atomic uint64_t *word = &claims->words[key.slot];
    uint64_t found = atomic_load_explicit(word, memory_order_relaxed);
    for (;;) {
        struct crewi_claim_range left = range_of(found);
        if (generation_of(found) != key.generation)
            return is_later(generation_of(found), key.generation) ? 0 : -1;
        if (left.begin >= left.end)
            return left.begin > left.end ? -1 : 0;
        uint32_t count = left.end - left.begin < most ? left.end - left.begin : most;
        *claimed = (struct crewi_claim_range){left.begin, left.begin + count};
        if (!left.begin) /* before the claim, so that whoever finds that finds this, too */
            atomic_store(&claims->current, name_of(key));
        left.begin += count;
        if (atomic_compare_exchange_weak(word, &found, pack(key.generation, left)))
            return 1;
    }
}

int crewi_claim_look(const struct crewi_claims *claims, struct crewi_claim_key key,
                     struct crewi_claim_range *left)
{
    uint64_t found = atomic_load(&claims->words[key.slot]);
    *left = range_of(found);
    if (generation_of(found) != key.generation)
        return is_later(generation_of(found), key.generation) ? 0 : -1;
    return left->begin <= left->end;
}

bool crewi_claim_is_current(const struct crewi_claims *claims, struct crewi_claim_key key)
{
    uint64_t found = atomic_load(&claims->words[key.slot]);
    return generation_of(found) == key.generation && range_of(found).begin > 0 &&
           atomic_load(&claims->current) == name_of(key);
}

bool crewi_claim_withdraw(struct crewi_claims *claims, struct crewi_claim_key key)
{
    const struct crewi_claim_range none = {0, 0};
    struct crewi_claim_range left;
    if (crewi_claim_look(claims, key, &left) >= 0)
        return false;
    atomic_store(&claims->words[key.slot], pack(key.generation, none));
    return true;
}

bool crewi_claim_take_back(struct crewi_claims *claims, struct crewi_claim_key key, uint32_t keep,
                           struct crewi_claim_range *taken)
{
    _Atomic uint64_t *word = &claims->words[key.slot];
    uint64_t found = atomic_load(word);
    for (;;) {
        struct crewi_claim_range left = range_of(found);
        if (generation_of(found) != key.generation || left.begin >= left.end ||
            left.end - left.begin <= keep)
            return false;
        struct crewi_claim_range wanted = {left.begin + keep, left.end};
        left.end = wanted.begin;
        if (!atomic_compare_exchange_weak(word, &found, pack(key.generation, left)))
            continue; /* the worker may have claimed them meanwhile: then there are none */
        *taken = wanted;
        return true;
    }
}
