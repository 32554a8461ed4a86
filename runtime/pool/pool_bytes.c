/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps at their home whose items and results have sizes of their own. */
#include "pool/pool_home.h"

#include "node/memory.h"

#include <stdlib.h>
#include <string.h>

/* What one message brings of results that are not lent. */
#define FETCH_BYTES ((uint64_t)1 << 20)

/* Submitting */

bool crewi_pool_bytes_are_sound(const struct crewi_pool_submission *submission,
                                const unsigned char *behind, uint64_t size)
{
    struct crewi_pool_piece piece;
    uint64_t items = 0;
    if (submission->item_size || submission->result_size || submission->partial ||
        submission->reports)
        return false;
    if (submission->shared)
        return size == 0 && submission->count <= UINT64_MAX / 2 / sizeof(struct crewi_pool_place);
    if (submission->count > size / sizeof piece)
        return false;
    for (uint64_t i = 0; i < submission->count; i++) { /* no overflow: there are few enough */
        memcpy(&piece, behind + i * sizeof piece, sizeof piece);
        if (piece.size > CREWI_POOL_PIECE_LIMIT)
            return false;
        items += crewi_pool_padded(piece.size);
    }
    size -= submission->count * sizeof piece;
    return submission->parcel.size ? size == 0 && submission->parcel.size == items : size == items;
}

/* The caller's arrays, in this process. */
static void share(struct crewi_pool_bytes *bytes, const struct crewi_pool_submission *submission)
{
    const struct iovec *rooms = (const struct iovec *)(uintptr_t)submission->results;
    bytes->items = (const struct iovec *)(uintptr_t)submission->items;
    for (uint64_t i = 0; i < submission->count; i++) {
        bytes->results[i].caller = rooms[i].iov_base;
        bytes->results[i].room = rooms[i].iov_base ? rooms[i].iov_len : CREWI_POOL_ANY_ROOM;
    }
}

/* Items that came along, or are in a parcel. */
static crew_status take_sent(struct crewi_pool_map *map, const struct crewi_message *message)
{
    const struct crewi_pool_submission *submission = &map->submission;
    struct crewi_pool_bytes *bytes = map->bytes;
    const unsigned char *pieces = (const unsigned char *)message->data + sizeof *submission;
    const unsigned char *at = pieces + submission->count * sizeof(struct crewi_pool_piece);
    bytes->owned = calloc(submission->count + 1, sizeof *bytes->owned);
    if (!bytes->owned)
        return CREW_ENOMEM;
    if (map->parcel)
        at = map->parcel;
    for (uint64_t i = 0; i < submission->count; i++) {
        struct crewi_pool_piece piece;
        memcpy(&piece, pieces + i * sizeof piece, sizeof piece);
        bytes->owned[i] = (struct iovec){(void *)(uintptr_t)at, piece.size};
        bytes->results[i].room = piece.room;
        at += crewi_pool_padded(piece.size);
    }
    bytes->items = bytes->owned;
    if (message->frame && !map->parcel) {
        bytes->sent = *message->frame;
        *message->frame = NULL;
    }
    return CREW_OK;
}

crew_status crewi_pool_bytes_begin(struct crewi_pool_map *map, const struct crewi_message *message)
{
    const struct crewi_pool_submission *submission = &map->submission;
    struct crewi_pool_bytes *bytes = calloc(1, sizeof *bytes);
    if (!bytes)
        return CREW_ENOMEM;
    map->bytes = bytes;
    bytes->results = calloc(submission->count + 1, sizeof *bytes->results);
    crew_status status = bytes->results ? CREW_OK : CREW_ENOMEM;
    if (!status && submission->shared)
        share(bytes, submission);
    else if (!status)
        status = take_sent(map, message);
    if (status)
        crewi_pool_bytes_end(map);
    return status;
}

void crewi_pool_bytes_drop_items(struct crewi_pool_map *map)
{
    crewi_frame_destroy(map->bytes->sent);
    free(map->bytes->owned);
    map->bytes->sent = NULL;
    map->bytes->owned = NULL;
    map->bytes->items = NULL;
}

void crewi_pool_bytes_end(struct crewi_pool_map *map)
{
    struct crewi_pool_bytes *bytes = map->bytes;
    if (bytes)
        crewi_pool_bytes_drop_items(map);
    for (uint64_t i = 0; bytes && bytes->results && i < map->submission.count; i++)
        crewi_pool_drop_result(map, i);
    if (bytes)
        free(bytes->results);
    free(bytes);
    map->bytes = NULL;
}

/* Chunks out */

void crewi_pool_bytes_shorten(struct crewi_pool_map *map, const struct crewi_worker *worker,
                              struct crewi_range *range)
{
    const struct iovec *items = map->bytes->items + range->begin;
    uint64_t count = 0, bytes = 0;
    while (count < range->count) {
        bytes += sizeof(struct crewi_pool_piece) + crewi_pool_padded(items[count].iov_len);
        if (count && bytes > CREWI_SCHEDULE_BYTES)
            break;
        count++;
    }
    if (crewi_pool_has_long_items(worker, items[0].iov_len))
        count = 0;
    crewi_schedule_shorten(&map->schedule, range, count);
}

static uint64_t bytes_of(const struct iovec *items, uint64_t count)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += crewi_pool_padded(items[i].iov_len);
    return bytes;
}

/* An item or a result, with zeros behind it up to the next one. */
static unsigned char *put_piece(unsigned char *at, const void *data, uint64_t size)
{
    uint64_t padded = crewi_pool_padded(size);
    if (size)
        memcpy(at, data, size);
    memset(at + size, 0, padded - size);
    return at + padded;
}

static void fill_chunk(unsigned char *at, struct crewi_pool_map *map, struct crewi_range range,
                       bool lent)
{
    const struct iovec *items = map->bytes->items + range.begin;
    for (uint64_t i = 0; i < range.count; i++, at += sizeof(struct crewi_pool_piece)) {
        struct crewi_pool_piece piece = {items[i].iov_len,
                                         map->bytes->results[range.begin + i].room};
        memcpy(at, &piece, sizeof piece);
    }
    if (lent) {
        struct crewi_loan loan = crewi_loan_make(items[0].iov_base, &map->cookie);
        memcpy(at, &loan, sizeof loan);
        at += sizeof loan;
    }
    for (uint64_t i = 0; i < range.count && !lent; i++)
        at = put_piece(at, items[i].iov_base, items[i].iov_len);
    const struct crewi_funcref *function = &map->submission.function;
    memcpy(at, function->path, function->path_size);
}

struct crewi_frame *crewi_pool_bytes_chunk(const struct crewi_engine *engine,
                                           const struct crewi_worker *worker,
                                           const struct crewi_pool_outstanding *given)
{
    struct crewi_pool_map *map = given->map;
    struct crewi_range range = given->range;
    const struct iovec *items = map->bytes->items + range.begin;
    bool lent = worker->reads_home && range.count == 1 && items[0].iov_len >= CREWI_POOL_LOAN_MIN;
    struct crewi_pool_chunk chunk = {
        .flags = CREWI_CHUNK_VARYING | (lent ? CREWI_CHUNK_LENT : 0) |
                 (worker->loan.pid ? CREWI_CHUNK_FETCHED : 0) |
                 (map->submission.keep_failed ? CREWI_CHUNK_KEEP_FAILED : 0),
        .map = map->object.id,
        .begin = range.begin,
        .count = range.count,
        .key = given->key,
        .timeout_ns = map->submission.timeout_ns,
    };
    memcpy(chunk.function, &map->submission.function, sizeof chunk.function);
    struct crewi_frame *frame = crewi_engine_delivery(
        engine, &worker->origin, CREWI_KIND_POOL, CREWI_POOL_CHUNK,
        sizeof chunk + range.count * sizeof(struct crewi_pool_piece) +
            (lent ? sizeof(struct crewi_loan) : bytes_of(items, range.count)) +
            map->submission.function.path_size);
    memcpy(frame->payload, &chunk, sizeof chunk);
    fill_chunk(frame->payload + sizeof chunk, map, range, lent);
    return frame;
}

/* Results in */

struct crewi_pool_record crewi_pool_next_record(const unsigned char *records, uint64_t *at)
{
    struct crewi_pool_record record;
    memcpy(&record, records + *at, sizeof record);
    *at += sizeof record + crewi_pool_padded(record.size);
    return record;
}

bool crewi_pool_records_are_sound(const struct crewi_pool_map *map,
                                  const struct crewi_pool_result *result,
                                  const unsigned char *records, uint64_t size)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < result->count; i++) {
        struct crewi_pool_record record;
        uint64_t room = map->bytes->results[result->begin + i].room;
        if (at > size || size - at < sizeof record)
            return false;
        memcpy(&record, records + at, sizeof record);
        if (record.size > room || record.size > CREWI_POOL_PIECE_LIMIT ||
            record.size > size - at - sizeof record)
            return false;
        at += sizeof record + crewi_pool_padded(record.size);
    }
    return true;
}

void *crewi_pool_place_result(struct crewi_pool_map *map, uint64_t index, uint64_t size)
{
    struct crewi_pool_place *place = &map->bytes->results[index];
    void *memory = place->caller;
    if (!memory && size)
        memory = place->data = crewi_memory_alloc(size);
    place->size = memory ? size : 0;
    return memory || size ? memory : place; /* nothing is written to a place for nothing */
}

void crewi_pool_drop_result(struct crewi_pool_map *map, uint64_t index)
{
    struct crewi_pool_place *place = &map->bytes->results[index];
    free(place->data);
    place->data = NULL;
    place->size = 0;
}

/* Taking */

/* A local caller gets the memory itself; others read what is long where it is. */
static struct crewi_pool_entry entry_of(const struct crewi_pool_place *place, bool local,
                                        bool inline_only)
{
    bool lent = place->data && place->size &&
                (local || (place->size >= CREWI_POOL_LOAN_MIN && !inline_only));
    return (struct crewi_pool_entry){place->size, lent ? (uint64_t)(uintptr_t)place->data : 0};
}

static uint64_t inline_bytes(const struct crewi_pool_place *place, bool local, bool inline_only)
{
    return !local && !entry_of(place, local, inline_only).address ? crewi_pool_padded(place->size)
                                                                  : 0;
}

/* How many results from one on a message takes, and their bytes. */
static uint64_t count_for_message(const struct crewi_pool_place *places, uint64_t count, bool local,
                                  bool inline_only, uint64_t *bytes)
{
    uint64_t fits = 0;
    *bytes = 0;
    while (fits < count) {
        uint64_t more = inline_bytes(&places[fits], local, inline_only);
        if (fits && *bytes + more + fits * sizeof(struct crewi_pool_entry) > FETCH_BYTES)
            break;
        *bytes += more;
        fits++;
    }
    return fits;
}

static void fill_fetched(unsigned char *at, struct crewi_pool_place *places, uint64_t count,
                         bool local, bool inline_only)
{
    unsigned char *behind = at + count * sizeof(struct crewi_pool_entry);
    for (uint64_t i = 0; i < count; i++, at += sizeof(struct crewi_pool_entry)) {
        struct crewi_pool_entry entry = entry_of(&places[i], local, inline_only);
        memcpy(at, &entry, sizeof entry);
        if (local && entry.address)
            places[i].data = NULL; /* it is the caller's now */
        else if (!local && !entry.address)
            behind = put_piece(behind, places[i].data, places[i].size);
    }
}

static void forget_before(struct crewi_pool_map *map, uint64_t first)
{
    for (; map->bytes->forgotten < first; map->bytes->forgotten++)
        crewi_pool_drop_result(map, map->bytes->forgotten);
}

void crewi_pool_tell_results(struct crewi_engine *engine, struct crewi_pool_map *map,
                             const struct crewi_message *message)
{
    struct crewi_pool_fetch_order order = {.first = UINT64_MAX};
    if (message->size == sizeof order)
        memcpy(&order, message->data, sizeof order);
    if (!map->over || !map->bytes || order.first > map->submission.count) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "there are no such results");
        return;
    }
    bool local = crewi_engine_is_local(engine, &message->origin);
    struct crewi_pool_place *places = map->bytes->results + order.first;
    struct crewi_pool_fetched head = {0};
    uint64_t bytes;
    forget_before(map, order.first);
    if (!map->cookie && !local)
        map->cookie = crewi_loan_cookie();
    head.loan = crewi_loan_make(NULL, &map->cookie);
    head.count = count_for_message(places, map->submission.count - order.first, local,
                                   order.inline_only, &bytes);
    size_t size = sizeof head + head.count * sizeof(struct crewi_pool_entry) + bytes;
    unsigned char *reply = malloc(size);
    if (!reply) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "no memory for results");
        return;
    }
    memcpy(reply, &head, sizeof head);
    fill_fetched(reply + sizeof head, places, head.count, local, order.inline_only);
    crewi_engine_reply(engine, &message->origin, reply, size);
    free(reply);
}
