/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The homes of locks, semaphores, conditions, events and barriers: state machines, one file for
 * each.
 */
#ifndef CREWI_SYNC_SYNC_HOME_H
#define CREWI_SYNC_SYNC_HOME_H

#include "engine/engine.h"
#include "engine/handles.h"
#include "engine/parking.h"
#include "engine/timer.h"
#include "sync/sync_protocol.h"
#include "sync/sync_word.h"

struct crewi_sync_lock;

/** Those who wait to be notified. */
struct crewi_sync_condition {
    struct crewi_parking waiters; /* each with the number of notifies before it */
    struct crewi_sync *lock;
    uint64_t notifies; /* so far */
};

/** One that has arrived at a barrier. */
struct crewi_sync_party;

struct crewi_sync_parties {
    struct crewi_sync_party *first, *last;
    uint32_t count;
};

struct crewi_sync_barrier {
    uint32_t parties;
    uint64_t trip;                     /* or reset, or break: which one is under way */
    struct crewi_sync_parties waiting; /* the first ones are those of this trip */
    bool broken;
    bool in_action; /* the last one of this trip runs it */
    uint64_t actor; /* which process */
    int64_t timeout_ns;
    struct crewi_frame *action; /* a crewi_sync_arrival with all behind it; NULL: none */
};

struct crewi_sync {
    struct crewi_shared shared;
    uint32_t type;
    char name[CREW_NAME_SIZE];
    struct crewi_block block; /* of the word */
    crewi_word *word;
    uint64_t limit; /* of a semaphore */
    /** Of a lock and a semaphore: those who want it; of an event: those who wait. While there are
     * any, the word says so. */
    struct crewi_parking waiters;
    struct crewi_sync_condition **conditions; /* of a lock, by number - 1 */
    size_t condition_count;
    struct crewi_sync_barrier barrier;
};

/** The object; NULL when it is not, or not any more, at home here. */
struct crewi_sync *crewi_sync_find(const struct crewi_engine *engine, uint64_t id);

/** Makes an object for a client of this rank, and answers. */
void crewi_sync_create(struct crewi_engine *engine, const struct crewi_message *message);

/** A client's request, the operation without ::CREWI_ENGINE_OPS. */
void crewi_sync_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                             uint8_t op);

/** A process has closed its copy, or has ended. */
void crewi_sync_home_released(struct crewi_engine *engine, uint64_t id, uint64_t process);

/* Of the kind */

size_t crewi_sync_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room);
void crewi_sync_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared);
void crewi_sync_destroy(struct crewi_engine *engine, struct crewi_object *object);

/* sync_home.c, for the others: a waiter has left; when it was the last one, the word says so. */

void crewi_sync_waiter_left(struct crewi_engine *engine, struct crewi_parking *parking);

/* lock_home.c. A request may be parked; each answers it. */

void crewi_sync_lock_init(struct crewi_sync *sync);
void crewi_sync_lock_home_acquire(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message);
void crewi_sync_lock_home_release(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message);
void crewi_sync_lock_released(struct crewi_engine *engine, struct crewi_sync *sync,
                              uint64_t process);

/** Puts one behind all who want the lock, to be answered with that status when it has it.
 * @p notify is what notified it, as crewi_sync_condition_hand_on() takes it; 0: its time was up. */
void crewi_sync_lock_enqueue(struct crewi_engine *engine, struct crewi_sync *sync,
                             const struct crewi_origin *origin, crew_status status,
                             uint64_t notify);

/** Answers those of a process that has closed the lock, or has ended, and wait for it. */
void crewi_sync_lock_refuse_client(struct crewi_engine *engine, struct crewi_sync *sync,
                                   uint64_t process);

/** The holder gives the lock to the next one. */
void crewi_sync_lock_pass_on(struct crewi_engine *engine, struct crewi_sync *sync, bool owner_died);

/* condition_home.c */

void crewi_sync_condition_create(struct crewi_engine *engine, struct crewi_sync *sync,
                                 const struct crewi_message *message);
void crewi_sync_condition_wait(struct crewi_engine *engine, struct crewi_sync *sync,
                               const struct crewi_message *message);
void crewi_sync_condition_notify(struct crewi_engine *engine, struct crewi_sync *sync,
                                 const struct crewi_message *message);
/** Who was notified can do nothing with it: it is for the one who has waited longest, if that one
 * waited then. @p notify has 56 bits. */
void crewi_sync_condition_hand_on(struct crewi_engine *engine, struct crewi_sync *sync,
                                  uint64_t notify);

void crewi_sync_conditions_released(struct crewi_engine *engine, struct crewi_sync *sync,
                                    uint64_t process);
void crewi_sync_conditions_free(struct crewi_engine *engine, struct crewi_sync *sync);

/* semaphore_home.c */

void crewi_sync_semaphore_init(struct crewi_sync *sync, const struct crewi_sync_spec *spec);
void crewi_sync_semaphore_acquire(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message);
void crewi_sync_semaphore_release(struct crewi_engine *engine, struct crewi_sync *sync,
                                  const struct crewi_message *message);

/* event_home.c */

void crewi_sync_event_init(struct crewi_sync *sync);
void crewi_sync_event_wait(struct crewi_engine *engine, struct crewi_sync *sync,
                           const struct crewi_message *message);

/** Wakes those who wait, if it is set. */
void crewi_sync_event_look(struct crewi_engine *engine, struct crewi_sync *sync);

/* barrier_home.c */

crew_status crewi_sync_barrier_init(struct crewi_sync *sync, const struct crewi_sync_spec *spec,
                                    const void *arg);
void crewi_sync_barrier_arrive(struct crewi_engine *engine, struct crewi_sync *sync,
                               const struct crewi_message *message);
void crewi_sync_barrier_action_done(struct crewi_engine *engine, struct crewi_sync *sync,
                                    const struct crewi_message *message);
void crewi_sync_barrier_break(struct crewi_engine *engine, struct crewi_sync *sync);
void crewi_sync_barrier_reset(struct crewi_engine *engine, struct crewi_sync *sync);
void crewi_sync_barrier_state(const struct crewi_sync *sync, crew_barrier_state *state);
void crewi_sync_barrier_released(struct crewi_engine *engine, struct crewi_sync *sync,
                                 uint64_t process);
void crewi_sync_barrier_free(struct crewi_engine *engine, struct crewi_sync *sync);

#endif
