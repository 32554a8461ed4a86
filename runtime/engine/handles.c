/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/handles.h"

#include <crew/run.h>

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A creator has all of it. A copy takes a 1024th of its sender's: thousands of copies from one
 * process, and from each of these again, before anybody has to ask for more. Where little is left
 * it takes half, so that a handle that goes from one to the next to the next goes far before
 * anybody has nothing to give. Who runs low asks ahead.
 */
#define WHOLE_WEIGHT ((uint64_t)1 << 62)
#define MORE_WEIGHT ((uint64_t)1 << 44)
#define LOW_WEIGHT ((uint64_t)1 << 40)
#define SHARE_SHIFT 10
#define LITTLE_WEIGHT ((uint64_t)1 << 32)

static const struct crewi_kind *kind_of(const struct crewi_engine *engine, uint64_t id)
{
    unsigned number = crewi_id_kind(id);
    const struct crewi_kind *kind = number < CREWI_KIND_LIMIT ? engine->kinds[number] : NULL;
    return kind && kind->is_shared && crewi_id_home(id) < engine->rank_count ? kind : NULL;
}

static void tell(struct crewi_engine *engine, uint8_t op, uint32_t rank,
                 const struct crewi_handle_note *note, const void *description, size_t size)
{
    struct crewi_outgoing out = {
        .kind = (uint8_t)crewi_id_kind(note->id),
        .op = op,
        .rank = rank,
        .head = note,
        .head_size = sizeof *note,
        .body = description,
        .body_size = size,
    };
    crewi_engine_must_tell(engine, &out);
}

/* Holders */

struct crewi_handle *crewi_handle_find(const struct crewi_engine *engine, uint64_t id)
{
    return crewi_table_find(&engine->handles, id);
}

static struct crewi_holder *find_holder(const struct crewi_handle *handle, uint64_t process)
{
    struct crewi_holder *holder = handle->holders;
    while (holder && holder->process != process)
        holder = holder->next;
    return holder;
}

static struct crewi_handle *get_handle(struct crewi_engine *engine, uint64_t id)
{
    struct crewi_handle *handle = crewi_handle_find(engine, id);
    if (handle)
        return handle;
    handle = calloc(1, sizeof *handle);
    if (!handle)
        return NULL;
    handle->id = id;
    crewi_frames_init(&handle->pending);
    if (crewi_table_add(&engine->handles, id, handle)) {
        free(handle);
        return NULL;
    }
    return handle;
}

static void give_back(struct crewi_engine *engine, uint64_t id, uint64_t weight)
{
    const struct crewi_kind *kind = kind_of(engine, id);
    struct crewi_handle *handle = crewi_handle_find(engine, id);
    struct crewi_handle_note note = {.id = id, .weight = weight, .rank = engine->rank};
    if (!weight)
        return;
    if (handle && handle->agent && kind->count_out)
        note.extra = kind->count_out(engine, handle);
    tell(engine, CREWI_OP_GIVE_BACK, crewi_id_home(id), &note, NULL, 0);
}

/* One without memory for it is as one that was never passed on: NULL. */
static struct crewi_holder *hold(struct crewi_engine *engine, uint64_t id, uint64_t process,
                                 uint64_t weight)
{
    struct crewi_handle *handle = get_handle(engine, id);
    struct crewi_holder *holder = handle ? find_holder(handle, process) : NULL;
    if (handle && !holder && (holder = calloc(1, sizeof *holder))) {
        holder->process = process;
        holder->next = handle->holders;
        handle->holders = holder;
    }
    if (!holder) {
        give_back(engine, id, weight);
        return NULL;
    }
    holder->weight += weight;
    if (holder->closed)
        holder->mark = 0;
    if (holder->closed || !holder->copies)
        holder->copies = 1;
    holder->closed = false;
    return holder;
}

bool crewi_handle_is_open(const struct crewi_handle *handle, uint64_t process)
{
    const struct crewi_holder *holder = handle ? find_holder(handle, process) : NULL;
    return holder && !holder->closed;
}

uint32_t *crewi_handle_mark(struct crewi_handle *handle, uint64_t process)
{
    struct crewi_holder *holder = find_holder(handle, process);
    return holder ? &holder->mark : NULL;
}

bool crewi_handle_is_closed(const struct crewi_handle *handle, uint64_t process)
{
    const struct crewi_holder *holder = handle ? find_holder(handle, process) : NULL;
    return holder && holder->closed;
}

bool crewi_handle_is_held(const struct crewi_handle *handle)
{
    const struct crewi_holder *holder = handle->holders;
    while (holder && holder->closed)
        holder = holder->next;
    return holder != NULL;
}

static void release(struct crewi_engine *engine, struct crewi_handle *handle,
                    struct crewi_holder *holder)
{
    const struct crewi_kind *kind = kind_of(engine, handle->id);
    uint64_t weight = holder->weight;
    holder->weight = 0;
    holder->closed = true;
    if (handle->agent && kind->released)
        kind->released(engine, handle, holder->process);
    give_back(engine, handle->id, weight);
}

bool crewi_handle_close(struct crewi_engine *engine, uint64_t id, uint64_t process)
{
    struct crewi_handle *handle = crewi_handle_find(engine, id);
    if (!crewi_handle_is_open(handle, process))
        return false;
    release(engine, handle, find_holder(handle, process));
    return true;
}

static void drop_pending(struct crewi_handle *handle, uint64_t process)
{
    struct crewi_frames kept;
    struct crewi_frame *frame;
    crewi_frames_init(&kept);
    while ((frame = crewi_frames_pop(&handle->pending))) {
        if (frame->header.origin.process == process)
            crewi_frame_destroy(frame);
        else
            crewi_frames_push(&kept, frame);
    }
    while ((frame = crewi_frames_pop(&kept)))
        crewi_frames_push(&handle->pending, frame);
}

static void unlink_holder(struct crewi_handle *handle, struct crewi_holder *holder)
{
    struct crewi_holder **link = &handle->holders;
    while (*link != holder)
        link = &(*link)->next;
    *link = holder->next;
    free(holder);
}

static void forget_holder(struct crewi_engine *engine, struct crewi_handle *handle,
                          uint64_t process)
{
    struct crewi_holder *holder = find_holder(handle, process);
    drop_pending(handle, process);
    if (!holder)
        return;
    if (!holder->closed)
        release(engine, handle, holder); /* others may come to hold it meanwhile */
    unlink_holder(handle, holder);
}

/* One that has asked for more weight stays on record, closed: the answer would make it a holder
 * again. */
static void drop_copy(struct crewi_engine *engine, uint64_t id, uint64_t process)
{
    struct crewi_handle *handle = kind_of(engine, id) ? crewi_handle_find(engine, id) : NULL;
    struct crewi_holder *holder = handle ? find_holder(handle, process) : NULL;
    if (!holder || holder->closed || --holder->copies > 0)
        return;
    release(engine, handle, holder);
    if (!holder->asking)
        unlink_holder(handle, holder);
}

void crewi_handles_drop_copies(struct crewi_engine *engine, const struct crewi_message *message)
{
    if (!crewi_engine_is_there(engine, &message->origin))
        return;
    for (size_t at = 0; at + sizeof(uint64_t) <= message->size; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const char *)message->data + at, sizeof word);
        drop_copy(engine, word, message->origin.process);
    }
}

void crewi_handle_stop_posts(struct crewi_engine *engine, const struct crewi_handle *handle)
{
    for (const struct crewi_holder *holder = handle->holders; holder; holder = holder->next) {
        struct crewi_origin client;
        if (holder->closed || !crewi_engine_has_client(engine, holder->process, &client))
            continue;
        struct crewi_frame *frame = crewi_engine_delivery(
            engine, &client, (uint8_t)crewi_id_kind(handle->id), CREWI_OP_STOP_POSTS, 0);
        frame->header.object = handle->id;
        crewi_engine_send(engine, frame);
    }
}

void crewi_handles_client_gone(struct crewi_engine *engine, uint64_t process)
{
    size_t count; /* what kinds do then may add handles, which moves others in the table */
    uint64_t *ids = crewi_table_ids(&engine->handles, &count);
    if (!ids)
        crewi_engine_fatal(engine, "out of memory for a list of the handles of its processes");
    for (size_t i = 0; i < count; i++) {
        struct crewi_handle *handle = crewi_handle_find(engine, ids[i]);
        if (handle)
            forget_holder(engine, handle, process);
    }
    free(ids);
}

static void free_handle(struct crewi_engine *engine, struct crewi_handle *handle)
{
    const struct crewi_kind *kind = kind_of(engine, handle->id);
    if (handle->agent)
        kind->detach(engine, handle);
    handle->agent = NULL;
    handle->attached = false;
    for (struct crewi_holder *holder; (holder = handle->holders);) {
        handle->holders = holder->next;
        free(holder);
    }
}

/* What one drops at its end may be shares of any other. */
void crewi_handles_fini(struct crewi_engine *engine)
{
    for (size_t i = 0; i < engine->handles.room; i++)
        if (engine->handles.entries[i].value)
            free_handle(engine, engine->handles.entries[i].value);
    for (size_t i = 0; i < engine->handles.room; i++) {
        struct crewi_handle *handle = engine->handles.entries[i].value;
        if (!handle)
            continue;
        crewi_frames_clear(&handle->pending);
        free(handle);
    }
    crewi_table_fini(&engine->handles);
}

/* Using and attaching */

static void ask(struct crewi_engine *engine, struct crewi_handle *handle, uint64_t process)
{
    struct crewi_handle_note note = {.id = handle->id, .process = process, .rank = engine->rank};
    handle->attaching = true;
    tell(engine, CREWI_OP_ATTACH, crewi_id_home(handle->id), &note, NULL, 0);
}

/* Once at a time: ATTACHED brings it. */
static void ask_for_more(struct crewi_engine *engine, struct crewi_holder *holder, uint64_t id)
{
    if (holder->asking || holder->weight >= LOW_WEIGHT)
        return;
    holder->asking = true;
    ask(engine, crewi_handle_find(engine, id), holder->process);
}

static void put_aside(struct crewi_engine *engine, struct crewi_handle *handle,
                      const struct crewi_message *message)
{
    bool holds = find_holder(handle, message->origin.process) != NULL;
    if (!holds || !handle->attaching)
        ask(engine, handle, holds ? 0 : message->origin.process);
    crewi_frames_push(&handle->pending, *message->frame);
    *message->frame = NULL;
}

struct crewi_handle *crewi_handle_use(struct crewi_engine *engine,
                                      const struct crewi_message *message, uint64_t id)
{
    const struct crewi_kind *kind = kind_of(engine, id);
    if (!kind || kind != engine->kinds[message->kind]) {
        crewi_engine_refuse(engine, &message->origin, CREW_EINVAL, "the handle is of another kind");
        return NULL;
    }
    struct crewi_handle *handle = crewi_handle_find(engine, id);
    const struct crewi_holder *holder =
        handle ? find_holder(handle, message->origin.process) : NULL;
    if (holder && holder->closed) {
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED,
                            "the process has closed this %s", kind->name);
        return NULL;
    }
    if (holder && handle->attached)
        return handle;
    /* Of one that has ended meanwhile nobody would take the frame out again. */
    if (!holder && !crewi_engine_is_there(engine, &message->origin)) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "the process has ended, or is on another rank");
        return NULL;
    }
    handle = get_handle(engine, id);
    if (!handle) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return NULL;
    }
    put_aside(engine, handle, message);
    return NULL;
}

void crewi_handle_pass_on(struct crewi_engine *engine, uint64_t id, struct crewi_frame *frame,
                          crewi_home_request *at_home)
{
    uint8_t op = frame->header.op;
    frame->header.op = CREWI_AT_HOME(op);
    frame->header.target_rank = crewi_id_home(id);
    if (frame->header.target_rank != engine->rank) {
        crewi_engine_send(engine, frame);
        return;
    }
    struct crewi_message message = {
        .kind = frame->header.kind,
        .op = frame->header.op,
        .timeout_ns = frame->header.timeout_ns,
        .origin = frame->header.origin,
        .data = frame->payload,
        .size = frame->header.size,
        .frame = &frame,
    };
    at_home(engine, &message, op);
    crewi_frame_destroy(frame);
}

static void handle_is_nothing(struct crewi_engine *engine, const struct crewi_kind *kind,
                              struct crewi_handle *handle, const struct crewi_handle_note *note)
{
    struct crewi_frames waiting = handle->pending;
    struct crewi_frame *frame;
    if (!waiting.first)
        waiting.last = &waiting.first;
    crewi_frames_init(&handle->pending);
    while ((frame = crewi_frames_pop(&waiting))) {
        if (handle->attached && frame->header.origin.process != note->process) {
            crewi_frames_push(&handle->pending, frame);
            continue;
        }
        bool never_was = note->status == CREW_ENOENT;
        crewi_engine_refuse(engine, &frame->header.origin, (crew_status)note->status,
                            never_was ? "there never was such a %s"
                                      : "this %s is closed: all copies of it are",
                            kind->name);
        crewi_frame_destroy(frame);
    }
    if (handle->attached || handle->holders)
        return;
    crewi_table_take(&engine->handles, handle->id);
    free(handle);
}

/* They come once more; those whose process still waits for its weight are put aside again. */
static void run_pending(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct crewi_frames waiting = handle->pending;
    struct crewi_frame *frame;
    if (!waiting.first)
        return;
    crewi_frames_init(&handle->pending);
    while ((frame = crewi_frames_pop(&waiting))) {
        if (find_holder(handle, frame->header.origin.process))
            crewi_engine_accept(engine, frame);
        else
            crewi_frames_push(&handle->pending, frame);
    }
}

/* A process of this rank, or an object here that holds handles as a process does. */
static bool can_hold(struct crewi_engine *engine, uint64_t holder)
{
    return crewi_engine_has_client(engine, holder, NULL) ||
           (kind_of(engine, holder) && crewi_engine_find(engine, holder));
}

static void hear_attached(struct crewi_engine *engine, const struct crewi_kind *kind,
                          const struct crewi_handle_note *note, const void *description,
                          size_t size)
{
    struct crewi_handle *handle = crewi_handle_find(engine, note->id);
    bool is_there = note->process && can_hold(engine, note->process);
    if (!handle) {
        if (!note->status)
            give_back(engine, note->id, note->weight);
        return;
    }
    handle->attaching = false;
    if (note->status) {
        handle_is_nothing(engine, kind, handle, note);
        return;
    }
    struct crewi_holder *holder = find_holder(handle, note->process);
    if (holder)
        holder->asking = false;
    if (is_there && !(holder && holder->closed))
        hold(engine, note->id, note->process, note->weight);
    else
        give_back(engine, note->id, note->weight);
    if (!handle->attached && !kind->attach(engine, handle, description, size))
        handle->attached = true;
    run_pending(engine, handle);
}

static void hear_gone(struct crewi_engine *engine, uint64_t id)
{
    struct crewi_handle *handle = crewi_handle_find(engine, id);
    if (!handle)
        return;
    free_handle(engine, handle);
    if (handle->pending.first) /* their answer is on its way */
        return;
    crewi_table_take(&engine->handles, id);
    free(handle);
}

/* At home */

static void mark_attached(struct crewi_shared *shared, uint32_t rank)
{
    shared->attached[rank / 64] |= (uint64_t)1 << (rank % 64);
}

/* The home's own rank needs no message for that, and some kinds rely on its agent. */
static crew_status attach_at_home(struct crewi_engine *engine, struct crewi_shared *shared)
{
    unsigned char description[CREWI_DESCRIPTION_SIZE];
    const struct crewi_kind *kind = kind_of(engine, shared->object.id);
    struct crewi_handle *handle = crewi_handle_find(engine, shared->object.id);
    if (!handle)
        return crewi_error_memory();
    size_t size = kind->describe(engine, shared, description);
    crew_status status = kind->attach(engine, handle, description, size);
    handle->attached = !status;
    return status;
}

/* The object was never there. */
void crewi_shared_undo(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct crewi_handle *handle = crewi_handle_find(engine, shared->object.id);
    if (handle) {
        free_handle(engine, handle);
        crewi_table_take(&engine->handles, shared->object.id);
        free(handle);
    }
    crewi_engine_remove(engine, shared->object.id);
    free(shared->attached);
    shared->attached = NULL;
}

crew_status crewi_shared_add(struct crewi_engine *engine, struct crewi_shared *shared,
                             uint64_t process)
{
    shared->attached = calloc((engine->rank_count + 63) / 64, sizeof *shared->attached);
    if (!shared->attached)
        return crewi_error_memory();
    crew_status status = crewi_engine_add(engine, &shared->object);
    if (status) {
        free(shared->attached);
        shared->attached = NULL;
        return status;
    }
    shared->lent = WHOLE_WEIGHT;
    mark_attached(shared, engine->rank);
    status = hold(engine, shared->object.id, process, WHOLE_WEIGHT) ? attach_at_home(engine, shared)
                                                                    : crewi_error_memory();
    if (status)
        crewi_shared_undo(engine, shared);
    return status;
}

void crewi_shared_remove(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct crewi_handle_note note = {.id = shared->object.id};
    crewi_engine_remove(engine, shared->object.id);
    for (uint32_t rank = 0; rank < engine->rank_count; rank++)
        if (shared->attached[rank / 64] >> (rank % 64) & 1)
            tell(engine, CREWI_OP_GONE, rank, &note, NULL, 0);
    free(shared->attached);
    shared->attached = NULL;
}

static void hear_attach(struct crewi_engine *engine, const struct crewi_kind *kind,
                        const struct crewi_handle_note *ask)
{
    unsigned char description[CREWI_DESCRIPTION_SIZE];
    struct crewi_handle_note answer = {.id = ask->id, .process = ask->process};
    struct crewi_shared *shared = (struct crewi_shared *)crewi_engine_find(engine, ask->id);
    size_t size = 0;
    if (shared) {
        answer.weight = ask->process ? MORE_WEIGHT : 0;
        shared->lent += answer.weight;
        mark_attached(shared, ask->rank);
        size = kind->describe(engine, shared, description);
    } else {
        bool never_was = (ask->id & CREWI_NUMBER_MASK) > engine->last_number;
        answer.status = never_was ? CREW_ENOENT : CREW_ECLOSED;
    }
    tell(engine, CREWI_OP_ATTACHED, ask->rank, &answer, description, size);
}

static void hear_give_back(struct crewi_engine *engine, const struct crewi_kind *kind,
                           const struct crewi_handle_note *note)
{
    struct crewi_shared *shared = (struct crewi_shared *)crewi_engine_find(engine, note->id);
    if (!shared || note->weight > shared->lent)
        return;
    mark_attached(shared, note->rank); /* it may remember who has closed it */
    shared->lent -= note->weight;
    if (kind->came_back)
        kind->came_back(engine, shared, note->extra);
    if (!shared->lent)
        kind->unreferenced(engine, shared);
}

void crewi_handles_request(struct crewi_engine *engine, const struct crewi_kind *kind,
                           const struct crewi_message *message)
{
    struct crewi_handle_note note;
    if (message->size < sizeof note)
        return;
    memcpy(&note, message->data, sizeof note);
    const struct crewi_kind *of_id = kind_of(engine, note.id);
    if (!of_id || of_id != kind || note.rank >= engine->rank_count)
        return;
    switch (message->op) {
    case CREWI_OP_ATTACH:
        hear_attach(engine, kind, &note);
        break;
    case CREWI_OP_ATTACHED:
        hear_attached(engine, kind, &note, (const char *)message->data + sizeof note,
                      message->size - sizeof note);
        break;
    case CREWI_OP_GIVE_BACK:
        hear_give_back(engine, kind, &note);
        break;
    default:
        hear_gone(engine, note.id);
    }
}

/* Passing on */

/* The holder, if that word is a handle of the process's. */
static struct crewi_holder *find_copy(const struct crewi_engine *engine, uint64_t process,
                                      uint64_t word)
{
    if (!kind_of(engine, word))
        return NULL;
    const struct crewi_handle *handle = crewi_handle_find(engine, word);
    struct crewi_holder *holder = handle ? find_holder(handle, process) : NULL;
    return holder && !holder->closed ? holder : NULL;
}

static crew_status add_share(struct crewi_shares *shares, uint64_t id, struct crewi_holder *holder)
{
    if (holder->weight < 2)
        return crewi_error(CREW_ESTATE, "too many copies of one handle were made at a time");
    if ((shares->count & (shares->count - 1)) == 0) { /* a power of two, or none: it is full */
        size_t room = shares->count ? 2 * shares->count : 1;
        struct crewi_share *grown = realloc(shares->list, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        shares->list = grown;
    }
    uint64_t part =
        holder->weight < LITTLE_WEIGHT ? holder->weight / 2 : holder->weight >> SHARE_SHIFT;
    holder->weight -= part;
    shares->list[shares->count++] = (struct crewi_share){id, part};
    return CREW_OK;
}

void crewi_shares_put_back(struct crewi_engine *engine, uint64_t process,
                           struct crewi_shares *shares)
{
    for (size_t i = 0; i < shares->count; i++)
        hold(engine, shares->list[i].id, process, shares->list[i].weight);
    crewi_shares_free(shares);
}

size_t crewi_handles_look(const void *data, size_t size, uint64_t *words, size_t room)
{
    size_t count = 0;
    size = size < CREWI_SCAN_SIZE ? size : CREWI_SCAN_SIZE;
    for (size_t at = 0; at + sizeof *words <= size && count < room; at += sizeof *words) {
        uint64_t word;
        memcpy(&word, (const char *)data + at, sizeof word);
        if (crewi_id_kind(word) >= CREWI_KIND_PIPE &&
            crewi_id_home(word) < (uint32_t)crew_rank_count())
            words[count++] = word;
    }
    return count;
}

crew_status crewi_shares_take(struct crewi_engine *engine, uint64_t process, const void *data,
                              size_t size, struct crewi_shares *shares)
{
    *shares = (struct crewi_shares){0};
    size = size < CREWI_SCAN_SIZE ? size : CREWI_SCAN_SIZE;
    for (size_t at = 0; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const char *)data + at, sizeof word);
        struct crewi_holder *holder = word >> 60 ? find_copy(engine, process, word) : NULL;
        if (!holder)
            continue;
        crew_status status = add_share(shares, word, holder);
        ask_for_more(engine, holder, word);
        if (status) {
            crewi_shares_put_back(engine, process, shares);
            return status;
        }
    }
    return CREW_OK;
}

void crewi_shares_hand_over(struct crewi_engine *engine, uint64_t process,
                            const struct crewi_share *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!kind_of(engine, list[i].id))
            continue;
        bool held = crewi_handle_is_open(crewi_handle_find(engine, list[i].id), process);
        struct crewi_holder *holder = hold(engine, list[i].id, process, list[i].weight);
        if (holder && held)
            holder->copies++;
        if (holder)
            ask_for_more(engine, holder, list[i].id);
    }
}

void crewi_shares_drop(struct crewi_engine *engine, const struct crewi_share *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (kind_of(engine, list[i].id))
            give_back(engine, list[i].id, list[i].weight);
}

void crewi_shares_free(struct crewi_shares *shares)
{
    free(shares->list);
    *shares = (struct crewi_shares){0};
}
