// SPDX-License-Identifier: BSD-3-Clause
// A program that calls MPI's start and end itself.
//
// usage: mpi_own plain   no crew at all
#include <mpi.h>
#include <stdio.h>
#include <string.h>

static int run_plain(int argc, char **argv)
{
    int rank, size, sum = 0;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("rank %d of %d\n", rank, size);
    MPI_Finalize();
    return sum != size * (size - 1) / 2;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "plain") == 0)
        return run_plain(argc, argv);
    return 99;
}
