/* SPDX-License-Identifier: BSD-3-Clause */
/* The state machine of a process at its home: created, starting, running, over. */
#include "process/process_object.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each takes a descriptor; a rank needs some for other things, too. */
#define PARCEL_LIMIT 256

static void free_argument(struct crewi_engine *engine, struct crewi_process *process)
{
    if (process->order.spec.parcel.size)
        crewi_processes_of(engine)->parcels--;
    crewi_parcel_close(&process->order.spec.parcel);
    free(process->arg);
    process->arg = NULL;
}

static void release(struct crewi_engine *engine, struct crewi_process *process)
{
    crewi_parking_clear(engine, &process->joins);
    crewi_timer_cancel(&engine->timers, &process->patience);
    free_argument(engine, process);
    crewi_shares_drop(engine, process->shares.list, process->shares.count);
    crewi_shares_free(&process->shares);
}

void crewi_process_drop(struct crewi_engine *engine, struct crewi_process *process)
{
    crewi_process_release_name(engine, process);
    crewi_engine_remove(engine, process->object.id);
    release(engine, process);
    free(process);
}

static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    struct crewi_process *process = (struct crewi_process *)object;
    release(engine, process);
    free(process);
}

int crewi_exitcode(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}

/* Creating */

/* ENOTSUP: the client is to send the bytes. */
static crew_status take_parcel(struct crewi_engine *engine, struct crewi_process *process)
{
    struct crewi_parcel *parcel = &process->order.spec.parcel;
    if (!parcel->size)
        return CREW_OK;
    if (crewi_processes_of(engine)->parcels < PARCEL_LIMIT && !crewi_parcel_take(parcel)) {
        crewi_processes_of(engine)->parcels++;
        return CREW_OK;
    }
    *parcel = (struct crewi_parcel){0};
    return crewi_error(CREW_ENOTSUP, "the argument cannot be shared");
}

static crew_status keep_argument(struct crewi_process *process, const void *arg, size_t size)
{
    if (!size || process->order.spec.parcel.size)
        return CREW_OK;
    process->arg = malloc(size);
    if (!process->arg)
        return crewi_error_memory();
    memcpy(process->arg, arg, size);
    process->arg_size = size;
    return CREW_OK;
}

static crew_status make(struct crewi_engine *engine, const struct crewi_process_spec *spec,
                        const void *arg, size_t size, struct crewi_process **made)
{
    struct crewi_process *process = calloc(1, sizeof *process);
    if (!process)
        return crewi_error_memory();
    process->order.spec = *spec;
    crew_status status = keep_argument(process, arg, size);
    if (status) {
        free(process);
        return status;
    }
    process->rank = spec->place == CREW_PLACE_RANK ? spec->rank : -1;
    process->patience.fire = crewi_process_lose_patience;
    process->object.id = process->order.process = crewi_engine_new_id(engine, CREWI_KIND_PROCESS);
    status = take_parcel(engine, process);
    if (!status)
        status = crewi_shares_take(engine, spec->creator, arg, size, &process->shares);
    if (!status)
        status = crewi_process_give_name(engine, &process->order);
    if (!status)
        status = crewi_engine_add(engine, &process->object);
    if (status) {
        release(engine, process);
        free(process);
        return status;
    }
    *made = process;
    return CREW_OK;
}

static bool is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

bool crewi_process_is_sound(const struct crewi_engine *engine,
                            const struct crewi_process_spec *spec)
{
    return crewi_funcref_is_sound(&spec->function) &&
           is_terminated(spec->name, sizeof spec->name) &&
           is_terminated(spec->prefix, sizeof spec->prefix) &&
           is_terminated(spec->creator_name, sizeof spec->creator_name) &&
           is_terminated(spec->creator_path, sizeof spec->creator_path) &&
           spec->start_method <= CREW_START_RANK && spec->place >= CREW_PLACE_ANYWHERE &&
           spec->place <= CREW_PLACE_HERE && spec->rank >= 0 &&
           (uint32_t)spec->rank < engine->rank_count;
}

static void create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_spec spec;
    struct crewi_process *process;
    if (message->size < sizeof spec) {
        crewi_engine_refuse_malformed(engine, message,
                                      "a process description of at least %zu bytes", sizeof spec);
        return;
    }
    memcpy(&spec, message->data, sizeof spec);
    spec.creator = message->origin.process;
    spec.watcher = 0;
    if (!crewi_process_is_sound(engine, &spec)) {
        crewi_engine_refuse_malformed(
            engine, message, "a function, ranks of the job and limits that there are, in %zu bytes",
            sizeof spec);
        return;
    }
    crew_status status = make(engine, &spec, (const char *)message->data + sizeof spec,
                              message->size - sizeof spec, &process);
    if (!status && spec.unique) { /* answered when rank 0 has */
        process->starter = message->origin;
        status = crewi_process_claim_name(engine, process);
        if (status)
            crewi_process_drop(engine, process);
    }
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
    else if (!spec.unique)
        crewi_engine_reply(engine, &message->origin, &process->object.id,
                           sizeof process->object.id);
}

/* Starting */

/* Whether processes of that rank can open what is ours: where doorbells can be attached, in the
 * same way. */
static bool shares_files(struct crewi_engine *engine, uint32_t rank)
{
    const struct crewi_loop *loop = crewi_processes_of(engine)->loop;
    return rank == engine->rank || (loop && loop->peer_bells && loop->peer_bells[rank]);
}

/* The bytes instead of the parcel. */
static crew_status send_unpacked(struct crewi_engine *engine, const struct crewi_process *process,
                                 struct crewi_outgoing note)
{
    struct crewi_process_order order = process->order;
    void *memory;
    crew_status status = crewi_parcel_map_own(&order.spec.parcel, &memory);
    if (status)
        return status;
    note.head = &order;
    note.tail = memory;
    note.tail_size = order.spec.parcel.size;
    order.spec.parcel = (struct crewi_parcel){0};
    status = crewi_engine_tell(engine, &note);
    munmap(memory, note.tail_size);
    return status;
}

/* The shares of handles and the environment, in memory of malloc(). NULL: there is none, or, with a
 * size, no memory. */
static void *start_body(struct crewi_engine *engine, struct crewi_process *process, size_t *size)
{
    const struct crewi_process_spec *spec = &process->order.spec;
    size_t shares_size = process->shares.count * sizeof *process->shares.list, environment_size;
    const void *environment =
        crewi_process_environment(engine, spec->creator, process->rank, &environment_size);
    if (spec->inside) /* it has that of its rank */
        environment_size = 0;
    process->order.environment_size = environment_size;
    *size = shares_size + environment_size;
    char *body = *size ? malloc(*size) : NULL;
    if (body && shares_size)
        memcpy(body, process->shares.list, shares_size);
    if (body && environment_size)
        memcpy(body + shares_size, environment, environment_size);
    return body;
}

static crew_status order_start(struct crewi_engine *engine, struct crewi_process *process)
{
    if (process->rank < 0)
        process->rank = crewi_process_choose_rank(engine, process);
    bool unpack = process->order.spec.parcel.size && !shares_files(engine, (uint32_t)process->rank);
    process->order.share_count = process->shares.count;
    size_t body_size;
    void *body = start_body(engine, process, &body_size);
    if (body_size && !body)
        return crewi_error_memory();
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_SPAWN,
        .rank = (uint32_t)process->rank,
        .head = &process->order,
        .head_size = sizeof process->order,
        .body = body,
        .body_size = body_size,
        .tail = process->arg,
        .tail_size = process->arg_size,
    };
    crew_status status =
        unpack ? send_unpacked(engine, process, note) : crewi_engine_tell(engine, &note);
    free(body);
    if (status)
        return status;
    process->state = CREWI_PROCESS_STARTING;
    crewi_process_count_ordered(engine, process->rank);
    return CREW_OK;
}

static void start(struct crewi_engine *engine, struct crewi_process *process,
                  const struct crewi_message *message)
{
    if (process->state != CREWI_PROCESS_CREATED) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "process %s was started before",
                            process->order.spec.name);
        return;
    }
    if (process->order.spec.is_class && !process->order.spec.function.offset) {
        crewi_engine_refuse(engine, &message->origin, CREW_EINVAL, "the class of %s has no run",
                            process->order.spec.name);
        return;
    }
    if (message->size == sizeof process->order.spec.log)
        memcpy(&process->order.spec.log, message->data, message->size);
    process->starter = message->origin;
    process->ranks_tried = 0;
    crew_status status = order_start(engine, process);
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
}

static void tell_watcher(struct crewi_engine *engine, const struct crewi_process *process,
                         uint8_t op, const struct crewi_message *message)
{
    if (!process->order.spec.watcher)
        return;
    struct crewi_outgoing note = {
        .kind = (uint8_t)crewi_id_kind(process->order.spec.watcher),
        .op = op,
        .rank = engine->rank,
        .object = process->order.spec.watcher,
        .body = message->data,
        .body_size = message->size,
    };
    crewi_engine_must_tell(engine, &note);
}

bool crewi_process_read_report(const struct crewi_message *message,
                               struct crewi_process_report *report)
{
    if (message->size < sizeof *report)
        return false;
    memcpy(report, message->data, sizeof *report);
    return report->draft_size <= message->size - sizeof *report;
}

/* Takes the report out of a note of the runner, and finds the process: NULL for one that was given
 * up meanwhile, or of which that cannot be said. */
static struct crewi_process *reported(struct crewi_engine *engine,
                                      const struct crewi_message *message,
                                      struct crewi_process_report *report)
{
    if (!crewi_process_read_report(message, report))
        return NULL;
    struct crewi_process *process = crewi_process_at_home(engine, report->process);
    return process && crewi_process_is_live(process) ? process : NULL;
}

/* Where every rank may have one inside at most, the next rank may have a place yet. */
static bool try_elsewhere(struct crewi_engine *engine, struct crewi_process *process,
                          const struct crewi_process_report *report)
{
    if (report->status != CREW_ESTATE || !process->order.spec.inside || process->abandoned)
        return false;
    int next = crewi_process_next_rank(engine, process);
    if (next < 0)
        return false;
    process->rank = next;
    return order_start(engine, process) == CREW_OK;
}

static void refuse_start(struct crewi_engine *engine, struct crewi_process *process,
                         const struct crewi_process_report *report, const char *reason,
                         size_t reason_size)
{
    const struct crewi_process_spec *spec = &process->order.spec;
    process->state = CREWI_PROCESS_CREATED;
    process->rank = spec->place == CREW_PLACE_RANK ? spec->rank : -1;
    if (process->ranks_tried > 1 && spec->place != CREW_PLACE_RANK && report->status == CREW_ESTATE)
        crewi_engine_refuse(engine, &process->starter, CREW_ESTATE,
                            "every rank that %s may be on runs a process inside already: "
                            "CREW_START_RANK allows one on each rank",
                            spec->name);
    else
        crewi_engine_refuse(engine, &process->starter, (crew_status)report->status, "%.*s",
                            (int)reason_size, reason);
}

static void spawned(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_report report;
    struct crewi_process *process = reported(engine, message, &report);
    if (!process || process->state != CREWI_PROCESS_STARTING)
        return;
    crewi_process_count_reported(engine, process->rank, report.hosted, true);
    if (report.held)
        crewi_shares_free(&process->shares);
    if (report.status == CREW_OK) {
        process->state = CREWI_PROCESS_RUNNING;
        process->pid = report.pid;
        crewi_shares_free(&process->shares); /* it holds them now */
        crewi_engine_reply(engine, &process->starter, NULL, 0);
    } else if (try_elsewhere(engine, process, &report)) {
        return;
    } else {
        refuse_start(engine, process, &report, (const char *)message->data + sizeof report,
                     message->size - sizeof report);
    }
    tell_watcher(engine, process, CREWI_WATCH_SPAWNED, message);
    if (process->abandoned && report.status != CREW_OK)
        crewi_process_drop(engine, process);
}

/* Ending */

struct search {
    uint64_t creator;
    bool is_for_finishing; /* only those whose watcher has something to finish */
    size_t count;
    uint64_t *ids;
    size_t room;
};

/* The kind of the object that has started the process and ends it when its creator leaves, such as
 * a pool; NULL when there is none. */
static const struct crewi_kind *process_watcher_kind(const struct crewi_engine *engine,
                                                     const struct crewi_process *process)
{
    uint64_t watcher = process->order.spec.watcher;
    const struct crewi_kind *kind = watcher ? engine->kinds[crewi_id_kind(watcher)] : NULL;
    return kind && kind->client_leaves ? kind : NULL;
}

static bool process_watcher_finishes(struct crewi_engine *engine,
                                     const struct crewi_process *process)
{
    const struct crewi_kind *kind = process_watcher_kind(engine, process);
    struct crewi_object *watcher =
        kind ? crewi_engine_find(engine, process->order.spec.watcher) : NULL;
    return watcher && kind->finishes(engine, watcher);
}

static void visit_child(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    struct crewi_process *process = (struct crewi_process *)object;
    struct search *search = context;
    if (process->order.spec.creator != search->creator || !crewi_process_is_live(process) ||
        (search->is_for_finishing && !process_watcher_finishes(engine, process)))
        return;
    if (search->ids && search->count < search->room)
        search->ids[search->count] = process->object.id;
    search->count++;
}

static void note_cause(struct crewi_process *process, const struct crewi_process_report *report)
{
    const struct crewi_process_spec *spec = &process->order.spec;
    char limit[80];
    process->cause = WIFEXITED(report->status) ? CREW_END_EXIT : CREW_END_SIGNAL;
    switch (report->cause) {
    case CREW_END_MEMORY_LIMIT:
        snprintf(limit, sizeof limit, "memory, %llu bytes",
                 (unsigned long long)spec->limits.memory);
        break;
    case CREW_END_CPU_LIMIT:
        snprintf(limit, sizeof limit, "processor time, %.3g s", (double)spec->limits.cpu_ns / 1e9);
        break;
    case CREW_END_WALL_LIMIT:
        snprintf(limit, sizeof limit, "time, %.3g s", (double)spec->limits.wall_ns / 1e9);
        break;
    default:
        return;
    }
    process->cause = (crew_end_cause)report->cause;
    crewi_log(CREWI_LOG_WARNING, "process %s on rank %d was killed at its limit of %s", spec->name,
              process->rank, limit);
}

static void ended(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_report report;
    struct crewi_process *process = reported(engine, message, &report);
    if (!process)
        return;
    process->state = CREWI_PROCESS_OVER;
    process->exitcode = crewi_exitcode(report.status);
    note_cause(process, &report);
    crewi_process_count_reported(engine, process->rank, report.hosted, false);
    crewi_process_release_name(engine, process);
    crewi_timer_cancel(&engine->timers, &process->patience);
    free_argument(engine, process);
    crewi_parking_reply_all(engine, &process->joins, "\1", 1);
    tell_watcher(engine, process, CREWI_WATCH_ENDED, message);
    if (process->abandoned)
        crewi_process_drop(engine, process);
}

static void abandon(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    struct crewi_process *process = (struct crewi_process *)object;
    const uint64_t *creator = context;
    crewi_parking_drop_client(engine, &process->joins, *creator);
    if (process->starter.process == *creator)
        process->starter.request = 0;
    if (process->order.spec.creator != *creator || process->abandoned)
        return;
    process->abandoned = true;
    if (!crewi_process_is_live(process)) {
        crewi_process_drop(engine, process);
        return;
    }
    crewi_process_stop(engine, process, SIGTERM);
    crewi_process_expect_end(engine, process, CREWI_ORPHAN_GRACE_NS);
}

static void client_gone(struct crewi_engine *engine, uint64_t client)
{
    crewi_engine_each(engine, CREWI_KIND_PROCESS, abandon, &client);
    crewi_table_take(&crewi_processes_of(engine)->counters, client);
    crewi_process_forget_environment(engine, client);
}

/* Requests */

static void send_signal(struct crewi_engine *engine, struct crewi_process *process,
                        const struct crewi_message *message)
{
    int32_t number;
    if (message->size != sizeof number) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a signal of %llu bytes",
                            (unsigned long long)message->size);
        return;
    }
    memcpy(&number, message->data, sizeof number);
    if (process->state == CREWI_PROCESS_CREATED) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "process %s was not started",
                            process->order.spec.name);
    } else if (process->order.spec.inside && number == SIGKILL && crewi_process_is_live(process)) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP,
                            "process %s runs inside its rank and cannot be ended by force: start "
                            "it with CREW_START_FORKSERVER",
                            process->order.spec.name);
    } else {
        crewi_process_stop(engine, process, number);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    }
}

static void join(struct crewi_engine *engine, struct crewi_process *process,
                 const struct crewi_message *message)
{
    if (process->state == CREWI_PROCESS_CREATED)
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "process %s was not started",
                            process->order.spec.name);
    else if (process->state == CREWI_PROCESS_OVER)
        crewi_engine_reply(engine, &message->origin, "\1", 1);
    else
        crewi_park(engine, &process->joins, message);
}

static void forget_waits(struct crewi_engine *engine, struct crewi_process *process,
                         const struct crewi_message *message)
{
    uint64_t range[2];
    if (message->size != sizeof range)
        return;
    memcpy(range, message->data, sizeof range);
    crewi_parking_drop_requests(engine, &process->joins, message->origin.process, range[0],
                                range[1]);
}

static void set_daemon(struct crewi_engine *engine, struct crewi_process *process,
                       const struct crewi_message *message)
{
    if (message->size != 1)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a flag of %llu bytes",
                            (unsigned long long)message->size);
    else if (process->state != CREWI_PROCESS_CREATED)
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "process %s was started: whether it is a daemon is settled",
                            process->order.spec.name);
    else {
        process->order.spec.daemon = *(const uint8_t *)message->data != 0;
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    }
}

static void fill_info(const struct crewi_process *process, struct crewi_process_info *info)
{
    *info = (struct crewi_process_info){
        .creator = process->order.spec.creator,
        .state = (int32_t)process->state,
        .exitcode = process->exitcode,
        .pid = process->pid,
        .rank = process->rank,
        .daemon = process->order.spec.daemon,
        .cause = (uint8_t)process->cause,
    };
    memcpy(info->name, process->order.spec.name, sizeof info->name);
    memcpy(info->creator_name, process->order.spec.creator_name, sizeof info->creator_name);
}

static void query(struct crewi_engine *engine, struct crewi_process *process,
                  const struct crewi_message *message)
{
    struct crewi_process_info info;
    fill_info(process, &info);
    crewi_engine_reply(engine, &message->origin, &info, sizeof info);
}

/* What is left of a closed one is its name, until many others were closed after it. */
static void keep_name(struct crewi_engine *engine, struct crewi_process *process)
{
    struct crewi_processes *processes = crewi_processes_of(engine);
    uint64_t *slot = &processes->closed[processes->closed_next];
    struct crewi_object *oldest = *slot ? crewi_engine_find(engine, *slot) : NULL;
    if (oldest)
        crewi_process_drop(engine, (struct crewi_process *)oldest);
    processes->closed_next = (processes->closed_next + 1) % CREWI_CLOSED_NAMES;
    *slot = process->object.id;
    crewi_process_release_name(engine, process);
    release(engine, process);
    process->state = CREWI_PROCESS_GONE;
}

static void close_process(struct crewi_engine *engine, struct crewi_process *process,
                          const struct crewi_message *message)
{
    if (crewi_process_is_live(process)) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "process %s is running: join or terminate it first",
                            process->order.spec.name);
        return;
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
    if (process->state != CREWI_PROCESS_GONE)
        keep_name(engine, process);
}

static void children(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct search search = {.creator = message->origin.process,
                            .is_for_finishing = message->op == CREWI_PROCESS_FINISHING};
    crewi_engine_each(engine, CREWI_KIND_PROCESS, visit_child, &search);
    search.room = search.count;
    search.count = 0;
    search.ids = malloc((search.room + 1) * sizeof *search.ids);
    if (!search.ids) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        return;
    }
    crewi_engine_each(engine, CREWI_KIND_PROCESS, visit_child, &search);
    crewi_engine_reply(engine, &message->origin, search.ids, search.room * sizeof *search.ids);
    free(search.ids);
}

static void terminate_daemon(struct crewi_engine *engine, struct crewi_object *object,
                             void *context)
{
    struct crewi_process *process = (struct crewi_process *)object;
    const uint64_t *creator = context;
    if (process->order.spec.creator == *creator && process->order.spec.daemon &&
        !process_watcher_kind(engine, process))
        crewi_process_end_daemon(engine, process->object.id);
}

/* Objects that have processes of their own end these first, as they would otherwise replace those
 * that end. */
static void leave(struct crewi_engine *engine, const struct crewi_message *message)
{
    uint64_t client = message->origin.process;
    crewi_engine_client_leaves(engine, client);
    crewi_engine_each(engine, CREWI_KIND_PROCESS, terminate_daemon, &client);
    children(engine, message);
}

static void may_only_creator(struct crewi_engine *engine, struct crewi_process *process,
                             const struct crewi_message *message)
{
    crewi_engine_refuse(engine, &message->origin, CREW_EPERM,
                        "only the process that created %s (%s) may do this",
                        process->order.spec.name, process->order.spec.creator_name);
}

static void request_to_process(struct crewi_engine *engine, struct crewi_process *process,
                               const struct crewi_message *message)
{
    if (process->is_unconfirmed) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOENT, "there is no such process yet");
        return;
    }
    bool for_all = message->op == CREWI_PROCESS_QUERY || message->op == CREWI_OP_WAIT ||
                   message->op == CREWI_OP_FORGET_WAITS;
    if (message->op == CREWI_PROCESS_ARGUMENT && message->origin.process == process->object.id) {
        crewi_process_send_argument(engine, &process->order.spec.parcel, &message->origin);
        return;
    }
    if (!for_all && message->origin.process != process->order.spec.creator) {
        may_only_creator(engine, process, message);
        return;
    }
    if (process->state == CREWI_PROCESS_GONE && message->op != CREWI_PROCESS_QUERY &&
        message->op != CREWI_PROCESS_CLOSE) {
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED, "process %s was closed",
                            process->order.spec.name);
        return;
    }
    switch (message->op) {
    case CREWI_PROCESS_START:
        start(engine, process, message);
        break;
    case CREWI_PROCESS_JOIN:
    case CREWI_OP_WAIT:
        join(engine, process, message);
        break;
    case CREWI_PROCESS_SIGNAL:
        send_signal(engine, process, message);
        break;
    case CREWI_PROCESS_QUERY:
        query(engine, process, message);
        break;
    case CREWI_PROCESS_SET_DAEMON:
        set_daemon(engine, process, message);
        break;
    case CREWI_OP_FORGET_WAITS:
        forget_waits(engine, process, message);
        break;
    case CREWI_PROCESS_CLOSE:
        close_process(engine, process, message);
        break;
    default:
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO, "a process has no operation %d",
                            message->op);
    }
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (object) {
        request_to_process(engine, (struct crewi_process *)object, message);
        return;
    }
    switch (message->op) {
    case CREWI_PROCESS_CREATE:
        create(engine, message);
        break;
    case CREWI_PROCESS_CHILDREN:
    case CREWI_PROCESS_FINISHING:
        children(engine, message);
        break;
    case CREWI_PROCESS_LEAVE:
        leave(engine, message);
        break;
    case CREWI_PROCESS_SPAWNED:
        spawned(engine, message);
        break;
    case CREWI_PROCESS_ENDED:
        ended(engine, message);
        break;
    case CREWI_PROCESS_FIND:
        crewi_process_find(engine, message);
        break;
    case CREWI_PROCESS_ENVIRONMENT:
        crewi_process_hear_environment(engine, message);
        break;
    case CREWI_PROCESS_CLAIM:
    case CREWI_PROCESS_CLAIMED:
        crewi_process_hear_claim(engine, message);
        break;
    case CREWI_PROCESS_RELEASE:
        crewi_process_hear_release(engine, message);
        break;
    default:
        crewi_host_request(engine, message);
    }
}

const struct crewi_kind crewi_process_kind = {
    .name = "process", .request = request, .client_gone = client_gone, .destroy = destroy};

/* For other objects on this rank */

uint64_t crewi_process_launch(struct crewi_engine *engine, const struct crewi_process_spec *spec,
                              const void *arg, size_t size)
{
    struct crewi_process *process;
    if (make(engine, spec, arg, size, &process))
        return 0;
    if (order_start(engine, process) == CREW_OK)
        return process->object.id;
    crewi_process_drop(engine, process);
    return 0;
}

void crewi_process_signal(struct crewi_engine *engine, uint64_t id, int number)
{
    struct crewi_process *process = crewi_process_at_home(engine, id);
    if (process)
        crewi_process_stop(engine, process, number);
}

void crewi_process_forget(struct crewi_engine *engine, uint64_t id)
{
    struct crewi_process *process = crewi_process_at_home(engine, id);
    if (process && !crewi_process_is_live(process))
        crewi_process_drop(engine, process);
}

bool crewi_process_describe(struct crewi_engine *engine, uint64_t id,
                            struct crewi_process_info *info)
{
    const struct crewi_process *process = crewi_process_at_home(engine, id);
    if (process)
        fill_info(process, info);
    return process != NULL;
}

crew_status crewi_process_begin_main(struct crewi_loop *loop, struct crewi_client *client)
{
    struct crewi_process *process = calloc(1, sizeof *process);
    if (!process)
        return crewi_error_memory();
    process->object.id = process->order.process =
        crewi_engine_new_id(&loop->engine, CREWI_KIND_PROCESS);
    snprintf(process->order.spec.name, sizeof process->order.spec.name, "MainProcess");
    process->state = CREWI_PROCESS_RUNNING;
    process->rank = (int)loop->engine.rank;
    process->pid = (int)getpid();
    crew_status status = crewi_engine_add(&loop->engine, &process->object);
    if (status) {
        free(process);
        return status;
    }
    client->identity.process.id = process->object.id;
    memcpy(client->identity.name, process->order.spec.name, sizeof client->identity.name);
    return crewi_client_init_local(client, loop);
}
