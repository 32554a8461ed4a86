/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts. To an unbounded queue they are notes, and now and then a request: its reply says that the
 * home has all of them, so that there is a bound to what is under way. */
#include "channel/queue_call.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/pointers.h"

#include <string.h>

crew_status crew_queue_put(crew_queue queue, const void *item, size_t size, double timeout_s)
{
    struct crewi_queue_head head = {.id = queue.id, .size = size, .count = 1};
    struct crewi_queue_state state;
    struct crewi_frame *reply;
    crew_status status = crewi_queue_check("crew_queue_put", queue);
    if (status)
        return status;
    if (!item && size)
        return crewi_error(CREW_EINVAL, "crew_queue_put: item is NULL, with a size of %zu", size);
    if (size > CREWI_QUEUE_ITEM_LIMIT)
        return crewi_error(CREW_EINVAL, "crew_queue_put: an item of %zu bytes, more than 1 GiB",
                           size);
    status = crewi_check_pointers("crew_queue_put", "the item", item, 1, size);
    if (status)
        return status;
    struct crewi_call call = crewi_queue_call(CREWI_QUEUE_PUT, &head);
    call.body = item;
    call.body_size = size;
    call.timeout_ns = crewi_timeout_ns(timeout_s);
    /* As a note it waits for nothing. A home that is asked tells whether the queue is unbounded. */
    status = crewi_post(&call, queue.id, &reply);
    if (status || !reply)
        return status;
    if (reply->header.size == sizeof state) {
        memcpy(&state, reply->payload, sizeof state);
        if (state.is_unbounded)
            crewi_post_allow(queue.id);
    } else {
        status = crewi_error(CREW_EPROTO, "crew_queue_put: a reply of %llu bytes",
                             (unsigned long long)reply->header.size);
    }
    crewi_frame_destroy(reply);
    return status;
}
