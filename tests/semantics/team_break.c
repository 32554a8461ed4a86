// SPDX-License-Identifier: BSD-3-Clause
// Teams whose members end in the middle: the others hear of it, and nobody hangs.
#include "team_cases.h"

#include "check.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 20

static crew_status add(crew_team team)
{
    int one = 1, sum = 0;
    crew_status status = crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM);
    if (!status)
        CHECK_INT(sum, crew_team_size(team));
    return status;
}

// The last one is killed while the others wait for it.
static int be_killed(crew_team team, void *arg)
{
    const struct team_job *job = arg;
    int last = crew_team_size(team) - 1;
    CHECK_OK(add(team));
    if (crew_team_rank(team) == last) {
        mark_wait(&job->mark, last);
        raise(SIGKILL);
    }
    mark_set(&job->mark, "waits");
    CHECK_BROKEN(add(team), "SIGKILL");
    check_names_host();
    CHECK_BROKEN(crew_team_bcast(team, &last, 1, CREW_INT32, 0), "SIGKILL");
    CHECK_BROKEN(crew_barrier_wait(crew_team_barrier(team), NULL, LIMIT_S), "SIGKILL");
    return check_result();
}

void team_killed(const struct variant *variant)
{
    struct team_job job = {.mark = mark_new()};
    struct team_shape shape;
    crew_process members[4 * TEAM_RANKS];
    size_t count = 0;
    team_shape(variant, &shape);
    crew_team team = new_team(&shape, be_killed, &job);
    CHECK_OK(crew_team_start(team));
    CHECK_STATUS(crew_team_join(team, LIMIT_S), CREW_EFAILED);
    CHECK_CONTAINS(crew_error_message(), "was killed by signal 9 (SIGKILL)");
    check_names_host();
    CHECK_OK(crew_team_members(team, members, sizeof members / sizeof *members, &count));
    for (int i = 0; i < shape.size; i++)
        CHECK_INT(exitcode_of(members[i]), i == shape.size - 1 ? -SIGKILL : 0);
    finish_team(team, CREW_EFAILED);
    mark_remove(&job.mark);
}

// The first one leaves after its broadcast, which all others get, and what follows is broken.
static int leave(crew_team team, void *arg)
{
    int value = crew_team_rank(team) + 5;
    (void)arg;
    if (crew_team_rank(team) == crew_team_size(team) - 1)
        check_sleep(0.02);
    CHECK_OK(crew_team_bcast(team, &value, 1, CREW_INT32, 0));
    CHECK_INT(value, 5);
    if (crew_team_rank(team) == 0)
        return check_result();
    CHECK_BROKEN(add(team), "ended with exit code 0");
    check_names_host();
    CHECK_BROKEN(add(team), "member 0");
    return check_result();
}

void team_left(const struct variant *variant)
{
    run_team(variant, leave, NULL);
}

#define AHEAD 700

// The root needs nobody, and is far ahead when one of the others ends: more than a number that all
// ranks meet at is among them.
static int run_ahead(crew_team team, void *arg)
{
    int rank = crew_team_rank(team), last = crew_team_size(team) - 1;
    crew_status status = CREW_OK;
    int value = 0, count = 0;
    (void)arg;
    while (!status && count < 4 * AHEAD && !(rank == last && count == AHEAD)) {
        value = rank == 0 ? count : -1;
        status = crew_team_bcast(team, &value, 1, CREW_INT32, 0);
        if (!status)
            CHECK_INT(value, count++);
    }
    if (rank == last)
        return check_result();
    CHECK(count >= AHEAD);
    CHECK_STATUS(status, CREW_EBROKEN);
    CHECK_BROKEN(add(team), "ended with exit code 0");
    return check_result();
}

void team_ahead(const struct variant *variant)
{
    struct team_shape shape;
    if (team_shape(variant, &shape) && shape.size > 1)
        run_team(variant, run_ahead, NULL);
}

// Every kind of collective, with a member missing: the first one, or the last one.
static crew_status call_kind(crew_team team, int kind, int root, void *data)
{
    int size = crew_team_size(team);
    size_t counts[4 * TEAM_RANKS];
    int64_t *send = data, *receive = send + 2 * size;
    for (int i = 0; i < size; i++)
        counts[i] = 2;
    switch (kind) {
    case 0:
        return crew_team_bcast(team, send, 2, CREW_INT64, root);
    case 1:
        return crew_team_scatter(team, send, receive, 2, CREW_INT64, root);
    case 2:
        return crew_team_scatterv(team, send, counts, receive, 2, CREW_INT64, root);
    case 3:
        return crew_team_gather(team, send, receive, 2, CREW_INT64, root);
    case 4:
        return crew_team_gatherv(team, send, 2, receive, counts, CREW_INT64, root);
    case 5:
        return crew_team_allgather(team, send, receive, 2, CREW_INT64);
    case 6:
        return crew_team_reduce(team, send, receive, 2, CREW_INT64, CREW_SUM, root);
    case 7:
        return crew_team_allreduce(team, send, receive, 2, CREW_INT64, CREW_SUM);
    default:
        return crew_team_alltoall(team, send, receive, 2, CREW_INT64);
    }
}

static int miss_one(crew_team team, void *arg)
{
    const struct team_job *job = arg;
    int size = crew_team_size(team), root = job->other ? 0 : size - 1;
    if (crew_team_rank(team) == size - 1)
        return 0;
    void *data = calloc(4 * (size_t)size, sizeof(int64_t));
    crew_status status = call_kind(team, job->number, root, data);
    CHECK(status == CREW_OK || status == CREW_EBROKEN); // who sends only may have been quicker
    CHECK_BROKEN(add(team), "ended with exit code 0");
    free(data);
    return check_result();
}

void team_each_broken(const struct variant *variant)
{
    struct team_shape shape;
    if (!team_shape(variant, &shape) || shape.size == 1)
        return;
    for (int kind = 0; kind < 9; kind++)
        for (int other = 0; other < 2; other++) {
            struct team_job job = {.number = kind, .other = other};
            run_team(variant, miss_one, &job);
        }
}

// Members of one rank that do not call the same.
static int differ(crew_team team, void *arg)
{
    const struct team_job *job = arg;
    int buffer[2] = {0};
    bool odd = crew_team_rank(team) == 1;
    CHECK_OK(add(team));
    if (job->number == 0)
        CHECK_BROKEN(odd ? crew_team_bcast(team, buffer, 1, CREW_INT32, 0) : add(team),
                     "calls bcast");
    else if (job->number == 1)
        CHECK_BROKEN(crew_team_bcast(team, buffer, odd ? 2 : 1, CREW_INT32, 0), "count");
    else
        CHECK_BROKEN(
            crew_team_gatherv(team, buffer, odd ? 2 : 1, buffer, (size_t[]){1, 1}, CREW_INT32, 0),
            "has a count of 2");
    return check_result();
}

void team_mismatch(const struct variant *variant)
{
    int own = crew_current_rank();
    crew_team_attr attr = {.size = 2, .ranks = &own, .rank_count = 1};
    (void)variant;
    for (int number = 0; number < 3; number++) {
        struct team_job job = {.number = number};
        CHECK_OK(crew_team_run(differ, &job, sizeof job, &attr));
    }
}

// Members inside ranks that are ended in a collective.
static int wait_for_last(crew_team team, void *arg)
{
    const struct team_job *job = arg;
    if (crew_team_rank(team) == crew_team_size(team) - 1)
        return run_until_ended(NULL);
    mark_set(&job->mark, "waits");
    add(team);
    return 1;
}

void team_ended_inside(const struct variant *variant)
{
    struct team_job job = {.mark = mark_new()};
    crew_team team = {0};
    crew_team_attr attr = {.start_method = CREW_START_RANK};
    (void)variant;
    CHECK_OK(crew_team_create(&team, 0, wait_for_last, &job, sizeof job, &attr));
    CHECK_OK(crew_team_start(team));
    if (crew_rank_count() > 1)
        mark_wait(&job.mark, crew_rank_count() - 1);
    CHECK_OK(crew_team_terminate(team));
    finish_team(team, CREW_EFAILED);
    mark_remove(&job.mark);
}
