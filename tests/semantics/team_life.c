// SPDX-License-Identifier: BSD-3-Clause
// Teams: beginning and end, members, wrong use.
#include "team_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 20

bool team_shape(const struct variant *variant, struct team_shape *shape)
{
    int own = crew_current_rank(), count = 0;
    bool inside = variant_is_inside(variant);
    bool own_is_taken = inside && inside_is_taken();
    for (int rank = 0; rank < crew_rank_count() && count < TEAM_RANKS; rank++)
        if (!own_is_taken || rank != own)
            shape->ranks[count++] = rank;
    shape->attr = (crew_team_attr){.start_method = variant->attr.start_method};
    shape->attr.ranks = shape->ranks;
    shape->attr.rank_count = count;
    shape->size = inside ? count : variant->attr.placement.rank == own ? count + 1 : 2 * count;
    shape->attr.size = shape->size;
    return count > 0;
}

crew_team new_team(const struct team_shape *shape, crew_team_function *function,
                   const struct team_job *job)
{
    crew_team team = {0};
    CHECK_OK(crew_team_create(&team, 0, function, job, job ? sizeof *job : 0, &shape->attr));
    return team;
}

void run_team(const struct variant *variant, crew_team_function *function,
              const struct team_job *job)
{
    struct team_shape shape;
    if (team_shape(variant, &shape))
        CHECK_OK(crew_team_run(function, job, job ? sizeof *job : 0, &shape.attr));
}

void finish_team(crew_team team, crew_status expected)
{
    CHECK_STATUS(crew_team_join(team, LIMIT_S), expected);
    CHECK_OK(crew_team_close(team));
}

static int return_rank(crew_team team, void *arg)
{
    CHECK(arg == NULL);
    CHECK(crew_team_rank(team) < crew_team_size(team));
    CHECK_INT(crew_team_rank((crew_team){team.id + 1}), -1);
    CHECK_OK(crew_team_close(team)); // its own copy
    return check_result() ? 99 : crew_team_rank(team);
}

static void check_member(const crew_process_info *info, int index, const int *last_rank)
{
    char end[16];
    snprintf(end, sizeof end, ":%d", index);
    CHECK_INT(info->exitcode, index);
    CHECK_CONTAINS(info->name, end);
    CHECK(info->rank >= *last_rank);
    CHECK_INT(info->state, CREW_PROCESS_STOPPED);
}

static void check_members(crew_team team, int size)
{
    crew_process members[4 * TEAM_RANKS];
    size_t count = 0;
    int last_rank = 0;
    CHECK_OK(crew_team_members(team, members, 1, &count));
    CHECK_INT(count, size);
    CHECK_OK(crew_team_members(team, members, sizeof members / sizeof *members, &count));
    for (int i = 0; i < size; i++) {
        crew_process_info info;
        if (!CHECK_OK(crew_process_describe(members[i], &info)))
            continue;
        check_member(&info, i, &last_rank);
        last_rank = info.rank;
    }
}

static int return_none(crew_team team, void *arg)
{
    (void)team;
    (void)arg;
    return 0;
}

// Teams without a name are numbered one by one, whatever else their creator has made.
void team_numbers(const struct variant *variant)
{
    unsigned numbers[2] = {0};
    (void)variant;
    for (int i = 0; i < 2; i++) {
        crew_team team;
        crew_process member;
        crew_process_info info = {0};
        size_t count;
        CHECK_OK(crew_team_create(&team, 1, return_none, NULL, 0, NULL));
        CHECK_OK(crew_team_start(team));
        CHECK_OK(crew_team_members(team, &member, 1, &count));
        CHECK_OK(crew_process_describe(member, &info));
        CHECK_INT(sscanf(info.name, "team-%u:0", &numbers[i]), 1);
        finish_team(team, CREW_OK);
    }
    CHECK(numbers[0] > 0);
    CHECK_INT(numbers[1], numbers[0] + 1);
}

void team_life(const struct variant *variant)
{
    struct team_shape shape;
    size_t count = 77;
    if (!team_shape(variant, &shape))
        return;
    crew_team team = new_team(&shape, return_rank, NULL);
    CHECK_STATUS(crew_team_join(team, 0), CREW_ESTATE);
    CHECK_STATUS(crew_team_terminate(team), CREW_ESTATE);
    CHECK_STATUS(crew_team_members(team, NULL, 0, &count), CREW_ESTATE);
    CHECK_INT(count, 77);
    CHECK_INT(crew_team_rank(team), -1);
    CHECK_INT(crew_team_size(team), -1);
    CHECK_OK(crew_team_start(team));
    CHECK_STATUS(crew_team_start(team), CREW_ESTATE);
    CHECK_STATUS(crew_team_join(team, LIMIT_S), shape.size > 1 ? CREW_EFAILED : CREW_OK);
    if (shape.size > 1) {
        CHECK_CONTAINS(crew_error_message(), "ended with exit code");
        check_names_host();
    }
    CHECK_STATUS(crew_team_join(team, 0), shape.size > 1 ? CREW_EFAILED : CREW_OK);
    check_members(team, shape.size);
    CHECK_OK(crew_team_terminate(team));
    CHECK_OK(crew_team_close(team));
    CHECK_STATUS(crew_team_join(team, 0), CREW_ECLOSED);
    CHECK_OK(crew_team_close(team));
    team = new_team(&shape, return_rank, NULL);
    CHECK_OK(crew_team_close(team)); // never started
}

static int check_alone(crew_team team, void *arg)
{
    (void)arg;
    CHECK_INT(crew_team_size(team), crew_rank_count());
    CHECK_INT(crew_team_rank(team), crew_current_rank());
    return check_result();
}

// One for each rank; and what cannot be started leaves nothing behind.
void team_start_wrong(const struct variant *variant)
{
    crew_process process;
    crew_team team = {0};
    crew_team_attr inside = {.start_method = CREW_START_RANK};
    (void)variant;
    CHECK_OK(crew_team_run(check_alone, NULL, 0, NULL));
    bool taken = inside_is_taken();
    if (!taken) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(crew_rank_count() - 1),
                                  .start_method = CREW_START_RANK};
        CHECK_OK(crew_process_create(&process, run_until_ended, NULL, 0, &attr));
        CHECK_OK(crew_process_start(process));
    }
    CHECK_OK(crew_team_create(&team, 0, check_alone, NULL, 0, &inside));
    CHECK_STATUS(crew_team_start(team), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "inside already");
    CHECK_STATUS(crew_team_start(team), CREW_ESTATE);
    CHECK_STATUS(crew_team_join(team, 0), CREW_ESTATE);
    CHECK_OK(crew_team_close(team));
    if (taken)
        return;
    CHECK_OK(crew_process_terminate(process));
    finish(process);
    CHECK_OK(crew_team_run(check_alone, NULL, 0, &inside));
}

static int run_on(crew_team team, void *arg)
{
    (void)team;
    return run_until_ended(arg);
}

void team_terminate(const struct variant *variant)
{
    struct team_shape shape;
    if (!team_shape(variant, &shape))
        return;
    crew_team team = new_team(&shape, run_on, NULL);
    CHECK_OK(crew_team_start(team));
    CHECK_STATUS(crew_team_join(team, 0.001), CREW_ETIMEDOUT);
    CHECK_OK(crew_team_terminate(team));
    CHECK_STATUS(crew_team_join(team, LIMIT_S), CREW_EFAILED);
    CHECK_CONTAINS(crew_error_message(), "SIGTERM");
    finish_team(team, CREW_EFAILED);
}

static int put_rank(crew_team team, void *arg)
{
    const struct team_job *job = arg;
    int rank = crew_team_rank(team);
    CHECK_INT((uintptr_t)arg % 16, 0);
    CHECK_INT(job->number, 4711);
    CHECK_OK(crew_queue_put(job->queue, &rank, sizeof rank, CREW_FOREVER));
    CHECK_OK(crew_queue_close(job->queue));
    return check_result();
}

void team_argument(const struct variant *variant)
{
    struct team_job job = {.number = 4711};
    struct team_shape shape;
    unsigned long long seen = 0;
    if (!team_shape(variant, &shape))
        return;
    CHECK_OK(crew_queue_create(&job.queue, NULL));
    CHECK_OK(crew_team_run(put_rank, &job, sizeof job, &shape.attr));
    for (int i = 0; i < shape.size; i++) {
        int rank = 63;
        CHECK_OK(crew_queue_get(job.queue, &rank, sizeof rank, NULL, LIMIT_S));
        seen |= 1ULL << rank;
    }
    CHECK_INT(seen, (1ULL << shape.size) - 1);
    CHECK_OK(crew_queue_close(job.queue));
}

static int add_one(crew_team team, void *arg)
{
    int one = 1, sum = 0;
    (void)arg;
    CHECK_OK(crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM));
    CHECK_INT(sum, crew_team_size(team));
    return check_result();
}

// Teams of several creators at a time, on the same ranks.
static int make_team(crew_team team, void *arg)
{
    (void)arg;
    CHECK_OK(crew_barrier_wait(crew_team_barrier(team), NULL, LIMIT_S));
    CHECK_OK(crew_team_run(add_one, NULL, 0, NULL));
    add_one(team, NULL);
    return check_result();
}

void team_nested(const struct variant *variant)
{
    run_team(variant, make_team, NULL);
}

static int say_and_wait(crew_team team, void *arg)
{
    const struct team_job *job = arg;
    char pid[32];
    int sum, one = 1;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    mark_set(&job->mark, pid);
    if (crew_team_rank(team) == 0)
        check_sleep(LIMIT_S);
    return crew_team_allreduce(team, &one, &sum, 1, CREW_INT32, CREW_SUM);
}

static int run_say_and_wait(void *arg)
{
    const struct team_job *job = arg;
    return crew_team_run(say_and_wait, job, sizeof *job, &(crew_team_attr){.size = 3});
}

// Its members get SIGTERM.
void team_creator_killed(const struct variant *variant)
{
    struct team_job job = {.mark = mark_new()};
    char text[256];
    struct variant last = *variant;
    last.attr.placement = CREW_ON_RANK(crew_rank_count() - 1);
    crew_process creator = launch(&last, run_say_and_wait, &job, sizeof job);
    mark_wait(&job.mark, 3);
    CHECK_OK(crew_process_kill(creator));
    CHECK_INT(finish(creator), -SIGKILL);
    mark_read(&job.mark, text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        pid_wait_gone((pid_t)strtol(line, NULL, 10));
    mark_remove(&job.mark);
}

// Wrong use

static void refuse_all(crew_team team, crew_status expected)
{
    int buffer[4] = {0};
    size_t counts[4] = {0}, count = 99;
    CHECK_STATUS(crew_team_bcast(team, buffer, 1, CREW_INT32, 0), expected);
    CHECK_STATUS(crew_team_scatter(team, buffer, buffer + 1, 1, CREW_INT32, 0), expected);
    CHECK_STATUS(crew_team_scatterv(team, buffer, counts, buffer + 1, 1, CREW_INT32, 0), expected);
    CHECK_STATUS(crew_team_gather(team, buffer, buffer + 1, 1, CREW_INT32, 0), expected);
    CHECK_STATUS(crew_team_gatherv(team, buffer, 1, buffer + 1, counts, CREW_INT32, 0), expected);
    CHECK_STATUS(crew_team_allgather(team, buffer, buffer + 1, 1, CREW_INT32), expected);
    CHECK_STATUS(crew_team_reduce(team, buffer, buffer + 1, 1, CREW_INT32, CREW_SUM, 0), expected);
    CHECK_STATUS(crew_team_allreduce(team, buffer, buffer + 1, 1, CREW_INT32, CREW_SUM), expected);
    CHECK_STATUS(crew_team_alltoall(team, buffer, buffer + 1, 1, CREW_INT32), expected);
    CHECK_INT(count, 99);
}

static void refuse_creator(crew_team team, crew_status expected)
{
    size_t count = 99;
    CHECK_STATUS(crew_team_start(team), expected);
    CHECK_STATUS(crew_team_join(team, 0), expected);
    CHECK_STATUS(crew_team_terminate(team), expected);
    CHECK_STATUS(crew_team_members(team, NULL, 0, &count), expected);
    CHECK_INT(count, 99);
}

void check_outside(void)
{
    crew_team team = {77};
    refuse_all(team, CREW_ESTATE);
    refuse_creator(team, CREW_ESTATE);
    CHECK_STATUS(crew_team_close(team), CREW_ESTATE);
    CHECK_STATUS(crew_team_create(&team, 1, check_alone, NULL, 0, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_team_run(check_alone, NULL, 0, NULL), CREW_ESTATE);
    CHECK_INT(crew_team_rank(team), -1);
    CHECK_INT(crew_team_size(team), -1);
    CHECK_INT(team.id, 77);
}

static void refuse_arguments(crew_team team)
{
    int buffer[2] = {0};
    crew_datatype none = (crew_datatype)0, type = CREW_INT32;
    size_t counts[4 * TEAM_RANKS] = {(size_t)1 << 40};
    int size = crew_team_size(team);
    CHECK_STATUS(crew_team_bcast(team, buffer, 1, none, 0), CREW_EINVAL);
    CHECK_STATUS(crew_team_bcast(team, buffer, 1, type, -1), CREW_EINVAL);
    CHECK_STATUS(crew_team_bcast(team, buffer, 1, type, size), CREW_EINVAL);
    CHECK_STATUS(crew_team_bcast(team, NULL, 1, type, 0), CREW_EINVAL);
    CHECK_STATUS(crew_team_bcast(team, buffer, (size_t)1 << 40, type, 0), CREW_EINVAL);
    CHECK_STATUS(crew_team_scatter(team, NULL, NULL, 1, type, 0), CREW_EINVAL);
    CHECK_STATUS(crew_team_gather(team, NULL, buffer, 1, type, 0), CREW_EINVAL);
    CHECK_STATUS(crew_team_allgather(team, buffer, NULL, 1, type), CREW_EINVAL);
    CHECK_STATUS(crew_team_allreduce(team, buffer, buffer + 1, 1, type, (crew_operation)0),
                 CREW_EINVAL);
    CHECK_STATUS(crew_team_allreduce(team, buffer, buffer + 1, 1, CREW_FLOAT, CREW_BAND),
                 CREW_EINVAL);
    CHECK_STATUS(crew_team_reduce(team, buffer, buffer + 1, 1, CREW_BYTE, CREW_SUM, 0),
                 CREW_EINVAL);
    CHECK_STATUS(crew_team_alltoall(team, buffer, NULL, 1, type), CREW_EINVAL);
    CHECK_STATUS(crew_team_gatherv(team, NULL, 1, buffer, counts, type, 0), CREW_EINVAL);
    if (crew_team_rank(team) != 0)
        return;
    CHECK_STATUS(crew_team_gatherv(team, buffer, 1, buffer, NULL, type, 0), CREW_EINVAL);
    CHECK_STATUS(crew_team_scatterv(team, buffer, counts, buffer, 1, type, 0), CREW_EINVAL);
}

// None of it has done any harm.
static int misuse(crew_team team, void *arg)
{
    refuse_arguments(team);
    refuse_creator(team, CREW_EPERM);
    refuse_all((crew_team){0}, CREW_EINVAL);
    refuse_all((crew_team){crew_current_process().id}, CREW_EINVAL);
    return add_one(team, arg) | check_result();
}

static void refuse_create(int size, crew_team_attr attr, const char *part)
{
    crew_team team = {77};
    CHECK_STATUS(crew_team_create(&team, size, misuse, NULL, 0, &attr), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), part);
    CHECK_INT(team.id, 77);
}

void team_wrong(const struct variant *variant)
{
    int ranks[2] = {0, 0}, wrong[1] = {crew_rank_count()};
    crew_team team = {77};
    refuse_create(-1, (crew_team_attr){.size = 0}, "-1 members");
    refuse_create(0, (crew_team_attr){.size = CREW_TEAM_LIMIT + 1}, "4097 members");
    refuse_create(0, (crew_team_attr){.name = ""}, "empty");
    refuse_create(0, (crew_team_attr){.name = "a name of more than forty-seven characters is long"},
                  "characters");
    refuse_create(0, (crew_team_attr){.ranks = wrong, .rank_count = 1}, "no rank");
    refuse_create(0, (crew_team_attr){.ranks = ranks}, "ranks");
    refuse_create(0, (crew_team_attr){.rank_count = 1}, "NULL");
    refuse_create(0, (crew_team_attr){.start_method = (crew_start_method)9}, "start method");
    refuse_create(
        0, (crew_team_attr){.ranks = ranks, .rank_count = 2, .start_method = CREW_START_RANK},
        "one on each");
    CHECK_STATUS(crew_team_create(NULL, 1, misuse, NULL, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_team_create(&team, 1, NULL, NULL, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_team_create(&team, 1, misuse, NULL, 8, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_team_create(&team, 1, misuse, ranks, (size_t)65 << 20, NULL), CREW_EINVAL);
    CHECK_INT(team.id, 77);
    refuse_creator((crew_team){0}, CREW_EINVAL);
    CHECK_OK(crew_team_create(&team, 1, misuse, NULL, 0, &(crew_team_attr){.name = "named"}));
    refuse_all(team, CREW_EPERM);
    CHECK_STATUS(crew_barrier_wait(crew_team_barrier(team), NULL, 0), CREW_EPERM);
    CHECK_STATUS(crew_team_members(team, NULL, 1, NULL), CREW_EINVAL);
    CHECK_OK(crew_team_start(team));
    finish_team(team, CREW_OK);
    run_team(variant, misuse, NULL);
}
