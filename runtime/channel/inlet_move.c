/* SPDX-License-Identifier: BSD-3-Clause */
/* How a stream comes to the rank of whoever receives from it. */
#include "channel/pipe_agent.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static void tell(struct crewi_engine *engine, const struct crewi_pipe_agent *agent, uint8_t op,
                 uint32_t rank)
{
    struct crewi_pipe_note note = {.end = agent->end, .rank = engine->rank};
    crewi_pipe_tell(engine, op, rank, &note);
}

static void ask_home(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    if (agent->inlet.fetching)
        return;
    agent->inlet.fetching = true;
    struct crewi_pipe_note note = {
        .end = agent->end, .value = ++agent->inlet.fetches, .rank = engine->rank};
    crewi_pipe_tell(engine, CREWI_PIPE_FETCH, crewi_id_home(agent->end), &note);
}

/* Its timeout is a deadline meanwhile. */
void crewi_inlet_fetch(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       const struct crewi_message *message)
{
    struct crewi_frame *frame = crewi_pipe_take_frame(message);
    frame->header.timeout_ns =
        crewi_deadline_ns(engine->now_ns, message->timeout_ns < 0 ? 0 : message->timeout_ns);
    crewi_frames_push(&agent->inlet.pending, frame);
    if (agent->inlet.place == CREWI_INLET_ELSEWHERE)
        ask_home(engine, agent);
}

/* They come once more, to be served or parked. */
static void run_pending(struct crewi_engine *engine, struct crewi_inlet *inlet)
{
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(&inlet->pending))) {
        if (frame->header.timeout_ns != CREWI_FOREVER)
            frame->header.timeout_ns -= engine->now_ns;
        crewi_engine_accept(engine, frame);
    }
}

/* Away */

static uint32_t count_items(const struct crewi_inlet *inlet)
{
    uint32_t count = 0;
    for (const struct crewi_frame *frame = inlet->items.first; frame; frame = frame->next)
        count++;
    return count;
}

static crew_status send_state(struct crewi_engine *engine, const struct crewi_pipe_agent *agent,
                              uint32_t rank)
{
    const struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_pipe_state state = {.end = agent->end,
                                     .taken = inlet->taken,
                                     .end_at = inlet->end_at,
                                     .source_count = inlet->source_count,
                                     .item_count = count_items(inlet)};
    struct crewi_pipe_source_state *sources = calloc(inlet->source_count + 1, sizeof *sources);
    if (!sources)
        return crewi_error_memory();
    for (uint32_t i = 0; i < inlet->source_count; i++) {
        const struct crewi_source *source = &inlet->sources[i];
        sources[i] = (struct crewi_pipe_source_state){.next = source->next,
                                                      .owed = source->owed,
                                                      .rank = source->rank,
                                                      .hurry = source->hurry};
    }
    struct crewi_outgoing out = {.kind = CREWI_KIND_PIPE,
                                 .op = CREWI_PIPE_STATE,
                                 .rank = rank,
                                 .head = &state,
                                 .head_size = sizeof state,
                                 .body = sources,
                                 .body_size = inlet->source_count * sizeof *sources};
    crew_status status = crewi_engine_tell(engine, &out);
    free(sources);
    return status;
}

static void send_items(struct crewi_engine *engine, struct crewi_frames *items, uint8_t op,
                       uint32_t rank)
{
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(items))) {
        frame->header.op = op;
        frame->header.target_rank = rank;
        crewi_engine_send(engine, frame);
    }
}

/* Those who send hear of it, and what came too early goes along. */
static void send_sources(struct crewi_engine *engine, struct crewi_pipe_agent *agent, uint32_t rank)
{
    struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_pipe_note note = {.end = agent->other, .rank = rank};
    for (uint32_t i = 0; i < inlet->source_count; i++) {
        crewi_pipe_tell(engine, CREWI_PIPE_MOVED, inlet->sources[i].rank, &note);
        send_items(engine, &inlet->sources[i].early, CREWI_PIPE_ITEM, rank);
    }
    free(inlet->sources);
    inlet->sources = NULL;
    inlet->source_count = 0;
}

void crewi_inlet_try_move(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    struct crewi_inlet *inlet = &agent->inlet;
    bool waited_for = inlet->receives.first || inlet->waits.first;
    if (!inlet->wanted || inlet->place != CREWI_INLET_HERE || (waited_for && !inlet->served))
        return;
    if (send_state(engine, agent, inlet->wanted_by))
        crewi_engine_fatal(engine, "out of memory for the state of a pipe");
    send_items(engine, &inlet->items, CREWI_PIPE_STATE_ITEM, inlet->wanted_by);
    send_sources(engine, agent, inlet->wanted_by);
    inlet->wanted = false;
    inlet->place = CREWI_INLET_ELSEWHERE;
    inlet->next = inlet->wanted_by;
    inlet->held = waited_for; /* they are parked already, and wait for it to come back */
    if (waited_for)
        ask_home(engine, agent);
}

void crewi_inlet_move(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      const struct crewi_pipe_note *move)
{
    struct crewi_inlet *inlet = &agent->inlet;
    if (inlet->place != CREWI_INLET_HERE || move->rank == engine->rank)
        return;
    inlet->wanted = true;
    inlet->wanted_by = move->rank;
    inlet->served = false;
    crewi_inlet_try_move(engine, agent);
    if (!inlet->wanted)
        return;
    crewi_pipe_tell(engine, CREWI_PIPE_HELD, move->rank, move);
    crewi_pipe_tell(engine, CREWI_PIPE_HOLDS, crewi_id_home(agent->end), move);
}

void crewi_inlet_held(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                      const struct crewi_pipe_note *note)
{
    struct crewi_inlet *inlet = &agent->inlet;
    if (inlet->place != CREWI_INLET_ELSEWHERE || !inlet->fetching || note->value != inlet->fetches)
        return;
    inlet->held = true;
    run_pending(engine, inlet);
}

/* Here */

static void arrive(struct crewi_engine *engine, struct crewi_pipe_agent *agent)
{
    struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_frame *frame;
    inlet->place = CREWI_INLET_HERE;
    inlet->fetching = inlet->held = false;
    tell(engine, agent, CREWI_PIPE_ARRIVED, crewi_id_home(agent->end));
    while ((frame = crewi_frames_pop(&inlet->early)))
        crewi_engine_accept(engine, frame);
    run_pending(engine, inlet);
    crewi_inlet_serve(engine, agent);
}

void crewi_inlet_state(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                       const struct crewi_message *message)
{
    struct crewi_inlet *inlet = &agent->inlet;
    struct crewi_pipe_state state;
    memcpy(&state, message->data, sizeof state);
    const struct crewi_pipe_source_state *sources =
        (const void *)((const char *)message->data + sizeof state);
    if (inlet->place != CREWI_INLET_ELSEWHERE ||
        message->size != sizeof state + state.source_count * sizeof *sources)
        return;
    for (uint32_t i = 0; i < state.source_count; i++) {
        if (sources[i].rank >= engine->rank_count)
            continue;
        struct crewi_source *source = crewi_inlet_source(inlet, sources[i].rank);
        if (!source)
            crewi_engine_fatal(engine, "out of memory for the state of a pipe");
        source->next = sources[i].next;
        source->owed = sources[i].owed;
        source->hurry = sources[i].hurry;
    }
    inlet->taken = state.taken;
    inlet->end_at = state.end_at;
    inlet->missing = state.item_count;
    inlet->place = CREWI_INLET_COMING;
    if (!inlet->missing)
        arrive(engine, agent);
}

void crewi_inlet_state_item(struct crewi_engine *engine, struct crewi_pipe_agent *agent,
                            struct crewi_frame *frame)
{
    struct crewi_inlet *inlet = &agent->inlet;
    if (inlet->place != CREWI_INLET_COMING ||
        crewi_pipe_item_of(frame)->what == CREWI_PIPE_RECALL) {
        crewi_pipe_item_drop(engine, frame);
        return;
    }
    crewi_frames_push(&inlet->items, frame);
    if (--inlet->missing == 0)
        arrive(engine, agent);
}
