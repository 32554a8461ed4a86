/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Which of the tasks that a worker was given it has begun: it claims the next ones, from the front,
 * and its rank may take back what is not claimed, from the end, while the worker computes.
 *
 * A worker has a few chunks in hand, each in a slot of its own. A slot is one word: the first task
 * that is not claimed, the end of the chunk (both counted from its beginning), and the chunk's
 * generation, which tells it from those that were in the slot before. Both sides change it by
 * compare-exchange, so every task is either claimed or taken back. The words lie where the worker
 * can write what it likes: whoever takes tasks back has to know what was given out.
 */
#ifndef CREWI_NODE_CLAIM_H
#define CREWI_NODE_CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CREWI_CLAIM_SLOTS 8

/** The most tasks in a chunk. */
#define CREWI_CLAIM_TASKS ((1U << 20) - 1)

/** Generations go from 1 to this, and round. */
#define CREWI_CLAIM_GENERATIONS ((1U << 24) - 1)

struct crewi_claims {
    _Atomic uint64_t words[CREWI_CLAIM_SLOTS];
    _Atomic uint64_t current; /* names the chunk that was claimed from last; 0: none was */
};

/** Tasks of a chunk, from its beginning. */
struct crewi_claim_range {
    uint32_t begin, end;
};

/** Names the chunk in a slot. */
struct crewi_claim_key {
    uint32_t slot, generation;
};

/** Whether there can be such a chunk. */
bool crewi_claim_is_sound(struct crewi_claim_key key, uint64_t count);

/** The generation after that one. */
static inline uint32_t crewi_claim_next_generation(uint32_t generation)
{
    return generation % CREWI_CLAIM_GENERATIONS + 1;
}

/** Rank: a chunk of so many tasks is on its way to the worker, unless it was withdrawn. The key and
 * the count are sound. */
void crewi_claim_offer(struct crewi_claims *claims, struct crewi_claim_key key, uint32_t count);

/** Worker: claims up to @p most tasks, at least 1. 1: *claimed are those; 0: none is left, for it
 * has had them, or others have; -1: the word cannot be. */
int crewi_claim_take(struct crewi_claims *claims, struct crewi_claim_key key, uint32_t most,
                     struct crewi_claim_range *claimed);

/** 1: *left are the tasks that are not claimed; 0: the slot has a later chunk, or what cannot be;
 * -1: this chunk was not offered yet. */
int crewi_claim_look(const struct crewi_claims *claims, struct crewi_claim_key key,
                     struct crewi_claim_range *left);

/** Rank: whether the task that was claimed last is one of this chunk: the worker is in it, or has
 * not begun another one since. */
bool crewi_claim_is_current(const struct crewi_claims *claims, struct crewi_claim_key key);

/** Rank: takes back a chunk that was not offered yet: there will be nothing to claim of it. False:
 * it was. */
bool crewi_claim_withdraw(struct crewi_claims *claims, struct crewi_claim_key key);

/** Rank: takes tasks back but for the first @p keep of those that are not claimed. False when there
 * are none; otherwise *taken are those. */
bool crewi_claim_take_back(struct crewi_claims *claims, struct crewi_claim_key key, uint32_t keep,
                           struct crewi_claim_range *taken);

#endif
