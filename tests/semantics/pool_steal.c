// SPDX-License-Identifier: BSD-3-Clause
// Work stealing: what a worker has in hand and has not begun gets to others.
#include "pool_cases.h"

#include "check.h"

#include <signal.h>
#include <string.h>

// Tasks for each worker.
#define SHARE 8
#define LARGEST (SHARE * 8)

static struct job jobs[LARGEST];
static struct outcome outcomes[LARGEST];
static crew_status statuses[LARGEST];

// The first task waits until all others have begun, and then does what it is to do. The others
// sleep for a moment, so that they are worth it.
static size_t plan_long_first(const struct mark *log, size_t workers)
{
    size_t count = SHARE * workers;
    plan(jobs, count);
    for (size_t i = 0; i < count; i++) {
        jobs[i].what = JOB_SLEEP;
        jobs[i].number = 1;
        jobs[i].logged = true;
        jobs[i].log = *log;
    }
    jobs[0].what = JOB_WAIT;
    jobs[0].number = (int)count;
    memset(outcomes, 0, sizeof outcomes);
    return count;
}

// Others have done all that was in the first chunk, or behind it; a few that were sent later may
// have overtaken it, as it came by a scatter.
static void check_taken(size_t count)
{
    size_t same = 0;
    for (size_t i = 1; i < count; i++)
        same += strcmp(outcomes[i].name, outcomes[0].name) == 0;
    CHECK(same < SHARE - 1);
    CHECK(outcomes[0].name[0] != '\0');
}

// Pools of more than one worker, of both start methods.
static void each_form(void (*check)(crew_pool pool, size_t workers), bool killable)
{
    const crew_pool_attr forms[] = {{.workers = 2},
                                    {.workers = 5},
                                    {.workers = 2, .max_tasks_per_worker = 2},
                                    {.start_method = CREW_START_RANK}};
    bool inside = !killable && !inside_is_taken() && crew_rank_count() > 1;
    for (size_t i = 0; i < (inside ? 4 : 3); i++) {
        crew_pool pool;
        if (!CHECK_OK(crew_pool_create(&pool, &forms[i])))
            continue;
        check(pool, (size_t)(forms[i].workers ? forms[i].workers : crew_rank_count()));
        end_pool(pool);
    }
}

static void check_map(crew_pool pool, size_t workers, const crew_map_attr *attr)
{
    struct mark log = mark_new();
    size_t count = plan_long_first(&log, workers);
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, count, attr));
    check_taken(count);
    check_log(&log, (int)count);
}

static void check_static(crew_pool pool, size_t workers)
{
    check_map(pool, workers, &(crew_map_attr){.schedule = CREW_SCHEDULE_STATIC});
}

void pol_steal_static(const struct variant *variant)
{
    (void)variant;
    each_form(check_static, false);
}

static void check_fixed(crew_pool pool, size_t workers)
{
    check_map(pool, workers, &(crew_map_attr){.chunk = SHARE * workers}); // all of it
    check_map(pool, workers, &(crew_map_attr){.chunk = 2});
    check_map(pool, workers, &(crew_map_attr){.chunk = 1});
    check_map(pool, workers, NULL);
}

void pol_steal_chunk(const struct variant *variant)
{
    (void)variant;
    each_form(check_fixed, false);
}

// Each worker does the part that it was given, and nothing else.
static void check_off(crew_pool pool, size_t workers)
{
    size_t count = SHARE * workers;
    plan(jobs, count);
    jobs[0].what = JOB_SLEEP;
    jobs[0].number = 30;
    CHECK_OK(
        crew_pool_map(pool, do_job, jobs, outcomes, count,
                      &(crew_map_attr){.schedule = CREW_SCHEDULE_STATIC, .no_stealing = true}));
    for (size_t i = 0; i < count; i++)
        CHECK_TEXT(outcomes[i].name, outcomes[i / SHARE * SHARE].name);
}

void pol_steal_off(const struct variant *variant)
{
    (void)variant;
    each_form(check_off, false);
}

// The worker dies in the task that was left to it: that one fails, and nothing is run again.
static void check_death(crew_pool pool, size_t workers)
{
    struct mark log = mark_new();
    size_t count = plan_long_first(&log, workers);
    jobs[0].what = JOB_WAIT_AND_DIE;
    CHECK_STATUS(
        crew_pool_map(pool, do_job, jobs, outcomes, count,
                      &(crew_map_attr){.schedule = CREW_SCHEDULE_STATIC, .statuses = statuses}),
        CREW_EWORKERDIED);
    CHECK_INT(statuses[0], CREW_EWORKERDIED);
    for (size_t i = 1; i < count; i++)
        CHECK_INT(statuses[i], CREW_OK);
    check_log(&log, (int)count);
}

void pol_steal_death(const struct variant *variant)
{
    (void)variant;
    each_form(check_death, true);
}
