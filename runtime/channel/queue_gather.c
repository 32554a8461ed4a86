/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers: what ranks do, and what comes of it at the root. The home has made them hold still
 * before (queue_round.c), so what a rank holds came after all that its processes have at home. */
#include "channel/queue_agent.h"
#include "channel/queue_home.h"

#include "base/error.h"

#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_queue_head)

void crewi_queue_gather_announce(struct crewi_engine *engine, const struct crewi_queue_note *note)
{
    if (engine->shut_down) /* there is nobody any more who would take part */
        return;
    for (uint32_t rank = 0; rank < engine->rank_count; rank++)
        crewi_queue_agent_tell(engine, CREWI_QUEUE_BEGIN, rank, note);
}

/* What this rank has: the home what it has set aside, others what they hold. Without memory for it,
 * nothing. */
static struct crewi_frame *contribution(struct crewi_engine *engine, struct crewi_queue *queue,
                                        struct crewi_queue_agent *agent, uint64_t head_size)
{
    uint64_t kept = queue ? crewi_queue_packed_size(&queue->leaving) : 0;
    uint64_t held = agent && agent->frozen ? crewi_queue_packed_size(&agent->hold) : 0;
    struct crewi_frame *frame = crewi_frame_create(head_size + kept + held);
    if (!frame)
        return crewi_engine_frame(engine, head_size);
    if (kept)
        crewi_queue_pack(&queue->leaving, engine->rank, frame->payload + head_size);
    if (held)
        crewi_queue_pack(&agent->hold, engine->rank, frame->payload + head_size + kept);
    return frame;
}

static void contribute(struct crewi_engine *engine, const struct crewi_queue_note *note,
                       struct crewi_frame *frame)
{
    frame->header.type = CREWI_REQUEST;
    frame->header.kind = CREWI_KIND_QUEUE;
    frame->header.op = CREWI_QUEUE_GATHERED;
    frame->header.target_rank = note->rank;
    frame->header.origin = (struct crewi_origin){
        .rank = note->rank, .slot = note->flags, .process = note->process, .request = note->number};
    if (note->rank == engine->rank)
        *crewi_queue_head_of(frame) = (struct crewi_queue_head){.id = note->id};
    crew_status status = crewi_transport_gather(engine->transport, note->rank, frame);
    if (status == CREW_ENOTSUP)
        crewi_engine_accept(engine, frame);
    else if (status) /* the other ranks wait for this one */
        crewi_engine_fatal(engine, crew_error_message());
}

void crewi_queue_gather_join(struct crewi_engine *engine, const struct crewi_queue_note *note)
{
    struct crewi_queue_agent *agent = crewi_queue_agent_find(engine, note->id);
    struct crewi_queue *queue = (struct crewi_queue *)crewi_engine_find(engine, note->id);
    struct crewi_frame *frame =
        contribution(engine, queue, agent, note->rank == engine->rank ? HEAD_SIZE : 0);
    contribute(engine, note, frame);
    if (agent)
        crewi_queue_agent_unfreeze(engine, agent);
    if (queue)
        crewi_queue_gathered(engine, queue);
}

/* Counts the items, and gives the process the handles in them. */
static uint32_t hand_over(struct crewi_engine *engine, uint64_t process, const unsigned char *data,
                          uint64_t size)
{
    struct crewi_queue_record record;
    const unsigned char *item;
    uint32_t count = 0;
    for (uint64_t at = 0; crewi_queue_next_record(data, size, &at, &record, &item); count++)
        crewi_shares_hand_over(engine, process, crewi_queue_record_shares(&record, item),
                               record.share_count);
    return count;
}

/* Nobody is there to take them: they go back. */
static void send_back(struct crewi_engine *engine, struct crewi_frame *frame, uint64_t id)
{
    crewi_queue_head_of(frame)->returned = 1;
    frame->header.type = CREWI_NOTE;
    frame->header.op = CREWI_QUEUE_BATCH;
    frame->header.target_rank = crewi_id_home(id);
    crewi_engine_send(engine, frame);
}

void crewi_queue_gather_done(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_frame *frame = *message->frame;
    struct crewi_queue_head *head = crewi_queue_head_of(frame);
    const unsigned char *data = frame->payload + HEAD_SIZE;
    uint64_t size = frame->header.size - HEAD_SIZE;
    uint32_t home = crewi_id_home(head->id);
    *message->frame = NULL;
    struct crewi_queue_note note = {.id = head->id, .rank = engine->rank};
    if (!crewi_engine_is_there(engine, &message->origin)) {
        send_back(engine, frame, head->id); /* they are counted when they are back */
        crewi_queue_agent_tell(engine, CREWI_QUEUE_COUNTED, home, &note);
        return;
    }
    note.number = crewi_queue_count_foreign(data, size, home);
    crewi_queue_agent_tell(engine, CREWI_QUEUE_COUNTED, home, &note);
    head->size = size;
    head->count = hand_over(engine, message->origin.process, data, size);
    crewi_engine_reply_frame(engine, &message->origin, frame);
}
