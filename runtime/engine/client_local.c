/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients in the rank itself: a call is handled at once, as far as it can be, by the thread that
 * makes it. */
#include "engine/client.h"

#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>

static void deliver_local(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    struct crewi_client *client = (struct crewi_client *)endpoint;
    crewi_client_arrived(client, frame);
    /* It may be the driver, asleep, and the one who brings this another thread. */
    if (client->loop->driving && !pthread_equal(client->loop->driver, pthread_self()))
        crewi_bell_ring(client->loop->bell);
}

crew_status crewi_client_init_local(struct crewi_client *client, struct crewi_loop *loop)
{
    client->loop = loop;
    client->logger.name = client->identity.name;
    client->base = (struct crewi_endpoint){.process = client->identity.process.id,
                                           .deliver = deliver_local,
                                           .local = true,
                                           .claims = &client->claims};
    crewi_frames_init(&client->inbox);
    crewi_cache_init(&client->cache);
    pthread_cond_init(&client->changed, NULL);
    return crewi_engine_attach(&loop->engine, &client->base, &client->slot);
}

void crewi_client_detach_local(struct crewi_client *client)
{
    crewi_engine_detach(&client->loop->engine, client->slot);
}

void crewi_client_fini_local(struct crewi_client *client)
{
    crewi_frames_clear(&client->inbox);
    crewi_cache_fini(&client->cache);
    pthread_cond_destroy(&client->changed);
}

void crewi_client_request_end(struct crewi_client *client)
{
    if (client->leaving)
        return;
    client->end_requested = true;
    if (client->lends_memory)
        return;
    for (struct crewi_waiter *waiter = client->waiters; waiter; waiter = waiter->next)
        crewi_waiter_done(waiter);
    client->inbox_filled = true;
    pthread_cond_broadcast(&client->changed);
}

void crewi_client_hold_others(struct crewi_client *client)
{
    crewi_loop_lock(client->loop);
    client->holds = true;
    for (struct crewi_waiter *waiter = client->waiters; waiter; waiter = waiter->next)
        crewi_waiter_done(waiter);
    pthread_cond_broadcast(&client->changed);
    crewi_bell_ring(client->loop->bell); /* one of them may be the driver, and asleep */
    while (client->callers)
        pthread_cond_wait(&client->changed, &client->loop->mutex);
    crewi_loop_unlock(client->loop);
}

/* Gives the mutex back, and does not return to somebody who is to be held. */
static void leave(struct crewi_client *client)
{
    bool holds = client->holds;
    client->callers--;
    if (holds)
        pthread_cond_broadcast(&client->changed);
    crewi_loop_unlock(client->loop);
    if (holds)
        crewi_client_hold_thread();
}

static void enter(struct crewi_client *client)
{
    crewi_loop_lock(client->loop);
    client->callers++;
    if (client->holds)
        leave(client);
}

/* Gives the mutex back. True when the thread has to end here, as was asked for: then the caller
 * frees what it has, and its cleanup handler does the rest. */
static bool unlock_to_end(struct crewi_client *client)
{
    bool end = client->end_requested && !client->leaving;
    client->leaving |= end;
    leave(client);
    return end;
}

static void unlock(struct crewi_client *client, struct crewi_frame *arrived)
{
    if (!unlock_to_end(client))
        return;
    crewi_frame_destroy(arrived);
    pthread_exit(NULL);
}

/* Takes the mutex. False, without it, when the thread has to end here: a call that begins then may
 * last for ever. */
static bool lock(struct crewi_client *client)
{
    enter(client);
    bool end = client->end_requested && !client->leaving;
    return !end || !unlock_to_end(client);
}

crew_status crewi_local_call(struct crewi_client *client, struct crewi_frame *frame,
                             struct crewi_frame **reply)
{
    struct crewi_loop *loop = client->loop;
    struct crewi_waiter waiter = {0};
    if (!lock(client)) {
        crewi_frame_destroy(frame);
        pthread_exit(NULL);
    }
    waiter.request = frame->header.origin.request = ++client->last_request;
    crewi_client_expect(client, &waiter);
    crew_status status = crewi_engine_accept_from(&loop->engine, client->slot, frame);
    if (!status) {
        crewi_engine_run(&loop->engine, crewi_now_ns());
        crewi_loop_wait(loop, &waiter.done, &client->changed);
    }
    crewi_client_forget(client, &waiter);
    unlock(client, waiter.reply);
    if (!status)
        *reply = waiter.reply;
    return status;
}

crew_status crewi_local_call_many(struct crewi_client *client, struct crewi_many *many)
{
    struct crewi_loop *loop = client->loop;
    crew_status status = CREW_OK;
    if (!lock(client)) {
        crewi_many_free(many);
        pthread_exit(NULL);
    }
    crewi_many_expect(client, many);
    for (size_t i = 0; i < many->count && !status; i++) {
        status = crewi_engine_accept_from(&loop->engine, client->slot, many->frames[i]);
        many->frames[i] = NULL;
    }
    if (!status) {
        crewi_engine_run(&loop->engine, crewi_now_ns());
        crewi_loop_wait(loop, &many->group.done, &client->changed);
    }
    crewi_many_forget(client, many);
    if (unlock_to_end(client)) {
        crewi_many_free(many);
        pthread_exit(NULL);
    }
    return status;
}

crew_status crewi_local_tell(struct crewi_client *client, struct crewi_frame *frame)
{
    struct crewi_loop *loop = client->loop;
    enter(client);
    crew_status status = crewi_engine_accept_from(&loop->engine, client->slot, frame);
    if (!status)
        crewi_engine_run(&loop->engine, crewi_now_ns());
    unlock(client, NULL);
    return status;
}

bool crewi_local_may_post(struct crewi_client *client, uint64_t object, uint64_t size)
{
    enter(client);
    bool may = crewi_post_count(client, object, size);
    leave(client);
    return may;
}

void crewi_local_set_post(struct crewi_client *client, uint64_t object, bool allow)
{
    enter(client);
    crewi_post_set(client, object, allow);
    leave(client);
}

crew_status crewi_local_take(struct crewi_client *client, struct crewi_frame **frame)
{
    struct crewi_loop *loop = client->loop;
    enter(client);
    crewi_loop_wait(loop, &client->inbox_filled, &client->changed);
    struct crewi_frame *taken = crewi_frames_pop(&client->inbox);
    client->inbox_filled = client->inbox.first != NULL;
    unlock(client, taken);
    *frame = taken;
    return CREW_OK;
}
