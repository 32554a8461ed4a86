/* SPDX-License-Identifier: BSD-3-Clause */
#include "syncs.h"

#include "base/clock.h"

#include "sync/sync_agent.h"
#include "unit.h"

#include <string.h>

void syncs_begin(struct sync_job *syncs, uint32_t rank_count)
{
    syncs->job = fake_job_create(rank_count);
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        fake_engine(syncs->job, rank)->kinds[CREWI_KIND_SYNC] = &crewi_sync_kind;
        fake_client_begin(&syncs->clients[rank], syncs->job, rank);
    }
}

void syncs_end(struct sync_job *syncs)
{
    for (uint32_t rank = 0; rank < syncs->job->rank_count; rank++)
        if (syncs->clients[rank].attached)
            fake_client_end(&syncs->clients[rank]);
    fake_job_run(syncs->job);
    for (uint32_t rank = 0; rank < syncs->job->rank_count; rank++)
        assert_int_equal(fake_engine(syncs->job, rank)->objects.count, 0);
    fake_job_destroy(syncs->job);
}

uint64_t sync_create(struct fake_client *client, enum crewi_sync_type type, int64_t value,
                     bool has_action)
{
    struct crewi_sync_spec spec = {.type = type,
                                   .value = value,
                                   .limit = value,
                                   .timeout_ns = CREWI_FOREVER,
                                   .has_action = has_action,
                                   .arg_size = has_action ? 3 : 0,
                                   .name = "s"};
    struct crewi_sync_description about;
    struct fake_call call = {.kind = CREWI_KIND_SYNC,
                             .op = CREWI_SYNC_CREATE,
                             .rank = client->rank->transport.rank,
                             .head = &spec,
                             .head_size = sizeof spec,
                             .body = "arg",
                             .body_size = spec.arg_size};
    fake_call(client, &call, &about, sizeof about);
    assert_int_equal(about.type, type);
    assert_string_equal(about.name, "s");
    return about.id;
}

struct crewi_sync *sync_at_home(struct sync_job *syncs, uint64_t id)
{
    struct crewi_sync *sync = crewi_sync_find(fake_engine(syncs->job, crewi_id_home(id)), id);
    assert_non_null(sync);
    return sync;
}

uint64_t sync_word(struct sync_job *syncs, uint64_t id)
{
    return atomic_load(sync_at_home(syncs, id)->word);
}

uint64_t sync_ask(struct fake_client *client, enum crewi_sync_op op, struct crewi_sync_head head,
                  int64_t timeout_ns)
{
    struct fake_call call = {.kind = CREWI_KIND_SYNC,
                             .op = (uint8_t)op,
                             .rank = client->rank->transport.rank,
                             .timeout_ns = timeout_ns,
                             .head = &head,
                             .head_size = sizeof head};
    uint64_t request = fake_ask(client, &call);
    fake_job_run(client->rank->job);
    return request;
}

void sync_expect_done(struct fake_client *client, uint64_t request)
{
    fake_expect_reply(client, request, NULL, 0);
}

void sync_do(struct fake_client *client, enum crewi_sync_op op, struct crewi_sync_head head)
{
    sync_expect_done(client, sync_ask(client, op, head, 0));
}
