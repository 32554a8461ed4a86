/* SPDX-License-Identifier: BSD-3-Clause */
#include "team/gang.h"

#include "base/log.h"
#include "team/team_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crewi_gang *crewi_gang_find(const struct crewi_engine *engine, uint64_t id)
{
    struct crewi_gang *gang = engine->states[CREWI_KIND_TEAM];
    while (gang && gang->id != id)
        gang = gang->next;
    return gang;
}

struct crewi_team_note crewi_gang_note(const struct crewi_gang *gang, enum crewi_team_lane lane)
{
    return (struct crewi_team_note){
        .id = gang->id, .place = gang->layout.place, .lane = (uint8_t)lane};
}

void crewi_team_tell(struct crewi_engine *engine, uint32_t rank, uint8_t op,
                     const struct crewi_team_note *note, const void *body, size_t size)
{
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_TEAM,
        .op = op,
        .rank = rank,
        .head = note,
        .head_size = sizeof *note,
        .body = body,
        .body_size = size,
    };
    crewi_engine_must_tell(engine, &out);
}

/* Begin and end */

static void free_gang(struct crewi_engine *engine, struct crewi_gang *gang)
{
    for (uint32_t i = 0; gang->members && i < crewi_gang_count(gang); i++) {
        crewi_timer_cancel(&engine->timers, &gang->members[i].patience);
        crewi_frame_destroy(gang->members[i].frame);
    }
    crewi_transfer_end(&gang->transfer);
    for (int lane = 0; lane < CREWI_TEAM_LANES; lane++)
        crewi_lane_fini(&gang->lanes[lane]);
    free(gang->frames);
    free(gang->members);
    free(gang->places);
    free(gang);
}

void crewi_gangs_fini(struct crewi_engine *engine)
{
    struct crewi_gang *gang = engine->states[CREWI_KIND_TEAM], *next;
    for (; gang; gang = next) {
        next = gang->next;
        free_gang(engine, gang);
    }
    engine->states[CREWI_KIND_TEAM] = NULL;
}

static bool are_even(const struct crewi_team_place *places, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (places[i].count != places[0].count)
            return false;
    return true;
}

static struct crewi_gang *make(const struct crewi_team_gang *about,
                               const struct crewi_team_place *places, uint32_t place)
{
    struct crewi_gang *gang = calloc(1, sizeof *gang);
    if (!gang)
        return NULL;
    gang->id = about->id;
    gang->places = malloc(about->place_count * sizeof *places);
    gang->members = calloc(places[place].count, sizeof *gang->members);
    gang->frames = calloc(places[place].count, sizeof(struct crewi_frame *));
    gang->layout = (struct crewi_layout){.size = about->size,
                                         .place = place,
                                         .place_count = about->place_count,
                                         .is_even = are_even(places, about->place_count),
                                         .places = gang->places};
    if (!gang->places || !gang->members || !gang->frames ||
        crewi_lane_init(&gang->lanes[CREWI_TEAM_COLLECTIVES], true) ||
        crewi_lane_init(&gang->lanes[CREWI_TEAM_BARRIER], false)) {
        crewi_lane_fini(&gang->lanes[CREWI_TEAM_COLLECTIVES]);
        free(gang->frames);
        free(gang->members);
        free(gang->places);
        free(gang);
        return NULL;
    }
    memcpy(gang->places, places, about->place_count * sizeof *places);
    return gang;
}

static crew_status make_group(struct crewi_engine *engine, struct crewi_gang *gang)
{
    uint32_t count = gang->layout.place_count;
    if (count == 1)
        return CREW_OK;
    int *ranks = malloc(count * sizeof *ranks);
    if (!ranks)
        return crewi_error_memory();
    for (uint32_t i = 0; i < count; i++)
        ranks[i] = (int)gang->places[i].rank;
    crew_status status =
        crewi_transport_group_create(engine->transport, ranks, (int)count, &gang->group);
    free(ranks);
    return status;
}

/* Where this rank stands among the places; place_count when it has no members. */
static uint32_t find_place(const struct crewi_engine *engine, const struct crewi_team_gang *about,
                           const struct crewi_team_place *places)
{
    uint32_t place = 0;
    while (place < about->place_count && places[place].rank != engine->rank)
        place++;
    return place;
}

static void begin(struct crewi_engine *engine, const struct crewi_team_gang *about)
{
    const struct crewi_team_place *places = (const void *)(about + 1);
    uint32_t place = find_place(engine, about, places);
    if (place == about->place_count || crewi_gang_find(engine, about->id))
        return;
    struct crewi_team_note note = {.id = about->id, .place = place};
    struct crewi_gang *gang = make(about, places, place);
    if (!gang) /* others are in MPI_Comm_create_group by now, and wait for this rank */
        crewi_engine_fatal(engine, "out of memory for a team");
    gang->next = engine->states[CREWI_KIND_TEAM];
    engine->states[CREWI_KIND_TEAM] = gang;
    note.status = make_group(engine, gang);
    if (note.status == CREW_ENOMEM) /* it has not got as far as the others */
        crewi_engine_fatal(engine, "out of memory for the communicators of a team");
    const char *reason = note.status ? crew_error_message() : "";
    crewi_team_tell(engine, crewi_id_home(about->id), CREWI_TEAM_READY, &note, reason,
                    strlen(reason));
}

static void say_closed(struct crewi_engine *engine, struct crewi_gang *gang)
{
    struct crewi_team_note note = crewi_gang_note(gang, CREWI_TEAM_COLLECTIVES);
    for (int lane = 0; lane < CREWI_TEAM_LANES; lane++)
        if (!crewi_lane_is_idle(&gang->lanes[lane]))
            return;
    if (gang->closing)
        crewi_team_tell(engine, crewi_gang_home(gang), CREWI_TEAM_CLOSED, &note, NULL, 0);
    gang->closing = false;
}

/* All ranks have said that they are at rest, so what comes on these communicators next is the next
 * team's on all of them. */
static void end(struct crewi_engine *engine, const struct crewi_team_gang *about)
{
    struct crewi_gang *gang = crewi_gang_find(engine, about->id);
    struct crewi_gang *first = engine->states[CREWI_KIND_TEAM];
    if (!gang)
        return;
    if (first == gang) {
        engine->states[CREWI_KIND_TEAM] = gang->next;
    } else {
        while (first->next != gang)
            first = first->next;
        first->next = gang->next;
    }
    crewi_transport_group_release(engine->transport, gang->group);
    free_gang(engine, gang);
}

/* Rank 0 gives out the order of begins and ends. */
static void announce(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_team_gang *about = message->data;
    const struct crewi_team_place *places = (const void *)(about + 1);
    bool begins = message->op == CREWI_TEAM_ANNOUNCE;
    if (engine->shut_down) /* there is nobody any more who would take part */
        return;
    for (uint32_t i = 0; i < about->place_count; i++) {
        struct crewi_outgoing out = {
            .kind = CREWI_KIND_TEAM,
            .op = begins ? (uint8_t)CREWI_TEAM_BEGIN : (uint8_t)CREWI_TEAM_END,
            .rank = places[i].rank,
            .head = message->data,
            .head_size = message->size,
        };
        crewi_engine_must_tell(engine, &out);
    }
}

/* Lanes */

bool crewi_gang_enter(struct crewi_engine *engine, struct crewi_gang *gang,
                      enum crewi_team_lane lane, const struct crewi_collective *call)
{
    struct crewi_team_note note = crewi_gang_note(gang, lane);
    if (!gang->group)
        return true;
    struct crewi_frame *done = crewi_frame_create(sizeof note);
    crew_status status = done ? CREW_OK : crewi_error_memory();
    if (!status) {
        done->header.type = CREWI_NOTE;
        done->header.kind = CREWI_KIND_TEAM;
        done->header.op = CREWI_TEAM_COLLECTED;
        done->header.target_rank = done->header.origin.rank = engine->rank;
        memcpy(done->payload, &note, sizeof note);
        status = crewi_transport_collective(engine->transport, gang->group, call, done);
    }
    if (status) { /* no other rank can go on without this one */
        crewi_log(CREWI_LOG_ERROR, "the job ends: a collective cannot be entered: %s",
                  crew_error_message());
        crewi_transport_abort(engine->transport, 1);
    }
    return false;
}

static void begin_barrier(struct crewi_engine *engine, struct crewi_gang *gang,
                          enum crewi_team_lane lane)
{
    static const struct crewi_team_what what = {.kind = CREWI_TEAM_SYNC};
    struct crewi_collective call = {.kind = CREWI_COLLECTIVE_BARRIER, .lane = (int)lane};
    crewi_lane_enter(&gang->lanes[lane], &what);
    if (!crewi_gang_enter(engine, gang, lane, &call))
        return;
    crewi_lane_complete(&gang->lanes[lane]);
    if (lane == CREWI_TEAM_BARRIER)
        crewi_gang_tripped(engine, gang);
}

static bool is_ready(const struct crewi_gang *gang, enum crewi_team_lane lane)
{
    uint32_t come = lane == CREWI_TEAM_BARRIER ? gang->waiting : gang->arrived;
    return come == crewi_gang_count(gang) && !(lane == CREWI_TEAM_BARRIER && gang->frozen);
}

void crewi_gang_go_on(struct crewi_engine *engine, struct crewi_gang *gang,
                      enum crewi_team_lane lane)
{
    enum crewi_lane_step step;
    while ((step = crewi_lane_next(&gang->lanes[lane], is_ready(gang, lane))) != CREWI_LANE_WAIT) {
        gang->steps[lane] = step;
        if (lane == CREWI_TEAM_BARRIER || step == CREWI_LANE_SYNC)
            begin_barrier(engine, gang, lane);
        else if (step == CREWI_LANE_OWN)
            crewi_gang_begin(engine, gang);
        else
            crewi_gang_fill(engine, gang);
    }
}

static void completed(struct crewi_engine *engine, struct crewi_gang *gang,
                      const struct crewi_team_note *note, crew_status status)
{
    enum crewi_team_lane lane = note->lane;
    crewi_lane_complete(&gang->lanes[lane]);
    if (lane == CREWI_TEAM_BARRIER)
        crewi_gang_tripped(engine, gang);
    else if (gang->steps[lane] == CREWI_LANE_OWN)
        crewi_gang_collected(engine, gang, status);
    else
        crewi_transfer_end(&gang->transfer);
    crewi_gang_go_on(engine, gang, lane);
    say_closed(engine, gang);
}

/* Stopping */

static void report(struct crewi_engine *engine, struct crewi_gang *gang,
                   const struct crewi_team_note *stop)
{
    const struct crewi_lane *lane = &gang->lanes[stop->lane];
    struct crewi_team_note note = crewi_gang_note(gang, stop->lane);
    struct crewi_team_what *whats = NULL;
    note.round = stop->round;
    note.number = lane->entered;
    note.waiting = gang->waiting;
    note.until = stop->number;
    note.on_way = stop->lane == CREWI_TEAM_BARRIER && crewi_gang_is_on_way(gang);
    if (stop->lane == CREWI_TEAM_COLLECTIVES && stop->number < lane->entered) {
        whats = malloc(CREWI_LANE_HISTORY * sizeof *whats);
        if (!whats)
            crewi_engine_fatal(engine, "out of memory to say which collectives it has entered");
        note.count = crewi_lane_report(lane, stop->number, whats);
    }
    crewi_team_tell(engine, crewi_gang_home(gang), CREWI_TEAM_STOPPED, &note, whats,
                    note.count * sizeof *whats);
    free(whats);
}

static void stop(struct crewi_engine *engine, struct crewi_gang *gang,
                 const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    struct crewi_lane *lane = &gang->lanes[note->lane];
    if (note->lane == CREWI_TEAM_BARRIER) {
        crewi_gang_freeze(gang);
    } else if (note->number < lane->limit || (note->number == lane->limit && !*gang->reason)) {
        crewi_lane_stop(lane, note->number);
        snprintf(gang->reason, sizeof gang->reason, "%.*s", (int)(message->size - sizeof *note),
                 (const char *)message->data + sizeof *note);
        crewi_gang_refuse(engine, gang);
    }
    report(engine, gang, note);
}

static bool is_sound_verdict(const struct crewi_gang *gang, const struct crewi_team_note *note)
{
    const struct crewi_team_what *whats = (const void *)(note + 1);
    if (note->lane == CREWI_TEAM_BARRIER)
        return !note->count && note->until <= gang->lanes[CREWI_TEAM_BARRIER].entered + 1;
    for (uint32_t i = 0; i < note->count; i++)
        if (!crewi_transfer_can_fill(&gang->layout, &whats[i]))
            return false;
    return note->until >= note->number && note->until - note->number == note->count;
}

static void judge(struct crewi_engine *engine, struct crewi_gang *gang,
                  const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    const struct crewi_team_what *whats = (const void *)(note + 1);
    if (!is_sound_verdict(gang, note)) {
        crewi_log(CREWI_LOG_ERROR, "a verdict about a team that cannot be was dropped");
        return;
    }
    size_t front = sizeof *note + note->count * sizeof *whats;
    struct crewi_lane *lane = &gang->lanes[note->lane];
    if (note->lane == CREWI_TEAM_COLLECTIVES) {
        crewi_lane_fill(lane, note->number, note->until, whats, note->count);
    } else {
        if (note->broken)
            snprintf(gang->barrier_reason, sizeof gang->barrier_reason, "%.*s",
                     (int)(message->size - front), (const char *)message->data + front);
        crewi_gang_judge(engine, gang, note);
    }
    crewi_gang_go_on(engine, gang, note->lane);
    say_closed(engine, gang);
}

/* A member's process has ended, and all that it had sent is here. What it has brought stays. */
static void leave(struct crewi_engine *engine, struct crewi_gang *gang,
                  const struct crewi_team_note *order)
{
    const struct crewi_lane *lane = &gang->lanes[CREWI_TEAM_COLLECTIVES];
    uint32_t index = order->member - crewi_layout_first(&gang->layout);
    if (order->member < crewi_layout_first(&gang->layout) || index >= crewi_gang_count(gang))
        return;
    struct crewi_gang_member *member = &gang->members[index];
    struct crewi_team_note note = crewi_gang_note(gang, CREWI_TEAM_COLLECTIVES);
    bool under_way = lane->under_way && gang->steps[CREWI_TEAM_COLLECTIVES] == CREWI_LANE_OWN;
    note.member = order->member;
    note.number = under_way || !member->frame ? lane->entered : crewi_lane_current(lane) + 1;
    crewi_team_tell(engine, crewi_gang_home(gang), CREWI_TEAM_LEFT, &note, NULL, 0);
}

/* Messages */

static void enter(struct crewi_engine *engine, struct crewi_gang *gang, struct crewi_handle *handle,
                  const struct crewi_message *message)
{
    const struct crewi_team_entry *entry = message->data;
    uint32_t first = crewi_layout_first(&gang->layout);
    uint32_t *mark = crewi_handle_mark(handle, message->origin.process);
    uint32_t index = entry->rank - first;
    bool is_cut_off = gang->layout.place_count > 1 && !gang->group;
    if (entry->rank < first || index >= crewi_gang_count(gang) || gang->members[index].process ||
        !mark || is_cut_off) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPERM, "there is no such member");
        return;
    }
    gang->members[index].process = message->origin.process;
    gang->members[index].gang = gang;
    *mark = index + 1;
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static struct crewi_gang_member *find_member(struct crewi_gang *gang, struct crewi_handle *handle,
                                             uint64_t process)
{
    const uint32_t *mark = gang ? crewi_handle_mark(handle, process) : NULL;
    bool any = mark && *mark && *mark <= crewi_gang_count(gang) &&
               gang->members[*mark - 1].process == process;
    return any ? &gang->members[*mark - 1] : NULL;
}

static void from_member(struct crewi_engine *engine, struct crewi_gang *gang,
                        struct crewi_gang_member *member, const struct crewi_message *message)
{
    switch (message->op) {
    case CREWI_TEAM_COLLECT:
        crewi_gang_collect(engine, gang, member, message);
        break;
    case CREWI_TEAM_WAIT:
        crewi_gang_wait(engine, gang, member, message);
        break;
    case CREWI_TEAM_RESET:
        crewi_gang_ask_barrier(engine, gang, CREWI_TEAM_CLEARED, &message->origin, "");
        break;
    case CREWI_TEAM_ABORT:
        crewi_gang_ask_barrier(engine, gang, CREWI_TEAM_ABORTED, &message->origin, "");
        break;
    default:
        crewi_gang_ask_barrier(engine, gang, CREWI_TEAM_LOOK, &message->origin, "");
    }
}

void crewi_gang_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    uint64_t id = *(const uint64_t *)message->data;
    struct crewi_handle *handle = crewi_handle_use(engine, message, id);
    if (!handle)
        return;
    struct crewi_gang *gang = crewi_gang_find(engine, id);
    struct crewi_gang_member *member = find_member(gang, handle, message->origin.process);
    if (message->op == CREWI_TEAM_ENTER && gang && message->size == sizeof(struct crewi_team_entry))
        enter(engine, gang, handle, message);
    else if (member)
        from_member(engine, gang, member, message);
    else
        crewi_engine_refuse(engine, &message->origin, CREW_EPERM,
                            "only members of a team may do this");
}

/* Whether what stands in front can be, and says how much follows. */
static bool is_sound_gang(const struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_team_gang *about = message->data;
    const struct crewi_team_place *places = (const void *)(about + 1);
    uint32_t next = 0;
    if (message->size < sizeof *about || about->place_count > engine->rank_count ||
        !about->place_count || crewi_id_kind(about->id) != CREWI_KIND_TEAM ||
        message->size != sizeof *about + about->place_count * sizeof *places)
        return false;
    for (uint32_t i = 0; i < about->place_count; i++) {
        if (places[i].first != next || !places[i].count || places[i].count > CREW_TEAM_LIMIT ||
            places[i].rank >= engine->rank_count || (i && places[i].rank <= places[i - 1].rank))
            return false;
        next += places[i].count;
    }
    return next == about->size && next <= CREW_TEAM_LIMIT;
}

static bool is_sound_note(const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    return message->size >= sizeof *note && note->lane < CREWI_TEAM_LANES &&
           crewi_id_kind(note->id) == CREWI_KIND_TEAM && note->count <= CREWI_LANE_HISTORY &&
           message->size - sizeof *note >= note->count * sizeof(struct crewi_team_what) &&
           (message->op != CREWI_TEAM_VERDICT || note->count <= note->until);
}

static void to_gang(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    struct crewi_gang *gang = crewi_gang_find(engine, note->id);
    if (!gang)
        return;
    switch (message->op) {
    case CREWI_TEAM_LEAVE:
        leave(engine, gang, note);
        break;
    case CREWI_TEAM_STOP:
        stop(engine, gang, message);
        break;
    case CREWI_TEAM_VERDICT:
        judge(engine, gang, message);
        break;
    case CREWI_TEAM_CLOSING:
        gang->closing = true;
        say_closed(engine, gang);
        break;
    default:
        completed(engine, gang, note, (crew_status)(*message->frame)->header.status);
    }
}

void crewi_gang_note_in(struct crewi_engine *engine, const struct crewi_message *message)
{
    bool about_all = message->op == CREWI_TEAM_ANNOUNCE || message->op == CREWI_TEAM_BEGIN ||
                     message->op == CREWI_TEAM_ANNOUNCE_END || message->op == CREWI_TEAM_END;
    if (about_all ? !is_sound_gang(engine, message) : !is_sound_note(message)) {
        crewi_log(CREWI_LOG_ERROR, "a message about a team that cannot be was dropped");
        return;
    }
    switch (message->op) {
    case CREWI_TEAM_ANNOUNCE:
    case CREWI_TEAM_ANNOUNCE_END:
        announce(engine, message);
        break;
    case CREWI_TEAM_BEGIN:
        begin(engine, message->data);
        break;
    case CREWI_TEAM_END:
        end(engine, message->data);
        break;
    case CREWI_TEAM_READY:
    case CREWI_TEAM_LEFT:
    case CREWI_TEAM_ASK:
    case CREWI_TEAM_STOPPED:
    case CREWI_TEAM_CLOSED:
        crewi_team_home_note(engine, message);
        break;
    default:
        to_gang(engine, message);
    }
}
