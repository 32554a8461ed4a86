/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Finalizers: what is to be done at the end of a process, as Python's multiprocessing.util.Finalize
 * with an exitpriority.
 *
 * Each process has finalizers of its own, also a ::CREW_START_RANK one; they are not inherited. At
 * the orderly end of the process, when its function has returned or exit() was called, they run by
 * falling priority, and of one priority the one that was registered last is the first. They do not
 * run in a process that is ended by a signal, by _exit(), or at a call into crew as a terminated
 * ::CREW_START_RANK process is.
 *
 * The order of the end is that of Python:
 *
 * 1. the threads of <crew/thread.h> are waited for, and a child runs its atexit callbacks;
 * 2. pools that were closed, or shut down without waiting, finish their work;
 * 3. finalizers with a priority of 0 and more;
 * 4. daemons and pools that are still open are terminated, and all children are waited for;
 * 5. the other finalizers.
 *
 * So what serves one's children ends in step 5, and what ends children in another way than SIGTERM
 * does in step 3. Finalizers may call crew; those of step 5 are to start no process. One that
 * registers another one has it run in its turn, or right behind if that is over. One that fails is
 * logged, and the others run.
 *
 * @code
 * static crew_status remove_file(void *path) { ... }
 *
 * crew_at_exit(NULL, remove_file, path, 10);
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task, by any thread;
 * none from an atexit callback. Each that returns a status may also return ::CREW_ESTATE outside
 * crew_run().
 */
#ifndef CREW_FINALIZE_H
#define CREW_FINALIZE_H

#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A finalizer of the process that registered it; it means nothing to others. 0 is none. */
typedef struct crew_finalizer {
    uint64_t id;
} crew_finalizer;

/** What a finalizer does. It is to return, and not to call exit(). */
typedef crew_status crew_finalizer_function(void *arg);

/**
 * Registers a function for the end of the calling process. Does not block. Python: Finalize(None,
 * function, args, exitpriority=priority).
 *
 * @param finalizer  set to what crew_finalizer_run() and crew_finalizer_cancel() take; may be NULL
 * @param arg        handed to it; stays the caller's
 * @param priority   any number; those below 0 run after all children have ended
 * @return ::CREW_EINVAL function NULL; ::CREW_ENOMEM
 */
CREW_API crew_status crew_at_exit(crew_finalizer *finalizer, crew_finalizer_function *function,
                                  void *arg, int priority);

/**
 * Runs it now, and not at the end. Blocks as long as it takes. Python: calling the Finalize object.
 * @return what the function returns; ::CREW_ENOENT it has begun to run, was cancelled, or is none
 * of this process
 */
CREW_API crew_status crew_finalizer_run(crew_finalizer finalizer);

/** Forgets it. Does not block. ::CREW_ENOENT it has begun to run, was cancelled, or is none of this
 * process. Python: Finalize.cancel. */
CREW_API crew_status crew_finalizer_cancel(crew_finalizer finalizer);

/** Whether it is still to run. Never blocks. Python: Finalize.still_active. */
CREW_API bool crew_finalizer_is_active(crew_finalizer finalizer);

#ifdef __cplusplus
}
#endif

#endif
