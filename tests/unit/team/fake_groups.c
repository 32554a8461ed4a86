/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_groups.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS 16
#define SEQUENCE 256

/* The n-th collective of a lane: who has entered it. */
struct round {
    enum crewi_collective_kind kind;
    int root;
    uint32_t entered; /* how many */
    bool has[FAKE_RANKS];
    struct crewi_frame *done[FAKE_RANKS]; /* not handed over yet */
    void *receive[FAKE_RANKS];
    unsigned char data[64]; /* of a broadcast whose root has entered */
    size_t size;
};

struct lane {
    uint64_t next[FAKE_RANKS];
    struct round rounds[SEQUENCE];
};

/* The same for all of its ranks. */
struct crewi_group {
    int count, ranks[FAKE_RANKS];
    int uses; /* ranks that have it now */
    struct lane lanes[CREWI_GROUP_LANES];
};

static struct crewi_group *groups[GROUPS];
static struct crewi_transport_ops ops;
static struct fake_job *job;

static crew_status create(struct crewi_transport *transport, const int *ranks, int count,
                          struct crewi_group **group)
{
    int i = 0;
    (void)transport;
    while (groups[i] && (groups[i]->count != count ||
                         memcmp(groups[i]->ranks, ranks, (size_t)count * sizeof *ranks) != 0 ||
                         groups[i]->uses == count))
        assert_true(++i < GROUPS);
    if (!groups[i]) {
        groups[i] = calloc(1, sizeof *groups[i]);
        assert_non_null(groups[i]);
        groups[i]->count = count;
        memcpy(groups[i]->ranks, ranks, (size_t)count * sizeof *ranks);
    }
    groups[i]->uses++;
    *group = groups[i];
    return CREW_OK;
}

static void release(struct crewi_transport *transport, struct crewi_group *group)
{
    for (int lane = 0; lane < CREWI_GROUP_LANES; lane++) {
        uint64_t next = group->lanes[lane].next[transport->rank];
        for (uint64_t i = 0; i < next; i++)
            assert_null(group->lanes[lane].rounds[i].done[transport->rank]);
        for (int i = 0; i < group->count; i++) /* all are at rest */
            assert_int_equal(group->lanes[lane].next[group->ranks[i]], next);
    }
    group->uses--;
}

static void hand_over(struct round *round, int rank)
{
    if (!round->done[rank])
        return;
    if (round->kind == CREWI_COLLECTIVE_BCAST)
        memcpy(round->receive[rank], round->data, round->size);
    round->done[rank]->can_wait = (uint64_t)rank;
    crewi_frames_push(&job->ranks[rank].wire, round->done[rank]);
    round->done[rank] = NULL;
}

static void complete(const struct crewi_group *group, struct round *round)
{
    bool all = round->entered == (uint32_t)group->count;
    bool root = round->kind == CREWI_COLLECTIVE_BCAST && round->has[group->ranks[round->root]];
    for (int i = 0; i < group->count && (all || root); i++)
        hand_over(round, group->ranks[i]);
}

static crew_status enter(struct crewi_transport *transport, struct crewi_group *group,
                         const struct crewi_collective *what, struct crewi_frame *done)
{
    struct lane *lane = &group->lanes[what->lane];
    uint32_t rank = transport->rank;
    assert_true(lane->next[rank] < SEQUENCE);
    struct round *round = &lane->rounds[lane->next[rank]++];
    if (round->entered) {
        assert_int_equal(round->kind, what->kind);
        assert_int_equal(round->root, what->root);
    }
    round->kind = what->kind;
    round->root = what->root;
    round->entered++;
    round->has[rank] = true;
    round->done[rank] = done;
    round->receive[rank] = what->receive;
    if (what->kind == CREWI_COLLECTIVE_BCAST && group->ranks[what->root] == (int)rank) {
        round->size = (size_t)what->receive_count;
        assert_true(round->size <= sizeof round->data);
        memcpy(round->data, what->receive, round->size);
    }
    complete(group, round);
    return CREW_OK;
}

void fake_groups_begin(struct fake_job *fake)
{
    job = fake;
    ops = *job->ranks[0].transport.ops;
    ops.group_create = create;
    ops.group_release = release;
    ops.collective = enter;
    for (uint32_t i = 0; i < job->rank_count; i++)
        job->ranks[i].transport.ops = &ops;
}

void fake_groups_end(void)
{
    for (int i = 0; i < GROUPS && groups[i]; i++) {
        assert_int_equal(groups[i]->uses, 0);
        free(groups[i]);
        groups[i] = NULL;
    }
}
