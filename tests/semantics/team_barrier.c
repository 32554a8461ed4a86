// SPDX-License-Identifier: BSD-3-Clause
// Barriers over teams: as other barriers, but for the index.
#include "team_cases.h"

#include "check.h"

#include <signal.h>
#include <stdint.h>

#define LIMIT_S 20
#define TRIPS 100

static void check_state(crew_barrier barrier, int parties, int waiting, bool broken)
{
    crew_barrier_state state = {0};
    if (!CHECK_OK(crew_barrier_get_state(barrier, &state)))
        return;
    CHECK_INT(state.parties, parties);
    CHECK_INT(state.n_waiting, waiting);
    CHECK_INT(state.broken, broken);
}

// Waits until so many do.
static void await_waiting(crew_barrier barrier, int waiting)
{
    crew_barrier_state state = {.n_waiting = -1};
    double begin = check_now();
    while (state.n_waiting != waiting && check_now() - begin < LIMIT_S) {
        check_sleep(0.001);
        if (!CHECK_OK(crew_barrier_get_state(barrier, &state)))
            return;
    }
    CHECK_INT(state.n_waiting, waiting);
}

// Nobody is a trip ahead: each adds one to the count of the trip before it waits.
static int trip(crew_team team, void *arg)
{
    crew_barrier barrier = crew_team_barrier(team);
    const struct team_job *job = arg;
    int size = crew_team_size(team), index = -1, one = 1, sum = 0;
    for (int i = 0; i < TRIPS; i++) {
        size_t count = 0;
        if (i % 10 == 0)
            CHECK_OK(crew_queue_put(job->queue, &one, sizeof one, CREW_FOREVER));
        CHECK_OK(crew_barrier_wait(barrier, &index, i % 2 ? LIMIT_S : CREW_FOREVER));
        CHECK_INT(index, crew_team_rank(team));
        if (i % 10 == 0) {
            CHECK_OK(crew_queue_size(job->queue, &count));
            CHECK(count >= (size_t)(size * (i / 10 + 1)));
        }
    }
    CHECK_OK(crew_barrier_wait(barrier, NULL, LIMIT_S));
    check_state(barrier, size, 0, false);
    CHECK_OK(crew_barrier_close(barrier));
    CHECK_OK(crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM));
    CHECK_OK(crew_barrier_wait(barrier, NULL, LIMIT_S)); // it is closed with the team
    return check_result();
}

void team_barrier(const struct variant *variant)
{
    struct team_job job = {.number = 0};
    CHECK_OK(crew_queue_create(&job.queue, NULL));
    run_team(variant, trip, &job);
    CHECK_OK(crew_queue_close(job.queue));
}

// One does not wait as long as the last one takes; collectives go on all the same.
static int time_out(crew_team team, void *arg)
{
    crew_barrier barrier = crew_team_barrier(team);
    int last = crew_team_size(team) - 1, sum = 0, one = 1;
    (void)arg;
    if (crew_team_rank(team) != last)
        CHECK_BROKEN(crew_barrier_wait(barrier, NULL, crew_team_rank(team) ? CREW_FOREVER : 0.02),
                     "member 0");
    CHECK_OK(crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM));
    check_state(barrier, last + 1, 0, true);
    CHECK_BROKEN(crew_barrier_wait(barrier, NULL, LIMIT_S), "broken");
    CHECK_OK(crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM));
    if (crew_team_rank(team) == last)
        CHECK_OK(crew_barrier_reset(barrier));
    CHECK_OK(crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM));
    for (int i = 0; i < 5; i++)
        CHECK_OK(crew_barrier_wait(barrier, NULL, LIMIT_S));
    if (crew_team_rank(team) == last)
        CHECK_STATUS(crew_barrier_wait(barrier, NULL, 0), CREW_EBROKEN);
    return check_result();
}

void team_barrier_timeout(const struct variant *variant)
{
    struct team_shape shape;
    if (team_shape(variant, &shape) && shape.size > 1)
        run_team(variant, time_out, NULL);
}

// The last one sends those who wait away, by a reset and by an abort.
static int send_away(crew_team team, void *arg)
{
    crew_barrier barrier = crew_team_barrier(team);
    int last = crew_team_size(team) - 1, sum = 0, one = 1;
    (void)arg;
    for (int aborts = 0; aborts < 2; aborts++) {
        if (crew_team_rank(team) != last) {
            CHECK_STATUS(crew_barrier_wait(barrier, NULL, CREW_FOREVER), CREW_EBROKEN);
        } else {
            await_waiting(barrier, last);
            check_state(barrier, last + 1, last, false);
            CHECK_OK(aborts ? crew_barrier_abort(barrier) : crew_barrier_reset(barrier));
            check_state(barrier, last + 1, 0, aborts);
        }
        CHECK_OK(crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM));
        CHECK_STATUS(crew_barrier_wait(barrier, NULL, LIMIT_S), aborts ? CREW_EBROKEN : CREW_OK);
    }
    return check_result();
}

void team_barrier_abort(const struct variant *variant)
{
    struct team_shape shape;
    if (team_shape(variant, &shape) && shape.size > 1)
        run_team(variant, send_away, NULL);
}

// It breaks for good.
static int end_at_barrier(crew_team team, void *arg)
{
    crew_barrier barrier = crew_team_barrier(team);
    (void)arg;
    CHECK_OK(crew_barrier_wait(barrier, NULL, LIMIT_S));
    if (crew_team_rank(team) == 0)
        return check_result();
    CHECK_BROKEN(crew_barrier_wait(barrier, NULL, CREW_FOREVER), "ended with exit code 0");
    CHECK_BROKEN(crew_barrier_reset(barrier), "member 0");
    check_state(barrier, crew_team_size(team), 0, true);
    CHECK_BROKEN(crew_barrier_wait(barrier, NULL, 0), "member 0");
    return check_result();
}

void team_barrier_ended(const struct variant *variant)
{
    run_team(variant, end_at_barrier, NULL);
}
