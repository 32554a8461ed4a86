/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/queue.h>, but for puts. */
#include <crew/queue.h>
#include <crew/run.h>

#include "base/clock.h"
#include "base/error.h"
#include "channel/queue_call.h"
#include "channel/queue_items.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_queue_head)

crew_status crewi_queue_check(const char *call, crew_queue queue)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (crewi_id_kind(queue.id) != CREWI_KIND_QUEUE)
        return crewi_error(CREW_EINVAL, "%s: the handle is %s", call,
                           queue.id ? "no queue" : "empty");
    return CREW_OK;
}

struct crewi_call crewi_queue_call(enum crewi_queue_op op, const struct crewi_queue_head *head)
{
    return (struct crewi_call){.kind = CREWI_KIND_QUEUE,
                               .op = (uint8_t)op,
                               .rank = (uint32_t)crew_current_rank(),
                               .head = head,
                               .head_size = sizeof *head};
}

/* A request with nothing but the id, and a reply with nothing at all. */
static crew_status ask(const char *name, crew_queue queue, enum crewi_queue_op op,
                       int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = queue.id};
    crew_status status = crewi_queue_check(name, queue);
    if (status)
        return status;
    struct crewi_call call = crewi_queue_call(op, &head);
    call.timeout_ns = timeout_ns;
    return crewi_call(&call, NULL);
}

/* Creating */

static crew_status check_attr(const crew_queue *queue, const crew_queue_attr *attr)
{
    if (!queue)
        return crewi_error(CREW_EINVAL, "crew_queue_create: queue is NULL");
    crew_status status = crewi_check_name("a queue", attr->name, CREW_NAME_SIZE);
    if (!status && attr->scattered && attr->max_items > 0)
        return crewi_error(CREW_EINVAL,
                           "a scattered queue cannot have a bound: nobody counts its items");
    return status;
}

crew_status crew_queue_create(crew_queue *queue, const crew_queue_attr *attr)
{
    static const crew_queue_attr defaults;
    if (!crewi_client_current())
        return crewi_client_missing("crew_queue_create");
    if (!attr)
        attr = &defaults;
    crew_status status = check_attr(queue, attr);
    if (status)
        return status;
    struct crewi_queue_spec spec = {.max_items = attr->max_items > 0 ? attr->max_items : 0,
                                    .scattered = attr->scattered};
    if (attr->name)
        memcpy(spec.name, attr->name, strlen(attr->name) + 1);
    struct crewi_call call = {.kind = CREWI_KIND_QUEUE,
                              .op = CREWI_QUEUE_CREATE,
                              .rank = (uint32_t)crew_current_rank(),
                              .head = &spec,
                              .head_size = sizeof spec};
    return crewi_call_fixed(&call, &queue->id, sizeof queue->id);
}

/* Gets */

/* The head of a reply, and where its items are. ::CREW_EPROTO */
static crew_status read_reply(const struct crewi_frame *reply, struct crewi_queue_head *head)
{
    uint64_t size = reply->header.size;
    if (size < HEAD_SIZE)
        return crewi_error(CREW_EPROTO, "a reply of %llu bytes", (unsigned long long)size);
    memcpy(head, reply->payload, HEAD_SIZE);
    if (head->status == CREW_ETOOSMALL)
        return CREW_OK;
    uint64_t sizes = head->count > 1 ? head->count * sizeof(uint64_t) : 0;
    uint64_t padded = sizes ? crewi_queue_pad(head->size) : head->size;
    if (head->size > size || padded + sizes > size - HEAD_SIZE)
        return crewi_error(CREW_EPROTO, "a reply of %llu bytes, too few", (unsigned long long)size);
    return CREW_OK;
}

/* Asks for items; the reply is to be destroyed. With ::CREW_ETOOSMALL there is none, and head.size
 * is the size of the item. */
static crew_status ask_for_items(crew_queue queue, struct crewi_queue_head *head, size_t room,
                                 int64_t timeout_ns, struct crewi_frame **reply)
{
    head->id = queue.id;
    head->size = room;
    struct crewi_call call = crewi_queue_call(CREWI_QUEUE_GET, head);
    call.timeout_ns = timeout_ns;
    crew_status status = crewi_call(&call, reply);
    if (status)
        return status;
    status = read_reply(*reply, head);
    if (!status && (head->status == CREW_ETOOSMALL || head->size > room))
        status = crewi_error(CREW_ETOOSMALL,
                             "an item of %llu bytes, more than the %zu that there is room for",
                             (unsigned long long)head->size, room);
    if (status)
        crewi_frame_destroy(*reply);
    return status;
}

crew_status crew_queue_get(crew_queue queue, void *buffer, size_t room, size_t *size,
                           double timeout_s)
{
    struct crewi_queue_head head = {.count = 1};
    struct crewi_frame *reply;
    crew_status status = crewi_queue_check("crew_queue_get", queue);
    if (status)
        return status;
    if (!buffer && room)
        return crewi_error(CREW_EINVAL, "crew_queue_get: buffer is NULL, with a room of %zu", room);
    status = ask_for_items(queue, &head, room, crewi_timeout_ns(timeout_s), &reply);
    if (size && (!status || status == CREW_ETOOSMALL))
        *size = head.size;
    if (status)
        return status;
    if (head.size)
        memcpy(buffer, reply->payload + HEAD_SIZE, head.size);
    crewi_frame_destroy(reply);
    return CREW_OK;
}

/* One item has its size in the head alone. */
static void read_sizes(const struct crewi_frame *reply, const struct crewi_queue_head *head,
                       size_t *sizes, size_t count)
{
    const unsigned char *at = reply->payload + HEAD_SIZE + crewi_queue_pad(head->size);
    sizes[0] = head->size;
    for (size_t i = 0; head->count > 1 && i < count; i++) {
        uint64_t size;
        memcpy(&size, at + i * sizeof size, sizeof size);
        sizes[i] = size;
    }
}

crew_status crew_queue_get_many(crew_queue queue, void *buffer, size_t room, size_t *sizes,
                                size_t *count, double timeout_s)
{
    struct crewi_queue_head head = {.count = 0};
    struct crewi_frame *reply;
    crew_status status = crewi_queue_check("crew_queue_get_many", queue);
    if (status)
        return status;
    if (!buffer || !sizes || !count || !*count)
        return crewi_error(CREW_EINVAL, "crew_queue_get_many: %s",
                           count && !*count ? "no items are asked for"
                                            : "buffer, sizes or count is NULL");
    head.count = *count < UINT32_MAX ? (uint32_t)*count : UINT32_MAX;
    status = ask_for_items(queue, &head, room, crewi_timeout_ns(timeout_s), &reply);
    if (status)
        return status;
    memcpy(buffer, reply->payload + HEAD_SIZE, head.size);
    *count = head.count < *count ? head.count : *count;
    read_sizes(reply, &head, sizes, *count);
    crewi_frame_destroy(reply);
    return CREW_OK;
}

/* How many there are */

static crew_status ask_state(const char *name, crew_queue queue, const void *output,
                             struct crewi_queue_state *state)
{
    struct crewi_queue_head head = {.id = queue.id};
    crew_status status = crewi_queue_check(name, queue);
    if (status)
        return status;
    if (!output)
        return crewi_error(CREW_EINVAL, "%s: there is no place for the answer", name);
    struct crewi_call call = crewi_queue_call(CREWI_QUEUE_SIZE, &head);
    return crewi_call_fixed(&call, state, sizeof *state);
}

crew_status crew_queue_size(crew_queue queue, size_t *count)
{
    struct crewi_queue_state state;
    crew_status status = ask_state("crew_queue_size", queue, count, &state);
    if (!status)
        *count = state.count;
    return status;
}

crew_status crew_queue_is_empty(crew_queue queue, bool *empty)
{
    struct crewi_queue_state state;
    crew_status status = ask_state("crew_queue_is_empty", queue, empty, &state);
    if (!status)
        *empty = state.count == 0;
    return status;
}

crew_status crew_queue_is_full(crew_queue queue, bool *full)
{
    struct crewi_queue_state state;
    crew_status status = ask_state("crew_queue_is_full", queue, full, &state);
    if (!status)
        *full = state.is_full;
    return status;
}

/* Finishing */

crew_status crew_queue_task_done(crew_queue queue)
{
    return ask("crew_queue_task_done", queue, CREWI_QUEUE_TASK_DONE, 0);
}

crew_status crew_queue_join(crew_queue queue, double timeout_s)
{
    return ask("crew_queue_join", queue, CREWI_QUEUE_JOIN, crewi_timeout_ns(timeout_s));
}

crew_status crew_queue_waitable(crew_queue queue, crew_waitable *waitable)
{
    crew_status status = crewi_queue_check("crew_queue_waitable", queue);
    if (status)
        return status;
    if (!waitable)
        return crewi_error(CREW_EINVAL, "crew_queue_waitable: waitable is NULL");
    waitable->id = queue.id;
    return CREW_OK;
}

/* For what may follow a close: the queue may be gone with it. */
static crew_status ask_late(const char *name, crew_queue queue, enum crewi_queue_op op)
{
    crew_status status = ask(name, queue, op, 0);
    if (status != CREW_ECLOSED)
        return status;
    crewi_error_clear();
    return CREW_OK;
}

crew_status crew_queue_close(crew_queue queue)
{
    crewi_post_forget(queue.id);
    return ask_late("crew_queue_close", queue, CREWI_QUEUE_CLOSE);
}

crew_status crew_queue_join_thread(crew_queue queue)
{
    return ask_late("crew_queue_join_thread", queue, CREWI_QUEUE_JOIN_THREAD);
}

crew_status crew_queue_cancel_join_thread(crew_queue queue)
{
    return ask_late("crew_queue_cancel_join_thread", queue, CREWI_QUEUE_CANCEL);
}

/* Gathering */

/* What a crew_gathered belongs to. */
struct gathered {
    struct crewi_frame *reply;
    size_t *numbers; /* offsets, then sizes */
    int *ranks;
    size_t *next; /* by rank: where its next item goes in these lists */
};

static void free_gathered(struct gathered *all)
{
    crewi_frame_destroy(all->reply);
    free(all->numbers);
    free(all->ranks);
    free(all->next);
    free(all);
}

/* Calls @p visit for each record of a rank that there is. */
static void each_record(struct gathered *all, size_t room,
                        void (*visit)(struct gathered *all, size_t room,
                                      const struct crewi_queue_record *record, size_t offset))
{
    const unsigned char *data = all->reply->payload + HEAD_SIZE, *item;
    uint64_t size = all->reply->header.size - HEAD_SIZE;
    struct crewi_queue_record record;
    for (uint64_t at = 0; crewi_queue_next_record(data, size, &at, &record, &item);)
        if (record.rank < (uint32_t)crew_rank_count())
            visit(all, room, &record, (size_t)(item - data));
}

static void count_item(struct gathered *all, size_t room, const struct crewi_queue_record *record,
                       size_t offset)
{
    (void)room;
    (void)offset;
    all->next[record->rank]++;
}

static void place_item(struct gathered *all, size_t room, const struct crewi_queue_record *record,
                       size_t offset)
{
    size_t at = all->next[record->rank]++;
    if (at >= room)
        return;
    all->numbers[at] = offset;
    all->numbers[room + at] = record->size;
    all->ranks[at] = (int)record->rank;
}

/* Those of the home come first, since what others hold of the same producers was put later. Returns
 * how many there are. */
static size_t order_ranks(size_t *next, uint32_t home)
{
    size_t total = next[home];
    next[home] = 0;
    for (uint32_t rank = 0; rank < (uint32_t)crew_rank_count(); rank++) {
        size_t count = next[rank];
        if (rank == home)
            continue;
        next[rank] = total;
        total += count;
    }
    return total;
}

/* Owns the reply. */
static crew_status list_items(struct crewi_frame *reply, uint32_t home, crew_gathered *gathered)
{
    struct gathered *all = calloc(1, sizeof *all);
    if (!all) {
        crewi_frame_destroy(reply);
        return crewi_error_memory();
    }
    all->reply = reply;
    all->next = calloc((size_t)crew_rank_count(), sizeof *all->next);
    if (!all->next)
        goto fail;
    each_record(all, 0, count_item);
    size_t count = order_ranks(all->next, home);
    all->numbers = calloc(count + 1, 2 * sizeof *all->numbers);
    all->ranks = calloc(count + 1, sizeof *all->ranks);
    if (!all->numbers || !all->ranks)
        goto fail;
    each_record(all, count, place_item);
    *gathered = (crew_gathered){.data = reply->payload + HEAD_SIZE,
                                .count = count,
                                .offsets = all->numbers,
                                .sizes = all->numbers + count,
                                .ranks = all->ranks,
                                .owner = all};
    return CREW_OK;
fail:
    free_gathered(all);
    return crewi_error_memory();
}

crew_status crew_queue_gather(crew_queue queue, crew_gathered *gathered)
{
    struct crewi_queue_head head = {.id = queue.id};
    struct crewi_frame *reply;
    crew_status status = crewi_queue_check("crew_queue_gather", queue);
    if (status)
        return status;
    if (!gathered)
        return crewi_error(CREW_EINVAL, "crew_queue_gather: gathered is NULL");
    struct crewi_call call = crewi_queue_call(CREWI_QUEUE_GATHER, &head);
    status = crewi_call(&call, &reply);
    if (status)
        return status;
    if (reply->header.size < HEAD_SIZE) {
        crewi_frame_destroy(reply);
        return crewi_error(CREW_EPROTO, "a gather without a head");
    }
    return list_items(reply, crewi_id_home(queue.id), gathered);
}

void crew_gathered_release(crew_gathered *gathered)
{
    if (!gathered || !gathered->owner)
        return;
    free_gathered(gathered->owner);
    *gathered = (crew_gathered){0};
}
