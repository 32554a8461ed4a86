/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The doorbell of a rank: one page that the ranks of the node, the rank's fork server and its
 * children share.
 *
 * Whoever has left something for the rank (a message, a record in a port, the end of a child) says
 * so here: first what is new, then `rung`, then a wake if somebody sleeps. The rank clears `rung`
 * first and looks at everything then, so nothing is missed; a sleep begins only while `rung` is 0.
 *
 * Two threads may sleep here: the service thread, which runs the engine when nobody else does, and
 * a driver, a local client that runs the engine while it waits for its own reply. As long as there
 * is a driver, the service thread is left asleep. A driver that leaves looks at `rung` once more,
 * after it has cleared `driven`: of a ringer that still saw `driven` and a driver that looks, one
 * sees the other (all of it is sequentially consistent).
 *
 * The page is writable for children. What they write there can cost a rank time, at worst; it holds
 * nothing that is trusted.
 */
#ifndef CREWI_NODE_BELL_H
#define CREWI_NODE_BELL_H

#include "node/cookie.h"

#include <crew/status.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** How many children a rank may have at a time. */
#define CREWI_PORT_LIMIT 4096

enum crewi_bell_sleeper {
    CREWI_BELL_SERVICE = 1,
    CREWI_BELL_DRIVER = 2,
    CREWI_BELL_RELIEVED = 4 /* the service thread, on `driven`: until the driver leaves */
};

struct crewi_bell {
    _Atomic uint32_t rung;
    _Atomic uint32_t sleepers; /* a bit for each that sleeps or is about to */
    _Atomic uint32_t driven;   /* whether a driver is there */
    _Atomic uint32_t server_news, rank_news;
    _Atomic uint32_t hosted; /* how many processes the rank has, for others that place one */
    _Atomic uint32_t beside; /* how many of these are children: who may spin depends on it */
    uint64_t cookie;         /* of its memfd; of use before there are children */
    _Atomic uint64_t ports[CREWI_PORT_LIMIT / 64]; /* a bit for each port with news */
    /* For the fork server (deadline.h): a bit for each port with a deadline, and whether it sleeps
     * without looking at a clock. */
    _Atomic uint64_t timed[CREWI_PORT_LIMIT / 64];
    _Atomic uint32_t server_sleeps;
};

/** Makes a bell in a memfd of its own. Blocks not. ::CREW_ESYSTEM */
crew_status crewi_bell_create(struct crewi_bell **bell, int *fd);

/** Where others find the bell that this process has made, with that descriptor. */
struct crewi_memfd_place crewi_bell_place(const struct crewi_bell *bell, int fd);

/** Maps the bell of another process. ::CREW_ESYSTEM, ::CREW_EPROTO as crewi_cookie_open() */
crew_status crewi_bell_attach(struct crewi_bell **bell, const struct crewi_memfd_place *place);

/** Unmaps; NULL is fine. */
void crewi_bell_detach(struct crewi_bell *bell);

void crewi_bell_ring(struct crewi_bell *bell);

/** Rings with the news that a rank has sent something; or leaves the news for when it is rung
 * next, if they @p can_wait. */
void crewi_bell_ring_rank(struct crewi_bell *bell, bool can_wait);

/** Rings with the news that port @p slot has a record. */
void crewi_bell_ring_port(struct crewi_bell *bell, uint32_t slot);

/** Clears `rung`, before a look at everything. */
void crewi_bell_answer(struct crewi_bell *bell);

/** Sleeps until the bell rings or the deadline comes; not at all when it has rung since it was
 * answered. */
void crewi_bell_sleep(struct crewi_bell *bell, enum crewi_bell_sleeper who, int64_t deadline_ns);

/** The service thread sleeps while there is a driver, however often the bell rings for that. May
 * return early. */
void crewi_bell_sleep_while_driven(struct crewi_bell *bell, int64_t deadline_ns);

/** A local client takes over the driving. */
void crewi_bell_begin_driving(struct crewi_bell *bell);

/** It gives it back; the service thread is woken if the bell has rung, or if @p needed says so. */
void crewi_bell_end_driving(struct crewi_bell *bell, bool needed);

/** Wakes the service thread, whatever it waits for. */
void crewi_bell_wake_service(struct crewi_bell *bell);

#endif
