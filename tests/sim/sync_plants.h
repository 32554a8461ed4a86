/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What homes of locks, semaphores, events and barriers, and their users, do wrong on purpose. The
 * linker puts the functions of sync_hooks.c in front of theirs.
 */
#ifndef CREW_TESTS_SIM_SYNC_PLANTS_H
#define CREW_TESTS_SIM_SYNC_PLANTS_H

#include "sync_model.h"

enum sync_plant {
    SYNC_FORGETS_NEXT,     /* release: nobody gets the lock */
    SYNC_QUEUED_STAYS,     /* the last one who waited has left, and the word does not say so */
    SYNC_QUEUED_LOST,      /* somebody waits, and the word does not say so */
    SYNC_DEATH_IGNORED,    /* of a holder */
    SYNC_DEAD_WAITS,       /* one who has ended stays parked */
    SYNC_DEATH_TOLD_TWICE, /* CREW_EOWNERDEAD */
    SYNC_NOTIFY_TOO_FEW,   /* as if one who is dead were woken */
    SYNC_NOTIFY_TOO_MANY,
    SYNC_NOTIFY_DIES,       /* with the one that was notified, and ends before it has the lock */
    SYNC_RELEASE_OVERTAKES, /* a release by the word the note of a notify */
    SYNC_UNIT_LOST,         /* of a semaphore */
    SYNC_SET_IGNORED,       /* the note that an event is set */
    SYNC_DEAD_SETTER,       /* one that set an event ends before its note: nobody is woken */
    SYNC_CLEAR_FORGETS,     /* those who wait for an event that is set */
    SYNC_ONE_MISSING,       /* a barrier does not wait for the last one */
    SYNC_INDEX_TWICE,
    SYNC_PARTY_DIES_UNSEEN, /* one that waits at a barrier */
    SYNC_ABORT_IGNORED,
    SYNC_NO_TIME_LIMIT,
    SYNC_EARLY_TIME_LIMIT,
    SYNC_BLOCK_KEPT
};

extern const struct sim_plant sync_plants[];

/** Whether it goes wrong here and now; @p fits: whether it can. */
bool sync_is_planted(const struct sync_model *model, enum sync_plant which, bool fits);

#endif
