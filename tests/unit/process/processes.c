/* SPDX-License-Identifier: BSD-3-Clause */
#include "processes.h"

#include "base/clock.h"
#include "unit.h"

struct fake_job *process_job_create(uint32_t rank_count)
{
    assert_int_equal(crewi_modules_load(), CREW_OK);
    struct fake_job *job = fake_job_create(rank_count);
    for (uint32_t rank = 0; rank < rank_count; rank++)
        assert_int_equal(crewi_processes_init(&job->ranks[rank].loop), CREW_OK);
    return job;
}

void process_job_destroy(struct fake_job *job)
{
    for (uint32_t rank = 0; rank < job->rank_count; rank++)
        crewi_processes_fini(&job->ranks[rank].loop);
    fake_job_destroy(job);
    crewi_modules_unload();
}

static int runs_nowhere(void *arg)
{
    (void)arg;
    return 0;
}

struct crewi_process_spec process_spec(void)
{
    struct crewi_process_spec spec = {
        .core = -1, .prefix = "Process", .creator_name = "MainProcess"};
    assert_int_equal(crewi_funcref_make(&spec.function, (crewi_function *)runs_nowhere), CREW_OK);
    return spec;
}

uint64_t process_create(struct fake_client *creator, const struct crewi_process_spec *spec,
                        const void *arg, size_t size)
{
    uint64_t id = 0;
    struct fake_call call = {.kind = CREWI_KIND_PROCESS,
                             .op = CREWI_PROCESS_CREATE,
                             .rank = creator->rank->loop.engine.rank,
                             .head = spec,
                             .head_size = sizeof *spec,
                             .body = arg,
                             .body_size = size};
    fake_call(creator, &call, &id, sizeof id);
    assert_int_equal(crewi_id_kind(id), CREWI_KIND_PROCESS);
    assert_int_equal(crewi_id_home(id), creator->rank->loop.engine.rank);
    return id;
}

struct fake_call process_call(uint8_t op, uint64_t process)
{
    return (struct fake_call){
        .kind = CREWI_KIND_PROCESS, .op = op, .object = process, .timeout_ns = CREWI_FOREVER};
}

struct fake_child *process_start(struct fake_client *creator, uint64_t process, int pid)
{
    struct fake_call call = process_call(CREWI_PROCESS_START, process);
    uint64_t request = fake_ask(creator, &call);
    fake_expect_parked(creator, request);
    struct fake_child *child = fake_find_child(creator->rank->job, process);
    fake_child_started(child, pid);
    fake_expect_reply(creator, request, NULL, 0);
    return child;
}

struct crewi_process_info process_query(struct fake_client *client, uint64_t process)
{
    struct crewi_process_info info;
    struct fake_call call = process_call(CREWI_PROCESS_QUERY, process);
    fake_call(client, &call, &info, sizeof info);
    return info;
}
