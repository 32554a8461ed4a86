/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/client.h"
#include "manager/manager_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One is used by one thread at a time, and by another one after it. */
struct session {
    struct session *next;
    uint64_t manager, process;
    crew_connection connection;
    bool inside; /* of a process that is a thread of its rank, and one of several there */
    bool busy;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct session *sessions;

static bool is_inside(void)
{
    return crewi_client_is_inside(crewi_client_current());
}

/* Frees those of a process that was in this rank before the caller: they were closed with it. The
 * mutex is held. */
static void free_old(uint64_t process)
{
    struct session **link = &sessions;
    while (*link) {
        struct session *session = *link;
        if (session->inside && session->process != process) {
            *link = session->next;
            free(session);
        } else {
            link = &session->next;
        }
    }
}

/* One that is not in use; NULL when there is none. */
static struct session *find_session(uint64_t manager)
{
    uint64_t process = crew_current_process().id;
    bool inside = is_inside();
    pthread_mutex_lock(&mutex);
    if (inside)
        free_old(process);
    struct session *session = sessions;
    while (session && (session->busy || session->manager != manager || session->process != process))
        session = session->next;
    if (session)
        session->busy = true;
    pthread_mutex_unlock(&mutex);
    return session;
}

static void add_session(struct session *session)
{
    pthread_mutex_lock(&mutex);
    session->next = sessions;
    sessions = session;
    pthread_mutex_unlock(&mutex);
}

static void return_session(struct session *session)
{
    pthread_mutex_lock(&mutex);
    session->busy = false;
    pthread_mutex_unlock(&mutex);
}

/* The status of a pipe of a server, as one of the server. @p was_asked  it had the request */
static crew_status translate(const struct crewi_manager_question *question, crew_status status,
                             bool was_asked)
{
    bool is_call =
        was_asked && (question->op == CREWI_MANAGER_CALL || question->op == CREWI_MANAGER_TELL);
    char how[64];
    switch (status) {
    case CREW_EPIPE:
    case CREW_EOF:
    case CREW_ETRUNC:
    case CREW_ECLOSED:
        crewi_manager_word_end(question->manager, how, sizeof how);
        return crewi_error(CREW_EBROKEN, "%s: the server of the manager has ended%s%s%s",
                           question->call, how, is_call ? ", in a call of " : "",
                           is_call ? question->name : "");
    case CREW_ETIMEDOUT:
        return crewi_error(CREW_ETIMEDOUT, "%s: the server of the manager has not answered in time",
                           question->call);
    default:
        return status;
    }
}

crew_status crewi_manager_knock(crew_manager manager, crew_connection session, double timeout_s)
{
    struct crewi_manager_hello hello = {.session = session};
    return crew_send((crew_connection){manager.id}, &hello, sizeof hello, timeout_s);
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
    *session = (struct session){.manager = manager.id,
                                .process = crew_current_process().id,
                                .connection = ours,
                                .inside = is_inside(),
                                .busy = true};
    add_session(session);
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
    *session = find_session(manager.id);
    return *session ? CREW_OK : open_session(manager, timeout_s, session);
}

/* What comes of an old request is not to be taken for the answer to a new one. */
static void drop_session(struct session *session)
{
    pthread_mutex_lock(&mutex);
    struct session **link = &sessions;
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    pthread_mutex_unlock(&mutex);
    crew_connection_close(session->connection);
    free(session);
}

void crewi_manager_end_sessions(crew_manager manager)
{
    struct session *session;
    while ((session = find_session(manager.id)))
        drop_session(session);
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
                            size_t size, struct crewi_manager_answer *answer)
{
    struct session *session;
    int64_t begin_ns = crewi_now_ns();
    crew_status status = get_session(question->manager, question->timeout_s, &session);
    if (status)
        return status;
    status = crew_send(session->connection, bytes, size, left(question->timeout_s, begin_ns));
    answer->was_asked = !status;
    if (!status)
        status = crew_recv_view(session->connection, &answer->view, SIZE_MAX,
                                left(question->timeout_s, begin_ns));
    if (status)
        drop_session(session);
    else
        return_session(session);
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
    status = exchange(question, bytes, size, answer);
    pthread_cleanup_pop(1);
    if (status)
        return translate(question, status, answer->was_asked);
    status = read_answer(question->call, answer);
    if (status)
        crew_view_release(&answer->view);
    return status;
}
