/* SPDX-License-Identifier: BSD-3-Clause */
/* One-sided MPI: a dynamic window over all ranks of a job on several hosts. Memory is attached
 * where it lies and read from elsewhere with MPI_Rget, in one epoch from start to end. Only gets
 * are used: when one is complete the data is there, while a put is complete when its source is
 * free, and MPI_Win_flush, which waits for more, blocks. */
#include "transport/mpi_transport.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

/* OpenMPI makes no window where it finds only networks that osc/ucx does not know, and
 * MPI_Win_create fails then; without that component it takes another one. Programs that call MPI
 * themselves have the choice that MPI makes. */
void crewi_mpi_window_tune(void)
{
    setenv("OMPI_MCA_osc", "^ucx", 0);
}

static bool is_on_several_hosts(const struct crewi_mpi_transport *transport)
{
    for (uint32_t rank = 0; rank < transport->base.rank_count; rank++)
        if (transport->hosts[rank] != transport->hosts[0])
            return true;
    return false;
}

/* All ranks have it, or none. */
void crewi_mpi_window_begin(struct crewi_mpi_transport *transport)
{
    int code = MPI_ERR_WIN, is_fine, all_are_fine = 0;
    transport->window = MPI_WIN_NULL;
    if (transport->users != MPI_COMM_NULL || !is_on_several_hosts(transport))
        return;
    code = MPI_Win_create_dynamic(MPI_INFO_NULL, transport->engines, &transport->window);
    is_fine = code == MPI_SUCCESS;
    if (MPI_Allreduce(&is_fine, &all_are_fine, 1, MPI_INT, MPI_MIN, transport->engines) !=
            MPI_SUCCESS ||
        !all_are_fine) {
        crewi_log(CREWI_LOG_INFO, "no one-sided MPI: large slices of arrays go in messages");
        return;
    }
    MPI_Win_set_errhandler(transport->window, MPI_ERRORS_RETURN);
    code = MPI_Win_lock_all(MPI_MODE_NOCHECK, transport->window);
    transport->base.has_window = code == MPI_SUCCESS;
}

void crewi_mpi_window_end(struct crewi_mpi_transport *transport)
{
    if (!transport->base.has_window)
        return;
    MPI_Win_unlock_all(transport->window);
    MPI_Win_free(&transport->window);
    free(transport->gets);
}

static struct crewi_mpi_transport *mpi(struct crewi_transport *base)
{
    return (struct crewi_mpi_transport *)base;
}

crew_status crewi_mpi_window_attach(struct crewi_transport *base, void *memory, size_t size,
                                    uint64_t *address)
{
    MPI_Aint at;
    int code = MPI_Win_attach(mpi(base)->window, memory, (MPI_Aint)size);
    if (code == MPI_SUCCESS)
        code = MPI_Get_address(memory, &at);
    if (code != MPI_SUCCESS)
        return crewi_mpi_error(code, "MPI_Win_attach");
    *address = (uint64_t)at;
    return CREW_OK;
}

void crewi_mpi_window_detach(struct crewi_transport *base, void *memory)
{
    MPI_Win_detach(mpi(base)->window, memory);
}

static struct crewi_mpi_get *new_get(struct crewi_mpi_transport *transport)
{
    if (transport->get_count == transport->get_room) {
        size_t room = transport->get_room ? 2 * transport->get_room : 16;
        struct crewi_mpi_get *grown = realloc(transport->gets, room * sizeof *grown);
        if (!grown)
            return NULL;
        transport->gets = grown;
        transport->get_room = room;
    }
    return &transport->gets[transport->get_count];
}

crew_status crewi_mpi_window_get(struct crewi_transport *base, const struct crewi_get *get)
{
    struct crewi_mpi_transport *transport = mpi(base);
    struct crewi_mpi_get *one = new_get(transport);
    if (!one)
        return crewi_error_memory();
    int code =
        MPI_Rget(get->memory, (int)get->size, MPI_BYTE, (int)get->rank, (MPI_Aint)get->address,
                 (int)get->size, MPI_BYTE, transport->window, &one->request);
    if (code != MPI_SUCCESS)
        return crewi_mpi_error(code, "MPI_Rget");
    one->done = get->done;
    transport->get_count++;
    return CREW_OK;
}

int crewi_mpi_window_poll(struct crewi_mpi_transport *transport, crewi_receive *receive,
                          void *context)
{
    int moved = 0;
    for (size_t i = 0; i < transport->get_count;) {
        struct crewi_mpi_get *get = &transport->gets[i];
        int done = 0;
        if (MPI_Test(&get->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return -1;
        if (!done) {
            i++;
            continue;
        }
        struct crewi_frame *frame = get->done;
        *get = transport->gets[--transport->get_count];
        receive(context, frame);
        moved = 1;
    }
    return moved;
}
