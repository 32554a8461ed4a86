/* SPDX-License-Identifier: BSD-3-Clause */
/* The order in which ranks enter collectives, with members that end in the middle. */
#include "team/lane.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define SYNC (CREWI_LANE_SYNC_EVERY - 1)

static struct crewi_team_what what_of(uint64_t number)
{
    return (struct crewi_team_what){.count = number, .kind = CREWI_TEAM_BCAST};
}

static const struct crewi_team_what sync_what = {.kind = CREWI_TEAM_SYNC};

/* Does what comes next, and expects that. */
static void go(struct crewi_lane *lane, enum crewi_lane_step expected)
{
    struct crewi_team_what what = what_of(lane->entered);
    assert_int_equal(crewi_lane_next(lane, true), expected);
    crewi_lane_enter(lane, expected == CREWI_LANE_SYNC ? &sync_what : &what);
    assert_int_equal(crewi_lane_next(lane, true), CREWI_LANE_WAIT);
    crewi_lane_complete(lane);
}

static void one_at_a_time(void **state)
{
    struct crewi_lane lane;
    struct crewi_team_what what = what_of(0);
    (void)state;
    assert_int_equal(crewi_lane_init(&lane, true), CREW_OK);
    assert_true(crewi_lane_is_idle(&lane));
    assert_int_equal(crewi_lane_next(&lane, false), CREWI_LANE_WAIT);
    assert_int_equal(crewi_lane_current(&lane), 0);
    crewi_lane_enter(&lane, &what);
    assert_int_equal(crewi_lane_current(&lane), 0);
    assert_false(crewi_lane_is_idle(&lane));
    crewi_lane_complete(&lane);
    assert_int_equal(crewi_lane_current(&lane), 1);
    crewi_lane_fini(&lane);
}

static void ranks_meet_now_and_then(void **state)
{
    struct crewi_lane lane, trips;
    (void)state;
    assert_int_equal(crewi_lane_init(&lane, true), CREW_OK);
    assert_int_equal(crewi_lane_init(&trips, false), CREW_OK);
    for (uint64_t number = 0; number < 3 * CREWI_LANE_SYNC_EVERY; number++) {
        bool sync = number % CREWI_LANE_SYNC_EVERY == SYNC;
        assert_int_equal(crewi_lane_current(&lane), number + sync);
        go(&lane, sync ? CREWI_LANE_SYNC : CREWI_LANE_OWN);
        go(&trips, CREWI_LANE_OWN);
    }
    crewi_lane_fini(&lane);
    crewi_lane_fini(&trips);
}

/* What members come for while the ranks meet is the one after that. */
static void what_comes_during_a_meeting(void **state)
{
    struct crewi_lane lane;
    (void)state;
    assert_int_equal(crewi_lane_init(&lane, true), CREW_OK);
    for (uint64_t number = 0; number < SYNC; number++)
        go(&lane, CREWI_LANE_OWN);
    crewi_lane_enter(&lane, &sync_what);
    assert_int_equal(crewi_lane_current(&lane), SYNC + 1);
    crewi_lane_fini(&lane);
}

static void nothing_is_entered_from_the_limit_on(void **state)
{
    struct crewi_lane lane;
    (void)state;
    assert_int_equal(crewi_lane_init(&lane, true), CREW_OK);
    crewi_lane_stop(&lane, 2);
    crewi_lane_stop(&lane, 5); /* too late */
    go(&lane, CREWI_LANE_OWN);
    go(&lane, CREWI_LANE_OWN);
    assert_int_equal(crewi_lane_next(&lane, true), CREWI_LANE_WAIT);
    assert_true(crewi_lane_is_broken_at(&lane, 2));
    assert_false(crewi_lane_is_broken_at(&lane, 1));
    crewi_lane_go_on(&lane);
    go(&lane, CREWI_LANE_OWN);
    crewi_lane_fini(&lane);
}

static void what_others_have_entered_is_filled(void **state)
{
    struct crewi_lane ahead, behind;
    struct crewi_team_what whats[CREWI_LANE_HISTORY];
    (void)state;
    assert_int_equal(crewi_lane_init(&ahead, true), CREW_OK);
    assert_int_equal(crewi_lane_init(&behind, true), CREW_OK);
    for (int i = 0; i < 7; i++)
        go(&ahead, CREWI_LANE_OWN);
    for (int i = 0; i < 3; i++)
        go(&behind, CREWI_LANE_OWN);
    assert_int_equal(crewi_lane_report(&behind, 4, whats), 0);
    assert_int_equal(crewi_lane_report(&ahead, 4, whats), 3);
    crewi_lane_stop(&behind, 4);
    crewi_lane_fill(&behind, 4, 7, whats, 3);
    go(&behind, CREWI_LANE_OWN); /* the members are to come for that one */
    for (uint64_t number = 4; number < 7; number++) {
        assert_false(crewi_lane_is_idle(&behind));
        assert_int_equal(crewi_lane_next(&behind, false), CREWI_LANE_FILL);
        assert_int_equal(crewi_lane_filling(&behind)->count, number);
        crewi_lane_enter(&behind, crewi_lane_filling(&behind));
        crewi_lane_complete(&behind);
    }
    assert_true(crewi_lane_is_idle(&behind));
    assert_int_equal(crewi_lane_next(&behind, true), CREWI_LANE_WAIT);
    crewi_lane_fini(&ahead);
    crewi_lane_fini(&behind);
}

/* A model of all of it: ranks with one member each, one of which ends somewhere while the others
 * would go on for ever, and a home that
 * stops them, with steps in any order. A collective completes at its root at once and elsewhere
 * when the root has entered it, or as a barrier when all have. */

#define RANKS 4
#define CALLS 1200

struct model {
    struct crewi_lane lanes[RANKS];
    uint64_t kinds[RANKS][2 * CALLS]; /* what each has entered: 1 and the root, or 100 */
    uint64_t calls[RANKS], limit[RANKS];
    bool stopped[RANKS], judged[RANKS], ended[RANKS];
    bool stopping;
    uint64_t limit_sent;
    struct crewi_team_what whats[CREWI_LANE_HISTORY];
    uint32_t count, missing;
    uint64_t seed;
};

static uint64_t draw(struct model *model, uint64_t below)
{
    model->seed = model->seed * 6364136223846793005u + 1442695040888963407u;
    return (model->seed >> 33) % below;
}

static void enter(struct model *model, int rank, const struct crewi_team_what *what)
{
    struct crewi_lane *lane = &model->lanes[rank];
    assert_true(lane->entered < 2 * CALLS);
    model->kinds[rank][lane->entered] = what->kind == CREWI_TEAM_SYNC ? 100 : 1 + what->root;
    crewi_lane_enter(lane, what);
}

static bool has_entered(const struct model *model, int rank, uint64_t number)
{
    return model->lanes[rank].entered > number;
}

static bool can_complete(const struct model *model, int rank)
{
    uint64_t number = model->lanes[rank].entered - 1, kind = model->kinds[rank][number];
    if (kind != 100)
        return has_entered(model, (int)kind - 1, number);
    for (int other = 0; other < RANKS; other++)
        if (!has_entered(model, other, number))
            return false;
    return true;
}

/* The roots are in turn, but mostly the first. */
static struct crewi_team_what next_call(const struct model *model, int rank)
{
    uint64_t number = crewi_lane_current(&model->lanes[rank]);
    return (struct crewi_team_what){.kind = CREWI_TEAM_BCAST,
                                    .root = number % 97 == 0 ? (uint32_t)(number % RANKS) : 0};
}

static bool advance(struct model *model, int rank)
{
    struct crewi_lane *lane = &model->lanes[rank];
    struct crewi_team_what what = next_call(model, rank);
    if (lane->under_way) {
        if (!can_complete(model, rank))
            return false;
        if (model->kinds[rank][lane->entered - 1] != 100)
            model->calls[rank]++;
        crewi_lane_complete(lane);
        return true;
    }
    bool ready = !model->ended[rank] && model->calls[rank] < model->limit[rank];
    switch (crewi_lane_next(lane, ready)) {
    case CREWI_LANE_OWN:
        enter(model, rank, &what);
        return true;
    case CREWI_LANE_SYNC:
        enter(model, rank, &sync_what);
        return true;
    case CREWI_LANE_FILL:
        what = *crewi_lane_filling(lane);
        enter(model, rank, &what);
        return true;
    default:
        return false;
    }
}

/* The member of that rank has returned, and the home hears of it. */
static void end_member(struct model *model, int rank)
{
    if (model->ended[rank] || model->lanes[rank].under_way ||
        model->calls[rank] < model->limit[rank])
        return;
    model->ended[rank] = true;
    if (model->stopping)
        return;
    model->stopping = true;
    model->limit_sent = model->lanes[rank].entered;
    model->missing = RANKS;
}

static bool hear_home(struct model *model, int rank)
{
    struct crewi_lane *lane = &model->lanes[rank];
    struct crewi_team_what whats[CREWI_LANE_HISTORY];
    if (!model->stopping)
        return false;
    if (!model->stopped[rank]) {
        crewi_lane_stop(lane, model->limit_sent);
        uint32_t count = crewi_lane_report(lane, model->limit_sent, whats);
        if (count > model->count) {
            memcpy(model->whats, whats, count * sizeof *whats);
            model->count = count;
        }
        model->stopped[rank] = true;
        model->missing--;
        return true;
    }
    if (model->missing || model->judged[rank])
        return false;
    model->judged[rank] = true;
    crewi_lane_fill(lane, model->limit_sent, model->limit_sent + model->count, model->whats,
                    model->count);
    return true;
}

static bool step(struct model *model)
{
    int first = (int)draw(model, RANKS);
    for (int i = 0; i < RANKS; i++) {
        int rank = (first + i) % RANKS;
        end_member(model, rank);
        bool home = draw(model, 20) == 0 && hear_home(model, rank);
        if (home || (draw(model, 4) != 0 && advance(model, rank)))
            return true;
    }
    for (int rank = 0; rank < RANKS; rank++)
        if (advance(model, rank) || hear_home(model, rank))
            return true;
    return false;
}

static void check_end(const struct model *model)
{
    uint64_t entered = model->lanes[0].entered;
    assert_true(model->stopping);
    for (int rank = 0; rank < RANKS; rank++) {
        assert_int_equal(model->lanes[rank].entered, entered);
        assert_true(crewi_lane_is_idle(&model->lanes[rank]));
        assert_memory_equal(model->kinds[rank], model->kinds[0], entered * sizeof(uint64_t));
    }
}

static void all_ranks_enter_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct model *model = calloc(1, sizeof *model);
        assert_non_null(model);
        model->seed = seed;
        for (int rank = 0; rank < RANKS; rank++) {
            assert_int_equal(crewi_lane_init(&model->lanes[rank], true), CREW_OK);
            model->limit[rank] = UINT64_MAX;
        }
        int victim = (int)draw(model, RANKS);
        model->limit[victim] = draw(model, CALLS);
        while (step(model))
            ;
        check_end(model);
        for (int rank = 0; rank < RANKS; rank++)
            crewi_lane_fini(&model->lanes[rank]);
        free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(ranks_meet_now_and_then),
        cmocka_unit_test(what_comes_during_a_meeting),
        cmocka_unit_test(nothing_is_entered_from_the_limit_on),
        cmocka_unit_test(what_others_have_entered_is_filled),
        cmocka_unit_test(all_ranks_enter_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
