/* SPDX-License-Identifier: BSD-3-Clause */
/* The objects of a server: made, called, and destroyed when their last proxy is gone. */
#include "manager/server.h"

#include "base/error.h"
#include "base/log.h"
#include "base/table.h"
#include "engine/client.h"

#include <crew/wait.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long new objects may wait until they are watched: then many are taken together. */
#define GATHER_US 20000

struct object {
    crew_connection end; /* comes when there is no proxy any more */
    uint64_t id;         /* that of its proxies */
    const struct crewi_server_type *type;
    void *instance;
    pthread_mutex_t mutex; /* one method at a time */
    unsigned users;        /* threads that call it */
    bool gone;             /* nobody has it; to be destroyed by the last of them */
    bool ended;            /* the instance is, with the server */
};

static struct {
    pthread_mutex_t mutex;
    struct crewi_table table;
    crew_connection wake_in, wake_out;
    bool changed; /* the one who watches has been told */
    bool over;    /* the server ends */
} objects = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void destroy(struct object *object)
{
    if (object->type->destroy && !object->ended)
        object->type->destroy(object->instance);
    crewi_client_end_copy(0);
    crew_connection_close(object->end);
    pthread_mutex_destroy(&object->mutex);
    free(object);
}

static crew_status shut_down(void)
{
    return crewi_error(CREW_EBROKEN, "the manager was shut down");
}

static crew_status begin_use(uint64_t id, struct object **found)
{
    crew_status status = CREW_OK;
    pthread_mutex_lock(&objects.mutex);
    struct object *object = crewi_table_find(&objects.table, id);
    if (objects.over)
        status = shut_down();
    else if (object)
        object->users++;
    else
        status = crewi_error(CREW_ENOENT, "the manager has no such object");
    pthread_mutex_unlock(&objects.mutex);
    *found = object;
    return status;
}

static void end_use(struct object *object)
{
    pthread_mutex_lock(&objects.mutex);
    bool last = --object->users == 0 && object->gone;
    pthread_mutex_unlock(&objects.mutex);
    if (last)
        destroy(object);
}

/* Takes one out of the table. True when nobody uses it, and it is the caller's to destroy. */
static bool take(struct object *object)
{
    pthread_mutex_lock(&objects.mutex);
    object->gone = crewi_table_take(&objects.table, object->id) != NULL;
    bool free_now = object->gone && object->users == 0;
    pthread_mutex_unlock(&objects.mutex);
    return free_now;
}

/* Watching */

struct watch {
    struct {
        struct object *object;
    } * list;
    crew_waitable *waitables; /* the first one is woken by news */
    bool *ready;
    size_t count;
};

static void free_watch(struct watch *watch)
{
    free(watch->list);
    free(watch->waitables);
    free(watch->ready);
}

static bool make_watch(struct watch *watch, size_t count)
{
    *watch = (struct watch){.list = calloc(count + 1, sizeof *watch->list),
                            .waitables = calloc(count + 1, sizeof *watch->waitables),
                            .ready = calloc(count + 1, sizeof *watch->ready)};
    if (watch->list && watch->waitables && watch->ready)
        return true;
    free_watch(watch);
    return false;
}

/* All that there are now. */
static bool gather(struct watch *watch)
{
    pthread_mutex_lock(&objects.mutex);
    bool made = make_watch(watch, objects.table.count);
    for (size_t i = 0; made && i < objects.table.room; i++)
        if (objects.table.entries[i].id)
            watch->list[watch->count++].object = objects.table.entries[i].value;
    if (made)
        objects.changed = false;
    pthread_mutex_unlock(&objects.mutex);
    if (!made)
        return false;
    crew_connection_waitable(objects.wake_in, &watch->waitables[0]);
    for (size_t i = 0; i < watch->count; i++)
        crew_connection_waitable(watch->list[i].object->end, &watch->waitables[i + 1]);
    return true;
}

static void reap(const struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct object *object = watch->list[i].object;
        if (watch->ready[i + 1] && crew_recv(object->end, NULL, 0, NULL, CREW_NOW) == CREW_EOF &&
            take(object))
            destroy(object);
    }
}

static crew_status watch_once(void)
{
    struct watch watch;
    if (!gather(&watch))
        return crewi_error_memory();
    crew_status status =
        crew_wait(watch.waitables, watch.count + 1, watch.ready, NULL, CREW_FOREVER);
    if (!status && watch.ready[0]) {
        crew_recv(objects.wake_in, NULL, 0, NULL, CREW_NOW);
        usleep(GATHER_US);
    }
    if (!status)
        reap(&watch);
    free_watch(&watch);
    return status;
}

static void *watch_main(void *context)
{
    (void)context;
    for (;;) {
        crew_status status = watch_once();
        if (!status)
            continue;
        crewi_log(CREWI_LOG_WARNING, "a manager cannot watch its objects: %s",
                  crew_error_message());
        sleep(1);
    }
    return NULL;
}

crew_status crewi_server_begin_objects(void)
{
    pthread_t thread;
    crew_status status = crew_pipe_create(&objects.wake_in, &objects.wake_out, NULL);
    if (status)
        return status;
    int code = pthread_create(&thread, NULL, watch_main, NULL);
    if (code)
        return crewi_error(CREW_ESYSTEM, "pthread_create: %s", strerror(code));
    pthread_detach(thread);
    return CREW_OK;
}

/* Making */

static crew_status add(struct object *object)
{
    pthread_mutex_lock(&objects.mutex);
    crew_status status =
        objects.over ? shut_down() : crewi_table_add(&objects.table, object->id, object);
    bool tell = !status && !objects.changed;
    objects.changed |= tell;
    pthread_mutex_unlock(&objects.mutex);
    return tell ? crew_send(objects.wake_out, NULL, 0, CREW_FOREVER) : status;
}

/* The reason with what it is about in front; one that the program's function has not worded is the
 * meaning of its status. */
static crew_status word(crew_status status, const char *type, const char *method)
{
    const char *reason = crew_error_message();
    if (status > 0)
        status = CREW_EFAILED;
    return crewi_error(status, "%s%s%s: %s", type, method ? "." : "", method ? method : "",
                       *reason ? reason : crew_status_message(status));
}

static crew_status keep(const struct crewi_server_type *type, void *instance,
                        crew_connection *proxy)
{
    struct object *object = calloc(1, sizeof *object);
    if (!object)
        return crewi_error_memory();
    object->type = type;
    object->instance = instance;
    pthread_mutex_init(&object->mutex, NULL);
    crew_status status = crew_pipe_create(&object->end, proxy, NULL);
    if (status)
        goto fail_pipe;
    object->id = proxy->id;
    status = add(object);
    if (!status)
        return CREW_OK;
    crew_connection_close(*proxy);
    crew_connection_close(object->end);
fail_pipe:
    pthread_mutex_destroy(&object->mutex);
    free(object);
    return status;
}

crew_status crewi_server_create(const struct crewi_server_type *type, const crew_any *args,
                                size_t count, struct crewi_server_outcome *outcome)
{
    void *instance = NULL;
    crewi_error_clear();
    outcome->begun = true;
    crew_status status = type->create(&instance, args, count);
    crewi_client_end_copy(status != CREW_OK);
    if (status)
        return word(status, type->name, NULL);
    status = keep(type, instance, &outcome->proxy);
    if (status && type->destroy)
        type->destroy(instance);
    return status;
}

/* Calling */

static crew_status find_method(const struct crewi_server_type *type, const char *name,
                               const struct crewi_server_method **found)
{
    for (uint32_t i = 0; i < type->method_count; i++) {
        *found = &type->methods[i];
        if (strcmp((*found)->name, name) != 0)
            continue;
        return (*found)->exposed
                   ? CREW_OK
                   : crewi_error(CREW_EREMOTE, "method %s of %s is not exposed", name, type->name);
    }
    return crewi_error(CREW_EREMOTE, "%s has no method %s", type->name, name);
}

/* The result is packed before another method may change what it borrows. */
static crew_status call(const struct object *object, const struct crewi_server_method *method,
                        const crew_any *args, size_t count, struct crewi_server_outcome *outcome)
{
    crew_any result = crew_nil();
    crewi_error_clear();
    outcome->begun = true;
    crew_status status = method->function(object->instance, args, count, &result);
    crewi_client_end_copy(status != CREW_OK);
    if (!status)
        status = crew_any_pack(result, &outcome->data, &outcome->size);
    if (status)
        status = word(status, object->type->name, method->name);
    crew_any_clear(&result);
    return status;
}

crew_status crewi_server_call(uint64_t id, const char *name, const crew_any *args, size_t count,
                              struct crewi_server_outcome *outcome)
{
    const struct crewi_server_method *method;
    struct object *object;
    crew_status status = begin_use(id, &object);
    if (status)
        return status;
    status = find_method(object->type, name, &method);
    if (!status) {
        if (!object->type->concurrent)
            pthread_mutex_lock(&object->mutex);
        status = call(object, method, args, count, outcome);
        if (!object->type->concurrent)
            pthread_mutex_unlock(&object->mutex);
    }
    end_use(object);
    return status;
}

/* The instance alone: the one who watches may be at the object. */
static void end_object(uint64_t id)
{
    pthread_mutex_lock(&objects.mutex);
    struct object *object = crewi_table_find(&objects.table, id);
    bool idle = object && object->users == 0 && !object->ended;
    if (idle) {
        object->ended = true;
        object->users++;
    }
    pthread_mutex_unlock(&objects.mutex);
    if (!idle)
        return;
    if (object->type->destroy)
        object->type->destroy(object->instance);
    crewi_client_end_copy(0);
    end_use(object);
}

void crewi_server_end_objects(void)
{
    size_t count;
    pthread_mutex_lock(&objects.mutex);
    uint64_t *ids = crewi_table_ids(&objects.table, &count);
    objects.over = true;
    pthread_mutex_unlock(&objects.mutex);
    for (size_t i = 0; ids && i < count; i++)
        end_object(ids[i]);
    free(ids);
}
