/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A kind of shared objects that do nothing, to have their handles counted, and messages between
 * processes with handles in them. It has what every kind with shared objects has, and tells its
 * ::toy_watcher what becomes of handles.
 */
#ifndef CREW_TESTS_SIM_TOY_H
#define CREW_TESTS_SIM_TOY_H

#include "engine/handles.h"
#include "sim_job.h"

/** A number that no concept has. */
#define TOY_KIND ((enum crewi_kind_number)15)

enum toy_op {
    TOY_CREATE = 1,               /* -> the id */
    TOY_USE,                      /* id: asks the object itself whether it is there */
    TOY_CLOSE,                    /* id */
    TOY_PASS,                     /* toy_letter, words: some are handles */
    TOY_TAKE,                     /* -> a toy_letter and its words; CREW_EEMPTY */
    TOY_CARRY = CREWI_ENGINE_OPS, /* rank to rank: a toy_parcel, shares, words */
    TOY_ASK                       /* rank to home, in a client's name: id */
};

/** A message of one process to another. */
struct toy_letter {
    uint64_t number;
    uint64_t process; /* who is to have it */
    uint32_t rank;    /* where it is */
    uint32_t starts;  /* it is the argument of a process that begins there */
};

/** Who looks at the whole job at once. */
struct toy_watcher {
    void (*created)(struct sim_job *job, uint64_t id);
    void (*unreferenced)(struct sim_job *job, uint64_t id);
    /** Nobody gets a letter. */
    void (*lost)(struct sim_job *job, uint64_t number);
    /** A process has got it. */
    void (*taken)(struct sim_job *job, uint64_t number, uint64_t process);
    /** The argument of a process has come to its rank: it is to begin. False when it cannot. */
    bool (*start)(struct sim_job *job, uint32_t rank, const struct toy_letter *letter);
};

/** Has the kind on all ranks. */
void toy_begin(struct sim_job *job, const struct toy_watcher *watcher);

/** Frees what ranks keep. */
void toy_end(struct sim_job *job);

/** Uses that homes have not heard of (crewi_kind::count_out); none when all objects are gone. */
uint64_t toy_uses_unheard(void);

const char *toy_op_name(uint8_t kind, uint8_t op);

#endif
