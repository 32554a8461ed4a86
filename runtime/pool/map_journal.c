/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/map_journal.h"

#include "base/clock.h"
#include "pool/result_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often is written down what has come, and what is committed at once. */
#define COMMIT_NS (100 * CREWI_MILLISECOND)
#define COMMIT_BYTES ((size_t)4 << 20)

/* The first error is kept; nothing is written after it. */
static void note(struct crewi_map_journal *keeper, crew_status status)
{
    if (!status || keeper->status)
        return;
    keeper->status = status;
    snprintf(keeper->reason, sizeof keeper->reason, "%s", crew_error_message());
}

crew_status crewi_map_journal_begin(struct crewi_map_journal *keeper, const char *path,
                                    struct crewi_pool_submission *submission, const void *items,
                                    const void *results)
{
    char build_id[2 * CREWI_BUILD_ID_SIZE + 1];
    struct crewi_journal_identity identity = {.task = submission->task,
                                              .build_id = build_id,
                                              .function = submission->function.offset,
                                              .item_size = submission->item_size,
                                              .result_size = submission->result_size,
                                              .count = submission->count,
                                              .items = items};
    crewi_build_id_text(submission->function.build_id, build_id);
    *keeper = (struct crewi_map_journal){.results = results,
                                         .result_size = submission->result_size,
                                         .shared = submission->shared,
                                         .committed_ns = crewi_now_ns()};
    size_t count = 0;
    crew_status status = crewi_journal_open(&keeper->journal, path, &identity);
    if (!status)
        status = crewi_journal_missing(keeper->journal, &keeper->missing, &count);
    if (status) {
        crewi_map_journal_abandon(keeper);
        return status;
    }
    submission->partial = 1;
    submission->reports = 1;
    submission->range_count = count;
    return CREW_OK;
}

/* Writes down what a home has told. */
static crew_status write_down(struct crewi_map_journal *keeper, const struct crewi_frame *reply,
                              bool *over)
{
    struct crewi_pool_news news;
    struct crewi_pool_report report;
    memcpy(&news, reply->payload, sizeof news);
    const unsigned char *list = reply->payload + sizeof news;
    const unsigned char *at = list + news.count * sizeof report;
    crew_status status = CREW_OK;
    for (uint64_t i = 0; i < news.count && !status; i++) {
        memcpy(&report, list + i * sizeof report, sizeof report);
        struct crewi_journal_part part = {
            .range = {report.begin, report.count},
            .attempts = report.attempts,
            .worker = report.worker,
            .rank = report.rank,
            .results = keeper->shared ? keeper->results + report.begin * keeper->result_size : at,
        };
        status = crewi_journal_append(keeper->journal, &part);
        at += report.count * keeper->result_size;
    }
    *over = news.over;
    return status;
}

static void commit_if_due(struct crewi_map_journal *keeper, bool over)
{
    int64_t now_ns = crewi_now_ns();
    if (!over && now_ns - keeper->committed_ns < COMMIT_NS &&
        crewi_journal_pending(keeper->journal) < COMMIT_BYTES)
        return;
    note(keeper, crewi_journal_commit(keeper->journal));
    keeper->committed_ns = now_ns;
}

crew_status crewi_map_journal_wait(struct crewi_map_journal *keeper, uint64_t map)
{
    struct crewi_frame *reply;
    struct crewi_call call = {
        .kind = CREWI_KIND_RESULT, .op = CREWI_RESULT_NEXT, .object = map, .timeout_ns = COMMIT_NS};
    if (keeper->status)
        return crewi_result_await(map, COMMIT_NS);
    crew_status status = crewi_call(&call, &reply);
    if (status)
        return status;
    bool over = false;
    note(keeper, write_down(keeper, reply, &over));
    crewi_frame_destroy(reply);
    if (!keeper->status)
        commit_if_due(keeper, over);
    return over ? CREW_OK : crewi_error(CREW_ETIMEDOUT, "the map is not over");
}

void crewi_map_journal_note_failures(struct crewi_map_journal *keeper, uint64_t map)
{
    struct crewi_frame *reply;
    if (keeper->status || crewi_result_ask(map, CREWI_RESULT_ERRORS, NULL, 0, &reply))
        return;
    note(keeper, crewi_journal_note_failures(keeper->journal,
                                             (const crew_task_error *)(const void *)reply->payload,
                                             reply->header.size / sizeof(crew_task_error)));
    crewi_frame_destroy(reply);
}

crew_status crewi_map_journal_finish(struct crewi_map_journal *keeper, void *results,
                                     crew_status *statuses)
{
    note(keeper, crewi_journal_load(keeper->journal, results, statuses));
    crew_status status = crewi_journal_close(keeper->journal);
    keeper->journal = NULL;
    note(keeper, status);
    crewi_map_journal_abandon(keeper);
    return keeper->status ? crewi_error(keeper->status, "%s", keeper->reason) : CREW_OK;
}

void crewi_map_journal_abandon(void *context)
{
    struct crewi_map_journal *keeper = context;
    if (keeper->journal && !crewi_client_is_copy()) /* SQLite: whoever has opened it closes it */
        crewi_journal_abandon(keeper->journal);
    keeper->journal = NULL;
    free(keeper->missing);
    keeper->missing = NULL;
}
