/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI's start and end are crew_run()'s. A program that calls them itself gets these functions,
 * which stand before MPI's own in the order in which the loader looks for symbols: the profiling
 * interface that the standard offers for that. While crew_run() has MPI running they refuse, for
 * MPI would abort the job without saying why; otherwise they pass the call on.
 *
 * Where the program is linked so that MPI comes first, MPI's own message has to do. */
#include "transport/mpi_transport.h"

#include "base/error.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic enum crewi_mpi_use mpi_use;

void crewi_mpi_note_use(enum crewi_mpi_use use)
{
    atomic_store(&mpi_use, use);
}

static void say(const char *call, const char *where, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "crew: %s()%s: %s\n", call, where, why);
    fflush(stderr);
}

/* Comes back when the call may be passed on. An error of these calls ends the job, as with MPI:
 * most programs do not look at what they return. */
static void check_use(const char *call)
{
    enum crewi_mpi_use use = atomic_load(&mpi_use);
    if (use == CREWI_MPI_IN_USE) {
        char where[32];
        int rank = 0;
        PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
        snprintf(where, sizeof where, " on rank %d", rank);
        say(call, where,
            "crew_run() starts and ends MPI itself. Use crew_mpi_comm() of <crew/mpi.h>, and "
            "leave out MPI_Init and MPI_Finalize");
        PMPI_Abort(MPI_COMM_WORLD, 1);
    }
    if (use == CREWI_MPI_USED) {
        say(call, "", "crew_run() has ended MPI, which can be started only once");
        exit(1);
    }
}

CREW_API int MPI_Init(int *argc, char ***argv)
{
    check_use("MPI_Init");
    return PMPI_Init(argc, argv);
}

CREW_API int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    check_use("MPI_Init_thread");
    return PMPI_Init_thread(argc, argv, required, provided);
}

CREW_API int MPI_Finalize(void)
{
    check_use("MPI_Finalize");
    return PMPI_Finalize();
}

crew_status crewi_transport_check_unused(void)
{
    int begun = 0, over = 0, rank = 0;
    PMPI_Initialized(&begun);
    if (!begun)
        return CREW_OK;
    PMPI_Finalized(&over);
    if (!over)
        PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 0)
        crewi_error_word(
            "MPI_Init() was called before crew_run(), which starts MPI itself, after it "
            "has forked the helper that starts processes. Call crew_run() first; "
            "crew_mpi_comm() of <crew/mpi.h> gives its main function a communicator");
    else
        crewi_error_clear();
    return CREW_ESTATE;
}
