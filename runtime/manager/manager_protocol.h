/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a manager's server is told at its start, and what its clients and it say to each other.
 *
 * A manager's handle is the sending end of a pipe to its server, the *door*. A thread that calls
 * makes a duplex pipe and sends one end of it through the door; that pipe is a *session*, which a
 * thread of the server serves: a request, a reply, and so on. Its end tells either side that the
 * other one is gone.
 *
 * An object, too, has a pipe, through which nothing is ever sent: its proxies are the copies of the
 * sending end, and the server has the other one, where the end comes when there is no proxy any
 * more. So the weights of handles count proxies, whatever way they take.
 */
#ifndef CREWI_MANAGER_MANAGER_PROTOCOL_H
#define CREWI_MANAGER_MANAGER_PROTOCOL_H

#include "base/funcref.h"

#include <crew/pipe.h>
#include <crew/process.h>
#include <stdint.h>

/** The argument of the server process; the types follow, and then the methods. */
struct crewi_manager_order {
    crew_connection door; /* to receive from */
    uint32_t type_count, method_count;
};

struct crewi_manager_type_order {
    char name[CREW_NAME_SIZE];
    uint32_t first_method, method_count;
    uint8_t concurrent, destroyed, reserved[6];
    struct crewi_funcref create, destroy;
};

struct crewi_manager_method_order {
    char name[CREW_NAME_SIZE];
    uint64_t exposed;
    struct crewi_funcref function;
};

enum crewi_manager_op {
    CREWI_MANAGER_PING = 1, /* -> nothing */
    CREWI_MANAGER_CREATE,   /* name of a type -> object */
    CREWI_MANAGER_CALL,     /* object, name of a method -> a value */
    CREWI_MANAGER_TELL,     /* the same, where nobody wants the value -> nothing */
    CREWI_MANAGER_BLOCK     /* size, host of the caller -> name of a block of shared memory */
};

/** Through the door: a session, or 0 for the end. */
struct crewi_manager_hello {
    crew_connection session;
};

/** Followed by the name, padded to 8 bytes, and the arguments, a packed list. */
struct crewi_manager_request {
    uint32_t op;
    uint32_t name_size; /* with its NUL and what pads it */
    uint64_t object;    /* turned around: for the server it is no handle to be counted */
};

/** Followed by a packed value, or by a reason. */
struct crewi_manager_reply {
    int32_t status;
    uint32_t reserved;
    uint64_t object; /* CREATE: a proxy's id */
};

#endif
