/* SPDX-License-Identifier: BSD-3-Clause */
/* What teams are measured beside: MPI_Barrier of all ranks; team:RANKS. */
#include "mpi_main.h"

#include <mpi.h>
#include <string.h>

static bool meet(void *context, long count, double *seconds)
{
    (void)context;
    MPI_Bcast(&count, 1, MPI_LONG, 0, MPI_COMM_WORLD);
    const double begin = bench_clock();
    for (long i = 0; i < count; i++)
        MPI_Barrier(MPI_COMM_WORLD);
    *seconds = bench_clock() - begin;
    return true;
}

static void serve(void)
{
    for (long count = 1; count > 0;) {
        MPI_Bcast(&count, 1, MPI_LONG, 0, MPI_COMM_WORLD);
        for (long i = 0; i < count; i++)
            MPI_Barrier(MPI_COMM_WORLD);
    }
}

static bool run(const struct bench_settings *settings, const char *word)
{
    struct bench_case which;
    struct bench_result result;
    int rank = 0, ranks = 0;
    long last = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (!bench_case_read(&which, word) || strcmp(which.mode, "team") != 0 ||
        which.size != (size_t)ranks)
        return false;
    if (rank > 0) {
        serve();
    } else if (bench_measure(settings, meet, NULL, &result)) {
        MPI_Bcast(&last, 1, MPI_LONG, 0, MPI_COMM_WORLD);
        bench_print("mpi", "ranks", &which, &result);
    }
    return true;
}

int main(int argc, char **argv)
{
    return bench_mpi_main(argc, argv, run,
                          "bench_shared_mpi [--seconds S (0.05)] [--count N] team:RANKS");
}
