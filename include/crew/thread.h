/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Threads that their process waits for, as Python's threading.Thread with daemon=False.
 *
 * A process ends when its function returns, and takes its threads with it, whatever they are doing.
 * Threads made with crew_thread_create() are waited for: a child's end, and the main process's,
 * come when their functions have returned (or called pthread_exit()). A thread made with
 * pthread_create() is what Python calls a daemon: it goes along with its process. One of the main
 * process that is in a call of crew at the end of that, or makes one then, does not return from it,
 * also when main() goes on after crew_run(); calls that begin after crew_run() has returned are
 * ::CREW_ESTATE.
 *
 * When the function of the process returns, its threads are waited for first, and the atexit
 * callbacks run then. With exit() the callbacks come first, and _exit() and signals wait for
 * nothing.
 *
 * They are POSIX threads in every other way: to be joined once with pthread_join(), detached once
 * with pthread_detach(), or left alone; the wait is for the function, and does not join. All calls
 * of crew may be made from them, in the name of their process.
 *
 * @code
 * pthread_t thread;
 * crew_thread_create(&thread, NULL, write_report, &report);
 * return 0; // the report is written before the process ends
 * @endcode
 */
#ifndef CREW_THREAD_H
#define CREW_THREAD_H

#include <crew/status.h>
#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Starts a thread that the calling process waits for at its end. Does not block. From the main
 * process, a child, a task, and a thread that was made this way. POSIX: pthread_create. Python:
 * threading.Thread(target, args).start().
 *
 * @param thread     set to the new thread
 * @param attribute  as for pthread_create(); NULL for the defaults
 * @param function   what it runs
 * @param arg        handed to it; stays the caller's
 * @return ::CREW_EINVAL thread or function NULL, or an attribute that is not valid; ::CREW_ESTATE
 * outside crew_run(); ::CREW_ENOTSUP in a ::CREW_START_RANK process, which is one thread of its
 * rank; ::CREW_ESYSTEM no thread could be made; ::CREW_ENOMEM
 */
CREW_API crew_status crew_thread_create(pthread_t *thread, const pthread_attr_t *attribute,
                                        void *(*function)(void *), void *arg);

#ifdef __cplusplus
}
#endif

#endif
