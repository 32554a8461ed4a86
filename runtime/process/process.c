/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of <crew/process.h>. */
#include <crew/process.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/client.h"
#include "node/job.h"
#include "process/process_call.h"
#include "process/process_protocol.h"

#include <signal.h>
#include <string.h>

#define ARGUMENT_LIMIT ((size_t)1 << 30)

static crew_status check_name(const char *name)
{
    if (name && !*name)
        return crewi_error(CREW_EINVAL, "the name of a process is empty");
    if (name && strlen(name) >= CREW_NAME_SIZE)
        return crewi_error(CREW_EINVAL, "the name \"%.20s...\" has %zu characters, more than %d",
                           name, strlen(name), CREW_NAME_SIZE - 1);
    return CREW_OK;
}

static crew_status check_attr(const crew_process_attr *attr)
{
    crew_status status = check_name(attr->name);
    if (status)
        return status;
    if (attr->placement.choice < 0 || attr->placement.choice > 1)
        return crewi_error(CREW_EINVAL, "%d is no way to place a process", attr->placement.choice);
    if (attr->placement.choice == 1 &&
        (attr->placement.rank < 0 || attr->placement.rank >= crew_rank_count()))
        return crewi_error(CREW_EINVAL, "there is no rank %d: the job has ranks 0 to %d",
                           attr->placement.rank, crew_rank_count() - 1);
    if (attr->daemon < CREW_DAEMON_INHERIT || attr->daemon > CREW_DAEMON_YES)
        return crewi_error(CREW_EINVAL, "%d says nothing about daemons", (int)attr->daemon);
    if (attr->start_method < CREW_START_DEFAULT || attr->start_method > CREW_START_RANK)
        return crewi_error(CREW_EINVAL, "%d is no start method", (int)attr->start_method);
    return CREW_OK;
}

static crew_status check_argument(const crew_process *process, crew_process_function *function,
                                  const void *arg, size_t size)
{
    if (!process || !function)
        return crewi_error(CREW_EINVAL, "crew_process_create: %s is NULL",
                           process ? "function" : "process");
    if (size > 0 && !arg)
        return crewi_error(CREW_EINVAL, "crew_process_create: arg is NULL, with a size of %zu",
                           size);
    if (size > ARGUMENT_LIMIT)
        return crewi_error(CREW_EINVAL, "an argument of %zu bytes, more than 1 GiB", size);
    return CREW_OK;
}

void crewi_process_spec_from(struct crewi_process_spec *spec, const struct crewi_identity *creator)
{
    *spec = (struct crewi_process_spec){
        .creator = creator->process.id, .core = -1, .creator_pid = (int32_t)getpid()};
    memcpy(spec->creator_name, creator->name, sizeof spec->creator_name);
    memcpy(spec->creator_path, creator->path, sizeof spec->creator_path);
}

static void apply_attr(struct crewi_process_spec *spec, const crew_process_attr *attr,
                       bool creator_is_daemon)
{
    spec->daemon = attr->daemon == CREW_DAEMON_YES ||
                   (attr->daemon == CREW_DAEMON_INHERIT && creator_is_daemon);
    spec->inside = attr->start_method == CREW_START_RANK;
    spec->placed = attr->placement.choice == 1;
    spec->rank = attr->placement.rank;
    memcpy(spec->prefix, "Process", sizeof "Process");
    if (attr->name)
        memcpy(spec->name, attr->name, strlen(attr->name) + 1);
}

crew_status crew_process_create(crew_process *process, crew_process_function *function,
                                const void *arg, size_t size, const crew_process_attr *attr)
{
    static const crew_process_attr defaults;
    struct crewi_client *client = crewi_client_current();
    if (!client)
        return crewi_error(CREW_ESTATE, "crew_process_create: not inside crew_run()");
    if (!attr)
        attr = &defaults;
    crew_status status = check_argument(process, function, arg, size);
    if (status || (status = check_attr(attr)))
        return status;
    struct crewi_process_spec spec;
    crewi_process_spec_from(&spec, &client->identity);
    apply_attr(&spec, attr, client->identity.daemon);
    status = crewi_funcref_make(&spec.function, (crewi_function *)function);
    if (status)
        return status;
    client->has_made_processes = true;
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_CREATE,
        .rank = (uint32_t)crew_current_rank(),
        .head = &spec,
        .head_size = sizeof spec,
        .body = arg,
        .body_size = size,
    };
    return crewi_call_fixed(&call, &process->id, sizeof process->id);
}

static crew_status ask(crew_process process, enum crewi_process_op op, double timeout_s,
                       const void *data, size_t size)
{
    struct crewi_call call = {
        .kind = CREWI_KIND_PROCESS,
        .op = (uint8_t)op,
        .object = process.id,
        .timeout_ns = crewi_timeout_ns(timeout_s),
        .head = data,
        .head_size = size,
    };
    if (!process.id && crewi_client_current())
        return crewi_error(CREW_EINVAL, "the process handle is empty");
    return crewi_call(&call, NULL);
}

crew_status crew_process_start(crew_process process)
{
    const struct crewi_client *client = crewi_client_current();
    if (client && client->identity.daemon)
        return crewi_error(CREW_ESTATE, "%s is a daemon: daemonic processes may not have children",
                           client->identity.name);
    return ask(process, CREWI_PROCESS_START, CREW_FOREVER, NULL, 0);
}

crew_status crew_process_join(crew_process process, double timeout_s)
{
    return ask(process, CREWI_PROCESS_JOIN, timeout_s, NULL, 0);
}

static crew_status send_signal(crew_process process, int32_t number)
{
    return ask(process, CREWI_PROCESS_SIGNAL, 0, &number, sizeof number);
}

crew_status crew_process_terminate(crew_process process)
{
    return send_signal(process, SIGTERM);
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

crew_status crew_process_is_alive(crew_process process, bool *alive)
{
    struct crewi_process_info info;
    crew_status status = query(process, alive, &info);
    if (status)
        return status;
    uint64_t caller = crewi_client_current()->identity.process.id;
    if (caller != process.id && caller != info.creator)
        return crewi_error(
            CREW_EPERM,
            "only %s itself and the process that created it may ask whether it is alive",
            info.name);
    *alive = info.state == CREWI_PROCESS_STARTING || info.state == CREWI_PROCESS_RUNNING;
    return CREW_OK;
}

crew_status crew_process_exitcode(crew_process process, int *exitcode)
{
    struct crewi_process_info info;
    crew_status status = query(process, exitcode, &info);
    if (status)
        return status;
    if (info.state != CREWI_PROCESS_OVER)
        return crewi_error(CREW_ESTATE, "process %s has not ended: it has no exit code yet",
                           info.name);
    *exitcode = info.exitcode;
    return CREW_OK;
}

crew_status crew_process_pid(crew_process process, pid_t *pid)
{
    struct crewi_process_info info;
    crew_status status = query(process, pid, &info);
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
    crew_status status = query(process, rank, &info);
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
    crew_status status = query(process, daemon, &info);
    if (!status)
        *daemon = info.daemon != 0;
    return status;
}

crew_process crew_current_process(void)
{
    const struct crewi_client *client = crewi_client_current();
    return client ? client->identity.process : (crew_process){0};
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

void crewi_process_leave(void)
{
    struct crewi_frame *reply;
    if (!crewi_client_current()->has_made_processes)
        return;
    if (list_children(CREWI_PROCESS_LEAVE, &reply))
        return;
    for (size_t at = 0; at + sizeof(uint64_t) <= reply->header.size; at += sizeof(uint64_t)) {
        crew_process child;
        memcpy(&child.id, reply->payload + at, sizeof child.id);
        crew_process_join(child, CREW_FOREVER);
    }
    crewi_frame_destroy(reply);
}
