/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/loop.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "node/job.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A look at everything now and then, however often we look at what has rung: a ring may be lost to
 * a child that scribbled over the page, and a fork server that is killed does not ring. */
#define SAFETY_NS (50 * CREWI_MILLISECOND)

/* A driver that has waited so long will hardly be answered just now. */
#define LONG_WAIT_NS (1 * CREWI_MILLISECOND)

/* A sleep this short costs more than it saves. */
#define SPIN_NS (50 * CREWI_MICROSECOND)
#define SHORT_SLEEPS 3

/* A collective of ranks that are all there takes microseconds, and a large one goes on only while
 * each of them looks: so who has entered one looks again and again for a while, and at everything
 * else now and then. */
#define COLLECTIVE_SPIN_NS (100 * CREWI_MICROSECOND)
#define COLLECTIVE_NS_PER_BYTE 4
#define COLLECTIVE_WINDOW_NS (50 * CREWI_MICROSECOND)
#define LOOKS_PER_YIELD 64
#define PASS_NS (1 * CREWI_MILLISECOND)

/* While MPI has something under way, or news may come from another node without a ring. */
#define POLL_SLEEP_MIN_NS (20 * CREWI_MICROSECOND)
#define BUSY_SLEEP_MAX_NS (200 * CREWI_MICROSECOND)
#define PATIENT_SLEEP_MIN_NS (200 * CREWI_MICROSECOND)
#define PATIENT_SLEEP_MAX_NS (5 * CREWI_MILLISECOND)
#define CLOCK_SLEEP_NS (1 * CREWI_MILLISECOND)
#define CLOCK_SLEEP_MAX_NS (10 * CREWI_MILLISECOND)

/* Who can be rung at the end of a pass is: somebody who wakes up in the middle of it takes the core
 * away from us, and has to wait for it again. */
static void ring_rank(void *context, uint32_t rank, bool can_wait)
{
    struct crewi_loop *loop = context;
    struct crewi_bell *bell = loop->peer_bells[rank];
    if (!bell)
        return;
    bool later = loop->to_ring_count < CREWI_RING_LATER;
    crewi_bell_ring_rank(bell, can_wait || later);
    for (uint32_t i = 0; i < loop->to_ring_count; i++)
        if (loop->to_ring[i] == bell)
            return;
    if (!can_wait && later)
        loop->to_ring[loop->to_ring_count++] = bell;
}

static void nudge_rank(void *context, uint32_t rank, bool looks_soon)
{
    const struct crewi_loop *loop = context;
    struct crewi_bell *bell = loop->peer_bells[rank];
    if (!bell)
        return;
    if (!looks_soon || (atomic_load(&bell->sleepers) & (CREWI_BELL_SERVICE | CREWI_BELL_DRIVER)))
        crewi_bell_ring(bell);
}

void crewi_loop_ring_others(struct crewi_loop *loop)
{
    while (loop->to_ring_count)
        crewi_bell_ring(loop->to_ring[--loop->to_ring_count]);
}

void crewi_loop_init(struct crewi_loop *loop, struct crewi_transport *transport,
                     struct crewi_bell *bell)
{
    *loop = (struct crewi_loop){.bell = bell, .spare_fd = -1};
    crewi_engine_init(&loop->engine, transport);
    loop->engine.host_ops = &crewi_loop_host;
    loop->engine.host = loop;
    loop->polls_clock = crewi_transport_polls_clock(transport);
    pthread_mutex_init(&loop->mutex, NULL);
    pthread_cond_init(&loop->driver_left, NULL);
}

/* One that we do not reach does not ring. */
static bool is_bell_missing(const struct crewi_loop *loop)
{
    const struct crewi_transport *transport = loop->engine.transport;
    for (uint32_t rank = 0; rank < transport->rank_count; rank++)
        if (rank != transport->rank && !loop->peer_bells[rank])
            return true;
    return false;
}

void crewi_loop_use_doorbells(struct crewi_loop *loop, struct crewi_bell **peer_bells)
{
    struct crewi_transport *transport = loop->engine.transport;
    loop->peer_bells = peer_bells;
    transport->ring = ring_rank;
    transport->nudge = nudge_rank;
    transport->ring_context = loop;
    loop->polls_clock = crewi_transport_polls_clock(transport) || is_bell_missing(loop);
}

void crewi_loop_fini(struct crewi_loop *loop)
{
    for (uint32_t slot = 0; slot < CREWI_PORT_LIMIT; slot++) {
        struct crewi_port_endpoint *endpoint = loop->ports[slot];
        if (!endpoint)
            continue;
        crewi_port_detach(&endpoint->port);
        crewi_frames_clear(&endpoint->out);
        free(endpoint->base.touched);
        free(endpoint);
    }
    crewi_ports_drop_spare(loop);
    crewi_engine_fini(&loop->engine);
    pthread_cond_destroy(&loop->driver_left);
    pthread_mutex_destroy(&loop->mutex);
}

_Noreturn void crewi_loop_fatal(struct crewi_loop *loop, const char *format, ...)
{
    char reason[CREWI_ERROR_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    crewi_log(CREWI_LOG_ERROR, "the job ends: %s", reason);
    crewi_transport_abort(loop->engine.transport, 1);
}

static void receive(void *context, struct crewi_frame *frame)
{
    struct crewi_loop *loop = context;
    if (crewi_header_check(&frame->header) == CREW_OK) {
        crewi_engine_accept(&loop->engine, frame);
        return;
    }
    crewi_log(CREWI_LOG_ERROR, "%s", crew_error_message());
    crewi_frame_destroy(frame);
}

/* Looking at MPI costs microseconds: not when only a child has rung. */
static bool poll_transport(struct crewi_loop *loop, bool all)
{
    bool rung = atomic_load_explicit(&loop->bell->rank_news, memory_order_relaxed) &&
                atomic_exchange(&loop->bell->rank_news, 0);
    if (!rung && !all && !loop->polls_clock && !crewi_transport_activity(loop->engine.transport))
        return false;
    int moved = crewi_transport_poll(loop->engine.transport, receive, loop);
    if (moved < 0)
        crewi_loop_fatal(loop, "%s", *crew_error_message() ? crew_error_message() : "MPI failed");
    if (moved > 1) /* nobody rings once more for what is left */
        crewi_bell_ring_rank(loop->bell, false);
    return moved > 0;
}

static bool is_safety_look_due(struct crewi_loop *loop)
{
    int64_t now_ns = crewi_now_ns();
    if (now_ns - loop->safety_look_ns < SAFETY_NS)
        return false;
    loop->safety_look_ns = now_ns;
    return true;
}

bool crewi_loop_pass(struct crewi_loop *loop)
{
    crewi_loop_ring_others(loop);
    crewi_bell_answer(loop->bell);
    bool all = is_safety_look_due(loop);
    bool any = poll_transport(loop, all);
    any |= crewi_ports_poll(loop, all);
    /* After the ports: what a child sent before its end is there by then. */
    if (all || atomic_load(&loop->bell->server_news)) {
        atomic_store(&loop->bell->server_news, 0);
        any |= crewi_ports_hear_server(loop);
    }
    any |= crewi_engine_run(&loop->engine, crewi_now_ns());
    loop->stop |= loop->engine.shut_down;
    loop->pass_ns = loop->engine.now_ns;
    return any;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    if (value < least)
        return least;
    return value < most ? value : most;
}

/* Polls that nobody rings for come often at first and seldom later: soon every CLOCK_SLEEP_NS, and
 * in a job that is really idle less often still, at no more than 1/64 of the time that it has been
 * idle. */
static int64_t longest_sleep(const struct crewi_loop *loop, int64_t now_ns)
{
    enum crewi_transport_activity activity = crewi_transport_activity(loop->engine.transport);
    int64_t idle_ns = now_ns - loop->idle_since_ns;
    if (activity == CREWI_TRANSPORT_BUSY || loop->engine.transport->exposed)
        return clamp(idle_ns / 8, POLL_SLEEP_MIN_NS, BUSY_SLEEP_MAX_NS);
    if (!loop->polls_clock && activity == CREWI_TRANSPORT_IDLE)
        return SAFETY_NS;
    if (!loop->polls_clock && activity == CREWI_TRANSPORT_PATIENT)
        return clamp(idle_ns / 2, PATIENT_SLEEP_MIN_NS, PATIENT_SLEEP_MAX_NS);
    if (idle_ns / 64 > CLOCK_SLEEP_NS)
        return clamp(idle_ns / 64, CLOCK_SLEEP_NS, CLOCK_SLEEP_MAX_NS);
    return clamp(idle_ns / 8, POLL_SLEEP_MIN_NS, CLOCK_SLEEP_NS);
}

/* A core that is left over is there for it; the answer to what a rank has passed on may come in
 * microseconds. */
static bool may_spin(const struct crewi_loop *loop)
{
    return loop->short_sleeps >= SHORT_SLEEPS && crewi_job &&
           crewi_job->host_rank_count <= crewi_job->host_cpu_count;
}

static bool spin(const struct crewi_bell *bell, int64_t end_ns)
{
    while (crewi_now_ns() < end_ns) {
        if (atomic_load_explicit(&bell->rung, memory_order_relaxed))
            return true;
        sched_yield(); /* to somebody that we have woken and who has no other core */
    }
    return false;
}

/* Gives the mutex back meanwhile. Who was woken soon some times in a row will be again, and spins;
 * once in vain is enough to stop that. */
static void sleep_until(struct crewi_loop *loop, enum crewi_bell_sleeper who, int64_t wake_ns)
{
    int64_t begin_ns = crewi_now_ns();
    bool spins = may_spin(loop);
    crewi_loop_unlock(loop);
    if (!spins || !spin(loop->bell, begin_ns + SPIN_NS))
        crewi_bell_sleep(loop->bell, who, wake_ns);
    crewi_loop_lock(loop);
    loop->short_sleeps = crewi_now_ns() - begin_ns < SPIN_NS ? loop->short_sleeps + 1 : 0;
}

/* How long it is worth it, from when the collective was entered. */
static int64_t collective_spin_end(struct crewi_loop *loop, int64_t now_ns)
{
    const struct crewi_transport *transport = loop->engine.transport;
    if (transport->collectives_entered != loop->collectives_seen) {
        loop->collectives_seen = transport->collectives_entered;
        loop->spin_end_ns = now_ns + COLLECTIVE_SPIN_NS +
                            (int64_t)transport->collective_bytes * COLLECTIVE_NS_PER_BYTE;
    }
    return loop->spin_end_ns;
}

/* True when *done. */
static bool spin_for_collective(struct crewi_loop *loop, const bool *done)
{
    struct crewi_transport *transport = loop->engine.transport;
    if (crewi_transport_activity(transport) != CREWI_TRANSPORT_COLLECTIVE)
        return false;
    int64_t now_ns = crewi_now_ns(), end_ns = collective_spin_end(loop, now_ns);
    if (end_ns > now_ns + COLLECTIVE_WINDOW_NS)
        end_ns = now_ns + COLLECTIVE_WINDOW_NS;
    if (now_ns - loop->pass_ns > PASS_NS)
        return false;
    for (int looks = 1; now_ns < end_ns && !*done; looks++, now_ns = crewi_now_ns()) {
        if (crewi_transport_poll_collectives(transport, receive, loop)) {
            crewi_engine_run(&loop->engine, now_ns);
            return *done;
        }
        crewi_loop_unlock(loop);
        if (looks % LOOKS_PER_YIELD == 0)
            sched_yield();
        crewi_loop_lock(loop);
    }
    return *done;
}

/* Whatever comes after the pass rings; what does not ring is looked for on a clock. So one pass is
 * enough. */
void crewi_loop_step(struct crewi_loop *loop, enum crewi_bell_sleeper who, const bool *done)
{
    if (spin_for_collective(loop, done))
        return;
    bool moved = crewi_loop_pass(loop);
    int64_t now_ns = loop->engine.now_ns;
    if (moved)
        loop->idle_since_ns = now_ns;
    if (*done || atomic_load(&loop->bell->rung))
        return;
    if (crewi_transport_activity(loop->engine.transport) == CREWI_TRANSPORT_COLLECTIVE &&
        now_ns < collective_spin_end(loop, now_ns))
        return;
    int64_t wake_ns = now_ns + longest_sleep(loop, now_ns);
    int64_t timer_ns = crewi_timers_next(&loop->engine.timers);
    if (timer_ns < wake_ns)
        wake_ns = timer_ns;
    sleep_until(loop, who, wake_ns);
}

void crewi_loop_serve(struct crewi_loop *loop)
{
    crewi_loop_lock(loop);
    while (!loop->stop) {
        if (!loop->driving) {
            crewi_loop_step(loop, CREWI_BELL_SERVICE, &loop->stop);
            continue;
        }
        crewi_loop_unlock(loop);
        crewi_bell_sleep_while_driven(loop->bell, crewi_now_ns() + SAFETY_NS);
        crewi_loop_lock(loop);
    }
    crewi_loop_unlock(loop);
}

/* Whether the service thread has to look after something when the driver is gone, and would not be
 * rung for it. */
static bool needs_service(const struct crewi_loop *loop)
{
    return loop->polls_clock || loop->engine.timers.count ||
           crewi_transport_activity(loop->engine.transport);
}

static void drive(struct crewi_loop *loop, const bool *done)
{
    loop->driving = true;
    loop->hand_over = false;
    loop->driver = pthread_self();
    loop->driving_since_ns = loop->idle_since_ns;
    crewi_bell_begin_driving(loop->bell);
    while (!*done && !loop->hand_over)
        crewi_loop_step(loop, CREWI_BELL_DRIVER, done);
    if (atomic_load(&loop->bell->rung)) /* quicker than to wake the service thread for it */
        crewi_loop_pass(loop);
    loop->driving = false;
    crewi_bell_end_driving(loop->bell, needs_service(loop));
    pthread_cond_broadcast(&loop->driver_left);
}

/* Who has waited for long, in a join for example, leaves it to who comes now: it would only pass on
 * what that one waits for. It does not drive again; without a driver the service thread does. */
static void take_over(struct crewi_loop *loop, const bool *done)
{
    while (!*done && loop->driving && loop->idle_since_ns - loop->driving_since_ns > LONG_WAIT_NS) {
        loop->hand_over = true;
        crewi_bell_ring(loop->bell);
        pthread_cond_wait(&loop->driver_left, &loop->mutex);
    }
}

void crewi_loop_wait(struct crewi_loop *loop, const bool *done, pthread_cond_t *changed)
{
    loop->idle_since_ns = crewi_now_ns(); /* the reply may come soon, however idle it was before */
    take_over(loop, done);
    if (!*done && !loop->driving)
        drive(loop, done);
    while (!*done) {
        crewi_loop_ring_others(loop);
        pthread_cond_wait(changed, &loop->mutex);
    }
}

void crewi_loop_stop(struct crewi_loop *loop)
{
    loop->stop = true;
    crewi_bell_wake_service(loop->bell);
}
