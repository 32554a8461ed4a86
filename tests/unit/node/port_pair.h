/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Both sides of one port, in one process: what tests of ports begin with.
 */
#ifndef CREW_TESTS_PORT_PAIR_H
#define CREW_TESTS_PORT_PAIR_H

#include "node/port.h"

extern struct crewi_port rank, child;
extern int port_fd;

/** For cmocka_unit_test_setup_teardown(). */
int begin_ports(void **state);
int end_ports(void **state);

#endif
