/* SPDX-License-Identifier: BSD-3-Clause */
#include "team/team_home.h"

#include "base/log.h"
#include "node/job.h"
#include "process/process.h"
#include "team/gang.h"

#include <crew/run.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Creating */

static bool is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool is_sound(const struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_team_spec *spec = message->data;
    if (message->size < sizeof *spec || !spec->size || spec->size > CREW_TEAM_LIMIT)
        return false;
    uint64_t ranks_size = crewi_team_pad(spec->size * sizeof(uint32_t));
    const uint32_t *ranks = (const void *)(spec + 1);
    if (message->size - sizeof *spec < ranks_size ||
        message->size - sizeof *spec - ranks_size != spec->arg_size)
        return false;
    for (uint32_t i = 0; i < spec->size; i++)
        if (ranks[i] >= engine->rank_count || (i && ranks[i] < ranks[i - 1]))
            return false;
    return crewi_funcref_is_sound(&spec->member) && crewi_funcref_is_sound(&spec->function) &&
           is_terminated(spec->name, sizeof spec->name) &&
           is_terminated(spec->creator_name, sizeof spec->creator_name) &&
           is_terminated(spec->creator_path, sizeof spec->creator_path) &&
           spec->start_method <= CREW_START_RANK;
}

static void free_team(struct crewi_engine *engine, struct crewi_team *team)
{
    crewi_parking_clear(engine, &team->joins);
    crewi_team_drop_rounds(team);
    free(team->shared.attached);
    free(team->members);
    free(team->places);
    free(team->arg);
    free(team);
}

static void set_members(struct crewi_team *team, const uint32_t *ranks)
{
    for (uint32_t i = 0; i < team->spec.size; i++) {
        struct crewi_team_place *last =
            team->place_count ? &team->places[team->place_count - 1] : NULL;
        team->members[i].rank = ranks[i];
        if (last && last->rank == ranks[i])
            last->count++;
        else
            team->places[team->place_count++] =
                (struct crewi_team_place){.rank = ranks[i], .first = i, .count = 1};
    }
}

static struct crewi_team *make(const struct crewi_message *message)
{
    const struct crewi_team_spec *spec = message->data;
    const uint32_t *ranks = (const void *)(spec + 1);
    struct crewi_team *team = calloc(1, sizeof *team);
    if (!team)
        return NULL;
    team->spec = *spec;
    team->members = calloc(spec->size, sizeof *team->members);
    team->places = calloc(spec->size, sizeof *team->places);
    team->arg = malloc(sizeof(struct crewi_team_entry) + spec->arg_size);
    if (!team->members || !team->places || !team->arg) {
        free(team->members);
        free(team->places);
        free(team->arg);
        free(team);
        return NULL;
    }
    memcpy(team->arg + sizeof(struct crewi_team_entry),
           (const char *)message->data + message->size - spec->arg_size, spec->arg_size);
    team->limit = CREWI_TEAM_NEVER;
    team->first_failed = -1;
    team->joins.at_deadline = CREW_ETIMEDOUT;
    team->joins.reason = "the members of the team have not ended within the time limit";
    set_members(team, ranks);
    return team;
}

void crewi_team_home_create(struct crewi_engine *engine, const struct crewi_message *message)
{
    if (!is_sound(engine, message)) {
        crewi_engine_refuse_malformed(
            engine, message,
            "a team with its functions and a rank for each member, at least %zu bytes",
            sizeof(struct crewi_team_spec));
        return;
    }
    struct crewi_team *team = make(message);
    if (!team) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    team->spec.creator = message->origin.process;
    uint64_t id = team->shared.object.id = crewi_engine_new_id(engine, CREWI_KIND_TEAM);
    crew_status status = crewi_shared_add(engine, &team->shared, message->origin.process);
    if (status) {
        free_team(engine, team);
        crewi_engine_refuse_error(engine, &message->origin, status);
    } else {
        crewi_engine_reply(engine, &message->origin, &id, sizeof id);
    }
}

/* Gangs */

/* Those of several ranks are begun and ended in one order everywhere, which rank 0 gives out. */
static void announce(struct crewi_engine *engine, const struct crewi_team *team, bool begins)
{
    struct crewi_team_gang about = {
        .id = team->shared.object.id, .size = team->spec.size, .place_count = team->place_count};
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_TEAM,
        .op = begins ? (uint8_t)CREWI_TEAM_ANNOUNCE : (uint8_t)CREWI_TEAM_ANNOUNCE_END,
        .head = &about,
        .head_size = sizeof about,
        .body = team->places,
        .body_size = team->place_count * sizeof *team->places,
    };
    if (team->place_count == 1) {
        out.rank = team->places[0].rank;
        out.op = begins ? (uint8_t)CREWI_TEAM_BEGIN : (uint8_t)CREWI_TEAM_END;
    }
    crewi_engine_must_tell(engine, &out);
}

/* The start is over, and has failed; no member is left. */
static void refuse_start(struct crewi_engine *engine, struct crewi_team *team)
{
    team->stage = CREWI_TEAM_OVER;
    crewi_engine_refuse(engine, &team->starter, team->start_status, "%s", team->start_reason);
}

static void note_failure(struct crewi_team *team, crew_status status, const char *reason,
                         size_t size)
{
    if (team->start_status)
        return;
    team->start_status = status;
    snprintf(team->start_reason, sizeof team->start_reason, "team \"%s\": %.*s", team->spec.name,
             (int)size, reason);
}

static bool launch(struct crewi_engine *engine, struct crewi_team *team, uint32_t index)
{
    struct crewi_team_member *member = &team->members[index];
    struct crewi_process_spec spec = {
        .function = team->spec.member,
        .creator = team->spec.creator,
        .watcher = team->shared.object.id,
        .place = CREW_PLACE_RANK,
        .rank = (int32_t)member->rank,
        .core = -1,
        .daemon = team->spec.daemon,
        .inside = team->spec.inside,
        .start_method = team->spec.start_method,
    };
    struct crewi_team_entry entry = {.id = team->shared.object.id,
                                     .rank = index,
                                     .size = team->spec.size,
                                     .arg_size = team->spec.arg_size,
                                     .function = team->spec.function};
    memcpy(team->arg, &entry, sizeof entry);
    snprintf(spec.name, sizeof spec.name, "%s:%u", team->spec.name, index);
    memcpy(spec.creator_name, team->spec.creator_name, sizeof spec.creator_name);
    memcpy(spec.creator_path, team->spec.creator_path, sizeof spec.creator_path);
    member->process =
        crewi_process_launch(engine, &spec, team->arg, sizeof entry + team->spec.arg_size);
    member->live = member->starting = member->process != 0;
    team->live += member->live;
    team->starting += member->starting;
    return member->live;
}

static void end_members(struct crewi_engine *engine, struct crewi_team *team, int number)
{
    for (uint32_t i = 0; i < team->spec.size; i++)
        if (team->members[i].live)
            crewi_process_signal(engine, team->members[i].process, number);
}

/* All run, or none does any more. */
static void conclude_start(struct crewi_engine *engine, struct crewi_team *team)
{
    if (team->stage != CREWI_TEAM_STARTING || team->starting)
        return;
    if (team->start_status) {
        if (!team->live)
            refuse_start(engine, team);
        return;
    }
    team->stage = CREWI_TEAM_RUNNING;
    crewi_engine_reply(engine, &team->starter, NULL, 0);
}

static void start_members(struct crewi_engine *engine, struct crewi_team *team)
{
    team->stage = CREWI_TEAM_STARTING;
    for (uint32_t i = 0; i < team->spec.size && !team->start_status; i++) {
        if (launch(engine, team, i))
            continue;
        note_failure(team, CREW_ENOMEM, "no memory for a member", CREWI_ERROR_SIZE);
        end_members(engine, team, team->spec.inside ? SIGTERM : SIGKILL);
    }
    conclude_start(engine, team);
    crewi_team_home_conclude(engine, team);
}

static void hear_ready(struct crewi_engine *engine, struct crewi_team *team,
                       const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    if (team->stage != CREWI_TEAM_PREPARING || !team->unready)
        return;
    if (note->status)
        note_failure(team, (crew_status)note->status, (const char *)(note + 1),
                     message->size - sizeof *note);
    if (--team->unready)
        return;
    team->gangs_made = true;
    if (!crewi_engine_has_client(engine, team->spec.creator, NULL))
        note_failure(team, CREW_ECANCELED, "its creator has ended", CREWI_ERROR_SIZE);
    if (!team->start_status) {
        start_members(engine, team);
        return;
    }
    refuse_start(engine, team);
    crewi_team_home_conclude(engine, team);
}

/* Ends of members */

/* "member 2 (team-1:2 on rank 1, host node7) was killed by signal 9 (SIGKILL)" */
static void word_end(const struct crewi_team *team, uint32_t index, char *text, size_t size)
{
    const struct crewi_team_member *member = &team->members[index];
    int code = crewi_exitcode(member->wait_status);
    int length = snprintf(text, size, "member %u (%s:%u on rank %u, host %s) ", index,
                          team->spec.name, index, member->rank, crew_rank_host((int)member->rank));
    if (length < 0 || (size_t)length >= size)
        return;
    if (code < 0)
        snprintf(text + length, size - (size_t)length, "was killed by signal %d (SIG%s)", -code,
                 sigabbrev_np(-code) ? sigabbrev_np(-code) : "?");
    else
        snprintf(text + length, size - (size_t)length, "ended with exit code %d", code);
}

static void answer_join(struct crewi_engine *engine, const struct crewi_team *team,
                        const struct crewi_origin *origin)
{
    char end[CREWI_ERROR_SIZE / 2];
    if (team->first_failed < 0) {
        crewi_engine_reply(engine, origin, NULL, 0);
        return;
    }
    word_end(team, (uint32_t)team->first_failed, end, sizeof end);
    crewi_engine_refuse(engine, origin, CREW_EFAILED, "team \"%s\": %s", team->spec.name, end);
}

static bool is_joinable(const struct crewi_team *team)
{
    return team->stage >= CREWI_TEAM_RUNNING && !team->live;
}

static void answer_joins(struct crewi_engine *engine, struct crewi_team *team)
{
    struct crewi_origin origin;
    while (is_joinable(team) && crewi_parking_take_first(engine, &team->joins, &origin, NULL))
        answer_join(engine, team, &origin);
}

static void hear_left(struct crewi_engine *engine, struct crewi_team *team,
                      const struct crewi_team_note *left)
{
    char end[CREWI_ERROR_SIZE / 2], reason[CREWI_ERROR_SIZE];
    if (left->member >= team->spec.size || !team->leaving)
        return;
    team->leaving--;
    word_end(team, left->member, end, sizeof end);
    snprintf(reason, sizeof reason, "team \"%s\": %s", team->spec.name, end);
    struct crewi_team_note note = {.cause = CREWI_TEAM_BREAK, .number = left->number};
    crewi_team_ask(engine, team, &note, reason);
    note = (struct crewi_team_note){.lane = CREWI_TEAM_BARRIER, .cause = CREWI_TEAM_LOST};
    if (!team->barrier_lost)
        crewi_team_ask(engine, team, &note, reason);
}

static uint32_t find_member(const struct crewi_team *team, uint64_t process)
{
    uint32_t index = 0;
    while (index < team->spec.size && team->members[index].process != process)
        index++;
    return index;
}

static void spawned(struct crewi_engine *engine, struct crewi_team *team, uint32_t index,
                    const struct crewi_process_report *report, const struct crewi_message *message)
{
    struct crewi_team_member *member = &team->members[index];
    if (!member->starting)
        return;
    member->starting = false;
    team->starting--;
    if (report->status) {
        member->live = false;
        team->live--;
        note_failure(team, (crew_status)report->status,
                     (const char *)message->data + sizeof *report, message->size - sizeof *report);
        crewi_process_forget(engine, member->process);
        member->process = 0;
    }
    if (team->start_status && !team->starting)
        end_members(engine, team, team->spec.inside ? SIGTERM : SIGKILL);
}

static void ended(struct crewi_engine *engine, struct crewi_team *team, uint32_t index,
                  const struct crewi_process_report *report)
{
    struct crewi_team_member *member = &team->members[index];
    struct crewi_team_note note = {.id = team->shared.object.id, .member = index};
    if (!member->live)
        return;
    if (member->starting) {
        member->starting = false;
        team->starting--;
    }
    member->live = false;
    member->wait_status = report->status;
    team->live--;
    team->leaving++;
    if (crewi_exitcode(report->status) && team->first_failed < 0)
        team->first_failed = (int)index;
    crewi_team_tell(engine, member->rank, CREWI_TEAM_LEAVE, &note, NULL, 0);
}

void crewi_team_home_watch(struct crewi_engine *engine, struct crewi_team *team,
                           const struct crewi_message *message)
{
    struct crewi_process_report report;
    if (!crewi_process_read_report(message, &report))
        return;
    uint32_t index = find_member(team, report.process);
    if (index == team->spec.size)
        return;
    if (message->op == CREWI_WATCH_SPAWNED)
        spawned(engine, team, index, &report, message);
    else
        ended(engine, team, index, &report);
    conclude_start(engine, team);
    answer_joins(engine, team);
    crewi_team_home_conclude(engine, team);
}

/* The end */

static void drop(struct crewi_engine *engine, struct crewi_team *team)
{
    for (uint32_t i = 0; i < team->spec.size; i++)
        if (team->members[i].process)
            crewi_process_forget(engine, team->members[i].process);
    crewi_shared_remove(engine, &team->shared);
    free_team(engine, team);
}

/* Nothing happens to it any more but what gangs have to do without their members. */
static bool is_at_rest(const struct crewi_team *team)
{
    if (team->stage == CREWI_TEAM_NEW)
        return true;
    return team->stage != CREWI_TEAM_PREPARING && !team->live && !team->starting &&
           !team->leaving && crewi_team_is_calm(team);
}

/* Gangs say when they are at rest, too; then their groups are given back. */
static void begin_closing(struct crewi_engine *engine, struct crewi_team *team)
{
    struct crewi_team_note note = {.id = team->shared.object.id};
    if (team->closing)
        return;
    team->closing = true;
    team->unready = team->place_count;
    for (uint32_t i = 0; i < team->place_count; i++)
        crewi_team_tell(engine, team->places[i].rank, CREWI_TEAM_CLOSING, &note, NULL, 0);
}

static void hear_closed(struct crewi_engine *engine, struct crewi_team *team)
{
    if (!team->closing || !team->unready || --team->unready)
        return;
    team->gangs_made = false;
    announce(engine, team, false);
}

void crewi_team_home_conclude(struct crewi_engine *engine, struct crewi_team *team)
{
    if (!is_at_rest(team))
        return;
    if (team->gangs_made) {
        begin_closing(engine, team);
        return;
    }
    if (team->unreferenced)
        drop(engine, team);
}

void crewi_team_home_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct crewi_team *team = (struct crewi_team *)shared;
    team->unreferenced = true;
    crewi_team_home_conclude(engine, team);
}

void crewi_team_home_destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    free_team(engine, (struct crewi_team *)object);
}

/* Calls of the creator */

static void start(struct crewi_engine *engine, struct crewi_team *team,
                  const struct crewi_message *message)
{
    if (team->stage != CREWI_TEAM_NEW) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "team \"%s\" was started before",
                            team->spec.name);
        return;
    }
    team->starter = message->origin;
    team->stage = CREWI_TEAM_PREPARING;
    team->unready = team->place_count;
    announce(engine, team, true);
}

static void members(struct crewi_engine *engine, const struct crewi_team *team,
                    const struct crewi_message *message)
{
    uint64_t *ids = malloc(team->spec.size * sizeof *ids);
    if (!ids) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < team->spec.size; i++)
        ids[i] = team->members[i].process;
    crewi_engine_reply(engine, &message->origin, ids, team->spec.size * sizeof *ids);
    free(ids);
}

static void to_team(struct crewi_engine *engine, struct crewi_team *team,
                    const struct crewi_message *message)
{
    if (message->op == CREWI_TEAM_START) {
        start(engine, team, message);
    } else if (team->stage < CREWI_TEAM_RUNNING || team->start_status) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "team \"%s\" was not started",
                            team->spec.name);
    } else if (message->op == CREWI_TEAM_MEMBERS) {
        members(engine, team, message);
    } else if (message->op == CREWI_TEAM_TERMINATE) {
        end_members(engine, team, SIGTERM);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    } else if (is_joinable(team)) {
        answer_join(engine, team, &message->origin);
    } else {
        crewi_park(engine, &team->joins, message);
    }
}

void crewi_team_home_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    uint64_t id = *(const uint64_t *)message->data;
    if (!crewi_handle_use(engine, message, id))
        return;
    struct crewi_team *team = (struct crewi_team *)crewi_engine_find(engine, id);
    if (!team || team->spec.creator != message->origin.process)
        crewi_engine_refuse(engine, &message->origin, CREW_EPERM,
                            "only the process that created a team may do this");
    else
        to_team(engine, team, message);
}

void crewi_team_home_note(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_team_note *note = message->data;
    struct crewi_team *team = crewi_id_kind(note->id) == CREWI_KIND_TEAM
                                  ? (struct crewi_team *)crewi_engine_find(engine, note->id)
                                  : NULL;
    char reason[CREWI_ERROR_SIZE];
    if (!team || note->place >= team->place_count)
        return;
    switch (message->op) {
    case CREWI_TEAM_READY:
        hear_ready(engine, team, message);
        return; /* it may be gone */
    case CREWI_TEAM_LEFT:
        hear_left(engine, team, note);
        break;
    case CREWI_TEAM_STOPPED:
        crewi_team_stopped(engine, team, message);
        break;
    case CREWI_TEAM_CLOSED:
        hear_closed(engine, team);
        break;
    default:
        snprintf(reason, sizeof reason, "team \"%s\": %.*s", team->spec.name,
                 (int)(message->size - sizeof *note), (const char *)(note + 1));
        crewi_team_ask(engine, team, note, reason);
    }
    crewi_team_home_conclude(engine, team);
}
