/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/pool_ranks.h"

#include "base/error.h"

#include <crew/run.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of a message the names of the hosts may take. */
#define HOSTS_SIZE 256

/* The first rank on the host of that name; the number of ranks when there is none. */
static int first_on(const char *host)
{
    int rank = 0;
    while (rank < crew_rank_count() && strcmp(crew_rank_host(rank), host) != 0)
        rank++;
    return rank;
}

/* The names of all hosts, as far as they fit: "node0, node1". */
static const char *word_hosts(char text[HOSTS_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        const char *host = crew_rank_host(rank), *comma = used ? ", " : "";
        if (first_on(host) < rank)
            continue;
        if (used + strlen(comma) + strlen(host) + sizeof ", ..." > HOSTS_SIZE) {
            snprintf(text + used, HOSTS_SIZE - used, ", ...");
            break;
        }
        used += (size_t)snprintf(text + used, HOSTS_SIZE - used, "%s%s", comma, host);
    }
    return text;
}

static crew_status check_list(const char *name, const void *list, size_t count)
{
    if (list && !count)
        return crewi_error(CREW_EINVAL, "a pool over no %s: expected at least one, or NULL", name);
    if (count && !list)
        return crewi_error(CREW_EINVAL, "%s is NULL, with a count of %zu", name, count);
    return CREW_OK;
}

static bool is_in(const struct crewi_pool_ranks *ranks, int rank)
{
    for (uint32_t i = 0; i < ranks->count; i++)
        if (ranks->list[i] == rank)
            return true;
    return false;
}

static crew_status take_ranks(const crew_pool_attr *attr, struct crewi_pool_ranks *ranks)
{
    char hosts[HOSTS_SIZE];
    for (size_t i = 0; i < attr->rank_count; i++) {
        int rank = attr->ranks[i];
        if (rank < 0 || rank >= crew_rank_count())
            return crewi_error(CREW_EINVAL,
                               "a pool over rank %d: the job has ranks 0 to %d (hosts: %s)", rank,
                               crew_rank_count() - 1, word_hosts(hosts));
        if (is_in(ranks, rank))
            return crewi_error(CREW_EINVAL, "a pool over rank %d twice: each may be given once",
                               rank);
        ranks->list[ranks->count++] = rank;
    }
    return CREW_OK;
}

static crew_status take_hosts(const crew_pool_attr *attr, struct crewi_pool_ranks *ranks)
{
    char hosts[HOSTS_SIZE];
    for (size_t i = 0; i < attr->host_count; i++) {
        const char *host = attr->hosts[i] ? attr->hosts[i] : "(null)";
        int first = first_on(host);
        if (first == crew_rank_count())
            return crewi_error(CREW_EINVAL, "a pool over host \"%s\": the hosts of the job are %s",
                               host, word_hosts(hosts));
        if (is_in(ranks, first))
            return crewi_error(CREW_EINVAL, "a pool over host \"%s\" twice: each may be given once",
                               host);
        for (int rank = first; rank < crew_rank_count(); rank++)
            if (strcmp(crew_rank_host(rank), host) == 0)
                ranks->list[ranks->count++] = rank;
    }
    return CREW_OK;
}

crew_status crewi_pool_choose_ranks(const crew_pool_attr *attr, struct crewi_pool_ranks *ranks)
{
    struct crewi_pool_ranks chosen = {0};
    crew_status status = check_list("ranks", attr->ranks, attr->rank_count);
    if (!status)
        status = check_list("hosts", attr->hosts, attr->host_count);
    if (!status && attr->ranks && attr->hosts)
        status = crewi_error(CREW_EINVAL, "a pool over ranks and over hosts: expected one of them");
    if (!status && (attr->ranks || attr->hosts)) {
        chosen.list = malloc((size_t)crew_rank_count() * sizeof *chosen.list);
        status = !chosen.list  ? crewi_error_memory()
                 : attr->ranks ? take_ranks(attr, &chosen)
                               : take_hosts(attr, &chosen);
    }
    if (status)
        free(chosen.list);
    else
        *ranks = chosen;
    return status;
}
