/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A fake job (fake_job.h) whose ranks know processes, and what a client asks them.
 */
#ifndef CREW_TESTS_PROCESSES_H
#define CREW_TESTS_PROCESSES_H

#include "fake_job.h"
#include "process/process.h"

struct fake_job *process_job_create(uint32_t rank_count);
void process_job_destroy(struct fake_job *job);

/** What a process of that creator is to be, with nothing chosen. */
struct crewi_process_spec process_spec(void);

/** Asks the creator's rank for one, and returns its id. */
uint64_t process_create(struct fake_client *creator, const struct crewi_process_spec *spec,
                        const void *arg, size_t size);

/** A request of that operation to the process, with no data. */
struct fake_call process_call(uint8_t op, uint64_t process);

/** Starts it, and says that it has begun; its child. */
struct fake_child *process_start(struct fake_client *creator, uint64_t process, int pid);

struct crewi_process_info process_query(struct fake_client *client, uint64_t process);

#endif
