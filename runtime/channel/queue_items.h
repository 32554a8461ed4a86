/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Items of a queue: the frames that they came in, with a crewi_queue_head in front and the shares
 * of the handles in them behind. The origin in a frame's header is that of the producer.
 */
#ifndef CREWI_CHANNEL_QUEUE_ITEMS_H
#define CREWI_CHANNEL_QUEUE_ITEMS_H

#include "channel/queue_protocol.h"
#include "engine/handles.h"

struct crewi_queue_items {
    struct crewi_frames frames;
    uint64_t count;
    uint64_t bytes; /* with what is in front of them, so that empty items count, too */
};

void crewi_queue_items_init(struct crewi_queue_items *items);

struct crewi_queue_head *crewi_queue_head_of(struct crewi_frame *item);

/** How much an item adds to crewi_queue_items::bytes. */
uint64_t crewi_queue_item_bytes(struct crewi_frame *item);

/** The shares behind an item; head.share_count of them. */
struct crewi_share *crewi_queue_item_shares(struct crewi_frame *item);

void crewi_queue_items_push(struct crewi_queue_items *items, struct crewi_frame *item);

/** NULL when there is none. */
struct crewi_frame *crewi_queue_items_pop(struct crewi_queue_items *items);

/** Moves all of them behind others. */
void crewi_queue_items_move(struct crewi_queue_items *from, struct crewi_queue_items *to);

/** Drops one that nobody gets, with its shares. */
void crewi_queue_item_drop(struct crewi_engine *engine, struct crewi_frame *item);

/** Drops all items of a process, or all that there are if it is 0; says how many. */
uint64_t crewi_queue_items_drop(struct crewi_engine *engine, struct crewi_queue_items *items,
                                uint64_t producer);

/** Frees them without another word: the engine ends. */
void crewi_queue_items_clear(struct crewi_queue_items *items);

/** What they take when they are packed. */
uint64_t crewi_queue_packed_size(const struct crewi_queue_items *items);

/** Writes them one behind the other, as held by @p rank, and frees them. */
void crewi_queue_pack(struct crewi_queue_items *items, uint32_t rank, unsigned char *room);

/** Reads the next record of @p size bytes from @p at on, and moves on. False at the end, and when
 * it cannot be. */
bool crewi_queue_next_record(const unsigned char *data, uint64_t size, uint64_t *at,
                             struct crewi_queue_record *record, const unsigned char **item);

/** The shares behind the item of a record. */
const struct crewi_share *crewi_queue_record_shares(const struct crewi_queue_record *record,
                                                    const unsigned char *item);

/** How many of the records are of items that other ranks held. */
uint64_t crewi_queue_count_foreign(const unsigned char *data, uint64_t size, uint32_t rank);

/** Makes items of records again, behind those that are there; the rank of an item's origin is that
 * which held it. ::CREW_ENOMEM */
crew_status crewi_queue_unpack(struct crewi_queue_items *items, uint64_t id,
                               const unsigned char *data, uint64_t size);

#endif
