/* SPDX-License-Identifier: BSD-3-Clause */
/* Stops. The home has all ranks of a team hold still on a lane, hears how far each has got, and
 * tells all what follows: how many all are to enter, so that every MPI call has its counterparts.
 *
 * A member that has ended has called so many collectives: those are completed by the others as they
 * come, and no later one is. Of a trip of the barrier, the question is whether every rank had
 * entered it before it held still: then it passes; otherwise it is broken for all. */
#include "base/log.h"
#include "team/gang.h"
#include "team/team_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_all(struct crewi_engine *engine, const struct crewi_team *team, uint8_t op,
                     struct crewi_team_note *note, const void *body, size_t size)
{
    note->id = team->shared.object.id;
    for (uint32_t i = 0; i < team->place_count; i++)
        crewi_team_tell(engine, team->places[i].rank, op, note, body, size);
}

static void begin(struct crewi_engine *engine, struct crewi_team *team, enum crewi_team_lane lane)
{
    struct crewi_team_round *round = &team->rounds[lane];
    struct crewi_team_note note = {.lane = (uint8_t)lane, .number = round->asks->note.number};
    note.round = ++round->number;
    round->missing = team->place_count;
    round->least = UINT64_MAX;
    round->most = 0;
    round->count = round->waiting = round->top_waiting = 0;
    tell_all(engine, team, CREWI_TEAM_STOP, &note, round->asks->reason,
             strlen(round->asks->reason));
}

static void add_ask(struct crewi_team_round *round, struct crewi_team_ask *ask)
{
    struct crewi_team_ask **link = &round->asks;
    while (*link)
        link = &(*link)->next;
    *link = ask;
}

void crewi_team_ask(struct crewi_engine *engine, struct crewi_team *team,
                    const struct crewi_team_note *note, const char *reason)
{
    struct crewi_team_round *round = &team->rounds[note->lane];
    bool first = !round->asks;
    if (note->lane == CREWI_TEAM_COLLECTIVES && note->number >= team->limit)
        return;
    struct crewi_team_ask *ask = calloc(1, sizeof *ask);
    if (!ask) {
        crewi_engine_refuse(engine, &note->origin, CREW_ENOMEM, "out of memory");
        crewi_log(CREWI_LOG_ERROR, "no memory to stop a team: %s", reason);
        return;
    }
    ask->note = *note;
    snprintf(ask->reason, sizeof ask->reason, "%s", reason);
    add_ask(round, ask);
    if (note->lane == CREWI_TEAM_COLLECTIVES)
        team->limit = note->number;
    if (note->cause == CREWI_TEAM_LOST)
        team->barrier_lost = true;
    if (first)
        begin(engine, team, note->lane);
}

/* What a rank has entered from the limit on. Of those with counts, the widest piece counts. */
static void take_whats(struct crewi_team_round *round, const struct crewi_team_note *note,
                       const struct crewi_team_what *whats)
{
    if (note->count > round->count) {
        struct crewi_team_what *grown = realloc(round->whats, note->count * sizeof *grown);
        if (!grown) {
            crewi_log(CREWI_LOG_ERROR, "no memory to break a team: collectives of it may hang");
            return;
        }
        memcpy(grown + round->count, whats + round->count,
               (note->count - round->count) * sizeof *grown);
        round->whats = grown;
        round->count = note->count;
    }
    for (uint32_t i = 0; i < note->count; i++)
        if (whats[i].widest > round->whats[i].widest)
            round->whats[i].widest = whats[i].widest;
}

static void judge_collectives(struct crewi_engine *engine, const struct crewi_team *team,
                              const struct crewi_team_round *round, uint64_t limit)
{
    struct crewi_team_note note = {
        .number = limit, .until = limit + round->count, .count = round->count};
    tell_all(engine, team, CREWI_TEAM_VERDICT, &note, round->whats,
             round->count * sizeof *round->whats);
}

static bool breaks(const struct crewi_team_ask *ask, const struct crewi_team_round *round)
{
    return ask->note.cause == CREWI_TEAM_ABORTED || ask->note.cause == CREWI_TEAM_LOST ||
           (ask->note.cause == CREWI_TEAM_TIMEOUT && ask->note.number >= round->least);
}

static void judge_barrier(struct crewi_engine *engine, struct crewi_team *team,
                          const struct crewi_team_round *round, const struct crewi_team_ask *ask)
{
    struct crewi_team_note note = {
        .lane = CREWI_TEAM_BARRIER, .cause = ask->note.cause, .number = round->least};
    bool clears = ask->note.cause == CREWI_TEAM_CLEARED && !team->barrier_lost;
    bool now = breaks(ask, round) && (!team->barrier_broken || ask->note.cause == CREWI_TEAM_LOST);
    if (now) {
        team->barrier_broken = true;
        snprintf(team->barrier_reason, sizeof team->barrier_reason, "%s", ask->reason);
    }
    if (clears)
        team->barrier_broken = false;
    note.until = now || clears ? round->most : 0;
    note.broken = team->barrier_broken;
    const char *reason = clears ? "" : team->barrier_reason;
    tell_all(engine, team, CREWI_TEAM_VERDICT, &note, reason, strlen(reason));
}

/* To who asked for it. */
static void answer(struct crewi_engine *engine, const struct crewi_team *team,
                   const struct crewi_team_round *round, const struct crewi_team_ask *ask)
{
    struct crewi_team_state state = {
        .parties = team->spec.size, .waiting = round->waiting, .broken = team->barrier_broken};
    if (round->most > round->least)
        state.waiting += round->top_waiting;
    if (ask->note.cause == CREWI_TEAM_LOOK)
        crewi_engine_reply(engine, &ask->note.origin, &state, sizeof state);
    else if (ask->note.cause == CREWI_TEAM_CLEARED && team->barrier_broken)
        crewi_engine_refuse(engine, &ask->note.origin, CREW_EBROKEN,
                            "the barrier cannot be reset: %s", team->barrier_reason);
    else
        crewi_engine_reply(engine, &ask->note.origin, NULL, 0);
}

static void conclude(struct crewi_engine *engine, struct crewi_team *team,
                     enum crewi_team_lane lane)
{
    struct crewi_team_round *round = &team->rounds[lane];
    struct crewi_team_ask *ask = round->asks;
    if (lane == CREWI_TEAM_COLLECTIVES)
        judge_collectives(engine, team, round, ask->note.number);
    else
        judge_barrier(engine, team, round, ask);
    answer(engine, team, round, ask);
    round->asks = ask->next;
    free(ask);
    if (round->asks)
        begin(engine, team, lane);
}

static void count_waiting(struct crewi_team_round *round, const struct crewi_team_note *note)
{
    if (!note->on_way)
        round->waiting += note->waiting;
    else if (note->number > round->most)
        round->top_waiting = note->waiting;
    else if (note->number == round->most)
        round->top_waiting += note->waiting;
}

void crewi_team_stopped(struct crewi_engine *engine, struct crewi_team *team,
                        const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    struct crewi_team_round *round = &team->rounds[note->lane];
    if (note->round != round->number || !round->missing)
        return;
    count_waiting(round, note);
    take_whats(round, note, (const void *)(note + 1));
    if (note->number < round->least)
        round->least = note->number;
    if (note->number > round->most)
        round->most = note->number;
    if (--round->missing == 0)
        conclude(engine, team, note->lane);
}

bool crewi_team_is_calm(const struct crewi_team *team)
{
    return !team->rounds[CREWI_TEAM_COLLECTIVES].asks && !team->rounds[CREWI_TEAM_BARRIER].asks;
}

void crewi_team_drop_rounds(struct crewi_team *team)
{
    for (int lane = 0; lane < CREWI_TEAM_LANES; lane++) {
        struct crewi_team_round *round = &team->rounds[lane];
        for (struct crewi_team_ask *ask; (ask = round->asks);) {
            round->asks = ask->next;
            free(ask);
        }
        free(round->whats);
    }
}
