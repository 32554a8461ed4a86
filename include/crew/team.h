/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Teams: n processes that are started together and work in step, as the ranks of an MPI program do.
 *
 * Every *member* runs the same function and knows its rank in the team, from 0, and the team's
 * size. Members are processes like any other (<crew/process.h>), children of the one that starts
 * the team, named after it, "team-1:0", "team-1:1" and so on. Members on the same rank of the job
 * have neighbouring ranks in the team.
 *
 * Among themselves they call *collectives*. Each is the MPI collective of that name, on a
 * communicator of the ranks that have members: the members of a rank put together what they have,
 * and then the rank calls MPI. As in MPI, all members have to call the same collectives in the same
 * order, each from one thread at a time, with the same type, operation and root, and with counts
 * that fit. Where members of one rank differ, the team breaks; between ranks nobody looks, and what
 * comes of it is undefined. Counts are elements. A collective may bring 1 GiB, to a member or from
 * it. Buffers must not overlap.
 *
 * A member that ends, in whatever way, while others still call collectives *breaks* the team: a
 * collective that it has not taken part in returns ::CREW_EBROKEN in all others, and so does every
 * later one. The reason names the member, its rank and host, and how it ended.
 *
 * @code
 * static int member(crew_team team, void *arg)
 * {
 *     double mine = work(crew_team_rank(team), crew_team_size(team)), sum;
 *     if (crew_team_allreduce(team, &mine, &sum, 1, CREW_DOUBLE, CREW_SUM))
 *         return 1;
 *     return crew_barrier_wait(crew_team_barrier(team), NULL, CREW_FOREVER) ? 1 : 0;
 * }
 *
 * crew_team_run(member, NULL, 0, NULL);
 * @endcode
 *
 * A handle is a plain value. Only the process that created a team may start, join and end it, and
 * only members may call its collectives. Each call below may also return ::CREW_ESTATE outside
 * crew_run(), ::CREW_EINVAL for a handle that is no team's, ::CREW_ECLOSED for one that the caller
 * has closed, ::CREW_EPERM for what only the creator or a member may do, and ::CREW_ENOMEM.
 */
#ifndef CREW_TEAM_H
#define CREW_TEAM_H

#include <crew/barrier.h>
#include <crew/datatype.h>
#include <crew/process.h>
#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A team. 0 is none. */
typedef struct crew_team {
    uint64_t id;
} crew_team;

/** What each member runs. What it returns is its exit code (the low 8 bits). @p arg is its own
 * copy, aligned to 16 bytes. */
typedef int crew_team_function(crew_team team, void *arg);

/** How elements become one. MPI: MPI_SUM and so on, and what each may be used for: ::CREW_FLOAT and
 * ::CREW_DOUBLE have the first four only, ::CREW_BYTE and ::CREW_CHAR those on bits, ::CREW_BOOL
 * these and the logical ones, integers all. */
typedef enum crew_operation {
    CREW_SUM = 1,
    CREW_PROD,
    CREW_MIN,
    CREW_MAX,
    CREW_LAND,
    CREW_LOR,
    CREW_LXOR,
    CREW_BAND,
    CREW_BOR,
    CREW_BXOR
} crew_operation;

/** The most members of a team. */
#define CREW_TEAM_LIMIT 4096

/** How a team is to be; all zero, or NULL in place of the struct, for the defaults. */
typedef struct crew_team_attr {
    const char *name;               /**< shorter than 48; NULL: "team-n", the n-th of its creator */
    int size;                       /**< members; 0: one for each rank that it may use */
    crew_start_method start_method; /**< of all members; ::CREW_START_RANK: one on each rank */
    const int *ranks;               /**< that it may use, copied; NULL: all. One that stands there
                                       twice gets twice as many members */
    int rank_count;                 /**< of them */
} crew_team_attr;

/**
 * Makes a team that is not started yet. Does not block. Members go to the ranks in turn.
 *
 * @param team      set to the new handle; closed with crew_team_close(), or with the end of the
 * creator
 * @param size      members; 0: as the attributes say
 * @param function  as for crew_process_create()
 * @param arg       @p arg_size bytes, of which each member gets a copy: numbers, strings in arrays,
 * handles (which have to be open until crew_team_start() returns), no pointers
 * @param arg_size  in bytes, up to 64 MiB; 0 with NULL gives the function a NULL
 * @param attr      NULL for the defaults
 * @return ::CREW_EINVAL function or team NULL, arg NULL with a size, too large an argument, a size
 * below 0 or above ::CREW_TEAM_LIMIT, a name that is empty or too long, ranks that there are not,
 * more than one member for a rank with ::CREW_START_RANK; ::CREW_EBUILD as crew_process_create()
 */
CREW_API crew_status crew_team_create(crew_team *team, int size, crew_team_function *function,
                                      const void *arg, size_t arg_size, const crew_team_attr *attr);

/**
 * Starts all members, and returns when all run. When one cannot be started, the others are ended
 * and none is left.
 *
 * @return ::CREW_ESTATE it was started before, or the caller is a daemon (which may have no
 * children), or a rank already runs a ::CREW_START_RANK process; ::CREW_EMPI no communicator could
 * be made; otherwise as crew_process_start()
 */
CREW_API crew_status crew_team_start(crew_team team);

/**
 * Waits until all members have ended. May be repeated.
 *
 * @param timeout_s  ::CREW_FOREVER waits, 0 and less do not
 * @return ::CREW_OK all have returned 0; ::CREW_EFAILED one has not: the reason names the first
 * one, its rank and host, and its exit code or signal; ::CREW_ETIMEDOUT; ::CREW_ESTATE it was not
 * started
 */
CREW_API crew_status crew_team_join(crew_team team, double timeout_s);

/** Ends all members, as crew_process_terminate(), and does not wait until they have.
 * ::CREW_ESTATE it was not started */
CREW_API crew_status crew_team_terminate(crew_team team);

/**
 * The processes of the members, by their ranks in the team, for crew_process_describe(),
 * crew_process_exitcode() and the like; until the team is closed.
 *
 * @param members  room for @p room handles; NULL when @p room is 0
 * @param count    set to how many there are, which may be more than @p room
 * @return ::CREW_ESTATE it was not started; ::CREW_EINVAL count is NULL, or members with a room
 */
CREW_API crew_status crew_team_members(crew_team team, crew_process *members, size_t room,
                                       size_t *count);

/** Gives the handle back. Members that run go on. Closing it again does no harm. */
CREW_API crew_status crew_team_close(crew_team team);

/**
 * Creates a team, starts it, joins it and closes it. MPI: mpirun.
 * @return as these calls
 */
CREW_API crew_status crew_team_run(crew_team_function *function, const void *arg, size_t arg_size,
                                   const crew_team_attr *attr);

/* In a member */

/** The caller's rank in the team; -1 when it is no member of it. Never blocks. MPI: MPI_Comm_rank.
 */
CREW_API int crew_team_rank(crew_team team);

/** How many members there are; -1 when the caller is no member of it. Never blocks. MPI:
 * MPI_Comm_size. */
CREW_API int crew_team_size(crew_team team);

/**
 * The team's barrier, for crew_barrier_wait() and the other calls of <crew/barrier.h> in its
 * members; it is closed with the team. Its index is the rank in the team. A member that ends breaks
 * it for good. Never blocks. MPI: MPI_Ibarrier.
 */
CREW_API crew_barrier crew_team_barrier(crew_team team);

/**
 * All calls from here on are made by all members, and block until the caller has what it gets.
 * @return of each: ::CREW_EBROKEN the team is broken, the reason says by whom; ::CREW_EINVAL a
 * buffer is NULL and a count is not 0, there is no such type, operation or root, or it is too
 * large; ::CREW_ESTATE another thread of the caller is in a collective; ::CREW_EMPI
 */

/** The root's @p count elements for all. MPI: MPI_Ibcast. */
CREW_API crew_status crew_team_bcast(crew_team team, void *buffer, size_t count, crew_datatype type,
                                     int root);

/** @p count elements for each: of the root's, which are one behind the other, each gets those of
 * its rank. @p send is read at the root only. MPI: MPI_Iscatter. */
CREW_API crew_status crew_team_scatter(crew_team team, const void *send, void *receive,
                                       size_t count, crew_datatype type, int root);

/** The same with a count for each member: @p counts at the root, @p receive_count of the caller's.
 * What @p send has for a member follows what it has for the one before. MPI: MPI_Iscatterv. */
CREW_API crew_status crew_team_scatterv(crew_team team, const void *send, const size_t *counts,
                                        void *receive, size_t receive_count, crew_datatype type,
                                        int root);

/** @p count elements of each, one behind the other by rank, at the root. @p receive is written at
 * the root only. MPI: MPI_Igather. */
CREW_API crew_status crew_team_gather(crew_team team, const void *send, void *receive, size_t count,
                                      crew_datatype type, int root);

/** The same with a count of each member: @p send_count of the caller's, @p counts at the root. MPI:
 * MPI_Igatherv. */
CREW_API crew_status crew_team_gatherv(crew_team team, const void *send, size_t send_count,
                                       void *receive, const size_t *counts, crew_datatype type,
                                       int root);

/** @p count elements of each, one behind the other by rank, for all. MPI: MPI_Iallgather. */
CREW_API crew_status crew_team_allgather(crew_team team, const void *send, void *receive,
                                         size_t count, crew_datatype type);

/** @p count elements, each made of those of all members in that place, at the root. Members are
 * combined rank by rank, so that sums of floating-point numbers depend on how they are placed. MPI:
 * MPI_Ireduce. */
CREW_API crew_status crew_team_reduce(crew_team team, const void *send, void *receive, size_t count,
                                      crew_datatype type, crew_operation operation, int root);

/** The same for all. MPI: MPI_Iallreduce. */
CREW_API crew_status crew_team_allreduce(crew_team team, const void *send, void *receive,
                                         size_t count, crew_datatype type,
                                         crew_operation operation);

/** @p count elements from each for each: @p send has those for rank 0 first, @p receive gets those
 * of rank 0 first. MPI: MPI_Ialltoall. */
CREW_API crew_status crew_team_alltoall(crew_team team, const void *send, void *receive,
                                        size_t count, crew_datatype type);

#ifdef __cplusplus
}
#endif

#endif
