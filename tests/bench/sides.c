/* SPDX-License-Identifier: BSD-3-Clause */
#include "sides.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One case that runs. */
struct run {
    const struct bench_mode *mode;
    struct bench_side *sides;
    crew_process *processes; /* as many; 0 for the main process */
    int count;
    bool from_main;
};

bool bench_good(crew_status status)
{
    return status == CREW_OK || bench_wrong(crew_error_message());
}

bool bench_wrong(const char *reason)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, reason);
    return false;
}

int bench_report(const struct bench_side *side, bench_block *block, void *context)
{
    struct bench_result result;
    if (!bench_measure(&side->settings, block, context, &result))
        return 1;
    bench_print("crew", side->settings.place, &side->which, &result);
    return 0;
}

int bench_one_other(const struct bench_case *which)
{
    (void)which;
    return 1;
}

bool bench_put_number(crew_queue queue, long number)
{
    return bench_good(crew_queue_put(queue, &number, sizeof number, CREW_FOREVER));
}

bool bench_get_number(crew_queue queue, long *number)
{
    return bench_good(crew_queue_get(queue, number, sizeof *number, NULL, CREW_FOREVER));
}

crew_status bench_make_orders(struct bench_side *sides, int count)
{
    crew_status status = CREW_OK;
    for (int i = 1; i < count && !status; i++) {
        status = crew_queue_create(&sides[0].orders[i - 1], NULL);
        sides[i].orders[0] = sides[0].orders[i - 1];
    }
    return status;
}

bool bench_order(const struct bench_side *side, long count)
{
    bool done = true;
    for (int i = 0; i < side->others && done; i++)
        done = bench_put_number(side->orders[i], count);
    return done;
}

bool bench_next_order(const struct bench_side *side, long *count)
{
    return bench_get_number(side->orders[0], count);
}

static const struct bench_mode *find_mode(const struct bench_program *program, const char *name)
{
    for (size_t i = 0; program->lists[i]; i++)
        for (const struct bench_mode *mode = program->lists[i]; mode->name; mode++)
            if (strcmp(mode->name, name) == 0)
                return mode;
    return NULL;
}

static bool place_is(const struct run *run, const char *place)
{
    return strcmp(run->sides[0].settings.place, place) == 0;
}

static int rank_of(const struct run *run, int side)
{
    const int ranks = crew_rank_count();
    if (run->mode->from_main && side > 0)
        return (side - 1) % ranks;
    if (ranks == 1 || place_is(run, "children"))
        return 0;
    if (side == 0)
        return run->count == 1 ? 1 : 0;
    return 1 + (side - 1) % (ranks - 1);
}

static bool start(struct run *run, int side)
{
    const bool child = place_is(run, "children") || place_is(run, "apart");
    const crew_process_attr attr = {
        .start_method = child ? CREW_START_FORKSERVER : CREW_START_RANK,
        .placement = CREW_ON_RANK(rank_of(run, side)),
    };
    return bench_good(crew_process_create(&run->processes[side],
                                          side == 0 ? run->mode->measure : run->mode->serve,
                                          &run->sides[side], sizeof run->sides[side], &attr)) &&
           bench_good(crew_process_start(run->processes[side]));
}

static bool join(struct run *run, int side)
{
    const crew_process process = run->processes[side];
    int exit_code = 0;
    return bench_good(crew_process_join(process, CREW_FOREVER)) &&
           bench_good(crew_process_exitcode(process, &exit_code)) &&
           bench_good(crew_process_close(process)) &&
           (exit_code == 0 || bench_wrong("a side has failed"));
}

/* The others run first, so that side 0 finds them waiting. */
static bool run_sides(struct run *run)
{
    const int first = run->from_main ? 1 : 0;
    for (int side = run->count - 1; side >= first; side--)
        if (!start(run, side))
            return false;
    for (int side = first; side < run->count && run->mode->started; side++)
        run->mode->started(&run->sides[side]);
    if (run->from_main && run->mode->measure(&run->sides[0]) != 0)
        return false;
    bool done = true;
    for (int side = first; side < run->count; side++)
        done = join(run, side) && done;
    return done;
}

static void close_side(const struct run *run, struct bench_side *side)
{
    if (run->mode->close)
        run->mode->close(side);
    for (int i = 0; i < BENCH_MOST_SIDES; i++)
        if (side->orders[i].id)
            crew_queue_close(side->orders[i]);
}

static bool make_and_run(struct run *run)
{
    bool done = bench_good(run->mode->make(run->sides, run->count)) && run_sides(run);
    for (int side = 0; side < run->count; side++)
        close_side(run, &run->sides[side]);
    return done;
}

/* Which mode, and how many sides. */
static bool choose(struct run *run, const struct bench_program *program,
                   const struct bench_settings *settings, const struct bench_case *which)
{
    run->mode = find_mode(program, which->mode);
    if (!run->mode || which->size < program->least_size)
        return bench_wrong("there is no such case");
    run->count = 1 + (run->mode->others ? run->mode->others(which) : 0);
    if (run->count > BENCH_MOST_SIDES)
        return bench_wrong("too many producers, parties or ranks");
    run->from_main = run->mode->from_main || strcmp(settings->place, "main") == 0;
    if (run->count > 1 && strcmp(settings->place, "children") != 0 && crew_rank_count() < 2)
        return bench_wrong("that place needs two ranks or more");
    return true;
}

static bool run_case(const struct bench_program *program, const struct bench_settings *settings,
                     const char *word)
{
    struct bench_case which;
    struct run run = {0};
    if (!bench_case_read(&which, word))
        return bench_wrong("there is no such case");
    if (!choose(&run, program, settings, &which))
        return false;
    run.sides = calloc((size_t)run.count, sizeof *run.sides);
    run.processes = calloc((size_t)run.count, sizeof *run.processes);
    bool done = run.sides && run.processes;
    for (int side = 0; side < run.count && done; side++)
        run.sides[side] =
            (struct bench_side){.settings = *settings, .which = which, .others = run.count - 1};
    done = done && make_and_run(&run);
    free(run.processes);
    free(run.sides);
    return done;
}

static bool is_place(const char *word)
{
    static const char *const places[] = {"children", "apart", "ranks", "main"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(places[i], word) == 0)
            return true;
    return false;
}

int bench_sides_main(const struct bench_program *program, int argc, char **argv)
{
    struct bench_settings settings;
    int first = 0;
    if (!bench_settings_read(&settings, argc, argv, &first) || !is_place(settings.place)) {
        fprintf(stderr,
                "usage: %s --place children|apart|ranks|main [--seconds S (0.05)] [--count N] "
                "MODE[:SIZE[:EXTRA]]...\n",
                program_invocation_short_name);
        return 2;
    }
    for (int i = first; i < argc; i++)
        if (!run_case(program, &settings, argv[i]))
            return 1;
    return 0;
}
