/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Shares of the handles in values: of these words alone, and however far behind they are, where
 * messages are searched word by word (engine/handles.h).
 */
#ifndef CREWI_SHARED_CONTAINER_SHARES_H
#define CREWI_SHARED_CONTAINER_SHARES_H

#include "engine/handles.h"

/** Words of handles. All zero is none. */
struct crewi_handle_words {
    uint64_t *list;
    size_t count, room;
};

/** Adds some, to a crewi_handle_words: for crewi_packed_handles(). ::CREW_ENOMEM */
crew_status crewi_handle_words_add(void *words, const uint64_t *found, size_t count);

/** Takes a share of each from a holder, unless finding them has failed with @p status; frees the
 * words. Nothing is taken when it fails. */
crew_status crewi_handle_words_take(struct crewi_engine *engine, uint64_t holder,
                                    struct crewi_handle_words *words, crew_status status,
                                    struct crewi_shares *shares);

#endif
