/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * An iterator as its process keeps it. The items of an array are one map, which is submitted at
 * once (iterator_array.c); those that a function makes are a window of small maps
 * (iterator_window.c).
 */
#ifndef CREWI_POOL_ITERATOR_H
#define CREWI_POOL_ITERATOR_H

#include "base/error.h"
#include "base/table.h"
#include "engine/cache.h"
#include "pool/pool_protocol.h"
#include "pool/result_call.h"

#include <crew/iterator.h>

/** The items of an array. */
struct crewi_array_items {
    crew_result result; /* of the map; 0: there is none, or it was given back */
    size_t count, read;
    unsigned char *results;
    int32_t *states;              /* of each item: 0 as long as it is not done, or one of these: */
    struct crewi_table reasons;   /* of items that failed, by index + 1 */
    struct crewi_pool_part *done; /* unordered: what was told and not read yet, in order */
    size_t done_count, done_room, done_first;
};

/** State of an item that succeeded; of one that failed it is the status. */
#define CREWI_ITEM_GOOD 1

/** A chunk under way, or being read. */
struct crewi_slot {
    crew_result result;                 /* 0: the slot is free */
    struct crewi_result_record *record; /* of the result; as long as it was not given back */
    uint64_t begin, count, read;
    unsigned char *items, *results; /* of a chunk; they stay for the next one */
    crew_status *statuses;
    crew_task_error *errors; /* of those that failed, once it is done */
    size_t error_count;
    bool is_done;
    bool is_given_back; /* the result: all its tasks succeeded */
};

/** The items that a function makes. */
struct crewi_window {
    crew_generator *generator;
    void *arg;
    uint64_t made;      /* items that are in chunks by now */
    crew_status source; /* how the items end: CREW_OK: they go on */
    char reason[CREWI_ERROR_SIZE];
    bool is_source_told;
    struct crewi_slot *slots;
    size_t slot_count;
    size_t *free; /* slots */
    size_t free_count;
    /* Slots to be read, the first one next, in a ring of slot_count. In order: all that are under
     * way; unordered: those that are known to be done. */
    size_t *queue;
    size_t queue_first, queue_count;
};

struct crewi_iterator {
    struct crewi_cached cached;
    crew_pool pool;
    crew_task task;
    crew_imap_attr attr; /* its chunk is not 0 */
    int64_t deadline_ns; /* of all of them */
    bool is_ended;       /* by an error, or as its time was over */
    bool is_window;      /* which of the two it is */
    union {
        struct crewi_array_items array;
        struct crewi_window window;
    };
};

/** What is said of each task. */
crew_map_attr crewi_iterator_map_attr(const crew_imap_attr *attr);

/* Of both sorts. */

/** The next result, as crew_iterator_next(). ::CREW_ETIMEDOUT also when the time for all is over.
 * @p may_begin  whether new items may be begun */
crew_status crewi_array_next(struct crewi_iterator *iterator, void *result, size_t *index,
                             int64_t timeout_ns);
crew_status crewi_window_next(struct crewi_iterator *iterator, void *result, size_t *index,
                              int64_t timeout_ns, bool may_begin);

/** Cancels what no worker has begun. */
void crewi_array_cancel(struct crewi_iterator *iterator);
void crewi_window_cancel(struct crewi_iterator *iterator);

/** Cancels, and waits for what workers have begun: nobody writes into its memory any more. */
void crewi_array_stop(struct crewi_iterator *iterator);
void crewi_window_stop(struct crewi_iterator *iterator);

/** Frees its memory. */
void crewi_array_free(struct crewi_iterator *iterator);
void crewi_window_free(struct crewi_iterator *iterator);

/** Begins: submits all items, or fills the window. Whatever it returns, the memory is to be freed.
 */
crew_status crewi_array_begin(struct crewi_iterator *iterator, const void *items, size_t count);
crew_status crewi_window_begin(struct crewi_iterator *iterator, size_t workers);

#endif
