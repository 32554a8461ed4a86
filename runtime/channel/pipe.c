/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/pipe.h>. */
#include <crew/pipe.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/pointers.h"
#include "channel/pipe_large.h"
#include "channel/pipe_protocol.h"
#include "engine/client.h"

#include <crew/run.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of the kernel, on the machines that we know. */
#define LARGE_PAGE ((uint64_t)2 << 20)

static crew_status check(crew_connection connection)
{
    if (!crewi_client_current())
        return crewi_client_missing("a pipe is used");
    if (crewi_id_kind(connection.id) == CREWI_KIND_PIPE)
        return CREW_OK;
    return crewi_error(CREW_EINVAL, "the handle is %s",
                       connection.id ? "no connection" : "empty: it was never set");
}

static struct crewi_call call_to_end(uint8_t op, const crew_connection *connection)
{
    return (struct crewi_call){.kind = CREWI_KIND_PIPE,
                               .op = op,
                               .rank = (uint32_t)crew_current_rank(),
                               .timeout_ns = CREWI_FOREVER,
                               .head = &connection->id,
                               .head_size = sizeof connection->id};
}

crew_status crew_pipe_create(crew_connection *in, crew_connection *out, const crew_pipe_attr *attr)
{
    struct crewi_pipe_settings settings = {.capacity = CREWI_PIPE_CAPACITY};
    uint64_t ids[2];
    if (!in || !out)
        return crewi_error(CREW_EINVAL, "crew_pipe_create: %s is NULL", in ? "out" : "in");
    if (attr && attr->capacity > CREWI_PIPE_CAPACITY_LIMIT)
        return crewi_error(CREW_EINVAL,
                           "crew_pipe_create: a capacity of %zu bytes is more than %llu",
                           attr->capacity, (unsigned long long)CREWI_PIPE_CAPACITY_LIMIT);
    if (attr && attr->capacity)
        settings.capacity = attr->capacity;
    settings.duplex = attr && attr->duplex;
    struct crewi_call call = {.kind = CREWI_KIND_PIPE,
                              .op = CREWI_PIPE_CREATE,
                              .rank = (uint32_t)crew_current_rank(),
                              .head = &settings,
                              .head_size = sizeof settings};
    crew_status status = crewi_call_fixed(&call, ids, sizeof ids);
    if (status)
        return status;
    in->id = ids[0];
    out->id = ids[1];
    return CREW_OK;
}

/* Sending */

static crew_status send_inline(crew_connection connection, const void *data, size_t size,
                               int64_t timeout_ns)
{
    struct crewi_pipe_item item = {.end = connection.id, .size = size, .what = CREWI_PIPE_INLINE};
    struct crewi_call call = call_to_end(CREWI_PIPE_SEND, &connection);
    call.timeout_ns = timeout_ns;
    call.head = &item;
    call.head_size = sizeof item;
    call.body = data;
    call.body_size = size;
    if (timeout_ns != CREWI_FOREVER)
        return crewi_call(&call, NULL);
    struct crewi_frame *reply;
    crew_status status = crewi_post(&call, connection.id, &reply);
    if (!status && reply)
        crewi_post_allow(connection.id);
    else if (status) /* the word to stop may have come before the one that allowed it was read */
        crewi_post_forget(connection.id);
    crewi_frame_destroy(status ? NULL : reply);
    return status;
}

crew_status crew_send(crew_connection connection, const void *data, size_t size, double timeout_s)
{
    int64_t timeout_ns = crewi_timeout_ns(timeout_s);
    crew_status status = check(connection);
    if (status)
        return status;
    if (!data && size)
        return crewi_error(CREW_EINVAL, "crew_send: data is NULL, and the size %zu", size);
    status = crewi_check_pointers("crew_send", "the message", data, 1, size);
    if (status)
        return status;
    return size > CREWI_PIPE_INLINE_SIZE
               ? crewi_pipe_send_large(connection.id, data, size, timeout_ns)
               : send_inline(connection, data, size, timeout_ns);
}

crew_status crew_send_range(crew_connection connection, const void *buffer, size_t size,
                            ptrdiff_t offset, ptrdiff_t count, double timeout_s)
{
    if (offset < 0 || count < 0 || (size_t)offset > size || (size_t)count > size - (size_t)offset)
        return crewi_error(CREW_EINVAL,
                           "crew_send_range: %td bytes from offset %td are not in a buffer of %zu",
                           count, offset, size);
    if (!buffer && size)
        return crewi_error(CREW_EINVAL, "crew_send_range: buffer is NULL, and the size %zu", size);
    const char *data = buffer;
    return crew_send(connection, data ? data + offset : NULL, (size_t)count, timeout_s);
}

/* Receiving */

/* The next message: of an inline one that fits all of it, otherwise its item. */
static crew_status receive(crew_connection connection, size_t room, int64_t timeout_ns,
                           struct crewi_frame **reply)
{
    uint64_t bytes = room;
    struct crewi_call call = call_to_end(CREWI_PIPE_RECEIVE, &connection);
    call.body = &bytes;
    call.body_size = sizeof bytes;
    call.timeout_ns = timeout_ns;
    crew_status status = crewi_call(&call, reply);
    if (status)
        return status;
    const struct crewi_pipe_item *item = (const void *)(*reply)->payload;
    uint64_t size = (*reply)->header.size;
    if (size >= sizeof *item &&
        (item->what == CREWI_PIPE_LARGE || item->size > room || size == sizeof *item + item->size))
        return CREW_OK;
    crewi_frame_destroy(*reply);
    return crewi_error(CREW_EPROTO, "a reply of %llu bytes that is no message",
                       (unsigned long long)size);
}

static crew_status too_small(const struct crewi_pipe_item *item, size_t room)
{
    return crewi_error(CREW_ETOOSMALL, "a message of %llu bytes, and room for %zu: it is lost",
                       (unsigned long long)item->size, room);
}

static crew_status copy_out(crew_connection connection, const struct crewi_pipe_item *item,
                            void *buffer, size_t room)
{
    if (item->size > room)
        return too_small(item, room);
    if (item->what == CREWI_PIPE_LARGE)
        return crewi_pipe_fetch_large(connection.id, item, buffer);
    if (item->size)
        memcpy(buffer, item + 1, item->size);
    return CREW_OK;
}

crew_status crew_recv(crew_connection connection, void *buffer, size_t room, size_t *size,
                      double timeout_s)
{
    struct crewi_frame *reply;
    crew_status status = check(connection);
    if (status)
        return status;
    if (!buffer && room)
        return crewi_error(CREW_EINVAL, "crew_recv: buffer is NULL, and the room %zu", room);
    status = receive(connection, room, crewi_timeout_ns(timeout_s), &reply);
    if (status)
        return status;
    const struct crewi_pipe_item *item = (const void *)reply->payload;
    status = copy_out(connection, item, buffer, room);
    if (item->what == CREWI_PIPE_LARGE)
        crewi_pipe_large_done(connection.id, item, status);
    if (size && (!status || status == CREW_ETOOSMALL))
        *size = item->size;
    crewi_frame_destroy(reply);
    return status;
}

/* Views */

/* What cannot be received is too large for good: as in Python, the end is of no more use. */
static crew_status refuse_size(crew_connection connection, const struct crewi_pipe_item *item,
                               size_t max_size)
{
    struct crewi_call shut = call_to_end(CREWI_PIPE_SHUT, &connection);
    crew_status status = crewi_call(&shut, NULL);
    return status ? status : too_small(item, max_size);
}

/* Memory for a view. Where it is new from the kernel, to find its pages one by one takes longer
 * than to fill them: large ones are asked for. */
static void *make_room(uint64_t size)
{
    if (size < 2 * LARGE_PAGE)
        return malloc(size);
    size_t pages = (size_t)((size + LARGE_PAGE - 1) / LARGE_PAGE);
    void *room = aligned_alloc(LARGE_PAGE, pages * LARGE_PAGE);
    if (room)
        madvise(room, pages * LARGE_PAGE, MADV_HUGEPAGE);
    return room;
}

static crew_status view_large(crew_connection connection, const struct crewi_pipe_item *item,
                              crew_view *view)
{
    void *bytes = make_room(item->size);
    if (!bytes)
        return crewi_error(CREW_ENOMEM, "no memory for a message of %llu bytes: it is lost",
                           (unsigned long long)item->size);
    crew_status status = crewi_pipe_fetch_large(connection.id, item, bytes);
    if (status)
        free(bytes);
    else
        *view = (crew_view){.data = bytes, .size = item->size, .owner = bytes};
    return status;
}

/* Owns the reply, which becomes the view of an inline message. */
static crew_status make_view(crew_connection connection, struct crewi_frame *reply, size_t max_size,
                             crew_view *view)
{
    const struct crewi_pipe_item *item = (const void *)reply->payload;
    bool is_large = item->what == CREWI_PIPE_LARGE;
    crew_status status = CREW_OK;
    if (item->size > max_size)
        status = refuse_size(connection, item, max_size);
    else if (is_large)
        status = view_large(connection, item, view);
    else
        *view = (crew_view){.data = item + 1, .size = item->size, .owner = reply};
    if (is_large)
        crewi_pipe_large_done(connection.id, item, status);
    if (status || is_large)
        crewi_frame_destroy(reply);
    return status;
}

crew_status crew_recv_view(crew_connection connection, crew_view *view, size_t max_size,
                           double timeout_s)
{
    struct crewi_frame *reply;
    crew_status status = check(connection);
    if (!status && !view)
        status = crewi_error(CREW_EINVAL, "crew_recv_view: view is NULL");
    if (!status)
        status = receive(connection, max_size, crewi_timeout_ns(timeout_s), &reply);
    return status ? status : make_view(connection, reply, max_size, view);
}

void crew_view_release(crew_view *view)
{
    if (!view)
        return;
    free(view->owner); /* a frame, or the bytes themselves */
    *view = (crew_view){0};
}

/* Waiting, closing */

crew_status crew_poll(crew_connection connection, double timeout_s)
{
    struct crewi_call call = call_to_end(CREWI_OP_WAIT, &connection);
    struct crewi_frame *reply;
    crew_status status = check(connection);
    if (status)
        return status;
    call.timeout_ns = crewi_timeout_ns(timeout_s);
    status = crewi_call(&call, &reply);
    if (status)
        return status;
    bool is_ready = reply->header.size > 0;
    crewi_frame_destroy(reply);
    return is_ready ? CREW_OK : crewi_error(CREW_ETIMEDOUT, "nothing to receive in time");
}

crew_status crew_connection_waitable(crew_connection connection, crew_waitable *waitable)
{
    crew_status status = check(connection);
    if (!status && !waitable)
        status = crewi_error(CREW_EINVAL, "crew_connection_waitable: waitable is NULL");
    if (!status)
        waitable->id = connection.id;
    return status;
}

crew_status crew_connection_close(crew_connection connection)
{
    struct crewi_call call = call_to_end(CREWI_PIPE_CLOSE, &connection);
    crew_status status = check(connection);
    crewi_post_forget(connection.id);
    crewi_post_forget(connection.id ^ 1); /* who sends at the other end hears of it at once */
    if (!status)
        status = crewi_call(&call, NULL);
    return status == CREW_ECLOSED ? CREW_OK : status; /* all copies are */
}
