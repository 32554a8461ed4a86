/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock.h"
#include "engine/engine.h"
#include "node/job.h"
#include "pool/pool_home.h"
#include "process/process.h"
#include "schedules.h"
#include "sim_events.h"
#include "sim_random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_NS 1000000000000LL

/* A worker takes so long to begin. */
#define BEGIN_NS (1 * CREWI_MILLISECOND)

struct run;

struct runner {
    struct crewi_endpoint endpoint; /* first; of the one on the home rank */
    struct run *run;
    uint32_t rank, slot;
    uint64_t process;
    struct crewi_frames chunks; /* that it has not begun */
    struct crewi_claims claims;
    bool has_chunk; /* and is in one of its tasks */
    struct crewi_pool_chunk chunk;
    struct crewi_pool_result result; /* of the chunk, so far */
};

struct run {
    struct crewi_transport transport; /* first */
    struct crewi_engine engine;
    const struct schedules_settings *settings;
    uint32_t *lengths_ns;
    unsigned char *items; /* one byte each */
    struct sim_events events;
    int64_t now_ns;
    /* The home */
    struct crewi_frames arrived;
    bool is_running;
    uint64_t sent; /* since it took the last message */
    int64_t real_ns;
    uint64_t messages;
    /* The creator */
    struct crewi_endpoint creator;
    uint32_t slot;
    uint64_t pool, reply;
    bool has_reply;
    struct runner *runners; /* by rank */
    /* What another rank is asked about its worker: it has no more of an engine than that. */
    struct crewi_transport far_transport;
    struct crewi_engine far;
};

static struct run *run_of(const struct crewi_transport *transport)
{
    return (struct run *)(uintptr_t)transport;
}

static void expect(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "schedules: %s\n", what);
    exit(1);
}

static void after(struct run *run, int64_t delay_ns,
                  void (*happen)(struct sim_job *job, const struct sim_event *event), void *subject,
                  struct crewi_frame *frame)
{
    struct sim_event event = {
        .at_ns = run->now_ns + delay_ns, .happen = happen, .subject = subject, .frame = frame};
    sim_events_add(&run->events, &event);
}

/* The home: one message after the other */

static void take_message(struct sim_job *job, const struct sim_event *event)
{
    struct run *run = event->subject;
    (void)job;
    struct crewi_frame *frame = crewi_frames_pop(&run->arrived);
    run->is_running = frame != NULL;
    if (!frame)
        return;
    run->sent = 0;
    run->messages++;
    int64_t begin_ns = crewi_now_ns();
    crewi_engine_accept(&run->engine, frame);
    crewi_engine_run(&run->engine, run->now_ns);
    run->real_ns += crewi_now_ns() - begin_ns;
    after(run, (int64_t)(run->sent + 1) * run->settings->cost_ns, take_message, run, NULL);
}

static void reach_home(struct sim_job *job, const struct sim_event *event)
{
    struct run *run = event->subject;
    crewi_frames_push(&run->arrived, event->frame);
    if (!run->is_running)
        take_message(job, event);
}

/* Workers */

static struct crewi_frame *note_of(const struct runner *runner, uint8_t kind, uint8_t op,
                                   const void *data, size_t size)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    expect(frame != NULL, "no memory");
    frame->header.type = CREWI_NOTE;
    frame->header.kind = kind;
    frame->header.op = op;
    frame->header.origin = (struct crewi_origin){
        .rank = runner->rank, .slot = runner->slot, .process = runner->process};
    if (kind == CREWI_KIND_POOL)
        frame->header.object = runner->run->pool;
    if (size)
        memcpy(frame->payload, data, size);
    return frame;
}

static void tell_home(struct runner *runner, struct crewi_frame *note)
{
    int64_t delay_ns = runner->rank ? runner->run->settings->delay_ns : 0;
    after(runner->run, delay_ns, reach_home, runner->run, note);
}

static void begin_runner(struct sim_job *job, const struct sim_event *event)
{
    struct runner *runner = event->subject;
    struct crewi_process_report report = {.process = runner->process, .pid = 1};
    (void)job;
    tell_home(runner,
              note_of(runner, CREWI_KIND_PROCESS, CREWI_PROCESS_SPAWNED, &report, sizeof report));
    tell_home(runner, note_of(runner, CREWI_KIND_POOL, CREWI_POOL_READY, NULL, 0));
}

static void start_runner(struct run *run, uint32_t rank, uint64_t process)
{
    struct runner *runner = &run->runners[rank];
    runner->process = process;
    after(run, BEGIN_NS, begin_runner, runner, NULL);
}

static void next_task(struct runner *runner);

static void tell_result(struct runner *runner)
{
    runner->has_chunk = false;
    runner->result.cpu_ns = runner->result.busy_ns;
    if (runner->result.count)
        tell_home(runner, note_of(runner, CREWI_KIND_POOL, CREWI_POOL_RESULT, &runner->result,
                                  sizeof runner->result));
}

static void end_task(struct sim_job *job, const struct sim_event *event)
{
    struct runner *runner = event->subject;
    (void)job;
    if (++runner->result.count == runner->chunk.count)
        tell_result(runner);
    next_task(runner);
}

static bool begin_chunk(struct runner *runner)
{
    struct crewi_frame *frame = crewi_frames_pop(&runner->chunks);
    if (!frame)
        return false;
    memcpy(&runner->chunk, frame->payload, sizeof runner->chunk);
    crewi_frame_destroy(frame);
    runner->result =
        (struct crewi_pool_result){.map = runner->chunk.map, .begin = runner->chunk.begin};
    runner->has_chunk = true;
    return true;
}

/* Begins one, if it has any that was not taken back. */
static void next_task(struct runner *runner)
{
    struct crewi_claim_range claimed;
    while (runner->has_chunk || begin_chunk(runner)) {
        int found = crewi_claim_take(&runner->claims, runner->chunk.key, 1, &claimed);
        expect(found >= 0, "claims that cannot be");
        if (!found) {
            tell_result(runner);
            continue;
        }
        int64_t length_ns = runner->run->lengths_ns[runner->chunk.begin + claimed.begin];
        runner->result.busy_ns += length_ns;
        after(runner->run, length_ns, end_task, runner, NULL);
        return;
    }
}

/* With the engine of its rank, as far as there is one. */
static void take_back(struct runner *runner, const struct crewi_frame *frame)
{
    struct run *run = runner->run;
    struct crewi_endpoint *endpoint = &runner->endpoint;
    const struct crewi_message message = {.kind = frame->header.kind,
                                          .op = frame->header.op,
                                          .data = frame->payload,
                                          .size = frame->header.size};
    *endpoint = (struct crewi_endpoint){.process = runner->process, .claims = &runner->claims};
    run->far.rank = run->far_transport.rank = runner->rank;
    run->far.endpoints = &endpoint;
    run->far.endpoint_room = 1;
    expect(crewi_pool_request_to_rank(&run->far, &message), "a message that no rank expects");
}

static void reach_rank(struct sim_job *job, const struct sim_event *event)
{
    struct runner *runner = event->subject;
    const struct crewi_header *header = &event->frame->header;
    struct crewi_process_order order;
    (void)job;
    if (header->type == CREWI_DELIVERY && header->op == CREWI_POOL_CHUNK) {
        struct crewi_pool_chunk chunk;
        memcpy(&chunk, event->frame->payload, sizeof chunk);
        if (runner->rank) /* at home the engine has done that */
            crewi_claim_offer(&runner->claims, chunk.key, (uint32_t)chunk.count);
        crewi_frames_push(&runner->chunks, event->frame);
        if (!runner->has_chunk)
            next_task(runner);
        return;
    }
    if (header->kind == CREWI_KIND_PROCESS && header->op == CREWI_PROCESS_SPAWN) {
        memcpy(&order, event->frame->payload, sizeof order);
        start_runner(runner->run, runner->rank, order.process);
    } else {
        take_back(runner, event->frame);
    }
    crewi_frame_destroy(event->frame);
}

static void deliver_to_runner(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    struct runner *runner = (struct runner *)endpoint;
    after(runner->run, 0, reach_rank, runner, frame);
}

/* What a rank says about its worker. */
static crew_status send_home(struct crewi_transport *transport, uint32_t rank,
                             struct crewi_frame *frame)
{
    struct run *run =
        (struct run *)(void *)((char *)transport - offsetof(struct run, far_transport));
    (void)rank;
    after(run, run->settings->delay_ns, reach_home, run, frame);
    return CREW_OK;
}

static const struct crewi_transport_ops far_ops = {.send = send_home};

/* What the home's engine needs */

static crew_status send_frame(struct crewi_transport *transport, uint32_t rank,
                              struct crewi_frame *frame)
{
    struct run *run = run_of(transport);
    int64_t leaves_ns = (int64_t)++run->sent * run->settings->cost_ns;
    after(run, leaves_ns + run->settings->delay_ns, reach_rank, &run->runners[rank], frame);
    return CREW_OK;
}

static crew_status scatter(struct crewi_transport *transport, struct crewi_frames *for_rank)
{
    for (uint32_t rank = 1; rank < transport->rank_count; rank++)
        for (struct crewi_frame *frame; (frame = crewi_frames_pop(&for_rank[rank]));)
            send_frame(transport, rank, frame);
    return CREW_OK;
}

static const struct crewi_transport_ops transport_ops = {.send = send_frame, .scatter = scatter};

static crew_status spawn(void *host, const struct crewi_spawn *what, uint32_t *slot)
{
    struct run *run = host;
    struct runner *runner = &run->runners[0];
    runner->endpoint = (struct crewi_endpoint){
        .process = what->process, .deliver = deliver_to_runner, .claims = &runner->claims};
    crewi_frame_destroy(what->start);
    crew_status status = crewi_engine_attach(&run->engine, &runner->endpoint, &runner->slot);
    if (status)
        return status;
    *slot = runner->slot;
    start_runner(run, 0, what->process);
    return CREW_OK;
}

static crew_status ignore_signal(void *host, uint32_t slot, int number)
{
    (void)host;
    (void)slot;
    (void)number;
    return CREW_OK;
}

static const struct crewi_host_ops host_ops = {.spawn = spawn, .signal = ignore_signal};

/* The creator */

static void hear(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    struct run *run = (struct run *)(void *)((char *)endpoint - offsetof(struct run, creator));
    expect(frame->header.status == CREW_OK, "a request was refused");
    run->has_reply = true;
    if (frame->header.size == sizeof run->reply)
        memcpy(&run->reply, frame->payload, sizeof run->reply);
    crewi_frame_destroy(frame);
}

static uint64_t ask(struct run *run, uint8_t kind, uint8_t op, uint64_t object, const void *data,
                    size_t size)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    struct sim_event event;
    expect(frame != NULL, "no memory");
    frame->header.type = CREWI_REQUEST;
    frame->header.kind = kind;
    frame->header.op = op;
    frame->header.object = object;
    frame->header.timeout_ns = CREWI_FOREVER;
    frame->header.origin =
        (struct crewi_origin){.slot = run->slot, .process = run->creator.process, .request = 1};
    if (size)
        memcpy(frame->payload, data, size);
    run->has_reply = false;
    after(run, 0, reach_home, run, frame);
    while (!run->has_reply && sim_events_take(&run->events, &event)) {
        run->now_ns = event.at_ns;
        event.happen(NULL, &event);
    }
    expect(run->has_reply, "a request was never answered");
    return run->reply;
}

/* Lengths */

static uint32_t choose_length(const struct schedules_settings *settings, uint64_t index,
                              uint64_t count, struct sim_random *random)
{
    double mean = (double)settings->mean_ns, one = (double)(sim_random_next(random) >> 11) / 0x1p53;
    switch (settings->lengths) {
    case LENGTHS_RANDOM:
        return (uint32_t)(-mean * log(1 - one));
    case LENGTHS_RISING:
        return (uint32_t)(2 * mean * ((double)index + 0.5) / (double)count);
    case LENGTHS_BIMODAL:
        return (uint32_t)(one < 0.1 ? 5.5 * mean : 0.5 * mean);
    default:
        return (uint32_t)mean;
    }
}

/* All work, in ns. */
static double choose_lengths(struct run *run, uint64_t count)
{
    struct sim_random random;
    double all = 0;
    sim_random_begin(&random, run->settings->seed, 0);
    run->lengths_ns = sim_alloc((count + 1) * sizeof *run->lengths_ns);
    run->items = sim_alloc(count + 1);
    for (uint64_t i = 0; i < count; i++) {
        run->lengths_ns[i] = choose_length(run->settings, i, count, &random);
        all += run->lengths_ns[i];
    }
    return all;
}

/* The first of a heap has become later. */
static void sift_down(int64_t *heap, uint32_t count)
{
    for (uint32_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (heap[at] <= heap[child])
            return;
        int64_t one = heap[at];
        heap[at] = heap[child];
        heap[child] = one;
    }
}

double schedules_greedy(const struct schedules_settings *settings)
{
    struct run run = {.settings = settings};
    uint64_t count = settings->workers * settings->tasks;
    int64_t *free_ns = sim_alloc(settings->workers * sizeof *free_ns), end_ns = 0;
    double work_ns = choose_lengths(&run, count);
    memset(free_ns, 0, settings->workers * sizeof *free_ns);
    for (uint64_t i = 0; i < count; i++) {
        free_ns[0] += run.lengths_ns[i];
        end_ns = free_ns[0] > end_ns ? free_ns[0] : end_ns;
        sift_down(free_ns, settings->workers);
    }
    free(free_ns);
    free(run.lengths_ns);
    free(run.items);
    return work_ns / settings->workers / (double)end_ns;
}

/* Beginning and end */

static void publish(uint32_t ranks)
{
    struct crewi_job *facts = sim_alloc(sizeof *facts + ranks * sizeof *facts->ranks);
    int fd;
    *facts = (struct crewi_job){.rank_count = (int)ranks};
    for (uint32_t i = 0; i < ranks; i++)
        facts->ranks[i] = (struct crewi_job_rank){.host = "host",
                                                  .host_index = (int32_t)(i / 64),
                                                  .memory_index = (int32_t)(i / 64),
                                                  .cpu_count = 64,
                                                  .cores.bits[0] = UINT64_MAX};
    expect(!crewi_job_create(&fd) && !crewi_job_publish(fd, facts), "no job");
    close(fd);
    free(facts);
}

static void begin(struct run *run, const struct schedules_settings *settings)
{
    uint32_t ranks = settings->workers;
    *run = (struct run){.transport = {.ops = &transport_ops, .rank_count = ranks},
                        .settings = settings,
                        .now_ns = START_NS,
                        .creator = {.deliver = hear, .local = true},
                        .far_transport = {.ops = &far_ops, .rank_count = ranks}};
    publish(ranks);
    run->runners = sim_alloc(ranks * sizeof *run->runners);
    for (uint32_t i = 0; i < ranks; i++) {
        run->runners[i] = (struct runner){.run = run, .rank = i};
        crewi_frames_init(&run->runners[i].chunks);
    }
    crewi_frames_init(&run->arrived);
    crewi_engine_init(&run->engine, &run->transport);
    run->far = (struct crewi_engine){.rank_count = ranks, .transport = &run->far_transport};
    run->engine.host_ops = &host_ops;
    run->engine.host = run;
    run->engine.kinds[CREWI_KIND_POOL] = &crewi_pool_kind;
    run->engine.kinds[CREWI_KIND_RESULT] = &crewi_result_kind;
    run->creator.process = crewi_engine_new_id(&run->engine, CREWI_KIND_PROCESS);
    expect(!crewi_processes_attach(&run->engine) && !crewi_modules_load() &&
               !crewi_engine_attach(&run->engine, &run->creator, &run->slot),
           "no memory");
}

static void end(struct run *run)
{
    crewi_engine_fini(&run->engine);
    crewi_processes_detach(&run->engine);
    free(run->creator.touched);
    free(run->runners[0].endpoint.touched);
    for (uint32_t i = 0; i < run->transport.rank_count; i++)
        crewi_frames_clear(&run->runners[i].chunks);
    sim_events_fini(&run->events);
    crewi_frames_clear(&run->arrived);
    free(run->runners);
    free(run->lengths_ns);
    free(run->items);
    crewi_modules_unload();
    crewi_job_detach();
}

static crew_status task_of_schedules(const void *item, void *result)
{
    (void)item;
    (void)result;
    return CREW_OK;
}

static void open_pool(struct run *run)
{
    struct crewi_pool_spec spec = {
        .workers = (int32_t)run->settings->workers, .bind = 1, .creator_name = "MainProcess"};
    expect(!crewi_funcref_make(&spec.worker, (crewi_function *)crewi_pool_worker), "no worker");
    /* The first object after the creator: workers are ready before the creator is told. */
    run->pool = crewi_engine_new_id(&run->engine, CREWI_KIND_POOL) + 1;
    uint64_t told = ask(run, CREWI_KIND_POOL, CREWI_POOL_CREATE, 0, &spec, sizeof spec);
    expect(told == run->pool, "the pool has another id");
}

static void map(struct run *run, uint64_t count)
{
    struct crewi_pool_submission submission = {.count = count,
                                               .item_size = 1,
                                               .items = (uint64_t)(uintptr_t)run->items,
                                               .shared = 1,
                                               .no_stealing = run->settings->no_stealing,
                                               .schedule = (uint8_t)run->settings->schedule,
                                               .task = "simulated"};
    expect(!crewi_funcref_make(&submission.function, (crewi_function *)task_of_schedules),
           "no task");
    uint64_t result =
        ask(run, CREWI_KIND_POOL, CREWI_POOL_SUBMIT, run->pool, &submission, sizeof submission);
    ask(run, CREWI_KIND_RESULT, CREWI_OP_WAIT, result, NULL, 0);
}

void schedules_run(const struct schedules_settings *settings, struct schedules_outcome *outcome)
{
    uint64_t count = settings->workers * settings->tasks;
    struct run *run = sim_alloc(sizeof *run);
    begin(run, settings);
    double work_ns = choose_lengths(run, count);
    open_pool(run);
    outcome->real_start_ms = (double)run->real_ns / 1e6;
    int64_t begin_ns = run->now_ns;
    run->real_ns = 0;
    run->messages = 0;
    map(run, count);
    outcome->efficiency = work_ns / settings->workers / (double)(run->now_ns - begin_ns);
    outcome->messages = run->messages;
    outcome->real_us = (double)run->real_ns / 1e3 / (double)run->messages;
    end(run);
    free(run);
}
