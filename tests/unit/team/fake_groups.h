/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of ranks of a fake job, with the test as MPI: collectives complete when those whom they
 * need have entered them. A broadcast carries its bytes; others carry nothing. */
#ifndef CREW_TESTS_FAKE_GROUPS_H
#define CREW_TESTS_FAKE_GROUPS_H

#include "fake_job.h"

/** Gives the ranks of the job groups. */
void fake_groups_begin(struct fake_job *job);

/** Expects that none is in use, and that nothing is under way on any. */
void fake_groups_end(void);

#endif
