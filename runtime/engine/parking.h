/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Requests that cannot be answered yet, in the order in which they came, each with its deadline.
 */
#ifndef CREWI_ENGINE_PARKING_H
#define CREWI_ENGINE_PARKING_H

#include "engine/engine.h"

struct crewi_parked;

/** A queue of parked requests. All zero but for what they get at their deadline is an empty one. */
struct crewi_parking {
    struct crewi_parked *first, *last;
    crew_status at_deadline; /* CREW_OK: an empty reply */
    const char *reason;      /* with it; valid as long as the queue */
    /** One has left at its deadline. May be NULL. */
    void (*expired)(struct crewi_engine *engine, struct crewi_parking *parking);
    /** One leaves at its deadline, and is not answered but given to this. May be NULL. */
    void (*due)(struct crewi_engine *engine, struct crewi_parking *parking,
                const struct crewi_origin *origin);
};

/** Parks a request until its timeout. Answers with ::CREW_ENOMEM itself when there is no memory. */
void crewi_park(struct crewi_engine *engine, struct crewi_parking *parking,
                const struct crewi_message *message);

/** The same with a number that crewi_parking_take_first() gives back. */
void crewi_park_with(struct crewi_engine *engine, struct crewi_parking *parking,
                     const struct crewi_message *message, uint64_t value);

/** Takes the oldest one out, for the caller to answer; false when there is none. @p value may be
 * NULL.
 */
bool crewi_parking_take_first(struct crewi_engine *engine, struct crewi_parking *parking,
                              struct crewi_origin *origin, uint64_t *value);

/** Takes the oldest one of a client out, with its number; false when there is none. */
bool crewi_parking_take_client(struct crewi_engine *engine, struct crewi_parking *parking,
                               uint64_t process, struct crewi_origin *origin, uint64_t *value);

/** The number that the oldest one was parked with; false when there is none. */
bool crewi_parking_first_value(const struct crewi_parking *parking, uint64_t *value);

/** Answers all that are parked. */
void crewi_parking_reply_all(struct crewi_engine *engine, struct crewi_parking *parking,
                             const void *data, size_t size);
void crewi_parking_refuse_all(struct crewi_engine *engine, struct crewi_parking *parking,
                              crew_status status, const char *reason);

/** Answers those of one client. */
void crewi_parking_refuse_client(struct crewi_engine *engine, struct crewi_parking *parking,
                                 uint64_t process, crew_status status, const char *reason);

/** Drops those of a client that has ended. */
void crewi_parking_drop_client(struct crewi_engine *engine, struct crewi_parking *parking,
                               uint64_t process);

/** Drops those of a client with the request numbers @p first to @p last: it waits for them no more.
 */
void crewi_parking_drop_requests(struct crewi_engine *engine, struct crewi_parking *parking,
                                 uint64_t process, uint64_t first, uint64_t last);

/** Drops all without an answer. */
void crewi_parking_clear(struct crewi_engine *engine, struct crewi_parking *parking);

#endif
