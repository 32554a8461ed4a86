/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/transport.h"

#include <stdlib.h>
#include <unistd.h>

/* mpirun and srun (PMIx, PMI-2), and MPICH's hydra, for whoever builds against that. */
static const char *const launcher_variables[] = {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"};

bool crewi_transport_is_launched(void)
{
    for (size_t i = 0; i < sizeof launcher_variables / sizeof *launcher_variables; i++)
        if (getenv(launcher_variables[i]))
            return true;
    return false;
}

void crewi_transport_finish(struct crewi_transport *transport)
{
    if (transport)
        transport->ops->finish(transport);
}

_Noreturn void crewi_transport_abort(struct crewi_transport *transport, int code)
{
    if (transport)
        transport->ops->abort(transport, code);
    _exit(code);
}

bool crewi_transport_polls_clock(const struct crewi_transport *transport)
{
    if (transport->rank_count == 1)
        return false;
    if (!transport->ring)
        return true;
    for (uint32_t rank = 0; rank < transport->rank_count; rank++)
        if (transport->host_of_rank[rank] != transport->host_of_rank[transport->rank])
            return true;
    return false;
}
