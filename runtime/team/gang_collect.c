/* SPDX-License-Identifier: BSD-3-Clause */
/* The collectives of a gang: members come with what they bring, the last one starts it. */
#include "team/gang.h"

#include <string.h>

static void refuse_broken(struct crewi_engine *engine, const struct crewi_gang *gang,
                          const struct crewi_origin *origin)
{
    crewi_engine_refuse(engine, origin, CREW_EBROKEN, "%s", gang->reason);
}

static uint32_t number_of(const struct crewi_gang *gang, const struct crewi_gang_member *member)
{
    return crewi_layout_first(&gang->layout) + (uint32_t)(member - gang->members);
}

void crewi_gang_ask_break(struct crewi_engine *engine, struct crewi_gang *gang)
{
    struct crewi_team_note note = crewi_gang_note(gang, CREWI_TEAM_COLLECTIVES);
    const char *reason = crew_error_message();
    note.cause = CREWI_TEAM_BREAK;
    note.number = crewi_lane_current(&gang->lanes[CREWI_TEAM_COLLECTIVES]);
    crewi_lane_stop(&gang->lanes[CREWI_TEAM_COLLECTIVES], note.number);
    crewi_team_tell(engine, crewi_gang_home(gang), CREWI_TEAM_ASK, &note, reason, strlen(reason));
}

/* Any that has come before it, to compare with. */
static const struct crewi_gang_member *find_other(const struct crewi_gang *gang,
                                                  const struct crewi_gang_member *member)
{
    for (uint32_t i = 0; i < crewi_gang_count(gang); i++)
        if (gang->members[i].frame && &gang->members[i] != member)
            return &gang->members[i];
    return NULL;
}

static const char *word(uint8_t kind)
{
    static const char *const words[] = {"",        "bcast",     "scatter", "scatterv",  "gather",
                                        "gatherv", "allgather", "reduce",  "allreduce", "alltoall"};
    return words[kind];
}

static bool fits_others(struct crewi_engine *engine, struct crewi_gang *gang,
                        const struct crewi_gang_member *member)
{
    const struct crewi_gang_member *other = find_other(gang, member);
    if (!other)
        return true;
    const struct crewi_team_what *mine = &crewi_team_head_of(member->frame)->what;
    const struct crewi_team_what *theirs = &crewi_team_head_of(other->frame)->what;
    if (crewi_transfer_match(mine, theirs))
        return true;
    crewi_error_word(
        "member %u calls %s and member %u calls %s on rank %u%s", number_of(gang, member),
        word(mine->kind), number_of(gang, other), word(theirs->kind), engine->rank,
        mine->kind == theirs->kind ? ", with another type, operation, root or count" : "");
    return false;
}

/* Only code of the rank itself, and where nobody else's elements have to be put to its own. */
static bool may_be_in_place(const struct crewi_engine *engine, const struct crewi_gang *gang,
                            const struct crewi_message *message)
{
    const struct crewi_team_head *head = message->data;
    if (message->size < sizeof *head || !head->in_place)
        return true;
    return crewi_gang_count(gang) == 1 && crewi_engine_is_local(engine, &message->origin);
}

void crewi_gang_collect(struct crewi_engine *engine, struct crewi_gang *gang,
                        struct crewi_gang_member *member, const struct crewi_message *message)
{
    const struct crewi_lane *lane = &gang->lanes[CREWI_TEAM_COLLECTIVES];
    if (!may_be_in_place(engine, gang, message) ||
        !crewi_transfer_is_sound(&gang->layout, message->data, message->size,
                                 number_of(gang, member))) {
        crewi_engine_refuse_malformed(
            engine, message, "a head and blocks of the sizes that the team's collective needs");
        return;
    }
    if (member->frame) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "another thread of this member is in a collective");
        return;
    }
    if (crewi_lane_is_broken_at(lane, crewi_lane_current(lane)) && *gang->reason) {
        refuse_broken(engine, gang, &message->origin);
        return;
    }
    member->frame = *message->frame;
    *message->frame = NULL;
    gang->arrived++;
    if (fits_others(engine, gang, member))
        crewi_gang_go_on(engine, gang, CREWI_TEAM_COLLECTIVES);
    else
        crewi_gang_ask_break(engine, gang);
}

/* One that lends its memory to MPI has to get it back first. */
void crewi_gang_client_ends(struct crewi_engine *engine, uint64_t process)
{
    struct crewi_gang *gang = engine->states[CREWI_KIND_TEAM];
    for (; gang; gang = gang->next) {
        const struct crewi_gang_member *member = &gang->members[0];
        if (member->process != process || !member->frame)
            continue;
        crewi_error_word("member %u on rank %u was asked to end", number_of(gang, member),
                         engine->rank);
        crewi_gang_ask_break(engine, gang);
    }
}

void crewi_gang_begin(struct crewi_engine *engine, struct crewi_gang *gang)
{
    for (uint32_t i = 0; i < crewi_gang_count(gang); i++)
        gang->frames[i] = gang->members[i].frame;
    if (crewi_transfer_begin(&gang->transfer, &gang->layout, gang->frames)) {
        crewi_gang_ask_break(engine, gang);
        return;
    }
    crewi_lane_enter(&gang->lanes[CREWI_TEAM_COLLECTIVES], &gang->transfer.what);
    if (!crewi_gang_enter(engine, gang, CREWI_TEAM_COLLECTIVES, &gang->transfer.call))
        return;
    crewi_lane_complete(&gang->lanes[CREWI_TEAM_COLLECTIVES]);
    crewi_transfer_alone(&gang->transfer);
    crewi_gang_collected(engine, gang, CREW_OK);
}

static void fill_barrier(struct crewi_engine *engine, struct crewi_gang *gang)
{
    struct crewi_collective call = {.kind = CREWI_COLLECTIVE_BARRIER,
                                    .lane = CREWI_TEAM_COLLECTIVES};
    crewi_gang_enter(engine, gang, CREWI_TEAM_COLLECTIVES, &call);
}

void crewi_gang_fill(struct crewi_engine *engine, struct crewi_gang *gang)
{
    struct crewi_lane *lane = &gang->lanes[CREWI_TEAM_COLLECTIVES];
    struct crewi_team_what what = *crewi_lane_filling(lane);
    if (what.kind != CREWI_TEAM_SYNC &&
        crewi_transfer_begin_filling(&gang->transfer, &gang->layout, &what)) {
        crewi_error_word("no memory for what another rank waits for");
        crewi_transport_abort(engine->transport, 1);
    }
    crewi_lane_enter(lane, &what);
    if (what.kind == CREWI_TEAM_SYNC)
        fill_barrier(engine, gang);
    else
        crewi_gang_enter(engine, gang, CREWI_TEAM_COLLECTIVES, &gang->transfer.call);
}

static void clear_arrivals(struct crewi_gang *gang)
{
    for (uint32_t i = 0; i < crewi_gang_count(gang); i++) {
        crewi_frame_destroy(gang->members[i].frame);
        gang->members[i].frame = NULL;
    }
    gang->arrived = 0;
}

void crewi_gang_refuse(struct crewi_engine *engine, struct crewi_gang *gang)
{
    const struct crewi_lane *lane = &gang->lanes[CREWI_TEAM_COLLECTIVES];
    if (lane->under_way && gang->steps[CREWI_TEAM_COLLECTIVES] == CREWI_LANE_OWN)
        return; /* when MPI lets go of it */
    if (!crewi_lane_is_broken_at(lane, crewi_lane_current(lane)))
        return;
    for (uint32_t i = 0; i < crewi_gang_count(gang); i++)
        if (gang->members[i].frame)
            refuse_broken(engine, gang, &gang->members[i].frame->header.origin);
    clear_arrivals(gang);
}

static void hand_out(struct crewi_engine *engine, struct crewi_gang *gang)
{
    for (uint32_t i = crewi_gang_count(gang); i-- > 0;) {
        const struct crewi_origin *origin = &gang->frames[i]->header.origin;
        struct crewi_frame *reply =
            crewi_transfer_take(&gang->transfer, &gang->layout, gang->frames, i);
        if (reply)
            crewi_engine_reply_frame(engine, origin, reply);
        else
            crewi_engine_refuse(engine, origin, CREW_ENOMEM, "out of memory");
    }
}

void crewi_gang_collected(struct crewi_engine *engine, struct crewi_gang *gang, crew_status status)
{
    const struct crewi_lane *lane = &gang->lanes[CREWI_TEAM_COLLECTIVES];
    bool broken = crewi_lane_is_broken_at(lane, lane->entered - 1);
    for (uint32_t i = 0; i < crewi_gang_count(gang); i++)
        if (broken)
            refuse_broken(engine, gang, &gang->frames[i]->header.origin);
        else if (status)
            crewi_engine_refuse(engine, &gang->frames[i]->header.origin, status,
                                "MPI failed in a collective of a team");
    if (!broken && !status)
        hand_out(engine, gang);
    clear_arrivals(gang);
    crewi_transfer_end(&gang->transfer);
}
