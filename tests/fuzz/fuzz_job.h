/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A fake job (fake_job.h) that an input plays with: it is the children that send frames, the fork
 * server, the clock, and, when asked for, another rank that sends what it should not.
 *
 * What is sent begins as a message that could be right (shapes.h) and is then changed by the input.
 * So a few bytes of input reach deep states, and every field gets every value.
 */
#ifndef CREW_TESTS_FUZZ_JOB_H
#define CREW_TESTS_FUZZ_JOB_H

#include "fake_job.h"
#include "input.h"

#define FUZZ_JOB_RANKS 3

struct fuzz_job {
    struct fake_job *fake;
    struct fake_client roots[FUZZ_JOB_RANKS]; /* one on each rank, whatever happens to the others */
    struct fuzz_input *input;
    bool ranks_lie; /* frames come from ranks, too */
};

/** Begins with nothing but the kinds. */
void fuzz_job_begin(struct fuzz_job *job, struct fuzz_input *input);

/** Does what the input says, until it is used up. */
void fuzz_job_play(struct fuzz_job *job);

/** Stops the program unless every rank still does its work for a process that is new. */
void fuzz_job_check(struct fuzz_job *job);

/** Everything ends. */
void fuzz_job_end(struct fuzz_job *job);

/** An id as the input chooses it: of an object or a handle that there is, near one, or any. */
uint64_t fuzz_job_id(struct fuzz_job *job);

#endif
