/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The caller's side of a manager's server, inside this folder: a process has as many sessions with
 * it as threads have called it at a time.
 */
#ifndef CREWI_MANAGER_SESSION_H
#define CREWI_MANAGER_SESSION_H

#include "manager/manager_protocol.h"

#include <crew/any.h>
#include <crew/manager.h>

/** What to ask, and how long to wait for the answer. */
struct crewi_manager_question {
    const char *call; /* for messages: "crew_proxy_call" */
    crew_manager manager;
    enum crewi_manager_op op;
    uint64_t object;
    const char *name; /* of a type or a method; "" */
    const crew_any *args;
    size_t count;
    double timeout_s;
};

/** What came back; to be given back with crew_view_release(). */
struct crewi_manager_answer {
    bool was_asked; /* the server had the request */
    crew_view view;
    uint64_t object;
    const void *data; /* a packed value */
    size_t size;
};

/**
 * Asks, and waits for the answer.
 * @return what the server says; ::CREW_EBROKEN it has ended; ::CREW_ETIMEDOUT; otherwise as
 * crew_send() and crew_any_pack()
 */
crew_status crewi_manager_ask(const struct crewi_manager_question *question,
                              struct crewi_manager_answer *answer);

/** Closes the caller's sessions that are not in use. */
void crewi_manager_end_sessions(crew_manager manager);

/** Sends word through the door. ::CREW_EBROKEN, as above */
crew_status crewi_manager_knock(crew_manager manager, crew_connection session, double timeout_s);

#endif
