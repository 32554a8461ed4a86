/* SPDX-License-Identifier: BSD-3-Clause */
/* What collectives move: members of several ranks, with the test as MPI. */
#include "base/frame.h"
#include "team/transfer.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 4
#define MEMBERS 8
#define COUNT 3

struct team {
    struct crewi_team_place places[PLACES];
    struct crewi_layout layout[PLACES];
    uint32_t size, place_count;
    uint64_t counts[MEMBERS];
    struct crewi_frame *frames[MEMBERS];
    struct crewi_transfer transfers[PLACES];
};

static const uint32_t shapes[][PLACES] = {{1},    {3},       {1, 1},      {2, 2},
                                          {2, 1}, {1, 3, 2}, {2, 2, 2, 2}};

static void shape_team(struct team *team, const uint32_t *shape)
{
    bool even = true;
    memset(team, 0, sizeof *team);
    for (; team->place_count < PLACES && shape[team->place_count]; team->place_count++) {
        uint32_t count = shape[team->place_count];
        team->places[team->place_count] =
            (struct crewi_team_place){team->place_count, team->size, count};
        even = even && count == shape[0];
        team->size += count;
    }
    for (uint32_t place = 0; place < team->place_count; place++)
        team->layout[place] =
            (struct crewi_layout){team->size, place, team->place_count, even, team->places};
    for (uint32_t i = 0; i < team->size; i++)
        team->counts[i] = i + 1;
}

static uint32_t rank_of(const struct team *team, uint32_t member)
{
    uint32_t place = 0;
    while (member >= team->places[place].first + team->places[place].count)
        place++;
    return place;
}

/* What a member has for another one. */
static int32_t value(uint32_t from, uint32_t to, uint64_t index)
{
    return (int32_t)(10000 * from + 100 * to + index);
}

static bool is_sender(uint8_t kind, bool root)
{
    return root ||
           (kind != CREWI_TEAM_BCAST && kind != CREWI_TEAM_SCATTER && kind != CREWI_TEAM_SCATTERV);
}

static bool is_for_each(uint8_t kind)
{
    return kind == CREWI_TEAM_SCATTER || kind == CREWI_TEAM_SCATTERV || kind == CREWI_TEAM_ALLTOALL;
}

static uint64_t count_of(const struct team *team, uint8_t kind, uint32_t member)
{
    bool varies = kind == CREWI_TEAM_SCATTERV || kind == CREWI_TEAM_GATHERV;
    return varies ? team->counts[member] : COUNT;
}

/* A member's request: its elements for each, or the same for all. */
static struct crewi_frame *request(const struct team *team, uint8_t kind, uint32_t root,
                                   uint32_t member)
{
    int32_t elements[MEMBERS * MEMBERS];
    size_t count = 0, front = 0;
    bool varies = kind == CREWI_TEAM_SCATTERV || kind == CREWI_TEAM_GATHERV;
    uint32_t receivers = is_for_each(kind) ? team->size : 1;
    for (uint32_t to = 0; to < receivers && is_sender(kind, member == root); to++) {
        uint64_t own = is_for_each(kind) ? count_of(team, kind, to) : count_of(team, kind, member);
        for (uint64_t i = 0; i < own; i++)
            elements[count++] = value(member, is_for_each(kind) ? to : 0, i);
    }
    struct crewi_team_head head = {.own_count = varies ? team->counts[member] : 0};
    head.what = (struct crewi_team_what){.count = varies ? 0 : COUNT,
                                         .root = root,
                                         .kind = kind,
                                         .type = CREW_INT32,
                                         .operation = CREW_SUM};
    if (varies && member == root)
        front = crewi_team_pad(team->size * sizeof(uint64_t));
    struct crewi_frame *frame = crewi_frame_create(sizeof head + front + count * sizeof *elements);
    assert_non_null(frame);
    memset(frame->payload, 0, frame->header.size);
    memcpy(frame->payload, &head, sizeof head);
    if (front)
        memcpy(frame->payload + sizeof head, team->counts, team->size * sizeof(uint64_t));
    if (count)
        memcpy(frame->payload + sizeof head + front, elements, count * sizeof *elements);
    const struct crewi_layout *layout = &team->layout[rank_of(team, member)];
    assert_true(crewi_transfer_is_sound(layout, &head, 0, member) == false);
    assert_true(
        crewi_transfer_is_sound(layout, (void *)frame->payload, frame->header.size, member));
    return frame;
}

/* MPI */

static int displacement(const int *displacements, int count, uint32_t place)
{
    return displacements ? displacements[place] : count * (int)place;
}

static bool has_counts(enum crewi_collective_kind kind)
{
    return kind == CREWI_COLLECTIVE_GATHERV || kind == CREWI_COLLECTIVE_ALLGATHERV ||
           kind == CREWI_COLLECTIVE_SCATTERV || kind == CREWI_COLLECTIVE_ALLTOALLV;
}

/* From one rank to another; a message may be shorter than there is room, and no longer. */
static void move(struct team *team, uint32_t from, uint32_t to)
{
    const struct crewi_collective *one = &team->transfers[from].call;
    const struct crewi_collective *other = &team->transfers[to].call;
    bool lists = has_counts(one->kind);
    bool scatters = one->kind == CREWI_COLLECTIVE_SCATTER || one->kind == CREWI_COLLECTIVE_SCATTERV;
    bool all = one->kind == CREWI_COLLECTIVE_ALLTOALL || one->kind == CREWI_COLLECTIVE_ALLTOALLV;
    bool from_list = lists && (scatters || all), to_list = lists && !scatters;
    int size = from_list ? one->send_counts[to] : one->send_count;
    int room = to_list ? other->receive_counts[from] : other->receive_count;
    int at =
        scatters || all ? displacement(from_list ? one->send_displacements : NULL, size, to) : 0;
    int into =
        scatters ? 0 : displacement(to_list ? other->receive_displacements : NULL, room, from);
    assert_true(size <= room);
    memcpy((char *)other->receive + into, (const char *)one->send + at, (size_t)size);
}

static void add(struct team *team, uint32_t to)
{
    int32_t *sum = team->transfers[to].call.receive;
    for (int i = 0; i < team->transfers[to].call.send_count; i++) {
        sum[i] = 0;
        for (uint32_t from = 0; from < team->place_count; from++)
            sum[i] += ((const int32_t *)team->transfers[from].call.send)[i];
    }
}

static void play_mpi(struct team *team)
{
    enum crewi_collective_kind kind = team->transfers[0].call.kind;
    uint32_t root = (uint32_t)team->transfers[0].call.root;
    bool to_root = kind == CREWI_COLLECTIVE_GATHER || kind == CREWI_COLLECTIVE_GATHERV ||
                   kind == CREWI_COLLECTIVE_REDUCE;
    bool from_root = kind == CREWI_COLLECTIVE_SCATTER || kind == CREWI_COLLECTIVE_SCATTERV;
    for (uint32_t to = 0; to < team->place_count; to++) {
        struct crewi_collective *call = &team->transfers[to].call;
        assert_int_equal(call->kind, kind);
        if (to_root && to != root)
            continue;
        if (kind == CREWI_COLLECTIVE_BCAST && to != root)
            memcpy(call->receive, team->transfers[root].call.receive, (size_t)call->receive_count);
        if (kind == CREWI_COLLECTIVE_REDUCE || kind == CREWI_COLLECTIVE_ALLREDUCE)
            add(team, to);
        else if (kind != CREWI_COLLECTIVE_BCAST)
            for (uint32_t from = from_root ? root : 0;
                 from < (from_root ? root + 1 : team->place_count); from++)
                move(team, from, to);
    }
}

/* What is expected of one for another, from all of them or the root alone. */
static void expect(const struct team *team, uint8_t kind, uint32_t root, uint32_t member,
                   const struct crewi_frame *reply)
{
    const int32_t *found = (const void *)reply->payload;
    size_t next = 0;
    bool gets = true, all = true, sums = kind == CREWI_TEAM_REDUCE || kind == CREWI_TEAM_ALLREDUCE;
    if (kind == CREWI_TEAM_GATHER || kind == CREWI_TEAM_GATHERV || kind == CREWI_TEAM_REDUCE)
        gets = member == root;
    if (kind == CREWI_TEAM_BCAST)
        gets = member != root;
    if (kind == CREWI_TEAM_BCAST || kind == CREWI_TEAM_SCATTER || kind == CREWI_TEAM_SCATTERV)
        all = false;
    for (uint32_t from = all ? 0 : root; gets && !sums && from < (all ? team->size : root + 1);
         from++) {
        uint64_t count = count_of(team, kind, is_for_each(kind) ? member : from);
        for (uint64_t i = 0; i < count; i++)
            assert_int_equal(found[next++], value(from, is_for_each(kind) ? member : 0, i));
    }
    for (uint64_t i = 0; gets && sums && i < COUNT; i++) {
        int32_t sum = 0;
        for (uint32_t from = 0; from < team->size; from++)
            sum += value(from, 0, i);
        assert_int_equal(found[next++], sum);
    }
    assert_int_equal(reply->header.size, next * sizeof *found);
}

static void try_one(struct team *team, uint8_t kind, uint32_t root)
{
    for (uint32_t i = 0; i < team->size; i++)
        team->frames[i] = request(team, kind, root, i);
    for (uint32_t p = 0; p < team->place_count; p++)
        assert_int_equal(crewi_transfer_begin(&team->transfers[p], &team->layout[p],
                                              &team->frames[team->places[p].first]),
                         CREW_OK);
    if (team->place_count == 1)
        crewi_transfer_alone(&team->transfers[0]);
    else
        play_mpi(team);
    for (uint32_t p = 0; p < team->place_count; p++) {
        const struct crewi_team_place *place = &team->places[p];
        for (uint32_t i = place->count; i-- > 0;) {
            struct crewi_frame *reply = crewi_transfer_take(&team->transfers[p], &team->layout[p],
                                                            &team->frames[place->first], i);
            assert_non_null(reply);
            expect(team, kind, root, place->first + i, reply);
            crewi_frame_destroy(reply);
        }
        crewi_transfer_end(&team->transfers[p]);
    }
    for (uint32_t i = 0; i < team->size; i++)
        crewi_frame_destroy(team->frames[i]);
}

static void everybody_gets_what_is_theirs(void **state)
{
    (void)state;
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        struct team team;
        shape_team(&team, shapes[shape]);
        for (uint8_t kind = CREWI_TEAM_BCAST; kind <= CREWI_TEAM_ALLTOALL; kind++)
            for (uint32_t root = 0; root < team.size; root++)
                try_one(&team, kind, root);
    }
}

static uint64_t widest(const struct team *team, uint32_t except)
{
    uint64_t most = 0;
    for (uint32_t p = 0; p < team->place_count; p++)
        if (p != except && team->transfers[p].what.widest > most)
            most = team->transfers[p].what.widest;
    return most;
}

/* One rank fills what the others have entered: every message has room. */
static void fill_one(struct team *team, uint8_t kind, uint32_t root, uint32_t missing)
{
    for (uint32_t i = 0; i < team->size; i++)
        team->frames[i] = request(team, kind, root, i);
    for (uint32_t p = 0; p < team->place_count; p++)
        if (p != missing)
            assert_int_equal(crewi_transfer_begin(&team->transfers[p], &team->layout[p],
                                                  &team->frames[team->places[p].first]),
                             CREW_OK);
    struct crewi_team_what what = team->transfers[missing ? 0 : 1].what;
    what.widest = widest(team, missing);
    assert_int_equal(
        crewi_transfer_begin_filling(&team->transfers[missing], &team->layout[missing], &what),
        CREW_OK);
    play_mpi(team);
    for (uint32_t p = 0; p < team->place_count; p++)
        crewi_transfer_end(&team->transfers[p]);
    for (uint32_t i = 0; i < team->size; i++)
        crewi_frame_destroy(team->frames[i]);
}

static void a_missing_rank_can_be_filled_in(void **state)
{
    (void)state;
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        struct team team;
        shape_team(&team, shapes[shape]);
        if (team.place_count == 1)
            continue;
        for (uint8_t kind = CREWI_TEAM_BCAST; kind <= CREWI_TEAM_ALLTOALL; kind++)
            for (uint32_t root = 0; root < team.size; root++)
                for (uint32_t missing = 0; missing < team.place_count; missing++)
                    fill_one(&team, kind, root, missing);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    struct team team;
    struct crewi_team_head head = {.what = {.count = 1, .kind = CREWI_TEAM_ALLGATHER}};
    const struct crewi_layout *layout = team.layout;
    (void)state;
    shape_team(&team, shapes[1]);
    head.what.type = CREW_INT32;
    assert_true(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head - 1, 0));
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 5, 0));
    head.what.type = CREW_BYTE + 1;
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    head.what.type = CREW_INT32;
    head.what.kind = CREWI_TEAM_SYNC;
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    head.what.kind = CREWI_TEAM_REDUCE;
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    head.what.operation = CREW_SUM;
    assert_true(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    head.what.root = 3;
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    head.what.root = 0;
    head.what.count = UINT64_MAX / 4 + 2;
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    head.what.kind = CREWI_TEAM_GATHERV; /* its counts are not there */
    head.what.count = 0;
    head.own_count = 1;
    assert_false(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 0));
    assert_true(crewi_transfer_is_sound(layout, &head, sizeof head + 4, 1));
}

static void counts_have_to_fit(void **state)
{
    struct team team;
    struct crewi_transfer transfer;
    (void)state;
    shape_team(&team, shapes[1]);
    for (uint32_t i = 0; i < team.size; i++)
        team.frames[i] = request(&team, CREWI_TEAM_GATHERV, 1, i);
    uint64_t *counts = (void *)(team.frames[1]->payload + sizeof(struct crewi_team_head));
    counts[2]++;
    assert_int_equal(crewi_transfer_begin(&transfer, team.layout, team.frames), CREW_EINVAL);
    assert_non_null(strstr(crew_error_message(), "member 2 has a count of 3"));
    for (uint32_t i = 0; i < team.size; i++)
        crewi_frame_destroy(team.frames[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_what_is_theirs),
        cmocka_unit_test(a_missing_rank_can_be_filled_in),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(counts_have_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
