/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * POSIX's own locks in memory that processes share, acquired and released while nobody else wants
 * them. (What a hand-over takes is in channel_floor.c.)
 *
 *   semaphore  a sem_t
 *   mutex      a pthread_mutex_t that, as crew's locks, tells of a holder that has died
 */
#include "measure.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct locks {
    sem_t semaphore;
    pthread_mutex_t mutex;
};

static bool use_semaphore(void *context, long count, double *seconds)
{
    struct locks *locks = context;
    bool done = true;
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++)
        done = sem_wait(&locks->semaphore) == 0 && sem_post(&locks->semaphore) == 0;
    *seconds = bench_clock() - begin;
    return done;
}

static bool use_mutex(void *context, long count, double *seconds)
{
    struct locks *locks = context;
    bool done = true;
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++)
        done = pthread_mutex_lock(&locks->mutex) == 0 && pthread_mutex_unlock(&locks->mutex) == 0;
    *seconds = bench_clock() - begin;
    return done;
}

static struct locks *make(void)
{
    pthread_mutexattr_t attr;
    struct locks *locks =
        mmap(NULL, sizeof *locks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (locks == MAP_FAILED || sem_init(&locks->semaphore, 1, 1) || pthread_mutexattr_init(&attr))
        return NULL;
    const bool made = !pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) &&
                      !pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) &&
                      !pthread_mutex_init(&locks->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return made ? locks : NULL;
}

static bool run(const struct bench_settings *settings, struct locks *locks, const char *word)
{
    struct bench_case which;
    struct bench_result result;
    bench_block *block = NULL;
    if (bench_case_read(&which, word) && strcmp(which.mode, "semaphore") == 0)
        block = use_semaphore;
    else if (strcmp(which.mode, "mutex") == 0)
        block = use_mutex;
    if (!block || !bench_measure(settings, block, locks, &result))
        return false;
    bench_print("posix", "one", &which, &result);
    return true;
}

int main(int argc, char **argv)
{
    struct bench_settings settings;
    int first = 0;
    struct locks *locks = make();
    bool right = locks && bench_settings_read(&settings, argc, argv, &first);
    for (int i = first; i < argc && right; i++)
        right = run(&settings, locks, argv[i]);
    if (!right)
        fprintf(stderr, "usage: bench_shared_posix [--seconds S (0.05)] [--count N] "
                        "semaphore|mutex...\n");
    return right ? 0 : 2;
}
