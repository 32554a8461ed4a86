/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The payloads of messages, by kind and operation, as they could be right.
 */
#ifndef CREW_TESTS_FUZZ_SHAPES_H
#define CREW_TESTS_FUZZ_SHAPES_H

#include "fuzz_job.h"

/** Room for a payload. */
#define SHAPE_ROOM ((size_t)65536)

/** Fills the payload of a frame of that kind and operation from @p client (NULL: from a rank), and
 * returns its size. */
size_t shape_payload(struct fuzz_job *job, struct fake_client *client, uint8_t kind, uint8_t op,
                     unsigned char *room);

/** What a worker that has died leaves behind; @p progress is how far it says it was. */
size_t shape_draft(struct fuzz_job *job, struct fake_client *client, unsigned char *room,
                   uint64_t *progress);

/** What a process is to be, with nothing that cannot be. */
struct crewi_process_spec shape_process_spec(void);

#endif
