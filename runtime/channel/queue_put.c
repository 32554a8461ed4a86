/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts. To an unbounded queue they are notes, and now and then a request: its reply says that the
 * home has all of them, so that there is a bound to what is under way. */
#include "channel/queue_call.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>

/* What is put between two requests. */
#define NOTES_AT_ONCE 64
#define NOTE_BYTES_AT_ONCE ((size_t)64 << 10)

#define KNOWN_QUEUES 16

/* Queues that are known to be unbounded. One that is not among them is asked at every put. A
 * process inside a rank shares this with the main process, so both are told apart. */
static struct known {
    uint64_t id, process;
    unsigned notes;
    size_t bytes;
} known_queues[KNOWN_QUEUES];
static unsigned next_known;
static pthread_mutex_t known_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct known *find(uint64_t id, uint64_t process)
{
    for (size_t i = 0; i < KNOWN_QUEUES; i++)
        if (known_queues[i].id == id && known_queues[i].process == process)
            return &known_queues[i];
    return NULL;
}

static uint64_t own_process(void)
{
    return crewi_client_current()->identity.process.id;
}

/* Whether the next put of that size may go without a reply; counts it then. */
static bool may_be_note(uint64_t id, size_t size)
{
    bool may = false;
    pthread_mutex_lock(&known_mutex);
    struct known *known = find(id, own_process());
    if (known) {
        may = known->notes + 1 < NOTES_AT_ONCE && size < NOTE_BYTES_AT_ONCE - known->bytes;
        known->notes = may ? known->notes + 1 : 0;
        known->bytes = may ? known->bytes + size : 0;
    }
    pthread_mutex_unlock(&known_mutex);
    return may;
}

static void remember(uint64_t id)
{
    pthread_mutex_lock(&known_mutex);
    if (!find(id, own_process())) {
        known_queues[next_known] = (struct known){.id = id, .process = own_process()};
        next_known = (next_known + 1) % KNOWN_QUEUES;
    }
    pthread_mutex_unlock(&known_mutex);
}

void crewi_queue_put_forget(crew_queue queue)
{
    pthread_mutex_lock(&known_mutex);
    struct known *known = find(queue.id, own_process());
    if (known)
        *known = (struct known){0};
    pthread_mutex_unlock(&known_mutex);
}

static crew_status put(const char *name, crew_queue queue, const void *item, size_t size,
                       int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = queue.id, .size = size, .count = 1};
    struct crewi_queue_state state;
    crew_status status = crewi_queue_check(name, queue);
    if (status)
        return status;
    if (!item && size)
        return crewi_error(CREW_EINVAL, "%s: item is NULL, with a size of %zu", name, size);
    if (size > CREWI_QUEUE_ITEM_LIMIT)
        return crewi_error(CREW_EINVAL, "%s: an item of %zu bytes, more than 1 GiB", name, size);
    struct crewi_call call = crewi_queue_call(CREWI_QUEUE_PUT, &head);
    call.body = item;
    call.body_size = size;
    call.timeout_ns = timeout_ns;
    if (may_be_note(queue.id, size)) {
        call.timeout_ns = 0;
        return crewi_tell(&call);
    }
    status = crewi_call_fixed(&call, &state, sizeof state);
    if (!status && state.is_unbounded)
        remember(queue.id);
    return status;
}

crew_status crew_queue_put(crew_queue queue, const void *item, size_t size)
{
    return put("crew_queue_put", queue, item, size, CREWI_FOREVER);
}

crew_status crew_queue_put_timed(crew_queue queue, const void *item, size_t size, double timeout_s)
{
    return put("crew_queue_put_timed", queue, item, size, crewi_timeout_ns(timeout_s));
}

crew_status crew_queue_put_nowait(crew_queue queue, const void *item, size_t size)
{
    return put("crew_queue_put_nowait", queue, item, size, 0);
}
