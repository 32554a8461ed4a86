/* SPDX-License-Identifier: BSD-3-Clause */
#include "start/hello.h"

#include "affinity/quota.h"
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
    struct crewi_memfd_place bell;
    int32_t wants_doorbell;
    char host[CREWI_HOST_SIZE];
    char trouble[256];
    struct crewi_cores cores;
    struct crewi_quota quota;
};

static void fill(struct hello *mine, const struct crewi_hello *hello)
{
    memset(mine, 0, sizeof *mine);
    snprintf(mine->trouble, sizeof mine->trouble, "%s", hello->trouble);
    if (crewi_program_build_id(mine->build_id) && !*hello->trouble)
        snprintf(mine->trouble, sizeof mine->trouble, "%s", crew_error_message());
    mine->bell = crewi_bell_place(hello->bell, hello->bell_fd);
    mine->wants_doorbell = crewi_options.doorbell == CREWI_DOORBELL_ON;
    if (gethostname(mine->host, sizeof mine->host - 1))
        snprintf(mine->host, sizeof mine->host, "unknown");
    crewi_affinity_allowed(hello->affinity, &mine->cores);
    mine->quota = crewi_quota_of_process();
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

/* Which ranks reach each other's memory and descriptors: those who reach the same first rank. An
 * array by rank of such first ranks; NULL without memory. */
static crew_status find_memory(struct crewi_transport *transport, const struct hello *all,
                               int32_t **first)
{
    int32_t mine = 0;
    int host = transport->host_of_rank[transport->rank];
    for (; (uint32_t)mine < transport->rank; mine++) {
        struct crewi_bell *bell;
        if (transport->host_of_rank[mine] != host || crewi_bell_attach(&bell, &all[mine].bell))
            continue;
        crewi_bell_detach(bell);
        break;
    }
    *first = malloc(transport->rank_count * sizeof **first);
    if (!*first)
        return crewi_error_memory();
    return crewi_transport_allgather(transport, &mine, sizeof mine, *first);
}

static int32_t limit_cpus(int32_t count, int32_t quota)
{
    return quota && quota < count ? quota : count;
}

/* Whether an earlier rank of its host is in the same group. The root of one container is not that
 * of another. */
static bool shares_quota(const struct crewi_job *job, const struct hello *all, int32_t rank)
{
    for (int32_t other = 0; other < rank; other++)
        if (job->ranks[other].host_index == job->ranks[rank].host_index &&
            all[other].quota.group == all[rank].quota.group &&
            (all[rank].quota.group ||
             job->ranks[other].memory_index == job->ranks[rank].memory_index))
            return true;
    return false;
}

/* Of all ranks of a host together; 0: none, since one of them has none. */
static int32_t quota_of_host(const struct crewi_job *job, const struct hello *all, int32_t host)
{
    int32_t sum = 0;
    for (int32_t rank = 0; rank < job->rank_count; rank++) {
        if (job->ranks[rank].host_index != host)
            continue;
        if (!all[rank].quota.cpus)
            return 0;
        if (!shares_quota(job, all, rank))
            sum += limit_cpus(CREWI_CORE_LIMIT, all[rank].quota.cpus);
    }
    return sum;
}

/* Cores of one host, each counted once, whoever may use it; no more than there is time for. */
static int32_t count_host_cpus(const struct crewi_job *job, const struct hello *all, int32_t host)
{
    struct crewi_cores cores = {{0}};
    for (int32_t rank = 0; rank < job->rank_count; rank++)
        for (int i = 0; i < CREWI_CORE_LIMIT / 64 && job->ranks[rank].host_index == host; i++)
            cores.bits[i] |= all[rank].cores.bits[i];
    return limit_cpus(crewi_cores_count(&cores), quota_of_host(job, all, host));
}

static void describe(struct crewi_job *job, const struct crewi_transport *transport,
                     const struct hello *all, const int32_t *memory)
{
    int own_host = transport->host_of_rank[transport->rank];
    job->rank = (int32_t)transport->rank;
    job->rank_count = (int32_t)transport->rank_count;
    for (uint32_t rank = 0; rank < transport->rank_count; rank++) {
        struct crewi_job_rank *entry = &job->ranks[rank];
        memcpy(entry->host, all[rank].host, sizeof entry->host);
        entry->host_index = transport->host_of_rank[rank];
        entry->memory_index = memory[rank];
        entry->cores = all[rank].cores;
        entry->cpu_count = limit_cpus(crewi_cores_count(&all[rank].cores), all[rank].quota.cpus);
        job->has_quota |= all[rank].quota.cpus != 0;
        job->host_rank_count += entry->host_index == own_host;
        if (entry->host_index >= job->host_count)
            job->host_count = entry->host_index + 1;
    }
    for (int host = 0; host < job->host_count; host++)
        job->cpu_count += count_host_cpus(job, all, host);
    job->host_cpu_count = count_host_cpus(job, all, own_host);
}

static crew_status publish(const struct crewi_transport *transport, const struct hello *all,
                           const int32_t *memory, int job_fd)
{
    struct crewi_job *job = calloc(1, sizeof *job + transport->rank_count * sizeof job->ranks[0]);
    if (!job)
        return crewi_error_memory();
    describe(job, transport, all, memory);
    crew_status status = crewi_job_publish(job_fd, job);
    free(job);
    return status;
}

/* Attaches the doorbells of the ranks whose memory we reach; NULL if one cannot be. */
static struct crewi_bell **attach(const struct crewi_transport *transport, const struct hello *all)
{
    struct crewi_bell **bells = calloc(transport->rank_count, sizeof(struct crewi_bell *));
    for (uint32_t rank = 0; bells && rank < transport->rank_count; rank++) {
        if (rank != transport->rank && !all[rank].wants_doorbell) {
            crewi_hello_fini(bells);
            return NULL;
        }
        if (rank == transport->rank || !crewi_job_shares_memory(rank) ||
            !crewi_bell_attach(&bells[rank], &all[rank].bell))
            continue;
        crewi_log(CREWI_LOG_INFO, "no doorbell to rank %u (%s): ranks look on a clock instead",
                  rank, crew_error_message());
        crewi_hello_fini(bells);
        return NULL;
    }
    return bells;
}

/* Ranks of one host that have to go on as if they were on several: worth to know for those who
 * wonder about speed. */
static void tell_apart(void)
{
    for (int32_t rank = 0; rank < crewi_job->rank_count; rank++) {
        const struct crewi_job_rank *other = &crewi_job->ranks[rank],
                                    *mine = &crewi_job->ranks[crewi_job->rank];
        if (other->host_index != mine->host_index || other->memory_index == mine->memory_index)
            continue;
        crewi_log(CREWI_LOG_INFO,
                  "rank %d is on the same host and out of reach (another pid namespace, or not "
                  "allowed by the kernel): what it is sent goes in messages",
                  rank);
        return;
    }
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
    int32_t *memory = NULL;
    struct hello *all = malloc(transport->rank_count * sizeof *all);
    if (!all)
        return crewi_error_memory();
    fill(&mine, hello);
    crew_status status = crewi_transport_allgather(transport, &mine, sizeof mine, all);
    if (!status)
        status = check(all, transport->rank_count, transport->rank == 0);
    if (!status)
        status = find_memory(transport, all, &memory);
    if (!status)
        status = publish(transport, all, memory, hello->job_fd);
    if (!status) {
        answer->first_pid = all[memory[transport->rank]].bell.pid;
        answer->peer_bells = attach(transport, all);
        tell_apart();
        status = agree(transport, &answer->peer_bells);
    }
    free(memory);
    free(all);
    return status;
}
