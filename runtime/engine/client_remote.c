/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients in a child: calls go through the port. Of the threads that wait, one reads the port for
 * all. */
#include "engine/client.h"

#include "base/clock.h"
#include "base/error.h"
#include "node/job.h"

#include <sched.h>
#include <unistd.h>

/* A child that lost a wake-up (the rank's side of the port was scribbled over) looks again. */
#define SAFETY_NS (100 * CREWI_MILLISECOND)

#define SPIN_NS (200 * CREWI_MICROSECOND)
#define SHORT_SLEEPS 3

crew_status crewi_client_init_remote(struct crewi_client *client, const struct crewi_child *child)
{
    client->remote = true;
    client->logger.name = client->identity.name;
    client->bell = child->bell;
    client->port_slot = child->slot;
    crewi_frames_init(&client->inbox);
    crewi_cache_init(&client->cache);
    pthread_cond_init(&client->changed, NULL);
    pthread_mutex_init(&client->mutex, NULL);
    crew_status status = crewi_port_attach(&client->port, child->port_fd, true);
    close(child->port_fd);
    return status;
}

/* The rank's own ring buffer corrupt: there is nothing left to talk to. */
static crew_status port_broken(void)
{
    return crewi_error(CREW_EPROTO, "the port to the rank is damaged");
}

/* Sends a frame whole, sleeping for room as needed. The caller holds the mutex, and keeps it:
 * frames do not mix. */
static crew_status send_frame(struct crewi_client *client, struct crewi_frame *frame)
{
    struct crewi_port *port = &client->port;
    int sent;
    while ((sent = crewi_port_send(port, frame)) == 0) {
        crewi_bell_ring_port(client->bell, client->port_slot);
        crewi_port_child_prepare(port, CREWI_WAIT_ROOM);
        uint64_t head = port->out.head;
        sent = crewi_port_send(port, frame);
        if (sent ||
            port->out.head != head) { /* there was room, and the rank does not know of this */
            crewi_port_child_cancel(port, CREWI_WAIT_ROOM);
            if (sent)
                break;
            continue;
        }
        crewi_port_child_sleep(port, CREWI_WAIT_ROOM, crewi_now_ns() + SAFETY_NS);
    }
    crewi_frame_destroy(frame);
    if (sent < 0)
        return port_broken();
    crewi_bell_ring_port(client->bell, client->port_slot);
    return CREW_OK;
}

/* Takes what is there. True if there was anything; *broken when the port is. */
static bool drain(struct crewi_client *client, bool *broken)
{
    bool any = false;
    struct crewi_frame *frame;
    int found;
    uint64_t tail = client->port.in.tail;
    while ((found = crewi_port_receive(&client->port, &frame)) > 0) {
        crewi_client_arrived(client, frame);
        any = true;
    }
    *broken = found < 0;
    /* The rank has more that did not fit: there is room now. */
    if (client->port.in.tail != tail && atomic_load(&client->port.shared->rank_waits))
        crewi_bell_ring_port(client->bell, client->port_slot);
    return any;
}

/* Where answers have come soon some times in a row, the next one will; and of the processes of all
 * ranks of the host, as far as we see from here, each has a core but for those that wait. */
static bool may_spin(const struct crewi_client *client)
{
    uint32_t children = atomic_load_explicit(&client->bell->beside, memory_order_relaxed);
    return client->short_sleeps >= SHORT_SLEEPS &&
           (uint64_t)crewi_job->host_rank_count * children <= (uint64_t)crewi_job->host_cpu_count;
}

static bool spin(struct crewi_client *client, int64_t end_ns)
{
    struct crewi_record record;
    while (crewi_now_ns() < end_ns) {
        if (crewi_ring_peek(&client->port.in, &record))
            return true;
        sched_yield(); /* to the rank, if it has no other core */
    }
    return false;
}

/* Sleeps until there is something to drain. The mutex is not held meanwhile, and `reading` keeps
 * others off the ring. */
static void sleep_for_frame(struct crewi_client *client)
{
    struct crewi_record record;
    int64_t begin_ns = crewi_now_ns();
    if (may_spin(client) && spin(client, begin_ns + SPIN_NS))
        return;
    crewi_port_child_prepare(&client->port, CREWI_WAIT_FRAME);
    if (crewi_ring_peek(&client->port.in, &record))
        crewi_port_child_cancel(&client->port, CREWI_WAIT_FRAME);
    else
        crewi_port_child_sleep(&client->port, CREWI_WAIT_FRAME, begin_ns + SAFETY_NS);
    client->short_sleeps = crewi_now_ns() - begin_ns < SPIN_NS ? client->short_sleeps + 1 : 0;
}

/* Waits until *done; the mutex is held. One thread reads, the others sleep until it has something
 * for them or stops. */
static crew_status wait_for(struct crewi_client *client, const bool *done)
{
    bool broken = false;
    while (!*done && !broken) {
        if (client->reading) {
            pthread_cond_wait(&client->changed, &client->mutex);
            continue;
        }
        if (drain(client, &broken))
            continue;
        client->reading = true;
        pthread_mutex_unlock(&client->mutex);
        sleep_for_frame(client);
        pthread_mutex_lock(&client->mutex);
        client->reading = false;
        drain(client, &broken);
        pthread_cond_broadcast(&client->changed); /* somebody else has to read when we are done */
    }
    return *done ? CREW_OK : port_broken();
}

crew_status crewi_remote_call(struct crewi_client *client, struct crewi_frame *frame,
                              struct crewi_frame **reply)
{
    struct crewi_waiter waiter = {0};
    pthread_mutex_lock(&client->mutex);
    waiter.request = frame->header.origin.request = ++client->last_request;
    crewi_client_expect(client, &waiter);
    crew_status status = send_frame(client, frame);
    if (!status)
        status = wait_for(client, &waiter.done);
    crewi_client_forget(client, &waiter);
    pthread_mutex_unlock(&client->mutex);
    if (!status)
        *reply = waiter.reply;
    return status;
}

/* What has arrived is looked at first: it may say that posts are to stop. */
bool crewi_remote_may_post(struct crewi_client *client, uint64_t object, uint64_t size)
{
    bool broken = false;
    pthread_mutex_lock(&client->mutex);
    if (!client->reading)
        drain(client, &broken);
    bool may = crewi_post_count(client, object, size);
    pthread_mutex_unlock(&client->mutex);
    return may;
}

void crewi_remote_set_post(struct crewi_client *client, uint64_t object, bool allow)
{
    pthread_mutex_lock(&client->mutex);
    crewi_post_set(client, object, allow);
    pthread_mutex_unlock(&client->mutex);
}

crew_status crewi_remote_call_many(struct crewi_client *client, struct crewi_many *many)
{
    crew_status status = CREW_OK;
    pthread_mutex_lock(&client->mutex);
    crewi_many_expect(client, many);
    for (size_t i = 0; i < many->count && !status; i++) {
        status = send_frame(client, many->frames[i]);
        many->frames[i] = NULL;
    }
    if (!status)
        status = wait_for(client, &many->group.done);
    crewi_many_forget(client, many);
    pthread_mutex_unlock(&client->mutex);
    return status;
}

crew_status crewi_remote_tell(struct crewi_client *client, struct crewi_frame *frame)
{
    pthread_mutex_lock(&client->mutex);
    crew_status status = send_frame(client, frame);
    pthread_mutex_unlock(&client->mutex);
    return status;
}

crew_status crewi_remote_take(struct crewi_client *client, struct crewi_frame **frame)
{
    pthread_mutex_lock(&client->mutex);
    crew_status status = wait_for(client, &client->inbox_filled);
    *frame = crewi_frames_pop(&client->inbox);
    client->inbox_filled = client->inbox.first != NULL;
    pthread_mutex_unlock(&client->mutex);
    return status;
}
