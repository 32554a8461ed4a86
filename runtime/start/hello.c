/* SPDX-License-Identifier: BSD-3-Clause */
#include "start/hello.h"

#include "base/error.h"
#include "base/funcref.h"
#include "base/log.h"
#include "base/options.h"
#include "engine/engine.h"
#include "node/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hello {
    uint8_t build_id[CREWI_BUILD_ID_SIZE];
    int32_t pid, bell_fd; /* fd -1: no doorbells */
    char host[CREWI_HOST_SIZE];
    char trouble[256];
    struct crewi_cores cores;
};

static void fill(struct hello *mine, const struct crewi_hello *hello)
{
    memset(mine, 0, sizeof *mine);
    snprintf(mine->trouble, sizeof mine->trouble, "%s", hello->trouble);
    if (crewi_program_build_id(mine->build_id) && !*hello->trouble)
        snprintf(mine->trouble, sizeof mine->trouble, "%s", crew_error_message());
    mine->pid = (int32_t)getpid();
    mine->bell_fd = crewi_options.doorbell == CREWI_DOORBELL_ON ? hello->bell_fd : -1;
    if (gethostname(mine->host, sizeof mine->host - 1))
        snprintf(mine->host, sizeof mine->host, "unknown");
    crewi_affinity_allowed(hello->affinity, &mine->cores);
}

static crew_status word_other_build(const struct hello *all, uint32_t rank)
{
    char expected[2 * CREWI_BUILD_ID_SIZE + 1], found[2 * CREWI_BUILD_ID_SIZE + 1];
    crewi_build_id_text(all[0].build_id, expected);
    crewi_build_id_text(all[rank].build_id, found);
    return crewi_error(CREW_EBUILD,
                       "rank %u on %s runs another build of the program than rank 0 on %s: build "
                       "id %s, expected %s",
                       rank, all[rank].host, all[0].host, found, expected);
}

/* Every rank sees the same and comes to the same end; rank 0 says it. */
static crew_status check(const struct hello *all, uint32_t count, bool is_first)
{
    crew_status status = CREW_OK;
    if (count > CREWI_RANK_LIMIT)
        status = crewi_error(CREW_ESTATE, "a job of %u ranks: at most %u are possible", count,
                             CREWI_RANK_LIMIT);
    for (uint32_t rank = 0; rank < count && !status; rank++)
        if (*all[rank].trouble)
            status = count == 1 ? crewi_error(CREW_ESTATE, "%s", all[rank].trouble)
                                : crewi_error(CREW_ESTATE, "rank %u on %s: %s", rank,
                                              all[rank].host, all[rank].trouble);
    for (uint32_t rank = 1; rank < count && !status; rank++)
        if (memcmp(all[0].build_id, all[rank].build_id, CREWI_BUILD_ID_SIZE) != 0)
            status = word_other_build(all, rank);
    if (status && !is_first)
        crewi_error_clear();
    return status;
}

/* Cores of one host, each counted once, whoever may use it. */
static int count_host_cores(const struct crewi_transport *transport, const struct hello *all,
                            int host)
{
    struct crewi_cores cores = {{0}};
    for (uint32_t rank = 0; rank < transport->rank_count; rank++)
        for (int i = 0; i < CREWI_CORE_LIMIT / 64 && transport->host_of_rank[rank] == host; i++)
            cores.bits[i] |= all[rank].cores.bits[i];
    return crewi_cores_count(&cores);
}

static void describe(struct crewi_job *job, const struct crewi_transport *transport,
                     const struct hello *all)
{
    int own_host = transport->host_of_rank[transport->rank];
    job->rank = (int32_t)transport->rank;
    job->rank_count = (int32_t)transport->rank_count;
    for (uint32_t rank = 0; rank < transport->rank_count; rank++) {
        struct crewi_job_rank *entry = &job->ranks[rank];
        memcpy(entry->host, all[rank].host, sizeof entry->host);
        entry->host_index = transport->host_of_rank[rank];
        entry->cores = all[rank].cores;
        entry->cpu_count = crewi_cores_count(&all[rank].cores);
        job->host_rank_count += entry->host_index == own_host;
        if (entry->host_index >= job->host_count)
            job->host_count = entry->host_index + 1;
    }
    for (int host = 0; host < job->host_count; host++)
        job->cpu_count += count_host_cores(transport, all, host);
    job->host_cpu_count = count_host_cores(transport, all, own_host);
}

static crew_status publish(const struct crewi_transport *transport, const struct hello *all,
                           int job_fd)
{
    struct crewi_job *job = calloc(1, sizeof *job + transport->rank_count * sizeof job->ranks[0]);
    if (!job)
        return crewi_error_memory();
    describe(job, transport, all);
    crew_status status = crewi_job_publish(job_fd, job);
    free(job);
    return status;
}

static pid_t first_pid(const struct crewi_transport *transport, const struct hello *all)
{
    uint32_t rank = 0;
    while (transport->host_of_rank[rank] != transport->host_of_rank[transport->rank])
        rank++;
    return all[rank].pid;
}

/* Attaches the doorbells of the ranks of this node; NULL if one cannot be. */
static struct crewi_bell **attach(const struct crewi_transport *transport, const struct hello *all)
{
    struct crewi_bell **bells = calloc(transport->rank_count, sizeof(struct crewi_bell *));
    for (uint32_t rank = 0; bells && rank < transport->rank_count; rank++) {
        if (transport->host_of_rank[rank] != transport->host_of_rank[transport->rank] ||
            rank == transport->rank)
            continue;
        if (all[rank].bell_fd >= 0 &&
            !crewi_bell_attach(&bells[rank], all[rank].pid, all[rank].bell_fd))
            continue;
        if (all[rank].bell_fd >= 0)
            crewi_log(CREWI_LOG_INFO, "no doorbell to rank %u (%s): ranks look on a clock instead",
                      rank, crew_error_message());
        crewi_hello_fini(bells);
        return NULL;
    }
    return bells;
}

void crewi_hello_fini(struct crewi_bell **peer_bells)
{
    for (int rank = 0; peer_bells && rank < crew_rank_count(); rank++)
        crewi_bell_detach(peer_bells[rank]);
    free(peer_bells);
}

/* Doorbells are only of use when everybody rings. */
static crew_status agree(struct crewi_transport *transport, struct crewi_bell ***bells)
{
    uint8_t mine = *bells != NULL;
    uint8_t *all = malloc(transport->rank_count);
    if (!all)
        return crewi_error_memory();
    crew_status status = crewi_transport_allgather(transport, &mine, 1, all);
    if (status || memchr(all, 0, transport->rank_count)) {
        crewi_hello_fini(*bells);
        *bells = NULL;
    }
    free(all);
    return status;
}

crew_status crewi_hello(struct crewi_transport *transport, const struct crewi_hello *hello,
                        struct crewi_hello_answer *answer)
{
    struct hello mine;
    struct hello *all = malloc(transport->rank_count * sizeof *all);
    if (!all)
        return crewi_error_memory();
    fill(&mine, hello);
    crew_status status = crewi_transport_allgather(transport, &mine, sizeof mine, all);
    if (!status)
        status = check(all, transport->rank_count, transport->rank == 0);
    if (!status)
        status = publish(transport, all, hello->job_fd);
    if (!status) {
        answer->first_pid = first_pid(transport, all);
        answer->peer_bells = attach(transport, all);
        status = agree(transport, &answer->peer_bells);
    }
    free(all);
    return status;
}
