// SPDX-License-Identifier: BSD-3-Clause
// Maps that keep a journal: what was finished is not done again.
#include "cases.h"
#include "check.h"
#include "mark.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 300
#define LIMIT_S 60

// Every run of a task leaves a byte at its place in a file, so that all runs can be counted.
struct job {
    int number;
    int fails;           // it fails, as long as the mark is not set
    int stops;           // from here on tasks wait for the mark, which nobody sets
    struct mark mark;    // what it may wait for
    struct mark counter; // a line for each run
};

struct outcome {
    long square;
    long zeros; // as large as others' padding
};

static crew_status run_job(const void *item, void *result)
{
    const struct job *job = item;
    struct outcome *outcome = result;
    char line[32];
    while (job->stops && !mark_is_set(&job->mark))
        check_sleep(0.01);
    snprintf(line, sizeof line, "%d", job->number);
    mark_set(&job->counter, line);
    outcome->square = (long)job->number * job->number;
    return job->fails && !mark_is_set(&job->mark)
               ? crew_fail(CREW_EDOMAIN, "job %d is no good", job->number)
               : CREW_OK;
}

// Another function of the same sizes.
static crew_status run_other(const void *item, void *result)
{
    (void)item;
    (void)result;
    return CREW_OK;
}

static const crew_task do_job = {run_job, sizeof(struct job), sizeof(struct outcome), "do_job"};
static const crew_task do_other = {run_other, sizeof(struct job), sizeof(struct outcome), "do_job"};

// A journal, and the jobs of a map with it.
struct plan {
    struct mark journal, counter, mark;
    struct job jobs[COUNT];
    struct outcome outcomes[COUNT];
    crew_status statuses[COUNT];
};

static void plan_new(struct plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->journal = mark_new();
    plan->counter = mark_new();
    plan->mark = mark_new();
    for (int i = 0; i < COUNT; i++) {
        plan->jobs[i].number = i;
        plan->jobs[i].counter = plan->counter;
        plan->jobs[i].mark = plan->mark;
    }
}

static void plan_end(struct plan *plan)
{
    struct mark beside = plan->journal;
    strcat(beside.path, "-wal");
    if (mark_is_set(&beside))
        mark_remove(&beside);
    mark_remove(&plan->journal);
    if (mark_is_set(&plan->counter))
        mark_remove(&plan->counter);
    if (mark_is_set(&plan->mark))
        mark_remove(&plan->mark);
}

static crew_pool open_pool(int workers)
{
    crew_pool pool = {0};
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = workers}));
    return pool;
}

static crew_status map(crew_pool pool, struct plan *plan, crew_task task, size_t count)
{
    crew_map_attr attr = {.journal = plan->journal.path, .statuses = plan->statuses, .chunk = 7};
    memset(plan->outcomes, 0x55, sizeof plan->outcomes);
    memset(plan->statuses, 0x55, sizeof plan->statuses);
    return crew_pool_map(pool, task, plan->jobs, plan->outcomes, count, &attr);
}

// The same without waiting.
static crew_status begin(crew_pool pool, struct plan *plan, crew_result *result)
{
    crew_map_attr attr = {.journal = plan->journal.path, .statuses = plan->statuses, .chunk = 7};
    memset(plan->outcomes, 0x55, sizeof plan->outcomes);
    memset(plan->statuses, 0x55, sizeof plan->statuses);
    return crew_pool_map_async(pool, result, do_job, plan->jobs, plan->outcomes, COUNT, &attr);
}

// How often each job was run; returns how often all of them were.
static int count_runs(const struct plan *plan, int runs[COUNT])
{
    int number, sum = 0;
    memset(runs, 0, COUNT * sizeof *runs);
    FILE *file = fopen(plan->counter.path, "re");
    while (file != NULL && fscanf(file, "%d", &number) == 1) {
        if (CHECK(number >= 0 && number < COUNT))
            runs[number]++;
        sum++;
    }
    if (file != NULL)
        fclose(file);
    return sum;
}

static void check_outcomes(const struct plan *plan, size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += plan->outcomes[i].square != (long)(i * i) || plan->outcomes[i].zeros != 0 ||
                 plan->statuses[i] != CREW_OK;
    CHECK_INT(wrong, 0);
}

// The second run does nothing, and has the same results.
static void journal_twice(const struct variant *variant)
{
    static struct plan plan;
    int runs[COUNT];
    (void)variant;
    plan_new(&plan);
    crew_pool pool = open_pool(2);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(map(pool, &plan, do_job, COUNT));
        CHECK_INT(count_runs(&plan, runs), COUNT);
        check_outcomes(&plan, COUNT);
    }
    CHECK_OK(crew_pool_close(pool));
    CHECK_STATUS(map(pool, &plan, do_job, COUNT), CREW_ESTATE);
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
}

// Tasks that failed are tried again, and those alone; what is said names them.
static void journal_failures(const struct variant *variant)
{
    static struct plan plan;
    int runs[COUNT];
    (void)variant;
    plan_new(&plan);
    plan.jobs[5].fails = plan.jobs[123].fails = plan.jobs[COUNT - 1].fails = 1;
    crew_pool pool = open_pool(2);
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(map(pool, &plan, do_job, COUNT), CREW_EDOMAIN);
        CHECK_CONTAINS(crew_error_message(), "task 5 of do_job: job 5 is no good");
        CHECK_INT(count_runs(&plan, runs), COUNT + 3 * i);
        CHECK_INT(plan.statuses[123], CREW_EDOMAIN);
        CHECK_INT(plan.outcomes[123].square, 0);
        CHECK_INT(plan.statuses[122], CREW_OK);
        CHECK_INT(plan.outcomes[122].square, 122 * 122);
    }
    mark_set(&plan.mark, "now they are good");
    CHECK_OK(map(pool, &plan, do_job, COUNT));
    CHECK_INT(count_runs(&plan, runs), COUNT + 6);
    CHECK_INT(runs[123], 3);
    check_outcomes(&plan, COUNT);
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
}

struct victim {
    struct mark journal, counter, mark;
    bool async;
};

static int map_until_killed(void *arg)
{
    static struct plan plan;
    const struct victim *victim = arg;
    crew_result result;
    plan_new(&plan);
    plan.journal = victim->journal;
    plan.counter = victim->counter;
    plan.mark = victim->mark;
    for (int i = 0; i < COUNT; i++) {
        plan.jobs[i].counter = plan.counter;
        plan.jobs[i].mark = plan.mark;
        plan.jobs[i].stops = i >= COUNT / 2;
    }
    crew_pool pool = open_pool(2);
    if (!victim->async)
        map(pool, &plan, do_job, COUNT);
    else if (begin(pool, &plan, &result) == CREW_OK)
        crew_result_get(result, CREW_FOREVER);
    return 7;
}

// The bytes of a journal so far, its log included.
static bool has_grown(const struct plan *plan)
{
    char log[600];
    snprintf(log, sizeof log, "%s-wal", plan->journal.path);
    FILE *file = fopen(log, "re");
    if (file == NULL)
        return false;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size > 0;
}

// Which tasks a reader who knows nothing of crew finds, with the right results. How many.
static int read_kept(const struct plan *plan, bool kept[COUNT])
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int count = 0, code = SQLITE_ERROR;
    memset(kept, 0, COUNT * sizeof *kept);
    CHECK_INT(sqlite3_open_v2(plan->journal.path, &database, SQLITE_OPEN_READWRITE, NULL),
              SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(database, "SELECT task, result FROM result WHERE status = 0", -1,
                                 &statement, NULL),
              SQLITE_OK);
    while (statement != NULL && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct outcome outcome = {-1, -1};
        int task = sqlite3_column_int(statement, 0);
        if (CHECK_INT(sqlite3_column_bytes(statement, 1), sizeof outcome))
            memcpy(&outcome, sqlite3_column_blob(statement, 1), sizeof outcome);
        if (CHECK(task >= 0 && task < COUNT) && CHECK(!kept[task]))
            kept[task] = true;
        CHECK_INT(outcome.square, (long)task * task);
        count++;
    }
    CHECK_INT(code, SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return count;
}

// The process that waits for a map is killed in the middle of it: what was finished a moment before
// is done.
static void kill_map(const struct variant *variant, bool async)
{
    static struct plan plan;
    int runs[COUNT], before[COUNT], twice = 0, never = 0, again = 0;
    bool kept[COUNT];
    plan_new(&plan);
    for (int i = 0; i < COUNT; i++)
        plan.jobs[i].stops = i >= COUNT / 2;
    struct victim victim = {plan.journal, plan.counter, plan.mark, async};
    crew_process process = launch(variant, map_until_killed, &victim, sizeof victim);
    double begin = check_now();
    int sum = 0, last = -1; // until the journal has what there is to have
    while (sum != last && check_now() - begin < LIMIT_S) {
        while (!has_grown(&plan) && check_now() - begin < LIMIT_S)
            check_sleep(0.01);
        last = sum;
        check_sleep(0.3);
        sum = count_runs(&plan, before);
    }
    destroy(variant, process);
    CHECK(sum > 0 && sum <= COUNT / 2);
    CHECK(read_kept(&plan, kept) > 0);
    mark_set(&plan.mark, "go on");
    crew_pool pool = open_pool(2);
    CHECK_OK(map(pool, &plan, do_job, COUNT));
    check_outcomes(&plan, COUNT);
    count_runs(&plan, runs);
    for (int i = 0; i < COUNT; i++) {
        again += kept[i] && runs[i] != 1;
        twice += runs[i] > before[i] + 1;
        never += runs[i] == 0;
    }
    CHECK_INT(again, 0);
    CHECK_INT(twice, 0);
    CHECK_INT(never, 0);
    CHECK_OK(map(pool, &plan, do_job, COUNT));
    CHECK_INT(count_runs(&plan, before), count_runs(&plan, runs));
    CHECK_INT(read_kept(&plan, kept), COUNT);
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
}

static void journal_killed(const struct variant *variant)
{
    kill_map(variant, false);
}

static void journal_async_killed(const struct variant *variant)
{
    kill_map(variant, true);
}

// Whoever makes the map: results that come with messages and those in shared memory.
static int map_in_parts(void *arg)
{
    static struct plan plan;
    int runs[COUNT];
    (void)arg;
    plan_new(&plan);
    plan.jobs[10].fails = plan.jobs[200].fails = 1;
    crew_pool pool = open_pool(1);
    CHECK_STATUS(map(pool, &plan, do_job, COUNT), CREW_EDOMAIN);
    mark_set(&plan.mark, "good");
    CHECK_OK(map(pool, &plan, do_job, COUNT));
    CHECK_INT(count_runs(&plan, runs), COUNT + 2);
    check_outcomes(&plan, COUNT);
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
    return check_result();
}

static void journal_of_others(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, map_in_parts, NULL, 0)), 0);
}

// What is not the same map is refused, and nothing is run.
static void journal_refused(const struct variant *variant)
{
    static struct plan plan;
    int runs[COUNT];
    crew_task smaller = do_job;
    (void)variant;
    plan_new(&plan);
    crew_pool pool = open_pool(1);
    CHECK_OK(map(pool, &plan, do_job, COUNT));
    CHECK_STATUS(map(pool, &plan, do_other, COUNT), CREW_EBUILD);
    CHECK_CONTAINS(crew_error_message(), "another function named do_job");
    CHECK_STATUS(map(pool, &plan, do_job, COUNT - 1), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "count is 300 there and 299 here");
    smaller.result_size = 8;
    CHECK_STATUS(map(pool, &plan, smaller, COUNT), CREW_EINVAL);
    plan.jobs[COUNT - 1].number++;
    CHECK_STATUS(map(pool, &plan, do_job, COUNT), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "other items");
    CHECK_INT(plan.outcomes[0].square, 0x5555555555555555); // nothing has been touched
    CHECK_INT(plan.statuses[0], 0x55555555);
    plan.jobs[COUNT - 1].number--;
    CHECK_INT(count_runs(&plan, runs), COUNT);
    crew_map_attr attr = {.journal = plan.journal.path};
    attr.journal = "";
    CHECK_STATUS(crew_pool_map(pool, do_job, plan.jobs, plan.outcomes, COUNT, &attr), CREW_EINVAL);
    attr.journal = "/nowhere/run.db";
    CHECK_STATUS(crew_pool_map(pool, do_job, plan.jobs, plan.outcomes, COUNT, &attr), CREW_ESYSTEM);
    CHECK_CONTAINS(crew_error_message(), "/nowhere/run.db");
    CHECK_OK(crew_pool_destroy(pool));
    mark_remove(&plan.journal);
    mark_set(&plan.journal, "this is a text and not a database, and long enough for one to look at "
                            "it twice, which a file that ends sooner would not be");
    pool = open_pool(1);
    CHECK_STATUS(map(pool, &plan, do_job, COUNT), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "is no journal");
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
}

struct call {
    crew_status status;
    int times;
};

static void note_call(crew_result result, crew_status status, void *arg)
{
    struct call *call = arg;
    bool ready = false;
    CHECK_OK(crew_result_ready(result, &ready));
    CHECK(ready); // for a callback, which may get it
    *call = (struct call){status, call->times + 1};
}

// What is done is in the journal; failures are tried again.
static void begin_twice(crew_pool pool)
{
    static struct plan plan;
    int runs[COUNT];
    crew_result results[2];
    size_t count = 0;
    plan_new(&plan);
    plan.jobs[123].fails = 1;
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            mark_set(&plan.mark, "now it is good");
        CHECK_OK(begin(pool, &plan, &results[0]));
        CHECK_OK(crew_results_wait(results, 1, CREW_ALL_COMPLETED, NULL, &count, LIMIT_S));
        CHECK_INT(count, 1);
        CHECK_STATUS(crew_result_get(results[0], 0), i < 2 ? CREW_EDOMAIN : CREW_OK);
        CHECK_INT(count_runs(&plan, runs), i < 3 ? COUNT + i : COUNT + 2);
        if (i >= 2)
            check_outcomes(&plan, COUNT);
        CHECK_OK(crew_result_close(results[0]));
    }
    plan_end(&plan);
}

// The callbacks come when the results are there, and the journal is closed.
static void begin_with_callbacks(crew_pool pool)
{
    static struct plan plan;
    struct call call = {.times = 0};
    crew_result result;
    plan_new(&plan);
    crew_map_attr attr = {.journal = plan.journal.path,
                          .callback = note_call,
                          .error_callback = note_call,
                          .callback_arg = &call};
    for (int i = 1; i <= 2; i++) {
        CHECK_OK(crew_pool_map_async(pool, &result, do_job, plan.jobs, plan.outcomes, 20, &attr));
        CHECK_OK(crew_result_get(result, LIMIT_S));
        CHECK_INT(call.times, i);
        CHECK_INT(call.status, CREW_OK);
        CHECK_INT(plan.outcomes[19].square, 19 * 19);
        memset(plan.outcomes, 0x55, sizeof plan.outcomes);
    }
    mark_remove(&plan.journal);
    CHECK_OK(crew_pool_apply_async(pool, &result, do_job, &plan.jobs[3], plan.outcomes, &attr));
    CHECK_OK(crew_result_get(result, LIMIT_S));
    CHECK_INT(plan.outcomes[0].square, 9);
    CHECK_INT(call.times, 3);
    plan_end(&plan);
}

// A result that nobody wants any more has its journal all the same, and so has one whose pool ends
// in the middle.
static void begin_and_leave(bool terminates)
{
    static struct plan plan;
    int runs[COUNT];
    crew_result result;
    plan_new(&plan);
    crew_pool pool = open_pool(2);
    if (terminates)
        plan.jobs[COUNT / 2].stops = 1;
    CHECK_OK(begin(pool, &plan, &result));
    if (terminates) {
        CHECK(mark_wait(&plan.counter, COUNT / 4));
        CHECK_OK(crew_pool_terminate(pool));
        CHECK_STATUS(crew_result_get(result, LIMIT_S), CREW_ECANCELED);
    } else {
        CHECK_OK(crew_result_close(result));
        CHECK_STATUS(crew_result_get(result, 0), CREW_ENOENT);
        CHECK_OK(crew_pool_close(pool));
    }
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
    int before = count_runs(&plan, runs);
    if (!terminates)
        CHECK_INT(before, COUNT);
    mark_set(&plan.mark, "go on");
    pool = open_pool(2);
    CHECK_OK(map(pool, &plan, do_job, COUNT));
    check_outcomes(&plan, COUNT);
    int sum = count_runs(&plan, runs);
    if (terminates)
        CHECK(sum >= COUNT && sum < before + COUNT); // something was kept
    else
        CHECK_INT(sum, COUNT);
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
}

// What is wrong is known at once, and nothing is run; so is who has the journal.
static void begin_wrong(crew_pool pool)
{
    static struct plan plan;
    int runs[COUNT];
    crew_result first, second = {77};
    plan_new(&plan);
    plan.jobs[COUNT / 2].stops = 1;
    CHECK_OK(begin(pool, &plan, &first));
    CHECK_STATUS(begin(pool, &plan, &second), CREW_ESTATE);
    mark_set(&plan.mark, "go on");
    CHECK_OK(crew_result_get(first, LIMIT_S));
    CHECK_INT(count_runs(&plan, runs), COUNT);
    plan.jobs[7].number++;
    CHECK_STATUS(begin(pool, &plan, &second), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "other items");
    crew_map_attr attr = {.journal = plan.journal.path};
    CHECK_STATUS(
        crew_pool_map_async(pool, &second, do_other, plan.jobs, plan.outcomes, COUNT, &attr),
        CREW_EBUILD);
    attr.journal = "/nowhere/run.db";
    CHECK_STATUS(crew_pool_map_async(pool, &second, do_job, plan.jobs, plan.outcomes, COUNT, &attr),
                 CREW_ESYSTEM);
    CHECK_INT(second.id, 77);
    CHECK_INT(count_runs(&plan, runs), COUNT);
    plan_end(&plan);
}

// A process that leaves without a word ends its pool, and closes the journal.
static int leave_journal(void *arg)
{
    static struct plan plan;
    const struct victim *victim = arg;
    crew_result result;
    plan_new(&plan);
    plan.journal = victim->journal;
    for (int i = 0; i < COUNT; i++)
        plan.jobs[i].counter = victim->counter;
    CHECK_OK(begin(open_pool(1), &plan, &result));
    return check_result();
}

static void begin_and_exit(void)
{
    struct victim victim = {.journal = mark_new(), .counter = mark_new()};
    struct mark log = victim.journal;
    const struct variant here = {.attr = {.start_method = CREW_START_FORKSERVER}};
    CHECK_INT(finish(launch(&here, leave_journal, &victim, sizeof victim)), 0);
    strcat(log.path, "-wal");
    CHECK(mark_is_set(&victim.journal) && !mark_is_set(&log));
    mark_remove(&victim.journal);
    mark_remove(&victim.counter);
}

static void journal_async(const struct variant *variant)
{
    static struct plan plan;
    crew_result result = {77};
    (void)variant;
    plan_new(&plan);
    crew_pool pool = open_pool(2);
    crew_status status = begin(pool, &plan, &result);
    if (status == CREW_ENOTSUP) { // inside a rank there is no other thread
        CHECK_CONTAINS(crew_error_message(), "who would keep the journal?");
        CHECK_INT(result.id, 77);
        CHECK(!mark_is_set(&plan.journal));
        CHECK_OK(crew_pool_destroy(pool));
        return;
    }
    CHECK_OK(status);
    CHECK_OK(crew_result_get(result, LIMIT_S));
    begin_twice(pool);
    begin_with_callbacks(pool);
    begin_wrong(pool);
    CHECK_OK(crew_pool_destroy(pool));
    begin_and_leave(false);
    begin_and_leave(true);
    begin_and_exit();
    plan_end(&plan);
}

static void never_less(size_t done, size_t failed, size_t count, void *arg)
{
    size_t *last = arg;
    CHECK(done >= *last && done <= count);
    CHECK_INT(failed, 0);
    *last = done;
}

// No items, no results, one item; and somebody who looks on.
static void journal_edges(const struct variant *variant)
{
    static struct plan plan;
    int runs[COUNT];
    size_t last = 0;
    (void)variant;
    plan_new(&plan);
    crew_task silent = do_other;
    crew_pool pool = open_pool(2);
    CHECK_OK(map(pool, &plan, do_job, 0));
    silent.result_size = 0;
    crew_map_attr attr = {
        .journal = plan.journal.path, .on_progress = never_less, .progress_arg = &last};
    for (int i = 0; i < 2; i++) {
        last = 0;
        CHECK_OK(crew_pool_map(pool, silent, plan.jobs, NULL, COUNT, &attr));
        CHECK_INT(last, COUNT);
    }
    mark_remove(&plan.journal);
    CHECK_OK(map(pool, &plan, do_job, 1));
    CHECK_OK(map(pool, &plan, do_job, 1));
    CHECK_INT(count_runs(&plan, runs), 1);
    check_outcomes(&plan, 1);
    CHECK_OK(crew_pool_destroy(pool));
    plan_end(&plan);
}

const struct test_case program_cases[] = {
    {"journal-twice", journal_twice, CASE_ONCE},
    {"journal-failures", journal_failures, CASE_ONCE},
    {"journal-killed", journal_killed, CASE_KILLABLE | CASE_MAIN},
    {"journal-of-others", journal_of_others, CASE_MAIN},
    {"journal-refused", journal_refused, CASE_ONCE},
    {"journal-async", journal_async, CASE_ONCE},
    {"journal-async-killed", journal_async_killed, CASE_KILLABLE | CASE_MAIN},
    {"journal-edges", journal_edges, CASE_ONCE},
    {0},
};

int main(int argc, char **argv)
{
    int code = crew_run(argc, argv, cases_main);
    return code ? code : check_failures() != 0;
}
