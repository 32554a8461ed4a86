/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/result.h> about several results. */
#include "pool/result_call.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* What is known of several results. */
struct several {
    const crew_result *results;
    size_t count;
    struct crewi_pool_progress *progress;
    bool *is_ready;
};

static crew_status check(const char *call, const crew_result *results, size_t count)
{
    struct crewi_result_record *record;
    if (count && !results)
        return crewi_error(CREW_EINVAL, "%s: results is NULL", call);
    crew_status status = crewi_client_current()
                             ? CREW_OK
                             : crewi_error(CREW_ESTATE, "%s: not inside crew_run()", call);
    for (size_t i = 0; i < count && !status; i++)
        status = crewi_result_use(call, results[i], &record);
    return status;
}

static crew_status begin(struct several *several, const crew_result *results, size_t count)
{
    *several = (struct several){.results = results,
                                .count = count,
                                .progress = calloc(count + 1, sizeof *several->progress),
                                .is_ready = calloc(count + 1, sizeof(bool))};
    return several->progress && several->is_ready ? CREW_OK : crewi_error_memory();
}

static void end(struct several *several)
{
    free(several->progress);
    free(several->is_ready);
}

/* Looks at those that were not ready. All are asked at a time. */
static crew_status look(struct several *several)
{
    struct crewi_call *calls = calloc(several->count + 1, sizeof *calls);
    struct crewi_frame **replies = calloc(several->count + 1, sizeof(struct crewi_frame *));
    crew_status status = calls && replies ? CREW_OK : crewi_error_memory();
    for (size_t i = 0; i < several->count && !status; i++)
        calls[i] = (struct crewi_call){.kind = CREWI_KIND_RESULT,
                                       .op = CREWI_RESULT_PROGRESS,
                                       .object = several->results[i].id};
    if (!status)
        status = crewi_call_many(calls, several->count, false, replies, NULL);
    for (size_t i = 0; i < several->count && !status; i++) {
        const struct crewi_frame *reply = replies[i];
        status = (crew_status)reply->header.status;
        if (status)
            crewi_error_text(status, (const char *)reply->payload, reply->header.size);
        else if (reply->header.size == sizeof *several->progress)
            memcpy(&several->progress[i], reply->payload, sizeof *several->progress);
        if (!status && several->progress[i].over)
            status = crew_result_ready(several->results[i], &several->is_ready[i]);
    }
    for (size_t i = 0; replies && i < several->count; i++)
        crewi_frame_destroy(replies[i]);
    free(replies);
    free(calls);
    return status;
}

/* Waits for any of those that are not ready, each once. Those that only lack their callbacks are
 * looked at again soon. */
static crew_status sleep_for_any(const struct several *several, const bool *left_out,
                                 int64_t timeout_ns)
{
    crew_waitable *waitables = calloc(several->count + 1, sizeof *waitables);
    bool *ready = calloc(several->count + 1, sizeof *ready);
    size_t count = 0;
    bool is_calling = false;
    crew_status status = waitables && ready ? CREW_OK : crewi_error_memory();
    for (size_t i = 0; i < several->count && !status; i++) {
        bool is_there = several->is_ready[i] || (left_out && left_out[i]);
        is_calling |= !is_there && several->progress[i].over;
        for (size_t other = 0; other < count && !is_there; other++)
            is_there = waitables[other].id == several->results[i].id;
        if (!is_there && !several->progress[i].over)
            waitables[count++].id = several->results[i].id;
    }
    if (is_calling && timeout_ns > CREWI_MILLISECOND)
        timeout_ns = CREWI_MILLISECOND;
    double timeout_s = timeout_ns == CREWI_FOREVER ? CREW_FOREVER : (double)timeout_ns / 1e9;
    if (!status && (count || is_calling))
        status = crew_wait(waitables, count, timeout_s, ready, NULL);
    free(ready);
    free(waitables);
    return status;
}

static bool is_enough(const struct several *several, crew_results_when when, size_t *how_many)
{
    bool any_failed = false;
    *how_many = 0;
    for (size_t i = 0; i < several->count; i++) {
        *how_many += several->is_ready[i];
        any_failed |=
            several->is_ready[i] && several->progress[i].wrong && !several->progress[i].cancelled;
    }
    return *how_many == several->count || (when == CREW_FIRST_COMPLETED && *how_many) ||
           (when == CREW_FIRST_ERROR && any_failed);
}

static int64_t time_left(int64_t deadline_ns)
{
    return deadline_ns == CREWI_FOREVER ? CREWI_FOREVER : deadline_ns - crewi_now_ns();
}

crew_status crew_results_wait(const crew_result *results, size_t count, crew_results_when when,
                              double timeout_s, bool *done, size_t *how_many)
{
    struct several several = {0};
    size_t found = 0;
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(timeout_s));
    crew_status status = check("crew_results_wait", results, count);
    if (!status && (when < CREW_ALL_COMPLETED || when > CREW_FIRST_ERROR))
        status =
            crewi_error(CREW_EINVAL, "crew_results_wait: %d is no crew_results_when", (int)when);
    if (!status)
        status = begin(&several, results, count);
    while (!status) {
        status = look(&several);
        int64_t left_ns = time_left(deadline_ns);
        if (status || is_enough(&several, when, &found) || left_ns <= 0)
            break;
        status = sleep_for_any(&several, NULL, left_ns);
    }
    for (size_t i = 0; i < count && done && !status; i++)
        done[i] = several.is_ready[i];
    if (how_many && !status)
        *how_many = found;
    end(&several);
    return status;
}

/* The one that was ready first of those that were not seen; count: none is. */
static size_t first_ready(const struct several *several, const bool *seen)
{
    size_t first = several->count;
    for (size_t i = 0; i < several->count; i++)
        if (several->is_ready[i] && !seen[i] &&
            (first == several->count ||
             several->progress[i].order < several->progress[first].order))
            first = i;
    return first;
}

static bool all_seen(const bool *seen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!seen[i])
            return false;
    return true;
}

crew_status crew_results_next(const crew_result *results, size_t count, bool *seen,
                              double timeout_s, size_t *index)
{
    struct several several = {0};
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), crewi_timeout_ns(timeout_s));
    size_t next = count;
    crew_status status = check("crew_results_next", results, count);
    if (!status && (!index || (count && !seen)))
        status =
            crewi_error(CREW_EINVAL, "crew_results_next: %s is NULL", index ? "seen" : "index");
    if (!status && all_seen(seen, count))
        status = crewi_error(CREW_EOF, "all %zu results have been returned", count);
    if (!status)
        status = begin(&several, results, count);
    while (!status) {
        status = look(&several);
        int64_t left_ns = time_left(deadline_ns);
        if (status || (next = first_ready(&several, seen)) < count)
            break;
        status = left_ns > 0 ? sleep_for_any(&several, seen, left_ns)
                             : crewi_error(CREW_ETIMEDOUT, "none of the results is done in time");
    }
    for (size_t i = 0; i < count && !status; i++)
        seen[i] |= results[i].id == results[next].id;
    if (!status)
        *index = next;
    end(&several);
    return status;
}
