/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Processes: named runs of a function, as Python's multiprocessing.Process.
 *
 * A process runs a function of the program on one of the ranks, by default as an operating-system
 * process of its own beside that rank (::CREW_START_FORKSERVER), so that it can be ended by force,
 * can crash without harm to anyone else, and has a real exit code. With ::CREW_START_RANK it is a
 * thread inside the rank: nothing to start, but no force either.
 *
 * A handle is a plain value and may be copied into an argument struct or sent elsewhere. The
 * process that created a process is its parent: only it may start, join, and end it; anybody may
 * ask what it is (crew_process_describe()), and wait for its end if given its sentinel. A process
 * that is gone leaves its exit code until it is closed with crew_process_close() or its parent
 * ends.
 *
 * Names follow Python: the n-th process that the main process creates is `Process-n`, those that
 * `Process-3` creates are `Process-3:1`, `Process-3:2`. A name given by hand uses up a number, too.
 * `ps` and `top` show it.
 *
 * What a child prints comes out by lines, which do not mix with those of others up to 4 KiB each,
 * and is there when join returns, also when the child was killed. An incomplete last line gets a
 * newline. CREW_OUTPUT=prefix puts `[name] ` before each line. Standard input is /dev/null.
 *
 * A child begins with the environment variables and the working directory that its creator has when
 * it starts the child (a worker that a pool replaces: with those of the creator's last start), as
 * in Python, if it runs on the same host; on another one with those that its rank was started with.
 * A directory that was removed meanwhile is not passed on; one that cannot be entered any more
 * fails the child. What mpirun sets for its ranks (OMPI_COMM_WORLD_RANK, PMIX_RANK and the like) no
 * child has, so it may start other programs of MPI, mpirun, and programs of crew. A
 * ::CREW_START_RANK process shares all that with its rank.
 *
 * A child has the signal handlers and the mask that the program had set when it called crew_run().
 * Signals that the program was started with as ignored or blocked have their default action and are
 * not blocked, so that a child can be terminated; only SIGHUP, SIGINT and SIGQUIT stay ignored, for
 * nohup and for jobs in the background.
 *
 * What a child may not outlive: its rank, and its parent, when that dies (an orderly end waits for
 * its children): it gets SIGTERM then, and SIGKILL half a second later. Daemons get SIGTERM when
 * their parent ends in order, and SIGKILL two seconds later; a warning names those that it took.
 *
 * @code
 * static int hello(void *arg) { printf("%s\n", (char *)arg); return 0; }
 *
 * crew_process process;
 * crew_process_create(&process, hello, "hello", 6, NULL);
 * crew_process_start(process);
 * crew_process_join(process, CREW_FOREVER);
 * @endcode
 *
 * A process may fork() itself, to execute another program for example. The copy is no process of
 * the job: every call of crew returns ::CREW_ESTATE there and says so, what it writes into a task's
 * result stays its own, and it ends with _exit() where it returns from a function that crew has
 * called (a task, a method, a callback). Its exit code is then that of a process's function, and
 * otherwise 0, or 1 when the function has failed. A copy of the main process, which is the caller
 * of its own function, ends as it likes. (In Python the copy of a worker goes on in the pool's
 * loop, and both read from the same pipe.)
 *
 * All calls below may be made from the main process, from any process, and from a task; none from
 * an atexit callback. Each may also return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED for a
 * handle that was closed, ::CREW_ENOENT for one that never was one (or was closed long ago),
 * ::CREW_EINVAL for a handle of another kind, and ::CREW_ENOMEM.
 */
#ifndef CREW_PROCESS_H
#define CREW_PROCESS_H

#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A process. Compare the ids to see whether two handles mean the same one; 0 is none. */
typedef struct crew_process {
    uint64_t id;
} crew_process;

/** Room for a name, with the NUL. */
#define CREW_NAME_SIZE 64

/** What a process runs. What it returns is its exit code (the low 8 bits). @p arg is its own copy,
 * aligned to 16 bytes. */
typedef int crew_process_function(void *arg);

/** Where a process runs; Python's name for the choice. */
typedef enum crew_start_method {
    CREW_START_DEFAULT = 0,
    CREW_START_FORKSERVER, /**< a child of its own beside the rank */
    CREW_START_RANK        /**< a thread in the rank; one at a time on each rank */
} crew_start_method;

/** Whether a process is ended when its parent ends. */
typedef enum crew_daemon {
    CREW_DAEMON_INHERIT = 0, /**< as the parent */
    CREW_DAEMON_NO,
    CREW_DAEMON_YES /**< terminated at its parent's end; may have no children */
} crew_daemon;

/** How a ::crew_placement says where; the macros below fill it in. */
typedef enum crew_place {
    CREW_PLACE_ANYWHERE = 0, /**< on the rank with the fewest processes */
    CREW_PLACE_RANK,
    CREW_PLACE_HOST, /**< of the ranks on that host, on the one with the fewest processes */
    CREW_PLACE_HERE  /**< on the creator's rank */
} crew_place;

/** Which rank a process goes to; all zero: anywhere. */
typedef struct crew_placement {
    crew_place place;
    int rank;
    const char *host; /**< as crew_rank_host() has it; read by crew_process_create() */
} crew_placement;
#define CREW_ON_RANK(number) ((crew_placement){CREW_PLACE_RANK, (number), NULL})
#define CREW_ON_HOST(name) ((crew_placement){CREW_PLACE_HOST, 0, (name)})
#define CREW_HERE ((crew_placement){CREW_PLACE_HERE, 0, NULL})

/** How a process is to be; all zero, or NULL in place of the struct, for the defaults. */
typedef struct crew_process_attr {
    const char *name; /**< shorter than ::CREW_NAME_SIZE; NULL for Python's default */
    bool unique;      /**< no other process that asked for this may have the name meanwhile */
    crew_daemon daemon;
    crew_start_method start_method;
    crew_placement placement;
    /* Limits, 0 for none. A process that is over one is killed (SIGKILL); the rank that it runs on
     * looks every 20 ms. Its own only: what it starts in turn is not counted. Not for
     * ::CREW_START_RANK. */
    size_t memory_limit; /**< bytes of resident memory; some MB are in use when it begins */
    double cpu_limit_s;  /**< processor time of all its threads, in seconds */
    double wall_limit_s; /**< time since its start, in seconds */
} crew_process_attr;

/** What ended a process. */
typedef enum crew_end_cause {
    CREW_END_NONE = 0,     /**< it has not ended */
    CREW_END_EXIT,         /**< it returned from its function, or called exit() */
    CREW_END_SIGNAL,       /**< a signal, its own or another's; or crew_process_terminate() */
    CREW_END_MEMORY_LIMIT, /**< crew_process_attr::memory_limit */
    CREW_END_CPU_LIMIT,    /**< crew_process_attr::cpu_limit_s */
    CREW_END_WALL_LIMIT    /**< crew_process_attr::wall_limit_s */
} crew_end_cause;

/** What a class of processes begins with: a struct whose first member is this one, and whose other
 * members are the state of the process. Python: a subclass of Process. */
typedef struct crew_process_class {
    int (*run)(void *self); /**< runs on a copy of the whole struct; its result is the exit code */
    size_t size;            /**< of the whole struct, in bytes */
    const char *name;       /**< of the class: its processes are name-1, name-2 by default; NULL:
                                 Process. Read by crew_process_create_class(); NULL in the process */
} crew_process_class;

/** Where a process is in its life; Python's words for it. */
typedef enum crew_process_state {
    CREW_PROCESS_INITIAL, /**< not started */
    CREW_PROCESS_STARTED, /**< alive */
    CREW_PROCESS_STOPPED  /**< ended */
} crew_process_state;

/** All that is known of a process; see crew_process_describe(). */
typedef struct crew_process_info {
    crew_process process;
    crew_process parent; /**< id 0 for the main process */
    crew_process_state state;
    int rank;             /**< -1: not chosen yet; crew_rank_host() has the name of its host */
    pid_t pid;            /**< 0: not started */
    int exitcode;         /**< when it is stopped; 0 before */
    crew_end_cause cause; /**< what ended it; ::CREW_END_NONE before */
    bool daemon;
    char name[CREW_NAME_SIZE];
    char parent_name[CREW_NAME_SIZE]; /**< "" for the main process */
} crew_process_info;

/**
 * Makes a process that is not started yet. Does not block. Python: Process(target, args, name=,
 * daemon=).
 *
 * @param process   set to the new handle; closed with crew_process_close(), or with the end of the
 * creator
 * @param function  a function of the program, of a library linked to it, or of one that the caller
 * has loaded with dlopen(); the process loads the last from the same path, where its rank has to
 * find a file of the same build
 * @param arg       @p size bytes that are copied for the process: numbers, strings in arrays,
 * handles, no pointers
 * @param size      in bytes, up to 1 GiB; 0 with NULL gives the function a NULL
 * @param attr      NULL for the defaults
 * @return ::CREW_EINVAL function or process NULL, arg NULL with a size, a name that is empty or too
 * long, a rank or a host that there is not, unique without a name, a limit below 0; ::CREW_EBUILD
 * the function is in no program or library, or in one without a build id, or whose file is gone or
 * has a path of more than 991 characters; ::CREW_EEXIST a unique name is taken; ::CREW_ENOTSUP
 * limits for a ::CREW_START_RANK process
 */
CREW_API crew_status crew_process_create(crew_process *process, crew_process_function *function,
                                         const void *arg, size_t size,
                                         const crew_process_attr *attr);

/**
 * Makes a process from an object of a class. Does not block. Python: the constructor of a subclass
 * of Process.
 *
 * @code
 * struct counter { crew_process_class base; int from, to; };
 * static int counter_run(void *self) { struct counter *counter = self; ... }
 *
 * struct counter counter = {{counter_run, sizeof counter}, 1, 10};
 * crew_process_create_class(&process, &counter.base, NULL);
 * @endcode
 *
 * @param object  the base of an object of object->size bytes, which are copied for the process. In
 * the copy, run is right; other pointers in it are not.
 * @return as crew_process_create(); a run that is NULL is found by crew_process_start():
 * ::CREW_EINVAL. (In Python a subclass without run inherits one that does nothing.)
 */
CREW_API crew_status crew_process_create_class(crew_process *process,
                                               const crew_process_class *object,
                                               const crew_process_attr *attr);

/**
 * Starts it, and returns when it has a process id. Python: Process.start.
 *
 * @return ::CREW_ESTATE it was started before, or the caller is a daemon (which may have no
 * children), or its rank already runs a ::CREW_START_RANK process; ::CREW_EPERM the caller did not
 * create it; ::CREW_EBUILD the rank finds no library of that build at the path, the reason names
 * the file, the host and the build ids; ::CREW_ESYSTEM it could not be forked
 */
CREW_API crew_status crew_process_start(crew_process process);

/**
 * Waits until it has ended. May be repeated. Python: Process.join, which returns nothing, whether
 * the process has ended or the time is over.
 *
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT it has not ended in time; ::CREW_ESTATE it was not started;
 * ::CREW_EPERM the caller did not create it, or is that process itself
 */
CREW_API crew_status crew_process_join(crew_process process, double timeout_s);

/** How a process ended; see crew_process_wait(). */
typedef struct crew_process_end {
    int exitcode; /**< as crew_process_exitcode() */
    crew_end_cause cause;
} crew_process_end;

/**
 * Joins a process, and says how it ended. POSIX: waitpid.
 *
 * @param end  set to how it ended
 * @return as crew_process_join(); ::CREW_EINVAL end is NULL
 */
CREW_API crew_status crew_process_wait(crew_process process, crew_process_end *end,
                                       double timeout_s);

/**
 * Asks it to end with SIGTERM, and does not wait until it has. One that has ended is left alone. A
 * ::CREW_START_RANK process is ended at its next call into crew. Python: Process.terminate.
 *
 * @return ::CREW_ESTATE it was not started; ::CREW_EPERM the caller did not create it
 */
CREW_API crew_status crew_process_terminate(crew_process process);

/** The same with SIGINT; for a ::CREW_START_RANK process there is no difference. Python:
 * Process.interrupt. */
CREW_API crew_status crew_process_interrupt(crew_process process);

/** The same with SIGKILL; ::CREW_ENOTSUP for a ::CREW_START_RANK process, which cannot be ended by
 * force. Python: Process.kill. */
CREW_API crew_status crew_process_kill(crew_process process);

/**
 * Whether it was started and has not ended. Python: Process.is_alive.
 * @return ::CREW_EPERM the caller neither created it, nor is it, nor was created by it
 */
CREW_API crew_status crew_process_is_alive(crew_process process, bool *alive);

/**
 * Its exit code: what its function returned or gave to exit(), 0 to 255, or -s when signal s ended
 * it. Does not wait. Python: Process.exitcode.
 * @return ::CREW_ESTATE it has not ended (Python's None)
 */
CREW_API crew_status crew_process_exitcode(crew_process process, int *exitcode);

/**
 * What ended it; ::CREW_END_NONE before that. Does not wait. The exit code of a process that was
 * over a limit is -9, as if it had been killed by somebody. Python has no counterpart.
 * @return ::CREW_EINVAL @p cause is NULL
 */
CREW_API crew_status crew_process_end_cause(crew_process process, crew_end_cause *cause);

/** Its process id on its host. ::CREW_ESTATE before the start. Python: Process.pid. */
CREW_API crew_status crew_process_pid(crew_process process, pid_t *pid);

/** The rank it runs on. ::CREW_ESTATE before the start when the rank was not chosen. */
CREW_API crew_status crew_process_rank(crew_process process, int *rank);

/** The name of the host it runs on, as crew_rank_host(); ::CREW_ETOOSMALL when @p size bytes do not
 * hold it with its NUL. */
CREW_API crew_status crew_process_host(crew_process process, char *host, size_t size);

/** Its name; ::CREW_NAME_SIZE bytes always hold it, ::CREW_ETOOSMALL otherwise. Python:
 * Process.name. */
CREW_API crew_status crew_process_name(crew_process process, char *name, size_t size);

/** Whether it is a daemon. Python: Process.daemon. */
CREW_API crew_status crew_process_daemon(crew_process process, bool *daemon);

/** Makes it one, or not. Python: the setter of Process.daemon.
 * @return ::CREW_ESTATE it was started; ::CREW_EPERM the caller did not create it */
CREW_API crew_status crew_process_set_daemon(crew_process process, bool daemon);

/** All of the above in one, of any process that was not closed, whoever asks. Its host is
 * crew_rank_host(info->rank). */
CREW_API crew_status crew_process_describe(crew_process process, crew_process_info *info);

/**
 * The process with that name which is running, wherever it is; of several, the unique one,
 * otherwise any. Asks all ranks: blocks for a message there and back.
 * @return ::CREW_ENOENT none has it; ::CREW_EINVAL the name is empty or too long
 */
CREW_API crew_status crew_process_find(const char *name, crew_process *process);

/**
 * Gives it back: one that was never started is gone, and of one that has ended only the name is
 * kept for a while. Closing it again does no harm. Python: Process.close.
 * @return ::CREW_ESTATE it is running; ::CREW_EPERM the caller did not create it
 */
CREW_API crew_status crew_process_close(crew_process process);

/** The calling process; in the main process its own handle, with the name `MainProcess`. Id 0
 * outside crew_run(). Never blocks. */
CREW_API crew_process crew_current_process(void);

/** Its name, which stays where it is as long as the process lives; "" outside crew_run(). Never
 * blocks. Python: current_process().name. */
CREW_API const char *crew_current_name(void);

/**
 * The process that created the calling one. That one may be joined and asked whether it is alive,
 * not started or ended. Never blocks. Python: multiprocessing.parent_process.
 * @return ::CREW_ENOENT the caller is the main process
 */
CREW_API crew_status crew_parent_process(crew_process *parent);

/**
 * The processes that the caller created, that were started and have not ended. Python:
 * multiprocessing.active_children.
 *
 * @param children  room for @p room handles; NULL when @p room is 0
 * @param count     set to how many there are, which may be more than @p room
 */
CREW_API crew_status crew_active_children(crew_process *children, size_t room, size_t *count);

/**
 * Chooses the start method of the processes and pools that the caller will make with
 * ::CREW_START_DEFAULT, and that its children will. Once only, and not after the first of them was
 * made, unless @p force says so. Does not block. Python: multiprocessing.set_start_method.
 * @param method  "forkserver" or "rank"
 * @return ::CREW_EINVAL there is no such method; ::CREW_ESTATE it was chosen before
 */
CREW_API crew_status crew_set_start_method(const char *method, bool force);

/** The name of the start method of the caller, which is fixed from now on; NULL outside crew_run().
 * Python: multiprocessing.get_start_method. */
CREW_API const char *crew_get_start_method(void);

/** The names of all start methods, the default first, with NULL behind the last. Python:
 * multiprocessing.get_all_start_methods. */
CREW_API const char *const *crew_all_start_methods(void);

#ifdef __cplusplus
}
#endif

#endif
