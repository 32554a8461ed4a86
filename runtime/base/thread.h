/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Threads of the runtime's own in a process of the program.
 */
#ifndef CREWI_BASE_THREAD_H
#define CREWI_BASE_THREAD_H

#include <pthread.h>

/** pthread_create() of one that gets no signals: these are for the program's threads. Returns what
 * that does. */
int crewi_thread_create_unsignalled(pthread_t *thread, void *(*body)(void *), void *arg);

#endif
