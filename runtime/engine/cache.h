/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a client keeps of the objects that it uses, so that calls need not ask their rank each time:
 * records by the id of the object.
 *
 * A look-up takes no lock. So a record that is taken out is not freed before the cache: it may be
 * used for another object of the same size, while a thread that found it just before looks at it.
 * That thread uses an object that another one closes at the same time, which is its own fault; it
 * gets nonsense and no crash.
 */
#ifndef CREWI_ENGINE_CACHE_H
#define CREWI_ENGINE_CACHE_H

#include <crew/status.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The head of each record. */
struct crewi_cached {
    _Atomic(struct crewi_cached *) next;
    _Atomic uint64_t id;
    size_t size;
    void (*end)(struct crewi_cached *cached); /* gives up what it holds; may be NULL */
};

#define CREWI_CACHE_BUCKETS 16384

/** All zero but for the mutex is an empty one. */
struct crewi_cache {
    _Atomic(_Atomic(struct crewi_cached *) *) buckets; /* NULL before the first record */
    struct crewi_cached *spares;
    pthread_mutex_t mutex;
};

void crewi_cache_init(struct crewi_cache *cache);

/** Ends and frees all records: nobody looks at any of them any more. What they end with may take
 * locks, so no lock is to be held. */
void crewi_cache_clear(struct crewi_cache *cache);

/** The same, and frees the rest. */
void crewi_cache_fini(struct crewi_cache *cache);

/** NULL when there is none. */
struct crewi_cached *crewi_cache_find(const struct crewi_cache *cache, uint64_t id);

/** A record of @p size bytes, all zero; it is not in the cache yet. NULL: no memory. */
struct crewi_cached *crewi_cache_new(struct crewi_cache *cache, size_t size);

/** Puts it in for an id. Returns it, or the one that another thread has put in meanwhile: this one
 * is given back then, without a call of its end. NULL, and it is given back: no memory. */
struct crewi_cached *crewi_cache_add(struct crewi_cache *cache, uint64_t id,
                                     struct crewi_cached *cached);

/** Takes the record of an id out and ends it; fine when there is none. */
void crewi_cache_remove(struct crewi_cache *cache, uint64_t id);

/** The same for all of those that fit. */
void crewi_cache_remove_all(struct crewi_cache *cache,
                            bool (*fits)(struct crewi_cached *cached, void *context),
                            void *context);

#endif
