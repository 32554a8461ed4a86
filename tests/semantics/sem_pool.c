// SPDX-License-Identifier: BSD-3-Clause
// Pools: the lines POL of the checklist, and the calls of <crew/pool.h>.
#include "pool_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct test_case program_cases[] = {
    {"POL-01", pol_01, CASE_ONCE},
    {"POL-01-large", pol_01_large, CASE_ONCE},
    {"POL-01-threads", pol_01_threads, CASE_ONCE},
    {"POL-02", pol_02, CASE_ONCE},
    {"POL-02-chunks", pol_02_chunks, CASE_ONCE},
    {"POL-05", pol_05, CASE_ONCE},
    {"POL-06", pol_06, CASE_ONCE},
    {"POL-10", pol_10, CASE_ONCE},
    {"POL-11", pol_11, CASE_ONCE},
    {"POL-12", pol_12, CASE_ONCE},
    {"POL-14", pol_14, CASE_ONCE},
    {"POL-16", pol_16, CASE_ONCE},
    {"POL-16-sizes", pol_16_sizes, CASE_ONCE},
    {"POL-16-one-size", pol_16_one_size, CASE_ONCE},
    {"POL-16-many", pol_16_many, CASE_ONCE},
    {"POL-16-large", pol_16_large, CASE_ONCE | CASE_MAIN},
    {"POL-16-deaths", pol_16_deaths, CASE_ONCE},
    {"POL-16-killed", pol_16_killed, CASE_ONCE},
    {"POL-16-limits", pol_16_limits, CASE_ONCE},
    {"POL-16-async", pol_16_async, CASE_ONCE},
    {"POL-16-end", pol_16_end, CASE_ONCE},
    {"POL-17", pol_17, CASE_ONCE},
    {"POL-18", pol_18, CASE_ONCE},
    {"POL-19", pol_19, CASE_ONCE},
    {"POL-19-many", pol_19_many, CASE_ONCE},
    {"POL-19-outside", pol_19_outside, CASE_ONCE},
    {"POL-20", pol_20, CASE_ONCE},
    {"POL-21", pol_21, CASE_ONCE},
    {"POL-22", pol_22, CASE_ONCE},
    {"POL-23", pol_23, CASE_ONCE},
    {"POL-ranks", pol_ranks, 0},
    {"POL-ranks-wrong", pol_ranks_wrong, CASE_ONCE},
    {"POL-ranks-replaced", pol_ranks_replaced, CASE_ONCE},
    {"POL-hosts", pol_hosts, 0},
    {"POL-hosts-wrong", pol_hosts_wrong, CASE_ONCE},
    {"POL-describe", pol_describe, CASE_ONCE},
    {"POL-describe-idle", pol_describe_idle, CASE_ONCE},
    {"POL-describe-deaths", pol_describe_deaths, CASE_ONCE},
    {"POL-summary", pol_summary, CASE_ONCE},
    {"POL-steal-static", pol_steal_static, CASE_ONCE},
    {"POL-steal-chunk", pol_steal_chunk, CASE_ONCE},
    {"POL-steal-off", pol_steal_off, CASE_ONCE},
    {"POL-steal-death", pol_steal_death, CASE_ONCE},
    {"alignment", map_alignment, CASE_ONCE},
    {"open", pool_left_open, 0},
    {"create", calls_pool_create, CASE_ONCE},
    {"map", calls_pool_map, CASE_ONCE},
    {"bytes", calls_pool_bytes, CASE_ONCE},
    {"handles", calls_pool_handles, CASE_ONCE},
    {"others", calls_pool_others, 0},
    {"workers", calls_pool_workers, CASE_ONCE},
    {"who", pool_workers, CASE_ONCE},
    {"items", pool_handles_in_items, CASE_ONCE},
    {"initializer", pool_handles_in_initializer, CASE_ONCE},
    {"several", pool_several, CASE_ONCE},
    {"module", pool_module, CASE_ONCE},
    {"module-tasks", pool_module_tasks, CASE_ONCE},
    {0},
};

static crew_status try_family(void)
{
    crew_process process;
    crew_pool pool;
    if (crew_process_create(&process, return_nothing, NULL, 0, NULL) != CREW_OK)
        return crew_fail(CREW_EFAILED, "create: %s", crew_error_message());
    if (crew_process_start(process) != CREW_ESTATE || crew_pool_create(&pool, NULL) != CREW_ESTATE)
        return crew_fail(CREW_EFAILED, "a worker may have children");
    return crew_process_close(process);
}

static crew_status perform(const struct job *job)
{
    switch (job->what) {
    case JOB_FAIL:
        return crew_fail(CREW_EDOMAIN, "number %d is no good", job->number);
    case JOB_SIGNAL:
        signal(SIGSEGV, SIG_DFL); // a sanitizer has its own
        raise(job->number);
        return CREW_OK;
    case JOB_EXIT:
        exit(job->number);
    case JOB_EXIT_NOW:
        _exit(job->number);
    case JOB_SLEEP:
        check_sleep(1e-3 * job->number);
        return CREW_OK;
    case JOB_FAMILY:
        return try_family();
    case JOB_WAIT:
    case JOB_WAIT_AND_DIE:
        if (!mark_wait(&job->log, job->number))
            return crew_fail(CREW_EFAILED, "the other tasks do not begin");
        if (job->what == JOB_WAIT_AND_DIE)
            raise(SIGKILL);
        return CREW_OK;
    default:
        return CREW_OK;
    }
}

static crew_status run_job(const void *item_of_job, void *result_of_job)
{
    const struct job *item = item_of_job;
    struct outcome *result = result_of_job;
    char line[16];
    if (item->logged) {
        snprintf(line, sizeof line, "%d", item->index);
        mark_set(&item->log, line);
    }
    result->number = item->number;
    result->pid = getpid();
    crew_status status =
        crew_process_name(crew_current_process(), result->name, sizeof result->name);
    return status ? status : perform(item);
}

const crew_task do_job = {run_job, sizeof(struct job), sizeof(struct outcome), "do_job"};

void each_pool(void (*check)(crew_pool pool, const crew_pool_attr *attr), bool killable)
{
    const crew_pool_attr forms[] = {
        {0}, {.workers = 1}, {.workers = 5}, {.start_method = CREW_START_RANK}};
    size_t count = killable || inside_is_taken() ? 3 : 4;
    for (size_t i = 0; i < count; i++) {
        crew_pool pool;
        if (!CHECK_OK(crew_pool_create(&pool, &forms[i])))
            continue;
        check(pool, &forms[i]);
        end_pool(pool);
    }
}

void plan(struct job *jobs, size_t count)
{
    memset(jobs, 0, count * sizeof *jobs);
    for (size_t i = 0; i < count; i++)
        jobs[i].number = jobs[i].index = (int)i;
}

void end_pool(crew_pool pool)
{
    CHECK_OK(crew_pool_close(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
}

size_t list_workers(crew_pool pool, crew_worker_info *workers, size_t room)
{
    size_t count = 0;
    CHECK_OK(crew_pool_workers(pool, workers, room, &count));
    CHECK(count <= room);
    return count < room ? count : room;
}

void check_log(const struct mark *log, int count)
{
    static char text[65536];
    int *times = calloc((size_t)count, sizeof *times), lines = 0;
    mark_read(log, text, sizeof text);
    for (char *at = text, *end; times != NULL && *at != '\0'; at = end + 1, lines++) {
        long index = strtol(at, &end, 10);
        if (CHECK(index >= 0 && index < count && *end == '\n'))
            times[index]++;
    }
    CHECK_INT(lines, count);
    for (int i = 0; times != NULL && i < count; i++)
        CHECK_INT(times[i], 1);
    free(times);
    mark_remove(log);
}

int main(int argc, char **argv)
{
    check_pool_outside();
    int code = crew_run(argc, argv, cases_main);
    check_pool_outside();
    return code ? code : check_failures() != 0;
}
