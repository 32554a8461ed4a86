/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A lane: the order in which a rank enters the MPI collectives of a team, one at a time.
 *
 * All ranks have to enter the same ones in the same order, also when members end in the middle.
 * When a lane is stopped, each rank says how many it has entered; those that the others have not
 * entered are *filled* by their ranks, with buffers that mean nothing, so that no MPI call stays
 * without its counterpart, and no memory of MPI's in use.
 *
 * What is to be filled is known from the ranks that have entered it: each remembers its last ones.
 * No rank gets far ahead of the others (a root of MPI_Bcast needs none of them): every
 * ::CREWI_LANE_SYNC_EVERY numbers there is one that is an MPI_Ibarrier.
 *
 * No MPI here: whoever has a lane asks what comes next, does it, and says so.
 */
#ifndef CREWI_TEAM_LANE_H
#define CREWI_TEAM_LANE_H

#include "team/team_protocol.h"

#include <stdbool.h>

/** One number of so many is a barrier, and how many are remembered: twice as many. */
#define CREWI_LANE_SYNC_EVERY ((size_t)512)
#define CREWI_LANE_HISTORY (2 * CREWI_LANE_SYNC_EVERY)

enum crewi_lane_step {
    CREWI_LANE_WAIT, /* nothing to do now */
    CREWI_LANE_OWN,  /* what the members here have come for */
    CREWI_LANE_SYNC,
    CREWI_LANE_FILL /* crewi_lane_filling() says what */
};

struct crewi_lane {
    uint64_t entered; /* how many, which is the number of the next one */
    bool under_way;   /* the last of them has not completed */
    bool has_syncs;
    uint64_t limit; /* members enter none from here on */
    uint64_t fill_from, fill_until;
    struct crewi_team_what *history; /* by number, modulo */
};

/** Begins; a lane of barriers needs no @p syncs. ::CREW_ENOMEM */
crew_status crewi_lane_init(struct crewi_lane *lane, bool syncs);
void crewi_lane_fini(struct crewi_lane *lane);

/** The number of what members come for now, or came for if it is under way. */
uint64_t crewi_lane_current(const struct crewi_lane *lane);

/** What comes next, when all members here have come for something or (not @p ready) have not. */
enum crewi_lane_step crewi_lane_next(const struct crewi_lane *lane, bool ready);

/** What is to be filled next. */
const struct crewi_team_what *crewi_lane_filling(const struct crewi_lane *lane);

/** The next one is entered now. */
void crewi_lane_enter(struct crewi_lane *lane, const struct crewi_team_what *what);

/** The one under way has completed. */
void crewi_lane_complete(struct crewi_lane *lane);

/** Whether members get nothing from that one. */
static inline bool crewi_lane_is_broken_at(const struct crewi_lane *lane, uint64_t number)
{
    return number >= lane->limit;
}

/** Members enter none from @p number on, or from a lower one if that was said before. */
void crewi_lane_stop(struct crewi_lane *lane, uint64_t number);

/** How many were entered of those from @p number on, and where they are: @p whats has room for
 * ::CREWI_LANE_HISTORY. */
uint32_t crewi_lane_report(const struct crewi_lane *lane, uint64_t number,
                           struct crewi_team_what *whats);

/** All from @p from to @p until are to be entered, whoever comes: @p whats has @p count of them,
 * the last of which is that before @p until. */
void crewi_lane_fill(struct crewi_lane *lane, uint64_t from, uint64_t until,
                     const struct crewi_team_what *whats, uint32_t count);

/** Members may enter again. */
void crewi_lane_go_on(struct crewi_lane *lane);

/** Whether nothing is under way or to be filled. */
bool crewi_lane_is_idle(const struct crewi_lane *lane);

#endif
