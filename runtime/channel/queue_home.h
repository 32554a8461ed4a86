/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A queue at its home: the items, and who waits for what. queue_home.c: puts and gets;
 * queue_round.c: what can only be answered when every rank has been heard.
 *
 * Puts to an unbounded queue are not answered, and are on their way for a while. So before the home
 * says that there is no item, or how many there are, it makes a *flush round*: every rank that
 * knows the queue is asked to send what its processes have put by then, and says when it has. What
 * comes during a round waits for the next one.
 */
#ifndef CREWI_CHANNEL_QUEUE_HOME_H
#define CREWI_CHANNEL_QUEUE_HOME_H

#include "channel/queue_items.h"
#include "channel/queue_protocol.h"
#include "engine/handles.h"

struct crewi_queue;

/** A request that cannot be answered yet. */
struct crewi_queue_waiter {
    struct crewi_timer timer; /* first: a timer is its waiter */
    struct crewi_queue *queue;
    struct crewi_queue_waiters *list; /* that it is in */
    struct crewi_queue_waiter *next, *before;
    struct crewi_origin origin;
    uint8_t op;               /* of the client */
    bool expired;             /* to be told so after a last round */
    uint64_t round;           /* is looked at again when this one is over; 0: not */
    uint64_t room;            /* GET: bytes */
    uint32_t most;            /* GET: items */
    struct crewi_frame *item; /* PUT */
};

struct crewi_queue_waiters {
    struct crewi_queue_waiter *first, *last;
};

struct crewi_queue {
    struct crewi_shared shared; /* first: a shared object is its queue */
    char name[CREW_NAME_SIZE];
    uint64_t max_items; /* 0: any number */
    bool scattered;
    bool passing; /* a scattered one that somebody has waited for */
    struct crewi_queue_items items;
    uint64_t unfinished; /* put, and not done with */
    struct crewi_queue_waiters puts, gets, others;
    uint64_t round;                   /* the number of the last one begun */
    uint32_t round_missing;           /* ranks that have not answered; 0: no round is under way */
    bool round_wanted;                /* another one, after this */
    bool gathering;                   /* from its own round until its items are counted */
    struct crewi_queue_items leaving; /* in that gather: what comes now is later than all of it */
    struct crewi_queue_waiters gathers;
};

/** A client's request or note, passed on by its agent; @p op is the client's. */
void crewi_queue_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                              uint8_t op);

/** A note of an agent: ::crewi_queue_engine_op. */
void crewi_queue_home_note(struct crewi_engine *engine, const struct crewi_message *message);

/** CREATE, on the rank of the one who asks. */
void crewi_queue_create(struct crewi_engine *engine, const struct crewi_message *message);

/** Hands out what there is to those who wait, and lets puts in that fit then. */
void crewi_queue_serve(struct crewi_engine *engine, struct crewi_queue *queue);

/* Hooks of the kind */

size_t crewi_queue_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room);
void crewi_queue_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared);
void crewi_queue_destroy(struct crewi_engine *engine, struct crewi_object *object);

/* Waiters */

/** Puts a request at the end of a list, with the deadline of the message. NULL: refused, there is
 * no memory. */
struct crewi_queue_waiter *crewi_queue_park(struct crewi_engine *engine, struct crewi_queue *queue,
                                            struct crewi_queue_waiters *list,
                                            const struct crewi_message *message, uint8_t op);

/** Takes it out and frees it, with its item unless that was taken away. */
void crewi_queue_unpark(struct crewi_engine *engine, struct crewi_queue_waiter *waiter);

/* queue_round.c */

/** Looks at a waiter again when all ranks have been heard. */
void crewi_queue_ask_round(struct crewi_engine *engine, struct crewi_queue *queue,
                           struct crewi_queue_waiter *waiter);

/** Has ranks pass on what they hold, from now on. */
void crewi_queue_pass(struct crewi_engine *engine, struct crewi_queue *queue);

/** A rank has been heard. */
void crewi_queue_hear_flushed(struct crewi_engine *engine, struct crewi_queue *queue,
                              uint64_t number);

/** What waits is due. */
void crewi_queue_expire(struct crewi_engine *engine, struct crewi_timer *timer);

/** There are items: those who wait for that alone are told. */
void crewi_queue_wake(struct crewi_engine *engine, struct crewi_queue *queue);

/** Fewer items are unfinished. */
void crewi_queue_finished(struct crewi_engine *engine, struct crewi_queue *queue, uint64_t count);

void crewi_queue_size(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_message *message);
void crewi_queue_task_done(struct crewi_engine *engine, struct crewi_queue *queue,
                           const struct crewi_message *message);
void crewi_queue_join(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_message *message);
void crewi_queue_wait(struct crewi_engine *engine, struct crewi_queue *queue,
                      const struct crewi_message *message);

/** Whether a put would wait. */
bool crewi_queue_is_full(const struct crewi_queue *queue);

/** Drops the waits of a process with the request numbers @p first to @p last. */
void crewi_queue_forget_waits(struct crewi_engine *engine, struct crewi_queue *queue,
                              const struct crewi_message *message);

/** Makes the queue's ranks hold still, and has rank 0 announce the gather. */
void crewi_queue_gather(struct crewi_engine *engine, struct crewi_queue *queue,
                        const struct crewi_message *message);

/** The home has taken part in the gather. */
void crewi_queue_gathered(struct crewi_engine *engine, struct crewi_queue *queue);

/** The gather is over: so many items have come that the home did not know. Only now it can say
 * whether all are done. */
void crewi_queue_counted(struct crewi_engine *engine, struct crewi_queue *queue, uint64_t count);

#endif
