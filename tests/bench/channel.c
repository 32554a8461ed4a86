/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages over crew's pipes and queues. Peers: channel_mpi.c, channel_floor.c, channel.py.
 *
 * --place says where the sides are: children, all on rank 0; apart, side 0 on rank 0 and the others
 * on other ranks; ranks, the same with CREW_START_RANK; main, the same with the main process as
 * side 0.
 */
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One case that runs. */
struct run {
    const struct channel_mode *mode;
    struct channel_side *sides;
    crew_process *processes; /* as many; 0 for the main process */
    int count;
    bool from_main;
};

bool channel_good(crew_status status)
{
    return status == CREW_OK || channel_wrong(crew_error_message());
}

bool channel_wrong(const char *reason)
{
    fprintf(stderr, "bench_channel: %s\n", reason);
    return false;
}

int channel_report(const struct channel_side *side, channel_block *block, void *context)
{
    struct channel_result result;
    if (!channel_measure(&side->settings, block, context, &result))
        return 1;
    channel_print("crew", side->settings.place, &side->which, &result);
    return 0;
}

int channel_one_other(const struct channel_case *which)
{
    (void)which;
    return 1;
}

static const struct channel_mode *find_mode(const char *name)
{
    const struct channel_mode *const lists[] = {channel_pipe_modes, channel_queue_modes};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const struct channel_mode *mode = lists[i]; mode->name; mode++)
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
    if (side == 0 || ranks == 1 || place_is(run, "children"))
        return 0;
    return 1 + (side - 1) % (ranks - 1);
}

static bool start(struct run *run, int side)
{
    const bool child = place_is(run, "children") || place_is(run, "apart");
    const crew_process_attr attr = {
        .start_method = child ? CREW_START_FORKSERVER : CREW_START_RANK,
        .placement = CREW_ON_RANK(rank_of(run, side)),
    };
    return channel_good(crew_process_create(&run->processes[side],
                                            side == 0 ? run->mode->measure : run->mode->serve,
                                            &run->sides[side], sizeof run->sides[side], &attr)) &&
           channel_good(crew_process_start(run->processes[side]));
}

static bool join(struct run *run, int side)
{
    const crew_process process = run->processes[side];
    int exit_code = 0;
    return channel_good(crew_process_join(process, CREW_FOREVER)) &&
           channel_good(crew_process_exitcode(process, &exit_code)) &&
           channel_good(crew_process_close(process)) &&
           (exit_code == 0 || channel_wrong("a side has failed"));
}

/* The others run first, so that side 0 finds them waiting. Of a pipe's ends the sides have the only
 * copies from then on: one that fails is seen by the other. */
static bool run_sides(struct run *run)
{
    const int first = run->from_main ? 1 : 0;
    for (int side = run->count - 1; side >= first; side--)
        if (!start(run, side))
            return false;
    for (int side = first; side < run->count; side++)
        crew_connection_close(run->sides[side].connection);
    if (run->from_main && run->mode->measure(&run->sides[0]) != 0)
        return false;
    bool done = true;
    for (int side = first; side < run->count; side++)
        done = join(run, side) && done;
    return done;
}

static void close_handles(const struct channel_side *side)
{
    crew_connection_close(side->connection);
    crew_queue_close(side->items);
    crew_queue_close(side->back);
    for (int i = 0; i < CHANNEL_MOST_SIDES; i++)
        if (side->orders[i].id)
            crew_queue_close(side->orders[i]);
}

static bool make_and_run(struct run *run)
{
    bool done = channel_good(run->mode->make(run->sides, run->count)) && run_sides(run);
    for (int side = 0; side < run->count; side++)
        close_handles(&run->sides[side]);
    return done;
}

static bool run_case(const struct channel_settings *settings, const char *word)
{
    struct channel_case which;
    struct run run = {0};
    if (channel_case_read(&which, word))
        run.mode = find_mode(which.mode);
    if (!run.mode)
        return channel_wrong("there is no such case");
    run.count = 1 + run.mode->others(&which);
    if (run.count > CHANNEL_MOST_SIDES)
        return channel_wrong("too many producers or ranks");
    run.sides = calloc((size_t)run.count, sizeof *run.sides);
    run.processes = calloc((size_t)run.count, sizeof *run.processes);
    bool done = run.sides && run.processes;
    for (int side = 0; side < run.count && done; side++)
        run.sides[side] =
            (struct channel_side){.settings = *settings, .which = which, .others = run.count - 1};
    if (done) {
        run.from_main = run.mode->from_main || place_is(&run, "main");
        done = make_and_run(&run);
    }
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

static int app(int argc, char **argv)
{
    struct channel_settings settings;
    int first = 0;
    if (!channel_settings_read(&settings, argc, argv, &first) || !is_place(settings.place)) {
        fprintf(stderr, "usage: bench_channel --place children|apart|ranks|main "
                        "[--seconds S (0.05)] [--count N] MODE:SIZE[:EXTRA]...\n");
        return 2;
    }
    if (strcmp(settings.place, "children") != 0 && crew_rank_count() < 2)
        return !channel_wrong("that place needs two ranks or more");
    for (int i = first; i < argc; i++)
        if (!run_case(&settings, argv[i]))
            return 1;
    return 0;
}

CREW_MAIN(app)
