/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tasks of schedules.c over hand-written MPI. --place static: each rank runs an equal block of
 * them, and their times are gathered. --place dynamic: rank 0 hands them out one by one, two in
 * flight for each of the others. All ranks know the lengths.
 */
#include "mpi_main.h"
#include "uneven.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 3
#define TASKS_EACH 1000
#define WINDOW 2

enum { TAG_TASK = 1, TAG_TIME = 2 };

struct load {
    struct bench_case which;
    bool is_static;
    int rank, ranks;
    long count;
    long *items;
    double *tasks_s;
    int *counts, *begins;
};

static void run_static(const struct load *load)
{
    const int begin = load->begins[load->rank], count = load->counts[load->rank];
    double *mine = load->tasks_s + begin;
    for (int i = 0; i < count; i++)
        mine[i] = uneven_run(load->items[begin + i]);
    MPI_Gatherv(load->rank == 0 ? MPI_IN_PLACE : mine, count, MPI_DOUBLE, load->tasks_s,
                load->counts, load->begins, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

/* -1 is the end. */
static void serve(const struct load *load)
{
    for (;;) {
        long index = -1;
        MPI_Recv(&index, 1, MPI_LONG, 0, TAG_TASK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (index < 0)
            return;
        const double seconds = uneven_run(load->items[index]);
        MPI_Send(&seconds, 1, MPI_DOUBLE, 0, TAG_TIME, MPI_COMM_WORLD);
    }
}

/* A worker's times come in the order in which it got the tasks. */
static void run_master(const struct load *load)
{
    const int slots = (load->ranks - 1) * WINDOW;
    MPI_Request *receives = malloc((size_t)slots * sizeof(MPI_Request));
    long next = 0, end = -1;
    for (int slot = 0, done = slot; receives && done != MPI_UNDEFINED; slot++) {
        if (slot >= slots)
            MPI_Waitany(slots, receives, &done, MPI_STATUS_IGNORE);
        else
            receives[done = slot] = MPI_REQUEST_NULL;
        if (done == MPI_UNDEFINED || next == load->count)
            continue;
        const int worker = done % (load->ranks - 1) + 1;
        MPI_Irecv(&load->tasks_s[next], 1, MPI_DOUBLE, worker, TAG_TIME, MPI_COMM_WORLD,
                  &receives[done]);
        MPI_Send(&next, 1, MPI_LONG, worker, TAG_TASK, MPI_COMM_WORLD);
        next++;
    }
    free(receives);
    for (int worker = 1; worker < load->ranks; worker++)
        MPI_Send(&end, 1, MPI_LONG, worker, TAG_TASK, MPI_COMM_WORLD);
}

static double run_block(const struct load *load)
{
    memset(load->tasks_s, 0, (size_t)load->count * sizeof *load->tasks_s);
    MPI_Barrier(MPI_COMM_WORLD);
    const double begin = bench_clock();
    if (load->is_static)
        run_static(load);
    else if (load->rank == 0)
        run_master(load);
    else
        serve(load);
    return uneven_over_ideal(bench_clock() - begin, load->tasks_s, load->count, load->which.extra);
}

static int compare(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static bool measure(const struct load *load, const char *place)
{
    double blocks[BLOCKS + 1];
    for (int i = 0; i <= BLOCKS; i++) /* the first one makes everything ready */
        blocks[i] = run_block(load);
    qsort(blocks + 1, BLOCKS, sizeof *blocks, compare);
    const struct bench_result result = {load->count, blocks[1 + BLOCKS / 2]};
    if (load->rank > 0)
        return true;
    bench_print("mpi", place, &load->which, &result);
    return blocks[1] > 0;
}

static bool make(struct load *load)
{
    const size_t count = (size_t)load->count, ranks = (size_t)load->ranks;
    load->items = malloc(count * sizeof *load->items);
    load->tasks_s = malloc(count * sizeof *load->tasks_s);
    load->counts = malloc(ranks * sizeof *load->counts);
    load->begins = malloc(ranks * sizeof *load->begins);
    if (!load->items || !load->tasks_s || !load->counts || !load->begins)
        return false;
    for (long i = 0; i < load->ranks; i++) {
        load->begins[i] = (int)(load->count * i / load->ranks);
        load->counts[i] = (int)(load->count * (i + 1) / load->ranks) - load->begins[i];
    }
    return uneven_choose(load->which.mode, (long)load->which.size, load->count, load->items);
}

static bool run_case(const struct bench_settings *settings, const char *word)
{
    struct load load = {.is_static = strcmp(settings->place, "static") == 0};
    MPI_Comm_rank(MPI_COMM_WORLD, &load.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &load.ranks);
    if (!bench_case_read(&load.which, word) ||
        (!load.is_static && (strcmp(settings->place, "dynamic") != 0 || load.ranks < 2)))
        return false;
    load.count = (settings->count ? settings->count : TASKS_EACH) * load.which.extra;
    const bool right = make(&load) && measure(&load, settings->place);
    free(load.items);
    free(load.tasks_s);
    free(load.counts);
    free(load.begins);
    return right;
}

int main(int argc, char **argv)
{
    return bench_mpi_main(
        argc, argv, run_case,
        "bench_schedules_mpi --place static|dynamic [--count N] "
        "even|random|rising|bimodal:ITERATIONS:CORES... (dynamic: on 2 ranks and more)");
}
