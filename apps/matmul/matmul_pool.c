/* SPDX-License-Identifier: BSD-3-Clause */
/* Matrices on a pool of workers: a map of independent tasks, the chapter's CPU-bound load.
 *
 *   mpirun -np 4 ./matmul_pool                                   2000 tasks of a thousand 20 x 20
 * products mpirun -np 4 ./matmul_pool product A.npy B.npy -o C.npy      one large product, in tiles
 */
#include "matmul_pool.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

int matmul_fail(const char *reason)
{
    fprintf(stderr, "matmul_pool: %s\n", reason);
    return MATMUL_EXIT_FAILURE;
}

double matmul_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int app(int argc, char **argv)
{
    struct matmul_settings settings;
    matmul_settings_parse(&settings, argc, argv);
    /* A file that grows too large is an error of the write, with a message, and not the end of the
     * program. */
    signal(SIGXFSZ, SIG_IGN);
    return settings.mode == MATMUL_BATCH ? matmul_batch(&settings) : matmul_product(&settings);
}

CREW_MAIN(app)
