/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What clients, homes and the ranks that run processes say to each other about them.
 *
 * A process is at home on its creator's rank: creating, joining and asking cost no hop. The rank
 * that runs it starts it, signals it, and reports its end.
 */
#ifndef CREWI_PROCESS_PROCESS_PROTOCOL_H
#define CREWI_PROCESS_PROCESS_PROTOCOL_H

#include "base/funcref.h"
#include "base/log.h"
#include "engine/loop.h"
#include "node/parcel.h"

#include <crew/process.h>
#include <stdint.h>

/** Of clients. */
enum crewi_process_op {
    CREWI_PROCESS_CREATE = 1, /* to the own rank: crewi_process_spec, and the argument, or of a
                                 parcel the words in it that look like handles -> id */
    CREWI_PROCESS_START,      /* crewi_log_settings, or nothing */
    CREWI_PROCESS_JOIN,
    CREWI_PROCESS_SIGNAL, /* int32_t */
    CREWI_PROCESS_QUERY,  /* -> crewi_process_info */
    CREWI_PROCESS_CLOSE,
    CREWI_PROCESS_CHILDREN,   /* to the own rank -> ids */
    CREWI_PROCESS_LEAVE,      /* to the own rank: the client ends, so its daemons do -> ids of its
                                 children */
    CREWI_PROCESS_SET_DAEMON, /* uint8_t */
    CREWI_PROCESS_FIND, /* to any rank: a name with its NUL -> crewi_process_found, or nothing */
    CREWI_PROCESS_ENVIRONMENT, /* to the own rank: what crewi_environment_pack() gives, for children
                                 started from now on -> nothing */
    CREWI_PROCESS_FINISHING, /* to the own rank -> ids of the children whose pool was closed and has
                                work to finish */
    CREWI_PROCESS_ARGUMENT   /* of the process itself, to its rank and to its home: one of both has
                                the parcel that it could not open -> the argument */
};

/** Between engines; the loop's own news come before. */
enum crewi_process_engine_op {
    CREWI_PROCESS_SPAWN = CREWI_OP_CHILD_ENDED + 1, /* home to runner: crewi_process_order, shares,
                                                       environment, the argument */
    CREWI_PROCESS_SPAWNED, /* runner to home: crewi_process_report, and a reason */
    CREWI_PROCESS_ENDED,   /* runner to home: crewi_process_report, and a draft */
    CREWI_PROCESS_STOP,    /* home to runner: crewi_process_stop */
    CREWI_PROCESS_CLAIM,   /* home to rank 0: crewi_process_claim */
    CREWI_PROCESS_CLAIMED, /* rank 0 to home: crewi_process_claim */
    CREWI_PROCESS_RELEASE  /* home to rank 0: crewi_process_claim */
};

/** Arguments from here on go as parcels between processes of one host. */
#define CREWI_PARCEL_SIZE_MIN ((size_t)65536)

/** What a process is to be. */
struct crewi_process_spec {
    struct crewi_funcref function;
    uint64_t creator;
    struct crewi_parcel parcel; /* the argument, when it does not follow in the message */
    uint64_t watcher; /* an object on the home rank that is told of start and end; 0: none */
    int32_t place;    /* crew_place */
    int32_t rank;     /* of CREW_PLACE_RANK, and any rank of the host of CREW_PLACE_HOST */
    int32_t core;     /* to be bound to; -1: not */
    uint8_t daemon, inside, unique;
    uint8_t is_class;              /* the argument begins with a crew_process_class */
    uint8_t start_method;          /* crew_start_method: what it will choose by default itself */
    struct crewi_log_settings log; /* what it begins with */
    uint8_t reserved[5];
    struct crewi_limits limits;
    char name[CREW_NAME_SIZE]; /* "": by counting; the prefix below is used then */
    char prefix[CREW_NAME_SIZE];
    char creator_name[CREW_NAME_SIZE];
    char creator_path[CREW_NAME_SIZE];
};

/** What the runner, and then the process itself, is told. */
struct crewi_process_order {
    struct crewi_process_spec spec;
    uint64_t process;
    uint64_t function;    /* the address, once the runner has found it; 0: to be loaded */
    uint64_t share_count; /* of handles in the argument; to the runner: the shares come first */
    uint64_t environment_size; /* of what follows, before the argument */
    char path[CREW_NAME_SIZE];
};

struct crewi_process_report {
    uint64_t process;
    int32_t status; /* SPAWNED: a crew_status; ENDED: the status of waitpid() */
    int32_t pid;
    uint64_t draft_progress;
    uint32_t draft_size;
    uint32_t hosted; /* how many processes that rank has now */
    uint32_t cause;  /* ENDED: a crew_end_cause, if it was a limit */
    uint32_t held;   /* SPAWNED: it failed after it had its shares of handles; they are back */
};

/** A name that is to be, is, or was a process's alone. */
struct crewi_process_claim {
    uint64_t process;
    int32_t status; /* CLAIMED: a crew_status */
    int32_t holder_rank;
    char name[CREW_NAME_SIZE];
};

struct crewi_process_found {
    uint64_t process;
    uint64_t unique; /* whether the name is its own alone */
};

struct crewi_process_stop {
    uint64_t process;
    int32_t signal, reserved;
};

enum crewi_process_state {
    CREWI_PROCESS_CREATED,
    CREWI_PROCESS_STARTING,
    CREWI_PROCESS_RUNNING,
    CREWI_PROCESS_OVER,
    CREWI_PROCESS_GONE /* closed; only its name is left */
};

struct crewi_process_info {
    uint64_t creator;
    int32_t state, exitcode, pid;
    int32_t rank; /* -1: not chosen yet */
    uint8_t daemon, cause /* a crew_end_cause */, reserved[6];
    char name[CREW_NAME_SIZE];
    char creator_name[CREW_NAME_SIZE];
};

#endif
