/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams, step by step: starting, collectives, the barrier, ends. */
#include "base/clock.h"
#include "teams.h"
#include "unit.h"

#include <signal.h>

static const uint32_t on_three[] = {0, 0, 1, 2, 2};
#define SIZE 5

static uint64_t wait_at_barrier(struct teams *teams, uint32_t member, int64_t timeout_ns)
{
    return team_ask(teams, &teams->members[member]->client, CREWI_TEAM_WAIT, timeout_ns);
}

static void begin(struct teams *teams)
{
    teams_begin(teams, 3);
    team_create(teams, on_three, SIZE);
    team_start(teams);
}

static void end(struct teams *teams)
{
    for (uint32_t i = 0; i < SIZE; i++)
        if (teams->members[i]->client.attached)
            team_end_member(teams, i, FAKE_EXIT(0));
    fake_job_run(teams->job);
    assert_false(team_has_gangs(teams));
    teams_end(teams);
}

static void all_collect(void **state)
{
    struct teams teams;
    uint64_t requests[SIZE];
    (void)state;
    begin(&teams);
    for (uint32_t i = 0; i < SIZE; i++) {
        requests[i] = team_bcast(&teams, i, 42);
        fake_job_run(teams.job);
    }
    for (uint32_t i = 0; i < SIZE; i++) {
        int64_t value = 42;
        fake_expect_reply(&teams.members[i]->client, requests[i], i ? &value : NULL,
                          i ? sizeof value : 0);
        assert_int_equal(value, 42);
    }
    end(&teams);
}

static void the_last_one_lets_them_through(void **state)
{
    struct teams teams;
    uint64_t requests[SIZE];
    (void)state;
    begin(&teams);
    for (uint32_t i = 0; i + 1 < SIZE; i++)
        requests[i] = wait_at_barrier(&teams, i, CREWI_FOREVER);
    for (uint32_t i = 0; i + 1 < SIZE; i++)
        fake_expect_parked(&teams.members[i]->client, requests[i]);
    requests[SIZE - 1] = wait_at_barrier(&teams, SIZE - 1, 0);
    for (uint32_t i = 0; i < SIZE; i++)
        fake_expect_reply(&teams.members[i]->client, requests[i], NULL, 0);
    end(&teams);
}

static struct crewi_team_state ask_state(struct teams *teams, uint32_t member)
{
    struct crewi_team_state state;
    struct fake_client *client = &teams->members[member]->client;
    fake_expect_reply(client, team_ask(teams, client, CREWI_TEAM_STATE, CREWI_FOREVER), &state,
                      sizeof state);
    return state;
}

static void a_time_limit_breaks_it_until_it_is_reset(void **state)
{
    struct teams teams;
    (void)state;
    begin(&teams);
    uint64_t first = wait_at_barrier(&teams, 2, CREWI_FOREVER);
    uint64_t second = wait_at_barrier(&teams, 3, CREWI_SECOND);
    fake_expect_parked(&teams.members[2]->client, first);
    assert_int_equal(ask_state(&teams, 0).waiting, 2);
    fake_job_pass_time(teams.job, 2 * CREWI_SECOND);
    fake_expect_refusal(&teams.members[2]->client, first, CREW_EBROKEN, "member 3 on rank 2");
    fake_expect_refusal(&teams.members[3]->client, second, CREW_EBROKEN, "did not wait any longer");
    assert_int_equal(ask_state(&teams, 0).broken, 1);
    fake_expect_refusal(&teams.members[0]->client, wait_at_barrier(&teams, 0, CREWI_FOREVER),
                        CREW_EBROKEN, "member 3");
    fake_expect_reply(&teams.members[1]->client,
                      team_ask(&teams, &teams.members[1]->client, CREWI_TEAM_RESET, CREWI_FOREVER),
                      NULL, 0);
    assert_int_equal(ask_state(&teams, 4).broken, 0);
    uint64_t requests[SIZE];
    for (uint32_t i = 0; i < SIZE; i++)
        requests[i] = wait_at_barrier(&teams, i, CREWI_FOREVER);
    for (uint32_t i = 0; i < SIZE; i++)
        fake_expect_reply(&teams.members[i]->client, requests[i], NULL, 0);
    end(&teams);
}

static void one_that_is_killed_breaks_the_team(void **state)
{
    struct teams teams;
    uint64_t requests[SIZE];
    (void)state;
    begin(&teams);
    for (uint32_t i = 1; i < SIZE; i++)
        requests[i] = team_sum(&teams, i, 1);
    fake_expect_parked(&teams.members[4]->client, requests[4]);
    team_end_member(&teams, 0, FAKE_SIGNAL(SIGKILL));
    for (uint32_t i = 1; i < SIZE; i++)
        fake_expect_refusal(&teams.members[i]->client, requests[i], CREW_EBROKEN,
                            "member 0 (crew:0 on rank 0");
    fake_expect_refusal(&teams.members[1]->client, team_sum(&teams, 1, 1), CREW_EBROKEN, "SIGKILL");
    fake_expect_refusal(&teams.members[2]->client, wait_at_barrier(&teams, 2, CREWI_FOREVER),
                        CREW_EBROKEN, "SIGKILL");
    uint64_t join = team_ask(&teams, &teams.creator, CREWI_TEAM_JOIN, CREWI_FOREVER);
    fake_expect_parked(&teams.creator, join);
    for (uint32_t i = 1; i < SIZE; i++)
        team_end_member(&teams, i, FAKE_EXIT(1));
    fake_expect_refusal(&teams.creator, join, CREW_EFAILED, "was killed by signal 9 (SIGKILL)");
    end(&teams);
}

static void what_all_have_called_is_completed(void **state)
{
    struct teams teams;
    uint64_t requests[SIZE];
    (void)state;
    begin(&teams);
    requests[0] = team_bcast(&teams, 0, 7);
    requests[1] = team_bcast(&teams, 1, 0);
    fake_expect_reply(&teams.members[0]->client, requests[0], NULL, 0);
    team_end_member(&teams, 0, FAKE_EXIT(0));
    fake_job_run(teams.job);
    for (uint32_t i = 2; i < SIZE; i++)
        requests[i] = team_bcast(&teams, i, 0);
    for (uint32_t i = 1; i < SIZE; i++) {
        int64_t value;
        fake_expect_reply(&teams.members[i]->client, requests[i], &value, sizeof value);
        assert_int_equal(value, 7);
    }
    fake_expect_refusal(&teams.members[3]->client, team_bcast(&teams, 3, 0), CREW_EBROKEN,
                        "ended with exit code 0");
    end(&teams);
}

static void one_that_cannot_be_started_takes_all_along(void **state)
{
    struct teams teams;
    (void)state;
    teams_begin(&teams, 3);
    team_create(&teams, on_three, SIZE);
    uint64_t request = team_ask(&teams, &teams.creator, CREWI_TEAM_START, CREWI_FOREVER);
    fake_job_run(teams.job);
    team_find_members(&teams);
    for (uint32_t i = 0; i + 1 < SIZE; i++)
        fake_child_started(teams.members[i], 100 + (int)i);
    fake_child_failed(teams.members[SIZE - 1], 11);
    fake_expect_parked(&teams.creator, request);
    for (uint32_t i = 0; i + 1 < SIZE; i++) {
        assert_int_equal(teams.members[i]->signal, SIGKILL);
        team_end_member(&teams, i, FAKE_SIGNAL(SIGKILL));
    }
    fake_expect_refusal(&teams.creator, request, CREW_ESYSTEM, "fork on rank 2");
    fake_expect_refusal(&teams.creator,
                        team_ask(&teams, &teams.creator, CREWI_TEAM_START, CREWI_FOREVER),
                        CREW_ESTATE, "was started before");
    fake_expect_refusal(&teams.creator, team_ask(&teams, &teams.creator, CREWI_TEAM_JOIN, 0),
                        CREW_ESTATE, "was not started");
    teams_end(&teams);
}

static void a_creator_that_ends_during_the_start(void **state)
{
    struct teams teams;
    (void)state;
    teams_begin(&teams, 3);
    team_create(&teams, on_three, SIZE);
    team_ask(&teams, &teams.creator, CREWI_TEAM_START, CREWI_FOREVER);
    fake_client_end(&teams.creator);
    fake_job_run(teams.job);
    for (uint32_t rank = 0; rank < 3; rank++)
        assert_int_equal(teams.job->ranks[rank].child_count, 0);
    assert_null(crewi_engine_find(fake_engine(teams.job, 0), teams.id));
    fake_client_begin(&teams.creator, teams.job, 0);
    team_create(&teams, on_three, 1);
    teams_end(&teams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_collect),
        cmocka_unit_test(the_last_one_lets_them_through),
        cmocka_unit_test(a_time_limit_breaks_it_until_it_is_reset),
        cmocka_unit_test(one_that_is_killed_breaks_the_team),
        cmocka_unit_test(what_all_have_called_is_completed),
        cmocka_unit_test(one_that_cannot_be_started_takes_all_along),
        cmocka_unit_test(a_creator_that_ends_during_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
