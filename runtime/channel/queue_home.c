/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of a queue: puts, gets, and the end. */
#include "channel/queue_home.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Notes are taken without a question, since each process asks now and then. One that does not is
 * cheating, and what it sends beyond this is dropped. */
#define NOTES_LIMIT (2 * CREWI_QUEUE_BYTES_LIMIT)

/* Waiters */

struct crewi_queue_waiter *crewi_queue_park(struct crewi_engine *engine, struct crewi_queue *queue,
                                            struct crewi_queue_waiters *list,
                                            const struct crewi_message *message, uint8_t op)
{
    struct crewi_queue_waiter *waiter = calloc(1, sizeof *waiter);
    int64_t deadline_ns = message->timeout_ns > 0
                              ? crewi_deadline_ns(engine->now_ns, message->timeout_ns)
                              : CREWI_FOREVER;
    if (waiter)
        waiter->timer.fire = crewi_queue_expire;
    if (!waiter || crewi_timer_set(&engine->timers, &waiter->timer, deadline_ns)) {
        free(waiter);
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return NULL;
    }
    waiter->queue = queue;
    waiter->list = list;
    waiter->origin = message->origin;
    waiter->op = op;
    waiter->before = list->last;
    if (list->last)
        list->last->next = waiter;
    else
        list->first = waiter;
    list->last = waiter;
    return waiter;
}

static void free_waiter(struct crewi_engine *engine, struct crewi_queue_waiter *waiter)
{
    crewi_timer_cancel(&engine->timers, &waiter->timer);
    if (waiter->item)
        crewi_queue_item_drop(engine, waiter->item);
    free(waiter);
}

void crewi_queue_unpark(struct crewi_engine *engine, struct crewi_queue_waiter *waiter)
{
    struct crewi_queue_waiters *list = waiter->list;
    if (waiter->before)
        waiter->before->next = waiter->next;
    else
        list->first = waiter->next;
    if (waiter->next)
        waiter->next->before = waiter->before;
    else
        list->last = waiter->before;
    free_waiter(engine, waiter);
}

/* The first one, out of the list; NULL when there is none. */
static struct crewi_queue_waiter *take_first(struct crewi_queue_waiters *list)
{
    struct crewi_queue_waiter *waiter = list->first;
    if (!waiter)
        return NULL;
    list->first = waiter->next;
    if (list->first)
        list->first->before = NULL;
    else
        list->last = NULL;
    return waiter;
}

/* Gets */

/* Items with handles in them are seen by the rank of the one who gets them, which counts those. */
static void send_to_getter(struct crewi_engine *engine, struct crewi_frame *frame,
                           const struct crewi_origin *origin)
{
    struct crewi_header *header = &frame->header;
    header->type = crewi_queue_head_of(frame)->share_count ? CREWI_REQUEST : CREWI_REPLY;
    header->kind = CREWI_KIND_QUEUE;
    header->op = CREWI_QUEUE_HANDOVER;
    header->object = 0;
    header->status = CREW_OK;
    header->target_rank = origin->rank;
    header->origin = *origin;
    crewi_engine_send(engine, frame);
}

static void give_one(struct crewi_engine *engine, struct crewi_queue *queue,
                     const struct crewi_origin *origin)
{
    struct crewi_frame *item = crewi_queue_items_pop(&queue->items);
    crewi_queue_head_of(item)->count = 1;
    crewi_queue_head_of(item)->status = CREW_OK;
    send_to_getter(engine, item, origin);
}

/* How many items fit, and what they are together. */
static struct crewi_queue_head measure(const struct crewi_queue *queue,
                                       const struct crewi_queue_waiter *waiter)
{
    struct crewi_queue_head sum = {.id = queue->shared.object.id};
    for (struct crewi_frame *item = queue->items.frames.first; item && sum.count < waiter->most;
         item = item->next) {
        const struct crewi_queue_head *head = crewi_queue_head_of(item);
        if (sum.size + head->size > waiter->room)
            break;
        sum.count++;
        sum.size += head->size;
        sum.share_count += head->share_count;
    }
    return sum;
}

/* The items one behind the other, then their sizes, then the shares. */
static void give_many(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_queue_head *sum, const struct crewi_origin *origin)
{
    uint64_t sizes_at = sizeof *sum + crewi_queue_pad(sum->size);
    uint64_t shares_at = sizes_at + crewi_queue_pad(sum->count * sizeof(uint64_t));
    struct crewi_frame *reply =
        crewi_frame_create(shares_at + sum->share_count * sizeof(struct crewi_share));
    if (!reply) {
        crewi_engine_refuse(engine, origin, CREW_ENOMEM, "out of memory");
        return;
    }
    memset(reply->payload, 0, shares_at);
    *crewi_queue_head_of(reply) = *sum;
    unsigned char *at = reply->payload + sizeof *sum;
    uint64_t *sizes = (void *)(reply->payload + sizes_at);
    struct crewi_share *shares = (void *)(reply->payload + shares_at);
    for (uint32_t i = 0; i < sum->count; i++) {
        struct crewi_frame *item = crewi_queue_items_pop(&queue->items);
        const struct crewi_queue_head *head = crewi_queue_head_of(item);
        memcpy(at, item->payload + sizeof *head, head->size);
        at += head->size;
        sizes[i] = head->size;
        if (head->share_count)
            memcpy(shares, crewi_queue_item_shares(item), head->share_count * sizeof *shares);
        shares += head->share_count;
        crewi_frame_destroy(item);
    }
    send_to_getter(engine, reply, origin);
}

/* To one that has waited, and is out of the list: or not, as it may be gone, or have too little
 * room. */
static void give(struct crewi_engine *engine, struct crewi_queue *queue,
                 struct crewi_queue_waiter *waiter)
{
    struct crewi_origin origin = waiter->origin;
    struct crewi_queue_head sum = measure(queue, waiter);
    free_waiter(engine, waiter);
    if (origin.rank == engine->rank && !crewi_engine_is_there(engine, &origin))
        return; /* of others their ranks say so */
    if (sum.count > 1) {
        give_many(engine, queue, &sum, &origin);
    } else if (sum.count == 1) {
        give_one(engine, queue, &origin);
    } else {
        sum.size = crewi_queue_head_of(queue->items.frames.first)->size;
        sum.status = CREW_ETOOSMALL;
        crewi_engine_reply(engine, &origin, &sum, sizeof sum);
    }
}

static void get(struct crewi_engine *engine, struct crewi_queue *queue,
                const struct crewi_message *message)
{
    const struct crewi_queue_head *head = message->data;
    struct crewi_queue_waiter *waiter =
        crewi_queue_park(engine, queue, &queue->gets, message, CREWI_QUEUE_GET);
    if (!waiter)
        return;
    waiter->room = head->size < CREWI_QUEUE_ITEM_LIMIT ? head->size : CREWI_QUEUE_ITEM_LIMIT;
    waiter->most = head->count;
    if (queue->items.count) {
        crewi_queue_serve(engine, queue);
        return;
    }
    if (message->timeout_ns > 0) {
        crewi_queue_pass(engine, queue);
        return;
    }
    waiter->expired = true;
    crewi_queue_ask_round(engine, queue, waiter);
}

/* Puts */

static bool has_room(const struct crewi_queue *queue, struct crewi_frame *item)
{
    if (queue->max_items && queue->items.count >= queue->max_items)
        return false;
    return !queue->items.count ||
           queue->items.bytes + crewi_queue_item_bytes(item) <= CREWI_QUEUE_BYTES_LIMIT;
}

bool crewi_queue_is_full(const struct crewi_queue *queue)
{
    if (queue->max_items && queue->items.count >= queue->max_items)
        return true;
    return queue->items.count && queue->items.bytes >= CREWI_QUEUE_BYTES_LIMIT;
}

static void admit(struct crewi_engine *engine, struct crewi_queue *queue, struct crewi_frame *item)
{
    struct crewi_origin origin = item->header.origin;
    struct crewi_queue_state state = {.is_unbounded = queue->max_items == 0};
    queue->unfinished++;
    crewi_queue_items_push(&queue->items, item);
    crewi_engine_reply(engine, &origin, &state, sizeof state);
}

static void put(struct crewi_engine *engine, struct crewi_queue *queue,
                const struct crewi_message *message)
{
    struct crewi_frame *item = *message->frame;
    bool asks = message->origin.request != 0;
    *message->frame = NULL;
    if (!asks && queue->items.bytes > NOTES_LIMIT) {
        crewi_queue_item_drop(engine, item);
        return;
    }
    if (!asks || (!queue->puts.first && has_room(queue, item))) {
        admit(engine, queue, item);
        crewi_queue_serve(engine, queue);
        return;
    }
    struct crewi_queue_waiter *waiter = NULL;
    if (message->timeout_ns <= 0)
        crewi_engine_refuse(engine, &message->origin, CREW_EFULL, "queue \"%s\" is full",
                            queue->name);
    else
        waiter = crewi_queue_park(engine, queue, &queue->puts, message, CREWI_QUEUE_PUT);
    if (waiter)
        waiter->item = item;
    else
        crewi_queue_item_drop(engine, item);
}

void crewi_queue_serve(struct crewi_engine *engine, struct crewi_queue *queue)
{
    struct crewi_queue_waiter *waiter;
    bool admitted;
    do {
        admitted = false;
        while (queue->items.count && (waiter = take_first(&queue->gets)))
            give(engine, queue, waiter);
        while ((waiter = queue->puts.first) && has_room(queue, waiter->item)) {
            struct crewi_frame *item = take_first(&queue->puts)->item;
            waiter->item = NULL;
            free_waiter(engine, waiter);
            admit(engine, queue, item);
            admitted = true;
        }
    } while (admitted && queue->gets.first);
    if (queue->items.count)
        crewi_queue_wake(engine, queue);
}

/* Items that a gather had taken are older than those that are there; of them, the home's are older
 * than those that others held. */
static void put_back(struct crewi_queue *queue, struct crewi_queue_items *items, uint32_t home)
{
    struct crewi_queue_items own, others;
    struct crewi_frame *item;
    crewi_queue_items_init(&own);
    crewi_queue_items_init(&others);
    while ((item = crewi_queue_items_pop(items)))
        crewi_queue_items_push(item->header.origin.rank == home ? &own : &others, item);
    crewi_queue_items_move(&others, &own);
    crewi_queue_items_move(&queue->items, &own);
    crewi_queue_items_move(&own, &queue->items);
}

/* What came without a question is taken, whatever the bounds. */
static void hear_batch(struct crewi_engine *engine, struct crewi_queue *queue,
                       const struct crewi_message *message)
{
    const struct crewi_queue_head *head = message->data;
    const unsigned char *data = (const unsigned char *)message->data + sizeof *head;
    uint64_t size = message->size - sizeof *head;
    struct crewi_queue_items items;
    crewi_queue_items_init(&items);
    queue->unfinished += crewi_queue_count_foreign(data, size, engine->rank);
    if (crewi_queue_unpack(&items, queue->shared.object.id, data, size))
        crewi_log(CREWI_LOG_ERROR, "queue \"%s\" has lost items: %s", queue->name,
                  crew_error_message());
    if (head->returned)
        put_back(queue, &items, engine->rank);
    else
        crewi_queue_items_move(&items, &queue->items);
    crewi_queue_serve(engine, queue);
}

/* Begin and end */

static bool is_sound(const struct crewi_queue_spec *spec)
{
    return memchr(spec->name, '\0', sizeof spec->name) && spec->max_items >= 0;
}

static crew_status make(struct crewi_engine *engine, const struct crewi_queue_spec *spec,
                        uint64_t process, uint64_t *id)
{
    struct crewi_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return crewi_error_memory();
    *id = queue->shared.object.id = crewi_engine_new_id(engine, CREWI_KIND_QUEUE);
    snprintf(queue->name, sizeof queue->name, "%s", spec->name);
    if (!*queue->name)
        snprintf(queue->name, sizeof queue->name, "queue-%llu",
                 (unsigned long long)(*id & (((uint64_t)1 << 40) - 1)));
    queue->max_items = (uint64_t)spec->max_items;
    queue->scattered = spec->scattered && !spec->max_items;
    crewi_queue_items_init(&queue->items);
    crewi_queue_items_init(&queue->leaving);
    crew_status status = crewi_shared_add(engine, &queue->shared, process);
    if (status)
        free(queue);
    return status;
}

void crewi_queue_create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_queue_spec spec = {.max_items = -1};
    uint64_t id;
    if (message->size == sizeof spec)
        memcpy(&spec, message->data, sizeof spec);
    if (!is_sound(&spec)) {
        crewi_engine_refuse_malformed(engine, message,
                                      "a queue with its name and bounds, %zu bytes", sizeof spec);
        return;
    }
    crew_status status = make(engine, &spec, message->origin.process, &id);
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
    else
        crewi_engine_reply(engine, &message->origin, &id, sizeof id);
}

size_t crewi_queue_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    const struct crewi_queue *queue = (const struct crewi_queue *)shared;
    struct crewi_queue_description description = {.unbounded = queue->max_items == 0,
                                                  .scattered = queue->scattered,
                                                  .passing = queue->passing};
    (void)engine;
    memcpy(room, &description, sizeof description);
    return sizeof description;
}

static void free_waiters(struct crewi_engine *engine, struct crewi_queue_waiters *list)
{
    struct crewi_queue_waiter *waiter;
    while ((waiter = take_first(list)))
        free_waiter(engine, waiter);
}

static void free_queue(struct crewi_engine *engine, struct crewi_queue *queue)
{
    free_waiters(engine, &queue->puts);
    free_waiters(engine, &queue->gets);
    free_waiters(engine, &queue->others);
    free_waiters(engine, &queue->gathers);
    crewi_queue_items_clear(&queue->items);
    crewi_queue_items_clear(&queue->leaving);
    free(queue->shared.attached);
    free(queue);
}

void crewi_queue_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct crewi_queue *queue = (struct crewi_queue *)shared;
    crewi_queue_items_drop(engine, &queue->items, 0);
    crewi_queue_items_drop(engine, &queue->leaving, 0);
    crewi_shared_remove(engine, shared);
    free_queue(engine, queue);
}

void crewi_queue_destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    free_queue(engine, (struct crewi_queue *)object);
}

/* A process has no copy any more: what it still waits for it does not get. */
static void refuse_waiters(struct crewi_engine *engine, struct crewi_queue_waiters *list,
                           uint64_t process)
{
    for (struct crewi_queue_waiter *waiter = list->first, *next; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->origin.process != process)
            continue;
        crewi_engine_refuse(engine, &waiter->origin, CREW_ECLOSED,
                            "the process has closed queue \"%s\"", waiter->queue->name);
        crewi_queue_unpark(engine, waiter);
    }
}

static void hear_released(struct crewi_engine *engine, struct crewi_queue *queue, uint64_t process)
{
    refuse_waiters(engine, &queue->puts, process);
    refuse_waiters(engine, &queue->gets, process);
    refuse_waiters(engine, &queue->others, process);
    refuse_waiters(engine, &queue->gathers, process);
    crewi_queue_serve(engine, queue);
}

static void hear_drop(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_queue_note *note)
{
    crewi_queue_finished(engine, queue,
                         crewi_queue_items_drop(engine, &queue->items, note->process));
    crewi_queue_serve(engine, queue);
}

/* What comes for a queue that is gone, as it may from a gather whose process has ended: nobody gets
 * the handles in it. */
static void drop_batch(struct crewi_engine *engine, const struct crewi_message *message)
{
    const unsigned char *data = (const unsigned char *)message->data, *item;
    struct crewi_queue_record record;
    if (message->size < sizeof(struct crewi_queue_head))
        return;
    data += sizeof(struct crewi_queue_head);
    for (uint64_t at = 0; crewi_queue_next_record(
             data, message->size - sizeof(struct crewi_queue_head), &at, &record, &item);)
        crewi_shares_drop(engine, crewi_queue_record_shares(&record, item), record.share_count);
}

void crewi_queue_home_note(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_queue_note *note = message->data;
    uint64_t id = *(const uint64_t *)message->data;
    struct crewi_queue *queue = (struct crewi_queue *)crewi_engine_find(engine, id);
    if (!queue) {
        if (message->op == CREWI_QUEUE_BATCH)
            drop_batch(engine, message);
        return;
    }
    switch (message->op) {
    case CREWI_QUEUE_BATCH:
        hear_batch(engine, queue, message);
        break;
    case CREWI_QUEUE_RELEASED:
        hear_released(engine, queue, note->process);
        break;
    case CREWI_QUEUE_DROP:
        hear_drop(engine, queue, note);
        break;
    case CREWI_QUEUE_FLUSHED:
        crewi_queue_hear_flushed(engine, queue, note->number);
        break;
    default: /* CREWI_QUEUE_COUNTED */
        crewi_queue_counted(engine, queue, note->number);
    }
}

void crewi_queue_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                              uint8_t op)
{
    uint64_t id = *(const uint64_t *)message->data;
    struct crewi_queue *queue = (struct crewi_queue *)crewi_engine_find(engine, id);
    if (!queue) {
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED,
                            "this queue is closed: all copies of it are");
        return;
    }
    switch (op) {
    case CREWI_QUEUE_PUT:
        put(engine, queue, message);
        break;
    case CREWI_QUEUE_GET:
        get(engine, queue, message);
        break;
    case CREWI_QUEUE_SIZE:
        crewi_queue_size(engine, queue, message);
        break;
    case CREWI_QUEUE_TASK_DONE:
        crewi_queue_task_done(engine, queue, message);
        break;
    case CREWI_QUEUE_JOIN:
        crewi_queue_join(engine, queue, message);
        break;
    case CREWI_QUEUE_GATHER:
        crewi_queue_gather(engine, queue, message);
        break;
    case CREWI_OP_WAIT:
        crewi_queue_wait(engine, queue, message);
        break;
    default: /* CREWI_OP_FORGET_WAITS */
        crewi_queue_forget_waits(engine, queue, message);
    }
}
