// SPDX-License-Identifier: BSD-3-Clause
// Results to come: the lines FUT of the checklist, and of the lines POL those that are about them.
#include "future_cases.h"

#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct test_case program_cases[] = {
    {"POL-03", pol_03, CASE_ONCE},
    {"POL-03-closed", pol_03_closed, CASE_ONCE},
    {"POL-03-at-once", pol_03_at_once, CASE_ONCE},
    {"POL-03-blocks", pol_03_blocks, CASE_ONCE},
    {"POL-04", pol_04, CASE_ONCE},
    {"POL-04-many", pol_04_many, CASE_ONCE},
    {"POL-07", pol_07, CASE_ONCE | CASE_MAIN},
    {"POL-08", pol_08, CASE_ONCE},
    {"POL-09", pol_09, CASE_ONCE},
    {"POL-11-async", pol_11_async, CASE_ONCE},
    {"POL-13", pol_13, CASE_ONCE},
    {"POL-15", pol_15, CASE_ONCE},
    {"POL-21-async", pol_21_async, CASE_ONCE},
    {"POL-23-callback", pol_23_callback, CASE_ONCE | CASE_MAIN},
    {"POL-24", pol_24, CASE_ONCE},
    {"POL-24-kill", pol_24_kill, CASE_ONCE},
    {"POL-24-neighbours", kill_neighbours, CASE_ONCE},
    {"FUT-01", fut_01, CASE_ONCE},
    {"FUT-01-rest", cancel_rest, CASE_ONCE},
    {"FUT-01-error", refused_error, CASE_ONCE},
    {"FUT-01-retries", refused_retries, CASE_ONCE},
    {"FUT-01-chunk", cancel_in_chunk, CASE_ONCE},
    {"FUT-02", fut_02, CASE_ONCE},
    {"FUT-03", fut_03, CASE_ONCE | CASE_MAIN},
    {"FUT-03-inside", fut_03_inside, CASE_ONCE | CASE_MAIN},
    {"FUT-04", fut_04, CASE_ONCE},
    {"FUT-05", fut_05, CASE_ONCE},
    {"FUT-05-close", fut_05_close, CASE_ONCE},
    {"FUT-05-moved", fut_05_moved, CASE_ONCE},
    {"FUT-05-many", fut_05_many, CASE_ONCE | CASE_MAIN},
    {"FUT-06", fut_06, CASE_ONCE},
    {"FUT-06-time", fut_06_time, CASE_ONCE},
    {"FUT-07", fut_07, CASE_ONCE},
    {"FUT-08", fut_08, CASE_ONCE | CASE_MAIN},
    {"FUT-08-shutdown", fut_08_shutdown, CASE_ONCE},
    {"FUT-08-success", refused_shutdown, CASE_ONCE},
    {"FUT-08-waiters", fut_08_waiters, CASE_ONCE | CASE_MAIN},
    {"FUT-09", fut_09, CASE_ONCE},
    {"FUT-09-broken", fut_09_broken, CASE_ONCE},
    {"FUT-10", fut_10, CASE_ONCE},
    {"FUT-11", fut_11, CASE_ONCE},
    {"FUT-12", fut_12, CASE_ONCE},
    {"FUT-13", fut_13, CASE_ONCE},
    {"FUT-13-ignored", fut_13_ignored, CASE_ONCE},
    {"FUT-14", fut_14, CASE_ONCE},
    {"errors", result_errors, CASE_ONCE},
    {"crash", result_crash, CASE_ONCE},
    {"crash-lines", crash_lines, CASE_ONCE},
    {"crash-lines-bytes", crash_lines_bytes, CASE_ONCE},
    {"kept", kept_results, CASE_ONCE},
    {"kept-bytes", kept_bytes, CASE_ONCE},
    {"retries", pol_retries, CASE_ONCE},
    {"memory", pol_memory, CASE_ONCE},
    {"priority", pol_priority, CASE_ONCE},
    {"progress", pol_progress, CASE_ONCE},
    {"progress-in-chunk", pol_progress_in_chunk, CASE_ONCE},
    {"schedules", pol_schedules, CASE_ONCE},
    {"iterator-end", iterator_ends, CASE_ONCE},
    {"iterator-limits", iterator_limits, CASE_ONCE},
    {"result-calls", calls_result, CASE_ONCE},
    {"closed-meanwhile", closed_meanwhile, CASE_ONCE | CASE_MAIN},
    {"iterator-calls", calls_iterator, CASE_ONCE},
    {"async-calls", calls_async, CASE_ONCE},
    {"others", others_results, CASE_KILLABLE | CASE_MAIN},
    {0},
};

// Until it is killed, or over its memory.
static void fill_memory(void)
{
    size_t size = (size_t)16 << 20;
    for (int i = 0; i < 1000; i++) {
        char *more = malloc(size);
        if (more != NULL)
            memset(more, i + 1, size);
        check_sleep(0.01);
    }
}

static crew_status wait_to_go(const struct step *step)
{
    mark_set(&step->begun, "begun");
    return mark_wait(&step->go, 1) ? CREW_OK : crew_fail(CREW_EFAILED, "nobody let it go");
}

static int lines_in(const struct mark *mark)
{
    char text[256];
    int lines = 0;
    mark_read(mark, text, sizeof text);
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    return lines;
}

static crew_status run_step(const void *item, void *result)
{
    const struct step *step = item;
    struct answer *answer = result;
    answer->square = (long)step->number * step->number;
    answer->pid = getpid();
    switch (step->what) {
    case STEP_FAIL:
        return crew_fail(CREW_EDOMAIN, "step %d is no good", step->number);
    case STEP_WAIT:
        return wait_to_go(step);
    case STEP_WAIT_FAIL: {
        crew_status status = wait_to_go(step);
        return !status && lines_in(&step->begun) <= step->number
                   ? crew_fail(CREW_EDOMAIN, "step %d is no good yet", step->number)
                   : status;
    }
    case STEP_ABORT_ONCE:
        if (!mark_is_set(&step->begun)) {
            mark_set(&step->begun, "once");
            abort();
        }
        return CREW_OK;
    case STEP_FILL:
        fill_memory();
        return CREW_OK;
    case STEP_HANG:
        for (;;)
            pause();
    default:
        return CREW_OK;
    }
}

const crew_task do_step = {run_step, sizeof(struct step), sizeof(struct answer), "do_step"};

void plan_steps(struct step *steps, size_t count)
{
    memset(steps, 0, count * sizeof *steps);
    for (size_t i = 0; i < count; i++)
        steps[i].number = (int)i;
}

struct step waiting_step(void)
{
    struct step step;
    memset(&step, 0, sizeof step);
    step.what = STEP_WAIT;
    step.begun = mark_new();
    step.go = mark_new();
    return step;
}

void let_go(const struct step *step)
{
    mark_set(&step->go, "go");
}

crew_pool open_pool(int workers)
{
    crew_pool pool = {0};
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = workers}));
    return pool;
}

void close_pool(crew_pool pool)
{
    CHECK_OK(crew_pool_close(pool));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
}

int main(int argc, char **argv)
{
    check_future_outside();
    int code = crew_run(argc, argv, cases_main);
    check_future_outside();
    return code ? code : check_failures() != 0;
}
