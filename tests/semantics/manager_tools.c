// SPDX-License-Identifier: BSD-3-Clause
#include "check.h"
#include "manager_cases.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct counter {
    int64_t number;
    struct mark mark;
};

static crew_status create_counter(void **object, const crew_any *args, size_t count)
{
    struct counter *counter = calloc(1, sizeof *counter);
    const char *path;
    if (counter == NULL)
        return CREW_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (args[i].type == CREW_ANY_STRING && !crew_any_to_string(args[i], &path)) {
            snprintf(counter->mark.path, sizeof counter->mark.path, "%s", path);
        } else if (crew_any_to_int(args[i], &counter->number)) {
            free(counter);
            return crew_fail(CREW_EINVAL, "a counter begins with a number");
        }
    }
    *object = counter;
    return CREW_OK;
}

static void destroy_counter(void *object)
{
    struct counter *counter = object;
    if (counter->mark.path[0] != '\0')
        mark_set(&counter->mark, "destroyed");
    free(counter);
}

static crew_status add(void *object, const crew_any *args, size_t count, crew_any *result)
{
    struct counter *counter = object;
    int64_t number;
    if (count != 1 || crew_any_to_int(args[0], &number))
        return crew_fail(CREW_EINVAL, "one number is expected");
    int64_t sum = counter->number + number;
    sched_yield(); // so that methods that run at a time are found out
    counter->number = sum;
    *result = crew_int(sum);
    return CREW_OK;
}

static crew_status get(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)args;
    *result = crew_int(((struct counter *)object)->number);
    return count == 0 ? CREW_OK : crew_fail(CREW_EINVAL, "no arguments are expected");
}

static crew_status fail(void *object, const crew_any *args, size_t count, crew_any *result)
{
    int64_t status = CREW_EDOMAIN;
    (void)object;
    (void)result;
    if (count == 1 && crew_any_to_int(args[0], &status))
        return CREW_EINVAL;
    return crew_fail((crew_status)status, "on purpose");
}

static crew_status fail_silently(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)object;
    (void)args;
    (void)count;
    (void)result;
    return CREW_EFULL;
}

static crew_status echo(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)object;
    return count == 1 ? crew_any_copy(result, args[0]) : CREW_EINVAL;
}

static crew_status sleep_for(void *object, const crew_any *args, size_t count, crew_any *result)
{
    double seconds = 0;
    (void)object;
    (void)result;
    if (count != 1 || crew_any_to_double(args[0], &seconds))
        return CREW_EINVAL;
    check_sleep(seconds);
    return CREW_OK;
}

static crew_status crash(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)object;
    (void)args;
    (void)count;
    (void)result;
    raise(SIGKILL);
    return CREW_OK;
}

static crew_status no_value(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)object;
    (void)args;
    (void)count;
    *result = crew_string("\xff"); // no UTF-8
    return CREW_OK;
}

// Calls a counter of which it is given the proxy.
static crew_status add_to_other(void *object, const crew_any *args, size_t count, crew_any *result)
{
    crew_proxy other;
    (void)object;
    if (count != 2 || crew_any_to_handle(args[0], &other, sizeof other))
        return CREW_EINVAL;
    crew_status status = crew_proxy_call(other, "add", &args[1], 1, result, CREW_FOREVER);
    crew_proxy_close(other);
    return status;
}

static const crew_method counter_methods[] = {
    {"add", add},
    {"get", get},
    {"fail", fail},
    {"fail_silently", fail_silently},
    {"echo", echo},
    {"sleep", sleep_for},
    {"crash", crash},
    {"no_value", no_value},
    {"add_to_other", add_to_other},
    {"_hidden", get},
    {NULL, NULL},
};
const crew_manager_type counter_type = {"Counter", create_counter, destroy_counter, counter_methods,
                                        false};

static crew_status create_keeper(void **object, const crew_any *args, size_t count)
{
    (void)args;
    *object = calloc(1, sizeof(crew_any));
    return *object != NULL && count == 0 ? CREW_OK : CREW_EINVAL;
}

static void destroy_keeper(void *object)
{
    crew_any_clear(object);
    free(object);
}

static crew_status store(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)result;
    if (count != 1)
        return CREW_EINVAL;
    crew_any_clear(object);
    return crew_any_copy(object, args[0]);
}

static crew_status fetch(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)args;
    (void)count;
    return crew_any_copy(result, *(const crew_any *)object);
}

static crew_status close_kept(void *object, const crew_any *args, size_t count, crew_any *result)
{
    crew_connection kept;
    (void)args;
    (void)count;
    (void)result;
    crew_status status = crew_any_to_handle(*(crew_any *)object, &kept, sizeof kept);
    return status ? status : crew_connection_close(kept);
}

static const crew_method keeper_methods[] = {
    {"store", store}, {"fetch", fetch}, {"close", close_kept}, {NULL, NULL}};
const crew_manager_type keeper_type = {"Keeper", create_keeper, destroy_keeper, keeper_methods,
                                       false};

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int inside;
};

static crew_status create_meeting(void **object, const crew_any *args, size_t count)
{
    struct meeting *meeting = malloc(sizeof *meeting);
    (void)args;
    if (meeting == NULL || count > 0)
        return CREW_EINVAL;
    pthread_mutex_init(&meeting->mutex, NULL);
    pthread_cond_init(&meeting->changed, NULL);
    meeting->inside = 0;
    *object = meeting;
    return CREW_OK;
}

static crew_status meet(void *object, const crew_any *args, size_t count, crew_any *result)
{
    struct meeting *meeting = object;
    (void)args;
    (void)count;
    pthread_mutex_lock(&meeting->mutex);
    *result = crew_int(++meeting->inside);
    pthread_cond_broadcast(&meeting->changed);
    while (meeting->inside < 2)
        pthread_cond_wait(&meeting->changed, &meeting->mutex);
    pthread_mutex_unlock(&meeting->mutex);
    return CREW_OK;
}

static const crew_method meeting_methods[] = {{"meet", meet}, {NULL, NULL}};
const crew_manager_type meeting_type = {"Meeting", create_meeting, free, meeting_methods, true};

static crew_status create_clinging(void **object, const crew_any *args, size_t count)
{
    bool ignores = false;
    *object = NULL;
    if (count != 1 || crew_any_to_bool(args[0], &ignores))
        return CREW_EINVAL;
    if (ignores)
        signal(SIGTERM, SIG_IGN);
    return CREW_OK;
}

static void cling(void *object)
{
    (void)object;
    check_sleep(60);
}

static const crew_method no_methods[] = {{NULL, NULL}};
const crew_manager_type clinging_type = {"Clinging", create_clinging, cling, no_methods, false};

crew_manager start_manager(void)
{
    crew_manager manager = {0};
    CHECK_OK(crew_manager_create(&manager, NULL));
    CHECK_OK(crew_manager_register(manager, &counter_type, NULL));
    CHECK_OK(crew_manager_register(manager, &meeting_type, NULL));
    CHECK_OK(crew_manager_register(manager, &keeper_type, NULL));
    CHECK_OK(crew_manager_register(manager, &clinging_type, NULL));
    CHECK_OK(crew_manager_start(manager));
    return manager;
}

crew_process server_of(crew_manager manager)
{
    crew_process server = {0};
    CHECK_OK(crew_manager_process(manager, &server));
    return server;
}

void end_manager(crew_manager manager)
{
    double begin = check_now();
    CHECK_OK(crew_manager_shutdown(manager));
    crew_process server = server_of(manager);
    if (check_now() - begin < 1) // otherwise the machine was too busy for Python's first second
        CHECK_INT(exitcode_of(server), 0);
    CHECK(!is_alive(server));
}

crew_proxy new_counter(crew_manager manager, int64_t begin, const struct mark *mark)
{
    crew_proxy counter = {0, 0};
    crew_any args[] = {crew_int(begin), crew_string(mark != NULL ? mark->path : "")};
    CHECK_OK(crew_proxy_create(&counter, manager, "Counter", args, 2, CREW_FOREVER));
    return counter;
}

int64_t get_count(crew_proxy counter)
{
    crew_any result = crew_nil();
    int64_t number = -1;
    CHECK_OK(crew_proxy_call(counter, "get", NULL, 0, &result, CREW_FOREVER));
    CHECK_OK(crew_any_to_int(result, &number));
    crew_any_clear(&result);
    return number;
}

void add_to(crew_proxy counter, int64_t number)
{
    CHECK_OK(crew_proxy_call(counter, "add", CREW_ARGS(crew_int(number)), NULL, CREW_FOREVER));
}
