/* SPDX-License-Identifier: BSD-3-Clause */
#include "team/transfer.h"

#include "base/error.h"
#include "team/reduce.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool has_counts(uint8_t kind)
{
    return kind == CREWI_TEAM_SCATTERV || kind == CREWI_TEAM_GATHERV;
}

static bool has_root(uint8_t kind)
{
    return kind != CREWI_TEAM_ALLGATHER && kind != CREWI_TEAM_ALLREDUCE &&
           kind != CREWI_TEAM_ALLTOALL;
}

static bool is_reduction(uint8_t kind)
{
    return kind == CREWI_TEAM_REDUCE || kind == CREWI_TEAM_ALLREDUCE;
}

/* What members bring */

static const uint64_t *counts_of(const struct crewi_team_head *head)
{
    return head->in_place ? (const void *)(uintptr_t)head->counts : (const void *)(head + 1);
}

static uint64_t counts_size(const struct crewi_layout *layout, const struct crewi_team_head *head,
                            uint32_t member)
{
    bool any = has_counts(head->what.kind) && member == head->what.root && !head->in_place;
    return any ? crewi_team_pad(layout->size * sizeof(uint64_t)) : 0;
}

static uint64_t sum_of(const uint64_t *counts, uint32_t from, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = from; i < from + count; i++)
        sum += counts[i] < CREWI_TEAM_BYTES_LIMIT ? counts[i] : CREWI_TEAM_BYTES_LIMIT;
    return sum;
}

/* Elements that a member brings. */
static uint64_t brought(const struct crewi_layout *layout, const struct crewi_team_head *head,
                        uint32_t member)
{
    const struct crewi_team_what *what = &head->what;
    bool root = member == what->root;
    switch (what->kind) {
    case CREWI_TEAM_BCAST:
        return root ? what->count : 0;
    case CREWI_TEAM_SCATTER:
        return root ? what->count * layout->size : 0;
    case CREWI_TEAM_SCATTERV:
        return root ? sum_of(counts_of(head), 0, layout->size) : 0;
    case CREWI_TEAM_GATHERV:
        return head->own_count;
    case CREWI_TEAM_ALLTOALL:
        return what->count * layout->size;
    default:
        return what->count;
    }
}

/* Elements that it gets. */
static uint64_t wanted(const struct crewi_layout *layout, const struct crewi_team_head *head,
                       uint32_t member)
{
    const struct crewi_team_what *what = &head->what;
    bool root = member == what->root;
    switch (what->kind) {
    case CREWI_TEAM_BCAST:
        return root ? 0 : what->count;
    case CREWI_TEAM_SCATTERV:
        return head->own_count;
    case CREWI_TEAM_GATHER:
        return root ? what->count * layout->size : 0;
    case CREWI_TEAM_GATHERV:
        return root ? sum_of(counts_of(head), 0, layout->size) : 0;
    case CREWI_TEAM_ALLGATHER:
    case CREWI_TEAM_ALLTOALL:
        return what->count * layout->size;
    case CREWI_TEAM_REDUCE:
        return root ? what->count : 0;
    default:
        return what->count;
    }
}

static bool is_sound_what(const struct crewi_layout *layout, const struct crewi_team_what *what)
{
    size_t element = crew_datatype_size((crew_datatype)what->type);
    if (what->kind < CREWI_TEAM_BCAST || what->kind > CREWI_TEAM_ALLTOALL || !element)
        return false;
    if (is_reduction(what->kind) && !crewi_operation_fits(what->type, what->operation))
        return false;
    return (!has_root(what->kind) || what->root < layout->size) &&
           what->count <= CREWI_TEAM_BYTES_LIMIT / element;
}

bool crewi_transfer_is_sound(const struct crewi_layout *layout, const struct crewi_team_head *head,
                             uint64_t size, uint32_t member)
{
    const struct crewi_team_what *what = &head->what;
    if (size < sizeof *head || !is_sound_what(layout, what))
        return false;
    uint64_t front = sizeof *head + counts_size(layout, head, member);
    size_t element = crew_datatype_size((crew_datatype)what->type);
    if (size < front || head->own_count > CREWI_TEAM_BYTES_LIMIT / element)
        return false;
    uint64_t sent = brought(layout, head, member) * element;
    return size - front == (head->in_place ? 0 : sent) && sent <= CREWI_TEAM_BYTES_LIMIT &&
           wanted(layout, head, member) * element <= CREWI_TEAM_BYTES_LIMIT;
}

bool crewi_transfer_can_fill(const struct crewi_layout *layout, const struct crewi_team_what *what)
{
    return what->kind == CREWI_TEAM_SYNC ||
           (is_sound_what(layout, what) && what->widest <= INT_MAX);
}

bool crewi_transfer_match(const struct crewi_team_what *one, const struct crewi_team_what *other)
{
    return one->kind == other->kind && one->type == other->type &&
           one->operation == other->operation && one->root == other->root &&
           one->count == other->count;
}

static unsigned char *body_of(const struct crewi_layout *layout, struct crewi_frame *frame,
                              uint32_t member)
{
    const struct crewi_team_head *head = crewi_team_head_of(frame);
    if (head->in_place)
        return (unsigned char *)(uintptr_t)head->send;
    return frame->payload + sizeof *head +
           counts_size(layout, head, crewi_layout_first(layout) + member);
}

static uint64_t body_size(const struct crewi_layout *layout, const struct crewi_frame *frame,
                          uint32_t member)
{
    const struct crewi_team_head *head = crewi_team_head_of(frame);
    return brought(layout, head, crewi_layout_first(layout) + member) *
           crew_datatype_size((crew_datatype)head->what.type);
}

/* The call of MPI */

static bool is_at(const struct crewi_layout *layout, uint32_t place, uint32_t member)
{
    const struct crewi_team_place *at = &layout->places[place];
    return member >= at->first && member - at->first < at->count;
}

static uint32_t place_of(const struct crewi_layout *layout, uint32_t member)
{
    uint32_t place = 0;
    while (place + 1 < layout->place_count && !is_at(layout, place, member))
        place++;
    return place;
}

static bool is_root_here(const struct crewi_layout *layout, const struct crewi_team_what *what)
{
    return !has_root(what->kind) || is_at(layout, layout->place, what->root);
}

static enum crewi_collective_kind mpi_kind(const struct crewi_layout *layout, uint8_t kind)
{
    bool even = layout->is_even;
    switch (kind) {
    case CREWI_TEAM_BCAST:
        return CREWI_COLLECTIVE_BCAST;
    case CREWI_TEAM_SCATTER:
        return even ? CREWI_COLLECTIVE_SCATTER : CREWI_COLLECTIVE_SCATTERV;
    case CREWI_TEAM_SCATTERV:
        return CREWI_COLLECTIVE_SCATTERV;
    case CREWI_TEAM_GATHER:
        return even ? CREWI_COLLECTIVE_GATHER : CREWI_COLLECTIVE_GATHERV;
    case CREWI_TEAM_GATHERV:
        return CREWI_COLLECTIVE_GATHERV;
    case CREWI_TEAM_ALLGATHER:
        return even ? CREWI_COLLECTIVE_ALLGATHER : CREWI_COLLECTIVE_ALLGATHERV;
    case CREWI_TEAM_REDUCE:
        return CREWI_COLLECTIVE_REDUCE;
    case CREWI_TEAM_ALLREDUCE:
        return CREWI_COLLECTIVE_ALLREDUCE;
    case CREWI_TEAM_ALLTOALL:
        return even ? CREWI_COLLECTIVE_ALLTOALL : CREWI_COLLECTIVE_ALLTOALLV;
    default:
        return CREWI_COLLECTIVE_BARRIER;
    }
}

/* How much of a buffer that is ordered by members belongs to each place, and where: a member has
 * counts[member] units, or one if that is NULL. */
static crew_status share_out(const struct crewi_layout *layout, struct crewi_transfer *transfer,
                             const uint64_t *counts, uint64_t unit)
{
    uint64_t at = 0;
    int *sizes = calloc(layout->place_count, 2 * sizeof *sizes);
    if (!sizes)
        return crewi_error_memory();
    transfer->numbers = sizes;
    for (uint32_t i = 0; i < layout->place_count; i++) {
        const struct crewi_team_place *place = &layout->places[i];
        uint64_t size = unit * (counts ? sum_of(counts, place->first, place->count) : place->count);
        if (at + size > INT_MAX)
            return crewi_error(CREW_EINVAL, "a collective of more than 2 GiB on one rank");
        sizes[i] = (int)size;
        sizes[layout->place_count + i] = (int)at;
        at += size;
    }
    transfer->call.send_counts = transfer->call.receive_counts = sizes;
    transfer->call.send_displacements = transfer->call.receive_displacements =
        sizes + layout->place_count;
    return CREW_OK;
}

/* What a member has in the largest buffer of the collective. */
static uint64_t unit_of(const struct crewi_layout *layout, const struct crewi_team_what *what)
{
    uint64_t element = crew_datatype_size((crew_datatype)what->type);
    if (has_counts(what->kind))
        return element;
    uint64_t unit = what->count * element;
    return what->kind == CREWI_TEAM_ALLTOALL ? unit * crewi_layout_count(layout) : unit;
}

/* Sizes of both buffers, but for those with counts. */
static void measure(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                    const struct crewi_team_what *what)
{
    uint64_t one = what->count * crew_datatype_size((crew_datatype)what->type),
             all = one * layout->size;
    uint64_t here = one * crewi_layout_count(layout);
    bool root = is_root_here(layout, what);
    switch (what->kind) {
    case CREWI_TEAM_BCAST:
        transfer->receive_size = one;
        break;
    case CREWI_TEAM_SCATTER:
        transfer->send_size = root ? all : 0;
        transfer->receive_size = here;
        break;
    case CREWI_TEAM_GATHER:
    case CREWI_TEAM_ALLGATHER:
        transfer->send_size = here;
        transfer->receive_size = root ? all : 0;
        break;
    case CREWI_TEAM_REDUCE:
    case CREWI_TEAM_ALLREDUCE:
        transfer->send_size = one;
        transfer->receive_size = root ? one : 0;
        break;
    case CREWI_TEAM_ALLTOALL:
        transfer->send_size = transfer->receive_size = here * layout->size;
        break;
    default:
        break;
    }
}

/* What a call with one count has, to or from one rank. */
static void set_counts(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                       const struct crewi_team_what *what)
{
    struct crewi_collective *call = &transfer->call;
    uint64_t places = layout->place_count;
    call->send_count = (int)transfer->send_size;
    call->receive_count = (int)transfer->receive_size;
    if (call->kind == CREWI_COLLECTIVE_SCATTER || call->kind == CREWI_COLLECTIVE_ALLTOALL)
        call->send_count = (int)(transfer->send_size / places);
    if (call->kind == CREWI_COLLECTIVE_GATHER || call->kind == CREWI_COLLECTIVE_ALLGATHER ||
        call->kind == CREWI_COLLECTIVE_ALLTOALL)
        call->receive_count = (int)(transfer->receive_size / places);
    if (is_reduction(what->kind))
        call->send_count = (int)what->count;
}

static crew_status prepare(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                           const struct crewi_team_what *what, const uint64_t *counts)
{
    struct crewi_collective *call = &transfer->call;
    transfer->what = *what;
    call->kind = mpi_kind(layout, what->kind);
    call->lane = CREWI_TEAM_COLLECTIVES;
    call->root = (int)place_of(layout, what->root);
    call->type = (crew_datatype)what->type;
    call->operation = (crew_operation)what->operation;
    measure(transfer, layout, what);
    if (transfer->send_size > INT_MAX || transfer->receive_size > INT_MAX)
        return crewi_error(CREW_EINVAL, "a collective of more than 2 GiB on one rank");
    bool needs_counts = has_counts(what->kind) ? counts != NULL : !layout->is_even;
    if (!needs_counts)
        return CREW_OK;
    return share_out(layout, transfer, counts, unit_of(layout, what));
}

/* Putting together */

/* The one that has counts for all. */
static crew_status check_counts(const struct crewi_layout *layout, struct crewi_frame **frames)
{
    uint32_t first = crewi_layout_first(layout);
    const struct crewi_team_head *root =
        crewi_team_head_of(frames[crewi_team_head_of(frames[0])->what.root - first]);
    for (uint32_t i = 0; i < crewi_layout_count(layout); i++) {
        uint64_t own = crewi_team_head_of(frames[i])->own_count;
        if (own != counts_of(root)[first + i])
            return crewi_error(
                CREW_EINVAL, "member %u has a count of %llu, and the root one of %llu for it",
                first + i, (unsigned long long)own, (unsigned long long)counts_of(root)[first + i]);
    }
    return CREW_OK;
}

/* Of SCATTERV and GATHERV. */
static crew_status measure_counts(struct crewi_transfer *transfer,
                                  const struct crewi_layout *layout, struct crewi_frame **frames,
                                  const uint64_t *counts)
{
    uint64_t element = crew_datatype_size((crew_datatype)transfer->what.type), own = 0, all = 0;
    for (uint32_t i = 0; i < crewi_layout_count(layout); i++)
        own += crewi_team_head_of(frames[i])->own_count * element;
    if (counts)
        all = sum_of(counts, 0, layout->size) * element;
    bool scatter = transfer->what.kind == CREWI_TEAM_SCATTERV;
    transfer->send_size = scatter ? all : own;
    transfer->receive_size = scatter ? own : all;
    transfer->what.widest = scatter && counts ? all : own;
    if (own > INT_MAX || all > INT_MAX)
        return crewi_error(CREW_EINVAL, "a collective of more than 2 GiB on one rank");
    return counts ? check_counts(layout, frames) : CREW_OK;
}

static void combine_members(const struct crewi_layout *layout, struct crewi_frame **frames)
{
    const struct crewi_team_what *what = &crewi_team_head_of(frames[0])->what;
    for (uint32_t i = 1; i < crewi_layout_count(layout); i++)
        crewi_combine(what->type, what->operation, body_of(layout, frames[0], 0),
                      body_of(layout, frames[i], i), what->count);
}

/* For each rank, in their order, what each member here has for it. */
static void pack_for_ranks(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                           struct crewi_frame **frames)
{
    uint64_t one = transfer->what.count * crew_datatype_size((crew_datatype)transfer->what.type);
    unsigned char *at = transfer->send;
    for (uint32_t p = 0; p < layout->place_count; p++)
        for (uint32_t i = 0; i < crewi_layout_count(layout); i++) {
            const struct crewi_team_place *place = &layout->places[p];
            memcpy(at, body_of(layout, frames[i], i) + one * place->first, one * place->count);
            at += one * place->count;
        }
}

static void pack_members(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                         struct crewi_frame **frames)
{
    unsigned char *at = transfer->send;
    for (uint32_t i = 0; i < crewi_layout_count(layout); i++) {
        uint64_t size = body_size(layout, frames[i], i);
        memcpy(at, body_of(layout, frames[i], i), size);
        at += size;
    }
}

static crew_status gather_members(struct crewi_transfer *transfer,
                                  const struct crewi_layout *layout, struct crewi_frame **frames)
{
    transfer->send = malloc(transfer->send_size + 1);
    if (!transfer->send)
        return crewi_error_memory();
    transfer->call.send = transfer->send;
    if (transfer->what.kind == CREWI_TEAM_ALLTOALL)
        pack_for_ranks(transfer, layout, frames);
    else
        pack_members(transfer, layout, frames);
    return CREW_OK;
}

/* Where what is sent lies. */
static crew_status find_send(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                             struct crewi_frame **frames)
{
    const struct crewi_team_what *what = &transfer->what;
    bool from_root = what->kind == CREWI_TEAM_BCAST || what->kind == CREWI_TEAM_SCATTER ||
                     what->kind == CREWI_TEAM_SCATTERV;
    uint32_t index = from_root ? what->root - crewi_layout_first(layout) : 0;
    if (from_root && !is_root_here(layout, what))
        return CREW_OK;
    if (is_reduction(what->kind))
        combine_members(layout, frames);
    else if (!from_root && crewi_layout_count(layout) > 1)
        return gather_members(transfer, layout, frames);
    transfer->call.send = body_of(layout, frames[index], index);
    return CREW_OK;
}

static crew_status find_receive(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                                struct crewi_frame **frames)
{
    struct crewi_collective *call = &transfer->call;
    const struct crewi_team_head *first = crewi_team_head_of(frames[0]);
    if (transfer->what.kind == CREWI_TEAM_BCAST && is_root_here(layout, &transfer->what)) {
        call->receive = (void *)(uintptr_t)call->send; /* where MPI only reads it */
        return CREW_OK;
    }
    if (first->in_place) {
        call->receive = (void *)(uintptr_t)first->receive;
        return CREW_OK;
    }
    transfer->reply = crewi_frame_create(transfer->receive_size);
    if (!transfer->reply)
        return crewi_error_memory();
    call->receive = transfer->reply->payload;
    return CREW_OK;
}

crew_status crewi_transfer_begin(struct crewi_transfer *transfer, const struct crewi_layout *layout,
                                 struct crewi_frame **frames)
{
    const struct crewi_team_what *what = &crewi_team_head_of(frames[0])->what;
    const uint64_t *counts = NULL;
    *transfer = (struct crewi_transfer){.numbers = NULL};
    if (has_counts(what->kind) && is_root_here(layout, what))
        counts = counts_of(crewi_team_head_of(frames[what->root - crewi_layout_first(layout)]));
    crew_status status = prepare(transfer, layout, what, counts);
    transfer->what.widest = 0;
    if (!status && has_counts(what->kind))
        status = measure_counts(transfer, layout, frames, counts);
    if (!status)
        status = find_send(transfer, layout, frames);
    if (!status)
        status = find_receive(transfer, layout, frames);
    if (status)
        crewi_transfer_end(transfer);
    else
        set_counts(transfer, layout, what);
    return status;
}

/* Filling */

/* The root takes whatever comes, into one place; others send nothing, or have room for what the
 * root may send. */
static crew_status fill_counts(struct crewi_transfer *transfer, const struct crewi_layout *layout)
{
    bool root = is_root_here(layout, &transfer->what);
    bool scatter = transfer->what.kind == CREWI_TEAM_SCATTERV;
    transfer->receive_size = scatter == root ? 0 : transfer->what.widest;
    if (!root)
        return CREW_OK;
    transfer->numbers = calloc(layout->place_count, 2 * sizeof *transfer->numbers);
    if (!transfer->numbers)
        return crewi_error_memory();
    for (uint32_t i = 0; i < layout->place_count && !scatter; i++)
        transfer->numbers[i] = i == layout->place ? 0 : (int)transfer->what.widest;
    transfer->call.send_counts = transfer->call.receive_counts = transfer->numbers;
    transfer->call.send_displacements = transfer->call.receive_displacements =
        transfer->numbers + layout->place_count;
    return CREW_OK;
}

crew_status crewi_transfer_begin_filling(struct crewi_transfer *transfer,
                                         const struct crewi_layout *layout,
                                         const struct crewi_team_what *what)
{
    *transfer = (struct crewi_transfer){.numbers = NULL};
    crew_status status = prepare(transfer, layout, what, NULL);
    if (!status && has_counts(what->kind))
        status = fill_counts(transfer, layout);
    if (!status) {
        transfer->send = calloc(1, transfer->send_size + 1);
        transfer->reply = crewi_frame_create(transfer->receive_size);
        if (!transfer->send || !transfer->reply)
            status = crewi_error_memory();
    }
    if (status) {
        crewi_transfer_end(transfer);
        return status;
    }
    transfer->call.send = transfer->send;
    transfer->call.receive = transfer->reply->payload;
    if (what->kind == CREWI_TEAM_BCAST || is_reduction(what->kind))
        memset(transfer->reply->payload, 0, transfer->receive_size);
    set_counts(transfer, layout, what);
    return CREW_OK;
}

void crewi_transfer_alone(struct crewi_transfer *transfer)
{
    uint64_t size = transfer->receive_size;
    if (transfer->what.kind != CREWI_TEAM_BCAST && size)
        memcpy(transfer->call.receive, transfer->call.send, size);
}

/* Handing out */

/* From where a member's result begins, if it lies in one piece. */
static uint64_t result_at(const struct crewi_layout *layout, struct crewi_frame **frames,
                          uint32_t member)
{
    const struct crewi_team_what *what = &crewi_team_head_of(frames[0])->what;
    uint64_t element = crew_datatype_size((crew_datatype)what->type), before = 0;
    (void)layout;
    if (what->kind == CREWI_TEAM_SCATTER)
        return member * what->count * element;
    for (uint32_t i = 0; i < member && what->kind == CREWI_TEAM_SCATTERV; i++)
        before += crewi_team_head_of(frames[i])->own_count * element;
    return before;
}

/* What every member of the team has sent to this one. */
static void unpack(const struct crewi_transfer *transfer, const struct crewi_layout *layout,
                   unsigned char *result, uint32_t member)
{
    const unsigned char *data = transfer->call.receive;
    uint64_t one = transfer->what.count * crew_datatype_size((crew_datatype)transfer->what.type);
    uint64_t here = crewi_layout_count(layout);
    for (uint64_t sender = 0; sender < layout->size; sender++)
        memcpy(result + sender * one, data + (sender * here + member) * one, one);
}

/* From the last to the first, so that the buffer itself can be the first one's. */
struct crewi_frame *crewi_transfer_take(struct crewi_transfer *transfer,
                                        const struct crewi_layout *layout,
                                        struct crewi_frame **frames, uint32_t member)
{
    const struct crewi_team_head *head = crewi_team_head_of(frames[member]);
    uint32_t number = crewi_layout_first(layout) + member;
    uint64_t size =
        wanted(layout, head, number) * crew_datatype_size((crew_datatype)head->what.type);
    if (head->in_place)
        return crewi_frame_create(0);
    if (size == transfer->receive_size && transfer->reply && member == 0) {
        struct crewi_frame *reply = transfer->reply;
        transfer->reply = NULL;
        return reply;
    }
    struct crewi_frame *reply = crewi_frame_create(size);
    if (!reply || !size)
        return reply;
    if (head->what.kind == CREWI_TEAM_ALLTOALL)
        unpack(transfer, layout, reply->payload, member);
    else
        memcpy(reply->payload,
               (const unsigned char *)transfer->call.receive + result_at(layout, frames, member),
               size);
    return reply;
}

void crewi_transfer_end(struct crewi_transfer *transfer)
{
    crewi_frame_destroy(transfer->reply);
    free(transfer->send);
    free(transfer->numbers);
    *transfer = (struct crewi_transfer){.numbers = NULL};
}
