/* SPDX-License-Identifier: BSD-3-Clause */
/* The children of a rank: their ports, and what the fork server says about them. */
#include "engine/loop.h"

#include "affinity/affinity.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Frames taken from one port before the next one gets its turn. */
#define FRAMES_AT_ONCE 64

static void tell_process_kind(struct crewi_loop *loop, uint8_t op,
                              const struct crewi_child_note *note, const void *draft)
{
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_PROCESS,
        .op = op,
        .rank = loop->engine.rank,
        .head = note,
        .head_size = sizeof *note,
        .body = draft,
        .body_size = note->draft_size,
    };
    crewi_engine_must_tell(&loop->engine, &out);
}

static void end_broken(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint)
{
    if (endpoint->broken)
        return;
    endpoint->broken = true;
    crewi_log(CREWI_LOG_ERROR,
              "the process with pid %d wrote into its port what cannot be, and is killed",
              (int)endpoint->pid);
    if (endpoint->pid)
        crewi_forkserver_signal(&loop->server, endpoint->slot, endpoint->pid, SIGKILL);
    else
        endpoint->pending_signal = SIGKILL;
}

/* Sends what there is room for. True if anything went, be it a part of a frame. */
static bool send_some(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint)
{
    uint64_t head = endpoint->port.out.head;
    while (endpoint->out.first && !endpoint->broken) {
        int sent = crewi_port_send(&endpoint->port, endpoint->out.first);
        if (sent < 0)
            end_broken(loop, endpoint);
        if (sent <= 0)
            break;
        crewi_frame_destroy(crewi_frames_pop(&endpoint->out));
    }
    return endpoint->port.out.head != head;
}

/* Moves what waits for the child into its ring. True if something went. */
static bool flush(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint)
{
    bool any = false, more = true;
    /* Sequentially consistent with the child, which takes records first and looks at this word
     * then: it sees the word, or we see the room when we try once more. */
    while (more) {
        any |= send_some(loop, endpoint);
        bool waits = endpoint->out.first != NULL && !endpoint->broken;
        atomic_store(&endpoint->port.shared->rank_waits, waits);
        more = waits && send_some(loop, endpoint);
        any |= more;
    }
    crewi_port_wake_child(&endpoint->port, CREWI_WAIT_FRAME);
    return any;
}

static void deliver_to_port(struct crewi_endpoint *base, struct crewi_frame *frame)
{
    struct crewi_port_endpoint *endpoint = (struct crewi_port_endpoint *)base;
    crewi_frames_push(&endpoint->out, frame);
    flush(endpoint->loop, endpoint);
}

static bool poll_port(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint)
{
    bool any = false;
    int found = 0;
    uint64_t tail = endpoint->port.in.tail;
    if (!endpoint
             ->pid) /* it began before we heard of that: homes learn its pid before what it says */
        return false;
    for (int i = 0; i < FRAMES_AT_ONCE && !endpoint->broken; i++) {
        struct crewi_frame *frame;
        found = crewi_port_receive(&endpoint->port, &frame);
        if (found == -2)
            crewi_loop_fatal(loop, "out of memory for a message of a child");
        if (found < 0)
            end_broken(loop, endpoint);
        if (found <= 0)
            break;
        any = true;
        if (crewi_engine_accept_from(&loop->engine, endpoint->slot, frame)) {
            crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
            end_broken(loop, endpoint);
        }
    }
    if (endpoint->port.in.tail != tail) /* be it only a part of a frame */
        crewi_port_wake_child(&endpoint->port, CREWI_WAIT_ROOM);
    if (found > 0) /* more to come: look again in the next pass */
        crewi_bell_ring_port(loop->bell, endpoint->slot);
    if (endpoint->out.first)
        any |= flush(loop, endpoint);
    return any;
}

bool crewi_ports_poll(struct crewi_loop *loop, bool all)
{
    bool any = false;
    for (uint32_t word = 0; word < (loop->engine.endpoint_room + 63) / 64; word++) {
        uint64_t news = atomic_load_explicit(&loop->bell->ports[word], memory_order_relaxed) || all
                            ? atomic_exchange(&loop->bell->ports[word], 0)
                            : 0;
        if (all)
            news = UINT64_MAX;
        for (; news; news &= news - 1) {
            uint32_t slot = 64 * word + (uint32_t)__builtin_ctzll(news);
            if (loop->ports[slot])
                any |= poll_port(loop, loop->ports[slot]);
        }
    }
    return any;
}

static void child_started(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint, pid_t pid)
{
    struct crewi_child_note note = {.process = endpoint->base.process, .pid = pid};
    struct crewi_record record;
    endpoint->pid = pid;
    tell_process_kind(loop, CREWI_OP_CHILD_STARTED, &note, NULL);
    /* What it has sent meanwhile goes out in the next pass, behind that note. Most have not, and a
     * ring for nothing wakes the service thread. */
    if (crewi_ring_peek(&endpoint->port.in, &record))
        crewi_bell_ring_port(loop->bell, endpoint->slot);
    if (endpoint->pending_signal)
        crewi_forkserver_signal(&loop->server, endpoint->slot, pid, endpoint->pending_signal);
}

static void close_port(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint)
{
    loop->ports[endpoint->slot] = NULL;
    crewi_engine_detach(&loop->engine, endpoint->slot);
    crewi_port_detach(&endpoint->port);
    crewi_frames_clear(&endpoint->out);
    free(endpoint);
}

/* What it had sent comes first, then its death as a client, then its end as a process. */
static void child_ended(struct crewi_loop *loop, struct crewi_port_endpoint *endpoint,
                        const struct crewi_child_event *event)
{
    struct crewi_child_note note = {
        .process = endpoint->base.process,
        .pid = event->pid,
        .value = event->value,
        .cause = (uint32_t)event->cause,
    };
    while (poll_port(loop, endpoint))
        ;
    void *draft = endpoint->broken ? NULL
                                   : crewi_port_draft_copy(&endpoint->port, &note.draft_size,
                                                           &note.draft_progress);
    close_port(loop, endpoint);
    tell_process_kind(loop, CREWI_OP_CHILD_ENDED, &note, draft);
    free(draft);
}

static void hear_event(struct crewi_loop *loop, const struct crewi_child_event *event)
{
    struct crewi_port_endpoint *endpoint =
        event->slot < CREWI_PORT_LIMIT ? loop->ports[event->slot] : NULL;
    if (event->what == CREWI_SERVER_GONE) {
        crewi_forkserver_end_strays(&loop->server);
        crewi_loop_fatal(loop, "the fork server of this rank has died");
    }
    if (!endpoint)
        return;
    if (event->what == CREWI_CHILD_STARTED) {
        child_started(loop, endpoint, event->pid);
    } else if (event->what == CREWI_CHILD_FAILED) {
        struct crewi_child_note note = {.process = endpoint->base.process, .value = event->value};
        close_port(loop, endpoint);
        tell_process_kind(loop, CREWI_OP_CHILD_FAILED, &note, NULL);
    } else {
        child_ended(loop, endpoint, event);
    }
}

bool crewi_ports_hear_server(struct crewi_loop *loop)
{
    bool any = false;
    struct crewi_child_event event;
    while (crewi_forkserver_poll(&loop->server, &event)) {
        hear_event(loop, &event);
        any = true;
    }
    return any;
}

static crew_status make_port(struct crewi_port *port, int *fd)
{
    int made;
    crew_status status = crewi_port_create(&made);
    if (status)
        return status;
    status = crewi_port_attach(port, made, false);
    if (status)
        close(made);
    else
        *fd = made;
    return status;
}

/* The next start then does not have to wait for that. Without one it does, and that is all. */
static void prepare_spare(struct crewi_loop *loop)
{
    if (loop->spare_fd < 0 && !make_port(&loop->spare_port, &loop->spare_fd))
        crewi_port_touch(&loop->spare_port);
}

void crewi_ports_drop_spare(struct crewi_loop *loop)
{
    if (loop->spare_fd < 0)
        return;
    crewi_port_detach(&loop->spare_port);
    close(loop->spare_fd);
    loop->spare_fd = -1;
}

static crew_status take_port(struct crewi_loop *loop, struct crewi_port *port, int *fd)
{
    if (loop->spare_fd < 0)
        return make_port(port, fd);
    *port = loop->spare_port;
    *fd = loop->spare_fd;
    loop->spare_fd = -1;
    return CREW_OK;
}

/* Makes the port and gives the child its place. */
static crew_status open_port(struct crewi_loop *loop, uint64_t process,
                             struct crewi_port_endpoint **made, int *fd)
{
    struct crewi_port_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return crewi_error_memory();
    crew_status status = take_port(loop, &endpoint->port, fd);
    if (status)
        goto fail_port;
    endpoint->base = (struct crewi_endpoint){
        .process = process, .deliver = deliver_to_port, .claims = &endpoint->port.shared->claims};
    endpoint->loop = loop;
    crewi_frames_init(&endpoint->out);
    status = crewi_engine_attach(&loop->engine, &endpoint->base, &endpoint->slot);
    if (status)
        goto fail_slot;
    loop->ports[endpoint->slot] = endpoint;
    *made = endpoint;
    return CREW_OK;
fail_slot:
    crewi_port_detach(&endpoint->port);
    close(*fd);
fail_port:
    free(endpoint);
    return status;
}

static crew_status spawn(void *host, const struct crewi_spawn *spawn, uint32_t *slot)
{
    struct crewi_loop *loop = host;
    struct crewi_cpus cpus = {{0}};
    struct crewi_port_endpoint *endpoint = NULL;
    int fd = -1;
    if (spawn->inside)
        return loop->run_inside(loop, spawn->start, slot);
    crew_status status = open_port(loop, spawn->process, &endpoint, &fd);
    if (status) {
        crewi_frame_destroy(spawn->start);
        return status;
    }
    if (spawn->core >= 0 && loop->affinity)
        crewi_affinity_core_cpus(loop->affinity, spawn->core, cpus.bits, CREWI_CPU_LIMIT / 64);
    deliver_to_port(&endpoint->base, spawn->start);
    status = crewi_forkserver_spawn(&loop->server, endpoint->slot, fd, spawn->name, &cpus,
                                    &spawn->limits);
    close(fd);
    if (status) {
        close_port(loop, endpoint);
        return status;
    }
    *slot = endpoint->slot;
    prepare_spare(loop);
    return CREW_OK;
}

static crew_status send_signal(void *host, uint32_t slot, int signal)
{
    struct crewi_loop *loop = host;
    struct crewi_port_endpoint *endpoint = loop->ports[slot];
    if (!endpoint) {
        if (loop->stop_inside)
            loop->stop_inside(loop, slot);
        return CREW_OK;
    }
    if (!endpoint->pid) {
        endpoint->pending_signal = signal;
        return CREW_OK;
    }
    return crewi_forkserver_signal(&loop->server, slot, endpoint->pid, signal);
}

/* What the largest number of frames that a ring holds takes; a child that goes on sending does not
 * keep us here. */
static void drain(void *host)
{
    int rounds = (int)(CREWI_PORT_RING_SIZE / sizeof(struct crewi_header)) / FRAMES_AT_ONCE;
    while (crewi_ports_poll(host, true) && rounds-- > 0)
        ;
}

static int64_t cpu_ns(void *host)
{
    (void)host;
    return crewi_process_cpu_ns();
}

static _Noreturn void end_job(void *host, const char *reason)
{
    crewi_loop_fatal(host, "%s", reason);
}

const struct crewi_host_ops crewi_loop_host = {
    .spawn = spawn, .signal = send_signal, .drain = drain, .cpu_ns = cpu_ns, .fatal = end_job};
