/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "manager/manager_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct session *next;
    uint64_t manager, process;
    crew_connection connection;
};

/* Of the calling thread; the key frees them at its end. */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

/* A thread that was a process by itself has closed everything by now. */
static void free_sessions(void *list)
{
    struct session *session = list;
    while (session) {
        struct session *next = session->next;
        if (session->process == crew_current_process().id)
            crew_connection_close(session->connection);
        free(session);
        session = next;
    }
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, free_sessions) == 0;
}

static crew_status begin(void)
{
    pthread_once(&key_once, make_key);
    return has_key ? CREW_OK : crewi_error(CREW_ESYSTEM, "pthread_key_create: no key is left");
}

static struct session *find_session(uint64_t manager)
{
    struct session *session = pthread_getspecific(key);
    while (session && session->manager != manager)
        session = session->next;
    return session;
}

/* The status of a pipe of a server, as one of the server. */
static crew_status translate(const char *call, crew_status status)
{
    switch (status) {
    case CREW_EPIPE:
    case CREW_EOF:
    case CREW_ETRUNC:
    case CREW_ECLOSED:
        return crewi_error(CREW_EBROKEN, "%s: the server of the manager has ended", call);
    case CREW_ETIMEDOUT:
        return crewi_error(CREW_ETIMEDOUT, "%s: the server of the manager has not answered in time",
                           call);
    default:
        return status;
    }
}

crew_status crewi_manager_knock(crew_manager manager, crew_connection session, double timeout_s)
{
    struct crewi_manager_hello hello = {.session = session};
    return crew_send_timed((crew_connection){manager.id}, &hello, sizeof hello, timeout_s);
}

static crew_status open_session(crew_manager manager, double timeout_s, struct session **opened)
{
    crew_connection ours, theirs;
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return crewi_error_memory();
    crew_status status = crew_pipe_create(&ours, &theirs, &(crew_pipe_attr){.duplex = true});
    if (status)
        goto fail_pipe;
    status = crewi_manager_knock(manager, theirs, timeout_s);
    if (status)
        goto fail_knock;
    crew_connection_close(theirs); /* so that ours ends with the server's copy */
    *session = (struct session){.next = pthread_getspecific(key),
                                .manager = manager.id,
                                .process = crew_current_process().id,
                                .connection = ours};
    if (pthread_setspecific(key, session)) {
        crew_connection_close(ours);
        free(session);
        return crewi_error_memory();
    }
    *opened = session;
    return CREW_OK;
fail_knock:
    crew_connection_close(ours);
    crew_connection_close(theirs);
fail_pipe:
    free(session);
    return status;
}

static crew_status get_session(crew_manager manager, double timeout_s, struct session **session)
{
    crew_status status = begin();
    if (status)
        return status;
    *session = find_session(manager.id);
    return *session ? CREW_OK : open_session(manager, timeout_s, session);
}

/* What comes of an old request is not to be taken for the answer to a new one. */
static void drop_session(struct session *session)
{
    struct session *first = pthread_getspecific(key), **link = &first;
    while (*link && *link != session)
        link = &(*link)->next;
    if (*link)
        *link = session->next;
    pthread_setspecific(key, first);
    crew_connection_close(session->connection);
    free(session);
}

/* The request as bytes, to be freed. */
static crew_status build(const struct crewi_manager_question *question, char **bytes, size_t *size)
{
    crew_any list = crew_nil();
    void *args;
    size_t args_size, name_size = (strlen(question->name) + 1 + 7) / 8 * 8;
    list.type = CREW_ANY_LIST; /* borrowed */
    list.list.items = (crew_any *)(uintptr_t)question->args;
    list.list.count = question->count;
    crew_status status = crew_any_pack(list, &args, &args_size);
    if (status)
        return status;
    struct crewi_manager_request request = {
        .op = question->op, .name_size = (uint32_t)name_size, .object = ~question->object};
    *size = sizeof request + name_size + args_size;
    *bytes = calloc(1, *size);
    if (*bytes) {
        memcpy(*bytes, &request, sizeof request);
        memcpy(*bytes + sizeof request, question->name, strlen(question->name));
        memcpy(*bytes + sizeof request + name_size, args, args_size);
    }
    free(args);
    return *bytes ? CREW_OK : crewi_error_memory();
}

/* What is left of a timeout. */
static double left(double timeout_s, int64_t begin_ns)
{
    return timeout_s < CREW_FOREVER ? timeout_s - (double)(crewi_now_ns() - begin_ns) / 1e9
                                    : timeout_s;
}

static crew_status exchange(const struct crewi_manager_question *question, const char *bytes,
                            size_t size, crew_view *view)
{
    struct session *session;
    int64_t begin_ns = crewi_now_ns();
    crew_status status = get_session(question->manager, question->timeout_s, &session);
    if (status)
        return status;
    status = crew_send_timed(session->connection, bytes, size, left(question->timeout_s, begin_ns));
    if (!status)
        status = crew_recv_view(session->connection, view, SIZE_MAX,
                                left(question->timeout_s, begin_ns));
    if (status)
        drop_session(session);
    return status;
}

static crew_status read_answer(const char *call, struct crewi_manager_answer *answer)
{
    struct crewi_manager_reply reply;
    if (answer->view.size < sizeof reply)
        return crewi_error(CREW_EPROTO, "%s: an answer of %zu bytes", call, answer->view.size);
    memcpy(&reply, answer->view.data, sizeof reply);
    answer->object = reply.object;
    answer->data = (const char *)answer->view.data + sizeof reply;
    answer->size = answer->view.size - sizeof reply;
    return reply.status ? crewi_error_text((crew_status)reply.status, answer->data, answer->size)
                        : CREW_OK;
}

crew_status crewi_manager_ask(const struct crewi_manager_question *question,
                              struct crewi_manager_answer *answer)
{
    char *bytes;
    size_t size;
    crew_status status = crewi_manager_is_ready(question->call, question->manager);
    if (!status)
        status = build(question, &bytes, &size);
    if (status)
        return status;
    *answer = (struct crewi_manager_answer){0};
    pthread_cleanup_push(free, bytes); /* a thread inside its rank may be ended in it */
    status = exchange(question, bytes, size, &answer->view);
    pthread_cleanup_pop(1);
    if (status)
        return translate(question->call, status);
    status = read_answer(question->call, answer);
    if (status)
        crew_view_release(&answer->view);
    return status;
}
