/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/mpi_transport.h"

#include "base/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* OpenMPI's shared-memory segments. They are attached for good once MPI_Init is over on all ranks
 * of the node, so their names can go: then a rank that is killed leaves no file behind. */
static void find_segment(struct crewi_mpi_transport *transport)
{
    char line[1024], mine[32];
    const char *local_rank = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps || !local_rank)
        goto done;
    snprintf(mine, sizeof mine, ".%s\n", local_rank);
    while (fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        size_t length = path ? strlen(path) : 0;
        if (!path || !strstr(path, "/vader_segment.") || length < strlen(mine) ||
            strcmp(path + length - strlen(mine), mine) != 0)
            continue;
        snprintf(transport->segment, sizeof transport->segment, "%.*s", (int)length - 1, path);
    }
done:
    if (maps)
        fclose(maps);
}

/* MPI_Finalize complains at length when the file that it wants to unlink is not there. */
static void put_segment_back(const struct crewi_mpi_transport *transport)
{
    int fd =
        transport->segment[0] ? open(transport->segment, O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
}

/* The host of a rank is the lowest rank that it shares memory with, numbered in order. */
static crew_status find_hosts(struct crewi_mpi_transport *transport)
{
    MPI_Comm node;
    int count = (int)transport->base.rank_count, leader = (int)transport->base.rank, next = 0;
    transport->hosts = calloc((size_t)count, sizeof *transport->hosts);
    int *leaders = calloc((size_t)count, sizeof *leaders);
    if (!transport->hosts || !leaders) {
        free(leaders);
        return crewi_error_memory();
    }
    int code =
        MPI_Comm_split_type(transport->engines, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    if (code == MPI_SUCCESS)
        code = MPI_Bcast(&leader, 1, MPI_INT, 0, node);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_free(&node);
    if (code == MPI_SUCCESS)
        code = MPI_Allgather(&leader, 1, MPI_INT, leaders, 1, MPI_INT, transport->engines);
    for (int rank = 0; rank < count && code == MPI_SUCCESS; rank++)
        transport->hosts[rank] = leaders[rank] == rank ? next++ : transport->hosts[leaders[rank]];
    free(leaders);
    transport->base.host_of_rank = transport->hosts;
    return code == MPI_SUCCESS ? CREW_OK
                               : crewi_mpi_error(code, "find the ranks that share memory");
}

static crew_status duplicate_world(struct crewi_mpi_transport *transport, bool users)
{
    int rank, count;
    transport->users = MPI_COMM_NULL;
    int code = MPI_Comm_dup(MPI_COMM_WORLD, &transport->engines);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_dup(MPI_COMM_WORLD, &transport->scatters);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_dup(MPI_COMM_WORLD, &transport->gathers);
    if (code == MPI_SUCCESS)
        code = MPI_Type_contiguous(CREWI_MPI_GATHER_UNIT, MPI_BYTE, &transport->unit);
    if (code == MPI_SUCCESS)
        code = MPI_Type_commit(&transport->unit);
    if (code == MPI_SUCCESS && users)
        code = MPI_Comm_dup(MPI_COMM_WORLD, &transport->users);
    if (code != MPI_SUCCESS)
        return crewi_mpi_error(code, "MPI_Comm_dup");
    MPI_Comm_set_errhandler(transport->engines, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(transport->scatters, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(transport->gathers, MPI_ERRORS_RETURN);
    MPI_Comm_rank(transport->engines, &rank);
    MPI_Comm_size(transport->engines, &count);
    transport->base.rank = (uint32_t)rank;
    transport->base.rank_count = (uint32_t)count;
    return CREW_OK;
}

/* OpenMPI's way between ranks of a node. By default it sends eager messages of more than 256 bytes
 * from where they lie, and they complete when the peer has taken them: until then we would have to
 * look again and again. Without "inplace" they are copied, and done at once. A fast box takes what
 * fits into a quarter of it: large enough for eager messages, and from the first one on. What the
 * user has set stays. */
static void tune(void)
{
    setenv("OMPI_MCA_btl_vader_flags", "send,put,get,atomics,fetching-atomics", 0);
    setenv("OMPI_MCA_btl_vader_fbox_size", "32768", 0);
    setenv("OMPI_MCA_btl_vader_fbox_threshold", "1", 0);
}

crew_status crewi_transport_create_mpi(struct crewi_transport **base, bool users)
{
    int provided, wanted = users ? MPI_THREAD_MULTIPLE : MPI_THREAD_SERIALIZED;
    tune();
    if (!users)
        crewi_mpi_window_tune();
    int code = MPI_Init_thread(NULL, NULL, wanted, &provided);
    if (code != MPI_SUCCESS)
        return crewi_mpi_error(code, "MPI_Init_thread");
    crewi_mpi_note_use(CREWI_MPI_IN_USE);
    if (provided < wanted)
        return crewi_error(CREW_EMPI, "this MPI does not offer %s",
                           users ? "MPI_THREAD_MULTIPLE" : "MPI_THREAD_SERIALIZED");
    struct crewi_mpi_transport *transport = calloc(1, sizeof *transport);
    if (!transport)
        return crewi_error_memory();
    transport->base.ops = &crewi_mpi_ops;
    crew_status status = duplicate_world(transport, users);
    if (!status)
        status = find_hosts(transport);
    if (status) {
        free(transport->hosts);
        free(transport);
        return status;
    }
    crewi_mpi_window_begin(transport);
    find_segment(transport);
    MPI_Barrier(transport->engines); /* all have attached */
    if (transport->segment[0])
        unlink(transport->segment);
    *base = &transport->base;
    return CREW_OK;
}

static void drop_frame(void *context, struct crewi_frame *frame)
{
    (void)context;
    crewi_frame_destroy(frame);
}

/* Receives and drops until *done, when that is not NULL, or until nothing that this rank has begun
 * is under way. Other ranks may have much to send, so we look again at once as long as something
 * comes, and else from 1 us up to 1 ms later. */
static void receive_and_drop(struct crewi_mpi_transport *transport, MPI_Request *done)
{
    int is_done = 0;
    for (long pause_ns = 1000;;) {
        int moved = crewi_transport_poll(&transport->base, drop_frame, NULL);
        if (done && MPI_Test(done, &is_done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return;
        if (moved < 0 || (done ? is_done : !crewi_mpi_has_begun(transport)))
            return;
        if (!moved)
            nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
        pause_ns = moved ? 1000 : pause_ns < 1000000 ? 2 * pause_ns : pause_ns;
    }
}

void crewi_mpi_settle(struct crewi_transport *base)
{
    receive_and_drop((struct crewi_mpi_transport *)base, NULL);
}

/* A large message goes on only while its receiver looks for it. So each rank receives for as long
 * as any rank has something under way: it enters a barrier when all that it has begun is complete,
 * and goes on receiving until all ranks have entered. */
static void finish_together(struct crewi_mpi_transport *transport)
{
    MPI_Request everybody;
    receive_and_drop(transport, NULL);
    if (MPI_Ibarrier(transport->engines, &everybody) == MPI_SUCCESS)
        receive_and_drop(transport, &everybody);
}

void crewi_mpi_finish(struct crewi_transport *base)
{
    struct crewi_mpi_transport *transport = (struct crewi_mpi_transport *)base;
    finish_together(transport);
    put_segment_back(transport);
    crewi_mpi_window_end(transport);
    if (transport->users != MPI_COMM_NULL)
        MPI_Comm_free(&transport->users);
    crewi_mpi_groups_free(transport);
    MPI_Type_free(&transport->unit);
    MPI_Comm_free(&transport->gathers);
    MPI_Comm_free(&transport->scatters);
    MPI_Comm_free(&transport->engines);
    crewi_mpi_note_use(CREWI_MPI_UNUSED);
    MPI_Finalize();
    crewi_mpi_note_use(CREWI_MPI_USED);
    crewi_mpi_groups_forget(transport);
    free(transport->sends);
    free(transport->receives);
    free(transport->hosts);
    free(transport);
}
