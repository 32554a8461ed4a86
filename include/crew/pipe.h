/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pipes: two connections, and messages between them, as Python's multiprocessing.Pipe.
 *
 * What is sent at one end of a pipe is received at the other, message by message, in order, and
 * with the boundaries kept. A one-way pipe has one end to receive and one to send; a duplex one
 * does both at both.
 *
 * A connection is a plain value and is given to a process in its argument, or sent to it in a
 * message: crew finds the handles in the first 64 KiB of what is passed on, where they are aligned
 * as the compiler aligns them. From then on the receiver has a copy of its own, which it closes
 * with crew_connection_close() or by its end. (A process that comes by a handle in another way, say
 * in an item of a pool's map, may use it while somebody else still holds the same end.) Bytes that
 * were never set may hold the value of a handle by chance, and pass it on: so set all of a struct.
 *
 * An end is gone when all copies of it are. The other end then receives what is under way, and
 * ::CREW_EOF after that; whoever sends to it gets ::CREW_EPIPE, and no signal. So a process that
 * has handed an end over closes its own copy.
 *
 * **What a send waits for.** A message of up to 64 KiB is on its way when crew_send() returns, and
 * is received even if the sender has ended; when ::crew_pipe_attr::capacity bytes are under way,
 * sends wait. A larger one is a rendezvous: crew_send() returns when somebody has received it, and
 * the bytes go straight from the sender's memory into the receiver's where both are on one host. If
 * the sender ends before that, the receiver is told so with ::CREW_ETRUNC, once; the buffer may
 * have been written to by then. Two processes that begin by sending each other more than 64 KiB, or
 * one that sends it to itself, wait for ever, as with any rendezvous.
 *
 * The capacity is that of a sending rank: where one of its processes waits for room, the others
 * that send to the same end wait behind it.
 *
 * Several processes, and several threads, may use copies of one end: each message goes to one of
 * them. Messages of one sender stay in order. To receive an end that the process has already adds
 * nothing: a process has one copy, and one close ends it. A process that was given both ends of a
 * pipe holds both, and sees no ::CREW_EOF before it has closed the one to send to. A duplex end
 * closes both ways at once.
 *
 * @code
 * crew_connection in, out;
 * crew_pipe_create(&in, &out, NULL);
 * struct job job = {out, 10};
 * crew_process_create(&producer, create_items, &job, sizeof job, NULL);
 * crew_process_start(producer);
 * crew_connection_close(out);
 *
 * int value;
 * while (crew_recv(in, &value, sizeof value, NULL, CREW_FOREVER) == CREW_OK)
 *     printf("%d\n", value);
 * @endcode
 *
 * In MPI's terms a send is an MPI_Isend from the sender's rank to the receiver's, whoever made the
 * pipe. All calls may be made from the main process, from any process, and from a task, and may
 * also return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED for an end that the caller has
 * closed, or that is gone with all its copies, ::CREW_ENOENT for one that never was, ::CREW_EINVAL
 * for a handle of another kind, and ::CREW_ENOMEM.
 */
#ifndef CREW_PIPE_H
#define CREW_PIPE_H

#include <crew/status.h>
#include <crew/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One end of a pipe. 0 is none. */
typedef struct crew_connection {
    uint64_t id;
} crew_connection;

/** Settings of a pipe; all zero are the defaults. */
typedef struct crew_pipe_attr {
    bool duplex;     /**< both ends send and receive; Python's default, not ours */
    size_t capacity; /**< bytes from one rank that may be under way each way, 64 for each message
                          included; 0: 1 MiB, at most 1 GiB */
} crew_pipe_attr;

/**
 * Makes a pipe. Does not block. Python: Pipe(duplex).
 *
 * @param in   set to the end to receive from; in a duplex pipe to one of two equal ends
 * @param out  set to the end to send to; in a duplex pipe to the other one
 * @param attr NULL for the defaults: one way
 * @return ::CREW_EINVAL in or out NULL, a capacity that is too large
 */
CREW_API crew_status crew_pipe_create(crew_connection *in, crew_connection *out,
                                      const crew_pipe_attr *attr);

/**
 * Sends a message of @p size bytes, from 0 up to what memory holds. Blocks while there is no room,
 * and for more than 64 KiB until it was received. Python: Connection.send_bytes. MPI: MPI_Isend,
 * eager for small ones, rendezvous for large ones.
 *
 * @param data       read only; may be NULL with a size of 0
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW; a message that somebody has
 * begun to receive is waited for all the same
 * @return ::CREW_ETIMEDOUT nothing was sent; ::CREW_EPIPE all copies of the other end are gone;
 * ::CREW_ENOTSUP it is the receiving end of a one-way pipe; ::CREW_EINVAL data NULL with a size
 */
CREW_API crew_status crew_send(crew_connection connection, const void *data, size_t size,
                               double timeout_s);

/**
 * Sends @p count bytes of a buffer of @p size, from @p offset on. Python: send_bytes(buffer,
 * offset, size).
 * @return ::CREW_EINVAL offset or count below 0, or past the end; otherwise as crew_send()
 */
CREW_API crew_status crew_send_range(crew_connection connection, const void *buffer, size_t size,
                                     ptrdiff_t offset, ptrdiff_t count, double timeout_s);

/**
 * Receives a message into a buffer of the caller's. Blocks until there is one. Python:
 * Connection.recv_bytes_into. MPI: MPI_Irecv.
 *
 * @param buffer     @p room bytes; may be NULL with a room of 0
 * @param size       set to the size of the message, also with ::CREW_ETOOSMALL; may be NULL
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETIMEDOUT there was no message in time; ::CREW_EOF all copies of the other end are
 * gone, and everything was received;
 * ::CREW_ETOOSMALL the message is larger than the room: it is lost, the next one is not;
 * ::CREW_ETRUNC the sender of a large message ended before it was all there; ::CREW_ENOTSUP it is
 * the sending end of a one-way pipe; ::CREW_EINVAL buffer NULL with a room
 */
CREW_API crew_status crew_recv(crew_connection connection, void *buffer, size_t room, size_t *size,
                               double timeout_s);

/** A received message, where it lies. */
typedef struct crew_view {
    const void *data; /**< aligned to 16 bytes; valid until crew_view_release() */
    size_t size;
    void *owner; /**< crew's own */
} crew_view;

/**
 * Receives a message without a copy into a buffer: a view of it is lent until crew_view_release().
 * Python: Connection.recv_bytes(maxlength).
 *
 * @param view       set to the message
 * @param max_size   the most bytes that it may have; SIZE_MAX for any
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_ETOOSMALL the message is larger than @p max_size: it is lost, and, as in Python,
 * no more can be received at this copy of the end: it is closed if it only receives, and otherwise
 * receiving from it is ::CREW_ENOTSUP; otherwise as crew_recv()
 */
CREW_API crew_status crew_recv_view(crew_connection connection, crew_view *view, size_t max_size,
                                    double timeout_s);

/** Gives a message back; fine when there is none, with NULL, and twice. Never blocks. */
CREW_API void crew_view_release(crew_view *view);

/**
 * Waits until there is something to receive, a message or the end. Python: Connection.poll.
 *
 * @param timeout_s  the limit in seconds, ::CREW_FOREVER or ::CREW_NOW
 * @return ::CREW_OK there is; ::CREW_ETIMEDOUT there was nothing in time; ::CREW_ENOTSUP it is the
 * sending end of a one-way pipe
 */
CREW_API crew_status crew_poll(crew_connection connection, double timeout_s);

/** The same as something to wait for together with others; ready when crew_poll() says so. Does not
 * block. ::CREW_EINVAL waitable is NULL, or the handle no connection */
CREW_API crew_status crew_connection_waitable(crew_connection connection, crew_waitable *waitable);

/** Closes the caller's copy, for all its threads. Closing it again does no harm. Python:
 * Connection.close. */
CREW_API crew_status crew_connection_close(crew_connection connection);

#ifdef __cplusplus
}
#endif

#endif
