/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/manager.h> about managers. */
#include <crew/manager.h>

#include "base/error.h"
#include "engine/client.h"
#include "manager/manager_call.h"
#include "manager/registry.h"
#include "manager/session.h"
#include "observe/observe.h"
#include "process/process_call.h"

#include <crew/finalize.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long each step of the shutdown waits for the end; Python's. */
#define SHUTDOWN_S 1.0

enum state { INITIAL, STARTING, STARTED, STOPPING, OVER };

/* A manager, in the process that has created it. */
struct manager {
    struct manager *next;
    crew_manager handle;
    crew_connection door; /* the server's end, until it has it */
    uint64_t owner;       /* of several processes in one rank */
    enum state state;
    crew_process server;
    crew_placement placement;
    char name[CREW_NAME_SIZE], host[CREW_NAME_SIZE];
    struct crewi_registry registry;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct manager *managers;

/* NULL when it is not the caller's. The mutex is held. */
static struct manager *find(crew_manager handle)
{
    uint64_t caller = crew_current_process().id;
    struct manager *manager = managers;
    while (manager && (manager->handle.id != handle.id || manager->owner != caller))
        manager = manager->next;
    return manager;
}

static crew_status find_own(const char *call, crew_manager handle, struct manager **found)
{
    if (!crewi_client_current())
        return crewi_client_missing(call);
    if (!handle.id)
        return crewi_error(CREW_EINVAL, "%s: the handle is empty", call);
    if (crewi_id_kind(handle.id) != CREWI_KIND_PIPE)
        return crewi_error(CREW_EINVAL, "%s: the handle is of another kind", call);
    *found = find(handle);
    return *found ? CREW_OK
                  : crewi_error(CREW_EPERM,
                                "%s: only the process that created the manager may do this", call);
}

static crew_status refuse(const char *call, const struct manager *manager)
{
    static const char *const texts[] = {
        [INITIAL] = "was not started", [STARTING] = "is being started", [STARTED] = "was started",
        [STOPPING] = "was shut down",  [OVER] = "was shut down",
    };
    return crewi_error(CREW_ESTATE, "%s: manager %s %s", call, manager->name,
                       texts[manager->state]);
}

/* From one state to another, for who has to do something for that. */
static crew_status move(const char *call, crew_manager handle, enum state from, enum state to,
                        struct manager **found)
{
    struct manager *manager;
    pthread_mutex_lock(&mutex);
    crew_status status = find_own(call, handle, &manager);
    if (!status && manager->state != from)
        status = refuse(call, manager);
    if (!status)
        manager->state = to;
    pthread_mutex_unlock(&mutex);
    if (!status)
        *found = manager;
    return status;
}

static void set_state(struct manager *manager, enum state state)
{
    pthread_mutex_lock(&mutex);
    manager->state = state;
    pthread_mutex_unlock(&mutex);
}

crew_status crewi_manager_is_ready(const char *call, crew_manager handle)
{
    pthread_mutex_lock(&mutex);
    const struct manager *manager = find(handle);
    crew_status status = CREW_OK;
    if (manager && manager->state < STARTED)
        status = refuse(call, manager);
    pthread_mutex_unlock(&mutex);
    return status;
}

void crewi_manager_word_end(crew_manager handle, char *text, size_t size)
{
    int code;
    pthread_mutex_lock(&mutex);
    const struct manager *manager = find(handle);
    crew_process server = manager ? manager->server : (crew_process){0};
    pthread_mutex_unlock(&mutex);
    text[0] = '\0';
    if (!server.id || crew_process_join(server, SHUTDOWN_S) || crew_process_exitcode(server, &code))
        return;
    if (code < 0)
        snprintf(text, size, " (killed by signal %d, SIG%s)", -code,
                 sigabbrev_np(-code) ? sigabbrev_np(-code) : "?");
    else
        snprintf(text, size, " (exit code %d)", code);
}

/* Making one */

static crew_status check_attr(const crew_manager *manager, const crew_manager_attr *attr)
{
    if (!crewi_client_current())
        return crewi_client_missing("crew_manager_create");
    if (!manager)
        return crewi_error(CREW_EINVAL, "crew_manager_create: manager is NULL");
    if (attr->placement.host && strlen(attr->placement.host) >= CREW_NAME_SIZE)
        return crewi_error(CREW_EINVAL, "no rank is on a host \"%.20s...\"", attr->placement.host);
    return crewi_process_check_name(attr->name);
}

static void fill_in(struct manager *manager, const crew_manager_attr *attr)
{
    static atomic_uint last;
    unsigned number = atomic_fetch_add(&last, 1) + 1;
    manager->owner = crew_current_process().id;
    manager->placement = attr->placement;
    if (attr->placement.place == CREW_PLACE_ANYWHERE)
        manager->placement = CREW_HERE;
    snprintf(manager->name, sizeof manager->name, "Manager-%u", number);
    if (attr->name)
        snprintf(manager->name, sizeof manager->name, "%s", attr->name);
    if (attr->placement.host) {
        snprintf(manager->host, sizeof manager->host, "%s", attr->placement.host);
        manager->placement.host = manager->host;
    }
}

static void forget(struct manager *manager)
{
    pthread_mutex_lock(&mutex);
    struct manager **link = &managers;
    while (*link != manager)
        link = &(*link)->next;
    *link = manager->next;
    pthread_mutex_unlock(&mutex);
    crewi_registry_free(&manager->registry);
    free(manager);
}

/* The finalizer of each, which ends it as shutdown does. */
static crew_status finalize(void *arg)
{
    struct manager *manager = arg;
    crew_manager_shutdown(manager->handle);
    forget(manager);
    return CREW_OK;
}

crew_status crew_manager_create(crew_manager *manager, const crew_manager_attr *attr)
{
    static const crew_manager_attr defaults;
    if (!attr)
        attr = &defaults;
    crew_status status = check_attr(manager, attr);
    if (status)
        return status;
    struct manager *made = calloc(1, sizeof *made);
    if (!made)
        return crewi_error_memory();
    fill_in(made, attr);
    crew_connection handle;
    status = crew_pipe_create(&made->door, &handle, NULL);
    if (status)
        goto fail_pipe;
    made->handle.id = handle.id;
    status = crew_at_exit(NULL, finalize, made, 0);
    if (status)
        goto fail_finalizer;
    pthread_mutex_lock(&mutex);
    made->next = managers;
    managers = made;
    pthread_mutex_unlock(&mutex);
    *manager = made->handle;
    return CREW_OK;
fail_finalizer:
    crew_connection_close(made->door);
    crew_connection_close(handle);
fail_pipe:
    free(made);
    return status;
}

crew_status crew_manager_register(crew_manager handle, const crew_manager_type *type,
                                  const char *const *exposed)
{
    struct manager *manager;
    pthread_mutex_lock(&mutex);
    crew_status status = find_own("crew_manager_register", handle, &manager);
    if (!status && manager->state != INITIAL)
        status = refuse("crew_manager_register", manager);
    if (!status)
        status = crewi_registry_add(&manager->registry, type, exposed);
    pthread_mutex_unlock(&mutex);
    return status;
}

/* The end */

static bool is_alive(const struct manager *manager)
{
    bool alive = false;
    crew_status status = crew_process_is_alive(manager->server, &alive);
    return !status && alive;
}

/* Python's steps. */
static void end_server(const struct manager *manager)
{
    crewi_log_notice(CREWI_LOG_INFO, "sending shutdown message to manager %s", manager->name);
    crewi_manager_knock(manager->handle, (crew_connection){0}, SHUTDOWN_S);
    crew_process_join(manager->server, SHUTDOWN_S);
    if (!is_alive(manager))
        return;
    crewi_log_notice(CREWI_LOG_INFO, "manager %s still alive: terminating it", manager->name);
    crew_process_terminate(manager->server);
    crew_process_join(manager->server, SHUTDOWN_S);
    if (!is_alive(manager))
        return;
    crewi_log_notice(CREWI_LOG_INFO, "manager %s still alive after terminate: killing it",
                     manager->name);
    crew_process_kill(manager->server);
    crew_process_join(manager->server, CREW_FOREVER);
}

static enum state begin_end(struct manager *manager)
{
    pthread_mutex_lock(&mutex);
    enum state state = manager->state;
    if (state == INITIAL || state == STARTED)
        manager->state = STOPPING;
    pthread_mutex_unlock(&mutex);
    return state;
}

crew_status crew_manager_shutdown(crew_manager handle)
{
    struct manager *manager;
    pthread_mutex_lock(&mutex);
    crew_status status = find_own("crew_manager_shutdown", handle, &manager);
    pthread_mutex_unlock(&mutex);
    if (status)
        return status;
    switch (begin_end(manager)) {
    case INITIAL:
        crew_connection_close(manager->door);
        break;
    case STARTED:
        end_server(manager);
        break;
    case STARTING:
        return refuse("crew_manager_shutdown", manager);
    case STOPPING: /* by another thread */
        return crew_process_join(manager->server, CREW_FOREVER);
    case OVER:
        return CREW_OK;
    }
    crewi_manager_end_sessions(handle);
    crew_connection_close((crew_connection){handle.id});
    pthread_mutex_lock(&mutex);
    manager->state = OVER;
    crewi_registry_free(&manager->registry); /* 6 KB: no type is registered any more */
    pthread_mutex_unlock(&mutex);
    return CREW_OK;
}

/* The start */

static crew_status start_process(struct manager *manager)
{
    crew_process_attr attr = {.name = manager->name,
                              .daemon = CREW_DAEMON_YES,
                              .start_method = CREW_START_FORKSERVER,
                              .placement = manager->placement};
    void *order;
    size_t size;
    crew_process server;
    crew_status status = crewi_registry_order(&manager->registry, manager->door, &order, &size);
    if (status)
        return status;
    status = crew_process_create(&server, crewi_manager_server, order, size, &attr);
    free(order);
    if (status)
        return status;
    status = crew_process_start(server);
    if (status)
        crew_process_close(server);
    else
        manager->server = server;
    return status;
}

static crew_status ping(const char *call, crew_manager handle, double timeout_s)
{
    struct crewi_manager_answer answer;
    struct crewi_manager_question question = {.call = call,
                                              .manager = handle,
                                              .op = CREWI_MANAGER_PING,
                                              .name = "",
                                              .timeout_s = timeout_s};
    crew_status status = crewi_manager_ask(&question, &answer);
    if (!status)
        crew_view_release(&answer.view);
    return status;
}

crew_status crew_manager_start(crew_manager handle)
{
    struct manager *manager;
    crew_status status = move("crew_manager_start", handle, INITIAL, STARTING, &manager);
    if (status)
        return status;
    status = start_process(manager);
    if (status) {
        set_state(manager, INITIAL);
        return status;
    }
    crew_connection_close(manager->door); /* so that the door ends with the server */
    set_state(manager, STARTED);
    status = ping("crew_manager_start", handle, CREW_FOREVER);
    if (status) {
        char reason[CREWI_ERROR_SIZE];
        snprintf(reason, sizeof reason, "%s", crew_error_message());
        crew_manager_shutdown(handle);
        return crewi_error_text(status, reason, strlen(reason));
    }
    return CREW_OK;
}

crew_status crew_manager_connect(crew_manager handle, double timeout_s)
{
    if (!crewi_client_current())
        return crewi_client_missing("crew_manager_connect");
    return ping("crew_manager_connect", handle, timeout_s);
}

crew_status crew_manager_process(crew_manager handle, crew_process *server)
{
    struct manager *manager;
    if (!server)
        return crewi_error(CREW_EINVAL, "crew_manager_process: server is NULL");
    pthread_mutex_lock(&mutex);
    crew_status status = find_own("crew_manager_process", handle, &manager);
    if (!status && !manager->server.id)
        status = crewi_error(CREW_ESTATE, "crew_manager_process: manager %s was not started",
                             manager->name);
    if (!status)
        *server = manager->server;
    pthread_mutex_unlock(&mutex);
    return status;
}
