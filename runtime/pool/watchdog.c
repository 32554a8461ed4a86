/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/watchdog.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* How late a deadline may be noticed that was set while the thread slept for a later one. */
#define LONGEST_SLEEP_NS (20 * CREWI_MILLISECOND)

static struct {
    bool started;
    uint32_t *mark;
    _Atomic int64_t deadline_ns; /* 0: none */
    _Atomic bool asleep;         /* until there is one */
    sem_t wake;
} dog;

/* Sleeps until a deadline is set. Who sets one after we have said that we sleep wakes us. */
static void sleep_until_set(void)
{
    atomic_store(&dog.asleep, true);
    if (atomic_load(&dog.deadline_ns) && atomic_exchange(&dog.asleep, false))
        return;
    while (sem_wait(&dog.wake))
        ;
}

static void *watch(void *context)
{
    (void)context;
    for (;;) {
        int64_t deadline_ns = atomic_load(&dog.deadline_ns);
        int64_t left_ns = deadline_ns - crewi_now_ns();
        if (!deadline_ns) {
            sleep_until_set();
        } else if (left_ns > 0) {
            struct timespec pause =
                crewi_timespec(left_ns < LONGEST_SLEEP_NS ? left_ns : LONGEST_SLEEP_NS);
            nanosleep(&pause, NULL);
        } else if (atomic_load(&dog.deadline_ns) == deadline_ns) {
            *dog.mark = 1;
            kill(getpid(), SIGKILL);
        }
    }
    return NULL;
}

crew_status crewi_watchdog_start(uint32_t *mark)
{
    pthread_t thread;
    if (dog.started)
        return CREW_OK;
    dog.mark = mark;
    sem_init(&dog.wake, 0, 0);
    int code = crewi_thread_create_unsignalled(&thread, watch, NULL);
    if (code)
        return crewi_error(CREW_ESYSTEM, "pthread_create for time limits: %s", strerror(code));
    pthread_detach(thread);
    dog.started = true;
    return CREW_OK;
}

void crewi_watchdog_set(int64_t deadline_ns)
{
    atomic_store(&dog.deadline_ns, deadline_ns);
    if (deadline_ns && atomic_exchange(&dog.asleep, false))
        sem_post(&dog.wake);
}
