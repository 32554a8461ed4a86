/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The engine: objects at their homes, and the messages between them and their clients.
 *
 * Every shared object is a small state machine at one rank, its home. A call of a client is a
 * *request* to the home and one *reply*; a request that cannot be answered yet is *parked* there
 * with its deadline. A *note* asks for no reply, a *delivery* comes to a client that did not ask.
 *
 * The engine knows none of the concepts. Each registers a ::crewi_kind: what to do with a request,
 * and with the death of a client. These functions do no I/O and read no clock; whatever they send
 * goes through crewi_engine_send() and its relatives, and the time is crewi_engine::now_ns. The
 * event loop (loop.h) moves messages in and out; a simulated job may do that as well.
 *
 * Ids of objects: 4 bits kind, 20 bits home, 40 bits number. A number is never used again, so that
 * a handle of an object that is gone is found out.
 *
 * Operations from ::CREWI_ENGINE_OPS on are between engines: a child that sends one is cheating.
 */
#ifndef CREWI_ENGINE_ENGINE_H
#define CREWI_ENGINE_ENGINE_H

#include "base/frame.h"
#include "base/table.h"
#include "engine/timer.h"
#include "node/arena.h"
#include "node/claim.h"
#include "node/limits.h"
#include "transport/transport.h"

#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

/** The kinds of objects, as they stand in ids and headers. */
enum crewi_kind_number {
    CREWI_KIND_PROCESS = 1,
    CREWI_KIND_POOL,
    CREWI_KIND_PIPE,
    CREWI_KIND_QUEUE,
    CREWI_KIND_SYNC,
    CREWI_KIND_ARRAY,
    CREWI_KIND_CONTAINER,
    CREWI_KIND_TEAM,
    CREWI_KIND_RESULT,
    CREWI_KIND_LIMIT = 16
};

/** Operations that mean the same for every kind whose objects can be waited for. */
enum crewi_common_op {
    CREWI_OP_DROP_COPIES = 60,  /* note to the own rank, words: crewi_copies_drop() */
    CREWI_OP_STOP_POSTS = 61,   /* delivery: the client is to ask again before it posts to object */
    CREWI_OP_FORGET_WAITS = 62, /* note, two uint64_t: first and last request number: parked waits
                                   of the client's that nobody waits for any more */
    CREWI_OP_WAIT               /* request, no data: parked until the object is ready -> one byte,
                                   1 when it is; both have the id in front for kinds that are
                                   crewi_kind::is_shared */
};

/** Operations from here on are refused when they come from a child. */
#define CREWI_ENGINE_OPS 64

/** The number in an id. */
#define CREWI_NUMBER_MASK (((uint64_t)1 << 40) - 1)

/** Ranks that an id has room for. */
#define CREWI_RANK_LIMIT ((uint32_t)1 << 20)

struct crewi_engine;

/** The head of every object. */
struct crewi_object {
    uint64_t id;
};

/** What a request or note brings; all of it is valid during the call only. */
struct crewi_message {
    uint8_t kind, op;
    uint64_t object;
    int64_t timeout_ns;
    struct crewi_origin origin;
    const void *data;
    uint64_t size;
    struct crewi_frame **frame; /* whose payload the data is; who keeps it sets it to NULL */
};

struct crewi_endpoint;
struct crewi_handle;
struct crewi_shared;

/** The most that a kind says about an object to a rank that attaches to it. */
#define CREWI_DESCRIPTION_SIZE 256

/** A concept, as the engine sees it. */
struct crewi_kind {
    const char *name; /* for messages: "process" */
    /** A request or note to an object, or to the rank itself (object NULL). */
    void (*request)(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message);
    /** A client that may have used objects here has ended. */
    void (*client_gone)(struct crewi_engine *engine, uint64_t process);
    /** A client of this rank, which is code of the rank itself, was asked to end. May be NULL. */
    void (*client_ends)(struct crewi_engine *engine, uint64_t process);
    /** A client leaves in good order; this is the rank that its own objects are at home on. Those
     * that start processes (as their watchers) end them, if they are still open: the kind of the
     * processes leaves these to them. May be NULL. */
    void (*client_leaves)(struct crewi_engine *engine, uint64_t process);
    /** The creator of such an object will leave when that has finished: whether its processes have
     * anything to finish. Not NULL where client_leaves is not. */
    bool (*finishes)(struct crewi_engine *engine, struct crewi_object *object);
    /** A delivery is handed to a client of this rank. May be NULL. */
    void (*delivers)(struct crewi_engine *engine, struct crewi_endpoint *endpoint,
                     const struct crewi_frame *frame);
    /** The engine ends with this object still there. */
    void (*destroy)(struct crewi_engine *engine, struct crewi_object *object);
    /** All that came in by now was handled: what was put off for the end of a round. */
    void (*settle)(struct crewi_engine *engine);

    /* Of objects whose handles are counted (handles.h) */

    bool is_shared;
    /** At home: what a rank that attaches is told, at most ::CREWI_DESCRIPTION_SIZE bytes. */
    size_t (*describe)(struct crewi_engine *engine, struct crewi_shared *shared, void *room);
    /** On a rank: it is attached now; sets crewi_handle::agent. */
    crew_status (*attach)(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size);
    /** On a rank: the object is gone, or the engine ends; frees crewi_handle::agent. */
    void (*detach)(struct crewi_engine *engine, struct crewi_handle *handle);
    /** On a rank: a process has closed its copy, or has ended. May be NULL. */
    void (*released)(struct crewi_engine *engine, struct crewi_handle *handle, uint64_t process);
    /** On a rank: a number that goes home with weight, and to came_back there. May be NULL. */
    uint64_t (*count_out)(struct crewi_engine *engine, struct crewi_handle *handle);
    void (*came_back)(struct crewi_engine *engine, struct crewi_shared *shared, uint64_t extra);
    /** At home: nobody has a handle any more. */
    void (*unreferenced)(struct crewi_engine *engine, struct crewi_shared *shared);
};

/** Where frames for a client on this rank go. */
struct crewi_endpoint {
    uint64_t process;
    void (*deliver)(struct crewi_endpoint *endpoint,
                    struct crewi_frame *frame); /* owns the frame */
    bool local;                  /* code of the rank itself, whose pointers can be believed */
    uint64_t *touched;           /* a bit for each other rank that has heard of this client */
    struct crewi_claims *claims; /* of the tasks that it was given; NULL: it is given none */
};

/** What a process is to be, for whoever starts it. */
struct crewi_spawn {
    uint64_t process;
    const char *name;
    int core;    /* to be bound to; -1: not */
    bool inside; /* in the rank itself */
    struct crewi_limits limits;
    struct crewi_frame *start; /* the first frame for it; owned by the callee */
};

/** What an engine can have done outside: by the fork server in a real rank, by the simulator
 * otherwise. */
struct crewi_host_ops {
    crew_status (*spawn)(void *host, const struct crewi_spawn *spawn, uint32_t *slot);
    crew_status (*signal)(void *host, uint32_t slot, int signal);
    /** Takes in what the children have sent by now. NULL: nothing is ever under way from them. */
    void (*drain)(void *host);
    /** The processor time that this rank itself has used, without its children. NULL: not known.
     */
    int64_t (*cpu_ns)(void *host);
    /** Says why, ends the job, and does not return. NULL: the process is aborted. */
    void (*fatal)(void *host, const char *reason);
};

struct crewi_engine {
    uint32_t rank, rank_count;
    int64_t now_ns;
    const struct crewi_kind *kinds[CREWI_KIND_LIMIT];
    void *states[CREWI_KIND_LIMIT]; /* what a kind keeps for itself on this rank */
    struct crewi_table objects;
    struct crewi_table handles; /* those that processes of this rank know: see handles.h */
    uint64_t last_number;
    struct crewi_timers timers;
    struct crewi_frames inbox; /* for this rank itself, in order */
    struct crewi_arena *arena; /* made with its first block */
    struct crewi_transport *transport;
    const struct crewi_host_ops *host_ops;
    void *host;
    struct crewi_endpoint **endpoints; /* by slot */
    uint32_t endpoint_room;
    bool shut_down; /* a shutdown message has come, or the engine ends */
};

/** Begins with no kinds and no objects. */
void crewi_engine_init(struct crewi_engine *engine, struct crewi_transport *transport);

/** Destroys what objects are left. */
void crewi_engine_fini(struct crewi_engine *engine);

/* Objects */

/** A number for a new object of that kind at home here. */
uint64_t crewi_engine_new_id(struct crewi_engine *engine, enum crewi_kind_number kind);

static inline uint32_t crewi_id_home(uint64_t id)
{
    return (uint32_t)(id >> 40) & (CREWI_RANK_LIMIT - 1);
}

static inline unsigned crewi_id_kind(uint64_t id)
{
    return (unsigned)(id >> 60);
}

/** ::CREW_ENOMEM */
crew_status crewi_engine_add(struct crewi_engine *engine, struct crewi_object *object);
void crewi_engine_remove(struct crewi_engine *engine, uint64_t id);

/** NULL when it is not, or not any more, at home here. */
struct crewi_object *crewi_engine_find(struct crewi_engine *engine, uint64_t id);

/** Calls @p visit for each object of a kind; it may remove that object, and no other. */
void crewi_engine_each(struct crewi_engine *engine, enum crewi_kind_number kind,
                       void (*visit)(struct crewi_engine *engine, struct crewi_object *object,
                                     void *context),
                       void *context);

/** Ends the job, of which something is lost that cannot be mended. */
__attribute__((noreturn)) void crewi_engine_fatal(const struct crewi_engine *engine,
                                                  const char *reason);

/* Messages out */

/** Sends a frame to header.target_rank, this one included, and owns it. What cannot be sent is
 * logged and ends the job's hopes. */
void crewi_engine_send(struct crewi_engine *engine, struct crewi_frame *frame);

/** A request in the name of an object here (replies come to slot and process of @p origin), or a
 * note without one. */
struct crewi_outgoing {
    uint8_t type, kind, op;
    uint32_t rank;
    uint64_t object;
    const void *head, *body, *tail; /* the payload is all three, one behind the other */
    size_t head_size, body_size, tail_size;
};

/** Puts a note together and sends it. ::CREW_ENOMEM */
crew_status crewi_engine_tell(struct crewi_engine *engine, const struct crewi_outgoing *note);

/** The same where others wait for what it says: without memory for it the job ends. */
void crewi_engine_must_tell(struct crewi_engine *engine, const struct crewi_outgoing *note);

/** A frame for a message that others wait for: without memory for it the job ends. */
struct crewi_frame *crewi_engine_frame(const struct crewi_engine *engine, uint64_t size);

/** Answers a request; data is copied. */
void crewi_engine_reply(struct crewi_engine *engine, const struct crewi_origin *origin,
                        const void *data, size_t size);

/** Answers with a frame that is here already, its payload the data; owns it. */
void crewi_engine_reply_frame(struct crewi_engine *engine, const struct crewi_origin *origin,
                              struct crewi_frame *frame);

/** Answers with an error and its reason. */
void crewi_engine_refuse(struct crewi_engine *engine, const struct crewi_origin *origin,
                         crew_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Answers that a message is malformed: of what kind it is, its operation and size, and what was
 * expected. ::CREW_EPROTO */
void crewi_engine_refuse_malformed(struct crewi_engine *engine, const struct crewi_message *message,
                                   const char *expected, ...) __attribute__((format(printf, 3, 4)));

/** Answers with an error whose reason is in crew_error_message(). */
void crewi_engine_refuse_error(struct crewi_engine *engine, const struct crewi_origin *origin,
                               crew_status status);

/** A frame for the inbox of a client, to be filled and sent: without memory for it the job ends. */
struct crewi_frame *crewi_engine_delivery(const struct crewi_engine *engine,
                                          const struct crewi_origin *client, uint8_t kind,
                                          uint8_t op, uint64_t size);

/* Messages in */

/** Takes a frame that has come for this rank; owned from then on. It is handled by the next
 * crewi_engine_run(). */
void crewi_engine_accept(struct crewi_engine *engine, struct crewi_frame *frame);

/** Handles what is in the inbox, what comes of it, and what timers are due. True if there was
 * anything. */
bool crewi_engine_run(struct crewi_engine *engine, int64_t now_ns);

/* Clients on this rank */

/** Gives the endpoint a slot of its own. ::CREW_ENOMEM, ::CREW_ESTATE with too many */
crew_status crewi_engine_attach(struct crewi_engine *engine, struct crewi_endpoint *endpoint,
                                uint32_t *slot);

/** Whether the one who asks is code of this rank itself. */
bool crewi_engine_is_local(const struct crewi_engine *engine, const struct crewi_origin *origin);

/** Whether the one who asked, on this rank, has not ended. */
bool crewi_engine_is_there(const struct crewi_engine *engine, const struct crewi_origin *origin);

/** Whether a process is a client of this rank now; then *origin is the way to it, if not NULL. */
bool crewi_engine_has_client(const struct crewi_engine *engine, uint64_t process,
                             struct crewi_origin *origin);

/** Tells all kinds that a client was asked to end: see crewi_kind::client_ends. */
void crewi_engine_client_ends(struct crewi_engine *engine, uint64_t process);

/** Tells all kinds that a client leaves: see crewi_kind::client_leaves. */
void crewi_engine_client_leaves(struct crewi_engine *engine, uint64_t process);

/** Frees the slot, and lets every home that the client has used know. */
void crewi_engine_detach(struct crewi_engine *engine, uint32_t slot);

/**
 * Takes a frame from a client: fills in who it is from, finds where it goes, and sends it on.
 * ::CREW_EPROTO when no client may send this; the frame is destroyed then.
 */
crew_status crewi_engine_accept_from(struct crewi_engine *engine, uint32_t slot,
                                     struct crewi_frame *frame);

#endif
