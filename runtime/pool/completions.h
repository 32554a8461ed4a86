/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a process knows of which results are done: the home of a pool tells it, in the order in
 * which they were, all that it does not know yet at a time. So waiting for many results costs one
 * request for each time that something was done, and not one for each result.
 */
#ifndef CREWI_POOL_COMPLETIONS_H
#define CREWI_POOL_COMPLETIONS_H

#include "pool/result_call.h"

/** What a process knows of a pool; with crewi_callbacks_lock(). */
struct crewi_completions {
    struct crewi_cached cached; /* its id is that of the pool */
    uint64_t known;             /* all results are known that are done up to this order */
    /* Results that are done and that crew_results_next() has not looked at, in that order. */
    struct crewi_result_record *first, *last;
};

/** Waits until more is done in one of these pools than is known, for so long, and notes that in the
 * records of the results. Also ::CREW_OK when nothing came. */
crew_status crewi_completions_await(const uint64_t *pools, size_t count, int64_t timeout_ns);

/** What is known of a pool; NULL: nothing. */
struct crewi_completions *crewi_completions_of(uint64_t pool);

/** Takes a result out of the list, with crewi_callbacks_lock(); fine when it is not in there. */
void crewi_completions_unlist(struct crewi_result_record *record);

/** The pool is gone, and so are its results. */
void crewi_completions_end(uint64_t pool);

#endif
