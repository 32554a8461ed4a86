/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The start and the end of a program, and what job it is part of.
 *
 * A program hands its main function to crew_run(), which starts everything in this order: the fork
 * server, while the program still has one thread and no MPI state; MPI; the check that every rank
 * runs the same build. Then rank 0 calls the function as the process `MainProcess`, and the other
 * ranks serve until it is done. With no mpirun there is one rank, and MPI is not started at all.
 *
 * @code
 * static int app(int argc, char **argv) { ... }
 * CREW_MAIN(app)
 * @endcode
 *
 * Call it first thing in main: what main does before runs on every rank, and its memory is what
 * every process starts from.
 */
#ifndef CREW_RUN_H
#define CREW_RUN_H

#include <crew/status.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header. */
#define CREW_VERSION "0.1.0"

/** The version of the library that is loaded, "0.1.0" for example. Never NULL, valid for ever. */
CREW_API const char *crew_version(void);

/**
 * Runs @p app as the main process of the job, and ends the job when it returns or calls exit().
 *
 * When @p app ends, pools that it had closed finish their work, daemon processes and open pools are
 * terminated, and other processes are waited for, as at the end of a Python program
 * (<crew/finalize.h> has the order). A daemon, or a worker of such a pool, that has not ended two
 * seconds after its SIGTERM (it ignores or blocks it, is stopped, or has become another program) is
 * killed, and a warning names it; Python waits for it for ever. Arrays of @p app that a map of an
 * open pool was to use may go with it: nothing is written to them any more.
 *
 * Blocks until the job is over. Returns on every
 * rank: on rank 0 what @p app returned, on the others 0; 1 with a message on stderr when the job
 * could not start, or, in place of 0, when something that processes of this rank printed could not
 * be written (a full disk). Not to be called twice, nor from a process.
 *
 * Signals: what a launcher passes on to all ranks (mpirun, Slurm's --signal: SIGUSR1, SIGUSR2,
 * SIGALRM) is for the main process. Install handlers in @p app; the other ranks do nothing at these
 * signals then, unless the program has set something else before crew_run(). Children do not get
 * them from mpirun.
 *
 * Standard output becomes line-buffered, so that lines of several processes do not mix; those of
 * children go through their fork server for that. A standard stream that is closed is opened to
 * /dev/null first.
 *
 * MPI: MPI_Init_thread and MPI_Finalize happen inside, so a program must not call them itself. With
 * MPI started before, crew_run() returns 1 and MPI goes on. In @p app, under mpirun, they print a
 * message and end the job; crew_mpi_comm() of <crew/mpi.h> gives a communicator. MPI cannot be
 * started again after crew_run().
 *
 * @param argc  as main got them
 * @param argv  as main got them. The strings are copied for @p app: the originals become the titles
 * that `ps` shows.
 * @param app   the main function of the program
 */
CREW_API int crew_run(int argc, char **argv, int (*app)(int argc, char **argv));

/** A main() that does nothing but crew_run(). */
#define CREW_MAIN(app)                    \
    int main(int argc, char **argv)       \
    {                                     \
        return crew_run(argc, argv, app); \
    }

/**
 * The number of ranks in the job, from 1. Does not block; from the main process and from any
 * process. 0 outside crew_run(). MPI: MPI_Comm_size.
 */
CREW_API int crew_rank_count(void);

/** The number of hosts that the ranks are on, as MPI sees them (its shared-memory domains): ranks
 * in containers of one machine may be on one host, and out of each other's reach nonetheless. 0
 * outside crew_run(). Does not block. */
CREW_API int crew_host_count(void);

/**
 * The number of cores that processes of a rank may use: those in its CPU affinity mask, counted by
 * hwloc, and no more than the CPU quotas of its control groups let run at a time, rounded up.
 * Python: os.process_cpu_count, which knows nothing of quotas. Does not block.
 *
 * @param rank  a rank, or ::CREW_ALL_RANKS for the cores of all hosts, each counted once
 * @return the number of cores, 0 for a rank that there is not and outside crew_run()
 */
CREW_API int crew_cpu_count(int rank);
#define CREW_ALL_RANKS (-1)

/** The name of the host that a rank is on; "" for a rank that there is not. Valid until the job
 * ends. Does not block. */
CREW_API const char *crew_rank_host(int rank);

/** The rank that the calling process runs on; -1 outside crew_run(). Does not block. MPI:
 * MPI_Comm_rank. */
CREW_API int crew_current_rank(void);

/** Prints the environment variables that crew reads, for a program's --help: two lines each.
 * Nothing, where stream is NULL. */
CREW_API void crew_options_print(FILE *stream);

#ifdef __cplusplus
}
#endif

#endif
