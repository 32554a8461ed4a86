/* SPDX-License-Identifier: BSD-3-Clause */
/* Many teams at random: members call collectives and wait at the barrier, with messages in any
 * order, and end somewhere. Every call has an answer; a broadcast brings what the root sent at the
 * same number; nobody gets through the barrier before all have come; and nothing is left. */
#include "base/clock.h"
#include "teams.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

#define SIZE 5
#define CALLS 40

static const uint32_t places[][SIZE] = {{0, 0, 1, 2, 2}, {0, 1, 1, 1, 1}, {2, 2, 2, 2, 2}};

static struct teams teams;
static uint64_t seed;

/* A member: what it waits for, and how far it is. */
static struct member {
    bool live, waits, at_barrier, is_broken;
    uint64_t request, end_at;
    uint64_t calls, trips; /* that have succeeded */
    uint64_t arrivals;     /* at the barrier */
} members[SIZE];

static uint64_t most_trips;

/* Even numbers are broadcasts, odd ones sums. */
static void call(uint32_t i)
{
    struct member *member = &members[i];
    bool has_limit = unit_random_below(&seed, 30) == 0;
    member->waits = true;
    member->at_barrier = member->calls % 5 == 4 && member->trips <= member->calls / 5;
    member->arrivals += member->at_barrier;
    if (member->at_barrier)
        member->request = team_ask(&teams, &teams.members[i]->client, CREWI_TEAM_WAIT,
                                   has_limit ? CREWI_SECOND : CREWI_FOREVER);
    else if (member->calls % 2)
        member->request = team_sum(&teams, i, (int64_t)i);
    else
        member->request = team_bcast(&teams, i, (int64_t)member->calls);
}

/* All have come, and nobody was sent away. */
static void pass(struct member *member)
{
    member->trips++;
    for (uint32_t i = 0; i < SIZE; i++) {
        assert_true(members[i].arrivals >= member->trips);
        assert_false(members[i].is_broken && members[i].at_barrier &&
                     members[i].arrivals == member->trips);
    }
    if (member->trips > most_trips)
        most_trips = member->trips;
}

static void hear(uint32_t i, const struct crewi_frame *reply)
{
    struct member *member = &members[i];
    int64_t value = (int64_t)member->calls;
    member->waits = false;
    if (reply->header.status) {
        assert_int_equal(reply->header.status, CREW_EBROKEN);
        assert_true(reply->header.size > 0);
        assert_true(!member->at_barrier || member->arrivals > most_trips);
        member->is_broken = true;
    } else if (member->at_barrier) {
        pass(member);
    } else {
        if (reply->header.size && member->calls % 2 == 0)
            memcpy(&value, reply->payload, sizeof value);
        assert_int_equal(value, member->calls);
        member->calls++;
    }
}

static bool act(uint32_t i)
{
    struct member *member = &members[i];
    struct crewi_frame *reply =
        member->waits ? fake_reply(&teams.members[i]->client, member->request) : NULL;
    if (reply) {
        hear(i, reply);
        crewi_frame_destroy(reply);
        return true;
    }
    bool ends = member->calls >= member->end_at || member->is_broken;
    if (member->waits && !(ends && unit_random_below(&seed, 50) == 0))
        return false;
    if (ends) {
        member->live = false;
        team_end_member(&teams, i, member->waits ? FAKE_SIGNAL(SIGKILL) : FAKE_EXIT(0));
    } else {
        call(i);
    }
    return true;
}

static bool step(void)
{
    if (unit_random_below(&seed, 3) != 0 && fake_job_step(teams.job, &seed))
        return true;
    uint32_t first = (uint32_t)unit_random_below(&seed, SIZE);
    for (uint32_t i = 0; i < SIZE; i++)
        if (members[(first + i) % SIZE].live && act((first + i) % SIZE))
            return true;
    return fake_job_step(teams.job, &seed);
}

static uint32_t count_live(void)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < SIZE; i++)
        live += members[i].live;
    return live;
}

static void run_team(const uint32_t *ranks)
{
    teams_begin(&teams, 3);
    team_create(&teams, ranks, SIZE);
    team_start(&teams);
    most_trips = 0;
    for (uint32_t i = 0; i < SIZE; i++)
        members[i] = (struct member){.live = true, .end_at = CALLS};
    members[unit_random_below(&seed, SIZE)].end_at = unit_random_below(&seed, CALLS);
    for (int pauses = 0; count_live(); pauses++) {
        assert_true(pauses < 100);
        while (step())
            ;
        fake_job_pass_time(teams.job, 2 * CREWI_SECOND); /* a wait with a limit may be left */
    }
    fake_job_run(teams.job);
    assert_false(team_has_gangs(&teams));
    teams_end(&teams);
}

static void everybody_gets_an_answer(void **state)
{
    (void)state;
    for (uint64_t first = 1; first <= 150; first++)
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            seed = 1000 * first + i;
            run_team(places[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
