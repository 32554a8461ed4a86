/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The journal of a map: an SQLite database that keeps what is finished, so that the same map goes
 * on where it was.
 *
 * Tables: `map`, one row that says of what function and of what input it is; `part`, ranges of
 * tasks that have succeeded, with their results one behind the other and a checksum; `failure`, the
 * tasks that had failed at the end of the last run. The view `result` has a row for each task.
 *
 * While it is open, nobody else can open it. That is how one journal serves one run at a time, and
 * how SQLite's log needs no memory shared between processes, which file systems of clusters do not
 * have.
 */
#ifndef CREWI_POOL_JOURNAL_H
#define CREWI_POOL_JOURNAL_H

#include "pool/schedule.h"

#include <crew/result.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crewi_journal;

/** What a journal is of. */
struct crewi_journal_identity {
    const char *task;     /**< its name */
    const char *build_id; /**< of the program or library that has the function, in hex digits */
    uint64_t function;    /**< where it is in there */
    uint64_t item_size, result_size, count;
    const void *items;
};

/** Tasks of one range that have succeeded. */
struct crewi_journal_part {
    struct crewi_range range;
    uint32_t attempts; /**< that each of them took */
    const char *worker;
    int rank;
    const void *results;
};

/**
 * Opens a journal, or begins one where there is no file, an empty one, or one that keeps no result.
 *
 * @return ::CREW_EBUILD it is of another function, or another build of it; ::CREW_EINVAL it is of
 * other items or sizes, the file is no journal, or a result is larger than a database can keep;
 * ::CREW_ESTATE somebody else has it open; ::CREW_ESYSTEM it cannot be read or written;
 * or is another user's doing in a folder that everybody may write to (base/path.h); ::CREW_EBROKEN
 * it is damaged; ::CREW_ENOMEM
 */
crew_status crewi_journal_open(struct crewi_journal **journal, const char *path,
                               const struct crewi_journal_identity *identity);

/** Ranges of what it does not have, in order and apart; as opened. To be freed. Compares the
 * checksums of all that it has: ::CREW_EBROKEN if results are not those that were written. */
crew_status crewi_journal_missing(struct crewi_journal *journal, struct crewi_range **ranges,
                                  size_t *count);

/** Copies the results that it had when it was opened to their places; and status 0, if @p statuses
 * is not NULL. */
crew_status crewi_journal_load(struct crewi_journal *journal, void *results, crew_status *statuses);

/** Adds tasks that have succeeded. They are safe when they are committed. */
crew_status crewi_journal_append(struct crewi_journal *journal,
                                 const struct crewi_journal_part *part);

/** How many bytes of results were added and not committed. */
size_t crewi_journal_pending(const struct crewi_journal *journal);

/** What was added outlives the process from here on. Nothing to do is fine. */
crew_status crewi_journal_commit(struct crewi_journal *journal);

/** Notes the tasks that have failed in this run, in place of those of the one before. */
crew_status crewi_journal_note_failures(struct crewi_journal *journal,
                                        const crew_task_error *errors, size_t count);

/** Commits, and brings everything onto the disk. The journal is closed whatever is returned. */
crew_status crewi_journal_close(struct crewi_journal *journal);

/** The same without a commit. */
void crewi_journal_abandon(struct crewi_journal *journal);

/** 128 bits that tell one input from another, in hex digits. */
void crewi_journal_hash(const void *data, size_t size, char text[33]);

#endif
