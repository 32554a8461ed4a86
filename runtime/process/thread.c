/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads that their process waits for: they are counted, and the last thing that each does is to
 * count itself out. */
#include <crew/thread.h>

#include "base/error.h"
#include "engine/client.h"
#include "process/process_call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t running;
} threads = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static _Thread_local bool is_counted;

struct start {
    void *(*function)(void *);
    void *arg;
};

static void count(bool in)
{
    pthread_mutex_lock(&threads.mutex);
    if (in)
        threads.running++;
    else
        threads.running--;
    pthread_cond_broadcast(&threads.changed);
    pthread_mutex_unlock(&threads.mutex);
}

static void count_out(void *context)
{
    (void)context;
    is_counted = false;
    crewi_client_forget_thread();
    count(false);
}

static void *thread_main(void *context)
{
    struct start start = *(struct start *)context;
    void *result;
    free(context);
    is_counted = true;
    pthread_cleanup_push(count_out, NULL);
    result = start.function(start.arg);
    crewi_client_end_copy(0);
    pthread_cleanup_pop(1);
    return result;
}

static crew_status check(const pthread_t *thread, void *(*function)(void *))
{
    const struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing("crew_thread_create");
    if (!thread || !function)
        return crewi_error(CREW_EINVAL, "crew_thread_create: %s is NULL",
                           thread ? "function" : "thread");
    if (crewi_client_is_inside(client))
        return crewi_error(CREW_ENOTSUP, "%s runs inside its rank and is one thread of it",
                           client->identity.name);
    return CREW_OK;
}

crew_status crew_thread_create(pthread_t *thread, const pthread_attr_t *attribute,
                               void *(*function)(void *), void *arg)
{
    crew_status status = check(thread, function);
    if (status)
        return status;
    struct start *start = malloc(sizeof *start);
    if (!start)
        return crewi_error_memory();
    *start = (struct start){function, arg};
    count(true);
    int code = pthread_create(thread, attribute, thread_main, start);
    if (!code)
        return CREW_OK;
    count(false);
    free(start);
    return crewi_error(code == EINVAL ? CREW_EINVAL : CREW_ESYSTEM, "pthread_create: %s",
                       strerror(code));
}

/* One of them may be the one that ends the process. */
void crewi_threads_wait(void)
{
    pthread_mutex_lock(&threads.mutex);
    while (threads.running > (is_counted ? 1 : 0))
        pthread_cond_wait(&threads.changed, &threads.mutex);
    pthread_mutex_unlock(&threads.mutex);
}
