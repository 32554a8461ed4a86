/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/cache.h"

#include <stdlib.h>
#include <string.h>

void crewi_cache_init(struct crewi_cache *cache)
{
    *cache = (struct crewi_cache){0};
    pthread_mutex_init(&cache->mutex, NULL);
}

static size_t bucket_of(uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15u) >> 32) % CREWI_CACHE_BUCKETS;
}

static _Atomic(struct crewi_cached *) *get_buckets(const struct crewi_cache *cache)
{
    return atomic_load_explicit(&cache->buckets, memory_order_acquire);
}

static void end(struct crewi_cached *cached)
{
    if (cached->end)
        cached->end(cached);
    cached->end = NULL;
}

static void free_list(struct crewi_cached *list)
{
    while (list) {
        struct crewi_cached *next = atomic_load(&list->next);
        end(list);
        free(list);
        list = next;
    }
}

void crewi_cache_clear(struct crewi_cache *cache)
{
    _Atomic(struct crewi_cached *) *buckets = get_buckets(cache);
    for (size_t i = 0; buckets && i < CREWI_CACHE_BUCKETS; i++)
        free_list(atomic_exchange(&buckets[i], NULL));
    free_list(cache->spares);
    cache->spares = NULL;
}

void crewi_cache_fini(struct crewi_cache *cache)
{
    crewi_cache_clear(cache);
    free(get_buckets(cache));
    pthread_mutex_destroy(&cache->mutex);
}

struct crewi_cached *crewi_cache_find(const struct crewi_cache *cache, uint64_t id)
{
    _Atomic(struct crewi_cached *) *buckets = get_buckets(cache);
    if (!buckets)
        return NULL;
    struct crewi_cached *cached =
        atomic_load_explicit(&buckets[bucket_of(id)], memory_order_acquire);
    while (cached && atomic_load_explicit(&cached->id, memory_order_acquire) != id)
        cached = atomic_load_explicit(&cached->next, memory_order_acquire);
    return cached;
}

static void give_back(struct crewi_cache *cache, struct crewi_cached *cached)
{
    cached->end = NULL;
    atomic_store(&cached->next, cache->spares);
    cache->spares = cached;
}

static struct crewi_cached *take_spare(struct crewi_cache *cache, size_t size)
{
    struct crewi_cached *before = NULL, *spare = cache->spares;
    while (spare && spare->size != size) {
        before = spare;
        spare = atomic_load(&spare->next);
    }
    if (!spare)
        return NULL;
    if (before)
        atomic_store(&before->next, atomic_load(&spare->next));
    else
        cache->spares = atomic_load(&spare->next);
    atomic_store(&spare->next, NULL);
    memset(spare + 1, 0, size - sizeof *spare);
    return spare;
}

struct crewi_cached *crewi_cache_new(struct crewi_cache *cache, size_t size)
{
    pthread_mutex_lock(&cache->mutex);
    struct crewi_cached *cached = take_spare(cache, size);
    pthread_mutex_unlock(&cache->mutex);
    if (!cached && (cached = calloc(1, size)))
        cached->size = size;
    return cached;
}

/* The mutex is held. */
static _Atomic(struct crewi_cached *) *make_buckets(struct crewi_cache *cache)
{
    _Atomic(struct crewi_cached *) *buckets = get_buckets(cache);
    if (!buckets) {
        buckets = calloc(CREWI_CACHE_BUCKETS, sizeof *buckets);
        atomic_store_explicit(&cache->buckets, buckets, memory_order_release);
    }
    return buckets;
}

struct crewi_cached *crewi_cache_add(struct crewi_cache *cache, uint64_t id,
                                     struct crewi_cached *cached)
{
    pthread_mutex_lock(&cache->mutex);
    _Atomic(struct crewi_cached *) *buckets = make_buckets(cache);
    struct crewi_cached *there = crewi_cache_find(cache, id);
    if (!buckets || there) {
        give_back(cache, cached);
        cached = there;
    } else {
        _Atomic(struct crewi_cached *) *bucket = &buckets[bucket_of(id)];
        atomic_store_explicit(&cached->id, id, memory_order_release);
        atomic_store(&cached->next, atomic_load(bucket));
        atomic_store_explicit(bucket, cached, memory_order_release);
    }
    pthread_mutex_unlock(&cache->mutex);
    return cached;
}

/* Takes out the one that a link leads to. */
static void remove_at(struct crewi_cache *cache, _Atomic(struct crewi_cached *) *link)
{
    struct crewi_cached *cached = atomic_load(link);
    atomic_store(link, atomic_load(&cached->next));
    atomic_store(&cached->id, 0);
    end(cached);
    give_back(cache, cached);
}

void crewi_cache_remove(struct crewi_cache *cache, uint64_t id)
{
    pthread_mutex_lock(&cache->mutex);
    const struct crewi_cached *cached = crewi_cache_find(cache, id);
    if (cached) {
        _Atomic(struct crewi_cached *) *link = &get_buckets(cache)[bucket_of(id)];
        while (atomic_load(link) != cached)
            link = &atomic_load(link)->next;
        remove_at(cache, link);
    }
    pthread_mutex_unlock(&cache->mutex);
}

void crewi_cache_remove_all(struct crewi_cache *cache,
                            bool (*fits)(struct crewi_cached *cached, void *context), void *context)
{
    pthread_mutex_lock(&cache->mutex);
    _Atomic(struct crewi_cached *) *buckets = get_buckets(cache);
    for (size_t i = 0; buckets && i < CREWI_CACHE_BUCKETS; i++) {
        _Atomic(struct crewi_cached *) *link = &buckets[i];
        struct crewi_cached *cached;
        while ((cached = atomic_load(link))) {
            if (fits(cached, context))
                remove_at(cache, link);
            else
                link = &cached->next;
        }
    }
    pthread_mutex_unlock(&cache->mutex);
}
