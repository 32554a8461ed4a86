/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/finalize.h>: a list for each process, in the order in which they run. */
#include <crew/finalize.h>

#include "base/error.h"
#include "observe/finalizer.h"
#include "observe/observe.h"

#include <stdlib.h>
#include <unistd.h>

void crewi_finalizers_free(struct crewi_finalizer *list)
{
    while (list) {
        struct crewi_finalizer *next = list->next;
        free(list);
        list = next;
    }
}

/* Before those of its priority. */
static void insert(struct crewi_finalizer **link, struct crewi_finalizer *finalizer)
{
    while (*link && (*link)->priority > finalizer->priority)
        link = &(*link)->next;
    finalizer->next = *link;
    *link = finalizer;
}

crew_status crew_at_exit(crew_finalizer *finalizer, crew_finalizer_function *function, void *arg,
                         int priority)
{
    static uint64_t last; /* under the lock */
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing("crew_at_exit");
    if (!function)
        return crewi_error(CREW_EINVAL, "crew_at_exit: function is NULL");
    struct crewi_finalizer *made = calloc(1, sizeof *made);
    if (!made)
        return crewi_error_memory();
    struct crewi_observed *observed;
    crewi_observe_lock();
    crew_status status = crewi_observed_get(client, &observed);
    if (!status) {
        /* With the pid: one that came from another process is found out. */
        *made = (struct crewi_finalizer){.id = ((uint64_t)getpid() << 32) | ++last,
                                         .priority = priority,
                                         .function = function,
                                         .arg = arg};
        insert(&observed->finalizers, made);
        if (finalizer)
            finalizer->id = made->id;
    }
    crewi_observe_unlock();
    if (status)
        free(made);
    return status;
}

/* The link to it; NULL when there is none. The lock is held. */
static struct crewi_finalizer **find(struct crewi_client *client, uint64_t id)
{
    if (!client || !client->observed)
        return NULL;
    struct crewi_finalizer **link = &client->observed->finalizers;
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    return *link ? link : NULL;
}

/* Out of the list; the caller's from then on. */
static crew_status take(const char *call, crew_finalizer finalizer, struct crewi_finalizer *taken)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing(call);
    crewi_observe_lock();
    struct crewi_finalizer **link = find(client, finalizer.id), *found = link ? *link : NULL;
    if (found)
        *link = found->next;
    crewi_observe_unlock();
    if (!found)
        return crewi_error(CREW_ENOENT,
                           "%s: the finalizer has run or was cancelled, or is not of this process",
                           call);
    *taken = *found;
    free(found);
    return CREW_OK;
}

crew_status crew_finalizer_run(crew_finalizer finalizer)
{
    struct crewi_finalizer taken;
    crew_status status = take("crew_finalizer_run", finalizer, &taken);
    return status ? status : taken.function(taken.arg);
}

crew_status crew_finalizer_cancel(crew_finalizer finalizer)
{
    struct crewi_finalizer taken;
    return take("crew_finalizer_cancel", finalizer, &taken);
}

bool crew_finalizer_is_active(crew_finalizer finalizer)
{
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return false;
    crewi_observe_lock();
    bool active = find(client, finalizer.id) != NULL;
    crewi_observe_unlock();
    return active;
}

/* The first of the list, if it has that priority at least. */
static bool take_first(struct crewi_client *client, int least, struct crewi_finalizer *taken)
{
    crewi_observe_lock();
    struct crewi_observed *observed = client->observed;
    struct crewi_finalizer *first = observed ? observed->finalizers : NULL;
    bool is_due = first && first->priority >= least;
    if (is_due)
        observed->finalizers = first->next;
    crewi_observe_unlock();
    if (is_due) {
        *taken = *first;
        free(first);
    }
    return is_due;
}

void crewi_finalizers_run(int least)
{
    struct crewi_finalizer finalizer;
    while (take_first(crewi_client_current(), least, &finalizer)) {
        crewi_error_clear();
        crewi_log_notice(CREWI_LOG_DEBUG, "running a finalizer of priority %d", finalizer.priority);
        crew_status status = finalizer.function(finalizer.arg);
        crewi_client_end_copy(status != CREW_OK);
        if (status)
            crewi_log_notice(CREWI_LOG_ERROR, "a finalizer of priority %d failed: %s (%s)",
                             finalizer.priority, crew_status_name(status),
                             *crew_error_message() ? crew_error_message()
                                                   : crew_status_message(status));
    }
}
