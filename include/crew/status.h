/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Status codes and the reason behind them.
 *
 * Every function of crew that can fail returns a ::crew_status: 0 (::CREW_OK) or a negative code.
 * Outputs are set only on success, and a call that failed has no side effect. The code says what
 * kind of thing went wrong; the sentence that says which object, on which rank, and what was
 * expected instead is kept for the calling thread and read with crew_error_message():
 *
 * @code
 * if (crew_process_join(process, CREW_FOREVER))
 *     fprintf(stderr, "%s\n", crew_error_message());
 * @endcode
 *
 * The sentence belongs to the last call of this thread that failed; calls that succeed leave it
 * alone, as they do with errno.
 */
#ifndef CREW_STATUS_H
#define CREW_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what the shared library exports. */
#define CREW_API __attribute__((visibility("default")))

/** One line for each status: X(name, value, what it means in words). */
#define CREW_STATUS_TABLE(X)                                             \
    X(OK, 0, "success")                                                  \
    X(EINVAL, -1, "an argument is not valid")                            \
    X(ESTATE, -2, "not possible in the state that the object is in")     \
    X(ETIMEDOUT, -3, "the time limit was reached")                       \
    X(EFULL, -4, "full")                                                 \
    X(EEMPTY, -5, "empty")                                               \
    X(ECLOSED, -6, "closed")                                             \
    X(EOF, -7, "the other side was closed and everything was read")      \
    X(EPIPE, -8, "nobody is left who could receive this")                \
    X(ETOOSMALL, -9, "the buffer is too small")                          \
    X(ETRUNC, -10, "the other side ended in the middle of a message")    \
    X(EBROKEN, -11, "broken")                                            \
    X(EOWNERDEAD, -12, "the former owner died while it held this")       \
    X(EWORKERDIED, -13, "the worker died while it ran this task")        \
    X(EHOMELOST, -14, "the rank that kept this object is gone")          \
    X(ECANCELED, -15, "cancelled")                                       \
    X(EAUTH, -16, "authentication failed")                               \
    X(EPERM, -17, "only the owner or the creator may do this")           \
    X(EEXIST, -18, "exists already")                                     \
    X(ENOENT, -19, "there is no such object")                            \
    X(EREMOTE, -20, "the other side does not offer this")                \
    X(ENOMEM, -21, "out of memory")                                      \
    X(ESYSTEM, -22, "a system call failed")                              \
    X(EMPI, -23, "an MPI call failed")                                   \
    X(EBUILD, -24, "the function is not in the program that runs there") \
    X(ENOTSUP, -25, "not supported here")                                \
    X(EPROTO, -26, "a message was not understood")                       \
    X(EDOMAIN, -27, "outside the domain of the function")                \
    X(EFAILED, -28, "the task failed")

/** What a call came to; see ::CREW_STATUS_TABLE for the meaning of each. */
typedef enum crew_status {
#define CREW_STATUS_ENUM(name, value, text) CREW_##name = (value),
    CREW_STATUS_TABLE(CREW_STATUS_ENUM)
#undef CREW_STATUS_ENUM
} crew_status;

/* Every call that may wait takes its limit as the last argument, in seconds. When that is over, it
 * returns ::CREW_ETIMEDOUT (a queue: ::CREW_EFULL or ::CREW_EEMPTY), and no output was touched. */

/** The limit of a call that waits for as long as it takes. */
#define CREW_FOREVER 1e18

/** The limit of a call that does not wait; so is any number below 0. */
#define CREW_NOW 0.0

/**
 * The name of a status, "CREW_ESTATE" for example; "CREW_?" for a number that is none. Never
 * blocks, never NULL, valid for ever.
 */
CREW_API const char *crew_status_name(crew_status status);

/** The meaning of a status in words; "unknown status 77", with the number, for one that is none:
 * then it is valid until the next call of this thread for such a number, and otherwise for ever.
 * Never blocks, never NULL. */
CREW_API const char *crew_status_message(crew_status status);

/**
 * Why the last call of this thread that failed did so: one sentence, with no newline. The empty
 * string when none has failed. The string belongs to crew and is valid until the next call of this
 * thread that fails.
 */
CREW_API const char *crew_error_message(void);

/**
 * Says why, and returns @p status: how a task reports what went wrong.
 *
 * @code
 * return crew_fail(CREW_EDOMAIN, "division by zero at row %d", row);
 * @endcode
 *
 * @param status  what the caller is to return; a status that is not negative is turned into
 * ::CREW_EFAILED
 * @param format  as for printf; the text is cut after 500 bytes
 */
CREW_API crew_status crew_fail(crew_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Calls, and leaves when that fails: says on standard error what failed where and why, and then
 *  - the main process ends with status 1, as by exit(1);
 *  - a child process ends with exit code 1;
 *  - a task of a pool fails with the status of the call, and its worker goes on;
 *  - a ::CREW_START_RANK process ends with exit code 1, and its rank goes on.
 *
 * @code
 * CREW_MUST(crew_pool_create(&pool, NULL));
 * @endcode
 *
 * In a task and in a ::CREW_START_RANK process the functions between are left as by longjmp():
 * what they have allocated stays, destructors of C++ objects in them must have nothing to do, and
 * it is not for functions that crew calls back. Use ::CREW_TRY where that matters.
 */
#define CREW_MUST(call)                                                   \
    do {                                                                  \
        crew_status crew_must_status_ = (call);                           \
        if (crew_must_status_)                                            \
            crew_must_fail(crew_must_status_, #call, __FILE__, __LINE__); \
    } while (0)

/** In a function that returns a ::crew_status: calls, and returns what that returns if it fails. */
#define CREW_TRY(call)                         \
    do {                                       \
        crew_status crew_try_status_ = (call); \
        if (crew_try_status_)                  \
            return crew_try_status_;           \
    } while (0)

/** What ::CREW_MUST does when its call has failed. Does not return. */
CREW_API void crew_must_fail(crew_status status, const char *call, const char *file, int line)
    __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
