/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A map with a journal, as the thread that waits for it keeps it: what is missing goes out, what
 * comes is written down, and what was there already is put in its place.
 *
 * What cannot be written does not stop the map: the first such error is kept for the end.
 */
#ifndef CREWI_POOL_MAP_JOURNAL_H
#define CREWI_POOL_MAP_JOURNAL_H

#include "base/error.h"
#include "pool/journal.h"
#include "pool/pool_protocol.h"

struct crewi_map_journal {
    struct crewi_journal *journal; /* NULL: the map has none */
    struct crewi_range *missing;
    const unsigned char *results; /* the caller's room */
    uint64_t result_size;
    bool shared; /* results come there by themselves */
    int64_t committed_ns;
    crew_status status; /* of what could not be written, and why */
    char reason[CREWI_ERROR_SIZE];
};

/** Opens it, and has the submission ask for what is missing. As crewi_journal_open() */
crew_status crewi_map_journal_begin(struct crewi_map_journal *keeper, const char *path,
                                    struct crewi_pool_submission *submission, const void *items,
                                    const void *results);

/** Waits a little, and writes down what has come. ::CREW_ETIMEDOUT the map is not over. */
crew_status crewi_map_journal_wait(struct crewi_map_journal *keeper, uint64_t map);

/** Notes the failures of a map that is over and not closed yet. */
void crewi_map_journal_note_failures(struct crewi_map_journal *keeper, uint64_t map);

/** Puts what was there in its place, and closes. The error of the first thing that went wrong. */
crew_status crewi_map_journal_finish(struct crewi_map_journal *keeper, void *results,
                                     crew_status *statuses);

/** Closes without a word, if it is open. For pthread_cleanup_push(), too. */
void crewi_map_journal_abandon(void *keeper);

#endif
