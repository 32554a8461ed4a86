/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a collective moves, on one rank: the members' elements become one buffer that MPI sends, and
 * the one that MPI fills becomes the members' results.
 *
 * Members of a rank are neighbours in the team, so what belongs to a rank lies in one piece
 * wherever it is ordered by members.
 */
#ifndef CREWI_TEAM_TRANSFER_H
#define CREWI_TEAM_TRANSFER_H

#include "team/team_protocol.h"
#include "transport/transport.h"

/** Who is where. */
struct crewi_layout {
    uint32_t size; /* of the team */
    uint32_t place, place_count;
    bool is_even; /* the same number of members at each place */
    const struct crewi_team_place *places;
};

struct crewi_transfer {
    struct crewi_collective call;
    struct crewi_team_what what; /* for who has to fill it elsewhere */
    struct crewi_frame *reply;   /* its payload is filled by MPI, unless this is the root's BCAST */
    unsigned char *send;         /* NULL: what a member has brought is sent from there */
    int *numbers;                /* counts and displacements of the call */
    uint64_t send_size, receive_size;
};

static inline uint32_t crewi_layout_first(const struct crewi_layout *layout)
{
    return layout->places[layout->place].first;
}

static inline uint32_t crewi_layout_count(const struct crewi_layout *layout)
{
    return layout->places[layout->place].count;
}

static inline const struct crewi_team_head *crewi_team_head_of(const struct crewi_frame *frame)
{
    return (const void *)frame->payload;
}

/** Whether a request of a member can be; whether it may be in place was looked at before. */
bool crewi_transfer_is_sound(const struct crewi_layout *layout, const struct crewi_team_head *head,
                             uint64_t size, uint32_t member);

/** Whether what another rank says that it has entered can be. */
bool crewi_transfer_can_fill(const struct crewi_layout *layout, const struct crewi_team_what *what);

/** Whether two members of a rank call the same. */
bool crewi_transfer_match(const struct crewi_team_what *one, const struct crewi_team_what *other);

/**
 * Puts together what the members here have brought: @p frames, theirs by their order, which stay
 * where they are until the end; some are changed.
 * @return ::CREW_EINVAL counts do not fit, or too much for one call; ::CREW_ENOMEM. Nothing is owed
 * then.
 */
crew_status crewi_transfer_begin(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                                 struct crewi_frame **frames);

/** The same where nobody has come: zeros, that others may have what they wait for. */
crew_status crewi_transfer_begin_filling(struct crewi_transfer *transfer,
                                         const struct crewi_layout *layout,
                                         const struct crewi_team_what *what);

/** What MPI would do in a team of one rank. */
void crewi_transfer_alone(struct crewi_transfer *transfer);

/** The reply of a member, from the last to the first; NULL without memory. */
struct crewi_frame *crewi_transfer_take(struct crewi_transfer *transfer,
                                        const struct crewi_layout *layout,
                                        struct crewi_frame **frames, uint32_t member);

/** Frees its buffers. */
void crewi_transfer_end(struct crewi_transfer *transfer);

#endif
