/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/container_shares.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* As many words as are looked at in one go. */
#define WORDS_AT_A_TIME (CREWI_SCAN_SIZE / sizeof(uint64_t))

crew_status crewi_handle_words_add(void *context, const uint64_t *found, size_t count)
{
    struct crewi_handle_words *words = context;
    if (words->count + count > words->room) {
        size_t room = 2 * words->room + count + 8;
        uint64_t *grown = realloc(words->list, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        words->list = grown;
        words->room = room;
    }
    memcpy(words->list + words->count, found, count * sizeof *found);
    words->count += count;
    return CREW_OK;
}

static crew_status append(struct crewi_shares *all, const struct crewi_shares *more)
{
    struct crewi_share *grown = realloc(all->list, (all->count + more->count) * sizeof *grown);
    if (!grown)
        return crewi_error_memory();
    memcpy(grown + all->count, more->list, more->count * sizeof *grown);
    all->list = grown;
    all->count += more->count;
    return CREW_OK;
}

static crew_status take_all(struct crewi_engine *engine, uint64_t holder,
                            const struct crewi_handle_words *words, struct crewi_shares *shares)
{
    crew_status status = CREW_OK;
    for (size_t at = 0; at < words->count && !status; at += WORDS_AT_A_TIME) {
        size_t left = words->count - at;
        size_t count = left < WORDS_AT_A_TIME ? left : WORDS_AT_A_TIME;
        struct crewi_shares some;
        status =
            crewi_shares_take(engine, holder, words->list + at, count * sizeof(uint64_t), &some);
        if (!status && some.count)
            status = append(shares, &some);
        if (status)
            crewi_shares_put_back(engine, holder, &some);
        else
            crewi_shares_free(&some);
    }
    return status;
}

crew_status crewi_handle_words_take(struct crewi_engine *engine, uint64_t holder,
                                    struct crewi_handle_words *words, crew_status status,
                                    struct crewi_shares *shares)
{
    *shares = (struct crewi_shares){0};
    if (!status && words->count)
        status = take_all(engine, holder, words, shares);
    if (status)
        crewi_shares_put_back(engine, holder, shares);
    free(words->list);
    return status;
}
