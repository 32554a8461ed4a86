/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A summary of what a pool did, as a table of its workers and a few lines below.
 */
#ifndef CREWI_POOL_POOL_SUMMARY_H
#define CREWI_POOL_POOL_SUMMARY_H

#include <crew/pool.h>
#include <stdio.h>

struct crewi_pool_summary {
    crew_pool_info info;
    crew_worker_info *workers; /* freed with free() */
    size_t count;
};

/** What there is to say now; as crew_pool_describe(). */
crew_status crewi_pool_summary_ask(crew_pool pool, struct crewi_pool_summary *summary);

/** Takes off what had been done before. The start counts no more. */
void crewi_pool_summary_since(struct crewi_pool_summary *summary,
                              const struct crewi_pool_summary *before);

/** Writes it in one piece. ::CREW_ENOMEM, ::CREW_ESYSTEM */
crew_status crewi_pool_summary_print(const struct crewi_pool_summary *summary, FILE *stream);

#endif
