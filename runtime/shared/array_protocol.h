/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What clients, agents and homes of arrays say to each other.
 *
 * A client asks its own rank, once, what there is to know of an array. If it can map the memory, it
 * asks nothing more until it closes the array. Otherwise its requests go to the agent on its own
 * rank, which passes them on to the home as they are, but for the operation: the twin of the
 * client's, which no child may send.
 */
#ifndef CREWI_SHARED_ARRAY_PROTOCOL_H
#define CREWI_SHARED_ARRAY_PROTOCOL_H

#include "engine/engine.h"

#include <crew/process.h>
#include <stdint.h>

/** The most bytes of elements in a message: longer slices go in several. */
#define CREWI_ARRAY_PIECE ((uint64_t)1 << 20)

/** From clients to their own rank. All but CREATE begin with a crewi_array_head. */
enum crewi_array_op {
    CREWI_ARRAY_CREATE = 1, /* crewi_array_spec -> id */
    CREWI_ARRAY_OPEN,       /* head -> crewi_array_description */
    CREWI_ARRAY_CLOSE,      /* head -> nothing */
    CREWI_ARRAY_READ,       /* head -> elements; from here on the home's */
    CREWI_ARRAY_WRITE,      /* head, elements -> nothing */
    CREWI_ARRAY_FILL,       /* head, element -> nothing */
    CREWI_ARRAY_UPDATE      /* head with an update, crewi_array_operands -> crewi_array_before */
};

/** Between engines only, each with a crewi_array_note: see array_transfer.h. */
enum crewi_array_engine_op {
    CREWI_ARRAY_LOCATE = 2 * CREWI_ENGINE_OPS, /* agent to home: where are the elements? */
    CREWI_ARRAY_LOCATED,                       /* home to agent: at address, or status */
    CREWI_ARRAY_HOLD,                          /* agent to home: I read them from now on */
    CREWI_ARRAY_LET_GO,                        /* agent to home: no more */
    CREWI_ARRAY_READ_IN /* the transport to the agent: those of ticket are here */
};

struct crewi_array_note {
    uint64_t id;
    uint64_t ticket;  /* READ_IN: of a transfer, as the agent numbers them */
    uint64_t address; /* LOCATED */
    uint32_t rank;    /* the agent's */
    int32_t status;   /* LOCATED */
};

struct crewi_array_spec {
    char name[CREW_NAME_SIZE]; /* "": to be given one */
    uint64_t count;
    uint64_t lock; /* 0: none */
    uint32_t type;
    uint32_t lock_use; /* crewi_array_lock_use */
};

/** Whose lock it is, and of which sort. */
enum crewi_array_lock_use {
    CREWI_ARRAY_NO_LOCK,
    CREWI_ARRAY_OWN_LOCK,    /* recursive, made and closed with the array */
    CREWI_ARRAY_USERS_RLOCK, /* the program's */
    CREWI_ARRAY_USERS_LOCK
};

/** Which elements of which array. */
struct crewi_array_head {
    uint64_t id;
    uint64_t first, count;
    uint32_t update; /* crewi_array_update */
    uint32_t reserved;
};

/** What is done to one element, atomically. */
enum crewi_array_update { CREWI_ARRAY_ADD = 1, CREWI_ARRAY_EXCHANGE, CREWI_ARRAY_COMPARE_EXCHANGE };

/** Elements, each at the front of its eight bytes. */
struct crewi_array_operands {
    unsigned char value[8];    /* to add, or to write */
    unsigned char expected[8]; /* COMPARE_EXCHANGE */
};

/** What the element was. */
struct crewi_array_before {
    unsigned char value[8];
};

/** What a rank that attaches is told, and a client that opens it. */
struct crewi_array_description {
    struct crewi_place place;
    uint64_t count, lock;
    uint32_t type, lock_use;
    char name[CREW_NAME_SIZE];
};

#endif
