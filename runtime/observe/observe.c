/* SPDX-License-Identifier: BSD-3-Clause */
#include "observe/observe.h"

#include "base/error.h"
#include "observe/finalizer.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void crewi_observe_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void crewi_observe_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

crew_status crewi_observed_get(struct crewi_client *client, struct crewi_observed **observed)
{
    if (!client->observed)
        client->observed = calloc(1, sizeof *client->observed);
    if (!client->observed)
        return crewi_error_memory();
    *observed = client->observed;
    return CREW_OK;
}

void crewi_observe_forget(struct crewi_client *client)
{
    crewi_observe_lock();
    struct crewi_observed *observed = client->observed;
    client->observed = NULL;
    crewi_observe_unlock();
    if (observed)
        crewi_finalizers_free(observed->finalizers);
    free(observed);
}
