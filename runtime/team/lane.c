/* SPDX-License-Identifier: BSD-3-Clause */
#include "team/lane.h"

#include "base/error.h"

#include <stdlib.h>

static struct crewi_team_what *remembered(const struct crewi_lane *lane, uint64_t number)
{
    return &lane->history[number % CREWI_LANE_HISTORY];
}

crew_status crewi_lane_init(struct crewi_lane *lane, bool syncs)
{
    *lane = (struct crewi_lane){.limit = CREWI_TEAM_NEVER, .has_syncs = syncs};
    lane->history = calloc(CREWI_LANE_HISTORY, sizeof *lane->history);
    return lane->history ? CREW_OK : crewi_error_memory();
}

void crewi_lane_fini(struct crewi_lane *lane)
{
    free(lane->history);
    lane->history = NULL;
}

static bool is_sync(const struct crewi_lane *lane, uint64_t number)
{
    return lane->has_syncs && number % CREWI_LANE_SYNC_EVERY == CREWI_LANE_SYNC_EVERY - 1;
}

uint64_t crewi_lane_current(const struct crewi_lane *lane)
{
    uint64_t last = lane->entered - 1;
    if (lane->under_way && !is_sync(lane, last))
        return last;
    return is_sync(lane, lane->entered) ? lane->entered + 1 : lane->entered;
}

static bool has_to_fill(const struct crewi_lane *lane)
{
    return lane->entered >= lane->fill_from && lane->entered < lane->fill_until;
}

enum crewi_lane_step crewi_lane_next(const struct crewi_lane *lane, bool ready)
{
    if (lane->under_way)
        return CREWI_LANE_WAIT;
    if (has_to_fill(lane))
        return CREWI_LANE_FILL;
    if (!ready || lane->entered >= lane->limit)
        return CREWI_LANE_WAIT;
    return is_sync(lane, lane->entered) ? CREWI_LANE_SYNC : CREWI_LANE_OWN;
}

const struct crewi_team_what *crewi_lane_filling(const struct crewi_lane *lane)
{
    return remembered(lane, lane->entered);
}

void crewi_lane_enter(struct crewi_lane *lane, const struct crewi_team_what *what)
{
    *remembered(lane, lane->entered) = *what;
    lane->entered++;
    lane->under_way = true;
}

void crewi_lane_complete(struct crewi_lane *lane)
{
    lane->under_way = false;
}

void crewi_lane_stop(struct crewi_lane *lane, uint64_t number)
{
    if (number < lane->limit)
        lane->limit = number;
}

uint32_t crewi_lane_report(const struct crewi_lane *lane, uint64_t number,
                           struct crewi_team_what *whats)
{
    uint32_t count = 0;
    for (; number < lane->entered && count < CREWI_LANE_HISTORY; number++)
        whats[count++] = *remembered(lane, number);
    return count;
}

void crewi_lane_fill(struct crewi_lane *lane, uint64_t from, uint64_t until,
                     const struct crewi_team_what *whats, uint32_t count)
{
    lane->fill_from = from;
    lane->fill_until = until;
    for (uint64_t number = until - count; number < until; number++)
        if (number >= lane->entered) /* what was entered here is known better here */
            *remembered(lane, number) = whats[number - (until - count)];
}

void crewi_lane_go_on(struct crewi_lane *lane)
{
    lane->limit = CREWI_TEAM_NEVER;
}

bool crewi_lane_is_idle(const struct crewi_lane *lane)
{
    return !lane->under_way && !has_to_fill(lane);
}
