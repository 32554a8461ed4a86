/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Who has copies of what, as somebody knows who sees all clients and letters of a job at once. An
 * object has to be unreferenced when nobody has one, and not before.
 */
#ifndef CREW_TESTS_SIM_COPIES_H
#define CREW_TESTS_SIM_COPIES_H

#include "sim_client.h"

enum letter_state { LETTER_UNDER_WAY, LETTER_TAKEN, LETTER_RECEIVED, LETTER_LOST };

/** A message with copies in it. */
struct copies_letter {
    enum letter_state state;
    uint64_t *ids;
    size_t count;
};

struct copies_object {
    uint64_t id;
    uint64_t held, under_way; /* by clients that live, in letters */
    bool gone;
};

struct copies {
    struct sim_job *job;
    struct copies_object **objects;
    size_t object_count, object_room;
    struct crewi_table by_id;
    struct copies_letter *letters; /* number n at n - 1 */
    size_t letter_count, letter_room;
};

void copies_fini(struct copies *copies);

void copies_created(struct copies *copies, uint64_t id);

/** NULL when there never was one. */
struct copies_object *copies_find(const struct copies *copies, uint64_t id);

/** Begins a letter with copies of these; returns its number. */
uint64_t copies_send(struct copies *copies, const uint64_t *ids, size_t count);

/** It goes from one state to another; from any other than @p from is a violation. */
struct copies_letter *copies_move(struct copies *copies, uint64_t number, enum letter_state from,
                                  enum letter_state to);

/** The home says that nobody has a copy. */
void copies_unreferenced(struct copies *copies, uint64_t id);

/** At the end: everything has to be gone. */
void copies_check_end(struct copies *copies);

#endif
