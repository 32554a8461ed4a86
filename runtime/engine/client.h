/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Clients: how a call of the API becomes a request, from wherever it is made.
 *
 * A *local* client is code in the rank itself, the main process or a ::CREW_START_RANK process: its
 * requests go straight into the engine. A *remote* client is a child: its requests go through its
 * port. What stands above does not see the difference.
 */
#ifndef CREWI_ENGINE_CLIENT_H
#define CREWI_ENGINE_CLIENT_H

#include "base/log.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/loop.h"

#include <crew/process.h>
#include <crew/status.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/** What to ask. */
struct crewi_call {
    uint8_t kind, op;
    uint64_t object; /* whose home is asked; 0: the engine of rank */
    uint32_t rank;
    int64_t timeout_ns;      /* how long it may be parked */
    const void *head, *body; /* the payload is both, one behind the other */
    size_t head_size, body_size;
};

/** A process, as itself knows it. */
struct crewi_identity {
    crew_process process;
    char name[CREW_NAME_SIZE];
    char path[CREW_NAME_SIZE]; /* "3:1" for Process-3:1; "" for the main process */
    bool daemon;
    crew_process parent;
    crew_start_method start_method; /* for CREW_START_DEFAULT; CREW_START_DEFAULT: not chosen yet */
};

/** Several that wait together. */
struct crewi_waiter_group {
    size_t missing; /* replies until all are content */
    bool done;
};

/** One that waits for its reply. */
struct crewi_waiter {
    struct crewi_waiter *next;
    uint64_t request;
    struct crewi_frame *reply;
    bool done;
    struct crewi_waiter_group *group; /* NULL: waits alone */
};

/** A call of several requests at a time. One block of memory, but for the frames. */
struct crewi_many {
    size_t count;
    struct crewi_waiter_group group;
    struct crewi_frame **frames; /* requests that are not sent yet; NULL then */
    struct crewi_waiter *waiters;
};

/** An object that a client may tell something without waiting for the answer. */
struct crewi_post {
    uint64_t object; /* 0: free */
    bool stopped;    /* it said so itself */
    uint32_t count;  /* posts since the last answer */
    uint64_t bytes;  /* and what they took */
};

/** How many such objects a client remembers. */
#define CREWI_POSTS 32

struct crewi_observed;

struct crewi_client {
    struct crewi_endpoint base; /* of a local one */
    struct crewi_identity identity;
    struct crewi_logger logger;
    struct crewi_observed *observed; /* kept by the folder observe */
    uint64_t last_request;
    struct crewi_waiter *waiters;
    struct crewi_frames inbox; /* deliveries */
    bool inbox_filled;
    struct crewi_post posts[CREWI_POSTS];
    uint32_t last_post;       /* that was forgotten for another */
    struct crewi_cache cache; /* of the objects that it uses */
    pthread_cond_t changed;
    bool remote;
    _Atomic bool end_requested; /* a CREW_START_RANK process that is to end at its next call */
    bool leaving;               /* it is at its end already */
    _Atomic bool lends_memory;  /* its call is not to end before its reply is there */
    bool has_made_processes;    /* so its end has to look after them */
    _Atomic uint64_t told_environment; /* a hash of what its rank was told last; 0: nothing */
    /* A local client's: */
    struct crewi_loop *loop;
    uint32_t slot;
    uint32_t callers; /* threads that are in a call, under the mutex */
    bool holds;       /* and are to stay there, as others that come */
    struct crewi_claims claims;
    /* A remote one's: */
    pthread_mutex_t mutex;
    struct crewi_port port;
    struct crewi_bell *bell;
    uint32_t port_slot;
    bool reading;          /* a thread of this process sleeps for all of them */
    uint32_t short_sleeps; /* of that one, in a row */
};

/** The client that calls; NULL outside crew_run(). */
struct crewi_client *crewi_client_current(void);

/** Whether it is a ::CREW_START_RANK process. */
static inline bool crewi_client_is_inside(const struct crewi_client *client)
{
    return !client->remote && client->identity.path[0];
}

/** Whether it is to end at its next call, this one: then a call that would need no message asks all
 * the same. */
static inline bool crewi_client_is_to_end(const struct crewi_client *client)
{
    return atomic_load_explicit(&client->end_requested, memory_order_relaxed);
}

/** Makes a client the one of the calling thread, or of all threads that have none of their own. */
void crewi_client_set_thread(struct crewi_client *client);
void crewi_client_set_process(struct crewi_client *client);

/** Has every fork() from now on, of this process and of those that it forks, make a *copy*: a
 * process that is no client, and where every call is refused. ::CREW_ESYSTEM */
crew_status crewi_client_watch_forks(void);

/** The client of which this process is a copy; NULL: it is none. Set in the child of a fork(), by
 * its only thread. */
extern const struct crewi_client *crewi_client_original;

/** Whether this process is a copy of one of the job. */
static inline bool crewi_client_is_copy(void)
{
    return crewi_client_original != NULL;
}

/** Ends a copy, with _exit(); to be called where a function of the program has returned that was
 * called in the loop of a thread of crew's own: in a copy, there is nothing to return to. Nothing
 * in a process of the job. */
static inline void crewi_client_end_copy(int code)
{
    if (crewi_client_is_copy())
        _exit(code);
}

/** Words that there is no client: the call (NULL: not known) was made outside crew_run(), or in a
 * copy. */
void crewi_client_word_missing(const char *call);

/** The same, as the status. */
static inline crew_status crewi_client_missing(const char *call)
{
    crewi_client_word_missing(call);
    return CREW_ESTATE;
}

/** The calling thread ends: it will not call any more. Otherwise that is noticed when it has ended.
 */
void crewi_client_forget_thread(void);

/** Where a thread stays that must not go on, as its process ends. */
_Noreturn void crewi_client_hold_thread(void);

/**
 * The end of a local client that all threads of the process have in common. First no other thread
 * may be inside a call that needs the mutex, nor get into one: crewi_client_hold_others(). From
 * crewi_client_begin_end() on the client is nobody's, and other threads are held at their next
 * call, whatever it is; until crewi_client_finish_end(), from which on calls fail as outside
 * crew_run().
 */

/** Returns when all threads that were in a call are held. The mutex is free. */
void crewi_client_hold_others(struct crewi_client *client);

/** Whether there are other threads that have called crew, and may be anywhere in a call that needs
 * no mutex: then what they may look at has to stay. */
bool crewi_client_begin_end(void);

void crewi_client_finish_end(void);

/** Begins a local client, attached to the engine of the loop; its identity is to be filled in
 * first. ::CREW_ENOMEM */
crew_status crewi_client_init_local(struct crewi_client *client, struct crewi_loop *loop);

/** Has a local client that is a thread of its own end at its next call, or in the one that it is
 * in. The mutex is held. */
void crewi_client_request_end(struct crewi_client *client);

/** The engine forgets a local client, and all homes hear of its end: once the engine has run, those
 * of its rank do not write any more to what it has left behind. The mutex is held. */
void crewi_client_detach_local(struct crewi_client *client);

/** Frees what a local client has, after that; nobody uses it any more. */
void crewi_client_fini_local(struct crewi_client *client);

/** Begins a remote client, at the child's end of its port. ::CREW_ESYSTEM */
crew_status crewi_client_init_remote(struct crewi_client *client, const struct crewi_child *child);

/**
 * Asks, and waits for the reply. @p reply may be NULL when nothing is expected; otherwise it is to
 * be destroyed.
 * @return what the home says, with its reason; ::CREW_ESTATE outside crew_run(); ::CREW_ENOMEM;
 * ::CREW_ENOENT for an id whose home does not exist; ::CREW_EINVAL for an id of another kind
 */
crew_status crewi_call(const struct crewi_call *call, struct crewi_frame **reply);

/** The same where the reply has to have exactly @p size bytes, which are copied out. */
crew_status crewi_call_fixed(const struct crewi_call *call, void *data, size_t size);

/**
 * Asks several homes at a time, and waits for all replies, or for any.
 * @param replies  set to the frames of the replies, in the order of the calls, each with the status
 * in its header, to be destroyed; NULL for those that did not come. NULL when none is wanted.
 * @param first    set to the number of the first request, if not NULL; the others follow
 * @return ::CREW_OK whatever the replies are; otherwise as crewi_call()
 */
crew_status crewi_call_many(const struct crewi_call *calls, size_t count, bool any,
                            struct crewi_frame **replies, uint64_t *first);

/** Copies the elements that a reply consists of, as many as there is room for, and destroys it.
 * Returns how many there are. */
size_t crewi_reply_copy(struct crewi_frame *reply, size_t element_size, void *elements,
                        size_t room);

/** Whether an object may have that name, NULL for none, with its NUL in @p room bytes; @p what is
 * it, with its article: "a queue". ::CREW_EINVAL it is empty or too long */
crew_status crewi_check_name(const char *what, const char *name, size_t room);

/** Says it without asking. */
crew_status crewi_tell(const struct crewi_call *note);

/**
 * The caller does not get what it has just been given, so it gives back the copies of the handles
 * in it, one for each word of @p data that is one; others that it has, it keeps. Of a message, its
 * first ::CREWI_SCAN_SIZE bytes, in which they were counted. Without memory they stay, until the
 * process ends.
 */
void crewi_copies_drop(const void *data, size_t size);

/**
 * Tells an object something that can be refused, over and over: only one call of some asks and
 * waits, the others are notes. The first one asks; the ones after crewi_post_allow() may be notes,
 * until a ::CREWI_OP_STOP_POSTS. For what may be refused only from a moment on that is told to the
 * client.
 *
 * @param reply  set to the answer, to be destroyed; NULL of a note
 * @return as crewi_call(), or ::CREW_OK of a note
 */
crew_status crewi_post(const struct crewi_call *call, uint64_t object, struct crewi_frame **reply);

/** The object has accepted one that asked, and the next ones need not. */
void crewi_post_allow(uint64_t object);

/** The next one asks. */
void crewi_post_forget(uint64_t object);

/** Waits for the next delivery; the frame is the caller's. */
crew_status crewi_take_delivery(struct crewi_frame **frame);

/* Inside: client_local.c and client_remote.c. Both own the frame. */

crew_status crewi_local_call(struct crewi_client *client, struct crewi_frame *frame,
                             struct crewi_frame **reply);
crew_status crewi_local_tell(struct crewi_client *client, struct crewi_frame *frame);
crew_status crewi_local_take(struct crewi_client *client, struct crewi_frame **frame);
crew_status crewi_remote_call(struct crewi_client *client, struct crewi_frame *frame,
                              struct crewi_frame **reply);
crew_status crewi_remote_tell(struct crewi_client *client, struct crewi_frame *frame);
crew_status crewi_remote_take(struct crewi_client *client, struct crewi_frame **frame);

/** Whether a post may go as a note; counts it then. */
bool crewi_local_may_post(struct crewi_client *client, uint64_t object, uint64_t size);
bool crewi_remote_may_post(struct crewi_client *client, uint64_t object, uint64_t size);

/** Has posts of that object ask no more (@p allow), or again. */
void crewi_local_set_post(struct crewi_client *client, uint64_t object, bool allow);
void crewi_remote_set_post(struct crewi_client *client, uint64_t object, bool allow);

/* post.c; the caller holds the client's mutex */

/** Whether one of @p size bytes may go as a note; counts it then. */
bool crewi_post_count(struct crewi_client *client, uint64_t object, uint64_t size);

/** Allows more, unless they were stopped, or forgets the object. */
void crewi_post_set(struct crewi_client *client, uint64_t object, bool allow);

/** All ask from now on: the answer to one that has asked may have come just before. */
void crewi_post_stop(struct crewi_client *client, uint64_t object);

crew_status crewi_local_call_many(struct crewi_client *client, struct crewi_many *many);
crew_status crewi_remote_call_many(struct crewi_client *client, struct crewi_many *many);

/** Numbers the requests, one behind the other, and links their waiters in; and out again. */
void crewi_many_expect(struct crewi_client *client, struct crewi_many *many);
void crewi_many_forget(struct crewi_client *client, struct crewi_many *many);

/** Frees it, with the requests that were not sent, and the replies. */
void crewi_many_free(struct crewi_many *many);

/** What was waited for, alone or with others, is there. */
void crewi_waiter_done(struct crewi_waiter *waiter);

/** Links a waiter in, out, and gives an arrived frame to the one that waits for it, or to the
 * inbox. */
void crewi_client_expect(struct crewi_client *client, struct crewi_waiter *waiter);
void crewi_client_forget(struct crewi_client *client, struct crewi_waiter *waiter);
void crewi_client_arrived(struct crewi_client *client, struct crewi_frame *frame);

#endif
