/* SPDX-License-Identifier: BSD-3-Clause */
#include "mpi_main.h"

#include <mpi.h>
#include <stdio.h>

int bench_mpi_main(int argc, char **argv, bench_mpi_case *run_case, const char *usage)
{
    struct bench_settings settings;
    int first = 0;
    MPI_Init(&argc, &argv);
    bool right = bench_settings_read(&settings, argc, argv, &first);
    for (int i = first; i < argc && right; i++)
        right = run_case(&settings, argv[i]);
    if (!right) {
        fprintf(stderr, "usage: %s\n", usage);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    MPI_Finalize();
    return 0;
}
