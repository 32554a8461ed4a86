/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/job.h"

#include "base/error.h"
#include "base/options.h"
#include "node/memory.h"

#include <crew/run.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const struct crewi_job *_Atomic crewi_job;

/* Stays when the job is over, until there is another one: some thread may be reading it. */
static void *mapped;
static size_t mapped_size;

static size_t job_size(int rank_count)
{
    return sizeof(struct crewi_job) + (size_t)rank_count * sizeof(struct crewi_job_rank);
}

crew_status crewi_job_create(int *fd)
{
    return crewi_memfd_create("crew-job", 0, fd);
}

static void use_mapping(void *memory, size_t size)
{
    if (mapped)
        munmap(mapped, mapped_size);
    crewi_job = mapped = memory;
    mapped_size = size;
}

crew_status crewi_job_publish(int fd, const struct crewi_job *job)
{
    size_t size = job_size(job->rank_count);
    crew_status status = crewi_memfd_set_size(fd, size);
    if (status)
        return status;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return crewi_error_errno("map the job");
    memcpy(memory, job, size);
    use_mapping(memory, size);
    return CREW_OK;
}

crew_status crewi_job_attach(int fd)
{
    struct stat info;
    if (fstat(fd, &info))
        return crewi_error_errno("look at the job");
    void *memory = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return crewi_error_errno("map the job");
    use_mapping(memory, (size_t)info.st_size);
    return CREW_OK;
}

bool crewi_job_shares_memory(uint32_t rank)
{
    if (!crewi_job || rank >= (uint32_t)crewi_job->rank_count)
        return false;
    if (rank == (uint32_t)crewi_job->rank)
        return true;
    return crewi_options.doorbell == CREWI_DOORBELL_ON &&
           crewi_job->ranks[rank].memory_index == crewi_job->ranks[crewi_job->rank].memory_index;
}

void crewi_job_detach(void)
{
    crewi_job = NULL;
}

/* Each reads the pointer once: threads that are left at the end of the main process may call these
 * while it is taken away. The memory stays. */

int crew_rank_count(void)
{
    const struct crewi_job *job = crewi_job;
    return job ? job->rank_count : 0;
}

int crew_host_count(void)
{
    const struct crewi_job *job = crewi_job;
    return job ? job->host_count : 0;
}

int crew_cpu_count(int rank)
{
    const struct crewi_job *job = crewi_job;
    if (!job)
        return 0;
    if (rank == CREW_ALL_RANKS)
        return job->cpu_count;
    return rank >= 0 && rank < job->rank_count ? job->ranks[rank].cpu_count : 0;
}

const char *crew_rank_host(int rank)
{
    const struct crewi_job *job = crewi_job;
    return job && rank >= 0 && rank < job->rank_count ? job->ranks[rank].host : "";
}

int crew_current_rank(void)
{
    const struct crewi_job *job = crewi_job;
    return job ? job->rank : -1;
}
