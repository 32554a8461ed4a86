/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What pools are measured beside: the same empty tasks over hand-written MPI. Rank 0 hands out
 * messages of so many items on demand, and receives their results into their place.
 *
 *   single:SIZE:WINDOW   one item in a message, WINDOW messages in flight for each worker
 *   auto:SIZE:WINDOW     64 items in a message
 */
#include "mpi_main.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define MANY 64

enum { TAG_ITEMS = 1, TAG_RESULTS = 2 };

struct load {
    size_t size;
    long each; /* items in a message */
    int window, workers;
};

struct master {
    const struct load *load;
    const char *items;
    long *results;
    long next, count;
    MPI_Request *receives; /* workers * window; slot i belongs to worker i % workers */
};

/* Results of a worker match the receives in the order in which these were posted, which is the
 * order in which the worker got the items. */
static void hand_out(struct master *master, int slot)
{
    const struct load *load = master->load;
    const int worker = slot % load->workers + 1;
    const long left = master->count - master->next, each = left < load->each ? left : load->each;
    if (left == 0)
        return;
    MPI_Irecv(master->results + master->next, (int)each, MPI_LONG, worker, TAG_RESULTS,
              MPI_COMM_WORLD, &master->receives[slot]);
    MPI_Send(master->items + (size_t)master->next * load->size, (int)((size_t)each * load->size),
             MPI_BYTE, worker, TAG_ITEMS, MPI_COMM_WORLD);
    master->next += each;
}

static void run_master(struct master *master)
{
    const int slots = master->load->workers * master->load->window;
    int *done = calloc((size_t)slots, sizeof *done), count = 0;
    for (int slot = 0; slot < slots; slot++)
        hand_out(master, slot);
    for (;;) {
        MPI_Waitsome(slots, master->receives, &count, done, MPI_STATUSES_IGNORE);
        if (count == MPI_UNDEFINED)
            break;
        for (int i = 0; i < count; i++)
            hand_out(master, done[i]);
    }
    free(done);
}

static bool run_block(void *context, long count, double *seconds)
{
    const struct load *load = context;
    const int slots = load->workers * load->window;
    char *items = bench_buffer((size_t)count * load->size);
    long *results = bench_buffer((size_t)count * sizeof *results);
    MPI_Request *receives = calloc((size_t)slots, sizeof(MPI_Request));
    bool right = items && results && receives;
    for (int i = 0; i < slots && right; i++)
        receives[i] = MPI_REQUEST_NULL;
    for (long i = 0; i < count && right; i++)
        bench_stamp(items + (size_t)i * load->size, load->size, i);
    struct master master = {load, items, results, 0, count, receives};
    const double begin = bench_clock();
    if (right)
        run_master(&master);
    *seconds = bench_clock() - begin;
    for (long i = 0; i < count && right; i++)
        right = results[i] == i;
    free(items);
    free(results);
    free(receives);
    return right;
}

/* An empty message is the end. */
static void serve(const struct load *load)
{
    char *items = bench_buffer((size_t)load->each * load->size);
    long results[MANY];
    for (;;) {
        MPI_Status status;
        int bytes = 0;
        MPI_Recv(items, (int)((size_t)load->each * load->size), MPI_BYTE, 0, TAG_ITEMS,
                 MPI_COMM_WORLD, &status);
        MPI_Get_count(&status, MPI_BYTE, &bytes);
        const long count = bytes / (long)load->size;
        if (count == 0)
            break;
        for (long i = 0; i < count; i++)
            memcpy(&results[i], items + (size_t)i * load->size, sizeof results[i]);
        MPI_Send(results, (int)count, MPI_LONG, 0, TAG_RESULTS, MPI_COMM_WORLD);
    }
    free(items);
}

static bool run_case(const struct bench_settings *settings, const char *word)
{
    struct bench_case which;
    struct bench_result result;
    int rank = 0, ranks = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (!bench_case_read(&which, word) || which.size < sizeof(long) || ranks < 2)
        return false;
    const bool many = strcmp(which.mode, "auto") == 0;
    struct load load = {which.size, many ? MANY : 1, (int)which.extra, ranks - 1};
    if (!many && strcmp(which.mode, "single") != 0)
        return false;
    if (rank > 0) {
        serve(&load);
        return true;
    }
    const bool measured = bench_measure(settings, run_block, &load, &result);
    for (int worker = 1; worker < ranks; worker++)
        MPI_Send(NULL, 0, MPI_BYTE, worker, TAG_ITEMS, MPI_COMM_WORLD);
    if (measured)
        bench_print("mpi", "ranks", &which, &result);
    return measured;
}

int main(int argc, char **argv)
{
    return bench_mpi_main(
        argc, argv, run_case,
        "bench_tasks_mpi [--seconds S] [--count N] single|auto:SIZE:WINDOW (on 2 ranks and more)");
}
