/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What crew's processes share: locks, semaphores, conditions, events and barriers, values and
 * arrays, lists and dicts, and the barrier of a team. Peers: shared_mpi.c, shared_posix.c,
 * shared.py.
 */
#include "shared.h"

struct measured {
    const struct bench_side *side;
    shared_block *block;
    double share;
};

static bool run_block(void *context, long count, double *seconds)
{
    const struct measured *measured = context;
    if (!bench_order(measured->side, count))
        return false;
    const double begin = bench_clock();
    const bool done = measured->block(measured->side, count);
    *seconds = measured->share * (bench_clock() - begin);
    return done;
}

int shared_measure(const struct bench_side *side, shared_block *block, double share)
{
    struct measured measured = {side, block, share};
    const int exit_code = bench_report(side, run_block, &measured);
    return exit_code || !bench_order(side, 0);
}

int shared_serve(const struct bench_side *side, shared_block *block)
{
    long count = 0;
    bool done = bench_next_order(side, &count);
    while (done && count > 0)
        done = block(side, count) && bench_next_order(side, &count);
    return !done;
}

int shared_parties(const struct bench_case *which)
{
    return (int)which->size - 1;
}

crew_status shared_hand_out(struct bench_side *sides, int count, crew_status status)
{
    for (int i = 1; i < count; i++)
        sides[i].handles = sides[0].handles;
    return status ? status : bench_make_orders(sides, count);
}

static int app(int argc, char **argv)
{
    static const struct bench_mode *const lists[] = {shared_lock_modes, shared_wait_modes,
                                                     shared_data_modes, shared_container_modes,
                                                     shared_team_modes, NULL};
    return bench_sides_main(&(struct bench_program){.lists = lists, .least_size = 1}, argc, argv);
}

CREW_MAIN(app)
