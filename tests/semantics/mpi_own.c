// SPDX-License-Identifier: BSD-3-Clause
// A program that calls MPI's start and end itself.
//
// usage: mpi_own WHEN
//   plain     no crew at all
//   before    MPI_Init, then crew_run(), which refuses; MPI goes on
//   over      the same after MPI_Finalize
//   init, init-thread, finalize      in the main function that crew_run() calls
//   again     MPI_Init after crew_run()
#include <crew/crew.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

static const char *when = "";

static int share(void)
{
    int rank, size, sum = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("rank %d of %d\n", rank, size);
    return sum != size * (size - 1) / 2;
}

// What crew_run() does not refuse has to work.
static int call_mpi(const char *what)
{
    int provided;
    if (strcmp(what, "init") == 0 || strcmp(what, "again") == 0)
        MPI_Init(NULL, NULL);
    else if (strcmp(what, "init-thread") == 0)
        MPI_Init_thread(NULL, NULL, MPI_THREAD_SINGLE, &provided);
    else if (strcmp(what, "finalize") == 0)
        return MPI_Finalize();
    else
        return 1;
    return share() + MPI_Finalize();
}

static int app(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("app\n");
    return strcmp(when, "again") == 0 ? 0 : call_mpi(when);
}

static int start_early(int argc, char **argv)
{
    int code = 1;
    MPI_Init(&argc, &argv);
    if (strcmp(when, "before") == 0)
        code = crew_run(argc, argv, app) == 1 ? share() : 2;
    MPI_Finalize();
    if (strcmp(when, "over") == 0)
        code = crew_run(argc, argv, app) == 1 ? 0 : 2;
    return code;
}

int main(int argc, char **argv)
{
    when = argc > 1 ? argv[1] : "";
    if (strcmp(when, "before") == 0 || strcmp(when, "over") == 0)
        return start_early(argc, argv);
    if (strcmp(when, "plain") == 0) {
        MPI_Init(&argc, &argv);
        int code = share();
        MPI_Finalize();
        return code;
    }
    int code = crew_run(argc, argv, app);
    return strcmp(when, "again") == 0 ? call_mpi(when) : code;
}
