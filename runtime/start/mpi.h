/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Whether the program calls MPI itself.
 */
#ifndef CREWI_START_MPI_H
#define CREWI_START_MPI_H

#include <stdbool.h>

/** Set before main by what includes <crew/mpi.h>. */
extern bool crewi_mpi_announced;

#endif
