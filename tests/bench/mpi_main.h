/* SPDX-License-Identifier: BSD-3-Clause */
/* The main function of peers over MPI. */
#ifndef BENCH_MPI_MAIN_H
#define BENCH_MPI_MAIN_H

#include "measure.h"

/** Runs a case on every rank; false when it is none, or could not be measured. */
typedef bool bench_mpi_case(const struct bench_settings *settings, const char *word);

/** Options, cases; on wrong use the text, and the end of all ranks. */
int bench_mpi_main(int argc, char **argv, bench_mpi_case *run_case, const char *usage);

#endif
