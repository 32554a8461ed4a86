/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * MPI beside crew: a communicator for the code that runs in the ranks themselves.
 *
 * Processes with ::CREW_START_RANK, and the main process, run in MPI processes and may call MPI.
 * Started one on each rank, they are an MPI program of their own:
 *
 * @code
 * #include <crew/crew.h>
 * #include <crew/mpi.h>
 *
 * static int sum(void *arg)
 * {
 *     MPI_Comm comm;
 *     double part = work(arg), all;
 *     if (crew_mpi_comm(&comm))
 *         return 1;
 *     MPI_Allreduce(&part, &all, 1, MPI_DOUBLE, MPI_SUM, comm);
 *     return 0;
 * }
 * @endcode
 *
 * Not part of <crew/crew.h>: it needs <mpi.h>. A program that includes it starts MPI with
 * MPI_THREAD_MULTIPLE, for crew's engine calls MPI at the same time; without it crew asks for
 * MPI_THREAD_SERIALIZED. MPI_Init and MPI_Finalize are crew_run()'s: called by the program, they
 * print a message and end the job. crew_process_terminate() does
 * not end a process that waits in an MPI call.
 */
#ifndef CREW_MPI_H
#define CREW_MPI_H

#include <crew/status.h>
#include <mpi.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What crew_mpi_comm() calls. @p size is that of the program's MPI_Comm, to find out whether it
 * was built with the same MPI as crew. */
CREW_API crew_status crew_mpi_comm_copy(void *comm, size_t size);

/** Says that the program calls MPI; every file that includes this header does, before main. */
CREW_API void crew_mpi_announce(void);

/**
 * The communicator of all ranks of the job, in their order, a duplicate of MPI_COMM_WORLD that crew
 * itself does not use. It is the same one at each call, and not to be freed. Does not block. MPI:
 * MPI_Comm_dup.
 *
 * @return ::CREW_ENOTSUP the caller is a child beside its rank, which is no MPI process, or the job
 * runs without MPI (it was not started by mpirun); ::CREW_ESTATE outside crew_run(); ::CREW_EINVAL
 * comm is NULL; ::CREW_EBUILD the program was built with another MPI
 */
static inline crew_status crew_mpi_comm(MPI_Comm *comm)
{
    return crew_mpi_comm_copy(comm, sizeof *comm);
}

__attribute__((constructor, used)) static void crew_mpi_announce_this_file(void)
{
    crew_mpi_announce();
}

#ifdef __cplusplus
}
#endif

#endif
