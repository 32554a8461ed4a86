/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/client.h"

#include "base/error.h"
#include "engine/handles.h"
#include "node/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic(struct crewi_client *) process_client;
static _Thread_local struct crewi_client *thread_client;

/* Threads that have called crew and not ended. */
static _Atomic unsigned thread_count;
static _Thread_local bool is_counted;
static pthread_key_t count_key;
static pthread_once_t count_once = PTHREAD_ONCE_INIT;

/* While the main process ends, other threads get no further than their next call. */
static _Atomic bool is_ending;
static _Thread_local bool ends_process;

static void count_out(void *counted)
{
    (void)counted;
    is_counted = false;
    atomic_fetch_sub(&thread_count, 1);
}

static void make_count_key(void)
{
    pthread_key_create(&count_key, count_out);
}

static void count_thread(void)
{
    pthread_once(&count_once, make_count_key);
    is_counted = pthread_setspecific(count_key, &thread_count) == 0;
    atomic_fetch_add(&thread_count, is_counted ? 1 : 0);
}

void crewi_client_forget_thread(void)
{
    if (!is_counted)
        return;
    pthread_setspecific(count_key, NULL);
    count_out(NULL);
}

_Noreturn void crewi_client_hold_thread(void)
{
    for (;;)
        pause();
}

/* A thread counts itself before it looks who the client is; the end takes the client away before it
 * looks at the count (both sequentially consistent). So one that has got the client is counted. */
struct crewi_client *crewi_client_current(void)
{
    if (thread_client)
        return thread_client;
    if (!is_counted)
        count_thread();
    struct crewi_client *client = atomic_load(&process_client);
    if (!client && atomic_load(&is_ending) && !ends_process)
        crewi_client_hold_thread();
    return client;
}

bool crewi_client_begin_end(void)
{
    ends_process = true;
    atomic_store(&is_ending, true);
    crewi_client_set_process(NULL);
    return atomic_load(&thread_count) > (is_counted ? 1 : 0);
}

void crewi_client_finish_end(void)
{
    atomic_store(&is_ending, false);
    ends_process = false;
}

void crewi_client_set_thread(struct crewi_client *client)
{
    thread_client = client;
    crewi_log_set_thread(client ? &client->logger : NULL);
}

void crewi_client_set_process(struct crewi_client *client)
{
    atomic_store(&process_client, client);
    crewi_log_set_process(client ? &client->logger : NULL);
}

/* Copies */

/* Set in a copy: what the process was whose copy it is. */
const struct crewi_client *crewi_client_original;

/* In the child of a fork(): it has the process's memory, and with it whatever its clients have of
 * the job. It is to use none of it. The results of a worker's task would go to the rank, too. */
static void become_copy(void)
{
    struct crewi_client *client = thread_client ? thread_client : atomic_load(&process_client);
    atomic_store(&is_ending, false);
    atomic_store(&thread_count, is_counted ? 1 : 0);
    if (!client)
        return; /* not of a process of the job, or a copy's copy */
    crewi_client_original = client;
    if (client->remote)
        crewi_port_keep_draft(&client->port);
    crewi_client_set_thread(NULL);
    crewi_client_set_process(NULL);
}

crew_status crewi_client_watch_forks(void)
{
    static bool does;
    int code = does ? 0 : pthread_atfork(NULL, NULL, become_copy);
    does = code == 0;
    return code ? crewi_error(CREW_ESYSTEM, "pthread_atfork: %s", strerror(code)) : CREW_OK;
}

void crewi_client_word_missing(const char *call)
{
    const char *colon = call ? ": " : "";
    call = call ? call : "";
    if (crewi_client_original)
        crewi_error_word("%s%sprocess %d is a copy of %s that fork() made: it is no process of the "
                         "job, and may call nothing of crew",
                         call, colon, (int)getpid(), crewi_client_original->identity.name);
    else
        crewi_error_word("%s%snot inside crew_run()", call, colon);
}

void crewi_client_expect(struct crewi_client *client, struct crewi_waiter *waiter)
{
    waiter->next = client->waiters;
    client->waiters = waiter;
}

void crewi_client_forget(struct crewi_client *client, struct crewi_waiter *waiter)
{
    struct crewi_waiter **link = &client->waiters;
    while (*link && *link != waiter)
        link = &(*link)->next;
    if (*link)
        *link = waiter->next;
}

void crewi_waiter_done(struct crewi_waiter *waiter)
{
    waiter->done = true;
    if (waiter->group && waiter->group->missing > 0 && --waiter->group->missing == 0)
        waiter->group->done = true;
}

void crewi_client_arrived(struct crewi_client *client, struct crewi_frame *frame)
{
    if (frame->header.type == CREWI_DELIVERY && frame->header.op == CREWI_OP_STOP_POSTS) {
        crewi_post_stop(client, frame->header.object);
        crewi_frame_destroy(frame);
        return;
    }
    if (frame->header.type == CREWI_DELIVERY) {
        crewi_frames_push(&client->inbox, frame);
        client->inbox_filled = true;
        pthread_cond_broadcast(&client->changed);
        return;
    }
    for (struct crewi_waiter *waiter = client->waiters; waiter; waiter = waiter->next) {
        if (waiter->request != frame->header.origin.request || waiter->done)
            continue;
        waiter->reply = frame;
        crewi_waiter_done(waiter);
        pthread_cond_broadcast(&client->changed);
        return;
    }
    crewi_frame_destroy(frame); /* nobody waits for it any more */
}

static crew_status check(const struct crewi_client *client, const struct crewi_call *call)
{
    if (!client)
        return crewi_client_missing(NULL);
    if (!call->object)
        return CREW_OK;
    if (crewi_id_kind(call->object) != call->kind)
        return crewi_error(CREW_EINVAL, "the handle is of another kind");
    if (crewi_id_home(call->object) >= (uint32_t)crew_rank_count())
        return crewi_error(CREW_ENOENT, "there is no such object: the handle never was one");
    return CREW_OK;
}

static crew_status build(const struct crewi_call *call, enum crewi_frame_type type,
                         struct crewi_frame **made)
{
    uint64_t size = (uint64_t)call->head_size + call->body_size;
    if (call->body_size > CREWI_FRAME_LIMIT || size > CREWI_FRAME_LIMIT)
        return crewi_error(CREW_EINVAL, "%llu bytes are more than a message may have",
                           (unsigned long long)size);
    struct crewi_frame *frame = crewi_frame_create(size);
    if (!frame)
        return crewi_error_memory();
    frame->header.type = (uint8_t)type;
    frame->header.kind = call->kind;
    frame->header.op = call->op;
    frame->header.object = call->object;
    frame->header.target_rank = call->rank;
    frame->header.timeout_ns = call->timeout_ns;
    if (call->head_size)
        memcpy(frame->payload, call->head, call->head_size);
    if (call->body_size)
        memcpy(frame->payload + call->head_size, call->body, call->body_size);
    *made = frame;
    return CREW_OK;
}

crew_status crewi_call(const struct crewi_call *call, struct crewi_frame **reply)
{
    struct crewi_client *client = crewi_client_current();
    struct crewi_frame *frame, *answer;
    crew_status status = check(client, call);
    if (status || (status = build(call, CREWI_REQUEST, &frame)))
        return status;
    status = client->remote ? crewi_remote_call(client, frame, &answer)
                            : crewi_local_call(client, frame, &answer);
    if (status)
        return status;
    status = (crew_status)answer->header.status;
    if (status)
        crewi_error_text(status, (const char *)answer->payload, answer->header.size);
    if (status || !reply)
        crewi_frame_destroy(answer);
    else
        *reply = answer;
    return status;
}

crew_status crewi_call_fixed(const struct crewi_call *call, void *data, size_t size)
{
    struct crewi_frame *reply;
    crew_status status = crewi_call(call, &reply);
    if (status)
        return status;
    if (reply->header.size == size)
        memcpy(data, reply->payload, size);
    else
        status = crewi_error(CREW_EPROTO, "a reply of %llu bytes, expected %zu",
                             (unsigned long long)reply->header.size, size);
    crewi_frame_destroy(reply);
    return status;
}

size_t crewi_reply_copy(struct crewi_frame *reply, size_t element_size, void *elements, size_t room)
{
    size_t count = reply->header.size / element_size;
    size_t copied = count < room ? count : room;
    if (copied)
        memcpy(elements, reply->payload, copied * element_size);
    crewi_frame_destroy(reply);
    return count;
}

crew_status crewi_check_name(const char *what, const char *name, size_t room)
{
    if (name && !*name)
        return crewi_error(CREW_EINVAL, "the name of %s is empty", what);
    if (name && strlen(name) >= room)
        return crewi_error(CREW_EINVAL, "the name \"%.20s...\" has %zu characters, more than %zu",
                           name, strlen(name), room - 1);
    return CREW_OK;
}

void crewi_many_expect(struct crewi_client *client, struct crewi_many *many)
{
    for (size_t i = 0; i < many->count; i++) {
        many->waiters[i].request = many->frames[i]->header.origin.request = ++client->last_request;
        crewi_client_expect(client, &many->waiters[i]);
    }
}

void crewi_many_forget(struct crewi_client *client, struct crewi_many *many)
{
    for (size_t i = 0; i < many->count; i++)
        crewi_client_forget(client, &many->waiters[i]);
}

void crewi_many_free(struct crewi_many *many)
{
    for (size_t i = 0; i < many->count; i++) {
        crewi_frame_destroy(many->frames[i]);
        crewi_frame_destroy(many->waiters[i].reply);
    }
    free(many->frames);
    free(many->waiters);
    free(many);
}

static crew_status build_many(const struct crewi_client *client, const struct crewi_call *calls,
                              size_t count, bool any, struct crewi_many **made)
{
    struct crewi_many *many = calloc(1, sizeof *many);
    crew_status status = CREW_OK;
    if (!many)
        return crewi_error_memory();
    many->frames = calloc(count, sizeof(struct crewi_frame *));
    many->waiters = calloc(count, sizeof *many->waiters);
    many->group.missing = any ? 1 : count;
    if (!many->frames || !many->waiters)
        status = crewi_error_memory();
    for (; !status && many->count < count; many->count++) {
        status = check(client, &calls[many->count]);
        if (!status)
            status = build(&calls[many->count], CREWI_REQUEST, &many->frames[many->count]);
        many->waiters[many->count].group = &many->group;
    }
    if (status)
        crewi_many_free(many);
    else
        *made = many;
    return status;
}

crew_status crewi_call_many(const struct crewi_call *calls, size_t count, bool any,
                            struct crewi_frame **replies, uint64_t *first)
{
    struct crewi_client *client = crewi_client_current();
    struct crewi_many *many;
    if (count == 0)
        return CREW_OK;
    crew_status status = build_many(client, calls, count, any, &many);
    if (status)
        return status;
    status =
        client->remote ? crewi_remote_call_many(client, many) : crewi_local_call_many(client, many);
    if (!status && first)
        *first = many->waiters[0].request;
    for (size_t i = 0; replies && i < count; i++) {
        replies[i] = status ? NULL : many->waiters[i].reply;
        if (!status)
            many->waiters[i].reply = NULL;
    }
    crewi_many_free(many);
    return status;
}

crew_status crewi_tell(const struct crewi_call *note)
{
    struct crewi_client *client = crewi_client_current();
    struct crewi_frame *frame;
    crew_status status = check(client, note);
    if (status || (status = build(note, CREWI_NOTE, &frame)))
        return status;
    return client->remote ? crewi_remote_tell(client, frame) : crewi_local_tell(client, frame);
}

void crewi_copies_drop(const void *data, size_t size)
{
    uint64_t words[256];
    const char *at = data;
    while (size > 0) {
        size_t part = size < sizeof words ? size : sizeof words;
        size_t count = crewi_handles_look(at, part, words, sizeof words / sizeof *words);
        struct crewi_call note = {.kind = CREWI_KIND_PIPE, /* any one with counted handles */
                                  .op = CREWI_OP_DROP_COPIES,
                                  .rank = (uint32_t)crew_current_rank(),
                                  .head = words,
                                  .head_size = count * sizeof *words};
        if (count)
            crewi_tell(&note);
        at += part;
        size -= part;
    }
}

crew_status crewi_post(const struct crewi_call *call, uint64_t object, struct crewi_frame **reply)
{
    struct crewi_client *client = crewi_client_current();
    uint64_t size = (uint64_t)call->head_size + call->body_size;
    *reply = NULL;
    if (client && (client->remote ? crewi_remote_may_post(client, object, size)
                                  : crewi_local_may_post(client, object, size)))
        return crewi_tell(call);
    return crewi_call(call, reply);
}

static void set_post(uint64_t object, bool allow)
{
    struct crewi_client *client = crewi_client_current();
    if (client && client->remote)
        crewi_remote_set_post(client, object, allow);
    else if (client)
        crewi_local_set_post(client, object, allow);
}

void crewi_post_allow(uint64_t object)
{
    set_post(object, true);
}

void crewi_post_forget(uint64_t object)
{
    set_post(object, false);
}

crew_status crewi_take_delivery(struct crewi_frame **frame)
{
    struct crewi_client *client = crewi_client_current();
    return client->remote ? crewi_remote_take(client, frame) : crewi_local_take(client, frame);
}
