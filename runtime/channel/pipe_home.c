/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/pipe_home.h"

#include "base/error.h"
#include "channel/pipe_agent.h"

#include <stdlib.h>
#include <string.h>

struct pipe;

/* A rank that wants a stream, and its number for that. */
struct wish {
    uint32_t rank;
    uint64_t number;
};

struct pipe_end {
    struct crewi_shared shared;
    struct pipe *pipe; /* NULL: it is gone */
    bool sends, receives;
    uint64_t sent; /* items that were sent at it, as far as weight came back */
    /* Of its stream, what can be received at it: */
    uint32_t location;
    bool is_made, moving, held; /* held: the location does not let it go yet */
    struct wish target;         /* while it moves */
    struct wish *wanted;        /* by these ranks, in their order */
    size_t wanted_count, wanted_room;
};

struct pipe {
    struct pipe_end ends[2];
    uint64_t capacity;
};

static struct pipe_end *other_of(struct pipe_end *end)
{
    return &end->pipe->ends[end == end->pipe->ends];
}

/* The first of two numbers that follow each other and is even. */
static uint64_t new_ids(struct crewi_engine *engine)
{
    uint64_t id = crewi_engine_new_id(engine, CREWI_KIND_PIPE);
    if (id & 1)
        id = crewi_engine_new_id(engine, CREWI_KIND_PIPE);
    crewi_engine_new_id(engine, CREWI_KIND_PIPE);
    return id;
}

static struct pipe *make(struct crewi_engine *engine, const struct crewi_pipe_settings *settings)
{
    struct pipe *pipe = calloc(1, sizeof *pipe);
    if (!pipe)
        return NULL;
    uint64_t id = new_ids(engine);
    pipe->capacity = settings->capacity;
    for (int i = 0; i < 2; i++) {
        struct pipe_end *end = &pipe->ends[i];
        end->shared.object.id = id + (uint64_t)i;
        end->pipe = pipe;
        end->sends = i == 1 || settings->duplex;
        end->receives = i == 0 || settings->duplex;
        end->location = engine->rank;
    }
    return pipe;
}

static void free_pipe(struct pipe *pipe)
{
    for (int i = 0; i < 2; i++)
        free(pipe->ends[i].wanted);
    free(pipe);
}

void crewi_pipe_create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pipe_settings settings;
    if (message->size != sizeof settings) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a description of no pipe");
        return;
    }
    memcpy(&settings, message->data, sizeof settings);
    if (!settings.capacity || settings.capacity > CREWI_PIPE_CAPACITY_LIMIT) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "a pipe with a capacity of %llu bytes",
                            (unsigned long long)settings.capacity);
        return;
    }
    struct pipe *pipe = make(engine, &settings);
    if (!pipe) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    uint64_t ids[2];
    for (int i = 0; i < 2; i++) {
        struct pipe_end *end = &pipe->ends[i];
        crew_status status = crewi_shared_add(engine, &end->shared, message->origin.process);
        ids[i] = end->shared.object.id;
        if (status) {
            crewi_engine_refuse_error(engine, &message->origin, status);
            if (i == 1)
                crewi_shared_undo(engine, &pipe->ends[0].shared);
            free_pipe(pipe);
            return;
        }
        end->is_made = true;
    }
    crewi_engine_reply(engine, &message->origin, ids, sizeof ids);
}

size_t crewi_pipe_describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    struct pipe_end *end = (struct pipe_end *)shared, *other = other_of(end);
    struct crewi_pipe_description description = {
        .other = other->shared.object.id,
        .capacity = end->pipe->capacity,
        .location = other->location,
        .is_here = !end->is_made && end->location == engine->rank,
        .sends = end->sends,
        .receives = end->receives,
        .readers_gone = other->is_made && !other->shared.lent,
    };
    memcpy(room, &description, sizeof description);
    return sizeof description;
}

/* Where a stream is */

static void move_next(struct crewi_engine *engine, struct pipe_end *end)
{
    if (end->moving || !end->wanted_count)
        return;
    end->target = end->wanted[0];
    memmove(end->wanted, end->wanted + 1, --end->wanted_count * sizeof *end->wanted);
    end->moving = true;
    end->held = false;
    struct crewi_pipe_note note = {
        .end = end->shared.object.id, .value = end->target.number, .rank = end->target.rank};
    crewi_pipe_tell(engine, CREWI_PIPE_MOVE, end->location, &note);
}

static void say_held(struct crewi_engine *engine, const struct pipe_end *end,
                     const struct wish *wish)
{
    struct crewi_pipe_note note = {
        .end = end->shared.object.id, .value = wish->number, .rank = engine->rank};
    crewi_pipe_tell(engine, CREWI_PIPE_HELD, wish->rank, &note);
}

static void fetch(struct crewi_engine *engine, struct pipe_end *end,
                  const struct crewi_pipe_note *note)
{
    struct wish wish = {.rank = note->rank, .number = note->value};
    for (size_t i = 0; i < end->wanted_count; i++)
        if (end->wanted[i].rank == wish.rank)
            return;
    if (end->wanted_count == end->wanted_room) {
        size_t more = end->wanted_room ? 2 * end->wanted_room : 4;
        struct wish *grown = realloc(end->wanted, more * sizeof *grown);
        if (!grown)
            return;
        end->wanted = grown;
        end->wanted_room = more;
    }
    end->wanted[end->wanted_count++] = wish;
    if (end->moving && end->held)
        say_held(engine, end, &wish);
    move_next(engine, end);
}

/* It may be about a move that is over. */
static void hear_holds(struct crewi_engine *engine, struct pipe_end *end,
                       const struct crewi_pipe_note *note)
{
    if (!end->moving || end->target.rank != note->rank || end->target.number != note->value)
        return;
    end->held = true;
    for (size_t i = 0; i < end->wanted_count; i++)
        say_held(engine, end, &end->wanted[i]);
}

void crewi_pipe_home_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_pipe_note note;
    if (!crewi_pipe_read_note(engine, message, &note))
        return;
    struct pipe_end *end = crewi_id_kind(note.end) == CREWI_KIND_PIPE
                               ? (struct pipe_end *)crewi_engine_find(engine, note.end)
                               : NULL;
    if (!end) /* closed meanwhile */
        return;
    if (message->op == CREWI_PIPE_FETCH) {
        fetch(engine, end, &note);
    } else if (message->op == CREWI_PIPE_HOLDS) {
        hear_holds(engine, end, &note);
    } else {
        end->location = note.rank;
        end->moving = false;
        move_next(engine, end);
    }
}

/* Who has it */

void crewi_pipe_came_back(struct crewi_engine *engine, struct crewi_shared *shared, uint64_t items)
{
    (void)engine;
    ((struct pipe_end *)shared)->sent += items;
}

/* Nobody receives at it any more: those who send there are told. */
static void tell_senders(struct crewi_engine *engine, const struct pipe_end *gone,
                         const struct pipe_end *other)
{
    struct crewi_pipe_note note = {.end = other->shared.object.id, .rank = gone->location};
    for (uint32_t rank = 0; rank < engine->rank_count; rank++)
        if (other->shared.attached[rank / 64] >> (rank % 64) & 1)
            crewi_pipe_tell(engine, CREWI_PIPE_READERS_GONE, rank, &note);
}

void crewi_pipe_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct pipe_end *end = (struct pipe_end *)shared, *other = other_of(end);
    struct crewi_pipe_note note = {.end = other->shared.object.id, .value = end->sent};
    crewi_shared_remove(engine, shared);
    if (!other->shared.attached) {
        free_pipe(end->pipe);
        return;
    }
    if (end->sends)
        crewi_pipe_tell(engine, CREWI_PIPE_END, other->location, &note);
    if (other->sends)
        tell_senders(engine, end, other);
}

void crewi_pipe_destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    struct pipe_end *end = (struct pipe_end *)object, *other = other_of(end);
    (void)engine;
    free(end->shared.attached);
    end->shared.attached = NULL;
    if (!other->shared.attached)
        free_pipe(end->pipe);
}
