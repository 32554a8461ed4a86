/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/queue_items.h"

#include "base/error.h"

#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_queue_head)

_Static_assert(HEAD_SIZE % 16 == 0, "items are aligned to 16 bytes in their frames");
_Static_assert(sizeof(struct crewi_queue_record) % 16 == 0, "and in a batch");
_Static_assert(sizeof(struct crewi_share) == 16, "so that nothing stands between shares");

void crewi_queue_items_init(struct crewi_queue_items *items)
{
    *items = (struct crewi_queue_items){.count = 0};
    crewi_frames_init(&items->frames);
}

struct crewi_queue_head *crewi_queue_head_of(struct crewi_frame *item)
{
    return (void *)item->payload;
}

uint64_t crewi_queue_item_bytes(struct crewi_frame *item)
{
    return sizeof *item + crewi_queue_head_of(item)->size;
}

struct crewi_share *crewi_queue_item_shares(struct crewi_frame *item)
{
    return (void *)(item->payload + HEAD_SIZE + crewi_queue_pad(crewi_queue_head_of(item)->size));
}

void crewi_queue_items_push(struct crewi_queue_items *items, struct crewi_frame *item)
{
    items->count++;
    items->bytes += crewi_queue_item_bytes(item);
    crewi_frames_push(&items->frames, item);
}

struct crewi_frame *crewi_queue_items_pop(struct crewi_queue_items *items)
{
    struct crewi_frame *item = crewi_frames_pop(&items->frames);
    if (item) {
        items->count--;
        items->bytes -= crewi_queue_item_bytes(item);
    }
    return item;
}

void crewi_queue_item_drop(struct crewi_engine *engine, struct crewi_frame *item)
{
    uint32_t count = crewi_queue_head_of(item)->share_count;
    if (count && !engine->shut_down) /* then nobody counts any more */
        crewi_shares_drop(engine, crewi_queue_item_shares(item), count);
    crewi_frame_destroy(item);
}

uint64_t crewi_queue_items_drop(struct crewi_engine *engine, struct crewi_queue_items *items,
                                uint64_t producer)
{
    struct crewi_queue_items kept;
    struct crewi_frame *item;
    uint64_t count = items->count;
    crewi_queue_items_init(&kept);
    while ((item = crewi_queue_items_pop(items))) {
        if (producer && item->header.origin.process != producer)
            crewi_queue_items_push(&kept, item);
        else
            crewi_queue_item_drop(engine, item);
    }
    crewi_queue_items_move(&kept, items);
    return count - items->count;
}

void crewi_queue_items_clear(struct crewi_queue_items *items)
{
    crewi_frames_clear(&items->frames);
    items->count = items->bytes = 0;
}

void crewi_queue_items_move(struct crewi_queue_items *from, struct crewi_queue_items *to)
{
    struct crewi_frame *item;
    while ((item = crewi_queue_items_pop(from)))
        crewi_queue_items_push(to, item);
}

/* Packing */

static uint64_t record_size(uint64_t size, uint32_t share_count)
{
    return sizeof(struct crewi_queue_record) + crewi_queue_pad(size) +
           share_count * sizeof(struct crewi_share);
}

uint64_t crewi_queue_packed_size(const struct crewi_queue_items *items)
{
    uint64_t size = 0;
    for (struct crewi_frame *item = items->frames.first; item; item = item->next) {
        const struct crewi_queue_head *head = crewi_queue_head_of(item);
        size += record_size(head->size, head->share_count);
    }
    return size;
}

void crewi_queue_pack(struct crewi_queue_items *items, uint32_t rank, unsigned char *room)
{
    struct crewi_frame *item;
    while ((item = crewi_queue_items_pop(items))) {
        const struct crewi_queue_head *head = crewi_queue_head_of(item);
        struct crewi_queue_record record = {.producer = item->header.origin.process,
                                            .size = head->size,
                                            .share_count = head->share_count,
                                            .rank = rank};
        uint64_t padded = crewi_queue_pad(head->size);
        memcpy(room, &record, sizeof record);
        room += sizeof record;
        memcpy(room, item->payload + HEAD_SIZE, head->size);
        memset(room + head->size, 0, padded - head->size);
        room += padded;
        if (head->share_count)
            memcpy(room, crewi_queue_item_shares(item),
                   head->share_count * sizeof(struct crewi_share));
        room += head->share_count * sizeof(struct crewi_share);
        crewi_frame_destroy(item);
    }
}

bool crewi_queue_next_record(const unsigned char *data, uint64_t size, uint64_t *at,
                             struct crewi_queue_record *record, const unsigned char **item)
{
    if (size - *at < sizeof *record)
        return false;
    memcpy(record, data + *at, sizeof *record);
    if (record->size > size || record_size(record->size, record->share_count) > size - *at)
        return false;
    *item = data + *at + sizeof *record;
    *at += record_size(record->size, record->share_count);
    return true;
}

const struct crewi_share *crewi_queue_record_shares(const struct crewi_queue_record *record,
                                                    const unsigned char *item)
{
    return (const void *)(item + crewi_queue_pad(record->size));
}

uint64_t crewi_queue_count_foreign(const unsigned char *data, uint64_t size, uint32_t rank)
{
    struct crewi_queue_record record;
    const unsigned char *item;
    uint64_t count = 0;
    for (uint64_t at = 0; crewi_queue_next_record(data, size, &at, &record, &item);)
        count += record.rank != rank;
    return count;
}

static struct crewi_frame *make(uint64_t id, const struct crewi_queue_record *record,
                                const unsigned char *bytes)
{
    uint64_t size = record->share_count
                        ? record_size(record->size, record->share_count) - sizeof *record
                        : record->size;
    struct crewi_frame *item = crewi_frame_create(HEAD_SIZE + size);
    if (!item)
        return NULL;
    item->header.origin.process = record->producer;
    item->header.origin.rank = record->rank;
    *crewi_queue_head_of(item) = (struct crewi_queue_head){
        .id = id, .size = record->size, .count = 1, .share_count = record->share_count};
    memcpy(item->payload + HEAD_SIZE, bytes, size);
    return item;
}

crew_status crewi_queue_unpack(struct crewi_queue_items *items, uint64_t id,
                               const unsigned char *data, uint64_t size)
{
    struct crewi_queue_record record;
    const unsigned char *bytes;
    for (uint64_t at = 0; crewi_queue_next_record(data, size, &at, &record, &bytes);) {
        struct crewi_frame *item = make(id, &record, bytes);
        if (!item)
            return crewi_error_memory();
        crewi_queue_items_push(items, item);
    }
    return CREW_OK;
}
