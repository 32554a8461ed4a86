/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/queue_agent.h"

#include "base/error.h"
#include "channel/queue_home.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_queue_head)

/* The agents of a rank; there is none of these while it has no agent. */
struct queue_rank {
    struct crewi_queue_agent *agents;
    struct crewi_queue_agent *due;
};

static struct queue_rank *rank_of(const struct crewi_engine *engine)
{
    return engine->states[CREWI_KIND_QUEUE];
}

struct crewi_queue_agent *crewi_queue_agent_find(struct crewi_engine *engine, uint64_t id)
{
    const struct crewi_handle *handle =
        crewi_id_kind(id) == CREWI_KIND_QUEUE ? crewi_handle_find(engine, id) : NULL;
    return handle ? handle->agent : NULL;
}

void crewi_queue_agent_tell(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                            const struct crewi_queue_note *note)
{
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_QUEUE, .op = op, .rank = rank, .head = note, .head_size = sizeof *note};
    crewi_engine_must_tell(engine, &out);
}

static void tell_home(struct crewi_engine *engine, const struct crewi_queue_agent *agent,
                      uint8_t op, uint64_t process)
{
    struct crewi_queue_note note = {.id = agent->id, .process = process, .rank = engine->rank};
    crewi_queue_agent_tell(engine, op, crewi_id_home(agent->id), &note);
}

/* Whether items stay here at the end of a round. */
static bool keeps(const struct crewi_queue_agent *agent)
{
    return agent->frozen || (agent->scattered && !agent->passing);
}

void crewi_queue_agent_flush(struct crewi_engine *engine, struct crewi_queue_agent *agent)
{
    if (!agent->hold.count)
        return;
    struct crewi_frame *batch =
        crewi_frame_create(HEAD_SIZE + crewi_queue_packed_size(&agent->hold));
    if (!batch) {
        crewi_queue_agent_settle_later(engine, agent);
        return;
    }
    *crewi_queue_head_of(batch) =
        (struct crewi_queue_head){.id = agent->id, .count = (uint32_t)agent->hold.count};
    crewi_queue_pack(&agent->hold, engine->rank, batch->payload + HEAD_SIZE);
    batch->header.type = CREWI_NOTE;
    batch->header.kind = CREWI_KIND_QUEUE;
    batch->header.op = CREWI_QUEUE_BATCH;
    batch->header.target_rank = crewi_id_home(agent->id);
    batch->header.origin.rank = engine->rank;
    crewi_engine_send(engine, batch);
}

void crewi_queue_agent_settle_later(struct crewi_engine *engine, struct crewi_queue_agent *agent)
{
    struct queue_rank *rank = rank_of(engine);
    if (agent->is_due)
        return;
    agent->is_due = true;
    agent->next_due = rank->due;
    rank->due = agent;
}

static void settle(struct crewi_engine *engine)
{
    struct queue_rank *rank = rank_of(engine);
    struct crewi_queue_agent *due = rank ? rank->due : NULL;
    if (rank)
        rank->due = NULL;
    for (struct crewi_queue_agent *agent = due; agent; agent = due) {
        due = agent->next_due;
        agent->is_due = false;
        if (!keeps(agent))
            crewi_queue_agent_flush(engine, agent);
    }
}

/* Puts */

/* The frame of an item, with its shares behind. NULL: there is no memory. */
static struct crewi_frame *take_item(const struct crewi_message *message,
                                     const struct crewi_shares *shares)
{
    struct crewi_frame *item = *message->frame;
    uint64_t size = HEAD_SIZE + crewi_queue_pad(message->size - HEAD_SIZE);
    if (shares->count) {
        item = crewi_frame_create(size + shares->count * sizeof *shares->list);
        if (!item)
            return NULL;
        uint64_t whole = item->header.size;
        item->header = (*message->frame)->header;
        item->header.size = whole;
        memcpy(item->payload, message->data, message->size);
        memset(item->payload + message->size, 0, size - message->size);
        memcpy(item->payload + size, shares->list, shares->count * sizeof *shares->list);
    } else {
        *message->frame = NULL;
    }
    crewi_queue_head_of(item)->share_count = (uint32_t)shares->count;
    return item;
}

static bool fits_into_hold(const struct crewi_engine *engine, const struct crewi_queue_agent *agent,
                           struct crewi_frame *item)
{
    uint64_t limit = CREWI_QUEUE_HOLDS_LIMIT / engine->rank_count;
    if (limit > CREWI_QUEUE_HOLD_LIMIT)
        limit = CREWI_QUEUE_HOLD_LIMIT;
    return agent->hold.bytes + crewi_queue_item_bytes(item) <= limit;
}

static void reply_held(struct crewi_engine *engine, const struct crewi_origin *origin)
{
    struct crewi_queue_state state = {.is_unbounded = 1};
    crewi_engine_reply(engine, origin, &state, sizeof state);
}

/* Away from home. What is not asked waits for the end of the round; what is asked goes behind it,
 * or waits for a gather if too much is held for that already. */
static void hold_or_pass(struct crewi_engine *engine, struct crewi_queue_agent *agent,
                         struct crewi_frame *item)
{
    struct crewi_origin origin = item->header.origin;
    bool fits = fits_into_hold(engine, agent, item);
    if (!fits && agent->frozen && origin.request) {
        crewi_queue_items_push(&agent->late, item);
        return;
    }
    if (!fits && !agent->frozen)
        crewi_queue_agent_flush(engine, agent);
    if (!origin.request || (keeps(agent) && fits)) {
        crewi_queue_items_push(&agent->hold, item);
        crewi_queue_agent_settle_later(engine, agent);
        reply_held(engine, &origin);
        return;
    }
    crewi_queue_agent_flush(engine, agent);
    crewi_handle_pass_on(engine, agent->id, item, crewi_queue_home_request);
}

static void put(struct crewi_engine *engine, struct crewi_queue_agent *agent,
                const struct crewi_message *message)
{
    struct crewi_shares shares;
    if (!agent->unbounded && !message->origin.request)
        return; /* no client does that: where would it wait? */
    crew_status status =
        crewi_shares_take(engine, message->origin.process, (const char *)message->data + HEAD_SIZE,
                          message->size - HEAD_SIZE, &shares);
    if (status && message->origin.request) {
        crewi_engine_refuse_error(engine, &message->origin, status);
        return;
    }
    struct crewi_frame *item = take_item(message, &shares);
    if (!item) {
        crewi_shares_put_back(engine, message->origin.process, &shares);
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
    } else if (agent->unbounded && crewi_id_home(agent->id) != engine->rank) {
        hold_or_pass(engine, agent, item);
    } else {
        crewi_handle_pass_on(engine, agent->id, item, crewi_queue_home_request);
    }
    crewi_shares_free(&shares);
}

/* Closing, and what may follow it */

static bool has_cancelled(const struct crewi_queue_agent *agent, uint64_t process)
{
    for (size_t i = 0; i < agent->cancelled_count; i++)
        if (agent->cancelled[i] == process)
            return true;
    return false;
}

static void cancel(struct crewi_engine *engine, struct crewi_queue_agent *agent,
                   const struct crewi_message *message)
{
    if (has_cancelled(agent, message->origin.process)) {
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        return;
    }
    uint64_t *grown =
        realloc(agent->cancelled, (agent->cancelled_count + 1) * sizeof *agent->cancelled);
    if (!grown) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    agent->cancelled = grown;
    agent->cancelled[agent->cancelled_count++] = message->origin.process;
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

/* True when it was one of these operations, which a closed copy does not keep from being done. */
static bool closed_request(struct crewi_engine *engine, const struct crewi_message *message,
                           uint64_t id)
{
    struct crewi_queue_agent *agent = crewi_queue_agent_find(engine, id);
    bool cancels = message->op == CREWI_QUEUE_CANCEL;
    if (message->op != CREWI_QUEUE_CLOSE && message->op != CREWI_QUEUE_JOIN_THREAD && !cancels)
        return false;
    if (!crewi_handle_is_closed(crewi_handle_find(engine, id), message->origin.process))
        return false;
    if (cancels && agent)
        cancel(engine, agent, message);
    else
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    return true;
}

static void client_gone(struct crewi_engine *engine, uint64_t process)
{
    const struct queue_rank *rank = rank_of(engine);
    for (struct crewi_queue_agent *agent = rank ? rank->agents : NULL; agent; agent = agent->next) {
        if (!has_cancelled(agent, process))
            continue;
        crewi_queue_items_drop(engine, &agent->hold, process);
        for (size_t i = 0; i < agent->cancelled_count; i++)
            if (agent->cancelled[i] == process)
                agent->cancelled[i] = agent->cancelled[--agent->cancelled_count];
        tell_home(engine, agent, CREWI_QUEUE_DROP, process);
    }
}

static void released(struct crewi_engine *engine, struct crewi_handle *handle, uint64_t process)
{
    struct crewi_queue_agent *agent = handle->agent;
    if (!keeps(agent))
        crewi_queue_agent_flush(engine, agent);
    tell_home(engine, agent, CREWI_QUEUE_RELEASED, process);
}

/* Requests of clients */

static bool is_sound(uint8_t op, const struct crewi_message *message)
{
    const struct crewi_queue_head *head = message->data;
    if (op == CREWI_OP_WAIT)
        return message->size == sizeof(uint64_t);
    if (op == CREWI_OP_FORGET_WAITS)
        return message->size == 3 * sizeof(uint64_t);
    if (op < CREWI_QUEUE_PUT || op > CREWI_QUEUE_CANCEL || message->size < HEAD_SIZE)
        return false;
    if (op == CREWI_QUEUE_PUT)
        return head->size == message->size - HEAD_SIZE && head->size <= CREWI_QUEUE_ITEM_LIMIT;
    return message->size == HEAD_SIZE && (op != CREWI_QUEUE_GET || head->count > 0);
}

static void from_client(struct crewi_engine *engine, const struct crewi_message *message)
{
    if (!is_sound(message->op, message)) {
        crewi_engine_refuse_malformed(
            engine, message, "a head of %zu bytes, and an item of the size it says for a put",
            HEAD_SIZE);
        return;
    }
    uint64_t id = *(const uint64_t *)message->data;
    if (closed_request(engine, message, id))
        return;
    struct crewi_handle *handle = crewi_handle_use(engine, message, id);
    if (!handle)
        return;
    switch (message->op) {
    case CREWI_QUEUE_PUT:
        put(engine, handle->agent, message);
        break;
    case CREWI_QUEUE_CLOSE:
        crewi_handle_close(engine, id, message->origin.process);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    case CREWI_QUEUE_JOIN_THREAD:
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "the process has not closed the queue");
        break;
    case CREWI_QUEUE_CANCEL:
        cancel(engine, handle->agent, message);
        break;
    default:
        crewi_handle_pass_on(engine, id, *message->frame, crewi_queue_home_request);
        *message->frame = NULL;
    }
}

/* Notes of engines */

void crewi_queue_behind_children(struct crewi_engine *engine, uint8_t op,
                                 const struct crewi_queue_note *note)
{
    if (engine->host_ops && engine->host_ops->drain)
        engine->host_ops->drain(engine->host);
    crewi_queue_agent_tell(engine, op, engine->rank, note);
}

void crewi_queue_agent_unfreeze(struct crewi_engine *engine, struct crewi_queue_agent *agent)
{
    struct crewi_queue_note note = {.id = agent->id, .number = agent->late_flush};
    struct crewi_frame *item;
    if (!agent->frozen || --agent->frozen)
        return;
    while ((item = crewi_queue_items_pop(&agent->late)))
        hold_or_pass(engine, agent, item);
    crewi_queue_agent_settle_later(engine, agent); /* without memory for it, it is still here */
    if (!agent->late_flush)
        return;
    agent->late_flush = 0;
    crewi_queue_agent_flushed(engine, agent, &note);
}

void crewi_queue_agent_flushed(struct crewi_engine *engine, struct crewi_queue_agent *agent,
                               const struct crewi_queue_note *note)
{
    struct crewi_queue_note answer = {.id = note->id, .number = note->number, .rank = engine->rank};
    if (agent && (note->flags & CREWI_QUEUE_FREEZE)) {
        agent->frozen++;
    } else if (agent && agent->frozen) {
        agent->late_flush = note->number;
        return;
    } else if (agent) {
        crewi_queue_agent_flush(engine, agent);
    }
    crewi_queue_agent_tell(engine, CREWI_QUEUE_FLUSHED, crewi_id_home(note->id), &answer);
}

static void hear_flush_now(struct crewi_engine *engine, const struct crewi_queue_note *note)
{
    struct crewi_queue_agent *agent = crewi_queue_agent_find(engine, note->id);
    if (agent && (note->flags & CREWI_QUEUE_PASS))
        agent->passing = true;
    crewi_queue_agent_flushed(engine, agent, note);
}

/* The reply of a get with handles in it: its process has them now, if it is still there. */
static void hear_handover(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_frame *frame = *message->frame;
    struct crewi_queue_head *head = crewi_queue_head_of(frame);
    uint32_t count = head->share_count;
    const struct crewi_share *shares =
        (const void *)(frame->payload + frame->header.size - count * sizeof *shares);
    *message->frame = NULL;
    if (crewi_engine_is_there(engine, &message->origin))
        crewi_shares_hand_over(engine, message->origin.process, shares, count);
    else
        crewi_shares_drop(engine, shares, count);
    head->share_count = 0;
    frame->header.size -= count * sizeof *shares;
    frame->header.type = CREWI_REPLY;
    frame->header.target_rank = engine->rank;
    crewi_engine_send(engine, frame);
}

static void from_engine(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_queue_note *note = message->data;
    switch (message->op) {
    case CREWI_QUEUE_HANDOVER:
        hear_handover(engine, message);
        break;
    case CREWI_QUEUE_FLUSH:
        crewi_queue_behind_children(engine, CREWI_QUEUE_FLUSH_NOW, note);
        break;
    case CREWI_QUEUE_FLUSH_NOW:
        hear_flush_now(engine, note);
        break;
    case CREWI_QUEUE_ANNOUNCE:
        crewi_queue_gather_announce(engine, note);
        break;
    case CREWI_QUEUE_BEGIN:
        crewi_queue_behind_children(engine, CREWI_QUEUE_JOIN_IN, note);
        break;
    case CREWI_QUEUE_JOIN_IN:
        crewi_queue_gather_join(engine, note);
        break;
    case CREWI_QUEUE_GATHERED:
        crewi_queue_gather_done(engine, message);
        break;
    default:
        crewi_queue_home_note(engine, message);
    }
}

/* A client's request, as its agent passes it on: an item may have shares behind it by then. */
static bool is_sound_at_home(const struct crewi_message *message)
{
    uint8_t op = message->op - CREWI_ENGINE_OPS;
    const struct crewi_queue_head *head = message->data;
    if (op > CREWI_QUEUE_GATHER && op != CREWI_OP_WAIT && op != CREWI_OP_FORGET_WAITS)
        return false;
    if (op != CREWI_QUEUE_PUT || message->size < HEAD_SIZE || !head->share_count)
        return is_sound(op, message);
    return head->size <= CREWI_QUEUE_ITEM_LIMIT &&
           message->size == HEAD_SIZE + crewi_queue_pad(head->size) +
                                head->share_count * sizeof(struct crewi_share);
}

/* Whether a message of an engine has what its operation says, about a queue. */
static bool can_be(const struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_queue_head *head = message->data;
    const struct crewi_queue_note *note = message->data;
    if (message->size < sizeof head->id || crewi_id_kind(head->id) != CREWI_KIND_QUEUE)
        return false;
    if (message->op < CREWI_QUEUE_BATCH)
        return is_sound_at_home(message);
    if (message->op == CREWI_QUEUE_BATCH || message->op == CREWI_QUEUE_GATHERED)
        return message->size >= HEAD_SIZE;
    if (message->op != CREWI_QUEUE_HANDOVER)
        return message->size == sizeof *note && note->rank < engine->rank_count;
    return message->size >= HEAD_SIZE && message->size % sizeof(struct crewi_share) == 0 &&
           head->share_count <= (message->size - HEAD_SIZE) / sizeof(struct crewi_share);
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (message->op >= CREWI_ENGINE_OPS && !can_be(engine, message))
        crewi_engine_refuse_malformed(
            engine, message,
            "a head of %zu bytes and as many shares as it says, or a note of a rank", HEAD_SIZE);
    else if (object)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "queues are asked through the own rank");
    else if (message->op >= CREWI_QUEUE_BATCH)
        from_engine(engine, message);
    else if (message->op >= CREWI_ENGINE_OPS)
        crewi_queue_home_request(engine, message, message->op - CREWI_ENGINE_OPS);
    else if (message->op == CREWI_QUEUE_CREATE)
        crewi_queue_create(engine, message);
    else
        from_client(engine, message);
}

/* Begin and end */

static struct queue_rank *get_rank(struct crewi_engine *engine)
{
    if (!engine->states[CREWI_KIND_QUEUE])
        engine->states[CREWI_KIND_QUEUE] = calloc(1, sizeof(struct queue_rank));
    return rank_of(engine);
}

static void drop_rank(struct crewi_engine *engine)
{
    struct queue_rank *rank = rank_of(engine);
    if (!rank || rank->agents)
        return;
    free(rank);
    engine->states[CREWI_KIND_QUEUE] = NULL;
}

static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    struct crewi_queue_description about;
    struct queue_rank *rank = get_rank(engine);
    struct crewi_queue_agent *agent = rank ? calloc(1, sizeof *agent) : NULL;
    if (!agent || size != sizeof about) {
        free(agent);
        drop_rank(engine);
        return crewi_error_memory();
    }
    memcpy(&about, description, sizeof about);
    agent->id = handle->id;
    agent->unbounded = about.unbounded;
    agent->scattered = about.scattered;
    agent->passing = about.passing;
    crewi_queue_items_init(&agent->hold);
    crewi_queue_items_init(&agent->late);
    agent->next = rank->agents;
    agent->link = &rank->agents;
    if (agent->next)
        agent->next->link = &agent->next;
    rank->agents = agent;
    handle->agent = agent;
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct queue_rank *rank = rank_of(engine);
    struct crewi_queue_agent *agent = handle->agent, **link;
    *agent->link = agent->next;
    if (agent->next)
        agent->next->link = agent->link;
    for (link = &rank->due; agent->is_due && *link != agent;)
        link = &(*link)->next_due;
    if (agent->is_due)
        *link = agent->next_due;
    crewi_queue_items_drop(engine, &agent->hold, 0);
    crewi_queue_items_drop(engine, &agent->late, 0);
    free(agent->cancelled);
    free(agent);
    drop_rank(engine);
}

const struct crewi_kind crewi_queue_kind = {
    .name = "queue",
    .request = request,
    .client_gone = client_gone,
    .destroy = crewi_queue_destroy,
    .settle = settle,
    .is_shared = true,
    .describe = crewi_queue_describe,
    .attach = attach,
    .detach = detach,
    .released = released,
    .unreferenced = crewi_queue_unreferenced,
};
