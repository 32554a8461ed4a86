/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What every process of a rank knows of the job: its ranks, their hosts, their cores.
 *
 * It lies in a memfd that the rank makes before it forks the fork server, and fills once MPI has
 * said what there is; children find it filled, and cannot write it.
 */
#ifndef CREWI_NODE_JOB_H
#define CREWI_NODE_JOB_H

#include "affinity/affinity.h"

#include <crew/run.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

#define CREWI_HOST_SIZE 64

struct crewi_job_rank {
    char host[CREWI_HOST_SIZE];
    int32_t host_index;   /* the same for ranks of one host, as MPI sees it */
    int32_t memory_index; /* the same for those that reach each other's memory and descriptors */
    int32_t cpu_count;    /* cores that its processes may use, as far as their CPU quota goes */
    struct crewi_cores cores; /* which */
};

struct crewi_job {
    int32_t rank, rank_count, host_count, cpu_count;
    int32_t host_rank_count; /* ranks on this rank's host */
    int32_t host_cpu_count;  /* cores that they may use, each counted once */
    int32_t has_quota;       /* some have no more processor time than CPU quotas let them */
    struct crewi_job_rank ranks[];
};

/** The job that this process is in; NULL outside. */
extern const struct crewi_job *_Atomic crewi_job;

/** Makes the memfd, empty. ::CREW_ESYSTEM */
crew_status crewi_job_create(int *fd);

/** Rank: copies what was learnt into the memfd and sets ::crewi_job. ::CREW_ESYSTEM */
crew_status crewi_job_publish(int fd, const struct crewi_job *job);

/** Child: maps what its rank has published, read only. ::CREW_ESYSTEM */
crew_status crewi_job_attach(int fd);

/** Whether memory of that rank's processes can be mapped here, which ranks try at the start; never
 * that of other ranks where CREW_DOORBELL says that they are to go on as if they were on several
 * hosts. The kernel may change its mind, or allow it to a rank and not to its children. */
bool crewi_job_shares_memory(uint32_t rank);

/** Unmaps it: the job is over. */
void crewi_job_detach(void);

#endif
