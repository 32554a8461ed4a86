/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What simulated locks, semaphores, events and barriers are like, as somebody knows who stands at
 * their homes: each request is told before the home handles it, each answer as it is given, and
 * each use of a word as it is made. What the home answers, and what its word says, has to be what
 * these rules say.
 *
 * A client has one request at a time, so it waits in one line at most.
 */
#ifndef CREW_TESTS_SIM_SYNC_MODEL_H
#define CREW_TESTS_SIM_SYNC_MODEL_H

#include "sim_client.h"
#include "sync/sync_protocol.h"
#include "sync/sync_word.h"

#define SYNC_THINGS 4
#define SYNC_USERS 64 /* as bits of a word */
#define SYNC_CONDITIONS 3

/** One whose request is parked. */
struct sync_waiter {
    uint32_t user; /* a client's number */
    int64_t deadline_ns;
    bool timed_out;                /* in the wait for a condition, and wants the lock now */
    uint64_t since;                /* in the order of all that homes have handled */
    struct sync_line *notified_by; /* the condition, NULL: none */
    uint64_t notified;             /* by what, in that order */
};

/** In the order in which they came. */
struct sync_line {
    struct sync_waiter at[SYNC_USERS];
    size_t count;
};

/** An object. */
struct sync_thing {
    struct sync_model *model;
    uint64_t id; /* 0: not created yet */
    uint32_t type, home;
    crewi_word *word;      /* NULL: it is gone */
    struct sync_line line; /* of all that wait for it, but for a condition */
    uint64_t gone;         /* users that have closed it, or have ended */

    /* A lock */
    uint64_t owner; /* a process; 0: it is free */
    bool owner_died;
    bool told_death;                 /* to the one who has it now, or had it last */
    const struct sim_client *inside; /* who believes that it has the lock */
    struct sync_line conditions[SYNC_CONDITIONS];
    uint32_t condition_count;
    struct sync_line *notified; /* of which condition, while a notify is handled */
    uint64_t to_notify;
    uint64_t notify; /* which one, in the order of all that homes have handled */

    /* A semaphore */
    uint64_t value, limit;

    /* An event */
    bool is_set;
    uint64_t setters; /* users that have set it, and whose note has not come */

    /* A barrier */
    uint32_t parties;
    bool has_action, broken, in_action;
    bool turning_away; /* all who wait, now */
    uint32_t actor;
    uint64_t trip;     /* of the action, as the home calls it */
    uint32_t released; /* of this trip */
    uint32_t to_release;
    int64_t timeout_ns;
};

/** What a client has asked, from when its home handles it to when it is answered. */
struct sync_asked {
    struct sync_thing *thing; /* NULL: nothing */
    uint64_t request;
    uint8_t op;
    bool waits;           /* in a line */
    crew_status expected; /* otherwise */
};

struct sync_model {
    struct sim_job *job;
    uint32_t thing_count;
    struct sync_thing things[SYNC_THINGS];
    struct sync_asked asked[SYNC_USERS];
    uint64_t handled; /* requests and ends */
    size_t blocks;    /* of memory that homes have taken */
    int rests;
};

/** NULL when there is none, or it is not known yet. */
struct sync_thing *sync_model_find(struct sync_model *model, uint64_t id);

/* At the home */

/** A request or note is going to be handled by a home. */
void sync_model_request(struct sync_thing *thing, const struct sim_client *client,
                        const struct crewi_message *message, uint8_t op);

/** A client's end, or its close, is going to be handled by a home. */
void sync_model_released(struct sync_thing *thing, const struct sim_client *client);

/** It is handled: everything has to be as it should. */
void sync_model_settled(struct sync_thing *thing);

/** The home answers. */
void sync_model_answer(struct sync_thing *thing, const struct sim_client *client,
                       crew_status status, const void *data, size_t size);

/** One who waits for a condition is put behind those who want the lock. */
void sync_model_enqueued(struct sync_thing *thing, const struct sim_client *client,
                         crew_status status);

/** Nobody waits for it any more when its memory is given back. */
void sync_model_gone(struct sync_thing *thing);

/* On the host: each uses the word, and says what the functions of sync_word.h say. */

enum crewi_word_result sync_model_lock(struct sync_thing *thing, const struct sim_client *client);
enum crewi_word_result sync_model_unlock(struct sync_thing *thing, uint64_t process);
enum crewi_word_result sync_model_take(struct sync_thing *thing);
enum crewi_word_result sync_model_give(struct sync_thing *thing);
enum crewi_word_result sync_model_set(struct sync_thing *thing, const struct sim_client *client);
enum crewi_word_result sync_model_clear(struct sync_thing *thing);
bool sync_model_is_set(struct sync_thing *thing);

/* What clients believe */

/** It has acquired a lock. */
void sync_model_enter(struct sync_thing *thing, const struct sim_client *client);

/** It begins to release it, or ends. */
void sync_model_leave(struct sync_thing *thing, const struct sim_client *client);

/** Nothing moves any more: whoever waits has to have a reason. */
void sync_model_check_waiting(struct sync_model *model);

/** At its home it is told, or should be, that its time is over: neither earlier nor later. */
void sync_model_check_late(struct sync_thing *thing, const struct sim_client *client,
                           int64_t deadline_ns);

/* sync_barrier_model.c, for sync_model.c */

void sync_barrier_request(struct sync_thing *thing, const struct sim_client *client,
                          const struct crewi_message *message, uint8_t op);
void sync_barrier_released(struct sync_thing *thing, const struct sim_client *client);
void sync_barrier_settled(struct sync_thing *thing);
void sync_barrier_answer(struct sync_thing *thing, const struct sim_client *client,
                         crew_status status, const void *data, size_t size);

/* Lines */

/** The client's place; the count when it is not there. */
size_t sync_line_find(const struct sync_line *line, uint32_t user);
void sync_line_add(struct sync_line *line, uint32_t user, int64_t deadline_ns);
struct sync_waiter sync_line_remove(struct sync_line *line, size_t place);

#endif
