/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Handles of shared objects: which process has a copy of which, and when an object has none left.
 *
 * A handle is a plain value that travels in arguments and messages, so its copies have to be
 * counted where it passes by. They are counted by *weight*: an object begins with a large weight,
 * all of it with its creator; a copy that is passed on takes a part of its sender's along; a copy
 * that is closed, or whose process ends, gives its weight back to the home. When the home has all
 * of it, nobody has a handle. So passing a handle on costs the home no message, and nothing depends
 * on the order in which messages of different ranks arrive there.
 *
 * Each rank keeps, for each object that its processes know, a crewi_handle with its *holders*. A
 * holder that has closed its copy stays on record, so that later calls are refused, until the
 * object is gone. The first use on a rank *attaches* it to the object at its home: it asks for what
 * the kind says about the object (crewi_kind::describe), and, for a process that came by the handle
 * in a way that nobody saw, for weight.
 *
 * Kinds with such objects set crewi_kind::is_shared. Clients' calls for them go to their own rank
 * (no object in the header, the id first in the payload), which begins with crewi_handle_use().
 */
#ifndef CREWI_ENGINE_HANDLES_H
#define CREWI_ENGINE_HANDLES_H

#include "engine/engine.h"

/** Between engines, of all kinds with is_shared: the last operations. The object is named in the
 * payload, a crewi_handle_note. */
enum crewi_handle_op {
    CREWI_OP_ATTACH = 250, /* rank to home */
    CREWI_OP_ATTACHED,     /* home to rank: with the kind's description */
    CREWI_OP_GIVE_BACK,    /* rank to home: weight */
    CREWI_OP_GONE          /* home to rank: nobody has a handle any more */
};

struct crewi_handle_note {
    uint64_t id, weight;
    uint64_t process; /* ATTACH, ATTACHED: for whom the weight is; 0: none is wanted */
    uint64_t extra;   /* GIVE_BACK: what crewi_kind::count_out said */
    int32_t status;   /* ATTACHED: CREW_ECLOSED when it is gone, CREW_ENOENT when it never was */
    uint32_t rank;    /* ATTACH, GIVE_BACK: whose it is */
};

/** A copy of a handle that is with no process now: in a message, or an argument. */
struct crewi_share {
    uint64_t id, weight;
};

/** All zero is none. */
struct crewi_shares {
    struct crewi_share *list;
    size_t count;
};

/** How far into a message handles are looked for. */
#define CREWI_SCAN_SIZE ((size_t)65536)

/** At home: what every object of such a kind begins with. All zero but for the id. */
struct crewi_shared {
    struct crewi_object object;
    uint64_t lent;      /* weight that is out */
    uint64_t *attached; /* a bit for each rank that knows it */
};

/** A process with a copy. */
struct crewi_holder {
    struct crewi_holder *next;
    uint64_t process, weight;
    uint64_t copies; /* how often it has come by the handle: crewi_handles_drop_copies() */
    bool closed;
    bool asking;   /* for more weight */
    uint32_t mark; /* the kind's own */
};

/** An object, as a rank knows it. */
struct crewi_handle {
    uint64_t id;
    struct crewi_holder *holders;
    struct crewi_frames pending; /* of clients, until it is attached */
    bool attached, attaching;
    void *agent; /* the kind's own; NULL until it is attached */
};

/* At home */

/** Adds a new object, its id set, to the engine, with all weight given to @p process, who is on
 * this rank; the rank is attached to it. ::CREW_ENOMEM */
crew_status crewi_shared_add(struct crewi_engine *engine, struct crewi_shared *shared,
                             uint64_t process);

/** Takes back an addition that nobody has heard of yet. The caller frees it. */
void crewi_shared_undo(struct crewi_engine *engine, struct crewi_shared *shared);

/** Removes it, and tells the ranks that know it. The caller frees it. */
void crewi_shared_remove(struct crewi_engine *engine, struct crewi_shared *shared);

/* On the rank of a client */

/**
 * The handle that a client's request is about. NULL when there is nothing more to do now: it was
 * refused (the process has closed it), or its frame was put aside until the rank is attached; it
 * comes once more then.
 */
struct crewi_handle *crewi_handle_use(struct crewi_engine *engine,
                                      const struct crewi_message *message, uint64_t id);

/** The twin of a client's operation, between its rank and the home. */
#define CREWI_AT_HOME(op) ((uint8_t)((op) | CREWI_ENGINE_OPS))

/** What a kind does at home with a request; the operation is the client's. */
typedef void crewi_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                                uint8_t op);

/** Passes a client's request on to the home of the object, and owns the frame; straight to @p
 * at_home if that is here. */
void crewi_handle_pass_on(struct crewi_engine *engine, uint64_t id, struct crewi_frame *frame,
                          crewi_home_request *at_home);

/** NULL when the rank does not know it. */
struct crewi_handle *crewi_handle_find(const struct crewi_engine *engine, uint64_t id);

/** Whether the process has a copy that it has not closed. */
bool crewi_handle_is_open(const struct crewi_handle *handle, uint64_t process);

/** What the kind has noted about a process's copy; NULL when it has none. */
uint32_t *crewi_handle_mark(struct crewi_handle *handle, uint64_t process);

/** Whether the process has closed its copy. */
bool crewi_handle_is_closed(const struct crewi_handle *handle, uint64_t process);

/** Closes the copy of a process. False when it had none open. */
bool crewi_handle_close(struct crewi_engine *engine, uint64_t id, uint64_t process);

/** Whether any process of this rank holds it. */
bool crewi_handle_is_held(const struct crewi_handle *handle);

/** Has the processes that hold it ask again before they post to it: see crewi_post(). */
void crewi_handle_stop_posts(struct crewi_engine *engine, const struct crewi_handle *handle);

/* Passing on */

/**
 * Finds the handles in a message of a process, and takes a share of each. ::CREW_ENOMEM;
 * ::CREW_ESTATE there are too many copies of one at the moment, and more weight was asked for.
 * Nothing is taken then.
 */
crew_status crewi_shares_take(struct crewi_engine *engine, uint64_t process, const void *data,
                              size_t size, struct crewi_shares *shares);

/** The words in a message that look like handles, at most @p room of them. No engine is needed: a
 * client may do so whose rank does not see the message; inside crew_run() only. */
size_t crewi_handles_look(const void *data, size_t size, uint64_t *words, size_t room);

/** A process of this rank gets them: it holds those handles now. */
void crewi_shares_hand_over(struct crewi_engine *engine, uint64_t process,
                            const struct crewi_share *list, size_t count);

/** Nobody gets them: their weight goes home. */
void crewi_shares_drop(struct crewi_engine *engine, const struct crewi_share *list, size_t count);

/** The sender keeps them after all; frees the list. */
void crewi_shares_put_back(struct crewi_engine *engine, uint64_t process,
                           struct crewi_shares *shares);

/** Frees the list alone. */
void crewi_shares_free(struct crewi_shares *shares);

/* For the engine itself */

/** Hears an operation of ::crewi_handle_op. */
void crewi_handles_request(struct crewi_engine *engine, const struct crewi_kind *kind,
                           const struct crewi_message *message);

/** Hears ::CREWI_OP_DROP_COPIES: a process of this rank takes back one copy for each of the words
 * that is a handle of its own. It is no holder any more when that was the only one. */
void crewi_handles_drop_copies(struct crewi_engine *engine, const struct crewi_message *message);

/** A process of this rank has ended. */
void crewi_handles_client_gone(struct crewi_engine *engine, uint64_t process);

void crewi_handles_fini(struct crewi_engine *engine);

#endif
