/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Managers: objects of the program's own in a process that serves them, as Python's
 * multiprocessing.managers.BaseManager.
 *
 * A manager has a *server*, a child process in which objects of registered types live. Whoever has
 * a *proxy* of an object, on whatever rank, calls its methods; they run in the server, so that one
 * that crashes ends the server and nobody else. (What Python's SyncManager adds, lists, dicts,
 * locks, queues and so on, needs no server here: see <crew/list.h> and its relatives.)
 *
 * A type is a name, functions that create and destroy an object, and its methods. Arguments and
 * results are values of <crew/any.h>. What a method returns, its caller gets: the status with its
 * reason, in front of which the method is named.
 *
 * Methods of one object run one at a time, unless the type is crew_manager_type::concurrent; those
 * of different objects run at a time. A process has as many connections to the
 * server as its threads call at a time, each with a thread there that serves it; they end with the
 * process.
 *
 * Managers and proxies are plain values, and passed on as a connection of a pipe is
 * (<crew/pipe.h>), also in a value made with CREW_HANDLE(). An object lives until every process
 * that has a proxy of it has closed it or has ended, and until the server ends. A handle in an
 * argument or a result is the receiver's to close; so a server that is given a proxy of an object
 * of its own keeps that one until it closes it. Where nobody receives it, because there is no such
 * method or the caller does not want the result, crew gives it back.
 *
 * The server ends when the process that started it calls crew_manager_shutdown() or ends (a
 * finalizer of priority 0, see <crew/finalize.h>). It is a daemon and may have no children. It
 * ignores SIGINT, so that Ctrl-C does not take the objects from those who clean up. When it is
 * gone, calls are ::CREW_EBROKEN.
 *
 * @code
 * static crew_status counter_create(void **object, const crew_any *args, size_t count) { ... }
 * static crew_status counter_add(void *object, const crew_any *args, size_t count,
 *                                crew_any *result)
 * {
 *     int64_t *counter = object, number;
 *     if (count != 1 || crew_any_to_int(args[0], &number))
 *         return crew_fail(CREW_EINVAL, "one int is expected");
 *     *counter += number;
 *     *result = crew_int(*counter);
 *     return CREW_OK;
 * }
 * static const crew_manager_type counter = {
 *     "Counter", counter_create, free, (crew_method[]){{"add", counter_add}, {NULL, NULL}}, false};
 *
 * crew_manager_create(&manager, NULL);
 * crew_manager_register(manager, &counter, NULL);
 * crew_manager_start(manager);
 * crew_proxy_create(&proxy, manager, "Counter", NULL, 0, CREW_FOREVER);
 * crew_proxy_call(proxy, "add", CREW_ARGS(crew_int(5)), &result, CREW_FOREVER);
 * @endcode
 *
 * All calls may be made from the main process, from any process, from a task, and from methods, and
 * may also return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED when the caller has closed the
 * proxy, ::CREW_ENOENT for a handle that never was one, ::CREW_EINVAL for one of another kind, and
 * ::CREW_ENOMEM.
 */
#ifndef CREW_MANAGER_H
#define CREW_MANAGER_H

#include <crew/any.h>
#include <crew/process.h>
#include <crew/shared_memory.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A manager. 0 is none. */
typedef struct crew_manager {
    uint64_t id;
} crew_manager;

/** An object of a manager, as seen from any process. All zero is none. */
typedef struct crew_proxy {
    uint64_t id;
    uint64_t manager;
} crew_proxy;

/** Makes an object; runs in the server. @p args belong to crew. What is not ::CREW_OK goes to the
 * caller of crew_proxy_create(), and nothing was made. */
typedef crew_status crew_object_function(void **object, const crew_any *args, size_t count);

/** A method; runs in the server. @p args belong to crew; @p result is nil, to be set, and crew
 * clears it when it is on its way. */
typedef crew_status crew_method_function(void *object, const crew_any *args, size_t count,
                                         crew_any *result);

/** A method of a type. */
typedef struct crew_method {
    const char *name; /**< shorter than ::CREW_NAME_SIZE; NULL ends a list of methods */
    crew_method_function *function;
} crew_method;

/** A type of objects. */
typedef struct crew_manager_type {
    const char *name; /**< shorter than ::CREW_NAME_SIZE */
    crew_object_function *create;
    void (*destroy)(void *object); /**< when nobody has a proxy any more; may be NULL */
    const crew_method *methods;    /**< ended by one without a name */
    bool concurrent; /**< its methods may run for one object at a time: they lock by themselves */
} crew_manager_type;

/** Settings of a manager; all zero are the defaults. */
typedef struct crew_manager_attr {
    const char *name; /**< of the server process; NULL: "Manager-n", the n-th of the program */
    crew_placement placement; /**< of the server; by default on the caller's rank */
} crew_manager_attr;

/** Arguments of a call: CREW_ARGS(crew_int(1), crew_string("x")). (Not in C++.) */
#define CREW_ARGS(...) \
    ((crew_any[]){__VA_ARGS__}), (sizeof((crew_any[]){__VA_ARGS__}) / sizeof(crew_any))

/**
 * Makes a manager whose server is not started yet. Does not block. Python: the constructor of a
 * BaseManager.
 *
 * @param manager  set to the new handle; what it holds is given back by crew_manager_shutdown(), or
 * with the end of the caller
 * @return ::CREW_EINVAL manager NULL, a name or a placement as crew_process_create() refuses it
 */
CREW_API crew_status crew_manager_create(crew_manager *manager, const crew_manager_attr *attr);

/**
 * Registers a type, before the start. What it points to is copied. Does not block. Python:
 * BaseManager.register(typeid, callable, exposed).
 *
 * @param type     its functions are of the program or a library, as with crew_process_create()
 * @param exposed  the names of the methods that proxies may call, ended by NULL; NULL in place of
 * the list for all whose names do not begin with "_", as in Python
 * @return ::CREW_EINVAL type, its name, create or methods NULL, a name that is empty or too long, a
 * method without a function, an exposed name that no method has; ::CREW_EEXIST there is a type or a
 * method of that name already; ::CREW_ESTATE it was started or shut down; ::CREW_EPERM the caller
 * did not create it; ::CREW_EBUILD a function is in no program or library
 */
CREW_API crew_status crew_manager_register(crew_manager manager, const crew_manager_type *type,
                                           const char *const *exposed);

/**
 * Starts the server, and returns when it serves. Python: BaseManager.start.
 * @return ::CREW_ESTATE it was started before, or shut down, or the caller is a daemon;
 * ::CREW_EPERM the caller did not create it; ::CREW_EBUILD the server does not find a function;
 * ::CREW_EBROKEN it has ended at once; ::CREW_ESYSTEM it could not be forked
 */
CREW_API crew_status crew_manager_start(crew_manager manager);

/**
 * Whether the server serves: for a process that came by the handle. Blocks until it answers.
 * Python: BaseManager.connect.
 * @return ::CREW_EBROKEN it has ended, or was shut down; ::CREW_ESTATE the caller has created it,
 * and has not started it; ::CREW_ETIMEDOUT
 */
CREW_API crew_status crew_manager_connect(crew_manager manager, double timeout_s);

/**
 * Ends the server: asks it to end, after a second sends SIGTERM, after another one SIGKILL, and
 * returns when it has ended. Objects that no method runs in are destroyed first, when it ends as
 * asked. One that was not started cannot be after that. Shutting down again does no harm. Python:
 * BaseManager.shutdown.
 * @return ::CREW_EPERM the caller did not create it
 */
CREW_API crew_status crew_manager_shutdown(crew_manager manager);

/** The server process, for its pid and exit code; also after shutdown. ::CREW_ESTATE it was not
 * started; ::CREW_EPERM the caller did not create it; ::CREW_EINVAL server is NULL. */
CREW_API crew_status crew_manager_process(crew_manager manager, crew_process *server);

/**
 * Makes an object in the server. Blocks until it is made. Python: manager.Type(*args).
 *
 * @param proxy      set to the new object's; the caller's to close
 * @param args       @p count of them; NULL when there are none
 * @param timeout_s  ::CREW_FOREVER waits. When it is over the object may be made yet, and is gone
 * then.
 * @return what the type's create returned; ::CREW_EREMOTE there is no such type; ::CREW_EBROKEN the
 * server has ended, or was shut down; ::CREW_ESTATE it was not started yet; ::CREW_ETIMEDOUT;
 * ::CREW_EINVAL proxy or type NULL, args NULL with a count, a value that is none
 */
CREW_API crew_status crew_proxy_create(crew_proxy *proxy, crew_manager manager, const char *type,
                                       const crew_any *args, size_t count, double timeout_s);

/**
 * Calls a method. Blocks until it has returned. Python: proxy.method(*args).
 *
 * @param result     set to an owned value, to be freed with crew_any_clear(); NULL when it is not
 * wanted
 * @param timeout_s  ::CREW_FOREVER waits. When it is over the method goes on, and what it returns
 * is lost.
 * @return what the method returned; ::CREW_EREMOTE there is no such method, or it is not exposed;
 * ::CREW_EBROKEN the server has ended, maybe in this call, or was shut down; ::CREW_ETIMEDOUT;
 * ::CREW_EINVAL method NULL, args NULL with a count, a value that is none
 */
CREW_API crew_status crew_proxy_call(crew_proxy proxy, const char *method, const crew_any *args,
                                     size_t count, crew_any *result, double timeout_s);

/**
 * Makes a block of shared memory on the host of the server and attaches it; the server unlinks all
 * such blocks when it is shut down. Whoever has one attached goes on using it until it is closed.
 * It may be unlinked before. (Of a server that is killed, blocks stay until the job ends.) Python:
 * SharedMemoryManager.SharedMemory(size).
 *
 * @param block  set to it; the caller's to close with crew_shared_memory_close(). Others attach it
 * by its name.
 * @param size   bytes
 * @return ::CREW_ENOTSUP the caller is on another host; ::CREW_EBROKEN the server has ended, or was
 * shut down; ::CREW_ESTATE it was not started yet; ::CREW_EINVAL block NULL, a size of 0 or less;
 * otherwise as crew_shared_memory_create()
 */
CREW_API crew_status crew_manager_shared_memory(crew_manager manager, crew_shared_memory *block,
                                                int64_t size);

/** Closes the caller's proxy, for all its threads. Closing it again does no harm. Python: del
 * proxy. */
CREW_API crew_status crew_proxy_close(crew_proxy proxy);

#ifdef __cplusplus
}
#endif

#endif
