/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What callers, homes and workers of pools say to each other.
 *
 * A pool is at home on its creator's rank. A worker is a process whose function is
 * crewi_pool_worker(); once it is ready, the home delivers chunks to it, a few ahead of what it has
 * done, and it answers with results as they come. A result may cover a part of a chunk.
 */
#ifndef CREWI_POOL_POOL_PROTOCOL_H
#define CREWI_POOL_POOL_PROTOCOL_H

#include "base/funcref.h"
#include "base/log.h"
#include "node/claim.h"
#include "node/loan.h"
#include "node/parcel.h"

#include <crew/pool.h>
#include <crew/result.h>
#include <stdint.h>

/** Workers that a pool may have. */
#define CREWI_WORKER_LIMIT 65536
/** What engines have to say to each other begins here. */
#define CREWI_POOL_ENGINE_OPS 72

/** Of callers and workers. */
enum crewi_pool_op {
    CREWI_POOL_CREATE = 1, /* to the own rank: crewi_pool_spec, the ranks chosen as int32_t, and the
                              initializer's argument -> id, when the workers are ready */
    CREWI_POOL_SUBMIT, /* crewi_pool_submission, the ranges of a partial one, and items unless they
                          are shared -> id of the map, an object of its own */
    CREWI_POOL_NEXT_DONE, /* parked until a map that somebody wants to hear of is done -> its id */
    CREWI_POOL_WORKERS,   /* -> crew_worker_info of each */
    CREWI_POOL_CANCEL,    /* what no worker has */
    CREWI_POOL_CLOSE,
    CREWI_POOL_TERMINATE,
    CREWI_POOL_END_WORKERS, /* int32_t signal: SIGTERM or SIGKILL */
    CREWI_POOL_JOIN,
    CREWI_POOL_DESTROY,
    CREWI_POOL_READY,    /* a worker: has begun: crewi_pool_ready, or nothing */
    CREWI_POOL_UNFIT,    /* a worker: its initializer failed: int32_t status and the reason */
    CREWI_POOL_RESULT,   /* a worker: crewi_pool_result, failures, results */
    CREWI_POOL_CHUNK,    /* to a worker: crewi_pool_chunk and items */
    CREWI_POOL_STOP,     /* to a worker: there is nothing more to do */
    CREWI_POOL_DESCRIBE, /* one byte: whether with workers -> crewi_pool_description */
    CREWI_POOL_LENT, /* a worker: crewi_pool_result of one task and the crewi_loan of its result:
                        answered when that was fetched; ::CREW_ENOTSUP: send it instead */
    CREWI_POOL_ITEM, /* a worker: crewi_pool_task, whose lent item it may not read any more -> the
                        item; no more are lent to it */
    CREWI_POOL_COMPLETED, /* uint64_t: the order up to which the caller knows what is done; parked
                            until there is more -> a crewi_pool_completion of each, in order */
    CREWI_POOL_LEAVE      /* its creator leaves: it ends if it is open */
};

/** Between engines. (The ones before are those of crewi_watcher_op.) */
enum crewi_pool_engine_op {
    CREWI_POOL_STEAL = CREWI_POOL_ENGINE_OPS, /* to a worker's rank: crewi_pool_steal */
    CREWI_POOL_STOLEN                         /* to the pool: crewi_pool_stolen */
};

/** Of the creator, to a map. crew_wait() asks it with CREWI_OP_WAIT. */
enum crewi_result_op {
    CREWI_RESULT_PROGRESS = 1, /* -> crewi_pool_progress */
    CREWI_RESULT_TAKE,         /* one byte, crewi_take_flags; when it is done -> crewi_pool_outcome,
                                  reason, and what is not shared, the first time */
    CREWI_RESULT_ERRORS,       /* when it is done -> crew_task_error of each */
    CREWI_RESULT_NOTIFY,       /* NEXT_DONE is to bring it -> one byte: 0 if it is done already */
    CREWI_RESULT_CANCEL,       /* -> one byte: whether it is cancelled as a whole */
    CREWI_RESULT_KILL,         /* -> nothing */
    CREWI_RESULT_CLOSE,        /* -> nothing */
    CREWI_RESULT_KEPT,         /* of one with a journal: that is closed -> nothing */
    CREWI_RESULT_NEXT,         /* of one that reports: parked until there is enough to tell, or its
                                 deadline -> crewi_pool_news */
    CREWI_RESULT_PARTS,        /* of one that is told in parts: parked until a task is done that was
                                  not told -> crewi_pool_told */
    CREWI_RESULT_FETCH         /* of one with results of varying size, that was taken:
                                  crewi_pool_fetch_order -> crewi_pool_fetched; what is before first is
                                  forgotten */
};

struct crewi_pool_spec {
    int32_t workers;
    uint32_t max_tasks; /* chunks that a worker takes; 0: any number */
    uint64_t memory_limit;
    uint32_t chosen; /* ranks to go round, which follow; 0: all */
    uint8_t inside, bind, initialized,
        start_method;       /* the last: what a worker chooses by default */
    uint8_t break_on_death; /* a worker that ends unasked breaks the pool */
    uint8_t reserved[7];
    struct crewi_funcref worker, initializer;
    char creator_name[CREW_NAME_SIZE];
    char creator_path[CREW_NAME_SIZE];
    struct crewi_log_settings log; /* of the workers */
};

/** A map. The addresses are of the caller's memory, and only looked at when it is in the home rank
 * itself. */
struct crewi_pool_submission {
    struct crewi_funcref function;
    uint64_t count, item_size, result_size, chunk;
    uint64_t items, results, statuses;
    uint8_t shared, wants_statuses;
    uint8_t notify;   /* NEXT_DONE is to bring it */
    uint8_t schedule; /* a crew_schedule */
    uint8_t retries, retry_on;
    uint8_t partial; /* only the tasks of range_count crewi_ranges, in order and apart, which
                        follow; the others are done */
    uint8_t reports; /* NEXT will be asked */
    int32_t priority;
    uint8_t no_stealing;
    uint8_t kept;        /* it has a journal: it is not done before the creator says KEPT */
    uint8_t varying;     /* sizes are each task's own: a crewi_pool_piece for each follows, then the
                            items, each filled up to 16 bytes. When shared, items and results are
                            addresses of iovecs. */
    uint8_t keep_failed; /* what tasks that failed have put into their results */
    uint8_t parts;       /* PARTS will be asked, and TAKE will not */
    uint8_t reserved[7];
    int64_t timeout_ns; /* of one task; 0: none */
    uint64_t range_count;
    struct crewi_parcel parcel; /* the items, when they do not follow in the message */
    char task[CREW_NAME_SIZE];
};

struct crewi_pool_progress {
    uint64_t done, failed, count;
    uint64_t skipped; /* of a partial map: done before it began */
    uint64_t retried; /* times that a task was to be tried again */
    uint64_t order;   /* of maps that are done, from 1 on: which it was */
    uint8_t over, running, cancelled;
    uint8_t wrong; /* it is over, and has failed otherwise than by being cancelled */
    uint8_t reserved[4];
};

/** A map that is done. */
struct crewi_pool_completion {
    uint64_t id;
    uint64_t order; /* from 1 on: which of the pool's it was */
    uint8_t wrong;  /* some of it has failed otherwise than by being cancelled */
    uint8_t reserved[7];
};

/** What a pool did, and what it cost. */
struct crewi_pool_description {
    crew_pool_info info;
    crew_worker_info workers[]; /* of each, if they are wanted */
};

/** What has succeeded and was not told yet: the ranges follow, and then, unless memory is shared,
 * their results. */
struct crewi_pool_news {
    uint64_t count;
    uint8_t over, reserved[7]; /* there will be no more */
};

/** Tasks that one worker has done, after as many attempts each. */
struct crewi_pool_report {
    uint64_t begin, count;
    int32_t rank;
    uint32_t attempts;
    char worker[CREW_NAME_SIZE];
};

/** What is done and was not told yet: so many crewi_pool_parts follow, then so many
 * crew_task_errors, and then, unless memory is shared, the results of those that succeeded. */
struct crewi_pool_told {
    uint64_t parts, errors;
};

/** Tasks that ended alike. */
struct crewi_pool_part {
    uint64_t begin, count;
    int32_t status, reserved;
};

/** How a map ended. Behind it: the reason; then, unless memory is shared, statuses (if wanted) and
 * results. */
struct crewi_pool_outcome {
    int32_t status;
    uint32_t reason_size;
    uint64_t lent; /* bytes: a crewi_loan stands for statuses and results, until they are taken */
};

/** How to take it. */
enum crewi_take_flag {
    CREWI_TAKE_AND_CLOSE = 1,
    CREWI_TAKE_LOAN = 2,          /* they may be lent */
    CREWI_TAKE_READ = 4,          /* what was lent was read */
    CREWI_TAKE_AND_CLOSE_GOOD = 8 /* if all its tasks succeeded */
};

/** Flags of a chunk. */
enum crewi_chunk_flag {
    CREWI_CHUNK_VARYING = 1,    /* a crewi_pool_piece for each task stands before the items, each of
                                   which is filled up to 16 bytes */
    CREWI_CHUNK_LENT = 2,       /* a crewi_loan stands for the item of its one task */
    CREWI_CHUNK_FETCHED = 4,    /* large results may be lent */
    CREWI_CHUNK_KEEP_FAILED = 8 /* tasks that failed have results, too */
};

/** Items and results from here on are lent, where the home and the worker can read each other's
 * memory. */
#define CREWI_POOL_LOAN_MIN ((uint64_t)131072)

/** The most that an item or result has. */
#define CREWI_POOL_PIECE_LIMIT ((uint64_t)1 << 30)

/** A piece's room when memory is made for it. */
#define CREWI_POOL_ANY_ROOM UINT64_MAX

/** One task of a map whose sizes vary. */
struct crewi_pool_piece {
    uint64_t size; /* of the item */
    uint64_t room; /* for the result; CREWI_POOL_ANY_ROOM: what it needs */
};

/** Bytes that a piece takes in a message, so that the next one is aligned. */
static inline uint64_t crewi_pool_padded(uint64_t size)
{
    return (size + 15) & ~(uint64_t)15;
}

/** A chunk; the items follow, then the path of the function's module if there is one. Its size
 * keeps the items aligned to 16 bytes. */
struct crewi_pool_chunk {
    uint64_t flags;
    uint64_t map, begin, count, item_size, result_size;
    int64_t timeout_ns;                                          /* of one task; 0: none */
    struct crewi_claim_key key;                                  /* where its tasks are claimed */
    _Alignas(8) unsigned char function[CREWI_FUNCREF_HEAD_SIZE]; /* of a crewi_funcref */
};

/** Why all of a chunk that is not begun is taken back. */
enum crewi_recall {
    CREWI_RECALL_NONE,
    CREWI_RECALL_CANCEL, /* its map is cancelled */
    CREWI_RECALL_KILL    /* and its worker is killed if it is in a task of it */
};

/** Tasks that a worker has in hand are to be taken back: some of them, if what it has not begun is
 * worth it, or those of the chunks that are recalled. The chunks stand in the order in which it
 * runs them; those behind count are not looked at. */
struct crewi_pool_steal {
    uint64_t pool, process;
    uint32_t slot;   /* the worker's place on its rank */
    uint32_t shares; /* it keeps one of so many, and those that wait get the others; 0: chunks are
                        recalled, and these are all that it has */
    uint32_t count, reserved;
    int64_t least_ns; /* what is worth it */
    struct crewi_pool_steal_from {
        struct crewi_claim_key key;
        int64_t task_ns; /* what a task takes; 0: nobody knows, and it is worth it */
        uint32_t recall; /* a crewi_recall */
        uint32_t reserved;
    } from[CREWI_CLAIM_SLOTS];
};

/** Whether a chunk was there when its rank was asked. */
enum crewi_early {
    CREWI_EARLY_NOT,
    CREWI_EARLY,      /* it was not there yet */
    CREWI_EARLY_TAKEN /* the same, and all of it was taken */
};

/** What was taken, of the same chunks in the same order. */
struct crewi_pool_stolen {
    uint64_t process;
    uint32_t count;
    uint32_t killed; /* the worker was, in a task that was to be killed */
    struct crewi_pool_stolen_from {
        struct crewi_claim_key key;
        struct crewi_claim_range taken; /* tasks of the chunk, the last that it had; or none */
        uint32_t left;                  /* that are not claimed, and were not taken */
        uint32_t early;                 /* a crewi_early */
        uint32_t recall;                /* as it was asked */
        uint32_t reserved;
    } from[CREWI_CLAIM_SLOTS];
};

/** What came of tasks begin to begin + count - 1. Failures and results follow; where sizes vary, a
 * crewi_pool_record before each result, which is filled up to 16 bytes but for the last one. */
struct crewi_pool_result {
    uint64_t map, begin, count;
    int64_t busy_ns, cpu_ns;
    uint32_t failure_bytes;
    uint32_t reserved;
    uint64_t result_size;
    uint64_t bytes; /* where sizes vary: of records and results */
};

/** Before a result whose size is its own; 0 of a task that failed, unless those are kept. */
struct crewi_pool_record {
    uint64_t size, reserved;
};

/** What a worker can do, besides. */
struct crewi_pool_ready {
    struct crewi_loan loan; /* lends nothing yet; whoever finds the cookie there can read more */
    uint64_t reads_home;
};

/** A task of a map. */
struct crewi_pool_task {
    uint64_t map, index;
};

/** Which results to fetch: from one on, as many as fit a message. */
struct crewi_pool_fetch_order {
    uint64_t first;
    uint64_t inline_only; /* loans cannot be read */
};

/** What comes of it: count entries follow, and then the bytes of those that are neither lent nor
 * shared, each filled up to 16 bytes. */
struct crewi_pool_fetched {
    uint64_t count, reserved;
    struct crewi_loan loan; /* of all entries with an address; the map's */
};

/** A result: in the caller's memory already, behind (address 0), or at an address of the home's: to
 * be read there, or, in the home's process, the caller's own from now on. */
struct crewi_pool_entry {
    uint64_t size, address;
};

/** A task that failed; its reason follows, padded to 8 bytes. */
struct crewi_pool_failure {
    uint64_t index;
    int32_t status;
    uint32_t reason_size;
};

/** Where the results of a draft begin: behind room for failures, and for what a crash has to say.
 */
#define CREWI_POOL_FAILURE_ROOM 2048
#define CREWI_POOL_CRASH_ROOM 2048
#define CREWI_POOL_DRAFT_CRASH (sizeof(struct crewi_pool_result) + CREWI_POOL_FAILURE_ROOM)
#define CREWI_POOL_DRAFT_RESULTS (CREWI_POOL_DRAFT_CRASH + CREWI_POOL_CRASH_ROOM)

_Static_assert(sizeof(struct crewi_pool_chunk) % 16 == 0, "items are aligned");
_Static_assert(CREWI_POOL_DRAFT_RESULTS % 16 == 0, "results are aligned");

/** The argument of a worker process; that of the initializer follows. */
struct crewi_pool_worker_arg {
    uint64_t pool;
    uint64_t initialized;
    struct crewi_loan
        home; /* lends nothing; whoever finds the cookie there can read what it lends */
    struct crewi_funcref initializer;
};

_Static_assert(sizeof(struct crewi_pool_worker_arg) % 16 == 0,
               "the initializer's argument is aligned");

/** The function of a worker process. */
int crewi_pool_worker(void *arg);

#endif
