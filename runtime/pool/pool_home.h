/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A pool at its home: its workers (pool_workers.c), its maps (pool_maps.c), and the requests to it
 * (pool_home.c).
 */
#ifndef CREWI_POOL_POOL_HOME_H
#define CREWI_POOL_POOL_HOME_H

#include "base/error.h"
#include "base/table.h"
#include "engine/engine.h"
#include "engine/parking.h"
#include "pool/pool_protocol.h"
#include "pool/schedule.h"
#include "process/process.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/uio.h>

/** Chunks that a worker may have; the schedule stays below. */
#define CREWI_WORKER_CHUNKS CREWI_CLAIM_SLOTS

/** For crewi_pool_map::first_failure. */
#define CREWI_NO_FAILURE ((uint64_t)-1)

struct crewi_pool_map;

/** A chunk that a worker has, as far as it has not answered for it. */
struct crewi_pool_outstanding {
    struct crewi_pool_map *map;
    struct crewi_range range, given; /* given: what it was at first */
    struct crewi_claim_key key;
    uint64_t left; /* at most so many are not claimed by the worker */
    bool alone;    /* given out by itself, to find out whether it is what kills workers */
    bool recalled; /* what of it is not begun is to come back, and its rank has not said so yet */
};

/** Lists of workers, so that nobody has to look at all of them. */
enum crewi_worker_list {
    CREWI_WORKERS_IDLE,
    CREWI_WORKERS_SPARING, /* that may have in hand what they have not begun */
    CREWI_WORKER_LISTS
};

enum crewi_worker_state {
    CREWI_WORKER_STARTING,
    CREWI_WORKER_READY,
    CREWI_WORKER_RETIRING, /* it has run as many tasks as it may */
    CREWI_WORKER_STOPPING,
    CREWI_WORKER_GONE
};

struct crewi_worker {
    enum crewi_worker_state state;
    int rank, core;
    uint64_t process;
    struct crewi_origin origin; /* where deliveries go; known once it is ready */
    struct crewi_pool_outstanding outstanding[CREWI_WORKER_CHUNKS]; /* oldest first */
    uint32_t outstanding_count;
    uint32_t generation;   /* of the last chunk that it was given */
    uint32_t steal_serves; /* its rank was asked to take tasks back, for so many that are idle */
    int64_t heard_ns;      /* when it sent results, or was given something to do */
    int64_t ask_ns;        /* its rank is asked for nothing before */
    uint32_t places[CREWI_WORKER_LISTS]; /* in the lists of its pool, from 1 on; 0: it is not */
    uint32_t chunks;                     /* that it was given */
    int early_deaths;                    /* in a row, before it was ready */
    bool recalls;                        /* its rank was asked for what is recalled */
    bool held;   /* and may have killed it: it gets nothing before that is known */
    bool killed; /* by its rank, in a task that was to be killed */
    uint64_t tasks;
    int64_t busy_ns, cpu_ns;
    struct crewi_loan loan;         /* its cookie; pid 0: its memory cannot be read */
    bool reads_home;                /* it can read ours */
    struct crewi_pool_fetch *fetch; /* of a result that it lends; NULL: none */
};

/** The failures that are kept, by index. */
struct crewi_pool_errors {
    crew_task_error *list;
    size_t count, room;
};

/** A result whose size is its own. */
struct crewi_pool_place {
    uint64_t room, size;
    void *caller; /* the caller's own room; NULL: memory is made */
    void *data;   /* where it is; NULL: nowhere, or it is empty */
};

/** Items and results of a map whose sizes vary. */
struct crewi_pool_bytes {
    const struct iovec *items; /* the caller's own, or ours */
    struct crewi_pool_place *results;
    struct iovec *owned;      /* what items is when it is ours */
    struct crewi_frame *sent; /* with the items, when they are ours */
    uint64_t forgotten;       /* results, from the first one on, that the caller has by now */
};

/** What has succeeded, and its creator was not told yet. */
struct crewi_pool_reports {
    struct crewi_pool_report *list;
    size_t count, room;
    uint64_t bytes;            /* of their results */
    struct crewi_parking next; /* NEXT */
};

/** What is done, and was not told yet, of a map whose creator reads results one by one. */
struct crewi_pool_parts {
    struct crewi_pool_part *list; /* in the order in which it was done */
    size_t count, room;
    crew_task_error *errors; /* of those that failed, or of the first ones */
    size_t error_count, error_room;
    uint64_t split; /* while it is told: tasks of the last part that are; 0: all */
    struct crewi_parking waits;
};

/** A place in a list of maps. */
struct crewi_map_link {
    struct crewi_pool_map *next, *before;
    bool is_in;
};

/** A map under way, or done and not taken yet. */
struct crewi_pool_map {
    struct crewi_object object;           /* of the kind result; its id names the map in messages */
    struct crewi_pool_map *next, *before; /* of all maps of the pool */
    struct crewi_map_link waiting, done_link; /* in the pool's lists of that name */
    struct crewi_pool_map *next_to_drop;
    struct crewi_pool *pool;
    struct crewi_pool_submission submission;
    struct crewi_schedule schedule;
    const unsigned char *items;
    unsigned char *results;
    int32_t *statuses; /* NULL: not wanted */
    void *owned;       /* items, results and statuses when they are not the caller's own memory */
    void *parcel;      /* with the items, mapped */
    struct crewi_pool_bytes *bytes; /* NULL: sizes are fixed */
    _Atomic uint64_t cookie;        /* as long as it lends items, or results */
    uint64_t done, failed;
    uint64_t skipped;  /* of a partial map: done before it began */
    uint8_t *attempts; /* that failed, of each task; NULL: none is tried again */
    uint64_t retried;  /* times that a task was run and is to be run again */
    bool went_out;     /* some task was taken back from a worker that had not begun it */
    uint64_t order;    /* of maps that are done, from 1 on: which it was; 0: it is not done */
    bool over;
    bool kept;  /* its journal is open still: for others than who keeps it, it is not over */
    bool taken; /* what is not shared was handed over */
    uint64_t cancelled;           /* tasks that no worker had begun */
    uint64_t ended;               /* tasks whose workers were killed for them */
    uint32_t recalls;             /* chunks that are recalled: what comes back is cancelled */
    struct crewi_parking cancels; /* CANCEL, until none is recalled any more */
    bool killed;                  /* what comes back does not go out again */
    bool closed;                  /* nobody will ask: gone when it is over */
    bool left_behind; /* the caller's memory may be gone: nothing is written to it any more */
    bool notify;      /* NEXT_DONE is to bring it */
    struct crewi_pool_errors errors;
    bool careful; /* a worker died and left no word in which task: they go out one by one now */
    crew_status status; /* of the failure with the lowest index, or of the whole */
    uint64_t first_failure;
    char reason[CREWI_ERROR_SIZE];
    struct crewi_parking waits;
    struct crewi_pool_reports reports;
    struct crewi_pool_parts parts;
};

enum crewi_pool_state {
    CREWI_POOL_STARTING,
    CREWI_POOL_OPEN,
    CREWI_POOL_CLOSED,
    CREWI_POOL_TERMINATED
};

/** What a pool did, and what that cost. */
struct crewi_pool_account {
    uint64_t tasks, failed, retried, replaced, died; /* as in crew_pool_info */
    int64_t created_ns, ready_ns, ended_ns;          /* the last when the last worker has ended */
    uint32_t under_way;                              /* maps that are not over */
    int64_t working_since_ns, working_ns;            /* with maps under way */
    int64_t cpu_since_ns, cpu_ns;                    /* of this rank in that time */
};

/** A list of maps. */
struct crewi_map_list {
    struct crewi_pool_map *first, *last;
};

struct crewi_pool {
    struct crewi_object object;
    struct crewi_pool_spec spec;
    void *worker_arg; /* a crewi_pool_worker_arg and the initializer's argument */
    size_t worker_arg_size;
    uint64_t creator;
    _Atomic uint64_t cookie; /* for workers to find out whether they can read it */
    enum crewi_pool_state state;
    bool broken;              /* workers cannot be replaced, or are not to be */
    bool ended;               /* its workers were ended by a signal: none is replaced */
    crew_status start_status; /* why it could not start */
    char reason[CREWI_ERROR_SIZE];
    bool is_awaited;              /* its creator leaves when it has ended */
    bool abandoned;               /* nobody will ask: gone with the last worker */
    struct crewi_origin creation; /* waits for the workers to be ready */
    struct crewi_worker *workers;
    uint32_t worker_count, live;            /* live: not GONE */
    struct crewi_table by_process;          /* those that are live */
    uint32_t began;                         /* while it starts: workers that are ready */
    double tasks, busy_ns;                  /* of all workers so far */
    struct crewi_pool_map *maps, *last_map; /* all of them, in the order in which they came */
    /* Those with tasks to hand out, and maybe some that have none any more; the highest priority
     * first, and then in the order in which they came. */
    struct crewi_map_list waiting;
    struct crewi_map_list done;           /* in the order in which they were done */
    struct crewi_pool_map *next_to_tell;  /* of those: NEXT_DONE has brought the ones before */
    struct crewi_pool_map *first_to_drop; /* closed and over; gone when the request is handled */
    bool has_come_back;                   /* a task of a map that is being cancelled */
    uint32_t steal_serves;                /* the sum of those of its workers */
    uint32_t *listed[CREWI_WORKER_LISTS]; /* indices of workers, in no order */
    uint32_t listed_count[CREWI_WORKER_LISTS];
    uint32_t next_look; /* in the list of those that spare */
    uint64_t maps_done; /* so far */
    struct crewi_pool_account account;
    struct crewi_parking joins;
    struct crewi_parking next_done;
    struct crewi_parking completed; /* COMPLETED, with the order up to which each caller knows */
};

/* pool_workers.c */

/** Starts all workers. ::CREW_ENOMEM with some of them started, perhaps */
crew_status crewi_pool_start_workers(struct crewi_engine *engine, struct crewi_pool *pool);

/** The pool cannot begin: ends what runs, and refuses the creation once that is gone. */
void crewi_pool_fail_start(struct crewi_engine *engine, struct crewi_pool *pool, crew_status status,
                           const char *reason);

void crewi_pool_worker_ready(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message);
void crewi_pool_worker_unfit(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message);
void crewi_pool_worker_spawned(struct crewi_engine *engine, struct crewi_pool *pool,
                               const struct crewi_message *message);
void crewi_pool_worker_ended(struct crewi_engine *engine, struct crewi_pool *pool,
                             const struct crewi_message *message);

/** Has idle workers end, and all of them when @p force says so. */
void crewi_pool_stop_workers(struct crewi_engine *engine, struct crewi_pool *pool, bool force);

/** Its creator leaves when it has ended: idle workers have little time for that, now or later. */
void crewi_pool_expect_end(struct crewi_engine *engine, struct crewi_pool *pool);

/** Sends all of them a signal; none is replaced from now on. */
void crewi_pool_end_workers(struct crewi_engine *engine, struct crewi_pool *pool, int number);

/** Has an idle worker end; another one takes its place. */
void crewi_pool_retire(struct crewi_engine *engine, struct crewi_worker *worker);

struct crewi_worker *crewi_pool_find_worker(struct crewi_pool *pool, uint64_t process);

/** How a worker ended: "was killed by signal 9 (SIGKILL)", "ended with exit code 3". */
void crewi_pool_word_end(char *text, size_t size, int wait_status);

/** What the caller is told about the workers. */
void crewi_pool_describe_worker(struct crewi_engine *engine, const struct crewi_worker *worker,
                                crew_worker_info *info);

/* pool_account.c */

/** A map is under way; and over. */
void crewi_pool_account_begin(const struct crewi_engine *engine, struct crewi_pool *pool);
void crewi_pool_account_end(const struct crewi_engine *engine, struct crewi_pool *pool);

/** DESCRIBE. */
void crewi_pool_describe(struct crewi_engine *engine, struct crewi_pool *pool,
                         const struct crewi_message *message);

/* pool_lists.c */

/** A new map is the last of the pool; and is none of it any more, in none of its lists. */
void crewi_pool_add_map(struct crewi_pool *pool, struct crewi_pool_map *map);
void crewi_pool_take_out_map(struct crewi_pool *pool, struct crewi_pool_map *map);

/** It has tasks to hand out. Fine when it is among those already. */
void crewi_pool_list_waiting(struct crewi_pool_map *map);

/** The first map that has tasks to hand out, @p after another one of those, or after NULL. Those
 * that have none any more leave the list on the way. */
struct crewi_pool_map *crewi_pool_next_waiting(struct crewi_pool *pool,
                                               struct crewi_pool_map *after);

/** Tasks that were given out come back. ::CREW_ENOMEM: they are lost */
crew_status crewi_pool_return_tasks(struct crewi_pool_map *map, struct crewi_range range);

/** It is done, and has a number from now on. */
void crewi_pool_list_done(struct crewi_pool_map *map);

/** The next one that is done and that NEXT_DONE is to bring; NULL: none is. */
struct crewi_pool_map *crewi_pool_next_to_tell(struct crewi_pool *pool);

/** It is over, and nobody will ask for it: it goes when the request is handled. */
void crewi_pool_drop_later(struct crewi_pool_map *map);

/* pool_maps.c */

/** Takes a map in, and hands out its first chunks. */
void crewi_pool_submit(struct crewi_engine *engine, struct crewi_pool *pool,
                       const struct crewi_message *message);

/** Gives a ready worker as much as it should have. */
void crewi_pool_feed(struct crewi_engine *engine, struct crewi_pool *pool,
                     struct crewi_worker *worker);

/** A worker is to have these tasks, which the schedule has just given out, or so many of them as
 * fit a message: that message, not sent yet. NULL when it has enough, or there is no memory. The
 * schedule has the others again. */
struct crewi_frame *crewi_pool_give(const struct crewi_engine *engine, struct crewi_worker *worker,
                                    struct crewi_pool_map *map, struct crewi_range *range);

/** No task will be run any more: items are not lent, and are gone unless they are the caller's. */
void crewi_pool_drop_items(struct crewi_pool_map *map);

/** Whether a worker should get no more items of that size: they are long, and travel in messages,
 * of which it has enough. */
bool crewi_pool_has_long_items(const struct crewi_worker *worker, uint64_t item_size);

/** These tasks will not be done any more. */
void crewi_pool_give_up(struct crewi_pool_map *map, struct crewi_range range, crew_status status);

/** All its tasks are done, or will not be. */
void crewi_pool_finish_map(struct crewi_engine *engine, struct crewi_pool_map *map);

/* pool_done.c */

/** Results of a worker; false when they cannot be what it was asked for. */
bool crewi_pool_take_result(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_worker *worker, const void *data, uint64_t size);

/** A worker is gone: its draft counts, the task that it was in has failed, and the others go back.
 */
void crewi_pool_recover(struct crewi_engine *engine, struct crewi_pool *pool,
                        struct crewi_worker *worker, const struct crewi_process_report *report,
                        const void *draft);

/** Whether a worker that is gone was ended by crew, for a task that took too long or was to be
 * killed. */
bool crewi_pool_was_ended(const struct crewi_worker *worker,
                          const struct crewi_process_report *report);

/** Ends all maps that are not over. */
void crewi_pool_fail_maps(struct crewi_engine *engine, struct crewi_pool *pool, crew_status status,
                          const char *reason);

/** A worker has answered for all of a chunk, or has lost it. */
void crewi_pool_drop_outstanding(struct crewi_worker *worker, struct crewi_pool_outstanding *chunk);

/** Their creator leaves: nothing is written to its memory any more, and nobody is told of them. */
void crewi_pool_leave_maps(struct crewi_engine *engine, struct crewi_pool *pool);

bool crewi_pool_has_work(const struct crewi_pool *pool);
void crewi_pool_free_map(struct crewi_engine *engine, struct crewi_pool_map *map);
void crewi_pool_progress_of(const struct crewi_pool_map *map, struct crewi_pool_progress *progress);

/* pool_cancel.c */

/** Cancels what no worker has begun: as much of it as is at hand at once, and the rest when the
 * ranks of the workers have given it back. */
void crewi_pool_cancel_map(struct crewi_engine *engine, struct crewi_pool_map *map);

/** The same of all maps. */
void crewi_pool_cancel_all(struct crewi_engine *engine, struct crewi_pool *pool);

/** The same, and kills the workers that are in it. */
void crewi_pool_kill_map(struct crewi_engine *engine, struct crewi_pool_map *map);

/** CANCEL: answered when it is known whether the map is cancelled as a whole. */
void crewi_pool_cancel(struct crewi_engine *engine, struct crewi_pool_map *map,
                       const struct crewi_message *message);

/** No chunk of it is recalled, or it is over: who has cancelled it hears of that. */
void crewi_pool_answer_cancels(struct crewi_engine *engine, struct crewi_pool_map *map);

/** Of maps that are being cancelled nothing goes out again. */
void crewi_pool_cancel_what_came_back(struct crewi_engine *engine, struct crewi_pool *pool);

/** A rank is asked for what is recalled from a worker, if it is not being asked already. */
void crewi_pool_recall(struct crewi_engine *engine, struct crewi_pool *pool,
                       struct crewi_worker *worker);

/** A chunk is not recalled any more, if it was: nothing more of it will come back. */
void crewi_pool_end_recall(struct crewi_engine *engine, struct crewi_pool_map *map, bool *recalled);

/* pool_steal.c */

/** A chunk is handed to a worker of this rank: from now on its tasks can be claimed. */
void crewi_pool_deliver_chunk(struct crewi_engine *engine, struct crewi_endpoint *endpoint,
                              const struct crewi_frame *frame);

/** What a rank is asked about its workers; false when it is nothing of that. */
bool crewi_pool_request_to_rank(struct crewi_engine *engine, const struct crewi_message *message);

/** Has tasks taken back for the workers that are idle, from those that have the most. */
void crewi_pool_steal(struct crewi_engine *engine, struct crewi_pool *pool);

/** Gives what is left to workers that are idle, as the schedule will have it. */
void crewi_pool_feed_idle(struct crewi_engine *engine, struct crewi_pool *pool);

/** What a rank has taken back. */
void crewi_pool_stolen(struct crewi_engine *engine, struct crewi_pool *pool,
                       const struct crewi_message *message);

/** What a worker has in hand, or may have, has changed: lists it, or not. */
void crewi_pool_list_worker(struct crewi_pool *pool, struct crewi_worker *worker);

/** Nothing will be heard of what its rank was asked. */
void crewi_pool_stop_stealing(struct crewi_pool *pool, struct crewi_worker *worker);

/** Applies a result that was fetched to where it belongs. */
bool crewi_pool_apply_fetched(struct crewi_engine *engine, struct crewi_pool *pool,
                              struct crewi_worker *worker, const struct crewi_pool_result *result);

/** Whether what a worker was asked for may have been given up meanwhile. */
bool crewi_pool_gave_up(const struct crewi_pool *pool, const struct crewi_worker *worker);

/** The chunk that a result is about; NULL when the worker was asked for nothing like it. */
struct crewi_pool_outstanding *crewi_pool_chunk_of(struct crewi_worker *worker,
                                                   const struct crewi_pool_result *result);

/* pool_bytes.c: maps whose sizes vary */

/** Whether what follows the submission can be. */
bool crewi_pool_bytes_are_sound(const struct crewi_pool_submission *submission,
                                const unsigned char *behind, uint64_t size);

/** Takes items and rooms over, and maybe the message's frame. ::CREW_ENOMEM */
crew_status crewi_pool_bytes_begin(struct crewi_pool_map *map, const struct crewi_message *message);
void crewi_pool_bytes_end(struct crewi_pool_map *map);
void crewi_pool_bytes_drop_items(struct crewi_pool_map *map);

/** Shortens a chunk for a worker that was just taken, so that a message can be made of it; maybe to
 * nothing: it has enough. */
void crewi_pool_bytes_shorten(struct crewi_pool_map *map, const struct crewi_worker *worker,
                              struct crewi_range *range);

/** The frame of a chunk. NULL: no memory */
struct crewi_frame *crewi_pool_bytes_chunk(const struct crewi_engine *engine,
                                           const struct crewi_worker *worker,
                                           const struct crewi_pool_outstanding *given);

/** Whether so many records can be the results of such tasks; @p size bounds them. */
bool crewi_pool_records_are_sound(const struct crewi_pool_map *map,
                                  const struct crewi_pool_result *result,
                                  const unsigned char *records, uint64_t size);

/** The record at *at, which moves behind it. */
struct crewi_pool_record crewi_pool_next_record(const unsigned char *records, uint64_t *at);

/** Where a result of that size goes; NULL: no memory. */
void *crewi_pool_place_result(struct crewi_pool_map *map, uint64_t index, uint64_t size);

/** Drops it: the task was not done after all. */
void crewi_pool_drop_result(struct crewi_pool_map *map, uint64_t index);

/** FETCH. */
void crewi_pool_tell_results(struct crewi_engine *engine, struct crewi_pool_map *map,
                             const struct crewi_message *message);

/* pool_fetch.c: results that workers lend */

/** Answers a worker that may not read our memory any more with the item of a task that it has. */
void crewi_pool_send_item(struct crewi_engine *engine, struct crewi_pool *pool,
                          const struct crewi_message *message);

/** LENT. False when it cannot be what the worker was asked for. */
bool crewi_pool_fetch(struct crewi_engine *engine, struct crewi_pool *pool,
                      struct crewi_worker *worker, const struct crewi_message *message);

/** Forgets it: the worker is gone, or its map is. */
void crewi_pool_drop_fetch(struct crewi_engine *engine, struct crewi_worker *worker);

/* pool_results.c: maps, as their creator sees them */

/** A map is over: who waits for it hears of that. */
void crewi_pool_map_over(struct crewi_engine *engine, struct crewi_pool_map *map);

/** Forgets maps that are over and nobody will ask for. */
void crewi_pool_sweep(struct crewi_engine *engine, struct crewi_pool *pool);

/** Keeps a failure, if it is one of the first. */
void crewi_pool_keep_error(struct crewi_pool_errors *errors, const crew_task_error *error);

/** Answers NEXT_DONE, with a map or with the end of the pool. */
void crewi_pool_tell_next_done(struct crewi_engine *engine, struct crewi_pool *pool);

/** The failure of that task; NULL when it was not kept. */
crew_task_error *crewi_pool_find_error(const struct crewi_pool_errors *errors, uint64_t index);

/** COMPLETED. */
void crewi_pool_completed(struct crewi_engine *engine, struct crewi_pool *pool,
                          const struct crewi_message *message);

/** NEXT_DONE. */
void crewi_pool_next_done(struct crewi_engine *engine, struct crewi_pool *pool,
                          const struct crewi_message *message);

/* pool_reports.c */

/** A map that reports begins. */
void crewi_pool_begin_reports(struct crewi_pool_map *map);
void crewi_pool_end_reports(struct crewi_engine *engine, struct crewi_pool_map *map);

/** Notes tasks that have succeeded. */
void crewi_pool_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                       const struct crewi_worker *worker, struct crewi_range range);

/** It is over: who waits for reports gets the last ones. */
void crewi_pool_flush_reports(struct crewi_engine *engine, struct crewi_pool_map *map);

/** NEXT. */
void crewi_pool_next_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                            const struct crewi_message *message);

/* pool_parts.c */

/** Tasks are done, and how. Nothing happens for a map that is not told in parts. */
void crewi_pool_add_part(struct crewi_pool_map *map, struct crewi_range range, crew_status status);

/** The same for one that failed, of a map that is. */
void crewi_pool_add_failed_part(struct crewi_pool_map *map, const crew_task_error *error);

/** Answers PARTS, if something can be told. */
void crewi_pool_tell_parts(struct crewi_engine *engine, struct crewi_pool_map *map);

/** PARTS. */
void crewi_pool_next_parts(struct crewi_engine *engine, struct crewi_pool_map *map,
                           const struct crewi_message *message);

void crewi_pool_end_parts(struct crewi_engine *engine, struct crewi_pool_map *map);

/** Whether it is over, and its journal is closed. */
static inline bool crewi_pool_is_done(const struct crewi_pool_map *map)
{
    return map->over && !map->kept;
}

/** Whether one that is over has failed otherwise than by being cancelled. If it was given up, it
 * has tasks that are not done. */
static inline bool crewi_pool_went_wrong(const struct crewi_pool_map *map)
{
    return map->failed > map->cancelled + map->ended || map->done < map->submission.count;
}

/** Whether what comes back from its workers is cancelled. */
static inline bool crewi_pool_is_being_cancelled(const struct crewi_pool_map *map)
{
    return map->recalls || map->killed || map->pool->ended;
}

extern const struct crewi_kind crewi_pool_kind, crewi_result_kind;

#endif
