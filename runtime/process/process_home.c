/* SPDX-License-Identifier: BSD-3-Clause */
/* The state machine of a process at its home: created, starting, running, over. */
#include "process/process.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/parking.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    struct crewi_object object;
    struct crewi_process_order order; /* what it is to be */
    enum crewi_process_state state;
    int rank, pid, exitcode;
    bool abandoned; /* its creator is gone: nobody will ask */
    void *arg;
    size_t arg_size;
    struct crewi_origin starter; /* waits for the start */
    struct crewi_parking joins;
};

static void forget(struct crewi_engine *engine, struct process *process)
{
    crewi_parking_clear(engine, &process->joins);
    crewi_engine_remove(engine, process->object.id);
    free(process->arg);
    free(process);
}

static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    struct process *process = (struct process *)object;
    crewi_parking_clear(engine, &process->joins);
    free(process->arg);
    free(process);
}

static bool is_live(const struct process *process)
{
    return process->state == CREWI_PROCESS_STARTING || process->state == CREWI_PROCESS_RUNNING;
}

int crewi_exitcode(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}

/* Creating */

static crew_status next_count(struct crewi_processes *processes, uint64_t creator,
                              unsigned long *count)
{
    unsigned long made = (unsigned long)(uintptr_t)crewi_table_take(&processes->counters, creator);
    *count = made + 1;
    return crewi_table_add(&processes->counters, creator, (void *)(uintptr_t)(made + 1));
}

/* Process-3 makes Process-3:1: the path is that of the creator and the count, joined with a colon.
 */
static crew_status give_name(struct crewi_engine *engine, struct crewi_process_order *order)
{
    unsigned long count;
    crew_status status = next_count(crewi_processes_of(engine), order->spec.creator, &count);
    if (status)
        return status;
    const char *above = order->spec.creator_path;
    int used =
        snprintf(order->path, sizeof order->path, "%s%s%lu", above, *above ? ":" : "", count);
    if (used >= (int)sizeof order->path)
        return crewi_error(CREW_ESTATE, "processes are nested too deeply for a name");
    if (order->spec.name[0])
        return CREW_OK;
    char name[2 * CREW_NAME_SIZE];
    snprintf(name, sizeof name, "%s-%s", order->spec.prefix, order->path);
    if (strlen(name) >= sizeof order->spec.name)
        return crewi_error(CREW_ESTATE, "processes are nested too deeply for a name");
    memcpy(order->spec.name, name, strlen(name) + 1);
    return CREW_OK;
}

static crew_status make(struct crewi_engine *engine, const struct crewi_process_spec *spec,
                        const void *arg, size_t size, struct process **made)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return crewi_error_memory();
    process->arg = size ? malloc(size) : NULL;
    if (size && !process->arg) {
        free(process);
        return crewi_error_memory();
    }
    if (size)
        memcpy(process->arg, arg, size);
    process->arg_size = size;
    process->order.spec = *spec;
    process->rank = spec->placed ? spec->rank : -1;
    process->object.id = process->order.process = crewi_engine_new_id(engine, CREWI_KIND_PROCESS);
    crew_status status = give_name(engine, &process->order);
    if (!status)
        status = crewi_engine_add(engine, &process->object);
    if (status) {
        free(process->arg);
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

static bool is_sound(const struct crewi_engine *engine, const struct crewi_process_spec *spec)
{
    return is_terminated(spec->name, sizeof spec->name) &&
           is_terminated(spec->prefix, sizeof spec->prefix) &&
           is_terminated(spec->creator_name, sizeof spec->creator_name) &&
           is_terminated(spec->creator_path, sizeof spec->creator_path) &&
           (!spec->placed || (spec->rank >= 0 && (uint32_t)spec->rank < engine->rank_count));
}

static void create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_spec spec;
    struct process *process;
    if (message->size < sizeof spec) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "a process description that is too short");
        return;
    }
    memcpy(&spec, message->data, sizeof spec);
    spec.creator = message->origin.process;
    spec.watcher = 0;
    if (!is_sound(engine, &spec)) {
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "a process description that cannot be");
        return;
    }
    crew_status status = make(engine, &spec, (const char *)message->data + sizeof spec,
                              message->size - sizeof spec, &process);
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
    else
        crewi_engine_reply(engine, &message->origin, &process->object.id,
                           sizeof process->object.id);
}

/* Starting */

/* The rank with the fewest processes of this home; of equals, the next one in turn. */
static int least_busy(struct crewi_engine *engine)
{
    struct crewi_processes *processes = crewi_processes_of(engine);
    uint32_t best = (processes->last_placed + 1) % engine->rank_count;
    for (uint32_t i = 1; i <= engine->rank_count; i++) {
        uint32_t rank = (processes->last_placed + i) % engine->rank_count;
        if (processes->placed[rank] < processes->placed[best])
            best = rank;
    }
    processes->last_placed = best;
    return (int)best;
}

static crew_status order_start(struct crewi_engine *engine, struct process *process)
{
    if (process->rank < 0)
        process->rank = least_busy(engine);
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_SPAWN,
        .rank = (uint32_t)process->rank,
        .head = &process->order,
        .head_size = sizeof process->order,
        .body = process->arg,
        .body_size = process->arg_size,
    };
    crew_status status = crewi_engine_tell(engine, &note);
    if (status)
        return status;
    process->state = CREWI_PROCESS_STARTING;
    crewi_processes_of(engine)->placed[process->rank]++;
    return CREW_OK;
}

static void start(struct crewi_engine *engine, struct process *process,
                  const struct crewi_message *message)
{
    if (process->state != CREWI_PROCESS_CREATED) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "process %s was started before",
                            process->order.spec.name);
        return;
    }
    process->starter = message->origin;
    crew_status status = order_start(engine, process);
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
}

static void tell_watcher(struct crewi_engine *engine, const struct process *process, uint8_t op,
                         const struct crewi_message *message)
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
    if (crewi_engine_tell(engine, &note))
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
}

/* Takes the report out of a note of the runner, and finds the process: NULL for one that was given
 * up meanwhile. */
static struct process *reported(struct crewi_engine *engine, const struct crewi_message *message,
                                struct crewi_process_report *report)
{
    if (message->size < sizeof *report)
        return NULL;
    memcpy(report, message->data, sizeof *report);
    return (struct process *)crewi_engine_find(engine, report->process);
}

static void spawned(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_report report;
    struct process *process = reported(engine, message, &report);
    if (!process)
        return;
    if (report.status == CREW_OK) {
        process->state = CREWI_PROCESS_RUNNING;
        process->pid = report.pid;
        crewi_engine_reply(engine, &process->starter, NULL, 0);
    } else {
        process->state = CREWI_PROCESS_CREATED;
        crewi_processes_of(engine)->placed[process->rank]--;
        process->rank = process->order.spec.placed ? process->order.spec.rank : -1;
        crewi_engine_refuse(engine, &process->starter, (crew_status)report.status, "%.*s",
                            (int)(message->size - sizeof report),
                            (const char *)message->data + sizeof report);
    }
    tell_watcher(engine, process, CREWI_WATCH_SPAWNED, message);
    if (process->abandoned && report.status != CREW_OK)
        forget(engine, process);
}

/* Ending */

struct search {
    uint64_t creator;
    size_t count;
    uint64_t *ids;
    size_t room;
};

static void visit_child(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    struct process *process = (struct process *)object;
    struct search *search = context;
    (void)engine;
    if (process->order.spec.creator != search->creator || !is_live(process))
        return;
    if (search->ids && search->count < search->room)
        search->ids[search->count] = process->object.id;
    search->count++;
}

static void ended(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_report report;
    struct process *process = reported(engine, message, &report);
    if (!process)
        return;
    process->state = CREWI_PROCESS_OVER;
    process->exitcode = crewi_exitcode(report.status);
    crewi_processes_of(engine)->placed[process->rank]--;
    free(process->arg);
    process->arg = NULL;
    crewi_parking_reply_all(engine, &process->joins, NULL, 0);
    tell_watcher(engine, process, CREWI_WATCH_ENDED, message);
    if (process->abandoned)
        forget(engine, process);
}

static void stop(struct crewi_engine *engine, struct process *process, int signal)
{
    struct crewi_process_stop order = {.process = process->object.id, .signal = signal};
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_PROCESS,
        .op = CREWI_PROCESS_STOP,
        .rank = (uint32_t)process->rank,
        .head = &order,
        .head_size = sizeof order,
    };
    if (is_live(process) && crewi_engine_tell(engine, &note))
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
}

static void abandon(struct crewi_engine *engine, struct crewi_object *object, void *context)
{
    struct process *process = (struct process *)object;
    const uint64_t *creator = context;
    crewi_parking_drop_client(engine, &process->joins, *creator);
    if (process->starter.process == *creator)
        process->starter.request = 0;
    if (process->order.spec.creator != *creator || process->abandoned)
        return;
    process->abandoned = true;
    if (is_live(process))
        stop(engine, process, SIGKILL);
    else
        forget(engine, process);
}

static void client_gone(struct crewi_engine *engine, uint64_t client)
{
    crewi_engine_each(engine, CREWI_KIND_PROCESS, abandon, &client);
    crewi_table_take(&crewi_processes_of(engine)->counters, client);
}

/* Requests */

static void send_signal(struct crewi_engine *engine, struct process *process,
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
    } else if (process->order.spec.inside && number == SIGKILL && is_live(process)) {
        crewi_engine_refuse(engine, &message->origin, CREW_ENOTSUP,
                            "process %s runs inside its rank and cannot be ended by force: start "
                            "it with CREW_START_FORKSERVER",
                            process->order.spec.name);
    } else {
        stop(engine, process, number);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    }
}

static void join(struct crewi_engine *engine, struct process *process,
                 const struct crewi_message *message)
{
    if (process->state == CREWI_PROCESS_CREATED)
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE, "process %s was not started",
                            process->order.spec.name);
    else if (process->state == CREWI_PROCESS_OVER)
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    else
        crewi_park(engine, &process->joins, message);
}

static void fill_info(const struct process *process, struct crewi_process_info *info)
{
    *info = (struct crewi_process_info){
        .creator = process->order.spec.creator,
        .state = (int32_t)process->state,
        .exitcode = process->exitcode,
        .pid = process->pid,
        .rank = process->rank,
        .daemon = process->order.spec.daemon,
    };
    memcpy(info->name, process->order.spec.name, sizeof info->name);
}

static void query(struct crewi_engine *engine, struct process *process,
                  const struct crewi_message *message)
{
    struct crewi_process_info info;
    fill_info(process, &info);
    crewi_engine_reply(engine, &message->origin, &info, sizeof info);
}

static void close_process(struct crewi_engine *engine, struct process *process,
                          const struct crewi_message *message)
{
    if (is_live(process)) {
        crewi_engine_refuse(engine, &message->origin, CREW_ESTATE,
                            "process %s is running: join or terminate it first",
                            process->order.spec.name);
        return;
    }
    crewi_engine_reply(engine, &message->origin, NULL, 0);
    forget(engine, process);
}

static void children(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct search search = {.creator = message->origin.process};
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
    struct process *process = (struct process *)object;
    const uint64_t *creator = context;
    if (process->order.spec.creator == *creator && process->order.spec.daemon)
        stop(engine, process, SIGTERM);
}

static void may_only_creator(struct crewi_engine *engine, struct process *process,
                             const struct crewi_message *message)
{
    crewi_engine_refuse(engine, &message->origin, CREW_EPERM,
                        "only the process that created %s (%s) may do this",
                        process->order.spec.name, process->order.spec.creator_name);
}

static void request_to_process(struct crewi_engine *engine, struct process *process,
                               const struct crewi_message *message)
{
    if (message->op != CREWI_PROCESS_QUERY &&
        message->origin.process != process->order.spec.creator) {
        may_only_creator(engine, process, message);
        return;
    }
    switch (message->op) {
    case CREWI_PROCESS_START:
        start(engine, process, message);
        break;
    case CREWI_PROCESS_JOIN:
        join(engine, process, message);
        break;
    case CREWI_PROCESS_SIGNAL:
        send_signal(engine, process, message);
        break;
    case CREWI_PROCESS_QUERY:
        query(engine, process, message);
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
    uint64_t client = message->origin.process;
    if (object) {
        request_to_process(engine, (struct process *)object, message);
        return;
    }
    switch (message->op) {
    case CREWI_PROCESS_CREATE:
        create(engine, message);
        break;
    case CREWI_PROCESS_CHILDREN:
        children(engine, message);
        break;
    case CREWI_PROCESS_LEAVE:
        crewi_engine_each(engine, CREWI_KIND_PROCESS, terminate_daemon, &client);
        children(engine, message);
        break;
    case CREWI_PROCESS_SPAWNED:
        spawned(engine, message);
        break;
    case CREWI_PROCESS_ENDED:
        ended(engine, message);
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
    struct process *process;
    if (make(engine, spec, arg, size, &process))
        return 0;
    if (order_start(engine, process) == CREW_OK)
        return process->object.id;
    forget(engine, process);
    return 0;
}

void crewi_process_signal(struct crewi_engine *engine, uint64_t id, int number)
{
    struct process *process = (struct process *)crewi_engine_find(engine, id);
    if (process)
        stop(engine, process, number);
}

void crewi_process_forget(struct crewi_engine *engine, uint64_t id)
{
    struct process *process = (struct process *)crewi_engine_find(engine, id);
    if (process && !is_live(process))
        forget(engine, process);
}

bool crewi_process_describe(struct crewi_engine *engine, uint64_t id,
                            struct crewi_process_info *info)
{
    const struct process *process = (const struct process *)crewi_engine_find(engine, id);
    if (process)
        fill_info(process, info);
    return process != NULL;
}

crew_status crewi_process_begin_main(struct crewi_loop *loop, struct crewi_client *client)
{
    struct process *process = calloc(1, sizeof *process);
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
