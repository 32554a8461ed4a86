/* SPDX-License-Identifier: BSD-3-Clause */
/* crew_wait(): the objects are asked at their homes, all at a time. */
#include <crew/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/client.h"

#include <crew/run.h>

#include <stdlib.h>
#include <string.h>

struct waiting {
    size_t count;
    struct crewi_call *calls;
    struct crewi_frame **replies;
    bool *ready; /* the caller's is set by success alone */
};

static bool can_be_waited_for(uint64_t id)
{
    unsigned kind = crewi_id_kind(id);
    return kind == CREWI_KIND_PROCESS || kind == CREWI_KIND_PIPE || kind == CREWI_KIND_QUEUE ||
           kind == CREWI_KIND_RESULT;
}

static crew_status check(const crew_waitable *objects, size_t count, const bool *ready)
{
    if (!crewi_client_current())
        return crewi_client_missing("crew_wait");
    if (count > 0 && (!objects || !ready))
        return crewi_error(CREW_EINVAL, "crew_wait: %s is NULL", objects ? "ready" : "objects");
    for (size_t i = 0; i < count; i++) {
        if (!can_be_waited_for(objects[i].id))
            return crewi_error(CREW_EINVAL, "crew_wait: object %zu of %zu is %s", i, count,
                               objects[i].id ? "nothing to wait for" : "empty");
        for (size_t other = 0; other < i; other++)
            if (objects[other].id == objects[i].id)
                return crewi_error(CREW_EINVAL, "crew_wait: objects %zu and %zu are the same",
                                   other, i);
    }
    return CREW_OK;
}

/* What has counted handles is asked through the own rank; others at home. */
static struct crewi_call question(const crew_waitable *object)
{
    struct crewi_call call = {.kind = (uint8_t)crewi_id_kind(object->id), .op = CREWI_OP_WAIT};
    if (call.kind == CREWI_KIND_PROCESS || call.kind == CREWI_KIND_RESULT) {
        call.object = object->id;
    } else {
        call.rank = (uint32_t)crew_current_rank();
        call.head = &object->id;
        call.head_size = sizeof object->id;
    }
    return call;
}

static crew_status begin(struct waiting *waiting, const crew_waitable *objects, size_t count)
{
    *waiting = (struct waiting){.count = count,
                                .calls = calloc(count + 1, sizeof *waiting->calls),
                                .replies = calloc(count + 1, sizeof(struct crewi_frame *)),
                                .ready = calloc(count + 1, sizeof(bool))};
    if (!waiting->calls || !waiting->replies || !waiting->ready)
        return crewi_error_memory();
    for (size_t i = 0; i < count; i++)
        waiting->calls[i] = question(&objects[i]);
    return CREW_OK;
}

static void drop_replies(struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->count; i++) {
        crewi_frame_destroy(waiting->replies[i]);
        waiting->replies[i] = NULL;
    }
}

static void end(struct waiting *waiting)
{
    if (waiting->replies)
        drop_replies(waiting);
    free(waiting->ready);
    free(waiting->replies);
    free(waiting->calls);
}

static crew_status ask(struct waiting *waiting, int64_t timeout_ns, bool any, uint64_t *first)
{
    for (size_t i = 0; i < waiting->count; i++)
        waiting->calls[i].timeout_ns = timeout_ns;
    return crewi_call_many(waiting->calls, waiting->count, any, waiting->replies, first);
}

/* What the replies say: the first error, or which are ready. */
static crew_status read_replies(struct waiting *waiting, size_t *how_many)
{
    crew_status status = CREW_OK;
    *how_many = 0;
    for (size_t i = 0; i < waiting->count && !status; i++) {
        const struct crewi_frame *reply = waiting->replies[i];
        waiting->ready[i] = false;
        if (!reply)
            continue;
        status = (crew_status)reply->header.status;
        if (status)
            crewi_error_text(status, (const char *)reply->payload, reply->header.size);
        else
            waiting->ready[i] = reply->header.size > 0;
        *how_many += waiting->ready[i];
    }
    drop_replies(waiting);
    return status;
}

static crew_status poll_all(struct waiting *waiting, size_t *how_many)
{
    crew_status status = ask(waiting, 0, false, NULL);
    return status ? status : read_replies(waiting, how_many);
}

/* Nobody waits any more for what is still parked. */
static void forget_waits(const struct waiting *waiting, uint64_t first)
{
    uint64_t range[] = {first, first + waiting->count - 1};
    for (size_t i = 0; i < waiting->count; i++) {
        struct crewi_call note = waiting->calls[i];
        note.op = CREWI_OP_FORGET_WAITS;
        note.timeout_ns = 0;
        note.body = range;
        note.body_size = sizeof range;
        if (!waiting->replies[i])
            crewi_tell(&note);
    }
}

static crew_status sleep_for_any(struct waiting *waiting, int64_t timeout_ns)
{
    uint64_t first;
    crew_status status = ask(waiting, timeout_ns, true, &first);
    if (status)
        return status;
    forget_waits(waiting, first);
    drop_replies(waiting);
    return CREW_OK;
}

static crew_status wait_for(struct waiting *waiting, int64_t timeout_ns, size_t *how_many)
{
    int64_t deadline_ns = crewi_deadline_ns(crewi_now_ns(), timeout_ns);
    for (;;) {
        crew_status status = poll_all(waiting, how_many);
        int64_t left_ns =
            deadline_ns == CREWI_FOREVER ? CREWI_FOREVER : deadline_ns - crewi_now_ns();
        if (status || *how_many || left_ns <= 0)
            return status;
        status = sleep_for_any(waiting, left_ns);
        if (status)
            return status;
    }
}

/* Only time passes. */
static crew_status wait_for_nothing(int64_t timeout_ns)
{
    if (timeout_ns == CREWI_FOREVER)
        return crewi_error(CREW_EINVAL, "crew_wait: for ever, and for nothing");
    struct timespec left = crewi_timespec(timeout_ns);
    nanosleep(&left, NULL);
    return CREW_OK;
}

crew_status crew_wait(const crew_waitable *objects, size_t count, bool *ready, size_t *how_many,
                      double timeout_s)
{
    struct waiting waiting = {0};
    size_t found = 0;
    int64_t timeout_ns = crewi_timeout_ns(timeout_s);
    crew_status status = check(objects, count, ready);
    if (!status)
        status = count ? begin(&waiting, objects, count) : wait_for_nothing(timeout_ns);
    if (!status && count)
        status = wait_for(&waiting, timeout_ns, &found);
    if (!status && !found)
        status = crewi_error(CREW_ETIMEDOUT, "none of %zu objects is ready in time", count);
    for (size_t i = 0; i < count && !status; i++)
        ready[i] = waiting.ready[i];
    end(&waiting);
    if (!status && how_many)
        *how_many = found;
    return status;
}
