/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What crew_run() does. It may be done again in a process, when it is over, in a job without MPI
 * (which begins once in a process only); crew_run() does it once.
 */
#ifndef CREWI_START_RUN_H
#define CREWI_START_RUN_H

/** As crew_run(). After a start that failed, which leaves what it had made to the end of the
 * process, it is not to be called again. */
int crewi_run(int argc, char **argv, int (*app)(int argc, char **argv));

#endif
