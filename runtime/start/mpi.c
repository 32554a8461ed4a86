/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/mpi.h>, which itself is not included: only the transport knows MPI's types. */
#include "start/mpi.h"

#include "base/error.h"
#include "engine/client.h"

bool crewi_mpi_announced;

CREW_API void crew_mpi_announce(void);
CREW_API crew_status crew_mpi_comm_copy(void *comm, size_t size);

void crew_mpi_announce(void)
{
    crewi_mpi_announced = true;
}

crew_status crew_mpi_comm_copy(void *comm, size_t size)
{
    const struct crewi_client *client = crewi_client_current();
    if (!comm)
        return crewi_error(CREW_EINVAL, "crew_mpi_comm: comm is NULL");
    if (!client)
        return crewi_client_missing("crew_mpi_comm");
    if (client->remote)
        return crewi_error(CREW_ENOTSUP,
                           "%s is a child beside its rank, and no MPI process: start it with "
                           "CREW_START_RANK",
                           client->identity.name);
    return crewi_transport_users_comm(client->loop->engine.transport, comm, size);
}
