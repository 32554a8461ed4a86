/* SPDX-License-Identifier: BSD-3-Clause */
/* The server process: the door, and a thread for each session. */
#include "manager/server.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/client.h"
#include "manager/manager_call.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Of this process; nothing changes when the first session begins. */
static struct crewi_server_type *types;
static uint32_t type_count;
static crew_status setup; /* whether all functions were found, and why not */
static char setup_reason[CREWI_ERROR_SIZE];

static const struct crewi_server_type *find_type(const char *name)
{
    for (uint32_t i = 0; i < type_count; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

struct request {
    struct crewi_manager_request head;
    const char *name;
    crew_any args; /* owned */
};

static crew_status parse(const crew_view *view, struct request *request)
{
    const char *data = view->data;
    if (view->size < sizeof request->head)
        return crewi_error(CREW_EPROTO, "a request of %zu bytes", view->size);
    memcpy(&request->head, data, sizeof request->head);
    size_t rest = view->size - sizeof request->head, name_size = request->head.name_size;
    request->name = data + sizeof request->head;
    if (name_size > rest || !memchr(request->name, '\0', name_size))
        return crewi_error(CREW_EPROTO, "a request without a name");
    crew_status status =
        crew_any_unpack(&request->args, request->name + name_size, rest - name_size);
    if (!status && request->args.type != CREW_ANY_LIST) {
        crew_any_clear(&request->args);
        status = crewi_error(CREW_EPROTO, "arguments that are no list");
    }
    return status;
}

static crew_status perform(const struct request *request, struct crewi_server_outcome *outcome)
{
    const crew_any *args = request->args.list.items;
    size_t count = request->args.list.count;
    if (setup)
        return crewi_error_text(setup, setup_reason, strlen(setup_reason));
    switch (request->head.op) {
    case CREWI_MANAGER_PING:
        return CREW_OK;
    case CREWI_MANAGER_CREATE: {
        const struct crewi_server_type *type = find_type(request->name);
        return type ? crewi_server_create(type, args, count, outcome)
                    : crewi_error(CREW_EREMOTE, "the manager has no type %s", request->name);
    }
    case CREWI_MANAGER_CALL:
        return crewi_server_call(~request->head.object, request->name, args, count, outcome);
    case CREWI_MANAGER_TELL: {
        crew_status status =
            crewi_server_call(~request->head.object, request->name, args, count, outcome);
        outcome->size = 0; /* a handle in it would stay with who does not know */
        return status;
    }
    case CREWI_MANAGER_BLOCK:
        return crewi_server_make_block(args, count, outcome);
    default:
        return crewi_error(CREW_EPROTO, "a manager has no operation %u", request->head.op);
    }
}

static crew_status reply(crew_connection session, crew_status status,
                         const struct crewi_server_outcome *outcome)
{
    const char *body = status ? crew_error_message() : outcome->data;
    size_t size = status ? strlen(body) + 1 : outcome->size;
    struct crewi_manager_reply head = {.status = status, .object = outcome->proxy.id};
    char *bytes = malloc(sizeof head + size);
    if (!bytes)
        return crewi_error_memory();
    memcpy(bytes, &head, sizeof head);
    if (size)
        memcpy(bytes + sizeof head, body, size);
    status = crew_send(session, bytes, sizeof head + size, CREW_FOREVER);
    free(bytes);
    return status;
}

/* A session that cannot be answered ends: the other side is not to wait. */
static crew_status serve_one(crew_connection session)
{
    crew_view view;
    struct request request = {.args = crew_nil()};
    struct crewi_server_outcome outcome = {.data = NULL};
    crew_status status = crew_recv_view(session, &view, SIZE_MAX, CREW_FOREVER);
    if (status)
        return status;
    status = parse(&view, &request);
    if (!status)
        status = perform(&request, &outcome);
    crew_any_clear(&request.args);
    if (!outcome.begun)
        crewi_copies_drop(view.data, view.size);
    status = reply(session, status, &outcome);
    crew_view_release(&view); /* the name was in it */
    free(outcome.data);
    if (outcome.proxy.id)
        crew_connection_close(outcome.proxy); /* the caller has one now */
    return status;
}

static void *serve_session(void *context)
{
    crew_connection session = {(uint64_t)(uintptr_t)context};
    while (serve_one(session) == CREW_OK)
        ;
    crew_connection_close(session);
    return NULL;
}

static void begin_session(crew_connection session)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, serve_session, (void *)(uintptr_t)session.id);
    if (!code) {
        pthread_detach(thread);
        return;
    }
    crewi_log(CREWI_LOG_WARNING, "a manager cannot serve one more: pthread_create: %s",
              strerror(code));
    crew_connection_close(session);
}

/* Until it is told to end, or nobody is left who could. */
static void serve_door(crew_connection door)
{
    for (;;) {
        struct crewi_manager_hello hello = {.session = {0}};
        size_t size = 0;
        crew_status status = crew_recv(door, &hello, sizeof hello, &size, CREW_FOREVER);
        if (status == CREW_ETOOSMALL)
            continue;
        if (status || size != sizeof hello || !hello.session.id)
            return;
        if (!setup)
            begin_session(hello.session);
        else if (serve_one(hello.session)) /* which says why */
            return;
    }
}

int crewi_manager_server(void *arg)
{
    const struct crewi_manager_order *order = arg;
    signal(SIGINT, SIG_IGN);
    setup = crewi_server_types(order, &types);
    if (!setup)
        setup = crewi_server_begin_objects();
    if (setup)
        memcpy(setup_reason, crew_error_message(), strlen(crew_error_message()) + 1);
    else
        type_count = order->type_count;
    serve_door(order->door);
    crewi_server_end_blocks(); /* first: an object may not let it end */
    crewi_server_end_objects();
    return setup ? 1 : 0;
}
