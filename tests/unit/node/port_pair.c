/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_pair.h"

#include <unistd.h>

struct crewi_port rank, child;
int port_fd;

int begin_ports(void **state)
{
    (void)state;
    return crewi_port_create(&port_fd) || crewi_port_attach(&rank, port_fd, false) ||
           crewi_port_attach(&child, port_fd, true);
}

int end_ports(void **state)
{
    (void)state;
    crewi_port_detach(&rank);
    crewi_port_detach(&child);
    return close(port_fd);
}
