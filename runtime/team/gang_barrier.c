/* SPDX-License-Identifier: BSD-3-Clause */
/* The barrier of a gang. A trip is an MPI_Ibarrier of the ranks, entered when all members of a rank
 * wait. What ends a trip otherwise is decided by the home, with all ranks held still: see
 * team_round.c. */
#include "team/gang.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static struct crewi_lane *lane_of(struct crewi_gang *gang)
{
    return &gang->lanes[CREWI_TEAM_BARRIER];
}

bool crewi_gang_is_on_way(const struct crewi_gang *gang)
{
    return gang->steps[CREWI_TEAM_BARRIER] == CREWI_LANE_OWN &&
           (gang->lanes[CREWI_TEAM_BARRIER].under_way || gang->held);
}

void crewi_gang_ask_barrier(struct crewi_engine *engine, struct crewi_gang *gang,
                            enum crewi_team_cause cause, const struct crewi_origin *origin,
                            const char *reason)
{
    struct crewi_team_note note = crewi_gang_note(gang, CREWI_TEAM_BARRIER);
    note.cause = (uint8_t)cause;
    note.number = lane_of(gang)->entered - crewi_gang_is_on_way(gang);
    if (origin)
        note.origin = *origin;
    crewi_team_tell(engine, crewi_gang_home(gang), CREWI_TEAM_ASK, &note, reason, strlen(reason));
}

void crewi_gang_release(struct crewi_engine *engine, struct crewi_gang_member *member)
{
    crewi_timer_cancel(&engine->timers, &member->patience);
    member->gang->waiting -= member->waits;
    member->waits = false;
}

static void lose_patience(struct crewi_engine *engine, struct crewi_timer *timer)
{
    const struct crewi_gang_member *member = (struct crewi_gang_member *)timer;
    struct crewi_gang *gang = member->gang;
    char reason[96];
    snprintf(reason, sizeof reason, "member %u on rank %u did not wait any longer",
             crewi_layout_first(&gang->layout) + (uint32_t)(member - gang->members), engine->rank);
    crewi_gang_ask_barrier(engine, gang, CREWI_TEAM_TIMEOUT, NULL, reason);
}

static void refuse_broken(struct crewi_engine *engine, const struct crewi_gang *gang,
                          const struct crewi_origin *origin)
{
    crewi_engine_refuse(engine, origin, CREW_EBROKEN, "the barrier is broken: %s",
                        gang->barrier_reason);
}

void crewi_gang_wait(struct crewi_engine *engine, struct crewi_gang *gang,
                     struct crewi_gang_member *member, const struct crewi_message *message)
{
    if (gang->barrier_broken) {
        refuse_broken(engine, gang, &message->origin);
        return;
    }
    if (member->waits) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "another thread of this member waits at the barrier");
        return;
    }
    member->waits = true;
    member->waiter = message->origin;
    gang->waiting++;
    crewi_gang_go_on(engine, gang, CREWI_TEAM_BARRIER);
    if (!member->waits)
        return;
    member->patience.fire = lose_patience;
    if (crewi_timer_set(&engine->timers, &member->patience,
                        crewi_deadline_ns(engine->now_ns, message->timeout_ns))) {
        crewi_gang_release(engine, member);
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
    }
}

static void answer_all(struct crewi_engine *engine, struct crewi_gang *gang, bool broken)
{
    for (uint32_t i = 0; i < crewi_gang_count(gang); i++) {
        struct crewi_gang_member *member = &gang->members[i];
        if (!member->waits)
            continue;
        crewi_gang_release(engine, member);
        if (broken)
            refuse_broken(engine, gang, &member->waiter);
        else
            crewi_engine_reply(engine, &member->waiter, NULL, 0);
    }
}

void crewi_gang_tripped(struct crewi_engine *engine, struct crewi_gang *gang)
{
    if (gang->steps[CREWI_TEAM_BARRIER] != CREWI_LANE_OWN)
        return;
    gang->held = gang->frozen;
    if (!gang->held)
        answer_all(engine, gang, false);
}

void crewi_gang_freeze(struct crewi_gang *gang)
{
    gang->frozen = true;
}

/* Trips before note->number have been entered by all ranks on their own. Of a later one, those who
 * wait are sent away, though MPI may still be at it: the ranks that are missing enter it now. */
void crewi_gang_judge(struct crewi_engine *engine, struct crewi_gang *gang,
                      const struct crewi_team_note *note)
{
    struct crewi_lane *lane = lane_of(gang);
    bool passes = crewi_gang_is_on_way(gang) && lane->entered <= note->number;
    bool sends_away = note->broken || note->cause == CREWI_TEAM_CLEARED;
    gang->frozen = false;
    if (gang->held && passes)
        answer_all(engine, gang, false);
    gang->held = false;
    if (sends_away && !(passes && lane->under_way)) {
        answer_all(engine, gang, true);
        gang->steps[CREWI_TEAM_BARRIER] = CREWI_LANE_FILL; /* nobody waits for it */
    }
    gang->barrier_broken = note->broken;
    if (note->until)
        crewi_lane_fill(lane, lane->entered, note->until, NULL, 0);
}
