/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/process.h>. */
#include <crew/process.h>
#include <crew/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/pointers.h"
#include "engine/client.h"
#include "engine/handles.h"
#include "node/job.h"
#include "observe/observe.h"
#include "process/process_call.h"
#include "process/process_protocol.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

#define ARGUMENT_LIMIT ((size_t)1 << 30)

/* Handles that are found in a large argument. */
#define PARCEL_HANDLES 1024

crew_status crewi_process_check_name(const char *name)
{
    return crewi_check_name("a process", name, CREW_NAME_SIZE);
}

/* Any rank on the host of that name; -1 when there is none. */
static int rank_on_host(const char *host)
{
    for (int rank = 0; host && rank < crew_rank_count(); rank++)
        if (strcmp(crew_rank_host(rank), host) == 0)
            return rank;
    return -1;
}

static crew_status check_placement(const crew_placement *placement)
{
    switch (placement->place) {
    case CREW_PLACE_ANYWHERE:
    case CREW_PLACE_HERE:
        return CREW_OK;
    case CREW_PLACE_RANK:
        if (placement->rank >= 0 && placement->rank < crew_rank_count())
            return CREW_OK;
        return crewi_error(CREW_EINVAL, "there is no rank %d: the job has ranks 0 to %d",
                           placement->rank, crew_rank_count() - 1);
    case CREW_PLACE_HOST:
        if (rank_on_host(placement->host) >= 0)
            return CREW_OK;
        return crewi_error(CREW_EINVAL, "no rank is on a host \"%s\": rank 0 is on \"%s\"",
                           placement->host ? placement->host : "(null)", crew_rank_host(0));
    default:
        return crewi_error(CREW_EINVAL, "%d is no way to place a process", (int)placement->place);
    }
}

static crew_status check_limits(const crew_process_attr *attr)
{
    /* Turned around, so that NaN is refused, too. */
    if (!(attr->cpu_limit_s >= 0) || !(attr->wall_limit_s >= 0))
        return crewi_error(CREW_EINVAL, "a %s limit of %g seconds",
                           attr->cpu_limit_s >= 0 ? "time" : "processor time",
                           attr->cpu_limit_s >= 0 ? attr->wall_limit_s : attr->cpu_limit_s);
    return CREW_OK;
}

static crew_status check_attr(const crew_process_attr *attr)
{
    crew_status status = crewi_process_check_name(attr->name);
    if (!status)
        status = check_placement(&attr->placement);
    if (status)
        return status;
    if (attr->unique && !attr->name)
        return crewi_error(CREW_EINVAL, "a unique name is asked for, and none is given");
    if (attr->daemon < CREW_DAEMON_INHERIT || attr->daemon > CREW_DAEMON_YES)
        return crewi_error(CREW_EINVAL, "%d says nothing about daemons", (int)attr->daemon);
    if (attr->start_method < CREW_START_DEFAULT || attr->start_method > CREW_START_RANK)
        return crewi_error(CREW_EINVAL, "%d is no start method", (int)attr->start_method);
    return check_limits(attr);
}

static crew_status check_argument(const char *call, const crew_process *process, const void *what,
                                  const void *arg, size_t size)
{
    if (!process || !what)
        return crewi_error(CREW_EINVAL, "%s: %s is NULL", call,
                           process ? "what to run" : "process");
    if (size > 0 && !arg)
        return crewi_error(CREW_EINVAL, "%s: arg is NULL, with a size of %zu", call, size);
    if (size > ARGUMENT_LIMIT)
        return crewi_error(CREW_EINVAL, "%s: an argument of %zu bytes, more than 1 GiB", call,
                           size);
    return CREW_OK;
}

void crewi_process_spec_from(struct crewi_process_spec *spec, const struct crewi_identity *creator)
{
    *spec = (struct crewi_process_spec){
        .creator = creator->process.id,
        .core = -1,
        .start_method = (uint8_t)creator->start_method,
    };
    memcpy(spec->creator_name, creator->name, sizeof spec->creator_name);
    memcpy(spec->creator_path, creator->path, sizeof spec->creator_path);
}

static void apply_placement(struct crewi_process_spec *spec, const crew_placement *placement)
{
    bool here = placement->place == CREW_PLACE_HERE;
    spec->place = here ? (int32_t)CREW_PLACE_RANK : (int32_t)placement->place;
    if (placement->place == CREW_PLACE_HOST)
        spec->rank = rank_on_host(placement->host);
    else if (spec->place == CREW_PLACE_RANK)
        spec->rank = here ? crew_current_rank() : placement->rank;
}

/* A limit that is there is not 0, however short; one that never comes is none. */
static int64_t limit_ns(double limit_s)
{
    int64_t limit = crewi_timeout_ns(limit_s);
    if (limit == CREWI_FOREVER)
        return 0;
    return limit_s > 0 && limit == 0 ? 1 : limit;
}

static crew_status apply_limits(struct crewi_process_spec *spec, const crew_process_attr *attr)
{
    bool any = attr->memory_limit || attr->cpu_limit_s > 0 || attr->wall_limit_s > 0;
    if (any && spec->inside)
        return crewi_error(CREW_ENOTSUP,
                           "a process inside its rank cannot have limits, as it cannot be ended by "
                           "force: start it with CREW_START_FORKSERVER");
    spec->limits = (struct crewi_limits){.memory = attr->memory_limit,
                                         .cpu_ns = limit_ns(attr->cpu_limit_s),
                                         .wall_ns = limit_ns(attr->wall_limit_s)};
    return CREW_OK;
}

static void apply_attr(struct crewi_process_spec *spec, const crew_process_attr *attr,
                       struct crewi_identity *creator)
{
    spec->daemon =
        attr->daemon == CREW_DAEMON_YES || (attr->daemon == CREW_DAEMON_INHERIT && creator->daemon);
    spec->inside = crewi_process_start_method(creator, attr->start_method) == CREW_START_RANK;
    spec->unique = attr->unique;
    apply_placement(spec, &attr->placement);
    memcpy(spec->prefix, "Process", sizeof "Process");
    if (attr->name)
        memcpy(spec->name, attr->name, strlen(attr->name) + 1);
}

static crew_status send_create(crew_process *process, const struct crewi_process_spec *spec,
                               const void *arg, size_t size)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_CREATE,
        .rank = (uint32_t)crew_current_rank(),
        .head = spec,
        .head_size = sizeof *spec,
        .body = arg,
        .body_size = size,
    };
    return crewi_call_fixed(&call, &process->id, sizeof process->id);
}

static crew_status create(crew_process *process, struct crewi_process_spec *spec, const void *arg,
                          size_t size)
{
    crew_status status = CREW_ENOTSUP;
    crewi_client_current()->has_made_processes = true;
    if (size >= CREWI_PARCEL_SIZE_MIN && !crewi_parcel_create(&spec->parcel, arg, size)) {
        uint64_t words[PARCEL_HANDLES];
        size_t count = crewi_handles_look(arg, size, words, PARCEL_HANDLES);
        status = send_create(process, spec, words, count * sizeof *words);
        crewi_parcel_close(&spec->parcel); /* the home has it by now */
    }
    if (status != CREW_ENOTSUP)
        return status;
    /* No memfd, or none that the home may open: in the message then. */
    crewi_error_clear();
    return send_create(process, spec, arg, size);
}

/* Checks, and fills in all of the specification but the function. */
static crew_status prepare(const char *call, const crew_process_attr *attr,
                           struct crewi_process_spec *spec)
{
    static const crew_process_attr defaults;
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_client_missing(call);
    if (!attr)
        attr = &defaults;
    crew_status status = check_attr(attr);
    if (status)
        return status;
    crewi_process_spec_from(spec, &client->identity);
    apply_attr(spec, attr, &client->identity);
    spec->start_method = (uint8_t)client->identity.start_method;
    return apply_limits(spec, attr);
}

crew_status crew_process_create(crew_process *process, crew_process_function *function,
                                const void *arg, size_t size, const crew_process_attr *attr)
{
    struct crewi_process_spec spec;
    const void *what = (const void *)(uintptr_t)function;
    crew_status status = check_argument("crew_process_create", process, what, arg, size);
    if (!status)
        status = prepare("crew_process_create", attr, &spec);
    if (!status)
        status = crewi_check_pointers("crew_process_create", "the argument", arg, 1, size);
    if (!status)
        status = crewi_funcref_make(&spec.function, (crewi_function *)function);
    return status ? status : create(process, &spec, arg, size);
}

/* There has to be room for a count behind it. */
static crew_status take_class_name(struct crewi_process_spec *spec, const char *name)
{
    crew_status status = crewi_check_name("a process class", name, sizeof spec->prefix / 2);
    if (!status)
        memcpy(spec->prefix, name, strlen(name) + 1);
    return status;
}

crew_status crew_process_create_class(crew_process *process, const crew_process_class *object,
                                      const crew_process_attr *attr)
{
    struct crewi_process_spec spec;
    crew_status status = check_argument("crew_process_create_class", process, object, object,
                                        object ? object->size : 0);
    if (status)
        return status;
    if (object->size < sizeof *object)
        return crewi_error(CREW_EINVAL,
                           "crew_process_create_class: an object of %zu bytes, less than its base "
                           "has (%zu): set size to the size of the whole struct",
                           object->size, sizeof *object);
    status = prepare("crew_process_create_class", attr, &spec);
    if (!status && object->name)
        status = take_class_name(&spec, object->name);
    if (status)
        return status;
    /* Its base has pointers, which travel as what they point to. */
    status = crewi_check_pointers("crew_process_create_class", "the object, behind its base,",
                                  object + 1, 1, object->size - sizeof *object);
    if (status)
        return status;
    spec.is_class = true;
    if (object->run)
        status = crewi_funcref_make(&spec.function, (crewi_function *)object->run);
    return status ? status : create(process, &spec, object, object->size);
}

/* The reply is to be destroyed; NULL: it is not wanted. */
static crew_status ask_for_reply(crew_process process, uint8_t op, double timeout_s,
                                 const void *data, size_t size, struct crewi_frame **reply)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS,
        .op = op,
        .object = process.id,
        .timeout_ns = crewi_timeout_ns(timeout_s),
        .head = data,
        .head_size = size,
    };
    if (!process.id && crewi_client_current())
        return crewi_error(CREW_EINVAL, "the process handle is empty");
    return crewi_call(&call, reply);
}

static crew_status ask(crew_process process, uint8_t op, double timeout_s, const void *data,
                       size_t size)
{
    return ask_for_reply(process, op, timeout_s, data, size, NULL);
}

static void note_start(crew_process process)
{
    char name[CREW_NAME_SIZE];
    if (!crew_process_name(process, name, sizeof name))
        crewi_log_notice(CREWI_LOG_INFO, "process %s started", name);
}

crew_status crew_process_start(crew_process process)
{
    const struct crewi_client *client = crewi_client_current();
    if (client && client->identity.daemon)
        return crewi_error(CREW_ESTATE, "%s is a daemon: daemonic processes may not have children",
                           client->identity.name);
    struct crewi_log_settings log = crewi_logger_settings(crewi_logger_current());
    crew_status status = client && process.id ? crewi_process_tell_environment() : CREW_OK;
    if (!status)
        status = ask(process, CREWI_PROCESS_START, CREW_FOREVER, &log, sizeof log);
    if (!status && crewi_log_is_noticed(CREWI_LOG_INFO))
        note_start(process);
    return status;
}

/* Whether it is the caller's parent, which the caller may watch. */
static bool is_parent(crew_process process)
{
    const struct crewi_client *client = crewi_client_current();
    return client && process.id && client->identity.parent.id == process.id;
}

/* A parent that its own parent has closed has ended, whatever else is not known of it any more. */
static bool is_parent_closed(crew_process process, crew_status status)
{
    return (status == CREW_ECLOSED || status == CREW_ENOENT) && is_parent(process);
}

/* The reply to a join has one byte when the process has ended, and none when the time is over. */
crew_status crew_process_join(crew_process process, double timeout_s)
{
    uint8_t op = is_parent(process) ? (uint8_t)CREWI_OP_WAIT : (uint8_t)CREWI_PROCESS_JOIN;
    struct crewi_frame *reply;
    crew_status status = ask_for_reply(process, op, timeout_s, NULL, 0, &reply);
    if (status)
        return is_parent_closed(process, status) ? CREW_OK : status;
    bool has_ended = reply->header.size > 0;
    crewi_frame_destroy(reply);
    return has_ended ? CREW_OK : crewi_error(CREW_ETIMEDOUT, "the process has not ended in time");
}

static crew_status send_signal(crew_process process, int32_t number)
{
    return ask(process, CREWI_PROCESS_SIGNAL, 0, &number, sizeof number);
}

crew_status crew_process_terminate(crew_process process)
{
    return send_signal(process, SIGTERM);
}

crew_status crew_process_interrupt(crew_process process)
{
    return send_signal(process, SIGINT);
}

crew_status crew_process_kill(crew_process process)
{
    return send_signal(process, SIGKILL);
}

crew_status crew_process_close(crew_process process)
{
    return ask(process, CREWI_PROCESS_CLOSE, 0, NULL, 0);
}

static crew_status query(crew_process process, const void *out, struct crewi_process_info *info)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS, .op = CREWI_PROCESS_QUERY, .object = process.id};
    if (!out)
        return crewi_error(CREW_EINVAL, "there is no place for the answer: NULL");
    if (!process.id && crewi_client_current())
        return crewi_error(CREW_EINVAL, "the process handle is empty");
    return crewi_call_fixed(&call, info, sizeof *info);
}

/* The same for what a closed process does not tell any more. */
static crew_status query_open(crew_process process, const void *out,
                              struct crewi_process_info *info)
{
    crew_status status = query(process, out, info);
    if (!status && info->state == CREWI_PROCESS_GONE)
        return crewi_error(CREW_ECLOSED, "process %s was closed", info->name);
    return status;
}

crew_status crew_process_is_alive(crew_process process, bool *alive)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, alive, &info);
    if (is_parent_closed(process, status)) {
        *alive = false;
        return CREW_OK;
    }
    if (status)
        return status;
    uint64_t caller = crewi_client_current()->identity.process.id;
    if (caller != process.id && caller != info.creator && !is_parent(process))
        return crewi_error(
            CREW_EPERM,
            "only %s itself, its parent and its children may ask whether it is alive: "
            "crew_process_describe() is for all",
            info.name);
    *alive = info.state == CREWI_PROCESS_STARTING || info.state == CREWI_PROCESS_RUNNING;
    return CREW_OK;
}

crew_status crew_process_exitcode(crew_process process, int *exitcode)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, exitcode, &info);
    if (status)
        return status;
    if (info.state != CREWI_PROCESS_OVER)
        return crewi_error(CREW_ESTATE, "process %s has not ended: it has no exit code yet",
                           info.name);
    *exitcode = info.exitcode;
    return CREW_OK;
}

crew_status crew_process_wait(crew_process process, crew_process_end *end, double timeout_s)
{
    struct crewi_process_info info;
    if (!end)
        return crewi_error(CREW_EINVAL, "crew_process_wait: end is NULL");
    crew_status status = crew_process_join(process, timeout_s);
    if (!status)
        status = query_open(process, end, &info);
    if (!status)
        *end = (crew_process_end){.exitcode = info.exitcode, .cause = (crew_end_cause)info.cause};
    return status;
}

crew_status crew_process_end_cause(crew_process process, crew_end_cause *cause)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, cause, &info);
    if (!status)
        *cause = (crew_end_cause)info.cause;
    return status;
}

crew_status crew_process_pid(crew_process process, pid_t *pid)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, pid, &info);
    if (status)
        return status;
    if (!info.pid)
        return crewi_error(CREW_ESTATE, "process %s was not started: it has no pid yet", info.name);
    *pid = (pid_t)info.pid;
    return CREW_OK;
}

crew_status crew_process_rank(crew_process process, int *rank)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, rank, &info);
    if (status)
        return status;
    if (info.rank < 0)
        return crewi_error(CREW_ESTATE, "process %s was not started: its rank is not chosen yet",
                           info.name);
    *rank = info.rank;
    return CREW_OK;
}

static crew_status copy_text(const char *text, const char *what, char *to, size_t size)
{
    if (strlen(text) >= size)
        return crewi_error(CREW_ETOOSMALL, "%zu bytes do not hold the %s \"%s\"", size, what, text);
    memcpy(to, text, strlen(text) + 1);
    return CREW_OK;
}

crew_status crew_process_host(crew_process process, char *host, size_t size)
{
    int rank;
    if (!host)
        return crewi_error(CREW_EINVAL, "crew_process_host: host is NULL");
    crew_status status = crew_process_rank(process, &rank);
    return status ? status : copy_text(crew_rank_host(rank), "host", host, size);
}

crew_status crew_process_name(crew_process process, char *name, size_t size)
{
    struct crewi_process_info info;
    crew_status status = query(process, name, &info);
    return status ? status : copy_text(info.name, "name", name, size);
}

crew_status crew_process_daemon(crew_process process, bool *daemon)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, daemon, &info);
    if (!status)
        *daemon = info.daemon != 0;
    return status;
}

crew_status crew_process_set_daemon(crew_process process, bool daemon)
{
    uint8_t flag = daemon;
    return ask(process, CREWI_PROCESS_SET_DAEMON, 0, &flag, sizeof flag);
}

static crew_process_state public_state(int32_t state)
{
    switch (state) {
    case CREWI_PROCESS_CREATED:
        return CREW_PROCESS_INITIAL;
    case CREWI_PROCESS_STARTING:
    case CREWI_PROCESS_RUNNING:
        return CREW_PROCESS_STARTED;
    default:
        return CREW_PROCESS_STOPPED;
    }
}

crew_status crew_process_describe(crew_process process, crew_process_info *info)
{
    struct crewi_process_info known;
    crew_status status = query_open(process, info, &known);
    if (status)
        return status;
    *info = (crew_process_info){
        .process = process,
        .parent = {known.creator},
        .state = public_state(known.state),
        .rank = known.rank,
        .pid = (pid_t)known.pid,
        .exitcode = known.state == CREWI_PROCESS_OVER ? known.exitcode : 0,
        .cause = (crew_end_cause)known.cause,
        .daemon = known.daemon != 0,
    };
    memcpy(info->name, known.name, sizeof info->name);
    memcpy(info->parent_name, known.creator_name, sizeof info->parent_name);
    return CREW_OK;
}

crew_status crew_process_sentinel(crew_process process, crew_waitable *sentinel)
{
    struct crewi_process_info info;
    crew_status status = query_open(process, sentinel, &info);
    if (status)
        return status;
    uint64_t caller = crewi_client_current()->identity.process.id;
    if (caller != info.creator && !is_parent(process))
        return crewi_error(CREW_EPERM, "only the parent and the children of %s get its sentinel",
                           info.name);
    if (info.state == CREWI_PROCESS_CREATED)
        return crewi_error(CREW_ESTATE, "process %s was not started: it has no sentinel yet",
                           info.name);
    sentinel->id = process.id;
    return CREW_OK;
}

crew_status crew_parent_process(crew_process *parent)
{
    const struct crewi_client *client = crewi_client_current();
    if (!parent)
        return crewi_error(CREW_EINVAL, "crew_parent_process: parent is NULL");
    if (!client)
        return crewi_client_missing("crew_parent_process");
    if (!client->identity.parent.id)
        return crewi_error(CREW_ENOENT, "%s is the main process: it has no parent",
                           client->identity.name);
    *parent = client->identity.parent;
    return CREW_OK;
}

crew_process crew_current_process(void)
{
    const struct crewi_client *client = crewi_client_current();
    return client ? client->identity.process : (crew_process){0};
}

const char *crew_current_name(void)
{
    const struct crewi_client *client = crewi_client_current();
    return client ? client->identity.name : "";
}

/* The ids of the live children, in a frame of the caller's. */
static crew_status list_children(enum crewi_process_op op, struct crewi_frame **reply)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS, .op = (uint8_t)op, .rank = (uint32_t)crew_current_rank()};
    return crewi_call(&call, reply);
}

crew_status crew_active_children(crew_process *children, size_t room, size_t *count)
{
    struct crewi_frame *reply;
    if (!count || (room && !children))
        return crewi_error(CREW_EINVAL, "crew_active_children: %s is NULL",
                           count ? "children" : "count");
    crew_status status = list_children(CREWI_PROCESS_CHILDREN, &reply);
    if (status)
        return status;
    *count = reply->header.size / sizeof(uint64_t);
    for (size_t i = 0; i < *count && i < room; i++)
        memcpy(&children[i].id, reply->payload + i * sizeof(uint64_t), sizeof(uint64_t));
    crewi_frame_destroy(reply);
    return CREW_OK;
}

/* Waits for the children that it lists; false when there are none. */
static bool join_children(enum crewi_process_op op)
{
    struct crewi_frame *reply;
    if (list_children(op, &reply))
        return false;
    bool any = reply->header.size >= sizeof(uint64_t);
    for (size_t at = 0; at + sizeof(uint64_t) <= reply->header.size; at += sizeof(uint64_t)) {
        crew_process child;
        memcpy(&child.id, reply->payload + at, sizeof child.id);
        crew_process_join(child, CREW_FOREVER);
    }
    crewi_frame_destroy(reply);
    return any;
}

/* A pool that was closed may replace workers until all its work is done. */
static void finish_pools(void)
{
    while (join_children(CREWI_PROCESS_FINISHING))
        ;
}

static void end_children(void)
{
    finish_pools(); /* again: a finalizer may have closed one */
    join_children(CREWI_PROCESS_LEAVE);
}

void crewi_process_leave(void)
{
    crewi_log_notice(CREWI_LOG_INFO, "process shutting down");
    const struct crewi_client *client = crewi_client_current();
    if (client->has_made_processes)
        finish_pools();
    crewi_finalizers_run(0);
    if (client->has_made_processes) /* a finalizer may have, too */
        end_children();
    crewi_finalizers_run(INT_MIN);
}
