/* SPDX-License-Identifier: BSD-3-Clause */
/* The home of a queue: flush rounds, what waits for them, and the round before a gather. */
#include "channel/queue_home.h"

#include "base/error.h"

#include <string.h>

static void tell(struct crewi_engine *engine, const struct crewi_queue *queue, uint8_t op,
                 uint32_t rank, struct crewi_queue_note note)
{
    note.id = queue->shared.object.id;
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_QUEUE, .op = op, .rank = rank, .head = &note, .head_size = sizeof note};
    crewi_engine_must_tell(engine, &out);
}

/* Rounds */

static void begin_round(struct crewi_engine *engine, struct crewi_queue *queue, uint32_t flags)
{
    struct crewi_queue_note note = {.number = ++queue->round, .rank = engine->rank, .flags = flags};
    for (uint32_t rank = 0; rank < engine->rank_count; rank++) {
        if (!(queue->shared.attached[rank / 64] >> (rank % 64) & 1))
            continue;
        queue->round_missing++;
        tell(engine, queue, CREWI_QUEUE_FLUSH, rank, note);
    }
}

/* A gather has to wait for the round that is under way, and what is asked meanwhile for the
 * gather. */
static void begin_next(struct crewi_engine *engine, struct crewi_queue *queue)
{
    if (queue->round_missing || queue->gathering)
        return;
    if (queue->round_wanted) {
        queue->round_wanted = false;
        begin_round(engine, queue, queue->passing ? CREWI_QUEUE_PASS : 0);
    } else if (queue->gathers.first) {
        queue->gathering = true;
        begin_round(engine, queue, CREWI_QUEUE_FREEZE);
    }
}

static void want_round(struct crewi_engine *engine, struct crewi_queue *queue)
{
    queue->round_wanted = true;
    begin_next(engine, queue);
}

/* The next one is not a gather's, which would not bring what is held: one that is wanted comes
 * first. */
void crewi_queue_ask_round(struct crewi_engine *engine, struct crewi_queue *queue,
                           struct crewi_queue_waiter *waiter)
{
    waiter->round = queue->round + 1;
    want_round(engine, queue);
}

void crewi_queue_pass(struct crewi_engine *engine, struct crewi_queue *queue)
{
    if (!queue->scattered || queue->passing)
        return;
    queue->passing = true;
    want_round(engine, queue);
}

/* What is said after a round */

static void reply_state(struct crewi_engine *engine, const struct crewi_queue *queue,
                        const struct crewi_origin *origin)
{
    struct crewi_queue_state state = {.count = queue->items.count,
                                      .is_full = crewi_queue_is_full(queue),
                                      .is_unbounded = queue->max_items == 0};
    crewi_engine_reply(engine, origin, &state, sizeof state);
}

static void say_done(struct crewi_engine *engine, struct crewi_queue *queue,
                     const struct crewi_origin *origin)
{
    if (!queue->unfinished) {
        crewi_engine_refuse(engine, origin, CREW_ESTATE,
                            "queue \"%s\": task_done more often than items were put", queue->name);
        return;
    }
    crewi_engine_reply(engine, origin, NULL, 0);
    crewi_queue_finished(engine, queue, 1);
}

static void refuse_late(struct crewi_engine *engine, const struct crewi_queue *queue,
                        const struct crewi_origin *origin)
{
    crewi_engine_refuse(engine, origin, CREW_ETIMEDOUT,
                        "queue \"%s\": %llu items are not done within the time limit", queue->name,
                        (unsigned long long)queue->unfinished);
}

/* True when the waiter has its answer. */
static bool answer_join(struct crewi_engine *engine, const struct crewi_queue *queue,
                        const struct crewi_queue_waiter *waiter)
{
    if (!queue->unfinished)
        crewi_engine_reply(engine, &waiter->origin, NULL, 0);
    else if (waiter->expired)
        refuse_late(engine, queue, &waiter->origin);
    else
        return false;
    return true;
}

/* All ranks have been heard since it asked. */
static void answer(struct crewi_engine *engine, struct crewi_queue_waiter *waiter)
{
    struct crewi_queue *queue = waiter->queue;
    struct crewi_origin origin = waiter->origin;
    waiter->round = 0;
    if (waiter->op == CREWI_QUEUE_JOIN && !answer_join(engine, queue, waiter))
        return;
    uint8_t op = waiter->op;
    crewi_queue_unpark(engine, waiter);
    if (op == CREWI_QUEUE_GET)
        crewi_engine_refuse(engine, &origin, CREW_EEMPTY, "queue \"%s\" is empty", queue->name);
    else if (op == CREWI_QUEUE_SIZE)
        reply_state(engine, queue, &origin);
    else if (op == CREWI_QUEUE_TASK_DONE)
        say_done(engine, queue, &origin);
    else if (op == CREWI_OP_WAIT)
        crewi_engine_reply(engine, &origin, NULL, 0);
}

static void answer_list(struct crewi_engine *engine, struct crewi_queue_waiters *list,
                        uint64_t round)
{
    for (struct crewi_queue_waiter *waiter = list->first, *next; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->round && waiter->round <= round)
            answer(engine, waiter);
    }
}

static void announce(struct crewi_engine *engine, struct crewi_queue *queue)
{
    struct crewi_queue_waiter *waiter = queue->gathers.first;
    if (!waiter) { /* it has ended meanwhile, but the ranks hold still: the items come back */
        tell(engine, queue, CREWI_QUEUE_ANNOUNCE, 0,
             (struct crewi_queue_note){.rank = engine->rank});
        return;
    }
    struct crewi_queue_note note = {.rank = waiter->origin.rank,
                                    .flags = waiter->origin.slot,
                                    .process = waiter->origin.process,
                                    .number = waiter->origin.request};
    crewi_queue_unpark(engine, waiter);
    tell(engine, queue, CREWI_QUEUE_ANNOUNCE, 0, note);
}

/* All that the ranks send from now on is later than what they hold, which the gather brings. */
static void set_aside(struct crewi_engine *engine, struct crewi_queue *queue)
{
    crewi_queue_items_move(&queue->items, &queue->leaving);
    crewi_queue_serve(engine, queue);
}

void crewi_queue_hear_flushed(struct crewi_engine *engine, struct crewi_queue *queue,
                              uint64_t number)
{
    if (number != queue->round || !queue->round_missing || --queue->round_missing)
        return;
    if (queue->gathering) {
        announce(engine, queue);
        set_aside(engine, queue);
        return;
    }
    answer_list(engine, &queue->gets, number);
    answer_list(engine, &queue->others, number);
    begin_next(engine, queue);
}

/* Requests */

void crewi_queue_expire(struct crewi_engine *engine, struct crewi_timer *timer)
{
    struct crewi_queue_waiter *waiter = (struct crewi_queue_waiter *)timer;
    struct crewi_queue *queue = waiter->queue;
    if (waiter->op == CREWI_QUEUE_PUT) {
        crewi_engine_refuse(engine, &waiter->origin, CREW_EFULL, "queue \"%s\" is full",
                            queue->name);
        crewi_queue_unpark(engine, waiter);
        crewi_queue_serve(engine, queue);
    } else if (waiter->op == CREWI_QUEUE_JOIN && !waiter->round) {
        refuse_late(engine, queue, &waiter->origin);
        crewi_queue_unpark(engine, waiter);
    } else {
        waiter->expired = true;
        if (!waiter->round)
            crewi_queue_ask_round(engine, queue, waiter);
    }
}

void crewi_queue_wake(struct crewi_engine *engine, struct crewi_queue *queue)
{
    static const unsigned char ready = 1;
    for (struct crewi_queue_waiter *waiter = queue->others.first, *next; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->op != CREWI_OP_WAIT)
            continue;
        crewi_engine_reply(engine, &waiter->origin, &ready, sizeof ready);
        crewi_queue_unpark(engine, waiter);
    }
}

/* What was put elsewhere before a join is not done, either. */
void crewi_queue_finished(struct crewi_engine *engine, struct crewi_queue *queue, uint64_t count)
{
    queue->unfinished -= count < queue->unfinished ? count : queue->unfinished;
    if (queue->unfinished)
        return;
    for (struct crewi_queue_waiter *waiter = queue->others.first; waiter; waiter = waiter->next)
        if (waiter->op == CREWI_QUEUE_JOIN && !waiter->round)
            crewi_queue_ask_round(engine, queue, waiter);
}

void crewi_queue_size(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_message *message)
{
    struct crewi_queue_waiter *waiter =
        crewi_queue_park(engine, queue, &queue->others, message, CREWI_QUEUE_SIZE);
    if (waiter)
        crewi_queue_ask_round(engine, queue, waiter);
}

void crewi_queue_task_done(struct crewi_engine *engine, struct crewi_queue *queue,
                           const struct crewi_message *message)
{
    if (queue->unfinished) {
        say_done(engine, queue, &message->origin);
        return;
    }
    struct crewi_queue_waiter *waiter =
        crewi_queue_park(engine, queue, &queue->others, message, CREWI_QUEUE_TASK_DONE);
    if (waiter)
        crewi_queue_ask_round(engine, queue, waiter);
}

void crewi_queue_join(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_message *message)
{
    if (queue->unfinished && message->timeout_ns <= 0) {
        refuse_late(engine, queue, &message->origin);
        return;
    }
    struct crewi_queue_waiter *waiter =
        crewi_queue_park(engine, queue, &queue->others, message, CREWI_QUEUE_JOIN);
    if (!waiter)
        return;
    waiter->expired = message->timeout_ns <= 0;
    if (!queue->unfinished)
        crewi_queue_ask_round(engine, queue, waiter);
}

void crewi_queue_wait(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_message *message)
{
    static const unsigned char ready = 1;
    if (queue->items.count) {
        crewi_engine_reply(engine, &message->origin, &ready, sizeof ready);
        return;
    }
    struct crewi_queue_waiter *waiter =
        crewi_queue_park(engine, queue, &queue->others, message, CREWI_OP_WAIT);
    if (!waiter)
        return;
    if (message->timeout_ns > 0)
        crewi_queue_pass(engine, queue);
    else
        crewi_queue_ask_round(engine, queue, waiter);
}

void crewi_queue_forget_waits(struct crewi_engine *engine, struct crewi_queue *queue,
                              const struct crewi_message *message)
{
    uint64_t range[2];
    memcpy(range, (const char *)message->data + sizeof(uint64_t), sizeof range);
    for (struct crewi_queue_waiter *waiter = queue->others.first, *next; waiter; waiter = next) {
        const struct crewi_origin *origin = &waiter->origin;
        next = waiter->next;
        if (waiter->op == CREWI_OP_WAIT && origin->process == message->origin.process &&
            origin->request >= range[0] && origin->request <= range[1])
            crewi_queue_unpark(engine, waiter);
    }
}

/* Gathers */

void crewi_queue_gather(struct crewi_engine *engine, struct crewi_queue *queue,
                        const struct crewi_message *message)
{
    if (crewi_queue_park(engine, queue, &queue->gathers, message, CREWI_QUEUE_GATHER))
        begin_next(engine, queue);
}

void crewi_queue_gathered(struct crewi_engine *engine, struct crewi_queue *queue)
{
    if (queue->leaving.count) { /* there was no memory to send them: they are the oldest again */
        crewi_queue_items_move(&queue->items, &queue->leaving);
        crewi_queue_items_move(&queue->leaving, &queue->items);
    }
    crewi_queue_serve(engine, queue);
}

void crewi_queue_counted(struct crewi_engine *engine, struct crewi_queue *queue, uint64_t count)
{
    if (!queue->gathering)
        return;
    queue->gathering = false;
    queue->unfinished += count;
    begin_next(engine, queue);
}
