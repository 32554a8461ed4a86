/* SPDX-License-Identifier: BSD-3-Clause */
/* The runner's side of a process: the rank that it runs on starts it, signals it, and reports to
 * its home. */
#include "process/process.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/handles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct hosted {
    uint32_t slot;
    bool inside;
    struct crewi_parcel parcel; /* what came as bytes, for a child here */
};

static void free_one(struct hosted *hosted)
{
    if (hosted)
        crewi_parcel_close(&hosted->parcel);
    free(hosted);
}

/* With how many there are here now, for homes that place processes. */
static void report(struct crewi_engine *engine, uint8_t op, struct crewi_process_report head,
                   const void *body, size_t size)
{
    const struct crewi_processes *processes = crewi_processes_of(engine);
    head.hosted = (uint32_t)processes->hosted.count;
    if (processes->loop && processes->loop->bell) { /* not in a simulated job */
        atomic_store(&processes->loop->bell->hosted, head.hosted);
        atomic_store(&processes->loop->bell->beside, processes->beside);
    }
    struct crewi_outgoing note = {
        .kind = CREWI_KIND_PROCESS,
        .op = op,
        .rank = crewi_id_home(head.process),
        .head = &head,
        .head_size = sizeof head,
        .body = body,
        .body_size = size,
    };
    crewi_engine_must_tell(engine, &note);
}

static void report_failure(struct crewi_engine *engine, uint64_t process, crew_status status,
                           const char *reason)
{
    struct crewi_process_report head = {.process = process, .status = status};
    report(engine, CREWI_PROCESS_SPAWNED, head, reason, strlen(reason));
}

/* The first frame of a process: its order, with the address of the function on this rank, its
 * environment, and its argument. What is large does not have to go through the port. */
static struct crewi_frame *start_frame(const struct crewi_message *message,
                                       crewi_function *function, struct crewi_parcel *parcel)
{
    struct crewi_process_order order;
    memcpy(&order, message->data, sizeof order);
    const char *environment =
        (const char *)message->data + sizeof order + order.share_count * sizeof(struct crewi_share);
    const char *argument = environment + order.environment_size;
    uint64_t size = (uint64_t)((const char *)message->data + message->size - argument);
    order.function = (uint64_t)(uintptr_t)function;
    if (size >= CREWI_PARCEL_SIZE_MIN && !order.spec.inside &&
        !crewi_parcel_create(parcel, argument, size)) {
        order.spec.parcel = *parcel;
        size = 0;
    }
    struct crewi_frame *frame = crewi_frame_create(sizeof order + order.environment_size + size);
    if (!frame)
        return NULL;
    frame->header.type = CREWI_DELIVERY;
    frame->header.kind = CREWI_KIND_PROCESS;
    memcpy(frame->payload, &order, sizeof order);
    memcpy(frame->payload + sizeof order, environment, order.environment_size);
    memcpy(frame->payload + sizeof order + order.environment_size, argument, size);
    return frame;
}

static const struct crewi_share *shares_of(const struct crewi_message *message)
{
    return (const void *)((const char *)message->data + sizeof(struct crewi_process_order));
}

static crew_status spawn_ordered(struct crewi_engine *engine,
                                 const struct crewi_process_order *order,
                                 const struct crewi_message *message)
{
    crewi_function *function;
    crew_status status = crewi_funcref_find(&order->spec.function, &function);
    if (status)
        return status;
    struct hosted *hosted = calloc(1, sizeof *hosted);
    struct crewi_frame *start = hosted ? start_frame(message, function, &hosted->parcel) : NULL;
    if (!start) {
        status = crewi_error_memory();
        goto fail_memory;
    }
    status = crewi_table_add(&crewi_processes_of(engine)->hosted, order->process, hosted);
    if (status)
        goto fail_memory;
    struct crewi_spawn spawn = {
        .process = order->process,
        .name = order->spec.name,
        .core = order->spec.core,
        .inside = order->spec.inside,
        .limits = order->spec.limits,
        .start = start,
    };
    status = engine->host_ops->spawn(engine->host, &spawn, &hosted->slot);
    if (!status) {
        hosted->inside = order->spec.inside;
        crewi_processes_of(engine)->beside += !hosted->inside;
        crewi_shares_hand_over(engine, order->process, shares_of(message), order->share_count);
        return CREW_OK;
    }
    crewi_table_take(&crewi_processes_of(engine)->hosted, order->process);
    free_one(hosted);
    return status;
fail_memory:
    crewi_frame_destroy(start);
    free_one(hosted);
    return status;
}

/* What follows it are shares, the environment, and the argument. */
static bool can_be_ordered(struct crewi_engine *engine, const struct crewi_process_order *order,
                           uint64_t following)
{
    return crewi_id_kind(order->process) == CREWI_KIND_PROCESS &&
           crewi_process_is_sound(engine, &order->spec) &&
           memchr(order->path, '\0', sizeof order->path) &&
           order->share_count <= following / sizeof(struct crewi_share) &&
           order->environment_size <= following - order->share_count * sizeof(struct crewi_share) &&
           !crewi_table_find(&crewi_processes_of(engine)->hosted, order->process);
}

static void spawn(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_order order;
    if (message->size < sizeof order)
        return;
    memcpy(&order, message->data, sizeof order);
    if (!can_be_ordered(engine, &order, message->size - sizeof order)) {
        crewi_log(CREWI_LOG_ERROR, "an order for a process that cannot be was dropped");
        return;
    }
    crew_status status = spawn_ordered(engine, &order, message);
    if (status)
        report_failure(engine, order.process, status, crew_error_message());
}

void crewi_process_signal_here(struct crewi_engine *engine, uint64_t process, int signal)
{
    const struct hosted *hosted = crewi_table_find(&crewi_processes_of(engine)->hosted, process);
    /* When it has ended, and the note of that is still on its way to us, its slot may be another's.
     */
    const struct crewi_endpoint *endpoint = hosted ? engine->endpoints[hosted->slot] : NULL;
    if (endpoint && endpoint->process == process &&
        engine->host_ops->signal(engine->host, hosted->slot, signal))
        crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
}

static void stop(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_process_stop order;
    if (message->size != sizeof order)
        return;
    memcpy(&order, message->data, sizeof order);
    crewi_process_signal_here(engine, order.process, order.signal);
}

static void child_news(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_child_note note;
    if (message->size < sizeof note)
        return;
    memcpy(&note, message->data, sizeof note);
    struct crewi_process_report head = {
        .process = note.process,
        .pid = note.pid,
        .draft_progress = note.draft_progress,
        .draft_size = note.draft_size,
        .cause = note.cause,
    };
    if (message->op == CREWI_OP_CHILD_STARTED) {
        report(engine, CREWI_PROCESS_SPAWNED, head, NULL, 0);
        return;
    }
    struct hosted *hosted = crewi_table_take(&crewi_processes_of(engine)->hosted, note.process);
    if (hosted)
        crewi_processes_of(engine)->beside -= !hosted->inside;
    free_one(hosted);
    if (message->op == CREWI_OP_CHILD_FAILED) {
        char reason[128];
        snprintf(reason, sizeof reason, "fork on rank %u: %s", engine->rank, strerror(note.value));
        head.status = CREW_ESYSTEM;
        head.held = true;
        report(engine, CREWI_PROCESS_SPAWNED, head, reason, strlen(reason));
        return;
    }
    head.status = note.value;
    report(engine, CREWI_PROCESS_ENDED, head, (const char *)message->data + sizeof note,
           message->size - sizeof note);
}

void crewi_process_send_argument(struct crewi_engine *engine, const struct crewi_parcel *parcel,
                                 const struct crewi_origin *origin)
{
    void *memory;
    crew_status status = parcel->size ? crewi_parcel_map_own(parcel, &memory)
                                      : crewi_error(CREW_ENOENT, "its argument is not kept here");
    if (status) {
        crewi_engine_refuse_error(engine, origin, status);
        return;
    }
    crewi_engine_reply(engine, origin, memory, parcel->size);
    munmap(memory, parcel->size);
}

static void argument(struct crewi_engine *engine, const struct crewi_message *message)
{
    static const struct crewi_parcel none;
    const struct hosted *hosted =
        crewi_table_find(&crewi_processes_of(engine)->hosted, message->origin.process);
    crewi_process_send_argument(engine, hosted ? &hosted->parcel : &none, &message->origin);
}

void crewi_host_request(struct crewi_engine *engine, const struct crewi_message *message)
{
    switch (message->op) {
    case CREWI_PROCESS_SPAWN:
        spawn(engine, message);
        break;
    case CREWI_PROCESS_STOP:
        stop(engine, message);
        break;
    case CREWI_PROCESS_ARGUMENT:
        argument(engine, message);
        break;
    case CREWI_OP_CHILD_STARTED:
    case CREWI_OP_CHILD_FAILED:
    case CREWI_OP_CHILD_ENDED:
        child_news(engine, message);
        break;
    default:
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "there is no operation %d on processes", message->op);
    }
}

static void free_hosted(struct crewi_table *hosted)
{
    for (size_t i = 0; i < hosted->room; i++)
        free_one(hosted->entries[i].value);
    crewi_table_fini(hosted);
}

crew_status crewi_processes_attach(struct crewi_engine *engine)
{
    struct crewi_processes *processes = calloc(1, sizeof *processes);
    if (!processes)
        return crewi_error_memory();
    processes->loads = calloc(engine->rank_count, sizeof *processes->loads);
    if (!processes->loads) {
        free(processes);
        return crewi_error_memory();
    }
    processes->last_chosen = engine->rank_count - 1;
    engine->states[CREWI_KIND_PROCESS] = processes;
    engine->kinds[CREWI_KIND_PROCESS] = &crewi_process_kind;
    return CREW_OK;
}

crew_status crewi_processes_init(struct crewi_loop *loop)
{
    crew_status status = crewi_processes_attach(&loop->engine);
    if (status)
        return status;
    crewi_processes_of(&loop->engine)->loop = loop;
    loop->run_inside = crewi_process_run_inside;
    loop->stop_inside = crewi_process_stop_inside;
    return CREW_OK;
}

void crewi_processes_detach(struct crewi_engine *engine)
{
    struct crewi_processes *processes = crewi_processes_of(engine);
    if (!processes)
        return;
    free_hosted(&processes->hosted);
    crewi_table_fini(&processes->counters);
    crewi_process_free_names(processes);
    crewi_process_free_environments(processes);
    free(processes->loads);
    free(processes);
    engine->states[CREWI_KIND_PROCESS] = NULL;
}

void crewi_processes_fini(struct crewi_loop *loop)
{
    crewi_processes_detach(&loop->engine);
}
