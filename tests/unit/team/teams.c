/* SPDX-License-Identifier: BSD-3-Clause */
#include "teams.h"

#include "base/clock.h"
#include "fake_groups.h"
#include "team/team_call.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

void teams_begin(struct teams *teams, uint32_t rank_count)
{
    memset(teams, 0, sizeof *teams);
    teams->job = process_job_create(rank_count);
    for (uint32_t rank = 0; rank < rank_count; rank++)
        fake_engine(teams->job, rank)->kinds[CREWI_KIND_TEAM] = &crewi_team_kind;
    fake_groups_begin(teams->job);
    fake_client_begin(&teams->creator, teams->job, 0);
}

bool team_has_gangs(const struct teams *teams)
{
    for (uint32_t rank = 0; rank < teams->job->rank_count; rank++)
        if (crewi_gang_find(fake_engine(teams->job, rank), teams->id))
            return true;
    return false;
}

void teams_end(struct teams *teams)
{
    fake_expect_reply(&teams->creator,
                      team_ask(teams, &teams->creator, CREWI_TEAM_CLOSE, CREWI_FOREVER), NULL, 0);
    assert_null(crewi_engine_find(fake_engine(teams->job, 0), teams->id));
    assert_false(team_has_gangs(teams));
    fake_client_end(&teams->creator);
    fake_job_run(teams->job);
    process_job_destroy(teams->job);
    fake_groups_end();
}

uint64_t team_ask(struct teams *teams, struct fake_client *client, uint8_t op, int64_t timeout_ns)
{
    struct fake_call call = {.kind = CREWI_KIND_TEAM,
                             .op = op,
                             .rank = client->rank->loop.engine.rank,
                             .timeout_ns = timeout_ns,
                             .head = &teams->id,
                             .head_size = sizeof teams->id};
    return fake_ask(client, &call);
}

void team_create(struct teams *teams, const uint32_t *ranks, uint32_t size)
{
    struct {
        struct crewi_team_spec spec;
        uint32_t ranks[TEAM_MEMBERS];
    } about = {.spec = {.size = size, .name = "crew", .creator_name = "MainProcess"}};
    assert_int_equal(crewi_funcref_make(&about.spec.member, (crewi_function *)crewi_team_member),
                     CREW_OK);
    about.spec.function = about.spec.member;
    memcpy(about.ranks, ranks, size * sizeof *ranks);
    struct fake_call call = {.kind = CREWI_KIND_TEAM,
                             .op = CREWI_TEAM_CREATE,
                             .timeout_ns = CREWI_FOREVER,
                             .head = &about,
                             .head_size = sizeof about.spec + crewi_team_pad(size * sizeof *ranks)};
    fake_call(&teams->creator, &call, &teams->id, sizeof teams->id);
    assert_int_equal(crewi_id_kind(teams->id), CREWI_KIND_TEAM);
    teams->size = size;
}

void team_find_members(struct teams *teams)
{
    for (uint32_t rank = 0; rank < teams->job->rank_count; rank++)
        for (int i = 0; i < teams->job->ranks[rank].child_count; i++) {
            struct fake_child *child = &teams->job->ranks[rank].children[i];
            struct crewi_team_entry entry;
            memcpy(&entry, child->start->payload + sizeof(struct crewi_process_order),
                   sizeof entry);
            assert_int_equal(entry.id, teams->id);
            assert_int_equal(entry.size, teams->size);
            teams->members[entry.rank] = child;
        }
}

static void enter(struct teams *teams, uint32_t member)
{
    struct fake_client *client = &teams->members[member]->client;
    struct crewi_team_entry entry = {.id = teams->id, .rank = member, .size = teams->size};
    struct fake_call call = {.kind = CREWI_KIND_TEAM,
                             .op = CREWI_TEAM_ENTER,
                             .rank = client->rank->loop.engine.rank,
                             .timeout_ns = CREWI_FOREVER,
                             .head = &entry,
                             .head_size = sizeof entry};
    fake_call(client, &call, NULL, 0);
}

void team_start(struct teams *teams)
{
    uint64_t request = team_ask(teams, &teams->creator, CREWI_TEAM_START, CREWI_FOREVER);
    fake_expect_parked(&teams->creator, request);
    team_find_members(teams);
    for (uint32_t i = 0; i < teams->size; i++)
        fake_child_started(teams->members[i], 100 + (int)i);
    fake_expect_reply(&teams->creator, request, NULL, 0);
    for (uint32_t i = 0; i < teams->size; i++)
        enter(teams, i);
}

static uint64_t collect(struct teams *teams, uint32_t member, uint8_t kind, int64_t value)
{
    struct fake_client *client = &teams->members[member]->client;
    struct crewi_team_head head = {.id = teams->id};
    bool brings = kind != CREWI_TEAM_BCAST || member == 0;
    head.what = (struct crewi_team_what){
        .count = 1, .kind = kind, .type = CREW_INT64, .operation = CREW_SUM};
    struct fake_call call = {.kind = CREWI_KIND_TEAM,
                             .op = CREWI_TEAM_COLLECT,
                             .rank = client->rank->loop.engine.rank,
                             .timeout_ns = CREWI_FOREVER,
                             .head = &head,
                             .head_size = sizeof head,
                             .body = &value,
                             .body_size = brings ? sizeof value : 0};
    return fake_ask(client, &call);
}

uint64_t team_bcast(struct teams *teams, uint32_t member, int64_t value)
{
    return collect(teams, member, CREWI_TEAM_BCAST, value);
}

uint64_t team_sum(struct teams *teams, uint32_t member, int64_t value)
{
    return collect(teams, member, CREWI_TEAM_ALLREDUCE, value);
}

void team_end_member(struct teams *teams, uint32_t member, int wait_status)
{
    struct fake_child *child = teams->members[member];
    struct crewi_engine *engine = &child->client.rank->loop.engine;
    struct crewi_child_note note = {
        .process = child->process, .pid = child->pid, .value = wait_status};
    struct crewi_outgoing out = {.kind = CREWI_KIND_PROCESS,
                                 .op = CREWI_OP_CHILD_ENDED,
                                 .rank = engine->rank,
                                 .head = &note,
                                 .head_size = sizeof note};
    fake_client_end(&child->client);
    assert_int_equal(crewi_engine_tell(engine, &out), CREW_OK);
}
