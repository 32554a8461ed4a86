// SPDX-License-Identifier: BSD-3-Clause
// MPI beside crew: processes inside the ranks that are an MPI program of their own, while crew's
// own messages go on.
#include "cases.h"
#include "check.h"

#include <crew/mpi.h>
#include <stdlib.h>

#define MOST 64

const struct test_case program_cases[] = {{0}};

static bool have_mpi(void)
{
    return getenv("OMPI_COMM_WORLD_RANK") != NULL;
}

// A ring that is passed on a thousand times, and a sum.
static void pass_round(MPI_Comm comm, int rank, int size)
{
    int next = (rank + 1) % size, before = (rank + size - 1) % size, token = rank, sum = 0;
    for (int i = 0; i < 1000; i++)
        MPI_Sendrecv_replace(&token, 1, MPI_INT, next, 7, before, 7, comm, MPI_STATUS_IGNORE);
    CHECK_INT(token, ((rank - 1000) % size + size) % size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
    CHECK_INT(sum, size * (size - 1) / 2);
}

static int member(void *arg)
{
    MPI_Comm comm = MPI_COMM_NULL, again;
    int rank = -1, size = 0;
    (void)arg;
    if (!CHECK_OK(crew_mpi_comm(&comm)))
        return 1;
    CHECK_OK(crew_mpi_comm(&again));
    CHECK(comm == again);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    CHECK_INT(rank, crew_current_rank());
    CHECK_INT(size, crew_rank_count());
    pass_round(comm, rank, size);
    return check_result();
}

CREW_TASK(square, int, int)
{
    *result = *item * *item;
    return CREW_OK;
}

// Meanwhile crew's engines have something to do.
static void map_squares(void)
{
    int items[2000], results[2000];
    crew_pool pool;
    for (int i = 0; i < 2000; i++)
        items[i] = i;
    CHECK_OK(crew_pool_create(&pool, NULL));
    for (int round = 0; round < 5; round++)
        CHECK_OK(crew_pool_map(pool, square, items, results, 2000, NULL));
    for (int i = 0; i < 2000; i++)
        CHECK_INT(results[i], i * i);
    CHECK_OK(crew_pool_destroy(pool));
}

static void run_members(void)
{
    crew_process members[MOST];
    int count = crew_rank_count();
    for (int rank = 0; rank < count && rank < MOST; rank++) {
        crew_process_attr attr = {.start_method = CREW_START_RANK, .placement = CREW_ON_RANK(rank)};
        CHECK_OK(crew_process_create(&members[rank], member, NULL, 0, &attr));
        CHECK_OK(crew_process_start(members[rank]));
    }
    map_squares();
    for (int rank = 0; rank < count && rank < MOST; rank++)
        CHECK_INT(finish(members[rank]), 0);
}

static int have_none(void *arg)
{
    MPI_Comm comm;
    (void)arg;
    CHECK_STATUS(crew_mpi_comm(&comm), CREW_ENOTSUP);
    CHECK_STATUS(crew_mpi_comm(NULL), CREW_EINVAL);
    return check_result();
}

static int app(int argc, char **argv)
{
    MPI_Comm comm;
    crew_process child;
    int other;
    (void)argc;
    (void)argv;
    CHECK_OK(crew_process_create(&child, have_none, NULL, 0, NULL));
    CHECK_OK(crew_process_start(child));
    CHECK_INT(finish(child), 0);
    CHECK_STATUS(crew_mpi_comm(&comm), have_mpi() ? CREW_OK : CREW_ENOTSUP);
    CHECK_STATUS(crew_mpi_comm_copy(&other, 1), have_mpi() ? CREW_EBUILD : CREW_ENOTSUP);
    crew_mpi_announce(); // as often as one likes
    for (int round = 0; round < 3 && have_mpi(); round++)
        run_members();
    return check_failures() != 0;
}

int main(int argc, char **argv)
{
    MPI_Comm comm;
    CHECK_STATUS(crew_mpi_comm(&comm), CREW_ESTATE);
    int code = crew_run(argc, argv, app);
    return code ? code : check_failures() != 0;
}
