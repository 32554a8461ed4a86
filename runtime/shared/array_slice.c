/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/array.h> about slices. Those of another host are moved in pieces, some at a
 * time. */
#include <crew/array.h>

#include "base/error.h"
#include "shared/array_call.h"
#include "shared/array_memory.h"

#include <string.h>

/* Pieces under way at a time: so many that the next ones travel while one is dealt with. */
#define PIECES 4

/* What is done to which elements. */
struct slice {
    uint64_t id;
    const struct crewi_array_view *view;
    enum crewi_array_op op;
    uint64_t first, count;
    unsigned char *to;         /* READ */
    const unsigned char *from; /* WRITE: all of them; FILL: one */
};

/* One piece of it: *done elements are dealt with. */
struct piece {
    struct crewi_array_head head;
    uint64_t begin; /* elements of the slice that are before it */
};

static struct crewi_call take_piece(const struct slice *slice, uint64_t *done, struct piece *piece)
{
    size_t size = slice->view->element_size;
    uint64_t count = slice->count - *done, most = CREWI_ARRAY_PIECE / size;
    count = count < most ? count : most;
    *piece = (struct piece){
        .head = {.id = slice->id, .first = slice->first + *done, .count = count}, .begin = *done};
    *done += count;
    struct crewi_call call = crewi_array_call(slice->op, &piece->head);
    if (slice->op == CREWI_ARRAY_WRITE) {
        call.body = slice->from + piece->begin * size;
        call.body_size = count * size;
    } else if (slice->op == CREWI_ARRAY_FILL) {
        call.body = slice->from;
        call.body_size = size;
    }
    return call;
}

static crew_status take_reply(const struct slice *slice, const struct piece *piece,
                              const struct crewi_frame *reply)
{
    size_t size = slice->view->element_size;
    if (!reply)
        return crewi_error(CREW_EPROTO, "a request was not answered");
    if (reply->header.status)
        return crewi_error_text((crew_status)reply->header.status, (const char *)reply->payload,
                                reply->header.size);
    if (slice->op != CREWI_ARRAY_READ)
        return CREW_OK;
    if (reply->header.size != piece->head.count * size)
        return crewi_error(CREW_EPROTO, "a reply of %llu bytes",
                           (unsigned long long)reply->header.size);
    memcpy(slice->to + piece->begin * size, reply->payload, reply->header.size);
    return CREW_OK;
}

static crew_status move_in_pieces(const struct slice *slice)
{
    crew_status status = CREW_OK;
    for (uint64_t done = 0; done < slice->count && !status;) {
        struct crewi_call calls[PIECES];
        struct piece pieces[PIECES];
        struct crewi_frame *replies[PIECES];
        size_t count = 0;
        for (; count < PIECES && done < slice->count; count++)
            calls[count] = take_piece(slice, &done, &pieces[count]);
        status = crewi_call_many(calls, count, false, replies, NULL);
        if (status)
            return status;
        for (size_t i = 0; i < count; i++) {
            if (!status)
                status = take_reply(slice, &pieces[i], replies[i]);
            crewi_frame_destroy(replies[i]);
        }
    }
    return status;
}

/* The elements, where they are mapped. */
static void move_in_place(const struct slice *slice)
{
    size_t size = slice->view->element_size;
    unsigned char *elements = slice->view->memory + slice->first * size;
    if (slice->op == CREWI_ARRAY_READ)
        memcpy(slice->to, elements, slice->count * size);
    else if (slice->op == CREWI_ARRAY_WRITE)
        memcpy(elements, slice->from, slice->count * size);
    else
        crewi_elements_fill(elements, size, slice->count, slice->from);
}

static crew_status move(const char *call, struct slice *slice, const void *values)
{
    crew_status status = crewi_array_view_get(call, slice->id, &slice->view);
    if (!status)
        status = crewi_array_check_range(call, slice->view, (int64_t)slice->first,
                                         (int64_t)slice->count);
    if (status)
        return status;
    if (!values && slice->count)
        return crewi_error(CREW_EINVAL, "%s: a pointer is NULL", call);
    if (!slice->count)
        return CREW_OK;
    if (!slice->view->memory)
        return move_in_pieces(slice);
    move_in_place(slice);
    return CREW_OK;
}

crew_status crew_array_read(crew_array array, int64_t first, int64_t count, void *values)
{
    struct slice slice = {.id = array.id,
                          .op = CREWI_ARRAY_READ,
                          .first = (uint64_t)first,
                          .count = (uint64_t)count,
                          .to = values};
    return move("crew_array_read", &slice, values);
}

crew_status crew_array_write(crew_array array, int64_t first, int64_t count, const void *values)
{
    struct slice slice = {.id = array.id,
                          .op = CREWI_ARRAY_WRITE,
                          .first = (uint64_t)first,
                          .count = (uint64_t)count,
                          .from = values};
    return move("crew_array_write", &slice, values);
}

crew_status crew_array_fill(crew_array array, int64_t first, int64_t count, const void *value)
{
    struct slice slice = {.id = array.id,
                          .op = CREWI_ARRAY_FILL,
                          .first = (uint64_t)first,
                          .count = (uint64_t)count,
                          .from = value};
    return move("crew_array_fill", &slice, value);
}
